"""How often do the intervals of a fit hold the known parameters of synthetic batches?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from scipy import stats

from nakaya.cli.output import echo_json
from nakaya.core.checks import check_count
from nakaya.reactor.estimation import Intervals
from nakaya.reactor.fitting import fit
from nakaya.reactor.parameters import get_parameters
from nakaya.workflows.fit_reactor import add_noise, synthetic_batches

__all__ = ["coverage_experiment", "reactor_coverage"]


def coverage_experiment(
    *,
    repeats: int = 100,
    intervals: Intervals = "profile",
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """How often the 90 % intervals of a fit hold the known parameters of synthetic data.

    Two seeded batches of the dextrose system with different seeds and cooling; 25 samples of concentration (0.002
    kg/kg), mass mean size (3 um) and number of crystals (5 %), each with Gaussian noise whose size the fit does not
    know. Four parameters are estimated from poor first guesses.

    Args:
        repeats: Synthetic data sets.
        intervals: How intervals are found.
        seed: Of the noise.
        progress: Told in words what is being done.

    Returns:
        For every parameter: hits, the 95 % binomial (Clopper-Pearson) interval of the coverage, whether it contains
        0.90, the mean estimate and its standard deviation over the mean half width.
    """
    check_count("repeats", repeats, 2, 100_000)
    crystallizer, experiments, free = synthetic_batches()
    truth = {entry.path: get_parameters(crystallizer.kinetics)[entry.path] for entry in free}
    hits = dict.fromkeys(truth, 0)
    estimates: dict[str, list[float]] = {path: [] for path in truth}
    open_ends = 0
    rng = np.random.default_rng(seed)
    for repeat in range(repeats):
        found = fit(crystallizer, [add_noise(entry, rng) for entry in experiments], free, intervals=intervals)
        for entry in found.estimates:
            low, high = entry.interval90
            open_ends += (low is None) + (high is None)
            inside = (low is None or low <= truth[entry.path]) and (high is None or truth[entry.path] <= high)
            hits[entry.path] += inside
            estimates[entry.path].append(entry.value)
        if progress and (repeat + 1) % 10 == 0:
            progress(f"{repeat + 1} of {repeats} data sets fitted")
    rows = {}
    for path, count in hits.items():
        interval = stats.binomtest(count, repeats).proportion_ci(0.95, method="exact")
        rows[path] = {
            "true": truth[path],
            "mean_estimate": float(np.mean(estimates[path])),
            "standard_deviation": float(np.std(estimates[path], ddof=1)),
            "hits": count,
            "coverage": count / repeats,
            "binomial95": [float(interval.low), float(interval.high)],
            "contains_90_percent": bool(interval.low <= 0.9 <= interval.high),
        }
    return {"repeats": repeats, "intervals": intervals, "seed": seed, "open_ends": open_ends, "parameters": rows}


def reactor_coverage(
    repeats: Annotated[int, typer.Option(help="Synthetic data sets, 2 to 100000.")] = 100,
    intervals: Annotated[Intervals, typer.Option(help="profile, covariance or bootstrap.")] = "profile",
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count how often the 90 % intervals of a fit hold the known parameters of synthetic batches.

    Example: python3 nk.py benchmark reactor-coverage --repeats 100
    """
    result = coverage_experiment(
        repeats=repeats, intervals=intervals, seed=seed, progress=lambda words: typer.echo(words, err=True)
    )
    if as_json:
        echo_json(result)
        return
    typer.echo(f"{repeats} synthetic data sets, 90 % intervals by {intervals}, seed {seed}")
    for name, row in result["parameters"].items():
        low, high = row["binomial95"]
        verdict = "contains 0.90" if row["contains_90_percent"] else "does NOT contain 0.90"
        typer.echo(
            f"{name}: true {row['true']:.4g}, mean estimate {row['mean_estimate']:.4g}, {row['hits']} hits, "
            f"binomial 95 % interval of the coverage [{low:.3f}, {high:.3f}] {verdict}"
        )
