"""Pictures of crystals in three dimensions: a surface under a lamp and a sky, without a graphics card."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nakaya.core.arrays import Float32Array, FloatArray, Mask
from nakaya.growth.model.trajectory import INITIAL
from nakaya.viz.colour import from_hex, srgb_to_linear
from nakaya.viz.crystals.camera import Camera
from nakaya.viz.crystals.colouring import attached_light
from nakaya.viz.crystals.renderer import to_display
from nakaya.viz.crystals.surface import (
    depth_of_arrival,
    depth_of_phase,
    empty_blocks,
    occupancy_levels,
    steps_per_site,
)
from nakaya.viz.crystals.tracing import HIT, trace
from nakaya.viz.crystals.view import CrystalView
from nakaya.viz.style import Theme

__all__ = ["LAMP", "SolidFrame", "SolidRenderer"]

LAMP = (-0.55, 0.70, 0.60)
SECOND = (0.80, 0.10, 0.60)
"""Directions of the lamps as (right, up, towards who looks): they stay with who looks while a crystal turns."""

PADDING = 0.06
"""Empty part of the picture at each side of the crystal."""

MARGIN = 3
"""Sites around the crystal that are kept: room for the slope of its surface."""

EDGE_SAMPLES = 3
"""Rays per pixel and direction at edges; elsewhere surface and light are smooth, and one is enough."""

EDGE_CONTRAST = 0.03
"""Difference in linear light between neighbouring pixels from which more rays are sent."""


@dataclass(frozen=True)
class SolidFrame:
    """What is shown: the pixels, and where they lie.

    Attributes:
        centre: float64 [3]: the place in the middle of the picture, as (layer, row, column).
        width: Pixels across.
        height: Pixels down.
        scale: Pixels per site spacing.
    """

    centre: tuple[float, ...]
    width: int
    height: int
    scale: float

    def starts(self, camera: Camera, across: NDArray[Any], down: NDArray[Any]) -> FloatArray:
        """Return places on the picture, float64 [n, 3], of pixels counted from its upper left corner."""
        right, up, _ = camera.axes
        x, y = (across - self.width / 2) / self.scale, (self.height / 2 - down) / self.scale
        return np.asarray(np.array(self.centre) + x[:, None] * right + y[:, None] * up)


@dataclass(frozen=True)
class SolidRenderer:
    """Draws crystals of a cubic lattice at one scale; as `nakaya.viz.crystals.renderer.Renderer`.

    Attributes:
        frame: What is shown. It holds the crystals whatever the azimuth: turning ones stay in their place.
    """

    frame: SolidFrame

    @classmethod
    def over(cls, views: Sequence[CrystalView], *, width: int) -> SolidRenderer:
        """Return the renderer that shows all of each crystal, `width` pixels across."""
        boxes = [attached_box(view.arrival >= INITIAL) for view in views]
        low = np.min([box[0] for box in boxes], axis=0)
        high = np.max([box[1] for box in boxes], axis=0)
        centre = (low + high) / 2
        extents = [view.camera.extent(_outline(view.arrival >= INITIAL) - centre) for view in views]
        half_width, half_height = (max(parts) + 1.0 for parts in zip(*extents, strict=True))
        scale = width * (1 - 2 * PADDING) / (2 * half_width)
        height = max(1, math.ceil(2 * half_height * scale + 2 * PADDING * width))
        return cls(SolidFrame(tuple(centre.tolist()), width, height, scale))

    def prepare(self, view: CrystalView, theme: Theme, relief: float = 0.0) -> Callable[..., Image.Image]:
        """Return what draws the crystal after any number of steps, or (None) at the end, from any camera.

        Where none is given it is that of the view. `relief` is that of planes, and without a meaning here.
        """
        return _Scene(view, theme, self.frame).draw

    def draw(self, view: CrystalView, theme: Theme, *, step: int | None = None, relief: float = 0.0) -> Image.Image:
        """Return the crystal without words, RGB; arguments as `Renderer.draw`."""
        return self.prepare(view, theme, relief)(step)


def attached_box(attached: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last site along each axis: int64 [axis]; of nothing those of the whole array."""
    if not attached.any():
        return np.zeros(attached.ndim, np.int64), np.array(attached.shape) - 1
    lines = [np.flatnonzero(attached.any(axis=tuple(set(range(attached.ndim)) - {axis}))) for axis in range(3)]
    return np.array([line[0] for line in lines]), np.array([line[-1] for line in lines])


def _outline(attached: Mask) -> FloatArray:
    """The outermost attached sites of every line of columns, float64 [n, 3]: as far out as all of them."""
    lines = attached.any(axis=2)
    if not lines.any():
        return np.array(attached.shape)[None] - 1.0
    layer, row = np.nonzero(lines)
    first, last = attached.argmax(axis=2)[lines], attached.shape[2] - 1 - attached[..., ::-1].argmax(axis=2)[lines]
    ends = [np.stack([layer, row, column], axis=1) for column in (first, last)]
    return np.concatenate(ends).astype(np.float64)


class _Scene:
    """A crystal cut out of its lattice, with the colours of its sites."""

    def __init__(self, view: CrystalView, theme: Theme, frame: SolidFrame) -> None:
        low, high = attached_box(view.arrival >= INITIAL)
        low = np.maximum(low - MARGIN, 0)
        high = np.minimum(high + MARGIN, np.array(view.arrival.shape) - 1)
        part = tuple(slice(int(first), int(last) + 1) for first, last in zip(low, high, strict=True))
        self.arrival, self.view = view.arrival[part], view
        self.built: object = ()
        self.phase = None if view.phase is None else view.phase[part]
        self.there = np.ascontiguousarray(self.arrival >= INITIAL)
        self.colours = np.zeros((*self.arrival.shape, 3), np.float32)
        self.colours[self.there] = attached_light(view, theme)
        self.is_mixed = view.has_smooth_colours
        self.background = srgb_to_linear(from_hex(theme.background))
        self.pace = steps_per_site(self.arrival)
        self.frame, self.shift = frame, low.astype(np.float64)
        self.middle = (np.array(view.arrival.shape) - 1) / 2 - self.shift if view.is_open else None

    def depth(self, step: int | None) -> Float32Array:
        """How far inside sites are; sharp where the phase field is known."""
        if step is None and self.phase is not None:
            return depth_of_phase(self.phase)
        last = int(self.arrival.max()) if step is None else step
        return depth_of_arrival(self.arrival, self.pace, last)

    def draw(self, step: int | None, camera: Camera | None = None) -> Image.Image:
        """Return the picture, from the view's own camera where none is given."""
        self.camera = self.view.camera if camera is None else camera
        key = (step, self.camera if self.middle is not None else None)
        if key != self.built:
            self.inside = self.depth(step)
            self.blocks = empty_blocks(self.inside)
            self.levels = occupancy_levels(self.inside if self.middle is None else self._without_cut(self.inside))
            self.built = key
        rows, columns = np.indices((self.frame.height, self.frame.width))
        hits = self._trace(columns.ravel() + 0.5, rows.ravel() + 0.5)
        light = self._over_background(hits).reshape(*rows.shape, 3)
        edge = _edges(light, hits[:, 3].reshape(rows.shape) >= 0)
        down, across = np.nonzero(edge)
        places = (np.arange(EDGE_SAMPLES) + 0.5) / EDGE_SAMPLES
        total = np.zeros((len(down), 3))
        for y in places:
            for x in places:
                total += self._over_background(self._trace(across + x, down + y))
        light[edge] = total / EDGE_SAMPLES**2
        return Image.fromarray(to_display(light.astype(np.float32)))

    def _trace(self, across: NDArray[Any], down: NDArray[Any]) -> FloatArray:
        axes = self.camera.axes
        size = np.array(self.arrival.shape)
        nowhere = np.where(axes[2] < 0, -np.inf, np.inf)
        hits = np.empty((across.size, HIT))
        trace(
            self.frame.starts(self.camera, across, down) - self.shift + size.sum() * axes[2],  # outside, before all
            axes,
            _direction(LAMP, axes),
            _direction(SECOND, axes),
            np.full(3, -0.5),
            size - 0.5,
            nowhere if self.middle is None else self.middle,
            self.inside,
            self.blocks,
            self.levels,
            self.colours,
            self.there,
            self.is_mixed,
            hits,
        )
        return hits

    def _without_cut(self, depth: Float32Array) -> Float32Array:
        """The depth without the corner that is cut away: no shadow falls from there."""
        towards, rest = self.camera.axes[2], depth.copy()
        assert self.middle is not None
        corner = tuple(
            slice(max(int(middle), 0), None) if forward >= 0 else slice(None, max(int(middle) + 1, 0))
            for middle, forward in zip(self.middle, towards, strict=True)
        )
        rest[corner] = -1
        return rest

    def _over_background(self, hits: FloatArray) -> FloatArray:
        return np.where(hits[:, 3:] >= 0, hits[:, :3], self.background)


def _direction(parts: tuple[float, float, float], axes: FloatArray) -> FloatArray:
    """A unit vector (layer, row, column) of parts to the right, up and towards who looks."""
    direction = np.array(parts) @ axes
    return np.asarray(direction / np.linalg.norm(direction))


def _edges(light: FloatArray, hit: Mask) -> Mask:
    """Pixels beside one that differs: there more rays are sent."""
    edge = np.zeros(hit.shape, np.bool_)
    for axis in (0, 1):
        first, second = np.moveaxis(light, axis, 0)[:-1], np.moveaxis(light, axis, 0)[1:]
        differs = np.abs(second - first).max(axis=-1) > EDGE_CONTRAST
        differs |= np.moveaxis(hit, axis, 0)[:-1] != np.moveaxis(hit, axis, 0)[1:]
        np.moveaxis(edge, axis, 0)[:-1] |= differs
        np.moveaxis(edge, axis, 0)[1:] |= differs
    return edge
