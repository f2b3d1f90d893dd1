"""The phase-field model of a dilute binary alloy in plain NumPy, in two dimensions. This is the definition.

B. Echebarria, R. Folch, A. Karma & M. Plapp, Phys. Rev. E 70, 061604 (2004): phi is +1 in the solid and -1 in the melt,
U the supersaturation of solute, theta = (z - V t) / l_T the temperature in a gradient (0 at one temperature),

    tau F dphi/dt = [phi - lambda (U + theta) (1 - phi^2)] (1 - phi^2)
                    + div(W^2 grad phi) + sum_i d_i(|grad phi|^2 W dW/d(d_i phi))
    h dU/dt = div{D q grad U + [1 + (1 - k) U] / (2 sqrt 2) dphi/dt n} + 1/2 [1 + (1 - k) U] dphi/dt

    W = W0 a(n),  tau = tau0 a(n)^2,  F = 1 - (1 - k) theta,  h = [1 + k - (1 - k) phi] / 2,  q = (1 - phi) / 2

with lengths in W0 and times in tau0, n = grad phi / |grad phi|. The second current is the antitrapping current: it
carries ahead what an interface of finite width would otherwise leave behind in the solid. A step does

    i    advance        the phase field, by one explicit step
    ii   redistribute   solute: it diffuses, is carried ahead of the interface, and is what freezing leaves over

The phase field is held as psi, phi = tanh(psi / sqrt 2), with the equation, the differences and the anisotropy of a
pure melt (`nakaya.growth.solvers.phase_field.reference`): only the temperature and F are new. Currents stand on the
eight bonds of a site, with phi of the bond's middle taken from psi, which is linear where phi is steep, and
dphi/dt n = dpsi/dt (1 - phi^2) / sqrt 2 grad psi / |grad psi|. What leaves a site enters another, and U changes by what
h has changed, so that solute c = h [1 + (1 - k) U] is conserved to rounding.

| paper        | here             | meaning                                                    |
|--------------|------------------|------------------------------------------------------------|
| phi          | `phi`            | phase field                                                |
| U            | `u`              | supersaturation                                            |
| lambda       | `coupling`       | coupling of phase and solute                               |
| D            | `diffusivity`    | of solute in the liquid; none diffuses in the solid         |
| epsilon      | `anisotropy`     | a = 1 + eps cos 4 (theta - theta0)                          |
| l_T, V_p     | `thermal_length`, `speed` | of the frozen temperature                          |

Arithmetic is part of the definition, as in the model of a pure melt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from nakaya.core.arrays import Float32Array
from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key, threefry2x32
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.alloy.differences import Neighbours, curvature, pad_alike
from nakaya.growth.solvers.alloy.frame import Frame, first_front, is_planar, moved_up, row_temperature
from nakaya.growth.solvers.alloy.parameters import DiluteAlloy, DirectionalAlloy
from nakaya.growth.solvers.phase_field.reference import MAX_PHI, MAX_PSI, Field, FloatType, phase_of
from nakaya.growth.solvers.phase_field.reference import seed_distance as distance_from_sites

__all__ = [
    "State",
    "advance",
    "concentration",
    "evolve",
    "final_fields",
    "grow_reference",
    "initial_state",
    "redistribute",
    "step",
]

FLATTEST = 0.25
"""Least |grad psi|^2 of an interface that carries solute ahead. It is 1 / a^2 in equilibrium; where two interfaces meet
psi has a ridge, across which no direction is ahead."""


@dataclass(frozen=True)
class State:
    """All fields of one member between two steps.

    Attributes:
        psi: Distance-like phase field in W0, float [*lattice]; positive in the solid.
        phi: `phase_of(psi)`, float [*lattice].
        u: Supersaturation, float [*lattice].
    """

    psi: Field
    phi: Field
    u: Field


Views = dict[tuple[int, int], Field]
"""A field as the neighbour has it that is (rows, columns) away, for the nine of them."""


def pad(field: Field, params: DiluteAlloy, setup: GrowthSetup) -> Field:
    """Return the field with one site added on all sides; in a gradient columns are joined, and rows end at walls."""
    if isinstance(params, DirectionalAlloy):
        return np.pad(np.pad(field, ((0, 0), (1, 1)), mode="wrap"), ((1, 1), (0, 0)), mode="edge")
    return pad_alike(field, setup)


def views(field: Field, params: DiluteAlloy, setup: GrowthSetup) -> Views:
    """Return the field as every neighbour has it."""
    padded, (rows, columns) = pad(field, params, setup), setup.shape
    return {(i, j): padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns] for i in (-1, 0, 1) for j in (-1, 0, 1)}


def neighbours(of: Views) -> Neighbours:
    """Return the values around every site."""
    equal, opposite = of[-1, -1] + of[1, 1], of[-1, 1] + of[1, -1]
    return Neighbours(of[0, 0], (of[-1, 0], of[1, 0]), (of[0, -1], of[0, 1]), equal, opposite)


def initial_state(params: DiluteAlloy, setup: GrowthSetup, key: Key, dtype: FloatType = np.float32) -> State:
    """Return the state before the first step: seeds, or a planar interface, in a melt of the nominal concentration.

    In a gradient the first interface carries noise, one draw for each column: the upper 24 bits of the first output
    word of Threefry-2x32-20 at the counter (0, column). A planar one that stands below the liquidus has the boundary
    layer of steady growth, U = -1 + delta exp(-x V / D), and its solid is in equilibrium with it.

    Raises:
        ParameterError: The mirrors of the geometry are none of the crystal.
    """
    check_mirrors(params, setup)
    if not isinstance(params, DirectionalAlloy):
        distance = distance_from_sites(params, setup)  # type: ignore[arg-type]  # it takes what both kinds have
        u = np.full(setup.shape, params.far)
    elif is_planar(setup):
        height = np.arange(setup.shape[0])[:, np.newaxis] * params.spacing - first_front(params, setup)
        distance = np.broadcast_to(-height, setup.shape)
        layer = params.start_undercooling * np.exp(-height.clip(0) / params.diffusion_length)
        u = np.broadcast_to(params.far + layer, setup.shape)
    else:
        joined = replace(setup, edges="periodic", shape=(2 * setup.shape[0], setup.shape[1]))  # never across the rows
        distance = distance_from_sites(params, joined)[: setup.shape[0]]  # type: ignore[arg-type]
        u = np.full(setup.shape, params.far)
    if isinstance(params, DirectionalAlloy) and params.perturbation:
        columns = np.arange(setup.shape[1], dtype=np.uint32)
        words, _ = threefry2x32(key, (np.zeros(1, np.uint32), columns))
        distance = distance + params.perturbation * ((words >> np.uint32(8)) / 2.0**23 - 1)
    psi: Field = distance.clip(-MAX_PSI, MAX_PSI).astype(dtype)
    return State(psi, phase_of(psi), u.astype(dtype))


def check_mirrors(params: DiluteAlloy, setup: GrowthSetup) -> None:
    """Refuse a crystal that is not mirrored in the edges of its geometry."""
    if SQUARE.is_mirrored(setup.geometry) and params.orientation % 45:
        raise ParameterError(
            f"orientation={params.orientation:g} is not mirrored in the edges of a {setup.geometry}: use a multiple of "
            "45 degrees, or geometry='full'"
        )


def advance(state: State, params: DiluteAlloy, setup: GrowthSetup, theta: Field) -> tuple[Field, Field]:
    """Return psi one time step later, and |grad psi|^2 before it.

    Args:
        state: The fields.
        params: The parameter point.
        setup: Shape and edges.
        theta: Temperature of every row, float [row, 1].
    """
    a2, square, curved = curvature(params, neighbours(views(state.psi, params, setup)))
    phi = state.phi
    well = phi * (1.0 - a2 * square)
    drive = ((state.u + theta) * params.coupling) * (1.0 - phi * phi)
    change = (curved + (well - drive) * sqrt(2)) / a2
    relaxation = np.maximum(1.0 - theta * (1 - params.partition), state.u.dtype.type(params.fastest))
    later = state.psi + change * (theta.dtype.type(params.time_step) / relaxation)
    return np.asarray(later.clip(-MAX_PSI, MAX_PSI)), square


def redistribute(state: State, params: DiluteAlloy, setup: GrowthSetup, psi: Field, phi: Field, square: Field) -> Field:
    """Return U one time step later.

    Args:
        state: The fields before the step.
        params: The parameter point.
        setup: Shape and edges.
        psi: psi after the step.
        phi: phi after the step.
        square: |grad psi|^2 before the step.
    """
    k, per_area = params.partition, 1 / params.spacing**2
    to_spread = params.diffusivity * params.time_step * per_area / 6
    to_carry = params.antitrapping * per_area / 48
    melt = state.u * (1 - k) + 1.0
    pull = (melt * (psi - state.psi)) / np.sqrt(np.maximum(square, square.dtype.type(FLATTEST)))
    before, u, carried = (views(field, params, setup) for field in (state.psi, state.u, pull))

    def inflow(i: int, j: int) -> Field:
        """What enters along a bond, times 6: diffusion, and what the interface carries ahead."""
        middle = phase_of((before[0, 0] + before[i, j]) * 0.5)
        spread = ((u[i, j] - u[0, 0]) * to_spread) * (0.5 - middle * (0.5 / MAX_PHI))
        steep = (before[i, j] - before[0, 0]) * (1.0 - middle * middle)
        return np.asarray(spread + ((carried[0, 0] + carried[i, j]) * to_carry) * steep)

    axes = (inflow(-1, 0) + inflow(1, 0)) + (inflow(0, -1) + inflow(0, 1))
    diagonals = (inflow(-1, -1) + inflow(1, 1)) + (inflow(-1, 1) + inflow(1, -1))
    rejected = ((phi - state.phi) * 0.5) * melt
    capacity = (1 + k) / 2 - phi * ((1 - k) / 2)
    return np.asarray(state.u + ((axes * 4.0 + diagonals) + rejected) / capacity)


def step(state: State, params: DiluteAlloy, setup: GrowthSetup, theta: Field) -> State:
    """Do one whole step."""
    psi, square = advance(state, params, setup, theta)
    phi = phase_of(psi)
    return State(psi, phi, redistribute(state, params, setup, psi, phi, square))


def concentration(u: Field, phi: Field, params: DiluteAlloy) -> Field:
    """Return c = h [1 + (1 - k) U] over that of the melt far away, float of the fields' type."""
    k = params.partition
    return np.asarray(((1 + k) / 2 - phi * ((1 - k) / 2)) * (u * (1 - k) + 1.0) * (1 / params.nominal))


def final_fields(state: State, params: DiluteAlloy, setup: GrowthSetup, frame: Frame) -> dict[str, Float32Array]:
    """Return the final fields by name, float32 [row, column]."""
    fields = {"concentration": concentration(state.u, state.phi, params), "phase": state.phi}
    if isinstance(params, DirectionalAlloy):
        theta = row_temperature(params, setup, frame.num_steps, frame.moved)[:, np.newaxis]
        fields["temperature"] = np.broadcast_to(theta, setup.shape)
    return {name: np.array(values, np.float32) for name, values in fields.items()}


def evolve(
    params: DiluteAlloy,
    setup: GrowthSetup,
    key: Key,
    *,
    dtype: FloatType = np.float32,
    start: State | None = None,
    watch: Callable[[int, State], None] | None = None,
) -> tuple[MemberGrowth, State]:
    """Grow one crystal until a stop rule is met.

    Args:
        params: The parameter point.
        setup: Lattice, seeds, edges and stop rules.
        key: Key of the member's noise, `nakaya.core.randomness.member_key`.
        dtype: Type of the fields, float32 (what fast solvers equal) or float64 (for the laws).
        start: Fields to begin with; by default `initial_state`.
        watch: Called with the number of time steps done and the state after each.

    Returns:
        The crystal, and its fields at the first time step that is not before its end.

    Raises:
        ParameterError: A seed reaches the far edge, mirrors are none of the crystal, or a window has no end.
    """
    state = initial_state(params, setup, key, dtype) if start is None else start
    frame = Frame(params, setup, state.phi)
    while True:
        if frame.is_at_edge:
            frame.move()
            psi: Field = moved_up(state.psi, -MAX_PSI)
            state = State(psi, phase_of(psi), moved_up(state.u, params.far))
        if frame.has_stopped():
            break
        theta: Field = row_temperature(params, setup, frame.num_steps, frame.moved).astype(dtype)
        before, state = state, step(state, params, setup, theta[:, np.newaxis])
        frame.tick(before.phi, state.phi)
        if watch is not None:
            watch(frame.num_steps, state)
    return frame.growth(final_fields(state, params, setup, frame)), state


def grow_reference(point: DiluteAlloy, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)[0]
