"""The house style: one place for backgrounds, text colours, ramps, series colours, typefaces and sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from nakaya.core.errors import UnknownNameError
from nakaya.viz.colour import ColourRamp

__all__ = [
    "DARK",
    "LIGHT",
    "NARROW_WIDTH",
    "PAGE_WIDTH",
    "PIXELS_PER_INCH",
    "TEXT_SIZE",
    "TEXT_WIDTH",
    "THEMES",
    "Theme",
    "find_theme",
    "house_style",
]

PIXELS_PER_INCH = 96.0
"""Of the pixels that pages count in (CSS): a chart as wide as its place on a page is shown at its own size."""

PAGE_WIDTH = 960.0
"""Of a chart and of the figures of a report, in pixels."""

TEXT_WIDTH = 640.0
"""Of the text of a report and of its films, in pixels."""

NARROW_WIDTH = 360.0
"""Of all of them on a telephone, in pixels."""

TEXT_SIZE = 11.25
"""Of all words and numbers in charts, in points: 15 pixels, as captions of reports."""


@dataclass(frozen=True)
class Theme:
    """A background and everything that is drawn on it; colours as "#rrggbb".

    Attributes:
        name: "dark" or "light".
        background: Behind everything.
        vapour: Lattice sites that hold no crystal.
        foreground: Text and marks.
        muted: Text and marks of second rank.
        rule: Lines and axes.
        ramp: Colours of arrival times, the oldest darkest.
        field_ramp: Colours of final fields, the lowest darkest; of other hues, so that nobody reads them as times.
        grain_lightness: OKLab lightness of a grain's oldest and youngest sites.
        solver: Series of the exact solver.
        floor: Bands of solver against solver.
        models: Series of models, in the order in which they appear.
    """

    name: str
    background: str
    vapour: str
    foreground: str
    muted: str
    rule: str
    ramp: ColourRamp
    field_ramp: ColourRamp
    grain_lightness: tuple[float, float]
    solver: str
    floor: str
    models: tuple[str, ...]

    @property
    def grain_ramp(self) -> ColourRamp:
        """Arrival times where hue stands for the grain: lightness alone."""
        dark, light = self.grain_lightness
        return ColourRamp("grain", ((dark, 0.0, 0.0), (light, 0.0, 0.0)))


_ICE = (
    (0.33, 0.115, 285.0),
    (0.48, 0.135, 262.0),
    (0.68, 0.120, 237.0),
    (0.86, 0.070, 212.0),
    (0.985, 0.012, 200.0),
)
_DEEP_ICE = (
    (0.25, 0.090, 285.0),
    (0.38, 0.120, 265.0),
    (0.54, 0.125, 245.0),
    (0.70, 0.100, 225.0),
    (0.83, 0.065, 208.0),
)

_EMBER = (
    (0.22, 0.060, 300.0),
    (0.38, 0.130, 330.0),
    (0.55, 0.160, 370.0),  # 10 degrees, on from 330
    (0.72, 0.150, 415.0),
    (0.87, 0.120, 445.0),
    (0.97, 0.050, 460.0),
)

DARK = Theme(
    name="dark",
    background="#070b14",
    vapour="#0b111e",
    foreground="#e6edf7",
    muted="#94a3b8",
    rule="#2a3547",
    ramp=ColourRamp("ice", _ICE),
    field_ramp=ColourRamp("ember", _EMBER),
    grain_lightness=(0.42, 0.93),
    solver="#e6edf7",
    floor="#3b4a63",
    models=("#56b4e9", "#e69f00", "#33c49a", "#e58bbd", "#f0e442"),
)

LIGHT = Theme(
    name="light",
    background="#ffffff",
    vapour="#f5f7fa",
    foreground="#16202e",
    muted="#5b6878",
    rule="#cfd7e1",
    ramp=ColourRamp("deep ice", _DEEP_ICE),
    field_ramp=ColourRamp("ember", _EMBER),
    grain_lightness=(0.34, 0.78),
    solver="#16202e",
    floor="#d5dce6",
    models=("#0072b2", "#c96a00", "#00866a", "#b0508a", "#7a6a00"),
)

THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT)}


def find_theme(name: str) -> Theme:
    """Return the theme of this name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in THEMES:
        raise UnknownNameError("theme", name, THEMES)
    return THEMES[name]


FONT_FAMILY = ("STIXGeneral", "DejaVu Serif")
"""Typefaces that come with Matplotlib, so that a picture looks the same on every machine; the second fills gaps."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def house_style(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function that draws with the house's typefaces; the caller's own Matplotlib settings come back after."""

    @wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        import matplotlib

        settings: Any = {  # the type of Matplotlib's settings is a list of names that changes with its version
            "font.family": list(FONT_FAMILY),
            "font.size": TEXT_SIZE,
            "lines.linewidth": 1.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": TEXT_SIZE,
            "axes.titlepad": 8,
            "figure.titlesize": TEXT_SIZE,
            "legend.frameon": False,
            "legend.fontsize": TEXT_SIZE,
            "legend.handlelength": 1.4,
            "xtick.labelsize": TEXT_SIZE,
            "ytick.labelsize": TEXT_SIZE,
            "mathtext.fontset": "stix",
            "axes.unicode_minus": True,
            "svg.fonttype": "path",  # letters as shapes: the file needs no font
            "svg.hashsalt": "nakaya",  # the same figure gives the same bytes
        }
        with matplotlib.rc_context(settings):
            return draw(*args, **kwargs)

    return styled
