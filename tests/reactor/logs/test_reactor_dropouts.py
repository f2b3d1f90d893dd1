"""Numbers that stand for none are told and never become evidence; true zeros stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import FormatError, ParameterError
from nakaya.reactor.amounts import Amounts
from nakaya.reactor.logs.column_map import Channel, ColumnMap, Stream, TimeColumn
from nakaya.reactor.logs.log import read_log
from nakaya.reactor.logs.record import ingest_log
from nakaya.reactor.logs.table import Layout
from nakaya.reactor.solubility import Solubility


def column(folder: Path, values, name: str, unit: str, form: str = ".2f"):
    path = folder / "log.csv"
    entries = [value if isinstance(value, str) else f"{value:{form}}" for value in values]
    path.write_text("t,x\n" + "".join(f"{row},{entry}\n" for row, entry in enumerate(entries)))
    stream = Stream(TimeColumn("t", unit="min"), {name: Channel("x", unit)})
    log = read_log(path, ColumnMap("salt", streams=(stream,)))
    return log.channels[name].values, log.flags


@pytest.mark.parametrize(
    ("name", "unit", "values"),
    [
        ("temperature", "degC", 40.0 - 0.1 * np.arange(60)),
        ("concentration", "kg/kg", 0.2 - 0.001 * np.arange(60)),
        ("size_d50", "um", 30.0 + 0.1 * np.arange(60)),
        ("pH", "1", 7.0 + 0.01 * np.arange(60)),
    ],
)
@pytest.mark.parametrize("text", ["-9999", "-9999.00", "9999", "-999.0", "-1e30"])
def test_a_stand_in_for_missing_values_is_named_and_left_out(tmp_path, name, unit, values, text) -> None:
    entries = [f"{value:.3f}" for value in values]
    entries[5] = entries[20] = text
    found, flags = column(tmp_path, entries, name, unit)
    assert np.flatnonzero(np.isnan(found)).tolist() == [5, 20]
    (flag,) = (flag for flag in flags if "stand-in" in flag)
    assert f"2 rows hold {text}" in flag
    assert f'missing = ["{text}"]' in flag
    assert "line 7" in flag


def test_nothing_but_stand_ins_is_no_column(tmp_path) -> None:
    with pytest.raises(FormatError, match="nothing but -9999, a stand-in"):
        column(tmp_path, [-9999.0] * 5, "temperature", "degC")


def test_a_stand_in_for_a_time_is_no_time(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("t,T\n-9999,20\n" + "".join(f"{row},{20 + row}\n" for row in range(20)))
    streams = (Stream(TimeColumn("t", unit="min"), {"temperature": Channel("T", "degC")}),)
    log = read_log(path, ColumnMap("x", streams=streams))
    assert log.channels["temperature"].times[-1] == 19 * 60.0
    assert any("time: 1 rows hold -9999" in flag for flag in log.flags)


def test_a_number_within_reach_of_the_others_is_no_stand_in(tmp_path) -> None:
    found, flags = column(tmp_path, [-1100.0, -999.0, -900.0, -1000.0, -950.0], "heat_flow", "W")
    assert np.isfinite(found).all()
    assert flags == ()


@pytest.mark.parametrize(
    ("name", "unit", "values"),
    [("temperature", "degC", 40.0 - 0.1 * np.arange(60)), ("concentration", "kg/kg", 0.3 - 0.002 * np.arange(60))],
)
def test_a_zero_that_a_signal_leaps_to_and_back_is_a_drop_out(tmp_path, name, unit, values) -> None:
    values = values.copy()
    values[[10, 30, 31, 32]] = 0.0
    found, flags = column(tmp_path, values, name, unit, ".4f")
    assert np.flatnonzero(np.isnan(found)).tolist() == [10, 30, 31, 32]
    assert any("4 rows hold 0" in flag and "line 12" in flag and "drop-outs" in flag for flag in flags)


def test_true_zeros_stay(tmp_path) -> None:
    crossing, flags = column(tmp_path, 5.0 - 0.1 * np.arange(101), "temperature", "degC")
    assert np.isfinite(crossing).all()
    assert flags == ()
    held = [0.1, 0.0, 0.1, 0.0, -0.1, 0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.1]
    assert np.isfinite(column(tmp_path, held, "temperature", "degC")[0]).all()
    dissolving = [0.0, 0.18, 0.19, 0.195, 0.196, 0.197]
    assert np.isfinite(column(tmp_path, dissolving, "concentration", "kg/kg", ".3f")[0]).all()
    stirrer = [600.0, 600.0, 0.0, 600.0, 600.0]
    assert np.isfinite(column(tmp_path, stirrer, "stirring", "rpm")[0]).all()
    light = [0.9, 0.9, 0.0, 0.9, 0.9]  # a crystal swims past
    assert np.isfinite(column(tmp_path, light, "transmissivity", "1")[0]).all()


def test_a_thermometer_that_starts_at_zero_and_a_probe_that_ends_there_dropped_out(tmp_path) -> None:
    found, _ = column(tmp_path, [0.0, 0.0, *(40.0 - 0.1 * np.arange(30))], "temperature", "degC")
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1]
    found, _ = column(tmp_path, [*(0.2 - 0.001 * np.arange(30)), 0.0], "concentration", "kg/kg", ".3f")
    assert np.flatnonzero(np.isnan(found)).tolist() == [30]


def test_a_size_of_zero_is_no_size(tmp_path) -> None:
    found, flags = column(tmp_path, [0.0, 12.0, 0.0, 13.0], "size_d50", "um")
    assert np.isnan(found[[0, 2]]).all()
    assert any("2 rows hold the size 0" in flag for flag in flags)
    assert (column(tmp_path, [0.0, 0.0], "size_d50", "um")[0] == 0).all()  # clear all the time


def test_drop_outs_reach_neither_evidence_nor_supersaturation(tmp_path) -> None:
    T, c = 40.0 - 0.1 * np.arange(60), 0.25 - 0.002 * np.arange(60)
    T[9], c[12] = 0.0, 0.0
    path = tmp_path / "log.csv"
    path.write_text(
        "t,T,c\n" + "".join(f"{row},{a:.2f},{b:.4f}\n" for row, (a, b) in enumerate(zip(T, c, strict=True)))
    )
    channels = {"temperature": Channel("T", "degC"), "concentration": Channel("c", "kg/kg")}
    columns = ColumnMap(
        "salt",
        streams=(Stream(TimeColumn("t", unit="min"), channels),),
        solubility=Solubility((0.05, 0.004)),
        concentration_basis="solvent",
    )
    record = ingest_log(path, columns).record
    assert record.status == "flagged"
    assert np.nanmin(record.conditions["temperature"].values) > 300.0
    assert np.nanmin(record.evidence["concentration"].values) > 0.1
    S = record.conditions["supersaturation"].values
    assert np.flatnonzero(np.isnan(S)).tolist() == [12]
    expected = (0.25 - 0.002 * 9) / (0.05 + 0.004 * (40.0 - 0.9))
    assert S[9] == pytest.approx(expected, rel=1e-9)


# --- units of channels -------------------------------------------------------------------------------------------


def test_a_concentration_column_is_read_in_its_unit(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("t,x\n0,0.06\n1,0.05\n")
    streams = (Stream(TimeColumn("t", unit="min"), {"concentration": Channel("x", "mol/mol")}),)
    with pytest.raises(ParameterError, match="mole fraction, which needs molar_mass"):
        read_log(path, ColumnMap("x", streams=streams))
    known = ColumnMap("x", streams=streams, amounts=Amounts(151.16, 46.07))
    assert read_log(path, known).channels["concentration"].values[0] == pytest.approx(0.17317, abs=1e-5)


def test_more_than_all_of_it_is_refused(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("t,x\n0,20\n1,120\n")
    streams = (Stream(TimeColumn("t", unit="min"), {"concentration": Channel("x", "wt%")}),)
    with pytest.raises(FormatError, match="line 3: concentration of 120 wt% is no amount that can be"):
        read_log(path, ColumnMap("x", streams=streams, concentration_basis="solvent"))


def test_more_than_a_kilogram_per_kilogram_of_solution_is_refused(tmp_path) -> None:
    with pytest.raises(FormatError, match=r"outside \[0, 1\].*wrong unit"):
        column(tmp_path, [20.0, 19.0, 18.0], "concentration", "kg/kg")


def test_absorbance_is_no_distance_and_no_transmissivity(tmp_path) -> None:
    assert column(tmp_path, [0.5, 0.6], "probe", "AU")[0].tolist() == [0.5, 0.6]
    assert column(tmp_path, [500.0, 600.0], "probe", "mAU")[0].tolist() == [0.5, 0.6]
    with pytest.raises(ParameterError, match="an absorbance: name the channel turbidity"):
        column(tmp_path, [0.5, 0.6], "transmissivity", "AU")


def test_letters_that_mean_another_unit_are_explained(tmp_path) -> None:
    with pytest.raises(ParameterError, match="did you mean degC"):
        column(tmp_path, [20.0, 21.0], "temperature", "C")


# --- thousands ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "expected"),
    [
        ("1.200", ",", ".", 1200.0),
        ("1.234.567,5", ",", ".", 1234567.5),
        ("1,234.5", ".", ",", 1234.5),
        ("1 234,5", ",", " ", 1234.5),
        ("1\u202f234,5", ",", " ", 1234.5),
        ("1'234.5", ".", "'", 1234.5),
        ("-12.000", ",", ".", -12000.0),
        ("950", ",", ".", 950.0),
        ("40,5", ",", ".", 40.5),
    ],
)
def test_separators_of_thousands_are_read_when_stated_and_named_when_not(
    tmp_path, text, decimal, thousands, expected
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"t;x\n0;{text}\n1;{text}\n")

    def value(**layout: str) -> float:
        streams = (Stream(TimeColumn("t", unit="min"), {"count": Channel("x", "1")}),)
        log = read_log(path, ColumnMap("x", layout=Layout(delimiter=";", decimal=decimal, **layout), streams=streams))
        return float(log.channels["count"].values[0])

    assert value(thousands=thousands) == expected
    if text not in ("950", "40,5"):
        with pytest.raises(FormatError, match="thousands ="):
            value()


def test_groups_that_are_not_of_three_are_no_thousands(tmp_path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("t;x\n0;1.20\n1;1.30\n")
    streams = (Stream(TimeColumn("t", unit="min"), {"count": Channel("x", "1")}),)
    layout = Layout(delimiter=";", decimal=",", thousands=".")
    with pytest.raises(FormatError, match="'1.20' has the decimal sign"):
        read_log(path, ColumnMap("x", layout=layout, streams=streams))
    with pytest.raises(ParameterError, match="not the decimal sign"):
        Layout(decimal=",", thousands=",")


def test_counts_of_three_decimals_beside_whole_ones_are_questioned(tmp_path) -> None:
    _, flags = column(tmp_path, ["980", "999", "1.200", "1.310"], "crystal_count", "1")
    assert any('set thousands = "."' in flag for flag in flags)
    assert column(tmp_path, ["1.200", "1.310"], "crystal_count", "1")[1] == ()


@pytest.mark.parametrize(
    ("values", "is_flagged"),
    [(("950", "1.100"), True), (("250", "0.300"), False), (("950", "1.10"), False), (("95", "1.100"), False)],
)
def test_numbers_that_may_be_of_thousands_are_flagged_in_every_channel(tmp_path, values, is_flagged) -> None:
    path = tmp_path / "log.csv"
    path.write_text("t,N\n" + "".join(f"{row},{values[row // 20]}\n" for row in range(40)))
    stream = Stream(TimeColumn("t", unit="s"), {"stirring": Channel("N", "rpm")})
    flags = read_log(path, ColumnMap("x", streams=(stream,))).flags
    assert [flag.startswith("stirring: numbers such as 1.200") for flag in flags] == [True] * is_flagged
