"""Bond order: known values, invariances, and two classifiers on perfect crystals and random liquids."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nakaya.core.errors import ParameterError
from nakaya.crystallography.lattices import ORIENTATIONS, build_crystal
from nakaya.md.order.bond_order import (
    CLASSIFIERS,
    Environment,
    alignment,
    averaged_order,
    centrosymmetry,
    environment,
    harmonics,
    mirrored,
    order,
    solid_atoms,
    solid_like_bonds,
)
from nakaya.md.order.neighbours import nearest_neighbours

EXACT = 1e-9
"""Perfect crystals, float64."""


def random_liquid(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Atoms at random but not closer than 0.8 mean distances: a dense fluid without bonds."""
    rng = np.random.default_rng(seed)
    side = (count * 12.0) ** (1 / 3)
    placed: list[NDArray[np.float64]] = []
    while len(placed) < count:
        candidate = rng.uniform(0, side, 3)
        if placed:
            offsets = np.abs(np.array(placed) - candidate)
            offsets = np.minimum(offsets, side - offsets)
            if (np.linalg.norm(offsets, axis=1) < 0.75 * 12.0 ** (1 / 3)).any():
                continue
        placed.append(candidate)
    return np.array(placed), np.eye(3) * side


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("structure", "neighbours", "expected"),
    [("fcc", 12, (0.0, 0.1909, 0.5745)), ("bcc", 14, (0.0, 0.0364, 0.5107)), ("diamond", 4, (0.7454, 0.5092, 0.6285))],
)
def test_perfect_crystals_have_their_published_bond_order(
    structure: str, neighbours: int, expected: tuple[float, ...], orientation: str
) -> None:
    positions, box = build_crystal(structure, orientation, 4.0, (3, 3, 3))
    seen = environment(positions, np.diag(box), neighbours=neighbours)
    for degree, value in zip((3, 4, 6), expected, strict=True):
        assert order(seen, degree) == pytest.approx(np.full(len(positions), value), abs=5e-4)


def test_hcp_differs_from_fcc() -> None:
    a, c = 3.0, 3.0 * np.sqrt(8 / 3)
    cell = np.array([[a, 0, 0], [a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    basis = np.array([[0, 0, 0], [1 / 3, 1 / 3, 1 / 2]])
    shifts = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    positions = ((shifts + basis).reshape(-1, 3)) @ cell
    seen = environment(positions, 4 * cell, neighbours=12)  # a triclinic box
    assert order(seen, 4) == pytest.approx(np.full(128, 0.0972), abs=5e-4)
    assert order(seen, 6) == pytest.approx(np.full(128, 0.4848), abs=5e-4)


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("rule", ["bonds", "averaged"])
def test_both_classifiers_call_a_crystal_solid_even_when_hot(structure: str, orientation: str, rule: str) -> None:
    positions, box = build_crystal(structure, orientation, 4.0, (3, 3, 4))
    classifier = CLASSIFIERS[structure]
    nearest = np.linalg.norm(environment(positions, np.diag(box), neighbours=1).vectors[:, 0], axis=-1).mean()
    hot = positions + np.random.default_rng(3).normal(0, 0.05 * nearest, positions.shape)
    seen = environment(hot, np.diag(box), neighbours=classifier.neighbours)
    assert solid_atoms(seen, classifier, rule=rule).mean() > 0.97


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
@pytest.mark.parametrize("rule", ["bonds", "averaged"])
def test_both_classifiers_call_a_random_fluid_liquid(structure: str, rule: str) -> None:
    classifier = CLASSIFIERS[structure]
    positions, cell = random_liquid(500, 5)
    seen = environment(positions, cell, neighbours=classifier.neighbours)
    assert solid_atoms(seen, classifier, rule=rule).mean() < 0.03


def test_a_crystal_is_centrosymmetric_and_a_surface_is_not() -> None:
    positions, box = build_crystal("fcc", "100", 4.0, (4, 4, 4))
    seen = environment(positions, np.diag(box), neighbours=12)
    assert centrosymmetry(seen).max() < EXACT
    opened = np.diag(box) * np.array([1, 1, 2])  # vacuum above: surface atoms look for neighbours below
    assert centrosymmetry(environment(positions, opened, neighbours=12)).max() > 0.1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_bond_order_does_not_see_rotation_shift_or_numbering(turn: int, shuffle: int) -> None:
    positions, box = build_crystal("fcc", "100", 4.0, (3, 3, 3))
    rng = np.random.default_rng(shuffle)
    noisy = positions + rng.normal(0, 0.25, positions.shape)
    cell = np.diag(box)
    seen = environment(noisy, cell, neighbours=12)
    rotation = Rotation.random(random_state=turn).as_matrix()
    ranks = rng.permutation(len(noisy))
    moved = (noisy + rng.uniform(-20, 20, 3))[ranks] @ rotation.T
    other = environment(moved, cell @ rotation.T, neighbours=12)
    for degree in (3, 4, 6):
        assert order(other, degree) == pytest.approx(order(seen, degree)[ranks], abs=1e-7)
    assert averaged_order(other, 6) == pytest.approx(averaged_order(seen, 6)[ranks], abs=1e-7)
    assert (solid_like_bonds(other, threshold=0.5) == solid_like_bonds(seen, threshold=0.5)[ranks]).mean() > 0.99
    assert centrosymmetry(other) == pytest.approx(centrosymmetry(seen)[ranks], abs=1e-7)


def test_a_supercell_has_the_same_neighbours() -> None:
    rng = np.random.default_rng(8)
    positions, cell = rng.uniform(0, 6, (25, 3)), np.eye(3) * 6.0  # narrower than twice the neighbour distance
    doubled = np.concatenate([positions, positions + np.array([6.0, 0, 0])])
    small = environment(positions, cell, neighbours=14)
    large = environment(doubled, np.diag([12.0, 6.0, 6.0]), neighbours=14)
    assert np.linalg.norm(large.vectors[:25], axis=-1) == pytest.approx(np.linalg.norm(small.vectors, axis=-1))
    assert order(large, 6)[:25] == pytest.approx(order(small, 6))


def test_neighbours_agree_with_a_search_over_all_images() -> None:
    rng = np.random.default_rng(2)
    cell = np.array([[7.0, 0, 0], [2.0, 6.0, 0], [-1.0, 1.5, 8.0]])
    positions = rng.uniform(-1, 2, (40, 3)) @ cell  # outside the box, too
    found, vectors = nearest_neighbours(positions, cell, 6)
    shifts = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    wrapped = (positions @ np.linalg.inv(cell) % 1.0) @ cell
    for atom in range(40):
        offsets = wrapped[None, :, :] + shifts[:, None, :] - wrapped[atom]
        distances = np.sort(np.linalg.norm(offsets, axis=-1).ravel())[1:7]
        assert np.linalg.norm(vectors[atom], axis=-1) == pytest.approx(distances)
    assert found.shape == (40, 6)


def test_harmonics_are_orthonormal() -> None:
    heights, weights = np.polynomial.legendre.leggauss(12)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    z, phi = np.meshgrid(heights, angles, indexing="ij")
    ring = np.sqrt(1 - z**2)
    vectors = np.stack([ring * np.cos(phi), ring * np.sin(phi), z], axis=-1)
    y = harmonics(vectors, 6)
    overlap = np.einsum("ijm,ijn,i->mn", y, y.conj(), weights) * 2 * np.pi / 24
    assert overlap == pytest.approx(np.eye(7), abs=1e-12)


def test_what_has_no_bond_order_is_refused() -> None:
    with pytest.raises(ParameterError, match="same place"):
        order(Environment(np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1, 3))), 6)
    with pytest.raises(ParameterError, match="volume"):
        environment(np.zeros((3, 3)), np.zeros((3, 3)), neighbours=1)
    positions, box = build_crystal("fcc", "100", 4.0, (3, 3, 3))
    seen = environment(positions, np.diag(box), neighbours=10)
    with pytest.raises(ParameterError, match="expected 12"):
        solid_atoms(seen, CLASSIFIERS["fcc"])
    with pytest.raises(ParameterError, match="rule"):
        solid_atoms(environment(positions, np.diag(box), neighbours=12), CLASSIFIERS["fcc"], rule="guess")


def test_alignment_is_one_in_the_same_crystal_and_stays_when_both_are_turned() -> None:
    shell = np.array([v for v in itertools.product((-1.0, 0.0, 1.0), repeat=3) if np.abs(v).sum() == 2])
    turn = Rotation.from_rotvec([0.3, -0.8, 0.5])
    twin = Rotation.from_rotvec(np.pi / 3 * np.ones(3) / np.sqrt(3))
    parent, turned, other = (
        harmonics(vectors, 6).mean(axis=0) for vectors in (shell, turn.apply(shell), twin.apply(shell))
    )
    both = harmonics(turn.apply(twin.apply(shell)), 6).mean(axis=0)
    assert alignment(parent[None], parent)[0] == pytest.approx(1.0)
    assert alignment(other[None], parent)[0] == pytest.approx(0.42, abs=0.01)
    assert alignment(both[None], turned)[0] == pytest.approx(alignment(other[None], parent)[0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_harmonics_are_those_of_mirrored_surroundings(axis: int) -> None:
    vectors = np.random.default_rng(axis).normal(size=(7, 3))
    reflected = vectors.copy()
    reflected[:, axis] *= -1
    for degree in (3, 4, 6):
        expected = harmonics(reflected, degree).mean(axis=0)
        assert mirrored(harmonics(vectors, degree).mean(axis=0), axis) == pytest.approx(expected)


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
def test_an_atom_is_solid_from_the_least_number_of_solid_like_bonds_on(structure: str) -> None:
    positions, box = build_crystal(structure, "100", 4.0, (3, 3, 3))
    positions = positions + np.random.default_rng(7).normal(0, 0.45, positions.shape)
    classifier = CLASSIFIERS[structure]
    seen = environment(positions, np.diag(box), neighbours=classifier.neighbours)
    bonds = solid_like_bonds(seen, threshold=classifier.coherence)
    for least in np.unique(bonds).tolist():
        solid = solid_atoms(seen, replace(classifier, min_solid_like=least))
        np.testing.assert_array_equal(solid, bonds >= least)
