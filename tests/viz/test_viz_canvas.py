"""Words and numbers on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nakaya.viz.canvas import Canvas, shorten, wrap
from nakaya.viz.colour import from_hex
from nakaya.viz.formatting import format_axis, format_number, format_parameters, typeset
from nakaya.viz.style import DARK, LIGHT, house_style

words = st.text(alphabet="abc ρσ⁻⁵", min_size=1, max_size=60)
HOSTILE = [
    r"Cu$_2$O",
    "5$ and 6$",
    r"a\$b",
    r"\frac{1}{2}",
    "x_1^2 {",
    "100 % & #",
    r"\ρ⁻⁵$ρ",
    "$",
    r"C:\crystals\new.zarr",
]


@house_style
def drawn(text: str, **options) -> np.ndarray:
    """Where letters stand on a canvas of 900 x 100 pixels that holds one line from (100, 60): bool [row, column]."""
    canvas = Canvas(900, DARK, body=0, foot=20, design_width=900)
    canvas.text(100, 60, text, size=24, **options)
    return (np.asarray(canvas.image()) != np.rint(from_hex(DARK.background) * 255)).any(axis=-1)


def test_powers_are_raised_and_symbols_are_there():
    powers = drawn("⁻⁵")
    assert np.nonzero(powers.any(axis=1))[0].max() < 60 - 5
    assert not np.array_equal(drawn("ρ"), drawn("σ"))
    assert drawn("ρ").any()


@pytest.mark.parametrize("text", HOSTILE)
def test_dollars_and_backslashes_of_users_are_printed_and_begin_no_formula(text):
    """Every letter stands in the picture as it would alone: the line is as wide as its letters together."""
    wide = np.nonzero(drawn(f"|{text}|").any(axis=0))[0]
    letters = [np.nonzero(drawn(f"|{letter}|").any(axis=0))[0] for letter in text]
    bars = np.nonzero(drawn("||").any(axis=0))[0]
    alone = sum(np.ptp(places) - np.ptp(bars) for places in letters)
    assert np.ptp(wide) - np.ptp(bars) == pytest.approx(alone, abs=2 + 1.5 * len(text))  # whole pixels, and kerning


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab$\\{}_^ρ⁻⁵ \x1b\u202e", max_size=12))
def test_any_text_can_be_set(text):
    from matplotlib.mathtext import MathTextParser
    from matplotlib.text import Text

    shown, is_formula = Text(0, 0, typeset(text))._preprocess_math(typeset(text))
    if is_formula:
        MathTextParser("path").parse(shown)
    else:
        assert shown == text


@settings(max_examples=30, deadline=None)
@given(words, st.integers(60, 400))
def test_wrapped_lines_keep_all_letters_and_shortened_ones_are_one_line(text, width):
    lines = wrap(text, 16, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    longest = max(map(len, lines), default=0)
    assert longest * 0.44 * 16 <= width
    assert len(shorten(text, 16, width)) * 0.44 * 16 <= width


def test_lines_are_not_broken_inside_an_equation():
    lines = wrap("ρ = 0.5,  σ = 1 · seed 7", 10, 10 * 0.44 * 10)
    assert [" ".join(line.split()) for line in lines] == ["ρ = 0.5,", "σ = 1 ·", "seed 7"]


def test_text_that_is_too_wide_is_cut_with_an_ellipsis():
    text = "a title that is much too long for its place"
    assert shorten(text, 20, 150) == "a title that is…"
    assert shorten("short", 20, 150) == "short"


def test_long_titles_and_notes_make_the_figure_longer():
    heights = [
        Canvas(600, LIGHT, body=10, title="word " * count, subtitle="word " * count, notes=["word " * count]).height
        for count in (1, 100)
    ]
    assert heights[1] > heights[0] + 100


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12), st.integers(2, 6))
def test_a_written_number_is_the_number(value, digits):
    text = format_number(value, digits)
    powers = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    mantissa, times, power = text.replace(",", "").partition("×10")
    if text.removeprefix("−").startswith("10") and any(letter in "⁰¹²³⁴⁵⁶⁷⁸⁹" for letter in text):
        mantissa, times, power = "−1" if text[0] == "−" else "1", "×", text.removeprefix("−")[2:]
    read = float(mantissa.translate(powers)) * (10.0 ** int(power.translate(powers)) if times else 1.0)
    assert read == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=1e-15)


def test_parameters_read_as_equations():
    assert format_parameters({"rho": 0.5, "sigma": 5e-5, "size": 64}) == "ρ = 0.5,  σ = 5×10⁻⁵,  size = 64"


def test_an_axis_has_as_many_decimals_as_it_needs():
    assert format_axis(np.linspace(0.35, 0.64, 4)) == ["0.350", "0.447", "0.543", "0.640"]
    assert format_axis([1.0, 1.3, 1.6]) == ["1.0", "1.3", "1.6"]
    assert format_axis([-2.0, 3.0]) == ["−2", "3"]
    assert format_axis([0.5]) == ["0.5"]


@pytest.mark.parametrize(("spacing", "sites"), [(None, 20), (2e-7, 25)])
@house_style
def test_the_scale_bar_is_the_longest_of_1_2_5_and_as_long_as_it_says(spacing, sites):
    """At seven pixels a site 200 pixels are 28.6 sites: 20 fit, and at 0.2 µm a site 5 µm, which are 25."""
    canvas = Canvas(600, DARK, body=50, design_width=600)
    canvas.scale_bar(7.0, spacing)
    row = np.asarray(canvas.image())[round(canvas.foot) + 5]
    length = np.nonzero((row != row[0]).any(axis=1))[0]
    assert (np.diff(length) == 1).all()  # one line, without a gap
    assert length[-1] - length[0] + 1 == pytest.approx(7.0 * sites, abs=1)


@house_style
def test_a_picture_keeps_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
    canvas = Canvas(401, DARK, body=80, title="x")
    canvas.picture(Image.fromarray(pixels), 101.3, canvas.head + 3.7)
    left, top = canvas.pixel(101.3, canvas.head + 3.7)
    assert np.array_equal(np.asarray(canvas.image())[top : top + 37, left : left + 53], pixels)
