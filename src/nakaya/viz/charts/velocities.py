"""Predicted growth velocities against temperature, with bands; what lies outside of the training looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import BAND_OPACITY, add_legend, label_axes, new_figure, reference_line, role_colours
from nakaya.viz.formatting import typeset
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PredictedCurve", "predicted_velocities"]

_SHAPES = "os^Dv"
_LIGHTER = 0.4
"""Of a band outside of the training, in opacities of one inside."""

_DOTS = (0, (1.2, 1.6))


@dataclass(frozen=True, eq=False)
class PredictedCurve:
    """Predictions of one orientation.

    Attributes:
        label: What it is.
        temperatures: float64 [n], K, increasing.
        values: float64 [n], m/s; NaN where nothing is predicted.
        low: Lower end of each interval, float64 [n].
        high: Upper end.
        outside: Whether it is an extrapolation, bool [n].
    """

    label: str
    temperatures: FloatArray
    values: FloatArray
    low: FloatArray
    high: FloatArray
    outside: np.ndarray[tuple[int], np.dtype[np.bool_]]


@house_style
def predicted_velocities(
    curves: Sequence[PredictedCurve],
    theme: Theme,
    *,
    melting_point: float | None,
    title: str = "",
    width: float = PAGE_WIDTH,
) -> Figure:
    """Return velocity against temperature, a colour and a shape for each orientation, with bands of 90 %.

    Outside of the training marks are hollow, lines dotted and bands lighter. Where there is a single temperature,
    orientations stand side by side, with bars.

    Args:
        curves: One for each orientation.
        theme: Colours.
        melting_point: K, where velocities vanish; None = not known.
        title: What is predicted, and by what.
        width: Pixels.

    Raises:
        ParameterError: There is nothing to show.
    """
    if not any(np.isfinite(curve.values).any() for curve in curves):
        raise ParameterError("no velocity is predicted for any of these conditions: there is nothing to draw")
    figure, (axes,) = new_figure(theme, width=width, height=400)
    axes.axhline(0.0, color=theme.muted, linewidth=0.9)
    alone = {float(T) for curve in curves for T in curve.temperatures}
    if len(alone) == 1:
        _draw_side_by_side(axes, curves, theme)
        label_axes(axes, theme, x=f"interface at {alone.pop():g} K", y="growth velocity (m/s)", title=title)
        return figure
    for number, (curve, colour) in enumerate(zip(curves, role_colours(["model"] * len(curves), theme), strict=True)):
        # With more orientations than colours, one colour comes again with another shape.
        shape = _SHAPES[(number + number // len(theme.models)) % len(_SHAPES)]
        _draw(axes, curve, colour, shape, theme)
    if any(curve.outside.any() for curve in curves):
        axes.plot(
            [], [], color=theme.muted, linestyle=_DOTS, marker="o", markerfacecolor=theme.background, markersize=4.5,
            label="outside the training",
        )  # fmt: skip
    if melting_point is not None and np.isfinite(melting_point):
        reference_line(axes, theme, melting_point, f"melts at {melting_point:,.0f} K")
    label_axes(axes, theme, x="temperature (K)", y="growth velocity (m/s)", title=title)
    add_legend(figure, [axes], theme)
    return figure


def _draw_side_by_side(axes: Axes, curves: Sequence[PredictedCurve], theme: Theme) -> None:
    for place, (curve, colour) in enumerate(zip(curves, role_colours(["model"] * len(curves), theme), strict=True)):
        lengths = [curve.values - curve.low, curve.high - curve.values]
        fill = theme.background if curve.outside.any() else colour
        axes.errorbar([place], curve.values, lengths, color=colour, fmt="o", markerfacecolor=fill, markersize=5)
    words = ["\noutside the training" * bool(curve.outside.any()) for curve in curves]
    axes.set_xticks(
        range(len(curves)), [typeset(curve.label) + word for curve, word in zip(curves, words, strict=True)]
    )
    axes.set_xlim(-0.6, len(curves) - 0.4)


def _draw(axes: Axes, curve: PredictedCurve, colour: str, shape: str, theme: Theme) -> None:
    T, outside = curve.temperatures, curve.outside
    # A stretch between two temperatures is known as well as its worse end.
    beyond = outside[1:] | outside[:-1]
    for stretch, is_outside in _stretches(beyond):
        axes.fill_between(
            T[stretch], curve.low[stretch], curve.high[stretch], color=colour, linewidth=0,
            alpha=BAND_OPACITY * (_LIGHTER if is_outside else 1.0),
        )  # fmt: skip
        axes.plot(T[stretch], curve.values[stretch], color=colour, linestyle=_DOTS if is_outside else "-")
    common: Any = {"color": colour, "linestyle": "none", "marker": shape, "markersize": 4.5}
    axes.plot(T[~outside], curve.values[~outside], **common)
    axes.plot(T[outside], curve.values[outside], markerfacecolor=theme.background, **common)
    axes.plot([], [], color=colour, marker=shape, markersize=4.5, label=typeset(curve.label))


def _stretches(beyond: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[slice, bool]]:
    """Runs of equal entries between points, as slices of the points."""
    cuts = [0, *(np.flatnonzero(beyond[1:] != beyond[:-1]) + 1).tolist(), beyond.size]
    return [(slice(first, last + 1), bool(beyond[first])) for first, last in pairwise(cuts) if last > first]
