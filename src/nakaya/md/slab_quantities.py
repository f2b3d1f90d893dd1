"""What a slab of crystal in its melt showed, as quantities of a record: series in time, profile of temperature."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.interfaces import TIME_TOLERANCE_PS, SlabHistory
from nakaya.md.order.descriptors import DESCRIPTORS
from nakaya.records.record import Axis, Quantity, single

__all__ = ["ANGSTROM", "interface_area", "slab_series", "temperature_profile", "time_axis"]

ANGSTROM: Final = 1e-10
"""m."""


def time_axis(times_ps: FloatArray) -> Axis:
    """The axis of a series at times in ps, float64 [n]."""
    return Axis("time", "s", times_ps * 1e-12)


def slab_series(
    history: SlabHistory, solid_volume: float, *, until_ps: float = math.inf, has_times: bool = True
) -> dict[str, Quantity]:
    """Descriptors of every frame and the thickness of the crystal, in SI units; times count from the first frame.

    Args:
        history: What was seen in the frames.
        solid_volume: Volume of an atom in the crystal, A^3; NaN = not known, then there is no thickness.
        until_ps: Only frames up to here are used, for the corrections too: evidence must not know the future.
        has_times: Whether the frames have times; else the axis is their number.
    """
    times = history.times_ps - history.times_ps[0]
    early = times <= until_ps + TIME_TOLERANCE_PS
    axis = time_axis(times[early]) if has_times else Axis("frame", "1", np.arange(early.sum(), dtype=np.float64))
    found = {name: Quantity(history.pooled[name][early], unit, axis=axis) for name, unit in DESCRIPTORS.items()}
    if math.isfinite(solid_volume):
        thickness = history.thickness(solid_volume, until_ps=float(history.times_ps[early][-1]))
        found["solid_thickness"] = Quantity(thickness * ANGSTROM, "m", axis=axis)
    return found


def temperature_profile(history: SlabHistory) -> dict[str, Quantity]:
    """Kinetic temperature against the distance from the middle of the crystal; empty where a slice has none."""
    if not np.isfinite(history.temperature_profile).all():
        return {}
    axis = Axis("position", "m", history.profile_distance * ANGSTROM)
    return {"temperature_profile": Quantity(history.temperature_profile, "K", axis=axis)}


def interface_area(history: SlabHistory) -> dict[str, Quantity]:
    """Conditions of every run with a slab: area of one interface, number of atoms, and of interfaces where not two."""
    number = history.shape.num_interfaces
    return {
        **({} if number == 2 else {"num_interfaces": single(float(number), "1")}),
        "front_area": single(history.area * ANGSTROM**2, "m^2"),
        "num_atoms": single(float(history.num_atoms), "1"),
    }
