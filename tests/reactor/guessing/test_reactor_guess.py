"""Drafts of column maps for logs as instruments and people write them, and what they never do: read by themselves."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.cli.app import run
from nakaya.core.errors import FormatError
from nakaya.reactor.config import read_column_map
from nakaya.reactor.guessing.guess import draft_map
from nakaya.reactor.logs.log import ReactorLog, read_log
from nakaya.reactor.profiles import Profile
from nakaya.reactor.words import name_and_unit, standard_unit

EXAMPLES = Path(__file__).parents[3] / "examples" / "reactor"
ROWS = 40
MINUTES = np.arange(ROWS) * 5.0
CELSIUS = 60.0 - 0.7 * np.arange(ROWS)
COOLED = Profile(np.asarray(MINUTES * 60.0, np.float64), np.asarray(CELSIUS + 273.15, np.float64))

ROUNDED = 0.01
"""K: the logs write two digits, and one is in degrees Fahrenheit."""


def rows(*columns: list[str], delimiter: str = ",") -> str:
    return "\n".join(delimiter.join(row) for row in zip(*columns, strict=True)) + "\n"


def numbers(values: Any, form: str = ".2f", decimal: str = ".") -> list[str]:
    return [f"{value:{form}}".replace(".", decimal) for value in values]


def stamps(form: Callable[[int], str]) -> list[str]:
    return [form(5 * number) for number in range(ROWS)]


def english() -> tuple[str, str]:
    head = "Time (min),Reactor temperature [°C],Jacket temperature (°C),Concentration [kg/kg],Stirrer speed (rpm)\n"
    columns = numbers(MINUTES), numbers(CELSIUS), numbers(CELSIUS - 3), ["0.2512"] * ROWS, ["250"] * ROWS
    return head + rows(*columns), "utf-8"


def german() -> tuple[str, str]:
    head = "Versuch 12;;;;\nZeit;Manteltemperatur;Reaktortemperatur;Trübung;Drehzahl\nmin;°C;°C;NTU;U/min\n"
    columns = (numbers(MINUTES, ".1f", ","), numbers(CELSIUS - 3, ".2f", ","), numbers(CELSIUS, ".2f", ","),
               numbers(MINUTES / 7, ".3f", ","), ["300"] * ROWS)  # fmt: skip
    return head + rows(*columns, delimiter=";"), "cp1252"


def date_and_time_apart() -> tuple[str, str]:
    head = "Datum\tUhrzeit\tT_Reaktor [K]\tT_Soll [K]\tBemerkung\n"
    dates = stamps(lambda minute: f"{13 + (23 * 60 + minute) // 1440}.02.2024")
    times = stamps(lambda minute: f"{((23 * 60 + minute) % 1440) // 60:02d}:{minute % 60:02d}:00")
    kelvin = numbers(CELSIUS + 273.15, ".2f", ",")
    return head + rows(dates, times, kelvin, kelvin, ["ok"] * ROWS, delimiter="\t"), "utf-8"


def without_units() -> tuple[str, str]:
    head = "t,Temp,Conc,D50,Counts,Pressure_mbar\n"
    columns = (numbers(MINUTES * 60, ".0f"), numbers(CELSIUS), numbers(0.3 - MINUTES / 1e3, ".4f"),
               numbers(50 + MINUTES), numbers(10 * MINUTES, ".0f"), ["1013"] * ROWS)  # fmt: skip
    return head + rows(*columns), "utf-8"


def fahrenheit_and_ambiguous_days() -> tuple[str, str]:
    head = "# logger 7.1\n# serial 0815\nTimestamp,Temperature (degF),Transmission (%)\n"
    times = stamps(lambda minute: f"03/04/2024 {minute // 60:02d}:{minute % 60:02d}:00")
    return head + rows(times, numbers(CELSIUS * 1.8 + 32), ["99.1"] * ROWS), "utf-8"


def spreadsheet_days() -> tuple[str, str]:
    head = "Date,T / °C,c / g/L\n"
    return head + rows(numbers(45000 + MINUTES / 1440, ".8f"), numbers(CELSIUS), ["251.0"] * ROWS), "utf-16"


def elapsed_clock() -> tuple[str, str]:
    head = "Elapsed|Tr|Tr setpoint|mean chord length (um)\n"
    times = stamps(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}:00")
    return head + rows(times, numbers(CELSIUS), numbers(CELSIUS), numbers(50 + MINUTES), delimiter="|"), "utf-8"


def iso_with_missing_values() -> tuple[str, str]:
    head = "timestamp;process temp (°C);turbidity [NTU]\n"
    times = stamps(lambda minute: f"2024-05-17T{8 + minute // 60:02d}:{minute % 60:02d}:00.250")
    values = numbers(CELSIUS)
    values[7] = "#N/A"
    return head + rows(times, values, numbers(MINUTES), delimiter=";"), "utf-8"


def size_classes() -> tuple[str, str]:
    head = "Date time,Actual temperature (°C)," + ",".join(f"bin{number}Size" for number in range(6)) + "\n"
    sizes = ",," + ",".join(str(3 * (number + 1)) for number in range(6)) + "\n"
    times = stamps(lambda minute: f"17/05/2024 {8 + minute // 60:02d}:{minute % 60:02d}:00")
    counts = [[str((row * (number + 1)) % 17) for row in range(ROWS)] for number in range(6)]
    return head + sizes + rows(times, numbers(CELSIUS), *counts), "utf-8"


LOGS: dict[Callable[[], tuple[str, str]], dict[str, tuple[Any, str]]] = {
    english: {
        "temperature": ("Reactor temperature [°C]", "degC"),
        "jacket_temperature": ("Jacket temperature (°C)", "degC"),
        "concentration": ("Concentration [kg/kg]", "kg/kg"),
        "stirring": ("Stirrer speed (rpm)", "rpm"),
    },
    german: {
        "jacket_temperature": ("Manteltemperatur", "degC"),
        "temperature": ("Reaktortemperatur", "degC"),
        "turbidity": ("Trübung", "NTU"),
        "stirring": ("Drehzahl", "rpm"),
    },
    date_and_time_apart: {"temperature": ("T_Reaktor [K]", "K"), "setpoint": ("T_Soll [K]", "K")},
    without_units: {
        "temperature": ("Temp", "degC"),
        "size_d50": ("D50", "um"),
        "crystal_count": ("Counts", "1"),
        "pressure": ("Pressure_mbar", "mbar"),
    },
    fahrenheit_and_ambiguous_days: {
        "temperature": ("Temperature (degF)", "degF"),
        "transmissivity": ("Transmission (%)", "%"),
    },
    spreadsheet_days: {"temperature": ("T / °C", "degC")},
    elapsed_clock: {
        "temperature": ("Tr", "degC"),
        "setpoint": ("Tr setpoint", "degC"),
        "mean_size": ("mean chord length (um)", "um"),
    },
    size_classes: {"temperature": ("Actual temperature (°C)", "degC")},
    iso_with_missing_values: {"temperature": ("process temp (°C)", "degC"), "turbidity": ("turbidity [NTU]", "NTU")},
}


@pytest.fixture(params=list(LOGS), ids=lambda log: log.__name__)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[], tuple[str, str]], Path]:
    text, encoding = request.param()
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode(encoding))
    return request.param, path


def read_by_draft(path: Path) -> ReactorLog:
    map_file = path.with_name("columns.toml")
    map_file.write_text(draft_map(path).text, encoding="utf-8")
    return read_log(path, read_column_map(map_file))


def test_columns_are_taken_for_what_they_are(log: tuple[Callable[[], tuple[str, str]], Path]) -> None:
    make, path = log
    draft = draft_map(path)
    found = tomllib.loads(draft.text)
    assert {name: (entry["column"], entry["unit"]) for name, entry in found["columns"].items()} == LOGS[make]
    assert draft.is_complete
    # What is not in the map is told, with a reason; nothing is left out in silence.
    taken = {entry["column"] for entry in found["columns"].values()} | {
        found["time"]["column"],
        found["time"].get("date"),
    }
    taken |= {found["sizes"]["first"]} if "sizes" in found else set()
    for entry in draft.columns:
        assert (entry.channel is not None) == (entry.column in taken)
        assert entry.reason


def test_the_draft_reads_the_log_as_it_was_meant(log: tuple[Callable[[], tuple[str, str]], Path]) -> None:
    series = read_by_draft(log[1]).channels["temperature"]
    assert series.times[-1] == pytest.approx(MINUTES[-1] * 60.0, abs=0.01)
    known = np.isfinite(series.values)
    assert np.abs(series.values - COOLED.at(series.times))[known].max() <= ROUNDED


def test_two_possible_readings_are_both_written_and_one_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(fahrenheit_and_ambiguous_days()[0])
    lines = draft_map(path).text.splitlines()
    assert 'format = "%d/%m/%Y %H:%M:%S"' in lines
    assert any(line.startswith('# format = "%m/%d/%Y %H:%M:%S"') for line in lines)
    path.write_text(without_units()[0])
    text = draft_map(path).text
    assert 'unit = "s"' in text
    assert '# unit = "min"' in text
    assert "# [columns.turbidity]" in text  # of counts
    # A concentration without a unit, or with one that needs a density, is not told.
    assert '# [columns.concentration]\n# column = "Conc"\n# unit = "kg/kg"' in text
    path.write_text(spreadsheet_days()[0])
    text = draft_map(path).text
    assert "needs solution_density under [amounts]" in text
    assert '# [columns.concentration]\n# column = "c / g/L"\n# unit = "g/L"' in text


def test_a_day_after_the_twelfth_settles_the_order_of_day_and_month(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(fahrenheit_and_ambiguous_days()[0].replace("03/04/2024", "03/14/2024"))
    text = draft_map(path).text
    assert 'format = "%m/%d/%Y %H:%M:%S"' in text
    assert "%d/%m" not in text


def test_neighbours_that_differ_by_a_number_are_size_classes(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(size_classes()[0], encoding="utf-8")
    found = tomllib.loads(draft_map(path).text)
    assert found["sizes"] == {"first": "bin0Size", "last": "bin5Size", "sizes_line": 2, "unit": "um", "edge": "upper"}
    assert found["file"]["data_line"] == 3
    sizes = read_by_draft(path).sizes
    assert sizes is not None
    assert np.allclose(sizes.edges, 3e-6 * np.arange(7))
    # Without a line of sizes nothing tells how large they are: commented out, and not taken for mean sizes.
    lines = size_classes()[0].splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    draft = draft_map(path)
    assert set(tomllib.loads(draft.text)["columns"]) == {"temperature"}
    assert "# [sizes]" in draft.text
    # Names that are the sizes themselves tell them.
    path.write_text(rows(["t", "0", "1"], *[[str(size), "4", "5"] for size in (10, 20, 40, 80, 160)]))
    assert tomllib.loads(draft_map(path).text)["sizes"]["sizes"] == [10.0, 20.0, 40.0, 80.0, 160.0]


def test_without_a_header_columns_go_by_position_and_little_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(rows(numbers(MINUTES), numbers(CELSIUS), numbers(0.3 - MINUTES / 1e3, ".4f"), delimiter="\t"))
    draft = draft_map(path)
    assert tomllib.loads(draft.text)["file"]["header_line"] == 0
    assert [entry.channel for entry in draft.columns] == ["time", None, None]
    assert "# column = 2" in draft.text
    assert not draft.is_complete


def test_the_shipped_example_is_read_as_its_own_map_says(tmp_path: Path) -> None:
    path = tmp_path / "batch-fast.csv"
    path.write_bytes((EXAMPLES / "batch-fast.csv").read_bytes())
    found, expected = read_by_draft(path), read_log(path, read_column_map(EXAMPLES / "columns.toml"))
    for name in ("temperature", "mean_size", "crystals"):
        assert np.array_equal(found.channels[name].values, expected.channels[name].values)
        assert found.channels[name].unit == expected.channels[name].unit


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds nothing"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
        (b"just a line of prose\n" * 30, "no lines of 5 fields hold numbers"),
        (b"a\n1\n2\n3\n", "cut its lines into one number of fields"),
        (b"t,T\n0,0,20,5\n1,0,20\n2,0,20,7,7\n3,0\n", "decimal commas between commas"),
        (b"\x1f\x8b\x08\0broken", "damaged or cut-off gz"),
    ],
)
def test_what_is_no_log_is_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(FormatError) as found:
        draft_map(path)
    assert told in str(found.value)


@settings(max_examples=60)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), min_size=3, max_size=3
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_any_header_gives_a_draft_that_is_toml(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], delimiter: str
) -> None:
    cleaned = [" ".join(name.replace(delimiter, " ").replace('"', " ").split()) or "x" for name in names]
    path = tmp_path_factory.mktemp("log") / "log.csv"
    text = (
        delimiter.join(cleaned) + "\n" + rows(numbers(MINUTES), numbers(CELSIUS), numbers(CELSIUS), delimiter=delimiter)
    )
    path.write_text(text, encoding="utf-8")
    found = tomllib.loads(draft_map(path).text)
    assert found["material"] == "unknown"
    assert found["file"]["delimiter"] in (delimiter, "tab")


def test_units_are_found_where_people_put_them() -> None:
    for header, expected in {
        "Temp. [°C]": ("Temp.", "degC"), "c(g/100 g)": ("c", "g/100 g"), "T/°C": ("T", "degC"), "T, K": ("T", "K"),
        "Zeit in min": ("Zeit", "min"), "time_s": ("time", "s"), "temperature_C": ("temperature", "degC"),
        "T_min": ("T_min", None), "batch_K": ("batch_K", None), "Tr": ("Tr", None), "t_min": ("t", "min"),
        "crystals_per_kg": ("crystals", "1/kg"), "Pressure_mbar": ("Pressure", "mbar"),
        "c (g Paracetamol/kg Ethanol)": ("c", "g/kg"), "c [g/100 g water]": ("c", "g/100 g"),
        "set_point": ("set_point", None),
        "Drehzahl (U/min)": ("Drehzahl", "rpm"), "p [mbar]": ("p", "mbar"), "x50 µm": ("x50", "um"), "": ("", None),
    }.items():  # fmt: skip
        assert name_and_unit(header) == expected, header
    assert standard_unit("°C") == standard_unit(" [ deg C ] ".replace(" [ ", "[").replace(" ] ", "]")) == "degC"
    assert standard_unit("remark") is None


def test_the_command_writes_a_draft_and_reads_nothing_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(english()[0], encoding="utf-8")
    words = ["ingest", "reactor", "log.csv", "--guess", "--out", "columns.toml"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tried"] == {"status": "ok", "flags": [], "duration_s": MINUTES[-1] * 60.0}
    assert {entry["column"]: entry["channel"] for entry in document["columns"]}["Time (min)"] == "time"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["columns.toml", "log.csv"]
    assert run(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert run([*words, "--overwrite"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(
        "written to columns.toml: correct it, then nakaya ingest reactor log.csv --map columns.toml"
    )
    assert run(["ingest", "reactor", "log.csv", "--map", "columns.toml", "--out", "ingested"]) == 0
    for wrong, told in (
        (["--map", "columns.toml", "--guess", "--out", "new"], "give one of them"),
        (["--out", "new"], "--map is missing; without one, nakaya ingest reactor LOG --guess"),
    ):
        capsys.readouterr()
        assert run(["ingest", "reactor", "log.csv", *wrong]) == 2
        assert told in capsys.readouterr().err
