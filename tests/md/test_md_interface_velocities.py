"""Velocities near melting: coefficients and their errors in closed form, and as replicates of a known law show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize
from scipy.stats import qmc

from nakaya.md.interface_velocities import (
    Coefficients,
    Point,
    kinetic_coefficients,
    positive_error,
    zero_velocity_melting_point,
)
from nakaya.md.statistics import Estimate
from nakaya.md.tables import MaterialTable
from nakaya.theory import collision_limited_velocity

MELTING = 1327.0
COPPER = 63.546  # g/mol
TABLE = MaterialTable("Cu", MELTING, 2.0, latent_heat=lambda kelvin: 12_000.0)
TEMPERATURES = (1115.0, 1221.0, 1380.0, 1430.0)
ERRORS = np.array([3.0, 2.0, 1.5, 4.0])  # m/s

STATED = 0.05
"""Relative, of a stated error against the standard deviation of replicates; what the draws leave open is below it."""
EXACT = 1e-9
ROOT = 1e-3
"""K. What the search leaves open: it is far below the errors, of 1 K and more."""


def law(kelvin: float, melting: float = MELTING, efficiency: float = 0.6) -> float:
    """Velocity of collision-limited growth, m/s."""
    table = MaterialTable("Cu", melting, 2.0, latent_heat=TABLE.latent_heat)
    force = table.driving_force(kelvin)
    return float(collision_limited_velocity(kelvin, force, mass=COPPER, spacing=1e-10, efficiency=efficiency))


TRUTH = np.array([law(kelvin) for kelvin in TEMPERATURES])


def points(velocities: Sequence[float] | NDArray[np.float64], errors: NDArray[np.float64] = ERRORS) -> list[Point]:
    return [
        Point("Cu", "100", kelvin, Estimate(float(velocity), float(error)), 1)
        for kelvin, velocity, error in zip(TEMPERATURES, velocities, errors, strict=True)
    ]


def replicates(errors: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Velocities with normal errors, float64 [2^exponent, temperature].

    Sobol points: of a quantity that is nearly linear in them 256 know the standard deviation to one per cent, for
    which 5,000 random ones would be needed.
    """
    drawn = qmc.MultivariateNormalQMC(np.zeros(len(errors)), rng=np.random.default_rng(0)).random(2**exponent)
    return TRUTH + errors * drawn


def test_the_bridging_coefficient_and_its_error_are_a_difference_over_the_span() -> None:
    seen = kinetic_coefficients(points([180.0, 90.0, -40.0, -95.0]), TABLE)
    assert seen.bridging.value == pytest.approx((90.0 + 40.0) / 159.0, rel=EXACT)
    assert seen.bridging.standard_error == pytest.approx(math.hypot(2.0, 1.5) / 159.0, rel=EXACT)
    assert seen.secant.value == pytest.approx(90.0 / 106.0, rel=EXACT)
    assert seen.secant.standard_error == pytest.approx(2.0 / 106.0, rel=EXACT)
    without = kinetic_coefficients(points([180.0, 90.0, -40.0, -95.0])[:2], TABLE)
    assert math.isnan(without.bridging.value)
    assert math.isnan(without.bridging.standard_error)


@pytest.mark.parametrize(
    ("velocity", "error", "taken"), [(50.0, 3.0, 3.0), (50.0, math.nan, 10.0), (-50.0, 0.0, 10.0), (1.0, math.nan, 0.5)]
)
def test_a_velocity_without_an_error_has_a_fifth_of_itself(velocity: float, error: float, taken: float) -> None:
    assert positive_error(Point("Cu", "100", 1221.0, Estimate(velocity, error), 1)) == taken


@pytest.mark.parametrize("name", ["at_melting", "secant", "bridging"])
def test_the_errors_of_kinetic_coefficients_are_what_replicates_show(name: str) -> None:
    def one(seen: Coefficients) -> Estimate:
        return getattr(seen, name)

    found = [one(kinetic_coefficients(points(values), TABLE)) for values in replicates(ERRORS, 8)]
    values, stated = np.array([(entry.value, entry.standard_error) for entry in found]).T
    assert values.mean() == pytest.approx(one(kinetic_coefficients(points(TRUTH), TABLE)).value, rel=1e-3)
    assert math.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=STATED)


def profile(velocities: NDArray[np.float64], melting: float, errors: NDArray[np.float64]) -> float:
    """Least sum of squares over the efficiency at a melting point, in standard errors."""
    unit = np.array([law(kelvin, melting, 1.0) for kelvin in TEMPERATURES])
    weights = errors**-2
    efficiency = (weights * unit * velocities).sum() / (weights * unit**2).sum()
    return float((weights * (velocities - efficiency * unit) ** 2).sum())


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
def test_the_melting_point_and_its_error_are_those_of_the_profile(size: float) -> None:
    """The error reaches to where the sum of squares is one more than its least: chi-squared + 1, one parameter."""
    errors = size * ERRORS
    seen = TRUTH + errors * np.array([0.4, -0.9, 0.7, 1.1])
    least = optimize.minimize_scalar(
        lambda kelvin: profile(seen, kelvin, errors), bracket=(1320.0, 1327.0, 1334.0), options={"xtol": 1e-9}
    )

    def beyond(kelvin: float) -> float:
        return profile(seen, kelvin, errors) - least.fun - 1

    low, high = optimize.brentq(beyond, 1260.0, least.x), optimize.brentq(beyond, least.x, 1400.0)
    found = zero_velocity_melting_point(points(seen, errors), TABLE)
    assert found is not None
    assert found.value == pytest.approx(least.x, abs=ROOT)
    assert found.standard_error == pytest.approx((high - low) / 2, rel=0.01)


@pytest.mark.parametrize("size", [0.5, 2.0])
def test_the_error_of_the_melting_point_is_what_replicates_show(size: float) -> None:
    errors = size * ERRORS
    found = [zero_velocity_melting_point(points(values, errors), TABLE) for values in replicates(errors, 7)]
    values, stated = np.array([(entry.value, entry.standard_error) for entry in found if entry is not None]).T
    assert values.mean() == pytest.approx(MELTING, abs=0.1 * size)
    assert math.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=STATED)
