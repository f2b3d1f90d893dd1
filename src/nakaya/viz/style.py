"""The house style: one place for grounds, inks, ramps, series colours, typefaces and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from nakaya.core.errors import UnknownNameError
from nakaya.viz.colour import ColourRamp

__all__ = ["DARK", "LIGHT", "THEMES", "Face", "Theme", "find_theme", "font_file"]

Face = Literal["roman", "italic", "bold"]


@dataclass(frozen=True)
class Theme:
    """A ground and everything that is drawn on it; colours as "#rrggbb".

    Attributes:
        name: "dark" or "light".
        ground: Behind everything.
        vapour: Lattice sites that hold no crystal.
        ink: Text and marks.
        muted: Text and marks of second rank.
        hairline: Rules and axes.
        ramp: Colours of arrival times, the oldest darkest.
        grain_lightness: OKLab lightness of a grain's oldest and youngest sites.
        solver: Series of the exact solver.
        floor: Bands of solver against solver.
        models: Series of models, in the order in which they appear.
    """

    name: str
    ground: str
    vapour: str
    ink: str
    muted: str
    hairline: str
    ramp: ColourRamp
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

DARK = Theme(
    name="dark",
    ground="#070b14",
    vapour="#0b111e",
    ink="#e6edf7",
    muted="#94a3b8",
    hairline="#2a3547",
    ramp=ColourRamp("ice", _ICE),
    grain_lightness=(0.42, 0.93),
    solver="#e6edf7",
    floor="#3b4a63",
    models=("#56b4e9", "#e69f00", "#33c49a", "#e58bbd", "#f0e442"),
)

LIGHT = Theme(
    name="light",
    ground="#ffffff",
    vapour="#f5f7fa",
    ink="#16202e",
    muted="#5b6878",
    hairline="#cfd7e1",
    ramp=ColourRamp("deep ice", _DEEP_ICE),
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
        raise UnknownNameError("ground", name, THEMES)
    return THEMES[name]


FONT_FAMILY = ("STIXGeneral", "DejaVu Serif")
"""Typefaces that come with Matplotlib, so that a picture looks the same on every machine; the second fills gaps."""

_FONT_FILES: dict[Face, str] = {
    "roman": "STIXGeneral.ttf",
    "italic": "STIXGeneralItalic.ttf",
    "bold": "STIXGeneralBol.ttf",
}


@lru_cache(maxsize=4)
def font_file(face: Face) -> Path:
    """Return the file of a face, found without importing Matplotlib (which takes seconds)."""
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / _FONT_FILES[face]
