"""The Gravner-Griffeath model in plain NumPy: one function per rule, in the paper's order. This is the definition.

J. Gravner & D. Griffeath, "Modeling snow crystal growth II: A mesoscopic lattice map with plausible dynamics",
Physica D 237 (2008), section 2. One step is

    i   diffuse    vapour spreads over the site and its six neighbours; attached neighbours reflect
    ii  freeze     vapour at the boundary turns into quasi-liquid (1 - kappa) and crystal (kappa)
    iii attach     boundary sites with enough mass, or enough neighbours, join the crystal
    iv  melt       part of both masses at the boundary returns to vapour
    v   perturb    vapour is multiplied by 1 + sigma or 1 - sigma

| paper       | here                | meaning                                                       |
|-------------|---------------------|---------------------------------------------------------------|
| a_t(x)      | `attached`          | site x belongs to the crystal                                 |
| b_t(x)      | `b`                 | boundary mass: quasi-liquid                                   |
| c_t(x)      | `c`                 | crystal mass                                                  |
| d_t(x)      | `d`                 | diffusive mass: vapour                                        |
| n_t(x)      | `num_attached`      | number of attached neighbours                                 |
| boundary    | `on_boundary`       | sites outside the crystal with at least one attached neighbour |

Arithmetic is part of the definition, so that fast solvers can equal it bit for bit:

- every operation is rounded to the fields' type (float32, or float64 for the laws), in the order written;
- mass moves in the form "what leaves one field enters another", and diffusion as a flux, so that rounding has no
  preferred sign and mass does not drift;
- sums over the six neighbours treat the three axes of the lattice alike (see `neighbour_sum`), so that crystals without
  noise keep the symmetry of their setting exactly, and not up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, Mask
from nakaya.core.randomness import Key, fair_bits
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.geometry import reservoir_mask, stop_mask
from nakaya.growth.model.setup import STOP_REASONS, GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

__all__ = [
    "CrystalState",
    "Growth",
    "attach",
    "diffuse",
    "freeze",
    "grow_member",
    "grow_reference",
    "initial_state",
    "melt",
    "neighbour_sum",
    "num_attached_neighbours",
    "perturb",
    "step",
]

Field = NDArray[np.floating]
"""float32 or float64 [row, column], dimensionless mass per site."""

FloatType = type[np.float32] | type[np.float64]

AXES = (((-1, 0), (1, 0)), ((0, -1), (0, 1)), ((-1, -1), (1, 1)))
"""The six neighbours as three pairs of opposite ones: one pair for every axis of the lattice."""


@dataclass(frozen=True)
class CrystalState:
    """All fields of one member between two steps.

    Attributes:
        attached: bool [row, column].
        b: Quasi-liquid mass, float [row, column]; 0 except on the boundary.
        c: Crystal mass, float [row, column]; 0 away from the crystal.
        d: Vapour mass, float [row, column]; 0 in the crystal.
    """

    attached: Mask
    b: Field
    c: Field
    d: Field

    @property
    def mass(self) -> float:
        """All mass, summed in float64."""
        return float(sum(field.sum(dtype=np.float64) for field in (self.b, self.c, self.d)))


@dataclass(frozen=True)
class Growth:
    """One member's whole growth.

    Attributes:
        arrival: int32 [row, column]: step at which a site attached; 0 = initial, -1 = never.
        steps: Number of steps done.
        stop_code: Index into `STOP_REASONS`.
        state: The fields after the last step.
    """

    arrival: ArrivalMap
    steps: int
    stop_code: int
    state: CrystalState


def initial_state(params: GravnerGriffeath, setup: GrowthSetup, dtype: FloatType = np.float32) -> CrystalState:
    """Return the state before the first step: the initial crystals with mass 1 in uniform vapour of density rho."""
    attached = np.zeros(setup.shape, np.bool_)
    attached[tuple(np.array(setup.initial).T)] = True
    vapour = np.where(attached, dtype(0), dtype(params.rho))
    return CrystalState(attached, np.zeros(setup.shape, dtype), attached.astype(dtype), vapour)


def pad(field: NDArray[np.generic], setup: GrowthSetup) -> NDArray[np.generic]:
    """Return the field with one row and column of neighbours added on every side: [row + 2, column + 2].

    Sector: ghost (-1, j) is the mirror image (1, j + 1) and ghost (i, -1) is (i + 1, 1). Periodic: the opposite side.
    Where the outermost sites are held at rho their outer neighbours do not matter; they are copies.
    """
    if setup.edges == "periodic":
        return np.pad(field, 1, mode="wrap")
    padded = np.pad(field, 1, mode="edge")
    if setup.geometry == "sector":
        padded[1:-2, 0] = field[1:, 1]
        padded[0, :-2] = field[1, :]
    return padded


def neighbours(field: NDArray[np.generic], setup: GrowthSetup) -> list[list[NDArray[np.generic]]]:
    """Return the field's value at the six neighbours of every site, as `AXES` pairs them."""
    padded, size = pad(field, setup), setup.size
    return [[padded[1 + row : 1 + row + size, 1 + column : 1 + column + size] for row, column in axis] for axis in AXES]


def neighbour_sum(field: Field, setup: GrowthSetup) -> Field:
    """Return the sum of a field over the six neighbours of every site, the same for all three axes.

    Opposite neighbours are added first. Of the three sums that gives, the greatest is added last, to the sum of the
    other two. Rotating or mirroring the lattice permutes the three, so the rounded result moves with the lattice.
    """
    first, second, third = (one + other for one, other in neighbours(field, setup))  # type: ignore[operator]
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.asarray((low + np.minimum(high, third)) + np.maximum(high, third))


def num_attached_neighbours(attached: Mask, setup: GrowthSetup) -> NDArray[np.int8]:
    """Return n_t(x), the number of attached neighbours of every site: int8 [row, column]."""
    counts = [one.astype(np.int8) + other.astype(np.int8) for one, other in neighbours(attached, setup)]
    return np.asarray(sum(counts), dtype=np.int8)


def diffuse(
    state: CrystalState, params: GravnerGriffeath, setup: GrowthSetup, num_attached: NDArray[np.int8], held: Mask
) -> CrystalState:
    """Spread vapour evenly over every site and its six neighbours; attached neighbours reflect.

    Step i of section 2: d' is the mean of d over the neighbourhood, an attached neighbour counting with the centre's
    own d. As a flux, with S the sum over the neighbours (attached ones hold d = 0) and n the number of attached ones:

        d' = (d + (S - 6 d) / 7) + n d / 7

    where x / 7 is x times the rounded number 1/7. Sites `held` at the reservoir keep d = rho.
    """
    d = state.d
    seventh = d.dtype.type(1.0 / 7.0)
    spread = d + (neighbour_sum(d, setup) - d * d.dtype.type(6)) * seventh
    reflected = (num_attached.astype(d.dtype) * d) * seventh
    d = np.where(state.attached, d.dtype.type(0), spread + reflected)
    return replace(state, d=np.where(held, d.dtype.type(params.rho), d))


def freeze(state: CrystalState, params: GravnerGriffeath, on_boundary: Mask) -> CrystalState:
    """Turn all vapour at the boundary into quasi-liquid and crystal.

    Step ii of section 2:  c' = c + kappa d,  b' = b + (1 - kappa) d,  d' = 0.
    """
    vapour = np.where(on_boundary, state.d, state.d.dtype.type(0))
    to_crystal = state.d.dtype.type(params.kappa) * vapour
    return replace(state, b=state.b + (vapour - to_crystal), c=state.c + to_crystal, d=state.d - vapour)


def attach(
    state: CrystalState,
    params: GravnerGriffeath,
    setup: GrowthSetup,
    num_attached: NDArray[np.int8],
    on_boundary: Mask,
) -> CrystalState:
    """Join boundary sites to the crystal.

    Step iii of section 2. A boundary site with n attached neighbours joins when

        n = 1, 2   b >= beta
        n = 3      b >= 1, or b >= alpha and the vapour in its neighbourhood sums to less than theta
        n >= 4     always

    Its quasi-liquid then becomes crystal: c' = c + b, b' = 0. The site's own vapour is 0 at this point (it froze).
    """
    beta, alpha, theta, one = (state.b.dtype.type(value) for value in (params.beta, params.alpha, params.theta, 1))
    in_thin_vapour = neighbour_sum(state.d, setup) < theta
    tip = (num_attached <= 2) & (state.b >= beta)
    hollow = (num_attached == 3) & ((state.b >= one) | ((state.b >= alpha) & in_thin_vapour))
    joins = on_boundary & (tip | hollow | (num_attached >= 4))
    zero = state.b.dtype.type(0)
    crystal = np.where(joins, state.c + state.b, state.c)
    return replace(state, attached=state.attached | joins, b=np.where(joins, zero, state.b), c=crystal)


def melt(state: CrystalState, params: GravnerGriffeath, on_boundary: Mask) -> CrystalState:
    """Return part of the quasi-liquid and crystal mass at the boundary to vapour.

    Step iv of section 2:  b' = (1 - mu) b,  c' = (1 - gamma) c,  d' = d + mu b + gamma c. Sites that joined the crystal
    in this step are no longer boundary.
    """
    zero = state.b.dtype.type(0)
    melting = on_boundary & ~state.attached
    from_b = np.where(melting, state.b.dtype.type(params.mu) * state.b, zero)
    from_c = np.where(melting, state.b.dtype.type(params.gamma) * state.c, zero)
    return replace(state, b=state.b - from_b, c=state.c - from_c, d=state.d + (from_b + from_c))


def perturb(state: CrystalState, params: GravnerGriffeath, bits: Mask, held: Mask) -> CrystalState:
    """Multiply the vapour of every site by 1 + sigma where its bit is set, and by 1 - sigma elsewhere.

    Step v of section 2. Both factors are rounded to the fields' type. Sites `held` at the reservoir keep d = rho.
    """
    scalar = state.d.dtype.type
    factor = np.where(bits, scalar(1.0 + params.sigma), scalar(1.0 - params.sigma))
    return replace(state, d=np.where(held, state.d, state.d * factor))


def step(state: CrystalState, params: GravnerGriffeath, setup: GrowthSetup, bits: Mask, held: Mask) -> CrystalState:
    """Do one whole step.

    Args:
        state: The fields before the step.
        params: The parameter point.
        setup: Geometry and edges.
        bits: One random bit per site, `nakaya.core.randomness.fair_bits`.
        held: Sites of the reservoir, `nakaya.growth.lattice.geometry.reservoir_mask`.
    """
    num_attached = num_attached_neighbours(state.attached, setup)
    on_boundary = (num_attached > 0) & ~state.attached & ~held
    state = diffuse(state, params, setup, num_attached, held)
    state = freeze(state, params, on_boundary)
    state = attach(state, params, setup, num_attached, on_boundary)
    state = melt(state, params, on_boundary)
    return perturb(state, params, bits, held)


def grow_member(
    params: GravnerGriffeath,
    setup: GrowthSetup,
    key: Key,
    *,
    dtype: FloatType = np.float32,
    watch: Callable[[int, CrystalState], None] | None = None,
) -> Growth:
    """Grow one crystal until a stop rule is met.

    Of rules that are met in the same step the first in `STOP_REASONS` is named.

    Args:
        params: The parameter point.
        setup: Lattice, initial crystals, edges and stop rules.
        key: Key of the member's noise, `nakaya.core.randomness.member_key`.
        dtype: Type of the fields, float32 (what fast solvers equal) or float64 (for the laws).
        watch: Called with the step's number and the state after every step.
    """
    held, front = reservoir_mask(setup), stop_mask(setup)
    step_limit = setup.stop.step_limit(setup.size)
    state = initial_state(params, setup, dtype)
    arrival = np.where(state.attached, np.int32(INITIAL), np.int32(NEVER))
    number, last_growth = 0, 0
    while True:
        number += 1
        before = state.attached
        state = step(state, params, setup, fair_bits(key, number, setup.shape), held)
        joined = state.attached & ~before
        arrival[joined] = number
        if joined.any():
            last_growth = number
        if watch is not None:
            watch(number, state)
        reason = None
        if (joined & front).any():
            reason = "front"
        elif number == step_limit:
            reason = "steps"
        elif number - last_growth >= setup.stop.no_growth:
            reason = "no-growth"
        if reason is not None:
            return Growth(arrival, number, STOP_REASONS.index(reason), state)


def grow_reference(point: GravnerGriffeath, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    growth = grow_member(point, setup, key)
    return MemberGrowth(growth.arrival, growth.steps, STOP_REASONS[growth.stop_code])
