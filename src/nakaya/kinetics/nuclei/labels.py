"""What became of a nucleus: the change of its size over its branches, and how many of them grew or dissolved.

A branch is one release of the same positions with other velocities. The snapshot decides the mean over branches; what
is left of the scatter within them sets the ceiling of every forecast (`ceiling`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.nuclei import SeededNucleus

__all__ = [
    "AFTER_PS",
    "PICOSECOND",
    "WINDOW_PS",
    "Fate",
    "SizeChange",
    "fate",
    "size_change",
]

Fate: TypeAlias = Literal["grown", "dissolved", "undecided"]

AFTER_PS: Final = 8.0
"""When a nucleus is looked at again: over 2 ps most of the change is flicker of atoms at the surface."""

WINDOW_PS: Final = 1.0
"""Sizes are averaged over so long a time before that moment."""

GROWN: Final = 2.0
DISSOLVED: Final = 0.5
"""Sizes, in critical sizes, above which a branch is grown, and below which it is dissolved."""

PICOSECOND: Final = 1e-12


@dataclass(frozen=True, eq=False)
class SizeChange:
    """What became of one nucleus.

    Attributes:
        size: n(0), atoms at release.
        later: n(t), mean over the last `WINDOW_PS` before t, float64 [branch], atoms.
        last: The same at the end of each branch, which may have gone on beyond t until it was decided.
    """

    size: float
    later: FloatArray
    last: FloatArray

    @property
    def changes(self) -> FloatArray:
        """(n(t) - n(0)) / n(0)^(2/3) of every branch, float64 [branch]: the change per atom of the surface."""
        return np.asarray((self.later - self.size) / self.size ** (2 / 3))

    @property
    def mean(self) -> float:
        """Of the changes: what is to be told."""
        return float(self.changes.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean; NaN with a single branch."""
        count = len(self.later)
        return float(self.changes.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan


def size_change(nucleus: SeededNucleus, *, after_ps: float = AFTER_PS, window_ps: float = WINDOW_PS) -> SizeChange:
    """Return the change of the size after a time.

    Args:
        nucleus: With its branches.
        after_ps: From the release.
        window_ps: Over which sizes are averaged, up to then.

    Raises:
        ParameterError: There was no nucleus, or a branch ended before that time: its outcome is not known, and to leave
            out such branches would leave out those that grow.
    """
    if not 0 < window_ps <= after_ps:
        raise ParameterError(f"a window of {window_ps:g} ps before {after_ps:g} ps: expected 0 < window <= time")
    times, size = nucleus.times / PICOSECOND, float(nucleus.sizes[0, 0])
    if not size > 0:
        raise ParameterError("no solid atoms at release")
    spacing = float(np.diff(times).max()) if len(times) > 1 else math.inf
    if times[-1] < after_ps - spacing / 2:
        raise ParameterError(f"followed for {times[-1]:g} ps, expected {after_ps:g} ps")
    inside = (times > after_ps - window_ps - spacing / 2) & (times <= after_ps + spacing / 2)
    later = nucleus.sizes[:, inside].mean(axis=1)
    if ended := int(np.isnan(later).sum()):
        raise ParameterError(f"{ended} of {len(later)} branches ended before {after_ps:g} ps")
    known = (sizes[np.isfinite(sizes)] for sizes in nucleus.sizes)
    last = [sizes[-int(inside.sum()) :].mean() for sizes in known]
    return SizeChange(size, np.asarray(later), np.array(last, dtype=np.float64))


def fate(last: float, critical: float) -> Fate:
    """Whether a branch has grown beyond twice the critical size, dissolved below half of it, or neither.

    >>> [fate(size, critical=90.0) for size in (200.0, 30.0, 100.0)]
    ['grown', 'dissolved', 'undecided']
    """
    if last > GROWN * critical:
        return "grown"
    return "dissolved" if last < DISSOLVED * critical else "undecided"
