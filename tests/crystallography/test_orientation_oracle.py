"""Orientations against orix, and a map of nickel that kikuchipy brings, written by orix and read here."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from scipy.spatial.transform import Rotation

from nakaya.crystallography.disorientation import disorientation_angle, mean_orientations
from nakaya.crystallography.symmetry import LAUE_CLASSES, monoclinic
from nakaya.microscopy.ebsd.files import parse_ang, read_ebsd

ROUNDING = 1e-6  # rad, of an arc cosine near one
GROUPS = {
    "-1": "C1", "2/m": "C2", "mmm": "D2", "-3": "C3", "-3m": "D3", "4/m": "C4", "4/mmm": "D4", "6/m": "C6",
    "6/mmm": "D6", "m-3": "T", "m-3m": "O",
}  # fmt: skip


@pytest.fixture(scope="module")
def orix() -> Any:
    """Imported by one process at a time, and not when tests are collected, which every worker does.

    It compiles when it is first imported: where several processes fill its cache at once, some of them die.
    """
    with FileLock(Path(gettempdir()) / "nakaya-tests-orix.lock"):
        found = pytest.importorskip("orix.quaternion", reason='an oracle of the extra "oracles"')
        assert found.Orientation.identity().size == 1  # loads what compiles, and `symmetry`
    return found


def quaternions(seed: int, number: int = 200) -> np.ndarray:
    """Scalar first, as orix has them: float64 [n, 4]."""
    drawn = np.random.default_rng(seed).standard_normal((number, 4))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def ours(scalar_first: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(scalar_first, -1, axis=1))


@pytest.mark.parametrize("name", GROUPS)
def test_the_groups_are_those_of_orix(name: str, orix: Any) -> None:
    theirs = ours(getattr(orix.symmetry, GROUPS[name]).data.reshape(-1, 4)).as_quat()
    overlap = np.abs(LAUE_CLASSES[name].operators.as_quat() @ theirs.T)
    np.testing.assert_allclose(np.sort(overlap.max(axis=1)), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.sort(overlap.max(axis=0)), 1.0, atol=1e-6)


@pytest.mark.parametrize(("axis", "theirs"), [("a", "C2x"), ("b", "C2y"), ("c", "C2z")])
def test_the_two_fold_axes_of_monoclinic_crystals_are_those_of_orix(axis: str, theirs: str, orix: Any) -> None:
    group = getattr(orix.symmetry, theirs)
    operators = ours(group.data.reshape(-1, 4)).as_quat()
    overlap = np.abs(monoclinic(axis).operators.as_quat() @ operators.T)
    np.testing.assert_allclose(overlap.max(axis=1), 1.0, atol=1e-6)
    found = disorientation_angle(ours(quaternions(6)), ours(quaternions(7)), monoclinic(axis))
    angle = orix.Orientation(quaternions(6), symmetry=group).angle_with(
        orix.Orientation(quaternions(7), symmetry=group)
    )
    np.testing.assert_allclose(found, np.asarray(angle).ravel(), atol=ROUNDING)


@pytest.mark.parametrize("name", GROUPS)
def test_disorientations_are_those_of_orix(name: str, orix: Any) -> None:
    first, second = quaternions(1), quaternions(2)
    group = getattr(orix.symmetry, GROUPS[name])
    theirs = orix.Orientation(first, symmetry=group).angle_with(orix.Orientation(second, symmetry=group))
    found = disorientation_angle(ours(first), ours(second), LAUE_CLASSES[name])
    np.testing.assert_allclose(found, np.asarray(theirs).ravel(), atol=ROUNDING)


def test_euler_angles_are_those_of_orix(orix: Any) -> None:
    angles = np.random.default_rng(3).uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (50, 3))
    header = "# Phase 1\n# Symmetry 43\n# XSTEP: 1\n# YSTEP: 1\n"
    rows = "\n".join(f"{a!r} {b!r} {c!r} {n} 0 100 1 1" for n, (a, b, c) in enumerate(angles.tolist()))
    found = parse_ang(header + rows).orientations.as_matrix()
    np.testing.assert_allclose(found, orix.Orientation.from_euler(angles).to_matrix(), atol=1e-12)


def test_the_mean_of_a_crystal_is_that_of_orix(orix: Any) -> None:
    """Of points that are indexed alike: orix leaves symmetry to the caller."""
    rng = np.random.default_rng(4)
    blur = Rotation.from_rotvec(np.radians(4.0) * rng.standard_normal((300, 3)))
    points = blur * ours(quaternions(5, 1))
    theirs = orix.Orientation(np.roll(points.as_quat(), 1, axis=1)).mean()
    cubic = LAUE_CLASSES["m-3m"]
    equivalents = cubic.operators[rng.integers(0, 24, 300)] * points
    found, _ = mean_orientations(equivalents, np.zeros(300, np.int64), cubic)
    assert disorientation_angle(found, ours(theirs.data.reshape(1, 4)), cubic)[0] < ROUNDING


def test_a_map_of_nickel_written_by_orix_is_read_as_orix_has_it(tmp_path: Path, orix: Any) -> None:
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
        reference = orix.Orientation(known.rotations[point].data, symmetry=orix.symmetry.O)
        angles = np.asarray(
            orix.Orientation(known.rotations.data, symmetry=orix.symmetry.O).angle_with(reference)
        ).ravel()
        at_point = Rotation.from_quat(np.repeat(found.orientations[point].as_quat()[None], 9, axis=0))
        ours_ = disorientation_angle(found.orientations, at_point, cubic)
        np.testing.assert_allclose(ours_, angles, atol=10 * written)
