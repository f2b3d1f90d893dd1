"""Melting points from runs: what is combined, bracketed and blocked obeys the laws of means and straight lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.melting import MeltingRun, combine_melting_points, zero_velocity_temperature
from nakaya.md.potentials import MATERIALS
from nakaya.md.properties import block_error, diffusivity
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record, Status

EXACT = 1e-9
"""Relative; closed forms, only rounding differs."""

KELVIN = st.floats(300, 3000)
ERRORS = st.floats(0.6, 50)
"""Above the least error that a run is believed to have."""


def coexistence(kelvin: float, error: float, seed: int, status: Status = "ok") -> Record:
    return Record(
        id=f"melting-{seed}", kind="md", material="Cu", status=status, flags=() if status == "ok" else ("made so",),
        conditions={DRIVING_FORCE: Quantity(np.array(0.0), "1")},
        quantities={"melting_temperature": Quantity(np.array(kelvin), "K", np.array(error))},
        provenance=Provenance("made from numbers", seeds=(seed,)),
    )  # fmt: skip


def coexistences(runs: Sequence[tuple[float, float]]) -> list[Record]:
    return [coexistence(kelvin, error, seed) for seed, (kelvin, error) in enumerate(runs)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(KELVIN, ERRORS), min_size=1, max_size=6))
def test_a_mean_lies_between_its_runs_in_any_order_and_is_no_surer_than_they_allow(
    runs: list[tuple[float, float]],
) -> None:
    found = combine_melting_points(coexistences(runs))
    values = [kelvin for kelvin, _ in runs]
    assert min(values) * (1 - EXACT) <= found.value <= max(values) * (1 + EXACT)
    again = combine_melting_points(coexistences(runs[::-1]))
    assert again.value == pytest.approx(found.value, rel=EXACT)
    assert again.standard_error == pytest.approx(found.standard_error, rel=EXACT)
    assert found.standard_error >= min(error for _, error in runs) / math.sqrt(len(runs)) * (1 - EXACT)


def test_runs_that_agree_halve_the_error_with_their_square_and_runs_that_differ_do_not() -> None:
    agree = combine_melting_points(coexistences([(1327.0, 4.0)] * 4))
    assert agree.standard_error == pytest.approx(2.0, rel=EXACT)
    differ = combine_melting_points(coexistences([(1300.0, 1.0), (1350.0, 1.0)]))
    assert differ.standard_error == pytest.approx(25.0, rel=EXACT)  # the scatter, not the stated errors


@pytest.mark.parametrize("rule", [0, 1])
def test_interfaces_that_move_tell_how_far_the_mean_temperature_is_from_the_melting_point(rule: int) -> None:
    """Two of them at 0.3 A/ps, 30 m/s, each, once a third of the run is over: that over the mobility."""
    run = MeltingRun(MATERIALS["Cu"], duration_ps=90.0)
    times = np.arange(0.0, 92.0, 2.0)

    def thickness(volume: float, *, rule: int) -> FloatArray:
        return np.where(times < 30, 55.0, 100.0 + 2 * 0.3 * (times - 30) * (-1) ** rule)

    history = SimpleNamespace(times_ps=times, thickness=thickness)
    expected = 30 / MATERIALS["Cu"].mobility * (-1) ** rule
    assert run._drift(history, 12.0, rule) == pytest.approx(expected, rel=EXACT)  # type: ignore[arg-type]


def test_runs_that_failed_say_nothing() -> None:
    good = coexistences([(1320.0, 3.0), (1330.0, 3.0)])
    failed = coexistence(10.0, 1.0, 9, status="failed")
    assert combine_melting_points([*good, failed]) == combine_melting_points(good)
    with pytest.raises(ParameterError, match="no coexistence run"):
        combine_melting_points([failed])


@settings(max_examples=30, deadline=None)
@given(melting=st.floats(900, 1700), slope=st.floats(0.05, 3), step=st.floats(1, 80), error=st.floats(0.01, 20))
def test_a_straight_line_is_bracketed_exactly(melting: float, slope: float, step: float, error: float) -> None:
    temperatures = melting + step * np.array([-2.3, 1.1, -0.4, 2.2])  # in no order
    velocities = slope * (melting - temperatures)
    found = zero_velocity_temperature(temperatures, velocities, np.full(4, error))
    assert found.value == pytest.approx(melting, rel=EXACT)
    # An error of the velocity is one of the temperature by the slope of the line; two ends share it.
    assert error / slope / math.sqrt(2) * (1 - EXACT) <= found.standard_error <= error / slope * (1 + EXACT)


def test_without_a_change_of_sign_there_is_no_melting_point() -> None:
    with pytest.raises(ParameterError, match="does not change its sign"):
        zero_velocity_temperature(np.array([900.0, 1000.0]), np.array([20.0, 5.0]), np.ones(2))


def test_blocks_know_of_correlation() -> None:
    rng = np.random.default_rng(0)
    white = rng.normal(size=(200, 2000))
    errors = np.array([block_error(series) for series in white])
    # The scatter of five means is chi-squared with four degrees of freedom: its mean over 200 series is good to 4 %.
    assert np.sqrt((errors**2).mean()) == pytest.approx(1 / math.sqrt(2000), rel=0.15)
    slow = np.repeat(white[:, :100], 20, axis=1)  # the same numbers, each of them twenty times
    errors = np.array([block_error(series) for series in slow])
    assert np.sqrt((errors**2).mean()) == pytest.approx(1 / math.sqrt(100), rel=0.15)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-4, 10), st.floats(0, 5))
def test_diffusivity_is_a_sixth_of_the_slope_whatever_atoms_did_at_first(value: float, ballistic: float) -> None:
    times = np.linspace(0, 20, 101)
    found, error = diffusivity(times, 6 * value * times + ballistic)
    assert found == pytest.approx(value, rel=1e-6)
    assert error <= 1e-6 * value + 1e-9


REPLICATES = 4000
STATED = 0.05
"""Relative, of a stated error against the standard deviation of 4,000 replicates, which know it to 1.1 %: 4 sigma."""


def test_the_error_of_blocks_is_what_replicates_show() -> None:
    # A memory of 5 in blocks of 100: what neighbouring blocks share makes the error some 2 % too small.
    drawn = np.random.default_rng(1).normal(size=(REPLICATES, 500))
    series = np.cumsum(drawn * 0.8 ** np.arange(500)[::-1], axis=1) / 0.8 ** np.arange(500)[::-1]
    stated = np.array([block_error(one) for one in series])
    assert np.sqrt((stated**2).mean()) == pytest.approx(series.mean(axis=1).std(ddof=1), rel=STATED)
    # In closed form: means of 1, 2, 3, 4, 5.
    assert block_error(np.repeat(np.arange(1.0, 6.0), 7)) == pytest.approx(math.sqrt(2.5 / 5))


def test_the_error_of_a_diffusivity_is_what_replicates_show() -> None:
    """Atoms that go on from where they are: increments of the squared displacement are independent."""
    times = np.linspace(0, 20, 201)
    steps = np.random.default_rng(2).normal(6 * 0.5 * 0.1, 0.2, (REPLICATES // 2, 200))
    paths = np.concatenate([np.zeros((REPLICATES // 2, 1)), np.cumsum(steps, axis=1)], axis=1)
    values, stated = np.array([diffusivity(times, path) for path in paths]).T
    assert values.mean() == pytest.approx(0.5, rel=0.01)
    assert np.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=1.5 * STATED)  # half the replicates


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.8])
def test_the_error_of_a_bracketed_melting_point_is_what_replicates_show(fraction: float) -> None:
    temperatures, errors = np.array([1300.0, 1340.0]), np.array([0.4, 0.7])
    velocities = 0.5 * (1300.0 + 40.0 * fraction - temperatures)
    drawn = velocities + errors * np.random.default_rng(3).standard_normal((REPLICATES, 2))
    found = [zero_velocity_temperature(temperatures, seen, errors) for seen in drawn if seen[0] > 0 >= seen[1]]
    values, stated = np.array([(entry.value, entry.standard_error) for entry in found]).T
    assert len(found) > 0.99 * REPLICATES
    assert np.sqrt((stated**2).mean()) == pytest.approx(values.std(ddof=1), rel=STATED)
    exact = zero_velocity_temperature(temperatures, velocities, errors)
    assert exact.standard_error == pytest.approx(math.hypot((1 - fraction) * 0.4, fraction * 0.7) / 0.5, rel=EXACT)
