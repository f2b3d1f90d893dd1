"""How much noise a check of a log allows, to the digit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nakaya.reactor.logs.checks import check_dissolution, check_growth, check_supersaturation

STEP = 1e-3
NOISE = 1.4826 * STEP / math.sqrt(2)
"""Of a signal that goes up and down by one step: its differences have the median 0 and the median size of a step."""


def zigzag(rise: float) -> np.ndarray:
    """Up and down by a step about 0.1, ending below, then one rise."""
    return np.append(0.1 + STEP * (np.arange(62) % 2 == 0), 0.1 + rise)


@pytest.mark.parametrize(("rise", "flags"), [(5.9 * NOISE, 0), (6.1 * NOISE, 1)])
def test_a_rise_of_six_times_the_noise_is_allowed(rise: float, flags: int) -> None:
    values = zigzag(rise)
    times = 60.0 * np.arange(values.size)
    assert len(check_dissolution(times, values, np.full(values.size, 1.2))) == flags


@pytest.mark.parametrize(("rise", "flags"), [(0.0059, 0), (0.0061, 1)])
def test_without_noise_two_per_cent_are(rise: float, flags: int) -> None:
    values = np.append(np.full(40, 0.3), 0.3 + rise)
    times = 60.0 * np.arange(values.size)
    assert len(check_dissolution(times, values, np.full(values.size, 1.2))) == flags


@pytest.mark.parametrize(("ratio", "flags"), [(0.49, 1), (0.51, 0), (1.0, 0), (4.9, 0), (5.1, 1)])
def test_a_supersaturation_that_is_absurd_throughout_is_questioned(ratio: float, flags: int) -> None:
    S = ratio * np.linspace(1.0, 1.0 if ratio == 1 else 0.99 if ratio < 1 else 1.01, 20)
    assert len(check_supersaturation(S)) == flags
    assert check_supersaturation(np.append(S, 1.0)) == []  # it comes near saturation at last


def test_crystals_do_not_grow_from_an_undersaturated_solution() -> None:
    times, falling = 60.0 * np.arange(40.0), np.linspace(0.30, 0.25, 40)
    (flag,) = check_growth(times, falling, np.full(40, 0.9))
    assert "falls by 0.05 kg/kg" in flag
    assert "undersaturated all along" in flag
    assert check_growth(times, falling, np.full(40, 1.1)) == []
    assert check_growth(times, falling[::-1], np.full(40, 0.9)) == []
    assert check_dissolution(times, falling, np.full(40, 0.9)) == []
