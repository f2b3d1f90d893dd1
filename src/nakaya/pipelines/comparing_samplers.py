"""Does Bayesian optimisation find more than chance, in as many trainings? Searches over a table of real trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.errors import InputFileError, MissingExtraError, ParameterError, UnknownNameError
from nakaya.core.growth import check_count, check_seed
from nakaya.learn.tuning.table import ScoreTable, parse_table, read_table

__all__ = ["SamplerTable", "compare", "find_table", "shipped_tables"]

CONTROL: Final = "random"
MILESTONES: Final = (10, 20, 30, 40, 60, 80)
MAX_REPEATS: Final = 1000
SMALLEST_SHOWN: Final = 1e-3
"""Lower edge of the chart, as a share of what choosing one cell blindly costs."""


@dataclass(frozen=True)
class SamplerTable:
    """What the samplers came to on one table.

    Attributes:
        table: Its name.
        description: What was trained.
        cells: Trainings in it.
        best: Lowest score, and `best_settings` where it is.
        best_settings: The same.
        spread: Median score of the table minus the best.
        trials: Trainings that each search could look up.
        repeats: Searches of each sampler.
        seed: Of the first repeat.
        regret: Sampler -> [repeat][trial], best score so far minus the best of the table.
        final_rank: Sampler -> cells better than the one found, for each repeat.
        wins: Sampler -> repeats in which it ended strictly lower than random.
        columns: Heads of the printed table.
        rows: One for each sampler.
        about: What the table says of itself.
        floor: Lower edge of a chart.
    """

    table: str
    description: str
    cells: int
    best: float
    best_settings: Mapping[str, float]
    spread: float
    trials: int
    repeats: int
    seed: int
    regret: Mapping[str, Sequence[Sequence[float]]]
    final_rank: Mapping[str, Sequence[int]]
    wins: Mapping[str, int]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    about: Mapping[str, Any]
    floor: float

    def as_json(self) -> dict[str, Any]:
        """JSON values, without what is only for the eye."""
        plain = asdict(self)
        for name in ("columns", "rows", "floor"):
            del plain[name]
        return plain


def shipped_tables() -> dict[str, Any]:
    """The tables that come with the package, by name; values are readable resources."""
    folder = files("nakaya.kinetics") / "data" / "trainings"
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
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SamplerTable:
    """Search a table of trainings with several samplers, several times.

    The searches of one repeat share a seed, and with it the ten settings that are drawn at random before "gp" begins
    to choose: what differs after them is the choice.

    Args:
        name: A shipped table, or a file.
        trials: Trainings that each search may look up.
        repeats: Searches of each sampler; repeat k has the seed `seed` + k.
        seed: Of the first repeat.
        samplers: "gp", "tpe", "random".
        report: Called with how many searches are done, and of how many.

    Raises:
        UnknownNameError: There is no such table or sampler.
        ParameterError: A count is out of range, or the control is missing.
        MissingExtraError: Optuna is not installed.
    """
    check_seed(seed)
    check_count("repeats", repeats, 1, MAX_REPEATS)
    table = find_table(name)
    check_count("trials", trials, 1, table.scores.size)
    try:
        from nakaya.learn.tuning.comparison import compare_samplers
        from nakaya.learn.tuning.samplers import SAMPLERS
    except ImportError as error:
        raise MissingExtraError("studies", "ml") from error
    chosen = []
    for sampler in samplers:
        known = next((entry for entry in SAMPLERS if entry == sampler), None)
        if known is None:
            raise UnknownNameError("sampler", sampler, SAMPLERS)
        chosen.append(known)
    if CONTROL not in chosen:
        raise ParameterError(f"samplers={list(samplers)}: {CONTROL!r} is missing, to which the others are compared")
    found = compare_samplers(table, chosen, trials=trials, repeats=repeats, seed=seed, report=report)
    wins: dict[str, int] = {sampler: found.wins(sampler, CONTROL) for sampler in chosen if sampler != CONTROL}
    milestones = [milestone for milestone in (*MILESTONES, trials) if milestone <= trials]
    milestones = sorted(set(milestones))
    rows = [
        (
            sampler,
            *(float(np.median(found.regret[sampler][:, milestone - 1])) for milestone in milestones),
            float(found.regret[sampler][:, -1].max()),
            float(np.median(found.rank[sampler])),
            f"{wins[sampler]} of {repeats}" if sampler in wins else "-",
        )
        for sampler in chosen
    ]
    columns = ("sampler", *(f"after {milestone}" for milestone in milestones), "worst", "cells better", "beats random")
    return SamplerTable(
        table=name,
        description=str(table.about.get("description", "trainings")),
        cells=int(table.scores.size),
        best=table.best,
        best_settings=table.best_settings(),
        spread=found.spread,
        trials=trials,
        repeats=repeats,
        seed=seed,
        regret={sampler: values.tolist() for sampler, values in found.regret.items()},
        final_rank=dict(found.rank),
        wins=wins,
        columns=columns,
        rows=rows,
        about={key: value for key, value in table.about.items() if not isinstance(value, (dict, list))},
        floor=max(found.spread * SMALLEST_SHOWN, 1e-12),
    )
