"""Forecasts of the solid fraction, and how they compare with standing still and with going straight on.

The network observes frames up to a moment and then goes on without observations. It sees neither later frames nor the
pooled evidence, which sums up the whole of the early picoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.msgnn.augmentation import observe
from nakaya.kinetics.models.msgnn.batching import collate
from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor
from nakaya.kinetics.models.msgnn.task import FREE_STEPS
from nakaya.kinetics.samples.sample import Sample
from nakaya.learn.threads import torch_threads
from nakaya.md.interfaces import TIME_TOLERANCE_PS

__all__ = ["ForecastScore", "forecast_fractions", "join_scores", "score_forecasts"]

SEEN_PS = 5.0
"""What is seen before the forecast: half of the evidence."""


@dataclass(frozen=True)
class ForecastScore:
    """Root mean square errors of forecasts of the solid fraction, over all later moments of the evidence.

    Attributes:
        network: Of the network, running forward without observations.
        persistence: Of the last fraction that was seen.
        constant_velocity: Of a straight line through all that was seen.
        forecasts: Number of moments that were forecast.
    """

    network: float
    persistence: float
    constant_velocity: float
    forecasts: int


def forecast_fractions(
    predictor: MsgnnPredictor, sample: Sample, later_ps: FloatArray, *, seen_ps: float = SEEN_PS
) -> FloatArray:
    """Return solid fractions at later moments, float64 [moment], as the mean of the ensemble.

    Args:
        predictor: Fitted to evidence B.
        sample: Of evidence B, with a series of the solid fraction.
        later_ps: Moments after `seen_ps`, since the start of the evidence.
        seen_ps: Nothing later is looked at.

    Raises:
        ParameterError: There is no such series, or nothing was seen by then.
    """
    encoded = predictor.encoding.encode(sample)
    if not (encoded.times_ps <= seen_ps + TIME_TOLERANCE_PS).any() or predictor.encoding.slope == 0:
        raise ParameterError(f"sample {sample.record_id} has no solid fraction by {seen_ps:g} ps to go on from")
    drawn = observe(encoded, predictor.config.dynamic_steps, until_ps=seen_ps)
    last = drawn.frames[-1]
    if not np.isfinite(last.solid_fraction):
        raise ParameterError(f"sample {sample.record_id}: the solid fraction at {last.time_ps:g} ps is not known")
    batch = collate([drawn], predictor.encoding)
    steps = torch.tensor((np.asarray(later_ps) - last.time_ps) / FREE_STEPS, dtype=torch.float32)
    changes = []
    with torch_threads(1), torch.no_grad():
        for member in predictor.members:
            output = member.network(batch)
            state = output.states[-1].expand(len(steps), -1)
            conditions = output.conditions.expand(len(steps), -1)
            line = batch.moments[-1].line.expand(len(steps), -1)
            changes.append(member.network.forecast(state, conditions, line, steps, steps=FREE_STEPS)[:, -1].numpy())
    return np.asarray(last.solid_fraction + np.mean(changes, axis=0), dtype=np.float64)


def score_forecasts(predictor: MsgnnPredictor, samples: Sequence[Sample], *, seen_ps: float = SEEN_PS) -> ForecastScore:
    """Score forecasts over the later part of the evidence of samples that were not trained on.

    Raises:
        ParameterError: No sample has a later moment.
    """
    errors: list[FloatArray] = []
    for sample in samples:
        encoded = predictor.encoding.encode(sample)
        early = encoded.times_ps <= seen_ps + TIME_TOLERANCE_PS
        late = ~early
        if early.sum() < 2 or not late.any():
            continue
        times, fractions = encoded.times_ps, encoded.solid_fractions
        said = forecast_fractions(predictor, sample, times[late], seen_ps=seen_ps)
        line = np.polynomial.Polynomial.fit(times[early], fractions[early], 1)
        errors.append(
            np.stack([said, np.full(int(late.sum()), fractions[early][-1]), line(times[late])]) - fractions[late]
        )
    if not errors:
        raise ParameterError(f"no sample has a solid fraction before and after {seen_ps:g} ps")
    both = np.concatenate(errors, axis=1)
    network, still, straight = np.sqrt((both**2).mean(axis=1)).tolist()
    return ForecastScore(network, still, straight, both.shape[1])


def join_scores(scores: Sequence[ForecastScore]) -> ForecastScore:
    """Scores of several folds together."""
    count = sum(score.forecasts for score in scores)

    def joined(name: str) -> float:
        return float(np.sqrt(sum(getattr(score, name) ** 2 * score.forecasts for score in scores) / count))

    return ForecastScore(joined("network"), joined("persistence"), joined("constant_velocity"), count)
