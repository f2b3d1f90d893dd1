"""Animations of growth: frames at fixed physical steps, as GIF or animated PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.viz.canvas import BAR_HEIGHT
from nakaya.viz.colour import from_hex, to_pixels
from nakaya.viz.crystals.figure import best_columns, check_tiles, check_width, place_tiles, share_clock
from nakaya.viz.crystals.shading import DEFAULT_RELIEF
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme, house_style

__all__ = ["Animation", "frame_steps", "growth_animation", "turning_animation"]

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
CLOCK = 150.0
"""What the words "step 1,234" take at the left of the bar that fills."""


@dataclass(frozen=True)
class Animation:
    """A finished animation.

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


def frame_steps(last: int, frames: int) -> list[int]:
    """Return the steps that an animation shows: 0, then equal strides, and the last step.

    The stride is the least whole number of steps that needs no more than `frames` frames.

    >>> frame_steps(10, 4)
    [0, 4, 8, 10]
    """
    stride = max(1, math.ceil(last / (frames - 1)))
    return [*range(0, last, stride), last]


@house_style
def growth_animation(
    views: Sequence[CrystalView],
    labels: Sequence[str],
    theme: Theme,
    *,
    frames: int = 60,
    frame_ms: int = FRAME_MS,
    hold_ms: int = HOLD_MS,
    progress: Callable[[int, int], None] | None = None,
    **layout: Any,
) -> Animation:
    """Return the growth of one crystal, or of several side by side on one clock.

    Args:
        views: At least one crystal, all of one lattice.
        labels: A line for each; shown where there are several.
        theme: Colours.
        frames: At most this many frames, 2 to 1000.
        frame_ms: Milliseconds that each is shown, 20 to 10000.
        hold_ms: Milliseconds that the last is shown.
        progress: Called after every frame with how many are done, of how many.
        layout: `title` (what it is; empty: none), `subtitle` (its circumstances), `width` (pixels across), `relief`
            (strength of the shading), `design_width` (units across, in which letters have their sizes: fewer make
            larger letters), `margin` (at the left and right, in these units).

    Raises:
        ParameterError: A number out of range, crystals of different lattices, or final fields, which are known at the
            end alone.
    """
    _check_request(views, frames, frame_ms, hold_ms)
    if views[0].field is not None:
        raise ParameterError(
            "final fields are known at the end of the growth only: colours of a film are times or grains"
        )
    steps = frame_steps(max(view.last for view in views), frames)
    stage = _Stage(share_clock(views), labels, theme, len(steps), **layout)
    palette = _common_palette([stage.draw(steps[len(steps) // 2]), stage.draw(steps[-1])], theme)
    shown = []
    for done, step in enumerate(steps, start=1):
        shown.append(_in_palette(stage.draw(step), palette, theme))
        if progress is not None:
            progress(done, len(steps))
    durations = [frame_ms] * (len(steps) - 1) + [hold_ms]
    return Animation(tuple(shown), tuple(durations), tuple(steps))


@house_style
def turning_animation(
    views: Sequence[CrystalView],
    labels: Sequence[str],
    theme: Theme,
    *,
    frames: int = 60,
    frame_ms: int = FRAME_MS,
    hold_ms: int = HOLD_MS,
    progress: Callable[[int, int], None] | None = None,
    **layout: Any,
) -> Animation:
    """Return whole crystals in three dimensions that turn once about their upright axes; the light stays.

    Arguments as `growth_animation`; every frame is shown equally long, so that the turn has no end, and `hold_ms` is
    not used. All frames show the last step.

    Raises:
        ParameterError: A number out of range, crystals of different lattices, or of the plane.
    """
    _check_request(views, frames, frame_ms, hold_ms)
    if views[0].lattice.dimension != 3:
        raise ParameterError("crystals in the plane do not turn: film their growth, or one in three dimensions")
    last = max(view.last for view in views)
    stage = _Stage(share_clock(views), labels, theme, frames, **layout)
    palette = _common_palette([stage.draw()], theme)
    shown = []
    for number in range(frames):
        stage.turn(360.0 * number / frames)
        shown.append(_in_palette(stage.draw(), palette, theme))
        if progress is not None:
            progress(number + 1, frames)
    return Animation(tuple(shown), (frame_ms,) * frames, (last,) * frames)


def _check_request(views: Sequence[CrystalView], frames: int, frame_ms: int, hold_ms: int) -> None:
    check_tiles(views)
    check_count("frames", frames, 2, MAX_FRAMES, ": it is the greatest number of frames")
    check_count("frame_ms", frame_ms, 20, 10_000, ": it is the time that a frame is shown, in milliseconds")
    check_count("hold_ms", hold_ms, 20, 60_000, ": it is the time that the last frame is shown, in milliseconds")


def _common_palette(probes: Sequence[Image.Image], theme: Theme) -> Image.Image:
    """One palette for all frames: then only what changes is stored.

    The theme's plain colours are in it exactly; the others are those that the probes and the ramp need most.
    """
    plain = [theme.background, theme.vapour, theme.foreground, theme.muted, theme.rule]
    strip = np.repeat(
        to_pixels(theme.ramp(np.linspace(0.0, 1.0, probes[0].width)))[None], probes[0].height // 4, axis=0
    )
    stack = Image.fromarray(np.concatenate([strip, *map(np.asarray, probes)]))
    frequent = stack.quantize(PALETTE_COLOURS - len(plain), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    channels = [channel for colour in plain for channel in to_pixels(from_hex(colour)).tolist()]
    palette = Image.new("P", (1, 1))
    palette.putpalette(channels + list(frequent.getpalette() or []))
    return palette


def _in_palette(frame: Image.Image, palette: Image.Image, theme: Theme) -> Image.Image:
    """A frame in the colours of a palette; the background, its first, is kept to the last bit, as in the page around.

    Pillow looks colours up by their upper bits, and may take a neighbour.
    """
    few = np.array(frame.quantize(palette=palette, dither=Image.Dither.NONE))
    few[(np.asarray(frame) == to_pixels(from_hex(theme.background))).all(axis=-1)] = 0
    image = Image.fromarray(few, "P")
    image.putpalette(palette.getpalette() or [])
    return image


class _Stage:
    """What stays the same from frame to frame: the figure, the crystals' colours and their places."""

    def __init__(
        self,
        views: Sequence[CrystalView],
        labels: Sequence[str],
        theme: Theme,
        frames: int,
        *,
        title: str,
        subtitle: str = "",
        width: int = 540,
        relief: float = DEFAULT_RELIEF,
        design_width: float = DESIGN_WIDTH,
        margin: float = MARGIN,
    ) -> None:
        if check_width(width) ** 2 * frames > MAX_PIXELS:  # frames are about as high as wide
            raise ParameterError(f"{frames} frames of {width} pixels are too many to hold: use fewer or smaller ones")
        columns = best_columns(len(views), aspect=1.2)
        canvas, self.renderer, places = place_tiles(
            views,
            labels if len(views) > 1 else [""],
            theme,
            width,
            columns,
            gap=14.0,
            label_sizes=(11.0, 18.0),
            foot=24.0,
            title_size=30.0,
            title=title,
            subtitle=subtitle,
            design_width=design_width,
            margin=margin,
        )
        self.canvas, self.places = canvas, [canvas.pixel(*place) for place in places]
        self.views = views
        self.last, self.ramp = views[0].last, views[0].ramp(theme)
        self.pictures: list[Any] = [self.renderer.prepare(view, theme, relief) for view in views]
        self.turned = self.pictures
        canvas.rectangle(canvas.margin + CLOCK, canvas.foot + BAR_HEIGHT / 2 - 1, canvas.inner - CLOCK, 2, theme.rule)
        canvas.image()
        self.background = canvas.agg.copy_from_bbox(canvas.figure.bbox)
        self.clock = canvas.text(canvas.margin, canvas.foot + 12, "", size=22)

    def turn(self, angle: float) -> None:
        """Turn the crystals by so many degrees from where they were seen first."""
        cameras = [replace(view.camera, azimuth=view.camera.azimuth + angle) for view in self.views]
        self.turned = [partial(picture, camera=camera) for picture, camera in zip(self.pictures, cameras, strict=True)]

    def draw(self, step: int | None = None) -> Image.Image:
        """Return the frame of one step, or of the end."""
        canvas = self.canvas
        canvas.agg.restore_region(self.background)
        shown = self.last if step is None else step
        self.clock.set_text(f"step {shown:,}")
        canvas.figure.draw_artist(self.clock)
        frame = canvas.frame()
        for place, picture in zip(self.places, self.turned, strict=True):
            frame.paste(picture(step), place)
        width, height = canvas.pixel(canvas.inner - CLOCK, BAR_HEIGHT)
        if filled := round(width * shown / max(self.last, 1)):
            row = to_pixels(self.ramp(np.linspace(0.0, 1.0, width)[:filled]))
            bar = Image.fromarray(np.repeat(row[None], max(2, height), axis=0))
            frame.paste(bar, canvas.pixel(canvas.margin + CLOCK, canvas.foot))
        return frame
