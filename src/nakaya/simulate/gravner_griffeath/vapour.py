"""Rules i and v as kernels: noise and diffusion of the vapour, for all sites alike.

The field holds the vapour before the noise, because attachment looks at it then. The noise of a step is applied at the
start of the next one, when a row is copied to a small ring of rows; diffusion reads the ring and writes the field, so
one array is enough.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from nakaya.core.randomness import COLUMN_BITS, PARITY, ROTATIONS
from nakaya.simulate.gravner_griffeath.workspace import BROKEN_D, FULL, LEFT, PERIODIC, SECTOR
from nakaya.simulate.lanes import (
    LANES,
    choose,
    greatest,
    has_bits,
    lane_numbers,
    least,
    load,
    not_below,
    packed,
    rotation,
    splat,
    store,
)

__all__ = ["Noise", "diffuse_tile"]

ROWS_PER_DRAW = 64

QUAD = 4
"""Rows that are diffused together."""

SAMPLED_ROWS = 3
"""One row in three is checked for NaN: what is not finite reaches one of them within a step."""

_turn_0, _turn_1, _turn_2, _turn_3, _turn_4, _turn_5, _turn_6, _turn_7 = (rotation(amount) for amount in ROTATIONS)


class Noise(NamedTuple):
    """The noise that is applied when the vapour is read: that of the step before."""

    draws: Any
    """Whether random bits are needed: not at sigma = 0, nor before the first step."""
    step: Any
    low_key: Any
    high_key: Any
    plus: Any
    minus: Any


# The kernels are free functions of (layout, memory, rules, ...); numba infers the types, hence `Any`.


@njit(inline="always")  # type: ignore[untyped-decorator]
def _four_rounds(x: Any, y: Any) -> Any:
    x = x + y
    y = _turn_0(y) ^ x
    x = x + y
    y = _turn_1(y) ^ x
    x = x + y
    y = _turn_2(y) ^ x
    x = x + y
    y = _turn_3(y) ^ x
    return x, y


@njit(inline="always")  # type: ignore[untyped-decorator]
def _four_more_rounds(x: Any, y: Any) -> Any:
    x = x + y
    y = _turn_4(y) ^ x
    x = x + y
    y = _turn_5(y) ^ x
    x = x + y
    y = _turn_6(y) ^ x
    x = x + y
    y = _turn_7(y) ^ x
    return x, y


@njit  # type: ignore[untyped-decorator]
def draw_words(layout: Any, words: Any, start: Any, noise: Any, band: Any) -> None:
    """Draw the random bits of 64 rows, as `nakaya.core.randomness.noise_words` defines them."""
    key_0, key_1 = splat(noise.low_key), splat(noise.high_key)
    key_2 = splat(np.uint32(noise.low_key ^ noise.high_key ^ np.uint32(PARITY)))
    first = splat(np.uint32(noise.step)) + key_0
    for block in range((layout.size + LANES - 1) // LANES):
        counter = splat(np.uint32((band << COLUMN_BITS) + block * LANES)) + lane_numbers()
        x, y = _four_rounds(first, counter + key_1)
        x, y = _four_more_rounds(x + key_1, y + key_2 + splat(np.uint32(1)))
        x, y = _four_rounds(x + key_2, y + key_0 + splat(np.uint32(2)))
        x, y = _four_more_rounds(x + key_0, y + key_1 + splat(np.uint32(3)))
        x, y = _four_rounds(x + key_1, y + key_2 + splat(np.uint32(4)))
        store(words, start + block * LANES, x + key_2)
        store(words, start + layout.stride + block * LANES, y + key_0 + splat(np.uint32(5)))


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _perturb_blocks(
    layout: Any, memory: Any, noise: Any, row: Any, begin: Any, end: Any, target: Any, words: Any
) -> None:
    """Rule v for the blocks begin to end - 1 of a row: d' = d (1 + sigma) or d (1 - sigma), into the ring."""
    source = LEFT + row * layout.stride
    words += ((row >> 5) & 1) * layout.stride
    bit = splat(np.uint32(1 << (row & 31)))
    plus, minus = splat(noise.plus), splat(noise.minus)
    for block in range(begin, end):
        factor = choose(has_bits(load(memory.words, words + block * LANES), bit), plus, minus)
        store(memory.ring, target + block * LANES, load(memory.d, source + block * LANES) * factor)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _broken_vapour(memory: Any, row: Any, begin: Any, end: Any) -> Any:
    """BROKEN_D where a row of the ring holds NaN or infinity, else 0."""
    total = splat(np.float32(0))
    for block in range(begin, end):
        total = total + load(memory.ring, row + block * LANES)
    return BROKEN_D if packed(not_below(total - total, splat(np.float32(1)))) != 0 else 0


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _fetch_row(layout: Any, memory: Any, rules: Any, noise: Any, row: Any, target: Any, words: Any) -> Any:
    """Copy one row to the ring, with the last step's noise, its held sites and its ghosts at both ends.

    Returns BROKEN_D where NaN or infinity was seen, else 0.
    """
    size = layout.size
    num_blocks = (size + LANES - 1) // LANES
    if row < layout.first or row >= layout.last:
        if layout.geometry == PERIODIC and row == size:
            for column in range(-2, num_blocks * LANES + 2):
                memory.ring[target + column] = memory.top_row[LEFT + column]
        else:
            for column in range(-2, num_blocks * LANES + 2):
                memory.ring[target + column] = rules.rho
        return 0
    if noise.draws and (row % ROWS_PER_DRAW == 0 or row == layout.first):
        draw_words(layout, memory.words, words, noise, row // ROWS_PER_DRAW)
    begin, end = 0, num_blocks
    if layout.geometry == FULL:
        begin, end = memory.low[row] // LANES, (memory.high[row] + LANES - 1) // LANES
    _perturb_blocks(layout, memory, noise, row, begin, end, target, words)
    broken = 0
    if row % SAMPLED_ROWS == 0:
        broken = _broken_vapour(memory, target, begin, end)
    if layout.geometry == SECTOR:
        memory.ring[target + size - 1] = rules.rho
    elif layout.geometry == FULL:
        low, high = memory.low[row], memory.high[row]
        memory.ring[target + low - 2] = rules.rho
        memory.ring[target + low - 1] = rules.rho
        memory.ring[target + high] = rules.rho
        memory.ring[target + high + 1] = rules.rho
    else:
        memory.ring[target - 1] = memory.ring[target + size - 1]
        memory.ring[target + size] = memory.ring[target]
        if row == 0:
            for column in range(-2, num_blocks * LANES + 2):
                memory.top_row[LEFT + column] = memory.ring[target + column]
    return broken


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _spread(centre: Any, first: Any, second: Any, third: Any) -> Any:
    """Return d + (S - 6 d) / 7, with S from the sums along the three axes as in `reference.neighbour_sum`."""
    low, high = least(first, second), greatest(first, second)
    total = (low + least(high, third)) + greatest(high, third)
    return centre + (total - centre * splat(np.float32(6))) * splat(np.float32(1.0 / 7.0))


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _diffuse_four_rows(
    layout: Any, memory: Any, row: Any, begin: Any, end: Any, above: Any, here: Any, beneath: Any
) -> None:
    """Rule i for four rows without the reflected part, which only boundary sites have.

    Four rows share the loads of their neighbours. `above`, `here` and `beneath` are where the rows row - 1, row and
    row + 4 are in the ring; rows row to row + 3 follow each other.
    """
    ring, stride = memory.ring, layout.stride
    bits = LEFT + (row >> 5) * stride
    bit = np.uint32(1 << (row & 31))
    crystal_0, crystal_1 = splat(bit), splat(np.uint32(bit << 1))
    crystal_2, crystal_3 = splat(np.uint32(bit << 2)), splat(np.uint32(bit << 3))
    target = LEFT + row * stride
    here_1, here_2, here_3 = here + stride, here + 2 * stride, here + 3 * stride
    zero = splat(np.float32(0))
    for block in range(begin, end):
        j = block * LANES
        crystal = load(memory.crystal_bits, bits + j)
        up_left, up = load(ring, above + j - 1), load(ring, above + j)
        left_0, site_0, right_0 = load(ring, here + j - 1), load(ring, here + j), load(ring, here + j + 1)
        left_1, site_1, right_1 = load(ring, here_1 + j - 1), load(ring, here_1 + j), load(ring, here_1 + j + 1)
        spread = _spread(site_0, up + site_1, left_0 + right_0, up_left + right_1)
        store(memory.d, target + j, choose(has_bits(crystal, crystal_0), zero, spread))
        left_2, site_2, right_2 = load(ring, here_2 + j - 1), load(ring, here_2 + j), load(ring, here_2 + j + 1)
        spread = _spread(site_1, site_0 + site_2, left_1 + right_1, left_0 + right_2)
        store(memory.d, target + stride + j, choose(has_bits(crystal, crystal_1), zero, spread))
        left_3, site_3, right_3 = load(ring, here_3 + j - 1), load(ring, here_3 + j), load(ring, here_3 + j + 1)
        spread = _spread(site_2, site_1 + site_3, left_2 + right_2, left_1 + right_3)
        store(memory.d, target + 2 * stride + j, choose(has_bits(crystal, crystal_2), zero, spread))
        down, down_right = load(ring, beneath + j), load(ring, beneath + j + 1)
        spread = _spread(site_3, site_2 + down, left_3 + right_3, left_2 + down_right)
        store(memory.d, target + 3 * stride + j, choose(has_bits(crystal, crystal_3), zero, spread))


@njit  # type: ignore[untyped-decorator]
def diffuse_tile(layout: Any, memory: Any, rules: Any, noise: Any, tile: Any, level: Any) -> Any:
    """Apply the last step's noise (rule v) and diffusion (rule i) to a tile; tiles come in ascending order.

    Args:
        layout: Where things are.
        memory: The member.
        rules: Parameters.
        noise: The last step's noise.
        tile: Number of the tile.
        level: Which of the steps of this sweep; each has its own ring and random words.

    Returns:
        BROKEN_D where NaN or infinity was seen, else 0.
    """
    stride, size = layout.stride, layout.size
    tile_rows = 1 << layout.tile_shift
    first_row = tile << layout.tile_shift
    words = LEFT + level * 2 * stride
    ring = LEFT + level * (2 * tile_rows + 1) * stride
    here = ring + (tile & 1) * tile_rows * stride
    other = ring + (1 - (tile & 1)) * tile_rows * stride
    above = other + (tile_rows - 1) * stride
    broken = 0
    if tile == 0:
        if layout.geometry == PERIODIC:
            if noise.draws:
                draw_words(layout, memory.words, words, noise, (size - 1) // ROWS_PER_DRAW)
            broken = _fetch_row(layout, memory, rules, noise, size - 1, above, words)
        elif layout.geometry == FULL:
            broken = _fetch_row(layout, memory, rules, noise, size, above, words)
    for index in range(0 if tile == 0 else 1, tile_rows + 1):
        target = here + index * stride if index < tile_rows else other
        broken |= _fetch_row(layout, memory, rules, noise, first_row + index, target, words)
    if layout.geometry == SECTOR:
        for index in range(tile_rows - 1):
            memory.ring[here + index * stride - 1] = memory.ring[here + (index + 1) * stride + 1]
        memory.ring[here + (tile_rows - 1) * stride - 1] = memory.ring[other + 1]
        if tile == 0:
            for column in range(-1, size - 1):
                memory.ring[above + column] = memory.ring[here + stride + column + 1]
    for index in range(0, min(tile_rows, size - first_row), QUAD):
        row = first_row + index
        begin, end = 0, (size + LANES - 1) // LANES
        if layout.geometry == FULL:
            begin = min(memory.low[row], memory.low[row + QUAD - 1]) // LANES
            end = (max(memory.high[row], memory.high[row + QUAD - 1]) + LANES - 1) // LANES
        up = above if index == 0 else here + (index - 1) * stride
        down = other if index + QUAD == tile_rows else here + (index + QUAD) * stride
        _diffuse_four_rows(layout, memory, row, begin, end, up, here + index * stride, down)
    return broken
