"""TOML files to checked values: unknown keys are errors that name the nearest known key."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from nakaya.core.errors import ConfigError, NakayaError, nearest_name, shown
from nakaya.core.reading import foreign_description, read_toml_document

__all__ = ["Table", "checked", "read_toml"]

MAX_CONFIG_BYTES = 2**22


class Table(BaseModel):
    """A table of a configuration file: every key is declared, nothing is converted, nothing can be changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Config = TypeVar("Config")


def read_toml(path: Path, kind: type[Config]) -> Config:
    """Read a configuration file.

    Args:
        path: The TOML file.
        kind: What it must hold: a `Table` or a frozen dataclass, which checks itself; so may each field of it.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown or wrong.
    """
    document = read_toml_document(path, MAX_CONFIG_BYTES)
    try:
        return checked(document, kind)
    except NakayaError as error:
        raise ConfigError(foreign_description(document, _fields_of(kind), path) or f"{path}: {error}") from error


def checked(document: Mapping[str, Any], kind: type[Config]) -> Config:
    """Return the entries of a file as values; lists become tuples where those are declared, nothing else is converted.

    Raises:
        ConfigError: An entry is missing, unknown or wrong; it is named.
        NakayaError: A dataclass refuses its entries.
    """
    try:
        # As JSON, for pydantic's strict mode takes no list for a tuple, and no table for a dataclass, but from JSON.
        # A date, which JSON lacks, becomes a table, which no key takes that could be meant.
        text = json.dumps(document, default=lambda value: {type(value).__name__: str(value)})
        file = create_model(
            "File", __base__=Table, file=(kind, ...)
        )  # a dataclass has the rules of the table around it
        found: Config = file.model_validate_json(f'{{"file": {text}}}').file  # type: ignore[attr-defined]
    except ValidationError as error:
        raise ConfigError(_explain(error, kind)) from error
    return found


def _explain(error: ValidationError, kind: type) -> str:
    """The first fault in words; unknown keys first, for a misspelt key makes the right one missing."""
    unknown = ("extra_forbidden", "unexpected_keyword_argument")  # of a table, of a dataclass
    faults = sorted(error.errors(), key=lambda fault: fault["type"] not in unknown)
    fault = faults[0]
    words = [str(word) for word in fault["loc"][1:]]  # the first leads into the file
    name = ".".join(words)
    if fault["type"] in unknown:
        known = _keys_at(kind, words[:-1])
        nearest = nearest_name(words[-1], known)
        hint = f" did you mean {nearest!r}?" if nearest else ""
        return f"unknown key {shown(name, 80)}:{hint} known: {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{name!r} is missing"
    if fault["type"] == "value_error":  # what a dataclass says of its own entries
        return f"{name}: {fault['ctx']['error']}" if name else str(fault["ctx"]["error"])
    return f"{name} = {shown(fault['input'], 60)}: {fault['msg'].lower()}"


def _keys_at(kind: type, words: list[str]) -> list[str]:
    """The keys of the table that a dotted name leads to."""
    current: Any = kind  # a table, or what a table's field may hold
    for word in words:
        candidates = _tables_in(current)
        found = [fields[word] for table in candidates if word in (fields := _fields_of(table))]
        current = found[0] if found else current  # the key of a mapping: its values' table is already at hand
    return sorted({key for table in _tables_in(current) for key in _fields_of(table)})


def _fields_of(table: type) -> dict[str, Any]:
    """Key -> type."""
    if issubclass(table, BaseModel):
        return {name: field.annotation for name, field in table.model_fields.items()}
    hints = get_type_hints(table, include_extras=True)  # of a dataclass; a field may have another name in the file
    return {
        next(
            (extra.alias for extra in get_args(hints[name]) if isinstance(extra, FieldInfo) and extra.alias), name
        ): hints[name]
        for name in (field.name for field in dataclasses.fields(table))  # type: ignore[arg-type]
    }


def _tables_in(annotation: Any) -> list[type]:
    """The tables and dataclasses in a type such as `dict[str, Axis] | None`."""
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return [annotation]
    return [table for part in get_args(annotation) for table in _tables_in(part)]
