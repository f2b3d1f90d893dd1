"""Column maps and fit descriptions: TOML tables to the frozen values of the reactor rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
from nakaya.reactor.solubility import Basis, Solubility

__all__ = ["SolubilityTable", "read_column_map"]


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


class StreamTable(Table):
    """Columns that share another clock than the first."""

    time: TimeColumn
    columns: dict[str, Channel] = Field(default_factory=dict)
    sizes: SizeClasses | None = None


class SolubilityTable(Table):
    """A solubility law; coefficients are for Celsius unless zero_K = 0."""

    coefficients: list[float]
    zero_K: float = 273.15
    form: Literal["polynomial", "exponential"] = "polynomial"
    basis: Basis = "solvent"
    scale: float = 1.0
    source: str = ""

    def build(self) -> Solubility:
        """The law."""
        return Solubility(tuple(self.coefficients), self.zero_K, self.form, self.basis, self.scale, self.source)


class MapTable(Table):
    """A column map."""

    material: str
    solvent: str = ""
    concentration_basis: Basis | None = None
    concentration: float | None = None
    file: FileTable = FileTable()
    time: TimeColumn | None = None
    columns: dict[str, Channel] = Field(default_factory=dict)
    sizes: SizeClasses | None = None
    stream: list[StreamTable] = Field(default_factory=list)
    reports: SizeReports | None = None
    solubility: SolubilityTable | None = None
    balance: Balance | None = None


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
    basis: Basis = table.concentration_basis or (solubility.basis if solubility else "solution")
    try:
        streams = [] if table.time is None else [Stream(table.time, table.columns, table.sizes)]
        streams += [Stream(entry.time, entry.columns, entry.sizes, "stream.") for entry in table.stream]
        return ColumnMap(
            material=table.material,
            layout=table.file.build(),
            streams=tuple(streams),
            reports=table.reports,
            solvent=table.solvent,
            solubility=None if solubility is None else solubility.build(),
            concentration_basis=basis,
            concentration=table.concentration,
            balance=table.balance,
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from None
