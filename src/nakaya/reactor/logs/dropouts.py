"""Numbers in a log that are none: stand-ins for "no value" such as -9999, and zeros of a probe that dropped out."""

from __future__ import annotations

from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError
from nakaya.reactor.logs.column_map import is_concentration
from nakaya.reactor.logs.table import RawTable

__all__ = ["without_dropouts"]

STAND_INS: Final = (-9999.0, -999.0, -99999.0, -999.9, -999.99, -9999.9, -9999.99, -32768.0, 9999.0, 99999.0, 999999.0,
                    -1e30, 1e30, 9.9e37, -9.9e37)  # fmt: skip
"""What loggers write where they have no value."""

_FAR = 5.0
"""A stand-in is further from the median than this many times the range, or the median, of all else."""

_LEAP = 20.0
"""A zero is a drop-out where its neighbours are further from it than this many usual steps."""

_SIZES = ("size_d10", "size_d50", "size_d90", "mean_size")


def without_dropouts(table: RawTable, index: int, name: str, values: FloatArray) -> tuple[FloatArray, list[str]]:
    """A column with NaN for what is no value, and what was left out in words.

    Args:
        table: The log.
        index: Of the column.
        name: Of its channel. Zeros are looked for where they cannot be: in temperatures, concentrations and sizes;
            light, counts and stirrers do stop for a moment.
        values: The column as numbers in the file's unit, float64 [row].

    Raises:
        FormatError: There is nothing else in the column.
    """
    values, remarks = values.copy(), []
    known = values[np.isfinite(values)]
    if known.size and known.min() == known.max() and known[0] in STAND_INS:
        raise FormatError(
            f"{table.path}: {name} holds nothing but {known[0]:g}, a stand-in for missing values: leave the column out"
        )
    for stand_in in STAND_INS:
        found = values == stand_in
        rest = values[np.isfinite(values) & ~found]
        if not found.any() or rest.size == 0:
            continue
        middle = float(np.median(rest))
        if abs(stand_in - middle) > _FAR * max(float(np.ptp(rest)), abs(middle)):
            first = int(np.flatnonzero(found)[0])
            text = table.rows[first][index].strip()
            remarks.append(
                f"{name}: {int(found.sum())} rows hold {text}, a stand-in for missing values (first at line "
                f'{table.lines[first]}): they are left out; say so with missing = ["{text}"]'
            )
            values[found] = np.nan
    if name in _SIZES and (values > 0).any() and (zero := values == 0).any():
        values[zero] = np.nan
        remarks.append(f"{name}: {int(zero.sum())} rows hold the size 0, where no crystal was seen: they are left out")
    elif name in ("temperature", "setpoint") or is_concentration(name):
        zero = _dropped(values, name)
        if zero.any():
            first = int(np.flatnonzero(zero)[0])
            values[zero] = np.nan
            remarks.append(
                f"{name}: {int(zero.sum())} rows hold 0 between values far from it (first at line "
                f"{table.lines[first]}): drop-outs of the probe, which are left out"
            )
    return values, remarks


def _dropped(values: FloatArray, name: str) -> np.ndarray:
    """Zeros that a signal leaps to and back from, bool [row]; a temperature may also begin or end with them."""
    zero = values == 0
    place = np.flatnonzero(np.isfinite(values) & ~zero)
    if not zero.any() or place.size < 3 or zero.sum() > place.size:
        return np.zeros(values.size, dtype=bool)
    steps = np.abs(np.diff(values[place]))
    resolution = float(steps[steps > 0].min()) if (steps > 0).any() else 0.0
    leap = _LEAP * max(float(np.median(steps)), resolution)
    rows = np.flatnonzero(zero)
    later = np.searchsorted(place, rows)
    before = np.where(later > 0, values[place[np.maximum(later - 1, 0)]], np.nan)
    after = np.where(later < place.size, values[place[np.minimum(later, place.size - 1)]], np.nan)
    if name == "temperature":
        before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    elif is_concentration(name):  # it may begin at zero, before anything is dissolved, but not end there
        after = np.where(np.isnan(after), before, after)
    with np.errstate(invalid="ignore"):
        nearest = np.minimum(np.abs(before), np.abs(after))
        is_leap = (nearest > leap) & (np.abs(after - before) < 0.5 * nearest)
    found = np.zeros(values.size, dtype=bool)
    found[rows[is_leap]] = True
    return found
