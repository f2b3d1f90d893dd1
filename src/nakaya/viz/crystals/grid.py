"""Many crystals at one scale: the members of an ensemble, and the morphology diagram over two parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.viz.canvas import DESIGN_WIDTH, Sheet, fit_text, heading_height, subtitle_lines
from nakaya.viz.crystals.figure import INNER, MARGIN, check_width
from nakaya.viz.crystals.renderer import Camera
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.formatting import format_axis
from nakaya.viz.lettering import text_width, wrap_text
from nakaya.viz.style import Theme

__all__ = [
    "CLOCKS",
    "Axis",
    "Clock",
    "best_columns",
    "check_tiles",
    "crystal_grid",
    "morphology_diagram",
    "picture_notes",
    "share_clock",
]

Clock = Literal["own", "shared"]
CLOCKS: tuple[Clock, ...] = ("own", "shared")

MAX_TILES = 4096


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
    relief: float = DEFAULT_RELIEF,
) -> Image.Image:
    """Return crystals of one lattice side by side, at one scale and on one clock.

    Args:
        views: At least one crystal, all of one lattice.
        labels: A line for each.
        theme: Colours.
        title: What they are.
        subtitle: Their circumstances.
        columns: Crystals in a row; by default a pleasant shape.
        width: Pixels across.
        step: Show them after this many steps; by default at the end.
        relief: Strength of the shading.

    Raises:
        ParameterError: No crystals, too many, of different lattices, or a width that cannot be drawn.
    """
    check_tiles(views)
    columns = best_columns(len(views)) if columns is None else columns
    views = share_clock(views)
    last, gap = views[0].last, 26.0
    unit = check_width(width) / DESIGN_WIDTH
    tile = (INNER - gap * (columns - 1)) / columns
    camera = Camera.over(views[0].domain, width=max(8, round(tile * unit)))
    tile_height = camera.frame.height / unit
    size = max(12.0, min(20.0, tile / 11))
    pitch = tile_height + size * 1.2 + 22
    rows = math.ceil(len(views) / columns)
    notes = picture_notes(views, 20 * unit, INNER * unit)
    under = subtitle_lines(subtitle, INNER)
    head = heading_height(under) + 8
    foot = head + pitch * rows + 30
    height = foot + 62 + (24 + 27 * len(notes) if notes else 0) + 30
    sheet = Sheet.blank(width, round(height * unit), theme)
    sheet.heading(MARGIN, title, under, width=INNER)
    for number, (view, label) in enumerate(zip(views, labels, strict=True)):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * (tile + gap), head + row * pitch
        sheet.image.paste(camera.draw(view, theme, step=step, relief=relief), (round(x * unit), round(y * unit)))
        line = fit_text(label, size, tile)
        sheet.text(x + tile / 2, y + tile_height + size + 4, line, size=size, muted=True, align=0.5)
    sheet.scale_bar(MARGIN, foot + 4, camera.frame.scale, 200)
    bar = "step at which a site attached" + ("" if step is None else f", shown at {step:,}")
    ramp = theme.ramp if views[0].grain is None else theme.grain_ramp
    sheet.colour_bar(DESIGN_WIDTH - MARGIN - 420, foot, 420, last, label=bar, marker=step, ramp=ramp)
    for number, text in enumerate(notes):
        sheet.text(MARGIN, foot + 62 + 34 + 27 * number, text, size=20, muted=True)
    return sheet.image


@dataclass(frozen=True)
class Axis:
    """One axis of a morphology diagram.

    Attributes:
        label: The field's words for the parameter, with its symbol.
        values: Its values, in the order of the tiles: left to right, or bottom to top.
    """

    label: str
    values: tuple[float, ...]


def morphology_diagram(
    views: Sequence[Sequence[CrystalView]],
    x: Axis,
    y: Axis,
    theme: Theme,
    *,
    title: str,
    subtitle: str = "",
    remark: str = "",
    width: int = 1800,
    clock: Clock = "own",
    relief: float = DEFAULT_RELIEF,
) -> Image.Image:
    """Return the plane of two parameters with the crystal of every point at its place, all at one scale.

    Args:
        views: Crystals of one lattice, `views[i][j]` at `y.values[i]`, `x.values[j]`.
        x: The axis to the right.
        y: The axis upwards.
        theme: Colours.
        title: What it is.
        subtitle: Where the crystals come from.
        remark: What holds for all points, such as the other parameters.
        width: Pixels across.
        clock: "own": colours run over each crystal's own growth; "shared": over the slowest one's.
        relief: Strength of the shading.

    Raises:
        ParameterError: A wrong number of crystals, different lattices, or a width that cannot be drawn.
        UnknownNameError: A clock that does not exist.
    """
    if clock not in CLOCKS:
        raise UnknownNameError("clock", clock, CLOCKS)
    if len(views) != len(y.values) or any(len(row) != len(x.values) for row in views):
        raise ParameterError(f"a diagram of {len(y.values)} x {len(x.values)} values needs that many crystals")
    flat = [view for row in views for view in row]
    check_tiles(flat)
    shown = share_clock(flat) if clock == "shared" else flat
    unit = check_width(width) / DESIGN_WIDTH
    columns, rows, gap = len(x.values), len(y.values), 8.0
    y_ticks = format_axis(y.values)
    left = MARGIN + 44 + max(text_width(tick, 18) for tick in y_ticks)
    tile = (DESIGN_WIDTH - MARGIN - left - gap * columns) / columns
    camera = Camera.over(flat[0].domain, width=max(8, round(tile * unit)))
    tile_height = camera.frame.height / unit
    size = max(8.0, min(15.0, tile / 8))
    pitch_x, pitch_y = tile + gap, tile_height + size + 14
    notes = wrap_text(remark, 20 * unit, INNER * unit) + picture_notes(flat, 20 * unit, INNER * unit)
    under = subtitle_lines(subtitle, INNER)
    head = heading_height(under) + 4
    floor = head + pitch_y * rows + 6
    foot = floor + 126
    height = foot + 62 + (24 + 27 * len(notes) if notes else 0) + 26
    sheet = Sheet.blank(width, round(height * unit), theme)
    sheet.heading(MARGIN, title, under, width=INNER)
    for number, view in enumerate(shown):
        row, column = divmod(number, columns)
        place_x, place_y = left + gap + column * pitch_x, head + (rows - 1 - row) * pitch_y
        picture = camera.draw(view, theme, relief=relief)
        sheet.image.paste(picture, (round(place_x * unit), round(place_y * unit)))
        steps = f"{flat[number].last:,}"
        sheet.text(place_x + tile / 2, place_y + tile_height + size, steps, size=size, muted=True, align=0.5)
    _draw_axes(sheet, x, y_ticks, y.label, left=left, gap=gap, pitch=(pitch_x, pitch_y), head=head, floor=floor)
    sheet.text(MARGIN, foot + 8, "Under each crystal: steps until it stopped.", size=18, muted=True)
    if clock == "own":
        sheet.share_bar(DESIGN_WIDTH - MARGIN - 420, foot, 420, label="when a site attached, as a share of these steps")
    else:
        last = shown[0].last
        sheet.colour_bar(DESIGN_WIDTH - MARGIN - 420, foot, 420, last, label="step at which a site attached")
    for number, text in enumerate(notes):
        sheet.text(MARGIN, foot + 62 + 34 + 27 * number, text, size=20, muted=True)
    return sheet.image


def _draw_axes(
    sheet: Sheet,
    x: Axis,
    y_ticks: Sequence[str],
    y_label: str,
    *,
    left: float,
    gap: float,
    pitch: tuple[float, float],
    head: float,
    floor: float,
) -> None:
    """Draw both axes, their ticks at the middle of the tiles, and their labels."""
    pitch_x, pitch_y = pitch
    rows = len(y_ticks)
    sheet.rule(left, head, 1, floor - head, sheet.theme.hairline)
    sheet.rule(left, floor, DESIGN_WIDTH - MARGIN - left, 1, sheet.theme.hairline)
    for column, tick in enumerate(format_axis(x.values)):
        middle = left + gap + column * pitch_x + (pitch_x - gap) / 2
        sheet.rule(middle, floor, 1, 6, sheet.theme.muted)
        sheet.text(middle, floor + 28, tick, size=18, align=0.5)
    for row, tick in enumerate(y_ticks):
        middle = head + (rows - 1 - row) * pitch_y + (pitch_y - 20) / 2
        sheet.rule(left - 6, middle, 6, 1, sheet.theme.muted)
        sheet.text(left - 12, middle + 6, tick, size=18, align=1.0)
    size = min(22.0, 22.0 * (DESIGN_WIDTH - MARGIN - left) / text_width(x.label, 22))
    sheet.text((left + DESIGN_WIDTH - MARGIN) / 2, floor + 64, x.label, size=size, align=0.5)
    size = min(22.0, 22.0 * (floor - head) / text_width(y_label, 22))  # long words on a short axis are set smaller
    sheet.vertical_text(MARGIN + 14, (head + floor) / 2, y_label, size=size)


def picture_notes(views: Sequence[CrystalView], size: float, width: float) -> list[str]:
    """Return the lines of the note that says most: a seam's note says all that a plain sector's says.

    Args:
        views: The crystals of a picture.
        size: Pixels per em.
        width: Pixels that a line may take.
    """
    return wrap_text(max((view.note for view in views), key=len, default=""), size, width)


def check_tiles(views: Sequence[CrystalView]) -> None:
    """Check that crystals fit on one picture: at least one, not too many, all of one lattice; else `ParameterError`."""
    if not 1 <= len(views) <= MAX_TILES:
        raise ParameterError(f"{len(views)} crystals do not fit on one picture: choose 1 to {MAX_TILES}")
    shapes = {view.arrival.shape for view in views}
    if len(shapes) > 1:
        raise ParameterError(f"crystals of lattices {sorted(shapes)} do not fit on one picture: they must share a size")
