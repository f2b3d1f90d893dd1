"""Estimate kinetic parameters from what crystallizers did, with intervals that are worth their level.

Least squares over all experiments, positive parameters on a logarithmic scale; residuals are in units of their standard
deviation, which is estimated for every kind of observation where it is not given. Intervals come from the profile
likelihood (the default: it sees bent valleys and open ends), or from the Gauss-Newton covariance, or a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from scipy import optimize, stats

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.reactor.crystallizer import Crystallizer, Operation, Run
from nakaya.kinetics.reactor.finite_volume import Grid
from nakaya.kinetics.reactor.parameters import get_parameters, unit_of, with_parameters
from nakaya.kinetics.reactor.simulate import Method, simulate

__all__ = ["Estimate", "Experiment", "Fit", "FreeParameter", "Intervals", "Observation", "fit", "observe"]

Intervals: TypeAlias = Literal["profile", "covariance", "bootstrap"]

Kind: TypeAlias = Literal["concentration", "L10", "L32", "L43", "log_number"]
"""concentration in the solubility's basis; mean sizes in m; natural logarithm of crystals per kg of slurry."""

LEVEL = 0.90

PRECISE_FACTOR = 10.0
"""A positive parameter whose interval spans more than this factor is not called identifiable."""


@dataclass(frozen=True, eq=False)
class Observation:
    """One quantity in time.

    Attributes:
        kind: What was measured.
        times: float64 [n], s, increasing.
        values: float64 [n], SI.
        deviation: Standard deviation of one value; None: estimated from the residuals of all observations of its kind.
    """

    kind: Kind
    times: FloatArray
    values: FloatArray
    deviation: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UnknownNameError("kind of observation", self.kind, get_args(Kind))
        times, values = np.asarray(self.times, dtype=np.float64), np.asarray(self.values, dtype=np.float64)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise ParameterError(f"{self.kind}: {values.shape} values for {times.shape} times")
        if not (np.isfinite(times).all() and np.isfinite(values).all() and (np.diff(times) > 0).all()):
            raise ParameterError(f"{self.kind}: times must increase and everything be finite: leave gaps out")
        if self.deviation is not None and not self.deviation > 0:
            raise ParameterError(f"{self.kind}: deviation={self.deviation} must be positive")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, eq=False)
class Experiment:
    """One run of a crystallizer and what was seen of it.

    Attributes:
        name: For messages and plots.
        operation: How it was run.
        observations: What was measured.
    """

    name: str
    operation: Operation
    observations: tuple[Observation, ...]

    def __post_init__(self) -> None:
        if not self.observations:
            raise ParameterError(f"experiment {self.name} has no observations")
        latest = max(float(entry.times[-1]) for entry in self.observations)
        if latest > self.operation.duration * (1 + 1e-9):
            raise ParameterError(
                f"experiment {self.name} was observed until {latest:g} s but lasts {self.operation.duration:g} s"
            )


@dataclass(frozen=True)
class FreeParameter:
    """A parameter to estimate.

    Attributes:
        path: Such as "growth.rate_constant".
        start: First guess; None: the value in the crystallizer.
        low: Least value, above 0 for a logarithmic scale.
        high: Greatest value.
        log: Whether the search and the intervals use the logarithm; None: yes where `low` is positive and
            high/low is 10 or more.
    """

    path: str
    low: float
    high: float
    start: float | None = None
    log: bool | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ParameterError(f"{self.path}: bounds [{self.low}, {self.high}] must be finite and in order")
        if self.log is None:
            object.__setattr__(self, "log", self.low > 0 and self.high / self.low >= 10)
        if self.log and self.low <= 0:
            raise ParameterError(f"{self.path}: a logarithmic scale needs low > 0, got {self.low}")
        if self.start is not None and not self.low <= self.start <= self.high:
            raise ParameterError(f"{self.path}: start={self.start:g} is outside [{self.low:g}, {self.high:g}]")

    def forward(self, value: float) -> float:
        """The value on the scale of the search."""
        return math.log(value) if self.log else value

    def back(self, u: float) -> float:
        """The value from the scale of the search, inside the bounds."""
        return float(min(max(math.exp(u) if self.log else u, self.low), self.high))


@dataclass(frozen=True)
class Estimate:
    """What is known about one parameter.

    Attributes:
        path: Its name.
        value: SI.
        unit: SI unit.
        interval90: 90 % interval; an end is None where the data do not bound it inside the search range.
        identifiable: Whether the interval is closed and, for a positive parameter, spans less than a factor of ten.
        reason: Why not, or "".
    """

    path: str
    value: float
    unit: str
    interval90: tuple[float | None, float | None]
    identifiable: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of `fit`.

    Attributes:
        estimates: One for every free parameter.
        crystallizer: With the estimated parameters.
        deviations: Kind of observation -> standard deviation that was given or found.
        rmse: Experiment/kind -> root mean square residual, SI.
        correlation: Of the estimates on the scale of the search, float64 [p, p].
        runs: Experiment -> best run, at the observed times of all its observations.
        intervals: How the intervals were found.
        num_observations: In all.
        evaluations: Number of simulated batches.
        profiles: Parameter -> (values, twice the drop of the log-likelihood), float64 [n] each; empty unless profiled.
    """

    estimates: tuple[Estimate, ...]
    crystallizer: Crystallizer
    deviations: Mapping[str, float]
    rmse: Mapping[str, float]
    correlation: FloatArray
    runs: Mapping[str, Run]
    intervals: Intervals
    num_observations: int
    evaluations: int
    profiles: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)


def observe(run: Run, kind: Kind) -> FloatArray:
    """What an observation of this kind sees of a run, float64 [t]; sizes are 0 while there are no crystals."""
    if kind == "concentration":
        return run.concentration
    if kind == "log_number":
        return np.log(np.maximum(run.moments[:, 0], 1.0))
    return np.nan_to_num(run.mean_sizes[kind])


def _seen_in(run: Run, seen: Observation) -> FloatArray:
    """What an observation would have been in a run that reports at (at least) its times."""
    return observe(run, seen.kind)[np.searchsorted(run.times, seen.times)]


class _Problem:
    """Residuals of all experiments as a function of the free parameters on the scale of the search."""

    def __init__(
        self,
        crystallizer: Crystallizer,
        experiments: Sequence[Experiment],
        free: Sequence[FreeParameter],
        method: Method,
        grid: Grid | None,
    ) -> None:
        self.crystallizer, self.experiments, self.free = crystallizer, experiments, free
        self.method, self.grid, self.evaluations = method, grid, 0
        self.low = np.array([entry.forward(entry.low) for entry in free])
        self.high = np.array([entry.forward(entry.high) for entry in free])
        self.kinds = sorted({seen.kind for entry in experiments for seen in entry.observations})
        self.labels = np.concatenate(
            [np.full(seen.times.size, self.kinds.index(seen.kind)) for e in experiments for seen in e.observations]
        )
        self.values = np.concatenate([seen.values for e in experiments for seen in e.observations])
        self.deviations = np.ones(len(self.kinds))

    def crystallizer_at(self, u: FloatArray) -> Crystallizer:
        values = {entry.path: entry.back(x) for entry, x in zip(self.free, u, strict=True)}
        return replace(self.crystallizer, kinetics=with_parameters(self.crystallizer.kinetics, values))

    def runs(self, u: FloatArray) -> list[Run]:
        crystallizer, runs = self.crystallizer_at(u), []
        for experiment in self.experiments:
            times = np.unique(np.concatenate([[0.0], *(seen.times for seen in experiment.observations)]))
            times = times if times.size > 1 else np.array([0.0, experiment.operation.duration])
            self.evaluations += 1
            runs.append(simulate(crystallizer, experiment.operation, times=times, method=self.method, grid=self.grid))
        return runs

    def predict(self, u: FloatArray) -> FloatArray:
        pairs = zip(self.experiments, self.runs(u), strict=True)
        return np.concatenate([_seen_in(run, seen) for entry, run in pairs for seen in entry.observations])

    def residuals(self, u: FloatArray) -> FloatArray:
        return np.asarray((self.predict(u) - self.values) / self.deviations[self.labels])

    def solve(self, start: FloatArray, fixed: tuple[int, float] | None = None) -> tuple[FloatArray, float, FloatArray]:
        """Minimise; return the place, the sum of squares and the Jacobian. `fixed` holds one parameter."""
        free = [i for i in range(len(self.free)) if fixed is None or i != fixed[0]]

        def fill(part: FloatArray) -> FloatArray:
            whole = start.copy()
            whole[free] = part
            if fixed is not None:
                whole[fixed[0]] = fixed[1]
            return whole

        if not free:
            whole = fill(np.empty(0))
            residuals = self.residuals(whole)
            return whole, float(residuals @ residuals), np.empty((residuals.size, 0))
        low, high = self.low[free], self.high[free]
        margin = 1e-9 * (high - low)
        solution = optimize.least_squares(
            lambda part: self.residuals(fill(part)),
            np.clip(start[free], low + margin, high - margin),
            bounds=(low, high),
            x_scale=np.minimum(1.0, high - low),
            diff_step=1e-4,
            xtol=1e-7,
            ftol=1e-7,
            gtol=1e-9,
        )
        return fill(solution.x), 2.0 * float(solution.cost), np.asarray(solution.jac)


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
    """
    tell = progress or (lambda _: None)
    if intervals not in get_args(Intervals):
        raise UnknownNameError("kind of intervals", intervals, get_args(Intervals))
    problem = _Problem(crystallizer, experiments, free, method, grid)
    if not free or problem.values.size <= len(free):
        raise ParameterError(
            f"{problem.values.size} observations for {len(free)} free parameters: "
            "give at least one parameter, and more observations than parameters"
        )
    first = _first_guess(crystallizer, free)
    tell(f"fitting {len(free)} parameters to {problem.values.size} observations")
    best, unknown = _search(problem, first, starts, seed)
    degrees = problem.values.size - len(free)
    place, square_sum, jacobian = best
    scale = square_sum / degrees if unknown else 1.0  # all deviations known: chi-squared; else one more F factor
    quantile = float(stats.f.ppf(LEVEL, 1, degrees) if unknown else stats.chi2.ppf(LEVEL, 1))
    covariance: FloatArray = np.asarray(np.linalg.pinv(jacobian.T @ jacobian, hermitian=True) * scale)
    profiles: dict[str, tuple[FloatArray, FloatArray]] = {}
    ends: list[tuple[float | None, float | None]]
    if intervals == "profile":
        ends = []
        for i, entry in enumerate(free):
            tell(f"profiling {entry.path}")
            pair, curve = _profile(problem, place, square_sum, i, math.sqrt(covariance[i, i]), quantile, scale)
            ends.append(pair)
            profiles[entry.path] = curve
    elif intervals == "covariance":
        ends = _covariance_ends(problem, place, jacobian, covariance, math.sqrt(quantile))
    else:
        tell(f"refitting {bootstrap} resampled data sets")
        ends = _bootstrap_ends(problem, place, bootstrap, seed)
    estimates = tuple(
        _estimate(entry, place[i], ends[i], unit_of(entry.path, crystallizer.kinetics)) for i, entry in enumerate(free)
    )
    runs = problem.runs(place)
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    return Fit(
        estimates=estimates,
        crystallizer=problem.crystallizer_at(place),
        deviations=dict(zip(problem.kinds, problem.deviations.tolist(), strict=True)),
        rmse=_rmse(experiments, runs),
        correlation=covariance / np.outer(spread, spread),
        runs={entry.name: run for entry, run in zip(experiments, runs, strict=True)},
        intervals=intervals,
        num_observations=int(problem.values.size),
        evaluations=problem.evaluations,
        profiles=profiles,
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


def _search(
    problem: _Problem, first: FloatArray, starts: int, seed: int
) -> tuple[tuple[FloatArray, float, FloatArray], bool]:
    """Best fit from several starts, with deviations that were given or are found on the way (reweighting)."""
    given: dict[str, float] = {}
    for experiment in problem.experiments:
        for seen in experiment.observations:
            if seen.deviation is not None:
                given[seen.kind] = seen.deviation
    unknown = [kind for kind in problem.kinds if kind not in given]
    spread = [float(np.std(problem.values[problem.labels == i])) for i in range(len(problem.kinds))]
    for i, kind in enumerate(problem.kinds):
        problem.deviations[i] = given.get(kind, 0.02 * spread[i] if spread[i] > 0 else 1.0)
    places = [first]
    if starts > 1:
        sampler = stats.qmc.Sobol(len(problem.free), scramble=True, rng=np.random.default_rng(seed))
        places += list(problem.low + sampler.random(starts - 1) * (problem.high - problem.low))
    best = min((problem.solve(place) for place in places), key=lambda found: found[1])
    for _ in range(8 if unknown else 0):
        residuals = problem.residuals(best[0])
        before = problem.deviations.copy()
        for i, kind in enumerate(problem.kinds):
            if kind in unknown:
                mine = residuals[problem.labels == i]
                share = 1.0 - len(problem.free) / residuals.size
                found = before[i] * math.sqrt(float(mine @ mine) / (mine.size * share))
                problem.deviations[i] = max(found, 1e-9 * (spread[i] + abs(float(np.mean(problem.values)))))
        best = problem.solve(best[0])
        if np.allclose(problem.deviations, before, rtol=1e-3):
            break
    return best, bool(unknown)


def _profile(
    problem: _Problem, place: FloatArray, least: float, index: int, spread: float, quantile: float, scale: float
) -> tuple[tuple[float | None, float | None], tuple[FloatArray, FloatArray]]:
    """Where the profile likelihood crosses the quantile on either side; None where it does not inside the bounds.

    The step grows from the Gauss-Newton guess until the profile has crossed, then the crossing is interpolated between
    roots of the drop (a parabola is a straight line there).
    """
    spread = min(max(spread, 1e-9), float(problem.high[index] - problem.low[index]))
    points, ends = {float(place[index]): 0.0}, []
    for side, bound in ((-1.0, problem.low[index]), (1.0, problem.high[index])):
        start, step, inside = place.copy(), spread * math.sqrt(quantile), (float(place[index]), 0.0)
        found: float | None = None
        outside: tuple[float, float] | None = None
        for _ in range(14):
            if outside is None:
                u = inside[0] + side * step
                step *= 1.7
            else:
                roots = math.sqrt(max(inside[1], 0.0)), math.sqrt(outside[1])
                share = (math.sqrt(quantile) - roots[0]) / (roots[1] - roots[0])
                u = inside[0] + min(max(share, 0.05), 0.95) * (outside[0] - inside[0])
            u = min(max(u, float(problem.low[index])), float(problem.high[index]))
            moved, square_sum, _ = problem.solve(start, fixed=(index, u))
            drop = max((square_sum - least) / scale, 0.0)
            points[u] = drop
            if abs(math.sqrt(drop) - math.sqrt(quantile)) < 0.02:
                found = u
                break
            if drop > quantile:
                outside = (u, drop)
            else:
                inside, start = (u, drop), moved
                if outside is None and u == bound:
                    break
        else:
            found = None if outside is None else 0.5 * (inside[0] + outside[0])
        ends.append(found)
    entry = problem.free[index]
    order = sorted(points)
    curve = np.array([entry.back(u) for u in order]), np.array([points[u] for u in order])
    low, high = (None if end is None else entry.back(end) for end in ends)
    return (low, high), curve


def _covariance_ends(
    problem: _Problem, place: FloatArray, jacobian: FloatArray, covariance: FloatArray, quantile: float
) -> list[tuple[float | None, float | None]]:
    _, strengths, directions = np.linalg.svd(jacobian, full_matrices=False)
    weak = strengths < strengths.max() * 1e-6
    ends: list[tuple[float | None, float | None]] = []
    for i, entry in enumerate(problem.free):
        blind = bool((np.abs(directions[weak, i]) > 0.1).any())
        half = quantile * math.sqrt(covariance[i, i])
        low, high = place[i] - half, place[i] + half
        ends.append(
            (
                None if blind or low < problem.low[i] else entry.back(low),
                None if blind or high > problem.high[i] else entry.back(high),
            )
        )
    return ends


def _bootstrap_ends(
    problem: _Problem, place: FloatArray, repeats: int, seed: int
) -> list[tuple[float | None, float | None]]:
    """Percentiles over refits to resampled residuals, within each kind of observation."""
    if repeats < 20:
        raise ParameterError(f"bootstrap={repeats}: 90 % intervals need at least 20 resampled data sets")
    rng = np.random.default_rng(seed)
    measured, predicted = problem.values, problem.predict(place)
    share = math.sqrt(1.0 - len(problem.free) / measured.size)
    found = np.empty((repeats, place.size))
    for repeat in range(repeats):
        drawn = np.empty_like(measured)
        for kind in range(len(problem.kinds)):
            mine = np.flatnonzero(problem.labels == kind)
            residuals = (measured[mine] - predicted[mine]) / share
            drawn[mine] = predicted[mine] + rng.choice(residuals, size=mine.size)
        problem.values = drawn
        found[repeat] = problem.solve(place)[0]
    problem.values = measured
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    slack = 1e-6 * (problem.high - problem.low)
    return [
        (
            None if low[i] <= problem.low[i] + slack[i] else entry.back(low[i]),
            None if high[i] >= problem.high[i] - slack[i] else entry.back(high[i]),
        )
        for i, entry in enumerate(problem.free)
    ]


def _estimate(entry: FreeParameter, place: float, ends: tuple[float | None, float | None], unit: str) -> Estimate:
    low, high = ends
    reason = ""
    if low is None or high is None:
        side = "either side" if low is None and high is None else ("below" if low is None else "above")
        reason = f"the data do not bound it on {side}" if side == "either side" else f"the data do not bound it {side}"
        reason += f" within [{entry.low:g}, {entry.high:g}]"
    elif low > 0 and high / low > PRECISE_FACTOR:
        reason = f"the interval spans a factor of {high / low:.3g}"
    return Estimate(entry.path, entry.back(place), unit, ends, not reason, reason)


def _rmse(experiments: Sequence[Experiment], runs: Sequence[Run]) -> dict[str, float]:
    errors = {}
    for experiment, run in zip(experiments, runs, strict=True):
        for seen in experiment.observations:
            residuals = _seen_in(run, seen) - seen.values
            errors[f"{experiment.name}/{seen.kind}"] = float(np.sqrt(np.mean(residuals**2)))
    return errors
