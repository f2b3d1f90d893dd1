"""Orientations against orix, and a map of nickel that kikuchipy brings, written by orix and read here."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.crystallography.disorientation import disorientation_angle, mean_orientations
from nakaya.crystallography.symmetry import LAUE_CLASSES, monoclinic
from nakaya.microscopy.ebsd.files import parse_ang, read_ebsd

orix_quaternion = pytest.importorskip("orix.quaternion", reason='an oracle of the extra "oracles"')
Orientation, symmetry = orix_quaternion.Orientation, orix_quaternion.symmetry

ROUNDING = 1e-6  # rad, of an arc cosine near one
GROUPS = {
    "-1": symmetry.C1, "2/m": symmetry.C2, "mmm": symmetry.D2, "-3": symmetry.C3, "-3m": symmetry.D3,
    "4/m": symmetry.C4, "4/mmm": symmetry.D4, "6/m": symmetry.C6, "6/mmm": symmetry.D6, "m-3": symmetry.T,
    "m-3m": symmetry.O,
}  # fmt: skip


def quaternions(seed: int, number: int = 200) -> np.ndarray:
    """Scalar first, as orix has them: float64 [n, 4]."""
    drawn = np.random.default_rng(seed).standard_normal((number, 4))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def ours(scalar_first: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(scalar_first, -1, axis=1))


@pytest.mark.parametrize("name", GROUPS)
def test_the_groups_are_those_of_orix(name: str) -> None:
    theirs = ours(GROUPS[name].data.reshape(-1, 4)).as_quat()
    overlap = np.abs(LAUE_CLASSES[name].operators.as_quat() @ theirs.T)
    np.testing.assert_allclose(np.sort(overlap.max(axis=1)), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.sort(overlap.max(axis=0)), 1.0, atol=1e-6)


@pytest.mark.parametrize(("axis", "theirs"), [("a", symmetry.C2x), ("b", symmetry.C2y), ("c", symmetry.C2z)])
def test_the_two_fold_axes_of_monoclinic_crystals_are_those_of_orix(axis: str, theirs: object) -> None:
    operators = ours(theirs.data.reshape(-1, 4)).as_quat()  # type: ignore[attr-defined]
    overlap = np.abs(monoclinic(axis).operators.as_quat() @ operators.T)
    np.testing.assert_allclose(overlap.max(axis=1), 1.0, atol=1e-6)
    found = disorientation_angle(ours(quaternions(6)), ours(quaternions(7)), monoclinic(axis))
    angle = Orientation(quaternions(6), symmetry=theirs).angle_with(Orientation(quaternions(7), symmetry=theirs))
    np.testing.assert_allclose(found, np.asarray(angle).ravel(), atol=ROUNDING)


@pytest.mark.parametrize("name", GROUPS)
def test_disorientations_are_those_of_orix(name: str) -> None:
    first, second = quaternions(1), quaternions(2)
    theirs = Orientation(first, symmetry=GROUPS[name]).angle_with(Orientation(second, symmetry=GROUPS[name]))
    found = disorientation_angle(ours(first), ours(second), LAUE_CLASSES[name])
    np.testing.assert_allclose(found, np.asarray(theirs).ravel(), atol=ROUNDING)


def test_euler_angles_are_those_of_orix() -> None:
    angles = np.random.default_rng(3).uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (50, 3))
    header = "# Phase 1\n# Symmetry 43\n# XSTEP: 1\n# YSTEP: 1\n"
    rows = "\n".join(f"{a!r} {b!r} {c!r} {n} 0 100 1 1" for n, (a, b, c) in enumerate(angles.tolist()))
    found = parse_ang(header + rows).orientations.as_matrix()
    np.testing.assert_allclose(found, Orientation.from_euler(angles).to_matrix(), atol=1e-12)


def test_the_mean_of_a_crystal_is_that_of_orix() -> None:
    """Of points that are indexed alike: orix leaves symmetry to the caller."""
    rng = np.random.default_rng(4)
    blur = Rotation.from_rotvec(np.radians(4.0) * rng.standard_normal((300, 3)))
    points = blur * ours(quaternions(5, 1))
    theirs = Orientation(np.roll(points.as_quat(), 1, axis=1)).mean()
    cubic = LAUE_CLASSES["m-3m"]
    equivalents = cubic.operators[rng.integers(0, 24, 300)] * points
    found, _ = mean_orientations(equivalents, np.zeros(300, np.int64), cubic)
    assert disorientation_angle(found, ours(theirs.data.reshape(1, 4)), cubic)[0] < ROUNDING


def test_a_map_of_nickel_written_by_orix_is_read_as_orix_has_it(tmp_path: Path) -> None:
    """Nine points of a nickel foil, three grains, as kikuchipy's wheel brings them."""
    data = pytest.importorskip("kikuchipy.data", reason='an oracle of the extra "oracles"')
    from orix import io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = data.nickel_ebsd_small().xmap
        io.save(str(tmp_path / "nickel.ang"), known)
    found = read_ebsd(tmp_path / "nickel.ang")
    (phase,) = found.phases
    cubic = LAUE_CLASSES["m-3m"]
    assert phase.symmetry.name == "m-3m"
    assert len(found.orientations) == 9
    theirs = ours(known.rotations.data.reshape(-1, 4))
    written = 1e-5  # rad: the file has five digits
    assert disorientation_angle(found.orientations, theirs, cubic).max() < 5 * written
    for point in range(9):
        reference = Orientation(known.rotations[point].data, symmetry=symmetry.O)
        angles = np.asarray(Orientation(known.rotations.data, symmetry=symmetry.O).angle_with(reference)).ravel()
        at_point = Rotation.from_quat(np.repeat(found.orientations[point].as_quat()[None], 9, axis=0))
        ours_ = disorientation_angle(found.orientations, at_point, cubic)
        np.testing.assert_allclose(ours_, angles, atol=10 * written)
