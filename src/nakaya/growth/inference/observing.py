"""What is seen of crystals: their measures and small pictures, of the last shape and of younger ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.inference.measures import ShapeMeasures
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["Observations", "observe", "shrink_pictures", "younger"]

SHADES = 255
"""Occupied fractions of pixels are kept in so many steps."""


@dataclass(frozen=True)
class Observations:
    """What is seen of crystals, several times of each.

    Attributes:
        measures: float64 [observation, measure].
        pictures: Occupied fraction of pixels times 255, uint8 [observation, row, column]; None where nobody looks.
        crystal: Number of the crystal, int64 [observation].
        extents: Distance of the tip from the centre in site spacings, float64 [observation].
    """

    measures: FloatArray
    pictures: NDArray[np.uint8] | None
    crystal: IntArray
    extents: FloatArray


def shrink_pictures(arrival: ArrivalMap, side: int) -> NDArray[np.uint8]:
    """Return the occupied fraction of `side` x `side` blocks of sites, times 255: uint8 [crystal, side, side].

    Args:
        arrival: int32 [crystal, row, column]; negative = not attached.
        side: Pixels along a side; divides that of the lattice.

    Raises:
        ParameterError: It does not.
    """
    size = arrival.shape[-1]
    if size % side:
        raise ParameterError(f"a picture of {side} pixels a side does not divide {size} sites: give side a divisor")
    block = size // side
    attached = (arrival >= INITIAL).reshape(len(arrival), side, block, side, block)
    return np.asarray(np.rint(attached.mean(axis=(2, 4)) * SHADES), np.uint8)


def younger(arrival: ArrivalMap, radius: FloatArray, extent: float) -> tuple[ArrivalMap, int]:
    """Return a crystal as it was when its tip first was `extent` site spacings from the centre, and at which step.

    Args:
        arrival: int32 [row, column], of one crystal.
        radius: Distance of every site from the centre, float64 [row, column].
        extent: Not more than the last crystal's.
    """
    step = int(arrival[(radius >= extent) & (arrival >= INITIAL)].min())
    return np.where(arrival <= step, arrival, NEVER).astype(np.int32), step


def observe(
    arrival: ArrivalMap, steps: IntArray, measures: ShapeMeasures, settings: PosteriorSettings, *, first: int = 0
) -> Observations:
    """Return what is seen of crystals; the last shape of each comes first, its younger ones after it.

    Args:
        arrival: int32 [crystal, row, column].
        steps: [crystal].
        measures: Which.
        settings: How many observations of each, of which extents.
        first: Number of the first crystal: its extents depend on it, not on how many are observed at once.
    """
    size = arrival.shape[-1]
    sites = np.moveaxis(np.indices((size, size)), 0, -1)
    radius = np.hypot(*np.moveaxis(LATTICES[measures.lattice].positions(sites), -1, 0))
    tables, pictures, extents = [], [], []
    for number, (one, last) in enumerate(zip(arrival, steps, strict=True)):
        rng = np.random.default_rng([settings.snapshot_seed, first + number])
        tip = float(radius[one >= INITIAL].max())
        wanted = tip * (settings.least_size + (1 - settings.least_size) * rng.random(settings.snapshots - 1))
        ages = [(one, int(last)), *(younger(one, radius, extent) for extent in wanted.tolist())]
        maps, at = np.stack([age[0] for age in ages]), np.array([age[1] for age in ages])
        tables.append(measures.of(maps, at))
        extents.append([float(radius[age[0] >= INITIAL].max()) for age in ages])
        if settings.sees != "measures":
            pictures.append(shrink_pictures(maps, settings.side))
    return Observations(
        np.concatenate(tables),
        np.concatenate(pictures) if pictures else None,
        np.repeat(first + np.arange(len(arrival)), settings.snapshots),
        np.concatenate(extents),
    )
