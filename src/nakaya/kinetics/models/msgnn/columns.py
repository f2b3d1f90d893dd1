"""Named columns on a common scale: what a network was trained with is found again by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nakaya.core.arrays import Float32Array, FloatArray

__all__ = ["Columns", "fit_columns"]

CLIP = 2.5
"""Standardised values are kept within so many standard deviations: an outlier must not rule, and a material that was
never seen must not be carried along a slope that one other material has fixed."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Names, means and scales of the columns of a table.

    What is not known (NaN) becomes 0, the mean; columns that were sometimes not known in training have a further column
    that is 1 where they are. Columns that were the same in all of the training say nothing and become 0.

    Attributes:
        names: Of the columns.
        mean: float64 [column].
        scale: Standard deviation, float64 [column]; 0 = constant or never known in training.
        flagged: Columns that were sometimes not known, bool [column].
    """

    names: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    flagged: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    @property
    def width(self) -> int:
        """Number of columns of what `encode` returns."""
        return len(self.names) + int(self.flagged.sum())

    def encode(self, names: Sequence[str], values: np.ndarray[Any, Any]) -> Float32Array:
        """Return the columns by name, standardised: float32 [row, width].

        Args:
            names: Of the columns of `values`; those that are not among ours are left out.
            values: float [row, column]; NaN = not known.
        """
        ordered = values if tuple(names) == self.names else self._by_name(names, values)
        known = np.isfinite(ordered)
        inverse = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        standard = np.where(known, (ordered - self.mean) * inverse, 0.0)
        standard = np.clip(standard, -CLIP, CLIP)
        if self.flagged.any():
            standard = np.concatenate([standard, known[:, self.flagged]], axis=1)
        return standard.astype(np.float32)

    def _by_name(self, names: Sequence[str], values: np.ndarray[Any, Any]) -> FloatArray:
        found = {name: number for number, name in enumerate(names)}
        ordered = np.full((len(values), len(self.names)), np.nan)
        for number, name in enumerate(self.names):
            if name in found:
                ordered[:, number] = values[:, found[name]]
        return ordered

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Columns:
        """Back from JSON values.

        Raises:
            KeyError, TypeError, ValueError: They are not ours.
        """
        names = tuple(str(name) for name in plain["names"])
        mean, scale = (np.array(plain[key], dtype=np.float64) for key in ("mean", "scale"))
        flagged = np.array(plain["flagged"], dtype=np.bool_)
        if not len(names) == mean.size == scale.size == flagged.size or not np.isfinite([mean, scale]).all():
            raise ValueError("columns of unlike length, or with a mean that is no number")
        return Columns(names, mean, scale, flagged)


def fit_columns(tables: Iterable[tuple[Sequence[str], np.ndarray[Any, Any]]]) -> Columns:
    """Return the columns of all tables together, with means and standard deviations over all their rows."""
    first: dict[str, float] = {}
    sums: dict[str, FloatArray] = {}  # how many are known; sum and sum of squares of what they are more than the first
    rows = 0
    for names, values in tables:
        rows += len(values)
        for name, column in zip(names, np.asarray(values, dtype=np.float64).T, strict=True):
            known = column[np.isfinite(column)]
            apart = known - first.setdefault(name, float(known[0])) if known.size else known
            sums.setdefault(name, np.zeros(3))
            sums[name] += known.size, apart.sum(), (apart**2).sum()
    names = tuple(sorted(sums))
    mean, scale = np.zeros(len(names)), np.zeros(len(names))
    for number, name in enumerate(names):
        known_rows, total, square = sums[name].tolist()
        if known_rows:
            offset = total / known_rows
            mean[number] = first[name] + offset
            spread = max(square / known_rows - offset**2, 0.0) ** 0.5
            # Rounding must not pass for variation.
            scale[number] = spread if spread > 1e-6 * max(abs(mean[number]), 1e-300) else 0.0
    flagged = np.array([0 < sums[name][0] < rows for name in names], dtype=np.bool_)
    return Columns(names, mean, scale, flagged)
