"""The models that are compared, all with the same information and each with a small grid of settings.

The classical drift near n* is d(n)/dt = n^(2/3) (a - b n^(-1/3)), a proportional to the driving force: `size` is a
straight line in these two, `sizes` adds sizes by other rules, and the others have all features of the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import MissingExtraError, UnknownNameError
from nakaya.kinetics.models.baselines.fitting import Baseline
from nakaya.kinetics.models.baselines.tabular import Columns, make_ann, make_boosting, make_extra_trees, make_ridge
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.nuclei.atoms import without_melt
from nakaya.kinetics.nuclei.features import CURVATURE, SIZE_RATIOS
from nakaya.kinetics.nuclei.forecast import FateModel, Forecast
from nakaya.kinetics.nuclei.logistic import SumOfLogistic
from nakaya.kinetics.nuclei.samples import TARGET, NucleusSample
from nakaya.kinetics.samples.sample import Sample
from nakaya.records.record import DRIVING_FORCE

__all__ = ["BASELINES", "MODELS", "NETWORK", "SIZE", "find_fate_model"]

SIZE: Final = "size"
NETWORK: Final = "msgnn"

_OF_SIZE: Final = (CURVATURE, DRIVING_FORCE)
_MELT: Final = re.compile(r".*_of_(first|second|third)|aligned_melt|solid_melt")
"""Features of the cluster that look at the melt about it."""

_LINEAR: Final = tuple({"alpha": alpha} for alpha in (1.0, 10.0, 100.0, 1000.0))


def _chosen(names: Sequence[str] | None) -> Columns:
    def columns(sample: Sample) -> dict[str, float]:
        every = {**sample.conditions, **sample.pooled}
        return every if names is None else {name: every[name] for name in names if name in every}

    return columns


@dataclass(frozen=True)
class Tabular:
    """A regression on numbers of the cluster, as a model of the fate of nuclei."""

    name: str
    regression: Baseline
    grid: Sequence[Settings]

    def fit(self, nuclei: Sequence[NucleusSample], settings: Settings, *, seed: int) -> Forecast:
        """As `FateModel.fit`."""
        samples = [nucleus.sample for nucleus in nuclei]
        estimate = self.regression.fit_estimate(samples, TARGET, settings, seed=seed)

        def forecast(asked: Sequence[NucleusSample]) -> FloatArray:
            return estimate([nucleus.sample for nucleus in asked])[0]

        return forecast


def _size() -> Tabular:
    return Tabular(SIZE, make_ridge(_chosen(_OF_SIZE)), ({"alpha": 1e-3}, *_LINEAR[:3]))


def _with_label(sample: Sample, value: float) -> Sample:
    return replace(sample, labels={TARGET: replace(sample.labels[TARGET], value=value)})


def _same(sample: Sample) -> Sample:
    return sample


def _without_melt(sample: Sample) -> Sample:
    sequence = sample.sequence
    return replace(
        sample,
        pooled={name: value for name, value in sample.pooled.items() if not _MELT.fullmatch(name)},
        sequence=replace(sequence, frames=tuple(without_melt(graph) for graph in sequence.frames)),
    )


@dataclass(frozen=True)
class Network:
    """The graph network of `nakaya.kinetics.models.msgnn` on the atoms of the nucleus and its melt, and all features.

    It learns what the straight line of `size` leaves of the change.

    Attributes:
        name: As in the table.
        grid: Settings that are tried.
        fixed: Settings that make a variant. Atoms are few: training sees all of them, not patches.
        seen: What a variant sees of a sample.
    """

    name: str = NETWORK
    grid: Sequence[Settings] = ({"updates": 100.0, "dropout": 0.1}, {"updates": 300.0, "dropout": 0.3})
    fixed: Mapping[str, float] = field(default_factory=dict)
    seen: Callable[[Sample], Sample] = _same

    def fit(self, nuclei: Sequence[NucleusSample], settings: Settings, *, seed: int) -> Forecast:
        """As `FateModel.fit`.

        Raises:
            MissingExtraError: torch is not installed.
        """
        try:
            from nakaya.kinetics.models.msgnn.config import OPTIONS
            from nakaya.kinetics.models.msgnn.ensemble import Msgnn
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("nakaya"):
                raise
            raise MissingExtraError("kinetics models", "ml") from error
        all_atoms = next(option.high for option in OPTIONS if option.name == "patch_atoms")
        model = Msgnn(self.name, {"patch_atoms": all_atoms, "dynamic_steps": 1.0, **self.fixed})
        line = _size()
        start = line.fit(nuclei, line.grid[0], seed=seed)
        samples = [
            _with_label(self.seen(nucleus.sample), nucleus.change.mean - value)
            for nucleus, value in zip(nuclei, start(nuclei).tolist(), strict=True)
        ]
        fitted = model.fit(samples, TARGET, settings, seed=seed)

        def forecast(asked: Sequence[NucleusSample]) -> FloatArray:
            return start(asked) + fitted.predict([self.seen(nucleus.sample) for nucleus in asked]).mean

        return forecast


BASELINES: Final[Mapping[str, Callable[[], FateModel]]] = {
    SIZE: _size,
    "sizes": lambda: Tabular("sizes", make_ridge(_chosen((*_OF_SIZE, *SIZE_RATIOS))), _LINEAR),
    "ridge": lambda: Tabular("ridge", make_ridge(_chosen(None)), _LINEAR),
    "trees": lambda: Tabular(
        "trees", make_extra_trees(_chosen(None)), tuple({"leaf": leaf} for leaf in (1.0, 3.0, 6.0, 10.0))
    ),
    "boosting": lambda: Tabular(
        "boosting",
        make_boosting(_chosen(None)),
        tuple(
            {"learning_rate": 0.05, "trees": trees, "depth": depth} for trees in (40.0, 120.0) for depth in (1.0, 3.0)
        ),
    ),
    "perceptron": lambda: Tabular(
        "perceptron",
        make_ann(_chosen(None)),
        tuple({"width": 8.0, "weight_decay": decay} for decay in (1.0, 3.0, 10.0, 30.0)),
    ),
    "sum-of-logistic": SumOfLogistic,
    "msgnn-no-graph": lambda: Network("msgnn-no-graph", fixed={"graph": 0.0}),
    "msgnn-no-melt": lambda: Network("msgnn-no-melt", seen=_without_melt),
}
"""What the network has to beat; its own reductions are among them."""

MODELS: Final[Mapping[str, Callable[[], FateModel]]] = {**BASELINES, NETWORK: Network}


def find_fate_model(name: str) -> FateModel:
    """Return the model of this name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in MODELS:
        raise UnknownNameError("model of nuclei", name, MODELS)
    return MODELS[name]()
