"""TOML files to checked values: unknown keys are errors that name the nearest known key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from nakaya.core.errors import ConfigError, nearest_name, shown
from nakaya.core.reading import foreign_description, read_toml_document

__all__ = ["Table", "read_toml"]

MAX_CONFIG_BYTES = 2**22


class Table(BaseModel):
    """A table of a configuration file: every key is declared, nothing is converted, nothing can be changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Config = TypeVar("Config", bound=Table)


def read_toml(path: Path, table: type[Config]) -> Config:
    """Read a configuration file.

    Args:
        path: The TOML file.
        table: What it must hold.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown or wrong.
    """
    document = read_toml_document(path, MAX_CONFIG_BYTES)
    try:
        return table.model_validate(document)
    except ValidationError as error:
        if (foreign := foreign_description(document, table.model_fields, path)) is not None:
            raise ConfigError(foreign) from error
        raise ConfigError(f"{path}: {_explain(error, table)}") from error


def _explain(error: ValidationError, table: type[BaseModel]) -> str:
    """The first fault in words; unknown keys first, for a misspelt key makes the right one missing."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    words = [str(word) for word in fault["loc"]]
    name = ".".join(words)
    if fault["type"] == "extra_forbidden":
        known = _keys_at(table, words[:-1])
        nearest = nearest_name(words[-1], known)
        hint = f" did you mean {nearest!r}?" if nearest else ""
        return f"unknown key {shown(name, 80)}:{hint} known: {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{name!r} is missing"
    return f"{name} = {shown(fault['input'], 60)}: {fault['msg'].lower()}"


def _keys_at(table: type[BaseModel], words: list[str]) -> list[str]:
    """The keys of the table that a dotted name leads to."""
    current: Any = table  # a model, or what a model's field may hold
    for word in words:
        candidates = _tables_in(current)
        found = [model.model_fields[word].annotation for model in candidates if word in model.model_fields]
        current = found[0] if found else current  # the key of a mapping: its values' table is already at hand
    return sorted({key for model in _tables_in(current) for key in model.model_fields})


def _tables_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in a type such as `dict[str, Axis] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _tables_in(part)]
