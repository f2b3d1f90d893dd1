"""Does it pay to choose growth runs as `nakaya md suggest` does? A replay on runs that were made already.

For each start a quarter of every material's conditions is held out for the error, and one run at each of two conditions
of every material is known. Then runs of the other conditions are added one by one, in the order of a rule, until none
is left. A rule knows all conditions, but of runs that were not added neither velocity nor error. After each run
the belief of `nakaya.kinetics.suggestion` is made anew, and its means at the conditions held out are compared with the
means of their runs. All rules end with the same runs, and so with the same error.

How many runs a rule needs is told in two ways: the first after which the error is near its end, which may be luck, and
the last before which it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
import typer
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

from nakaya.cli.output import echo_json
from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError
from nakaya.kinetics.benchmark.run import check_runs
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.suggestion.belief import Belief
from nakaya.kinetics.suggestion.design import variance_reductions
from nakaya.kinetics.suggestion.planning import condition_of
from nakaya.kinetics.suggestion.survey import Observations, Survey, observations, survey_conditions
from nakaya.md.campaigns.plan import read_plan
from nakaya.records.record import Record
from nakaya.records.store import load_records, records_place

__all__ = ["RULES", "Replay", "Start", "draw_start", "replay", "replay_rules", "suggest"]

HELD_OUT: Final = 0.25
"""Fraction of a material's conditions on which the error is taken."""

FIRST: Final = 2
"""Conditions of each material with one run at the start."""

NEAR: Final = 1.05
"""Errors up to this multiple of the last one are near it."""

SHOWN: Final = (0, 5, 10, 20, 30, 40, 60, 80)
"""Numbers of added runs at which errors are printed."""

EARLY: Final = 20
"""One of them, at which errors of rules are compared."""

TOLD: Final = (("first_near", 1.0, 0), ("last_far", 1.0, 0), ("cost_first_near", 1e6, 1))
"""What is told of each replay: name, unit in which it is printed, digits."""

RESAMPLES: Final = 2000

Rule: TypeAlias = Callable[[Survey, Belief, FloatArray, IntArray, np.random.Generator], int]
"""(survey, belief, noise of one run at each place, places of the runs left in the order of the plan, rng) -> number of
one of them."""


def _suggested(survey: Survey, belief: Belief, noise: FloatArray, left: IntArray, rng: np.random.Generator) -> int:
    return int(np.argmax((_reductions(belief, noise) / survey.costs)[left]))


def _per_run(survey: Survey, belief: Belief, noise: FloatArray, left: IntArray, rng: np.random.Generator) -> int:
    return int(np.argmax(_reductions(belief, noise)[left]))


def _variance(survey: Survey, belief: Belief, noise: FloatArray, left: IntArray, rng: np.random.Generator) -> int:
    return int(np.argmax(np.diag(belief.covariance)[left]))


def _plan(survey: Survey, belief: Belief, noise: FloatArray, left: IntArray, rng: np.random.Generator) -> int:
    return 0


def _random(survey: Survey, belief: Belief, noise: FloatArray, left: IntArray, rng: np.random.Generator) -> int:
    return int(rng.integers(len(left)))


def _reductions(belief: Belief, noise: FloatArray) -> FloatArray:
    return variance_reductions(belief.covariance, noise, np.ones(len(noise), dtype=np.bool_))


RULES: Final[Mapping[str, Rule]] = {
    "suggested": _suggested,
    "suggested, all costs alike": _per_run,
    "largest variance": _variance,
    "order of the plan": _plan,
    "random order": _random,
}


@dataclass(frozen=True, eq=False)
class Start:
    """What a replay begins with.

    Attributes:
        first: Runs that are known, int64 [run].
        left: Runs that can be added, in the order of the plan, int64 [run].
        held_out: Places whose velocities are told, int64 [place].
    """

    first: IntArray
    left: IntArray
    held_out: IntArray


@dataclass(frozen=True, eq=False)
class Replay:
    """What came of one order.

    Attributes:
        order: Runs as they were added, int64 [run].
        errors: After 0, 1, ... added runs, float64 [run + 1], m/s.
        costs: Of all runs so far, those of the start included, float64 [run + 1], atoms x ps.
    """

    order: IntArray
    errors: FloatArray
    costs: FloatArray


def draw_start(survey: Survey, runs: Observations, rng: np.random.Generator) -> Start:
    """Draw the conditions that are held out and those that are known first, by material.

    Raises:
        ParameterError: A material has too few conditions.
    """
    materials = np.array([condition.material for condition in survey.conditions])
    held_out, first = [], []
    for material in np.unique(materials):
        drawn = rng.permutation(np.flatnonzero(materials == material))
        count = math.ceil(HELD_OUT * len(drawn))
        if len(drawn) < count + FIRST + 1:
            raise ParameterError(
                f"growth runs of {material} have {len(drawn)} conditions, expected 4 or more: a replay holds some out, "
                "begins with some and adds others"
            )
        held_out += drawn[:count].tolist()
        first += [int(np.flatnonzero(runs.places == place)[0]) for place in drawn[count : count + FIRST]]
    free = ~np.isin(runs.places, held_out)
    free[first] = False
    return Start(np.array(first), np.flatnonzero(free), np.array(sorted(held_out)))


def replay(survey: Survey, runs: Observations, start: Start, rule: Rule, rng: np.random.Generator) -> Replay:
    """Add all runs that are left, one by one, as a rule chooses.

    Args:
        survey: Conditions.
        runs: In the order of the plan.
        start: What is known first.
        rule: Chooses the next run.
        rng: For rules that draw.
    """
    counts = np.bincount(runs.places, minlength=len(survey.conditions))
    labels = np.bincount(runs.places, runs.velocities, minlength=len(counts)) / np.maximum(counts, 1)
    left, order = start.left.tolist(), list[int]()
    errors, costs = [], []
    while True:
        known = np.sort(np.append(start.first, order).astype(np.int64))
        belief, noise = survey.believed(runs.part(known))
        errors.append(float(np.sqrt(((belief.mean - labels)[start.held_out] ** 2).mean())))
        costs.append(float(survey.costs[runs.places[known]].sum()))
        if not left:
            return Replay(np.array(order), np.array(errors), np.array(costs))
        order.append(left.pop(rule(survey, belief, noise, runs.places[left], rng)))


def replay_rules(records: str, *, starts: int, draws: int, seed: int) -> dict[str, Any]:
    """Replay all rules from several starts.

    Args:
        records: Shipped set, store or file.
        starts: Number of starts.
        draws: Random orders for each start; their mean counts as one.
        seed: Of starts and orders.

    Returns:
        "runs", "conditions", "added" (runs added in the median start), "target" (median over starts, m/s), and "rules":
        one entry per rule with the values of every start: first_near and last_far in runs (those of the start
        included), cost_first_near in atoms x ps, and errors after `SHOWN` added runs.

    Raises:
        ParameterError: There are no growth runs, or too few conditions.
    """
    found = check_runs(records, read_corpus(load_records(records), graphs=False))
    survey = survey_conditions(found, sorted({condition_of(record) for record in found.records}))
    runs = observations(survey, _in_order_of_plan(records, found.records))
    rules: dict[str, dict[str, list[Any]]] = {name: {"errors": [], **{key: [] for key, _, _ in TOLD}} for name in RULES}
    ends, added = [], []
    with threadpool_limits(limits=1):  # matrices are small: threads wait for each other more than they compute
        for number in range(starts):
            start = draw_start(survey, runs, np.random.default_rng([seed, number]))
            added.append(len(start.left))
            for name, rule in RULES.items():
                seen = [
                    replay(survey, runs, start, rule, np.random.default_rng([seed, number, draw]))
                    for draw in range(draws if rule is _random else 1)
                ]
                told = [_told(entry.errors, entry.costs, len(start.first)) for entry in seen]
                for (key, _, _), values in zip(TOLD, zip(*told, strict=True), strict=True):
                    rules[name][key].append(float(np.mean(values)))
                shown = [[entry.errors[min(step, len(start.left))] for step in SHOWN] for entry in seen]
                rules[name]["errors"].append(np.mean(shown, axis=0).tolist())
            ends.append(float(seen[0].errors[-1]))
    return {
        "runs": len(found.records),
        "conditions": len(survey.conditions),
        "starts": starts,
        "draws": draws,
        "seed": seed,
        "added": float(np.median(added)),
        "first": len(start.first),
        "error_of_all": ends,
        "rules": rules,
    }


def _told(errors: FloatArray, costs: FloatArray, first: int) -> tuple[float, float, float]:
    """(runs after which the error first is near its end, runs from which on it stays so, cost of the former)."""
    near = errors <= NEAR * errors[-1]
    reached = int(np.argmax(near))
    stays = int(np.flatnonzero(~near)[-1]) + 1 if not near.all() else 0
    return float(first + reached), float(first + stays), float(costs[reached])


def _in_order_of_plan(source: str, records: Sequence[Record]) -> list[Record]:
    """As the plan beside the records has them; without one seed by seed."""
    plan = records_place(source).parent / "plan.toml"
    ranks = {run.id: rank for rank, run in enumerate(read_plan(plan))} if plan.is_file() else {}
    return sorted(records, key=lambda record: (ranks.get(record.id, len(ranks)), record.provenance.seeds, record.id))


def as_lines(found: Mapping[str, Any]) -> list[str]:
    """Lines of a table."""
    rules = found["rules"]
    heads = f"{'':30s}{'first time':>23s}{'for good':>23s}{'1e6 atoms x ps, first':>23s}"
    lines = [
        f"{found['runs']} growth runs of {found['conditions']} conditions; {found['starts']} starts of "
        f"{found['first']} runs (seed {found['seed']}), each with",
        f"others held out and {found['added']:.0f} runs to add; {found['draws']} random orders for each start",
        f"error with all runs: {_spread(found['error_of_all'], 1)} m/s, median and 10 to 90 % of the starts",
        "",
        "RMSE at the conditions held out, m/s, mean over starts, after so many added runs",
        " " * 30 + "".join(f"{step:>7d}" for step in SHOWN),
    ]
    for name, rule in rules.items():
        lines.append(f"{name:30s}" + "".join(f"{value:7.1f}" for value in np.mean(rule["errors"], axis=0)))
    lines += [
        "",
        f"runs, those of the start included, until the error is within {NEAR - 1:.0%} of that of all, "
        "median [10 %, 90 %]",
        heads,
    ]
    for name, rule in rules.items():
        cells = [_spread(np.array(rule[key]) / unit, digits) for key, unit, digits in TOLD]
        lines.append(f"{name:30s}{cells[0]:>23s}{cells[1]:>23s}{cells[2]:>23s}")
    lines += [
        "",
        "mean of `suggested` less that of another [95 % of resampled starts], and of the RMSE after "
        f"{EARLY} added runs",
        f"{heads}{'m/s':>20s}",
    ]
    ours = rules["suggested"]
    for name, rule in rules.items():
        if name != "suggested":
            cells = [
                _difference(np.array(ours[key]) / unit, np.array(rule[key]) / unit, found) for key, unit, _ in TOLD
            ]
            early = [np.array(entry["errors"])[:, SHOWN.index(EARLY)] for entry in (ours, rule)]
            lines.append(
                f"{name:30s}{cells[0]:>23s}{cells[1]:>23s}{cells[2]:>23s}{_difference(early[0], early[1], found):>20s}"
            )
    return lines


def _spread(values: Sequence[float] | FloatArray, digits: int) -> str:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _difference(ours: FloatArray, theirs: FloatArray, found: Mapping[str, Any]) -> str:
    apart = ours - theirs
    drawn = np.random.default_rng(found["seed"]).integers(0, len(apart), (RESAMPLES, len(apart)))
    low, high = np.quantile(apart[drawn].mean(axis=1), [0.025, 0.975])
    return f"{apart.mean():.1f} [{low:.1f}, {high:.1f}]"


def suggest(
    records: Annotated[
        str, typer.Option(help="Shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    starts: Annotated[int, typer.Option(help="Starts, each with conditions of its own held out: 2 to 1000.")] = 30,
    draws: Annotated[int, typer.Option(help="Random orders for each start: 1 to 1000.")] = 3,
    seed: Annotated[int, typer.Option(help="Of starts and random orders.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Replay growth runs in the order that `nakaya md suggest` chooses, and in others: how many are needed?

    Example: python3 nk.py benchmark suggest
    """
    check_count("starts", starts, 2, 1000)
    check_count("draws", draws, 1, 1000)
    found = replay_rules(records, starts=starts, draws=draws, seed=check_seed(seed))
    if as_json:
        echo_json(found)
    else:
        typer.echo("\n".join(as_lines(found)))
