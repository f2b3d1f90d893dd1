"""Charts of crystallizers: what a log or size reports show, how well a model fits, how sharp parameters are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    BAND_OPACITY,
    add_legend,
    is_wide,
    label_axes,
    leads_row,
    make_room,
    new_figure,
)
from nakaya.viz.charts.flags import FOOT, LINE, write_flags
from nakaya.viz.formatting import format_number, typeset
from nakaya.viz.style import PAGE_WIDTH, PIXELS_PER_INCH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Mark", "Profile", "Sample", "Trace", "TracePanel", "profile_chart", "sample_chart", "trace_chart"]

PANEL_HEIGHT = 200.0
PROFILE_HEIGHT = 300.0
_POINTS_DRAWN = 4000


@dataclass(frozen=True, eq=False)
class Trace:
    """One curve, or the points of a measurement.

    Attributes:
        label: For the legend; "" for none.
        times: float64 [n], in the unit of the abscissa.
        values: float64 [n], in the unit of the panel.
        style: "line", "points", "dashes", or "faint" (a raw signal behind a smoothed one).
        low: Lower edge of a band around the line, float64 [n], or None.
        high: Upper edge, or None.
        colour: Index into the theme's series; None: the colour of the text.
    """

    label: str
    times: FloatArray
    values: FloatArray
    style: Literal["line", "points", "dashes", "faint"] = "line"
    low: FloatArray | None = None
    high: FloatArray | None = None
    colour: int | None = 0


@dataclass(frozen=True)
class Mark:
    """An event on a curve.

    Attributes:
        text: Short; it is written above the panel, on a pole that stands on the mark.
        time: In the unit of the abscissa.
        value: In the unit of the panel.
        filled: Whether the mark is filled.
        kind: For the legend, the same for all marks of a kind; "" for none.
    """

    text: str
    time: float
    value: float
    filled: bool = True
    kind: str = ""


@dataclass(frozen=True)
class TracePanel:
    """Curves on one ordinate.

    Attributes:
        label: Of the ordinate, with its unit.
        traces: Curves, drawn in order.
        marks: Events.
        log: Whether the ordinate is logarithmic.
    """

    label: str
    traces: Sequence[Trace]
    marks: Sequence[Mark] = field(default=())
    log: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """Crystals of one sample.

    Attributes:
        label: What is written under it.
        sizes: float64 [n], in the unit of the ordinate.
        suspect: Whether it does not belong to the others.
    """

    label: str
    sizes: FloatArray
    suspect: bool = False


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile likelihood of one parameter.

    Attributes:
        label: Name and unit.
        values: float64 [n].
        drops: Twice the drop of the log-likelihood, float64 [n].
        best: Best value.
        interval: Interval; an end is None where it is open.
        log: Whether the abscissa is logarithmic.
    """

    label: str
    values: FloatArray
    drops: FloatArray
    best: float
    interval: tuple[float | None, float | None]
    log: bool = True


def _colour(index: int | None, theme: Theme) -> str:
    return theme.foreground if index is None else theme.models[index % len(theme.models)]


def _draw_trace(axes: Axes, trace: Trace, theme: Theme) -> None:
    colour = _colour(trace.colour, theme)
    if trace.low is not None and trace.high is not None:
        axes.fill_between(trace.times, trace.low, trace.high, color=colour, alpha=BAND_OPACITY, linewidth=0)
    step = max(1, trace.times.size // _POINTS_DRAWN)
    x, y = trace.times[::step], trace.values[::step]
    label = typeset(trace.label) or "_nolegend_"
    if trace.style == "points":
        axes.plot(x, y, "o", ms=4.2, mfc=theme.background, mec=colour, mew=1.1, label=label, zorder=3)
    elif trace.style == "faint":
        axes.plot(x, y, color=colour, lw=0.5, alpha=0.35, label=label, rasterized=True)
    else:
        width, dashes = (1.0, "--") if trace.style == "dashes" else (None, "-")
        axes.plot(x, y, color=colour, lw=width, ls=dashes, label=label)


def _draw_marks(axes: Axes, marks: Sequence[Mark], theme: Theme) -> None:
    named = {"": "_nolegend_"}
    for mark in marks:
        fill = theme.foreground if mark.filled else theme.background
        label = named.get(mark.kind, typeset(mark.kind))
        axes.plot(
            [mark.time], [mark.value], "o", ms=6.5, mec=theme.foreground, mfc=fill, mew=1.2, zorder=5, label=label
        )
        named[mark.kind] = "_nolegend_"


@house_style
def trace_chart(
    panels: Sequence[TracePanel],
    theme: Theme,
    *,
    x_label: str = "time / h",
    title: str = "",
    width: float = PAGE_WIDTH,
) -> Figure:
    """Draw panels one above the other on a common time axis.

    Args:
        panels: From top to bottom.
        theme: Colours.
        x_label: The abscissa, with its unit.
        title: Above them all.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to draw.
    """
    if not panels:
        raise ParameterError("a chart of traces needs at least one panel")
    from matplotlib.transforms import ScaledTranslation

    figure, axes = new_figure(theme, width=width, height=PANEL_HEIGHT, panels=len(panels), stacked=True)
    wide = is_wide(figure)
    if title:
        figure.suptitle(typeset(title), x=0.005, ha="left", color=theme.foreground)
    for panel, place in zip(panels, axes, strict=True):
        for trace in panel.traces:
            _draw_trace(place, trace, theme)
        if panel.log:
            place.set_yscale("log")
        _draw_marks(place, panel.marks, theme)
        place.margins(x=0.015, y=0.12)
        label_axes(place, theme, x=x_label if place is axes[-1] else "", y=panel.label)
        if place.get_legend_handles_labels()[1]:
            _add_panel_legend(place, theme, beside=wide)
    figure.align_ylabels(axes)
    lines = 1 + bool(title)
    for panel, place in zip(panels, axes, strict=True):
        rows = write_flags(place, [(mark.text, mark.time, mark.value) for mark in panel.marks if mark.text], theme)
        lines += rows
        if not wide and (legend := place.get_legend()) is not None:
            lines += len(legend.get_texts())
            lift = ScaledTranslation(0.0, (FOOT + LINE * rows) * (rows > 0) / PIXELS_PER_INCH, figure.dpi_scale_trans)
            legend.set_bbox_to_anchor((0.0, 1.0), place.transAxes + lift)
    make_room(figure, lines)
    return figure


def _add_panel_legend(axes: Axes, theme: Theme, *, beside: bool) -> None:
    """Name the traces of one panel, to its right or above it."""
    corner, place = ("upper left", (1.005, 1.0)) if beside else ("lower left", (0.0, 1.0))
    options: dict[str, Any] = {"loc": corner, "bbox_to_anchor": place, "borderpad": 0.0 if beside else 0.3}
    axes.legend(labelcolor=theme.foreground, borderaxespad=0.0, **options)


@house_style
def sample_chart(samples: Sequence[Sample], theme: Theme, *, unit: str = "µm", title: str = "") -> Figure:
    """Draw every crystal of every sample on a logarithmic scale, medians as bars, suspect samples in another colour.

    Raises:
        ParameterError: There is nothing to draw.
    """
    if not samples:
        raise ParameterError("a chart of samples needs at least one sample")
    figure, (axes,) = new_figure(theme, width=max(480.0, 115.0 + 168.0 * len(samples)), height=420.0)
    offsets = np.random.default_rng(0)  # only spreads points sideways so that they can be told apart
    for place, sample in enumerate(samples):
        colour = _colour(1 if sample.suspect else 0, theme)
        x = place + offsets.uniform(-0.22, 0.22, sample.sizes.size)
        axes.plot(x, sample.sizes, "o", ms=4, color=colour, alpha=0.55, mew=0)
        median = float(np.median(sample.sizes))
        axes.plot([place - 0.27, place + 0.27], [median, median], color=colour, lw=2.2)
        note = typeset(f"{median:.3g} {unit}") + ("\nsuspect" if sample.suspect else "")
        axes.annotate(
            note,
            (place + 0.31, median),
            color=theme.foreground,
            va="center",
            annotation_clip=False,
        )
    axes.set_yscale("log")
    axes.set_xticks(range(len(samples)), [typeset(sample.label) for sample in samples])
    axes.set_xlim(-0.6, len(samples) - 0.2)
    label_axes(axes, theme, x="", y=f"crystal size / {unit}", title=title)
    return figure


@house_style
def profile_chart(profiles: Sequence[Profile], threshold: float, theme: Theme, *, width: float = PAGE_WIDTH) -> Figure:
    """Draw the profile likelihood of every parameter, its threshold, and the interval between the crossings.

    Raises:
        ParameterError: There is nothing to draw.
    """
    if not profiles:
        raise ParameterError("a chart of profiles needs at least one profile")
    figure, axes = new_figure(theme, width=width, height=PROFILE_HEIGHT, panels=len(profiles))
    for number, (profile, place) in enumerate(zip(profiles, axes, strict=True)):
        closed = None not in profile.interval
        colour = _colour(0 if closed else 1, theme)
        x, y = _smooth_profile(profile)
        place.plot(x, y, color=colour)
        place.plot(profile.values, profile.drops, "o", color=colour, ms=3)
        place.axhline(threshold, color=theme.muted, lw=0.9, ls="--", label="90 % threshold" if number == 0 else None)
        place.axvline(profile.best, color=theme.foreground, lw=0.9, label="best value" if number == 0 else None)
        edges = (float(profile.values.min()), float(profile.values.max()))
        low, high = (edge if end is None else end for end, edge in zip(profile.interval, edges, strict=True))
        place.axvspan(low, high, color=colour, alpha=0.13, lw=0)
        shown = x[(y < 2.2 * threshold) | ((x >= low) & (x <= high))]
        if profile.log:
            place.set_xscale("log")
            _few_ticks(place, shown)
        place.set_xlim(shown.min(), shown.max())
        place.set_ylim(0.0, 2.2 * threshold)
        label_axes(
            place,
            theme,
            x=profile.label,
            y="drop of 2 ln(likelihood)" if leads_row(place) else "",
            title="" if closed else "not bounded by the data",
        )
    add_legend(figure, axes[:1], theme)
    return figure


def _smooth_profile(profile: Profile) -> tuple[FloatArray, FloatArray]:
    """A dense curve through a few points: the signed root of the drop is nearly straight, so it is interpolated.

    Beyond the last points the root goes on straight by a quarter of the range.
    """
    scale = np.log if profile.log else np.asarray
    x = np.asarray(scale(profile.values), dtype=np.float64)
    root = np.sign(x - float(scale(profile.best))) * np.sqrt(np.maximum(profile.drops, 0.0))
    if x.size < 2:
        return profile.values, profile.drops
    reach = 0.25 * float(np.ptp(x))
    dense = np.linspace(x[0] - reach, x[-1] + reach, 400)
    curve = np.interp(dense, x, root)
    for side, (inner, outer) in ((dense < x[0], (1, 0)), (dense > x[-1], (-2, -1))):
        slope = (root[outer] - root[inner]) / (x[outer] - x[inner])
        curve[side] = root[outer] + slope * (dense[side] - x[outer])
    return np.exp(dense) if profile.log else dense, curve**2


def _few_ticks(axes: Axes, values: FloatArray) -> None:
    """Three plain numbers on a short logarithmic axis, where powers of ten would be none or one."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low < 100.0:
        places = np.geomspace(low, high, 5)[1:-1]
        ticks = [float(f"{place:.3g}") for place in places]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_major_formatter(FixedFormatter([typeset(format_number(tick, 3)) for tick in ticks]))
        axes.xaxis.set_minor_locator(NullLocator())
