"""Atomic-resolution images: crystals, bicrystals, twins and stacking faults that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError
from nakaya.microscopy.lattice_images.faults import find_faults
from nakaya.microscopy.lattice_images.lattices import _split, analyse_lattice
from nakaya.microscopy.lattice_images.reflections import (
    lattice_difference,
    reduce_basis,
    rotations_between,
)
from support.lattice_images import (
    FCC_110,
    columns_image,
    lattice_columns,
    with_fault,
    with_second_grain,
)

SHAPE = (176, 176)
LATTICE = 14.0  # pixels
TILT = 0.1
DEGREES = 0.5  # of a rotation between two windows of seven periods
SPACING = 0.01
PLANE_110 = np.array([np.sqrt(1 / 3), np.sqrt(1 / 3), 0.5])  # {111} twice and {002}, in lattice constants
TWIN = np.degrees(2 * np.arctan(np.sqrt(0.5)))  # 70.53: between {111} planes across the zone


def turned(vectors: np.ndarray, angle: float) -> np.ndarray:
    return vectors @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def bicrystal(degrees: float, *, noise: float = 0.15) -> np.ndarray:
    """Two grains, the smaller one (to the right) turned by this much."""
    normal, origin = np.array([1.0, 0.2]), np.array([100.0, 88.0])
    first = lattice_columns(LATTICE * FCC_110, SHAPE, angle=TILT)
    second = lattice_columns(LATTICE * FCC_110, SHAPE, angle=TILT + np.radians(degrees), shift=np.array([3.0, 1.0]))
    columns = with_second_grain(first, second, normal, origin)
    return columns_image(columns, SHAPE, np.random.default_rng(0), sigma=2.5, noise=noise)


def test_one_crystal_has_its_spacings_and_one_lattice():
    columns = lattice_columns(LATTICE * FCC_110, SHAPE, angle=TILT)
    found = analyse_lattice(columns_image(columns, SHAPE, np.random.default_rng(1), sigma=2.5, noise=0.1))
    assert len(found.domains) == 1
    np.testing.assert_allclose(found.domains[0].spacings, LATTICE * PLANE_110, rtol=SPACING)
    assert np.degrees(np.nanstd(found.window_angle)) < 0.5
    assert found.boundaries == ()


@pytest.mark.parametrize("degrees", [8.0, 50.0])
def test_the_rotation_across_a_boundary_is_the_one_that_was_made(degrees):
    found = analyse_lattice(bicrystal(degrees))
    assert len(found.domains) == 2
    (boundary,) = found.boundaries
    assert np.degrees(boundary.rotation) == pytest.approx(degrees, abs=DEGREES)
    assert boundary.misfit < 0.02
    assert boundary.alternatives == ()
    assert not boundary.is_twin
    # The boundary is where it was made: (x - 100) + 0.2 (y - 88) = 0.
    rows, columns = np.indices(SHAPE)
    right = (columns - 100) + 0.2 * (rows - 88) > 0
    assert (found.labels == right).mean() > 0.95


def test_a_twin_shares_a_plane_and_is_its_mirror_image():
    found = analyse_lattice(bicrystal(TWIN))
    (boundary,) = found.boundaries
    assert abs(np.degrees(boundary.rotation)) == pytest.approx(TWIN, abs=DEGREES)
    assert boundary.is_twin


def test_another_crystal_that_shares_a_plane_is_no_twin():
    trace = FCC_110[1]
    sheared = np.stack([FCC_110[0] - 2 / 3 * trace, trace])  # the same {111} planes, stacked square
    normal = turned(np.array([-trace[1], trace[0]]), TILT)
    columns = with_second_grain(
        lattice_columns(LATTICE * FCC_110, SHAPE, angle=TILT),
        lattice_columns(LATTICE * sheared, SHAPE, angle=TILT),
        normal,
        np.array([88.0, 92.0]),
    )
    found = analyse_lattice(columns_image(columns, SHAPE, np.random.default_rng(5), sigma=2.5, noise=0.05))
    (boundary,) = found.boundaries
    assert np.isfinite(boundary.mirror_misfit)  # the plane is shared
    assert not boundary.is_twin


def test_a_crystal_pulled_apart_along_a_plane_is_no_stacking_fault():
    size, lattice = (220, 220), 20.0
    along = turned(FCC_110[1:], TILT)[0] * lattice
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    gap = 0.5 * lattice / np.sqrt(3) * normal  # half a plane: the fringes along the plane jump too
    columns = with_fault(
        lattice_columns(lattice * FCC_110, size, angle=TILT), normal, np.array([104.0, 112.0]), along / 3 + gap
    )
    image = columns_image(columns, size, np.random.default_rng(6), noise=0.1)
    reflections = [(peak.g, peak.clearness) for peak in analyse_lattice(image).domains[0].reflections]
    assert find_faults(image, reflections).faults == ()


@pytest.mark.parametrize("displacement", [0.0, 1 / 3, -1 / 3])
def test_a_stacking_fault_is_found_where_it_is_and_none_where_there_is_none(displacement):
    size, lattice = (220, 220), 20.0
    along = turned(FCC_110[1:], TILT)[0] * lattice  # the trace of a {111} plane
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    origin = np.array([104.0, 112.0])
    columns = with_fault(lattice_columns(lattice * FCC_110, size, angle=TILT), normal, origin, displacement * along)
    image = columns_image(columns, size, np.random.default_rng(2), noise=0.1)
    found = analyse_lattice(image)
    reflections = [(peak.g, peak.clearness) for peak in found.domains[0].reflections]
    search = find_faults(image, reflections, found.labels == 0)
    assert search.resolved
    if displacement == 0:
        assert search.faults == ()
        return
    (fault,) = search.faults
    direction = np.array([np.cos(fault.normal), np.sin(fault.normal)])
    assert abs(direction @ normal) > np.cos(np.radians(1.0))
    expected = (origin - (np.array(size[::-1]) - 1) / 2) @ direction
    assert fault.offset == pytest.approx(expected, abs=lattice / np.sqrt(3))  # one plane
    assert fault.phase_jump == pytest.approx(2 * np.pi / 3, abs=0.6)


def test_faults_of_fringes_that_cannot_be_followed_are_not_denied_but_unresolved():
    search = find_faults(np.zeros((64, 64)), [(np.array([0.1, 0.0]), 100.0)])
    assert not search.resolved
    assert "fewer than two clear reflections" in search.reason


def test_a_group_of_windows_is_parted_where_a_tenth_of_them_lie_two_degrees_otherwise():
    lattice = np.array([[10.0, 0.0], [3.0, 8.0]])

    def parts(straight: int, turned: int, degrees: float = 4.0) -> list[int]:
        angles = np.radians([0.0] * straight + [degrees] * turned)
        bases = [lattice @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in angles]
        found = _split(list(range(100, 100 + len(bases))), bases)
        assert sorted(member for part in found for member in part) == list(range(100, 100 + len(bases)))
        return sorted(len(part) for part in found)

    assert (parts(72, 8), parts(73, 7)) == ([8, 72], [80])
    assert (parts(8, 4), parts(9, 3)) == ([4, 8], [12])  # four at least
    assert (parts(4, 4), parts(3, 4)) == ([4, 4], [7])  # of eight at least
    assert (parts(5, 5, 2.05), parts(5, 5, 1.95)) == ([5, 5], [10])


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_two_clear_reflections_that_cross_are_enough(turn):
    def is_resolved(*, spacing: float = 6.0, clearness: float = 50.0, between: float = 60.0) -> bool:
        image = np.random.default_rng(0).standard_normal((40, 40))
        angles = (turn, turn + np.radians(between))
        pairs = [(np.array([np.cos(angle), np.sin(angle)]), spacing, 50.0) for angle in angles]
        pairs[1] = (pairs[1][0], spacing, clearness)
        return find_faults(image, [(unit / length, clear) for unit, length, clear in pairs]).resolved

    assert (is_resolved(spacing=4.01), is_resolved(spacing=3.99)) == (True, False)
    assert (is_resolved(clearness=30.0), is_resolved(clearness=29.9)) == (True, False)
    assert (is_resolved(between=31.0), is_resolved(between=29.0), is_resolved(between=151.0)) == (True, False, False)


def test_images_without_a_lattice_are_refused_in_words():
    noise = np.random.default_rng(3).standard_normal((128, 128))
    with pytest.raises(FormatError, match=r"does not resolve a lattice|no window resolves a lattice"):
        analyse_lattice(noise)
    stripes = np.sin(2 * np.pi * np.arange(128) / 9)[None] + 0.05 * noise
    with pytest.raises(FormatError, match="two directions"):
        analyse_lattice(stripes)
    with pytest.raises(FormatError, match="too small for a lattice"):
        analyse_lattice(noise[:40])


def test_every_hexagonal_lattice_is_reduced_whatever_way_it_lies():
    for degrees in np.linspace(0, 180, 721):
        turn = np.radians(degrees + np.array([0.0, 60.0]))
        basis = 0.06 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        for shear in (-2, -1, 1, 2):
            reduced = reduce_basis(np.stack([basis[0] + shear * basis[1], basis[1]]))
            np.testing.assert_allclose(np.linalg.norm(reduced, axis=1), 0.06, rtol=1e-9)
            assert np.linalg.det(reduced) > 0


integers = st.integers(-3, 3)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0.03, 0.2), st.floats(0.8, 1.3), st.floats(60, 90), st.floats(0, 180), integers, integers,
    st.floats(-89, 89),
)  # fmt: skip
@example(0.06, 1.0, 60.0, 0.06, 1, 1, 0.0)  # hexagonal: sum and difference are equally long
def test_a_lattice_is_the_same_whatever_basis_names_it(length, ratio, angle, tilt, a, b, turn):
    first = length * np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
    second = ratio * length * np.array([np.cos(np.radians(tilt + angle)), np.sin(np.radians(tilt + angle))])
    basis = reduce_basis(np.stack([first, second]))
    other = np.stack([first + a * second, second]) if b % 2 else np.stack([first, second + b * first])
    assert abs(np.linalg.det(reduce_basis(other))) == pytest.approx(length**2 * ratio * np.sin(np.radians(angle)))
    assert lattice_difference(basis, reduce_basis(other)) < 1e-6
    assert lattice_difference(basis, 2 * basis) > 0.5
    rotated = turned(reduce_basis(other), np.radians(turn))
    angles = [entry for entry, misfit in rotations_between(basis, rotated) if misfit < 1e-3]
    assert min(abs(np.sin(entry - np.radians(turn))) for entry in angles) < 1e-3
