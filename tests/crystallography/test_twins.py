"""Twin laws: against the mirror image in the twin plane, and against angles of the literature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.errors import UnknownNameError
from nakaya.crystallography.disorientation import SIGMA3, deviation_angle, disorientation_angle
from nakaya.crystallography.symmetry import LAUE_CLASSES, monoclinic
from nakaya.crystallography.twins import is_twin, twin_laws

HEXAGONAL = LAUE_CLASSES["6/mmm"]
PLANES = {"{10-12}": (1, 0, 2), "{10-11}": (1, 0, 1), "{11-21}": (1, 1, 1), "{11-22}": (1, 1, 2)}
# Disorientation angles, degrees: Christian & Mahajan (1995); Bozzolo et al. (2010) for titanium.
KNOWN = {
    ("magnesium", 1.6236, "{10-12}"): 86.3, ("magnesium", 1.6236, "{10-11}"): 56.2,
    ("titanium", 1.5873, "{10-12}"): 85.0, ("titanium", 1.5873, "{11-21}"): 35.0, ("titanium", 1.5873, "{11-22}"): 64.4,
    ("zirconium", 1.5927, "{11-21}"): 34.9, ("zinc", 1.8563, "{10-12}"): 86.0,
}  # fmt: skip


def cell(ratio: float) -> tuple[float, ...]:
    return (1.0, 1.0, ratio, 90.0, 90.0, 120.0)


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("ratio", [1.5, 1.6236, 1.9])
def test_a_law_is_half_a_turn_about_the_normal_of_its_plane(name, ratio):
    axes = np.array([[1.0, -0.5, 0.0], [0.0, np.sqrt(3) / 2, 0.0], [0.0, 0.0, ratio]])
    normal = np.linalg.inv(axes).T @ PLANES[name]
    half_turn = Rotation.from_rotvec(np.pi * normal[None] / np.linalg.norm(normal))
    laws = {law.name: law for law in twin_laws(HEXAGONAL, cell(ratio))}
    assert list(laws) == list(PLANES)
    assert deviation_angle(half_turn, laws[name].misorientation, HEXAGONAL)[0] < 1e-7


@pytest.mark.parametrize(("metal", "ratio", "name"), KNOWN)
def test_angles_are_those_of_the_literature(metal, ratio, name):
    law = next(law for law in twin_laws(HEXAGONAL, cell(ratio)) if law.name == name)
    turn = Rotation.from_quat(law.misorientation.as_quat()[None])
    angle = np.degrees(disorientation_angle(Rotation.identity(1), turn, HEXAGONAL))[0]
    assert angle == pytest.approx(KNOWN[metal, ratio, name], abs=0.25)


def test_twins_are_told_within_the_tolerance_and_however_they_were_indexed():
    (law, *others) = twin_laws(HEXAGONAL, cell(1.6236))
    rng = np.random.default_rng(1)
    first = Rotation.from_quat(rng.standard_normal((40, 4)))
    for degrees, expected in ((4.9, True), (5.1, False)):
        off = Rotation.from_rotvec([0.0, np.radians(degrees), 0.0])  # about a the next variant is 7.4 degrees off
        second = HEXAGONAL.operators[rng.integers(0, 12, 40)] * off
        second = second * law.misorientation * HEXAGONAL.operators[rng.integers(0, 12, 40)] * first
        assert (is_twin(first, second, law) == expected).all()
    assert not any(is_twin(first, law.misorientation * first, other).any() for other in others)


def test_cubic_crystals_have_sigma_3_and_where_nothing_is_known_there_is_no_law():
    for name in ("m-3m", "m-3"):
        (law,) = twin_laws(LAUE_CLASSES[name])
        assert law.misorientation is SIGMA3
        assert np.degrees(law.tolerance) == pytest.approx(15 / np.sqrt(3))
    for name in ("-1", "2/m", "mmm", "-3", "-3m", "4/m", "4/mmm", "6/m"):
        assert twin_laws(LAUE_CLASSES[name], cell(1.6)) == ()
    assert twin_laws(HEXAGONAL) == twin_laws(HEXAGONAL, cell(0.73)) == twin_laws(HEXAGONAL, cell(4.9)) == ()


def test_the_two_fold_axis_of_a_monoclinic_crystal():
    for place, axis in enumerate("abc"):
        operators = monoclinic(axis).operators.as_rotvec()
        np.testing.assert_allclose(np.abs(operators), [[0, 0, 0], np.pi * np.eye(3)[place]], atol=1e-12)
    assert monoclinic("c") is LAUE_CLASSES["2/m"]
    assert monoclinic("b") != monoclinic("c")
    with pytest.raises(UnknownNameError, match="crystal axis"):
        monoclinic("d")
