"""Envelopes of dendritic grains at full speed: equal to the reference to the last bit, working at surfaces only."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nakaya.core.compiling import announce_compilation, njit
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrowth
from nakaya.growth.solvers.grains.dendritic_reference import (
    CUT,
    MAX_STEP,
    check_nuclei,
    draw_sleeping,
    finish,
    neighbour_offsets,
    refuse_step,
    undercooling_at,
)
from nakaya.growth.solvers.grains.orientations import draw_orientations, matrices_of, positions
from nakaya.growth.solvers.grains.temperatures import TemperatureHistory

__all__ = ["evolve", "grow_member"]


def _compile(function: Any) -> Any:
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no place to keep compiled code
        return njit(nogil=True)(function)


announce_compilation()


@_compile
def _undercooling(site: Any, field: Any) -> Any:
    """`reference.undercooling_at`, from (common, slope, sites of a height, first map, second map, weight)."""
    if len(field[3]) > 0:
        return field[3][site] * (1 - field[5]) + field[4][site] * field[5]
    return field[0] - field[1] * (site // field[2])


@_compile
def _neighbour(site: Any, offset: Any, shape: Any, is_periodic: Any) -> Any:
    """Number of the site at an offset (layer, row, column), or -1 beyond the edge."""
    layer = site // (shape[1] * shape[2]) + offset[0]
    row = site // shape[2] % shape[1] + offset[1]
    column = site % shape[2] + offset[2]
    if is_periodic:
        layer, row, column = layer % shape[0], row % shape[1], column % shape[2]
    elif not (0 <= layer < shape[0] and 0 <= row < shape[1] and 0 <= column < shape[2]):
        return np.int64(-1)
    return (layer * shape[1] + row) * shape[2] + column


@_compile
def _awake(
    step: Any, field: Any, nuclei: Any, needs: Any, num_waiting: Any, sites: Any, active: Any, counts: Any
) -> Any:
    """Let nuclei become grains; return how many wait still. `counts` are active sites, grains and captured sites."""
    arrival, grain, captured_at = sites
    kept = 0
    for which in range(num_waiting):
        site, need = nuclei[which], needs[which]
        if arrival[site] != NEVER:
            continue
        local = _undercooling(site, field)
        if local >= need:
            arrival[site], grain[site], captured_at[site] = step, counts[1], local
            active[counts[0]] = site
            counts[0] += 1
            counts[1] += 1
            counts[2] += 1
        else:
            nuclei[kept], needs[kept] = site, need
            kept += 1
    return kept


@_compile
def _grow(
    step: Any,
    field: Any,
    rule: Any,
    lattice: Any,
    sites: Any,
    polyhedra: Any,
    claims: Any,
    matrices: Any,
    active: Any,
    counts: Any,
) -> Any:
    """Grow polyhedra and capture sites; return the greatest undercooling where one grew, and whether one jumped.

    Sites without a neighbour that is free drop out of the active ones.

    Args:
        step: Number of the step.
        field: As `_undercooling` takes it.
        rule: Coefficients and exponents, sites per (m/s) in a step, edge of a cut polyhedron.
        lattice: Shape, offsets of neighbours, the same in the flat lattice and as x, y, z, whether opposite sides are
            joined, dimension.
        sites: arrival, grain, captured_at [site].
        polyhedra: Centre [site, 3] and reach [site].
        claims: Which site captures another and how early in the step [site], and the sites that are captured.
        matrices: [grain, 3, 3].
        active: Captured sites with neighbours that are not.
        counts: As `_awake` has them.
    """
    arrival, grain, captured_at = sites
    centre, reach = polyhedra
    taker, early, taken = claims
    shape, offsets, along_flat, places, is_periodic, dimension = lattice
    a, n, b, m, to_sites, cut = rule
    num_taken, kept_active, greatest = 0, 0, 0.0
    away = np.zeros(3)
    for which in range(counts[0]):
        site = active[which]
        local = _undercooling(site, field)
        velocity = a * local**n + b * local**m if local > 0 else 0.0
        if velocity == 0:
            active[kept_active] = site
            kept_active += 1
            continue
        if velocity * to_sites > MAX_STEP:
            return local, True
        reach[site] += velocity * to_sites
        matrix = matrices[grain[site]]
        row, column = site // shape[2] % shape[1], site % shape[2]
        layer = site // (shape[1] * shape[2])
        is_inside = 0 < row < shape[1] - 1 and 0 < column < shape[2] - 1
        is_inside = is_inside and (dimension == 2 or 0 < layer < shape[0] - 1)
        has_room = False
        for beside in range(len(offsets)):
            other = site + along_flat[beside] if is_inside else _neighbour(site, offsets[beside], shape, is_periodic)
            if other < 0 or arrival[other] != NEVER:
                continue
            has_room = True
            distance = 0.0
            for axis in range(3):
                along = (
                    matrix[axis, 0] * places[beside, 0]
                    + matrix[axis, 1] * places[beside, 1]
                    + matrix[axis, 2] * places[beside, 2]
                )
                distance += abs(along - centre[site, axis])
            if distance > reach[site]:
                continue
            earlier = (reach[site] - distance) / velocity
            if taker[other] < 0:
                taken[num_taken] = other
                num_taken += 1
            if taker[other] < 0 or earlier > early[other] or (earlier == early[other] and site < taker[other]):
                taker[other], early[other] = site, earlier
        if has_room:
            greatest = max(greatest, local)
            active[kept_active] = site
            kept_active += 1
    counts[0] = kept_active
    for which in range(num_taken):
        other = taken[which]
        site = taker[other]
        taker[other] = -1
        matrix = matrices[grain[site]]
        beside = 0
        while _neighbour(site, offsets[beside], shape, is_periodic) != other:
            beside += 1
        nearest = 0
        for axis in range(3):
            along = (
                matrix[axis, 0] * places[beside, 0]
                + matrix[axis, 1] * places[beside, 1]
                + matrix[axis, 2] * places[beside, 2]
            )
            away[axis] = along - centre[site, axis]
            if axis < dimension and abs(away[axis]) > abs(away[nearest]):
                nearest = axis
        kept = 0.0
        for axis in range(dimension):
            if axis != nearest:
                one = (reach[site] + abs(away[axis]) - abs(away[nearest])) / 2
                two = (reach[site] + abs(away[nearest]) - abs(away[axis])) / 2
                kept = max(kept, min(one, cut) + min(two, cut))
        kept = min(kept, reach[site])
        for axis in range(3):
            centre[other, axis] = -away[axis]
        centre[other, nearest] += (reach[site] - kept) * (1.0 if away[nearest] >= 0 else -1.0)
        reach[other] = kept
        arrival[other], grain[other], captured_at[other] = step, grain[site], _undercooling(other, field)
        active[counts[0]] = other
        counts[0] += 1
        counts[2] += 1
    return greatest, False


def evolve(
    params: DendriticGrowth, setup: GrowthSetup, key: Key, history: TemperatureHistory | None = None
) -> MemberGrowth:
    """Grow one crystal until a stop rule is met; arguments, result and errors are those of the reference."""
    params.check(setup, has_history=history is not None)
    if history is not None:
        history.check(setup)
    sleeping = draw_sleeping(params, setup, key)
    check_nuclei(params, setup, sleeping, history)
    nuclei, needs = sleeping.sites.copy(), sleeping.needs.copy()
    dimension, num_sites = params.dimension, prod(setup.shape)
    matrices = matrices_of(draw_orientations(key, len(setup.initial) + len(nuclei), dimension))
    arrival, grain = np.full(num_sites, NEVER, np.int32), np.full(num_sites, -1, np.int32)
    sites = (arrival, grain, np.full(num_sites, np.nan))
    polyhedra = (np.zeros((num_sites, 3)), np.zeros(num_sites))
    claims = (np.full(num_sites, -1, np.int64), np.zeros(num_sites), np.empty(num_sites, np.int64))
    active, counts = np.empty(num_sites, np.int64), np.zeros(3, np.int64)
    offsets = neighbour_offsets(dimension)
    padded = np.pad(offsets, ((0, 0), (3 - dimension, 0)))
    whole = np.array((1,) * (3 - dimension) + setup.shape)
    along_flat = padded @ np.array([whole[1] * whole[2], whole[2], 1])
    lattice = (whole, padded, along_flat, positions(offsets).astype(np.float64), setup.edges == "periodic", dimension)
    to_sites = params.time_step / params.spacing
    rule = (params.coefficient, params.exponent, params.second_coefficient, params.second_exponent, to_sites)
    front = stop_mask(setup, SQUARE if dimension == 2 else CUBIC).ravel()
    front_sites = np.flatnonzero(front)
    limit = setup.stop.step_limit(max(setup.shape))
    for number, site in enumerate(setup.initial):
        flat = int(np.ravel_multi_index(site, setup.shape))
        arrival[flat], grain[flat], active[number] = INITIAL, number, flat
    counts[:] = len(setup.initial)
    if setup.initial:
        started = active[: counts[0]]
        sites[2][started] = undercooling_at(started, 0.0, 0.0, params, setup, history)
    num_waiting, step, last_growth = len(nuclei), 0, 0
    while True:
        step += 1
        before = int(counts[2])
        field = _field(params, setup, (step - 0.5) * params.time_step, before / num_sites, history)
        num_waiting = _awake(step, field, nuclei, needs, num_waiting, sites, active, counts)
        greatest, is_jump = _grow(
            step, field, (*rule, CUT[dimension]), lattice, sites, polyhedra, claims, matrices, active, counts
        )
        if is_jump:
            raise refuse_step(params, greatest)
        if counts[2] > before:
            last_growth = step
        is_over = counts[2] == num_sites or step - last_growth >= setup.stop.no_growth
        is_at_rest = history is None and params.cooling_rate == 0 and greatest == 0 and counts[2] == before
        if front_sites.size and (arrival[front_sites] == step).any():
            reason = "front"
        elif step == limit or (history is not None and (step + 0.5) * params.time_step > history.times[-1]):
            reason = "steps"
        elif is_over or is_at_rest:
            reason = "no-growth"
        else:
            continue
        shape = setup.shape
        return finish(arrival.reshape(shape), grain.reshape(shape), sites[2].reshape(shape), key, step, reason)


def _field(
    params: DendriticGrowth, setup: GrowthSetup, moment: float, fraction: float, history: TemperatureHistory | None
) -> tuple[Any, ...]:
    """What `_undercooling` takes."""
    plane = prod(setup.shape[1:])
    if history is None:
        common = params.undercooling + params.cooling_rate * moment - params.recalescence * fraction
        return common, params.gradient * params.spacing, plane, np.zeros(0), np.zeros(0), 0.0
    before, onwards = history.place(moment)
    first, second = (np.ascontiguousarray(history.undercoolings[before + later]).ravel() for later in (0, 1))
    return 0.0, 0.0, plane, first, second, onwards


def grow_member(point: DendriticGrowth, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)
