"""Nuclei that gain and lose one atom at a time: a chain whose rate and committor are known exactly.

The chain of Becker & Doering (1935) with the barrier of classical theory: f+(n) = f+ (n/n*)^(2/3), and f-(n) by
detailed balance. What an analysis of nuclei says about it can be held against sums that are exact; for planning, it
tells how many nuclei an error needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["BeckerDoering"]

LAST = 6.0
"""The chain ends at so many critical sizes: a nucleus of that size does not come back."""

GROWN = 4.0
"""A released nucleus of so many critical sizes is not followed any further."""

STEP = 0.05
"""Fraction of n*/f+ that is taken in one step of a release: sizes change by far less than the barrier does."""


@dataclass(frozen=True)
class BeckerDoering:
    """A chain.

    Attributes:
        critical_size: n*.
        reduced_driving_force: delta-mu/kT.
        attachment_rate: f+ at n*, 1/s.
    """

    critical_size: float
    reduced_driving_force: float
    attachment_rate: float

    def barrier(self, size: ArrayLike, *, critical_size: ArrayLike | None = None) -> FloatArray:
        """W(n)/kT [any] = -n h + (3/2) h n*^(1/3) n^(2/3); of nuclei with critical sizes of their own where given."""
        atoms = np.asarray(size, dtype=np.float64)
        top = np.asarray(self.critical_size if critical_size is None else critical_size)
        return np.asarray(self.reduced_driving_force * (1.5 * np.cbrt(top * atoms * atoms) - atoms))

    def log_rate_per_atom(self) -> float:
        """Logarithm of the steady rate over rho, J/rho = 1 / sum_n exp(W(n)/kT)/f+(n): the exact sum, 1/s."""
        return -float(np.log(self._resistance(np.arange(1.0, LAST * self.critical_size)).sum()))

    def committor(self, size: ArrayLike) -> FloatArray:
        """Probability [any] that a nucleus of n atoms reaches the end of the chain before it is gone."""
        resistance = self._resistance(np.arange(1.0, LAST * self.critical_size))
        passed = np.concatenate([[0.0], np.cumsum(resistance)]) / resistance.sum()
        return np.asarray(np.interp(np.asarray(size, dtype=np.float64) - 1, np.arange(len(passed)), passed))

    def even_odds(self) -> float:
        """The size at which the committor is 1/2, by the same sum."""
        sizes = np.arange(1.0, LAST * self.critical_size)
        return float(np.interp(0.5, self.committor(sizes), sizes))

    def release(
        self,
        sizes: ArrayLike,
        times: FloatArray,
        *,
        branches: int,
        scatter: float = 0.0,
        flicker: float = 0.0,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Release nuclei and follow them.

        Args:
            sizes: [nucleus], atoms at first.
            times: float64 [frame], s, from 0 on.
            branches: Releases of each nucleus.
            scatter: Standard deviation of ln n* over nuclei: they differ in shape and structure.
            flicker: Standard deviation of the size that is seen around the size that is, atoms, anew in each frame; all
                branches share the first frame.
            rng: Makes all draws.

        Returns:
            float64 [nucleus, branch, frame]; NaN after a branch has dissolved or grown fourfold.

        Raises:
            ParameterError: Times do not begin at 0.
        """
        if len(times) < 2 or times[0] != 0:
            raise ParameterError("times must begin at 0, the moment of release, and have at least one more frame")
        start = np.asarray(sizes, dtype=np.float64)[:, None]
        own = self.critical_size * np.exp(scatter * rng.normal(size=start.shape))
        now = np.repeat(start, branches, axis=1)
        is_there = np.ones(now.shape, dtype=bool)
        seen = [now + flicker * rng.normal(size=start.shape)]
        for duration in np.diff(times):
            steps = max(1, math.ceil(duration * self.attachment_rate / (STEP * self.critical_size)))
            for _ in range(steps):
                now = self._advanced(now, own, duration / steps, rng)
            is_there &= (now > 0) & (now < GROWN * self.critical_size)
            seen.append(np.where(is_there, now + flicker * rng.normal(size=now.shape), np.nan))
        return np.maximum(np.round(np.stack(seen, axis=-1)), 0)

    def _advanced(self, now: FloatArray, own: FloatArray, duration: float, rng: np.random.Generator) -> FloatArray:
        """One step of tau-leaping: Poisson numbers of atoms attach and detach; what is gone stays gone."""
        size = np.clip(now, 1.0, GROWN * self.critical_size)
        gained = self._attachment(size)
        drop = self.barrier(size, critical_size=own) - self.barrier(size - 1, critical_size=own)
        lost = self._attachment(size - 1) * np.exp(drop)
        change = rng.poisson(gained * duration) - rng.poisson(lost * duration)
        return np.asarray(np.where(now > 0, np.maximum(now + change, 0), 0))

    def _attachment(self, size: FloatArray) -> FloatArray:
        return np.asarray(self.attachment_rate * np.cbrt(size / self.critical_size) ** 2)

    def _resistance(self, sizes: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.barrier(sizes)) / self._attachment(sizes))
