"""Crystals and records in the forms of other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.core.errors import InputFileError, ParameterError, UnknownNameError
from nakaya.core.files import check_output, remove_leftovers
from nakaya.growth.store.export import FORMS, Selected, export_store
from nakaya.growth.store.schema import GROUP_FILE
from nakaya.growth.store.store import open_store
from nakaya.records.collection import show_records
from nakaya.records.store import record_folder, shipped_sets
from nakaya.records.tables import tables_of, write_tables

__all__ = ["OF_RECORDS", "export"]

OF_RECORDS: Final = ("csv",)
"""What records can be written as."""


def export(
    what: str | Path,
    form: str,
    out: Path,
    *,
    selected: Selected | None = None,
    ids: Sequence[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write crystals or records in another form, whole or not at all.

    Args:
        what: A store of crystals; or records: a shipped set, a store, a folder that `nakaya ingest` made, a JSON file.
        form: "csv", and of crystals "netcdf", "well", "vtk" or "npz".
        out: File to make; a folder for tables of records, and for VTK of several crystals.
        selected: Of crystals: which.
        ids: Of records: which; empty: all.
        overwrite: Whether what is there is replaced.
        progress: Of crystals: called with the points that are done, and their number.

    Returns:
        Plain values: format, out, how many crystals or records, and what else there is to say.

    Raises:
        InputFileError, FormatError: There is nothing of that name, or it is damaged.
        UnknownNameError: There is no such format, field or record.
        ParameterError: The format does not hold this.
        MissingExtraError: The format needs packages that are not installed.
        OutputError: The output exists or cannot be written; nothing is left behind.
    """
    if form not in FORMS:
        raise UnknownNameError("format", form, FORMS)
    if (Path(what) / GROUP_FILE).exists():
        if ids:
            raise ParameterError(f"{what} holds crystals, not records: leave record {ids[0]} out")
        return export_store(open_store(what), form, out, selected, overwrite=overwrite, progress=progress)
    if not Path(what).exists() and str(what) not in shipped_sets():
        known = ", ".join(shipped_sets()) or "none"
        raise InputFileError(f"{what} is neither a store of crystals, nor records, nor a shipped set (known: {known})")
    records = show_records(what, ids)
    if form not in OF_RECORDS:
        raise ParameterError(f"{what} holds records, which are exported as csv: {form} is for stores of crystals")
    if selected not in (None, Selected()):
        raise ParameterError(f"{what} holds records: points, members, fields and frames are of crystals")
    check_output(out, overwrite=overwrite, sign="*.csv")
    remove_leftovers(out)
    tables = tables_of(records, record_folder(what))
    write_tables(tables, out, overwrite=overwrite)
    return {"format": form, "records": len(records), "out": out, "files": sorted(tables)}
