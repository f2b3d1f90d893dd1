"""Which sampler finds more in the same number of trainings? Searches over a table, repeated with other seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna

from nakaya.core.arrays import FloatArray
from nakaya.core.processes import parent_bound_pool, results_as_completed
from nakaya.learn.tuning.analysis import best_so_far
from nakaya.learn.tuning.problem import Problem
from nakaya.learn.tuning.samplers import DEFAULT_SURROGATE, SamplerName, Surrogate
from nakaya.learn.tuning.study import complete_trials, open_study, read_trials, run_trial
from nakaya.learn.tuning.table import ScoreTable

__all__ = ["CONTENDERS", "Contender", "SamplerComparison", "compare_samplers"]


@dataclass(frozen=True)
class Contender:
    """One way to search.

    Attributes:
        sampler: Which.
        surrogate: How the Gaussian process is used.
    """

    sampler: SamplerName
    surrogate: Surrogate = DEFAULT_SURROGATE


CONTENDERS: Final[Mapping[str, Contender]] = {
    "gp": Contender("gp"),
    "tpe": Contender("tpe"),
    "random": Contender("random"),
}
"""What a study can use."""


@dataclass(frozen=True, eq=False)
class SamplerComparison:
    """What searches over one table came to.

    Attributes:
        regret: Contender -> float64 [repeat, trial]: best score so far minus the best of the table.
        spread: Median score of the table minus its best: what choosing one cell blindly costs.
        rank: Contender -> how many cells are better than the one found, in every repeat.
    """

    regret: Mapping[str, FloatArray]
    spread: float
    rank: Mapping[str, tuple[int, ...]]

    def wins(self, contender: str, control: str) -> int:
        """In how many repeats the contender ended strictly lower than the control."""
        return int((self.regret[contender][:, -1] < self.regret[control][:, -1]).sum())

    def ties(self, contender: str, control: str) -> int:
        """In how many repeats both ended at the same score."""
        return int((self.regret[contender][:, -1] == self.regret[control][:, -1]).sum())


def compare_samplers(
    table: ScoreTable,
    contenders: Mapping[str, Contender],
    *,
    trials: int,
    repeats: int,
    seed: int,
    workers: int = 1,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SamplerComparison:
    """Search a table in several ways; nothing is enqueued, and each repeat has its own seed.

    Args:
        table: The table.
        contenders: Who searches, by name.
        trials: Scores that each may look up.
        repeats: How often.
        seed: Of the first repeat; the others follow.
        workers: Processes of one thread each, even where there is one: threads of the linear algebra wait for each
            other in fits this small, which makes a search several times slower.
        report: Called with how many searches are done, and of how many.

    Raises:
        NakayaError: A worker died.
    """
    searches = [(name, repeat) for repeat in range(repeats) for name in contenders]
    found: dict[tuple[str, int], FloatArray] = {}
    start = (table, contenders, trials, seed)
    with parent_bound_pool(min(workers, len(searches)), _start, start) as pool:
        for search, course in results_as_completed(pool, _search, searches, ahead=2 * workers):
            found[search] = course
            report(len(found), len(searches))
    courses = {name: np.array([found[name, repeat] for repeat in range(repeats)]) for name in contenders}
    return SamplerComparison(
        {name: course - table.best for name, course in courses.items()},
        float(np.median(table.scores)) - table.best,
        {name: tuple(table.rank(float(score)) for score in course[:, -1]) for name, course in courses.items()},
    )


_GIVEN: list[tuple[Problem, Mapping[str, Contender], int, int]] = []
"""What this worker process searches, by whom, in how many trials, and the first seed; set once, when it starts."""


def _start(table: ScoreTable, contenders: Mapping[str, Contender], trials: int, seed: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _GIVEN[:] = [(table.problem(), contenders, trials, seed)]


def _search(search: tuple[str, int]) -> tuple[tuple[str, int], FloatArray]:
    """Return a contender and a repeat, and the best score so far after every trial, float64 [trial]."""
    name, repeat = search
    problem, contenders, trials, seed = _GIVEN[0]
    sampler, surrogate = contenders[name].sampler, contenders[name].surrogate
    study = open_study(None, name, problem, sampler=sampler, seed=seed + repeat, configuration={}, surrogate=surrogate)
    for _ in range(trials):
        run_trial(study, problem)
    scores = [trial.score for trial in complete_trials(read_trials(study, problem.space))]
    return search, best_so_far([score for score in scores if score is not None])
