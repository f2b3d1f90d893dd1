"""What a study came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nakaya.workflows.tuning.comparison import SamplerTable

__all__ = ["StudyOutcome"]


@dataclass(frozen=True)
class StudyOutcome:
    """What a study came to.

    Attributes:
        study: Its name.
        configuration: What decided the trials.
        parameters: What was varied: name, low, high, kind, labels.
        wanted: Scores that were asked for.
        complete: Scores that there are.
        stopped_by: "trials", or "timeout": the time was over first, and a longer one goes on.
        seconds_used: That all commands of this study took, together.
        mean_score: Error of predicting the mean label, on the same folds.
        first_score: Error of the setting that was tried first.
        best: {"trial", "score", "settings", "all_settings"}: the last one with those that were not varied.
        importances: Parameter -> share of the variance of the score; empty below ten scores.
        trials: {"number", "state", "score", "seconds", "retry_of", "settings"} of all.
        history: Lowest score after every trial with a score, in their order.
        seconds_per_trial: Median over the trials with a score; None without one.
        storage: Where the study is, without a password.
        version: Of nakaya.
        controls: What this and the other samplers find on a table of trainings, where one was named.
    """

    study: str
    configuration: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]
    wanted: int
    complete: int
    stopped_by: Literal["trials", "timeout"]
    seconds_used: float
    mean_score: float
    first_score: float | None
    best: Mapping[str, Any] | None
    importances: Mapping[str, float]
    trials: Sequence[Mapping[str, Any]]
    history: Sequence[float]
    seconds_per_trial: float | None
    storage: str
    version: str
    controls: SamplerTable | None = None
