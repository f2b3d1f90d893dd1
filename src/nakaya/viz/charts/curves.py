"""Growth curves and distributions: model, solver, and the band that the solver itself leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    Band,
    add_legend,
    draw_band,
    label_axes,
    new_figure,
    plain_numbers,
    role_colours,
)
from nakaya.viz.style import PAGE_WIDTH, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CurvePanel", "growth_curves"]

PANEL_HEIGHT = 280.0


@dataclass(frozen=True)
class CurvePanel:
    """One quantity over physical time.

    Attributes:
        quantity: Its name, with its unit: "area (sites)".
        bands: A curve with its spread for the solver and each model.
    """

    quantity: str
    bands: tuple[Band, ...]


@house_style
def growth_curves(
    panels: Sequence[CurvePanel], theme: Theme, *, x_label: str = "step", width: float = PAGE_WIDTH
) -> Figure:
    """Return one panel for each quantity: the median over the ensemble and its central 90 %, against physical time.

    Args:
        panels: Quantities.
        theme: Colours.
        x_label: The abscissa.
        width: Pixels; panels stand below each other where there is no room beside.

    Raises:
        ParameterError: There is no panel.
    """
    if not panels:
        raise ParameterError("growth curves need at least one quantity")
    figure, axes = new_figure(theme, width=width, height=PANEL_HEIGHT, panels=len(panels))
    for panel, place in zip(panels, axes, strict=True):
        for band, colour in zip(panel.bands, role_colours([b.role for b in panel.bands], theme), strict=True):
            draw_band(place, band, colour)
        label_axes(place, theme, x=x_label, y="", title=panel.quantity)
        plain_numbers(place.yaxis)
        place.set_xlim(left=0)
        place.set_ylim(bottom=0)
    if len(panels[0].bands) > 1:
        add_legend(figure, axes[:1], theme)
    return figure
