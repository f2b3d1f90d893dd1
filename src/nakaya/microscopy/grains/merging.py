"""Merge the regions of an over-segmentation where nothing speaks for the boundary between them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.microscopy.grains.measures import NEIGHBOURS

__all__ = ["MergingRules", "merge_regions"]


@dataclass(frozen=True)
class MergingRules:
    """When a boundary between two regions is kept.

    Attributes:
        marked_fraction: A boundary is kept where at least this fraction of its length lies on a line.
        neck: ... or where it closes a neck: widest opening over the inner radius of the smaller region, at most this. A
            boundary that the etchant left out still shows as a neck between two grains.
        smallest_radius: Regions with an inner radius below this (pixels) are not resolved, and always merged.
        line_reach: Half the width of a line, pixels: this far the ends of every boundary lie on other lines.
    """

    marked_fraction: float
    neck: float
    smallest_radius: float
    line_reach: float


@dataclass
class _Boundary:
    """Between two regions: pairs of pixels, those of them on a line, and the widest opening."""

    pairs: int
    marked: int
    opening: float

    def add(self, other: _Boundary) -> None:
        self.pairs += other.pairs
        self.marked += other.marked
        self.opening = max(self.opening, other.opening)


def _collect(labels: GrainMap, depth: FloatArray, marked: BoolArray) -> list[dict[int, _Boundary]]:
    num_regions = int(labels.max()) + 1
    keys, on_line, opening = [], [], []
    for here, there in NEIGHBOURS:
        first, second = labels[here].astype(np.int64), labels[there].astype(np.int64)
        unlike = first != second
        low, high = np.minimum(first, second)[unlike], np.maximum(first, second)[unlike]
        keys.append(low * num_regions + high)
        on_line.append((marked[here] | marked[there])[unlike])
        opening.append(np.minimum(depth[here], depth[there])[unlike])
    unique, which = np.unique(np.concatenate(keys), return_inverse=True)
    pairs = np.bincount(which, minlength=len(unique))
    lines = np.bincount(which, np.concatenate(on_line), len(unique))
    widest = np.zeros(len(unique))
    np.maximum.at(widest, which, np.concatenate(opening))
    table: list[dict[int, _Boundary]] = [{} for _ in range(num_regions)]
    for number, key in enumerate(unique.tolist()):
        first, second = divmod(key, num_regions)
        boundary = _Boundary(int(pairs[number]), int(lines[number]), float(widest[number]))
        table[first][second] = table[second][first] = boundary
    return table


def merge_regions(labels: GrainMap, depth: FloatArray, marked: BoolArray, rules: MergingRules) -> GrainMap:
    """Merge regions, the least supported boundary first, until every boundary left is kept by the rules.

    Args:
        labels: Regions 0 .. n - 1, int32 [row, column]; every pixel belongs to one.
        depth: Distance to the nearest line, pixels, float64 [row, column].
        marked: Pixels on a line, bool [row, column].
        rules: When a boundary is kept.

    Returns:
        The map with fewer regions, numbered anew.
    """
    table = _collect(labels, depth, marked)
    num_regions = len(table)
    radius = np.atleast_1d(ndimage.maximum(depth, labels, np.arange(num_regions))).astype(np.float64)
    owner = list(range(num_regions))
    ends = 2 * rules.line_reach * 4 / np.pi

    def support(first: int, second: int) -> float:
        """At least 1: keep."""
        boundary = table[first][second]
        free = boundary.pairs - ends
        fraction = (boundary.marked - ends) / free if free > ends else boundary.marked / boundary.pairs
        smaller = min(radius[first], radius[second])
        if smaller < rules.smallest_radius:
            return float(fraction - 1.0)
        opening = (1 - boundary.opening / max(smaller, 1e-9)) / (1 - rules.neck)
        return float(max(fraction / rules.marked_fraction, opening))

    queue = [
        (support(first, second), first, second)
        for first in range(num_regions)
        for second in table[first]
        if first < second
    ]
    heapq.heapify(queue)
    while queue:
        worth, first, second = heapq.heappop(queue)
        if worth >= 1:
            break
        if second not in table[first] or support(first, second) != worth:
            continue  # one of them is part of another by now, or there is more of the boundary
        owner[second] = first
        radius[first] = max(radius[first], radius[second])
        del table[first][second], table[second][first]
        for other, shared in table[second].items():
            del table[other][second]
            if other in table[first]:
                table[first][other].add(shared)
            else:
                table[first][other] = table[other][first] = shared
        table[second] = {}
        for other in table[first]:
            low, high = min(first, other), max(first, other)
            heapq.heappush(queue, (support(low, high), low, high))
    roots = np.array([_root(owner, number) for number in range(num_regions)])
    return np.unique(roots[labels], return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


def _root(owner: list[int], number: int) -> int:
    while owner[number] != number:
        number = owner[number]
    return number
