from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.phase_field.parameters import A1, COURANT, PhaseField, PhaseField3D, PureMelt

# Integrals of Karma & Rappel (1998) for phi = -tanh(x / sqrt 2), of phi' itself and of its square.
SQUARE_OF_SLOPE = 2 * sqrt(2) / 3
DRIVE = 16 / 15


def test_a1_is_the_ratio_of_its_integrals() -> None:
    assert pytest.approx(SQUARE_OF_SLOPE / DRIVE, rel=1e-12) == A1


def test_without_kinetics_diffusion_is_tied_to_the_coupling() -> None:
    """PFHub's benchmark 3: D = 10 has lambda = 10 / .6267, which is d0 = .0554 W0."""
    point = PhaseField(capillary_length=A1 * 0.6267 / 10, seed_radius=8 / (A1 * 0.6267 / 10))
    assert point.diffusivity == pytest.approx(10)
    assert point.seed_width == pytest.approx(8)


def test_the_kinetic_coefficient_is_that_of_the_thin_interface_limit() -> None:
    """beta = a1 [tau0 / (lambda W0) - a2 W0 / D], in units of d0 / D."""
    point = PhaseField(kinetic_coefficient=3.0)
    beta = A1 * (1 / point.coupling - 0.6267 / point.diffusivity)
    assert beta * point.diffusivity / point.capillary_length == pytest.approx(3.0)


def stiffest(point: PureMelt) -> float:
    """Greatest second derivative of a^2 |g|^2 / 2 over a^2, over directions, by central differences."""
    directions = np.random.default_rng(0).normal(size=(300, point.dimension))
    directions = np.vstack(
        [directions, np.eye(point.dimension), np.ones(point.dimension), [1, 1] + [0] * (point.dimension - 2)]
    )
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    small, eps, axes = 1e-4, point.anisotropy, np.eye(point.dimension)

    def energy(g: np.ndarray) -> np.ndarray:
        square = (g**2).sum(axis=-1)
        if point.dimension == 2:
            a = 1 + eps * np.cos(point.symmetry * np.arctan2(g[:, 0], g[:, 1]))
        else:
            a = 1 - 3 * eps + 4 * eps * (g**4).sum(axis=-1) / square**2
        return a**2 * square / 2

    def second(i: int, j: int) -> np.ndarray:
        one, other = small * axes[i], small * axes[j]
        return (
            energy(directions + one + other)
            - energy(directions + one - other)
            - energy(directions - one + other)
            + energy(directions - one - other)
        ) / (4 * small**2)

    matrices = np.moveaxis([[second(i, j) for j in range(point.dimension)] for i in range(point.dimension)], 2, 0)
    return float((np.linalg.eigvalsh(matrices)[:, -1] / (2 * energy(directions))).max())


@pytest.mark.parametrize(
    "point",
    [
        PhaseField(anisotropy=0.06, capillary_length=1),
        PhaseField(anisotropy=-0.06, capillary_length=1),
        PhaseField(anisotropy=0.028, fold=6, capillary_length=1),
        PhaseField3D(anisotropy=0.06, capillary_length=1),
        PhaseField3D(anisotropy=-0.06, capillary_length=1),
    ],
)
def test_the_time_step_is_bounded_by_the_stiffest_orientation(point: PureMelt) -> None:
    """In two and three dimensions; here heat diffuses more slowly than the phase field along its interface."""
    assert point.time_step * stiffest(point) / point.spacing**2 == pytest.approx(COURANT, rel=1e-3)


def test_the_time_step_is_bounded_by_heat_where_it_is_faster() -> None:
    point = PhaseField(capillary_length=0.1, seed_radius=50)
    assert point.time_step * point.diffusivity / point.spacing**2 == pytest.approx(COURANT)


@pytest.mark.parametrize("turns", [-1, 1, 2])
def test_orientations_that_are_the_same_crystal_are_the_same_to_the_last_bit(turns: int) -> None:
    assert PhaseField(orientation=90 * turns).phase == PhaseField().phase
    assert PhaseField(orientation=60 * turns, fold=6, anisotropy=0.02).phase == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"anisotropy": 1 / 15}, r"anisotropy=0.0666667 is outside"),
        ({"anisotropy": -1 / 15}, r"anisotropy=-0.0666667 is outside"),
        ({"anisotropy": 1 / 35, "fold": 6}, r"missing orientations at fold=6.* -1/35 and 1/35, 0.02857"),
        ({"fold": 5}, "fold=5 is not 4 or 6"),
        ({"seed_radius": 5}, r"seed_radius=5 is 1.39 W0 .* seed_radius=7.22"),
        ({"undercooling": 0}, "undercooling=0 is outside"),
        ({"spacing": 1.5}, "spacing=1.5 is outside"),
    ],
)
def test_what_cannot_be_grown_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        PhaseField(**values)


def test_in_space_the_same_orientations_would_be_missing() -> None:
    with pytest.raises(ParameterError, match="anisotropy"):
        PhaseField3D(anisotropy=0.07)
