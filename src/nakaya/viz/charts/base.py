"""Charts in the house style: Matplotlib figures without pyplot, its global state or its windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, PIXELS_PER_INCH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "Band",
    "Role",
    "add_legend",
    "as_rows",
    "columns_of",
    "draw_band",
    "encode_figure",
    "ensemble_band",
    "is_wide",
    "label_axes",
    "leads_row",
    "make_room",
    "new_figure",
    "plain_numbers",
    "reference_line",
    "role_colours",
]

Role = Literal["solver", "floor", "model"]
"""What a series is: the exact solver (as the text), solver against solver (grey), or a model (a colour of its own)."""

BAND_OPACITY = 0.22
DASHES = (0, (4, 3))

MIN_PANEL = 260.0
"""Least width of one of several panels, its labels included, in pixels."""

WIDE = 600.0
"""From this width on, in pixels, a legend stands to the right of the panels; in narrower figures above them."""

LEGEND_LINE = 21.0
"""Height of an entry of a legend, in pixels."""


def columns_of(panels: int, width: float) -> int:
    """Return how many panels stand side by side in a figure of `width` pixels: rows are as even as can be.

    >>> [columns_of(panels, 960) for panels in (1, 3, 4, 5, 6)], columns_of(3, 360)
    ([1, 3, 2, 3, 3], 1)
    """
    most = max(1, int(width // MIN_PANEL))
    return math.ceil(panels / math.ceil(panels / most))


def new_figure(
    theme: Theme, *, height: float, width: float = PAGE_WIDTH, panels: int = 1, stacked: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with panels in rows, dressed in the theme; call it under `house_style`.

    Args:
        theme: Colours.
        height: Of a row of panels, in pixels; a legend above adds to it.
        width: Pixels.
        panels: How many, at least 1: as many side by side as there is room for.
        stacked: One above the other on a common abscissa instead.
    """
    from matplotlib.figure import Figure

    columns = 1 if stacked else columns_of(panels, width)
    rows = math.ceil(panels / columns)
    size = (width / PIXELS_PER_INCH, rows * height / PIXELS_PER_INCH)
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.background)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=stacked)
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.06, wspace=0.06)  # type: ignore[union-attr, call-arg]
    axes, spare = list(grid.flat)[:panels], list(grid.flat)[panels:]
    for place in spare:
        place.remove()
    for panel in axes:
        _dress(panel, theme)
    return figure, axes


def _dress(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor(theme.background)
    axes.spines[:].set(color=theme.rule, linewidth=0.8)
    axes.tick_params(which="both", color=theme.rule, labelcolor=theme.muted, length=3.5)
    axes.tick_params(which="minor", length=2.0)
    axes.grid(True, axis="y", color=theme.rule, linewidth=0.6, alpha=0.6)
    axes.set_axisbelow(True)


def as_rows(axes: Axes, theme: Theme) -> None:
    """Let lines of the grid stand upright: for values beside names, one below the other."""
    axes.grid(False, axis="y")
    axes.grid(True, axis="x", color=theme.rule, linewidth=0.6, alpha=0.6)


def label_axes(axes: Axes, theme: Theme, *, x: str, y: str, title: str = "") -> None:
    """Name both axes (with units) and, to the left above, the panel."""
    axes.set_xlabel(typeset(x), color=theme.foreground, labelpad=6)
    axes.set_ylabel(typeset(y), color=theme.foreground, labelpad=6)
    axes.set_title(typeset(title), loc="left", color=theme.foreground)


def leads_row(axes: Axes) -> bool:
    """Whether a panel is the first of its row, which names the ordinate for all of them."""
    place = axes.get_subplotspec()
    return place is None or place.is_first_col()


def add_legend(figure: Figure, panels: Sequence[Axes], theme: Theme) -> None:
    """Name the series of the panels, one below the other, beside the panels or above: no curve runs through them.

    Their labels are typeset already, for Matplotlib leaves out those that begin with "_".
    """
    named: dict[str, Any] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    wide = is_wide(figure)
    if not wide:
        make_room(figure, len(named))
    figure.legend(
        list(named.values()),
        list(named),
        loc="outside right upper" if wide else "outside upper left",
        labelcolor=theme.foreground,
        borderpad=0.4,
    )


def is_wide(figure: Figure) -> bool:
    """Whether there is room beside the panels."""
    return figure.get_figwidth() * PIXELS_PER_INCH >= WIDE


def make_room(figure: Figure, lines: int) -> None:
    """Make a figure higher by so many lines of text, so that its panels keep their size."""
    figure.set_figheight(figure.get_figheight() + lines * LEGEND_LINE / PIXELS_PER_INCH)


def reference_line(axes: Axes, theme: Theme, value: float, remark: str = "", *, level: bool = False) -> None:
    """Draw a dashed line at a value of the abscissa or, if `level`, of the ordinate, with a remark at its far end.

    Call it when the curves are there: the remark of an upright line stands on the side where the panel has more room.
    """
    (axes.axhline if level else axes.axvline)(value, color=theme.muted, linewidth=1.0, linestyle=DASHES)
    place = axes.transAxes.inverted().transform(axes.transData.transform((value, value)))[0]
    axes.annotate(
        typeset(remark),
        (1.0, value) if level else (value, 1.0),
        xycoords=("axes fraction", "data") if level else ("data", "axes fraction"),
        xytext=(0, -4) if level else (0, 4),
        textcoords="offset points",
        color=theme.muted,
        ha="right" if level or place > 0.5 else "left",
        va="top" if level else "bottom",
    )


def plain_numbers(axis: Axis, form: str = ",.10g") -> None:
    """Write the ticks of an axis as plain numbers, large ones in groups of three digits; minor ticks have none."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    axis.set_major_formatter(StrMethodFormatter(f"{{x:{form}}}"))
    axis.set_minor_formatter(NullFormatter())


def role_colours(roles: Sequence[Role], theme: Theme) -> list[str]:
    """Return a colour for each series: the text's for solvers, grey for floors, the theme's in turn for models."""
    colours, models = [], 0
    for role in roles:
        if role == "model":
            colours.append(theme.models[models % len(theme.models)])
            models += 1
        else:
            colours.append(theme.solver if role == "solver" else theme.floor)
    return colours


@dataclass(frozen=True)
class Band:
    """A curve with its spread.

    Attributes:
        label: What it is.
        x: Abscissa, float64 [t].
        middle: Median or estimate, float64 [t].
        low: Lower edge, float64 [t].
        high: Upper edge, float64 [t].
        role: Which colour it takes.
    """

    label: str
    x: FloatArray
    middle: FloatArray
    low: FloatArray
    high: FloatArray
    role: Role = "model"


def ensemble_band(label: str, x: FloatArray, values: FloatArray, *, role: Role = "model", level: float = 0.9) -> Band:
    """Return the median and the central `level` of an ensemble at every abscissa.

    Args:
        label: What it is.
        x: float64 [t].
        values: float64 [member, t]; NaN where a member has no value.
        role: Which colour it takes.
        level: Share of the members inside the band, in (0, 1).

    Raises:
        ParameterError: The shapes do not agree.
    """
    x, values = np.asarray(x, np.float64), np.asarray(values, np.float64)
    if values.ndim != 2 or values.shape[1:] != x.shape:
        raise ParameterError(f"an ensemble of shape {values.shape} does not fit an axis of shape {x.shape}")
    low, middle, high = np.nanquantile(values, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    return Band(label, x, middle, low, high, role)


def draw_band(axes: Axes, band: Band, colour: str) -> None:
    """Draw a curve over its band."""
    axes.fill_between(band.x, band.low, band.high, color=colour, alpha=BAND_OPACITY, linewidth=0)
    axes.plot(band.x, band.middle, color=colour, label=typeset(band.label), solid_capstyle="round")


@house_style
def encode_figure(figure: Figure, kind: Literal["svg", "png"] = "svg", *, pixels_per_inch: int = 160) -> bytes:
    """Return the figure as the content of a file; the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = BytesIO()
    metadata = {"Date": None, "Creator": "nakaya"} if kind == "svg" else {"Software": "nakaya"}
    (FigureCanvasSVG if kind == "svg" else FigureCanvasAgg)(figure)
    figure.savefig(stream, format=kind, dpi=pixels_per_inch, facecolor=figure.get_facecolor(), metadata=metadata)
    return stream.getvalue()
