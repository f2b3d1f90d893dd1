"""What a campaign shall grow: the sweep file, checked, and the same as plain values inside the store."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_count, check_in_range, check_seed
from nakaya.core.configuration import Table, checked, read_toml
from nakaya.core.errors import ConfigError, FormatError, NakayaError, ParameterError, UnknownNameError
from nakaya.growth.campaigns.sampling import Axis, Method, PointsPlan, sample_points
from nakaya.growth.catalogue import DEFAULT_MODEL, find_model
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.store.layout import MAX_CRYSTALS, StoreLayout, make_layout

__all__ = ["CampaignConfig", "plain_points", "read_campaign", "sample_parameters", "sample_plain"]


@dataclass(frozen=True)
class CampaignConfig:
    """A campaign: parameter points, members of each, and how they grow.

    Attributes:
        setup: Lattice, initial crystals, edges, stop rules.
        points: Which parameter points.
        members: Crystals at each point.
        model: Name of the grower.
        seed: Of the noise in the crystals.
        fixed: Parameters with one value for all points, by name; the others have their defaults.
        crystals_per_shard: At most so many crystals in a shard, which is one task; None: about 4 MiB, decoded.

    Raises:
        ParameterError: A number is out of range.

    >>> from nakaya.growth.lattice.geometry import make_setup
    >>> points = PointsPlan("sobol", {"rho": Axis(0.35, 0.64)}, count=8, seed=1)
    >>> config = CampaignConfig(make_setup("sector", 32), points, members=4, fixed={"mu": 0.05})
    >>> sample = config.sample(find_model("gravner-griffeath").family)
    >>> len(sample["rho"]), float(sample["mu"][0])
    (8, 0.05)
    """

    setup: GrowthSetup
    points: PointsPlan
    members: int
    model: str = DEFAULT_MODEL
    seed: int = 0
    fixed: Mapping[str, float] = field(default_factory=dict)
    crystals_per_shard: int | None = None

    def __post_init__(self) -> None:
        check_count("members", self.members, 1, MAX_CRYSTALS, ": it is the number of crystals at each point")
        check_seed(self.seed)
        if self.crystals_per_shard is not None:
            check_count("crystals_per_shard", self.crystals_per_shard, 1, MAX_CRYSTALS)

    def layout(self, family: type[Conditions]) -> StoreLayout:
        """Shape, shards and chunks of the store, without grain numbers."""
        return make_layout(
            self.points.num_points,
            self.members,
            self.setup.shape,
            tuple(family.ranges),
            crystals_per_shard=self.crystals_per_shard,
        )

    def sample(self, family: type[Conditions]) -> dict[str, FloatArray]:
        """Return all parameters of all points, float64 [point] by name, in the order of the family.

        Raises:
            ParameterError: A value is out of range, or a parameter without default is missing.
            UnknownNameError: A parameter is not of this family.
        """
        self._check_parameters(family)
        return sample_parameters(self.points, self._unvaried(family), family)

    def _unvaried(self, family: type[Conditions]) -> dict[str, float]:
        """The parameters that are the same at all points, defaults included."""
        anywhere = {name: (axis.values or (axis.low,))[0] for name, axis in self.points.vary.items()}
        parameters = family(**{**self.fixed, **anywhere}).parameters()
        return {name: float(value) for name, value in parameters.items() if name not in self.points.vary}

    def _check_parameters(self, family: type[Conditions]) -> None:
        for name in (*self.points.vary, *self.fixed):
            if name not in family.ranges:
                raise UnknownNameError("parameter", name, family.ranges)
            if name in self.points.vary and name in self.fixed:
                raise ParameterError(f"{name} is fixed and varied: decide on one")
        for name, value in self.fixed.items():
            check_in_range(name, value, family.ranges[name])
        for name, axis in self.points.vary.items():
            for bound in axis.values or (axis.low, axis.high):
                check_in_range(name, bound, family.ranges[name])
        for name, parameter in inspect.signature(family).parameters.items():
            is_given = name in self.points.vary or name in self.fixed
            if parameter.default is parameter.empty and not is_given:
                raise ParameterError(f"{name} has no default: vary it, or fix it")

    def as_plain(self, family: type[Conditions]) -> dict[str, object]:
        """The campaign as plain JSON values with all defaults filled in: the same values, the same store."""
        self._check_parameters(family)
        layout = self.layout(family)
        return {
            "model": self.model,
            "family": family.family,
            "members": self.members,
            "seed": self.seed,
            "geometry": self.setup.as_metadata(),
            "points": {
                "method": self.points.method,
                "count": self.points.num_points,
                "seed": self.points.seed,
                "vary": {name: _plain_axis(axis) for name, axis in self.points.vary.items()},
                "fixed": self._unvaried(family),
            },
            "shard": [layout.shard_points, layout.shard_members],
        }


def _plain_axis(axis: Axis) -> dict[str, object]:
    if axis.values is not None:
        return {"values": [float(value) for value in axis.values]}
    assert axis.low is not None
    assert axis.high is not None
    return {"low": float(axis.low), "high": float(axis.high), "scale": axis.scale, "count": axis.count}


def sample_parameters(
    points: PointsPlan, unvaried: Mapping[str, float], family: type[Conditions]
) -> dict[str, FloatArray]:
    """Return all parameters of all points, float64 [point] by name, in the order of the family."""
    ordered = {name: points.vary[name] for name in family.ranges if name in points.vary}
    varied = sample_points(replace(points, vary=ordered))
    return {
        name: varied[name] if name in varied else np.full(points.num_points, unvaried[name]) for name in family.ranges
    }


def plain_points(points: Mapping[str, Any]) -> tuple[PointsPlan, Mapping[str, float]]:
    """Return the plan of the points, and the parameters that do not vary, of `CampaignConfig.as_plain()["points"]`.

    Raises:
        NakayaError: They are not such that this version can sample them.
    """
    table = checked(points, _PointsTable)
    count = None if table.method == "grid" else table.count  # told of a grid, too, and follows from its axes
    return PointsPlan(table.method, table.vary, count, table.seed), table.fixed


def sample_plain(campaign: Mapping[str, Any], family: type[Conditions], where: str) -> dict[str, FloatArray]:
    """Return the parameters of a campaign that stands in a store, as `CampaignConfig.sample` does.

    Raises:
        FormatError: The campaign is not one that this version can sample.
    """
    try:
        return sample_parameters(*plain_points(campaign["points"]), family)
    except (KeyError, ValueError) as error:  # pydantic's errors and ours are ValueErrors
        raise FormatError(f"{where} cannot be read: {str(error).splitlines()[0]}") from error


# The sweep file -------------------------------------------------------------------------------------------------------


class _LatticeTable(Table):
    size: int | None = None
    shape: list[int] | None = None
    geometry: str | None = None
    edges: str | None = None
    initial: list[list[int]] | None = None


class _PointsTable(Table):
    method: Method
    count: int | None = None
    seed: int | None = None
    vary: dict[str, Axis] = {}  # noqa: RUF012 - pydantic copies defaults
    fixed: dict[str, float] = {}  # noqa: RUF012


class _StoreTable(Table):
    crystals_per_shard: int | None = None


class _CampaignTable(Table):
    members: int
    lattice: _LatticeTable
    points: _PointsTable
    model: str = DEFAULT_MODEL
    seed: int = 0
    stop: dict[str, int | float | str] = {}  # noqa: RUF012
    store: _StoreTable = _StoreTable()


def read_campaign(path: Path) -> CampaignConfig:
    """Read a sweep file; `examples/sweep.toml` explains every entry.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown, or wrong.
    """
    table = read_toml(path, _CampaignTable)
    try:
        config = _build(table)
        config.as_plain(find_model(config.model).family)  # parameters and sizes are checked on the way
        return config
    except NakayaError as error:
        raise ConfigError(f"{path}: {error}") from error


def _build(table: _CampaignTable) -> CampaignConfig:
    model, lattice = find_model(table.model), table.lattice
    for name in table.stop:
        if name not in model.stop_rules:
            raise UnknownNameError("key of stop", name, model.stop_rules)
    rules: dict[str, Any] = {name: None if value == "never" else value for name, value in table.stop.items()}
    stop = model.stop(**rules)
    sites: Any = lattice.initial  # lists of rows and columns; they are checked to be sites
    setup = model.setup(
        lattice.geometry, lattice.size, shape=lattice.shape, initial=sites, edges=lattice.edges, stop=stop
    )
    seed = table.points.seed
    if seed is None and table.points.method != "grid":
        seed = table.seed
    return CampaignConfig(
        setup=setup,
        points=PointsPlan(table.points.method, table.points.vary, table.points.count, seed),
        members=table.members,
        model=table.model,
        seed=table.seed,
        fixed=dict(table.points.fixed),
        crystals_per_shard=table.store.crystals_per_shard,
    )
