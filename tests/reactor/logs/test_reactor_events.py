"""Clear and cloud points, zones, jumps and balances, on synthetic signals whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.reactor.logs.checks import check_balance, check_dissolution, find_size_jumps
from nakaya.reactor.logs.column_map import Balance
from nakaya.reactor.logs.events import (
    _drift,
    find_turbidity_events,
    metastable_zone,
    running_median,
    transmissivity_from,
)
from nakaya.reactor.logs.log import ReactorLog, Series

RATE = 0.5 / 60.0  # K/s


def cycle(rng: np.random.Generator, *, noise: float, clear_at: float, cloud_at: float, spikes: int = 20):
    """Heat from 20 to 80 C and back at 0.5 K/min: turbid until `clear_at`, clear until `cloud_at` on the way down."""
    half = np.arange(0.0, 60.0 / RATE, 2.0)
    times = np.concatenate([half, half + half[-1] + 2.0])
    temperature = 273.15 + np.concatenate([20.0 + RATE * half, 80.0 - RATE * half])
    heating = times <= half[-1]
    celsius = temperature - 273.15
    dissolving = np.clip((celsius - (clear_at - 10.0)) / 10.0, 0.0, 1.0) ** 2  # light comes back as crystals go
    clouding = np.clip((cloud_at - celsius) / 3.0, 0.0, 1.0)
    light = np.where(heating, dissolving, 1.0 - clouding)
    light = light - noise * rng.exponential(size=times.size) * (light < 1.0)  # crystals swim past: dips only
    light[rng.integers(0, times.size, spikes)] = 0.0
    light[0] = 1.0
    return times, np.clip(light, 0.0, 1.0), temperature


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    noise=st.floats(0.0, 0.15),
    clear_at=st.floats(50.0, 75.0),
    below=st.floats(3.0, 20.0),
)
def test_clear_and_cloud_points_are_found_under_noise_and_spikes(seed, noise, clear_at, below):
    cloud_at = clear_at - below
    times, light, temperature = cycle(np.random.default_rng(seed), noise=noise, clear_at=clear_at, cloud_at=cloud_at)
    events, remark = find_turbidity_events(times, light, times, temperature)
    assert remark == ""
    assert [event.kind for event in events] == ["clear", "cloud"]
    # a minute of smoothing is 0.5 K; light is within 1 % of the plateau 0.05 K before the end of dissolution
    assert events[0].temperature - 273.15 == pytest.approx(clear_at, abs=1.0)
    assert events[1].temperature - 273.15 == pytest.approx(cloud_at, abs=1.0)
    (zone,) = metastable_zone(events, times, temperature)
    assert zone.width == pytest.approx(below, abs=1.5)
    assert zone.induction_time == pytest.approx(below / RATE, abs=1.5 / RATE)


def test_a_cloud_point_during_a_hold_has_a_hold_time():
    times = np.arange(0.0, 7200.0, 1.0)
    temperature = 273.15 + np.where(times < 600, 70.0, np.maximum(70.0 - (times - 600) / 10.0, 50.0))
    light = np.where(times < 3000.0, 1.0, 0.1)  # cooling ends at 800 s, crystals appear at 3000 s
    events, _ = find_turbidity_events(times, light, times, temperature)
    assert [event.kind for event in events] == ["cloud"]
    assert events[0].is_isothermal
    (zone,) = metastable_zone(events, times, temperature, saturation_temperature=273.15 + 60.0)
    assert zone.hold_time == pytest.approx(2200.0, abs=70.0)
    assert zone.induction_time == pytest.approx(2300.0, abs=70.0)
    assert metastable_zone(events, times, temperature) == []  # nothing to measure the width from


def test_flicker_is_no_event_and_a_flat_signal_says_so():
    times = np.arange(0.0, 3600.0, 1.0)
    temperature = np.full(times.size, 300.0)
    light = np.ones(times.size)
    light[1000:1090] = 0.0  # a bubble for a minute and a half
    light[2000:2400] = 0.1
    events, _ = find_turbidity_events(times, light, times, temperature)
    assert [event.kind for event in events] == ["cloud", "clear"]
    assert events[0].time == pytest.approx(2000.0, abs=40.0)
    none, remark = find_turbidity_events(times, np.full(times.size, 0.4), times, temperature)
    assert none == []
    assert "no change" in remark
    assert "too few" in find_turbidity_events(times[:5], light[:5], times, temperature)[1]


def test_a_solution_is_clear_only_when_even_the_dips_are_gone():
    times, rng = np.arange(0.0, 7200.0, 1.0), np.random.default_rng(2)
    light = np.where(times < 1000.0, 0.2, 1.0)
    swimming = (times >= 1000.0) & (times < 4000.0) & (rng.random(times.size) < 0.25)
    light[swimming] = 0.5  # the median is on the plateau from 1000 s on, but crystals are still there
    events, _ = find_turbidity_events(times, light, times, 300.0 + 0.005 * times)
    assert [event.kind for event in events] == ["clear"]
    assert events[0].time == pytest.approx(4000.0, abs=60.0)


def steps(*levels: tuple[float, int]) -> np.ndarray:
    """A signal that stays at each level for so many seconds."""
    return np.concatenate([np.full(seconds, level) for level, seconds in levels])


def events_of(light: np.ndarray, temperature: np.ndarray | None = None):
    """Kinds and times of what is seen in a signal of one value a second."""
    times = np.arange(float(light.size))
    found, _ = find_turbidity_events(
        times, light, times, np.full(light.size, 300.0) if temperature is None else temperature
    )
    return [(event.kind, event.time) for event in found]


SEEN_CLEAR = 24
"""s after it is clear: of the 61 values around a moment six may lie low, a tenth."""


@pytest.mark.parametrize("top", [1.0, 0.7])
def test_the_thresholds_lie_where_they_are_said_to_lie(top):
    low = top - 0.5

    def level(fallen: float) -> float:
        return top - fallen * (top - low)

    assert events_of(steps((0.4, 1000), (0.59, 1000))) == []  # a fifth, at least
    assert events_of(steps((0.4, 1000), (0.61, 1000))) == [("clear", 1000 + SEEN_CLEAR)]
    clear, cloud = ("clear", 2000 + SEEN_CLEAR), ("cloud", 4999)  # the last moment near the plateau
    for fallen, seen in ((0.11, [clear]), (0.13, [clear, cloud, ("clear", 6000 + SEEN_CLEAR)])):
        assert events_of(steps((low, 2000), (top, 3000), (level(fallen), 1000), (top, 2000))) == seen
    for fallen, time in ((0.009, 2000), (0.011, 4000)):
        assert events_of(steps((low, 2000), (level(fallen), 2000), (top, 4000))) == [("clear", time + SEEN_CLEAR)]


@pytest.mark.parametrize(("wave", "fallen"), [(0.005, 4.0 * 1.4826 * 0.005), (0.02, 0.5 * 0.12 * 1.02)])
def test_a_plateau_that_waves_is_near_within_four_deviations_but_half_of_what_is_cloudy(wave, fallen):
    """Waves of three even levels, slower than the smoothing, whose highest one is the plateau."""
    waves = np.concatenate([np.full(200, 1.0 + place * wave) for place in (-1, 0, 1)] * 10)
    for deeper, time in ((-0.001, 2000), (0.001, 3000)):
        level = 1.0 + wave - fallen - deeper
        assert events_of(np.concatenate([steps((0.0, 2000), (level, 1000)), waves])) == [("clear", time + SEEN_CLEAR)]


def test_a_fiftieth_of_the_time_is_enough_to_be_seen():
    for cloudy, kinds in ((190, []), (210, ["cloud", "clear"])):
        assert [kind for kind, _ in events_of(steps((0.8, 5000), (0.2, cloudy), (0.8, 5000 - cloudy)))] == kinds


def test_what_does_not_last_three_minutes_is_flicker():
    for longer in (False, True):
        number = 3 if longer else 1
        cloudy, clear = 180 + longer, 180 + 2 * SEEN_CLEAR + longer
        assert len(events_of(steps((0.0, 2000), (1.0, 2000), (0.0, cloudy), (1.0, 2000)))) == number
        assert len(events_of(steps((0.0, 2000), (1.0, clear), (0.0, 2000), (1.0, 500)))) == number


def test_a_tenth_of_the_time_crystals_may_swim_past_a_clear_solution():
    for dips, time in ((6, 1000), (7, 4000)):  # of the 61 values of a minute
        light = steps((0.2, 1000), (1.0, 6000))
        light[1000 + (np.arange(3000 * dips // 61) * 61) // dips] = 0.7
        ((kind, found),) = events_of(light)
        assert kind == "clear"
        assert found == pytest.approx(time, abs=61)


@pytest.mark.parametrize("cooling", [0.01, 0.04])
@pytest.mark.parametrize("fading", [1, 1000])
def test_the_temperature_of_a_cloud_point_is_as_uncertain_as_its_time(cooling, fading):
    """Even distributions: over the time from one threshold (1 %) to the other (12 %), and over half a minute around."""
    light = np.concatenate([np.ones(3000), np.linspace(1.0, 0.0, fading), np.zeros(3000)])
    times = np.arange(float(light.size))
    (cloud,), _ = find_turbidity_events(times, light, times, 350.0 - cooling * times)
    assert cloud.temperature == pytest.approx(350.0 - cooling * cloud.time)
    expected = cooling * np.hypot(0.11 * fading / np.sqrt(12), 60 / 2 / np.sqrt(3))
    assert cloud.temperature_uncertainty == pytest.approx(expected, abs=2 * cooling / np.sqrt(12))  # of two samples
    assert not cloud.is_isothermal


def test_temperature_is_held_where_it_moves_by_less_than_half_a_kelvin_from_a_minute_before_to_five_after():
    light, times = steps((1.0, 3000), (0.0, 3000)), np.arange(6000.0)
    for begin, end, moved, held in (
        (2950, 3280, 0.45, True),
        (2950, 3280, 0.55, False),
        (2900, 2930, 5.0, True),
        (2900, 2950, 5.0, False),
        (3310, 3350, 5.0, True),
        (3280, 3320, 5.0, False),
    ):
        temperature = 300.0 + moved * np.clip((times - begin) / (end - begin), 0.0, 1.0)
        (cloud,), _ = find_turbidity_events(times, light, times, temperature)
        assert cloud.is_isothermal == held, (begin, end, moved)


def test_the_level_of_a_clear_solution_may_fall_to_three_fifths():
    def seen(level: float) -> tuple[list[str], str]:
        light = steps((0.0, 2000), (1.0, 2000), (0.0, 1000), (level, 3000))
        times = np.arange(float(light.size))
        events, remark = find_turbidity_events(times, light, times, np.full(light.size, 300.0))
        return [event.kind for event in events], remark

    kinds, remark = seen(0.61)
    assert kinds == ["clear", "cloud", "clear"]
    assert "drifts from 100% to 61% (a fouled window?)" in remark
    assert seen(0.59) == (["clear", "cloud"], "")


@pytest.mark.parametrize(("first", "dips", "is_clear"), [
    (0.0, 0.029, True), (0.0, 0.031, False), (0.04, 0.059, True), (0.04, 0.061, False),
])  # fmt: skip
def test_a_lower_level_is_clear_where_it_is_quiet_or_half_as_noisy_again_as_the_plateau(first, dips, is_clear):
    smooth = steps((0.0, 2000), (1.0, 2000), (0.0, 1000), (0.8, 3000))
    depth = steps((0.0, 2000), (first, 2000), (0.0, 1000), (dips, 3000))
    found = _drift(np.arange(8000.0), smooth, smooth - depth, 1.0, 1.0, 0.02)
    if is_clear:
        np.testing.assert_allclose(found, np.interp(np.arange(8000.0), [3999, 5000], [0.0, -0.2]), atol=1e-12)
    else:
        assert found is None


def test_the_level_of_a_clear_solution_may_fall_slowly_or_hardly():
    times = np.arange(6000.0)
    for lowest, tolerance, is_drift in ((0.9, 0.02, True), (0.9, 0.11, False), (0.7, 0.02, True)):
        smooth = 1.0 - (1.0 - lowest) * times / times[-1]
        found = _drift(times, smooth, smooth, 1.0, 1.0, tolerance)
        assert (found is not None) == is_drift
        if found is not None:  # a line through the upper quartiles of both halves: an eighth of the fall above it
            np.testing.assert_allclose(found - (smooth - 1.0), (1.0 - lowest) / 8, atol=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_turbidity_is_turned_over_where_its_change_is_ten_times_its_noise(sign):
    """Of three even values the median distance from the middle one is 1; 1.4826 of it is the deviation."""
    times, noise = np.arange(4000.0), np.resize([-1.0, 0.0, 1.0], 4000)
    for rise, is_seen in ((14.7, False), (15.0, True)):
        turbidity = 100.0 + rise * (times >= 2000 if sign > 0 else times < 2000) + noise
        turned, reason = transmissivity_from(times, turbidity)
        assert (reason == "") == is_seen
        np.testing.assert_allclose(turned, (100.0 + rise - turbidity) / rise if is_seen else turbidity)
    assert "too few" in transmissivity_from(times[:19], times[:19])[1]


def test_running_median_bridges_gaps_and_ignores_spikes():
    times = np.arange(100.0)
    values = np.sin(times / 30.0)
    spoiled = values.copy()
    spoiled[[20, 50, 51]] = 9.0
    spoiled[70] = np.nan
    assert np.abs(running_median(times, spoiled, 10.0) - values).max() < 0.2
    line = 2.0 - 0.1 * times
    holed = np.where((times > 40) & (times < 70), np.nan, line)
    np.testing.assert_allclose(running_median(times, holed, 10.0)[5:-5], line[5:-5])
    late = times + 10_000.0 * (times >= 50)  # a pause does not make samples rarer
    assert running_median(late, np.where(times == 20, 9.0, 1.0), 10.0).tolist() == [1.0] * 100
    assert running_median(times[:1], values[1:2], 10.0).tolist() == values[1:2].tolist()
    few = np.array([5.0, 1.0, 2.0, 9.0, 4.0, 7.0, 3.0])
    assert running_median(times[:7], few, 1000.0)[3] == 4.0  # no window is wider than the series


@pytest.mark.parametrize("step", [1.0, 2.0, 5.0])
def test_the_running_median_takes_out_what_lasts_half_of_its_window_however_often_is_measured(step):
    times = step * np.arange(200.0)
    for lasting, peak in ((30.0, 1.0), (30.0 + step, 9.0)):
        values = np.where((times >= 100) & (times < 100 + lasting), 9.0, 1.0)
        assert running_median(times, values, 60.0).max() == peak


def test_events_need_twenty_values_of_light_and_two_of_temperature():
    def is_enough(light: int, warm: int) -> bool:
        times = np.arange(60.0)
        values, T = np.where(times < 40, 0.0, 1.0), np.full(60, 300.0)
        values[light:], T[warm:] = np.nan, np.nan
        return "too few" not in find_turbidity_events(times, values, times, T)[1]

    assert (is_enough(20, 60), is_enough(19, 60)) == (True, False)
    assert (is_enough(60, 2), is_enough(60, 1)) == (True, False)


def test_a_jump_in_size_is_flagged_and_growth_is_not():
    times = np.array([0.0, 600.0, 1800.0, 3600.0, 7200.0])
    spread = np.array([0.6, 1.0, 1.6])
    growing = np.outer([2e-6, 3e-6, 5e-6, 7e-6, 9e-6], spread)
    counts = np.full(5, 40.0)
    assert find_size_jumps(times, growing, counts) == []
    jumping = growing.copy()
    jumping[4] = 120e-6 * spread
    (jump,) = find_size_jumps(times, jumping, counts)
    assert jump.index == 4
    assert jump.factor == pytest.approx(120 / 7, rel=1e-6)
    assert "7200 s" in jump.message
    jumping[3], jumping[4] = 120e-6 * spread, growing[4]  # afterwards back in line: only the odd one is flagged
    assert [found.index for found in find_size_jumps(times, jumping, counts)] == [3]
    assert find_size_jumps(times, jumping, np.array([40.0, 40.0, 40.0, 3.0, 40.0])) == []  # too few to tell
    shrinking = growing.copy()
    shrinking[2] = growing[2] / 40
    assert [found.index for found in find_size_jumps(times, shrinking, counts)] == [2]


def log_of(**channels: np.ndarray) -> ReactorLog:
    times = np.arange(20.0) * 600.0
    return ReactorLog({name: Series(times, values, "1") for name, values in channels.items()}, None)


def test_a_mass_balance_that_does_not_close_is_flagged():
    dissolved = np.linspace(0.30, 0.20, 20)
    crystals = 0.30 - dissolved
    assert check_balance(log_of(concentration=dissolved, crystal_mass=crystals), None) == []
    (flag,) = check_balance(log_of(concentration=dissolved, crystal_mass=2.0 * crystals), None)
    assert "+33%" in flag
    assert check_balance(log_of(concentration=dissolved), Balance(total_solute=0.30)) == []
    (flag,) = check_balance(log_of(concentration=dissolved), Balance(total_solute=0.25))
    assert "+20%" in flag
    assert check_balance(log_of(crystal_mass=crystals), None) == []


def test_concentration_that_rises_in_a_supersaturated_solution_is_flagged():
    times, rng = np.arange(60.0) * 60.0, np.random.default_rng(0)
    falling = np.linspace(0.30, 0.20, 60) + 1e-3 * rng.standard_normal(60)
    assert check_dissolution(times, falling, np.full(60, 1.2)) == []
    rising = falling.copy()
    rising[30:] += np.linspace(0.0, 0.08, 30)
    (flag,) = check_dissolution(times, rising, np.full(60, 1.2))
    assert "rises" in flag
    assert check_dissolution(times, rising, np.full(60, 0.9)) == []  # crystals dissolve: as it should be
