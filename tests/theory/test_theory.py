"""Closed forms against numerical integration, simulation and published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.theory import (
    characteristic_length,
    collision_limited_velocity,
    critical_radius,
    grains_per_volume,
    hard_sphere_coefficient,
    wilson_frenkel_velocity,
)

QUADRATURE = 1e-6
"""Relative tolerance of the adaptive quadrature with a cut-off tail."""

_rates = st.floats(1e-6, 1e6)


def extended_volume(time: float, rate: float, velocity: float) -> float:
    """X_e = pi/3 J v^3 t^4 of the transformed fraction 1 - exp(-X_e)."""
    return math.pi / 3 * rate * velocity**3 * time**4


@settings(max_examples=40, deadline=None)
@given(_rates, _rates)
def test_grains_are_the_integral_of_the_rate_over_untransformed_space(rate: float, velocity: float) -> None:
    scale = (rate * velocity**3) ** (-1 / 4)

    def appearing(time: float) -> float:
        return rate * math.exp(-extended_volume(time * scale, rate, velocity)) * scale

    expected = quad(appearing, 0, 6, limit=200)[0]
    assert grains_per_volume(rate, velocity) == pytest.approx(expected, rel=QUADRATURE)


def test_the_extended_volume_is_the_integral_over_nuclei() -> None:
    rate, velocity, time = 3.0, 2.0, 0.4
    extended = quad(lambda birth: rate * 4 / 3 * math.pi * (velocity * (time - birth)) ** 3, 0, time)[0]
    assert extended_volume(time, rate, velocity) == pytest.approx(extended, rel=1e-9)


def test_published_prefactors() -> None:
    assert grains_per_volume(1.0, 1.0) == pytest.approx(0.896, abs=5e-4)


@settings(max_examples=30, deadline=None)
@given(_rates, _rates)
def test_density_times_length_cubed_is_a_number(rate: float, velocity: float) -> None:
    assert grains_per_volume(rate, velocity) * characteristic_length(rate, velocity) ** 3 == pytest.approx(
        0.896, abs=1e-3
    )


def test_hard_sphere_coefficients_of_nickel_are_those_of_the_literature() -> None:
    # Sun, Asta & Hoyt (2004), EAM Ni, T_m about 1710 K: 35.8 +- 2.2, 25.5 +- 1.6, 24.1 +- 4.0 cm/s/K.
    found = [hard_sphere_coefficient(58.693, 1710, orientation) for orientation in ("100", "110", "111")]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(0.358, rel=0.3)
    assert found[1] == pytest.approx(0.255, rel=0.3)
    with pytest.raises(UnknownNameError):
        hard_sphere_coefficient(58.693, 1710, "112")


@settings(max_examples=40, deadline=None)
@given(st.floats(300, 3000), st.floats(-2, 2))
def test_growth_laws_have_the_sign_of_the_driving_force(temperature: float, reduced_driving_force: float) -> None:
    collisions = float(
        collision_limited_velocity(temperature, reduced_driving_force, mass=63.5, spacing=1.8e-10, efficiency=0.27)
    )
    diffusion = float(wilson_frenkel_velocity(4e-9, reduced_driving_force, spacing=1.8e-10, efficiency=0.3))
    for velocity in (collisions, diffusion):
        assert (
            math.copysign(1, velocity) == math.copysign(1, reduced_driving_force)
            or velocity == 0 == reduced_driving_force
        )


def test_growth_laws_close_to_melting_are_linear() -> None:
    reduced_driving_forces = np.array([1e-4, 2e-4])
    fast = collision_limited_velocity(1300.0, reduced_driving_forces, mass=63.5, spacing=1.8e-10, efficiency=0.27)
    slow = wilson_frenkel_velocity(4e-9, reduced_driving_forces, spacing=1.8e-10, efficiency=0.3)
    assert fast[1] / fast[0] == pytest.approx(2, rel=1e-3)
    assert slow[1] / slow[0] == pytest.approx(2, rel=1e-3)
    thermal = math.sqrt(3 * 1.380649e-23 * 1300 / (63.5 * 1.66053906660e-27))
    assert fast[0] == pytest.approx(0.27 / 0.4 * thermal * 1e-4, rel=1e-3)


def test_critical_radius_of_copper_is_a_nanometre() -> None:
    assert critical_radius(0.9, 796.0, 0.17, 1.25e-29) == pytest.approx(4.3e-10, rel=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: grains_per_volume(0, 1),
        lambda: grains_per_volume(1, math.nan),
        lambda: characteristic_length(-1, 1),
        lambda: hard_sphere_coefficient(0, 1, "100"),
    ],
)
def test_numbers_without_meaning_are_refused(call: object) -> None:
    with pytest.raises(ParameterError):
        call()  # type: ignore[operator]
