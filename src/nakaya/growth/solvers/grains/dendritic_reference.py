"""Envelopes of dendritic grains in plain NumPy: the definition. A cellular automaton of decentred polyhedra.

After C.-A. Gandin & M. Rappaz, Acta Mater. 42, 2233 (1994) and 45, 2187 (1997). A site that a grain has captured holds
a square or octahedron |x - c| <= L (the sum of components, in the crystal's axes) with corners along <100>, that grows
with the velocity of its site's undercooling and captures the neighbours (8, or 26) whose centres it contains.

| symbol | here      | meaning                                                                            |
|--------|-----------|------------------------------------------------------------------------------------|
| L      | `reach`   | from the polyhedron's centre to its corners, in sites                              |
| c      | `centre`  | of the polyhedron, from its site's centre, in the crystal's axes                   |
| dT     | `local`   | undercooling of a site in the middle of a step                                     |

A captured site's polyhedron shares the corner nearest to the site, and the face it lies on, with that which captured
it, and is cut to about the size of a cell: both halves of each edge at that corner, seen from the site, to 1 site in
the plane and sqrt(3/2) in space, and of the edges the greater. At a uniform temperature corners and faces thus stay
where those of one polyhedron around the nucleus would be; the scheme's errors are the faces' ends, which are cut off
until the next site takes them over, the velocity of the site for the whole polyhedron in a gradient, and the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf, pow, prod, sqrt

import numpy as np
from scipy.special import ndtri

from nakaya.core.arrays import ArrivalMap, FloatArray, GrainMap, IntArray
from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrowth
from nakaya.growth.solvers.grains.draws import PRESENT, RATE, draw_sites, uniform
from nakaya.growth.solvers.grains.orientations import draw_orientations, fields_of, matrices_of, positions
from nakaya.growth.solvers.grains.temperatures import TemperatureHistory

__all__ = [
    "CUT",
    "MAX_STEP",
    "SleepingNuclei",
    "draw_sleeping",
    "finish",
    "grow_reference",
    "neighbour_offsets",
    "refuse_step",
]

MAX_STEP = 0.5
"""Sites that an envelope may grow by in a step: beyond it would jump over neighbours."""

CUT = {2: 1.0, 3: sqrt(1.5)}
"""Length of half an edge of a captured site's polyhedron at most, over sqrt 2, by dimension."""


@dataclass(frozen=True)
class SleepingNuclei:
    """Nuclei that wait for their undercooling, the least first.

    Attributes:
        sites: Number of the site in the flat lattice, int64 [nucleus].
        needs: K, float64 [nucleus].
    """

    sites: IntArray
    needs: FloatArray


def draw_sleeping(params: DendriticGrowth, setup: GrowthSetup, key: Key) -> SleepingNuclei:
    """Draw the nuclei in the melt and on the wall, whose undercoolings are normally distributed but never negative."""
    inside, on_wall = params.num_nuclei(setup)
    sites, needs = [], []
    for stream, count, shape, mean, width in (
        (PRESENT, inside, setup.shape, params.nucleation_undercooling, params.nucleation_width),
        (RATE, on_wall, (1, *setup.shape[1:]), params.wall_undercooling, params.wall_width),
    ):
        places = draw_sites(key, stream, count, shape)
        sites.append(np.ravel_multi_index(tuple(places.T), setup.shape).astype(np.int64))
        chances = uniform(key, stream + 1, count) + 2.0**-54  # never 0
        needs.append(np.maximum(mean + width * ndtri(chances), 0.0))
    all_needs = np.concatenate(needs)
    order = np.argsort(all_needs, kind="stable")
    return SleepingNuclei(np.concatenate(sites)[order], all_needs[order])


def check_nuclei(
    params: DendriticGrowth, setup: GrowthSetup, nuclei: SleepingNuclei, history: TemperatureHistory | None
) -> None:
    """Refuse nuclei of which none can become active.

    Raises:
        ParameterError: So it is, and there are no initial sites.
    """
    greatest = params.undercooling if history is None else float(history.undercoolings.max())
    if history is None and params.cooling_rate > 0:
        return
    if not setup.initial and not (nuclei.needs.min(initial=inf) <= greatest):
        raise ParameterError(
            f"the melt is undercooled by {greatest:g} K at most and its nuclei need {nuclei.needs.min():.3g} K: "
            "raise undercooling or cooling_rate, or lower nucleation_undercooling"
        )


def refuse_step(params: DendriticGrowth, undercooling: float) -> ParameterError:
    """Return the error of a time step that lets envelopes jump over sites."""
    grown = params.velocity(undercooling) * params.time_step / params.spacing
    return ParameterError(
        f"time_step={params.time_step:g} s is unstable: at an undercooling of {undercooling:.3g} K envelopes grow by "
        f"{grown:.2g} sites in a step; use {params.time_step * MAX_STEP / grown * 0.9:.2g} s or less"
    )


def neighbour_offsets(dimension: int) -> IntArray:
    """The 8 or 26 sites around one, int64 [neighbour, axis], in order."""
    around = product((-1, 0, 1), repeat=dimension)
    return np.array([offset for offset in around if any(offset)], np.int64)


def neighbours_of(sites: IntArray, setup: GrowthSetup) -> IntArray:
    """Numbers of the neighbours of sites, int64 [site, neighbour]; -1 beyond the edge."""
    places = np.stack(np.unravel_index(sites, setup.shape), axis=-1)[:, None] + neighbour_offsets(len(setup.shape))
    lengths = np.array(setup.shape)
    if setup.edges == "periodic":
        places %= lengths
    inside = ((places >= 0) & (places < lengths)).all(axis=-1)
    numbers = np.ravel_multi_index(tuple(np.moveaxis(places.clip(0, lengths - 1), -1, 0)), setup.shape)
    return np.where(inside, numbers, -1)


def undercooling_at(
    sites: IntArray,
    moment: float,
    fraction: float,
    params: DendriticGrowth,
    setup: GrowthSetup,
    history: TemperatureHistory | None,
) -> FloatArray:
    """Return dT of sites at a moment in s, with a fraction of the lattice in envelopes: float64 [site], K."""
    if history is not None:
        before, onwards = history.place(moment)
        first, second = (history.undercoolings[before + later].ravel()[sites] for later in (0, 1))
        return np.asarray(first * (1 - onwards) + second * onwards)
    heights = sites // prod(setup.shape[1:])
    common = params.undercooling + params.cooling_rate * moment - params.recalescence * fraction
    return np.asarray(common - params.gradient * params.spacing * heights)


def turned(matrices: FloatArray, offsets: IntArray) -> FloatArray:
    """Offsets of neighbours in the axes of crystals: float64 [crystal, neighbour, 3]."""
    x, y, z = positions(offsets).astype(np.float64).T
    rows = matrices[:, :, :, None]
    return np.moveaxis(rows[:, :, 0] * x + rows[:, :, 1] * y + rows[:, :, 2] * z, 1, 2)


def hand_on(away: FloatArray, reach: float, dimension: int) -> tuple[FloatArray, float]:
    """Return centre and reach of a captured site's polyhedron.

    Args:
        away: From the centre of the polyhedron that captures to the site, float64 [3], in the crystal's axes.
        reach: L of that polyhedron.
        dimension: 2 or 3.

    Returns:
        The centre from the captured site's, float64 [3], and L.
    """
    sizes = np.abs(away[:dimension])
    nearest = int(sizes.argmax())
    cut = CUT[dimension]
    halves = [
        min((reach + sizes[other] - sizes[nearest]) / 2, cut) + min((reach + sizes[nearest] - sizes[other]) / 2, cut)
        for other in range(dimension)
        if other != nearest
    ]
    kept = min(max(halves), reach)
    centre = -away
    centre[nearest] += (reach - kept) * (1.0 if away[nearest] >= 0 else -1.0)
    return centre, kept


def finish(
    arrival: ArrivalMap, grain: GrainMap, undercoolings: FloatArray, key: Key, steps: int, reason: str
) -> MemberGrowth:
    """Return the member; `undercoolings` are those at which sites were captured, float64 [*lattice]."""
    angles = draw_orientations(key, int(grain.max()) + 1, arrival.ndim)
    fields = fields_of(grain, angles) | {"undercooling": undercoolings.astype(np.float32)}
    return MemberGrowth(arrival, steps, reason, grain, fields)


def evolve(
    params: DendriticGrowth, setup: GrowthSetup, key: Key, history: TemperatureHistory | None = None
) -> MemberGrowth:
    """Grow one crystal until a stop rule is met.

    Args:
        params: The parameter point.
        setup: Lattice, initial sites, edges and stop rules.
        key: Of the member.
        history: Temperatures in place of the parameters'.

    Raises:
        ParameterError: Nothing can grow, too much would, or the time step is too long.
    """
    params.check(setup, has_history=history is not None)
    if history is not None:
        history.check(setup)
    nuclei = draw_sleeping(params, setup, key)
    check_nuclei(params, setup, nuclei, history)
    dimension, num_sites = params.dimension, prod(setup.shape)
    matrices = matrices_of(draw_orientations(key, len(setup.initial) + len(nuclei.sites), dimension))
    offsets = neighbour_offsets(dimension)
    arrival, grain = np.full(num_sites, NEVER, np.int32), np.full(num_sites, -1, np.int32)
    captured_at = np.full(num_sites, np.nan)
    centre, reach = np.zeros((num_sites, 3)), np.zeros(num_sites)
    front = stop_mask(setup, SQUARE if dimension == 2 else CUBIC).ravel()
    limit = setup.stop.step_limit(max(setup.shape))
    active = list[int]()
    for number, site in enumerate(setup.initial):
        flat = int(np.ravel_multi_index(site, setup.shape))
        arrival[flat], grain[flat] = INITIAL, number
        active.append(flat)
    if setup.initial:
        found = undercooling_at(np.array(active), 0.0, 0.0, params, setup, history)
        captured_at[active] = found
    num_grains, pending, step, last_growth = len(setup.initial), list(range(len(nuclei.sites))), 0, 0
    while True:
        step += 1
        moment, num_attached = (step - 0.5) * params.time_step, int((arrival >= INITIAL).sum())
        fraction = num_attached / num_sites
        local = undercooling_at(np.arange(num_sites), moment, fraction, params, setup, history)
        waiting = list[int]()
        for nucleus in pending:
            flat = int(nuclei.sites[nucleus])
            if arrival[flat] == NEVER and local[flat] >= nuclei.needs[nucleus]:
                arrival[flat], grain[flat], captured_at[flat] = step, num_grains, local[flat]
                num_grains += 1
                active.append(flat)
            elif arrival[flat] == NEVER:
                waiting.append(nucleus)
        pending = waiting
        cells = np.array(active, np.int64)
        velocities = np.array([_velocity(params, undercooling) for undercooling in local[cells].tolist()])
        grown = velocities * (params.time_step / params.spacing)
        if (grown > MAX_STEP).any():
            raise refuse_step(params, local[cells[int((grown > MAX_STEP).argmax())]])
        is_growing = velocities > 0
        cells, velocities = cells[is_growing], velocities[is_growing]
        reach[cells] += grown[is_growing]
        away = turned(matrices[grain[cells]], offsets) - centre[cells][:, None]
        distances = np.abs(away[..., 0]) + np.abs(away[..., 1]) + np.abs(away[..., 2])
        others = neighbours_of(cells, setup)
        taker, place = np.nonzero((others >= 0) & (arrival[others] == NEVER) & (distances <= reach[cells][:, None]))
        earlier = (reach[cells][taker] - distances[taker, place]) / velocities[taker]
        captured = others[taker, place]
        order = np.lexsort((cells[taker], -earlier, captured))  # the first in time has it, of equals the lower number
        for which in order[np.diff(captured[order], prepend=-1) > 0]:
            other, flat = captured[which], cells[taker[which]]
            arrival[other], grain[other], captured_at[other] = step, grain[flat], local[other]
            centre[other], reach[other] = hand_on(away[taker[which], place[which]], reach[flat], dimension)
            active.append(int(other))
        around = neighbours_of(np.array(active, np.int64), setup)
        is_open = ((around >= 0) & (arrival[around] == NEVER)).any(axis=1)
        active = [flat for flat, has_room in zip(active, is_open, strict=True) if has_room]
        joined = arrival == step
        if joined.any():
            last_growth = step
        is_over = (arrival >= INITIAL).all() or step - last_growth >= setup.stop.no_growth
        is_at_rest = history is None and params.cooling_rate == 0 and not len(cells) and not joined.any()
        if (joined & front).any():
            reason = "front"
        elif step == limit or (history is not None and (step + 0.5) * params.time_step > history.times[-1]):
            reason = "steps"
        elif is_over or is_at_rest:
            reason = "no-growth"
        else:
            continue
        shape = setup.shape
        return finish(arrival.reshape(shape), grain.reshape(shape), captured_at.reshape(shape), key, step, reason)


def _velocity(params: DendriticGrowth, undercooling: float) -> float:
    """V in m/s, by the C library's pow, as compiled code has it."""
    if undercooling <= 0:
        return 0.0
    first = params.coefficient * pow(undercooling, params.exponent)
    return first + params.second_coefficient * pow(undercooling, params.second_exponent)


def grow_reference(point: DendriticGrowth, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)
