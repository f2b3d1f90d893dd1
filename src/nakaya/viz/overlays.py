"""Overlays: what was found in a micrograph, drawn over the micrograph, for a person to check.

Everything comes as arrays; nothing here knows how it was found. Small images are enlarged by whole factors, so that a
boundary between two pixels is a line and the pixels stay visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, Sheet, heading_height, subtitle_lines
from nakaya.viz.colour import from_hex, grain_hues, oklch_to_srgb
from nakaya.viz.lettering import draw_text
from nakaya.viz.style import LIGHT, Theme

__all__ = ["Caption", "Segment", "domain_overlay", "grain_overlay", "orientation_overlay", "spot_overlay"]

LEAST_SIDE = 900
"""The longer side of the drawn image has at least so many pixels, where a whole factor brings it there."""
MOST_SIDE = 4000
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
    return max(1, min(-(-LEAST_SIDE // max(shape)), MOST_SIDE // max(shape)))


def _enlarge(pixels: NDArray[np.generic], factor: int) -> NDArray[np.generic]:
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def _reduce(image: Image.Image) -> Image.Image:
    if max(image.size) <= MOST_SIDE:
        return image
    scale = MOST_SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


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
    return Image.fromarray(np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8))


def _frame(pictures: Sequence[Image.Image], caption: Caption, factor: float, theme: Theme) -> Image.Image:
    """Pictures side by side, with title and text above, scale bar and legend below."""
    gap = 24
    inner = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    unit = max(inner / (DESIGN_WIDTH - 2 * MARGIN), 0.5)
    width = round(inner + 2 * MARGIN * unit)
    span = width / unit - 2 * MARGIN
    lines = subtitle_lines(caption.text, span)
    head = heading_height(lines)
    tall = max(picture.height for picture in pictures) / unit
    rows = len(caption.legend)
    foot = 74 + 30 * max(rows - 1, 0)
    sheet = Sheet.blank(width, round((head + tall + foot) * unit), theme, design_width=width / unit)
    sheet.heading(MARGIN, caption.title, lines, width=span)
    x = round(MARGIN * unit)
    for picture in pictures:
        sheet.image.paste(picture, (x, round(head * unit)))
        x += picture.width + gap
    base = head + tall + 36
    if caption.pixel_size is None:
        sheet.text(MARGIN, base + 12, "no pixel size: no physical units", size=22, muted=True)
    else:
        sheet.scale_bar(MARGIN, base, factor, 200, caption.pixel_size)
    for row, (colour, meaning) in enumerate(caption.legend):
        left = max(span / 2 - 60, 380.0) + MARGIN - 40
        sheet.rule(left, base - 8 + 30 * row, 34, 16, colour)
        sheet.text(left + 46, base + 7 + 30 * row, meaning, size=22, muted=True)
    return sheet.image


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
    shown = Caption(caption.title, caption.text, caption.pixel_size, legend)
    return _frame([_reduce(_to_image(large))], shown, _shown_factor(labels.shape, factor), theme)


def _shown_factor(shape: tuple[int, ...], factor: int) -> float:
    """Pixels of the picture per pixel of the image, after very large pictures were made smaller."""
    return factor * min(1.0, MOST_SIDE / (max(shape) * factor))


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
        pictures.append(_reduce(_to_image(large)))
    if key is not None:
        pictures.append(_key_picture(*key, theme))
    legend = [("#000000", "grain boundary"), (TWIN, "twin (Sigma 3)"), *caption.legend]
    shown = Caption(caption.title, caption.text, caption.pixel_size, legend)
    return _frame(pictures, shown, _shown_factor((labels.shape[0], 2 * labels.shape[1]), factor), theme)


def _key_picture(triangle: FloatArray, corners: Sequence[str], theme: Theme) -> Image.Image:
    picture = _to_image(triangle)
    sheet = Image.new("RGB", (picture.width + 60, picture.height + 70), theme.ground)
    sheet.paste(picture, (20, 36))
    pen = ImageDraw.Draw(sheet)
    places = [(20, picture.height + 62), (picture.width - 10, picture.height + 62), (picture.width - 10, 24)]
    for place, name in zip(places, corners, strict=True):
        draw_text(pen, place, name, size=22, colour=theme.ink)
    return sheet


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
    pen = ImageDraw.Draw(picture)
    size = max(14, picture.width // 50)
    for number, (x, y) in enumerate(centres):
        place = ((x + 0.5) * factor, (y + 0.5) * factor + size / 3)
        draw_text(pen, place, str(number + 1), size=size, colour=CUT, align=0.5, face="bold")
    legend = [(BOUNDARY, "outline of a loop"), *caption.legend]
    shown = Caption(caption.title, caption.text, caption.pixel_size, legend)
    return _frame([_reduce(picture)], shown, _shown_factor(labels.shape, factor), theme)


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
    pen = ImageDraw.Draw(picture)
    reach = 0.12 * max(labels.shape)
    line = max(2, picture.width // 400)
    for domain, vectors in enumerate(directions):
        rows, columns = np.nonzero(labels == domain)
        if len(rows) == 0:
            continue
        middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        for vector in vectors:
            ends = [tuple((middle + sign * reach * np.array(vector)) * factor) for sign in (-1, 1)]
            pen.line([*ends[0], *ends[1]], fill="#ffffff", width=line)
        draw_text(pen, tuple(middle * factor + 8), str(domain), size=picture.width / 28, colour="#ffffff", face="bold")
    for segment in segments:
        places = [(coordinate + 0.5) * factor for coordinate in (*segment.start, *segment.end)]
        pen.line(places, fill=segment.colour, width=2 * line)
    legend = [(BOUNDARY, "boundary between lattices"), ("#d0d0d0", "white lines: lattice planes"), *caption.legend]
    shown = Caption(caption.title, caption.text, caption.pixel_size, legend)
    return _frame([_reduce(picture)], shown, _shown_factor(labels.shape, factor), theme)
