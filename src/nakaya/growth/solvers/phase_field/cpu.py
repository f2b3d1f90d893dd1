"""The phase-field models at full speed on one core, in float32, working only where something happens.

With `is_dense` everything is worked on and fields equal the float32 reference to the last bit. Without, they differ by
the heat that is not followed where the melt is within `DISTURBED` of its first temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.compiling import announce_compilation, cached_njit, digest_of_sources
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers import simd, threefry
from nakaya.growth.solvers.memory import aligned
from nakaya.growth.solvers.phase_field import kernel, noise_kernel
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION, Clock
from nakaya.growth.solvers.phase_field.kernel import (
    SEARCH,
    STEPS,
    Arrays,
    Layout,
    Rules,
    do_step,
    fill_ghosts,
    has_stopped,
    renew,
)
from nakaya.growth.solvers.phase_field.noise import BLOCK, INTERFACE, RENEWAL, kick_strength, reach_in_sites
from nakaya.growth.solvers.phase_field.noise_kernel import draw, find_near
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PureMelt
from nakaya.growth.solvers.phase_field.reference import MAX_PSI, TINY, State, initial_state, lattice_of
from nakaya.growth.solvers.simd import LANES, pointers_to

__all__ = ["DISTURBED", "evolve", "grow_member"]

DISTURBED = 2e-5
"""How far u may be from its first value where heat is not followed."""

DIRECTIONS = ("square", "inverse", "fourth")
FLOWS = ("to_column", "to_row")
NOISE_FIELDS = ("near", "kick", "flux_1", "flux_2")

STEPS_PER_CALL = 256
"""Time steps between two returns to Python, where an interrupt is noticed and a watcher is told."""


def make_layout(setup: GrowthSetup, is_mirrored: bool) -> Layout:
    """Return how a lattice lies in flat arrays."""
    layers, rows, columns = (1,) * (3 - len(setup.shape)) + setup.shape
    runs = -(-columns // LANES)
    stride = runs * LANES + 2 * LANES
    plane = (rows + 2) * stride if len(setup.shape) == 3 else 0
    first = (plane + stride if plane else 2 * stride) + LANES
    return Layout(columns, rows, layers, runs, stride, plane, first, setup.edges == "periodic", is_mirrored)


def make_rules(params: PureMelt) -> Rules:
    """Return the numbers of a parameter point, rounded as the reference rounds them."""
    per_area, eps, m = 1 / params.spacing**2, params.anisotropy, params.symmetry
    phase = params.phase if isinstance(params, PhaseField) else 0.0
    numbers = {
        "per_length": 0.5 / params.spacing,
        "per_area": per_area,
        "quarter_per_area": 0.25 * per_area,
        "twelfth": 1 / 12,
        "per_spacing": 1 / params.spacing,
        "quarter_per_spacing": 0.25 / params.spacing,
        "twelfth_per_spacing": 1 / (12 * params.spacing),
        "to_spread": params.diffusivity * params.time_step / (6 * params.spacing**2),
        "coupling": params.coupling,
        "root_two": sqrt(2),
        "time_step": params.time_step,
        "max_psi": MAX_PSI,
        "tiny": TINY,
        "eps": eps,
        "slope": -m * eps,
        "cosine": cos(phase),
        "sine": sin(phase),
        "base": 1 - 3 * eps,
        **{f"eps_{times}": times * eps for times in (4, 8, 16, 32, 64)},
        "to_y": 1 / (4 * sqrt(2)),
        **dict(zip(("n1", "n2", "n3"), (17325 / 135135, 378 / 135135, 1 / 135135), strict=True)),
        **dict(zip(("d1", "d2", "d3"), (62370 / 135135, 3150 / 135135, 28 / 135135), strict=True)),
        "far": -params.undercooling,
        "interface": INTERFACE,
        "disturbed": DISTURBED,
        "kick": -kick_strength(params),
    }
    rounded = {name: np.float32(number) for name, number in numbers.items()}
    return Rules(
        **rounded,
        is_sixfold=m == 6,
        is_noisy=params.noise > 0,
        beside=kernel.BESIDE,
        ratio=params.time_step / STEP_DURATION,
    )


def _compile(sources: str) -> Any:
    """Make the one function that is compiled for calls from Python.

    Args:
        sources: Digest of the kernels' source files, for `cached_njit`.
    """

    def advance(
        layout: Any,
        arrays: Any,
        rules: Any,
        limits: Any,
        num_steps: Any,
        is_dense: Any,
        noise: Any,
    ) -> Any:
        """Do up to `num_steps` steps, until a stop rule is met; return whether one is."""
        if len(sources) == 0:
            return True
        memory = pointers_to(arrays)
        end = memory.progress[STEPS] + num_steps
        while memory.progress[STEPS] < end:
            if has_stopped(memory.progress, rules, limits[0], limits[1]):
                return True
            if memory.progress[STEPS] % 2 == 0:
                old, new = (memory.psi, memory.u), (memory.other_psi, memory.other_u)
            else:
                old, new = (memory.other_psi, memory.other_u), (memory.psi, memory.u)
            if rules.is_noisy and memory.progress[STEPS] % RENEWAL == 0:
                find_near(layout, memory, rules, noise[2])
            if memory.progress[STEPS] % SEARCH == 0 and not (is_dense and memory.progress[STEPS] > 0):
                renew(layout, memory, rules, old, new, is_dense)
            if rules.is_noisy and memory.progress[STEPS] % BLOCK == 0:
                draw(layout, memory, rules, noise, memory.progress[STEPS] // BLOCK)
            fill_ghosts(layout, old[0])
            fill_ghosts(layout, old[1])
            do_step(layout, memory, rules, old, new)
            memory.progress[STEPS] += 1
        return has_stopped(memory.progress, rules, limits[0], limits[1])

    return cached_njit(advance)


announce_compilation()
_advance = _compile(digest_of_sources(simd, threefry, kernel, noise_kernel))


def _inner(layout: Layout, flat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The sites of a flat array: [*lattice]."""
    strides = [layout.plane, layout.stride, 1][-len(shape) :]
    steps = [stride * flat.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat[layout.first :], shape, steps)


def _make_arrays(layout: Layout, state: State, clock: Clock, is_noisy: bool) -> Arrays:
    lines = (layout.layers + 2) * (layout.rows + 2) if layout.plane else layout.rows + 4
    length = lines * layout.stride + 2 * LANES
    states = ("psi", "other_psi", "u", "other_u", "phi")
    flat = {name: aligned(length, np.float32, layout.first) for name in states}
    flat |= {name: aligned(length if is_noisy else 1, np.float32, layout.first) for name in NOISE_FIELDS}
    flat["flux_0"] = aligned(length if is_noisy and layout.plane else 1, np.float32, layout.first)
    flat |= {name: aligned(kernel.BATCH * LANES if layout.plane else 1, np.float32) for name in DIRECTIONS}
    flat |= {name: aligned(1 if layout.plane else length, np.float32, layout.first) for name in FLOWS}
    for name, values in flat.items():
        values[...] = 0
        if name in states:
            _inner(layout, values, state.phi.shape)[...] = getattr(state, name.removeprefix("other_"))
    runs = layout.layers * layout.rows * layout.runs
    return Arrays(
        **flat,
        arrival=clock.arrival.reshape(-1),
        front=clock.front.reshape(-1).astype(np.uint8),
        **{name: np.zeros(runs, np.uint8) for name in ("work", "fresh", "scratch")},
        **{name: np.zeros(runs, np.int64) for name in ("run_list", "places", "fronts", "front_places")},
        progress=np.array([0, clock.arrival.max(), 0, 0, 0], np.int64),
        before=np.zeros(LANES, np.float32),
    )


def _state_of(layout: Layout, arrays: Arrays, shape: tuple[int, ...]) -> State:
    """A copy of the fields as they are now."""
    is_even = arrays.progress[STEPS] % 2 == 0
    psi, u = (arrays.psi, arrays.u) if is_even else (arrays.other_psi, arrays.other_u)
    return State(*(_inner(layout, flat, shape).copy() for flat in (psi, arrays.phi, u)))


def evolve(
    params: PureMelt,
    setup: GrowthSetup,
    key: Key,
    *,
    is_dense: bool = False,
    watch: Callable[[int, State], None] | None = None,
    steps_per_call: int = STEPS_PER_CALL,
) -> tuple[MemberGrowth, State]:
    """Grow one crystal until a stop rule is met; arguments, result and errors are those of `reference.evolve`.

    Args:
        params: The parameter point.
        setup: Lattice, seeds, edges and stop rules.
        key: Key of the member's noise.
        is_dense: Whether all sites are worked on in every step.
        watch: Called with the number of time steps done and the state, after every `steps_per_call` of them.
        steps_per_call: Time steps between two returns to Python.
    """
    state = initial_state(params, setup)
    lattice = lattice_of(params)
    clock = Clock(params, setup, lattice, state.phi)
    layout = make_layout(setup, lattice.is_mirrored(setup.geometry))
    arrays, rules = _make_arrays(layout, state, clock, params.noise > 0), make_rules(params)
    limits = (float(clock.limit), setup.stop.no_growth)
    noise = (np.uint32(key[0]), np.uint32(key[1]), reach_in_sites(params))
    while not _advance(layout, arrays, rules, limits, steps_per_call, is_dense, noise):
        if watch is not None:
            watch(int(arrays.progress[STEPS]), _state_of(layout, arrays, setup.shape))
    clock.num_steps = int(arrays.progress[STEPS])
    state = _state_of(layout, arrays, setup.shape)
    if not (np.isfinite(state.psi).all() and np.isfinite(state.u).all()):
        raise FloatingPointError(f"psi or u not finite (NaN or infinite) after step {clock.num_steps} of {params}")
    return clock.growth({"temperature": state.u, "phase": state.phi}), state


def grow_member(point: PureMelt, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)[0]
