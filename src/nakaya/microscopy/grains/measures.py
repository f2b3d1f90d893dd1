"""What a map of grains measures: areas, shapes, boundaries, neighbours.

A map of grains is int32 [row, column] with the grains numbered 0, 1, ... and -1 where there is none. All lengths
are in pixels here; a pixel size, where there is one, is multiplied in by the caller.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap, IntArray

__all__ = [
    "NEIGHBOURS",
    "PAIR_AREA",
    "PAIR_LENGTH",
    "Boundaries",
    "GrainTable",
    "boundary_pairs",
    "collect_boundaries",
    "frame_of",
    "frame_weights",
    "measure_grains",
    "pixels_beside",
    "shape_from_moments",
    "solidity",
]

NEIGHBOURS: tuple[tuple[Any, Any], ...] = ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]))  # slices
"""Every pixel and the one below it, every pixel and the one to its right: slices of a map."""

PAIR_LENGTH = np.pi / 4
"""Length of boundary for one pair of unlike pixels, in pixels; in space `PAIR_AREA` is its area.

Rows and columns of pixel centres are two systems of test lines a distance 1 apart. A boundary element at the angle t is
crossed |sin t| + |cos t| times per length, 4/pi in the mean over all directions (Crofton, with two directions).
So pairs x pi/4 is the length of boundaries that run in all directions alike; a single straight boundary along a row
comes out 21 % too short and a diagonal one 11 % too long.
"""

PAIR_AREA = 2 / 3
"""Area of boundary for one pair of unlike voxels: an element is crossed |n_x| + |n_y| + |n_z| times per area, 3/2 in
the mean over all directions (Crofton, with three)."""


@dataclass(frozen=True)
class GrainTable:
    """One row a grain.

    Attributes:
        num_pixels: int64 [n].
        area: float64 [n], pixel area (or m2, where the caller gave cells with an area).
        centroid: (x, y), float64 [n, 2].
        aspect_ratio: Longer over shorter axis of the ellipse with the same second moments, >= 1, float64 [n].
        axis_angle: Direction of the longer axis from x towards y, rad in (-pi/2, pi/2], float64 [n].
        extent: Width and height of the box around the grain, float64 [n, 2].
        on_frame: Whether the grain touches the frame of the image, so that its size is not known: bool [n].
    """

    num_pixels: IntArray
    area: FloatArray
    centroid: FloatArray
    aspect_ratio: FloatArray
    axis_angle: FloatArray
    extent: FloatArray
    on_frame: BoolArray

    @property
    def num_grains(self) -> int:
        """Number of grains."""
        return len(self.num_pixels)

    @property
    def equivalent_diameter(self) -> FloatArray:
        """Diameter of the circle of the same area: float64 [n]."""
        return np.sqrt(4 * self.area / np.pi)


@dataclass(frozen=True)
class Boundaries:
    """Boundaries between grains; each pair of neighbours once.

    Attributes:
        edges: Numbers of the two grains, first < second, int64 [e, 2], sorted.
        length: Length of the whole boundary between the two, float64 [e].
    """

    edges: IntArray
    length: FloatArray

    def num_neighbours(self, num_grains: int) -> IntArray:
        """Number of neighbours of every grain: int64 [n]."""
        return np.bincount(self.edges.ravel(), minlength=num_grains).astype(np.int64)

    def perimeter(self, num_grains: int) -> FloatArray:
        """Length of boundary with other grains of every grain (the frame is no boundary): float64 [n]."""
        both = np.concatenate([self.edges[:, 0], self.edges[:, 1]])
        return np.bincount(both, weights=np.tile(self.length, 2), minlength=num_grains).astype(np.float64)


def boundary_pairs(labels: GrainMap, *, periodic: bool = False) -> IntArray:
    """Return the labels on both sides of every pair of neighbouring unlike pixels: int64 [m, 2]; -1 takes no part.

    Args:
        labels: int32 [row, column], or [layer, row, column] of grains in space.
        periodic: Whether opposite sides of the map are joined.
    """
    found = []
    for axis in range(labels.ndim):
        joined = np.concatenate([labels, labels.take([0], axis)], axis) if periodic else labels
        first, second = (joined.take(range(start, joined.shape[axis] - 1 + start), axis) for start in (0, 1))
        unlike = (first != second) & (first >= 0) & (second >= 0)
        found.append(np.stack([first[unlike], second[unlike]], axis=1))
    return np.concatenate(found).astype(np.int64)


def collect_boundaries(pairs: IntArray, length: FloatArray | float = PAIR_LENGTH) -> Boundaries:
    """Gather pairs of labels into boundaries.

    Args:
        pairs: Labels on both sides, int64 [m, 2], as `boundary_pairs` gives them.
        length: Length of boundary that each pair stands for, float64 [m] or one number.
    """
    ordered = np.sort(pairs, axis=1)
    if len(ordered) == 0:
        return Boundaries(np.zeros((0, 2), np.int64), np.zeros(0))
    edges, which = np.unique(ordered, axis=0, return_inverse=True)
    weights = np.broadcast_to(np.asarray(length, np.float64), len(ordered))
    length_of = np.bincount(which.ravel(), weights=weights, minlength=len(edges))
    return Boundaries(edges, length_of.astype(np.float64))


def shape_from_moments(xx: FloatArray, yy: FloatArray, xy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return aspect ratio and direction of the longer axis from the central second moments [n] (variances)."""
    half_sum, half_difference = (xx + yy) / 2, (xx - yy) / 2
    radius = np.hypot(half_difference, xy)  # of Mohr's circle
    ratio = np.sqrt((half_sum + radius) / np.maximum(half_sum - radius, np.finfo(np.float64).tiny))
    return ratio, np.arctan2(xy, half_difference) / 2


def measure_grains(
    labels: IntArray,
    positions: tuple[FloatArray, FloatArray],
    on_frame: BoolArray,
    *,
    cell: tuple[float, float] = (1.0, 1.0),
) -> GrainTable:
    """Measure grains given as labelled points.

    Args:
        labels: Grain of every point, int [m]; -1 = none. All of 0 .. n - 1 occur.
        positions: x and y of every point, float64 [m] each.
        on_frame: Whether a point lies at the frame, bool [m].
        cell: Width and height of the cell that a point stands for; its own second moment w^2/12 is part of the shape.

    Returns:
        The table, in the units of `positions` and `cell`.
    """
    inside = labels >= 0
    label = labels[inside]
    x, y = positions[0][inside], positions[1][inside]
    number = int(label.max(initial=-1)) + 1
    num_pixels = np.bincount(label, minlength=number)
    count = np.maximum(num_pixels, 1)

    def mean_of(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(label, weights=values, minlength=number) / count)

    centre_x, centre_y = mean_of(x), mean_of(y)
    dx, dy = x - centre_x[label], y - centre_y[label]
    width, height = cell
    xx, yy, xy = mean_of(dx * dx) + width**2 / 12, mean_of(dy * dy) + height**2 / 12, mean_of(dx * dy)
    ratio, angle = shape_from_moments(xx, yy, xy)
    index = np.arange(number)
    reach = [np.subtract(ndimage.maximum(v, label, index), ndimage.minimum(v, label, index)) for v in (x, y)]
    touching = np.bincount(label, weights=on_frame[inside], minlength=number) > 0
    return GrainTable(
        num_pixels.astype(np.int64),
        (num_pixels * (width * height)).astype(np.float64),
        np.stack([centre_x, centre_y], axis=1),
        ratio,
        angle,
        np.stack(reach, axis=1) + cell,
        touching,
    )


def frame_of(shape: tuple[int, int]) -> BoolArray:
    """Pixels at the frame of an image: bool [row, column]."""
    frame = np.zeros(shape, np.bool_)
    frame[[0, -1]] = True
    frame[:, [0, -1]] = True
    return frame


def frame_weights(table: GrainTable, width: float, height: float) -> FloatArray:
    """Return weights that undo the bias of leaving out the grains that touch the frame.

    A box of w x h lies inside a frame of W x H in (W - w)(H - h) of W H positions, so large grains are left out more
    often. Weighting each grain that is inside by W H / ((W - w)(H - h)) makes means unbiased (Miles 1974; Lantuejoul
    1980). Grains on the frame get zero.

    Args:
        table: Grains.
        width: Width of the image, in the table's unit of length.
        height: Height of the image.

    Returns:
        float64 [n].
    """
    free = np.maximum(width - table.extent[:, 0], 1e-9 * width) * np.maximum(height - table.extent[:, 1], 1e-9 * height)
    return np.where(table.on_frame, 0.0, width * height / free)


def pixels_beside(labels: GrainMap, edges: IntArray) -> BoolArray:
    """Return the pixels on both sides of some of the boundaries: bool [row, column].

    Args:
        labels: int32 [row, column].
        edges: The two grains of each of these boundaries, first < second, int64 [e, 2].
    """
    number = int(labels.max(initial=0)) + 1
    keys = edges[:, 0] * number + edges[:, 1]
    beside = np.zeros(labels.shape, np.bool_)
    for here, there in NEIGHBOURS:
        low = np.minimum(labels[here], labels[there]).astype(np.int64)
        chosen = (low >= 0) & np.isin(low * number + np.maximum(labels[here], labels[there]), keys)
        beside[here] |= chosen
        beside[there] |= chosen
    return beside


def solidity(labels: GrainMap) -> FloatArray:
    """Return pixels of every grain over pixels inside its convex hull: float64 [n], in (0, 1].

    Exactly 1 for a grain that holds every pixel of its hull, however coarse the pixels.

    Args:
        labels: int32 [row, column], 0 .. n - 1.
    """
    from skimage.morphology import convex_hull_image

    fractions = np.ones(int(labels.max(initial=-1)) + 1)
    for number, part in enumerate(ndimage.find_objects(labels + 1)):
        if part is not None:
            inside = labels[part] == number
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # pixels in one row have no hull: they fill it
                hull = convex_hull_image(inside, offset_coordinates=False)
            fractions[number] = inside.sum() / max(hull.sum(), inside.sum())
    return fractions
