"""Crystals as they would stand in a book: one, or many at one scale, with title, scale bar, colour bar and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, MARGIN, Canvas, shorten
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme, house_style

__all__ = [
    "best_columns",
    "check_step",
    "check_tiles",
    "check_width",
    "crystal_figure",
    "crystal_grid",
    "main_note",
    "share_clock",
]

MIN_WIDTH = 160
MAX_WIDTH = 4096
"""Nine samples a pixel: this width takes a gigabyte while it is drawn."""

MAX_TILES = 4096
GAP = 26.0
"""Between crystals in a row."""


def check_width(width: int) -> int:
    """Return `width` as an int of pixels that can be drawn, or raise `ParameterError`."""
    return check_count("width", width, MIN_WIDTH, MAX_WIDTH, ": it is the width of the picture in pixels")


def check_step(step: int, last: int) -> None:
    """Check that `step` was grown, or raise `ParameterError`."""
    if not 0 <= step <= last:
        raise ParameterError(f"step={step} does not exist: this crystal grew from step 0 to step {last}")


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


def crystal_figure(
    view: CrystalView,
    theme: Theme,
    *,
    title: str,
    subtitle: str = "",
    width: int = 1200,
    step: int | None = None,
    site_spacing: float | None = None,
    relief: float = DEFAULT_RELIEF,
) -> Image.Image:
    """Return one crystal; arguments as `crystal_grid`.

    Raises:
        ParameterError: `width` or `step` is out of range.
    """
    if step is not None:
        check_step(step, view.last)
    return crystal_grid(
        [view],
        [""],
        theme,
        title=title,
        subtitle=subtitle,
        width=width,
        step=step,
        site_spacing=site_spacing,
        relief=relief,
    )


@house_style
def crystal_grid(
    views: Sequence[CrystalView],
    labels: Sequence[str],
    theme: Theme,
    *,
    title: str,
    subtitle: str = "",
    columns: int | None = None,
    width: int = 1600,
    step: int | None = None,
    site_spacing: float | None = None,
    relief: float = DEFAULT_RELIEF,
) -> Image.Image:
    """Return crystals of one lattice side by side, at one scale and on one clock.

    Args:
        views: At least one crystal, all of one lattice.
        labels: A line for each, or empty.
        theme: Colours.
        title: What they are; Greek letters are set in italics.
        subtitle: Their circumstances, in as many lines as they take.
        columns: Crystals in a row; by default a pleasant shape.
        width: Pixels across, 160 to 4096; everything scales with it.
        step: Show them after this many steps; by default at the end.
        site_spacing: Metres between sites, or None where the model is dimensionless.
        relief: Strength of the shading, 0 = flat colours.

    Raises:
        ParameterError: No crystals, too many, of different lattices, or a width that cannot be drawn.
    """
    check_tiles(views)
    columns = best_columns(len(views)) if columns is None else columns
    views = share_clock(views)
    unit = check_width(width) / DESIGN_WIDTH
    tile = (DESIGN_WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns
    renderer = Renderer.over(views[0].domain, width=max(8, round(tile * unit)))
    height = renderer.frame.height / unit
    size = max(12.0, min(20.0, tile / 11))
    pitch = height + (1.2 * size + 22 if any(labels) else 0)
    body = pitch * math.ceil(len(views) / columns)
    canvas = Canvas(width, theme, body=body, title=title, subtitle=subtitle, notes=[main_note(views)])
    for number, (view, label) in enumerate(zip(views, labels, strict=True)):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * (tile + GAP), canvas.head + row * pitch
        canvas.picture(renderer.draw(view, theme, step=step, relief=relief), x, y)
        canvas.text(
            x + tile / 2, y + height + size + 4, shorten(label, size, tile), size=size, muted=True, align="center"
        )
    canvas.scale_bar(renderer.frame.scale, site_spacing)
    bar = "step at which a site attached" + ("" if step is None else f", shown at {step:,}")
    canvas.colour_bar(max(views[0].last, 1), label=bar, ramp=views[0].ramp(theme), marker=step)
    return canvas.image()
