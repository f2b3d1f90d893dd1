"""Evidence in a few numbers: what every tabular model gets of the first picoseconds of a run.

Two frames already give the displacement of the interface, so the slope of the crystal's thickness is among these
numbers: whoever predicts from the same picoseconds has to beat it.
"""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.lattices import ATOMS_PER_CELL
from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.md.interfaces import EVIDENCE_PS
from nakaya.records.record import Quantity, Record

__all__ = ["EARLY_VELOCITY", "early_velocity", "pooled_features"]

EARLY_VELOCITY = "early_velocity"
"""Name of the direct fit among the pooled features, m/s."""

PICOSECOND = 1e-12


def pooled_features(record: Record) -> dict[str, float]:
    """Return the pooled evidence of a record: mean and late-minus-early of every series, and the early velocity.

    Args:
        record: Only its evidence of 10 ps (and the size of its box) is read, never its quantities.

    Returns:
        NAME_mean and NAME_change (mean of the last third of the window less that of the first) in SI units, single
        values under their own name, and "early_velocity"; NaN = not known.
    """
    found: dict[str, float] = {}
    for name, entry in record.evidence.items():
        if entry.values.ndim == 0:
            found[name] = entry.value
        elif (seen := _early(entry)) is not None:
            times, values = seen
            found[f"{name}_mean"] = float(values.mean())
            found[f"{name}_change"] = _change(times, values)
    found[EARLY_VELOCITY] = early_velocity(record)
    return found


def early_velocity(record: Record) -> float:
    """Velocity of an interface by a straight line through the early evidence, m/s; NaN where it does not tell.

    The slope of the crystal's thickness over the number n of interfaces, two unless the record says otherwise. Without
    a thickness, the slope of the solid fraction times the volume of the crystal that the box can hold:
    v = (dx/dt) N V_s / nA.
    """
    interfaces = record.constant("num_interfaces") or 2
    thickness = record.evidence.get("solid_thickness")
    if thickness is not None and (seen := _early(thickness)) is not None:
        return _slope(*seen) / interfaces
    fraction = record.evidence.get("solid_fraction")
    if fraction is None or (seen := _early(fraction)) is None:
        return math.nan
    num_atoms, lattice, area = (record.constant(name) for name in ("num_atoms", "lattice_parameter", "front_area"))
    structure = crystal_structure(record)
    if num_atoms is None or lattice is None or area is None or structure is None:
        return math.nan
    crystal = num_atoms * lattice**3 / ATOMS_PER_CELL[structure]
    return _slope(*seen) * crystal / (interfaces * area)


def _early(entry: Quantity) -> tuple[FloatArray, FloatArray] | None:
    times = entry.times
    if times is None:
        return None
    usable = (times - times[0] <= EVIDENCE_PS * PICOSECOND * (1 + 1e-9)) & np.isfinite(entry.values)
    return (times[usable], entry.values[usable]) if usable.any() else None


def _change(times: FloatArray, values: FloatArray) -> float:
    span = times[-1] - times[0]
    if not span > 0:
        return math.nan
    place = (times - times[0]) / span
    return float(values[place >= 2 / 3 - 1e-9].mean() - values[place <= 1 / 3 + 1e-9].mean())


def _slope(times: FloatArray, values: FloatArray) -> float:
    if len(times) < 2:
        return math.nan
    centred = times - times.mean()
    return float((centred * values).sum() / (centred**2).sum())
