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


@dataclass(frozen=True)
class _Search:
    """One search; can be pickled."""

    name: str
    contender: Contender
    trials: int
    seed: int


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
    searches = [
        _Search(name, contender, trials, seed + repeat)
        for repeat in range(repeats)
        for name, contender in contenders.items()
    ]
    found: dict[_Search, FloatArray] = {}
    with parent_bound_pool(min(workers, len(searches)), _start, (table,)) as pool:
        for search, course in results_as_completed(pool, _search, searches, ahead=2 * workers):
            found[search] = course
            report(len(found), len(searches))
    courses = {
        name: np.array([found[search] for search in searches if search.name == name]) for name in contenders
    }  # [repeat, trial]
    return SamplerComparison(
        {name: course - table.best for name, course in courses.items()},
        float(np.median(table.scores)) - table.best,
        {name: tuple(table.rank(float(score)) for score in course[:, -1]) for name, course in courses.items()},
    )


_TABLE: list[ScoreTable] = []
"""What this worker process searches; set once, when it starts."""


def _start(table: ScoreTable) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _TABLE[:] = [table]


def _search(search: _Search) -> tuple[_Search, FloatArray]:
    """Return the best score so far after every trial, float64 [trial]."""
    problem = _TABLE[0].problem()
    contender = search.contender
    study = open_study(
        None,
        search.name,
        problem,
        sampler=contender.sampler,
        seed=search.seed,
        configuration={},
        surrogate=contender.surrogate,
    )
    for _ in range(search.trials):
        run_trial(study, problem)
    scores = [trial.score for trial in complete_trials(read_trials(study, problem.space))]
    return search, best_so_far([score for score in scores if score is not None])
