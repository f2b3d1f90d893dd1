"""Closed forms against numerical integration, simulation and published figures."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.theory import (
    BOLTZMANN,
    cap_fraction,
    characteristic_length,
    collision_limited_velocity,
    critical_radius,
    critical_size,
    grains_per_volume,
    grains_with_sites,
    hard_sphere_coefficient,
    interfacial_energy,
    length_of_density,
    log_nucleation_rate,
    nucleation_barrier,
    wilson_frenkel_velocity,
    zeldovich_factor,
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


_site_rates = st.floats(1e-3, 1e3)


@settings(max_examples=25, deadline=None)
@given(_rates, _rates, st.floats(1e-3, 1e3), _site_rates)
def test_grains_on_sites_are_the_integral_over_untransformed_space(
    rate: float, velocity: float, sites: float, site_rate: float
) -> None:
    # In units of the melt's own time and length, in which rate and velocity are 1.
    time = (rate * velocity**3) ** (-1 / 4)
    density, firing = sites / (velocity * time) ** 3, site_rate / time

    def extended(end: float) -> float:
        begun = quad(lambda birth: math.exp(-site_rate * birth) * (end - birth) ** 3, 0, min(end, 50 / site_rate))[0]
        return math.pi / 3 * (end**4 + 4 * sites * site_rate * begun)

    def appearing(end: float) -> float:
        return (1 + sites * site_rate * math.exp(-site_rate * end)) * math.exp(-extended(end))

    points = [0.0, *(10.0**power for power in range(-5, 1)), 4.0]
    parts = itertools.pairwise(points)
    expected = sum(quad(appearing, low, high, limit=200)[0] for low, high in parts) / (velocity * time) ** 3
    found = grains_with_sites(rate, velocity, site_density=density, site_rate=firing)
    assert float(found) == pytest.approx(expected, rel=QUADRATURE)


@settings(max_examples=30, deadline=None)
@given(_rates, _rates)
def test_limits_of_grains_on_sites(rate: float, velocity: float) -> None:
    alone = grains_per_volume(rate, velocity)
    assert float(grains_with_sites(rate, velocity, site_density=0.0, site_rate=1.0)) == pytest.approx(alone)
    # So fast that all fire before any has grown; so slow and many that they are a rate per volume.
    assert float(grains_with_sites(0.0, velocity, site_density=7.0, site_rate=1e12 * velocity)) == pytest.approx(7.0)
    many, slow = 1e12 * alone, rate / (1e12 * alone)
    assert float(grains_with_sites(0.0, velocity, site_density=many, site_rate=slow)) == pytest.approx(alone, rel=1e-6)
    assert length_of_density(alone) == pytest.approx(characteristic_length(rate, velocity))


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
        lambda: grains_with_sites(0, 1, site_density=1, site_rate=0),
        lambda: grains_with_sites(-1, 1, site_density=1, site_rate=1),
        lambda: grains_with_sites(1, 0, site_density=1, site_rate=1),
        lambda: length_of_density(0),
    ],
)
def test_numbers_without_meaning_are_refused(call: object) -> None:
    with pytest.raises(ParameterError):
        call()  # type: ignore[operator]


_drives, _energies, _kelvins = st.floats(0.1, 2), st.floats(0.02, 0.3), st.floats(200, 2000)
ATOM = 1.7e-29  # m^3


@settings(max_examples=40, deadline=None)
@given(_energies, _drives, _kelvins)
def test_the_critical_size_is_the_maximum_of_the_work_of_formation(energy: float, drive: float, kelvin: float) -> None:
    # A sphere of n atoms has the area (36 pi)^(1/3) (n Omega)^(2/3); x counts in critical sizes.
    top = float(critical_size(energy, drive, temperature=kelvin, atomic_volume=ATOM))

    def work(x: float) -> float:
        area = (36 * math.pi) ** (1 / 3) * (x * top * ATOM) ** (2 / 3)
        return energy * area / (BOLTZMANN * kelvin) - x * top * drive

    step = 1e-3
    assert work(1) > max(work(1 - step), work(1 + step))
    assert work(1) == pytest.approx(float(nucleation_barrier(top, drive)), rel=1e-9)
    curvature = (work(1 + step) - 2 * work(1) + work(1 - step)) / (step * top) ** 2
    assert math.sqrt(-curvature / (2 * math.pi)) == pytest.approx(float(zeldovich_factor(top, drive)), rel=1e-4)
    radius = critical_radius(drive, kelvin, energy, ATOM)
    assert 4 / 3 * math.pi * radius**3 / ATOM == pytest.approx(top, rel=1e-9)
    back = interfacial_energy(top, drive, temperature=kelvin, atomic_volume=ATOM)
    assert float(back) == pytest.approx(energy, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(1, 180))
def test_a_cap_is_the_part_of_a_sphere_above_the_wall(angle: float) -> None:
    height = 1 - math.cos(math.radians(angle))  # of a cap of the unit sphere
    volume = quad(lambda z: math.pi * (1 - z**2), 1 - height, 1)[0]
    assert cap_fraction(angle) == pytest.approx(volume / (4 / 3 * math.pi), rel=1e-6, abs=1e-9)


def test_a_wall_lowers_the_barrier_and_its_sites_take_the_place_of_atoms() -> None:
    bulk = float(log_nucleation_rate(92, 0.615, 80e12, number_density=5.5e28))
    wall = float(log_nucleation_rate(92 * cap_fraction(90), 0.615, 80e12, number_density=1e19))
    lower = float(nucleation_barrier(92, 0.615)) / 2
    assert wall - bulk == pytest.approx(math.log(1e19 / 5.5e28) + 0.5 * math.log(2) + lower)
    with pytest.raises(ParameterError, match="contact_angle=190"):
        cap_fraction(190)
