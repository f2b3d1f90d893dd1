"""A log that names another unit than its map does is never read without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.reactor.amounts import Amounts
from nakaya.reactor.logs.column_map import Channel, ColumnMap, Stream, TimeColumn
from nakaya.reactor.logs.log import ReactorLog, read_log
from nakaya.reactor.logs.stated_units import _is_same
from nakaya.reactor.logs.table import Layout

AMOUNTS = Amounts(molar_mass_g_per_mol=100.0, solvent_molar_mass_g_per_mol=18.0, solution_density=1000.0)


def read(folder: Path, header: str, channel: str, unit: str, value: str, *, units_line: str = "") -> ReactorLog:
    """A log of one channel whose column has this header."""
    path = folder / "log.csv"
    path.write_text(f"time_s;{header}\n{units_line}" + "".join(f"{10 * row};{value}\n" for row in range(20)))
    layout = Layout(delimiter=";", data_line=3 if units_line else 2)
    stream = Stream(TimeColumn("time_s", unit="s"), {channel: Channel(header, unit)})
    return read_log(path, ColumnMap("salt", layout=layout, streams=(stream,), amounts=AMOUNTS))


@pytest.mark.parametrize(
    ("header", "channel", "unit", "value", "stated"),
    [
        ("T [K]", "temperature", "degC", "320", "K"),
        ("Temp_degF", "temperature", "degC", "100", "degF"),
        ("c, g/L", "concentration", "kg/kg", ".25", "g/L"),
        ("c (mol%)", "concentration", "wt%", "25", "mol%"),
        ("c (AU)", "concentration", "kg/kg", ".25", "AU"),
        ("N (rpm)", "stirring", "1/s", "5", "rpm"),
        ("D50 (nm)", "size_d50", "um", "50", "nm"),
        ("p [mbar]", "pressure", "bar", "1", "mbar"),
    ],
)
def test_a_name_that_says_another_unit_is_flagged(tmp_path, header, channel, unit, value, stated):
    (flag,) = read(tmp_path, header, channel, unit, value).flags
    assert f"says {stated}, the map says {unit}" in flag


@pytest.mark.parametrize(
    ("header", "channel", "unit", "value"),
    [
        ("T [°C]", "temperature", "degC", "25"), ("T_r", "temperature", "degC", "25"),
        ("T_min", "temperature", "degC", "25"), ("c / g/L", "concentration", "mg/mL", "25"),
        ("c, g/L", "concentration", "kg/m^3", "25"), ("c (g/g)", "concentration", "kg/kg", ".25"),
        ("c (wt%)", "concentration", "g/100 g solution", "25"), ("turbidity (counts)", "turbidity", "1", "25"),
        ("trans (%)", "transmissivity", "%", "25"), ("N (1/min)", "stirring", "rpm", "25"),
        ("d50 (micron)", "size_d50", "um", "25"), ("remark (see below)", "size_d50", "um", "25"),
    ],
)  # fmt: skip
def test_a_name_that_says_the_same_or_nothing_is_not(tmp_path, header, channel, unit, value):
    assert read(tmp_path, header, channel, unit, value).flags == ()


def test_units_in_a_line_of_their_own_are_held_against_the_map(tmp_path):
    (flag,) = read(tmp_path, "T", "temperature", "degC", "320", units_line="s;K\n").flags
    assert "line 2 says K" in flag


def test_a_clock_in_other_units_is_flagged(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("Time (min),T\n" + "".join(f"{row},25\n" for row in range(20)))
    stream = Stream(TimeColumn("Time (min)", unit="s"), {"temperature": Channel("T", "degC")})
    (flag,) = read_log(path, ColumnMap("salt", streams=(stream,))).flags
    assert "says min, the map says s" in flag


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("g/kg", "kg/kg", False), ("kg/kg", "kg/kg solvent", True), ("rpm", "Hz", False), ("rpm", "1/min", True),
        ("degC", "s", False), ("mL/min", "L/h", False), ("um", "micrometer", True), ("%", "wt%", True),
        ("h", "hours", True), ("min", "s", False), ("1/kg", "1/kg", True),
    ],
)  # fmt: skip
def test_units_are_the_same_where_one_number_means_one_thing(first, second, is_same):
    assert _is_same(first, second) is is_same
