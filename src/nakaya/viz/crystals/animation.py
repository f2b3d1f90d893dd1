"""Films of growth: frames at fixed physical steps, as GIF or animated PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise

import numpy as np
from PIL import Image

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import Sheet, fit_text, heading_height, subtitle_lines
from nakaya.viz.colour import from_hex
from nakaya.viz.crystals.figure import check_width
from nakaya.viz.crystals.grid import best_columns, check_tiles, picture_notes, share_clock
from nakaya.viz.crystals.renderer import Camera
from nakaya.viz.crystals.shading import DEFAULT_RELIEF, SiteColours, site_colours
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme

__all__ = ["Film", "film_steps", "growth_film"]

MAX_FRAMES = 1000
MAX_PIXELS = 1_000_000_000
"""All frames together: they are held in memory, one byte a pixel."""

FRAME_MS = 50
"""GIF counts in hundredths of a second, and browsers slow down anything below 20 ms."""

HOLD_MS = 2500
PALETTE_COLOURS = 255
"""One entry of 256 is left for Pillow to mark the pixels that do not change between frames."""

DESIGN_WIDTH = 720.0
MARGIN = 36.0
INNER = DESIGN_WIDTH - 2 * MARGIN
TITLE_SIZE = 30.0


@dataclass(frozen=True)
class Film:
    """A finished film.

    Attributes:
        frames: Palette pictures of one size.
        durations_ms: How long each is shown; the last is held.
        steps: The physical step that each shows.
    """

    frames: tuple[Image.Image, ...]
    durations_ms: tuple[int, ...]
    steps: tuple[int, ...]

    def encode(self, kind: str) -> bytes:
        """Return the file's content; it repeats for ever.

        Args:
            kind: "gif" or "png" (animated PNG).
        """
        stream = BytesIO()
        common = {"save_all": True, "duration": list(self.durations_ms), "loop": 0}
        if kind == "gif":
            first, *others = self.frames
            first.save(stream, "GIF", append_images=others, optimize=True, disposal=1, **common)
        else:
            first, *others = _changes(self.frames)
            first.save(stream, "PNG", append_images=others, disposal=0, blend=1, **common)
        return stream.getvalue()


def _changes(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Return frames to be laid one over another: what does not change is clear, and costs next to nothing."""
    layers = [frames[0].convert("RGBA")]
    for before, after in pairwise(frames):
        changed = np.asarray(before) != np.asarray(after)
        layer = np.asarray(after.convert("RGBA")).copy()
        layer[~changed] = 0
        layers.append(Image.fromarray(layer))
    return layers


def film_steps(last: int, frames: int) -> list[int]:
    """Return the steps that a film shows: 0, then equal strides, and the last step.

    The stride is the least whole number of steps that needs no more than `frames` frames.

    >>> film_steps(10, 4)
    [0, 4, 8, 10]
    """
    stride = max(1, math.ceil(last / (frames - 1)))
    return [*range(0, last, stride), last]


def growth_film(
    views: Sequence[CrystalView],
    labels: Sequence[str],
    theme: Theme,
    *,
    title: str,
    subtitle: str = "",
    width: int = 540,
    frames: int = 60,
    frame_ms: int = FRAME_MS,
    hold_ms: int = HOLD_MS,
    relief: float = DEFAULT_RELIEF,
    progress: Callable[[int, int], None] | None = None,
) -> Film:
    """Return the growth of one crystal, or of several side by side on one clock.

    Args:
        views: At least one crystal, all of one lattice.
        labels: A line for each; shown where there are several.
        theme: Colours.
        title: What it is.
        subtitle: Its circumstances.
        width: Pixels across.
        frames: At most this many frames, 2 to 1000.
        frame_ms: Milliseconds that each is shown, 20 to 10000.
        hold_ms: Milliseconds that the last is shown.
        relief: Strength of the shading.
        progress: Called after every frame with how many are done, of how many.

    Raises:
        ParameterError: A number out of range, or crystals of different lattices.
    """
    check_tiles(views)
    check_count("frames", frames, 2, MAX_FRAMES, ": it is the greatest number of frames of the film")
    check_count("frame_ms", frame_ms, 20, 10_000, ": it is the time that a frame is shown, in milliseconds")
    check_count("hold_ms", hold_ms, 20, 60_000, ": it is the time that the last frame is shown, in milliseconds")
    steps = film_steps(max(view.last for view in views), frames)
    if check_width(width) ** 2 * len(steps) > MAX_PIXELS:  # frames are about as high as wide
        raise ParameterError(f"{len(steps)} frames of {width} pixels are too many to hold: use fewer or smaller ones")
    studio = _Studio.build(share_clock(views), labels, theme, title, subtitle, width, relief)
    palette = _film_palette([studio.shoot(steps[len(steps) // 2]), studio.shoot(steps[-1])], theme)
    shown = []
    for done, step in enumerate(steps, start=1):
        shown.append(studio.shoot(step).quantize(palette=palette, dither=Image.Dither.NONE))
        if progress is not None:
            progress(done, len(steps))
    durations = [frame_ms] * (len(steps) - 1) + [hold_ms]
    return Film(tuple(shown), tuple(durations), tuple(steps))


def _film_palette(probes: Sequence[Image.Image], theme: Theme) -> Image.Image:
    """One palette for all frames: then only what changes is stored.

    The theme's plain colours are in it exactly; the others are those that the probes and the ramp need most.
    """
    plain = [theme.ground, theme.vapour, theme.ink, theme.muted, theme.hairline]
    width, ramp_height = probes[0].width, probes[0].height // 4
    ramp = np.rint(theme.ramp(np.linspace(0.0, 1.0, width)) * 255).astype(np.uint8)
    strip = Image.fromarray(np.repeat(ramp[None], ramp_height, axis=0))
    stack = Image.new("RGB", (width, ramp_height + sum(probe.height for probe in probes)))
    stack.paste(strip, (0, 0))
    for number, probe in enumerate(probes):
        stack.paste(probe, (0, ramp_height + number * probe.height))
    frequent = stack.quantize(
        colors=PALETTE_COLOURS - len(plain), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    channels = [round(channel * 255) for colour in plain for channel in from_hex(colour)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(channels + list(frequent.getpalette() or []))
    return palette


@dataclass(frozen=True)
class _Studio:
    """What stays the same from frame to frame: the sheet, the camera, the crystals, their places and colours."""

    base: Sheet
    camera: Camera
    views: list[CrystalView]
    places: list[tuple[int, int]]
    colours: list[SiteColours]
    foot: float

    @classmethod
    def build(
        cls,
        views: list[CrystalView],
        labels: Sequence[str],
        theme: Theme,
        title: str,
        subtitle: str,
        width: int,
        relief: float,
    ) -> _Studio:
        unit = width / DESIGN_WIDTH
        several = len(views) > 1
        columns, gap = best_columns(len(views), aspect=1.2), 14.0
        tile = (INNER - gap * (columns - 1)) / columns
        camera = Camera.over(views[0].domain, width=max(8, round(tile * unit)))
        tile_height = camera.frame.height / unit
        size = max(11.0, min(18.0, tile / 11))
        pitch = tile_height + (size + 16 if several else 0)
        under = subtitle_lines(subtitle, INNER, size=TITLE_SIZE)
        head = heading_height(under, size=TITLE_SIZE)
        foot = head + pitch * math.ceil(len(views) / columns) + 34
        notes = picture_notes(views, 17 * unit, INNER * unit)
        height = foot + 40 + (16 + 22 * len(notes) if notes else 0) + 14
        base = Sheet.blank(width, round(height * unit), theme, design_width=DESIGN_WIDTH)
        base.heading(MARGIN, title, under, width=INNER, size=TITLE_SIZE)
        places = []
        for number, label in zip(range(len(views)), labels, strict=True):
            row, column = divmod(number, columns)
            x, y = MARGIN + column * (tile + gap), head + row * pitch
            places.append((round(x * unit), round(y * unit)))
            if several:
                line = fit_text(label, size, tile)
                base.text(x + tile / 2, y + tile_height + size, line, size=size, muted=True, align=0.5)
        for number, text in enumerate(notes):
            base.text(MARGIN, foot + 58 + 22 * number, text, size=17, muted=True)
        colours = [site_colours(view, theme, relief=relief) for view in views]
        return cls(base, camera, views, places, colours, foot)

    def shoot(self, step: int) -> Image.Image:
        """Return the frame of one step."""
        sheet = Sheet(self.base.image.copy(), self.base.theme, self.base.unit)
        for place, colours in zip(self.places, self.colours, strict=True):
            sheet.image.paste(Image.fromarray(self.camera.expose(colours.at(step))), place)
        last = self.views[0].last
        ramp = sheet.theme.ramp if self.views[0].grain is None else sheet.theme.grain_ramp
        sheet.text(MARGIN, self.foot + 18, f"step {step:,}", size=22)
        sheet.clock_bar(MARGIN + 150, self.foot + 6, INNER - 150, step / max(last, 1), ramp=ramp)
        return sheet.image
