"""Descriptions to begin with: TOML files that ship, with every key explained."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from nakaya.core.errors import UnknownNameError
from nakaya.core.reading import read_bounded
from nakaya.records.shipped import shipped_folder

__all__ = ["TemplateKind", "read_template", "template_names"]

TemplateKind: TypeAlias = Literal["simulate", "fit"]
"""What is described: a simulated run, or a fit."""

MAX_TEMPLATE_BYTES: Final = 1 << 16


def template_names(kind: TemplateKind) -> tuple[str, ...]:
    """Names of the templates of one kind.

    >>> template_names("fit")
    ('dextrose', 'system')
    """
    found = shipped_folder("templates").glob(f"{kind}-*.toml")
    return tuple(sorted(path.stem.removeprefix(f"{kind}-") for path in found))


def read_template(kind: TemplateKind, name: str) -> str:
    """Return a description to begin with, TOML.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name not in template_names(kind):
        raise UnknownNameError("template", name, template_names(kind))
    return read_bounded(shipped_folder("templates") / f"{kind}-{name}.toml", MAX_TEMPLATE_BYTES).decode()
