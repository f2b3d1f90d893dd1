"""Growth curves and distributions: model, solver, and the band that the solver itself leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import (
    LINE_WIDTH,
    Band,
    Role,
    add_legend,
    draw_band,
    house_style,
    label_axes,
    new_figure,
    role_colours,
    thousands,
)
from nakaya.viz.style import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CurvePanel", "DistributionPanel", "distribution_chart", "empirical_distribution", "growth_curves"]


FLOOR_LABEL = "solver against solver"

MAX_STEPS = 400
"""Abscissae of a cumulative distribution; more than the eye tells apart only makes the file large."""


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
def growth_curves(panels: Sequence[CurvePanel], theme: Theme, *, x_label: str = "step") -> Figure:
    """Return one panel for each quantity: the median over the ensemble and its central 90 %, against physical time.

    Raises:
        ParameterError: There is no panel.
    """
    if not panels:
        raise ParameterError("growth curves need at least one quantity")
    figure, axes = new_figure(theme, width=4.6 * len(panels), height=3.5, panels=len(panels))
    for number, (panel, place) in enumerate(zip(panels, axes, strict=True)):
        for band, colour in zip(panel.bands, role_colours([b.role for b in panel.bands], theme), strict=True):
            draw_band(place, band, colour)
        label_axes(place, theme, x=x_label, y=panel.quantity)
        thousands(place)
        place.set_xlim(left=0)
        place.set_ylim(bottom=0)
        if number == 0 and len(panel.bands) > 1:
            add_legend(figure, place, theme)
    return figure


@dataclass(frozen=True)
class DistributionPanel:
    """One quantity's distribution.

    Attributes:
        quantity: Its name, with its unit.
        samples: Values by series, float64 [n] each; "solver" is drawn in ink, others in colours.
        floor: Solver against solver: float64 [replicate, n], independent samples of the solver, or None.
    """

    quantity: str
    samples: Mapping[str, FloatArray] = field(default_factory=dict)
    floor: FloatArray | None = None


def empirical_distribution(sample: FloatArray, at: FloatArray) -> FloatArray:
    """Return the share of the sample that is at most `at`: float64, the shape of `at`.

    >>> empirical_distribution(np.array([1.0, 2.0, 2.0, 5.0]), np.array([0.0, 2.0, 9.0])).tolist()
    [0.0, 0.75, 1.0]
    """
    ordered = np.sort(np.asarray(sample, np.float64))
    return np.asarray(np.searchsorted(ordered, at, side="right") / len(ordered), np.float64)


@house_style
def distribution_chart(panels: Sequence[DistributionPanel], theme: Theme) -> Figure:
    """Return the cumulative distribution of each quantity, with the band in which the solver's own samples lie.

    The band is the central 90 % of the distributions of independent solver samples: a model inside it cannot be told
    from the solver by this quantity at this sample size.

    Raises:
        ParameterError: There is no panel, or an empty sample.
    """
    if not panels or any(len(sample) == 0 for panel in panels for sample in panel.samples.values()):
        raise ParameterError("a distribution needs at least one quantity, and a value in every sample")
    figure, axes = new_figure(theme, width=4.0 * len(panels), height=3.4, panels=len(panels))
    for number, (panel, place) in enumerate(zip(panels, axes, strict=True)):
        pools = [np.asarray(sample, np.float64).ravel() for sample in panel.samples.values()]
        if panel.floor is not None:
            pools.append(np.asarray(panel.floor, np.float64).ravel())
        support = _support(np.concatenate(pools))
        if panel.floor is not None:
            replicates = np.stack([empirical_distribution(sample, support) for sample in panel.floor])
            low, high = np.quantile(replicates, [0.05, 0.95], axis=0)
            place.fill_between(
                support,
                low,
                high,
                step="post",
                color=theme.floor,
                alpha=0.9,
                linewidth=0,
                label=FLOOR_LABEL,
            )
        roles: list[Role] = ["solver" if label == "solver" else "model" for label in panel.samples]
        for (label, sample), colour in zip(panel.samples.items(), role_colours(roles, theme), strict=True):
            share = empirical_distribution(sample, support)
            place.step(support, share, where="post", color=colour, linewidth=LINE_WIDTH, label=label)
        label_axes(place, theme, x=panel.quantity, y="share of crystals at or below" if number == 0 else "")
        place.set_xlim(support[0], support[-1])
        place.set_ylim(0, 1.02)
        if number == 0:
            add_legend(figure, place, theme)
    return figure


def _support(values: FloatArray) -> FloatArray:
    """The values at which distributions are compared, with a margin at both ends."""
    values = np.unique(values)
    margin = 0.04 * (values[-1] - values[0]) or 1.0
    low, high = values[0] - margin, values[-1] + margin
    if len(values) > MAX_STEPS:
        return np.linspace(low, high, MAX_STEPS)
    return np.concatenate([[low], values, [high]])
