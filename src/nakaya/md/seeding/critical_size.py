"""The critical size n*(T), from nuclei of different sizes that grew or dissolved when they were released.

A release of nucleus i, of n_i atoms at first, ends in growth with the probability

    P = Phi((n_i - n* - omega xi_i) / w),

with w the width of the committor in atoms (classical theory: 1/(sqrt(2 pi) Z), `nakaya.theory.committor`) and
omega xi_i, xi_i normal, what shape and structure add to the critical size of this nucleus: all its branches share it.
Twenty branches of one nucleus therefore say less about n* than one branch of each of twenty. The likelihood is
integrated over xi_i, and over w and omega with weak priors; what is left is a density in ln n*, from which the median
and the 90 % interval are taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.nuclei import SeededNucleus

__all__ = ["LEVEL", "CriticalSize", "NotBracketedError", "critical_size", "fates", "initial_size"]

LEVEL: Final = 0.9
"""Probability that an interval holds the true value."""

DECIDED: Final = 1 / 3
"""A branch grew or dissolved if its size at the end differs from the first by this fraction: several times flicker."""

DECIDING_FRAMES: Final = 3
"""The size at the end is the mean over so many last frames: from frame to frame atoms of the interface flicker."""

MIN_NUCLEI: Final = 6
"""With fewer decided nuclei there is no interval worth stating."""

MAX_UNDECIDED: Final = 0.25
"""Fraction of branches without a fate from which on a result is flagged: the runs are too short."""

WIDTH: Final = 0.2
"""Prior median of w/n*. Classical theory has sqrt(3 kT/(2 W*)): .39 for barriers of 10 kT, .12 for 100 kT."""

WIDTH_FACTOR: Final = 2.0
"""Prior standard deviation of w/n*, as a factor."""

SCATTER: Final = 0.2
"""Scale of the half-normal prior of omega/n*."""

MARGIN: Final = 1.5
"""Critical sizes are looked for up to this factor beyond the sizes that were released."""

MAX_EDGE: Final = 0.01
"""Density at the ends of that range, over its peak, above which n* is not bracketed."""

SURE: Final = 1e-3
"""No fate is taken for surer than this: one branch against all others must not decide."""

_LEVELS: Final = 81  # of ln n*
_INNER: Final = 5  # Gauss-Hermite nodes of w and omega
_XI: Final = 9  # of xi: with many branches, what a nucleus says about it is sharp


class NotBracketedError(ParameterError):
    """The nuclei do not tell a critical size: too few, or all on one side of it."""


@dataclass(frozen=True)
class CriticalSize:
    """A critical size with what it was seen from.

    Attributes:
        value: n*, atoms: the median.
        low: Lower end of the 90 % interval.
        high: Upper end.
        log_error: Standard deviation of ln n*.
        width: Mean w of the committor, atoms.
        scatter: Mean omega, standard deviation over nuclei of their own critical sizes, atoms.
        smallest: Atoms of the smallest nucleus that was released and decided.
        largest: Of the largest.
        num_nuclei: Nuclei with a decided branch.
        grown: Branches that grew.
        dissolved: Branches that dissolved.
        undecided: Branches that did neither, left out.
    """

    value: float
    low: float
    high: float
    log_error: float
    width: float
    scatter: float
    smallest: float
    largest: float
    num_nuclei: int
    grown: int
    dissolved: int
    undecided: int

    @property
    def flags(self) -> list[str]:
        """What is odd about it, one sentence each."""
        total = self.grown + self.dissolved + self.undecided
        found = []
        if self.undecided > MAX_UNDECIDED * total:
            found.append(f"{self.undecided} of {total} branches neither grew nor dissolved by a third: run them longer")
        if not (self.smallest <= self.low and self.high <= self.largest):
            found.append(
                f"the interval of the critical size, [{self.low:.0f}, {self.high:.0f}], reaches beyond the nuclei of "
                f"{self.smallest:.0f} to {self.largest:.0f} atoms that were released"
            )
        return found


def initial_size(nucleus: SeededNucleus) -> float:
    """Atoms at the moment of release: what branches saw in their first frame, on average."""
    return float(np.nanmean(nucleus.sizes[:, 0]))


def fates(nucleus: SeededNucleus) -> IntArray:
    """What became of each branch, int64 [branch]: 1 = it grew by a third, -1 = it dissolved by a third, 0 = neither.

    The size at the end counts, not the largest: a nucleus that grew and turned back has dissolved. One in which the
    detector sees no atom at release has no fate.
    """
    start = initial_size(nucleus)
    if not start > 0:
        return np.zeros(len(nucleus.sizes), dtype=np.int64)
    ends = [branch[np.isfinite(branch)][-DECIDING_FRAMES:].mean() for branch in nucleus.sizes]
    change = np.array(ends) / start - 1
    return np.asarray(np.sign(change) * (np.abs(change) >= DECIDED), dtype=np.int64)


def critical_size(nuclei: Sequence[SeededNucleus]) -> CriticalSize:
    """The size from which as many releases grow as dissolve.

    Args:
        nuclei: Of one material at one temperature, of various sizes.

    Raises:
        ParameterError: They are of several materials or temperatures.
        NotBracketedError: They do not tell it, with the reason.

    >>> from nakaya.md.seeding.nuclei import seeded_nuclei
    >>> from nakaya.records.store import load_records
    >>> nuclei = [nucleus for nucleus in seeded_nuclei(load_records("nuclei")) if nucleus.temperature == 690.0]
    >>> found = critical_size(nuclei)
    >>> round(found.value), round(found.low), round(found.high)
    (104, 92, 120)
    """
    conditions = {(nucleus.material, nucleus.temperature) for nucleus in nuclei}
    if len(conditions) > 1:
        raise ParameterError(f"nuclei of {len(conditions)} conditions have no one critical size: {sorted(conditions)}")
    outcomes = [fates(nucleus) for nucleus in nuclei]
    grown = np.array([(fate > 0).sum() for fate in outcomes], dtype=np.int64)
    dissolved = np.array([(fate < 0).sum() for fate in outcomes], dtype=np.int64)
    decided = grown + dissolved > 0
    sizes = np.array([initial_size(nucleus) for nucleus in nuclei])[decided]
    _check_fates(len(nuclei), sizes, int(grown.sum()), int(dissolved.sum()))
    density, levels, widths, scatters = _density(sizes, grown[decided], dissolved[decided])
    marginal = density.sum(axis=(1, 2))
    if max(marginal[0], marginal[-1]) > MAX_EDGE * marginal.max():
        side = "larger" if marginal[-1] > marginal[0] else "smaller"
        raise NotBracketedError(
            f"nuclei of {sizes.min():.0f} to {sizes.max():.0f} atoms do not bracket the critical size: "
            f"release {side} ones"
        )
    tail = (1 - LEVEL) / 2
    cumulative = (np.cumsum(marginal) - marginal / 2) / marginal.sum()
    low, middle, high = np.exp(np.interp([tail, 0.5, 1 - tail], cumulative, levels))
    mean = float((marginal * levels).sum() / marginal.sum())
    variance = float((marginal * (levels - mean) ** 2).sum() / marginal.sum())
    shares = density / density.sum()
    relative = np.exp(levels)[:, None, None] * shares
    return CriticalSize(
        value=float(middle),
        low=float(low),
        high=float(high),
        log_error=math.sqrt(variance),
        width=float((relative * widths[:, None]).sum()),
        scatter=float((relative * scatters).sum()),
        smallest=float(sizes.min()),
        largest=float(sizes.max()),
        num_nuclei=len(sizes),
        grown=int(grown.sum()),
        dissolved=int(dissolved.sum()),
        undecided=sum(int((fate == 0).sum()) for fate in outcomes),
    )


def _check_fates(released: int, sizes: FloatArray, grown: int, dissolved: int) -> None:
    if len(sizes) < MIN_NUCLEI:
        raise NotBracketedError(
            f"{len(sizes)} of {released} nuclei grew or dissolved by a third: at least {MIN_NUCLEI} are needed for "
            "an interval"
        )
    if not (grown and dissolved):
        fate, remedy = ("grew", "smaller") if grown else ("dissolved", "larger")
        raise NotBracketedError(
            f"all {grown + dissolved} decided branches {fate}, of nuclei of {sizes.min():.0f} to {sizes.max():.0f} "
            f"atoms: release {remedy} ones"
        )


def _density(
    sizes: FloatArray, grown: IntArray, dissolved: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Likelihood times prior [n*, w, omega], and the nodes of ln n*, w/n* and omega/n*."""
    nodes, weights = _normal_nodes(_INNER)
    levels = np.linspace(math.log(sizes.min() / MARGIN), math.log(sizes.max() * MARGIN), _LEVELS)
    widths = WIDTH * WIDTH_FACTOR**nodes
    positive, half = _normal_nodes(2 * _INNER)
    scatters, half = SCATTER * positive[_INNER:], half[_INNER:]
    relative = sizes / np.exp(levels)[:, None] - 1  # [n*, nucleus]
    scaled = relative[:, None, None, :] / widths[:, None, None]  # [n*, w, 1, nucleus]
    offset = (scatters / widths[:, None])[:, :, None]  # [w, omega, 1]
    each = np.zeros((len(levels), len(widths), len(scatters), len(sizes)))
    for xi, weight in zip(*_normal_nodes(_XI), strict=True):
        grows = np.clip(special.ndtr(scaled - xi * offset), SURE, 1 - SURE)
        each += weight * np.exp(grown * np.log(grows) + dissolved * np.log1p(-grows))
    joint = np.log(each).sum(axis=-1) + np.log(weights)[:, None] + np.log(half)
    return np.exp(joint - joint.max()), levels, widths, scatters


def _normal_nodes(number: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Hermite nodes and weights of a standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(number)
    return nodes, weights / weights.sum()
