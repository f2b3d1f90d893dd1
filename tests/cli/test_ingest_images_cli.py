"""`nakaya ingest micrograph` and `ingest ebsd`, end to end on images that are known."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')

from nakaya.cli.app import run
from nakaya.kinetics.graphs.build import build_sequence
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.grain_size import mean_intercept
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.records.clusters_of_record import read_clusters
from nakaya.records.store import RecordStore, problems
from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph
from support.lattice_images import FCC_110, columns_image, lattice_columns

SIDE, CELLS = 200, 40
CLEAN = 0.03  # of the mean intercept on a map of 40 grains, 30 pixels each


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    return voronoi_map(scatter_points(CELLS, (SIDE, SIDE), rng, relaxations=2), (SIDE, SIDE), periodic=False).labels


@pytest.fixture(scope="module")
def micrograph(truth, tmp_path_factory):
    path = tmp_path_factory.mktemp("micrograph") / "etched steel.png"
    image = etched_image(truth, Etching(noise=0.05), np.random.default_rng(1))
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def ingested(micrograph, tmp_path_factory):
    """The micrograph ingested once: its folder and what came out."""
    out = tmp_path_factory.mktemp("ingested") / "out"
    return out, ingest_micrograph(micrograph, out, MicrographOptions(pixel_size="0.5um", material="steel"))


def ingest(capsys, *words) -> dict:
    assert run(["ingest", *[str(word) for word in words], "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out)


def table(out, name) -> list[dict[str, str]]:
    with (out / "tables" / name).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def assert_accepted(out, result, level_nodes):
    """The record is valid, and its graph goes into the multi-scale graph as it is."""
    store = RecordStore(out / "records")
    record = store.get(result["record"])
    assert problems(out / "records") == []
    clusters = read_clusters(record, out / "records")
    (frame,) = build_sequence(record, clusters=clusters).frames
    assert frame.levels["cluster"].num_nodes == level_nodes
    for name in ("overlay.png", "mask.png"):
        with Image.open(out / name) as picture:
            picture.load()
    return record, frame


def test_grains_of_a_known_micrograph_with_record_graph_overlay_and_mask(micrograph, truth, ingested, tmp_path, capsys):
    out = tmp_path / "out"
    result = ingest(capsys, "micrograph", micrograph, "--pixel-size", "0.5um", "--material", "steel", "--out", out)
    expected = 0.5e-6 * mean_intercept(truth).value
    assert result["grains"] == pytest.approx(CELLS, abs=1)
    assert result["mean_intercept_m"] == pytest.approx(expected, rel=CLEAN)
    low, high = result["mean_intercept_interval_m"]
    assert low < expected < high
    assert result["astm_grain_size"] == pytest.approx(-6.643856 * math.log10(1e3 * expected) - 3.288, abs=0.1)
    assert 4.5 < result["mean_neighbours"] < result["mean_neighbours_whole_grains"]
    assert result["mean_neighbours_whole_grains"] == pytest.approx(6.0, abs=0.3)
    first, _ = ingested  # the same image gives the same bytes
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 8
    for path in files:
        assert (first / path).read_bytes() == (out / path).read_bytes(), path
    record, frame = assert_accepted(out, result, result["grains"])
    assert record.material == "steel"
    assert record.conditions["pixel_size"].value == pytest.approx(5e-7)
    assert record.quantities["mean_intercept"].value == pytest.approx(result["mean_intercept_m"])
    distribution = record.quantities["diameter_distribution"]
    width = np.diff(distribution.axis.values).mean()
    assert (distribution.values * width).sum() == pytest.approx(1.0)
    rows = table(out, "grains.csv")
    assert len(rows) == result["grains"]
    areas = frame.levels["cluster"].column("area")
    assert [float(row["area [m^2]"]) for row in rows] == pytest.approx(areas, rel=1e-6)  # features are float32
    told = {row["name"]: row for row in table(out, "quantities.csv")}
    assert float(told["mean_intercept"]["value"]) == result["mean_intercept_m"]
    assert [float(told["mean_intercept"][f"interval_{end}"]) for end in ("low", "high")] == [low, high]
    assert areas.sum() == pytest.approx((SIDE * 0.5e-6) ** 2, rel=1e-5)
    mask = np.array(Image.open(out / "mask.png"))
    assert mask.shape == (SIDE, SIDE)
    assert set(np.unique(mask)) == {0, 255}
    assert np.array(Image.open(out / "overlay.png")).shape[1] > 4 * SIDE


def test_a_corrected_mask_changes_the_grains_and_nothing_else(micrograph, ingested, tmp_path, capsys):
    folder, first = ingested
    same = ingest(
        capsys, "micrograph", micrograph, "--pixel-size", "0.5um", "--out", tmp_path / "same",
        "--mask", folder / "mask.png",
    )  # fmt: skip
    assert same["grains"] == first["grains"]
    assert same["mean_intercept_m"] == pytest.approx(first["mean_intercept_m"], rel=0.01)
    mask = np.array(Image.open(folder / "mask.png"))
    mask[:, 99:101] = 255  # a person draws a line through everything
    Image.fromarray(mask).save(tmp_path / "corrected.png")
    corrected = ingest(
        capsys, "micrograph", micrograph, "--pixel-size", "0.5um", "--out", tmp_path / "third",
        "--mask", tmp_path / "corrected.png",
    )  # fmt: skip
    assert corrected["grains"] > first["grains"] + 4
    record = RecordStore(tmp_path / "third" / "records").get(corrected["record"])
    assert set(record.provenance.files) == {"etched steel.png", "corrected.png"}
    assert "a person" in record.provenance.settings["grains from"]


def test_without_a_pixel_size_there_are_no_physical_units(micrograph, tmp_path, capsys):
    result = ingest(capsys, "micrograph", micrograph, "--out", tmp_path / "out")
    for name in ("mean_intercept_m", "astm_grain_size", "mean_diameter_m", "pixel_size_m", "pixel_size_from"):
        assert result[name] is None
    assert result["mean_intercept_interval_m"] == [None, None]
    assert result["mean_intercept_pixels"] > 10
    assert result["status"] == "flagged"
    assert any("no pixel size" in flag for flag in result["flags"])
    out = tmp_path / "out"
    record, _ = assert_accepted(out, result, result["grains"])
    for quantity in (*record.conditions.values(), *record.quantities.values()):
        assert quantity.unit in {"1", "pixel"}
    graph = read_clusters(record, tmp_path / "out" / "records")
    units = {feature.unit for feature in (*graph.nodes.values(), *graph.boundaries.values())}
    assert units <= {"1", "pixel", "pixel^2"}
    again = ["ingest", "micrograph", str(micrograph), "--mask", str(out / "mask.png"), "--out", str(tmp_path / "words")]
    assert run(again) == 0
    assert "no pixel size is known" in capsys.readouterr().out


def test_the_pixel_size_of_the_file_is_used_and_said_and_a_contradiction_flagged(truth, tmp_path, capsys):
    tifffile = pytest.importorskip("tifffile", reason='micrographs need the extra "microscopy"')
    path = tmp_path / "calibrated.tif"
    image = np.rint(255 * etched_image(truth, Etching(), np.random.default_rng(2))).astype(np.uint8)
    tifffile.imwrite(path, image, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"})
    found = ingest(capsys, "micrograph", path, "--out", tmp_path / "own")
    assert found["pixel_size_m"] == pytest.approx(0.5e-6)
    assert "ImageJ" in found["pixel_size_from"]
    mask = tmp_path / "own" / "mask.png"
    other = ingest(capsys, "micrograph", path, "--pixel-size", "0.7um", "--mask", mask, "--out", tmp_path / "other")
    assert other["pixel_size_m"] == pytest.approx(0.7e-6)
    assert any("the given one is used" in flag for flag in other["flags"])


def test_loops_print_their_count_size_and_density(tmp_path, capsys):
    rows, columns = np.indices((256, 256))
    rng = np.random.default_rng(3)
    places = [(60, 60), (180, 70), (120, 190)]
    spots = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 15.0**2)) for x, y in places]
    image = 0.8 - 0.5 * np.max(spots, axis=0) + 0.05 * rng.standard_normal(rows.shape)
    path = tmp_path / "tem.png"
    Image.fromarray(np.rint(np.clip(image, 0, 1) * 65535).astype(np.uint16)).save(path)
    words = ["micrograph", path, "--pixel-size", "0.4nm", "--kind", "loops"]
    result = ingest(capsys, *words, "--out", tmp_path / "out")
    assert result["count"] == 3
    assert result["mean_diameter_m"] == pytest.approx(26 * 0.4e-9, rel=0.15)
    assert result["density_per_m2"] == pytest.approx(3 / (256 * 0.4e-9) ** 2)
    assert_accepted(tmp_path / "out", result, 3)
    diameters = [float(row["diameter [m]"]) for row in table(tmp_path / "out", "loops.csv")]
    assert np.mean(diameters) == pytest.approx(result["mean_diameter_m"])
    again = ingest(capsys, *words, "--mask", tmp_path / "out" / "mask.png", "--out", tmp_path / "again")
    assert again["count"] == 3
    assert again["mean_diameter_m"] == pytest.approx(result["mean_diameter_m"])


def test_a_lattice_has_spacings_in_pixels_and_in_metres_only_with_a_pixel_size(tmp_path, capsys):
    columns = lattice_columns(14.0 * FCC_110, (120, 120), angle=0.1)
    image = columns_image(columns, (120, 120), np.random.default_rng(4), sigma=2.5, noise=0.05)
    path = tmp_path / "atoms.png"
    Image.fromarray(np.rint(255 * (image - image.min()) / np.ptp(image)).astype(np.uint8)).save(path)
    result = ingest(capsys, "micrograph", path, "--kind", "lattice", "--out", tmp_path / "out")
    assert (result["lattices"], result["stacking_faults"], result["boundaries"]) == (1, 0, [])
    assert result["spacings_m"] is None
    assert result["spacings_pixels"][0] == pytest.approx([14 / np.sqrt(3), 14 / np.sqrt(3), 7.0], rel=0.01)
    assert_accepted(tmp_path / "out", result, 1)


def test_ebsd_prints_grains_phases_twins_and_size(tmp_path, capsys):
    # Three stripes of one cubic phase: the first two are twins.
    from nakaya.crystallography.disorientation import SIGMA3

    x, y, z, w = SIGMA3.as_quat()
    rows = ["# Phase 1", "# MaterialName austenite", "# Symmetry 43", "# LatticeConstants 3.6 3.6 3.6 90 90 90"]
    rows += ["# GRID: SqrGrid", "# XSTEP: 2", "# YSTEP: 2", "# NCOLS_ODD: 30", "# NCOLS_EVEN: 30", "# NROWS: 12"]
    # Bunge angles of the twin, from its quaternion (passive): phi1 + phi2 and phi1 - phi2.
    total, difference = 2 * np.arctan2(-z, w), 2 * np.arctan2(-y, -x)
    twin = [(total + difference) / 2, 2 * np.arcsin(np.hypot(x, y)), (total - difference) / 2]
    angles = ([0.0, 0.0, 0.0], twin, [0.5, 0.6, 0.2])
    for row in range(12):
        for column in range(30):
            numbers = [*angles[column // 10], 2.0 * column, 2.0 * row, 90.0, 0.8]
            rows.append(" ".join(f"{number:.6f}" for number in numbers) + " 1")
    path = tmp_path / "stripes.ang"
    path.write_text("\n".join(rows) + "\n")
    result = ingest(capsys, "ebsd", path, "--out", tmp_path / "out")
    assert (result["grains"], result["phases"]) == (3, ["austenite"])
    assert result["twin_fraction"] == pytest.approx(0.5)
    assert result["mean_diameter_m"] is None  # every stripe touches the frame
    record, frame = assert_accepted(tmp_path / "out", result, 3)
    assert record.material == "austenite"
    angle = frame.relations["cluster", "cluster"].column("misorientation")
    assert np.degrees(angle[0]) == pytest.approx(60.0, abs=0.01)
    graph = read_clusters(record, tmp_path / "out" / "records")
    assert graph.orientations.shape == (3, 4)
    assert run(["ingest", "ebsd", str(path), "--threshold", "5", "--out", str(tmp_path / "words")]) == 0
    told = capsys.readouterr().out.splitlines()
    for name, value in (("num_grains", "3"), ("phase_1_austenite_fraction", "1"), ("twin_fraction", "0.5")):
        assert [name, value] in [line.split() for line in told]


def test_ebsd_keeps_phases_of_one_name_apart_and_states_frame_and_twin_laws(tmp_path, capsys):
    rows = ["Channel Text File", "JobMode\tGrid", "XCells\t20", "YCells\t10", "XStep\t1", "YStep\t1", "Phases\t2"]
    rows += ["3.2;3.2;5.2\t90;90;120\tmetal\t9\t194", "4.7;6.0;10.2\t90;90;90\tmetal\t3\t62"]
    rows += ["Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"]
    for place in range(200):
        row, column = divmod(place, 20)
        angle = 40 * (column // 5)
        rows.append(f"{1 + (column >= 5)}\t{column}\t{row}\t8\t0\t10\t{angle}\t20\t0.4\t90\t100")
    path = tmp_path / "two.ctf"
    path.write_text("\n".join(rows) + "\n")
    result = ingest(capsys, "ebsd", path, "--out", tmp_path / "out")
    names = ["metal (phase 1)", "metal (phase 2)"]
    assert result["phases"] == names
    assert result["phase_fractions"] == dict(zip(names, [0.25, 0.75], strict=True))
    assert result["grains_by_phase"] == dict(zip(names, [1, 3], strict=True))
    assert result["twin_fraction"] is None  # no boundary inside the metal, no law for the orthorhombic phase
    assert result["twin_laws"] == dict(zip(names, [["{10-12}", "{10-11}", "{11-21}", "{11-22}"], []], strict=True))
    record, _ = assert_accepted(tmp_path / "out", result, 4)
    assert record.material == "metal"
    settings = record.provenance.settings
    assert settings["crystal frame of metal (phase 1)"].startswith("x along a, z along c (in the file x along a*")
    assert settings["crystal frame of metal (phase 2)"] == "x along a, y along b, z along c"
    assert settings["twin laws of metal (phase 2)"] == "none known"
    graph = read_clusters(record, tmp_path / "out" / "records")
    inside = graph.boundaries["same_phase"].values == 1
    assert np.isnan(graph.boundaries["twin_share"].values[inside]).all()


def test_what_was_ingested_goes_through_records_graph(ingested, tmp_path, capsys):
    out, result = ingested
    assert run(["records", "graph", str(out), "--out", str(tmp_path / "graphs")]) == 0
    assert f"cluster {result['grains']}" in capsys.readouterr().out
    assert (tmp_path / "graphs" / f"{result['record']}.npz").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pixel-size", "0.5"], "is not a length with its unit"),
        (["--pixel-size", "3px"], "is not a length with its unit"),
        (["--kind", "grain"], "did you mean 'grains'"),
        (["--lines", "black"], "known: bright, dark"),
        (["--kind", "loops", "--contrast", "3"], "contrast=3"),
        (["--kind", "loops", "--loop-diameter", "1"], "loop_diameter=1"),
        (["--kind", "lattice", "--mask", "mask.png"], "--mask corrects grains or loops"),
        (["--mask", "nowhere.png"], "cannot read"),
        (["--kind", "lattice"], "lattice"),
    ],
)
def test_errors_are_one_line_and_leave_nothing_behind(words, message, micrograph, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["ingest", "micrograph", str(micrograph), *words, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_liars_are_refused_and_an_output_that_exists_is_kept(micrograph, ingested, tmp_path, capsys):
    mask = ingested[0] / "mask.png"
    lie = tmp_path / "picture.png"
    lie.write_text("grain,area\n1,2\n")
    assert run(["ingest", "micrograph", str(lie), "--out", str(tmp_path / "out")]) == 2
    assert "is not an image: it begins with" in capsys.readouterr().err
    assert run(["ingest", "ebsd", str(lie), "--out", str(tmp_path / "out")]) == 2
    assert "it is not an .ang map" in capsys.readouterr().err
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (90, 90)).astype(np.uint8)).save(tmp_path / "noise.png")
    assert run(["ingest", "micrograph", str(tmp_path / "noise.png"), "--out", str(tmp_path / "out")]) == 2
    assert "fewer than two grains" in capsys.readouterr().err
    (tmp_path / "taken").mkdir()
    words = ["ingest", "micrograph", str(micrograph), "--mask", str(mask), "--out", str(tmp_path / "taken")]
    assert run(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert run([*words, "--overwrite"]) == 0
    assert (tmp_path / "taken" / "overlay.png").is_file()
