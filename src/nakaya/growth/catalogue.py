"""The catalogue: which name means which model. A new model is one folder plus one line here.

A package outside adds a grower by the entry point group "nakaya.growers": name = "package.module:make", where `make()`
returns a `Grower`. The catalogue imports a model only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from nakaya.core.errors import UnknownNameError
from nakaya.growth.model.conditions import Conditions
from nakaya.growth.model.grower import Grower
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

__all__ = ["FAMILIES", "GROWERS", "find_family", "find_grower", "grower_names"]

FAMILIES: dict[str, type[GravnerGriffeath]] = {GravnerGriffeath.family: GravnerGriffeath}
"""Parameter spaces by name."""

GROWERS: dict[str, str] = {
    "gravner-griffeath": "nakaya.growth.solvers.gravner_griffeath.solver:make",
    "gravner-griffeath-reference": "nakaya.growth.solvers.gravner_griffeath.solver:make_reference",
    "cgne-small-rho": "nakaya.growth.emulators.cgne.shipped:make_small_rho",
}
"""Growers by name, as "module:function"; the function takes nothing and returns the grower."""

ENTRY_POINT_GROUP = "nakaya.growers"


def _sources() -> Mapping[str, str]:
    outside = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return {**outside, **GROWERS}


def grower_names() -> tuple[str, ...]:
    """The names that `nakaya.grow(model=...)` accepts, sorted."""
    return tuple(sorted(_sources()))


def find_grower(name: str) -> Grower:
    """Return the grower of this name.

    Raises:
        UnknownNameError: There is none.
        MissingExtraError: It needs packages that are not installed.
    """
    sources = _sources()
    if name not in sources:
        raise UnknownNameError("model", name, sources)
    module, _, function = sources[name].partition(":")
    return cast(Grower, getattr(import_module(module), function)())


def find_family(name: str) -> type[Conditions]:
    """Return the parameter space of this name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in FAMILIES:
        raise UnknownNameError("parameter space", name, FAMILIES)
    return FAMILIES[name]
