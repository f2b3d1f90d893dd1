"""Grains from an etched micrograph whose boundaries are lines, some of them noisy, broken or missing.

Lines are found first (`ridges`). The distance to the nearest line is a landscape with one basin a grain, in which a gap
in a line is a saddle; a watershed from the basins closes the gaps by the shortest way and follows the middle of the
lines. It makes too many regions, never too few; neighbours are then merged where neither a line nor a neck
speaks for a boundary (`merging`). Every number comes from the image or is a constant here; no mask takes part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.core.errors import MissingExtraError, ParameterError
from nakaya.microscopy.grains.measures import NEIGHBOURS, solidity
from nakaya.microscopy.grains.merging import MergingRules, merge_regions
from nakaya.microscopy.grains.ridges import find_lines, flatten

__all__ = ["Segmentation", "segment_grains"]

MIN_MARKED_FRACTION = 0.3
NECK = (0.75, 0.94)
CONVEX = (0.96, 0.98)
"""A bay in the outline of a grain is a missing boundary where the other grains are convex, and the grain's own shape
where they are not. So the neck that keeps a boundary grows from the first to the second number of `NECK` while the
median solidity of the grains goes from the first to the second number of `CONVEX`."""
MIN_PIXELS = 30
"""Grains of fewer pixels do not say whether grains are convex."""
BASIN = 0.25
"""Basins shallower than this (pixels) are not told apart."""
MIN_RADIUS = 1.0
"""In standard deviations of a line: what is narrower inside is a gap between lines, not a grain."""
SMOOTHINGS = 2
"""Rounds of majority vote of 3 x 3 pixels, which take the jaggedness that noise gives to boundaries."""
BLOT_DEPTH = 0.6
"""Filled dark places (pores, inclusions) at least this fraction as deep as a line belong to the lines ..."""
BLOT_RADIUS = 8.0
"""... where they are narrower than this, in standard deviations of a line."""


@dataclass(frozen=True)
class Segmentation:
    """A micrograph divided into grains.

    Attributes:
        labels: Grain of every pixel, int32 [row, column], 0 .. n - 1; boundaries run between pixels.
        lines: Pixels on a line, bool [row, column].
        polarity: "dark" or "bright" lines.
        line_width: Full width of a line at half depth, pixels.
        clarity: How many standard deviations of noise a typical line stands out.
        marked_fraction: Fraction of the boundaries' length that lies on a line; the rest was closed across gaps.
        source: "image" or "mask".
    """

    labels: GrainMap
    lines: BoolArray
    polarity: str
    line_width: float
    clarity: float
    marked_fraction: float
    source: str

    @property
    def num_grains(self) -> int:
        """Number of grains."""
        return int(self.labels.max()) + 1


def _majority(labels: GrainMap, rounds: int) -> GrainMap:
    """Give every pixel the label that most of its 3 x 3 pixels have, itself where it is among the most."""
    for _ in range(rounds):
        padded = np.pad(labels, 1, mode="edge")
        height, width = labels.shape
        around = [padded[row : row + height, column : column + width] for row in range(3) for column in range(3)]
        most = sum((other == labels).astype(np.int8) for other in around)
        chosen = labels.copy()
        for candidate in around:
            votes = sum((other == candidate).astype(np.int8) for other in around)
            better = votes > most
            chosen[better] = candidate[better]
            most = np.maximum(most, votes)
        labels = chosen
    return labels


def _renumber(labels: GrainMap) -> GrainMap:
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


def _fill_blots(marked: BoolArray, depth: FloatArray, sigma: float) -> BoolArray:
    """Add filled places that are as dark as the lines they touch: only their rims answer to a line filter."""
    parts, number = ndimage.label(((depth >= BLOT_DEPTH) & ~marked), np.ones((3, 3)))
    if number == 0:
        return marked
    index = np.arange(1, number + 1)
    radius = ndimage.maximum(ndimage.distance_transform_edt(parts > 0), parts, index)
    touches = ndimage.maximum(ndimage.binary_dilation(marked, np.ones((3, 3))), parts, index)
    filled = np.concatenate([[False], (np.asarray(radius) <= BLOT_RADIUS * sigma) & (np.asarray(touches) > 0)])
    return np.asarray(marked | filled[parts], np.bool_)


def _basins(distance: FloatArray) -> GrainMap:
    """Number the maxima of the distance that stand at least `BASIN` above the saddle to a higher one."""
    from skimage.morphology import local_maxima, reconstruction

    smooth = ndimage.gaussian_filter(distance, 1.0)
    levelled = reconstruction(smooth - BASIN, smooth)
    numbered, _ = ndimage.label(local_maxima(levelled, allow_borders=True), np.ones((3, 3)))
    return np.asarray(numbered, np.int32)


def segment_grains(image: FloatArray, *, lines: str | None = None) -> Segmentation:
    """Divide a micrograph into grains; an image in which no line stands out is one grain.

    Args:
        image: Grey values in [0, 1], float64 [row, column], at least 32 x 32.
        lines: "dark" or "bright" boundaries; None = find out.

    Raises:
        ParameterError: The image has one value only, or is too small.
        MissingExtraError: scikit-image is not installed.

    >>> from nakaya.microscopy.grains.etched import Etching, etched_image
    >>> from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
    >>> rng = np.random.default_rng(3)
    >>> truth = voronoi_map(scatter_points(12, (96, 96), rng, relaxations=2), (96, 96), periodic=False).labels
    >>> image = etched_image(truth, Etching(noise=0.05), rng).astype(np.float64)
    >>> len(np.unique(truth)), len(np.unique(segment_grains(image).labels))
    (12, 12)
    """
    try:
        from skimage.segmentation import watershed
    except ImportError:
        raise MissingExtraError("micrographs", "microscopy") from None
    image = np.asarray(image, np.float64)
    if min(image.shape) < 32:
        raise ParameterError(f"an image of {image.shape[1]} x {image.shape[0]} pixels is too small: at least 32 x 32")
    if np.ptp(image) == 0:
        raise ParameterError("all pixels have the same value: there is nothing to see")
    flat = flatten(image)
    found = find_lines(flat, lines)
    sigma = found.sigma
    depth = ndimage.gaussian_filter(flat if found.polarity == "bright" else -flat, sigma)
    if found.marked.any() and not found.marked.all():
        ground = float(np.median(depth[~found.marked]))
        depth = (depth - ground) / max(float(np.median(depth[found.marked])) - ground, 1e-12)
    marked = _fill_blots(found.marked, depth, sigma)
    if not marked.any():
        whole = np.zeros(image.shape, np.int32)
        return Segmentation(whole, marked, found.polarity, 2.3548 * sigma, found.clarity, 0.0, "image")
    crest = marked & (found.strength >= ndimage.maximum_filter(found.strength, 3))
    distance = ndimage.distance_transform_edt(~marked)
    # Outside the lines the landscape is the distance; on them the line's own darkness, which has its crest in the
    # middle, at junctions too. (The line filter has a hole there, and boundaries came out 2.5 % too long.)
    landscape = np.where(marked, 5 * np.clip(depth, 0, None), 0) - ndimage.gaussian_filter(distance, 1.0)
    polarity, clarity = found.polarity, found.clarity
    del flat, depth, found  # the basins take a hundred bytes a pixel
    basins = _basins(distance)
    regions = watershed(landscape, basins).astype(np.int32) - 1
    del landscape, basins
    inside = ndimage.distance_transform_edt(marked)
    reach = float(np.median(inside[crest])) if crest.any() else sigma
    near = ndimage.binary_dilation(marked)
    rules = MergingRules(MIN_MARKED_FRACTION, NECK[0], MIN_RADIUS * sigma, reach)
    labels = _renumber(_majority(merge_regions(regions, distance, near, rules), SMOOTHINGS))
    neck = float(np.interp(_typical_solidity(labels), CONVEX, NECK))
    if neck > NECK[0]:
        labels = _renumber(_majority(merge_regions(regions, distance, near, replace(rules, neck=neck)), SMOOTHINGS))
    return Segmentation(labels, marked, polarity, 2.3548 * sigma, clarity, _fraction_on_lines(labels, near), "image")


def _typical_solidity(labels: GrainMap) -> float:
    """Median solidity of the grains that are large enough to tell; 0 where none is."""
    large = np.bincount(labels.ravel()) >= MIN_PIXELS
    return float(np.median(solidity(labels)[large])) if large.any() else 0.0


def _fraction_on_lines(labels: GrainMap, near: BoolArray) -> float:
    """Fraction of the unlike pairs of pixels that lie on a line."""
    total = marked = 0
    for here, there in NEIGHBOURS:
        unlike = labels[here] != labels[there]
        total += int(unlike.sum())
        marked += int((unlike & (near[here] | near[there])).sum())
    return marked / total if total else 0.0
