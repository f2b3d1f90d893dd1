"""Grains that grow at a constant velocity at full speed: equal to the reference to the last bit.

Only grains that can be the first at a site of a block are compared there. With the least and the greatest distance from
a grain's nucleus to a block, all its sites attach between s_g + least and s_g + greatest, times how much slower the
slowest facet is; grains whose earliest is after the earliest latest of all drop out. Blocks are halved along every axis
and the grains that are left handed on, down to a few sites.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from nakaya.core.arrays import ArrivalMap, GrainMap
from nakaya.core.compiling import announce_compilation, njit
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.solvers.grains.orientations import draw_orientations, matrices_of, positions
from nakaya.growth.solvers.grains.parameters import STEPS_PER_SITE, ConstantVelocity, check_number
from nakaya.growth.solvers.grains.reference import GrainNuclei, Nuclei, draw_nuclei, finish, image_offsets

__all__ = ["grow_member"]

LEAF = (8, 4)
"""Sites along an axis of a block that is not halved further, in the plane and in space."""

ROUNDING = 1e-9
"""Relative; bounds of blocks are wider by this, so that no rounding drops a grain."""


def _compile(function: Any) -> Any:
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no place to keep compiled code
        return njit(nogil=True)(function)


announce_compilation()


@_compile
def _gauge(x: Any, y: Any, z: Any, matrix: Any, slowness: Any) -> Any:
    """`reference.gauge` of one offset; `slowness` is 1 / (ratio sqrt number) by facet, 0 where there is none."""
    moment = np.sqrt(x * x + y * y + z * z)
    if slowness[0] == 0 and slowness[1] == 0 and slowness[2] == 0:
        return moment
    a = abs(matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z)
    b = abs(matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z)
    c = abs(matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z)
    if a < b:
        a, b = b, a
    if b < c:
        b, c = c, b
    if a < b:
        a, b = b, a
    if slowness[0] > 0:
        moment = max(moment, a * slowness[0])
    if slowness[1] > 0:
        moment = max(moment, (a + b) * slowness[1])
    if slowness[2] > 0:
        moment = max(moment, (a + b + c) * slowness[2])
    return moment


@_compile
def _find_grains(places: Any, times: Any, matrices: Any, slowness: Any, images: Any, period: Any) -> Any:
    """Numbers of the nuclei that no earlier grain has reached; the gauge is never less than the distance."""
    kept = np.empty(len(times), np.int64)
    count = 0
    for number in range(len(times)):
        is_reached = False
        for grain in range(count):
            earlier = kept[grain]
            time = times[number] - times[earlier]
            square = 0.0
            for axis in range(3):
                apart = abs(places[number, axis] - places[earlier, axis])
                if period[axis] > 0:
                    apart = min(apart, period[axis] - apart)
                square += apart * apart
            if square > time * time * (1 + ROUNDING):
                continue
            for image in images:
                x = places[number, 0] - (places[earlier, 0] + image[0])
                y = places[number, 1] - (places[earlier, 1] + image[1])
                z = places[number, 2] - (places[earlier, 2] + image[2])
                if times[earlier] + _gauge(x, y, z, matrices[grain], slowness) <= times[number]:
                    is_reached = True
                    break
            if is_reached:
                break
        if not is_reached:
            kept[count] = number
            count += 1
    return kept[:count]


@_compile
def _tessellate(
    places: Any, numbers: Any, times: Any, matrices: Any, slowness: Any, shape: Any, leaf: Any, arrival: Any, grain: Any
) -> Any:
    """Attach all sites; return the greatest time.

    Args:
        places: x, y, z of the nuclei and their images, float64 [place, 3], by number of grain.
        numbers: Grains of the places, int32 [place].
        times: float64 [grain].
        matrices: float64 [grain, 3, 3].
        slowness: float64 [3].
        shape: Layers, rows, columns.
        leaf: Sites along an axis of a block that is not halved.
        arrival: int32 [layer, row, column], filled here.
        grain: int32 [layer, row, column], filled here.
    """
    side, depth = leaf, 1
    while side < max(shape[0], shape[1], shape[2]):
        side, depth = side * 2, depth + 1
    slowest = 1.0
    for number in range(3):
        slowest = max(slowest, slowness[number] * np.sqrt(number + 1.0))
    candidates = np.empty((depth + 1) * len(numbers), np.int32)  # of a block, its parent, and so on
    candidates[: len(numbers)] = np.arange(len(numbers))
    todo = np.empty((depth * 8 + 8, 6), np.int64)  # layer, row, column, side, first and last of the parent's candidates
    todo[0] = (0, 0, 0, side, 0, len(numbers))
    waiting, last = 1, 0.0
    while waiting > 0:
        waiting -= 1
        layer, row, column, side, first, end = todo[waiting]
        ends = (min(layer + side, shape[0]), min(row + side, shape[1]), min(column + side, shape[2]))
        low = (np.float64(column), np.float64(row), np.float64(layer))
        high = (ends[2] - 1.0, ends[1] - 1.0, ends[0] - 1.0)
        latest = np.inf
        for which in range(first, end):
            place = candidates[which]
            square = 0.0
            for axis in range(3):
                apart = max(places[place, axis] - low[axis], high[axis] - places[place, axis])
                square += apart * apart
            latest = min(latest, times[numbers[place]] + np.sqrt(square) * slowest)
        latest = latest * (1 + ROUNDING)
        top = end
        for which in range(first, end):
            place = candidates[which]
            square = 0.0
            for axis in range(3):
                apart = max(low[axis] - places[place, axis], places[place, axis] - high[axis], 0.0)
                square += apart * apart
            if times[numbers[place]] + np.sqrt(square) <= latest:
                candidates[top] = place
                top += 1
        if side > leaf:
            half = side // 2
            for plane in range(layer, ends[0], half):
                for r in range(row, ends[1], half):
                    for c in range(column, ends[2], half):
                        todo[waiting] = (plane, r, c, half, end, top)
                        waiting += 1
            continue
        for plane in range(layer, ends[0]):
            for r in range(row, ends[1]):
                for c in range(column, ends[2]):
                    earliest, of = np.inf, np.int32(-1)
                    for which in range(end, top):
                        place = candidates[which]
                        number = numbers[place]
                        x, y, z = c - places[place, 0], r - places[place, 1], plane - places[place, 2]
                        found = times[number] + _gauge(x, y, z, matrices[number], slowness)
                        if found < earliest:
                            earliest, of = found, number
                    arrival[plane, r, c] = max(1, np.int32(np.ceil(earliest * STEPS_PER_SITE)))
                    grain[plane, r, c] = of
                    last = max(last, earliest)
    return last


def _slowness(params: ConstantVelocity) -> np.ndarray[Any, np.dtype[np.float64]]:
    ratios = enumerate(params.facets(), start=1)
    found = [1 / (ratio * sqrt(number)) if ratio < 1 else 0.0 for number, ratio in ratios]
    return np.array([*found, 0.0][:3])


def _keep_grains(params: ConstantVelocity, setup: GrowthSetup, key: Key, nuclei: Nuclei) -> GrainNuclei:
    angles = draw_orientations(key, len(nuclei.times), params.dimension)
    period = positions(np.array([setup.shape]))[0] * (setup.edges == "periodic")
    kept = _find_grains(
        positions(nuclei.sites).astype(np.float64),
        nuclei.times,
        matrices_of(angles),
        _slowness(params),
        positions(np.array(image_offsets(setup))).astype(np.float64),
        period.astype(np.float64),
    )
    return GrainNuclei(nuclei.sites[kept], nuclei.times[kept], angles[: len(kept)])


def _attach(params: ConstantVelocity, setup: GrowthSetup, grains: GrainNuclei) -> tuple[float, ArrivalMap, GrainMap]:
    images = positions(np.array(image_offsets(setup))).astype(np.float64)
    places = (positions(grains.sites)[:, None] + images).reshape(-1, 3)
    numbers = np.repeat(np.arange(len(grains.times), dtype=np.int32), len(images))
    arrival, grain = np.empty(setup.shape, np.int32), np.empty(setup.shape, np.int32)
    whole = (1,) * (3 - params.dimension) + setup.shape
    last = _tessellate(
        places,
        numbers,
        grains.times,
        matrices_of(grains.angles),
        _slowness(params),
        whole,
        LEAF[params.dimension - 2],
        arrival.reshape(whole),
        grain.reshape(whole),
    )
    for site in setup.initial:
        arrival[site] = INITIAL
    return last, arrival, grain


def grow_member(point: ConstantVelocity, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`.

    Raises:
        ParameterError: The nuclei would be none, or more than the lattice holds.
    """
    check_number(point.expected_number(setup), setup, point.spacing, "site_density or nucleation_rate")
    horizon = point.horizon(setup)
    while True:
        grains = _keep_grains(point, setup, key, draw_nuclei(point, setup, key, horizon))
        if len(grains.times):
            last, arrival, grain = _attach(point, setup, grains)
            if point.rate_per_site == 0 or last <= horizon:
                return finish(arrival, grain, grains.angles, setup)
        horizon *= 2
