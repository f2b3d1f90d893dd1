"""What a study searches: a flat space, the settings to try first, and the score of a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.learn.search_space import Parameter

__all__ = ["Objective", "Problem", "Settings", "check_settings"]

Settings: TypeAlias = Mapping[str, float]
"""Hyperparameter -> value; integers are whole floats."""


class Objective(Protocol):
    """The score of a setting; lower is better. It can be pickled, because workers are processes of their own."""

    def __call__(self, settings: Settings) -> float:
        """Return the score; not finite where the training diverged."""
        ...


@dataclass(frozen=True)
class Problem:
    """Everything that a worker needs to know about a study.

    Attributes:
        space: What is varied.
        objective: The score to be made small.
        first: Settings that are tried before the sampler begins to choose.
        ceiling: Score of a setting that did worse than this, or diverged. A Gaussian process standardises the scores:
            one that is a thousand times too large would hide the differences between all others, and a failed trial
            would teach it nothing.
    """

    space: tuple[Parameter, ...]
    objective: Objective
    first: tuple[Settings, ...]
    ceiling: float

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.space]
        if not names or len(set(names)) != len(names):
            raise ParameterError(f"a search space of the parameters {names}: expected one or more, each once")
        for settings in self.first:
            check_settings(settings, self.space)

    def score(self, settings: Settings) -> float:
        """Return the score of a setting, at most the ceiling."""
        try:
            score = float(self.objective(settings))
        except ArithmeticError as error:
            if isinstance(error, ZeroDivisionError):  # no divergence, but a mistake
                raise
            return self.ceiling
        return min(score, self.ceiling) if score == score else self.ceiling  # a NaN is not equal to itself


def check_settings(settings: Settings, space: Sequence[Parameter]) -> dict[str, float]:
    """Return a setting with a checked value for every parameter of a space, in its order.

    Raises:
        UnknownNameError: There is a name that the space does not have.
        ParameterError: A value is missing or out of its range.
    """
    names = [parameter.name for parameter in space]
    for name in settings:
        if name not in names:
            raise UnknownNameError("parameter", name, names)
    missing = [name for name in names if name not in settings]
    if missing:
        raise ParameterError(f"a setting needs a value for {', '.join(missing)}")
    return {parameter.name: parameter.check(settings[parameter.name]) for parameter in space}
