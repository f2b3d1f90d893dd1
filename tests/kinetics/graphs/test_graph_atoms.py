"""Laws of the atomic level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.atoms import ATOM_FEATURES, EDGE_END, Atoms, describe_atoms
from nakaya.kinetics.graphs.pairs import close_packed_distance, find_pairs, find_vacuum, smooth_step
from nakaya.md.trajectories.frames import BOLTZMANN, Frame

SAME = 2e-5
"""Features are float32 of size 1 to 100, computed in float64 (centrosymmetry in float32)."""

Make = Callable[..., Frame]

KNOWN = {"fcc": (0.0, 0.191, 0.575), "hcp": (0.076, 0.097, 0.485), "bcc": (0.0, 0.036, 0.511)}


def hcp() -> Frame:
    a, c = 2.6, 2.6 * np.sqrt(8 / 3)
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 5 / 6, 0.5], [0, 1 / 3, 0.5]])
    shifts = np.array(list(product(range(3), repeat=3)))[:, None, :]
    box = np.array([a, a * np.sqrt(3), c])
    positions = ((shifts + basis) * box).reshape(-1, 3)
    return Frame(0, 0.0, positions, np.diag(3 * box), np.full(len(positions), "Cu"))


def rotation(rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal matrix: rotations and reflections alike."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.diag(r))


def assert_same(one: Atoms, other: Atoms, order: np.ndarray | None = None) -> None:
    """The same nodes, `order` saying which atom of `one` each atom of `other` is, and the same edges."""
    order = np.arange(one.level.num_nodes) if order is None else order
    np.testing.assert_allclose(other.level.features, one.level.features[order], atol=SAME, rtol=SAME)
    for mine, theirs in zip(_edges(one, np.argsort(order)), _edges(other, np.arange(len(order))), strict=True):
        np.testing.assert_allclose(theirs, mine, atol=SAME, rtol=1e-4)


def _edges(atoms: Atoms, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Edges that are about to end may be there or not: their weight is nothing.
    kept = atoms.bonds.weight > 1e-9
    index = number[atoms.bonds.index[:, kept]]
    features = atoms.bonds.features[kept]
    ranks = np.lexsort((np.round(features[:, 0], 3), index[1], index[0]))
    return index[:, ranks], features[ranks]


@pytest.mark.parametrize("structure", ["fcc", "hcp", "bcc"])
def test_bond_order_of_perfect_crystals_is_known(structure: str, crystal: Make) -> None:
    frame = hcp() if structure == "hcp" else crystal(structure, (3, 3, 3))
    level = describe_atoms(frame, structure="fcc" if structure == "hcp" else structure).level
    for name, expected in zip(("q3", "q4", "q6"), KNOWN[structure], strict=True):
        np.testing.assert_allclose(level.column(name), expected, atol=6e-4, err_msg=name)
    np.testing.assert_allclose(level.column("coordination"), 14 if structure == "bcc" else 12, atol=1e-5)
    np.testing.assert_allclose(level.column("coherence"), 1, atol=1e-5)


def test_fcc_differs_from_hcp_by_angles_where_distances_are_alike(crystal: Make) -> None:
    cubic, hexagonal = describe_atoms(crystal("fcc", a=2.6 * np.sqrt(2))), describe_atoms(hcp())
    first, second = (np.sort(atoms.near.distance) for atoms in (cubic, hexagonal))
    assert np.ptp(first) < 1e-9
    assert np.ptp(second) < 1e-9  # twelve equal distances in both
    for name, least in (("q3", 0.07), ("q4", 0.09), ("q6", 0.08), ("centrosymmetry", 0.05)):
        difference = cubic.level.column(name).mean() - hexagonal.level.column(name).mean()
        assert abs(difference) > least, name


def test_centrosymmetry_vanishes_in_crystals_with_an_inversion_centre_and_not_in_a_melt(crystal: Make) -> None:
    assert describe_atoms(crystal("fcc")).level.column("centrosymmetry").max() < 1e-6
    assert describe_atoms(crystal("bcc"), structure="bcc").level.column("centrosymmetry").max() < 1e-6
    rng = np.random.default_rng(0)
    melt = replace(crystal("fcc"), positions=crystal("fcc").positions + rng.normal(0, 0.7, (108, 3)))
    assert describe_atoms(melt).level.column("centrosymmetry").mean() > 0.2


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_rotation_reflection_translation_image_and_permutation_change_nothing(seed: int, half_melted: Make) -> None:
    rng = np.random.default_rng(seed)
    frame = half_melted(seed, repeats=(3, 3, 7))
    atoms = describe_atoms(frame, temperature=1000.0)
    turn = rotation(rng)
    assert frame.velocities is not None
    turned = replace(
        frame, positions=frame.positions @ turn, cell=frame.cell @ turn, velocities=frame.velocities @ turn
    )
    assert_same(atoms, describe_atoms(turned, temperature=1000.0))
    moved = replace(frame, positions=frame.positions + rng.normal(0, 20, 3))
    assert_same(atoms, describe_atoms(moved, temperature=1000.0))
    images = rng.integers(-2, 3, frame.positions.shape) @ frame.cell
    assert_same(atoms, describe_atoms(replace(frame, positions=frame.positions + images), temperature=1000.0))
    order = rng.permutation(len(frame.positions))
    shuffled = replace(
        frame,
        positions=frame.positions[order],
        velocities=frame.velocities[order],
        extra={name: values[order] for name, values in frame.extra.items()},
    )
    assert_same(atoms, describe_atoms(shuffled, temperature=1000.0), order)


def test_a_supercell_has_the_same_nodes_and_neighbourhoods(half_melted: Make) -> None:
    frame = half_melted(3, repeats=(2, 2, 7))  # narrower than two cutoffs: atoms meet images of themselves
    count = len(frame.positions)
    cell = frame.cell.copy()
    cell[0] *= 2
    assert frame.velocities is not None
    doubled = Frame(
        0, 0.0, np.concatenate([frame.positions, frame.positions + frame.cell[0]]), cell, np.tile(frame.species, 2),
        np.tile(frame.velocities, (2, 1)), {"c_energy": np.tile(frame.extra["c_energy"], 2)},
    )  # fmt: skip
    one, two = describe_atoms(frame, temperature=1000.0), describe_atoms(doubled, temperature=1000.0)
    for half in (slice(count), slice(count, None)):
        np.testing.assert_allclose(two.level.features[half], one.level.features, atol=SAME, rtol=SAME)
    assert two.bonds.num_edges == 2 * one.bonds.num_edges


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_features_and_weights_are_continuous_where_atoms_cross_the_cutoffs(seed: int, half_melted: Make) -> None:
    # One atom walks by half a neighbour distance: neighbours come and go. With half the step, the largest change of any
    # number falls by about half; a jump would not fall at all.
    rng = np.random.default_rng(seed)
    frame = half_melted(seed, repeats=(3, 3, 6))
    mover = int(rng.integers(len(frame.positions)))
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)

    def walk(steps: int) -> tuple[float, int]:
        rows, edges = [], set()
        for share in np.linspace(0, 1, steps + 1):
            positions = frame.positions.copy()
            positions[mover] += direction * 0.3 * share
            atoms = describe_atoms(replace(frame, positions=positions), scale=2.6)
            weights = np.bincount(
                atoms.bonds.index[0], weights=atoms.bonds.weight * atoms.bonds.column("distance"),
                minlength=len(positions),
            )  # fmt: skip
            strengths = np.bincount(atoms.bonds.index[0], weights=atoms.bonds.column("pair_weight"))
            known = atoms.level.features[:, np.isfinite(atoms.level.features).all(axis=0)]
            rows.append(np.column_stack([known, weights, strengths]))
            edges.add(atoms.bonds.num_edges)
        jumps = [float(np.abs(after - before).max()) for before, after in pairwise(rows)]
        return max(jumps), len(edges)

    coarse, changes = walk(6)
    fine, _ = walk(36)
    assume(changes > 1)  # neighbours did come or go
    assert fine < 0.4 * coarse + 1e-4


def test_the_last_neighbour_leaves_without_a_jump() -> None:
    cell = np.eye(3) * 40.0
    seen = []
    for distance in np.linspace(2.5, 4.3, 120):
        positions = np.array([[1.0, 1, 1], [1 + distance, 1, 1]])
        seen.append(describe_atoms(Frame(0, 0.0, positions, cell, np.array(["Cu", "Cu"])), scale=2.6).level.features[0])
    names = ("coordination", "q4", "q6", "averaged_q6", "coherence", "centrosymmetry")
    rows = np.array(seen)[:, [ATOM_FEATURES.index(name) for name in names]]
    assert np.abs(np.diff(rows, axis=0)).max() < 0.08
    np.testing.assert_allclose(rows[-1], 0, atol=1e-6)
    assert rows[0].min() > 0.4


def test_pairs_equal_a_count_over_all_images(half_melted: Make) -> None:
    frame = half_melted(1, repeats=(2, 2, 3))
    cutoff = 4.4
    pairs = find_pairs(frame.positions, frame.cell, cutoff)
    images = np.array(list(product(range(-2, 3), repeat=3))) @ frame.cell
    vectors = frame.positions[None, :, None, :] + images - frame.positions[:, None, None, :]
    lengths = np.linalg.norm(vectors, axis=-1)
    expected = ((lengths < cutoff) & (lengths > 1e-9)).sum(axis=(1, 2))
    np.testing.assert_array_equal(np.bincount(pairs.first, minlength=len(expected)), expected)
    np.testing.assert_allclose(np.linalg.norm(pairs.vector, axis=1), pairs.distance, rtol=1e-12)


def test_shuffled_edges_change_what_reaches_an_atom(half_melted: Make) -> None:
    atoms = describe_atoms(half_melted(2), temperature=1000.0)
    index, weight = atoms.bonds.index, atoms.bonds.weight
    order = atoms.level.column("averaged_q6").astype(float)

    def received(second: np.ndarray) -> np.ndarray:
        total = np.bincount(index[0], weights=weight * order[second])
        return np.asarray(total / np.bincount(index[0], weights=weight))

    true = received(index[1])
    shuffled = received(np.random.default_rng(0).permutation(index[1]))
    # Order has a place: neighbours in the crystal are ordered, neighbours in the melt are not.
    assert true.std() > 4 * shuffled.std()


def test_thermal_energy_is_one_at_the_temperature_of_the_velocities(crystal: Make) -> None:
    rng = np.random.default_rng(0)
    frame = crystal("fcc", (8, 8, 8))
    speed = np.sqrt(BOLTZMANN * 1000.0 / 63.546)
    drifting = replace(frame, velocities=rng.normal(0, speed, frame.positions.shape) + 5.0)
    kinetic = describe_atoms(drifting, temperature=1000.0).level.column("kinetic_energy_kT")
    assert kinetic.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / 3 / len(kinetic)))
    assert kinetic.var() == pytest.approx(2 / 3, rel=0.15)


def test_what_is_not_there_is_not_known_rather_than_zero(crystal: Make) -> None:
    level = describe_atoms(crystal("fcc")).level
    for name in ("potential_energy_eV", "energy_deviation_kT", "kinetic_energy_kT"):
        assert np.isnan(level.column(name)).all()
    filled, known = level.filled()
    assert np.isfinite(filled).all()
    assert known.sum(axis=0).tolist().count(0) == 3


def test_a_patch_is_told_from_a_full_box_and_keeps_its_scale(crystal: Make) -> None:
    frame = crystal("fcc", (4, 4, 20), noise=0.08)
    inside = np.abs(frame.positions[:, 2] - 37) < 15
    patch = replace(frame, positions=frame.positions[inside], species=frame.species[inside])
    whole, cut = find_vacuum(frame), find_vacuum(patch)
    assert (whole.fraction == 0).all()
    assert np.isinf(whole.depth).all()
    np.testing.assert_array_equal(cut.fraction > 0, [False, False, True])
    assert close_packed_distance(patch, cut) == pytest.approx(close_packed_distance(frame, whole), rel=0.03)
    complete = describe_atoms(patch).level.column("completeness")
    assert complete.min() < 0.05
    assert (complete == 1).any()
    # Far from the faces an atom of the patch looks as it did in the box.
    deep = np.flatnonzero(inside)[find_vacuum(patch).depth > 8]
    full = describe_atoms(frame, scale=2.6).level.features[deep]
    part = describe_atoms(patch, scale=2.6).level.features[find_vacuum(patch).depth > 8]
    columns = [ATOM_FEATURES.index(name) for name in ("coordination", "q3", "q4", "q6", "averaged_q6", "coherence")]
    np.testing.assert_allclose(part[:, columns], full[:, columns], atol=SAME)


def test_the_cutoff_lies_between_the_second_and_third_shell(crystal: Make) -> None:
    assert 1.414 < EDGE_END < 1.733
    assert describe_atoms(crystal("fcc")).bonds.num_edges == 108 * 18


def test_smooth_step_falls_from_one_to_zero_with_flat_ends() -> None:
    x = np.linspace(0, 3, 3001)
    y = smooth_step(x, 1.0, 2.0)
    assert (np.diff(y) <= 0).all()
    assert (y[x <= 1] == 1).all()
    assert (y[x >= 2] == 0).all()
    slope = np.gradient(y, x)
    assert abs(slope[np.argmin(abs(x - 1.0))]) < 1e-4
    assert abs(slope[np.argmin(abs(x - 2.0))]) < 1e-4


def test_an_unknown_structure_is_refused(crystal: Make) -> None:
    with pytest.raises(ParameterError, match="structure 'amorphous' is none of fcc, bcc, diamond"):
        describe_atoms(crystal("fcc"), structure="amorphous")
