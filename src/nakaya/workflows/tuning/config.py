"""What shall be searched, for which model, on what: the study file, checked without torch or optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from nakaya.core.checks import check_count, check_seed
from nakaya.core.configuration import Table, read_toml
from nakaya.core.documents import plain
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.samples.sample import EvidenceKind
from nakaya.learn.search_space import Parameter

__all__ = ["NOT_RECORDED_BEFORE", "RunningRules", "StudyConfig", "StudyRules", "read_study", "searched_space"]

MIN_FOLDS = 2
MAX_FOLDS = 20
MAX_REPEATS = 100

NOT_RECORDED_BEFORE: Final[Mapping[str, Any]] = {"repeats": 1}
"""What every study did before its file could say so: one cross-validation behind a score."""


@dataclass(frozen=True)
class StudyRules:
    """The table [study] of a study file.

    Attributes:
        name: Of the study, in its storage and in reports.
        model: Whose hyperparameters.
        target: What it learns.
        evidence: What it sees.
        records: A shipped set, or a store.
        folds: Inner folds; the replicates of a condition share one.
        repeats: Cross-validations behind one score, each with its own folds and its own seed of the fits.
        sampler: How settings are chosen.
        seed: Of the choice, of the folds and of every fit.
    """

    name: str
    model: str
    target: Literal["growth_velocity", "nucleation_rate"] = "growth_velocity"
    evidence: EvidenceKind = "B"
    records: str = "al-cu-si"
    folds: int = 4
    repeats: int = 1
    sampler: Literal["gp", "tpe", "random"] = "gp"
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("folds", self.folds, MIN_FOLDS, MAX_FOLDS)
        check_count("repeats", self.repeats, 1, MAX_REPEATS)
        check_seed(self.seed)
        if not self.name.strip():
            raise ParameterError("name='': a study needs a name")


@dataclass(frozen=True)
class RunningRules:
    """The table [running] of a study file.

    Attributes:
        heartbeat: Seconds between two signs of life of a running trial.
        grace: Seconds of silence after which it counts as killed.
        retries: How often a killed trial is run again.
    """

    heartbeat: int = 10
    grace: int = 60
    retries: int = 3


@dataclass(frozen=True)
class StudyConfig(RunningRules, StudyRules):
    """A study file, checked.

    Attributes:
        ranges: Parameter -> its narrower or wider range; parameters that are not named keep their model's.
        fixed: Parameter -> a value that it keeps.
        first: Settings that are tried before the sampler begins to choose; parameters that are not named have their
            defaults.
        grid: Parameter -> number of levels, for a table of trainings; parameters that are not named have their
            defaults.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    first: Sequence[Mapping[str, float]] = ()
    grid: Mapping[str, int] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """Everything that decides the trials, as JSON values; not the grid, nor when a trial counts as killed."""
        left_out = ("grid", *RunningRules.__dataclass_fields__)
        return {name: plain(value) for name, value in asdict(self).items() if name not in left_out}


def searched_space(
    config: StudyConfig, space: Sequence[Parameter], *, options: Sequence[str] = ()
) -> tuple[Parameter, ...]:
    """Return what a study varies: the model's space, with the ranges of the study file and without what it fixes.

    Args:
        config: The study file.
        space: Of the model.
        options: Other settings of the model, which a study may fix but not vary; the model checks their values.

    Raises:
        UnknownNameError: The study file names a parameter that the model does not have.
        ParameterError: A range or a value does not fit the parameter's kind, or nothing is left to vary.
    """
    by_name = {parameter.name: parameter for parameter in space}
    fixed = [name for name in config.fixed if name not in options or name in by_name]
    mentioned = [*config.ranges, *fixed, *config.grid, *(name for first in config.first for name in first)]
    for name in mentioned:
        if name not in by_name:
            raise UnknownNameError("parameter", name, by_name)
    for name in fixed:
        by_name[name].check(config.fixed[name])
    varied = []
    for name, parameter in by_name.items():
        if name in config.fixed:
            continue
        low, high = config.ranges.get(name, (parameter.low, parameter.high))
        labels = parameter.labels
        if labels:
            if low < parameter.low or high > parameter.high:
                raise ParameterError(f"{name}: [{low:g}, {high:g}] leaves the kinds that there are: {labels}")
            labels = labels[int(low - parameter.low) : int(high - parameter.low) + 1]
        varied.append(replace(parameter, low=float(low), high=float(high), labels=labels))
    if not varied:
        raise ParameterError("nothing is left to vary: the study file fixes every parameter")
    return tuple(varied)


class _RangeTable(Table):
    low: float
    high: float


class _StudyFile(Table):
    study: StudyRules
    space: dict[str, _RangeTable] = Field(default_factory=dict)
    fixed: dict[str, float] = Field(default_factory=dict)
    first: tuple[dict[str, float], ...] = ()
    grid: dict[str, int] = Field(default_factory=dict)
    running: RunningRules = Field(default_factory=RunningRules)


def read_study(path: Path) -> StudyConfig:
    """Read a study file.

    Raises:
        InputFileError: It cannot be read.
        ConfigError: An entry is missing, unknown or out of range.
    """
    found = read_toml(path, _StudyFile)
    return StudyConfig(
        **asdict(found.study),
        **asdict(found.running),
        ranges={name: (entry.low, entry.high) for name, entry in found.space.items()},
        fixed=found.fixed,
        first=found.first,
        grid=found.grid,
    )
