"""Colours that the eye orders as the numbers do: OKLab arithmetic, ramps of even steps, hues for grains.

OKLab (Ottosson 2020) is a colour space in which equal distances look about equally large and the first coordinate is
lightness. Every ramp here rises in lightness from end to end, so it can be read in grey and by colour-blind eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray

__all__ = [
    "ColourRamp",
    "from_hex",
    "grain_hues",
    "linear_to_srgb",
    "oklab_to_srgb",
    "oklch_to_srgb",
    "srgb_to_linear",
    "srgb_to_oklab",
    "to_hex",
    "to_pixels",
]

RAMP_LENGTH = 256

# Linear sRGB -> cone responses, and their cube roots -> OKLab.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_CONES = np.linalg.inv(_TO_CONES)
_FROM_LAB = np.linalg.inv(_TO_LAB)


# Where the line and the power law of the transfer curve meet. The standard rounds the two sides of it separately, to
# 0.04045 and 0.0031308, where both curves jump and neither undoes the other (by 2e-6); this is their intersection.
_KNEE_SRGB = 0.0404482362771082
_KNEE_LIGHT = _KNEE_SRGB / 12.92


def srgb_to_linear(srgb: FloatArray) -> FloatArray:
    """Undo the display's transfer curve (IEC 61966-2-1): values in [0, 1] to light in [0, 1]."""
    srgb = np.asarray(srgb, np.float64)
    return np.where(srgb <= _KNEE_SRGB, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: FloatArray) -> FloatArray:
    """Apply the display's transfer curve (IEC 61966-2-1): light in [0, 1] to values in [0, 1]."""
    light = np.clip(np.asarray(light, np.float64), 0.0, 1.0)
    return np.where(light <= _KNEE_LIGHT, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_to_oklab(srgb: FloatArray) -> FloatArray:
    """Return OKLab coordinates (lightness, green-red, blue-yellow) of sRGB colours: float64 [..., 3]."""
    return np.asarray(np.cbrt(srgb_to_linear(srgb) @ _TO_CONES.T) @ _TO_LAB.T)


def oklab_to_srgb(lab: FloatArray) -> FloatArray:
    """Return sRGB colours of OKLab coordinates; what no display can show is brought in by lowering its chroma.

    Args:
        lab: float64 [..., 3].

    Returns:
        float64 [..., 3] in [0, 1]; lightness and hue are kept.
    """
    lab = np.asarray(lab, np.float64)
    light = _lab_to_linear(lab)
    outside = ~_in_gamut(light)
    light[outside] = _lab_to_linear(_bring_in(lab[outside]))
    return linear_to_srgb(light)


def oklch_to_srgb(lightness: FloatArray, chroma: FloatArray, hue: FloatArray) -> FloatArray:
    """Return sRGB colours of cylindrical OKLab coordinates: float64 [..., 3].

    Args:
        lightness: In [0, 1].
        chroma: Distance from grey, about 0 to 0.3.
        hue: Degrees; 30 red, 110 yellow, 145 green, 230 blue, 300 violet, roughly.
    """
    lightness, chroma, angle = np.broadcast_arrays(lightness, chroma, np.deg2rad(hue))
    return oklab_to_srgb(np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1))


def _bring_in(lab: FloatArray) -> FloatArray:
    """Lower the chroma of colours [n, 3] until a display can show them: bisection, far below one level of 255."""
    low, high = np.zeros(len(lab)), np.ones(len(lab))
    for _ in range(16):
        middle = (low + high) / 2
        fits = _in_gamut(_lab_to_linear(_scale_chroma(lab, middle)))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return _scale_chroma(lab, low)


def _lab_to_linear(lab: FloatArray) -> FloatArray:
    return np.asarray((lab @ _FROM_LAB.T) ** 3 @ _FROM_CONES.T)


def _in_gamut(light: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(((light >= -1e-6) & (light <= 1 + 1e-6)).all(axis=-1))


def _scale_chroma(lab: FloatArray, factor: FloatArray) -> FloatArray:
    return np.stack([lab[..., 0], lab[..., 1] * factor, lab[..., 2] * factor], axis=-1)


@dataclass(frozen=True)
class ColourRamp:
    """A map from [0, 1] to colours, of even perceptual steps and rising lightness.

    Attributes:
        name: What it is called.
        anchors: (lightness, chroma, hue in degrees) that it passes through, in rising lightness.
    """

    name: str
    anchors: tuple[tuple[float, float, float], ...]

    @property
    def table(self) -> FloatArray:
        """The colours at even steps, sRGB in [0, 1]: float64 [256, 3]."""
        return _ramp_table(self.anchors)

    def __call__(self, fraction: FloatArray) -> FloatArray:
        """Return sRGB colours float64 [..., 3] of fractions; what lies outside [0, 1] takes the nearer end."""
        position = np.clip(np.asarray(fraction, np.float64), 0.0, 1.0) * (RAMP_LENGTH - 1)
        knots = np.arange(RAMP_LENGTH)
        return np.stack([np.interp(position, knots, self.table[:, channel]) for channel in range(3)], axis=-1)


@lru_cache(maxsize=16)
def _ramp_table(anchors: tuple[tuple[float, float, float], ...]) -> FloatArray:
    lightness, chroma, hue = (np.array(column) for column in zip(*anchors, strict=True))
    # Lightness itself is the curve's parameter: it rises by construction, also where hue and chroma bend.
    fine = np.linspace(lightness[0], lightness[-1], 2048)
    colours = oklch_to_srgb(fine, np.interp(fine, lightness, chroma), np.interp(fine, lightness, hue))
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(srgb_to_oklab(colours), axis=0), axis=1))])
    even = np.linspace(0.0, travelled[-1], RAMP_LENGTH)
    table = np.stack([np.interp(even, travelled, colours[:, channel]) for channel in range(3)], axis=-1)
    table.setflags(write=False)
    return table


def grain_hues(count: int) -> FloatArray:
    """Return hues (degrees) for `count` grains: float64 [count]; neighbours in number lie far apart in hue.

    The first eight are picked to stay apart for the common kinds of colour blindness; later ones follow the golden
    angle and repeat what an eye can tell apart.
    """
    picked = np.array([245.0, 75.0, 165.0, 340.0, 200.0, 45.0, 290.0, 120.0])
    golden = (picked[-1] + 137.50776405 * np.arange(1, max(count - len(picked), 0) + 1)) % 360.0
    return np.concatenate([picked, golden])[:count]


def from_hex(text: str) -> FloatArray:
    """Return the sRGB colour of "#rrggbb": float64 [3] in [0, 1]."""
    return np.array([int(text[start : start + 2], 16) for start in (1, 3, 5)]) / 255.0


def to_hex(srgb: Sequence[float] | FloatArray) -> str:
    """Return "#rrggbb" of an sRGB colour with channels in [0, 1]."""
    red, green, blue = (round(float(channel) * 255) for channel in srgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


def to_pixels(srgb: FloatArray) -> NDArray[np.uint8]:
    """Return colours with channels in [0, 1] (what lies outside takes the nearer end) as pixels, uint8."""
    return np.rint(np.clip(srgb, 0.0, 1.0) * 255).astype(np.uint8)
