"""The rules of `reference` on runs of sixteen sites, in its order of operations.

As in the model of a pure melt, whose kernels do what both have in common: where all runs are worked on, the fields
equal the reference's bit for bit, and work is done only where something happens. Solute rests where the melt has its
first concentration, and in the solid, where none diffuses. A step goes twice over the runs: currents ahead of the
interface need the new phase field of the sites beside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nakaya.core.compiling import njit
from nakaya.growth.solvers.alloy.difference_kernel import curvature_in_plane, fill_ghosts
from nakaya.growth.solvers.phase_field.kernel import (
    BESIDE,
    NUM_RUNS,
    STEPS,
    copy_line,
    disturbed_sites,
    fill_halos,
    interface_sites,
    is_near,
    note_rising,
    phase_of,
    spread_along,
    start_of,
)
from nakaya.growth.solvers.simd import (
    LANES,
    below,
    both,
    greatest,
    least,
    load,
    not_below,
    packed,
    splat,
    square_root,
    store,
)

__all__ = ["BESIDE", "Arrays", "Rules", "Temperature", "do_step", "renew"]

PHASE, SOLUTE = 1, 2
"""What is done in a run, as bits."""


class Rules(NamedTuple):
    """Numbers of a parameter point, float32 as the reference rounds them."""

    per_length: Any
    per_area: Any
    quarter_per_area: Any
    twelfth: Any
    coupling: Any
    root_two: Any
    time_step: Any
    max_psi: Any
    tiny: Any
    eps: Any
    slope: Any
    bend: Any
    cosine: Any
    sine: Any
    to_y: Any
    n1: Any
    n2: Any
    n3: Any
    d1: Any
    d2: Any
    d3: Any
    far: Any
    disturbed: Any
    rejected: Any
    """1 - k."""
    mean_capacity: Any
    """(1 + k) / 2."""
    half_rejected: Any
    """(1 - k) / 2."""
    fastest: Any
    flattest: Any
    to_spread: Any
    to_carry: Any
    to_open: Any
    """1 / (2 phi of pure solid)."""
    is_sixfold: Any
    has_walls: Any
    """Whether rows end at walls though columns are joined."""
    beside: Any
    ratio: Any
    """Time step over the trajectory's step, float64."""


class Temperature(NamedTuple):
    """The frozen temperature, float64."""

    start: Any
    rise: Any
    fall: Any
    moved: Any
    """Rows that the lattice has moved by."""


class Arrays(NamedTuple):
    """Memory of one member."""

    psi: Any
    other_psi: Any
    u: Any
    other_u: Any
    phi: Any
    pull: Any
    """What an interface carries ahead in a step, over (1 - phi^2) and the step of psi along a bond."""
    freezing: Any
    """Half of phi's change in a step."""
    arrival: Any
    front: Any
    work: Any
    fresh: Any
    scratch: Any
    run_list: Any
    places: Any
    progress: Any
    before: Any


# The kernels are free functions of (layout, memory, rules, ...); numba infers the types, hence `Any`.


@njit
def fill_edges(layout: Any, rules: Any, field: Any) -> None:
    """Write the neighbours beyond all edges."""
    fill_ghosts(layout, field)
    if rules.has_walls:
        first = layout.first - 1
        last = first + (layout.rows - 1) * layout.stride
        copy_line(field, first, first - layout.stride, layout.columns + 2)
        copy_line(field, last, last + layout.stride, layout.columns + 2)


@njit
def advance(layout: Any, memory: Any, rules: Any, temperature: Any, old: Any, psi_after: Any) -> None:
    """Do the phase field's step in all runs of the list, and note what the interface carries ahead and rejects."""
    zero, one, half = splat(np.float32(0)), splat(np.float32(1)), splat(np.float32(0.5))
    psi, u = old
    for number in range(memory.progress[NUM_RUNS]):
        run, at = memory.run_list[number], memory.places[number]
        if memory.work[run] & PHASE == 0:
            continue
        row = run // layout.runs
        exact = temperature.start + (row + temperature.moved) * temperature.rise
        theta = np.float32(exact - memory.progress[STEPS] * temperature.fall)
        relaxation = max(np.float32(1) - theta * rules.rejected, rules.fastest)
        now, phi, solute = load(psi, at), load(memory.phi, at), load(u, at)
        a2, square, curved = curvature_in_plane(layout, rules, psi, at)
        well = phi * (one - a2 * square)
        drive = ((solute + splat(theta)) * splat(rules.coupling)) * (one - phi * phi)
        change = (curved + (well - drive) * splat(rules.root_two)) / a2
        later = now + change * splat(np.float32(rules.time_step / relaxation))
        later = least(greatest(later, splat(np.float32(-rules.max_psi))), splat(rules.max_psi))
        solid = phase_of(rules, later)
        store(psi_after, at, later)
        store(memory.phi, at, solid)
        melt = solute * splat(rules.rejected) + one
        length = square_root(greatest(square, splat(rules.flattest)))
        store(memory.pull, at, (melt * (later - now)) / length)
        store(memory.freezing, at, (solid - phi) * half)
        rising = packed(both(below(phi, zero), not_below(solid, zero)))
        if rising != 0:
            store(memory.before, 0, phi)
            note_rising(layout, memory, rules, run, rising, at)


@njit(forceinline=True)
def inflow(rules: Any, memory: Any, psi: Any, u: Any, at: Any, there: Any) -> Any:
    """What enters along a bond, times 6."""
    here, beside = load(psi, at), load(psi, there)
    middle = phase_of(rules, (here + beside) * splat(np.float32(0.5)))
    is_open = splat(np.float32(0.5)) - middle * splat(rules.to_open)
    spread = ((load(u, there) - load(u, at)) * splat(rules.to_spread)) * is_open
    steep = (beside - here) * (splat(np.float32(1)) - middle * middle)
    return spread + ((load(memory.pull, at) + load(memory.pull, there)) * splat(rules.to_carry)) * steep


@njit(forceinline=True)
def inflow_in_melt(rules: Any, u: Any, at: Any, there: Any, is_open: Any) -> Any:
    """What enters along a bond far from an interface, times 6."""
    return ((load(u, there) - load(u, at)) * splat(rules.to_spread)) * is_open


@njit
def redistribute(layout: Any, memory: Any, rules: Any, old: Any, u_after: Any) -> None:
    """Do the solute's step in all runs of the list."""
    psi, u = old
    stride, four = layout.stride, splat(np.float32(4))
    melt_phase = phase_of(rules, splat(np.float32(-rules.max_psi)))
    is_open = splat(np.float32(0.5)) - melt_phase * splat(rules.to_open)
    for number in range(memory.progress[NUM_RUNS]):
        run, at = memory.run_list[number], memory.places[number]
        solute = load(u, at)
        if memory.work[run] & PHASE:
            rows = inflow(rules, memory, psi, u, at, at - stride) + inflow(rules, memory, psi, u, at, at + stride)
            columns = inflow(rules, memory, psi, u, at, at - 1) + inflow(rules, memory, psi, u, at, at + 1)
            equal = inflow(rules, memory, psi, u, at, at - stride - 1)
            equal = equal + inflow(rules, memory, psi, u, at, at + stride + 1)
            opposite = inflow(rules, memory, psi, u, at, at - stride + 1)
            opposite = opposite + inflow(rules, memory, psi, u, at, at + stride - 1)
        else:
            rows = inflow_in_melt(rules, u, at, at - stride, is_open)
            rows = rows + inflow_in_melt(rules, u, at, at + stride, is_open)
            columns = inflow_in_melt(rules, u, at, at - 1, is_open) + inflow_in_melt(rules, u, at, at + 1, is_open)
            equal = inflow_in_melt(rules, u, at, at - stride - 1, is_open)
            equal = equal + inflow_in_melt(rules, u, at, at + stride + 1, is_open)
            opposite = inflow_in_melt(rules, u, at, at - stride + 1, is_open)
            opposite = opposite + inflow_in_melt(rules, u, at, at + stride - 1, is_open)
        entering = (rows + columns) * four + (equal + opposite)
        melt = solute * splat(rules.rejected) + splat(np.float32(1))
        capacity = splat(rules.mean_capacity) - load(memory.phi, at) * splat(rules.half_rejected)
        store(u_after, at, solute + (entering + load(memory.freezing, at) * melt) / capacity)


@njit
def do_step(layout: Any, memory: Any, rules: Any, temperature: Any, old: Any, new: Any) -> None:
    """Do one step in all runs of the list: from the fields `old` (psi, u) to `new`."""
    fill_edges(layout, rules, old[0])
    fill_edges(layout, rules, old[1])
    advance(layout, memory, rules, temperature, old, new[0])
    fill_edges(layout, rules, memory.pull)
    redistribute(layout, memory, rules, old, new[1])


@njit
def find_work(layout: Any, memory: Any, rules: Any, psi: Any, u: Any, is_dense: Any) -> None:
    """Write what is to be done in every run into `fresh`: where something happens, and beside that."""
    near_phase, near_solute = rules.beside
    num_runs, wraps = layout.rows * layout.runs, layout.is_periodic and not rules.has_walls
    solid = splat(rules.max_psi)
    for row in range(layout.rows):
        at = start_of(layout, row * layout.runs)
        solute_behind, solute = disturbed_sites(rules, u, at - LANES), disturbed_sites(rules, u, at)
        phase_behind, phase = interface_sites(rules, psi, at - LANES), interface_sites(rules, psi, at)
        for run in range(row * layout.runs, (row + 1) * layout.runs):
            solute_ahead = disturbed_sites(rules, u, at + LANES)
            phase_ahead = interface_sites(rules, psi, at + LANES)
            found = 0
            if is_near(solute_behind, solute, solute_ahead, near_solute) and packed(below(load(psi, at), solid)) != 0:
                found = SOLUTE
            if is_dense or is_near(phase_behind, phase, phase_ahead, near_phase):
                found = PHASE | SOLUTE
            memory.fresh[run] = found
            solute_behind, solute, phase_behind, phase = solute, solute_ahead, phase, phase_ahead
            at += LANES
    spread_along(memory, num_runs, layout.rows, layout.runs, near_phase, PHASE | SOLUTE, wraps)
    spread_along(memory, num_runs, layout.rows, layout.runs, near_solute - near_phase, SOLUTE, wraps)


@njit
def renew(layout: Any, memory: Any, rules: Any, old: Any, new: Any, is_dense: Any) -> None:
    """Find anew in which runs something is to be done.

    Of a run that comes to rest both buffers get the same values, so that its neighbours read the same from either.
    """
    zero, solid = splat(np.float32(0)), splat(rules.max_psi)
    for field in (old[0], old[1]):
        fill_halos(layout, field)
    find_work(layout, memory, rules, old[0], old[1], is_dense)
    count = 0
    for row in range(layout.rows):
        at = start_of(layout, row * layout.runs)
        for run in range(row * layout.runs, (row + 1) * layout.runs):
            fresh = memory.fresh[run]
            if fresh == SOLUTE and packed(below(load(old[0], at), solid)) == 0:
                fresh = np.uint8(0)  # solid, in which nothing diffuses
            ends = memory.work[run] & ~fresh
            if ends & PHASE:
                store(new[0], at, load(old[0], at))
                store(memory.pull, at, zero)
                store(memory.freezing, at, zero)
            if ends & SOLUTE:
                store(new[1], at, load(old[1], at))
            memory.work[run] = fresh
            if fresh != 0:
                memory.run_list[count], memory.places[count] = run, at
                count += 1
            at += LANES
    memory.progress[NUM_RUNS] = count
