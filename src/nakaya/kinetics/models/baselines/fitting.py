"""The common part of all baselines: labels in, a point estimate and an honest standard deviation out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.fields import FieldRanges, check_at_rest, check_fields, field_ranges
from nakaya.kinetics.models.protocol import PredictiveDistribution, Report, Settings
from nakaya.kinetics.samples.sample import TARGET_SCALES, Sample, Scale, label_values
from nakaya.learn.search_space import Parameter

__all__ = ["Baseline", "BaselinePredictor", "Estimate", "Spread", "fit_spread"]

SPREAD_FOLDS: Final = 3
STEPS: Final = 13


class Estimate(Protocol):
    """A fitted point estimate."""

    def __call__(self, samples: Sequence[Sample], /) -> tuple[FloatArray, FloatArray | None]:
        """Return (means, standard deviations of one new label or None where the method has none)."""
        ...


@dataclass(frozen=True)
class Spread:
    """Standard deviation of a new label about a prediction: sqrt(constant^2 + (share x prediction)^2).

    Attributes:
        constant: On the scale of the target.
        fraction: Relative part; 0 on a logarithmic scale.
    """

    constant: float
    fraction: float

    def __call__(self, means: FloatArray) -> FloatArray:
        """Return the standard deviation of every prediction, float64 [sample]."""
        return np.asarray(np.hypot(self.constant, self.fraction * means))


def fit_spread(means: FloatArray, labels: FloatArray, *, scale: Scale) -> Spread:
    """Fit a spread to predictions of samples that were held out, by maximum likelihood of a normal distribution.

    Args:
        means: Predictions, float64 [sample].
        labels: What came of them, float64 [sample].
        scale: On a logarithmic scale the spread is one number.
    """
    errors = labels - means
    whole = float(np.sqrt((errors**2).mean()))
    floor = max(1e-3 * float(labels.std()), 1e-9 * float(np.abs(labels).max()), 1e-12)
    if scale == "log10" or len(errors) < 2 * SPREAD_FOLDS:
        return Spread(max(whole, floor), 0.0)
    # Two numbers: a grid that is refined once or twice is faster than any gradient, and cannot get lost.
    constants = np.geomspace(max(0.1 * whole, floor), max(2 * whole, 2 * floor), STEPS)
    shares = np.geomspace(1e-3, 2.0, STEPS)
    for _ in range(3):
        spreads = np.hypot(constants[:, None, None], shares[None, :, None] * means)
        costs = (np.log(spreads) + 0.5 * (errors / spreads) ** 2).sum(axis=-1)
        row, column = np.unravel_index(int(np.argmin(costs)), costs.shape)
        found = Spread(float(constants[row]), float(shares[column]))
        constants, shares = _around(constants, int(row)), _around(shares, int(column))
    return found


def _around(grid: FloatArray, place: int) -> FloatArray:
    return np.geomspace(grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)], STEPS)


@dataclass(frozen=True, eq=False)
class BaselinePredictor:
    """A fitted baseline.

    Attributes:
        target: What it predicts.
        estimate: Means, and standard deviations where the method has them.
        spread: Used where it has none.
        fields: Of the training.
    """

    target: str
    estimate: Estimate
    spread: Spread
    fields: FieldRanges

    def predict(self, samples: Sequence[Sample]) -> PredictiveDistribution:
        """Return what the model thinks of samples; their labels are not looked at.

        Raises:
            ParameterError: A sample has a field that the training had not.
        """
        check_fields(samples, self.fields)
        scale = TARGET_SCALES[self.target]
        if not samples:
            return PredictiveDistribution(self.target, scale, np.zeros(0), np.zeros(0))
        means, deviations = self.estimate(samples)
        return PredictiveDistribution(
            self.target, scale, means, self.spread(means) if deviations is None else deviations
        )


@dataclass(frozen=True, eq=False)
class Baseline:
    """A `KineticModel` made from a function that fits a point estimate.

    The standard deviation of a method that has none comes from samples held out by condition in an inner
    cross-validation: residuals of the training samples themselves would be far too small.

    Attributes:
        name: As in the tables.
        make: (training samples, labels on the scale of the target, settings, seed) -> estimate.
        search_space: What a study may tune; empty for a method without hyperparameters.
        defaults: A value for every parameter.
        targets: What it can learn.
        own_spread: Whether the estimates bring standard deviations.
        sees_fields: Whether it looks at shear rates and electric fields; else samples that have one are refused.
    """

    name: str
    make: Callable[[Sequence[Sample], FloatArray, Settings, int], Estimate]
    search_space: Sequence[Parameter] = ()
    defaults: Settings = field(default_factory=dict)
    targets: tuple[str, ...] = tuple(TARGET_SCALES)
    own_spread: bool = False
    sees_fields: bool = False

    def fit(
        self,
        samples: Sequence[Sample],
        target: str,
        settings: Settings,
        *,
        seed: int,
        report: Report | None = None,
    ) -> BaselinePredictor:
        """Fit samples that all carry a label of `target`; settings left out keep their defaults.

        Raises:
            ParameterError: No samples, a label is missing, a value outside its range, or a target that it cannot learn.
        """
        labels, chosen = self._read(samples, target, settings)
        estimate = self.make(samples, labels, chosen, seed)
        if report is not None:
            report(1.0 if self.own_spread else 1 / (1 + SPREAD_FOLDS), {})
        spread = self._spread(samples, labels, chosen, seed, TARGET_SCALES[target])
        if report is not None:
            report(1.0, {})
        return BaselinePredictor(target, estimate, spread, field_ranges(samples))

    def fit_estimate(self, samples: Sequence[Sample], target: str, settings: Settings, *, seed: int) -> Estimate:
        """Fit the point estimate alone: its means are those of `fit`, for a quarter of the work.

        Raises:
            ParameterError: As in `fit`.
        """
        labels, chosen = self._read(samples, target, settings)
        return self.make(samples, labels, chosen, seed)

    def _read(self, samples: Sequence[Sample], target: str, settings: Settings) -> tuple[FloatArray, dict[str, float]]:
        """Labels and complete settings, checked."""
        if target not in self.targets:
            raise ParameterError(f"{self.name} cannot learn {target}: it is a law of {', '.join(self.targets)}")
        if not self.sees_fields:
            check_at_rest(samples, self.name)
        known = {parameter.name: parameter for parameter in self.search_space}
        for name in settings:
            if name not in known:
                raise ParameterError(f"{self.name} has no setting {name}: known are {', '.join(known) or 'none'}")
        merged = {**self.defaults, **settings}
        return label_values(samples, target), {name: known[name].check(value) for name, value in merged.items()}

    def _spread(
        self, samples: Sequence[Sample], labels: FloatArray, settings: Settings, seed: int, scale: Scale
    ) -> Spread:
        names = sorted({sample.condition for sample in samples})
        whole = Spread(max(float(labels.std()), 1e-12), 0.0)
        if self.own_spread or len(names) < 2:
            return whole
        folds = min(SPREAD_FOLDS, len(names))
        places = np.random.default_rng(seed).permutation(len(names)) % folds
        number = dict(zip(names, places.tolist(), strict=True))
        which = np.array([number[sample.condition] for sample in samples])
        means = np.empty(len(samples))
        for fold in range(folds):
            inside, outside = np.flatnonzero(which == fold).tolist(), np.flatnonzero(which != fold).tolist()
            estimate = self.make([samples[place] for place in outside], labels[outside], settings, seed)
            means[inside] = estimate([samples[place] for place in inside])[0]
        return fit_spread(means, labels, scale=scale)
