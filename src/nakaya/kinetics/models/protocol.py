"""What every kinetics model has in common, be it a mean or a graph network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeAlias, runtime_checkable

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.samples.sample import Sample, Scale
from nakaya.learn.search_space import Parameter

__all__ = ["KineticModel", "PredictiveDistribution", "Predictor", "Report", "ResumableModel", "Settings"]

Settings: TypeAlias = Mapping[str, float]
"""Hyperparameter -> value; integers are whole floats."""

Report: TypeAlias = Callable[[float, Mapping[str, float]], None]
"""Called during a fit with the fraction that is done, in [0, 1], and the latest figures."""


@dataclass(frozen=True, eq=False)
class PredictiveDistribution:
    """A normal distribution for every sample, on the scale of the target.

    Attributes:
        target: Name of the quantity.
        scale: Whether `mean` and `standard_deviation` are of the quantity or of its decimal logarithm, in SI units.
        mean: float64 [sample].
        standard_deviation: float64 [sample], of one new label, so noise included; positive.
    """

    target: str
    scale: Scale
    mean: FloatArray
    standard_deviation: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[PredictiveDistribution]) -> PredictiveDistribution:
        """Predictions of several sets of samples of one target, one after another."""
        return cls(
            parts[0].target,
            parts[0].scale,
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.standard_deviation for part in parts]),
        )


class Predictor(Protocol):
    """A model that has been fitted to one target."""

    def predict(self, samples: Sequence[Sample]) -> PredictiveDistribution:
        """Return what the model thinks of samples; their labels are not looked at."""
        ...


class KineticModel(Protocol):
    """A way to learn one target from samples.

    Attributes:
        name: As in the tables: "msgnn", "svm", ...
        search_space: What a study may tune.
        defaults: A value for every parameter of the search space.
    """

    name: str
    search_space: Sequence[Parameter]
    defaults: Settings

    def fit(
        self,
        samples: Sequence[Sample],
        target: str,
        settings: Settings,
        *,
        seed: int,
        report: Report | None = None,
    ) -> Predictor:
        """Fit samples that all carry a label of `target`; everything random comes from `seed`."""
        ...


@runtime_checkable
class ResumableModel(Protocol):
    """A kinetics model whose fits take long enough to be gone on with where they were stopped."""

    def with_checkpoints(self, folder: Path) -> Self:
        """Return a model that keeps its state in a folder; the same fit with the same folder goes on from there.

        What is fitted does not depend on how often it was stopped.
        """
        ...
