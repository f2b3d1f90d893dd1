"""Overlays: what was found in a micrograph, drawn over the micrograph, for a person to check.

Everything comes as arrays; nothing here knows how it was found. Small images are enlarged by whole factors, so that a
boundary between two pixels is a line and the pixels stay visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, POINTS, Canvas
from nakaya.viz.colour import from_hex, grain_hues, oklch_to_srgb, to_pixels
from nakaya.viz.formatting import typeset
from nakaya.viz.style import LIGHT, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Caption",
    "Segment",
    "domain_overlay",
    "grain_film",
    "grain_overlay",
    "grain_sequence",
    "orientation_overlay",
    "spot_overlay",
]

MIN_SIDE = 900
"""The longer side of the drawn image has at least so many pixels, where a whole factor brings it there."""
MAX_SIDE = 4000
SEQUENCE_SIDE = 512
"""Of each of several maps side by side, at most, where a whole factor brings it there."""
BOUNDARY = "#ffd23f"
CUT = "#8fd3ff"
TWIN = "#ff2d55"
TINT = 0.28
MARGIN = 40.0
ROOM_FOR_LEGEND = 900.0
"""Units across that a legend beside the scale bar wants."""

KEY_BORDER = 40
"""Pixels around the colour triangle, for the names of its corners."""


@dataclass(frozen=True)
class Caption:
    """What is written around an overlay.

    Attributes:
        title: One line; empty: none.
        text: As many lines as it takes.
        pixel_size: m, for a scale bar; None = none, and the caption says so.
        legend: (colour "#rrggbb", what it means).
        design_width: Units across, in which letters have their sizes: fewer make larger letters.
        margin: Around the pictures, in these units.
    """

    title: str
    text: str = ""
    pixel_size: float | None = None
    legend: Sequence[tuple[str, str]] = ()
    design_width: float = DESIGN_WIDTH
    margin: float = MARGIN


@dataclass(frozen=True)
class Segment:
    """A straight line from one place of the image to another, (x, y) in pixels."""

    start: tuple[float, float]
    end: tuple[float, float]
    colour: str


def _factor(shape: tuple[int, ...]) -> int:
    return max(1, min(-(-MIN_SIDE // max(shape)), MAX_SIDE // max(shape)))


def _enlarge(pixels: NDArray[np.generic], factor: int) -> NDArray[np.generic]:
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def _grey(image: FloatArray) -> FloatArray:
    """Grey values as colours, float64 [row, column, 3]."""
    return np.repeat(np.clip(np.asarray(image, np.float64), 0, 1)[..., None], 3, axis=-1)


def _edges(labels: NDArray[np.generic], factor: int, *, width: int = 1) -> BoolArray:
    """Pixels of the enlarged image beside a change of label: bool [row x factor, column x factor]."""
    large = _enlarge(labels, factor)
    edges = np.zeros(large.shape, np.bool_)
    for step in range(1, width + 1):
        edges[step:] |= large[step:] != large[:-step]
        edges[:, step:] |= large[:, step:] != large[:, :-step]
        edges[:-step] |= large[step:] != large[:-step]
        edges[:, :-step] |= large[:, step:] != large[:, :-step]
    return edges


def _tinted(image: FloatArray, hues: GrainMap, tinted: BoolArray | bool = True) -> FloatArray:
    """Grey values with a hue of its own for every number, float64 [row, column, 3]."""
    palette = oklch_to_srgb(np.array(0.72), np.array(0.13), grain_hues(int(hues.max()) + 1))
    grey = _grey(image)
    return np.where(np.asarray(tinted)[..., None], (1 - TINT) * grey + TINT * palette[hues], grey)


def _outlined(colours: FloatArray, factor: int, *lines: tuple[BoolArray, str]) -> Image.Image:
    """Colours in [0, 1], enlarged, with lines in colours of their own; made smaller where it is very large."""
    large = _enlarge(colours, factor).astype(np.float64)
    for where, colour in lines:
        large[where] = from_hex(colour)
    image = Image.fromarray(to_pixels(large))
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return image


def _frame(
    pictures: Sequence[Image.Image], labels: GrainMap, caption: Caption, theme: Theme, legend: Sequence[tuple[str, str]]
) -> tuple[Canvas, list[Axes]]:
    """Set pictures side by side, with title and text above, scale bar and legend below.

    Axes lie over the pictures; in those over pictures of the image coordinates are the image's pixels.
    """
    gap, margin = 24, caption.margin
    inner = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    unit = max(inner / (caption.design_width - 2 * margin), 0.5)
    width = round(inner + 2 * margin * unit)
    legend = [*legend, *caption.legend]
    beside = caption.design_width >= ROOM_FOR_LEGEND  # the legend stands beside the scale bar, or below it
    foot = max(30.0 * len(legend) - 20, 28) if beside else 56.0 + 30.0 * len(legend)
    canvas = Canvas(
        width,
        theme,
        body=max(picture.height for picture in pictures) / unit,
        foot=foot,
        title=caption.title,
        subtitle=caption.text,
        design_width=width / unit,
        margin=margin,
    )
    axes, x = [], margin
    for picture in pictures:
        canvas.picture(picture, x, canvas.head)
        axes.append(canvas.axes_over(picture, x, canvas.head))
        axes[-1].set(xlim=(0, labels.shape[1]), ylim=(labels.shape[0], 0))
        x += (picture.width + gap) / unit
    if caption.pixel_size is None:
        canvas.text(margin, canvas.foot + 12, "no pixel size: no physical units", size=canvas.note_size, muted=True)
    else:
        canvas.scale_bar(pictures[0].width / labels.shape[1], caption.pixel_size)
    left, top = (margin + max(canvas.inner / 2 - 100, 340.0), 0) if beside else (margin, 68)
    for row, (colour, meaning) in enumerate(legend):
        canvas.rectangle(left, canvas.foot + top - 8 + 30 * row, 34, 16, colour)
        canvas.text(left + 46, canvas.foot + top + 7 + 30 * row, meaning, size=canvas.note_size, muted=True)
    return canvas, axes


def _check(image: NDArray[np.generic], labels: NDArray[np.generic]) -> None:
    if image.shape[:2] != labels.shape:
        raise ParameterError(f"an image of {image.shape[:2]} and labels of {labels.shape} do not lie on each other")


@house_style
def grain_overlay(
    image: FloatArray, labels: GrainMap, on_frame: BoolArray, caption: Caption, theme: Theme = LIGHT
) -> Image.Image:
    """Return grains over their micrograph: boundaries as lines, each grain tinted, those on the frame left untinted.

    Args:
        image: Grey values from 0 to 1, float64 [row, column].
        labels: Grains, int32 [row, column], 0 .. n - 1.
        on_frame: Grains whose size is not known, bool [n].
        caption: What to write.
        theme: Colours around the picture.
    """
    _check(image, labels)
    factor = _factor(labels.shape)
    picture = _outlined(_tinted(image, labels, ~on_frame[labels]), factor, (_edges(labels, factor), BOUNDARY))
    legend = [(BOUNDARY, "boundary"), ("#b9b9b9", "grey: cut by the frame, left out of sizes")]
    return _frame([picture], labels, caption, theme, legend)[0].image()


@house_style
def orientation_overlay(
    orientation_colours: FloatArray,
    phase_colours: FloatArray | None,
    labels: GrainMap,
    twins: BoolArray,
    caption: Caption,
    *,
    key: tuple[FloatArray, Sequence[str]] | None = None,
    theme: Theme = LIGHT,
) -> Image.Image:
    """Return maps side by side: orientations, and phases where there are several; with boundaries, twins standing out.

    Args:
        orientation_colours: float64 [row, column, 3] in [0, 1].
        phase_colours: The same, one colour a phase; None: no map of phases.
        labels: Grains, int32 [row, column]; -1 = none.
        twins: Pixels beside a twin boundary, bool [row, column].
        caption: What to write.
        key: Picture of the colour triangle, float64 [row, column, 3], and the names of its corners: lower left, lower
            right, upper.
        theme: Colours around the picture.
    """
    _check(orientation_colours, labels)
    maps = [orientation_colours] if phase_colours is None else [orientation_colours, phase_colours]
    factor = _factor((labels.shape[0], len(maps) * labels.shape[1]))
    edges, near = _edges(labels, factor), _enlarge(twins, factor).astype(np.bool_)
    lines = ((edges, "#000000"), (edges & near, TWIN))
    pictures = [_outlined(colours, factor, *lines) for colours in maps]
    if key is not None:
        pictures.append(ImageOps.expand(Image.fromarray(to_pixels(key[0])), KEY_BORDER, theme.background))
    legend = [("#000000", "grain boundary"), (TWIN, "twin (Sigma 3)")]
    canvas, axes = _frame(pictures, labels, caption, theme, legend)
    if key is not None:
        height, width = key[0].shape[:2]
        axes[-1].set(xlim=(-KEY_BORDER, width + KEY_BORDER), ylim=(height + KEY_BORDER, -KEY_BORDER))
        corners = ((0, height + 6, "top"), (width, height + 6, "top"), (width, -6, "bottom"))
        for name, (x, y, side) in zip(key[1], corners, strict=True):
            axes[-1].text(x, y, typeset(name), color=theme.foreground, size=22 * POINTS, va=side, ha="center")
    return canvas.image()


@house_style
def spot_overlay(
    image: FloatArray, labels: GrainMap, centres: FloatArray, caption: Caption, theme: Theme = LIGHT
) -> Image.Image:
    """Return numbered spots over their image: the outline of each and its number.

    Args:
        image: Grey values from 0 to 1, float64 [row, column].
        labels: Spots, int32 [row, column], 0 .. n - 1; -1 = none.
        centres: (x, y) of the spots, float64 [n, 2].
        caption: What to write.
        theme: Colours around the picture.
    """
    _check(image, labels)
    factor = _factor(labels.shape)
    outlines = _edges(labels, factor) & _enlarge(labels >= 0, factor).astype(np.bool_)
    picture = _outlined(_grey(image), factor, (outlines, BOUNDARY))
    canvas, (axes,) = _frame([picture], labels, caption, theme, [(BOUNDARY, "outline of a loop")])
    for number, (x, y) in enumerate(centres + 0.5, start=1):
        axes.text(x, y, str(number), size=22 * POINTS, color=CUT, weight="bold", ha="center", va="center")
    return canvas.image()


@house_style
def domain_overlay(
    image: FloatArray,
    labels: GrainMap,
    directions: Sequence[Sequence[tuple[float, float]]],
    segments: Sequence[Segment],
    caption: Caption,
    theme: Theme = LIGHT,
) -> Image.Image:
    """Return lattices over their image: each domain tinted, with the directions of its fringes from its middle.

    Args:
        image: Grey values from 0 to 1, float64 [row, column].
        labels: Domains, int32 [row, column], 0 .. n - 1.
        directions: For every domain lines along its lattice planes, (x, y) unit vectors.
        segments: Further lines, such as stacking faults.
        caption: What to write.
        theme: Colours around the picture.
    """
    _check(image, labels)
    factor = _factor(labels.shape)
    colours = _tinted(image, np.clip(labels, 0, max(len(directions) - 1, 0)))
    picture = _outlined(colours, factor, (_edges(labels, factor, width=2), BOUNDARY))
    legend = [(BOUNDARY, "boundary between lattices"), ("#d0d0d0", "white lines: lattice planes")]
    canvas, (axes,) = _frame([picture], labels, caption, theme, legend)
    reach, line = 0.12 * max(labels.shape), 2.8 * POINTS
    for domain, vectors in enumerate(directions):
        rows, columns = np.nonzero(labels == domain)
        if len(rows) == 0:
            continue
        middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        for vector in vectors:
            axes.plot(*(middle + np.outer((-reach, reach), vector)).T, color="#ffffff", lw=line)
        axes.annotate(
            str(domain),
            (middle[0], middle[1]),
            (6, -6),
            textcoords="offset points",
            color="#ffffff",
            size=40 * POINTS,
            weight="bold",
        )
    for segment in segments:
        axes.plot(*(np.array([segment.start, segment.end]) + 0.5).T, color=segment.colour, lw=2 * line)
    return canvas.image()


def _grain_colours(labels: GrainMap, factor: int) -> Image.Image:
    """Every grain in a pale colour of its own, with boundaries as lines."""
    number = int(labels.max()) + 1
    lightness = 0.72 + 0.16 * ((np.arange(number) * 7) % 5) / 4  # more grains than hues that an eye tells apart
    palette = oklch_to_srgb(lightness, np.full(number, 0.09), grain_hues(number))
    return _outlined(palette[labels], factor, (_edges(labels, factor), "#1b1b1b"))


@house_style
def grain_sequence(maps: Sequence[GrainMap], caption: Caption, theme: Theme = LIGHT) -> Image.Image:
    """Return maps of one polycrystal side by side; a grain keeps its colour.

    Args:
        maps: Grains, int32 [row, column] each, 0 .. n - 1.
        caption: What to write.
        theme: Colours around the pictures.
    """
    factor = max(1, SEQUENCE_SIDE // max(maps[0].shape))
    pictures = [_grain_colours(labels, factor) for labels in maps]
    return _frame(pictures, maps[0], caption, theme, ())[0].image()


def grain_film(maps: Sequence[GrainMap], *, frame_ms: int = 150, hold_ms: int = 2000) -> bytes:
    """Return maps of one polycrystal one after the other, as the content of a GIF; the last one is held.

    Args:
        maps: Grains, int32 [row, column] each, 0 .. n - 1.
        frame_ms: How long each is shown.
        hold_ms: How long the last is.
    """
    factor = max(1, 540 // max(maps[0].shape))
    frames = [_grain_colours(labels, factor).quantize(255, dither=Image.Dither.NONE) for labels in maps]
    stream = BytesIO()
    durations = [frame_ms] * (len(frames) - 1) + [hold_ms]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return stream.getvalue()
