"""Pairs of atoms within a cutoff, the smooth end of that cutoff, and the length that makes distances comparable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import MissingExtraError, ParameterError
from nakaya.md.trajectories.frames import Frame

__all__ = ["Pairs", "Vacuum", "close_packed_distance", "find_pairs", "find_vacuum", "smooth_step"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """All ordered pairs of atoms closer than a cutoff, sorted by the first atom.

    Attributes:
        first: int64 [pair].
        second: int64 [pair].
        distance: float64 [pair], A.
        vector: float64 [pair, 3], A, from the first to the nearest such image of the second.
        num_atoms: Number of atoms.
    """

    first: IntArray
    second: IntArray
    distance: FloatArray
    vector: FloatArray
    num_atoms: int

    def within(self, reach: float) -> Pairs:
        """The pairs closer than `reach`, A."""
        near = self.distance < reach
        return Pairs(self.first[near], self.second[near], self.distance[near], self.vector[near], self.num_atoms)

    def gather(self, weight: FloatArray) -> csr_array:
        """Matrix that sums values of pairs, times a weight, over the first atom: [atom, pair]."""
        return self._sums(weight, np.arange(len(self.first)), len(self.first))

    def spread(self, weight: FloatArray) -> csr_array:
        """Matrix that sums values of second atoms, times a weight, over the first atom: [atom, atom]."""
        return self._sums(weight, self.second, self.num_atoms)

    def _sums(self, weight: FloatArray, columns: IntArray, width: int) -> csr_array:
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.first, minlength=self.num_atoms))])
        return csr_array((weight, columns, starts), shape=(self.num_atoms, width))


def find_pairs(positions: FloatArray, cell: FloatArray, cutoff: float) -> Pairs:
    """Find all pairs in a periodic box, images of an atom with itself included.

    Args:
        positions: float64 [atom, 3], A, inside or outside the box.
        cell: float64 [3, 3], A, rows are the box vectors.
        cutoff: A.

    Raises:
        MissingExtraError: vesin is not installed.
        ParameterError: The cutoff is not positive.
    """
    try:
        from vesin import NeighborList
    except ImportError:
        raise MissingExtraError("multi-scale graphs", "ml") from None
    if not cutoff > 0:
        raise ParameterError(f"cutoff={cutoff} A of the pairs must be positive")
    fractional = positions @ np.linalg.inv(cell)
    inside = (fractional - np.floor(fractional)) @ cell
    search = NeighborList(cutoff=cutoff, full_list=True, sorted=True, n_threads=1)
    first, second, distance, vector = search.compute(inside, cell, True, "ijdD")
    return Pairs(first.astype(np.int64), second.astype(np.int64), distance, vector, len(positions))


def smooth_step(distance: FloatArray, start: float, end: float) -> FloatArray:
    """1 up to `start`, 0 from `end` on, 1 - 10 u^3 + 15 u^4 - 6 u^5 between: two derivatives are continuous."""
    v = np.clip((end - distance) / (end - start), 0.0, 1.0)  # v = 1 - u: no rounding below zero near the end
    return np.asarray(v**3 * (10 - 15 * v + 6 * v**2))


@dataclass(frozen=True, eq=False)
class Vacuum:
    """The part of a box that holds no atoms because a patch was cut out of a larger whole.

    Attributes:
        fraction: Fraction of the box along each of its vectors that is empty, float64 [3]; 0 where atoms fill it.
        depth: Distance of every atom from the nearest face of the patch, float64 [atom], A; infinite without vacuum.
    """

    fraction: FloatArray
    depth: FloatArray


def find_vacuum(frame: Frame) -> Vacuum:
    """Tell a patch from a frame that fills its periodic box.

    The widest gap along each box vector is vacuum where it exceeds six mean distances of atoms; crystals and melts have
    no such voids.
    """
    cell = frame.cell
    fractional = frame.positions @ np.linalg.inv(cell)
    fractional -= np.floor(fractional)
    ranked = np.sort(fractional, axis=0)
    gaps = np.diff(np.concatenate([ranked, ranked[:1] + 1]), axis=0)
    widest = gaps.max(axis=0)
    begin = ranked[(gaps.argmax(axis=0) + 1) % len(ranked), np.arange(3)]  # the first atom after the gap
    volume = abs(float(np.linalg.det(cell)))
    heights = volume / np.array([np.linalg.norm(np.cross(cell[i - 2], cell[i - 1])) for i in range(3)])
    # The volume that a gap of more than half the box takes does not belong to the atoms.
    distance = (volume * float(np.prod(np.where(widest > 0.5, 1 - widest, 1.0))) / len(ranked)) ** (1 / 3)
    fraction = np.where(widest * heights > 6 * distance, widest, 0.0)
    above = fractional - begin
    above -= np.floor(above)  # from the lower face of the patch
    to_face = np.minimum(above, np.maximum(1 - widest - above, 0.0)) * heights
    return Vacuum(fraction, np.where(fraction > 0, to_face, np.inf).min(axis=1))


def close_packed_distance(frame: Frame, vacuum: Vacuum) -> float:
    """Nearest-neighbour distance of a close packing with the frame's volume per atom, A: d = (sqrt 2 V/N)^(1/3).

    All lengths of a graph are in units of d, so that a lattice that expands looks the same, and Al like Cu.
    """
    filled = 1 - vacuum.fraction
    volume = abs(float(np.linalg.det(frame.cell))) * float(np.prod(filled)) / len(frame.positions)
    return float((np.sqrt(2.0) * volume) ** (1 / 3))
