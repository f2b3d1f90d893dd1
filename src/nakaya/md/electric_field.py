"""An electric field on ions, in inputs of others: passed to LAMMPS, stated in the record, refused on neutral atoms.

The protocols of our own hold one neutral species, and take no field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.core.reading import read_bounded
from nakaya.md.limits import within
from nakaya.md.trajectories.dump import read_dump
from nakaya.records.record import Quantity, single

__all__ = ["FIELD", "check_charges", "field_condition", "field_variables"]

FIELD: Final = "electric_field"
"""Name of the LAMMPS variable, V/A, and of the condition of the record, V/m."""

UNITS: Final = ("metal", "real")
"""Unit styles in which `fix efield` takes V/A."""

MAX_INPUT_BYTES: Final = 16 << 20
_FIX: Final = re.compile(rf"^[^#\n]*\befield\b[^#\n]*(?:\$\{{{FIELD}\}}|\bv_{FIELD}\b)", flags=re.MULTILINE)


def field_variables(script: Path, field: float, lammps_units: str | None) -> dict[str, str]:
    """The variable that hands a field to an input, in V/A.

    Args:
        script: Has a line such as `fix drive all efield ${electric_field} 0 0`: its direction is the input's own.
        field: V/m.
        lammps_units: Of the input.

    Raises:
        ParameterError: No such line: the field would not act. Or other units, or a field out of range.
        InputFileError: The input cannot be read.
    """
    within(FIELD, field)
    if lammps_units not in UNITS:
        raise ParameterError(f"electric_field goes to inputs in the units {' or '.join(UNITS)}, not {lammps_units}")
    text = read_bounded(script, MAX_INPUT_BYTES).decode(errors="replace")
    if not _FIX.search(text.replace("&\n", " ")):
        raise ParameterError(
            f"electric_field={field:g} V/m would not act: {script.name} has no line such as fix drive all efield "
            f"${{{FIELD}}} 0 0"
        )
    return {FIELD: f"{field * 1e-10:.10g}"}


def check_charges(dump: Path, lammps_units: str | None, elements: Sequence[str] | None) -> None:
    """Refuse a field on atoms whose charges are zero, or are not told.

    Args:
        dump: With a column q.
        lammps_units: As in `read_dump`.
        elements: As in `read_dump`.

    Raises:
        ParameterError: Neutral atoms, or no column of charges.
    """
    charges = next(read_dump(dump, lammps_units=lammps_units, elements=elements)).extra.get("q")
    if charges is None:
        raise ParameterError(
            f"{dump.name} has no column q: with an electric field, the charges must be seen to be there"
        )
    if not np.any(charges):
        raise ParameterError("an electric field does not act on neutral atoms: all charges of the dump are zero")


def field_condition(field: float) -> dict[str, Quantity]:
    """The condition of a record, V/m."""
    return {FIELD: single(field, "V/m")}
