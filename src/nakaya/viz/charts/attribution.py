"""What mattered for a prediction, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import as_rows, label_axes, new_figure
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ablation_chart"]


@house_style
def ablation_chart(
    parts: Sequence[tuple[str, float]],
    theme: Theme,
    *,
    title: str,
    model: str,
    unit: str,
    width: float = PAGE_WIDTH,
) -> Figure:
    """Return a bar for every part that was left out: how the prediction changed without it, the largest on top.

    Args:
        parts: (name, change) in the order to show.
        theme: Colours.
        title: Above the bars.
        model: Whose answers changed.
        unit: Of the changes.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to show.
    """
    if not parts:
        raise ParameterError("nothing was left out, so there is nothing to show: conditions are all the evidence")
    figure, (axes,) = new_figure(theme, width=width, height=100.0 + 28.0 * len(parts))
    places = np.arange(len(parts))[::-1]
    axes.barh(places, [change for _, change in parts], height=0.62, color=theme.models[0])
    axes.axvline(0, color=theme.foreground, linewidth=0.8)
    axes.set_yticks(places, [typeset(name) for name, _ in parts])
    as_rows(axes, theme)
    label_axes(axes, theme, x=f"change of the answer of {model} without it ({unit})", y="", title=title)
    return figure
