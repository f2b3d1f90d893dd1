"""The rules of `reference` on runs of sixteen sites, in its order of operations.

Where all runs are worked on, the fields equal the reference's bit for bit. Work is done only where something happens:
the phase field in runs in or beside which psi is not at its limit, heat where the melt is not at its first temperature
any more. The two sets are made anew every `SEARCH` steps. A run that rests keeps its values in both buffers, so that
its neighbours read the same from either.
"""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from nakaya.core.compiling import njit
from nakaya.growth.solvers.simd import (
    LANES,
    advanced,
    below,
    both,
    either,
    greatest,
    least,
    load,
    lowest_bit,
    not_below,
    packed,
    splat,
    store,
)

__all__ = [
    "AT_FRONT",
    "BESIDE",
    "LAST_GROWTH",
    "NUM_RUNS",
    "SEARCH",
    "STEPS",
    "Arrays",
    "Layout",
    "Rules",
    "do_step",
    "fill_ghosts",
    "has_stopped",
    "renew",
    "start_of",
]

STEPS, LAST_GROWTH, AT_FRONT, NUM_RUNS, NUM_FRONTS = 0, 1, 2, 3, 4
"""Places in the array of progress."""

PHASE, HEAT = 1, 2
"""What is done in a run, as bits."""

BATCH = 64
"""Runs whose gradients are kept at a time."""

SEARCH = 8
"""Time steps after which it is looked anew where something happens."""

BESIDE = (2, 8)
"""Sites, along every axis, beside one where something happens that are worked on, too: of the phase field, and of heat.

What rests does not begin by itself: the interface enters a run because the sites beside it are looked at. The phase
field rests where psi is at its limit. To let it rest nearer to the interface is unsafe: psi that has stayed behind is
steep, and steep psi overshoots within a step. In `SEARCH` steps heat spreads by sqrt(2 COURANT SEARCH) = 2 sites: its
tail beyond eight is nothing.
"""


class Layout(NamedTuple):
    """How the lattice lies in flat arrays: rows of whole runs between halos, and ghost lines on every side.

    There are two in the plane, one in space.
    """

    columns: Any
    rows: Any
    layers: Any
    """1 in two dimensions."""
    runs: Any
    """Of a row."""
    stride: Any
    """From row to row."""
    plane: Any
    """From layer to layer; 0 in two dimensions."""
    first: Any
    """The first site."""
    is_periodic: Any
    is_mirrored: Any


class Rules(NamedTuple):
    """Numbers of a parameter point, float32 as the reference rounds them."""

    per_length: Any
    """1 / (2 dx), in space; what follows to `twelfth` belongs there, too."""
    per_area: Any
    quarter_per_area: Any
    twelfth: Any
    per_spacing: Any
    quarter_per_spacing: Any
    twelfth_per_spacing: Any
    to_spread: Any
    coupling: Any
    root_two: Any
    time_step: Any
    max_psi: Any
    tiny: Any
    eps: Any
    slope: Any
    """-m eps in the plane."""
    cosine: Any
    sine: Any
    base: Any
    """1 - 3 eps, in space."""
    eps_4: Any
    eps_8: Any
    eps_16: Any
    eps_32: Any
    eps_64: Any
    to_y: Any
    n1: Any
    n2: Any
    n3: Any
    d1: Any
    d2: Any
    d3: Any
    is_sixfold: Any
    far: Any
    """The melt's first temperature."""
    interface: Any
    """1 - phi^2 of a run at an interface."""
    disturbed: Any
    """|u - far| of a run that heat has reached."""
    kick: Any
    """What a unit of a draw adds to u."""
    is_noisy: Any
    beside: Any
    """`BESIDE`."""
    ratio: Any
    """Time step over the trajectory's step, float64."""


class Arrays(NamedTuple):
    """Memory of one member."""

    psi: Any
    other_psi: Any
    u: Any
    other_u: Any
    phi: Any
    arrival: Any
    front: Any
    work: Any
    """What is done in every run, uint8 [layers * rows * runs]."""
    fresh: Any
    """The same as it is found anew."""
    scratch: Any
    run_list: Any
    """Runs in which something is done."""
    places: Any
    """Where they begin."""
    fronts: Any
    """Those of them in which the phase field is worked on."""
    front_places: Any
    progress: Any
    before: Any
    """phi of a run before a step."""
    to_column: Any
    """In the plane, what flows from every site to that in the next column; one value in space."""
    to_row: Any
    square: Any
    """In space, |grad psi|^2 of the next `BATCH` runs in which the phase field is worked on; one value in the plane."""
    inverse: Any
    """1 / |grad psi|^2 of these."""
    fourth: Any
    """Sum of n_i^4 of these."""
    near: Any
    """1 where noise acts, else 0; it and what follows have one value where there is no noise."""
    kick: Any
    """What noise adds to u in a step; in between `near` on its way."""
    flux_0: Any
    """Noise of the flux from a site to the next, along layers."""
    flux_1: Any
    flux_2: Any


# The kernels are free functions of (layout, memory, rules, ...); numba infers the types, hence `Any`.


@njit
def fill_ghosts(layout: Any, field: Any) -> None:
    """Write the neighbours beyond all edges: the opposite side, or the image in a mirror or wall."""
    columns, rows, layers = layout.columns, layout.rows, layout.layers
    reach = 1 if layout.plane > 0 else 2
    for layer in range(layers):
        above = layout.first + layer * layout.plane
        for distance in range(1, reach + 1):
            ahead, behind = source_ahead(layout, columns, distance), source_behind(layout, columns, distance)
            for row in range(rows):
                start = above + row * layout.stride
                field[start + columns - 1 + distance] = field[start + ahead]
                field[start - distance] = field[start + behind]
        for distance in range(1, reach + 1):
            ahead = above + source_ahead(layout, rows, distance) * layout.stride
            copy_line(field, ahead - 1, above + (rows - 1 + distance) * layout.stride - 1, columns + 2)
            behind = above + source_behind(layout, rows, distance) * layout.stride
            copy_line(field, behind - 1, above - distance * layout.stride - 1, columns + 2)
    if layout.plane > 0:
        start, length = layout.first - layout.stride - 1, (rows + 1) * layout.stride + columns + 2
        ahead = start + source_ahead(layout, layers, 1) * layout.plane
        copy_line(field, ahead, start + layers * layout.plane, length)
        behind = start + source_behind(layout, layers, 1) * layout.plane
        copy_line(field, behind, start - layout.plane, length)


@njit
def source_ahead(layout: Any, count: Any, distance: Any) -> Any:
    """Which of `count` sites lies `distance` beyond the last one."""
    return (distance - 1) % count if layout.is_periodic else max(count - distance, 0)


@njit
def source_behind(layout: Any, count: Any, distance: Any) -> Any:
    """Which of `count` sites lies `distance` before the first one."""
    if layout.is_periodic:
        return (-distance) % count
    return min(distance if layout.is_mirrored else distance - 1, count - 1)


@njit
def copy_line(field: Any, source: Any, target: Any, length: Any) -> None:
    """Copy `length` values of a line, or of lines one after the other, within a field."""
    for index in range(0, length, LANES):  # what is copied too much lies in a halo
        store(field, target + index, load(field, source + index))


@njit(forceinline=True)
def phase_of(rules: Any, psi: Any) -> Any:
    """Phi = tanh(psi / sqrt 2)."""
    one, two = splat(np.float32(1)), splat(np.float32(2))
    y = psi * splat(rules.to_y)
    s = y * y
    n = y * (one + s * (splat(rules.n1) + s * (splat(rules.n2) + s * splat(rules.n3))))
    d = one + s * (splat(rules.d1) + s * (splat(rules.d2) + s * splat(rules.d3)))
    twice, whole = (n * d) * two, n * n + d * d
    return ((twice * whole) * two) / (twice * twice + whole * whole)


@njit(forceinline=True)
def sum_alike(first: Any, second: Any, third: Any) -> Any:
    """The sum of three terms, the same in any order: the greatest is added last."""
    low, high = least(first, second), greatest(first, second)
    return (low + least(high, third)) + greatest(high, third)


@njit(forceinline=True)
def diagonal_sums(field: Any, at: Any, one: Any, other: Any) -> Any:
    """The neighbours' sums on the diagonals of a face: with equal signs, and with opposite ones."""
    return (
        load(field, at - one - other) + load(field, at + one + other),
        load(field, at - one + other) + load(field, at + one - other),
    )


@njit(forceinline=True)
def spread_in_plane(layout: Any, field: Any, at: Any) -> Any:
    """The isotropic Laplacian times 6 dx^2 in the plane."""
    rows = load(field, at - layout.stride) + load(field, at + layout.stride)
    columns = load(field, at - 1) + load(field, at + 1)
    equal, opposite = diagonal_sums(field, at, layout.stride, 1)
    return ((rows + columns) * splat(np.float32(4)) + (equal + opposite)) - load(field, at) * splat(np.float32(20))


@njit(forceinline=True)
def spread_in_space(layout: Any, field: Any, at: Any) -> Any:
    """The isotropic Laplacian times 6 dx^2 in space."""
    plane, stride = layout.plane, layout.stride
    faces = sum_alike(
        load(field, at - plane) + load(field, at + plane),
        load(field, at - stride) + load(field, at + stride),
        load(field, at - 1) + load(field, at + 1),
    )
    first = diagonal_sums(field, at, plane, stride)
    second = diagonal_sums(field, at, plane, 1)
    third = diagonal_sums(field, at, stride, 1)
    diagonals = sum_alike(first[0] + first[1], second[0] + second[1], third[0] + third[1])
    return (faces * splat(np.float32(2)) + diagonals) - load(field, at) * splat(np.float32(24))


@njit(forceinline=True)
def stretch(rules: Any, x: Any, y: Any) -> Any:
    """|g|^2, a and da/dtheta of the gradient g = (x, y)."""
    one, two = splat(np.float32(1)), splat(np.float32(2))
    x2, y2 = x * x, y * y
    square = x2 + y2
    inverse = one / (square + splat(rules.tiny))
    c2, s2 = (x2 - y2) * inverse, ((x * y) * two) * inverse
    c, s = c2 * c2 - s2 * s2, (c2 * s2) * two
    if rules.is_sixfold:
        c, s = c * c2 - s * s2, s * c2 + c * s2
    turned_c = c * splat(rules.cosine) + s * splat(rules.sine)
    turned_s = s * splat(rules.cosine) - c * splat(rules.sine)
    return square, turned_c * splat(rules.eps) + one, turned_s * splat(rules.slope)


@njit(forceinline=True)
def through_column(layout: Any, rules: Any, psi: Any, at: Any) -> Any:
    """What flows through the faces to the next column."""
    above, below_it = at + layout.stride, at - layout.stride
    rise, beside = load(psi, above) - load(psi, below_it), load(psi, above + 1) - load(psi, below_it + 1)
    x = (load(psi, at + 1) - load(psi, at)) * splat(rules.per_spacing)
    y = (rise + beside) * splat(rules.quarter_per_spacing)
    _, a, slope = stretch(rules, x, y)
    return a * (a * x - slope * y)


@njit(forceinline=True)
def through_row(layout: Any, rules: Any, psi: Any, at: Any) -> Any:
    """What flows through the faces to the next row."""
    above = at + layout.stride
    run, beside = load(psi, at + 1) - load(psi, at - 1), load(psi, above + 1) - load(psi, above - 1)
    x = (run + beside) * splat(rules.quarter_per_spacing)
    y = (load(psi, above) - load(psi, at)) * splat(rules.per_spacing)
    _, a, slope = stretch(rules, x, y)
    return a * (a * y + slope * x)


@njit
def find_flows(layout: Any, memory: Any, rules: Any, psi: Any) -> None:
    """Write what flows through all faces of the runs in which the phase field is worked on, once for each face.

    The reference looks at a face from both of its sites. Its sums are the same from either, to the last bit.
    """
    last = 0
    for number in range(memory.progress[NUM_FRONTS]):
        run, at = memory.fronts[number], memory.front_places[number]
        store(memory.to_column, at, through_column(layout, rules, psi, at))
        store(memory.to_row, at, through_row(layout, rules, psi, at))
        if at - LANES != last:
            store(memory.to_column, at - LANES, through_column(layout, rules, psi, at - LANES))
        if run < layout.runs or not memory.work[run - layout.runs] & PHASE:
            store(memory.to_row, at - layout.stride, through_row(layout, rules, psi, at - layout.stride))
        last = at


@njit(forceinline=True)
def curvature_in_plane(layout: Any, memory: Any, rules: Any, psi: Any, at: Any) -> Any:
    """a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi in two dimensions."""
    stride, eight = layout.stride, splat(np.float32(8))
    columns = load(memory.to_column, at) - load(memory.to_column, at - 1)
    rows = load(memory.to_row, at) - load(memory.to_row, at - stride)
    run, rise = load(psi, at + 1) - load(psi, at - 1), load(psi, at + stride) - load(psi, at - stride)
    left_2, right_2 = load(psi, at - 2), load(psi, at + 2)
    below_2, above_2 = load(psi, at - 2 * stride), load(psi, at + 2 * stride)
    per_length = splat(rules.twelfth_per_spacing)
    x, y = (run * eight - (right_2 - left_2)) * per_length, (rise * eight - (above_2 - below_2)) * per_length
    square, a, _ = stretch(rules, x, y)
    return a * a, square, (columns + rows) * splat(rules.per_spacing)


@njit(forceinline=True)
def straight_term(rules: Any, n: Any, p: Any, e: Any, s: Any, a: Any) -> Any:
    """A term i = j of the sum in space."""
    first = (n * splat(np.float32(3)) - s) * p * splat(rules.eps_16) * a
    inner = (a * (s - n * splat(np.float32(2))) + (e * e) * splat(rules.eps_8)) * splat(rules.eps_32)
    return first + (n * p) * inner


@njit(forceinline=True)
def mixed_term(
    rules: Any, g: Any, h: Any, inverse: Any, sums: Any, n: Any, m: Any, d: Any, e: Any, s: Any, a: Any
) -> Any:
    """A term i < j of the sum in space, counted twice."""
    direction = (g * h) * inverse
    mixed = (sums[0] - sums[1]) * splat(rules.quarter_per_area)
    return direction * mixed * ((a * (s - (n + m)) + (d * e) * splat(rules.eps_8)) * splat(rules.eps_64))


@njit(forceinline=True)
def gradient_in_space(layout: Any, rules: Any, psi: Any, at: Any) -> Any:
    """The gradient of psi: along layers, rows and columns."""
    plane, stride, per_length = layout.plane, layout.stride, splat(rules.per_length)
    return (
        (load(psi, at + plane) - load(psi, at - plane)) * per_length,
        (load(psi, at + stride) - load(psi, at - stride)) * per_length,
        (load(psi, at + 1) - load(psi, at - 1)) * per_length,
    )


@njit
def find_directions(layout: Any, memory: Any, rules: Any, psi: Any, first: Any, end: Any) -> None:
    """Write |g|^2, its inverse and the sum of n_i^4 of the gradient g, where the phase field is worked on."""
    for number in range(first, end):
        x, y, z = gradient_in_space(layout, rules, psi, memory.front_places[number])
        square = sum_alike(x * x, y * y, z * z)
        inverse = splat(np.float32(1)) / (square + splat(rules.tiny))
        nx, ny, nz = (x * x) * inverse, (y * y) * inverse, (z * z) * inverse
        place = (number - first) * LANES
        store(memory.square, place, square)
        store(memory.inverse, place, inverse)
        store(memory.fourth, place, sum_alike(nx * nx, ny * ny, nz * nz))


@njit(forceinline=True)
def curvature_in_space(layout: Any, memory: Any, rules: Any, psi: Any, at: Any, place: Any) -> Any:
    """a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi in three dimensions; `find_directions` wrote to a place."""
    plane, stride, per_area = layout.plane, layout.stride, splat(rules.per_area)
    centre = load(psi, at)
    two, twelfth = splat(np.float32(2)), splat(rules.twelfth)
    twice, fourfold = centre * two, centre * splat(np.float32(4))
    layers, rows = load(psi, at - plane) + load(psi, at + plane), load(psi, at - stride) + load(psi, at + stride)
    columns = load(psi, at - 1) + load(psi, at + 1)
    xy, xz, yz = (
        diagonal_sums(psi, at, plane, stride),
        diagonal_sums(psi, at, plane, 1),
        diagonal_sums(psi, at, stride, 1),
    )
    bent_xy = (xy[0] + xy[1]) - ((layers + rows) * two - fourfold)
    bent_xz = (xz[0] + xz[1]) - ((layers + columns) * two - fourfold)
    bent_yz = (yz[0] + yz[1]) - ((rows + columns) * two - fourfold)
    xx = ((layers - twice) + (bent_xy + bent_xz) * twelfth) * per_area
    yy = ((rows - twice) + (bent_xy + bent_yz) * twelfth) * per_area
    zz = ((columns - twice) + (bent_xz + bent_yz) * twelfth) * per_area
    x, y, z = gradient_in_space(layout, rules, psi, at)
    square, inverse, s = load(memory.square, place), load(memory.inverse, place), load(memory.fourth, place)
    nx, ny, nz = (x * x) * inverse, (y * y) * inverse, (z * z) * inverse
    a = s * splat(rules.eps_4) + splat(rules.base)
    dx, dy, dz = nx - s, ny - s, nz - s
    straight = sum_alike(
        straight_term(rules, nx, xx, dx, s, a),
        straight_term(rules, ny, yy, dy, s, a),
        straight_term(rules, nz, zz, dz, s, a),
    )
    mixed = sum_alike(
        mixed_term(rules, x, y, inverse, xy, nx, ny, dx, dy, s, a),
        mixed_term(rules, x, z, inverse, xz, nx, nz, dx, dz, s, a),
        mixed_term(rules, y, z, inverse, yz, ny, nz, dy, dz, s, a),
    )
    a2 = a * a
    return a2, square, (a2 * sum_alike(xx, yy, zz) + straight) + mixed


@njit(forceinline=True)
def advance_run(rules: Any, psi: Any, phi: Any, u: Any, a2: Any, square: Any, curved: Any) -> Any:
    """Psi one time step later."""
    one = splat(np.float32(1))
    well = phi * (one - a2 * square)
    drive = (u * splat(rules.coupling)) * (one - phi * phi)
    change = (curved + (well - drive) * splat(rules.root_two)) / a2
    later = psi + change * splat(rules.time_step)
    return least(greatest(later, splat(np.float32(-rules.max_psi))), splat(rules.max_psi))


@njit
def note_rising(layout: Any, memory: Any, rules: Any, run: Any, rising: Any, at: Any) -> None:
    """Write the attachment times of sites whose phi has risen through 0, linear in time within the step."""
    line, first = run // layout.runs, (run % layout.runs) * LANES
    while rising != 0:
        lane = lowest_bit(rising)
        rising = rising & (rising - 1)
        column = first + lane
        site = line * layout.columns + column
        if column >= layout.columns or memory.arrival[site] >= 0:
            continue
        low, high = np.float64(memory.before[lane]), np.float64(memory.phi[at + lane])
        moment = (memory.progress[STEPS] + low / (low - high)) * rules.ratio
        step = max(1, ceil(moment))
        memory.arrival[site] = step
        memory.progress[LAST_GROWTH] = max(memory.progress[LAST_GROWTH], step)
        if memory.front[site] != 0:
            memory.progress[AT_FRONT] = 1


@njit(forceinline=True)
def start_of(layout: Any, run: Any) -> Any:
    """Where a run begins in the flat arrays."""
    line = run // layout.runs
    row, layer = line % layout.rows, line // layout.rows
    return layout.first + layer * layout.plane + row * layout.stride + (run % layout.runs) * LANES


@njit
def advance_in_plane(layout: Any, memory: Any, rules: Any, psi: Any, u: Any, new_psi: Any) -> None:
    """Write psi one step later in the runs in which the phase field is worked on."""
    find_flows(layout, memory, rules, psi)
    for number in range(memory.progress[NUM_FRONTS]):
        at = memory.front_places[number]
        a2, square, curved = curvature_in_plane(layout, memory, rules, psi, at)
        store(new_psi, at, advance_run(rules, load(psi, at), load(memory.phi, at), load(u, at), a2, square, curved))


@njit
def advance_in_space(layout: Any, memory: Any, rules: Any, psi: Any, u: Any, new_psi: Any) -> None:
    """The same in three dimensions."""
    for first in range(0, memory.progress[NUM_FRONTS], BATCH):
        end = min(first + BATCH, memory.progress[NUM_FRONTS])
        find_directions(layout, memory, rules, psi, first, end)
        for number in range(first, end):
            at = memory.front_places[number]
            a2, square, curved = curvature_in_space(layout, memory, rules, psi, at, (number - first) * LANES)
            store(new_psi, at, advance_run(rules, load(psi, at), load(memory.phi, at), load(u, at), a2, square, curved))


@njit
def diffuse(layout: Any, memory: Any, rules: Any, new_psi: Any, u: Any, new_u: Any) -> None:
    """Write u one step later in all runs of the list, and phi where psi has been advanced."""
    zero = splat(np.float32(0))
    for number in range(memory.progress[NUM_RUNS]):
        run, at = memory.run_list[number], memory.places[number]
        if layout.plane > 0:
            spread = spread_in_space(layout, u, at)
        else:
            spread = spread_in_plane(layout, u, at)
        later = load(u, at) + spread * splat(rules.to_spread)
        if memory.work[run] & PHASE:
            phi, solid = load(memory.phi, at), phase_of(rules, load(new_psi, at))
            store(memory.phi, at, solid)
            later = later + (solid - phi) * splat(np.float32(0.5))
            rising = packed(both(below(phi, zero), not_below(solid, zero)))
            if rising != 0:
                store(memory.before, 0, phi)
                note_rising(layout, memory, rules, run, rising, at)
        if rules.is_noisy:
            later = later + load(memory.kick, at)
        store(new_u, at, later)


@njit
def do_step(layout: Any, memory: Any, rules: Any, old: Any, new: Any) -> None:
    """Do one step in all runs of the list: from the fields `old` (psi, u) to `new`.

    In loops of few operations the processor overlaps one run's with the next: one loop for everything is slower.
    """
    psi, u = old
    new_psi, new_u = new
    if layout.plane > 0:
        advance_in_space(layout, memory, rules, psi, u, new_psi)
    else:
        advance_in_plane(layout, memory, rules, psi, u, new_psi)
    diffuse(layout, memory, rules, new_psi, u, new_u)


@njit
def join(target: Any, work: Any, behind: Any, ahead: Any, bits: Any, length: Any) -> None:
    """Write what is done in the runs of a stretch, with the `bits` of those behind and ahead of them."""
    for index in range(length):
        target[index] = work[index] | ((behind[index] | ahead[index]) & bits)


@njit
def spread_along(memory: Any, num_runs: Any, count: Any, step: Any, reach: Any, bits: Any, wraps: Any) -> None:
    """Give `bits` of what is found in a run to the runs up to `reach` away along an axis of `count` runs, `step` apart.

    What has reached c places is moved by 2 c + 1 at most, so that no gap is left.
    """
    kept = np.uint8(bits)
    covered = 0
    while covered < reach:
        by = min(2 * covered + 1, reach - covered)
        for start in range(0, num_runs, count * step):
            found, target = advanced(memory.fresh, start), advanced(memory.scratch, start)
            for place in range(count):
                if place == by and count > 2 * by:  # all between the ends at once
                    middle, length = advanced(found, by * step), (count - 2 * by) * step
                    join(advanced(target, by * step), middle, found, advanced(middle, by * step), kept, length)
                if by <= place < count - by:
                    continue
                behind = (place - by) % count if wraps else max(place - by, 0)
                ahead = (place + by) % count if wraps else min(place + by, count - 1)
                here = place * step
                behind_it, ahead_of_it = advanced(found, behind * step), advanced(found, ahead * step)
                join(advanced(target, here), advanced(found, here), behind_it, ahead_of_it, kept, step)
        for index in range(num_runs):
            memory.fresh[index] = memory.scratch[index]
        covered += by


@njit(forceinline=True)
def disturbed_sites(rules: Any, u: Any, at: Any) -> Any:
    """Which of sixteen sites heat has reached, as bits."""
    away = load(u, at) - splat(rules.far)
    return packed(either(below(splat(rules.disturbed), away), below(away, splat(-rules.disturbed))))


@njit(forceinline=True)
def interface_sites(rules: Any, psi: Any, at: Any) -> Any:
    """At which of sixteen sites psi has not reached its limit, as bits."""
    values = load(psi, at)
    return packed(both(below(values, splat(rules.max_psi)), below(splat(-rules.max_psi), values)))


@njit(forceinline=True)
def is_near(behind: Any, here: Any, ahead: Any, reach: Any) -> Any:
    """Whether a bit is set in a run, or among the next `reach` of the runs behind and ahead."""
    return (here | (behind >> (LANES - reach)) | (ahead & ((1 << reach) - 1))) != 0


@njit
def find_work(layout: Any, memory: Any, rules: Any, psi: Any, u: Any, is_dense: Any) -> None:
    """Write what is to be done in every run into `fresh`: where something happens, and beside that."""
    near_phase, near_heat = rules.beside
    num_runs = layout.layers * layout.rows * layout.runs
    for line in range(layout.layers * layout.rows):
        at = start_of(layout, line * layout.runs)
        heat_behind, heat = disturbed_sites(rules, u, at - LANES), disturbed_sites(rules, u, at)
        phase_behind, phase = interface_sites(rules, psi, at - LANES), interface_sites(rules, psi, at)
        for run in range(line * layout.runs, (line + 1) * layout.runs):
            heat_ahead = disturbed_sites(rules, u, at + LANES)
            phase_ahead = interface_sites(rules, psi, at + LANES)
            found = 0
            if is_near(heat_behind, heat, heat_ahead, near_heat):
                found = HEAT
            if rules.is_noisy and packed(below(splat(np.float32(0)), load(memory.near, at))) != 0:
                found = HEAT
            if is_dense or is_near(phase_behind, phase, phase_ahead, near_phase):
                found = PHASE | HEAT
            memory.fresh[run] = found
            heat_behind, heat, phase_behind, phase = heat, heat_ahead, phase, phase_ahead
            at += LANES
    rows, wraps = layout.rows, layout.is_periodic
    spread_along(memory, num_runs, rows, layout.runs, near_phase, PHASE | HEAT, wraps)
    spread_along(memory, num_runs, rows, layout.runs, near_heat - near_phase, HEAT, wraps)
    if layout.plane > 0:
        step = rows * layout.runs
        spread_along(memory, num_runs, layout.layers, step, near_phase, PHASE | HEAT, wraps)
        spread_along(memory, num_runs, layout.layers, step, near_heat - near_phase, HEAT, wraps)


@njit
def fill_halos(layout: Any, field: Any) -> None:
    """Give the lanes beside a row what lies there, or the value at its end, where nothing else happens then."""
    columns = layout.columns
    for line in range(layout.layers * layout.rows):
        at = start_of(layout, line * layout.runs)
        if layout.is_periodic:
            for lane in range(columns, (layout.runs + 1) * LANES):
                field[at + lane] = field[at + lane % columns]
            for lane in range(1, LANES + 1):
                field[at - lane] = field[at + (-lane) % columns]
        else:
            end = splat(field[at + columns - 1])
            store(field, at + columns, end)
            store(field, at + layout.runs * LANES, end)
            store(field, at - LANES, splat(field[at]))


@njit
def renew(layout: Any, memory: Any, rules: Any, old: Any, new: Any, is_dense: Any) -> None:
    """Find anew in which runs something is to be done.

    Of a run that comes to rest both buffers get the same values, so that its neighbours read the same from either.
    """
    for field in (old[0], old[1]):
        fill_halos(layout, field)
    find_work(layout, memory, rules, old[0], old[1], is_dense)
    count, num_fronts = 0, 0
    for line in range(layout.layers * layout.rows):
        at = start_of(layout, line * layout.runs)
        for run in range(line * layout.runs, (line + 1) * layout.runs):
            fresh = memory.fresh[run]
            ends = memory.work[run] & ~fresh
            if ends & PHASE:
                store(new[0], at, load(old[0], at))
            if ends & HEAT:
                store(new[1], at, load(old[1], at))
                if rules.is_noisy:
                    store(memory.flux_1, at, splat(np.float32(0)))
                    store(memory.flux_2, at, splat(np.float32(0)))
                    if layout.plane > 0:
                        store(memory.flux_0, at, splat(np.float32(0)))
            memory.work[run] = fresh
            if fresh != 0:
                memory.run_list[count], memory.places[count] = run, at
                count += 1
            if fresh & PHASE:
                memory.fronts[num_fronts], memory.front_places[num_fronts] = run, at
                num_fronts += 1
            at += LANES
    memory.progress[NUM_RUNS], memory.progress[NUM_FRONTS] = count, num_fronts


@njit
def has_stopped(progress: Any, rules: Any, max_steps: Any, no_growth: Any) -> Any:
    """Whether a stop rule is met, as `Clock.has_stopped` has it."""
    now = progress[STEPS] * rules.ratio
    return progress[AT_FRONT] != 0 or now >= min(max_steps, np.float64(progress[LAST_GROWTH] + no_growth))
