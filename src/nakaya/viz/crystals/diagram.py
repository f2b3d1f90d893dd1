"""The morphology diagram: a plane of two parameters with the crystal of every point at its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.viz.canvas import DESIGN_WIDTH, MARGIN, POINTS, Canvas, wrap
from nakaya.viz.crystals.figure import check_tiles, check_width, main_note, make_renderer, share_clock
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.formatting import format_axis, typeset
from nakaya.viz.style import Theme, house_style

__all__ = ["CLOCKS", "Axis", "Clock", "morphology_diagram"]

Clock = Literal["own", "shared"]
CLOCKS: tuple[Clock, ...] = ("own", "shared")

GAP = 8.0
TICK_SIZE = 18.0
LABEL_SIZE = 22.0


@dataclass(frozen=True)
class Axis:
    """One axis of a morphology diagram.

    Attributes:
        label: The field's words for the parameter, with its symbol.
        values: Its values, in the order of the tiles: left to right, or bottom to top.
    """

    label: str
    values: tuple[float, ...]


@house_style
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
    columns, rows = len(x.values), len(y.values)
    y_ticks = format_axis(y.values)
    left = MARGIN + 46 + TICK_SIZE / 2 * max(map(len, y_ticks))
    pitch_x = (DESIGN_WIDTH - MARGIN - left) / columns
    tile = pitch_x - GAP
    renderer = make_renderer(flat, max(8, round(tile * unit)))
    height = renderer.frame.height / unit
    size = max(8.0, min(15.0, tile / 8))
    pitch_y = height + size + 14
    notes = [remark, main_note(flat)]
    canvas = Canvas(width, theme, body=pitch_y * rows + 80, title=title, subtitle=subtitle, notes=notes)
    axes = canvas.axes(left, canvas.head, pitch_x * columns, pitch_y * rows)
    axes.set(xlim=(0, columns), ylim=(0, rows))
    # Ticks stand at the middle of the crystals, which have their steps below them.
    axes.set_xticks([column + 0.5 for column in range(columns)], format_axis(x.values))
    axes.set_yticks([row + 1 - height / 2 / pitch_y for row in range(rows)], y_ticks)
    axes.tick_params(labelsize=TICK_SIZE * POINTS)
    for set_label, label, length in (
        (axes.set_xlabel, x.label, pitch_x * columns),
        (axes.set_ylabel, y.label, pitch_y * rows),
    ):
        lines = "\n".join(map(typeset, wrap(label, 0.9 * LABEL_SIZE, length)))
        set_label(lines, color=theme.foreground, fontsize=LABEL_SIZE * POINTS, labelpad=8 * POINTS)
    for number, view in enumerate(shown):
        row, column = divmod(number, columns)
        place_x, place_y = left + GAP / 2 + column * pitch_x, canvas.head + (rows - 1 - row) * pitch_y
        canvas.picture(renderer.draw(view, theme, relief=relief), place_x, place_y)
        steps = f"{flat[number].last:,}"
        canvas.text(place_x + tile / 2, place_y + height + size, steps, size=size, muted=True, align="center")
    canvas.text(MARGIN, canvas.foot + 8, "Under each crystal: steps until it stopped.", size=TICK_SIZE, muted=True)
    if clock == "own":
        canvas.colour_bar(1.0, label="when a site attached, as a fraction of these steps", ramp=theme.ramp)
    else:
        canvas.colour_bar(max(shown[0].last, 1), label="step at which a site attached", ramp=theme.ramp)
    return canvas.image()
