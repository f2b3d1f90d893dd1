"""Studies in pictures: how the best score fell, which parameters mattered, where good settings lie, who finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    Role,
    add_legend,
    as_rows,
    columns_of,
    draw_band,
    ensemble_band,
    label_axes,
    leads_row,
    new_figure,
    plain_numbers,
    role_colours,
)
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SLICES_PER_ROW", "Slice", "history_chart", "importance_chart", "regret_chart", "slice_chart"]

SLICES_PER_ROW = 3
"""Parameters that a chart of slices shows side by side."""

CONTROL = "random"


@house_style
def history_chart(
    numbers: FloatArray,
    scores: FloatArray,
    theme: Theme,
    *,
    y_label: str,
    references: Mapping[str, float] | None = None,
    width: float = PAGE_WIDTH,
) -> Figure:
    """Return every score and the best so far, in the order of the trials.

    Args:
        numbers: Of the trials, float64 [trial].
        scores: Lower is better, float64 [trial].
        theme: Colours.
        y_label: What a score is, with its unit.
        references: Scores to compare with, by name, drawn as lines across.
        width: Pixels.

    Raises:
        ParameterError: There is no trial, or the shapes do not agree.
    """
    if len(scores) == 0 or np.shape(numbers) != np.shape(scores):
        raise ParameterError(f"a history needs a score for each trial: {len(scores)} scores, {len(numbers)} numbers")
    figure, (axes,) = new_figure(theme, width=width, height=320.0)
    colour = theme.models[0]
    axes.plot(numbers, scores, "o", color=colour, alpha=0.55, markersize=4.5, markeredgewidth=0, label="trial")
    best = np.minimum.accumulate(scores)
    axes.step(numbers, best, where="post", color=theme.foreground, label="best so far")
    for (label, value), style in zip((references or {}).items(), ((0, (5, 3)), (0, (1.5, 2.5))) * 4, strict=False):
        axes.axhline(value, color=theme.muted, linewidth=1.1, linestyle=style, label=typeset(label))
    axes.set_xlim(min(numbers) - 0.8, max(numbers) + 0.8)
    label_axes(axes, theme, x="trial", y=y_label)
    add_legend(figure, [axes], theme)
    return figure


@house_style
def importance_chart(shares: Mapping[str, float], theme: Theme, *, width: float = PAGE_WIDTH) -> Figure:
    """Return each parameter's share of the variance of the score, the largest on top.

    Raises:
        ParameterError: There is nothing to show.
    """
    if not shares:
        raise ParameterError("no shares to show: a study needs more scores, and scores that differ")
    ordered = sorted(shares.items(), key=lambda entry: entry[1])
    figure, (axes,) = new_figure(theme, width=width, height=80.0 + 28.0 * len(ordered))
    values = [value for _, value in ordered]
    bars = axes.barh([typeset(words(name)) for name, _ in ordered], values, color=theme.models[0], height=0.62)
    axes.bar_label(bars, [f"{value:.0%}" for value in values], padding=4, color=theme.muted)
    axes.set_xlim(0, max(values) * 1.14)
    as_rows(axes, theme)
    label_axes(axes, theme, x="share of the variance of the score", y="")
    return figure


@dataclass(frozen=True)
class Slice:
    """The trials of a study along one parameter.

    Attributes:
        name: Of the parameter.
        values: Of the trials, float64 [trial].
        scale: Of the axis: "linear", "log", or "log2" for powers of two.
        labels: For kinds coded as whole numbers: value -> what it stands for.
    """

    name: str
    values: FloatArray
    scale: str = "linear"
    labels: Mapping[float, str] | None = None


@house_style
def slice_chart(
    slices: Sequence[Slice], scores: FloatArray, theme: Theme, *, y_label: str, width: float = PAGE_WIDTH
) -> Figure:
    """Return the scores against each parameter; later trials are darker, the best has a ring.

    Args:
        slices: Up to `SLICES_PER_ROW` parameters.
        scores: Lower is better, float64 [trial].
        theme: Colours.
        y_label: What a score is, with its unit.
        width: Pixels; slices stand below each other where there is no room beside.

    Raises:
        ParameterError: There is nothing to show, more than fits a row, or a slice has another number of trials.
    """
    if not 1 <= len(slices) <= SLICES_PER_ROW or any(len(entry.values) != len(scores) for entry in slices):
        raise ParameterError(f"a row takes 1 to {SLICES_PER_ROW} parameters, with a value for each score")
    if len(scores) == 0:
        raise ParameterError("slices need at least one score")
    from matplotlib.colors import LinearSegmentedColormap

    panels = max(len(slices), columns_of(SLICES_PER_ROW, width))  # a row that is not full keeps the size of its panels
    figure, places = new_figure(theme, width=width, height=250.0, panels=panels)
    order = np.arange(len(scores))
    shades = LinearSegmentedColormap.from_list("trials", [theme.floor, theme.models[0]])
    best = int(np.argmin(scores))
    for axes, entry in zip(places, slices, strict=False):
        axes.scatter(entry.values, scores, c=order, cmap=shades, s=20, linewidths=0)
        axes.scatter(
            entry.values[best], scores[best], s=80, facecolors="none", edgecolors=theme.foreground, linewidths=1.2
        )
        _scale(axes, entry)
        label_axes(axes, theme, x=words(entry.name), y=y_label if leads_row(axes) else "")
    for axes in places[len(slices) :]:
        axes.set_visible(False)
    return figure


def _scale(axes: Axes, entry: Slice) -> None:
    from matplotlib.ticker import MaxNLocator

    if entry.labels is not None:
        axes.set_xticks(list(entry.labels), [typeset(label) for label in entry.labels.values()])
    elif entry.scale == "log2":
        axes.set_xscale("log", base=2)
        plain_numbers(axes.xaxis, "g")
    elif entry.scale == "log":
        axes.set_xscale("log")
    elif np.all(entry.values % 1 == 0):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


@house_style
def regret_chart(
    regret: Mapping[str, FloatArray], theme: Theme, *, y_label: str, floor: float, width: float = PAGE_WIDTH
) -> Figure:
    """Return how far the best score so far lies above the best of all, for each way to search.

    Lines are medians over the repeats, bands run from the best repeat to the worst.

    Args:
        regret: Searcher -> float64 [repeat, trial], not negative; "random" is drawn in grey.
        theme: Colours.
        y_label: What a score is, with its unit.
        floor: Where the logarithmic axis ends; a regret of zero lies on it.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to show, or the floor is not positive.
    """
    if not regret or not floor > 0:
        raise ParameterError("a chart of regret needs at least one searcher and a positive floor")
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure(theme, width=width, height=340.0)
    roles: list[Role] = ["solver" if name == CONTROL else "model" for name in regret]
    for (name, values), colour in zip(regret.items(), role_colours(roles, theme), strict=True):
        trials = np.arange(1.0, values.shape[1] + 1)
        draw_band(axes, ensemble_band(name, trials, np.maximum(values, floor), level=1.0), colour)
    axes.set_yscale("log")
    axes.set_ylim(bottom=floor)
    axes.set_xlim(1, max(values.shape[1] for values in regret.values()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_axes(axes, theme, x="trainings", y=y_label)
    add_legend(figure, [axes], theme)
    return figure


def words(name: str) -> str:
    """The name of a parameter as it is read."""
    return name.replace("_", " ")
