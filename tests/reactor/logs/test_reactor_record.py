"""Logs and size reports become records: what is in them, what is flagged, what is left out."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError, NakayaError, ParameterError
from nakaya.reactor.logs.column_map import Channel, ColumnMap, SizeClasses, SizeReports, Stream, TimeColumn
from nakaya.reactor.logs.record import ingest_log, ingest_reports, record_id, thin
from nakaya.reactor.solubility import Solubility
from nakaya.records.store import check_record, from_json, to_json

REPORTS = SizeReports(r"(?P<time>\d+) *min", "min", "um", "size/um")


def report(folder: Path, name: str, sizes: np.ndarray, *, digits: int = 2, total: int | None = None) -> None:
    lines = ["==report==", f"Total\t{sizes.size if total is None else total}", "No.\tsize/um"]
    lines += [f"{number}\t{size:.{digits}f}\t" for number, size in enumerate(sizes, start=1)]
    (folder / name).write_text("\n".join([*lines, "===end===", "1-2\t1.5\t3"]))


def write_series(folder: Path, means: dict[str, float], *, crystals: int = 40) -> None:
    rng = np.random.default_rng(5)
    for name, mean in means.items():
        report(folder, name, mean * rng.uniform(0.6, 1.4, crystals))


def test_a_log_becomes_a_valid_record_with_its_driving_force(tmp_path):
    hours = np.linspace(0.0, 10.0, 60)
    celsius = 40.0 - hours
    concentration = 0.3 - 0.01 * hours
    rows = "".join(f"{h:.4f},{T:.4f},{c:.6f}\n" for h, T, c in zip(hours, celsius, concentration, strict=True))
    path = tmp_path / "run 1.csv"
    path.write_text("t,T,c\n" + rows)
    law = Solubility((0.05, 0.004), basis="solution")
    channels = {"temperature": Channel("T", "degC"), "concentration": Channel("c", "kg/kg")}
    columns = ColumnMap("salt", streams=(Stream(TimeColumn("t", unit="h"), channels),), solubility=law)
    found = ingest_log(path, columns)
    record = found.record
    check_record(record)
    assert record.status == "ok"
    assert from_json(to_json(record)) == record
    expected = np.log(concentration / (0.05 + 0.004 * celsius))
    np.testing.assert_allclose(record.conditions["driving_force"].values, expected, atol=1e-4)
    assert record.id == "salt-run-1"
    assert record.provenance.files.keys() == {"run 1.csv"}
    assert "concentration" in record.evidence
    assert "concentration" not in record.quantities  # what was measured in time is evidence, not a label


def test_a_concentration_that_rises_against_its_supersaturation_is_flagged_where_it_was_measured(tmp_path):
    minutes = np.arange(60.0)
    rising = np.where(minutes < 30, 0.30 - 0.001 * minutes, 0.27 + 0.003 * (minutes - 30))
    stream = Stream(
        TimeColumn("t", unit="min"), {"temperature": Channel("T", "degC"), "concentration": Channel("c", "kg/kg")}
    )
    law = Solubility((0.1, 0.001), basis="solution")

    def flags(values: np.ndarray, stream: Stream = stream, **more: float) -> list[str]:
        rows = "".join(f"{t:.0f},30,{c:.4f}\n" for t, c in zip(minutes, values, strict=True))
        (tmp_path / "a.csv").write_text("t,T,c\n" + rows)
        columns = ColumnMap("salt", streams=(stream,), solubility=law, **more)
        return [flag for flag in ingest_log(tmp_path / "a.csv", columns).record.flags if "rises" in flag]

    assert len(flags(rising)) == 1
    assert flags(0.30 - 0.001 * minutes) == []
    unmeasured = Stream(TimeColumn("t", unit="min"), {"temperature": Channel("T", "degC")})
    assert flags(rising, unmeasured, concentration=0.3) == []


def test_a_log_of_one_moment_has_no_duration(tmp_path):
    stream = Stream(TimeColumn("t", unit="h"), {"temperature": Channel("T", "degC")})
    for rows, expected in (("0,20\n0,20\n", None), ("0,20\n1,20\n", 3600.0)):
        (tmp_path / "a.csv").write_text("t,T\n" + rows)
        record = ingest_log(tmp_path / "a.csv", ColumnMap("salt", streams=(stream,))).record
        assert record.constant("duration") == expected
        check_record(record)


def test_without_a_solubility_the_driving_force_is_unknown(tmp_path):
    (tmp_path / "a.csv").write_text("t,T\n0,20\n1,30\n")
    stream = Stream(TimeColumn("t", unit="h"), {"temperature": Channel("T", "degC")})
    record = ingest_log(tmp_path / "a.csv", ColumnMap("salt", streams=(stream,))).record
    assert math.isnan(record.conditions["driving_force"].value)
    with pytest.raises(ParameterError, match="same basis"):
        ColumnMap("salt", streams=(stream,), solubility=Solubility((0.1,), basis="solvent"))


def test_long_series_are_thinned_to_means():
    times = np.arange(100_000.0)
    values = 3.0 * times
    values[17] = np.nan
    short, means = thin(times, values, 100)
    assert short.size == 100
    np.testing.assert_allclose(means, 3.0 * short, rtol=2e-2, atol=3.0)
    assert means.mean() == pytest.approx(np.nanmean(values), rel=1e-4)


def test_size_classes_become_moments_and_quantiles(tmp_path):
    text = "t,b1,b2\n,10,20\n0,4,0\n1,0,4\n"
    path = tmp_path / "sizes.csv"
    path.write_text(text)
    from nakaya.reactor.logs.table import Layout

    stream = Stream(TimeColumn("t", unit="h"), classes=SizeClasses("b1", "b2", "um", sizes_line=2))
    record = ingest_log(path, ColumnMap("x", layout=Layout(data_line=3), streams=(stream,))).record
    check_record(record)
    np.testing.assert_allclose(record.evidence["size_moment_0"].values, [4, 4])
    np.testing.assert_allclose(record.evidence["size_moment_1"].values, [4 * 5e-6, 4 * 15e-6])
    np.testing.assert_allclose(record.evidence["size_q50"].values, [5e-6, 15e-6])


def test_a_report_that_jumps_is_flagged_and_enters_no_mean(tmp_path):
    write_series(tmp_path, {"4 min.txt": 2.0, "10 min.txt": 2.5, "30 min.txt": 3.5, "120 min.txt": 130.0})
    found = ingest_reports(tmp_path, ColumnMap("acid", reports=REPORTS))
    record = found.record
    check_record(record)
    assert record.status == "flagged"
    assert found.suspect == (3,)
    assert any("120 min.txt" in flag and "jumps" in flag for flag in record.flags)
    mean = record.evidence["mean_size"].values
    assert np.isnan(mean[3])
    assert np.isfinite(mean[:3]).all()
    assert record.evidence["mean_size_as_measured"].values[3] > 1e-4  # nothing is lost
    assert abs(record.quantities["mean_size_rate"].value) < 2e-9  # 1.5 um in 26 minutes, not 130 um in two hours


def test_one_report_alone_is_judged_by_its_neighbours(tmp_path):
    write_series(tmp_path, {"4 min.txt": 2.0, "10 min.txt": 2.5, "30 min.txt": 3.5, "120 min.txt": 130.0})
    columns = ColumnMap("acid", reports=REPORTS)
    suspect = ingest_reports(tmp_path / "120 min.txt", columns).record
    assert suspect.status == "flagged"
    assert suspect.conditions["duration"].value == 7200.0
    fine = ingest_reports(tmp_path / "10 min.txt", columns).record
    assert fine.status == "ok"
    assert fine.evidence["crystals_seen"].values.tolist() == [40.0]


def test_reports_without_a_jump_give_a_growth_rate_within_its_error(tmp_path):
    rate = 1.0 / 60.0  # um/s
    write_series(tmp_path, {f"{minutes} min.txt": 20.0 + minutes for minutes in (0, 10, 30, 60)}, crystals=200)
    record = ingest_reports(tmp_path, ColumnMap("acid", reports=REPORTS)).record
    found = record.quantities["mean_size_rate"]
    assert record.status == "ok"
    assert abs(found.value - rate * 1e-6) < 4 * found.standard_error
    assert found.standard_error < 0.1 * rate * 1e-6


def test_a_report_whose_summary_disagrees_with_its_list_is_flagged(tmp_path):
    sizes = np.linspace(1.0, 3.0, 20)
    report(tmp_path, "1 min.txt", sizes, total=25)
    report(tmp_path, "2 min.txt", sizes)
    record = ingest_reports(tmp_path, ColumnMap("acid", reports=REPORTS)).record
    assert any("1 min.txt states total = 25" in flag for flag in record.flags)
    for stated, is_right in ((2.0, True), (2.005, True), (2.0055, False), (2.1, False)):  # the list has two digits
        text = (tmp_path / "2 min.txt").read_text()
        (tmp_path / "3 min.txt").write_text(text.replace("No.", f"Mean/um\t{stated}\nNo."))
        flags = ingest_reports(tmp_path, ColumnMap("acid", reports=REPORTS)).record.flags
        assert any("3 min.txt states mean" in flag for flag in flags) != is_right


@pytest.mark.parametrize("column", [0, -1, -(2**63)])
def test_a_position_before_the_first_field_is_refused(column):
    with pytest.raises(ParameterError, match=rf"column={column} is no position: 1 is the first field"):
        SizeReports(r"(?P<time>\d+) *min", "min", "um", "size/um", column=column)


@pytest.mark.parametrize(
    ("form", "message"), [("%H:%M:%M", "says a part .* twice"), ("%H:%q", "no format of strptime")]
)
def test_a_format_of_times_that_is_none_is_refused(form, message):
    with pytest.raises(ParameterError, match=message):
        TimeColumn("t", format=form)


def test_reports_that_are_none_are_errors(tmp_path):
    columns = ColumnMap("acid", reports=REPORTS)
    with pytest.raises(FormatError, match="no file name matches"):
        ingest_reports(tmp_path, columns)
    (tmp_path / "1 min.txt").write_text("nothing here")
    with pytest.raises(FormatError, match="no line holds 'size/um'"):
        ingest_reports(tmp_path, columns)
    (tmp_path / "1 min.txt").write_text("size/um\n1\tbig\n")
    with pytest.raises(FormatError, match="line 2.*'big' is not a number"):
        ingest_reports(tmp_path, columns)
    with pytest.raises(ParameterError, match="regular expression"):
        ingest_reports(tmp_path, ColumnMap("acid", reports=SizeReports("(", "min", "um", "size")))


@pytest.mark.parametrize(
    ("pattern", "name"), [(r"(?P<time>\d+)* *min", "a min.txt"), (r"(?P<time>\w+) min", "nan min.txt")]
)
def test_a_name_without_a_time_is_refused(tmp_path, pattern, name):
    report(tmp_path, name, np.ones(3))
    with pytest.raises(FormatError, match=rf"{name}: '(nan)?' in the name is no time"):
        ingest_reports(tmp_path, ColumnMap("acid", reports=SizeReports(pattern, "min", "um", "size/um")))


def test_no_report_is_left_out_because_there_are_many(tmp_path, monkeypatch):
    write_series(tmp_path, {"1 min.txt": 2.0, "2 min.txt": 2.5, "3 min.txt": 3.0})
    monkeypatch.setattr("nakaya.reactor.logs.reports.MAX_FILES", 2)
    with pytest.raises(FormatError, match="holds 3 files, more than 2: part it"):
        ingest_reports(tmp_path, ColumnMap("acid", reports=REPORTS))


def test_what_operating_systems_leave_is_no_report(tmp_path):
    write_series(tmp_path, {"4 min.txt": 2.0, "10 min.txt": 2.5})
    columns = ColumnMap("acid", reports=REPORTS)
    before = ingest_reports(tmp_path, columns).record
    for name in ("._4 min.txt", ".DS_Store", ".nfs0001 5 min.txt"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    assert ingest_reports(tmp_path, columns).record == before


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=120))
def test_any_report_is_a_record_or_a_clear_error(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("reports")
    (folder / "1 min.txt").write_bytes(("size/um\n" + text).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(NakayaError):
        check_record(ingest_reports(folder, ColumnMap("acid", reports=REPORTS)).record)


@pytest.mark.parametrize("name", ["mefenamic acid", "α-L-glutamic acid/2", "...", "日本"])
def test_ids_are_always_valid(name):
    import re

    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,199}", record_id(name, "a b/c.csv.gz"))


def test_reports_are_read_in_the_layout_of_the_map(tmp_path):
    """Decimal commas, which the error asks to state, and another encoding."""
    from nakaya.reactor.logs.table import Layout

    for minutes in (1, 2):
        text = "Größe\nMean\t1,50\nNo.\tsize/um\n1\t1,25\n2\t1,75\n===\n"
        (tmp_path / f"{minutes} min.txt").write_bytes(text.encode("cp1252"))
    layout = Layout(decimal=",", encoding="cp1252")
    record = ingest_reports(tmp_path, ColumnMap("acid", layout=layout, reports=REPORTS)).record
    assert record.status == "ok"  # the mean agrees
    np.testing.assert_allclose(record.evidence["mean_size"].values, [1.5e-6, 1.5e-6])
    with pytest.raises(FormatError, match="set decimal"):
        ingest_reports(tmp_path, ColumnMap("acid", layout=Layout(encoding="cp1252"), reports=REPORTS))
