"""Real logs, where they are at hand: the folder comes from NAKAYA_VALIDATION_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reactor_conventions import dextrose_conventions
from nakaya.reactor.config import read_column_map
from nakaya.reactor.logs.record import ingest_log, ingest_reports

FOLDER = Path(os.environ.get("NAKAYA_VALIDATION_DATA", "")) / "reactor"
MAPS = Path(__file__).parents[3] / "examples" / "reactor"

pytestmark = pytest.mark.skipif(
    not os.environ.get("NAKAYA_VALIDATION_DATA") or not FOLDER.is_dir(),
    reason="NAKAYA_VALIDATION_DATA names no folder with real reactor logs",
)

NEAR = 1.0  # K: the published points are read off a plot of the same log


def test_the_mefenamic_log_shows_its_clear_and_cloud_points_in_spite_of_its_header():
    path = FOLDER / "mefenamic-crystalline" / "EXP-20-Demo_CSV.csv.gz"
    found = ingest_log(path, read_column_map(MAPS / "crystalline-log.toml"))
    assert any("14 names for 18 columns" in flag for flag in found.record.flags)
    celsius = {kind: [e.temperature - 273.15 for e in found.events if e.kind == kind] for kind in ("clear", "cloud")}
    np.testing.assert_allclose(celsius["clear"], [70.0, 64.0], atol=NEAR)
    np.testing.assert_allclose(celsius["cloud"], [55.0, 58.0], atol=NEAR)
    stirring = found.record.conditions["stirring_rate"].values
    assert np.median(stirring) == pytest.approx(700.0 / 60.0)
    medians = found.log.channels["size_d50"].values  # of the second block, which the short header would have shifted
    assert 5e-6 < np.median(medians[medians > 0]) < 5e-5


def test_the_mefenamic_size_classes_are_read():
    path = FOLDER / "mefenamic-crystalline" / "EXP-20-Demo_PSD.csv.gz"
    found = ingest_log(path, read_column_map(MAPS / "crystalline-sizes.toml"))
    assert found.log.sizes is not None
    assert found.log.sizes.counts.shape[1] == 100
    assert found.log.sizes.edges[-1] == pytest.approx(300e-6)
    assert not any("jumps" in flag for flag in found.record.flags)


def test_the_trimesic_series_without_shear_is_flagged_at_120_minutes_and_the_sheared_one_is_not():
    columns = read_column_map(MAPS / "nano-measurer.toml")
    still = ingest_reports(FOLDER / "trimesic-shear" / "TA-time-dependence-PIL-no-shear", columns)
    assert [still.samples[index].time for index in still.suspect] == [7200.0]
    assert np.isnan(still.record.evidence["mean_size"].values[-1])
    assert np.nanmax(still.record.evidence["mean_size"].values) < 5e-6
    sheared = ingest_reports(FOLDER / "trimesic-shear" / "TA-time-dependence-PIL-under-shear" / "Stirring-SD", columns)
    assert sheared.suspect == ()
    assert sheared.record.quantities["mean_size_rate"].value > 0


def test_the_published_dextrose_kinetics_predict_the_measured_run_under_the_stated_reading():
    result = dextrose_conventions(FOLDER / "dextrose-cooling" / "expt_data.csv", MAPS / "dextrose.toml")
    assert result["points"] == 25
    assert result["rmse"] < 0.01
    assert result["rmse"] == pytest.approx(result["rmse_finite_volume"], abs=1e-4)
    assert len(result["readings"]) == 50
