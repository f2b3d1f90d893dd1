"""Rules i and v as kernels: noise and diffusion of the vapour, for all sites alike.

The field holds the vapour before the noise, because attachment looks at it then. The noise of a step is applied at the
start of the next one, when a row is copied to a small ring of rows; diffusion reads the ring and writes the field, so
one array is enough.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nakaya.core.compiling import njit
from nakaya.core.randomness import COLUMN_BITS
from nakaya.growth.solvers.gravner_griffeath.workspace import (
    BROKEN_D,
    FULL,
    LEFT,
    PERIODIC,
    QUAD,
    SECTOR,
    WORD_ROWS,
    words_row,
)
from nakaya.growth.solvers.simd import (
    LANES,
    advanced,
    choose,
    greatest,
    has_bits,
    lane_numbers,
    least,
    load,
    not_below,
    opaque,
    packed,
    splat,
    store,
)
from nakaya.growth.solvers.threefry import threefry2x32

__all__ = ["Noise", "diffuse_tile"]

ROWS_PER_DRAW = 64

LEAD = 2 * QUAD
"""Rows between reading and writing."""

CHUNK = 2 * LEAD
"""Rows that are read, and then written, where rows are short."""


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


@njit
def draw_words(layout: Any, words: Any, noise: Any, band: Any) -> None:
    """Draw the random bits of 64 rows, as `nakaya.core.randomness.noise_words` defines them."""
    first = splat(np.uint32(noise.step))
    start = LEFT + words_row(band * ROWS_PER_DRAW) * layout.stride
    for block in range((layout.size + LANES - 1) // LANES):
        counter = splat(np.uint32((band << COLUMN_BITS) + block * LANES)) + lane_numbers()
        x, y = threefry2x32(noise.low_key, noise.high_key, first, counter)
        store(words, start + block * LANES, x)
        store(words, start + layout.stride + block * LANES, y)


@njit(forceinline=True)
def _bits_of_four_rows(row: Any) -> Any:
    bit = np.uint32(1 << (row & 31))
    return splat(bit), splat(np.uint32(bit << 1)), splat(np.uint32(bit << 2)), splat(np.uint32(bit << 3))


@njit(forceinline=True)
def _perturb_block(d: Any, source: Any, ring: Any, target: Any, stride: Any, word: Any, bits: Any, factors: Any) -> Any:
    """Rule v for sixteen columns of four rows, into the ring: d' = d (1 + sigma) or d (1 - sigma).

    Returns the sum of two of the rows: a NaN or infinity in the others reaches one of them within a step.
    """
    plus, minus = factors
    first = load(d, source) * choose(has_bits(word, bits[0]), plus, minus)
    store(ring, target, first)
    second = load(d, source + stride) * choose(has_bits(word, bits[1]), plus, minus)
    store(ring, target + stride, second)
    third = load(d, source + 2 * stride) * choose(has_bits(word, bits[2]), plus, minus)
    store(ring, target + 2 * stride, third)
    fourth = load(d, source + 3 * stride) * choose(has_bits(word, bits[3]), plus, minus)
    store(ring, target + 3 * stride, fourth)
    return first + fourth


@njit(forceinline=True)
def _spread(centre: Any, first: Any, second: Any, third: Any) -> Any:
    """Return d + (S - 6 d) / 7, with S from the sums along the three axes as in `reference.neighbour_sum`."""
    low, high = least(first, second), greatest(first, second)
    total = (low + least(high, third)) + greatest(high, third)
    return centre + (total - centre * splat(np.float32(6))) * splat(np.float32(1.0 / 7.0))


@njit(forceinline=True)
def _diffuse_block(
    ring: Any, above: Any, here: Any, beneath: Any, d: Any, target: Any, stride: Any, crystal: Any, bits: Any
) -> None:
    """Rule i for sixteen columns of four rows, without the reflected part that boundary sites have.

    The rows share the loads of their neighbours. `above`, `here` and `beneath` are where the row before them, their
    first row and the row after them are in the ring.
    """
    zero = splat(np.float32(0))
    here_1, here_2, here_3 = here + stride, here + 2 * stride, here + 3 * stride
    up_left, up = load(ring, above - 1), load(ring, above)
    left_0, site_0, right_0 = load(ring, here - 1), load(ring, here), load(ring, here + 1)
    left_1, site_1, right_1 = load(ring, here_1 - 1), load(ring, here_1), load(ring, here_1 + 1)
    spread = _spread(site_0, up + site_1, left_0 + right_0, up_left + right_1)
    store(d, target, choose(has_bits(crystal, bits[0]), zero, spread))
    left_2, site_2, right_2 = load(ring, here_2 - 1), load(ring, here_2), load(ring, here_2 + 1)
    spread = _spread(site_1, site_0 + site_2, left_1 + right_1, left_0 + right_2)
    store(d, target + stride, choose(has_bits(crystal, bits[1]), zero, spread))
    left_3, site_3, right_3 = load(ring, here_3 - 1), load(ring, here_3), load(ring, here_3 + 1)
    spread = _spread(site_2, site_1 + site_3, left_2 + right_2, left_1 + right_3)
    store(d, target + 2 * stride, choose(has_bits(crystal, bits[2]), zero, spread))
    down, down_right = load(ring, beneath), load(ring, beneath + 1)
    spread = _spread(site_3, site_2 + down, left_3 + right_3, left_2 + down_right)
    store(d, target + 3 * stride, choose(has_bits(crystal, bits[3]), zero, spread))


# The three loops over blocks are functions of their own with few arguments: inside the function that calls them
# the compiler keeps so much at hand that their addresses no longer fit into registers. `opaque` keeps it from making
# twenty counters of one index. Each of the two was worth a quarter of the speed.


@njit(forceinline=True)
def _broken(total: Any) -> Any:
    return BROKEN_D if packed(not_below(total - total, splat(np.float32(1)))) != 0 else 0


@njit
def _perturb_rows(
    d: Any,
    ring: Any,
    words: Any,
    blocks: Any,
    stride: Any,
    row: Any,
    num_quads: Any,
    target: Any,
    plus: Any,
    minus: Any,
) -> Any:
    """Read rows of the field, with noise, into consecutive rows of the ring."""
    total = splat(np.float32(0))
    factors = (splat(plus), splat(minus))
    for quad in range(num_quads):
        first = row + quad * QUAD
        bits = _bits_of_four_rows(first)
        source = LEFT + first * stride
        word = LEFT + words_row(first) * stride
        here = target + quad * QUAD * stride
        for block in range(blocks[first // 2], blocks[first // 2 + 1]):
            j = opaque(block * LANES)
            total = total + _perturb_block(d, source + j, ring, here + j, stride, load(words, word + j), bits, factors)
    return _broken(total)


@njit
def _diffuse_rows(
    d: Any, ring: Any, crystal_bits: Any, blocks: Any, stride: Any, ring_rows: Any, row: Any, num_quads: Any
) -> None:
    """Write rows of the field from the ring."""
    for quad in range(num_quads):
        first = row + quad * QUAD
        bits = _bits_of_four_rows(first)
        target = LEFT + first * stride
        crystal = LEFT + (first >> 5) * stride
        above = ((first - 1) & (ring_rows - 1)) * stride
        here = (first & (ring_rows - 1)) * stride
        beneath = ((first + QUAD) & (ring_rows - 1)) * stride
        for block in range(blocks[first // 2], blocks[first // 2 + 1]):
            j = opaque(block * LANES)
            word = load(crystal_bits, crystal + j)
            _diffuse_block(ring, above + j, here + j, beneath + j, d, target + j, stride, word, bits)


@njit
def _perturb_and_diffuse(
    d: Any,
    ring: Any,
    words: Any,
    crystal_bits: Any,
    stride: Any,
    begin: Any,
    end: Any,
    ahead: Any,
    rows_ahead: Any,
    plus: Any,
    minus: Any,
    row: Any,
    above: Any,
    here: Any,
    beneath: Any,
) -> Any:
    """Read four rows into the ring and write four others from it, in one loop."""
    total = splat(np.float32(0))
    factors = (splat(plus), splat(minus))
    noise_bits, bits = _bits_of_four_rows(ahead), _bits_of_four_rows(row)
    source, target = LEFT + ahead * stride, LEFT + row * stride
    word, crystal = LEFT + words_row(ahead) * stride, LEFT + (row >> 5) * stride
    for block in range(begin, end):
        j = opaque(block * LANES)
        noise = load(words, word + j)
        total = total + _perturb_block(d, source + j, ring, rows_ahead + j, stride, noise, noise_bits, factors)
        attached = load(crystal_bits, crystal + j)
        _diffuse_block(ring, above + j, here + j, beneath + j, d, target + j, stride, attached, bits)
    return _broken(total)


@njit(forceinline=True)
def _fill_row(layout: Any, ring: Any, target: Any, value: Any) -> None:
    for column in range(-2, layout.stride - LANES + 2):
        ring[target + column] = value


@njit(forceinline=True)
def _copy_row(layout: Any, source: Any, begin: Any, target: Any, start: Any) -> None:
    for column in range(-2, layout.stride - LANES + 2):
        target[start + column] = source[begin + column]


@njit(forceinline=True)
def _finish_rows(layout: Any, memory: Any, rules: Any, row: Any, num_rows: Any, ring: Any, target: Any) -> None:
    """Give consecutive rows of the ring their held sites, and their ghosts at both ends."""
    if layout.geometry != SECTOR:
        _finish_rows_of_full_lattice(layout, memory, rules, row, num_rows, ring, target)
        return
    for here in range(row, min(row + num_rows, layout.last)):
        ring[target + (here - row) * layout.stride + layout.size - 1] = rules.rho
    if row <= layout.last < row + num_rows:
        _fill_row(layout, ring, target + (layout.last - row) * layout.stride, rules.rho)


@njit
def _finish_rows_of_full_lattice(
    layout: Any, memory: Any, rules: Any, row: Any, num_rows: Any, ring: Any, target: Any
) -> None:
    size, stride = layout.size, layout.stride
    for here in range(max(row, layout.first), min(row + num_rows, layout.last)):
        start = target + (here - row) * stride
        if layout.geometry == FULL:
            low, high = memory.low[here], memory.high[here]
            ring[start + low - 2] = rules.rho
            ring[start + low - 1] = rules.rho
            ring[start + high] = rules.rho
            ring[start + high + 1] = rules.rho
        else:
            ring[start - 1] = ring[start + size - 1]
            ring[start + size] = ring[start]
            if here == 0:
                _copy_row(layout, ring, start, memory.top_row, LEFT)
    for here in (layout.first - 1, layout.last):  # rows further out have no neighbour that is not held
        if row <= here < row + num_rows:
            start = target + (here - row) * stride
            if layout.geometry == PERIODIC:
                _copy_row(layout, memory.top_row, LEFT, ring, start)
            else:
                _fill_row(layout, ring, start, rules.rho)


@njit(forceinline=True)
def _mirror(layout: Any, row: Any, num_rows: Any, ring: Any) -> None:
    """Write the ghosts of the sector's mirrors that some rows need, as `reference.pad` defines them."""
    stride, last_slot = layout.stride, layout.ring_rows - 1
    for here in range(row, row + num_rows):
        ring[(here & last_slot) * stride - 1] = ring[((here + 1) & last_slot) * stride + 1]
    if row == 0:
        for column in range(-1, layout.size - 1):
            ring[last_slot * stride + column] = ring[stride + column + 1]


@njit
def diffuse_tile(layout: Any, memory: Any, rules: Any, noise: Any, tile: Any, level: Any) -> Any:
    """Apply the last step's noise (rule v) and diffusion (rule i) to a tile; tiles come in ascending order.

    Rows are read into the ring some time before the rows above them are written: what is stored must have left the
    processor's store buffer before it is loaded across the borders of the stores.

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
    begin = tile << layout.tile_shift
    end = min(begin + (1 << layout.tile_shift), layout.size)
    words = advanced(memory.words, level * WORD_ROWS * layout.stride)
    ring = advanced(memory.ring, LEFT + level * (layout.ring_rows + QUAD) * layout.stride)
    broken = _read_first_rows(layout, memory, rules, noise, ring, words) if tile == 0 else 0
    if layout.fuses:
        for row in range(begin, end, QUAD):
            broken |= _read_and_write_quad(layout, memory, rules, noise, row, ring, words)
        return broken
    for row in range(begin, end, CHUNK):
        broken |= _read_rows(layout, memory, rules, noise, row + LEAD, CHUNK, ring, words)
        num_quads = min(CHUNK, end - row + QUAD - 1) // QUAD
        if layout.geometry == SECTOR:
            _mirror(layout, row, num_quads * QUAD, ring)
        _diffuse_rows(
            memory.d, ring, memory.crystal_bits, memory.blocks, layout.stride, layout.ring_rows, row, num_quads
        )
    return broken


@njit(forceinline=True)
def _read_first_rows(layout: Any, memory: Any, rules: Any, noise: Any, ring: Any, words: Any) -> Any:
    """Read the row above the first one, and the first rows."""
    stride, size = layout.stride, layout.size
    above = (layout.ring_rows - 1) * stride
    broken = 0
    if layout.geometry == PERIODIC:
        last = (size - 1) // QUAD * QUAD
        if noise.draws:
            draw_words(layout, words, noise, last // ROWS_PER_DRAW)
        target = above - (size - 1 - last) * stride
        broken |= _perturb_rows(memory.d, ring, words, memory.blocks, stride, last, 1, target, noise.plus, noise.minus)
        _finish_rows(layout, memory, rules, last, size - last, ring, target)
    elif layout.geometry == FULL:
        _fill_row(layout, ring, above, rules.rho)
    return broken | _read_rows(layout, memory, rules, noise, 0, LEAD, ring, words)


@njit(forceinline=True)
def _read_rows(layout: Any, memory: Any, rules: Any, noise: Any, row: Any, num_rows: Any, ring: Any, words: Any) -> Any:
    """Read up to sixteen rows, of which none but the first of each half is the first of 64."""
    stride = layout.stride
    broken = 0
    for first in range(row, row + num_rows, LEAD):
        if noise.draws and first % ROWS_PER_DRAW == 0 and first < layout.size:
            draw_words(layout, words, noise, first // ROWS_PER_DRAW)
        target = (first & (layout.ring_rows - 1)) * stride
        broken |= _perturb_rows(
            memory.d, ring, words, memory.blocks, stride, first, LEAD // QUAD, target, noise.plus, noise.minus
        )
        _finish_rows(layout, memory, rules, first, LEAD, ring, target)
    return broken


@njit(forceinline=True)
def _read_and_write_quad(layout: Any, memory: Any, rules: Any, noise: Any, row: Any, ring: Any, words: Any) -> Any:
    """Write four rows, and read the four that lie LEAD rows further on."""
    stride, last_slot = layout.stride, layout.ring_rows - 1
    ahead = row + LEAD
    if layout.geometry == SECTOR:
        _mirror(layout, row, QUAD, ring)
    if noise.draws and ahead % ROWS_PER_DRAW == 0 and ahead < layout.size:
        draw_words(layout, words, noise, ahead // ROWS_PER_DRAW)
    begin, end = memory.blocks[ahead // 2], memory.blocks[ahead // 2 + 1]
    target = (ahead & last_slot) * stride
    if begin == end:
        _diffuse_rows(memory.d, ring, memory.crystal_bits, memory.blocks, stride, layout.ring_rows, row, 1)
        broken = 0
    else:
        broken = _perturb_and_diffuse(
            memory.d,
            ring,
            words,
            memory.crystal_bits,
            stride,
            min(begin, memory.blocks[row // 2]),
            max(end, memory.blocks[row // 2 + 1]),
            ahead,
            target,
            noise.plus,
            noise.minus,
            row,
            ((row - 1) & last_slot) * stride,
            (row & last_slot) * stride,
            ((row + QUAD) & last_slot) * stride,
        )
    _finish_rows(layout, memory, rules, ahead, QUAD, ring, target)
    return broken
