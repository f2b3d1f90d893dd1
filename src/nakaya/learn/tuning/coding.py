"""From parameters to Optuna's distributions and back.

Powers of two are searched as their exponents: a Gaussian process then sees 8 and 16 as far apart as 16 and 32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

from nakaya.learn.search_space import Parameter

__all__ = ["decode", "distributions", "encode", "suggest"]


def _coordinate(parameter: Parameter, value: float) -> int | float:
    if parameter.kind == "power-of-two":
        return round(math.log2(value))
    return int(value) if parameter.kind == "integer" else float(value)


def _distribution(parameter: Parameter) -> BaseDistribution:
    low, high = _coordinate(parameter, parameter.low), _coordinate(parameter, parameter.high)
    if isinstance(low, int):
        return IntDistribution(low, high)
    return FloatDistribution(low, high, log=parameter.kind == "log")


def distributions(space: Sequence[Parameter]) -> dict[str, BaseDistribution]:
    """Return a distribution for every parameter, by name."""
    return {parameter.name: _distribution(parameter) for parameter in space}


def suggest(trial: BaseTrial, parameter: Parameter) -> int | float:
    """Return the coordinate of a parameter that a trial has, or let its sampler choose it."""
    entry = _distribution(parameter)
    if isinstance(entry, IntDistribution):
        return int(trial.suggest_int(parameter.name, entry.low, entry.high))
    return float(trial.suggest_float(parameter.name, entry.low, entry.high, log=entry.log))


def encode(settings: Mapping[str, float], space: Sequence[Parameter]) -> dict[str, int | float]:
    """Return the coordinates of a setting in the study."""
    return {parameter.name: _coordinate(parameter, settings[parameter.name]) for parameter in space}


def decode(coordinates: Mapping[str, int | float], space: Sequence[Parameter]) -> dict[str, float]:
    """Return the setting at a point of the study; the inverse of `encode`."""
    return {
        parameter.name: 2.0 ** coordinates[parameter.name]
        if parameter.kind == "power-of-two"
        else float(coordinates[parameter.name])
        for parameter in space
    }
