"""Crystals as they would stand in a book: one, or many at one scale, with title, scale bar, colour bar and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, FOOT, MARGIN, POLE_KEY_FOOT, Canvas, design_for_page, shorten
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme, house_style

if TYPE_CHECKING:
    from nakaya.viz.crystals.solid import SolidRenderer

__all__ = [
    "best_columns",
    "check_tiles",
    "check_width",
    "crystal_figure",
    "crystals_on_page",
    "main_note",
    "make_renderer",
    "place_tiles",
    "share_clock",
]

MIN_WIDTH = 160
MAX_WIDTH = 4096
"""Nine samples a pixel: this width takes a gigabyte while it is drawn."""

MAX_TILES = 4096

PAGE_DENSITY = 2.0
"""Pixels of a picture for each pixel of a page: screens with fine pixels show more."""


def check_width(width: int) -> int:
    """Return `width` as an int of pixels that can be drawn, or raise `ParameterError`."""
    return check_count("width", width, MIN_WIDTH, MAX_WIDTH, ": it is the width of the picture in pixels")


def check_tiles(views: Sequence[CrystalView]) -> None:
    """Check that crystals fit on one picture: at least one, not too many, all of one lattice; else `ParameterError`."""
    if not 1 <= len(views) <= MAX_TILES:
        raise ParameterError(f"{len(views)} crystals do not fit on one picture: choose 1 to {MAX_TILES}")
    shapes = {view.arrival.shape for view in views}
    if len(shapes) > 1:
        raise ParameterError(f"crystals of lattices {sorted(shapes)} do not fit on one picture: they must share a size")


def share_clock(views: Sequence[CrystalView]) -> list[CrystalView]:
    """Return the crystals with one meaning of the colours: the slowest crystal's steps."""
    last = max(view.last for view in views)
    return [replace(view, last=last) for view in views]


def best_columns(count: int, aspect: float = 1.5) -> int:
    """Return how many columns make a grid of `count` tiles about `aspect` times as wide as high, without a short row.

    >>> [best_columns(count) for count in (1, 2, 3, 4, 6, 8, 12, 16)]
    [1, 2, 3, 2, 3, 4, 4, 4]
    """

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns / rows / aspect)) + 1.5 * (rows * columns - count) / count

    return min(range(1, count + 1), key=badness)


def main_note(views: Sequence[CrystalView]) -> str:
    """Return the note that says most: a seam's note says all that a plain sector's says."""
    return max((view.note for view in views), key=len, default="")


def make_renderer(views: Sequence[CrystalView], width: int) -> Renderer | SolidRenderer:
    """Return what draws crystals of one lattice at one scale, `width` pixels across."""
    if views[0].lattice.dimension == 3:
        from nakaya.viz.crystals.solid import SolidRenderer  # compiled code: pictures of planes need none

        return SolidRenderer.over(views, width=width)
    return Renderer.over(views[0], width=width)


def place_tiles(
    views: Sequence[CrystalView],
    labels: Sequence[str],
    theme: Theme,
    width: int,
    columns: int,
    *,
    gap: float = 26.0,
    label_sizes: tuple[float, float] = (12.0, 20.0),
    design_width: float = DESIGN_WIDTH,
    margin: float = MARGIN,
    **options: Any,
) -> tuple[Canvas, Renderer | SolidRenderer, list[tuple[float, float]]]:
    """Return a canvas with a line below the place of each crystal, their renderer, and these places.

    Args:
        views: Crystals of one lattice.
        labels: A line for each; all empty where there shall be none.
        theme: Colours.
        width: Pixels across.
        columns: Crystals in a row.
        gap: Units between them.
        label_sizes: Least and greatest size of the labels, which follow the size of the crystals.
        design_width: Of the canvas, like all that follows.
        margin: Of the canvas.
        options: Of the canvas.
    """
    unit = check_width(width) / design_width
    tile = (design_width - 2 * margin - gap * (columns - 1)) / columns
    renderer = make_renderer(views, max(8, round(tile * unit)))
    height = renderer.frame.height / unit
    size = min(max(tile / 11, label_sizes[0]), label_sizes[1])
    pitch = height + (1.2 * size + gap * 0.85 if any(labels) else 0)
    body, notes = pitch * math.ceil(len(views) / columns), [main_note(views)]
    canvas = Canvas(width, theme, body=body, notes=notes, design_width=design_width, margin=margin, **options)
    places = []
    for number, label in zip(range(len(views)), labels, strict=True):
        row, column = divmod(number, columns)
        x, y = margin + column * (tile + gap), canvas.head + row * pitch
        places.append((x, y))
        line = shorten(label, size, tile)
        canvas.text(x + tile / 2, y + height + size + 4, line, size=size, muted=True, align="center")
    return canvas, renderer, places


@house_style
def crystal_figure(
    views: Sequence[CrystalView],
    theme: Theme,
    *,
    title: str,
    subtitle: str = "",
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    width: int = 1600,
    step: int | None = None,
    site_spacing: float | None = None,
    relief: float = DEFAULT_RELIEF,
    design_width: float = DESIGN_WIDTH,
    margin: float = MARGIN,
) -> Image.Image:
    """Return one crystal, or several of one lattice side by side, at one scale and on one clock.

    Args:
        views: At least one crystal.
        theme: Colours.
        title: What they are; Greek letters are set in italics. Empty: none.
        subtitle: Their circumstances, in as many lines as they take.
        labels: A line for each crystal.
        columns: Crystals in a row; by default a pleasant shape.
        width: Pixels across, 160 to 4096; everything scales with it.
        step: Show them after this many steps; by default at the end.
        site_spacing: Metres between sites, or None where the model is dimensionless.
        relief: Strength of the shading, 0 = flat colours.
        design_width: Units across, in which letters have their sizes: fewer make larger letters.
        margin: At the left and right, in these units.

    Raises:
        ParameterError: No crystals, too many, of different lattices, or a number out of range.
    """
    check_tiles(views)
    views = share_clock(views)
    last, field = views[0].last, views[0].field
    if step is not None and field is not None:
        raise ParameterError(f"step={step} cannot be shown: fields are known at the end of the growth only")
    if step is not None and not 0 <= step <= last:
        raise ParameterError(f"step={step} does not exist: this crystal grew from step 0 to step {last}")
    columns = best_columns(len(views)) if columns is None else columns
    labels = [""] * len(views) if labels is None else labels
    canvas, renderer, places = place_tiles(
        views,
        labels,
        theme,
        width,
        columns,
        title=title,
        subtitle=subtitle,
        design_width=design_width,
        margin=margin,
        foot=FOOT if views[0].orientations is None else POLE_KEY_FOOT,
    )
    for view, place in zip(views, places, strict=True):
        canvas.picture(renderer.draw(view, theme, step=step, relief=relief), *place)
    canvas.scale_bar(renderer.frame.scale, site_spacing)
    bar = "step at which a site attached" + ("" if step is None else f", shown at {step:,}")
    if field is not None:
        canvas.colour_bar(field.high, first=field.low, label=f"{field.label} at the end", ramp=views[0].ramp(theme))
        return canvas.image()
    if views[0].orientations is not None:
        canvas.pole_key()
        return canvas.image()
    canvas.colour_bar(max(last, 1), label=bar, ramp=views[0].ramp(theme), marker=step)
    return canvas.image()


def crystals_on_page(
    views: Sequence[CrystalView],
    theme: Theme,
    width: float,
    *,
    labels: Sequence[str],
    columns: int,
    site_spacing: float | None = None,
) -> Image.Image:
    """Return crystals as they stand in a report: without a title, flush with the text, letters as in its captions.

    Args:
        views: At least one crystal, all of one lattice.
        theme: Colours.
        width: Of the place on the page, in its pixels (96 to the inch).
        labels: A line for each crystal.
        columns: Crystals in a row.
        site_spacing: Metres between sites, or None where the model is dimensionless.

    Raises:
        ParameterError: As `crystal_figure`.
    """
    return crystal_figure(
        views,
        theme,
        title="",
        labels=labels,
        columns=columns,
        site_spacing=site_spacing,
        width=round(width * PAGE_DENSITY),
        design_width=design_for_page(width),
        margin=0.0,
    )
