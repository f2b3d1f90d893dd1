"""Two channels of one log: what cannot be true of both is said, and nothing is known where one of them ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import FormatError
from nakaya.reactor.logs.column_map import Channel, ColumnMap, Stream, TimeColumn
from nakaya.reactor.logs.log import ReactorLog, read_log
from nakaya.reactor.logs.record import ingest_log
from nakaya.reactor.logs.series import Series, at_times
from nakaya.reactor.solubility import Solubility

SECONDS = np.arange(0.0, 3600.0, 60.0)


def read(folder: Path, **columns: tuple[str, object]) -> ReactorLog:
    """A log of channels, each with its unit and a value or one value a row."""
    values = [np.broadcast_to(np.asarray(value, dtype=float), SECONDS.size) for _, value in columns.values()]
    path = folder / "log.csv"
    rows = "\n".join(",".join(f"{value:.8g}" for value in row) for row in zip(SECONDS, *values, strict=True))
    path.write_text(f"t,{','.join(columns)}\n{rows}\n")
    stream = Stream(TimeColumn("t", unit="s"), {name: Channel(name, unit) for name, (unit, _) in columns.items()})
    return read_log(path, ColumnMap("salt", streams=(stream,)))


def test_quantiles_of_sizes_that_do_not_rise_are_flagged(tmp_path) -> None:
    flags = read(tmp_path, size_d10=("um", 90.0), size_d50=("um", 50.0), size_d90=("um", 10.0)).flags
    assert [flag.split(" in ")[0] for flag in flags] == [
        "size_d10 is greater than size_d50", "size_d10 is greater than size_d90", "size_d50 is greater than size_d90",
    ]  # fmt: skip
    assert read(tmp_path, size_d10=("um", 10.0), size_d50=("um", 50.0), size_d90=("um", 90.0)).flags == ()
    assert read(tmp_path, size_d10=("um", 50.0), size_d50=("um", 50.0)).flags == ()  # one class


@pytest.mark.parametrize(
    ("name", "unit", "value"),
    [("size_d50", "um", 9e-5), ("size_d50", "m", 90.0), ("mean_size", "um", -50.0), ("crystal_count", "1", -3.0)],
)
def test_sizes_and_counts_that_cannot_be_are_refused(tmp_path, name, unit, value) -> None:
    with pytest.raises(FormatError, match="wrong unit"):
        read(tmp_path, **{name: (unit, value)})


def test_a_setpoint_in_another_unit_is_flagged(tmp_path) -> None:
    falling = 50.0 - SECONDS / 600.0
    (flag,) = read(tmp_path, temperature=("degC", falling), setpoint=("degC", falling + 273.15)).flags
    assert "-273 K off its setpoint" in flag
    assert read(tmp_path, temperature=("degC", falling), setpoint=("K", falling + 263.15)).flags == ()


def test_values_between_times_are_linear_and_unknown_beyond_the_ends() -> None:
    series = Series(np.array([0.0, 10.0, 20.0, 30.0]), np.array([np.nan, 1.0, 3.0, np.nan]), "1")
    times = np.array([-1.0, 0.0, 15.0, 30.0, 31.0])
    np.testing.assert_array_equal(at_times(series, times), [np.nan, 1.0, 2.0, 3.0, np.nan])


@pytest.mark.parametrize(("delay", "known"), [(0.0, 60), (1800.0, 31), (7200.0, None)])
def test_supersaturation_is_known_only_where_temperature_was_logged(tmp_path, delay, known) -> None:
    """Two clocks; the concentration lags by `delay` s, and may reach one step beyond the last temperature."""
    celsius = 50.0 - SECONDS / 120.0
    rows = zip(SECONDS, celsius, SECONDS + delay, np.full(SECONDS.size, 0.2), strict=True)
    path = tmp_path / "log.csv"
    path.write_text("t,T,u,c\n" + "".join(",".join(f"{value:.6f}" for value in row) + "\n" for row in rows))
    streams = (
        Stream(TimeColumn("t", unit="s"), {"temperature": Channel("T", "degC")}),
        Stream(TimeColumn("u", unit="s"), {"concentration": Channel("c", "kg/kg")}, place="stream."),
    )
    found = ingest_log(path, ColumnMap("salt", streams=streams, solubility=Solubility((0.05, 0.004), basis="solution")))
    flags = [flag for flag in found.record.flags if "supersaturation" in flag]
    if known is None:
        assert found.supersaturation is None
        assert flags == ["temperature and concentration have no time in common: the supersaturation is not known"]
        return
    assert found.supersaturation is not None
    times, S = found.supersaturation
    expected = 0.2 / (0.05 + 0.004 * np.maximum(50.0 - times / 120.0, celsius[-1]))
    assert int(np.isfinite(S).sum()) == known
    np.testing.assert_allclose(S[:known], expected[:known], rtol=1e-5)
    assert bool(flags) is (known < SECONDS.size)
