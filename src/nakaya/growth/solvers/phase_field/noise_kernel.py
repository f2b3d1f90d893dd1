"""The thermal noise of `noise`, on runs of sixteen sites: the same numbers to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import njit
from nakaya.growth.solvers.phase_field.kernel import NUM_RUNS, fill_ghosts, start_of
from nakaya.growth.solvers.phase_field.noise import BITS
from nakaya.growth.solvers.simd import (
    LANES,
    below,
    choose,
    lane_numbers,
    load,
    lowest_bit,
    not_below,
    packed,
    splat,
    store,
    to_floats,
)
from nakaya.growth.solvers.threefry import threefry2x32

__all__ = ["draw", "find_near"]

MASK = np.uint32(2**BITS - 1)
SHIFTS = (np.uint32(0), np.uint32(BITS), np.uint32(2 * BITS))


@njit
def mark_columns(layout: Any, memory: Any, rules: Any, reach: Any, at: Any) -> None:
    """Write 1 into `kick` within `reach` columns of an interface in the row that begins at a place, else 0."""
    zero, one, interface = splat(np.float32(0)), splat(np.float32(1)), splat(rules.interface)
    columns, filled = layout.columns, 0
    for run in range(layout.runs):
        store(memory.kick, at + run * LANES, zero)
    images = 1 if layout.is_periodic else 0
    for image in range(-images, images + 1):
        for run in range(layout.runs):
            phi = load(memory.phi, at + run * LANES)
            bits = packed(below(interface, one - phi * phi))
            while bits != 0:  # 1 - phi^2 shows an interface
                column = run * LANES + lowest_bit(bits)
                bits = bits & (bits - 1)
                if column < columns:
                    place = column + image * columns
                    end = min(columns, place + reach + 1)
                    for index in range(max(filled, place - reach), end):
                        memory.kick[at + index] = np.float32(1)
                    filled = max(filled, end)


@njit
def widen_lines(source: Any, target: Any, first: Any, count: Any, step: Any, reach: Any, wraps: Any) -> None:
    """Widen the marks of `count` runs, `step` apart, by `reach` runs on both sides, from `source` into `target`."""
    zero, one, limit = splat(np.float32(0)), splat(np.float32(1)), splat(np.float32(reach + 1))
    for direction in (1, -1):
        since = limit
        for place in range(2 * count if wraps else count):
            index = place % count
            at = first + (index if direction > 0 else count - 1 - index) * step
            since = choose(below(zero, load(source, at)), zero, since + one)
            if place >= count or not wraps:
                near = choose(not_below(since, limit), zero, one)
                store(target, at, near if direction > 0 else choose(below(zero, load(target, at)), one, near))


@njit
def find_near(layout: Any, memory: Any, rules: Any, reach: Any) -> None:
    """Write 1 into `near` where noise acts, else 0. `kick` is used on the way; it is drawn anew after that."""
    for layer in range(layout.layers):
        above = layout.first + layer * layout.plane
        for row in range(layout.rows):
            mark_columns(layout, memory, rules, reach, above + row * layout.stride)
        for run in range(layout.runs):
            at = above + run * LANES
            widen_lines(memory.kick, memory.near, at, layout.rows, layout.stride, reach, layout.is_periodic)
    if layout.plane > 0:
        for row in range(layout.rows):
            for run in range(layout.runs):
                at = layout.first + row * layout.stride + run * LANES
                widen_lines(memory.near, memory.kick, at, layout.layers, layout.plane, reach, layout.is_periodic)
                for layer in range(layout.layers):
                    place = at + layer * layout.plane
                    store(memory.near, place, load(memory.kick, place))
    if layout.is_periodic:
        fill_ghosts(layout, memory.near)


@njit(forceinline=True)
def flux_of(words: Any, shift: Any, near: Any, at: Any, ahead: Any) -> Any:
    """A draw, where noise acts on both sides of a bond."""
    bits, mask = splat(shift), splat(MASK)
    draws = ((words[0] >> bits) & mask) + ((words[1] >> bits) & mask)
    return (to_floats(draws) - splat(np.float32(MASK))) * (load(near, at) * load(near, at + ahead))


@njit
def draw_run(layout: Any, memory: Any, keys: Any, block: Any, site: Any, at: Any) -> None:
    """Write the fluxes ahead of sixteen sites, along each axis."""
    words = threefry2x32(keys[0], keys[1], splat(np.uint32(block)), splat(np.uint32(site)) + lane_numbers())
    if layout.plane > 0:
        store(memory.flux_0, at, flux_of(words, SHIFTS[0], memory.near, at, layout.plane))
        store(memory.flux_1, at, flux_of(words, SHIFTS[1], memory.near, at, layout.stride))
        store(memory.flux_2, at, flux_of(words, SHIFTS[2], memory.near, at, 1))
    else:
        store(memory.flux_1, at, flux_of(words, SHIFTS[0], memory.near, at, layout.stride))
        store(memory.flux_2, at, flux_of(words, SHIFTS[1], memory.near, at, 1))


@njit
def draw_all(layout: Any, memory: Any, keys: Any, block: Any) -> None:
    """Write the fluxes ahead of every site, along each axis."""
    zero = splat(np.float32(0))
    for line in range(layout.layers * layout.rows):
        first = start_of(layout, line * layout.runs)
        for run in range(layout.runs):
            at = first + run * LANES
            if memory.work[line * layout.runs + run] == 0:
                continue
            if packed(below(zero, load(memory.near, at))) != 0:
                draw_run(layout, memory, keys, block, line * layout.columns + run * LANES, at)
                continue
            store(memory.flux_1, at, zero)
            store(memory.flux_2, at, zero)
            if layout.plane > 0:
                store(memory.flux_0, at, zero)


@njit
def enter(layout: Any, flux: Any, start: Any, step: Any, count: Any, others: Any, pace: Any) -> None:
    """Write the fluxes that enter the first sites along an axis: those of the last, of the mirror image, or none."""
    for other in range(others):
        at = start + other * pace
        if layout.is_periodic:
            flux[at - step] = flux[at + (count - 1) * step]
        else:
            flux[at - step] = -flux[at] if layout.is_mirrored else np.float32(0)


@njit
def draw(layout: Any, memory: Any, rules: Any, keys: Any, block: Any) -> None:
    """Write what the noise adds to u in every step of a block into `kick`."""
    draw_all(layout, memory, keys, block)
    for layer in range(layout.layers):
        start = layout.first + layer * layout.plane
        enter(layout, memory.flux_2, start, 1, layout.columns, layout.rows, layout.stride)
        enter(layout, memory.flux_1, start, layout.stride, layout.rows, layout.columns, 1)
    if layout.plane > 0:
        for row in range(layout.rows):
            start = layout.first + row * layout.stride
            enter(layout, memory.flux_0, start, layout.plane, layout.layers, layout.columns, 1)
    strength = splat(rules.kick)
    for number in range(memory.progress[NUM_RUNS]):
        at = memory.places[number]
        leaving = (load(memory.flux_1, at) - load(memory.flux_1, at - layout.stride)) + (
            load(memory.flux_2, at) - load(memory.flux_2, at - 1)
        )
        if layout.plane > 0:
            leaving = leaving + (load(memory.flux_0, at) - load(memory.flux_0, at - layout.plane))
        store(memory.kick, at, leaving * strength)
