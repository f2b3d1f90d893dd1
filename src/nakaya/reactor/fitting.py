"""Estimate kinetic parameters from what crystallizers did, with intervals that are worth their level.

Least squares over all experiments, positive parameters on a logarithmic scale; residuals are in units of their standard
deviation, which is estimated for every kind of observation where it is not given. Intervals come from the profile
likelihood (the default: it sees bent valleys and open ends), or from the Gauss-Newton covariance, or a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias, get_args

import numpy as np
from scipy import stats

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer, Run
from nakaya.reactor.estimation import (
    LEVEL,
    PRECISE_FACTOR,
    Estimate,
    Experiment,
    Fit,
    FreeParameter,
    Intervals,
    seen_in,
)
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.intervals import BetterFitError, Problem, bootstrap_ends, covariance_ends, profile_ends
from nakaya.reactor.parameters import get_parameters, unit_of
from nakaya.reactor.simulate import Method

__all__ = ["fit"]

Solution: TypeAlias = tuple[FloatArray, float, FloatArray]
"""Place on the scale of the search, sum of squares, Jacobian."""

_RESTARTS = 6


def fit(
    crystallizer: Crystallizer,
    experiments: Sequence[Experiment],
    free: Sequence[FreeParameter],
    *,
    method: Method = "moments",
    grid: Grid | None = None,
    intervals: Intervals = "profile",
    starts: int = 1,
    bootstrap: int = 200,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Fit:
    """Estimate kinetic parameters.

    Args:
        crystallizer: The system; parameters that are not free keep its values.
        experiments: What was run and seen.
        free: Which parameters to estimate, within which bounds.
        method: Solver of the population balance.
        grid: Classes of size, for finite volumes.
        intervals: "profile", "covariance" or "bootstrap".
        starts: Searches from this many places (the first guess, then Sobol points within the bounds); the best wins.
        bootstrap: Number of resampled data sets for intervals="bootstrap".
        seed: Of the bootstrap and of the extra starts.
        progress: Told in words what is being done.

    Raises:
        ParameterError: Too few observations, or a run that cannot be simulated.
        UnknownNameError: A parameter that the kinetics do not have.

    >>> from nakaya.workflows.fit_reactor import synthetic_batches
    >>> system, experiments, free = synthetic_batches()
    >>> found = fit(system, experiments, free, intervals="covariance")
    >>> [entry.path for entry in found.estimates][:2], round(found.estimates[1].value, 2)  # noiseless: the truth
    (['growth.rate_constant', 'growth.order'], 1.05)
    """
    tell = progress or (lambda _: None)
    if intervals not in get_args(Intervals):
        raise UnknownNameError("kind of intervals", intervals, get_args(Intervals))
    problem = Problem(crystallizer, experiments, free, method, grid)
    if not free or problem.values.size <= len(free):
        raise ParameterError(
            f"{problem.values.size} observations for {len(free)} free parameters: "
            "give at least one parameter, and more observations than parameters"
        )
    first = _first_guess(crystallizer, free)
    tell(f"fitting {len(free)} parameters to {problem.values.size} observations")
    problem.residuals(first)  # a first guess that cannot be simulated is an error; later trials may be passed over
    best, unknown = _search(problem, first, starts, seed)
    degrees = problem.values.size - len(free)
    quantile = float(stats.f.ppf(LEVEL, 1, degrees) if unknown else stats.chi2.ppf(LEVEL, 1))
    profiles: dict[str, tuple[FloatArray, FloatArray]] = {}
    ends: list[tuple[float | None, float | None]] = []
    if intervals == "profile":
        best, ends, profiles = _profiled(problem, best, quantile, degrees if unknown else None, tell)
    place, square_sum, jacobian = best
    scale = square_sum / degrees if unknown else 1.0
    covariance = _covariance(jacobian, scale)
    if intervals == "covariance":
        ends = covariance_ends(problem, place, jacobian, covariance, math.sqrt(quantile))
    elif intervals == "bootstrap":
        tell(f"refitting {bootstrap} resampled data sets")
        ends = bootstrap_ends(problem, place, bootstrap, seed)
    estimates = tuple(
        _estimate(entry, place[i], ends[i], unit_of(entry.path, crystallizer.kinetics)) for i, entry in enumerate(free)
    )
    runs = problem.runs(place)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    return Fit(
        estimates=estimates,
        crystallizer=problem.crystallizer_at(place),
        deviations=dict(zip(problem.kinds, problem.deviations.tolist(), strict=True)),
        rmse=_rmse(experiments, runs),
        correlation=covariance / np.outer(deviation, deviation),
        runs={entry.name: run for entry, run in zip(experiments, runs, strict=True)},
        intervals=intervals,
        num_observations=int(problem.values.size),
        evaluations=problem.evaluations,
        profiles=profiles,
        threshold=quantile,
    )


def _covariance(jacobian: FloatArray, scale: float) -> FloatArray:
    lengths = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)  # parameters differ in size by many decades
    scaled = jacobian / lengths
    return np.asarray(np.linalg.pinv(scaled.T @ scaled, hermitian=True) * scale / np.outer(lengths, lengths))


def _profiled(
    problem: Problem, best: Solution, quantile: float, degrees: int | None, tell: Callable[[str], None]
) -> tuple[Solution, list[tuple[float | None, float | None]], dict[str, tuple[FloatArray, FloatArray]]]:
    """Profile every parameter; where that meets a better fit, start again from there.

    Args:
        problem: What is fitted.
        best: Where the search ended.
        quantile: Of the drop at the ends of an interval.
        degrees: Degrees of freedom where the deviations were found, None where all were given.
        tell: Told what is being done.
    """
    for _ in range(_RESTARTS):
        place, square_sum, jacobian = best
        scale = 1.0 if degrees is None else square_sum / degrees
        covariance = _covariance(jacobian, scale)
        ends, profiles = [], {}
        try:
            for i, entry in enumerate(problem.free):
                tell(f"profiling {entry.path}")
                end, curve = profile_ends(problem, place, square_sum, i, covariance, quantile, scale)
                ends.append(end)
                profiles[entry.path] = curve
        except BetterFitError as met:
            tell("a better fit was met on the way: starting again from there")
            best = problem.solve(met.place)
        else:
            return best, ends, profiles
    raise ParameterError(
        f"the fit did not settle in {_RESTARTS} restarts: it has many minima; give better first guesses or starts = 10"
    )


def _first_guess(crystallizer: Crystallizer, free: Sequence[FreeParameter]) -> FloatArray:
    known = get_parameters(crystallizer.kinetics)
    names = [entry.path for entry in free]
    if len(set(names)) < len(names):
        raise ParameterError("a parameter is named twice among the free ones")
    guess = []
    for entry in free:
        if entry.path not in known:
            raise UnknownNameError("kinetic parameter", entry.path, known)
        start = known[entry.path] if entry.start is None else entry.start
        guess.append(entry.forward(min(max(start, entry.low), entry.high)))
    return np.array(guess)


def _search(problem: Problem, first: FloatArray, starts: int, seed: int) -> tuple[Solution, bool]:
    """Best fit from several starts, with deviations that were given or are found on the way (reweighting)."""
    given: dict[str, float] = {}
    for experiment in problem.experiments:
        for seen in experiment.observations:
            if seen.deviation is not None:
                given[seen.kind] = seen.deviation
    unknown = [kind for kind in problem.kinds if kind not in given]
    deviation = [float(np.std(problem.values[problem.labels == i])) for i in range(len(problem.kinds))]
    for i, kind in enumerate(problem.kinds):
        problem.deviations[i] = given.get(kind, 0.02 * deviation[i] if deviation[i] > 0 else 1.0)
    places = [first]
    if starts > 1:
        sampler = stats.qmc.Sobol(len(problem.free), scramble=True, rng=np.random.default_rng(seed))
        points = sampler.random_base2(math.ceil(math.log2(starts)))[: starts - 1]
        places += list(problem.low + points * (problem.high - problem.low))
    best = min((problem.solve(place) for place in places), key=lambda found: found[1])
    for _ in range(8 if unknown else 0):
        residuals = problem.residuals(best[0])
        before = problem.deviations.copy()
        for i, kind in enumerate(problem.kinds):
            if kind in unknown:
                mine = residuals[problem.labels == i]
                fraction = 1.0 - len(problem.free) / residuals.size
                found = before[i] * math.sqrt(float(mine @ mine) / (mine.size * fraction))
                problem.deviations[i] = max(found, 1e-9 * (deviation[i] + abs(float(np.mean(problem.values)))))
        best = problem.solve(best[0])
        if np.allclose(problem.deviations, before, rtol=1e-3):
            break
    return best, bool(unknown)


def _estimate(entry: FreeParameter, place: float, ends: tuple[float | None, float | None], unit: str) -> Estimate:
    low, high = ends
    reason = ""
    if low is None or high is None:
        side = "on either side" if low is None and high is None else "below" if low is None else "above"
        reason = f"the data do not bound it {side} within [{entry.low:g}, {entry.high:g}]"
    elif low > 0 and high / low > PRECISE_FACTOR:
        reason = f"the interval spans a factor of {high / low:.3g}"
    return Estimate(entry.path, entry.back(place), unit, ends, not reason, reason)


def _rmse(experiments: Sequence[Experiment], runs: Sequence[Run]) -> dict[str, float]:
    errors = {}
    for experiment, run in zip(experiments, runs, strict=True):
        for seen in experiment.observations:
            residuals = seen_in(run, seen) - seen.values
            errors[f"{experiment.name}/{seen.kind}"] = float(np.sqrt(np.mean(residuals**2)))
    return errors
