"""Features of a nucleus: nothing changes with rotation, place and numbering; known shapes have known numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nakaya.core.errors import ParameterError
from nakaya.kinetics.nuclei.atoms import IN_NUCLEUS, MELT_DEPTH, nucleus_atoms, without_melt
from nakaya.kinetics.nuclei.environment import NucleusEnvironment, nucleus_environment
from nakaya.kinetics.nuclei.features import cluster_features
from nakaya.md.order.bond_order import FCC
from nakaya.md.trajectories.frames import Frame
from support.synthetic_nuclei import frame_with_nucleus

pytest.importorskip("vesin", reason='graphs of atoms need the extra "ml"')

ROUNDING = 1e-6
"""Of sums over some hundred atoms whose order changes, and of harmonics of rotated vectors."""

FLOAT32 = 1e-4
"""Of columns that are kept in float32, up to 30 in size."""

FRAME = frame_with_nucleus(7.5, np.random.default_rng(0))


def seen(frame: Frame) -> NucleusEnvironment:
    return nucleus_environment(frame, FCC, frame.extra["solid"] > 0.5)


def described(frame: Frame) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    view = seen(frame)
    atoms = nucleus_atoms(view, structure="fcc", temperature=640.0)
    return cluster_features(view), atoms.graph.levels["atom"].features, atoms.numbers


BEFORE = described(FRAME)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_changes_when_the_frame_is_turned_moved_and_renumbered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    numbers = rng.permutation(len(FRAME.positions))
    moved = FRAME.positions[numbers] + rng.uniform(-30, 30, 3)
    inside = moved @ np.linalg.inv(FRAME.cell) % 1 @ FRAME.cell
    other = replace(
        FRAME,
        positions=inside @ turn,
        cell=FRAME.cell @ turn,
        extra={name: values[numbers] for name, values in FRAME.extra.items()},
    )
    features, atoms, kept = described(other)
    assert set(features) == set(BEFORE[0])
    for name, value in features.items():
        assert value == pytest.approx(BEFORE[0][name], abs=ROUNDING, nan_ok=True), name
    assert sorted(numbers[kept]) == sorted(BEFORE[2])
    rows = np.argsort(numbers[kept])
    np.testing.assert_allclose(atoms[rows], BEFORE[1], atol=FLOAT32)


def test_a_nucleus_is_seen_from_its_own_atoms() -> None:
    view = seen(FRAME)
    assert view.size == int(FRAME.extra["solid"].sum())
    np.testing.assert_allclose(view.offset[view.nucleus].mean(axis=0), 0, atol=1e-9)
    assert (view.depth[view.nucleus] < 0).all()
    assert (view.depth[~view.nucleus] > 0).all()
    assert 0 < view.surface.sum() < view.size


def test_the_graph_holds_the_nucleus_and_a_layer_of_melt_and_can_lose_it() -> None:
    view = seen(FRAME)
    atoms = nucleus_atoms(view, structure="fcc", temperature=640.0)
    level = atoms.graph.levels["atom"]
    assert level.num_nodes == int((view.depth < MELT_DEPTH).sum())
    assert level.column(IN_NUCLEUS).sum() == view.size
    alone = without_melt(atoms.graph)
    assert alone.levels["atom"].num_nodes == view.size
    assert 0 < alone.relations["atom", "atom"].num_edges < atoms.graph.relations["atom", "atom"].num_edges


def test_features_have_no_unit_of_length() -> None:
    larger = replace(FRAME, positions=1.7 * FRAME.positions, cell=1.7 * FRAME.cell)
    assert cluster_features(seen(larger)) == pytest.approx(BEFORE[0], abs=ROUNDING, nan_ok=True)


def shaped(stretch: float) -> dict[str, float]:
    """Features of a spheroid of perfect crystal in a wide perfect crystal, stretched along z."""
    grid = np.stack(np.meshgrid(*[np.arange(24.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid[grid.sum(axis=1) % 2 == 0]  # fcc of edge 2
    nucleus = np.linalg.norm((points - 12.1) / [1, 1, stretch], axis=1) < 4.5
    frame = Frame(0, 0.0, points, np.eye(3) * 24.0, np.full(len(points), "Al"), None, {"solid": nucleus.astype(float)})
    return cluster_features(seen(frame))


def test_a_ball_is_a_ball_and_a_rod_is_none() -> None:
    ball, rod = shaped(1.0), shaped(2.0)
    assert ball["radius_of_gyration"] == pytest.approx(1.0, abs=0.03)  # a lattice ball of 200 atoms
    assert ball["asphericity"] == pytest.approx(0.0, abs=0.02)
    # Moments of a spheroid of axes a, a, 2 a are as 1 : 1 : 4.
    assert rod["asphericity"] == pytest.approx((4 - 1) / 6, abs=0.03)
    assert rod["anisotropy"] == pytest.approx(1 - 3 * 9 / 36, abs=0.03)
    assert ball["hcp_fraction"] == 0.0
    assert ball["alignment_of_first"] == pytest.approx(1.0)  # all is one crystal
    assert ball["q6_of_core"] == pytest.approx(0.5745, abs=1e-3)
    assert ball["neighbour_distance_of_core"] == pytest.approx(1.0)


def test_a_nucleus_needs_atoms_and_a_melt() -> None:
    with pytest.raises(ParameterError, match="expected at least 5"):
        nucleus_environment(FRAME, FCC, np.arange(len(FRAME.positions)) < 4)
    with pytest.raises(ParameterError, match="a melt about them"):
        nucleus_environment(FRAME, FCC, np.ones(len(FRAME.positions), dtype=bool))
