"""Text tables that lie: headers, decimal signs, cut-off lines, files that are no text."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import FormatError, InputFileError, NakayaError, ParameterError, UnknownNameError
from nakaya.reactor.logs.column_map import Channel, ColumnMap, SizeClasses, Stream, TimeColumn
from nakaya.reactor.logs.log import read_log
from nakaya.reactor.logs.table import Layout, align_header, read_table


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def hours_map(layout: Layout | None = None, **time: str) -> ColumnMap:
    clock = TimeColumn("t", **({"unit": "h"} | time))  # type: ignore[arg-type]
    return ColumnMap("x", layout=layout or Layout(), streams=(Stream(clock, {"temperature": Channel("T", "degC")}),))


def test_a_plain_table_is_read_in_si_units(tmp_path):
    log = read_log(write(tmp_path, "t,T\n0,25\n0.5,26\n1,27\n"), hours_map())
    series = log.channels["temperature"]
    np.testing.assert_allclose(series.times, [0, 1800, 3600])
    np.testing.assert_allclose(series.values, [298.15, 299.15, 300.15])
    assert log.flags == ()


def test_columns_that_the_map_names_nowhere_are_listed_as_a_map_would_name_them(tmp_path):
    """By name, by name and number, by position; not those of the clock or of size classes, and not an empty end."""
    text = "day,t,T,p,p,,5,10,20,left,\n" + "".join(f"1.1.2025,{t}:00,25,1,2,3,7,8,9,0,\n" for t in (10, 11, 12))
    path = write(tmp_path, text)
    clock = TimeColumn("t", date="day", format="%d.%m.%Y %H:%M")
    classes = SizeClasses("5", "20", "um", sizes_line=1)
    stream = Stream(clock, {"temperature": Channel(3, "degC")}, classes)
    assert read_log(path, ColumnMap("x", streams=(stream,))).unread == ("p#1", "p#2", 6, "left")
    second = Stream(clock, {"pressure": Channel("p#2", "bar"), "seen": Channel(6, "1")})
    assert read_log(path, ColumnMap("x", streams=(stream, second))).unread == ("p#1", "left")


def test_names_go_to_their_blocks_where_the_header_is_short():
    """Two tables side by side, an empty column between them, fewer names than columns in the first."""
    header = ["time", "a", "", "time", "b"]
    rows = [["0", "1", "7", "8", "", "0", "2"], ["1", "1", "7", "8", "", "1", "2"]]
    names, remark = align_header(header, rows, "f")
    assert names == ("time", "a", "", "", "", "time", "b")
    assert "5 names for 7 columns" in remark
    assert "columns 3, 4 have no name" in remark


def test_a_short_header_without_blocks_is_an_error_not_a_guess():
    with pytest.raises(FormatError, match="2 names for 3 columns.*by position"):
        align_header(["t", "T"], [["0", "1", "2"]], "f")
    with pytest.raises(FormatError, match="4 names for 3 columns"):
        align_header(["a", "b", "c", "d"], [["0", "1", "2"]], "f")


def test_trailing_delimiters_are_harmless():
    assert align_header(["t", "T"], [["0", "1", ""], ["1", "2", ""]], "f") == (("t", "T", ""), "")
    assert align_header(["t", "T", ""], [["0", "1"]], "f") == (("t", "T"), "")


def test_repeated_names_need_a_number(tmp_path):
    table = read_table(write(tmp_path, "t,t,T\n0,5,1\n1,6,2\n"), Layout())
    with pytest.raises(FormatError, match="2 columns are called 't'.*t#1"):
        table.position("t")
    assert (table.position("t#2"), table.position(3), table.position("T")) == (1, 2, 2)
    with pytest.raises(UnknownNameError):
        table.position("t#3")
    with pytest.raises(FormatError, match=r"outside 1\.\.3"):
        table.position(4)


def test_unknown_columns_name_the_nearest(tmp_path):
    path = write(tmp_path, "t,Temperature\n0,1\n1,2\n")
    columns = ColumnMap("x", streams=(Stream(TimeColumn("t", unit="s"), {"temperature": Channel("Temprature", "K")}),))
    with pytest.raises(UnknownNameError, match="did you mean 'Temperature'"):
        read_log(path, columns)


def test_decimal_commas_are_read_when_stated_and_named_when_not(tmp_path):
    path = write(tmp_path, "t;T\n0;25,5\n1;26,5\n")
    stated = read_log(path, hours_map(Layout(delimiter=";", decimal=",")))
    np.testing.assert_allclose(stated.channels["temperature"].values, [298.65, 299.65])
    with pytest.raises(FormatError, match=r"line 2.*'25,5' has the decimal sign ','.*set decimal"):
        read_log(path, hours_map(Layout(delimiter=";")))
    points = write(tmp_path, "t;T\n0;25.5\n1;26.5\n", "points.csv")
    with pytest.raises(FormatError, match=r"decimal sign '\.'"):
        read_log(points, hours_map(Layout(delimiter=";", decimal=",")))


def test_decimal_commas_between_commas_are_an_error(tmp_path):
    for rows in ("0,25,5\n1,26,5\n2,27\n", "0,25\n1,26,5\n2,27\n"):
        with pytest.raises(FormatError, match="decimal commas"):
            read_log(write(tmp_path, "t,T\n" + rows), hours_map())


def test_words_among_numbers_are_an_error_unless_they_mean_missing(tmp_path):
    path = write(tmp_path, "t,T\n0,25\n1,ERROR\n2,27\n")
    with pytest.raises(FormatError, match="line 3, column 2: 'ERROR' is not a number"):
        read_log(path, hours_map())
    log = read_log(path, hours_map(Layout(missing=("ERROR",))))
    assert np.isnan(log.channels["temperature"].values[1])
    assert any("33% of the values are missing" in flag for flag in log.flags)


@pytest.mark.parametrize("value", ["inf", "1e999", "0x10", "1_0", "１２", "+", "1e"])
def test_odd_numbers_are_refused(tmp_path, value):
    with pytest.raises(FormatError):
        read_log(write(tmp_path, f"t,T\n0,25\n1,{value}\n"), hours_map())


def test_a_cut_off_last_line_is_left_out_with_a_flag(tmp_path):
    log = read_log(write(tmp_path, "t,T,u\n0,25,1\n1,26,1\n2,2"), hours_map())
    assert log.channels["temperature"].times.size == 2
    assert any("cut off" in flag for flag in log.flags)
    with pytest.raises(FormatError, match="line 3 has 2 fields"):
        read_log(write(tmp_path, "t,T,u\n0,25,1\n1,26\n2,27,1\n"), hours_map())


def test_gz_is_read_and_a_damaged_one_is_an_error(tmp_path):
    packed = gzip.compress(b"t,T\n0,25\n1,26\n" * 50)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"t,T\n0,25\n1,26\n"))
    assert read_log(tmp_path / "a.csv.gz", hours_map()).num_rows == 2
    (tmp_path / "b.csv.gz").write_bytes(packed[:-9])
    with pytest.raises(FormatError, match="damaged or cut-off gz"):
        read_log(tmp_path / "b.csv.gz", hours_map())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no data"),
        (b"t,T\n", "no data"),
        (b"\x89PNG\r\n\x1a\n\xff\xd8", "not text"),
        (b"t,T\n0,\x00\n", "zero bytes"),
        ("t,T\n0,25\n".encode("utf-16"), "not text|zero bytes"),
        (b"t,T\n0,25\xb0\n", "cp1252"),
    ],
)
def test_files_that_are_no_log_are_named(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_log(path, hours_map())


def test_a_missing_file_and_a_directory_are_errors(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputFileError):
            read_log(path, hours_map())


# --- clocks -------------------------------------------------------------------------------------------------------


def test_time_that_runs_backwards_is_an_error_or_dropped_with_a_flag(tmp_path):
    path = write(tmp_path, "t,T\n0,25\n2,26\n1,99\n3,27\n")
    with pytest.raises(FormatError, match="line 4: time runs backwards by 3600 s.*summer time.*1 rows"):
        read_log(path, hours_map())
    log = read_log(path, hours_map(backwards="drop"))
    np.testing.assert_allclose(log.channels["temperature"].values, np.array([25, 26, 27]) + 273.15)
    assert any("backwards" in flag for flag in log.flags)


def test_repeated_stamps_are_averaged_with_a_flag(tmp_path):
    log = read_log(write(tmp_path, "t,T\n0,25\n1,26\n1,28\n2,30\n"), hours_map())
    np.testing.assert_allclose(log.channels["temperature"].values, np.array([25, 27, 30]) + 273.15)
    assert any("1 rows repeat a time stamp" in flag for flag in log.flags)


def test_missing_stamps_and_gaps_are_flagged(tmp_path):
    rows = "".join(f"{second},25\n" for second in range(30)) + ",25\n" + "5000,25\n"
    log = read_log(write(tmp_path, "t,T\n" + rows), hours_map(unit="s"))
    assert any("1 rows without a time stamp" in flag for flag in log.flags)
    assert any("gaps in time" in flag and "4971 s" in flag for flag in log.flags)
    with pytest.raises(FormatError, match="have no time"):
        read_log(write(tmp_path, "t,T\n0,1\n,2\n,3\n,4\n1,5\n"), hours_map())
    with pytest.raises(FormatError, match="no time at all"):
        read_log(write(tmp_path, "t,T\n,1\n,2\n"), hours_map())


def test_stamps_with_a_date_and_passed_time(tmp_path):
    path = write(tmp_path, "t,T\n31/12/2020 23:59:58,25\n01/01/2021 00:00:03,26\n")
    log = read_log(path, hours_map(unit=None, format="%d/%m/%Y %H:%M:%S"))  # type: ignore[arg-type]
    np.testing.assert_allclose(log.channels["temperature"].times, [0, 5])
    passed = read_log(write(tmp_path, "t,T\n00:00:10,25\n01:00:10,26\n"), hours_map(unit=None, format="H:M:S"))  # type: ignore[arg-type]
    np.testing.assert_allclose(passed.channels["temperature"].times, [0, 3600])
    with pytest.raises(FormatError, match="line 2.*does not have the format"):
        read_log(write(tmp_path, "t,T\n2020-12-31,25\n"), hours_map(unit=None, format="%d/%m/%Y"))  # type: ignore[arg-type]


# --- units and columns --------------------------------------------------------------------------------------------


def test_wrong_units_and_wrong_columns_are_refused(tmp_path):
    path = write(tmp_path, "t,T\n0,25\n1,26\n")
    for unit, error, message in (("um", ParameterError, "measures"), ("K", FormatError, "wrong unit")):
        columns = ColumnMap("x", streams=(Stream(TimeColumn("t", unit="h"), {"temperature": Channel("T", unit)}),))
        with pytest.raises(error, match=message):
            read_log(path, columns)
    with pytest.raises(ParameterError, match="does not measure time"):
        read_log(path, hours_map(unit="um"))


def test_rpm_are_revolutions_and_percent_are_fractions(tmp_path):
    channels = {"stirring": Channel("r", "rpm"), "transmissivity": Channel("x", "%")}
    columns = ColumnMap("x", streams=(Stream(TimeColumn("t", unit="s"), channels),))
    log = read_log(write(tmp_path, "t,r,x\n0,600,50\n1,300,100\n"), columns)
    np.testing.assert_allclose(log.channels["stirring"].values, [10, 5])
    np.testing.assert_allclose(log.channels["transmissivity"].values, [0.5, 1.0])


def test_size_classes_take_their_edges_from_a_line(tmp_path):
    text = "t,b1,b2,b3\n,3,6,9\n0,1,2,3\n1,0,0,4\n"
    classes = SizeClasses("b1", "b3", "um", sizes_line=2)
    stream = Stream(TimeColumn("t", unit="s"), classes=classes)
    log = read_log(write(tmp_path, text), ColumnMap("x", layout=Layout(data_line=3), streams=(stream,)))
    assert log.sizes is not None
    np.testing.assert_allclose(log.sizes.edges, np.array([0, 3, 6, 9]) * 1e-6)
    np.testing.assert_allclose(log.sizes.counts, [[1, 2, 3], [0, 0, 4]])
    bad = write(tmp_path, text.replace("0,1,2,3", "0,1,-2,3"), "bad.csv")
    with pytest.raises(FormatError, match="line 3: a size class holds fewer"):
        read_log(bad, ColumnMap("x", layout=Layout(data_line=3), streams=(stream,)))


# --- anything at all ----------------------------------------------------------------------------------------------

LINES = st.lists(
    st.lists(
        st.one_of(st.sampled_from(["", "0", "1", "2,5", "t", "T", "nan", "1e400", "\u0660", '"']), st.text(max_size=4)),
        max_size=5,
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(
    lines=LINES,
    delimiter=st.sampled_from([",", ";", "\t"]),
    decimal=st.sampled_from([".", ","]),
    header=st.integers(0, 2),
)
def test_any_text_is_a_log_or_a_clear_error(tmp_path_factory, lines, delimiter, decimal, header):
    path = tmp_path_factory.mktemp("any") / "log.csv"
    path.write_bytes("\n".join(delimiter.join(fields) for fields in lines).encode("utf-8", "surrogatepass"))
    layout = Layout(delimiter=delimiter, decimal=decimal, header_line=header)
    columns = ColumnMap(
        "x", layout=layout, streams=(Stream(TimeColumn(1, unit="s"), {"concentration": Channel(2, "kg/kg")}),)
    )
    with contextlib.suppress(NakayaError):
        series = read_log(path, columns).channels["concentration"]
        assert (np.diff(series.times) > 0).all()
        assert series.values.shape == series.times.shape


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200), packed=st.booleans(), cut=st.integers(0, 20))
def test_any_bytes_are_a_log_or_a_clear_error(tmp_path_factory, content, packed, cut):
    path = tmp_path_factory.mktemp("bytes") / "log.csv"
    stored = gzip.compress(content) if packed else content
    path.write_bytes(stored[: max(0, len(stored) - cut)])
    with contextlib.suppress(NakayaError):
        read_log(path, hours_map())


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [("25.3 °C", "'°C' behind its number"), ("25.3K", "'K' behind its number"), ("95.2%", "'%' behind its number"),
     ("<0.01", "a limit of the instrument"), ("Bad", "name it under missing"), ("1-2", "name it under missing")],
)  # fmt: skip
def test_a_field_that_is_no_number_is_refused_with_what_it_is(tmp_path, entry, remedy):
    path = write(tmp_path, f"t,T\n0,25\n1,{entry}\n2,25\n")
    with pytest.raises(FormatError, match=rf"line 3, column 2: .*{remedy}"):
        read_log(path, hours_map())


def test_the_minus_of_typesetters_is_one(tmp_path):
    log = read_log(write(tmp_path, "t,T\n0,\u22125.5\n1,0.25\n2,5\n"), hours_map())
    np.testing.assert_allclose(log.channels["temperature"].values, [267.65, 273.4, 278.15])
