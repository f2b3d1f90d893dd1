"""Do posteriors mean what they say? Simulation-based calibration, errors, and rejection by the exact solver."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import read_campaign
from nakaya.growth.catalogue import find_model
from nakaya.growth.grower_model import points_of, setup_from_metadata
from nakaya.growth.inference.package import PosteriorPackage
from nakaya.growth.inference.posterior import Posterior
from nakaya.growth.inference.shipped import find_posterior
from nakaya.growth.store.store import open_store
from nakaya.scoring.rank_statistics import coverage_bounds, rank_among, uniformity

__all__ = ["calibrate", "grow_crystals", "inference", "reject"]

DRAWS = 399
"""So that 400 ranks fall into ten bins."""

WIDER = 0.25
"""Fraction of its width by which the box around a posterior is widened before crystals are grown in it."""

DENDRITES = Path(__file__).parent / "inference-dendrites.toml"


def calibrate(
    posterior: Posterior, arrival: ArrivalMap, steps: IntArray, values: FloatArray, *, seed: int
) -> dict[str, Any]:
    """Hold posteriors of crystals whose conditions were drawn from the prior against these conditions.

    Args:
        posterior: What is asked.
        arrival: int32 [crystal, row, column].
        steps: [crystal].
        values: True conditions, float64 [crystal, parameter].
        seed: Of the draws.
    """
    prior = posterior.package.prior
    answers = posterior.ask(arrival, steps, draws=DRAWS, seed=seed)
    draws = np.stack([answer.draws for answer in answers])
    ranks = rank_among(np.moveaxis(draws, 1, -1), values)
    uneven = uniformity(ranks, DRAWS)
    low, high = np.quantile(draws, [0.05, 0.95], axis=1)
    covered = ((values >= low) & (values <= high)).mean(axis=0)
    means = np.stack([answer.mean for answer in answers])
    error = means - values
    bounds = coverage_bounds(len(values))
    return {
        "posterior": posterior.package.name,
        "cases": len(values),
        "parameters": list(prior.names),
        "rank_p": uneven.tolist(),
        "rank_p_bonferroni": float(np.minimum(uneven * len(uneven), 1.0).min()),
        "coverage90": covered.tolist(),
        "coverage90_expected": list(bounds),
        "is_calibrated": bool((uneven * len(uneven) > 0.05).all()),
        "covers": bool(((covered >= bounds[0]) & (covered <= bounds[1])).all()),
        "rmse": np.sqrt((error**2).mean(axis=0)).tolist(),
        "relative_rmse": np.sqrt(((error / values) ** 2).mean(axis=0)).tolist(),
        "prior_rmse": np.sqrt(((prior.values(np.full(prior.num_parameters, 0.5)) - values) ** 2).mean(axis=0)).tolist(),
        "narrowed": np.stack([answer.spread for answer in answers]).mean(axis=0).tolist(),
        "strangers": float(np.mean([answer.is_stranger for answer in answers])),
    }


def grow_crystals(package: PosteriorPackage, values: FloatArray, seed: int) -> tuple[ArrivalMap, IntArray]:
    """Grow one crystal at every point by the exact solver, in the posterior's setting."""
    solver = find_model(package.solver)
    setup = setup_from_metadata(package.geometry, solver)
    fixed = {name: np.full(len(values), value) for name, value in package.fixed.items()}
    points = points_of(solver.family, {**fixed, **package.prior.columns(values)})
    grown = solver.make().grow(points, setup, members=range(1), seed=seed)
    return grown.arrival[:, 0], grown.steps[:, 0]


def reject(
    posterior: Posterior,
    statistics: FloatArray,
    draws: FloatArray,
    library: FloatArray,
    values: FloatArray,
    *,
    accepted: int,
) -> dict[str, Any]:
    """Hold a posterior against the crystals of a library whose statistics are nearest to those that were observed.

    Accepted conditions are moved along a linear regression on the statistics (M. Beaumont, W. Zhang & D. Balding,
    Genetics 162, 2025, 2002), on the unbounded scale.

    Args:
        posterior: Whose draws these are.
        statistics: Of the observation, float64 [statistic].
        draws: From its posterior, float64 [draw, parameter].
        library: Statistics of crystals at points drawn from the prior, float64 [crystal, statistic].
        values: Their conditions, float64 [crystal, parameter].
        accepted: How many of them are kept.
    """
    prior = posterior.package.prior
    off = (library - statistics) / library.std(axis=0)
    distance = np.linalg.norm(off, axis=1)
    nearest = np.argsort(distance)[:accepted]
    reach = distance[nearest].max()
    weight = 1 - (distance[nearest] / reach) ** 2  # Epanechnikov's
    unbounded = prior.to_unbounded(values[nearest])
    design = np.column_stack([np.ones(accepted), off[nearest]])
    slope = np.linalg.lstsq(design * np.sqrt(weight)[:, None], unbounded * np.sqrt(weight)[:, None], rcond=None)[0]
    moved = prior.fractions(prior.from_unbounded(unbounded - off[nearest] @ slope[1:]))
    effective = weight.sum() ** 2 / (weight**2).sum()
    mean = np.average(moved, axis=0, weights=weight)
    spread = np.sqrt(np.average((moved - mean) ** 2, axis=0, weights=weight))
    told = prior.fractions(draws)
    error = np.hypot(spread / np.sqrt(effective), told.std(axis=0) / np.sqrt(len(told)))
    return {
        "accepted": accepted,
        "mean": prior.values(mean).tolist(),
        "posterior_mean": prior.values(told.mean(axis=0)).tolist(),
        "z_of_means": ((told.mean(axis=0) - mean) / error).tolist(),
        "ratio_of_widths": (told.std(axis=0) / spread).tolist(),
        "ratio_error": float(1 / np.sqrt(2 * effective)),
    }


def _reject_snow(posterior: Posterior, observations: int, crystals: int, accepted: int, seed: int) -> list[Any]:
    """A posterior of snow against the exact solver, in boxes around the posteriors of some crystals."""
    prior, package = posterior.package.prior, posterior.package
    rng = np.random.default_rng([seed, 2])
    truths = prior.draw(observations, rng=rng)
    arrival, steps = grow_crystals(package, truths, seed + 1)
    found = []
    for one, last, truth in zip(arrival, steps, truths, strict=True):
        answer = posterior.ask(one[None], last[None], draws=4000, seed=seed)[0]
        fractions = prior.fractions(answer.draws)
        ends = np.quantile(fractions, [0.002, 0.998], axis=0)
        room = WIDER * (ends[1] - ends[0])
        low, high = np.clip(ends[0] - room, 0, 1), np.clip(ends[1] + room, 0, 1)
        inside = ((fractions >= low) & (fractions <= high)).all(axis=1)
        values = prior.values(low + (high - low) * rng.random((crystals, prior.num_parameters)))
        library, _ = grow_crystals(package, values, seed + 2)
        result = reject(
            posterior,
            posterior.statistics(one[None])[0],
            answer.draws[inside],
            posterior.statistics(library),
            values,
            accepted=accepted,
        )
        found.append({"truth": truth.tolist(), "crystals": crystals, **result})
    return found


def inference(
    cases: Annotated[int, typer.Option(help="Crystals of snow for calibration.")] = 200,
    observations: Annotated[int, typer.Option(help="Crystals of snow to compare with rejection; 0 = none.")] = 3,
    crystals: Annotated[int, typer.Option(help="Grown for the rejection of each.")] = 8000,
    accepted: Annotated[int, typer.Option(help="Of these that are kept.")] = 300,
    dendrites: Annotated[
        Path | None, typer.Option(help="Store of 200 new dendrites, grown there where they are not; without it none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is drawn and grown.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold the posteriors that ship against new crystals: ranks, coverage, errors, and rejection sampling.

    Example: python3 nk.py benchmark inference --cases 200 --observations 0
    """
    began = time.process_time()
    snow = find_posterior("snow")
    values = snow.package.prior.draw(cases, rng=np.random.default_rng([seed, 1]))
    arrival, steps = grow_crystals(snow.package, values, seed)
    report: dict[str, Any] = {"calibration": [calibrate(snow, arrival, steps, values, seed=seed)], "rejection": {}}
    if observations:
        report["rejection"]["snow"] = _reject_snow(snow, observations, crystals, accepted, seed)
    if dendrites is not None:
        with progress_reporter("growing", "dendrites") as tell:
            run_campaign(
                read_campaign(DENDRITES),
                dendrites,
                workers=1,
                progress=lambda done: tell(done.crystals, done.num_crystals),
            )
        grown = open_store(dendrites).load()
        for name in ("dendrites",):
            posterior = find_posterior(name)
            truths = posterior.package.prior.matrix(grown.parameters)
            maps, last = grown.arrival[:, 0], grown.steps[:, 0]
            report["calibration"].append(calibrate(posterior, maps, last, truths, seed=seed))
            library = posterior.statistics(maps, last)
            answers = posterior.ask(maps[:observations], last[:observations], draws=4000, seed=seed)
            report["rejection"][name] = [
                {
                    "truth": truths[place].tolist(),
                    "crystals": len(library) - 1,
                    **reject(
                        posterior,
                        library[place],
                        answer.draws,
                        np.delete(library, place, axis=0),
                        np.delete(truths, place, axis=0),
                        accepted=len(library) // 4,
                    ),
                }
                for place, answer in enumerate(answers)
            ]
    report["cpu_seconds"] = time.process_time() - began
    if as_json:
        echo_json(report)
        return
    for row in report["calibration"]:
        typer.echo(f"{row['posterior']}: {row['cases']} new crystals")
        for place, name in enumerate(row["parameters"]):
            typer.echo(
                f"  {name:<14} rank p {row['rank_p'][place]:.3f}  covers {row['coverage90'][place]:.3f}  RMSE "
                f"{row['rmse'][place]:.4g} (prior's middle {row['prior_rmse'][place]:.4g}), relative "
                f"{100 * row['relative_rmse'][place]:.1f} %, width {row['narrowed'][place]:.2f} of the prior's"
            )
        low, high = row["coverage90_expected"]
        typer.echo(
            f"  ranks {'uniform' if row['is_calibrated'] else 'NOT uniform'} (p > .05 after Bonferroni: "
            f"{row['rank_p_bonferroni']:.3f}), coverage {'within' if row['covers'] else 'OUTSIDE'} {low:.3f} to "
            f"{high:.3f}; {100 * row['strangers']:.1f} % called strangers"
        )
    for name, rows in report["rejection"].items():
        for row in rows:
            z = ", ".join(f"{value:+.1f}" for value in row["z_of_means"])
            ratio = ", ".join(f"{value:.2f}" for value in row["ratio_of_widths"])
            typer.echo(
                f"{name} against {row['accepted']} of {row['crystals']} crystals: means differ by {z} standard errors, "
                f"widths by factors {ratio} (+- {row['ratio_error']:.2f})"
            )
    typer.echo(f"{report['cpu_seconds']:.0f} CPU seconds")
