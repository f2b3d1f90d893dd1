from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.measures import (
    free_energy,
    solid_fraction,
    tip_position,
    tip_radius,
    tip_velocity,
)
from nakaya.growth.solvers.phase_field.model import REFERENCE
from nakaya.growth.solvers.phase_field.parameters import PhaseField
from nakaya.growth.solvers.phase_field.reference import phase_of

POINT = PhaseField(anisotropy=0)


def parabola(tip: float, radius: float, size: int = 48) -> np.ndarray:
    """phi of a parabola's surroundings, to first order beside its tip: float64 [row, column]; the tip points right."""
    y, x = np.indices((size, size)) * POINT.spacing
    return phase_of((tip - y**2 / (2 * radius) - x).clip(-8, 8))


@pytest.mark.parametrize("tip", [8.0, 12.35, 20.79])
def test_a_tip_is_found_within_a_site(tip: float) -> None:
    phi = parabola(tip, 5)
    assert tip_position(phi, POINT, (0, 0)) == pytest.approx(tip, abs=1e-9)
    assert tip_position(phi[:, ::-1], POINT, (0, 47), direction=-1) == pytest.approx(tip, abs=1e-9)
    assert tip_position(phi.T, POINT, (0, 0), 0) == pytest.approx(tip, abs=1e-9)
    assert tip_position(phi.astype(np.float32), POINT, (0, 0)) == pytest.approx(tip, abs=1e-5)


@pytest.mark.parametrize("radius", [5.0, 20.0])
def test_the_radius_of_a_parabola_is_its_own(radius: float) -> None:
    phi = parabola(12.35, radius)
    assert tip_radius(phi, POINT, (0, 0)) == pytest.approx(radius, rel=1e-6)
    whole = np.concatenate([phi[:0:-1], phi])
    assert tip_radius(whole, POINT, (47, 0)) == pytest.approx(radius, rel=1e-6)
    assert tip_radius(phi.T, POINT, (0, 0), 0) == pytest.approx(radius, rel=1e-6)


def test_the_radius_of_a_disk_is_its_own() -> None:
    """Second differences of a circle of radius R are off by (dx / R)^2."""
    y, x = np.indices((48, 48)) * POINT.spacing
    phi = phase_of((14.3 - np.hypot(x, y)).clip(-8, 8))
    assert tip_radius(phi, POINT, (0, 0)) == pytest.approx(14.3, rel=2 * (POINT.spacing / 14.3) ** 2)


def test_the_velocity_is_the_slope_of_places_over_times() -> None:
    velocity = 0.12
    steps = np.ceil(np.arange(40) * POINT.spacing / velocity / STEP_DURATION).astype(np.int32)
    arrival = np.full((3, 48), -1, np.int32)
    arrival[1, :40] = steps
    assert tip_velocity(arrival, POINT, (1, 0)) == pytest.approx(velocity, rel=1e-3)
    with pytest.raises(ParameterError, match="has passed 39 sites from"):
        tip_velocity(arrival, POINT, (1, 0), sites=50)


def test_solid_fraction_and_energy_of_a_planar_interface() -> None:
    """Its tension is 2 sqrt 2 / 3 above the wells' -1/4, at u = 0; halves of sites lie behind mirrors."""
    size = 64
    setup = REFERENCE.setup("quarter", size, stop=REFERENCE.stop(margin=1))
    x = np.indices((size, size))[1] * POINT.spacing
    phi = phase_of((25.2 - x).clip(-8, 8))
    area = ((size - 0.5) * POINT.spacing) ** 2
    side = (size - 0.5) * POINT.spacing
    assert solid_fraction(phi, POINT, setup) == pytest.approx(25.2 / side, abs=1e-6)
    tension = (free_energy(np.zeros_like(phi), phi, POINT, setup) + area / 4) / side
    assert tension == pytest.approx(2 * np.sqrt(2) / 3, rel=0.1)  # central differences of phi across a steep profile


def test_a_tip_is_looked_for_from_the_solid() -> None:
    phi = parabola(12, 5)
    with pytest.raises(ParameterError, match="no interface lies between"):
        tip_position(phi, POINT, (0, 40))
    with pytest.raises(ParameterError, match="no interface lies between"):
        tip_position(np.ones((9, 9)), POINT, (0, 0))
