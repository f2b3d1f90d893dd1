"""Which sampler finds more in the same number of trainings? Searches over a table, repeated with other seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.learn.tuning.analysis import best_so_far
from nakaya.learn.tuning.samplers import SamplerName
from nakaya.learn.tuning.study import complete_trials, open_study, read_trials, run_trial
from nakaya.learn.tuning.table import ScoreTable

__all__ = ["SamplerComparison", "compare_samplers"]


@dataclass(frozen=True, eq=False)
class SamplerComparison:
    """What searches over one table came to.

    Attributes:
        regret: Sampler -> float64 [repeat, trial]: best score so far minus the best of the table.
        spread: Median score of the table minus its best: what choosing one cell blindly costs.
        rank: Sampler -> how many cells are better than the one found, in every repeat.
    """

    regret: Mapping[str, FloatArray]
    spread: float
    rank: Mapping[str, tuple[int, ...]]

    def wins(self, sampler: str, control: str) -> int:
        """In how many repeats the sampler ended strictly lower than the control."""
        return int((self.regret[sampler][:, -1] < self.regret[control][:, -1]).sum())


def compare_samplers(
    table: ScoreTable,
    samplers: Sequence[SamplerName],
    *,
    trials: int,
    repeats: int,
    seed: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SamplerComparison:
    """Search a table with several samplers; nothing is enqueued, and each repeat has its own seed.

    Args:
        table: The table.
        samplers: Who searches.
        trials: Scores that each may look up.
        repeats: How often.
        seed: Of the first repeat; the others follow.
        report: Called with how many searches are done, and of how many.
    """
    problem = table.problem()
    regret: dict[str, FloatArray] = {}
    rank: dict[str, tuple[int, ...]] = {}
    for place, sampler in enumerate(samplers):
        rows, ranks = [], []
        for repeat in range(repeats):
            study = open_study(
                None, f"{sampler}-{repeat}", problem, sampler=sampler, seed=seed + repeat, configuration={}
            )
            for _ in range(trials):
                run_trial(study, problem)
            found = complete_trials(read_trials(study, problem.space))
            course = best_so_far([trial.score for trial in found if trial.score is not None])
            rows.append(course - table.best)
            ranks.append(table.rank(float(course[-1])))
            report(place * repeats + repeat + 1, len(samplers) * repeats)
        regret[sampler] = np.array(rows)
        rank[sampler] = tuple(ranks)
    return SamplerComparison(regret, float(np.median(table.scores)) - table.best, rank)
