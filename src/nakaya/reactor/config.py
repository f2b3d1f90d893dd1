"""Column maps and fit descriptions: TOML tables to the frozen values of the reactor rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from nakaya.core.configuration import Table, read_toml
from nakaya.core.errors import ConfigError, ParameterError
from nakaya.reactor.logs.column_map import (
    Balance,
    Channel,
    ColumnMap,
    SizeClasses,
    SizeReports,
    Stream,
    TimeColumn,
)
from nakaya.reactor.logs.table import Layout
from nakaya.reactor.solubility import Solubility

__all__ = ["SolubilityTable", "read_column_map"]

BasisName = Literal["solvent", "solution", "initial-solution"]


class FileTable(Table):
    """How the text is laid out."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    header_line: int = 1
    data_line: int | None = None
    missing: list[str] | None = None

    def build(self) -> Layout:
        """The layout; a delimiter may be written "tab"."""
        delimiter = "\t" if self.delimiter in ("tab", "\\t") else self.delimiter
        chosen = {} if self.missing is None else {"missing": tuple(self.missing)}
        return Layout(delimiter, self.decimal, self.encoding, self.header_line, self.data_line, **chosen)


class TimeTable(Table):
    """The clock of a stream."""

    column: str | int
    unit: str | None = None
    format: str | None = None
    backwards: Literal["error", "drop"] = "error"


class ColumnTable(Table):
    """One measured column."""

    column: str | int
    unit: str


class SizesTable(Table):
    """Columns of size classes."""

    first: str | int
    last: str | int
    unit: str
    sizes_line: int | None = None
    sizes: list[float] | None = None
    edge: Literal["upper", "lower", "middle"] = "upper"


class StreamTable(Table):
    """Columns that share another clock than the first."""

    time: TimeTable
    columns: dict[str, ColumnTable] = Field(default_factory=dict)
    sizes: SizesTable | None = None


class ReportsTable(Table):
    """A folder of size reports."""

    pattern: str
    time_unit: str
    unit: str
    first_line: str
    column: int = 2
    end: str = "==="


class SolubilityTable(Table):
    """A solubility law; coefficients are for Celsius unless zero_K = 0."""

    coefficients: list[float]
    zero_K: float = 273.15
    form: Literal["polynomial", "exponential"] = "polynomial"
    basis: BasisName = "solvent"
    scale: float = 1.0
    source: str = ""

    def build(self) -> Solubility:
        """The law."""
        return Solubility(tuple(self.coefficients), self.zero_K, self.form, self.basis, self.scale, self.source)


class BalanceTable(Table):
    """For the check of the mass balance."""

    total_solute: float | None = None
    tolerance: float = 0.05


class MapTable(Table):
    """A column map."""

    material: str
    solvent: str = ""
    concentration_basis: BasisName | None = None
    concentration: float | None = None
    file: FileTable = FileTable()
    time: TimeTable | None = None
    columns: dict[str, ColumnTable] = Field(default_factory=dict)
    sizes: SizesTable | None = None
    stream: list[StreamTable] = Field(default_factory=list)
    reports: ReportsTable | None = None
    solubility: SolubilityTable | None = None
    balance: BalanceTable | None = None


def _stream(time: TimeTable, columns: dict[str, ColumnTable], sizes: SizesTable | None, *, place: str = "") -> Stream:
    classes = None
    if sizes is not None:
        entries: dict[str, Any] = sizes.model_dump()
        entries["sizes"] = None if sizes.sizes is None else tuple(sizes.sizes)
        classes = SizeClasses(**entries)
    channels = {name: Channel(entry.column, entry.unit) for name, entry in columns.items()}
    return Stream(TimeColumn(**time.model_dump()), channels, classes, place)


def read_column_map(path: Path) -> ColumnMap:
    """Read a column map.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: An entry is missing, unknown or wrong.
    """
    table = read_toml(path, MapTable)
    if table.time is None and (table.columns or table.sizes):
        raise ConfigError(f"{path}: [columns] or [sizes] without a [time]: name the column that holds the time")
    solubility = table.solubility
    basis: BasisName = table.concentration_basis or (solubility.basis if solubility else "solution")
    try:
        streams = [] if table.time is None else [_stream(table.time, table.columns, table.sizes)]
        streams += [_stream(entry.time, entry.columns, entry.sizes, place="stream.") for entry in table.stream]
        return ColumnMap(
            material=table.material,
            layout=table.file.build(),
            streams=tuple(streams),
            reports=None if table.reports is None else SizeReports(**table.reports.model_dump()),
            solvent=table.solvent,
            solubility=None if solubility is None else solubility.build(),
            concentration_basis=basis,
            concentration=table.concentration,
            balance=None if table.balance is None else Balance(**table.balance.model_dump()),
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from None
