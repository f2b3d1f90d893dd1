"""Overlays: what was found in a micrograph, drawn over the micrograph, for a person to check.

Everything comes as arrays; nothing here knows how it was found. Small images are enlarged by whole factors, so that a
boundary between two pixels is a line and the pixels stay visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, Canvas
from nakaya.viz.colour import from_hex, grain_hues, oklch_to_srgb, to_pixels
from nakaya.viz.formatting import typeset
from nakaya.viz.style import LIGHT, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Caption", "Segment", "domain_overlay", "grain_overlay", "orientation_overlay", "spot_overlay"]

MIN_SIDE = 900
"""The longer side of the drawn image has at least so many pixels, where a whole factor brings it there."""
MAX_SIDE = 4000
BOUNDARY = "#ffd23f"
CUT = "#8fd3ff"
TWIN = "#ff2d55"
TINT = 0.28
MARGIN = 40.0


@dataclass(frozen=True)
class Caption:
    """What is written around an overlay.

    Attributes:
        title: One line.
        text: As many lines as it takes.
        pixel_size: m, for a scale bar; None = none, and the caption says so.
        legend: (colour "#rrggbb", what it means).
    """

    title: str
    text: str = ""
    pixel_size: float | None = None
    legend: Sequence[tuple[str, str]] = ()


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


def _hues(count: int, lightness: float = 0.72, chroma: float = 0.13) -> FloatArray:
    return oklch_to_srgb(np.full(count, lightness), np.full(count, chroma), grain_hues(count))


def _check(image: NDArray[np.generic], labels: NDArray[np.generic]) -> None:
    if image.shape[:2] != labels.shape:
        raise ParameterError(f"an image of {image.shape[:2]} and labels of {labels.shape} do not lie on each other")


def _to_image(colours: FloatArray) -> Image.Image:
    """Colours in [0, 1] as a picture, made smaller where it is very large."""
    image = Image.fromarray(to_pixels(colours))
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return image


def _frame(pictures: Sequence[Image.Image], columns: int, caption: Caption, theme: Theme) -> tuple[Canvas, list[Axes]]:
    """Set pictures side by side, with title and text above, scale bar and legend below; the axes lie over the pictures.

    Args:
        pictures: The first has the scale of the image.
        columns: Of the image.
        caption: What to write.
        theme: Colours.
    """
    gap = 24
    inner = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    unit = max(inner / (DESIGN_WIDTH - 2 * MARGIN), 0.5)
    width = round(inner + 2 * MARGIN * unit)
    canvas = Canvas(
        width,
        theme,
        body=max(picture.height for picture in pictures) / unit,
        foot=max(30.0 * len(caption.legend) - 20, 28),
        title=caption.title,
        subtitle=caption.text,
        design_width=width / unit,
        margin=MARGIN,
    )
    axes, x = [], MARGIN
    for picture in pictures:
        axes.append(canvas.picture(picture, x, canvas.head))
        x += (picture.width + gap) / unit
    if caption.pixel_size is None:
        canvas.text(MARGIN, canvas.foot + 12, "no pixel size: no physical units", size=22, muted=True)
    else:
        canvas.scale_bar(pictures[0].width / columns, caption.pixel_size)
    left = MARGIN + max(canvas.inner / 2 - 100, 340.0)
    for row, (colour, meaning) in enumerate(caption.legend):
        canvas.rectangle(left, canvas.foot - 8 + 30 * row, 34, 16, colour)
        canvas.text(left + 46, canvas.foot + 7 + 30 * row, meaning, size=22, muted=True)
    return canvas, axes


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
    grey = _grey(image)
    tint = _hues(len(on_frame))[labels]
    whole = ~on_frame[labels]
    colours = np.where(whole[..., None], (1 - TINT) * grey + TINT * tint, grey)
    large = _enlarge(colours, factor).astype(np.float64)
    large[_edges(labels, factor)] = from_hex(BOUNDARY)
    legend = [(BOUNDARY, "boundary"), ("#b9b9b9", "grey: cut by the frame, left out of sizes"), *caption.legend]
    canvas, _ = _frame([_to_image(large)], labels.shape[1], replace(caption, legend=legend), theme)
    return canvas.image()


@house_style
def orientation_overlay(
    orientation_colours: FloatArray,
    phase_colours: FloatArray,
    labels: GrainMap,
    twins: BoolArray,
    caption: Caption,
    *,
    key: tuple[FloatArray, Sequence[str]] | None = None,
    theme: Theme = LIGHT,
) -> Image.Image:
    """Return two maps side by side: orientations and phases, each with grain boundaries; twins stand out.

    Args:
        orientation_colours: float64 [row, column, 3] in [0, 1].
        phase_colours: The same, one colour a phase.
        labels: Grains, int32 [row, column]; -1 = none.
        twins: Pixels beside a twin boundary, bool [row, column].
        caption: What to write.
        key: Picture of the colour triangle, float64 [row, column, 3], and the names of its corners: lower left, lower
            right, upper.
        theme: Colours around the picture.
    """
    _check(orientation_colours, labels)
    factor = _factor((labels.shape[0], 2 * labels.shape[1]))
    edges = _edges(labels, factor)
    near = _enlarge(twins, factor).astype(np.bool_)
    pictures = []
    for colours in (orientation_colours, phase_colours):
        large = _enlarge(colours, factor).astype(np.float64)
        large[edges] = 0.0
        large[edges & near] = from_hex(TWIN)
        pictures.append(_to_image(large))
    if key is not None:
        triangle = np.pad(key[0], ((36, 34), (20, 40), (0, 0)), constant_values=np.nan)
        pictures.append(_to_image(np.where(np.isnan(triangle), from_hex(theme.background), triangle)))
    legend = [("#000000", "grain boundary"), (TWIN, "twin (Sigma 3)"), *caption.legend]
    canvas, axes = _frame(pictures, labels.shape[1], replace(caption, legend=legend), theme)
    if key is not None:
        height, width = key[0].shape[:2]
        for place, name in zip(((20, height + 62), (width, height + 62), (width, 24)), key[1], strict=True):
            _write(axes[-1], place, name, size=22, colour=theme.foreground)
    return canvas.image()


def _write(axes: Axes, place: tuple[float, float], text: str, *, size: float, colour: str, **options: Any) -> None:
    """Set a line on its baseline at a pixel of the picture; `size` in pixels."""
    from matplotlib.figure import Figure

    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    axes.text(*place, typeset(text), fontsize=72 * size / figure.dpi, color=colour, **options)


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
    large = _enlarge(_grey(image), factor).astype(np.float64)
    inside = _enlarge(labels >= 0, factor).astype(np.bool_)
    large[_edges(labels, factor) & inside] = from_hex(BOUNDARY)
    picture = _to_image(large)
    legend = [(BOUNDARY, "outline of a loop"), *caption.legend]
    canvas, (axes,) = _frame([picture], labels.shape[1], replace(caption, legend=legend), theme)
    scale = picture.width / labels.shape[1]
    for number, (x, y) in enumerate(centres):
        place, size = ((x + 0.5) * scale, (y + 0.5) * scale), max(14, picture.width // 50)
        _write(axes, place, str(number + 1), size=size, colour=CUT, weight="bold", ha="center", va="center")
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
    number = len(directions)
    hues = _hues(max(number, 1))
    colours = (1 - TINT) * _grey(image) + TINT * hues[np.clip(labels, 0, max(number - 1, 0))]
    large = _enlarge(colours, factor).astype(np.float64)
    large[_edges(labels, factor, width=2)] = from_hex(BOUNDARY)
    picture = _to_image(large)
    legend = [(BOUNDARY, "boundary between lattices"), ("#d0d0d0", "white lines: lattice planes"), *caption.legend]
    canvas, (axes,) = _frame([picture], labels.shape[1], replace(caption, legend=legend), theme)
    scale, reach = picture.width / labels.shape[1], 0.12 * max(labels.shape)
    line = 72 * max(2, picture.width // 400) / canvas.figure.dpi
    for domain, vectors in enumerate(directions):
        rows, places = np.nonzero(labels == domain)
        if len(rows) == 0:
            continue
        middle = np.array([places.mean() + 0.5, rows.mean() + 0.5])
        for vector in vectors:
            ends = (middle + np.outer((-1, 1), vector) * reach) * scale
            axes.plot(*ends.T, color="#ffffff", lw=line)
        x, y = middle * scale + 8
        _write(axes, (x, y), str(domain), size=picture.width / 28, colour="#ffffff", weight="bold")
    for segment in segments:
        ends = (np.array([segment.start, segment.end]) + 0.5) * scale
        axes.plot(*ends.T, color=segment.colour, lw=2 * line)
    return canvas.image()
