"""Does Bayesian optimisation find more than chance, in as many trainings? Searches over a table of real trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import InputFileError, MissingExtraError, ParameterError, UnknownNameError
from nakaya.learn.tuning.table import ScoreTable, parse_table, read_table
from nakaya.records.shipped import shipped_folder
from nakaya.scoring.bootstrap import draw_points, mean_interval

if TYPE_CHECKING:
    from nakaya.learn.tuning.comparison import Contender, SamplerComparison

__all__ = ["SamplerTable", "Verdict", "compare", "find_table", "shipped_tables"]

CONTROL: Final = "random"
MILESTONES: Final = (10, 20, 30, 40, 60, 80)
MAX_REPEATS: Final = 1000
MAX_WORKERS: Final = 256
RESAMPLES: Final = 4000
GROUP: Final = 5
WINS_WANTED: Final = 4
SMALLEST_SHOWN: Final = 1e-3
"""Lower edge of the chart, as a share of what choosing one cell blindly costs."""


@dataclass(frozen=True)
class Verdict:
    """How one way to search did against chance, over all repeats.

    Attributes:
        wins: Repeats in which it ended strictly lower.
        ties: Repeats in which both ended at the same score.
        win_share: Wins over repeats, with a binomial interval of 95 % (Clopper & Pearson 1934): value, low, high.
        less_regret: Regret of chance minus its own at the end, mean over the repeats, with the bootstrap interval of
            95 % over repeats; above zero it is better. Searches of one repeat share their seed.
        four_of_five: Chance that five repeats, drawn from these without putting back, hold four wins or more.
    """

    wins: int
    ties: int
    win_share: tuple[float, float, float]
    less_regret: tuple[float, float, float]
    four_of_five: float | None


@dataclass(frozen=True)
class SamplerTable:
    """What the samplers came to on one table.

    Attributes:
        table: Its name.
        description: What was trained.
        cells: Trainings in it.
        best: Lowest score, and `best_settings` where it is.
        best_settings: The same.
        best_cells: How many cells have the lowest score.
        spread: Median score of the table minus the best.
        trials: Trainings that each search could look up.
        repeats: Searches of each sampler.
        seed: Of the first repeat.
        regret: Sampler -> [repeat][trial], best score so far minus the best of the table.
        mean_regret: Sampler -> for each milestone (trial, mean over the repeats, low, high): bootstrap of 95 %.
        final_rank: Sampler -> cells better than the one found, for each repeat.
        verdicts: Sampler -> how it did against chance.
        about: What the table says of itself.
    """

    table: str
    description: str
    cells: int
    best: float
    best_settings: Mapping[str, float]
    best_cells: int
    spread: float
    trials: int
    repeats: int
    seed: int
    regret: Mapping[str, Sequence[Sequence[float]]]
    mean_regret: Mapping[str, Sequence[tuple[int, float, float, float]]]
    final_rank: Mapping[str, Sequence[int]]
    verdicts: Mapping[str, Verdict]
    about: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @property
    def floor(self) -> float:
        """Lower edge of a chart."""
        return max(self.spread * SMALLEST_SHOWN, 1e-12)

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the printed table."""
        milestones = (f"after {milestone}" for milestone, *_ in self.mean_regret[CONTROL])
        return ("sampler", *milestones, "95 % interval", "cells better", "beats random", "ties", "4 of 5")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """One for each sampler."""
        return [self._row(sampler) for sampler in self.mean_regret]

    def _row(self, sampler: str) -> tuple[Any, ...]:
        means = self.mean_regret[sampler]
        _, _, low, high = means[-1]
        against = ("-", "-", "-")
        if sampler in self.verdicts:
            verdict = self.verdicts[sampler]
            likely = "-" if verdict.four_of_five is None else f"{verdict.four_of_five:.0%}"
            against = (f"{verdict.wins} of {self.repeats}", str(verdict.ties), likely)
        better = float(np.median(self.final_rank[sampler]))
        return (sampler, *(value for _, value, _, _ in means), f"{low:.3g} to {high:.3g}", better, *against)


def shipped_tables() -> dict[str, Path]:
    """The tables that come with the package, by name."""
    folder = shipped_folder("trainings")
    if not folder.is_dir():
        return {}
    return {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}


def find_table(name: str) -> ScoreTable:
    """Return a shipped table by name, or one from a file.

    Raises:
        UnknownNameError: There is no such table, and no such file.
        FormatError: The file is no table.
    """
    shipped = shipped_tables()
    if name in shipped:
        return parse_table(shipped[name].read_bytes(), name)
    path = Path(name)
    if path.is_dir():
        path = path / "table.json"
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise InputFileError(f"cannot read {path}: no such file")
        raise UnknownNameError("table of trainings", name, shipped)
    return read_table(path)


def compare(
    name: str,
    *,
    trials: int,
    repeats: int,
    seed: int = 0,
    samplers: Sequence[str] = ("gp", "tpe", "random"),
    others: Mapping[str, Contender] | None = None,
    workers: int = 1,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SamplerTable:
    """Search a table of trainings with several samplers, several times.

    The searches of one repeat share a seed, and with it the settings that are drawn at random before "gp" begins to
    choose: what differs after them is the choice.

    Args:
        name: A shipped table, or a file.
        trials: Trainings that each search may look up.
        repeats: Searches of each sampler; repeat k has the seed `seed` + k.
        seed: Of the first repeat.
        samplers: "gp", "tpe", "random", or names in `others`.
        others: Further ways to search.
        workers: Processes of one thread each.
        report: Called with how many searches are done, and of how many.

    Raises:
        UnknownNameError: There is no such table or sampler.
        ParameterError: A count is out of range, or the control is missing.
        MissingExtraError: Optuna is not installed.
        NakayaError: A worker died.
    """
    check_seed(seed)
    check_count("repeats", repeats, 1, MAX_REPEATS)
    check_count("workers", workers, 1, MAX_WORKERS)
    table = find_table(name)
    check_count("trials", trials, 1, table.scores.size)
    try:
        from nakaya.learn.tuning.comparison import CONTENDERS, compare_samplers
    except ImportError as error:
        raise MissingExtraError("studies", "ml") from error
    chosen = _choose(samplers, {**CONTENDERS, **(others or {})})
    found = compare_samplers(table, chosen, trials=trials, repeats=repeats, seed=seed, workers=workers, report=report)
    milestones = sorted({*(milestone for milestone in MILESTONES if milestone < trials), trials})
    drawn = draw_points(repeats, RESAMPLES, rng=np.random.default_rng(seed))
    return SamplerTable(
        table=name,
        description=str(table.about.get("description", "trainings")),
        cells=int(table.scores.size),
        best=table.best,
        best_settings=table.best_settings(),
        best_cells=int((table.scores == table.best).sum()),
        spread=found.spread,
        trials=trials,
        repeats=repeats,
        seed=seed,
        regret={sampler: values.tolist() for sampler, values in found.regret.items()},
        mean_regret={
            sampler: [(milestone, *_interval(regret[:, milestone - 1], drawn)) for milestone in milestones]
            for sampler, regret in found.regret.items()
        },
        final_rank=dict(found.rank),
        verdicts={sampler: _verdict(found, sampler, drawn) for sampler in chosen if sampler != CONTROL},
        about={key: value for key, value in table.about.items() if not isinstance(value, (dict, list))},
    )


def _choose(samplers: Sequence[str], known: Mapping[str, Contender]) -> dict[str, Contender]:
    for sampler in samplers:
        if sampler not in known:
            raise UnknownNameError("sampler", sampler, known)
    if CONTROL not in samplers:
        raise ParameterError(f"samplers={list(samplers)}: {CONTROL!r} is missing, to which the others are compared")
    return {sampler: known[sampler] for sampler in samplers}


def _interval(values: FloatArray, drawn: IntArray) -> tuple[float, float, float]:
    found = mean_interval(values, drawn)
    return found.value, found.low, found.high


def _verdict(found: SamplerComparison, sampler: str, drawn: IntArray) -> Verdict:
    from scipy.stats import binomtest, hypergeom

    repeats = len(found.regret[sampler])
    wins = found.wins(sampler, CONTROL)
    share = binomtest(wins, repeats).proportion_ci(0.95, method="exact")
    less = found.regret[CONTROL][:, -1] - found.regret[sampler][:, -1]
    group = hypergeom(repeats, wins, GROUP).sf(WINS_WANTED - 1) if repeats >= GROUP else None
    return Verdict(
        wins,
        found.ties(sampler, CONTROL),
        (wins / repeats, float(share.low), float(share.high)),
        _interval(less, drawn),
        None if group is None else float(group),
    )
