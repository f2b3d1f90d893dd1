"""One time step of threshold dynamics, compiled: each grain is convolved in the box around it alone.

The order of operations is that of `reference`, site by site, so that weights are equal bit for bit: beyond its box a
grain is zero, and adding zeros changes no sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import announce_compilation, njit

__all__ = ["convolve_grains", "find_boxes", "sharpen"]

announce_compilation()

# The kernels are free functions of arrays; numba infers the types, hence `Any`.


@njit(cache=True)
def find_boxes(labels: Any, shape: Any, num_grains: Any, is_periodic: Any) -> Any:
    """Return the box around every grain: first place and length along three axes, int64 [grain, 3, 2]; length 0: none.

    On a periodic map a box may begin before an edge and end behind it: it leaves out the widest gap.
    """
    boxes = np.zeros((num_grains, 3, 2), np.int64)
    slots = labels.shape[1]
    for axis in range(3):
        length = shape[axis]
        inner = 1
        for later in range(axis + 1, 3):
            inner *= shape[later]
        filled = np.zeros((num_grains, length), np.bool_)
        for site in range(labels.shape[0]):
            place = (site // inner) % length
            for slot in range(slots):
                grain = labels[site, slot]
                if grain < 0:
                    break
                filled[grain, place] = True
        for grain in range(num_grains):
            first, last = -1, -1
            gap, begin = 0, 0
            for place in range(length):
                if filled[grain, place]:
                    if first < 0:
                        first = place
                    elif place - last - 1 > gap:
                        gap, begin = place - last - 1, place
                    last = place
            if first < 0:
                continue
            around = first + length - last - 1
            if not is_periodic or around >= gap:
                boxes[grain, axis, 0], boxes[grain, axis, 1] = first, last - first + 1
            else:
                boxes[grain, axis, 0], boxes[grain, axis, 1] = begin, length - gap
    return boxes


@njit(cache=True)
def place_in_box(place: Any, start: Any, count: Any, length: Any, is_periodic: Any) -> Any:
    """Where in a box the site stands that is met at a place, beyond the edges too; -1: the box does not hold it."""
    if is_periodic:
        place = (place - start) % length
    else:
        place = place % (2 * length)
        place = (place if place < length else 2 * length - 1 - place) - start
    return place if 0 <= place < count else -1


@njit(cache=True)
def convolve_lines(
    source: Any, target: Any, taps: Any, start: Any, count: Any, begin: Any, size: Any, length: Any, inner: Any,
    is_periodic: Any,
) -> None:  # fmt: skip
    """Convolve `count` lines of `inner` values, those of a box from `start`, to `size` lines from `begin`."""
    for line in range(size):
        row = target[line * inner : (line + 1) * inner]
        row[:] = 0
        middle = place_in_box(begin + line, start, count, length, is_periodic)
        if middle >= 0:
            values = source[middle * inner : (middle + 1) * inner]
            for index in range(inner):
                row[index] = values[index] * taps[0]
        for tap in range(1, len(taps)):
            weight = taps[tap]
            before = place_in_box(begin + line - tap, start, count, length, is_periodic)
            behind = place_in_box(begin + line + tap, start, count, length, is_periodic)
            if before >= 0 and behind >= 0:
                values, others = source[before * inner :], source[behind * inner :]
                for index in range(inner):
                    row[index] += (values[index] + others[index]) * weight
            elif before >= 0 or behind >= 0:
                values = source[max(before, behind) * inner :]
                for index in range(inner):
                    row[index] += values[index] * weight


@njit(cache=True)
def convolve_box(
    source: Any, between: Any, target: Any, taps: Any, boxes: Any, begin: Any, size: Any, shape: Any, is_periodic: Any
) -> None:
    """Convolve the box of a grain along layers, rows and columns, in this order.

    Args:
        source: The box, packed; lost.
        between: Room for what is between.
        target: Result, packed: `size` sites from `begin`.
        taps: Half of the kernel.
        boxes: First place and length of the box along each axis.
        begin: First place of the result along each axis.
        size: Sites of the result along each axis.
        shape: Sites of the lattice.
        is_periodic: Whether opposite edges are joined.
    """
    reach = len(taps) - 1
    plane = boxes[1, 1] * boxes[2, 1]
    if shape[0] > 1:
        convolve_lines(source, between, taps, boxes[0, 0], boxes[0, 1], begin[0], size[0], shape[0], plane, is_periodic)
        source, between = between, source
    for layer in range(size[0]):
        convolve_lines(
            source[layer * plane :], between[layer * size[1] * boxes[2, 1] :], taps, boxes[1, 0], boxes[1, 1],
            begin[1], size[1], shape[1], boxes[2, 1], is_periodic,
        )  # fmt: skip
    padded = np.empty(size[2] + 2 * reach, np.float32)
    places = np.empty(size[2] + 2 * reach, np.int64)
    for index in range(len(places)):
        places[index] = place_in_box(begin[2] - reach + index, boxes[2, 0], boxes[2, 1], shape[2], is_periodic)
    count = size[2]
    for line in range(size[0] * size[1]):
        for index in range(len(places)):
            place = places[index]
            padded[index] = between[line * boxes[2, 1] + place] if place >= 0 else np.float32(0)
        row = target[line * count : (line + 1) * count]
        for index in range(count):
            row[index] = padded[reach + index] * taps[0]
        for tap in range(1, reach + 1):
            weight = taps[tap]
            before, behind = padded[reach - tap :], padded[reach + tap :]
            for index in range(count):
                row[index] += (before[index] + behind[index]) * weight


@njit(cache=True)
def convolve_grains(
    labels: Any, weights: Any, boxes: Any, shape: Any, taps: Any, narrow: Any, is_periodic: Any, cut: Any,
    near: Any, spread: Any, spread_narrow: Any,
) -> None:  # fmt: skip
    """Convolve every grain and keep, at every site, those that weigh most there.

    Args:
        labels: Grains at every site, int32 [site, slot].
        weights: Their fractions, float32 [site, slot].
        boxes: As `find_boxes` gives them.
        shape: Sites along three axes.
        taps: Half of the kernel, float32; a second one, `narrow`, is of the same length, or empty.
        narrow: See `taps`.
        is_periodic: Whether opposite edges are joined; else they mirror.
        cut: Smaller values are left out.
        near: Result: grains by weight, int32 [site, slot].
        spread: Result: their convolved fractions, float32 [site, slot].
        spread_narrow: Result: those with the narrow kernel; not used where it is empty.
    """
    reach = len(taps) - 1
    slots = labels.shape[1]
    near[:] = -1
    spread[:] = 0
    is_double = len(narrow) > 0
    begin, size = np.zeros(3, np.int64), np.ones(3, np.int64)
    largest = 1
    for grain in range(len(boxes)):
        cells = 1
        for axis in range(3):
            cells *= min(boxes[grain, axis, 1] + 2 * reach, shape[axis])
        largest = max(largest, cells)
    box, between, wide, thin = (
        np.empty(largest, np.float32), np.empty(largest, np.float32), np.empty(largest, np.float32),
        np.empty(largest if is_double else 1, np.float32),
    )  # fmt: skip
    for grain in range(len(boxes)):
        own = boxes[grain]
        if own[0, 1] == 0:
            continue
        for axis in range(3):
            if shape[axis] == 1:
                continue
            begin[axis] = own[axis, 0] - reach
            size[axis] = own[axis, 1] + 2 * reach
            if is_periodic:
                if size[axis] >= shape[axis]:
                    begin[axis], size[axis] = 0, shape[axis]
            else:
                end = min(begin[axis] + size[axis], shape[axis])
                begin[axis] = max(begin[axis], 0)
                size[axis] = end - begin[axis]
        for narrowness in range(2 if is_double else 1):
            index = 0
            for z in range(own[0, 1]):
                layer = (own[0, 0] + z) % shape[0] * shape[1]
                for y in range(own[1, 1]):
                    row = (layer + (own[1, 0] + y) % shape[1]) * shape[2]
                    for x in range(own[2, 1]):
                        site = row + (own[2, 0] + x) % shape[2]
                        value = np.float32(0)
                        for slot in range(slots):
                            if labels[site, slot] == grain:
                                value = weights[site, slot]
                                break
                            if labels[site, slot] < 0:
                                break
                        box[index] = value
                        index += 1
            if narrowness == 0:
                convolve_box(box, between, wide, taps, own, begin, size, shape, is_periodic)
            else:
                convolve_box(box, between, thin, narrow, own, begin, size, shape, is_periodic)
        index = 0
        for z in range(size[0]):
            layer = (begin[0] + z) % shape[0] * shape[1]
            for y in range(size[1]):
                row = (layer + (begin[1] + y) % shape[1]) * shape[2]
                for x in range(size[2]):
                    value = wide[index]
                    index += 1
                    if value <= cut:
                        continue
                    site = row + (begin[2] + x) % shape[2]
                    if value <= spread[site, slots - 1]:
                        continue
                    slot = slots - 1
                    while slot > 0 and value > spread[site, slot - 1]:
                        near[site, slot], spread[site, slot] = near[site, slot - 1], spread[site, slot - 1]
                        if is_double:
                            spread_narrow[site, slot] = spread_narrow[site, slot - 1]
                        slot -= 1
                    near[site, slot], spread[site, slot] = grain, value
                    if is_double:
                        spread_narrow[site, slot] = thin[index - 1]


@njit(cache=True)
def sharpen(
    near: Any, spread: Any, spread_narrow: Any, wide_factors: Any, narrow_factors: Any, per_width: Any,
    labels: Any, weights: Any,
) -> None:  # fmt: skip
    """Give every site to the grain of least cost, in fractions where a boundary passes through it.

    Args:
        near: Grains by weight, int32 [site, slot].
        spread: Convolved fractions.
        spread_narrow: Those with the narrow kernel.
        wide_factors: Factors a of pairs of grains, float32 [grain, grain]; empty: all boundaries are alike.
        narrow_factors: Factors b.
        per_width: Slope of fractions over differences of cost.
        labels: Result, int32 [site, slot].
        weights: Result, float32 [site, slot].
    """
    slots = near.shape[1]
    is_alike = wide_factors.shape[0] == 0
    cost = np.zeros(slots, np.float32)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    two, three = np.float32(2), np.float32(3)
    for site in range(near.shape[0]):
        count = 0
        while count < slots and near[site, count] >= 0:
            count += 1
        for slot in range(count):
            if is_alike:
                cost[slot] = -spread[site, slot]
                continue
            cost[slot] = zero
            for other in range(count):
                if other != slot:
                    one_pair = near[site, slot], near[site, other]
                    cost[slot] += wide_factors[one_pair] * spread[site, other]
                    cost[slot] += narrow_factors[one_pair] * spread_narrow[site, other]
        least, second = 0, -1
        for slot in range(1, count):
            if cost[slot] < cost[least]:
                least, second = slot, least
            elif second < 0 or cost[slot] < cost[second]:
                second = slot
        total, kept = zero, 0
        for slot in range(count):
            value = one
            if count > 1:
                rival = second if slot == least else least
                gap = (cost[rival] - cost[slot]) / (spread[site, rival] + spread[site, slot])
                place = min(max(half + gap * per_width, zero), one)
                value = place * place * (three - two * place)
            if value > zero:
                labels[site, kept], weights[site, kept] = near[site, slot], value
                total += value
                kept += 1
        for slot in range(kept):
            weights[site, slot] /= total
        for slot in range(kept, slots):
            labels[site, slot], weights[site, slot] = -1, zero
