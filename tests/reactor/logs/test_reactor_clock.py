"""Stamps of real instruments: days before hours, midnight without a date, resets, more digits than microseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nakaya.core.errors import FormatError, ParameterError, UnknownNameError
from nakaya.reactor.logs.column_map import Channel, ColumnMap, Stream, TimeColumn
from nakaya.reactor.logs.log import ReactorLog, read_log


def read(folder: Path, stamps: list[str], **clock: str) -> ReactorLog:
    path = folder / "log.csv"
    path.write_text("t;T\n" + "".join(f"{stamp};{20 + row}\n" for row, stamp in enumerate(stamps)))
    from nakaya.reactor.logs.table import Layout

    time = TimeColumn("t", **clock)  # type: ignore[arg-type]
    stream = Stream(time, {"temperature": Channel("T", "degC")})
    return read_log(path, ColumnMap("x", layout=Layout(delimiter=";"), streams=(stream,)))


def seconds(log: ReactorLog) -> list[float]:
    return log.channels["temperature"].times.tolist()


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (["0.00:00:00", "0.01:00:00", "1.02:00:30.5"], [0.0, 3600.0, 93630.5]),
        (["00:00:00.0000000", "00:00:01.2500000"], [0.0, 1.25]),
        (["0:00:00", "30:00:00", "120:00:00"], [0.0, 108000.0, 432000.0]),
        (["0:00:00", "1 day, 2:00:00", "2 days, 0:00:00"], [0.0, 93600.0, 172800.0]),
        (["-00:10:00", "00:00:00", "00:00:05,5"], [0.0, 600.0, 605.5]),
    ],
)
def test_time_that_has_passed_may_have_days(tmp_path, stamps, expected) -> None:
    log = read(tmp_path, stamps, format="H:M:S")
    assert seconds(log) == pytest.approx(expected)
    assert log.flags == ()


@pytest.mark.parametrize("stamp", ["1.5:00:00", "10:00:00:123", "0:75:00", "0:00:61", "1.30:00:00", "5:00", "1:2:3:4"])
def test_forms_that_may_mean_two_things_are_refused(tmp_path, stamp) -> None:
    with pytest.raises(FormatError, match="does not have the format"):
        read(tmp_path, ["0:00:00", stamp], format="H:M:S")


def test_seconds_may_have_more_digits_than_python_reads(tmp_path) -> None:
    stamps = ["2024-03-01T10:00:00.1234567", "2024-03-01T10:59:00.1234567", "2024-03-01T11:00:00.123456789"]
    log = read(tmp_path, stamps, format="%Y-%m-%dT%H:%M:%S.%f")
    assert seconds(log) == pytest.approx([0.0, 3540.0, 3600.0], abs=1e-6)


@pytest.mark.parametrize("form", ["H:M:S", "%H:%M:%S"])
def test_a_clock_without_a_date_goes_on_after_midnight(tmp_path, form) -> None:
    """Every ten minutes over two and a half days."""
    minutes = 23 * 60 + np.arange(0, 3600, 10)
    stamps = [f"{m // 60 % 24:02d}:{m % 60:02d}:00" for m in minutes]
    log = read(tmp_path, stamps, format=form)
    assert seconds(log) == pytest.approx((60.0 * (minutes - minutes[0])).tolist())
    (flag,) = log.flags
    assert "passes midnight at line 8 and 2 times more" in flag


def test_a_clock_that_starts_again_is_not_taken_for_midnight(tmp_path) -> None:
    stamps = [f"{hour:02d}:00:00" for hour in range(8)] * 2
    with pytest.raises(
        FormatError, match=r'no date.*or another run.*backwards = "continue".*"drop" would lose 7 of 16 rows'
    ):
        read(tmp_path, stamps, format="H:M:S")


def test_a_clock_that_was_reset_goes_on_where_it_stood(tmp_path) -> None:
    stamps = [str(60 * row) for row in range(30)] + [str(60 * row) for row in range(20)]
    with pytest.raises(FormatError, match=r'"continue" where it was reset.*would lose 20 of 50 rows'):
        read(tmp_path, stamps, unit="s")
    log = read(tmp_path, stamps, unit="s", backwards="continue")
    assert seconds(log) == pytest.approx([60.0 * row for row in range(50)])
    assert any("reset at line 32 (back by 1740 s; 1 resets in all)" in flag for flag in log.flags)


def test_few_rows_behind_may_be_dropped_and_their_number_is_told(tmp_path) -> None:
    stamps = [str(row) for row in range(60)]
    stamps[30] = "2"
    with pytest.raises(FormatError, match='or set backwards = "drop" to leave such rows out'):
        read(tmp_path, stamps, unit="s")
    assert any("1 of 60 rows are left out" in flag for flag in read(tmp_path, stamps, unit="s", backwards="drop").flags)


def test_hours_up_to_twelve_need_am_or_pm() -> None:
    with pytest.raises(ParameterError, match="without am or pm"):
        TimeColumn("t", format="%d/%m/%Y %I:%M:%S")
    assert TimeColumn("t", format="%d/%m/%Y %I:%M:%S %p").has_date


def test_a_second_clock_that_begins_after_midnight_is_of_the_next_day(tmp_path) -> None:
    rows = [(f"{m // 60 % 24:02d}:{m % 60:02d}:00", m - 1438) for m in range(1438, 1458)]
    path = tmp_path / "log.csv"
    path.write_text("t,T,u,x\n" + "".join(f"{t},{20 + n},{t if n >= 2 else ''},{n}\n" for t, n in rows))
    streams = (
        Stream(TimeColumn("t", format="H:M:S"), {"temperature": Channel("T", "degC")}),
        Stream(TimeColumn("u", format="H:M:S"), {"probe": Channel("x", "1")}, place="stream."),
    )
    log = read_log(path, ColumnMap("x", streams=streams))
    assert log.channels["temperature"].times[-1] == 19 * 60.0
    assert log.channels["probe"].times[[0, -1]].tolist() == [120.0, 19 * 60.0]


def test_dates_and_times_of_day_may_stand_in_two_columns(tmp_path) -> None:
    path = tmp_path / "log.csv"
    # Two days lie between the second row and the third, which times of day alone would not say.
    path.write_text("day,t,T\n01.03.2024,23:00:00,20\n01.03.2024,23:30:00,21\n04.03.2024,00:30:00,22\n,01:00:00,23\n")
    clock = TimeColumn("t", format="%d.%m.%Y %H:%M:%S", date="day")
    log = read_log(path, ColumnMap("x", streams=(Stream(clock, {"temperature": Channel("T", "degC")}),)))
    assert log.channels["temperature"].times.tolist() == [0.0, 1800.0, 49 * 3600.0 + 1800.0]
    wrong: dict[str, Any]
    for wrong in ({"unit": "s"}, {"format": "%H:%M:%S"}, {"format": "H:M:S"}):
        with pytest.raises(ParameterError, match="'day' is a column of dates: give the format of both"):
            TimeColumn("t", date="day", **wrong)
    path.write_text("t,T\n23:00:00,20\n")
    with pytest.raises(UnknownNameError, match=r"for \[time\]"):
        read_log(path, ColumnMap("x", streams=(Stream(clock, {"temperature": Channel("T", "degC")}),)))


@pytest.mark.parametrize("clock", [{"unit": "s", "backwards": "reverse"}, {"format": "%Y-%m-%d %H:%M:%S"}])
def test_rows_with_the_newest_first_are_read_from_the_last(tmp_path, clock) -> None:
    rows = range(30)
    stamps = [f"2024-03-04 10:{59 - row}:00" if "format" in clock else f"{60 * (29 - row)}" for row in rows]
    log = read(tmp_path, stamps, **clock)
    assert seconds(log) == [60.0 * row for row in rows]
    assert log.channels["temperature"].values[0] == pytest.approx(273.15 + 49)
    assert log.flags == ("the newest row comes first: the rows are read from the last to the first",)


@pytest.mark.parametrize("backwards", ["error", "continue"])
def test_numbers_that_fall_throughout_are_not_called_resets(tmp_path, backwards) -> None:
    """They may count down."""
    with pytest.raises(FormatError, match='set backwards = "reverse" where the newest row comes first'):
        read(tmp_path, [str(60 * row) for row in range(30, 0, -1)], unit="s", backwards=backwards)


def test_am_or_pm_beside_hours_up_to_24_is_refused() -> None:
    """Python's strptime takes no notice of it: one in the afternoon would be one in the night."""
    with pytest.raises(ParameterError, match="write %I"):
        TimeColumn("t", format="%d/%m/%Y %H:%M %p")


@pytest.mark.parametrize(
    ("first", "step", "unit", "right"),
    [(45123.51, 1 / 1440, "h", "d"), (1.7e9, 60.0, "min", "s"), (1.7e12, 6e4, "s", "ms"), (1.7e9, 60.0, "s", None),
     (45123.51, 1 / 1440, "d", None), (43200.0, 1.0, "s", None), (43200.5, 10.0, "s", None), (0.0, 0.1, "h", None)],
)  # fmt: skip
def test_times_that_count_from_another_epoch_in_another_unit_are_flagged(tmp_path, first, step, unit, right) -> None:
    flags = read(tmp_path, [f"{first + row * step:.6f}".rstrip("0").rstrip(".") for row in range(40)], unit=unit).flags
    assert [f'set unit = "{right}"' in flag for flag in flags] == [True] * (right is not None)


@pytest.mark.parametrize(("day", "is_flagged"), [(31, True), (28, False)])
def test_a_clock_that_is_put_to_summer_time_is_flagged(tmp_path, day, is_flagged) -> None:
    """Every quarter of an hour; 31 March 2024 was a Sunday, when 2:00 became 3:00."""
    minutes = [15 * row + (60 if row >= 8 else 0) for row in range(40)]
    stamps = [f"2024-03-{day} {minute // 60:02d}:{minute % 60:02d}" for minute in minutes]
    flags = read(tmp_path, stamps, format="%Y-%m-%d %H:%M").flags
    assert any("summer time" in flag for flag in flags) is is_flagged


def test_thousands_in_a_column_of_times_are_named(tmp_path) -> None:
    stamps = [f"{30 * row:,}".replace(",", ".") for row in range(60)]
    with pytest.raises(FormatError, match="set thousands"):
        read(tmp_path, stamps, unit="s")
