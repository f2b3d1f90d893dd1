"""Units that a log states itself, in the names of its columns or a line below them, against those of its map."""

from __future__ import annotations

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.reactor.amounts import absorbance_factor, is_same_amount
from nakaya.reactor.logs.table import RawTable
from nakaya.reactor.words import kind_of_unit, name_and_unit, standard_unit
from nakaya.records.units import same_dimension, to_si

__all__ = ["check_stated_unit"]

_ANY_SCALE = ("turbidity", "absorbance", "count", "share")
"""Kinds of units that a column may have beside another: turbidity in counts, a transmissivity in per cent."""

_SAME = 1e-6


def check_stated_unit(table: RawTable, index: int, unit: str, name: str) -> list[str]:
    """A flag where the log names another unit for a column than the map does; the map's is used.

    Args:
        table: The log.
        index: Of the column.
        unit: As the map has it.
        name: Of its channel, or "time".
    """
    found = _stated(table, index)
    if found is None:
        return []
    stated, where = found
    if _is_same(stated, unit):
        return []
    return [
        f"{name}: {where} says {stated}, the map says {unit}: read as {unit}; correct the map, unless the log is wrong"
    ]


def _stated(table: RawTable, index: int) -> tuple[str, str] | None:
    """Unit of a column as maps write it, and where the log says so."""
    header = table.names[index] if index < len(table.names) else ""
    _, unit = name_and_unit(header)
    if unit is not None:
        return unit, f"the name of its column ({header!r})"
    for line, fields in enumerate(table.head, start=1):
        is_of_units = line != table.layout.header_line and index < len(fields)
        if is_of_units and (unit := standard_unit(fields[index])) is not None:
            return unit, f"line {line}"
    return None


def _is_same(stated: str, unit: str) -> bool:
    """Whether two units mean the same; where that is not known, they do."""
    own, other = kind_of_unit(stated), kind_of_unit(standard_unit(unit))
    if unit.strip() == "1/s":  # of a stirrer; a log's 1/s are counts
        other = None
    if own in _ANY_SCALE or other in _ANY_SCALE:
        return not (own == "absorbance" and other == "amount")
    if "amount" in (own, other):
        return is_same_amount(stated, unit)
    if absorbance_factor(unit) is not None:
        return True
    try:
        if "stirring" in (own, other):
            return own == other or not same_dimension(unit if own else stated, "1/s")
        if not same_dimension(stated, unit):
            return own is None or other is None
        values = np.array([0.0, 1.0])
        return bool(np.allclose(to_si(values, stated), to_si(values, unit), rtol=_SAME, atol=0.0))
    except ParameterError:
        return True
