"""Real micrographs, where they are at hand: the folder comes from NAKAYA_VALIDATION_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason='micrographs need the extra "microscopy"')
pytest.importorskip("tifffile", reason='micrographs need the extra "microscopy"')

from benchmarks.loops import benchmark_loops
from nakaya.microscopy.ebsd.files import read_ebsd
from nakaya.microscopy.ebsd.grains import GrainRules, find_grains
from nakaya.microscopy.grains.grain_size import grain_size_from_intercept, mean_intercept
from nakaya.microscopy.grains.masks import grains_from_mask
from nakaya.microscopy.image_files import read_raw_image
from nakaya.workflows.ingest_micrograph import MicrographOptions, ingest_micrograph
from support.boundary_net import boundary_net

FOLDER = Path(os.environ.get("NAKAYA_VALIDATION_DATA", "")) / "microscopy"

pytestmark = pytest.mark.skipif(
    not os.environ.get("NAKAYA_VALIDATION_DATA") or not FOLDER.is_dir(),
    reason="NAKAYA_VALIDATION_DATA names no folder with real micrographs",
)

STEEL_PIXEL = 50e-6 / 222
HAND = 0.10  # two people who trace boundaries differ by as much
LOOP_COUNT = 0.20
TOUCHED = 0.80  # of the loops that were found, on those that people drew
GOLD_ANGLE = 4.0  # degrees: scan distortion bends the two lattices by 10 % against each other


@pytest.fixture(scope="module")
def steel(tmp_path_factory):
    """The raw steel micrograph, ingested: what came out, and where."""
    out = tmp_path_factory.mktemp("steel") / "out"
    path = FOLDER / "nist-steel" / "grain_structures_steel_highlighted.tif"
    return ingest_micrograph(path, out, MicrographOptions(pixel_size=f"{STEEL_PIXEL * 1e6}um", material="steel"))


def test_the_steels_mean_intercept_and_grain_size_come_from_the_raw_micrograph(steel):
    assert steel["mean_intercept_m"] == pytest.approx(9e-6, rel=HAND)
    assert steel["astm_grain_size"] == pytest.approx(10.0, abs=0.5)
    low, high = steel["mean_intercept_interval_m"]
    assert low < steel["mean_intercept_m"] < high
    assert steel["status"] == "ok"
    # Edges, twins and islands keep real maps below six, unless cells cut by the frame are left out.
    assert 5.0 < steel["mean_neighbours"] < 5.7
    assert steel["mean_neighbours_whole_grains"] == pytest.approx(6.0, abs=0.2)


def test_the_mask_that_scores_the_steel_agrees_and_both_maps_keep_eulers_relation(steel):
    pixels, _ = read_raw_image(FOLDER / "nist-steel" / "grains_steel_highlighted_segmented.tif")
    labels, _ = grains_from_mask(pixels, (600, 800))
    assert steel["mean_intercept_m"] == pytest.approx(mean_intercept(labels).value * STEEL_PIXEL, rel=HAND)
    assert steel["grains"] == pytest.approx(int(labels.max()) + 1, rel=0.15)
    assert boundary_net(labels).euler_excess == 1
    own, _ = grains_from_mask(read_raw_image(steel["mask"])[0], (600, 800))
    assert boundary_net(own).euler_excess == 1
    assert grain_size_from_intercept(mean_intercept(own).value * STEEL_PIXEL) == pytest.approx(
        steel["astm_grain_size"], abs=0.02
    )


def test_the_duplex_steels_grains_hardly_depend_on_the_threshold():
    ebsd = read_ebsd(FOLDER / "duplex-ebsd" / "sdss_ferrite_austenite.ang")
    assert ebsd.flags == ()
    assert [phase.name.split("/")[0] for phase in ebsd.phases] == ["austenite", "ferrite"]
    found = {threshold: find_grains(ebsd, GrainRules(threshold=threshold)) for threshold in (2.0, 5.0, 10.0, 15.0)}
    counts = [grains.num_grains for grains in found.values()]
    assert max(counts) <= 1.05 * min(counts)
    austenite, ferrite = (found[5.0].twin_fraction(phase.number) for phase in ebsd.phases)
    assert 0.4 < austenite < 0.8  # annealing twins of an fcc phase
    assert ferrite < 0.15  # a bcc phase has hardly any
    assert 10e-6 < found[5.0].mean_diameter() < 20e-6
    labels = found[5.0].labels.reshape(ebsd.grid.rows, ebsd.grid.columns).astype(np.int32)
    assert boundary_net(labels).euler_excess == 1


def test_loops_are_counted_as_people_count_them_in_the_image_that_was_left_out():
    rows = benchmark_loops(FOLDER / "creme-tem")
    assert [row.drawn for row in rows] == [6, 21, 6]
    for row in rows:
        assert row.found == pytest.approx(row.drawn, rel=LOOP_COUNT), row.image
        assert row.on_drawn >= TOUCHED * row.found, row.image


def test_the_gold_image_has_two_lattices_a_rotation_and_no_physical_length(tmp_path):
    path = FOLDER / "stem" / "Grain_boundry_gold_512px.png"
    result = ingest_micrograph(path, tmp_path / "gold", MicrographOptions(kind="lattice", material="Au"))
    assert result["lattices"] == 2
    assert min(result["shares"]) > 0.3
    (boundary,) = result["boundaries"]
    # Both are the 110 zone of fcc: {111} twice and {002}, whose spacings are as 1.155 to 1.
    for spacings in result["spacings_pixels"]:
        assert np.mean(spacings[:2]) / spacings[2] == pytest.approx(2 / np.sqrt(3), rel=0.08)
    # The 90 degree tilt boundary about 110 of gold bicrystals, bent by the scan.
    assert abs(boundary["rotation_degrees"]) == pytest.approx(90.0, abs=GOLD_ANGLE)
    assert result["status"] == "flagged"
    assert any("no pixel size" in flag for flag in result["flags"])
    assert any("fit after rotation to" in flag for flag in result["flags"])
    assert result["spacings_m"] is None
    assert np.isnan(result["pixel_size_m"])


def test_silicon_is_one_lattice_without_faults(tmp_path):
    path = FOLDER / "stem" / "Si110_5nmX25us_03_none_none.png"
    result = ingest_micrograph(path, tmp_path / "si", MicrographOptions(kind="lattice", material="Si"))
    assert (result["lattices"], result["stacking_faults"]) == (1, 0)
    spacings = result["spacings_pixels"][0]
    assert np.mean(spacings[:2]) / spacings[2] == pytest.approx(2 / np.sqrt(3), rel=0.03)
