"""EBSD maps: known grains come back from either format, twins are told, lies are flagged or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nakaya.core.errors import FormatError, InputFileError, NakayaError, ParameterError
from nakaya.crystallography.disorientation import SIGMA3, disorientation_angle
from nakaya.crystallography.symmetry import LAUE_CLASSES
from nakaya.microscopy.ebsd.files import parse_ang, parse_ctf, read_ebsd
from nakaya.microscopy.ebsd.grains import GrainRules, find_grains
from nakaya.microscopy.ebsd.grid import make_grid
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map

CUBIC = LAUE_CLASSES["m-3m"]
SHAPE = (30, 40)
STEP = 1e-6
WRITTEN = 1e-4  # rad: six digits in the file


def random_rotations(number: int, seed: int) -> Rotation:
    return Rotation.from_quat(np.random.default_rng(seed).standard_normal((number, 4)))


def about(axis: np.ndarray, angle: float | np.ndarray) -> Rotation:
    axis = np.asarray(axis, float)
    return Rotation.from_rotvec(axis / np.linalg.norm(axis, axis=-1, keepdims=True) * np.asarray(angle)[..., None])


def known_map(seed: int = 0, *, cells: int = 14, blur_degrees: float = 0.3):
    """Grains of a Voronoi map and an orientation for every point, indexed as one of its equivalents."""
    rng = np.random.default_rng(seed)
    labels = voronoi_map(scatter_points(cells, SHAPE, rng, relaxations=2), SHAPE, periodic=False).labels.ravel()
    own = random_rotations(cells, seed + 1)
    blur = about(rng.standard_normal((labels.size, 3)), np.radians(blur_degrees) * rng.random(labels.size))
    points = CUBIC.operators[rng.integers(0, 24, labels.size)] * blur * own[labels]
    return labels, own, points


@pytest.mark.parametrize("stated", [0.0, STEP, 2 * STEP])
def test_one_row_and_one_column_tell_their_step(stated):
    along = np.arange(30) * 2 * STEP
    for axis in (0, 1):
        places = np.zeros((30, 2))
        places[:, axis] = along
        grid, index, flags = make_grid(places, kind=None, steps=(stated, stated), shape=(0, 0), name="map")
        assert (grid.kind, grid.rows, grid.columns) == ("square", *((1, 30) if axis == 0 else (30, 1)))
        assert (grid.row_step if axis else grid.step) == pytest.approx(2 * STEP)
        assert index.tolist() == list(range(30))
        assert len(flags) == (stated == STEP)  # where the header contradicts the points


@pytest.mark.parametrize("sparse", [0, 1])
@pytest.mark.parametrize("shifted", [False, True])
def test_the_step_is_that_of_the_rows_in_which_points_stand_side_by_side(sparse, shifted):
    rows, columns = (part.ravel() for part in np.indices((6, 8)))
    places = np.stack([(columns + 0.5 * shifted * (rows % 2)) * 2 * STEP, rows * np.sqrt(3) * STEP], axis=1)
    kept = (rows % 2 != sparse) | (columns == 3)
    grid, _, _ = make_grid(places[kept], kind=None, steps=(0.0, 0.0), shape=(0, 0), name="map")
    assert grid.kind == ("hexagonal" if shifted else "square")
    assert (grid.step, grid.row_step) == pytest.approx((2 * STEP, np.sqrt(3) * STEP))


@pytest.mark.parametrize("form", ["ang", "ctf", "ctf with decimal commas"])
def test_a_known_map_comes_back_from_its_file(form, ang_text, ctf_text):
    labels, own, points = known_map()
    phase = np.ones(labels.size, np.int64)
    if form == "ang":
        ebsd = parse_ang(ang_text(points, phase, SHAPE))
    else:
        ebsd = parse_ctf(ctf_text(points, phase, SHAPE, comma="commas" in form))
    assert ebsd.flags == ()
    assert ebsd.grid.step == pytest.approx(STEP)
    assert [phase.name for phase in ebsd.phases] == ["metal-1"]
    found = find_grains(ebsd)
    assert found.num_grains == 14
    assert (np.unique(np.stack([labels, found.labels]), axis=1).shape[1]) == 14  # one to one
    np.testing.assert_allclose(found.table.area.sum(), labels.size * STEP**2)
    place = [int(found.labels[np.flatnonzero(labels == grain)[0]]) for grain in range(14)]
    assert np.degrees(disorientation_angle(found.orientation[place], own, CUBIC)).max() < 0.2
    edges = found.boundaries.edges
    to_known = np.argsort(place)
    expected = disorientation_angle(own[to_known[edges[:, 0]]], own[to_known[edges[:, 1]]], CUBIC)
    np.testing.assert_allclose(found.misorientation, expected, atol=np.radians(0.5))
    np.testing.assert_allclose(found.local_misorientation, expected, atol=np.radians(0.5))
    assert np.degrees(found.deviation).max() < 0.3


def test_the_threshold_decides_what_a_small_angle_boundary_is(ang_text):
    halves = np.repeat((np.arange(SHAPE[1]) >= 20)[None], SHAPE[0], axis=0).ravel()
    base = random_rotations(1, 3)[0]
    points = Rotation.concatenate([base, about([1.0, 2.0, 3.0], np.radians(4.0)) * base])[halves.astype(int)]
    ebsd = parse_ang(ang_text(points, np.ones(halves.size, np.int64), SHAPE))
    assert find_grains(ebsd, GrainRules(threshold=3.0)).num_grains == 2
    one = find_grains(ebsd, GrainRules(threshold=5.0))
    assert one.num_grains == 1
    assert np.isnan(one.mean_diameter())  # it touches the frame
    assert np.isnan(one.twin_fraction())


@pytest.mark.parametrize(("turn", "expected"), [(SIGMA3, 1.0), (about([1.0, 1, 0], 1.0), 0.0)])
def test_the_twin_fraction_counts_the_length_of_twin_boundaries(turn, expected, ang_text):
    # Three stripes: a boundary of 30 points that is a twin or not, and one of 30 points that never is.
    stripe = np.repeat((np.arange(SHAPE[1]) // 14)[None], SHAPE[0], axis=0).ravel()
    base = random_rotations(1, 4)[0]
    own = Rotation.concatenate([base, turn * base, about([0.1, 0, 1.0], 0.6) * base])
    assert np.degrees(disorientation_angle(own[1:2], own[2:], CUBIC)[0]) > 10
    ebsd = parse_ang(ang_text(own[stripe], np.ones(stripe.size, np.int64), SHAPE))
    found = find_grains(ebsd)
    np.testing.assert_allclose(found.boundaries.length, 30 * np.pi / 4 * STEP)
    assert found.twin_fraction() == pytest.approx(expected / 2)


def test_phases_part_grains_of_one_orientation_and_have_no_twins_between_them(ang_text):
    halves = (np.arange(SHAPE[1]) >= 20)[None].repeat(SHAPE[0], axis=0).ravel()
    base = random_rotations(1, 5)
    cells = ((3.6, 3.6, 3.6, 90.0, 90.0, 90.0), (2.5, 2.5, 4.0, 90.0, 90.0, 120.0))
    text = ang_text(base[np.zeros(halves.size, int)], 1 + halves, SHAPE, symmetries=("43", "62"), cells=cells)
    found = find_grains(parse_ang(text))
    assert found.num_grains == 2
    assert sorted(found.phase.tolist()) == [1, 2]
    assert np.isnan(found.misorientation).all()
    assert np.isnan(found.twin_fraction())


def test_unindexed_points_belong_to_no_phase_and_no_grain(ctf_text):
    labels, _, points = known_map(6)
    phase = np.ones(labels.size, np.int64)
    hole = np.zeros(SHAPE, np.bool_)
    hole[10:20, 10:20] = True
    phase[hole.ravel()] = 0
    found = find_grains(parse_ctf(ctf_text(points, phase, SHAPE)))
    assert (found.labels[hole.ravel()] == -1).all()
    assert (found.labels[~hole.ravel()] >= 0).all()
    assert found.table.area.sum() == pytest.approx((labels.size - 100) * STEP**2)


def test_points_of_negative_confidence_are_not_indexed_in_ang_files(ang_text):
    labels, _, points = known_map(6)
    confidence = np.full(labels.size, 0.9)
    confidence[100:140] = -1.0
    ebsd = parse_ang(ang_text(points, np.ones(labels.size, np.int64), SHAPE, confidence=confidence))
    assert (np.flatnonzero(~ebsd.indexed) == np.arange(100, 140)).all()
    assert (find_grains(ebsd).labels[100:140] == -1).all()


def test_clean_up_gives_specks_and_unsure_points_to_their_surest_neighbour(ang_text):
    labels, _, points = known_map(7)
    rng = np.random.default_rng(8)
    wrong = rng.choice(labels.size, 40, replace=False)
    points[wrong] = random_rotations(40, 9)
    confidence = np.full(labels.size, 0.9)
    confidence[wrong[:20]] = 0.02
    ebsd = parse_ang(ang_text(points, np.ones(labels.size, np.int64), SHAPE, confidence=confidence))
    found = find_grains(ebsd)
    assert found.num_grains == 14
    assert found.cleaned == pytest.approx(40, abs=2)  # two wrong points may touch
    assert (found.labels >= 0).all()
    assert (
        np.unique(np.stack([labels, found.labels])[:, np.setdiff1d(np.arange(labels.size), wrong)], axis=1).shape[1]
        == 14
    )
    rough = find_grains(ebsd, GrainRules(min_pixels=1, min_confidence=-1.0))
    assert rough.num_grains > 30


def test_a_column_of_confidence_without_content_limits_nothing(ang_text):
    labels, _, points = known_map(10)
    text = ang_text(points, np.ones(labels.size, np.int64), SHAPE, confidence=np.zeros(labels.size))
    assert find_grains(parse_ang(text)).num_grains == 14


def test_grains_on_hexagonal_grids_measure_the_same(ang_text):
    rows, columns = 40, 40
    place = np.arange(rows * columns)
    x = place % columns + 0.5 * ((place // columns) % 2)
    y = (place // columns) * np.sqrt(3) / 2
    disc = np.hypot(x - 20, y - 17) <= 12
    own = random_rotations(2, 11)
    text = ang_text(own[disc.astype(int)], np.ones(disc.size, np.int64), (rows, columns), hexagonal=True)
    ebsd = parse_ang(text)
    assert (ebsd.grid.kind, ebsd.flags) == ("hexagonal", ())
    found = find_grains(ebsd)
    assert found.num_grains == 2
    inner = int(np.flatnonzero(~found.table.on_frame)[0])
    assert found.table.equivalent_diameter[inner] == pytest.approx(24e-6, rel=0.02)
    assert found.boundaries.length[0] == pytest.approx(np.pi * 24e-6, rel=0.03)


# ------------------------------------------------------------------------------------------------------ files that lie


def small(ang_text, **options) -> str:
    _, _, points = known_map(12)
    return ang_text(points, np.ones(len(points), np.int64), SHAPE, **options)


def test_missing_rows_and_points_are_flagged_with_their_number(ang_text):
    lines = small(ang_text).splitlines()
    start = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    body = lines[start:]
    without_row = lines[:start] + body[: 5 * 40] + body[6 * 40 :]
    ebsd = parse_ang("\n".join(without_row))
    assert "40 of 1200 points are missing, among them 1 whole rows" in ebsd.flags[0]
    assert (ebsd.phase.reshape(SHAPE)[5] == 0).all()
    assert (find_grains(ebsd).labels.reshape(SHAPE)[5] == -1).all()
    without_end = parse_ang("\n".join(lines[: start + 28 * 40]))  # the header says 30 rows
    assert "80 of 1200 points are missing" in without_end.flags[0]
    cut = parse_ang("\n".join(lines)[:-45])
    assert any("the last one, is cut short" in flag for flag in cut.flags)


def test_the_wrong_symmetry_is_flagged_by_the_cell_or_by_the_speckle(ang_text):
    hexagonal = parse_ang(small(ang_text, symmetries=("62",)))
    assert "symmetry 6/mmm is hexagonal, but the cell constants" in hexagonal.flags[0]
    # Triclinic with no cell to contradict it: points of one crystal were indexed as equivalents of its true symmetry.
    triclinic = parse_ang(small(ang_text, symmetries=("1",), cells=((),)))
    assert triclinic.flags == ()
    assert any("the map is noisy, or its symmetry is wrong" in flag for flag in find_grains(triclinic).flags)
    with pytest.raises(FormatError, match="its symmetry or angles are wrong"):
        find_grains(triclinic, GrainRules(min_pixels=30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("# Symmetry 43", "# Symmetry 99"), "symmetry '99' is not known"),
        (lambda text: text.replace("# Phase 1", "# Fase 1"), "Phase N"),
        (lambda text: text.replace("#", ""), "no header"),
        (lambda text: text.replace("SqrGrid", "Penrose"), "expected SqrGrid or HexGrid"),
        (lambda text: text.replace("XSTEP: 1.0", "XSTEP: -2"), "not negative"),
        (lambda text: "\n".join(line for line in text.splitlines() if line.startswith("#")), "no points"),
        (lambda text: text.replace(" 1 1 0.5\n", " 7 1 0.5\n", 1), "points have phase 7"),
        (lambda text: text.replace(" 1 1 0.5\n", " 1.5 1 0.5\n", 1), "whole numbers"),
        (lambda text: text.replace("5.000000 3.000000 100", "5.400000 3.000000 100", 1), "does not lie on the square"),
        (lambda text: text.replace("5.000000 3.000000 100", "4.000000 3.000000 100", 1), "2 points lie at row 3"),
        (lambda text: text.replace("5.000000 3.000000 100", "nan 3.000000 100", 1), "no position"),
        (lambda text: text.replace("5.000000 3.000000 100", "5.000000 x 100", 1), "is not 8 numbers"),
        (lambda text: text.replace("NROWS: 30", "NROWS: 3000"), "most of the map is missing"),
    ],
)  # fmt: skip
def test_ang_files_that_contradict_themselves_are_refused_in_words(change, message, ang_text):
    text = small(ang_text)
    assert change(text) != text
    with pytest.raises(FormatError, match=message):
        parse_ang(change(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("Channel", "Canal"), "does not begin with"),
        (lambda text: text.replace("Phase\tX", "Fase\tX"), "no line of column names"),
        (lambda text: text.replace("\t11\t", "\t12\t"), "Laue number 12"),
        (lambda text: text.replace("Phases\t1", "Phases\t9000"), "9000 phases are announced"),
        (lambda text: text.replace("\tMAD", "\tXYZ"), "column mad is missing"),
        (lambda text: text.replace("JobMode\tGrid", "JobMode\tInteractive"), "only maps"),
        (lambda text: text.replace("3.600;3.600", "3.600;x"), "expected cell lengths"),
    ],
)
def test_ctf_files_that_contradict_themselves_are_refused_in_words(change, message, ctf_text):
    _, _, points = known_map(12)
    text = ctf_text(points, np.ones(len(points), np.int64), SHAPE)
    assert change(text) != text
    with pytest.raises(FormatError, match=message):
        parse_ctf(change(text))


def test_degrees_in_an_ang_file_are_told_and_radians_in_a_ctf_file_flagged(ang_text, ctf_text):
    text = small(ang_text)
    lines = [line if line.startswith("#") else " ".join(["123.4", *line.split()[1:]]) for line in text.splitlines()]
    with pytest.raises(FormatError, match="angles are in radians"):
        parse_ang("\n".join(lines))
    flat = ctf_text(Rotation.from_quat(np.tile([0.02, 0.0, 0.01, 1.0], (1200, 1))), np.ones(1200, int), SHAPE)
    rows = flat.splitlines()
    start = next(at for at, row in enumerate(rows) if row.startswith("Phase\t")) + 1
    radians = ["\t".join([*row.split("\t")[:5], "1.2", "0.3", "2.2", *row.split("\t")[8:]]) for row in rows[start:]]
    ebsd = parse_ctf("\n".join(rows[:start] + radians))
    assert "they may be radians" in ebsd.flags[0]


def test_points_without_angles_or_confidence_are_flagged(ang_text):
    lines = small(ang_text).splitlines()
    words = lines[-1].split()
    lines[-1] = " ".join(["nan", *words[1:]])
    words = lines[-2].split()
    lines[-2] = " ".join([*words[:6], "nan", *words[7:]])
    ebsd = parse_ang("\n".join(lines))
    assert "1 points have Euler angles that are not numbers" in ebsd.flags[0]
    assert "1 points have no confidence" in ebsd.flags[1]
    assert ebsd.phase[-1] == 0


def test_files_that_are_no_text_or_not_there(tmp_path):
    (tmp_path / "map.ang").write_bytes(b"\x89PNG\0\0\0")
    with pytest.raises(FormatError, match="is not text"):
        read_ebsd(tmp_path / "map.ang")
    with pytest.raises(InputFileError, match="directory"):
        read_ebsd(tmp_path)
    with pytest.raises(InputFileError, match="no such file"):
        read_ebsd(tmp_path / "none.ang")
    with pytest.raises(ParameterError, match="threshold"):
        GrainRules(threshold=90.0)


def _damage(text: str, data: st.DataObject) -> str:
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "repeat", "word", "cut", "noise"]))
        if action == "drop" and len(lines) > 1:
            del lines[at]
        elif action == "repeat":
            lines.insert(at, lines[at])
        elif action == "word":
            words = lines[at].split(" ")
            strange = ["nan", "inf", "-1", "1e308", "0", "7", "-0.0", "x", "", "1,5", "#"]
            words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(strange))
            lines[at] = " ".join(words)
        elif action == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            lines[at] = data.draw(st.text(max_size=40))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def tiny_files(ang_text, ctf_text):
    points = random_rotations(30, 13)[np.repeat([0, 1], 15)]
    phase = np.ones(30, np.int64)
    return ang_text(points, phase, (5, 6)), ctf_text(points, phase, (5, 6))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_damage_to_a_file_ends_in_a_map_or_in_words(tiny_files):
    @settings(max_examples=250, deadline=None, database=None)
    @given(st.data())
    def attempt(data):
        is_ang = data.draw(st.booleans())
        text = _damage(tiny_files[0 if is_ang else 1], data)
        try:
            ebsd = parse_ang(text) if is_ang else parse_ctf(text)
            found = find_grains(ebsd)
        except NakayaError:
            return
        np.testing.assert_allclose(np.linalg.norm(ebsd.orientations.as_quat(), axis=1), 1.0, atol=1e-9)
        assert (found.labels[ebsd.phase == 0] == -1).all()

    attempt()
