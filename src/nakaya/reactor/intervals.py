"""Residuals of all experiments, their least squares, and three ways to an interval."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import optimize

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.reactor.crystallizer import Crystallizer, IntegrationError, Run
from nakaya.reactor.estimation import LEVEL, Experiment, FreeParameter, seen_in
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.parameters import with_parameters
from nakaya.reactor.simulate import Method, simulate

__all__ = ["BetterFitError", "Problem", "bootstrap_ends", "covariance_ends", "profile_ends"]

_LOGGER = logging.getLogger(__name__)

_FAR = 1e4
"""Residual, in standard deviations, of a trial that could not be simulated."""

_BETTER = 0.05
"""Drop of the sum of squares, in units of its variance, that counts as a better fit."""

_PROFILE_POINTS = 24
"""Fits on one side of a profile."""

_CLOSE = 0.02
"""How near the root of the drop must come to that of the quantile: one per cent of an interval's half width."""

_BLIND = 1e-3
"""Singular value, relative to the greatest, below which numerical slopes cannot tell a direction from none."""

_STEP = 1e-4
"""Step of numerical slopes, in natural units of a parameter: far above the tolerance of the integrators."""

_MAX_TRIALS = 60
"""Steps of one least-squares search: a valley without an end is given up after so many."""


class Problem:
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
        # A natural unit of every parameter: e on a logarithmic scale, a fair part of the range on a linear one.
        span = self.high - self.low
        self.scales = np.where(np.array([bool(entry.log) for entry in free]), np.minimum(1.0, span), span / 4)
        self.kinds = sorted({seen.kind for entry in experiments for seen in entry.observations})
        self.labels = np.concatenate(
            [np.full(seen.times.size, self.kinds.index(seen.kind)) for e in experiments for seen in e.observations]
        )
        self.values = np.concatenate([seen.values for e in experiments for seen in e.observations])
        self.deviations = np.ones(len(self.kinds))

    def crystallizer_at(self, u: FloatArray) -> Crystallizer:
        """The system with the free parameters at `u`, float64 [p]."""
        values = {entry.path: entry.back(x) for entry, x in zip(self.free, u, strict=True)}
        return replace(self.crystallizer, kinetics=with_parameters(self.crystallizer.kinetics, values))

    def runs(self, u: FloatArray) -> list[Run]:
        """All experiments simulated, each at the times of all its observations."""
        crystallizer, runs = self.crystallizer_at(u), []
        for experiment in self.experiments:
            times = np.unique(np.concatenate([[0.0], *(seen.times for seen in experiment.observations)]))
            times = times if times.size > 1 else np.array([0.0, experiment.operation.duration])
            self.evaluations += 1
            runs.append(simulate(crystallizer, experiment.operation, times=times, method=self.method, grid=self.grid))
        return runs

    def predict(self, u: FloatArray) -> FloatArray:
        """What would have been measured, float64 [n], in the order of the observations."""
        pairs = zip(self.experiments, self.runs(u), strict=True)
        return np.concatenate([seen_in(run, seen) for entry, run in pairs for seen in entry.observations])

    def residuals(self, u: FloatArray) -> FloatArray:
        """Predicted less measured in standard deviations, float64 [n]."""
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

        def trial(part: FloatArray) -> FloatArray:
            try:
                return self.residuals(fill(part))
            except IntegrationError as error:  # a corner of the search range where nothing can be simulated
                _LOGGER.info("a trial was passed over: %s", error)
                return np.full(self.values.size, _FAR)

        def slopes(part: FloatArray) -> FloatArray:
            """Forward differences with a step of its own for every parameter, away from the upper bound."""
            here, columns = trial(part), []
            for i, step in enumerate(_STEP * self.scales[free]):
                moved = part.copy()
                moved[i] += step if part[i] + step < high[i] else -step
                columns.append((trial(moved) - here) / (moved[i] - part[i]))
            return np.column_stack(columns)

        solution = optimize.least_squares(
            trial,
            np.clip(start[free], low + margin, high - margin),
            bounds=(low, high),
            jac=slopes,
            x_scale=self.scales[free],
            xtol=1e-7,
            ftol=1e-7,
            gtol=1e-9,
            max_nfev=_MAX_TRIALS,
        )
        return fill(solution.x), 2.0 * float(solution.cost), np.asarray(solution.jac)


class BetterFitError(Exception):
    """A profile met a better fit than the one it started from.

    Attributes:
        place: Where, on the scale of the search, float64 [p].
    """

    def __init__(self, place: FloatArray) -> None:
        super().__init__("a better fit was met")
        self.place = place


def profile_ends(
    problem: Problem,
    place: FloatArray,
    least: float,
    index: int,
    covariance: FloatArray,
    quantile: float,
    scale: float,
) -> tuple[tuple[float | None, float | None], tuple[FloatArray, FloatArray]]:
    """Where the profile likelihood of one parameter crosses the quantile on either side, and the points that were seen.

    Args:
        problem: What is fitted.
        place: Best fit, float64 [p].
        least: Its sum of squares.
        index: Which parameter.
        covariance: By Gauss and Newton, float64 [p, p]: where to look first, and along which valley.
        quantile: Of the drop at the ends of the interval.
        scale: Variance of the residuals.

    Returns:
        Both ends, None where the data do not bound the parameter: the profile does not cross inside the search range,
        or only because another parameter has come to the end of its own. And values [n] with drops [n].

    Raises:
        BetterFitError: The search met a better fit.
    """
    variance = max(float(covariance[index, index]), 1e-18)
    deviation = min(math.sqrt(variance), float(problem.high[index] - problem.low[index]))
    valley = covariance[:, index] / variance
    points = {float(place[index]): 0.0}

    def drop_at(start: FloatArray, u: float) -> tuple[FloatArray, float]:
        ahead = np.clip(start + valley * (u - start[index]), problem.low, problem.high)
        moved, square_sum, _ = problem.solve(ahead, fixed=(index, u))
        if square_sum < least - _BETTER * scale:
            raise BetterFitError(moved)
        points[u] = max((square_sum - least) / scale, 0.0)
        return moved, points[u]

    entry, root = problem.free[index], math.sqrt(quantile)
    ends = [_profile_end(problem, drop_at, place, index, side * deviation * root, root) for side in (-1.0, 1.0)]
    order = sorted(points)
    curve = np.array([entry.back(u) for u in order]), np.array([points[u] for u in order])
    low, high = (None if end is None else entry.back(end) for end in ends)
    return (low, high), curve


def _profile_end(
    problem: Problem,
    drop_at: Callable[[FloatArray, float], tuple[FloatArray, float]],
    place: FloatArray,
    index: int,
    step: float,
    root: float,
) -> float | None:
    """Walk until the profile has crossed, then close in between the roots of the drops: a parabola is a line there."""
    low, high = float(problem.low[index]), float(problem.high[index])
    start, moved = place, place
    inside, outside = (float(place[index]), 0.0), (math.nan, math.nan)
    for number in range(_PROFILE_POINTS):
        if math.isnan(outside[0]):
            u = min(max(inside[0] + step, low), high)
            step *= 1.7
        else:
            fraction = (
                (root - inside[1]) / (outside[1] - inside[1]) if number % 3 else 0.5
            )  # a half now and then: cliffs
            u = inside[0] + min(max(fraction, 0.05), 0.95) * (outside[0] - inside[0])
        moved, drop = drop_at(start, u)
        height = math.sqrt(drop)
        if abs(height - root) < _CLOSE:
            return None if _at_bounds(problem, moved, index) else u
        if height > root:
            outside = (u, height)
        elif math.isnan(outside[0]) and u in (low, high):
            return None
        else:
            inside, start = (u, height), moved
    if math.isnan(outside[0]) or _at_bounds(problem, moved, index):
        return None
    return 0.5 * (inside[0] + outside[0])


def _at_bounds(problem: Problem, place: FloatArray, index: int) -> bool:
    """Whether any parameter but one has come to an end of its search range."""
    margin = 1e-4 * (problem.high - problem.low)
    at = (place < problem.low + margin) | (place > problem.high - margin)
    at[index] = False
    return bool(at.any())


def covariance_ends(
    problem: Problem, place: FloatArray, jacobian: FloatArray, covariance: FloatArray, quantile: float
) -> list[tuple[float | None, float | None]]:
    """Ends from the Gauss-Newton covariance; None outside the bounds, and in directions that the data do not see."""
    lengths = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    _, strengths, directions = np.linalg.svd(jacobian / lengths, full_matrices=False)
    weak = strengths < strengths.max() * _BLIND
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


def bootstrap_ends(
    problem: Problem, place: FloatArray, repeats: int, seed: int
) -> list[tuple[float | None, float | None]]:
    """Percentiles over refits to resampled residuals, within each kind of observation."""
    if repeats < 20:
        raise ParameterError(f"bootstrap={repeats}: 90 % intervals need at least 20 resampled data sets")
    rng = np.random.default_rng(seed)
    measured, predicted = problem.values, problem.predict(place)
    fraction = math.sqrt(1.0 - len(problem.free) / measured.size)
    found = np.empty((repeats, place.size))
    for repeat in range(repeats):
        drawn = np.empty_like(measured)
        for kind in range(len(problem.kinds)):
            mine = np.flatnonzero(problem.labels == kind)
            residuals = (measured[mine] - predicted[mine]) / fraction
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
