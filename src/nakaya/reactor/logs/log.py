"""A reactor log: series in SI units on clocks that run forward, and everything about them that did not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.reactor.amounts import absorbance_factor, conversion
from nakaya.reactor.logs.classes import SizeSeries, read_classes
from nakaya.reactor.logs.clock import Clock, read_clock
from nakaya.reactor.logs.column_map import CHANNEL_UNITS, MAX_CONCENTRATION, Channel, ColumnMap, is_concentration
from nakaya.reactor.logs.dropouts import without_dropouts
from nakaya.reactor.logs.series import Series, check_quantile_sizes, check_setpoint
from nakaya.reactor.logs.stated_units import check_stated_unit
from nakaya.reactor.logs.table import RawTable, read_table
from nakaya.records.units import same_dimension, si_unit, to_si

__all__ = ["ReactorLog", "Series", "read_log"]

_PLAUSIBLE = {  # SI; outside is a wrong unit or a wrong column
    "temperature": (100.0, 1500.0),
    "setpoint": (100.0, 1500.0),
    "transmissivity": (-0.05, 1.5),
    "crystal_mass": (0.0, 100.0),
    "stirring": (0.0, 1000.0),
    "crystal_count": (0.0, np.inf),
    **dict.fromkeys(("size_d10", "size_d50", "size_d90", "mean_size"), (1e-9, 0.1)),
}
_MANY_MISSING = 0.05
_MISTAKEN_UNITS = {"C": "degC (C is coulomb)", "F": "degF (F is farad)", "m": "min (m is metre)"}


@dataclass(frozen=True, eq=False)
class ReactorLog:
    """What a log holds.

    Attributes:
        channels: Name -> series.
        sizes: Size classes in time, or None.
        flags: What did not fit together, one sentence each.
        num_rows: Rows of data in the file.
        unread: Columns that the map names nowhere, as it would: name, name#2, or position from 1.
    """

    channels: Mapping[str, Series]
    sizes: SizeSeries | None
    flags: tuple[str, ...] = ()
    num_rows: int = 0
    unread: tuple[str | int, ...] = ()


def read_log(path: Path, columns: ColumnMap) -> ReactorLog:
    r"""Read a log under a column map.

    Raises:
        InputFileError: The file is missing or cannot be read.
        FormatError: It contradicts itself or the map in a way that a flag cannot carry.
        UnknownNameError: The map names a column that the file does not have.
        ParameterError: A unit of the map measures something else than its channel.

    >>> import tempfile
    >>> from nakaya.reactor.config import read_column_map
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "log.csv").write_text("time_h,T\n0,42.0\n0.5,41.5\n1,41.0\n1.5,40.4\n")
    >>> _ = (folder / "map.toml").write_text(
    ...     'material = "dextrose"\n[time]\ncolumn = "time_h"\nunit = "h"\n'
    ...     '[columns.temperature]\ncolumn = "T"\nunit = "degC"\n'
    ... )
    >>> log = read_log(folder / "log.csv", read_column_map(folder / "map.toml"))
    >>> log.num_rows, log.channels["temperature"].values.round(2).tolist()
    (4, [315.15, 314.65, 314.15, 313.55])
    """
    table = read_table(path, columns.layout)
    flags = list(table.remarks)
    start: float | None = None
    channels: dict[str, Series] = {}
    sizes: SizeSeries | None = None
    for stream in columns.streams:
        clock, start = read_clock(table, stream, start)
        flags += clock.flags
        for name, channel in stream.channels.items():
            values, unit, remarks = _read_channel(table, name, channel, clock, columns, f"{stream.place}columns.{name}")
            channels[name] = Series(clock.times, values, unit)
            flags += remarks
        if stream.classes is not None:
            if sizes is not None:
                raise ParameterError("the map has size classes in two streams: a record holds one size distribution")
            sizes, remarks = read_classes(table, stream.classes, clock, f"{stream.place}sizes")
            flags += remarks
    flags += check_quantile_sizes(channels) + check_setpoint(channels)
    unread = table.unread(_columns_of(columns, table))
    return ReactorLog(channels, sizes, tuple(flags), len(table.rows), unread)


def _columns_of(columns: ColumnMap, table: RawTable) -> set[int]:
    """Indices of all columns that a map names."""
    found: set[int] = set()
    for stream in columns.streams:
        named = [stream.time.column, stream.time.date, *(channel.column for channel in stream.channels.values())]
        found |= {table.position(column) for column in named if column is not None}
        if (sizes := stream.classes) is not None:
            found |= {*range(table.position(sizes.first), table.position(sizes.last) + 1)}
    return found


def _read_channel(
    table: RawTable, name: str, channel: Channel, clock: Clock, columns: ColumnMap, key: str
) -> tuple[FloatArray, str, list[str]]:
    index = table.position(channel.column, key=key)
    raw, remarks = without_dropouts(table, index, name, table.numbers(index))
    if table.looks_grouped(index):
        remarks.append(f'{name}: numbers such as 1.200 beside 950 may be 1200: if so, set thousands = "."')
    remarks += check_stated_unit(table, index, channel.unit, name)
    values, si = _in_si(raw, name, channel.unit, columns)
    if (lost := np.isfinite(raw) & ~np.isfinite(values)).any():
        row = int(np.flatnonzero(lost)[0])
        raise FormatError(
            f"{table.path}, line {table.lines[row]}: {name} of {raw[row]:g} {channel.unit} is no amount that can be"
        )
    values = clock.merge(values)
    missing = float(np.isnan(values).mean())
    if missing == 1.0:
        raise FormatError(f"{table.path}: column {channel.column!r} ({name}) holds no number at all")
    if missing > _MANY_MISSING:
        remarks.append(f"{name}: {missing:.0%} of the values are missing")
    low, high = _PLAUSIBLE.get(name, (-np.inf, np.inf))
    if is_concentration(name):
        low, high = 0.0, MAX_CONCENTRATION[columns.concentration_basis]
    shown = values[values != 0] if si == "m" and (values > 0).any() else values
    least, greatest = float(np.nanmin(shown)), float(np.nanmax(shown))
    if si == "m" and least == 0:  # there was no crystal
        low = 0.0
    if least < low or greatest > high:
        raise FormatError(
            f"{table.path}: {name} runs from {least:.4g} to {greatest:.4g} {si}, outside [{low:g}, {high:g}]: wrong "
            f"column ({channel.column!r}) or wrong unit ({channel.unit!r})?"
        )
    return values, si, remarks


def _in_si(raw: FloatArray, name: str, unit: str, columns: ColumnMap) -> tuple[FloatArray, str]:
    """A column in SI, and the unit that is; concentrations in kg/kg of the map's basis.

    Raises:
        ParameterError: The unit is unknown, or measures something else than the channel.
    """
    expected = CHANNEL_UNITS.get(name)
    if is_concentration(name):
        return conversion(unit, columns.concentration_basis, columns.amounts, name).apply(raw), "1"
    if name == "crystal_mass":
        return conversion(unit, "solution", columns.amounts, name).apply(raw), "1"
    if name == "turbidity":  # on a scale of its own, whatever that is called (NTU, counts)
        return raw, "1"
    if unit.strip().lower() in ("rpm", "1/min") and (expected in ("1/s", None)):
        return raw / 60.0, "1/s"  # revolutions, not radians, which pint would make of rpm
    if (absorbance := absorbance_factor(unit)) is not None:
        if expected is not None:
            raise ParameterError(
                f"channel {name} has the unit {unit!r}, an absorbance: name the channel turbidity, which rises with "
                "the crystals, or give it a name of its own"
            )
        return raw * absorbance, "1"
    if expected is not None and not same_dimension(unit, expected):
        mistaken = _MISTAKEN_UNITS.get(unit.strip())
        hint = f": did you mean {mistaken}?" if mistaken else ""
        raise ParameterError(f"channel {name} has the unit {unit!r}: expected one that measures {expected!r}{hint}")
    with np.errstate(over="ignore"):  # what becomes infinite is refused by name
        return to_si(raw, unit), expected or si_unit(unit)
