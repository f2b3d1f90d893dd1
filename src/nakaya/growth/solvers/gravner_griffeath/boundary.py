"""Rules ii, iii and iv as kernels: freezing, attachment and melting of the boundary sites.

What is compared here equals the reference to the last bit; only the bookkeeping differs:

- Freezing and melting are applied together, since a boundary site's own vapour does not matter in between: in the sums
  of rule iii the vapour of boundary sites is 0, and that is read from their number of attached neighbours.
- Sites with n = 3 and alpha <= b < 1 can wait for thousands of steps until the vapour around them is thin enough.
  Each keeps a `witness`, its neighbour with most vapour: as long as that alone holds theta or more the sum does too
  (rounded sums of what is not negative are never less than a term), so one look decides.
- Sites that join are noted, and applied once all sites whose decision they could change have been decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import njit
from nakaya.growth.solvers.gravner_griffeath.workspace import (
    ATTACHED,
    BROKEN_B,
    BROKEN_C,
    HELD,
    LEFT,
    PERIODIC,
    SECTOR,
    SPARE,
    WORD_ROWS,
    words_row,
)
from nakaya.growth.solvers.simd import (
    LANES,
    advanced,
    below,
    both,
    choose,
    either,
    gather,
    has_bits,
    load,
    lowest_bit,
    not_below,
    opaque,
    packed,
    scatter,
    splat,
    store,
)

__all__ = ["decide_hollows", "freeze_and_melt", "join_all"]

HOLLOW = 3
"""Attached neighbours of the sites whose attachment depends on the vapour around them."""

DRAW_SHIFT = 24

SURE = 4
"""Attached neighbours from which on a site joins whatever its mass."""


@njit(forceinline=True)
def neighbour_places(layout: Any, row: Any, column: Any, places: Any, start: Any) -> None:
    """Write where the six neighbours of a site are, in the order of `nakaya.growth.lattice.lattice.NEIGHBOURS`.

    Across a mirror that is where the neighbour's image lies.
    """
    stride, size = layout.stride, layout.size
    place = LEFT + row * stride + column
    places[start] = place - stride
    places[start + 1] = place + stride
    places[start + 2] = place - 1
    places[start + 3] = place + 1
    places[start + 4] = place - stride - 1
    places[start + 5] = place + stride + 1
    if layout.geometry == SECTOR:
        if row == 0:
            places[start] = LEFT + stride + column + 1
            places[start + 4] = LEFT + stride + column
        if column == 0:
            places[start + 2] = LEFT + (row + 1) * stride + 1
            if row > 0:
                places[start + 4] = LEFT + row * stride + 1
    elif layout.geometry == PERIODIC and (row == 0 or column == 0 or row == size - 1 or column == size - 1):
        up = LEFT + (row - 1 if row > 0 else size - 1) * stride
        down = LEFT + (row + 1 if row < size - 1 else 0) * stride
        left = column - 1 if column > 0 else size - 1
        right = column + 1 if column < size - 1 else 0
        places[start] = up + column
        places[start + 1] = down + column
        places[start + 2] = LEFT + row * stride + left
        places[start + 3] = LEFT + row * stride + right
        places[start + 4] = up + left
        places[start + 5] = down + right


@njit(forceinline=True)
def _is_inside(layout: Any, row: Any, column: Any) -> Any:
    """Whether a site and its neighbours have all their neighbours where the array has them."""
    return 1 < row < layout.size - 2 and 1 < column < layout.size - 2


@njit(forceinline=True)
def _row_of(layout: Any, place: Any) -> Any:
    return np.int64(np.uint32(place - LEFT) // np.uint32(layout.stride))


@njit(forceinline=True)
def _spare(layout: Any, tile: Any) -> Any:
    return (tile << layout.tile_shift) * layout.stride + SPARE


# ---- the lists


@njit(forceinline=True)
def _entry_of(layout: Any, memory: Any, tile: Any, place: Any, degree: Any) -> Any:
    """Where a boundary site stands in the lists."""
    entry = np.int64(memory.entry[place])
    base = tile * layout.capacity
    return base + layout.capacity - 1 - entry if degree == HOLLOW else base + entry


@njit(forceinline=True)
def _insert(
    layout: Any, memory: Any, tile: Any, row: Any, column: Any, place: Any, degree: Any, b: Any, c: Any
) -> None:
    """Append a boundary site to the list that its number of attached neighbours calls for."""
    hollow = degree == HOLLOW
    count = memory.num_entries[2 * tile + hollow]
    memory.num_entries[2 * tile + hollow] = count + 1
    memory.entry[place] = count
    entry = _entry_of(layout, memory, tile, place, degree)
    if count % LANES == 0:  # a new vector: let its unused entries point to the spare element
        for index in range(entry - LANES + 1, entry) if hollow else range(entry + 1, entry + LANES):
            _clear(layout, memory, tile, index)
    draw = (LEFT + words_row(row) * layout.stride + column) | ((row & 31) << DRAW_SHIFT)
    _write(memory, entry, place, b, c, memory.d[place], draw, degree, _spare(layout, tile))


@njit(forceinline=True)
def _clear(layout: Any, memory: Any, tile: Any, entry: Any) -> None:
    spare, zero = _spare(layout, tile), np.float32(0)
    _write(memory, entry, spare, zero, zero, zero, 0, 0, spare)


@njit(forceinline=True)
def _write(
    memory: Any, entry: Any, place: Any, b: Any, c: Any, released: Any, draw: Any, degree: Any, witness: Any
) -> None:
    memory.place[entry] = place
    memory.b[entry] = b
    memory.c[entry] = c
    memory.released[entry] = released
    memory.draw[entry] = draw
    memory.degree[entry] = degree
    memory.witness[entry] = witness


@njit(forceinline=True)
def _remove(layout: Any, memory: Any, tile: Any, place: Any, degree: Any) -> None:
    """Take a boundary site out of its list; the last entry takes its place."""
    hollow = degree == HOLLOW
    entry = _entry_of(layout, memory, tile, place, degree)
    count = memory.num_entries[2 * tile + hollow] - 1
    memory.num_entries[2 * tile + hollow] = count
    base = tile * layout.capacity
    last = base + layout.capacity - 1 - count if hollow else base + count
    moved = memory.place[last]
    memory.entry[moved] = memory.entry[place]
    masses = memory.b[last], memory.c[last], memory.released[last]
    _write(memory, entry, moved, *masses, memory.draw[last], memory.degree[last], memory.witness[last])
    _clear(layout, memory, tile, last)


# ---- the rules


@njit(forceinline=True)
def _broken_masses(memory: Any, entry: Any) -> Any:
    """BROKEN_B, BROKEN_C, their sum, or 0. What is not finite reaches every threshold, so it is enough to ask there."""
    broken_b = memory.b[entry] - memory.b[entry] != 0
    broken_c = memory.c[entry] - memory.c[entry] != 0
    return BROKEN_B * broken_b + BROKEN_C * broken_c


@njit(forceinline=True)
def _drawn(words: Any, draw: Any) -> Any:
    """Mask of the random bits of boundary sites; see `Arrays.draw`."""
    word = gather(words, draw & splat(np.int32((1 << DRAW_SHIFT) - 1)))
    return has_bits(word >> (draw >> splat(np.int32(DRAW_SHIFT))), splat(np.uint32(1)))


@njit(forceinline=True)
def freeze_and_melt(layout: Any, memory: Any, rules: Any, noise: Any, tile: Any, level: Any) -> Any:
    """Complete rule i at the boundary of a tile, apply rule ii, rule iii except for hollows, and rule iv.

    Returns which fields are NaN or infinite at sites that reached a threshold, as `_broken_masses` does.
    """
    words = advanced(memory.words, level * WORD_ROWS * layout.stride)
    plus, minus = splat(noise.plus), splat(noise.minus)
    seventh, kappa, mu, gamma = splat(np.float32(1.0 / 7.0)), splat(rules.kappa), splat(rules.mu), splat(rules.gamma)
    sure, always, beta = splat(np.float32(SURE)), splat(np.float32(-np.inf)), splat(rules.beta)
    zero, three = splat(np.float32(0)), splat(np.float32(HOLLOW))
    begin = tile * layout.capacity
    end = begin + memory.num_entries[2 * tile]
    num_joining = 0
    broken = 0
    for index in range(begin, end, LANES):
        entry = opaque(index)
        place, degree = load(memory.place, entry), load(memory.degree, entry)
        before = load(memory.released, entry) * choose(_drawn(words, load(memory.draw, entry)), plus, minus)
        vapour = gather(memory.d, place) + (degree * before) * seventh
        to_crystal = kappa * vapour
        b = load(memory.b, entry) + (vapour - to_crystal)
        c = load(memory.c, entry) + to_crystal
        from_b, from_c = mu * b, gamma * c
        released, b_left, c_left = from_b + from_c, b - from_b, c - from_c
        joins = not_below(b, choose(not_below(degree, sure), always, beta))
        lanes = packed(joins)
        if lanes != 0:
            released, b_left, c_left = choose(joins, zero, released), choose(joins, b, b_left), choose(joins, c, c_left)
        scatter(memory.d, place, released)
        store(memory.released, entry, released)
        store(memory.b, entry, b_left)
        store(memory.c, entry, c_left)
        while lanes != 0:
            lane = entry + lowest_bit(lanes)
            lanes &= lanes - 1
            if lane < end:
                broken |= _broken_masses(memory, lane)
                memory.joining[begin + num_joining] = memory.place[lane]
                num_joining += 1
    memory.num_joining[tile] = num_joining
    stop = begin + layout.capacity
    num_vectors = (memory.num_entries[2 * tile + 1] + LANES - 1) // LANES
    for index in range(stop - num_vectors * LANES, stop, LANES):
        entry = opaque(index)
        before = load(memory.released, entry) * choose(_drawn(words, load(memory.draw, entry)), plus, minus)
        vapour = gather(memory.d, load(memory.place, entry)) + (three * before) * seventh
        to_crystal = kappa * vapour
        store(memory.b, entry, load(memory.b, entry) + (vapour - to_crystal))
        store(memory.c, entry, load(memory.c, entry) + to_crystal)
    return broken


@njit(forceinline=True)
def _vapour_at(memory: Any, rules: Any, place: Any) -> Any:
    """Vapour of a site after rule ii: boundary sites and crystal hold none."""
    state = memory.num_attached[place]
    if state == 0:
        return memory.d[place]
    return rules.rho if state >= HELD else np.float32(0)


@njit(forceinline=True)
def _is_in_thin_vapour(layout: Any, memory: Any, rules: Any, tile: Any, entry: Any) -> Any:
    """Whether the vapour around a hollow sums to less than theta; finds it a new witness."""
    places = memory.scratch
    place = np.int64(memory.place[entry])
    row = _row_of(layout, place)
    neighbour_places(layout, row, place - LEFT - row * layout.stride, places, 0)
    most, witness = np.float32(0), _spare(layout, tile)
    for index in range(6):
        neighbour = places[index]
        if memory.num_attached[neighbour] == 0 and memory.d[neighbour] >= most:
            most, witness = memory.d[neighbour], neighbour
    memory.witness[entry] = witness
    first = _vapour_at(memory, rules, places[0]) + _vapour_at(memory, rules, places[1])
    second = _vapour_at(memory, rules, places[2]) + _vapour_at(memory, rules, places[3])
    third = _vapour_at(memory, rules, places[4]) + _vapour_at(memory, rules, places[5])
    low, high = min(first, second), max(first, second)
    return (low + min(high, third)) + max(high, third) < rules.theta


@njit(forceinline=True)
def decide_hollows(layout: Any, memory: Any, rules: Any, tile: Any) -> Any:
    """Apply rules iii and iv to the hollows of a tile, once the tiles around it have diffused and frozen.

    Returns which fields are NaN or infinite at sites that reached a threshold, as `_broken_masses` does.
    """
    mu, gamma, alpha, theta = splat(rules.mu), splat(rules.gamma), splat(rules.alpha), splat(rules.theta)
    one = splat(np.float32(1))
    begin = tile * layout.capacity
    stop = begin + layout.capacity
    num_hollows = memory.num_entries[2 * tile + 1]
    num_joining = memory.num_joining[tile]
    broken = 0
    for index in range(stop - (num_hollows + LANES - 1) // LANES * LANES, stop, LANES):
        entry = opaque(index)
        b, c = load(memory.b, entry), load(memory.c, entry)
        thin = below(gather(memory.d, load(memory.witness, entry)), theta)
        undecided = either(not_below(b, one), both(not_below(b, alpha), thin))
        from_b, from_c = mu * b, gamma * c
        released = from_b + from_c
        scatter(memory.d, load(memory.place, entry), released)
        store(memory.released, entry, released)
        lanes = packed(undecided)
        if lanes == 0:
            store(memory.b, entry, b - from_b)
            store(memory.c, entry, c - from_c)
            continue
        store(memory.b, entry, choose(undecided, b, b - from_b))
        store(memory.c, entry, choose(undecided, c, c - from_c))
        while lanes != 0:
            lane = entry + lowest_bit(lanes)
            lanes &= lanes - 1
            if lane < stop - num_hollows:
                continue
            broken |= _broken_masses(memory, lane)
            b_here, c_here = memory.b[lane], memory.c[lane]
            if b_here >= 1 or _is_in_thin_vapour(layout, memory, rules, tile, lane):
                memory.joining[begin + num_joining] = memory.place[lane]
                num_joining += 1
            else:
                memory.b[lane] = b_here - rules.mu * b_here
                memory.c[lane] = c_here - rules.gamma * c_here
    memory.num_joining[tile] = num_joining
    return broken


# ---- the crystal grows


@njit(forceinline=True)
def _dismiss_witnesses(layout: Any, memory: Any, row: Any, column: Any, place: Any) -> None:
    """Let the hollows around a site that has become boundary look for another witness."""
    inside = _is_inside(layout, row, column)
    if not inside:
        neighbour_places(layout, row, column, memory.scratch, 12)
    for index in range(6):
        neighbour = place + memory.steps[index] if inside else memory.scratch[12 + index]
        if memory.num_attached[neighbour] == HOLLOW:  # seldom: its row is worth a division
            tile = _row_of(layout, neighbour) >> layout.tile_shift
            memory.witness[_entry_of(layout, memory, tile, neighbour, HOLLOW)] = _spare(layout, tile)


@njit(forceinline=True)
def _gain(layout: Any, memory: Any, row: Any, column: Any, place: Any) -> Any:
    """How often a site near an edge has `place` among its neighbours: more than once across mirrors."""
    neighbour_places(layout, row, column, memory.scratch, 6)
    gain = 0
    for index in range(6, 12):
        gain += memory.scratch[index] == place
    return gain


@njit(forceinline=True)
def _join(layout: Any, memory: Any, row: Any, column: Any, place: Any) -> None:
    """Make a site part of the crystal: its neighbours gain an attached neighbour."""
    stride = layout.stride
    memory.num_attached[place] |= ATTACHED
    memory.d[place] = 0
    memory.crystal_bits[LEFT + (row >> 5) * stride + column] |= np.uint32(1 << (row & 31))
    inside = _is_inside(layout, row, column)
    if not inside:
        neighbour_places(layout, row, column, memory.scratch, 0)
    for index in range(6):
        neighbour = place + memory.steps[index] if inside else memory.scratch[index]
        degree = np.int64(memory.num_attached[neighbour])
        if degree >= ATTACHED:
            continue
        if inside:
            neighbour_row, gain = row + memory.row_steps[index], 1
            neighbour_column = neighbour - LEFT - neighbour_row * stride
        else:
            neighbour_row = _row_of(layout, neighbour)
            neighbour_column = neighbour - LEFT - neighbour_row * stride
            gain = 1
            if layout.geometry == SECTOR:
                if (row == 0 and index % 4 == 0) or (column == 0 and index > 0 and index % 2 == 0):
                    continue  # an image; the site itself is among the other neighbours
                gain = _gain(layout, memory, neighbour_row, neighbour_column, place)
        tile = neighbour_row >> layout.tile_shift
        memory.num_attached[neighbour] = degree + gain
        if degree > 0 and degree != HOLLOW and degree + gain != HOLLOW:
            memory.degree[_entry_of(layout, memory, tile, neighbour, degree)] = degree + gain
            continue
        b, c = np.float32(0), np.float32(0)
        if degree > 0:
            entry = _entry_of(layout, memory, tile, neighbour, degree)
            b, c = memory.b[entry], memory.c[entry]
            _remove(layout, memory, tile, neighbour, degree)
        _insert(layout, memory, tile, neighbour_row, neighbour_column, neighbour, degree + gain, b, c)
        if degree == 0:
            _dismiss_witnesses(layout, memory, neighbour_row, neighbour_column, neighbour)


@njit
def join_all(layout: Any, memory: Any, tile: Any, step: Any, keep_crystal_mass: Any) -> Any:
    """Let all sites of a tile that were found to join become part of the crystal.

    Returns the greatest distance of one from the centre, or 0.
    """
    reach = 0
    begin = tile * layout.capacity
    for index in range(memory.num_joining[tile]):
        place = np.int64(memory.joining[begin + index])
        row = _row_of(layout, place)
        column = place - LEFT - row * layout.stride
        degree = np.int64(memory.num_attached[place])
        if degree > 0:
            if keep_crystal_mass:
                entry = _entry_of(layout, memory, tile, place, degree)
                memory.crystal_mass[place] = memory.c[entry] + memory.b[entry]
            _remove(layout, memory, tile, place, degree)
        _join(layout, memory, row, column, place)
        memory.arrival[row * layout.size + column] = step
        down, right = row - layout.centre, column - layout.centre
        reach = max(reach, abs(down), abs(right), abs(down - right))
    return reach
