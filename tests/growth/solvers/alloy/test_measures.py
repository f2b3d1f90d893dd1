from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.alloy.measures import front_heights, growth_rate, primary_spacing, steady_concentration
from nakaya.growth.solvers.alloy.parameters import DirectionalAlloy

PARAMS = DirectionalAlloy(anisotropy=0)


def front(heights: np.ndarray, rows: int = 60) -> np.ndarray:
    """phi of an interface of given heights in W0."""
    distance = heights - np.arange(rows)[:, np.newaxis] * PARAMS.spacing
    return np.tanh(distance / np.sqrt(2))


def test_heights_are_those_of_the_interface() -> None:
    heights = 20 + 3 * np.sin(np.arange(50))
    assert front_heights(front(heights), PARAMS) == pytest.approx(heights, abs=1e-6)
    assert front_heights(np.where(np.arange(50) < 9, -1, front(heights)), PARAMS)[:9] == pytest.approx(0)


@pytest.mark.parametrize("shift", [0, 7, 33])
def test_tips_are_counted_across_the_joined_sides(shift: int) -> None:
    x = np.arange(100) / 100
    heights = 20 + 4 * np.cos(2 * np.pi * 5 * x) + 0.3 * np.cos(80 * np.pi * x)
    spacing = primary_spacing(front(np.roll(heights, shift)), PARAMS)
    assert spacing.num_tips == 5
    assert spacing.spacing == pytest.approx(16)
    assert (spacing.low, spacing.high) == pytest.approx((80 / 5.5, 80 / 4.5))


def test_a_planar_front_has_no_spacing_and_a_lattice_without_front_no_heights() -> None:
    with pytest.raises(ParameterError, match="it is planar"):
        primary_spacing(front(np.full(30, 20.0)), PARAMS)
    for phi in (np.full((9, 9), -1.0), np.full((9, 9), 1.0)):
        with pytest.raises(ParameterError, match="not in the lattice"):
            front_heights(phi, PARAMS)


def test_the_boundary_layer_holds_what_the_solid_rejects() -> None:
    # its integral is (1 - k) / k l_D, and c_l(0) = 1 / k
    x = np.linspace(0, 40 * PARAMS.diffusion_length, 200_001)
    excess = np.trapezoid(steady_concentration(x, PARAMS) - 1, x)
    assert steady_concentration(np.zeros(1), PARAMS)[0] == pytest.approx(1 / 0.14)
    assert excess == pytest.approx(0.86 / 0.14 * PARAMS.diffusion_length, rel=1e-6)


def test_growth_rates_have_their_limits() -> None:
    # sigma = 0 where a (p l_D - 1 + k) = k / l_D, solved for the gradient: a front of more is stable at all wavelengths
    slow = DirectionalAlloy(anisotropy=0, capillary_length=0.2, pulling_speed=0.01, gradient=1e-6)
    steep = DirectionalAlloy(anisotropy=0, capillary_length=0.2, pulling_speed=0.01, gradient=0.0101)
    wavelengths = np.geomspace(3, 3000, 30)
    assert max(growth_rate(steep, wavelength) for wavelength in wavelengths) < 0  # l_T < l_D
    assert max(growth_rate(slow, wavelength) for wavelength in wavelengths) > 0
    assert growth_rate(slow, 6) < 0  # capillarity
    # k = 1 would be a pure melt's front, -V / l_D + D p a at q l_D >> 1: sigma = D q (1 / l_D - d0 q^2) - V / l_D ...
    q = 2 * np.pi / 60
    rate = growth_rate(slow, 60)
    reach, d = slow.diffusion_length, slow.diffusivity
    p = (1 + np.sqrt(1 + 4 * reach**2 * (q**2 + rate / d))) / (2 * reach)
    a = 1 / reach - slow.capillary_length * q**2 - 1 / slow.thermal_length
    assert rate == pytest.approx(d * p * a - d / reach**2 - slow.speed * 0.86 * (a - 1 / reach))  # the balance itself
