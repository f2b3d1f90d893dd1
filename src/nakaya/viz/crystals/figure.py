"""A plate: one crystal with its title, scale bar, colour bar and note, as it would stand in a book."""

from __future__ import annotations

from PIL import Image

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import DESIGN_WIDTH, Sheet, heading_height, subtitle_lines
from nakaya.viz.crystals.renderer import Camera
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.lettering import wrap_text
from nakaya.viz.style import Theme

__all__ = ["MAX_WIDTH", "MIN_WIDTH", "check_step", "check_width", "crystal_plate"]

MIN_WIDTH = 160
MAX_WIDTH = 4096
"""Nine samples a pixel: this width takes a gigabyte while it is drawn."""

MARGIN = 56.0
INNER = DESIGN_WIDTH - 2 * MARGIN


def check_width(width: int) -> int:
    """Return `width` as an int of pixels that can be drawn, or raise `ParameterError`."""
    return check_count("width", width, MIN_WIDTH, MAX_WIDTH, ": it is the width of the picture in pixels")


def check_step(step: int, last: int) -> None:
    """Check that `step` was grown, or raise `ParameterError`."""
    if not 0 <= step <= last:
        raise ParameterError(f"step={step} does not exist: this crystal grew from step 0 to step {last}")


def crystal_plate(
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
    """Return one crystal with title, scale bar, colour bar and note.

    Args:
        view: The crystal.
        theme: Colours.
        title: What it is, one line; Greek letters are set in italics.
        subtitle: Its circumstances, in as many lines as they take.
        width: Pixels across, 160 to 4096; everything scales with it.
        step: Show it after this many steps; by default at the end.
        site_spacing: Metres between sites, or None where the model is dimensionless.
        relief: Strength of the shading, 0 = flat colours.

    Raises:
        ParameterError: `width` or `step` is out of range.
    """
    unit = check_width(width) / DESIGN_WIDTH
    if step is not None:
        check_step(step, view.last)
    camera = Camera.over(view.domain, width=round(INNER * unit))
    picture = camera.draw(view, theme, step=step, relief=relief)
    notes = wrap_text(view.note, 20 * unit, INNER * unit) if view.note else []
    under = subtitle_lines(subtitle, INNER)
    head = heading_height(under)
    foot = head + picture.height / unit + 46
    height = foot + 62 + (24 + 27 * len(notes) if notes else 0) + 30
    sheet = Sheet.blank(width, round(height * unit), theme)
    sheet.heading(MARGIN, title, under, width=INNER)
    sheet.image.paste(picture, (round(MARGIN * unit), round(head * unit)))
    sheet.scale_bar(MARGIN, foot + 4, camera.frame.scale, 200, site_spacing)
    label = "step at which a site attached" + ("" if step is None else f", shown at {step:,}")
    ramp = theme.ramp if view.grain is None else theme.grain_ramp
    sheet.colour_bar(DESIGN_WIDTH - MARGIN - 420, foot, 420, view.last, label=label, marker=step, ramp=ramp)
    for number, line in enumerate(notes):
        sheet.text(MARGIN, foot + 62 + 34 + 27 * number, line, size=20, muted=True)
    return sheet.image
