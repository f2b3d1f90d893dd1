"""What `nakaya grow` adds about dendrites: tips that strong noise at weak anisotropy has split."""

from __future__ import annotations

from typing import Final

import numpy as np

from nakaya.core.arrays import ArrivalMap, Mask
from nakaya.growth.model.setup import Site
from nakaya.growth.model.trajectory import INITIAL, Trajectory
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PureMelt

__all__ = ["split_axes", "split_tips"]

SPLIT: Final = 4.0
"""W0 by which a crystal reaches farther beside its axis than on it, where its tip has split: more than noise does."""


def split_axes(arrival: ArrivalMap, start: Site, sites: float) -> list[str]:
    """Return the axes along which a crystal reaches farther beside the line through its seed than on it.

    Args:
        arrival: int32 [*lattice].
        start: The seed.
        sites: By how many sites at least.

    Returns:
        "-y", "+x" and so on; the last axis is x.
    """
    solid: Mask = np.asarray(arrival >= INITIAL)
    found = []
    for axis, place in enumerate(start):
        name = "zyx"[axis - len(start)]
        others = tuple(other for other in range(solid.ndim) if other != axis)
        along = np.moveaxis(solid, axis, -1)[tuple(np.delete(start, axis))]
        for sign, on_axis, anywhere in (
            ("-", along[place::-1], np.asarray(solid.any(axis=others))[place::-1]),
            ("+", along[place:], np.asarray(solid.any(axis=others))[place:]),
        ):
            if np.flatnonzero(anywhere)[-1] - np.flatnonzero(on_axis)[-1] >= sites:
                found.append(f"{sign}{name}")
    return found


def split_tips(point: PureMelt, crystals: Trajectory) -> list[str]:
    """Say which tips of single crystals have split: those along axes, where the crystal's and the lattice's agree.

    Velocities along an axis mean nothing there, and neither does a stop on the axis; stops are on the greatest extent.
    """
    setup = crystals.metadata.geometry
    starts = setup["initial"]
    is_turned = isinstance(point, PhaseField) and (point.orientation % 90 != 0 or point.fold != 4)
    if point.noise == 0 or point.anisotropy <= 0 or is_turned or not isinstance(starts, list) or len(starts) != 1:
        return []
    lines = []
    for number, arrival in enumerate(crystals.arrival.reshape(-1, *crystals.arrival.shape[-point.dimension :])):
        axes = split_axes(arrival, tuple(starts[0]), SPLIT / point.spacing)
        if axes:
            lines.append(f"member {number}: noise has split the tip along {', '.join(axes)}")
    return lines
