"""Column maps and fit descriptions: TOML tables to the frozen values of the reactor rooms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import Field

from nakaya.core.configuration import Table, read_toml
from nakaya.core.errors import ConfigError, ParameterError
from nakaya.reactor.amounts import Amounts, Basis
from nakaya.reactor.logs.column_map import Balance, Channel, ColumnMap, SizeClasses, SizeReports, Stream, TimeColumn
from nakaya.reactor.logs.table import Layout
from nakaya.reactor.solubility import Solubility

__all__ = ["read_column_map"]


class StreamTable(Table):
    """Columns that share another clock than the first."""

    time: TimeColumn
    columns: dict[str, Channel] = Field(default_factory=dict)
    sizes: SizeClasses | None = None


class MapTable(Table):
    """A column map."""

    material: str
    solvent: str = ""
    concentration_basis: Basis | None = None
    concentration: float | None = None
    file: Layout = Layout()
    time: TimeColumn | None = None
    columns: dict[str, Channel] = Field(default_factory=dict)
    sizes: SizeClasses | None = None
    stream: list[StreamTable] = Field(default_factory=list)
    reports: SizeReports | None = None
    solubility: Solubility | None = None
    balance: Balance | None = None
    amounts: Amounts = Amounts()


def read_column_map(path: Path) -> ColumnMap:
    """Read a column map.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: An entry is missing, unknown or wrong.
    """
    table = read_toml(path, MapTable)
    if table.time is None and (table.columns or table.sizes):
        raise ConfigError(f"{path}: [columns] or [sizes] without a [time]: name the column that holds the time")
    basis: Basis = table.concentration_basis or (table.solubility.basis if table.solubility else "solution")
    try:
        law = table.solubility
        if law is not None:
            law = replace(law, amounts=table.amounts) if law.amounts == Amounts() else law
            _ = law.conversion  # raises where something is missing
        streams = [] if table.time is None else [Stream(table.time, table.columns, table.sizes)]
        streams += [Stream(entry.time, entry.columns, entry.sizes, "stream.") for entry in table.stream]
        return ColumnMap(
            material=table.material,
            layout=table.file,
            streams=tuple(streams),
            reports=table.reports,
            solvent=table.solvent,
            solubility=law,
            concentration_basis=basis,
            basis_is_stated=table.concentration_basis is not None or law is not None,
            amounts=table.amounts,
            concentration=table.concentration,
            balance=table.balance,
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from None
