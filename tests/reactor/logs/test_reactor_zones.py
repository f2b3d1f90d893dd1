"""Clear and cloud points of signals that rise with crystals, drift, or go against the temperature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nakaya.reactor.logs.column_map import Channel, ColumnMap, Stream, TimeColumn
from nakaya.reactor.logs.events import TurbidityEvent, find_turbidity_events, transmissivity_from
from nakaya.reactor.logs.record import IngestedLog, ingest_log
from nakaya.reactor.logs.zones import _is_against_temperature
from nakaya.reactor.solubility import Solubility

RATE = 0.5 / 60.0
CLEAR, CLOUD = 60.0, 45.0
NEAR = 1.0
"""K: a minute of smoothing is half a kelvin, and light is within the threshold a little before all is dissolved."""


def cycles(num: int = 1, step: float = 10.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heating from 20 to 70 C and back, `num` times: times (s), transmissivity and temperature (C)."""
    half = np.arange(0.0, 50.0 / RATE, step)
    T = np.tile(np.concatenate([20.0 + RATE * half, 70.0 - RATE * half]), num)
    heating = np.tile(np.repeat([True, False], half.size), num)
    light = np.where(heating, np.clip((T - 50.0) / 10.0, 0.0, 1.0) ** 2, 1.0 - np.clip((CLOUD - T) / 3.0, 0.0, 1.0))
    return step * np.arange(T.size), light, T


def ingest(folder: Path, name: str, signal: np.ndarray, *, unit: str = "1", **of_map) -> IngestedLog:
    times, _, T = cycles(round(signal.size / cycles()[0].size))
    path = folder / "log.csv"
    rows = zip(times, T, signal, strict=True)
    path.write_text("t,T,x\n" + "".join(f"{t:.0f},{a:.3f},{b:.5f}\n" for t, a, b in rows))
    channels = {"temperature": Channel("T", "degC"), name: Channel("x", unit)}
    return ingest_log(path, ColumnMap("salt", streams=(Stream(TimeColumn("t", unit="s"), channels),), **of_map))


def celsius(found: IngestedLog, kind: str) -> list[float]:
    return [event.temperature - 273.15 for event in found.events if event.kind == kind]


@pytest.mark.parametrize("unit", ["NTU", "%", "1", "counts"])
def test_turbidity_is_read_as_a_signal_that_rises_with_the_crystals(tmp_path, unit) -> None:
    found = ingest(tmp_path, "turbidity", 20.0 + 400.0 * (1.0 - cycles()[1]), unit=unit)
    assert celsius(found, "clear") == pytest.approx([CLEAR], abs=NEAR)
    assert celsius(found, "cloud") == pytest.approx([CLOUD], abs=NEAR)
    assert found.zones[0].width == pytest.approx(CLEAR - CLOUD, abs=2 * NEAR)
    assert found.record.status == "ok"
    assert found.record.evidence["turbidity"].values.max() == pytest.approx(420.0, abs=0.1)


def test_turbidity_without_a_change_says_so() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(0.0, 3600.0, 5.0)
    assert "no change" in transmissivity_from(times, 30.0 + rng.standard_normal(times.size))[1]
    assert "no change" in transmissivity_from(times, np.full(times.size, 30.0))[1]
    assert "too few" in transmissivity_from(times[:5], times[:5])[1]


@pytest.mark.parametrize(("name", "turned"), [("transmissivity", True), ("turbidity", False)])
@pytest.mark.parametrize("num", [1, 3])
def test_a_signal_under_the_wrong_name_gives_no_negative_width_but_a_question(tmp_path, name, turned, num) -> None:
    light = cycles(num)[1]
    found = ingest(tmp_path, name, 1.0 - light if turned else light)
    assert found.events == found.zones == ()
    assert not [key for key in found.record.quantities if "width" in key or "induction" in key or "point" in key]
    other = "turbidity" if name == "transmissivity" else "transmissivity"
    assert any(f"name its channel {other}" in flag and "solubility falls" in flag for flag in found.record.flags)


@pytest.mark.parametrize("falls", [False, True])
def test_a_log_is_against_its_temperature_where_most_events_are(falls) -> None:
    """Clearing on cooling and clouding on heating, by half a kelvin in the ten minutes before; else nothing is said."""
    clock = np.arange(0.0, 7200.0, 60.0)

    def is_against(*moves: tuple[str, float]) -> bool:
        def event(kind: str, moved: float) -> bool:
            T = 320.0 + moved * (clock - 3000.0) / 600.0
            found = TurbidityEvent(kind, 3600.0, 320.0 + moved, 0.1, False)  # type: ignore[arg-type]
            return _is_against_temperature([found] * 2, clock, T, falls)

        return any(event(*move) for move in moves)

    for moved in (0.6, 0.9, 1.1, 5.0):
        assert is_against(("clear", -moved)) == is_against(("cloud", moved)) == (not falls)
        assert is_against(("clear", moved)) == is_against(("cloud", -moved)) == falls
    for kind in ("clear", "cloud"):
        for moved in (-0.4, 0.0, 0.4):
            assert not is_against((kind, moved))
    events = [TurbidityEvent(kind, 3600.0, 321.0, 0.1, False) for kind in ("clear", "cloud")]  # type: ignore[arg-type]
    assert not _is_against_temperature(events, clock, 320.0 + clock * 0.0, falls)  # one each


def test_where_solubility_falls_with_temperature_a_solution_clouds_on_heating(tmp_path) -> None:
    """The same signal turned over: cloudy above 60 C on heating, clear below 45 C on cooling."""
    law = Solubility((0.4, -0.004), basis="solution")
    turned = 1.0 - cycles()[1]
    found = ingest(tmp_path, "transmissivity", turned, solubility=law, concentration=0.4 - 0.004 * 50.0)
    assert [event.kind for event in found.events] == ["cloud", "clear"]
    (zone,) = found.zones
    assert zone.clear == pytest.approx(273.15 + 50.0, abs=1e-3)  # from the law
    begins = celsius(found, "cloud")[0]  # where light begins to fall
    assert zone.width == pytest.approx(begins - 50.0, abs=1e-6)
    assert zone.width > 0
    assert zone.induction_time == pytest.approx(zone.width / RATE, abs=30.0)


def test_a_cloud_point_above_saturation_has_no_zone(tmp_path) -> None:
    """A solubility that puts saturation 10 K below the cloud point cannot be that of this solution."""
    law = Solubility((0.05, 0.004), basis="solution")
    found = ingest(tmp_path, "transmissivity", cycles()[1], solubility=law, concentration=0.05 + 0.004 * (CLOUD - 10.0))
    assert found.zones == ()
    assert len(found.events) == 2
    assert any("lies above saturation" in flag and "from the solubility" in flag for flag in found.record.flags)
    assert not [key for key in found.record.quantities if "width" in key or "induction" in key]
    assert found.record.status == "flagged"


def test_an_induction_time_that_begins_before_the_log_is_a_lower_bound(tmp_path) -> None:
    times, light, T = cycles()
    cooling = T.size // 2
    path = tmp_path / "log.csv"
    rows = zip(times[cooling:], T[cooling:], light[cooling:], strict=True)
    path.write_text("t,T,x\n" + "".join(f"{t:.0f},{a:.3f},{b:.5f}\n" for t, a, b in rows))
    channels = {"temperature": Channel("T", "degC"), "transmissivity": Channel("x", "1")}
    law = Solubility((0.05, 0.004), basis="solution")
    columns = ColumnMap(
        "salt",
        streams=(Stream(TimeColumn("t", unit="s"), channels),),
        solubility=law,
        concentration=0.05 + 0.004 * 80.0,
    )
    found = ingest_log(path, columns)
    assert any("supersaturated from the first row on" in flag for flag in found.record.flags)


@pytest.mark.parametrize("noise", [0.0, 0.003])
@pytest.mark.parametrize("levels", [(1.0, 0.9, 0.8), (0.8, 0.9, 1.0), (1.0, 0.7, 0.7)])
@pytest.mark.parametrize("is_steady", [False, True])
def test_a_drifting_plateau_loses_no_cycle(levels, noise, is_steady) -> None:
    times, light, T = cycles(3)
    level = np.interp(times, np.linspace(0, times[-1], 3), levels) if is_steady else np.repeat(levels, times.size // 3)
    signal = light * level + noise * np.random.default_rng(1).standard_normal(times.size)
    events, remark = find_turbidity_events(times, signal, times, T)
    assert [event.kind for event in events] == ["clear", "cloud"] * 3
    found = np.array([event.temperature for event in events])
    np.testing.assert_allclose(found, [CLEAR, CLOUD] * 3, atol=NEAR)
    assert "drifts from" in remark


def test_crystals_that_swim_past_are_no_lower_plateau() -> None:
    """A second cycle that never clears: its light comes back to 85 %, but flickers."""
    times, light, T = cycles(2)
    half = times.size // 2
    flicker = np.random.default_rng(2).random(times.size) < 0.3
    second = np.where(flicker, 0.5, 0.85) * light
    events, remark = find_turbidity_events(times, np.where(np.arange(times.size) < half, light, second), times, T)
    assert [event.kind for event in events] == ["clear", "cloud"]
    assert remark == ""


def test_a_steady_plateau_is_left_alone() -> None:
    times, light, T = cycles(3)
    events, remark = find_turbidity_events(times, light, times, T)
    assert len(events) == 6
    assert remark == ""


@pytest.mark.parametrize(("noise", "is_told"), [(0.002, False), (0.05, True)])
def test_a_signal_too_noisy_for_its_thresholds_says_so(noise: float, is_told: bool) -> None:
    times, light, T = cycles(3)
    signal = light + noise * np.random.default_rng(0).standard_normal(times.size)
    events, remark = find_turbidity_events(times, signal, times, T)
    late = max(event.temperature for event in events if event.kind == "clear") - CLEAR
    assert (late > NEAR) == is_told
    assert ("clear points are found late" in remark) == is_told
