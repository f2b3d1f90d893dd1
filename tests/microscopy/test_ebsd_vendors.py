"""What vendors do differently: crystal frames, clean-up, free-form areas, units, headers that the points contradict."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.errors import FormatError
from nakaya.crystallography.disorientation import SIGMA3, disorientation_angle
from nakaya.crystallography.inverse_pole_figure import inverse_pole_figure_colours
from nakaya.microscopy.ebsd.files import _ctf_fields, parse_ang, parse_ctf, read_ebsd
from nakaya.microscopy.ebsd.grains import GrainRules, find_grains

WRITTEN = 2e-5  # rad: the files have six digits, of degrees five
SHAPE = (12, 18)


def random_rotations(number: int, seed: int) -> Rotation:
    return Rotation.from_quat(np.random.default_rng(seed).standard_normal((number, 4)))


def stripes(orientations: Rotation, shape: tuple[int, int] = SHAPE) -> Rotation:
    """A map of upright stripes of one width, one an orientation."""
    width = shape[1] // len(orientations)
    return orientations[np.tile(np.minimum(np.arange(shape[1]) // width, len(orientations) - 1), shape[0])]


def body_of(text: str) -> tuple[list[str], list[str]]:
    """Header and points of either format."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("Phase\t") or not line.startswith("#"))
    if lines[0].startswith("Channel"):
        start = next(at for at, line in enumerate(lines) if line.startswith("Phase\tX")) + 1
    return lines[:start], lines[start:]


# ------------------------------------------------------------------------------------------------- crystal frames

HEX = (3.0, 3.0, 4.9, 90.0, 90.0, 120.0)
TETRAGONAL = (3.0, 3.0, 4.1, 90.0, 90.0, 90.0)
ORTHO = (3.0, 3.7, 4.1, 90.0, 90.0, 90.0)
CUBIC = (3.6, 3.6, 3.6, 90.0, 90.0, 90.0)
TWO_A, TWO_B, TWO_C = np.diag([1, -1, -1]), np.diag([-1, 1, -1]), np.diag([-1, -1, 1])
FOUR = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
THREE = np.array([[0, -1, 0], [1, -1, 0], [0, 0, 1]])
SIX = np.array([[1, -1, 0], [1, 0, 0], [0, 0, 1]])
HEX_TWO_A = np.array([[1, -1, 0], [0, -1, 0], [0, 0, -1]])
DIAGONAL = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
# TSL code, HKL number, cell, generators: what the operations do to coordinates along a, b, c (International Tables).
CLASSES = {
    "-1": ("1", 1, (3.0, 3.7, 4.1, 85.0, 95.0, 105.0), []),
    "2/m, axis a": ("21", 2, (3.0, 3.7, 4.1, 105.0, 90.0, 90.0), [TWO_A]),
    "2/m, axis b": ("20", 2, (9.646, 8.824, 5.27, 90.0, 106.6, 90.0), [TWO_B]),
    "2/m, axis c": ("2", 2, (3.0, 3.7, 4.1, 90.0, 90.0, 105.0), [TWO_C]),
    "mmm": ("22", 3, ORTHO, [TWO_A, TWO_C]),
    "4/m": ("4", 4, TETRAGONAL, [FOUR]),
    "4/mmm": ("42", 5, TETRAGONAL, [FOUR, TWO_A]),
    "-3": ("3", 6, HEX, [THREE]),
    "-3m": ("32", 7, HEX, [THREE, HEX_TWO_A]),
    "6/m": ("6", 8, HEX, [SIX]),
    "6/mmm": ("62", 9, HEX, [SIX, HEX_TWO_A]),
    "m-3": ("23", 10, CUBIC, [DIAGONAL, TWO_A]),
    "m-3m": ("43", 11, CUBIC, [DIAGONAL, FOUR]),
}


def cell_axes(lattice: tuple[float, ...], vendor: str) -> np.ndarray:
    """a, b, c as columns: TSL has x along a and z along c*, HKL x along a* and z along c."""
    a, b, c = lattice[:3]
    ca, cb, cg = np.cos(np.radians(lattice[3:]))
    sg = np.sin(np.radians(lattice[5]))
    height = np.sqrt(1 - ca**2 - cb**2 - cg**2 + 2 * ca * cb * cg) / sg
    tsl = np.array([[a, b * cg, c * cb], [0, b * sg, c * (ca - cb * cg) / sg], [0, 0, c * height]])
    if vendor == "tsl":
        return tsl
    x = np.linalg.inv(tsl)[0]  # a*
    z = tsl[:, 2]
    frame = np.stack([x / np.linalg.norm(x), np.cross(z, x) / np.linalg.norm(np.cross(z, x)), z / np.linalg.norm(z)])
    return frame @ tsl


def group(generators: list[np.ndarray]) -> list[np.ndarray]:
    found = [np.eye(3, dtype=int)]
    for one in found:
        for generator in generators:
            if not any((generator @ one == other).all() for other in found):
                found.append(generator @ one)
    return found


def equivalents(base: Rotation, lattice: tuple[float, ...], generators: list[np.ndarray], vendor: str) -> Rotation:
    """All ways to index one crystal, in the frame of a vendor."""
    axes = cell_axes(lattice, vendor)
    operations = [axes @ matrix @ np.linalg.inv(axes) for matrix in group(generators)]
    return Rotation.from_matrix(np.array(operations)) * base


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("vendor", ["tsl", "hkl"])
def test_the_operations_are_those_of_the_cell_in_the_frame_of_each_vendor(name, vendor, ang_text, ctf_text):
    code, laue, cell, generators = CLASSES[name]
    points = equivalents(random_rotations(1, 1)[0], cell, generators, vendor)
    shape, phase = (1, len(points)), np.ones(len(points), np.int64)
    if vendor == "tsl":
        ebsd = parse_ang(ang_text(points, phase, shape, symmetries=(code,), cells=(cell,)))
    else:
        ebsd = parse_ctf(ctf_text(points, phase, shape, laue=(laue,), cells=(cell,)))
    (entry,) = ebsd.phases
    assert ebsd.flags == ()
    assert entry.symmetry.name == name.split(",")[0]
    # As many operators as operations, and all of these are among them: no one more, no one less.
    assert entry.symmetry.order == len(points)
    first = ebsd.orientations[np.zeros(len(points), int)]
    assert disorientation_angle(first, ebsd.orientations, entry.symmetry).max() < 3 * WRITTEN
    assert entry.frame.startswith("x along a")


@pytest.mark.parametrize("name", ["mmm", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3m"])
def test_one_crystal_has_one_orientation_and_colour_whoever_wrote_the_file(name, ang_text, ctf_text):
    code, laue, cell, _ = CLASSES[name]
    turns = random_rotations(12, 2)
    in_sample = turns.as_matrix() @ cell_axes(cell, "tsl")  # a, b, c of twelve crystals
    of_vendor = {
        vendor: Rotation.from_matrix(cell_axes(cell, vendor) @ np.linalg.inv(in_sample)) for vendor in ("tsl", "hkl")
    }
    phase = np.ones(12, np.int64)
    ang = parse_ang(ang_text(of_vendor["tsl"], phase, (3, 4), symmetries=(code,), cells=(cell,)))
    ctf = parse_ctf(ctf_text(of_vendor["hkl"], phase, (3, 4), laue=(laue,), cells=(cell,)))
    assert (ang.orientations * ctf.orientations.inv()).magnitude().max() < 3 * WRITTEN
    symmetry = ang.phases[0].symmetry
    colours = [inverse_pole_figure_colours(ebsd.orientations, symmetry) for ebsd in (ang, ctf)]
    np.testing.assert_allclose(*colours, atol=1e-2)
    assert ("turned by 30 degrees" in ctf.phases[0].frame) == (symmetry.system in ("trigonal", "hexagonal"))


@pytest.mark.parametrize(
    ("laue", "first", "last"),
    [(1, 1, 2), (2, 3, 15), (3, 16, 74), (4, 75, 88), (5, 89, 142), (6, 143, 148), (7, 149, 167), (8, 168, 176),
     (9, 177, 194), (10, 195, 206), (11, 207, 230)],
)  # fmt: skip
def test_between_blanks_the_laue_class_is_the_number_before_one_of_its_space_groups(laue, first, last):
    """The last ones are P-1, C2/c, Fddd, I4_1/a, I4_1/acd, R-3, R-3c, P6_3/m, P6_3/mmc, Ia-3 and Ia-3d."""
    for group in (first, last):
        fields = _ctf_fields(f"3;3;5 90;90;120 Ti 6 4 {laue} {group}")
        assert fields == ["3;3;5", "90;90;120", "Ti 6 4", str(laue), str(group)]


@pytest.mark.parametrize("space_group", [162, 164])
def test_the_space_group_says_where_two_fold_axes_of_trigonal_crystals_lie(space_group, ctf_text):
    # P-31m (162): between the a axes, along a*; P-3m1 (164): along a.
    along_a = cell_axes(HEX, "hkl")[:, 0] / HEX[0]
    a_star = np.array([1.0, 0.0, 0.0])
    base = random_rotations(1, 30)[0]
    for axis, is_symmetry in ((a_star, space_group == 162), (along_a, space_group == 164)):
        own = Rotation.concatenate([base, Rotation.from_rotvec(np.pi * axis) * base])
        text = ctf_text(stripes(own), np.ones(216, np.int64), SHAPE, laue=(7,), cells=(HEX,))
        found = find_grains(parse_ctf(text.replace("\t166", f"\t{space_group}")))
        assert found.num_grains == (1 if is_symmetry else 2)


def test_cubic_orientations_are_those_of_the_file_to_the_last_bit(ctf_text):
    points = random_rotations(30, 3)
    ebsd = parse_ctf(ctf_text(points, np.ones(30, np.int64), (5, 6)))
    words = [line.split("\t") for line in body_of(ctf_text(points, np.ones(30, np.int64), (5, 6)))[1]]
    angles = np.radians(np.array([[float(word) for word in row[5:8]] for row in words]))
    np.testing.assert_array_equal(ebsd.orientations.as_quat(), Rotation.from_euler("ZXZ", angles).inv().as_quat())


def test_a_twin_of_a_monoclinic_crystal_is_no_grain_of_its_parent(ctf_text):
    # (100): half a turn about a*, which is x. With the two-fold axis along z instead of y it would be a symmetry.
    _, laue, cell, _ = CLASSES["2/m, axis b"]
    base = random_rotations(1, 4)[0]
    own = Rotation.concatenate([base, Rotation.from_rotvec([np.pi, 0, 0]) * base])
    ebsd = parse_ctf(ctf_text(stripes(own), np.ones(216, np.int64), SHAPE, laue=(laue,), cells=(cell,)))
    assert "two-fold axis along b" in ebsd.phases[0].frame
    assert find_grains(ebsd).num_grains == 2


@pytest.mark.parametrize(
    ("code", "cell", "axis", "flagged"),
    [
        ("20", (5.0, 4.0, 6.0, 90.0, 100.0, 90.0), "b", False),
        ("2", (5.0, 4.0, 6.0, 90.0, 100.0, 90.0), "b", True),  # as EMsoft writes every monoclinic phase
        ("20", (5.0, 4.0, 6.0, 90.0, 90.0, 100.0), "c", True),
        ("2", (5.0, 4.0, 6.0, 90.0, 90.0, 90.0), "c", False),
        ("20", (), "b", False),
        ("21", (), "a", False),
    ],
)
def test_the_two_fold_axis_is_where_the_cell_puts_it(code, cell, axis, flagged, ang_text):
    points = random_rotations(1, 5)[np.zeros(30, int)]
    ebsd = parse_ang(ang_text(points, np.ones(30, np.int64), (5, 6), symmetries=(code,), cells=(cell,)))
    assert ebsd.phases[0].frame.endswith(f"two-fold axis along {axis}")
    turn = ebsd.phases[0].symmetry.operators[1].as_rotvec()
    np.testing.assert_allclose(np.abs(turn), np.pi * np.eye(3)["abc".index(axis)], atol=1e-12)
    assert any("the cell is followed" in flag for flag in ebsd.flags) == flagged


def test_emsoft_has_a_frame_of_its_own(ang_text, ctf_text):
    points, phase = random_rotations(1, 35)[np.zeros(30, int)], np.ones(30, np.int64)
    cell = (5.0, 4.0, 6.0, 90.0, 100.0, 90.0)
    text = ang_text(points, phase, (5, 6), symmetries=("20",), cells=(cell,))
    assert parse_ang(text).phases[0].frame == "x along a*, y along b, z along c; two-fold axis along b"
    own = "x along a, y along b, z along c*; two-fold axis along b"
    assert parse_ang("# Info patterns indexed using EMsoft::EMEBSDDI\n" + text).phases[0].frame == own
    other = ctf_text(points, phase, (5, 6), laue=(2,), cells=(cell,)).replace("Prj", "EMsoft v. 5; MAD=CI")
    assert parse_ctf(other).phases[0].frame == own
    trigonal = ang_text(points, phase, (5, 6), symmetries=("32",), cells=(HEX,))
    assert parse_ang(trigonal).flags == ()
    assert "a frame that depends on its version" in parse_ang("# EMsoft\n" + trigonal).flags[0]


def test_cells_that_do_not_fit_the_system_are_flagged(ctf_text):
    points, phase = random_rotations(1, 6)[np.zeros(30, int)], np.ones(30, np.int64)
    askew = parse_ctf(ctf_text(points, phase, (5, 6), laue=(2,), cells=((5.0, 4.0, 6.0, 95.0, 100.0, 90.0),)))
    assert "symmetry 2/m is monoclinic, but the cell constants" in askew.flags[0]
    rhombohedral = parse_ctf(ctf_text(points, phase, (5, 6), laue=(7,), cells=((6.4, 6.4, 6.4, 46.0, 46.0, 46.0),)))
    assert "hexagonal axes" in rhombohedral.flags[0]


@pytest.mark.parametrize(("group", "said"), [(225, ""), (0, ""), (194, "space group 194 is of Laue number 9")])
def test_a_space_group_of_another_laue_class_is_flagged(group, said, ctf_text):
    points, phase = random_rotations(1, 6)[np.zeros(30, int)], np.ones(30, np.int64)
    text = ctf_text(points, phase, (5, 6), laue=(11,), cells=(CUBIC,))
    head, body = body_of(text)
    assert head[-2].split("\t")[3] == "11"
    head[-2] = "\t".join([*head[-2].split("\t")[:4], str(group)])
    flags = parse_ctf("\n".join([*head, *body])).flags
    assert [said in flag for flag in flags] == [True] * bool(said)


def test_cells_in_nanometres_are_flagged(ctf_text):
    points, phase = random_rotations(1, 6)[np.zeros(30, int)], np.ones(30, np.int64)
    cell = (0.3615, 0.3615, 0.3615, 90.0, 90.0, 90.0)
    (flag,) = parse_ctf(ctf_text(points, phase, (5, 6), laue=(11,), cells=(cell,))).flags
    assert "are they in nm?" in flag


def test_a_least_confidence_that_no_point_has_is_named(ctf_text):
    """What a .ctf file has is the mean angular deviation, which is better where it is small."""
    text = ctf_text(random_rotations(1, 6)[np.zeros(30, int)], np.ones(30, np.int64), (5, 6))
    with pytest.raises(FormatError, match=r"confidence of 0\.1 .*minus the mean angular deviation, from -0"):
        find_grains(parse_ctf(text), GrainRules(min_confidence=0.1))


# ------------------------------------------------------------------------------------------------------- twin laws

MAGNESIUM = (3.209, 3.209, 5.21, 90.0, 90.0, 120.0)


def test_twins_of_a_hexagonal_metal_are_counted(ctf_text):
    # Parent, {10-12} twin (half a turn about the normal of the plane), others: 2 of 4 boundaries are twins.
    axes = cell_axes(MAGNESIUM, "hkl")
    normal = np.linalg.inv(axes).T @ [1, 0, 2]
    twin = Rotation.from_rotvec(np.pi * normal / np.linalg.norm(normal))
    base = random_rotations(1, 7)[0]
    other = Rotation.from_rotvec([0.1, 0.7, 0.3]) * base
    own = Rotation.concatenate([base, twin * base, base, other, base, other])[np.array([0, 1, 2, 3, 4])]
    text = ctf_text(stripes(own, (12, 20)), np.ones(240, np.int64), (12, 20), laue=(9,), cells=(MAGNESIUM,))
    found = find_grains(parse_ctf(text))
    expected = 2 * np.arctan(5.21 / 3.209 / np.sqrt(3))
    np.testing.assert_allclose(found.misorientation[[0, 1]], expected, atol=5 * WRITTEN)
    assert found.twin_fraction() == pytest.approx(0.5)
    assert not any("twin" in flag for flag in found.flags)


@pytest.mark.parametrize(("code", "cell"), [("22", ORTHO), ("62", (3.08, 3.08, 15.12, 90.0, 90.0, 120.0)), ("62", ())])
def test_where_no_twin_law_is_known_the_fraction_is_not_given(code, cell, ang_text):
    own = random_rotations(3, 8)
    found = find_grains(
        parse_ang(ang_text(stripes(own), np.ones(216, np.int64), SHAPE, symmetries=(code,), cells=(cell,)))
    )
    assert found.same_phase.all()
    assert np.isnan(found.twin_fraction())
    assert np.isnan(found.twin_fraction(1))
    assert np.isnan(found.twin_length).all()
    assert any("its twin fraction is not given" in flag for flag in found.flags)


def test_a_phase_without_a_twin_law_takes_no_part_in_the_fraction_of_the_map(ang_text):
    base = random_rotations(1, 9)[0]
    own = Rotation.concatenate([base, SIGMA3 * base, base, random_rotations(1, 10)[0]])
    phase = np.tile(1 + (np.arange(20) >= 10), 12)
    text = ang_text(stripes(own, (12, 20)), phase, (12, 20), symmetries=("43", "22"), cells=(CUBIC, ORTHO))
    found = find_grains(parse_ang(text))
    assert found.num_grains == 4
    assert found.twin_fraction() == found.twin_fraction(1) == pytest.approx(1.0)
    assert np.isnan(found.twin_fraction(2))


# ----------------------------------------------------------------------------------------------------- phase names


def test_two_phases_of_one_name_are_told_apart(ctf_text):
    own = random_rotations(3, 11)
    phase = np.tile(1 + (np.arange(18) >= 6), 12)
    text = ctf_text(stripes(own), phase, SHAPE, laue=(11, 11), cells=(CUBIC, CUBIC))
    ebsd = parse_ctf(text.replace("metal-1", "iron").replace("metal-2", "iron"))
    assert ebsd.labels == {1: "iron (phase 1)", 2: "iron (phase 2)"}
    strange = parse_ctf(text.replace("metal-1", "iron").replace("metal-2", ""))
    assert strange.labels == {1: "iron", 2: ""}
    three = ctf_text(stripes(own), phase, SHAPE, laue=(11, 11, 11), cells=(CUBIC, CUBIC, CUBIC))
    three = three.replace("metal-1", "iron").replace("metal-2", "iron").replace("metal-3", "iron (phase 1)")
    assert len(set(parse_ctf(three).labels.values())) == 3


# ------------------------------------------------------------------------------------- clean-up and measured areas


def test_points_filled_in_by_clean_up_count_and_are_said(ctf_text):
    header, rows = body_of(ctf_text(stripes(random_rotations(3, 12)), np.ones(216, np.int64), SHAPE))
    words = [row.split("\t") for row in rows]
    for at in range(20, 40):
        words[at][4] = "3"
    for at in range(50, 60):
        words[at][3] = "0"  # no bands either
    words[100][4:8] = ["3", "0.0", "0.0", "0.0"]  # nothing was filled in
    ebsd = parse_ctf("\n".join([*header, *("\t".join(row) for row in words)]))
    assert (np.flatnonzero(~ebsd.indexed) == [100]).all()
    assert [flag for flag in ebsd.flags if flag.startswith("30 points have a phase and angles")]
    assert find_grains(ebsd).num_grains == 3


def test_points_that_a_cancelled_job_did_not_come_to_are_not_measured(ctf_text):
    phase = np.ones(216, np.int64)
    phase[6 * 18 :] = 0
    text = ctf_text(stripes(random_rotations(3, 13)), phase, SHAPE)
    header, rows = body_of(text)
    rows = [row.replace("\t8\t3\t", "\t8\t5\t") for row in rows]
    ebsd = parse_ctf("\n".join([*header, *rows]))
    assert ebsd.measured.sum() == 108
    assert ebsd.indexed_fraction == 1.0
    assert any("108 points were not analysed" in flag for flag in ebsd.flags)
    assert parse_ctf(text).indexed_fraction == 0.5  # a failed point, error 3, was measured


def test_points_of_an_ang_file_that_look_filled_in_or_numbered_from_0_are_said(ang_text):
    points, phase = stripes(random_rotations(3, 14)), np.ones(216, np.int64)
    confidence = np.full(216, 0.5)
    confidence[:7] = -1.0
    phase[200:] = 0
    ebsd = parse_ang(ang_text(points, phase, SHAPE, confidence=confidence))
    assert any(flag.startswith("7 points have a confidence below zero but angles") for flag in ebsd.flags)
    assert any(flag.startswith("16 points have phase 0") for flag in ebsd.flags)


@pytest.mark.parametrize("hexagonal", [False, True])
def test_grains_at_the_rim_of_a_free_form_area_are_cut_and_those_at_a_hole_are_not(hexagonal, ang_text):
    rows, columns = 40, 40
    place = np.arange(rows * columns)
    row, column = np.divmod(place, columns)
    x = column + (0.5 * (row % 2) if hexagonal else 0.0)
    y = row * (np.sqrt(3) / 2 if hexagonal else 1.0)
    centre = np.array([20.0, y.max() / 2])
    block = (row // 8) * 5 + column // 8
    own = random_rotations(25, 15)
    inside = np.hypot(x - centre[0], y - centre[1]) <= y.max() / 2
    hole = (row == 20) & (column == 20)
    header, body = body_of(
        ang_text(own[block], np.ones(rows * columns, np.int64), (rows, columns), hexagonal=hexagonal)
    )
    kept = [line for line, here in zip(body, inside & ~hole, strict=True) if here]
    ebsd = parse_ang("\n".join([*header, *kept]))
    found = find_grains(ebsd, GrainRules(min_pixels=1))
    # A grain is whole where all points one step around each of its points, but the hole, are inside.
    near = np.hypot(x[:, None] - x, y[:, None] - y) < 1.1
    on_edge = (row == 0) | (row == rows - 1) | (column == 0) | (column == columns - 1)
    whole = [
        number
        for number in range(25)
        if (members := (block == number) & inside).any()
        and not on_edge[members].any()
        and inside[near[members].any(axis=0)].all()
    ]
    assert 4 <= len(whole) < len(set(block[inside]))
    assert (~found.table.on_frame).sum() == len(whole)
    area = np.array([((block == number) & inside & ~hole).sum() for number in whole]) * ebsd.grid.cell_area
    assert found.mean_diameter() == pytest.approx(np.sqrt(4 * area / np.pi).mean(), rel=1e-9)
    assert ebsd.indexed_fraction == 1.0
    assert ebsd.area == pytest.approx(len(kept) * ebsd.grid.cell_area)
    assert any("at the rim of what was measured as cut" in flag for flag in ebsd.flags)


def test_a_wide_blank_at_the_frame_is_said(ctf_text):
    phase = np.ones(216, np.int64)
    phase[9 * 18 :] = 0
    wide = find_grains(parse_ctf(ctf_text(stripes(random_rotations(3, 16)), phase, SHAPE)))
    assert any("a wide part of the map at its frame is not indexed" in flag for flag in wide.flags)
    phase[:] = 1
    phase[np.random.default_rng(17).choice(216, 15, replace=False)] = 0
    assert find_grains(parse_ctf(ctf_text(stripes(random_rotations(3, 16)), phase, SHAPE))).flags == ()


def test_the_column_mad_of_emsoft_holds_a_confidence(ctf_text):
    points = stripes(random_rotations(3, 18))
    text = ctf_text(points, np.ones(216, np.int64), SHAPE)
    assert (parse_ctf(text).confidence == -0.4).all()
    emsoft = text.replace("Prj\tmap", "EMsoft v. 5_0_0; BANDS=pattern index, MAD=CI, BC=OSM, BS=IQ")
    emsoft = emsoft.replace("\t8\t0\t", "\t4711\t4711\t")  # older versions: the number of a pattern in Error
    ebsd = parse_ctf(emsoft)
    assert (ebsd.confidence == 0.4).all()
    assert ebsd.indexed.all()
    assert ebsd.flags == ()


# ---------------------------------------------------------------------------------------------------- odd phases


@pytest.mark.parametrize("number", [0, 1])
def test_a_single_phase_may_be_0_beside_minus_1(number, ang_text):
    phase = np.full(216, number)
    phase[30:45] = -1
    ebsd = parse_ang(ang_text(stripes(random_rotations(3, 19)), phase, SHAPE))
    assert (np.flatnonzero(~ebsd.indexed) == np.arange(30, 45)).all()
    assert ebsd.flags == ()


def test_astar_has_nanometres_and_phases_without_numbers(ang_text):
    points, phase = stripes(random_rotations(3, 20)), np.tile(1 + (np.arange(18) >= 6), 12)
    text = ang_text(points, phase, SHAPE, step=2.0, symmetries=("43", "62"), cells=(CUBIC, MAGNESIUM))
    header, body = body_of(text)
    kept = [line for line in header if not line.startswith(("# Phase", "# XSTEP", "# YSTEP", "# NCOLS", "# NROWS"))]
    kept = [line.replace("SqrGrid", "SqrGrid#") for line in kept]
    bare = "\n".join([*kept, *body])
    ebsd = parse_ang("# File created from ACOM RES results\n" + bare)
    assert ebsd.grid.step == pytest.approx(2e-9)
    assert [(entry.number, entry.symmetry.name) for entry in ebsd.phases] == [(1, "m-3m"), (2, "6/mmm")]
    assert find_grains(ebsd).num_grains == 3
    with pytest.raises(FormatError, match="Phase N"):
        parse_ang(bare)


# ------------------------------------------------------------------------------- headers that the points contradict


def with_steps(text: str, x: str, y: str, columns: int | None = None, rows: int | None = None) -> str:
    text = text.replace("XSTEP: 1.0\n", f"XSTEP: {x}\n").replace("YSTEP: 1.000000000\n", f"YSTEP: {y}\n")
    text = text.replace("NCOLS_ODD: 18", f"NCOLS_ODD: {columns or 18}").replace("NROWS: 12", f"NROWS: {rows or 12}")
    return text.replace("NCOLS_EVEN: 18", f"NCOLS_EVEN: {columns or 18}")


@pytest.mark.parametrize(
    ("x", "y", "columns", "rows"),
    [
        ("0.5", "0.5", 36, 24),
        ("0.5", "0.5", None, None),
        ("0.25", "1.0", 72, None),
        ("2.0", "2.0", 9, 6),
        ("1.0", "3", None, None),
        ("1000.0", "1000.0", None, None),
        ("0.001", "0.001", None, None),
    ],
)
def test_where_steps_of_the_header_contradict_the_points_these_win(x, y, columns, rows, ang_text):
    text = ang_text(stripes(random_rotations(3, 21)), np.ones(216, np.int64), SHAPE)
    ebsd = parse_ang(with_steps(text, x, y, columns, rows))
    assert ebsd.grid.step == pytest.approx(1e-6, rel=1e-9)
    assert ebsd.grid.row_step == pytest.approx(1e-6, rel=1e-9)
    assert (ebsd.grid.rows, ebsd.grid.columns) == SHAPE
    assert any("the points lie 1 and 1 um apart" in flag for flag in ebsd.flags)
    assert not any("missing" in flag for flag in ebsd.flags)


def with_four_decimals(rows: list[str]) -> list[str]:
    """Points of a .ctf file with their positions as vendors write them."""
    words = [row.split("\t") for row in rows]
    return ["\t".join([word[0], *(f"{float(one):.4f}" for one in word[1:3]), *word[3:]]) for word in words]


def test_a_step_that_was_rounded_is_found_from_the_points(ctf_text):
    shape, step = (4, 260), 0.0274348
    text = ctf_text(stripes(random_rotations(4, 22), shape), np.ones(1040, np.int64), shape, step=step)
    header, rows = body_of(text)
    rows = with_four_decimals(rows)
    rounded = [line.replace(f"Step\t{step}", "Step\t0.0274") for line in header]
    ebsd = parse_ctf("\n".join([*rounded, *rows]))
    assert ebsd.grid.step == pytest.approx(step * 1e-6, rel=1e-5)
    assert (ebsd.grid.rows, ebsd.grid.columns) == shape
    assert any("0.0274348" in flag for flag in ebsd.flags)
    # A header with more digits than the points stays as it is, to the last bit, and so does one that agrees.
    exact = parse_ctf("\n".join([*header, *rows]))
    assert exact.grid.step == step * 1e-6
    assert exact.flags == ()


def test_a_step_below_the_rounding_of_many_points_is_found(ctf_text):
    # The first gaps are all 0.0020: with them 400 columns are numbered wrong; the step fitted to ever more is right.
    shape, step = (3, 400), 0.002005
    text = ctf_text(stripes(random_rotations(4, 32), shape), np.ones(1200, np.int64), shape, step=step)
    header, rows = body_of(text.replace(f"Step\t{step}", "Step\t0.0020"))
    ebsd = parse_ctf("\n".join([*header, *with_four_decimals(rows)]))
    assert ebsd.grid.step == pytest.approx(step * 1e-6, rel=1e-4)
    assert (ebsd.grid.rows, ebsd.grid.columns) == shape
    assert ebsd.measured.all()


def test_noise_of_positions_is_no_step(ang_text):
    header, body = body_of(ang_text(stripes(random_rotations(3, 33)), np.ones(216, np.int64), SHAPE))
    words = [line.split() for line in body]
    for at, row in enumerate(words):
        row[3] = f"{float(row[3]) + 0.01 * (at // 18 % 3):.6f}"
    ebsd = parse_ang("\n".join([*header, *(" ".join(row) for row in words)]))
    assert (ebsd.grid.step, ebsd.flags) == (1e-6, ())


def test_the_longer_rows_of_a_hexagonal_grid_are_the_even_ones(ang_text):
    header, body = body_of(ang_text(stripes(random_rotations(3, 34)), np.ones(216, np.int64), SHAPE, hexagonal=True))
    # The first row is shifted and one point shorter.
    words = [line.split() for line in body]
    for at, row in enumerate(words):
        row[3] = f"{at % 18 + (0.5 if at // 18 % 2 == 0 else 0.0):.6f}"
    kept = [" ".join(row) for at, row in enumerate(words) if (at // 18 % 2, at % 18) != (0, 17)]
    header = [line.replace("NCOLS_ODD: 18", "NCOLS_ODD: 17") for line in header]
    ebsd = parse_ang("\n".join([*header, *kept]))
    assert ebsd.flags == ()
    assert (ebsd.grid.columns, ebsd.grid.shifted_rows, ebsd.grid.short_rows) == (18, 0, True)
    lost = parse_ang("\n".join([*header, *(" ".join(row) for row in words if float(row[3]) < 15)]))
    assert lost.grid.columns == 18


def test_coarsely_rounded_points_do_not_overrule_a_header(ctf_text):
    shape, step = (3, 13), 0.00192
    points, phase = random_rotations(1, 23)[np.zeros(39, int)], np.ones(39, np.int64)
    header, rows = body_of(ctf_text(points, phase, shape, step=step))
    ebsd = parse_ctf("\n".join([*header, *with_four_decimals(rows)]))
    assert (ebsd.grid.step, ebsd.grid.row_step) == (step * 1e-6, step * 1e-6)
    assert ebsd.flags == ()


def test_holes_in_every_other_place_do_not_double_the_step(ang_text):
    header, body = body_of(ang_text(stripes(random_rotations(3, 24)), np.ones(216, np.int64), SHAPE))
    sparse = [line for at, line in enumerate(body) if at % 2 == 0 or at == 71]
    ebsd = parse_ang("\n".join([*header, *sparse]))
    assert ebsd.grid.step == 1e-6
    assert ebsd.measured.sum() == len(sparse)


@pytest.mark.parametrize("shift", [0.5, 0.0])
def test_a_hexagonal_grid_is_seen_in_a_ctf_file(shift, ctf_text):
    header, rows = body_of(ctf_text(stripes(random_rotations(3, 25)), np.ones(216, np.int64), SHAPE))
    moved = []
    for at, line in enumerate(rows):
        row, column = divmod(at, 18)
        words = line.split("\t")
        x = column + (0.5 if (row % 2 == 1) == (shift > 0) else 0.0)
        moved.append("\t".join([words[0], f"{x:.4f}", f"{row * np.sqrt(3) / 2:.4f}", *words[3:]]))
    ebsd = parse_ctf("\n".join([*header, *moved]))
    assert (ebsd.grid.kind, ebsd.grid.rows, ebsd.grid.columns) == ("hexagonal", *SHAPE)
    assert ebsd.grid.step == 1e-6
    assert ebsd.grid.row_step == pytest.approx(np.sqrt(3) / 2 * 1e-6, rel=1e-4)
    assert find_grains(ebsd).num_grains == 3


def test_a_header_that_states_the_other_kind_of_grid_is_flagged(ang_text):
    text = ang_text(stripes(random_rotations(3, 26)), np.ones(216, np.int64), SHAPE, hexagonal=True)
    ebsd = parse_ang(text.replace("HexGrid", "SqrGrid"))
    assert ebsd.grid.kind == "hexagonal"
    assert any("the points lie on a hexagonal one" in flag for flag in ebsd.flags)


# ------------------------------------------------------------------------------------------------ how text is written


@pytest.mark.parametrize(("form", "encoding"), list(itertools.product(["ang", "ctf"], ["utf-8-sig", "utf-16"])))
def test_byte_order_marks_are_no_part_of_the_map(form, encoding, tmp_path, ang_text, ctf_text):
    write = ang_text if form == "ang" else ctf_text
    text = write(stripes(random_rotations(3, 27)), np.ones(216, np.int64), SHAPE)
    path = tmp_path / f"map.{form}"
    path.write_bytes(text.encode(encoding))
    ebsd = read_ebsd(path)
    assert (ebsd.source_format, ebsd.flags) == (form, ())
    parse = parse_ang if form == "ang" else parse_ctf
    plain, marked = parse(text), parse("\ufeff" + text)
    np.testing.assert_array_equal(plain.orientations.as_quat(), marked.orientations.as_quat())


def test_blanks_may_stand_for_tabs(ctf_text):
    points, phase = stripes(random_rotations(3, 28)), np.tile(1 + (np.arange(18) >= 6), 12)
    text = ctf_text(points, phase, SHAPE, laue=(9, 11), cells=(MAGNESIUM, CUBIC))
    text = text.replace("metal-1", "Ti 6 4 alpha").replace("metal-2", "Iron fcc (new)")
    tabs, blanks = parse_ctf(text), parse_ctf(text.replace("\t", "  "))
    assert [entry.name for entry in blanks.phases] == ["Ti 6 4 alpha", "Iron fcc (new)"]
    assert blanks.phases == tabs.phases
    assert blanks.grid == tabs.grid
    np.testing.assert_array_equal(blanks.phase, tabs.phase)


def test_decimal_commas_in_an_ang_file(ang_text):
    text = ang_text(stripes(random_rotations(3, 29)), np.ones(216, np.int64), SHAPE)
    plain, comma = parse_ang(text), parse_ang(text.replace(".", ","))
    assert comma.flags == ()
    assert comma.phases == plain.phases
    np.testing.assert_array_equal(comma.orientations.as_quat(), plain.orientations.as_quat())


def test_columns_of_an_ang_file_are_where_its_header_says(ang_text):
    confidence = np.linspace(0.3, 0.9, 216)
    text = ang_text(stripes(random_rotations(3, 31)), np.ones(216, np.int64), SHAPE, confidence=confidence)
    header, body = body_of(text)
    moved = [[*(words := line.split())[:5], words[7], words[5], words[8], words[6], words[9]] for line in body]
    named = "# COLUMN_HEADERS: phi1, PHI, phi2, x, y, Phase index, IQ, SEM, CI, FIT"
    other = parse_ang("\n".join([*header, named, *(" ".join(words) for words in moved)]))
    plain = parse_ang(text)
    np.testing.assert_array_equal(other.confidence, plain.confidence)
    np.testing.assert_array_equal(other.phase, plain.phase)
    np.testing.assert_array_equal(other.orientations.as_quat(), plain.orientations.as_quat())


def test_hdf5_is_named(tmp_path):
    path = tmp_path / "map.h5oina"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(FormatError, match=r"is HDF5 .*: export the map as \.ang or \.ctf"):
        read_ebsd(path)


def test_a_small_map_takes_little_memory(tmp_path, ctf_text):
    path = tmp_path / "map.ctf"
    path.write_text(ctf_text(stripes(random_rotations(3, 36)), np.ones(216, np.int64), SHAPE))
    tracemalloc.start()
    read_ebsd(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000  # bytes; the limit of a file, 2 GB, was once set aside for every one
