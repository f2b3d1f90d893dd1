"""Colours: known values, round trips, and ramps that can be read in grey and by colour-blind eyes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import UnknownNameError
from nakaya.viz.colour import (
    from_hex,
    grain_hues,
    linear_to_srgb,
    oklab_to_srgb,
    oklch_to_srgb,
    srgb_to_linear,
    srgb_to_oklab,
    to_hex,
)
from nakaya.viz.style import DARK, LIGHT, THEMES, find_theme

DISPLAY_LEVEL = 1 / 255
"""What a display can show."""

PUBLISHED_DIGITS = 5e-4
"""The published matrices are rounded, so white comes out grey to this."""

ROUNDING = 1e-14
"""Of numbers up to one in double precision, through two powers."""

KNEES = [0.04045, 0.0031308 * 12.92, 0.0404482362771082]
"""Where the two branches of the transfer curve meet, as the standard rounds it on either side, and as it is."""

KINK = 1.02
"""The line and the power law cross at the knee: their slopes there differ by 1.7 %."""

EVENNESS = 0.03
"""Spread of the perceptual step along a ramp, relative: far below what shows as a band."""

READABLE = 4.5
"""Contrast of text that the accessibility guidelines (WCAG 2, level AA) ask for."""

# Machado et al. (2009): what linear light becomes for an eye without one kind of cone.
COLOUR_BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}

RAMPS = [theme.ramp for theme in THEMES.values()] + [theme.grain_ramp for theme in THEMES.values()]

colours = st.tuples(*[st.floats(0, 1)] * 3).map(np.array)


def test_oklab_of_white_and_red_is_as_published():
    assert srgb_to_oklab(np.array([1.0, 1, 1])) == pytest.approx([1, 0, 0], abs=PUBLISHED_DIGITS)
    assert srgb_to_oklab(np.array([1.0, 0, 0])) == pytest.approx([0.62796, 0.22486, 0.12585], abs=PUBLISHED_DIGITS)


@settings(max_examples=40, deadline=None)
@given(colours)
def test_colours_survive_both_round_trips(srgb):
    assert linear_to_srgb(srgb_to_linear(srgb)) == pytest.approx(srgb, abs=ROUNDING)
    assert oklab_to_srgb(srgb_to_oklab(srgb)) == pytest.approx(srgb, abs=DISPLAY_LEVEL / 2)
    assert from_hex(to_hex(srgb)) == pytest.approx(srgb, abs=DISPLAY_LEVEL / 2 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0, 0.5), st.floats(0, 360))
def test_a_colour_no_display_can_show_keeps_its_lightness_and_hue(lightness, chroma, hue):
    srgb = oklch_to_srgb(np.array(lightness), np.array(chroma), np.array(hue))
    assert ((srgb >= 0) & (srgb <= 1)).all()
    seen = srgb_to_oklab(srgb)
    assert seen[0] == pytest.approx(lightness, abs=DISPLAY_LEVEL)
    if np.hypot(seen[1], seen[2]) > 0.02:
        assert np.cos(np.arctan2(seen[2], seen[1]) - np.deg2rad(hue)) > 0.999


@pytest.mark.parametrize("ramp", RAMPS, ids=lambda ramp: ramp.name)
def test_ramps_rise_in_lightness_by_even_steps(ramp):
    lab = srgb_to_oklab(ramp.table)
    assert (np.diff(lab[:, 0]) > 0).all()
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.std() < EVENNESS * steps.mean()


@pytest.mark.parametrize("eye", COLOUR_BLIND)
@pytest.mark.parametrize("ramp", RAMPS, ids=lambda ramp: ramp.name)
def test_ramps_rise_in_lightness_for_colour_blind_eyes(ramp, eye):
    seen = np.clip(srgb_to_linear(ramp.table) @ np.array(COLOUR_BLIND[eye]).T, 0, 1)
    assert (np.diff(srgb_to_oklab(linear_to_srgb(seen))[:, 0]) > 0).all()


@pytest.mark.parametrize("knee", KNEES)
def test_the_transfer_curve_and_its_inverse_agree_at_the_knee(knee):
    around = knee + np.linspace(-1e-5, 1e-5, 2001)
    light = srgb_to_linear(around)
    assert linear_to_srgb(light) == pytest.approx(around, abs=ROUNDING)
    assert (np.diff(light) > 0).all()
    assert np.diff(light).max() < KINK * np.diff(light).min()  # no jump


def test_the_transfer_curve_is_that_of_the_standard():
    # IEC 61966-2-1 with its rounded constants; no level of eight bits lies between its knee and ours.
    levels = np.arange(256) / 255
    published = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    assert np.array_equal(srgb_to_linear(levels), published)
    assert srgb_to_linear(np.array(0.5)) == pytest.approx(0.21404114, abs=5e-9)


def test_a_ramp_takes_its_ends_beyond_them():
    ends = DARK.ramp(np.array([-3.0, 0.0, 1.0, 7.0]))
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[2], ends[3])
    assert ends[1] == pytest.approx(DARK.ramp.table[0])


def contrast(one: str, other: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(srgb_to_linear(from_hex(colour)) @ weights) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_words_can_be_read_on_their_background(theme):
    for words in (theme.foreground, theme.muted):
        for background in (theme.background, theme.vapour):
            assert contrast(words, background) > READABLE


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_age_stands_out_from_the_vapour(theme):
    vapour = srgb_to_oklab(from_hex(theme.vapour))
    distances = np.linalg.norm(srgb_to_oklab(theme.ramp.table) - vapour, axis=1)
    assert distances.min() > 0.15  # seven times what the eye tells apart, about 0.02


def test_series_of_models_differ_from_each_other_and_from_the_solver():
    for theme in (DARK, LIGHT):
        lab = srgb_to_oklab(np.array([from_hex(colour) for colour in (theme.solver, *theme.models)]))
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(len(lab), 1)]
        assert apart.min() > 0.08


def test_grains_have_hues_of_their_own():
    hues = grain_hues(20)
    assert len(set(np.round(hues, 6))) == 20
    assert np.array_equal(hues[:5], grain_hues(5))


def test_an_unknown_theme_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown theme 'drak': did you mean 'dark'"):
        find_theme("drak")
