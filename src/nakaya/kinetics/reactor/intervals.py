"""Residuals of all experiments, their least squares, and three ways to an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import optimize

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.reactor.crystallizer import Crystallizer, Run
from nakaya.kinetics.reactor.estimation import LEVEL, Experiment, FreeParameter, seen_in
from nakaya.kinetics.reactor.finite_volume import Grid
from nakaya.kinetics.reactor.parameters import with_parameters
from nakaya.kinetics.reactor.simulate import Method, simulate

__all__ = ["Problem", "bootstrap_ends", "covariance_ends", "profile_ends"]


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


def profile_ends(
    problem: Problem, place: FloatArray, least: float, index: int, spread: float, quantile: float, scale: float
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


def covariance_ends(
    problem: Problem, place: FloatArray, jacobian: FloatArray, covariance: FloatArray, quantile: float
) -> list[tuple[float | None, float | None]]:
    """Ends from the Gauss-Newton covariance; None outside the bounds, and in directions that the data do not see."""
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


def bootstrap_ends(
    problem: Problem, place: FloatArray, repeats: int, seed: int
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
