"""What is told of a crystal before its conditions are asked for: measures of shape, and of time where it is known.

They are taken in the mirrored part of a crystal (a sector, a quarter) and, but for the last of them, about its axes and
its centre alone, so that they are those of the whole crystal where it is symmetric. All lengths are in site spacings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray, Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.lattice import LATTICES, Lattice
from nakaya.growth.model.trajectory import INITIAL

__all__ = ["ShapeMeasures"]

RINGS = 16
"""Rings about the centre in which the occupied fraction is measured, up to the tip."""

DIRECTIONS = 12
"""Directions between an axis and the bisector of two, in which the outline is measured."""

HARMONICS = 6
"""Of the outline over the direction."""

BEHIND = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 34, 44, 56, 72)
"""Distances behind the tip, in 1/160 of the lattice's radius, between which the arm's width is measured."""

AT_AREAS = (1 / 8, 1 / 4, 1 / 2, 3 / 4)
"""Fractions of the final area whose times are measured where times are known."""

LEAST = 0.5
"""Added to counts before their logarithm is taken: half a site."""

AT_ONCE = 256
"""Crystals that are measured together: bounds the memory."""


@dataclass(frozen=True)
class ShapeMeasures:
    """Measures of crystals of one setting.

    Attributes:
        lattice: Name of the lattice, "hexagonal" or "square".
        shape: Rows and columns of the mirrored part.
        has_times: Whether attachment times are told, or the final shape alone.

    Raises:
        ParameterError: The lattice is not one of the plane, or the array has not as many rows as columns.

    >>> import nakaya
    >>> flakes = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=2, seed=7)
    >>> measures = ShapeMeasures("hexagonal", (16, 16), has_times=False)
    >>> table = measures.of(flakes.arrival)
    >>> table.shape == (2, len(measures.names)), measures.names[0]
    (True, 'log area')
    """

    lattice: str
    shape: tuple[int, int]
    has_times: bool
    _bins: _Bins = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.lattice not in ("hexagonal", "square") or len(set(self.shape)) != 1 or len(self.shape) != 2:
            raise ParameterError(
                f"crystals of {' x '.join(map(str, self.shape))} sites on a {self.lattice} lattice have no measures of "
                "shape here: expected a mirrored part of a hexagonal or square lattice, as many rows as columns"
            )
        object.__setattr__(self, "_bins", _Bins.of(LATTICES[self.lattice], self.shape[0]))

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are."""
        return (
            "log area", "log perimeter", "tip", "tip along rows", "tip along columns", "bisector", "roundness",
            *(f"ring {ring}" for ring in range(RINGS)),
            *(f"outline {place}" for place in range(DIRECTIONS)),
            *(f"harmonic {order}" for order in range(HARMONICS)),
            *(f"arm {place}" for place in range(len(BEHIND) - 1)),
            "asymmetry", "asymmetry of the outline",
            *(("log duration", *(f"time at {share:g}" for share in AT_AREAS)) if self.has_times else ()),
        )  # fmt: skip

    def of(self, arrival: ArrivalMap, steps: IntArray | None = None) -> FloatArray:
        """Return the measures, float64 [crystal, measure].

        Args:
            arrival: int32 [crystal, row, column]; negative = not attached. Without times any number >= 0 is.
            steps: Steps until each crystal stopped, [crystal]; needed where times are measured.

        Raises:
            ParameterError: The maps have another shape, a crystal is empty, or times are missing.
        """
        arrival = np.asarray(arrival)
        if arrival.ndim != 3 or arrival.shape[1:] != self.shape:
            raise ParameterError(f"crystals of shape {arrival.shape} came, [crystal, {self.shape[0]}, {self.shape[1]}]")
        if self.has_times and steps is None:
            raise ParameterError("times are measured here, and none came: give the steps of every crystal")
        if not (arrival >= INITIAL).any(axis=(1, 2)).all():
            raise ParameterError("a crystal has no attached site: there is nothing to measure")
        parts = []
        for start in range(0, len(arrival), AT_ONCE):
            these = arrival[start : start + AT_ONCE]
            told = self._bins.measure(these >= INITIAL)
            if self.has_times and steps is not None:
                told = np.concatenate([told, _times(these, steps[start : start + AT_ONCE])], axis=1)
            parts.append(told)
        return np.concatenate(parts) if parts else np.empty((0, len(self.names)))


@dataclass(frozen=True)
class _Bins:
    """Where every site of a mirrored part lies.

    Attributes:
        radius: Distance from the centre, float64 [site].
        angle: To the nearest axis over the angle of a bisector, 0 to 1, float64 [site].
        along: Distance from the centre along the nearest axis, float64 [site].
        size: Sites along an axis.
        num_arms: Of the whole crystal, over the angle of the part: arms of the part, those on mirrors as halves.
        mirror: Index of the site across the bisector of the part, int64 [site].
    """

    radius: FloatArray
    angle: FloatArray
    along: FloatArray
    size: int
    mirror: NDArray[np.int64]

    @classmethod
    def of(cls, lattice: Lattice, size: int) -> _Bins:
        sites = np.moveaxis(np.indices((size, size)), 0, -1).reshape(-1, 2)
        place = lattice.positions(sites)
        radius = np.hypot(place[:, 0], place[:, 1])
        sector = np.pi / 3 if lattice.name == "hexagonal" else np.pi / 2
        turn = np.arctan2(place[:, 1], place[:, 0])
        folded = np.abs((turn + sector / 2) % sector - sector / 2)
        mirror = np.arange(size * size).reshape(size, size).T.reshape(-1)
        return cls(radius, folded / (sector / 2), radius * np.cos(folded), size, mirror)

    def measure(self, attached: Mask) -> FloatArray:
        crystals, size = len(attached), self.size
        flat = attached.reshape(crystals, -1)
        area = flat.sum(axis=1)
        edges = (attached[:, 1:] ^ attached[:, :-1]).sum(axis=(1, 2)) + (attached[:, :, 1:] ^ attached[:, :, :-1]).sum(
            axis=(1, 2)
        )
        tip = np.where(flat, self.radius, 0).max(axis=1)
        on_axes = [
            np.where(edge, np.arange(size), 0).max(axis=1).astype(np.float64)
            for edge in (attached[:, :, 0], attached[:, 0, :])
        ]
        half = 0.5 / DIRECTIONS
        outline = self._outline(flat)
        across = np.where(flat & (self.angle > 1 - 2 * half), self.radius, 0).max(axis=1)
        round_mean = (flat * self.radius**2).sum(axis=1) / np.maximum(area, 1)
        columns = [
            np.log(area + LEAST), np.log(edges + LEAST), tip / size, on_axes[0] / size, on_axes[1] / size,
            across / size, round_mean / np.maximum(tip, 1) ** 2,
        ]  # fmt: skip
        orders = np.cos(np.pi * np.arange(HARMONICS)[:, None] * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS)
        asymmetry = (flat ^ flat[:, self.mirror]).sum(axis=1) / np.maximum(area, 1)
        uneven = np.abs(on_axes[0] - on_axes[1]) / size
        return np.concatenate(
            [
                np.stack(columns, axis=1),
                self._rings(flat, tip),
                outline / size,
                outline @ orders.T / DIRECTIONS / size,
                self._arms(flat, tip),
                np.stack([np.sqrt(asymmetry), np.sqrt(uneven)], axis=1),
            ],
            axis=1,
        )

    def _rings(self, flat: Mask, tip: FloatArray) -> FloatArray:
        """Occupied fraction of rings of equal width up to the tip."""
        ring = np.minimum((self.radius / (np.maximum(tip, 1)[:, None] * (1 + 1e-9)) * RINGS).astype(np.int64), RINGS)
        return _fractions(flat, ring, RINGS)

    def _outline(self, flat: Mask) -> FloatArray:
        """Greatest radius in every direction between an axis and a bisector."""
        place = np.minimum((self.angle * DIRECTIONS).astype(np.int64), DIRECTIONS - 1)
        reached = np.where(flat, self.radius, 0)
        return np.stack([reached[:, place == number].max(axis=1) for number in range(DIRECTIONS)], axis=1)

    def _arms(self, flat: Mask, tip: FloatArray) -> FloatArray:
        """Root of the area of arms between distances behind the tip: a parabola's grows linearly."""
        unit = self.size / 160
        behind = tip[:, None] - self.along
        found = [
            (flat & (behind >= low * unit) & (behind < high * unit)).sum(axis=1) / ((high - low) * unit)
            for low, high in pairwise(BEHIND)
        ]
        return np.sqrt(np.stack(found, axis=1) / self.size)


def _fractions(flat: Mask, place: NDArray[np.int64], bins: int) -> FloatArray:
    """Occupied fraction of every bin; what lies beyond the last bin is left out."""
    index = place + (bins + 1) * np.arange(len(flat))[:, None]
    sites = np.bincount(index.ravel(), minlength=len(flat) * (bins + 1)).reshape(len(flat), -1)
    taken = np.bincount(index[flat], minlength=len(flat) * (bins + 1)).reshape(len(flat), -1)
    return np.asarray((taken / np.maximum(sites, 1))[:, :bins])


def _times(arrival: ArrivalMap, steps: IntArray) -> FloatArray:
    """Logarithm of the duration, and the fractions of it after which the area had grown to parts of the last."""
    rows = []
    for one, last in zip(arrival, np.asarray(steps, np.float64), strict=True):
        when = np.sort(one[one >= INITIAL])
        at = [float(when[max(0, round(share * len(when)) - 1)]) / max(last, 1.0) for share in AT_AREAS]
        rows.append([np.log(max(last, 1.0)), *at])
    return np.array(rows, np.float64).reshape(-1, 1 + len(AT_AREAS))
