"""Four numbers of a finished crystal that an emulator is held to: area, perimeter, tip and duration."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray, Mask
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.trajectory import INITIAL

__all__ = ["MEASURES", "crystal_measures", "interface_bonds", "mean_extent"]

MEASURES = ("area", "perimeter", "tip", "duration")
"""Names of the numbers, in this order; in three dimensions they are volume, surface, tip and duration."""


def interface_bonds(attached: Mask, *, lattice: Lattice = HEXAGONAL) -> IntArray:
    """Return the number of bonds between attached and free neighbours within the array: int64 [*batch].

    A length in two dimensions, a surface in three, in the metric of the lattice. Bonds across the edges of the array
    are not counted: behind a mirror lies the image of a site that is counted already.

    Args:
        attached: bool [*batch, *lattice].
        lattice: Who is a neighbour of whom.
    """
    axes = tuple(range(-lattice.dimension, 0))
    count = np.zeros(attached.shape[: -lattice.dimension], np.int64)
    for offset in lattice.neighbours:
        if offset < (0,) * lattice.dimension:
            continue  # the same bond, seen from its other end
        here = tuple(slice(max(0, -by), -by if by > 0 else None) for by in offset)
        there = tuple(slice(max(0, by), by if by < 0 else None) for by in offset)
        count += np.count_nonzero(attached[(..., *here)] ^ attached[(..., *there)], axis=axes)
    return count


def mean_extent(attached: Mask, *, dimension: int = 2) -> FloatArray:
    """Return the mean over axes of the largest index at which a site is attached: float64 [*batch], in sites.

    In a mirrored geometry, whose crystal grows from the corner, this is the mean length of the arms along the axes.
    Growth stops when the longest reaches the stop line, so the other arms make the difference. -1 where nothing is
    attached.

    Args:
        attached: bool [*batch, *lattice].
        dimension: Axes of the lattice.
    """
    total = np.zeros(attached.shape[:-dimension])
    for axis in range(dimension):
        others = tuple(-dimension + other for other in range(dimension) if other != axis)
        reached = np.asarray(attached.any(axis=others), np.bool_)
        farthest = reached.shape[-1] - 1 - np.argmax(reached[..., ::-1], axis=-1)
        total += np.where(reached.any(axis=-1), farthest, -1)
    return np.asarray(total / dimension)


def crystal_measures(arrival: ArrivalMap, steps: IntArray, *, lattice: Lattice = HEXAGONAL) -> FloatArray:
    """Return `MEASURES` of finished crystals: float64 [*batch, 4].

    Args:
        arrival: int32 [*batch, *lattice].
        steps: Steps until each stopped, int [*batch].
        lattice: Who is a neighbour of whom.

    >>> import nakaya
    >>> crystal = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6, sigma=0), size=16, seed=1)
    >>> crystal_measures(crystal.arrival, crystal.steps)[0].tolist()
    [84.0, 75.0, 11.0, 74.0]
    """
    attached = arrival >= INITIAL
    axes = tuple(range(-lattice.dimension, 0))
    return np.stack(
        [
            np.count_nonzero(attached, axis=axes).astype(np.float64),
            interface_bonds(attached, lattice=lattice).astype(np.float64),
            mean_extent(attached, dimension=lattice.dimension),
            np.asarray(steps, np.float64),
        ],
        axis=-1,
    )
