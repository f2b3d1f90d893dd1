"""The model of a dilute binary alloy at full speed on one core, in float32, working only where something happens.

With `is_dense` everything is worked on and fields equal the float32 reference to the last bit. Without, they differ by
the solute that is not followed where the melt is within `DISTURBED` of its first concentration.
"""

from __future__ import annotations

import hashlib
from math import cos, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.compiling import announce_compilation, njit
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers import simd
from nakaya.growth.solvers.alloy import difference_kernel, kernel
from nakaya.growth.solvers.alloy.frame import Frame, moved_up, temperature_law
from nakaya.growth.solvers.alloy.kernel import BESIDE, Arrays, Rules, Temperature, do_step, renew
from nakaya.growth.solvers.alloy.parameters import DiluteAlloy, DirectionalAlloy
from nakaya.growth.solvers.alloy.reference import FLATTEST, State, final_fields, initial_state
from nakaya.growth.solvers.memory import aligned
from nakaya.growth.solvers.phase_field import kernel as melt_kernel
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.kernel import AT_FRONT, SEARCH, STEPS, Layout, has_stopped
from nakaya.growth.solvers.phase_field.reference import MAX_PHI, MAX_PSI, TINY, phase_of
from nakaya.growth.solvers.simd import LANES, pointers_to

__all__ = ["DISTURBED", "evolve", "grow_member"]

DISTURBED = 2e-5
"""How far U may be from its first value where solute is not followed."""

STEPS_PER_CALL = 256
"""Time steps between two returns to Python, where an interrupt is noticed."""


def make_layout(setup: GrowthSetup) -> Layout:
    """Return how a lattice lies in flat arrays."""
    rows, columns = setup.shape
    runs = -(-columns // LANES)
    stride = runs * LANES + 2 * LANES
    is_mirrored = SQUARE.is_mirrored(setup.geometry)
    return Layout(columns, rows, 1, runs, stride, 0, stride + LANES, setup.edges == "periodic", is_mirrored)


def make_rules(params: DiluteAlloy) -> Rules:
    """Return the numbers of a parameter point, rounded as the reference rounds them."""
    per_area, eps, m, k = 1 / params.spacing**2, params.anisotropy, params.symmetry, params.partition
    numbers = {
        "per_length": 0.5 / params.spacing,
        "per_area": per_area,
        "quarter_per_area": 0.25 * per_area,
        "twelfth": 1 / 12,
        "coupling": params.coupling,
        "root_two": sqrt(2),
        "time_step": params.time_step,
        "max_psi": MAX_PSI,
        "tiny": TINY,
        "eps": eps,
        "slope": -m * eps,
        "bend": -m * m * eps,
        "cosine": cos(params.phase),
        "sine": sin(params.phase),
        "to_y": 1 / (4 * sqrt(2)),
        **dict(zip(("n1", "n2", "n3"), (17325 / 135135, 378 / 135135, 1 / 135135), strict=True)),
        **dict(zip(("d1", "d2", "d3"), (62370 / 135135, 3150 / 135135, 28 / 135135), strict=True)),
        "far": params.far,
        "disturbed": DISTURBED,
        "rejected": 1 - k,
        "mean_capacity": (1 + k) / 2,
        "half_rejected": (1 - k) / 2,
        "fastest": params.fastest,
        "flattest": FLATTEST,
        "to_spread": params.diffusivity * params.time_step * per_area / 6,
        "to_carry": params.antitrapping * per_area / 48,
        "to_open": 0.5 / MAX_PHI,
    }
    rounded = {name: np.float32(number) for name, number in numbers.items()}
    return Rules(
        **rounded,
        is_sixfold=False,
        has_walls=isinstance(params, DirectionalAlloy),
        beside=BESIDE,
        ratio=params.time_step / STEP_DURATION,
    )


def _compile(sources: str) -> Any:
    """Make the one function that is compiled for calls from Python.

    Args:
        sources: Digest of the kernels' source files. As a captured value it is part of the key under which numba keeps
            compiled code; numba itself looks at this file only.
    """

    def advance(
        layout: Any,
        arrays: Any,
        rules: Any,
        temperature: Any,
        limits: Any,
        num_steps: Any,
        is_dense: Any,
        is_fresh: Any,
    ) -> Any:
        """Do up to `num_steps` steps, until a stop rule is met; return whether one is."""
        if len(sources) == 0:
            return True
        memory = pointers_to(arrays)
        first = memory.progress[STEPS]
        while memory.progress[STEPS] < first + num_steps:
            steps = memory.progress[STEPS]
            if has_stopped(memory.progress, rules, limits[0], limits[1]):
                return True
            if steps % 2 == 0:
                old, new = (memory.psi, memory.u), (memory.other_psi, memory.other_u)
            else:
                old, new = (memory.other_psi, memory.other_u), (memory.psi, memory.u)
            if (is_fresh and steps == first) or (steps % SEARCH == 0 and not is_dense):
                renew(layout, memory, rules, old, new, is_dense)
            do_step(layout, memory, rules, temperature, old, new)
            memory.progress[STEPS] += 1
        return has_stopped(memory.progress, rules, limits[0], limits[1])

    try:
        return njit(nogil=True, cache=True)(advance)
    except RuntimeError:  # numba found no place to keep compiled code
        return njit(nogil=True)(advance)


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for module in (simd, melt_kernel, difference_kernel, kernel):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


announce_compilation()
_advance = _compile(_digest_of_sources())


def _inner(layout: Layout, flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sites of a flat array: [row, column]."""
    return flat[layout.stride : layout.stride * (layout.rows + 1)].reshape(layout.rows, layout.stride)[
        :, LANES : LANES + layout.columns
    ]


def _make_arrays(layout: Layout, state: State, frame: Frame) -> Arrays:
    length = (layout.rows + 2) * layout.stride + 2 * LANES
    flat = {name: aligned(length, np.float32, layout.first) for name in Arrays._fields[:7]}
    for values in flat.values():
        values[...] = 0
    for name in ("psi", "other_psi", "u", "other_u", "phi"):
        _inner(layout, flat[name])[...] = getattr(state, name.removeprefix("other_"))
    runs = layout.rows * layout.runs
    return Arrays(
        **flat,
        arrival=frame.arrival.reshape(-1),
        front=frame.front.reshape(-1).astype(np.uint8),
        **{name: np.zeros(runs, np.uint8) for name in ("work", "fresh", "scratch")},
        run_list=np.zeros(runs, np.int64),
        places=np.zeros(runs, np.int64),
        progress=np.array([0, frame.arrival.max(), 0, 0], np.int64),
        before=np.zeros(LANES, np.float32),
    )


def _current(layout: Layout, arrays: Arrays) -> State:
    """The fields after the steps that are done."""
    is_even = arrays.progress[STEPS] % 2 == 0
    psi, u = (arrays.psi, arrays.u) if is_even else (arrays.other_psi, arrays.other_u)
    return State(*(_inner(layout, flat) for flat in (psi, arrays.phi, u)))


def _move(layout: Layout, arrays: Arrays, frame: Frame, far: float) -> None:
    """Move all fields with the lattice; all runs are at rest until the next renewal."""
    frame.move()
    arrays.arrival[...] = frame.arrival.reshape(-1)
    frame.arrival = arrays.arrival.reshape(frame.arrival.shape)
    now = _current(layout, arrays)
    psi, u = moved_up(now.psi, -MAX_PSI), moved_up(now.u, far)
    arrays.pull[...], arrays.freezing[...], arrays.work[...] = 0, 0, 0
    for flat, values in (
        (arrays.psi, psi),
        (arrays.other_psi, psi),
        (arrays.u, u),
        (arrays.other_u, u),
        (arrays.phi, phase_of(psi)),
    ):
        _inner(layout, flat)[...] = values
    arrays.progress[AT_FRONT] = 0


def evolve(
    params: DiluteAlloy, setup: GrowthSetup, key: Key, *, is_dense: bool = False, start: State | None = None
) -> tuple[MemberGrowth, State]:
    """Grow one crystal until a stop rule is met; arguments, result and errors are those of `reference.evolve`.

    Args:
        params: The parameter point.
        setup: Lattice, seeds, edges and stop rules.
        key: Key of the member's noise.
        is_dense: Whether all sites are worked on in every step.
        start: Fields to begin with, float32; by default `initial_state`.
    """
    state = initial_state(params, setup, key) if start is None else start
    frame = Frame(params, setup, state.phi)
    layout = make_layout(setup)
    arrays, rules = _make_arrays(layout, state, frame), make_rules(params)
    limits = (float(frame.limit), setup.stop.no_growth)
    law = temperature_law(params, setup) if isinstance(params, DirectionalAlloy) else (0.0, 0.0, 0.0)
    is_fresh, has_ended = True, False
    while not has_ended:
        temperature = Temperature(*law, frame.moved)
        has_ended = _advance(layout, arrays, rules, temperature, limits, STEPS_PER_CALL, is_dense, is_fresh)
        is_fresh = frame.is_window and bool(arrays.progress[AT_FRONT])
        if is_fresh:
            _move(layout, arrays, frame, params.far)
            has_ended = bool(frame_has_stopped(arrays, rules, limits))
    frame.num_steps = int(arrays.progress[STEPS])
    state = State(*(np.array(field) for field in vars(_current(layout, arrays)).values()))
    if not (np.isfinite(state.psi).all() and np.isfinite(state.u).all()):
        raise FloatingPointError(f"psi or U not finite (NaN or infinite) after step {frame.num_steps} of {params}")
    return frame.growth(final_fields(state, params, setup, frame)), state


def frame_has_stopped(arrays: Arrays, rules: Rules, limits: tuple[float, int]) -> bool:
    """Whether a stop rule is met once a window has moved."""
    return bool(has_stopped(arrays.progress, rules, *limits))


def grow_member(point: DiluteAlloy, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)[0]
