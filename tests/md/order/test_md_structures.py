"""The structure of a crystal is seen by invariants, and held against the one that was stated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.lattices import HCP_FACES, STRUCTURES, build_crystal, oriented_cell, simplest_face
from nakaya.md.order.bond_order import CLASSIFIERS, environment, harmonics, solid_atoms
from nakaya.md.order.structures import seen_structure, skewness, structure_mismatch
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectory_records import TrajectoryOptions, ingest_trajectory

EDGES = {"fcc": 2**0.5, "bcc": 2 / 3**0.5, "diamond": 4 / 3**0.5, "hcp": 1.0}
"""Lattice parameters in distances of nearest neighbours."""


def crystal(name: str, cells: tuple[int, int, int]) -> tuple[FloatArray, FloatArray]:
    """Positions float64 [atom, 3] and sides of the box float64 [3], in distances of nearest neighbours."""
    if name in EDGES:
        return build_crystal(name, simplest_face(name), EDGES[name], cells)
    sides = np.full(3, 2.0)
    half = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    basis = np.concatenate([half, half + np.array([0.5, 0, 0])])
    corners = np.stack(np.meshgrid(*[np.arange(count) for count in cells], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return (corners + basis).reshape(-1, 3) * sides, sides * cells


@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize("displacement", [0.0, 0.1, 0.17])
def test_each_structure_is_seen_up_to_the_melting_point_in_any_orientation(name: str, displacement: float) -> None:
    positions, box = crystal(name, (6, 6, 6))
    rng = np.random.default_rng(1)
    positions = positions + rng.normal(0, displacement / 3**0.5, positions.shape)
    cell = np.diag(box)
    turn = Rotation.random(random_state=2).as_matrix()
    seen = environment(positions @ turn, cell @ turn, neighbours=20)
    assert seen_structure(seen, np.ones(len(positions), dtype=bool)) == name
    few = np.arange(len(positions)) < 20
    assert seen_structure(seen, few) == ""
    if displacement == 0.1:  # of a hot crystal nearly all atoms are solid by their own rules
        for rule in ("bonds", "averaged"):
            own = seen.first(CLASSIFIERS[name].neighbours)
            assert solid_atoms(own, CLASSIFIERS[name], rule=rule).mean() > 0.98


@pytest.mark.parametrize(
    ("name", "face"),
    [
        (name, face)
        for name in STRUCTURES
        for face in (HCP_FACES if name == "hcp" else ("110", "111", "211", "210", "310", "311", "331"))
    ],
)
def test_each_crystal_that_is_built_is_seen_whatever_its_face(name: str, face: str) -> None:
    x, y, z = (int(np.ceil(5 / length / EDGES[name])) for length in oriented_cell(name, face).lengths)
    positions, box = build_crystal(name, face, EDGES[name], (x, y, z))
    positions = positions + np.random.default_rng(4).normal(0, 0.05, positions.shape)
    seen = environment(positions, np.diag(box), neighbours=16)
    assert seen_structure(seen, np.ones(len(positions), dtype=bool)) == name
    assert structure_mismatch(name, name) == ""


@pytest.mark.parametrize("ratio", [1.57, 1.62, 1.7])
def test_hcp_is_seen_whatever_its_c_over_a(ratio: float) -> None:
    positions, box = build_crystal("hcp", "0001", 1.0, (6, 4, 4), axial_ratio=ratio)
    positions = positions + np.random.default_rng(4).normal(0, 0.05, positions.shape)
    seen = environment(positions, np.diag(box), neighbours=CLASSIFIERS["hcp"].neighbours)
    assert seen_structure(seen, np.ones(len(positions), dtype=bool)) == "hcp"
    for rule in ("bonds", "averaged"):
        assert solid_atoms(seen, CLASSIFIERS["hcp"], rule=rule).mean() > 0.98


@pytest.mark.parametrize("name", ["hcp", "rocksalt"])
def test_strong_disorder_is_not_solid(name: str) -> None:
    positions, box = crystal(name, (8, 8, 8))
    positions = positions + np.random.default_rng(0).normal(0, 0.35, positions.shape)
    classifier = CLASSIFIERS[name]
    seen = environment(positions, np.diag(box), neighbours=classifier.neighbours)
    assert solid_atoms(seen, classifier).mean() < 0.02


def test_the_skewness_is_that_of_cubic_harmonics() -> None:
    """f = x^4 + y^4 + z^4 - 3/5, by two million points of the sphere."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2_000_000, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    field = (points**4).sum(axis=1) - 0.6
    expected = (field**3).mean() / (field**2).mean() ** 1.5
    six = np.concatenate([np.eye(3), -np.eye(3)])  # along the axes: the cubic harmonic itself
    assert skewness(harmonics(six, 4).mean(axis=0)) == pytest.approx(expected, abs=0.005)
    turned = six @ Rotation.random(random_state=1).as_matrix()
    assert skewness(harmonics(turned, 4).mean(axis=0)) == pytest.approx(skewness(harmonics(six, 4).mean(axis=0)))


def slab(name: str, distance: float, seed: int) -> Frame:
    """A hot crystal between strongly disordered atoms, of iron."""
    positions, box = crystal(name, (4, 4, 24))
    inside = np.abs(positions[:, 2] - box[2] / 2) < box[2] / 5
    amplitude = np.where(inside, 0.04, 0.35)[:, None]
    positions = positions + np.random.default_rng(seed).normal(0, 1, positions.shape) * amplitude
    return Frame(0, None, positions * distance, np.diag(box) * distance, np.full(len(positions), "Fe"))


def xyz(frames: list[Frame]) -> str:
    text = ""
    for number, frame in enumerate(frames):
        lattice = " ".join(f"{value:.6g}" for value in frame.cell.ravel())
        text += f'{len(frame.positions)}\nLattice="{lattice}" Properties=species:S:1:pos:R:3 Time={number}\n'
        text += "".join(f"Fe {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in frame.positions)
    return text


@pytest.mark.parametrize("stated", ["fcc", "bcc", "hcp", "diamond"])
@pytest.mark.parametrize("name", ["fcc", "bcc", "hcp"])
def test_another_structure_than_the_stated_one_is_said(tmp_path: Path, name: str, stated: str) -> None:
    path = tmp_path / "a.xyz"
    path.write_text(xyz([slab(name, 2.5, seed) for seed in range(3)]))
    options = TrajectoryOptions(structure=stated, temperature=1800.0)
    flags = ingest_trajectory(path, options).flags
    said = [flag for flag in flags if "looks" in flag]
    if name == stated:
        assert said == []
    else:
        assert said == [f"the crystal looks {name}, but was counted as {stated}: check the structure and the elements"]


def test_a_slab_of_hcp_gives_its_velocity(tmp_path: Path) -> None:
    def frame(thickness: float, seed: int) -> Frame:
        positions, box = crystal("hcp", (5, 3, 26))
        inside = np.abs(positions[:, 2] - box[2] / 2) < thickness / 2
        positions += np.random.default_rng(seed).normal(0, 1, positions.shape) * np.where(inside, 0.04, 0.35)[:, None]
        return replace(slab("hcp", 1, 0), positions=positions * 2.5, cell=np.diag(box) * 2.5,
                       species=np.full(len(positions), "Fe"))  # fmt: skip

    path = tmp_path / "a.xyz"
    path.write_text(xyz([frame(14 + 0.8 * number, number) for number in range(12)]))
    record = ingest_trajectory(path, TrajectoryOptions(structure="hcp", temperature=900.0))
    # 0.4 x 2.5 A/ps; interfaces jump from layer to layer, 2 A.
    assert record.quantities["growth_velocity"].value == pytest.approx(100, abs=100 * 2 * 2 / 12)
    assert not [flag for flag in record.flags if "looks" in flag]
