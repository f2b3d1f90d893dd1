"""Dislocation loops in bright-field TEM: dark spots, counted and measured.

Only contrast is used: what is dark enough over a smooth background, large enough, and set apart from its neighbours by
a rise of brightness. Loops, short pieces of line dislocations and other dark spots look alike in one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, stats
from scipy.spatial import cKDTree

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap, IntArray
from nakaya.core.checks import Range, check_in_range
from nakaya.core.errors import ParameterError

__all__ = [
    "LoopRules",
    "Loops",
    "calibrate_loops",
    "come_in_pairs",
    "count_interval",
    "depth_below_background",
    "find_centres",
    "find_hollows",
    "find_loops",
    "loops_of_mask",
    "mask_of_loops",
]

_RANGES = {
    "contrast": Range(0.0, 1.0, "the depth of a loop below the background, as a fraction of the grey scale"),
    "smoothing": Range(0.5, 100.0, "the standard deviation of the smoothing, in pixels"),
    "background": Range(2.0, 2000.0, "the standard deviation of the background, in pixels"),
    "min_area": Range(0.0, 1e7, "the least area of the foot of a loop, in pixels"),
}
FOOT = 0.8
"""A loop's foot is where the depth is at least this fraction of the contrast asked for."""
OUTLINE = 0.7
"""A loop reaches as far as the depth is this fraction of its greatest: there people drew the outlines, in the mean."""
SPLIT = 0.08
"""Two minima are two loops where the depth between them falls by at least this fraction of the fainter one."""
HOLLOW_RIM = 0.65
"""A bright place is the inside of a loop where the shallowest place of the rim around it is at least this fraction as
deep as the deepest one: between loops that touch in a ring the depth falls further."""
HOLLOW_LEVELS = 24
HOLLOW_SIZE = 10.0
"""Greatest diameter of such a place, in standard deviations of the smoothing (a loop has 6.5 across) ..."""
HOLLOW_REACH = 2.0
"""... and how far beyond it the rim reaches at most, in the same unit."""
MIN_PAIRED, PAIRED, TOUCHING = 6, 0.75, 2.0
"""Loops at least, fraction of them in pairs, and distance in mean diameters, for a flag: of points scattered at random
0.62 are mutually nearest, however dense."""
MARGIN = 4
"""Loops whose centre lies nearer to the frame than this (pixels) are mostly outside, and not counted."""
MAX_LOOPS = 5000
"""Loops of one image; what has more is noise."""
CONTRASTS = tuple(round(0.10 + 0.01 * step, 2) for step in range(31))
"""Tried where the contrast is calibrated."""


@dataclass(frozen=True)
class LoopRules:
    """What counts as a loop.

    The defaults were chosen on frames of 512 x 512 pixels whose loops are 15 to 50 pixels across; `smoothing`,
    `background` and `min_area` scale with the loops' size in pixels.

    Attributes:
        contrast: Depth of a loop below the background, as a fraction of the grey scale of the image.
        smoothing: Standard deviation of the smoothing before anything else, pixels.
        background: Standard deviation of the Gaussian mean that is taken for the background, pixels.
        min_area: Least area of a loop's foot, pixels.

    Raises:
        ParameterError: A value is out of range.
    """

    contrast: float = 0.23
    smoothing: float = 4.0
    background: float = 70.0
    min_area: float = 180.0

    def __post_init__(self) -> None:
        for name, allowed in _RANGES.items():
            check_in_range(name, getattr(self, name), allowed)


@dataclass(frozen=True)
class Loops:
    """The loops of one image, the deepest first; lengths in pixels.

    Attributes:
        centres: (x, y) of the darkest places, float64 [n, 2].
        area: Area that is deeper than `OUTLINE` of the greatest depth, float64 [n].
        depth: Depth below the background, fraction of the grey scale, float64 [n].
        labels: Loop of every pixel, int32 [row, column]; -1 = none.
    """

    centres: FloatArray
    area: FloatArray
    depth: FloatArray
    labels: GrainMap

    @property
    def count(self) -> int:
        """Number of loops."""
        return len(self.centres)

    @property
    def diameter(self) -> FloatArray:
        """Diameter of the circle of the same area, float64 [n]."""
        return np.sqrt(4 * self.area / np.pi)


def come_in_pairs(loops: Loops) -> bool:
    """Whether most loops nearly touch one other that is nearest to them in return: halves of two-lobed loops, perhaps.

    Args:
        loops: What was found; lengths in pixels.
    """
    if loops.count < MIN_PAIRED:
        return False
    distance, nearest = cKDTree(loops.centres).query(loops.centres, k=2)
    other = nearest[:, 1]
    is_mutual = other[other] == np.arange(loops.count)
    is_near = distance[:, 1] <= TOUCHING * (loops.diameter + loops.diameter[other]) / 2
    return bool((is_mutual & is_near).mean() >= PAIRED)


def count_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean of a Poisson count (Garwood 1936): what the count alone leaves open."""
    tail = (1 - level) / 2
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return low, float(stats.chi2.ppf(1 - tail, 2 * count + 2)) / 2


def depth_below_background(image: FloatArray, rules: LoopRules) -> FloatArray:
    """Return how far every place lies below the smooth background, after smoothing: float64 [row, column]."""
    image = np.asarray(image, np.float64)
    flat = ndimage.gaussian_filter(image, rules.background) - image
    return np.asarray(ndimage.gaussian_filter(flat, rules.smoothing), np.float64)


def find_centres(depth: FloatArray, rules: LoopRules) -> IntArray:
    """Return the places of loops, (row, column), the deepest first: int64 [n, 2].

    Args:
        depth: From `depth_below_background`.
        rules: What counts as a loop.
    """
    hollow = find_hollows(depth, rules)
    return _apart(depth, _dark_places(depth, rules, hollow)[:MAX_LOOPS], rules, hollow)


def _dark_places(depth: FloatArray, rules: LoopRules, hollow: GrainMap) -> IntArray:
    """Minima of the image, the deepest first: int64 [n, 2]."""
    feet, _ = ndimage.label((depth > FOOT * rules.contrast) | (hollow >= 0))
    area = np.bincount(feet.ravel())
    minima = np.argwhere((depth == ndimage.maximum_filter(depth, 5)) & (depth > rules.contrast))
    minima = minima[np.argsort(-depth[tuple(minima.T)], kind="stable")]
    height, width = depth.shape
    room = np.minimum(minima, [height - 1, width - 1] - minima).min(axis=1) >= MARGIN
    return np.asarray(minima[room & (area[feet[tuple(minima.T)]] >= rules.min_area)])


def _apart(depth: FloatArray, minima: IntArray, rules: LoopRules, hollow: GrainMap) -> IntArray:
    """Those that are loops of their own: no second minimum of one loop, nor of one hollow."""
    rim = _rim(hollow, minima, HOLLOW_REACH * rules.smoothing)
    chosen = np.zeros((0, 2), np.int64)
    taken: set[int] = set()
    for place, own in zip(minima, rim.tolist(), strict=True):
        if own not in taken and _is_apart(depth, place, chosen, rules.smoothing):
            chosen = np.concatenate([chosen, place[None]])
            taken |= {own} - {-1}
    return chosen


def find_hollows(depth: FloatArray, rules: LoopRules) -> GrainMap:
    """Return the bright insides of loops that show as rings: their number for every pixel, -1 = none.

    Inside is what lies below the shallowest place of a dark rim around it (the depth with its holes filled, less the
    depth), where that rim is deep enough to be a loop, about as deep all around, and no wider than a loop.

    Args:
        depth: From `depth_below_background`, float64 [row, column].
        rules: What counts as a loop.
    """
    found = np.full(depth.shape, -1, np.int32)
    reach = HOLLOW_REACH * rules.smoothing
    largest = np.pi / 4 * (HOLLOW_SIZE * rules.smoothing) ** 2
    kept = 0
    # The higher the level at which the rim is still closed, the more of the inside is seen; so the highest comes first.
    for level in np.linspace(float(depth.max()), FOOT * rules.contrast, HOLLOW_LEVELS):
        parts, number = ndimage.label(depth <= level)
        size = np.bincount(parts.ravel(), minlength=number + 1)
        size[np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))] = 0
        candidates = np.flatnonzero((size > 0) & (size <= largest))
        places = ndimage.find_objects(parts)
        for hole in candidates[candidates > 0]:
            pad = int(np.ceil(reach)) + 1
            window = tuple(slice(max(side.start - pad, 0), side.stop + pad) for side in places[hole - 1])
            inside, around = parts[window] == hole, depth[window]
            if (found[window][inside] >= 0).any():
                continue
            deepest = around[ndimage.distance_transform_edt(~inside) <= reach].max()
            if level >= HOLLOW_RIM * deepest:
                found[window][inside] = kept
                kept += 1
    return found


def _rim(hollow: GrainMap, minima: IntArray, reach: float) -> IntArray:
    """Number of the hollow on whose rim every minimum lies, -1 = none: int64 [n]."""
    if hollow.max() < 0 or len(minima) == 0:
        return np.full(len(minima), -1, np.int64)
    distance, nearest = ndimage.distance_transform_edt(hollow < 0, return_indices=True)
    at = tuple(minima.T)
    number = hollow[tuple(axis[at] for axis in nearest)]
    return np.where(distance[at] <= reach, number, -1).astype(np.int64)


def find_loops(image: FloatArray, rules: LoopRules | None = None) -> Loops:
    """Find dark spots.

    Args:
        image: Grey values from 0 to 1, float64 [row, column].
        rules: What counts as a loop.

    Raises:
        ParameterError: There are more than `MAX_LOOPS` candidates.
    """
    rules = rules or LoopRules()
    depth = depth_below_background(image, rules)
    hollow = find_hollows(depth, rules)
    dark = _dark_places(depth, rules, hollow)
    if len(dark) > MAX_LOOPS:
        raise ParameterError(
            f"{len(dark)} places are darker than contrast {rules.contrast:g}, more than {MAX_LOOPS}: "
            "that is noise; state a larger contrast or smoothing, or take a part of the image"
        )
    centres = _apart(depth, dark, rules, hollow)
    return _measure(depth, centres, _regions(depth, centres, hollow >= 0))


def loops_of_mask(image: FloatArray, mask: BoolArray, rules: LoopRules | None = None) -> Loops:
    """Return the loops that a person drew: every connected patch of a mask is one.

    Args:
        image: Grey values from 0 to 1, float64 [row, column]; gives the depths.
        mask: Inside a loop, bool [row, column].
        rules: Smoothing and background of the depths.
    """
    depth = depth_below_background(image, rules or LoopRules())
    parts, number = ndimage.label(mask)
    centres = np.array(ndimage.maximum_position(depth, parts, np.arange(1, number + 1)), np.int64).reshape(-1, 2)
    order = np.argsort(-depth[tuple(centres.T)], kind="stable")
    place = np.empty(number + 1, np.int32)
    place[0], place[1 + order] = -1, np.arange(number)
    return _measure(depth, centres[order], place[parts])


def mask_of_loops(labels: GrainMap) -> BoolArray:
    """Return the loops as a mask for a person to correct, with a gap where two touch: bool [row, column].

    Args:
        labels: Loop of every pixel, int32 [row, column]; -1 = none.
    """
    mask = np.asarray(labels >= 0, np.bool_)
    mask[:-1] &= (labels[1:] == labels[:-1]) | (labels[1:] < 0)
    mask[:, :-1] &= (labels[:, 1:] == labels[:, :-1]) | (labels[:, 1:] < 0)
    return mask


def calibrate_loops(images: Sequence[FloatArray], counts: Sequence[int], rules: LoopRules | None = None) -> LoopRules:
    """Return rules whose contrast finds as many loops as people counted.

    The contrast with the least sum of |log((found + 1/2) / (counted + 1/2))| over the images; the middle one where
    several are equally good.

    Args:
        images: Grey values from 0 to 1, float64 [row, column] each.
        counts: Loops in each image.
        rules: Everything but the contrast.

    Raises:
        ParameterError: Not one count for each image.
    """
    if len(images) != len(counts) or not images:
        raise ParameterError(f"{len(counts)} counts for {len(images)} images: one for each is needed")
    rules = rules or LoopRules()
    depths = [depth_below_background(image, rules) for image in images]
    misfit = []
    for contrast in CONTRASTS:
        tried = replace(rules, contrast=contrast)
        found = np.array([len(find_centres(depth, tried)) for depth in depths])
        misfit.append(float(np.abs(np.log((found + 0.5) / (np.asarray(counts) + 0.5))).sum()))
    best = np.flatnonzero(np.isclose(misfit, min(misfit)))
    return replace(rules, contrast=CONTRASTS[best[len(best) // 2]])


def _measure(depth: FloatArray, centres: IntArray, labels: GrainMap) -> Loops:
    area = np.bincount(labels[labels >= 0], minlength=len(centres)).astype(np.float64)
    return Loops(centres[:, ::-1].astype(np.float64), area, depth[tuple(centres.T)], labels)


def _is_apart(depth: FloatArray, place: IntArray, known: IntArray, smoothing: float) -> bool:
    """Whether a minimum is parted from every deeper one nearby by a rise."""
    own = depth[tuple(place)]
    distances = np.hypot(*(known - place).T)
    for number in np.flatnonzero(distances < 15 * smoothing):
        steps = np.linspace(0, 1, int(distances[number]) + 2)
        line = np.rint(place + steps[:, None] * (known[number] - place)).astype(np.int64)
        if depth[line[:, 0], line[:, 1]].min() > (1 - SPLIT) * own:
            return False
    return True


def _regions(depth: FloatArray, centres: IntArray, hollow: BoolArray) -> GrainMap:
    """Pixels around each centre that are deeper than `OUTLINE` of its depth and nearer to it than to another centre."""
    labels = np.full(depth.shape, -1, np.int32)
    if len(centres) == 0:
        return labels
    seeds = np.ones(depth.shape, np.bool_)
    seeds[tuple(centres.T)] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    number = np.full(depth.shape, -1, np.int32)
    number[tuple(centres.T)] = np.arange(len(centres))
    owner = number[tuple(nearest)]
    dark = (depth > OUTLINE * depth[tuple(centres.T)][owner]) | hollow
    for loop, (row, column) in enumerate(centres):
        window = np.s_[max(row - 150, 0) : row + 151, max(column - 150, 0) : column + 151]
        parts, _ = ndimage.label(dark[window] & (owner[window] == loop))
        own = parts == parts[row - window[0].start, column - window[1].start]
        labels[window][own] = loop
    return labels
