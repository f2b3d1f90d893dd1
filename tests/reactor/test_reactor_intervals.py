"""Intervals of fitted parameters against what replicates show, and in closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.stats import qmc

from nakaya.reactor.crystallizer import Crystallizer, Operation, Seed
from nakaya.reactor.estimation import Experiment, Fit, FreeParameter, Observation
from nakaya.reactor.fitting import fit
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.parameters import get_parameters, with_parameters
from nakaya.reactor.profiles import linear
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes

DAY = 86400.0
NOISE = 0.002  # kg/kg
TIMES = np.linspace(0.0, DAY, 13)
OPERATION = Operation(0.67, linear(315.15, 299.15, DAY), DAY, Seed(0.03, NormalSizes(115e-6, 60e-6)))
FREE = [
    FreeParameter("growth.rate_constant", 1e-6, 1.0, start=3e-4),
    FreeParameter("growth.order", 0.5, 3.0, start=1.5, log=False),
]

STATED = 0.05
"""Relative, of a stated error against the standard deviation of replicates."""


@pytest.fixture(scope="module")
def system() -> Crystallizer:
    return parameter_set("dextrose").crystallizer()


def concentration(system: Crystallizer) -> np.ndarray:
    return simulate(system, OPERATION, times=TIMES, method="moments").concentration


def fitted(system: Crystallizer, values: np.ndarray, *, deviation: float | None = NOISE) -> Fit:
    seen = Observation("concentration", TIMES, values, deviation)
    return fit(system, [Experiment("a", OPERATION, (seen,))], FREE, intervals="covariance")


def place(found: Fit) -> np.ndarray:
    return np.array([math.log(found.estimates[0].value), found.estimates[1].value])


def half_widths(found: Fit) -> np.ndarray:
    """Of the 90 % intervals, on the scale of the search."""
    (low, high), (low_order, high_order) = (entry.interval90 for entry in found.estimates)
    return np.array([math.log(high / low), high_order - low_order]) / 2


def test_the_interval_is_that_of_the_slopes_at_the_best_fit(system: Crystallizer) -> None:
    """Without noise the best fit is the truth, and the covariance sigma^2 (J^T J)^-1 with slopes found here."""
    truth = get_parameters(system.kinetics)
    found = fitted(system, concentration(system))
    slopes = []
    for path, by in (("growth.rate_constant", 1e-3), ("growth.order", 1e-3)):
        sides = []
        for sign in (1, -1):
            moved = truth[path] * math.exp(sign * by) if path == "growth.rate_constant" else truth[path] + sign * by
            kinetics = with_parameters(system.kinetics, {path: moved})
            sides.append(concentration(replace(system, kinetics=kinetics)))
        slopes.append((sides[0] - sides[1]) / (2 * by))
    covariance = NOISE**2 * np.linalg.inv(np.array(slopes) @ np.array(slopes).T)
    errors = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(half_widths(found), stats.norm.ppf(0.95) * errors, rtol=0.01)
    expected = covariance[0, 1] / errors.prod()
    assert found.correlation[0, 1] == pytest.approx(expected, abs=0.002)


def test_the_errors_of_a_fit_are_what_replicates_show(system: Crystallizer) -> None:
    """Noise from 32 Sobol points: of a nearly linear response they know the standard deviation as 500 random ones."""
    drawn = qmc.MultivariateNormalQMC(np.zeros(TIMES.size), rng=np.random.default_rng(0)).random(32)
    clean = concentration(system)
    found = [fitted(system, clean + NOISE * noise) for noise in drawn]
    stated = np.sqrt(np.mean([(half_widths(one) / stats.norm.ppf(0.95)) ** 2 for one in found], axis=0))
    np.testing.assert_allclose(stated, np.std([place(one) for one in found], axis=0, ddof=1), rtol=STATED)


def test_an_unknown_deviation_is_found_with_the_degrees_of_freedom_and_widens_by_students_t(
    system: Crystallizer,
) -> None:
    """Of one data set: the deviation from n - p, and the quantile of t with n - p degrees in place of the normal's."""
    values = concentration(system) + NOISE * np.random.default_rng(1).standard_normal(TIMES.size)
    unknown = fitted(system, values, deviation=None)
    deviation = unknown.deviations["concentration"]
    rmse = unknown.rmse["a/concentration"]
    assert deviation == pytest.approx(rmse * math.sqrt(TIMES.size / (TIMES.size - 2)), rel=2e-3)
    given = fitted(system, values, deviation=deviation)
    ratio = stats.t.ppf(0.95, TIMES.size - 2) / stats.norm.ppf(0.95)
    np.testing.assert_allclose(half_widths(unknown) / half_widths(given), ratio, rtol=5e-3)


def test_the_ends_of_a_profile_are_where_the_sum_of_squares_has_risen_by_the_quantile(system: Crystallizer) -> None:
    values = concentration(system) + NOISE * np.random.default_rng(2).standard_normal(TIMES.size)
    experiment = Experiment("a", OPERATION, (Observation("concentration", TIMES, values, NOISE),))
    found = fit(system, [experiment], FREE[:1], intervals="profile")

    def squares(log_constant: float) -> float:
        kinetics = with_parameters(system.kinetics, {"growth.rate_constant": math.exp(log_constant)})
        return float((((concentration(replace(system, kinetics=kinetics)) - values) / NOISE) ** 2).sum())

    (estimate,) = found.estimates
    start = math.log(estimate.value)
    least = optimize.minimize_scalar(squares, bracket=(start - 0.1, start, start + 0.1), options={"xtol": 1e-8})
    assert start == pytest.approx(least.x, abs=1e-4)
    assert found.threshold == pytest.approx(stats.chi2.ppf(0.9, 1))
    ends = [
        optimize.brentq(lambda u: squares(u) - least.fun - found.threshold, least.x, least.x + far) for far in (-1, 1)
    ]
    half = (ends[1] - ends[0]) / 2
    np.testing.assert_allclose(np.log(estimate.interval90), ends, atol=0.02 * half)
