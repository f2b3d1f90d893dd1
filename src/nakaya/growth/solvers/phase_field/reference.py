"""The phase-field model of a pure melt in plain NumPy, in two and three dimensions. This is the definition.

A. Karma & W.-J. Rappel, Phys. Rev. E 57, 4323 (1998): phi is +1 in the solid and -1 in the melt, u the temperature,

    tau dphi/dt = [phi - lambda u (1 - phi^2)] (1 - phi^2) + div(W^2 grad phi) + sum_i d_i(|grad phi|^2 W dW/d(d_i phi))
    du/dt = D lap u + 1/2 dphi/dt,        W = W0 a(n),  tau = tau0 a(n)^2

with lengths in W0 and times in tau0. A step does

    i    kick      thermal noise of the heat flux (noise.py)
    ii   advance   the phase field, by one explicit step
    iii  diffuse   heat, with the latent heat of what has solidified

The phase field is held as the distance-like psi, phi = tanh(psi / sqrt 2), which is nearly linear across the interface
where phi is steep: central differences of psi are then exact there but for curvature, and the same tip velocity needs
far fewer points. With f(g) = a(g)^2 |g|^2 / 2 the same equation for psi is

    a^2 dpsi/dt = sum_ij f_ij d_i d_j psi + sqrt 2 [phi (1 - a^2 |grad psi|^2) - lambda u (1 - phi^2)]

where f_ij, the second derivatives of f, depend on the direction n of grad psi alone.

| paper        | here          | meaning                                             |
|--------------|---------------|-----------------------------------------------------|
| phi          | `phi`         | phase field                                         |
| u            | `u`           | temperature, in latent heat over specific heat       |
| lambda       | `coupling`    | coupling of phase and temperature                   |
| D            | `diffusivity` | of heat, everywhere the same                         |
| epsilon      | `anisotropy`  | a = 1 + eps cos m (theta - theta0); 1 - 3 eps + 4 eps sum n_i^4 |

Arithmetic is part of the definition, so that fast solvers can equal it bit for bit: every operation is rounded to the
fields' type, in the order written; sums treat the axes alike, so that crystals without noise keep their symmetry
exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, sin, sqrt, tanh
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.lattice import CUBIC, SQUARE, Lattice
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field.clock import Clock
from nakaya.growth.solvers.phase_field.noise import BLOCK, RENEWAL, near_interface, thermal_kick
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PureMelt

__all__ = [
    "MAX_PHI",
    "MAX_PSI",
    "Field",
    "FloatType",
    "State",
    "advance",
    "curvature_in_plane",
    "curvature_in_space",
    "diffuse",
    "evolve",
    "grow_reference",
    "initial_state",
    "laplacian",
    "lattice_of",
    "pad",
    "phase_of",
    "second_differences",
]

Field = NDArray[np.floating]
"""float32 or float64 [*lattice]."""

FloatType = type[np.float32] | type[np.float64]

MAX_PSI = 8.0
"""psi is held between -8 and 8, where 1 - |phi| is 2.4e-5: what is this far from an interface does not change."""

MAX_PHI = tanh(MAX_PSI / sqrt(2))
"""phi of pure solid."""

HALO = 2
"""Sites beyond an edge that a step looks at."""

TINY = 1e-12
"""Added to |grad psi|^2 before it divides: where psi is flat, all orientations are alike."""

SITE_WEIGHTS = {2: (4.0, 20.0), 3: (2.0, 24.0)}
"""Of the isotropic Laplacian: neighbours along axes, and the site itself; those on diagonals of a face weigh 1."""


@dataclass(frozen=True)
class State:
    """All fields of one member between two steps.

    Attributes:
        psi: Distance-like phase field in W0, float [*lattice]; positive in the solid.
        phi: `phase_of(psi)`, float [*lattice].
        u: Temperature, float [*lattice].
    """

    psi: Field
    phi: Field
    u: Field


def lattice_of(params: PureMelt) -> Lattice:
    """The lattice of a point's dimension."""
    return SQUARE if params.dimension == 2 else CUBIC


def phase_of(psi: Field) -> Field:
    """Return phi = tanh(psi / sqrt 2), for |psi| <= `MAX_PSI`.

    t = tanh(x / 4) by Lambert's continued fraction up to x^7, then twice tanh 2 x = 2 t / (1 + t^2), with one division
    in all. The error is below 1e-6: tanh itself is rounded differently by different processors.
    """
    y = psi * (1 / (4 * sqrt(2)))
    s = y * y
    n = y * (1.0 + s * (17325 / 135135 + s * (378 / 135135 + s * (1 / 135135))))
    d = 1.0 + s * (62370 / 135135 + s * (3150 / 135135 + s * (28 / 135135)))
    twice, whole = (n * d) * 2.0, n * n + d * d
    return np.asarray(((twice * whole) * 2.0) / (twice * twice + whole * whole))


def seed_distance(params: PureMelt, setup: GrowthSetup) -> NDArray[np.float64]:
    """Return the distance from the surface of the nearest seed in W0, positive inside: float64 [*lattice]."""
    nearest = np.full(setup.shape, np.inf)
    for site in setup.initial:
        square = np.zeros(setup.shape)
        for axis, (place, length) in enumerate(zip(site, setup.shape, strict=True)):
            offset = np.abs(np.arange(length, dtype=np.float64) - place)
            if setup.edges == "periodic":
                offset = np.minimum(offset, length - offset)
            square += np.expand_dims(offset**2, tuple(np.delete(np.arange(len(setup.shape)), axis)))
        np.minimum(nearest, np.sqrt(square, out=square), out=nearest)
    nearest *= -params.spacing
    nearest += params.seed_width
    return nearest


def initial_state(params: PureMelt, setup: GrowthSetup, dtype: FloatType = np.float32) -> State:
    """Return the state before the first step: round seeds in a melt of temperature -undercooling.

    Raises:
        ParameterError: The mirrors of the geometry are none of the crystal.
    """
    if lattice_of(params).is_mirrored(setup.geometry) and isinstance(params, PhaseField):
        quarter = 180 / params.symmetry
        if params.orientation % quarter:
            raise ParameterError(
                f"orientation={params.orientation:g} is not mirrored in the edges of a {setup.geometry}: use a "
                f"multiple of {quarter:g} degrees, or geometry='full'"
            )
    psi: Field = seed_distance(params, setup).clip(-MAX_PSI, MAX_PSI).astype(dtype)
    return State(psi, phase_of(psi), np.full(setup.shape, dtype(-params.undercooling)))


def pad(field: Field, setup: GrowthSetup) -> Field:
    """Return the field with two sites added on all sides: from the opposite side, or its image in mirrors and walls."""
    if setup.edges == "periodic":
        return np.pad(field, HALO, mode="wrap")
    padded = np.pad(field, HALO, mode="symmetric")
    if (SQUARE if field.ndim == 2 else CUBIC).is_mirrored(setup.geometry):
        for axis in range(field.ndim):
            along = np.moveaxis(padded, axis, 0)
            along[0], along[1] = along[4], along[3]
    return padded


def _sum_alike(terms: list[Field]) -> Field:
    """Return the sum of one, two or three terms, the same in any order: the greatest of three is added last."""
    if len(terms) < 3:
        return np.asarray(sum(terms[1:], start=terms[0]))
    first, second, third = terms
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.asarray((low + np.minimum(high, third)) + np.maximum(high, third))


@dataclass(frozen=True)
class Neighbours:
    """The values around every site.

    Attributes:
        centre: The site's own.
        axes: For every axis the neighbours (behind, ahead).
        beyond: For every axis those two sites away.
        corners: For every pair of axes i < j the neighbours on diagonals, (behind, behind), (behind, ahead), (ahead,
            behind), (ahead, ahead).
    """

    centre: Field
    axes: list[tuple[Field, Field]]
    beyond: list[tuple[Field, Field]]
    corners: dict[tuple[int, int], tuple[Field, Field, Field, Field]]

    @property
    def diagonals(self) -> dict[tuple[int, int], tuple[Field, Field]]:
        """For every pair of axes the sums over the corners with equal signs, and with opposite ones."""
        return {pair: (bb + aa, ba + ab) for pair, (bb, ba, ab, aa) in self.corners.items()}


def neighbours(field: Field, setup: GrowthSetup) -> Neighbours:
    """Return the values around every site."""
    padded = pad(field, setup)

    def moved(steps: dict[int, int]) -> Field:
        """The field as the site has it that is so many steps along every named axis away."""
        starts = [HALO + steps.get(axis, 0) for axis in range(field.ndim)]
        return padded[tuple(slice(at, at + length) for at, length in zip(starts, setup.shape, strict=True))]

    dimensions = range(field.ndim)
    corners = {
        (i, j): tuple(moved({i: m, j: n}) for m in (-1, 1) for n in (-1, 1))
        for i in dimensions
        for j in dimensions[i + 1 :]
    }
    axes, beyond = ([(moved({i: -n}), moved({i: n})) for i in dimensions] for n in (1, 2))
    return Neighbours(field, axes, beyond, cast("dict[tuple[int, int], tuple[Field, Field, Field, Field]]", corners))


def laplacian(around: Neighbours) -> Field:
    """Return the isotropic Laplacian times 6 dx^2: nine points in the plane, nineteen in space.

    In the plane 4 at the neighbours along axes, 1 on diagonals, -20 at the site; in space 2, 1 and -24. Its error of
    second order is that of an isotropic operator, so that it turns no crystal towards the axes of the grid.
    """
    along, own = SITE_WEIGHTS[around.centre.ndim]
    faces = _sum_alike([behind + ahead for behind, ahead in around.axes])
    diagonals = _sum_alike([equal + opposite for equal, opposite in around.diagonals.values()])
    return np.asarray((faces * along + diagonals) - around.centre * own)


def second_differences(around: Neighbours, params: PureMelt) -> list[Field]:
    """Return d_i d_i psi along every axis, which add up to the isotropic Laplacian.

    To the difference along an axis a twelfth of its second differences along the others is added: its error is then
    (dx^2 / 12) lap d_i d_i psi, the same in all directions. Differences along axes alone, beside an isotropic
    Laplacian, are unstable in space where the interface is least stiff.
    """
    twice, fourfold = around.centre * 2.0, around.centre * 4.0
    faces = [behind + ahead for behind, ahead in around.axes]
    beside: list[list[Field]] = [[] for _ in faces]
    for (i, j), (equal, opposite) in around.diagonals.items():
        bent = (equal + opposite) - ((faces[i] + faces[j]) * 2.0 - fourfold)
        beside[i].append(bent)
        beside[j].append(bent)
    per_area = 1 / params.spacing**2
    return [((face - twice) + _sum_alike(bent) * (1 / 12)) * per_area for face, bent in zip(faces, beside, strict=True)]


def _stretch(params: PhaseField, x: Field, y: Field) -> tuple[Field, Field, Field]:
    """Return |g|^2, a and da/dtheta of the gradient g = (x, y).

    cos m theta and sin m theta are polynomials of cos 2 theta and sin 2 theta.
    """
    x2, y2 = x * x, y * y
    square = x2 + y2
    inverse = 1.0 / (square + TINY)
    c2, s2 = (x2 - y2) * inverse, ((x * y) * 2.0) * inverse
    c, s = c2 * c2 - s2 * s2, (c2 * s2) * 2.0
    if params.symmetry == 6:
        c, s = c * c2 - s * s2, s * c2 + c * s2
    turned_c = c * cos(params.phase) + s * sin(params.phase)
    turned_s = s * cos(params.phase) - c * sin(params.phase)
    return square, turned_c * params.anisotropy + 1.0, turned_s * (-params.symmetry * params.anisotropy)


def curvature_in_plane(params: PhaseField, around: Neighbours) -> tuple[Field, Field, Field]:
    """Return a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi in two dimensions.

    The sum is the divergence of df/dg = a^2 g + a a' (-g_y, g_x), taken as the balance of what flows through the four
    faces of a site. Where a tip is sharp its stiffness changes within a site, and the balance sees the mean of it: at a
    radius of 4 sites the velocity is right within 3 %, where f_ij at the site itself makes it a quarter too fast. The
    gradient at the site, in the two other terms, has an error of fourth order. Columns are x, rows are y.
    """
    (below, above), (left, right) = around.axes
    (below_2, above_2), (left_2, right_2) = around.beyond
    below_left, below_right, above_left, above_right = around.corners[0, 1]
    centre, across, along = around.centre, 0.25 / params.spacing, 1 / params.spacing
    rise, run = above - below, right - left

    def through_column(ahead: Field, behind: Field, beside: Field) -> Field:
        x, y = (ahead - behind) * along, (rise + beside) * across
        _, a, slope = _stretch(params, x, y)
        return np.asarray(a * (a * x - slope * y))

    def through_row(ahead: Field, behind: Field, beside: Field) -> Field:
        x, y = (run + beside) * across, (ahead - behind) * along
        _, a, slope = _stretch(params, x, y)
        return np.asarray(a * (a * y + slope * x))

    columns = through_column(right, centre, above_right - below_right) - through_column(
        centre, left, above_left - below_left
    )
    rows = through_row(above, centre, above_right - above_left) - through_row(centre, below, below_right - below_left)
    per_length = 1 / (12 * params.spacing)
    x, y = (run * 8.0 - (right_2 - left_2)) * per_length, (rise * 8.0 - (above_2 - below_2)) * per_length
    square, a, _ = _stretch(params, x, y)
    return np.asarray(a * a), square, (columns + rows) * along


def curvature_in_space(params: PureMelt, around: Neighbours) -> tuple[Field, Field, Field]:
    """Return a^2, |grad psi|^2 and sum_ij f_ij d_i d_j psi in three dimensions.

    With s = sum n_i^4, d_i = n_i^2 - s and psi_ij the second derivatives of psi,

        a = 1 - 3 eps + 4 eps s
        sum_ij f_ij psi_ij = a^2 lap psi + 16 eps a sum_i (3 n_i^2 - s) psi_ii
                             + 32 eps sum_ij n_i n_j psi_ij [a (s - n_i^2 - n_j^2) + 8 eps d_i d_j]
    """
    per_length, per_area, eps = 0.5 / params.spacing, 1 / params.spacing**2, params.anisotropy
    first = [(ahead - behind) * per_length for behind, ahead in around.axes]
    second = second_differences(around, params)
    square = _sum_alike([g * g for g in first])
    inverse = 1.0 / (square + TINY)
    n2 = [(g * g) * inverse for g in first]
    s = _sum_alike([n * n for n in n2])
    a = s * (4 * eps) + (1 - 3 * eps)
    d = [n - s for n in n2]
    straight = _sum_alike(
        [
            (n * 3.0 - s) * p * (16 * eps) * a + (n * p) * ((a * (s - n * 2.0) + (e * e) * (8 * eps)) * (32 * eps))
            for n, p, e in zip(n2, second, d, strict=True)
        ]
    )
    mixed = _sum_alike(
        [
            ((first[i] * first[j]) * inverse)
            * ((equal - opposite) * (0.25 * per_area))
            * ((a * (s - (n2[i] + n2[j])) + (d[i] * d[j]) * (8 * eps)) * (64 * eps))
            for (i, j), (equal, opposite) in around.diagonals.items()
        ]
    )
    a2 = a * a
    return a2, square, (a2 * _sum_alike(second) + straight) + mixed


def advance(state: State, params: PureMelt, setup: GrowthSetup) -> Field:
    """Return psi one time step later."""
    around = neighbours(state.psi, setup)
    curvature = curvature_in_plane if isinstance(params, PhaseField) else curvature_in_space
    a2, square, curved = curvature(params, around)  # type: ignore[arg-type]  # of the point's own dimension
    phi = state.phi
    well = phi * (1.0 - a2 * square)
    drive = (state.u * params.coupling) * (1.0 - phi * phi)
    change = (curved + (well - drive) * sqrt(2)) / a2
    return np.asarray((state.psi + change * params.time_step).clip(-MAX_PSI, MAX_PSI))


def diffuse(state: State, params: PureMelt, setup: GrowthSetup, phi: Field, kick: Field | None) -> Field:
    """Return u one time step later: u' = u + D dt lap u + (phi' - phi) / 2, and what the noise of the flux adds."""
    spread = laplacian(neighbours(state.u, setup)) * (params.diffusivity * params.time_step / (6 * params.spacing**2))
    u = (state.u + spread) + (phi - state.phi) * 0.5
    return np.asarray(u if kick is None else u + kick)


def step(state: State, params: PureMelt, setup: GrowthSetup, kick: Field | None = None) -> State:
    """Do one whole step."""
    psi = advance(state, params, setup)
    phi = phase_of(psi)
    return State(psi, phi, diffuse(state, params, setup, phi, kick))


def evolve(
    params: PureMelt,
    setup: GrowthSetup,
    key: Key,
    *,
    dtype: FloatType = np.float32,
    watch: Callable[[int, State], None] | None = None,
) -> tuple[MemberGrowth, State]:
    """Grow one crystal until a stop rule is met.

    Args:
        params: The parameter point.
        setup: Lattice, seeds, edges and stop rules.
        key: Key of the member's noise, `nakaya.core.randomness.member_key`.
        dtype: Type of the fields, float32 (what fast solvers equal) or float64 (for the laws).
        watch: Called with the number of time steps done and the state after each.

    Returns:
        The crystal, and its fields at the first time step that is not before its end.

    Raises:
        ParameterError: A seed reaches the far edge, or mirrors are none of the crystal.
    """
    state = initial_state(params, setup, dtype)
    clock = Clock(params, setup, lattice_of(params), state.phi)
    is_noisy, near, kick = params.noise > 0, None, None
    while not clock.has_stopped():
        if is_noisy and clock.num_steps % RENEWAL == 0:
            near = near_interface(state.phi, params, setup)
        if near is not None and clock.num_steps % BLOCK == 0:
            kick = thermal_kick(params, setup, key, clock.num_steps // BLOCK, near, dtype)
        before, state = state, step(state, params, setup, kick)
        clock.tick(before.phi, state.phi)
        if watch is not None:
            watch(clock.num_steps, state)
    fields = {"temperature": state.u.astype(np.float32), "phase": state.phi.astype(np.float32)}
    return clock.growth(fields), state


def grow_reference(point: PureMelt, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`."""
    return evolve(point, setup, key)[0]
