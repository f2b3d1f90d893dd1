"""Charts: what is drawn is what was given, in the house style, without touching anybody's settings."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.text import Text
from PIL import Image

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.attribution import ablation_chart
from nakaya.viz.charts.base import Band, encode_figure, ensemble_band
from nakaya.viz.charts.calibration import Points, parity_chart, velocity_chart, velocity_panels
from nakaya.viz.charts.curves import CurvePanel, growth_curves
from nakaya.viz.charts.fidelity import Estimate, TradeOff, estimate_chart, trade_off_chart
from nakaya.viz.charts.reactors import (
    Mark,
    Profile,
    Sample,
    Trace,
    TracePanel,
    profile_chart,
    sample_chart,
    trace_chart,
)
from nakaya.viz.charts.tuning import Slice, history_chart, importance_chart, regret_chart, slice_chart
from nakaya.viz.charts.velocities import PredictedCurve, predicted_velocities
from nakaya.viz.formatting import typeset
from nakaya.viz.style import DARK, LIGHT, NARROW_WIDTH, PAGE_WIDTH, PIXELS_PER_INCH, TEXT_SIZE

RNG = np.random.default_rng(5)
STEPS = np.arange(0.0, 50.0)
SOLVER = Band("solver", STEPS, STEPS, STEPS - 1, STEPS + 1, "solver")
MODEL = Band("a model", STEPS, STEPS * 1.1, STEPS, STEPS * 1.2)
PREDICTED = PredictedCurve("(100)", STEPS, 100 - STEPS, 90 - STEPS, 110 - STEPS, STEPS > 40)
POINTS = Points("argon", STEPS, STEPS + 1, STEPS, STEPS + 2)


def every_chart(theme):
    yield growth_curves([CurvePanel("area (sites)", (SOLVER, MODEL)), CurvePanel("radius", (SOLVER,))], theme)
    yield estimate_chart([Estimate("solver", 1.0, 0.9, 1.1, "solver"), Estimate("x", 40.0)], theme, x_label="d")
    yield trade_off_chart([TradeOff("solver", 1e-3, 1.0, "solver"), TradeOff("x", 0.4, 6.0)], theme, y_label="d")
    yield parity_chart([POINTS], theme, quantity="velocity (m/s)")
    yield velocity_chart([POINTS], theme, curves=[MODEL], melting_point=30.0)
    yield velocity_panels({"Al": ([POINTS], 30.0), "Cu": ([POINTS], 20.0)}, theme)


def test_every_chart_becomes_a_picture_on_its_background_and_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    for figure in every_chart(DARK):
        picture = Image.open(BytesIO(encode_figure(figure, "png", pixels_per_inch=40))).convert("RGB")
        assert same_color(np.array(picture.getpixel((0, 0))) / 255, DARK.background)
        assert len(picture.getcolors(100_000)) > 20
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", [r"$\frac{a^$b\\", r"_frac$^$", "\x1b[2J\u202efrac_1^2 & <b>--> %d"])
def test_what_users_write_is_printed_in_charts_letter_by_letter(name):
    hostile = replace(POINTS, label=name)
    # Whole, after other words, and as the name of a parameter is read.
    forms = (typeset(name), typeset(f" {name}")[1:], typeset(name.replace("_", " ")))
    charts = [
        growth_curves([CurvePanel(name, (replace(SOLVER, label=name), MODEL))], DARK, x_label=name),
        estimate_chart([Estimate(name, 1.0)], DARK, x_label=name, reference=2.0, reference_label=name),
        trade_off_chart([TradeOff(name, 1e-3, 1.0)], DARK, y_label=name),
        velocity_panels({name: ([hostile], 30.0)}, DARK),
        ablation_chart([(name, 1.0)], DARK, title=name, model=name, unit=name),
        trace_chart([TracePanel(name, [Trace(name, STEPS, STEPS)], [Mark(name, 1.0, 1.0)])], DARK, title=name),
        sample_chart([Sample(name, STEPS + 1)], DARK, unit=name, title=name),
        profile_chart([Profile(name, STEPS + 1, STEPS, 1.0, (None, 2.0))], 2.7, DARK),
        history_chart(STEPS, STEPS, DARK, y_label=name, references={name: 1.0}),
        importance_chart({name: 1.0}, DARK),
        slice_chart([Slice(name, STEPS, labels={1.0: name})], STEPS, DARK, y_label=name),
        regret_chart({name: np.ones((2, 4))}, DARK, y_label=name, floor=0.1),
    ]
    for chart in charts:
        assert encode_figure(chart, "png", pixels_per_inch=30)
        ElementTree.fromstring(encode_figure(chart, "svg"))  # comments hold the words, and must hold no control
        shown = [words.get_text() for words in chart.findobj(Text) if "frac" in words.get_text()]
        assert shown
        assert all(any(form in words for form in forms) for words in shown)


def test_a_name_that_begins_with_an_underscore_is_in_the_legend():
    names = ["_a", "b"]
    bands = tuple(replace(MODEL, label=name) for name in names)
    points = [replace(POINTS, label=name) for name in names]
    for chart in (
        growth_curves([CurvePanel("area", bands)], DARK),
        velocity_chart(points, DARK),
        velocity_panels({"Al": (points, 3.0)}, DARK),
        regret_chart({name: np.ones((2, 4)) for name in names}, DARK, y_label="e", floor=0.1),
        history_chart(STEPS, STEPS, DARK, y_label="e", references=dict.fromkeys(names, 1.0)),
    ):
        assert {typeset(name) for name in names} <= {words.get_text() for words in chart.legends[0].get_texts()}
    parity = parity_chart(points, DARK, quantity="v")
    assert [panel.get_title(loc="left") for panel in parity.axes] == [typeset(name) for name in names]
    (panel,) = trace_chart([TracePanel("c", [Trace(name, STEPS, STEPS) for name in names])], DARK).axes
    assert [words.get_text() for words in panel.get_legend().get_texts()] == [typeset(name) for name in names]


def test_the_same_chart_gives_the_same_bytes_and_svg_without_fonts_or_links():
    figures = [growth_curves([CurvePanel("area", (SOLVER, MODEL))], LIGHT) for _ in range(2)]
    first, second = (encode_figure(figure, "svg") for figure in figures)
    assert first == second
    root = ElementTree.fromstring(first)
    assert not [node for node in root.iter() if node.tag.endswith("}text") or node.tag.endswith("}image")]
    links = [value for node in root.iter() for name, value in node.attrib.items() if name.endswith("href")]
    assert all(link.startswith("#") for link in links)


def test_pictures_load_neither_matplotlib_nor_torch_and_charts_no_pyplot():
    script = """
import sys
import nakaya.workflows.show, nakaya.workflows.diagram, nakaya.viz.reports.report, nakaya.viz.charts.calibration
assert not {"matplotlib", "torch", "zarr", "numba"} & set(sys.modules), sorted(sys.modules)
import numpy as np
from nakaya.viz.charts.attribution import ablation_chart
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.calibration import Points, parity_chart
from nakaya.viz.style import DARK
steps = np.arange(5.0)
encode_figure(parity_chart([Points("x", steps, steps, steps, steps)], DARK, quantity="velocity (m/s)"), "svg")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)


def test_growth_curves_draw_the_medians_and_the_solver_as_the_text():
    figure = growth_curves([CurvePanel("area (sites)", (SOLVER, MODEL))], DARK)
    solver, model = figure.axes[0].get_lines()
    assert np.array_equal(solver.get_ydata(), SOLVER.middle)
    assert np.array_equal(model.get_ydata(), MODEL.middle)
    assert same_color(solver.get_color(), DARK.solver)
    assert same_color(model.get_color(), DARK.models[0])
    assert figure.axes[0].get_title(loc="left") == "area (sites)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["solver", "a model"]


def charts_with_everything(width):
    points = [replace(POINTS, label=name) for name in ("argon", "krypton", "xenon")]
    marks = [Mark("55.0", 5.0, 5.0, kind="clear point"), Mark("41.0", 9.0, 9.0, filled=False, kind="cloud point")]
    traces = [Trace("temperature", STEPS, STEPS), Trace("setpoint", STEPS, STEPS + 1, "dashes")]
    yield growth_curves([CurvePanel(f"area {k}", (SOLVER, MODEL)) for k in range(3)], LIGHT, width=width)
    yield parity_chart(points, LIGHT, quantity="v", width=width)
    yield velocity_chart(points, LIGHT, curves=[MODEL], melting_point=30.0, width=width)
    yield predicted_velocities([PREDICTED], LIGHT, melting_point=30.0, width=width)
    yield velocity_panels({"Al": (points, 30.0), "Cu": (points, 20.0), "Si": (points, 9.0)}, LIGHT, width=width)
    yield estimate_chart([Estimate("x", 2.0)], LIGHT, x_label="d", reference=1, reference_label="floor", width=width)
    yield trade_off_chart([TradeOff("x", 0.4, 6.0), TradeOff("y", 0.1, 2.0)], LIGHT, y_label="d", width=width)
    yield ablation_chart([("nodes", 1.0), ("edges", -1.0)], LIGHT, title="t", model="m", unit="m/s", width=width)
    yield trace_chart([TracePanel("T", traces, marks), TracePanel("S", traces)], LIGHT, title="a run", width=width)
    yield profile_chart([Profile("k", STEPS + 1, STEPS, 1.0, (None, 2.0))] * 4, 2.7, LIGHT, width=width)
    yield history_chart(STEPS, STEPS, LIGHT, y_label="error", references={"mean": 2.0}, width=width)
    yield importance_chart({"depth": 0.7, "rate": 0.3}, LIGHT, width=width)
    yield slice_chart([Slice("depth", STEPS), Slice("rate", STEPS)], STEPS, LIGHT, y_label="error", width=width)
    yield regret_chart({"gp": np.ones((2, 4)), "random": np.ones((2, 4))}, LIGHT, y_label="e", floor=0.1, width=width)


@pytest.mark.parametrize("width", [PAGE_WIDTH, NARROW_WIDTH])
def test_words_of_charts_have_one_size_and_lie_inside_and_legends_have_one_entry_per_line(width):
    for chart in charts_with_everything(width):
        chart.draw_without_rendering()
        assert chart.get_figwidth() * PIXELS_PER_INCH == pytest.approx(width)
        for words in words_of(chart):
            assert words.get_fontsize() == TEXT_SIZE, words
            box = words.get_window_extent()
            assert box.x0 >= -1, words
            assert box.x1 <= chart.bbox.width + 1, words
        panels = [panel.get_window_extent() for panel in chart.axes]
        beside = [panel.get_legend() for panel in chart.axes if panel.get_legend()]
        for legend in [*chart.legends, *beside]:
            lines = [words.get_window_extent() for words in legend.get_texts()]
            assert all(lower.y1 <= upper.y0 + 1 for upper, lower in pairwise(lines))
            box = legend.get_window_extent().padded(-1)
            assert not any(box.overlaps(panel) for panel in panels)
            assert (width == PAGE_WIDTH) == (box.x0 > max(panel.x1 for panel in panels))


def words_of(chart):
    """What is written and shown: ticks beyond the limits of their axis are not."""
    hidden = {
        tick.label1
        for panel in chart.axes
        for axis in (panel.xaxis, panel.yaxis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    } - {label for panel in chart.axes for axis in (panel.xaxis, panel.yaxis) for label in shown_labels(axis)}
    return [words for words in chart.findobj(Text) if words.get_text() and words.get_visible() and words not in hidden]


def shown_labels(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_panels_stand_side_by_side_where_there_is_room_and_else_below_each_other():
    for width, columns in ((PAGE_WIDTH, 3), (NARROW_WIDTH, 1)):
        chart = velocity_panels({name: ([POINTS], 30.0) for name in ("Al", "Cu", "Si")}, LIGHT, width=width)
        chart.draw_without_rendering()
        lefts = {round(panel.get_window_extent().x0) for panel in chart.axes}
        assert len(lefts) == columns
        assert min(panel.get_window_extent().height for panel in chart.axes) > 150


def test_a_legend_names_every_face_once_in_the_order_of_the_panels():
    faces = {name: replace(POINTS, label=name) for name in ("(100)", "(110)", "(111)")}
    panels = {"Al": (list(faces.values()), 30.0), "Si": ([faces["(110)"], faces["(100)"]], 20.0)}
    (legend,) = velocity_panels(panels, LIGHT).legends
    assert [words.get_text() for words in legend.get_texts()] == list(faces)


def test_an_ensemble_becomes_its_median_and_central_share():
    values = np.arange(101.0)[:, None] * np.array([1.0, 2.0])
    band = ensemble_band("x", np.array([0.0, 1.0]), values, level=0.9)
    assert band.middle == pytest.approx([50, 100])
    assert band.low == pytest.approx([5, 10])
    assert band.high == pytest.approx([95, 190])
    with pytest.raises(ParameterError, match=r"shape \(101, 2\) does not fit an axis of shape \(3,\)"):
        ensemble_band("x", np.zeros(3), values)


def test_estimates_stand_from_top_to_bottom_with_their_intervals():
    figure = estimate_chart(
        [Estimate("solver", 1.0, 0.9, 1.1, "solver"), Estimate("emulator", 6.0, 5.0, 7.0)],
        LIGHT,
        x_label="distance",
        reference=1.0,
        reference_label="floor",
    )
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["solver", "emulator"]
    assert axes.yaxis_inverted()
    intervals = [tuple(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert (0.9, 1.1) in intervals
    assert (5.0, 7.0) in intervals


@pytest.mark.parametrize(("largest", "scale"), [(3.0, "linear"), (300.0, "log")])
def test_axes_are_logarithmic_where_values_span_much(largest, scale):
    figure = estimate_chart([Estimate("a", 1.0), Estimate("b", largest)], DARK, x_label="d")
    assert figure.axes[0].get_xscale() == scale


def test_parity_axes_are_equal_and_hold_all_intervals():
    figure = parity_chart([Points("a", np.array([1.0, 9.0]), np.array([2.0, 8.0]), np.array([0.0, 7.0]),
                                  np.array([3.0, 12.0]))], DARK, quantity="v")  # fmt: skip
    axes = figure.axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[0] < 0
    assert axes.get_xlim()[1] > 12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: growth_curves([], DARK), "at least one quantity"),
        (lambda: estimate_chart([Estimate("a", np.nan)], DARK, x_label=""), "all of them finite"),
        (lambda: trade_off_chart([TradeOff("a", 0.0, 1.0)], DARK, y_label=""), "values above zero"),
        (lambda: parity_chart([], DARK, quantity=""), "at least one value"),
        (lambda: velocity_chart([], DARK), "measurements or a curve"),
        (lambda: velocity_panels({}, DARK), "needs measurements"),
    ],
)
def test_a_chart_of_nothing_says_what_it_needs(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
