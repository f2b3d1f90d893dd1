"""What makes boundaries of a micrograph doubtful: scratches among them, and grains that differ in brightness alone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.microscopy.grains.masks import mask_of_boundaries

__all__ = ["brightness_steps", "count_straight_lines"]

DIRECTIONS = 360
"""Half a degree: over the length of a scratch a strip then leaves a straight line by a pixel or two."""
HALF_STRIP = 1.5
"""Half the width of the strip in which a straight line stays, pixels."""
STRAIGHT = 5.0
"""Mean intercepts: boundaries change their direction at every grain, so none is straight for so many of them ..."""
MIN_RUN = 60
"""... and pixels: shorter ones are straight by the width of the strip."""
GAP = 4.0
"""Pixels along a scratch that noise may take."""
DENSE = 1.7
"""Pixels of the two wide boundary in the strip for each pixel of its length; what only crosses the strip has fewer."""
STEEP = 0.5
"""Edges are where the gradient is at least this fraction of its 99.5th percentile, and greatest of its neighbours."""
MAX_EDGES = 5000
SMOOTHING = 1.5
"""Pixels; before the profiles across the edges are read."""


def count_straight_lines(labels: GrainMap, mean_intercept: float) -> int:
    """Return how many boundaries run straight on for more than `STRAIGHT` mean intercepts, as scratches do.

    Args:
        labels: Grains, int32 [row, column].
        mean_intercept: Of the map, pixels.
    """
    places = np.argwhere(mask_of_boundaries(labels)).astype(np.float32)
    least = max(STRAIGHT * mean_intercept, MIN_RUN)
    if len(places) == 0 or least > np.hypot(*labels.shape):
        return 0
    found: list[FloatArray] = []
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        offset = places[:, 0] * np.float32(np.cos(angle)) - places[:, 1] * np.float32(np.sin(angle))
        low = float(offset.min())
        strip = np.rint(offset - low).astype(np.int64)
        counts = np.convolve(np.bincount(strip), np.ones(3), "same")
        for middle in np.flatnonzero(counts >= DENSE * least):
            member = np.abs(offset - low - middle) <= HALF_STRIP
            along = np.sort(places[member] @ np.array([np.sin(angle), np.cos(angle)], np.float32))
            for run in np.split(along, np.flatnonzero(np.diff(along) > GAP) + 1):
                length = float(run[-1] - run[0])
                if length >= least and len(run) >= DENSE * length:
                    centre = (run[0] + run[-1]) / 2
                    across = low + middle
                    sine, cosine = np.sin(angle), np.cos(angle)
                    found.append(np.array([cosine * across + sine * centre, -sine * across + cosine * centre, angle]))
    return len(_distinct(found, least))


def _distinct(found: list[FloatArray], length: float) -> list[FloatArray]:
    """One of the strips in several directions that follow one line."""
    kept: list[FloatArray] = []
    for line in found:
        normal = np.array([np.cos(line[2]), -np.sin(line[2])])
        if not any(
            abs(np.sin(line[2] - other[2])) < 0.1 and abs(normal @ (line[:2] - other[:2])) < 0.1 * length
            for other in kept
        ):
            kept.append(line)
    return kept


def brightness_steps(image: FloatArray, line_width: float) -> tuple[float, float]:
    """Return how brightness changes across the steepest edges: the step from side to side, and the depth of a line.

    Both are medians over the edges; an etched boundary is a line between sides that are about alike, an edge between
    grains that differ in brightness is a step without one.

    Args:
        image: Grey values, float64 [row, column].
        line_width: Of the lines that were found, pixels.
    """
    smooth = ndimage.gaussian_filter(np.asarray(image, np.float32), SMOOTHING)
    down, right = np.gradient(smooth)
    steepness = np.hypot(down, right)
    edge: BoolArray = steepness >= STEEP * np.percentile(steepness, 99.5)
    edge &= (steepness >= ndimage.maximum_filter(steepness, 3)) & (steepness > 0)
    places = np.argwhere(edge)
    places = places[:: len(places) // MAX_EDGES + 1]
    if len(places) == 0:
        return 0.0, 0.0
    at = tuple(places.T)
    normal = np.stack([down[at], right[at]], axis=1) / steepness[at][:, None]
    reach = max(2.5 * line_width, 6.0)
    steps = np.arange(-np.ceil(reach), np.ceil(reach) + 1)
    profile = ndimage.map_coordinates(
        smooth, (places[:, None] + steps[:, None] * normal[:, None]).transpose(2, 0, 1), order=1, mode="nearest"
    )
    sides = [profile[:, side].mean(axis=1) for side in (steps <= -0.6 * reach, steps >= 0.6 * reach)]
    within = profile[:, np.abs(steps) < 0.6 * reach]
    low, high = np.minimum(*sides), np.maximum(*sides)
    line = np.maximum(low - within.min(axis=1), within.max(axis=1) - high)
    return float(np.median(high - low)), float(np.median(np.maximum(line, 0)))
