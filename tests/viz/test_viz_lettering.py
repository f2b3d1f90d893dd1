"""Words and numbers on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from nakaya.viz.canvas import Sheet, fit_text
from nakaya.viz.formatting import format_axis, format_number, format_parameters, nice_step, nice_ticks
from nakaya.viz.lettering import draw_text, text_width, wrap_text
from nakaya.viz.style import DARK

OVERHANG = 3
"""Pixels by which an italic letter may lean out of its width."""

words = st.text(alphabet="abc ρσ⁻⁵", min_size=1, max_size=60)


def drawn(text: str, **options) -> np.ndarray:
    image = Image.new("RGB", (900, 60), "#000000")
    draw_text(ImageDraw.Draw(image), (100, 40), text, size=24, colour="#ffffff", **options)
    return np.asarray(image)[..., 0]


@pytest.mark.parametrize("text", ["Snow crystal", "ρ = 0.5,  σ = 5×10⁻⁵", "120° sector"])
@pytest.mark.parametrize("align", [0.0, 0.5, 1.0])
def test_text_stands_where_it_was_put(text, align):
    columns = np.nonzero(drawn(text, align=align).any(axis=0))[0]
    width = text_width(text, 24)
    assert columns[0] == pytest.approx(max(100 - align * width, 0), abs=OVERHANG)
    assert columns[-1] == pytest.approx(100 + (1 - align) * width, abs=OVERHANG)


def test_powers_are_raised_and_symbols_are_there():
    powers = drawn("⁻⁵")
    assert np.nonzero(powers.any(axis=1))[0].max() < 40 - 5
    assert not np.array_equal(drawn("ρ"), drawn("σ"))
    assert drawn("ρ").any()


@settings(max_examples=30, deadline=None)
@given(words, st.integers(40, 400))
def test_wrapped_lines_keep_all_words_and_fit(text, width):
    lines = wrap_text(text, 16, width)
    assert " ".join(lines).split() == text.split()
    for line in lines:
        assert text_width(line, 16) <= width or len(line.split()) == 1


def test_text_that_is_too_wide_is_cut_with_an_ellipsis():
    text = "a title that is much too long for its place"
    cut = fit_text(text, 20, 150)
    assert cut.endswith("…")
    assert text_width(cut, 20) <= 150 + 1
    assert fit_text("short", 20, 150) == "short"


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


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**7), st.integers(2, 8))
def test_ticks_are_round_and_end_at_the_last_step(last, most):
    ticks = nice_ticks(last, most)
    assert ticks[0] == 0
    assert ticks[-1] == last
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= most + 2
    assert all(int(f"{tick:.1e}".replace(".", "").split("e")[0]) in range(10, 100) for tick in ticks[1:-1])


@given(st.floats(1e-6, 1e6), st.integers(1, 10))
def test_a_step_of_an_axis_is_1_2_or_5(span, most):
    step = nice_step(span, most)
    assert span / step <= most * (1 + 1e-6)
    assert f"{step:.6e}"[0] in "125"


def test_an_axis_has_as_many_decimals_as_it_needs():
    assert format_axis(np.linspace(0.35, 0.64, 4)) == ["0.350", "0.447", "0.543", "0.640"]
    assert format_axis([1.0, 1.3, 1.6]) == ["1.0", "1.3", "1.6"]
    assert format_axis([-2.0, 3.0]) == ["−2", "3"]
    assert format_axis([0.5]) == ["0.5"]


@pytest.mark.parametrize("spacing", [None, 2e-7])
def test_the_scale_bar_is_as_long_as_it_says(spacing):
    sheet = Sheet.blank(600, 120, DARK, design_width=600)
    sheet.scale_bar(50, 50, 7.0, 200, spacing)
    row = np.asarray(sheet.image)[51]
    length = np.nonzero((row != row[0]).any(axis=1))[0]
    assert (np.diff(length) == 1).all()  # one line, without a gap
    drawn_sites = (length[-1] - length[0] + 1) / 7.0
    if spacing is None:
        assert drawn_sites == pytest.approx(25, abs=0.2)  # half of 50, the least round number above 200 / 7
    else:
        assert drawn_sites * spacing == pytest.approx(5e-6, rel=0.02)  # 5 μm
