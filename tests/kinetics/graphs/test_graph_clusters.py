"""Laws of the cluster level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.graphs.atoms import describe_atoms
from nakaya.kinetics.graphs.axes import bond_tensor, cubic_axes
from nakaya.kinetics.graphs.clusters import find_clusters, label_clusters
from nakaya.kinetics.graphs.graph import Level, Relation
from nakaya.md.trajectories.frames import Frame

Make = Callable[..., Frame]

SCALE = {"fcc": 3.6 / np.sqrt(2), "diamond": (np.sqrt(2) * 5.4**3 / 8) ** (1 / 3)}
LATTICE = {"fcc": 3.6, "diamond": 5.4}


def grain(structure: str, turn: Rotation, radius: float, centre: list[float]) -> np.ndarray:
    positions, box = build_crystal(structure, "100", LATTICE[structure], (8, 8, 8))
    positions = positions - box / 2
    return turn.apply(positions[np.linalg.norm(positions, axis=1) < radius]) + np.array(centre)


def two_grains(structure: str, degrees: float, axis: list[float], *, gap: float = 24.0, noise: float = 0.06) -> Frame:
    tilt = Rotation.from_rotvec(0.7 * np.array([1.0, 2, 3]) / np.sqrt(14))
    turned = tilt * Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis))
    positions = np.concatenate(
        [grain(structure, tilt, 11.0, [20, 20, 14]), grain(structure, turned, 9.0, [20, 20, 14 + gap])]
    )
    positions += np.random.default_rng(0).normal(0, noise, positions.shape)
    return Frame(0, 0.0, positions, np.diag([45.0, 45, 75]), np.full(len(positions), "Cu"))


def clusters_of(
    frame: Frame, structure: str = "fcc", scale: float | None = None
) -> tuple[Level, dict[tuple[str, str], Relation]]:
    found = find_clusters(frame, describe_atoms(frame, structure=structure, scale=scale))
    assert found is not None
    return found[0], {relation.name: relation for relation in found[1]}


@pytest.mark.parametrize(
    ("structure", "degrees", "axis", "expected"),
    [
        ("fcc", 20, [1.0, 2, -1], 20),
        ("diamond", 5, [0.0, 1, 3], 5),
        ("diamond", 44, [0.0, 0, 1], 44),
        ("fcc", 70, [0.0, 0, 1], 20),
    ],
)
def test_grains_have_the_misorientation_they_were_built_with(
    structure: str, degrees: float, axis: list[float], expected: float
) -> None:
    level, relations = clusters_of(two_grains(structure, degrees, axis, gap=21.5), structure, SCALE[structure])
    assert level.num_nodes == 2
    boundary = relations["cluster", "cluster"]
    assert boundary.num_edges == 2
    np.testing.assert_allclose(np.degrees(boundary.column("misorientation")), expected, atol=1.0)
    assert (boundary.column("distance") > 0.5).all()
    assert level.column("spans").tolist() == [0, 0]
    assert (level.column("anisotropy") < 0.02).all()  # balls
    assert level.column("log_size")[0] > level.column("log_size")[1]


def test_grains_far_apart_are_no_neighbours() -> None:
    _, relations = clusters_of(two_grains("fcc", 20, [1.0, 0, 0], gap=28.0), scale=SCALE["fcc"])
    assert relations["cluster", "cluster"].num_edges == 0


def test_crystal_axes_are_found_up_to_the_symmetry_of_the_cube() -> None:
    rng = np.random.default_rng(0)
    bonds = np.array([[x, y, 0] for x in (1, -1) for y in (1, -1)], dtype=float)
    bonds = np.concatenate([bonds, bonds[:, [2, 0, 1]], bonds[:, [1, 2, 0]]]) / np.sqrt(2)
    for _ in range(4):
        turn = Rotation.from_quat(rng.normal(size=4))
        found, contrast = cubic_axes(bond_tensor(turn.apply(bonds), np.ones(12)))
        assert contrast == pytest.approx(0.1, abs=1e-9)  # 3/5 - 1/2
        relative = np.abs(found.as_matrix().T @ turn.as_matrix())
        np.testing.assert_allclose(np.sort(relative, axis=1), [[0, 0, 1]] * 3, atol=1e-4)


def test_a_crystal_that_fills_its_box_is_one_cluster_without_end(crystal: Make) -> None:
    level, relations = clusters_of(crystal("fcc", (4, 4, 4), noise=0.1))
    assert level.num_nodes == 1
    assert level.column("spans")[0] == 3
    assert level.column("share")[0] == 1
    assert level.column("surface_share")[0] == pytest.approx(0, abs=1e-6)
    assert np.isnan(level.column("anisotropy")[0])
    assert ("cluster", "cluster") not in relations


def test_a_slab_spans_two_directions_and_speaks_to_the_melt_at_its_fronts(half_melted: Make) -> None:
    frame = half_melted(0)
    atoms = describe_atoms(frame)
    level, relations = clusters_of(frame)
    assert level.num_nodes == 1
    assert level.column("spans")[0] == 2
    member = relations["atom", "cluster"]
    weight = np.zeros(len(frame.positions))
    weight[member.index[0]] = member.weight
    inside = label_clusters(atoms) == 0
    assert (weight[inside] >= 0.5).all()
    assert (weight[~inside] < 0.5).all()
    front = (weight > 0) & ~inside
    deep = weight == 0
    assert front.any()
    assert deep.any()
    # Atoms that the crystal may take next lie nearer to it than those that it does not speak to.
    top = frame.positions[inside, 2].max()
    assert (frame.positions[front, 2] - top).min() < (frame.positions[deep, 2] - top).min() + 0.1


def test_disordered_matter_holds_no_cluster(crystal: Make) -> None:
    frame = crystal("fcc", (4, 4, 4), noise=0.9)
    assert find_clusters(frame, describe_atoms(frame)) is None


def test_clusters_do_not_change_with_rotation_image_or_numbering(half_melted: Make) -> None:
    frame = half_melted(5)
    rng = np.random.default_rng(5)
    level, relations = clusters_of(frame)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(len(frame.positions))
    positions = (frame.positions + rng.integers(-2, 3, frame.positions.shape) @ frame.cell) @ turn + 3.0
    moved = replace(
        frame, positions=positions[order], cell=frame.cell @ turn, velocities=None,
        extra={"c_energy": frame.extra["c_energy"][order]},
    )  # fmt: skip
    other, others = clusters_of(moved)
    np.testing.assert_allclose(other.features, level.features, rtol=1e-4, atol=1e-5)
    first, second = relations["atom", "cluster"], others["atom", "cluster"]
    weights = np.zeros(len(order))
    weights[first.index[0]] = first.weight
    again = np.zeros(len(order))
    again[second.index[0]] = second.weight
    np.testing.assert_allclose(again, weights[order], atol=1e-5)


def test_a_crystal_without_end_has_the_same_shares_in_a_supercell(half_melted: Make) -> None:
    frame = half_melted(6)
    cell = frame.cell.copy()
    cell[1] *= 2
    doubled = replace(
        frame, positions=np.concatenate([frame.positions, frame.positions + frame.cell[1]]), cell=cell,
        species=np.tile(frame.species, 2), velocities=None, extra={"c_energy": np.tile(frame.extra["c_energy"], 2)},
    )  # fmt: skip
    one, two = clusters_of(replace(frame, velocities=None))[0], clusters_of(doubled)[0]
    difference = np.abs(two.features - one.features)[0]
    names = np.array(one.feature_names)
    assert set(names[difference > 1e-4]) == {"log_size"}
    assert two.column("log_size")[0] - one.column("log_size")[0] == pytest.approx(np.log(2), abs=1e-5)


def test_vacancies_are_defects_and_a_perfect_crystal_has_none(crystal: Make) -> None:
    frame = crystal("fcc", (5, 5, 5), noise=0.05)
    kept = np.ones(len(frame.positions), bool)
    kept[[0, 200]] = False
    holed = replace(frame, positions=frame.positions[kept], species=frame.species[kept])
    assert clusters_of(frame)[0].column("defect_fraction")[0] == 0
    assert clusters_of(holed, scale=3.7 / np.sqrt(2))[0].column("defect_fraction")[0] == pytest.approx(
        24 / 498, abs=0.002
    )
