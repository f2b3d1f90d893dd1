"""Systems, seeds and size classes as TOML tables, which fits and simulations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field, create_model

from nakaya.core.arrays import FloatArray
from nakaya.core.configuration import Table, checked
from nakaya.core.errors import ConfigError, ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer, Seed
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.rate_equations import (
    BirthAndSpreadGrowth,
    Growth,
    Kinetics,
    Nucleation,
    PowerLawDissolution,
    PowerLawGrowth,
)
from nakaya.reactor.sizes import BinnedSizes, LogNormalSizes, NormalSizes, SizeDistribution
from nakaya.reactor.solubility import CELSIUS_ZERO, Solubility

__all__ = ["GridTable", "SeedTable", "SystemTable", "build_crystallizer", "extrapolation_remarks"]


class SystemTable(Table):
    """The solute: a shipped set by name, changed or completed by what is given here."""

    set: str | None = None
    name: str | None = None
    density: float | None = None
    shape_factor: float | None = None
    solubility: Solubility | None = None
    solubility_measured_C: tuple[float, float] | None = None  # where the law is known; beyond it is an extrapolation
    growth: dict[str, Any] | None = None  # entries of a law, which change or complete that of the set
    dissolution: dict[str, Any] | None = None
    nucleation: dict[str, dict[str, Any]] = Field(default_factory=dict)


class SeedTable(Table):
    """Seed crystals."""

    loading: float
    mean_um: float | None = None
    deviation_um: float | None = None
    weight: Literal["number", "mass"] = "number"
    least_um: float = 0.0
    median_um: float | None = None
    spread: float | None = None
    edges_um: tuple[float, ...] | None = None
    counts: tuple[float, ...] | None = None

    def build(self) -> Seed:
        """The seed: normal (mean_um, deviation_um), log-normal (median_um, spread) or sieved (edges_um, counts)."""
        sizes: SizeDistribution
        if (self.edges_um is None) != (self.counts is None):
            raise ParameterError("a sieved seed needs both edges_um (n + 1) and counts (n) of crystals between them")
        if self.edges_um is not None and self.counts is not None and self.mean_um is None and self.median_um is None:
            sizes = BinnedSizes(np.array(self.edges_um) * 1e-6, np.array(self.counts))
        elif (
            self.edges_um is None
            and self.mean_um is not None
            and self.deviation_um is not None
            and self.median_um is None
        ):
            sizes = NormalSizes(self.mean_um * 1e-6, self.deviation_um * 1e-6, self.weight, self.least_um * 1e-6)
        elif self.edges_um is None and self.median_um is not None and self.spread is not None and self.mean_um is None:
            sizes = LogNormalSizes(self.median_um * 1e-6, self.spread)
        else:
            raise ParameterError(
                "a seed needs one of: mean_um and deviation_um (normal), median_um and spread (log-normal), edges_um "
                "and counts"
            )
        return Seed(self.loading, sizes)


class GridTable(Table):
    """Classes of size for finite volumes."""

    num_classes: int = 400
    largest_um: float | None = None

    def build(self) -> Grid:
        """The classes."""
        return Grid(self.num_classes, None if self.largest_um is None else self.largest_um * 1e-6)


_GROWTH_LAWS: Mapping[str, type[Growth]] = {"power-law": PowerLawGrowth, "birth-and-spread": BirthAndSpreadGrowth}


def extrapolation_remarks(table: SystemTable, temperatures: FloatArray) -> list[str]:
    """Say how far a run leaves the temperatures at which its solubility was measured, where the table states them.

    Args:
        table: The system.
        temperatures: Of the run, float64 [n], K.

    Raises:
        ParameterError: The stated ends do not rise.
    """
    if table.solubility_measured_C is None:
        return []
    low, high = table.solubility_measured_C
    if not low < high:
        raise ParameterError(f"solubility_measured_C = [{low:g}, {high:g}] does not rise: give the lower end first")
    celsius = temperatures - CELSIUS_ZERO
    beyond = max(low - float(celsius.min()), float(celsius.max()) - high)
    if beyond <= 0:
        return []
    return [
        f"the temperature leaves {low:g} to {high:g} degC, where the solubility was measured, by up to {beyond:.3g} K: "
        "the law is extrapolated"
    ]


def build_crystallizer(table: SystemTable) -> Crystallizer:
    """The system that a table describes.

    Raises:
        ConfigError, ParameterError, UnknownNameError: Something is missing, unknown or out of range.
    """
    published = None if table.set is None else parameter_set(table.set)
    kinetics = _kinetics(table, Kinetics() if published is None else published.kinetics)
    if published is not None:
        made = published.crystallizer(
            solubility=table.solubility, density=table.density, shape_factor=table.shape_factor
        )
        return _checked_unit(replace(made, kinetics=kinetics, name=table.name or made.name))
    if table.solubility is None or table.density is None or table.shape_factor is None:
        raise ConfigError("a [system] without a set needs [system.solubility], density and shape_factor")
    return _checked_unit(
        Crystallizer(table.solubility, kinetics, table.density, table.shape_factor, table.name or "unnamed")
    )


def _checked_unit(crystallizer: Crystallizer) -> Crystallizer:
    _ = crystallizer.solubility.conversion  # raises where its unit needs what is not given
    return crystallizer


def _kinetics(table: SystemTable, known: Kinetics) -> Kinetics:
    """The laws of a set, changed and completed by the entries of the file."""
    given = None if table.growth is None else dict(table.growth)
    kind: Any = type(known.growth) if known.growth else PowerLawGrowth
    if given is not None and "law" in given:
        name = str(given.pop("law"))
        if name not in _GROWTH_LAWS:
            raise UnknownNameError("law of [system.growth]", name, _GROWTH_LAWS)
        kind = _GROWTH_LAWS[name]
    nucleation = dict(known.nucleation)
    entries = {
        "growth": _completed(known.growth if type(known.growth) is kind else None, given),
        "dissolution": _completed(known.dissolution, table.dissolution),
        "nucleation": {
            name: _completed(nucleation.get(name), changes)
            for name, changes in {**dict.fromkeys(nucleation), **table.nucleation}.items()
        },
    }
    kinds: dict[str, Any] = {
        "growth": kind | None,
        "dissolution": PowerLawDissolution | None,
        "nucleation": dict[str, Nucleation],
    }
    laws: Any = checked(
        {"system": entries},
        create_model("Laws", __base__=Table, system=create_model("System", __base__=Table, **kinds)),
    )
    return Kinetics(laws.system.growth, tuple(laws.system.nucleation.items()), laws.system.dissolution)


def _completed(law: Any, given: Mapping[str, Any] | None) -> dict[str, Any] | None:  # any of the laws
    return None if law is None and given is None else {**({} if law is None else asdict(law)), **(given or {})}
