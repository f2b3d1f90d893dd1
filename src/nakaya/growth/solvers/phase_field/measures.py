"""Measures of dendrites from their fields: tips, solid fraction, free energy, heat; in W0 and tau0."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.growth.model.setup import GrowthSetup, Site
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PureMelt
from nakaya.growth.solvers.phase_field.reference import (
    MAX_PHI,
    curvature_in_plane,
    curvature_in_space,
    lattice_of,
    neighbours,
)

__all__ = [
    "free_energy",
    "heat",
    "site_volumes",
    "solid_fraction",
    "tip_position",
    "tip_radius",
    "tip_velocity",
]

Field = NDArray[np.floating]

FLAT = 1 - 1e-6
"""|phi| from which its inverse is cut off."""


def site_volumes(params: PureMelt, setup: GrowthSetup) -> FloatArray:
    """Return the volume of every site within the domain, in W0^dimension: float64 [*lattice].

    A mirror goes through the centres of the first sites of an axis: half of each lies in the domain.
    """
    is_mirrored = lattice_of(params).is_mirrored(setup.geometry)
    volumes = np.full(setup.shape, params.spacing**params.dimension)
    for axis in range(params.dimension):
        np.moveaxis(volumes, axis, 0)[0] *= 0.5 if is_mirrored else 1.0
    return volumes


def solid_fraction(phi: Field, params: PureMelt, setup: GrowthSetup) -> float:
    """Return the mean of (1 + phi) / 2 over the domain, with phi over that of pure solid: 0 in melt, 1 in solid."""
    volumes = site_volumes(params, setup)
    return float((volumes * (1 + phi.astype(np.float64) / MAX_PHI) / 2).sum() / volumes.sum())


def heat(u: Field, phi: Field, params: PureMelt, setup: GrowthSetup) -> float:
    """Return the integral of u - phi / 2 over the domain, which no step changes: latent heat is released as u."""
    return float((site_volumes(params, setup) * (u.astype(np.float64) - phi.astype(np.float64) / 2)).sum())


def free_energy(u: Field, phi: Field, params: PureMelt, setup: GrowthSetup) -> float:
    """Return the free energy of Karma & Rappel (1998), as PFHub's benchmark 3 has it, in units of the well's scale.

    F = integral of W^2 |grad phi|^2 / 2 - phi^2 / 2 + phi^4 / 4 + lambda u phi (1 - 2 phi^2 / 3 + phi^4 / 5)

    with central differences for the gradient.
    """
    phi, u = phi.astype(np.float64), u.astype(np.float64)
    around = neighbours(phi, setup)
    curvature = curvature_in_plane if isinstance(params, PhaseField) else curvature_in_space
    a2, square, _ = curvature(params, around)  # type: ignore[arg-type]  # of its own dimension
    chemical = -(phi**2) / 2 + phi**4 / 4 + params.coupling * u * phi * (1 - 2 * phi**2 / 3 + phi**4 / 5)
    return float((site_volumes(params, setup) * (a2 * square / 2 + chemical)).sum())


def tip_position(
    phi: Field, params: PureMelt, start: Site, axis: int = -1, *, direction: int = 1, level: float = 0
) -> float:
    """Return how far from `start` the solid reaches along an axis, in W0.

    Between the last site above `level` and the next, psi = sqrt 2 artanh phi is taken as linear: exact for a planar
    interface.

    Args:
        phi: Phase field, float [*lattice].
        params: The parameter point.
        start: A solid site.
        axis: Of the array.
        direction: 1 towards larger numbers, -1 towards smaller ones.
        level: phi where the solid ends; PFHub's benchmark 3 says .5, which lies .78 W0 within that of 0.

    Raises:
        ParameterError: `start` is melt, or all is solid to the edge of the array.
    """
    place = list(start)
    line = np.moveaxis(phi, axis, -1)[tuple(np.delete(place, axis))][place[axis] :: direction].astype(np.float64)
    melt = np.flatnonzero(line < level)
    if not melt.size or melt[0] == 0:
        raise ParameterError(f"no interface lies between {start} and the end of axis {axis}: start in the solid")
    last, following = (
        float(np.arctanh(np.clip(line[at], -FLAT, FLAT)) - np.arctanh(level)) for at in (melt[0] - 1, melt[0])
    )
    return (int(melt[0]) - 1 + last / (last - following)) * params.spacing


def tip_velocity(
    arrival: ArrivalMap, params: PureMelt, start: Site, axis: int = -1, *, direction: int = 1, sites: int = 10
) -> float:
    """Return the velocity of a tip along an axis in W0 / tau0, over the last `sites` sites that it has passed.

    It is the slope of a straight line through the places and attachment times of these sites.

    Raises:
        ParameterError: The tip has passed fewer sites.
    """
    place = list(start)
    times = np.moveaxis(arrival, axis, -1)[tuple(np.delete(place, axis))][place[axis] :: direction]
    passed = np.flatnonzero(times < INITIAL)
    end = int(passed[0]) if passed.size else len(times)
    moved = np.flatnonzero(times[:end] > 1)
    if len(moved) < max(sites, 2):
        raise ParameterError(f"the tip has passed {len(moved)} sites from {start}, fewer than sites={sites}")
    last = moved[-sites:]
    return float(np.polyfit(times[last] * STEP_DURATION, last * params.spacing, 1)[0])


def tip_radius(phi: Field, params: PureMelt, start: Site, axis: int = -1, *, direction: int = 1) -> float:
    """Return the radius of curvature of a tip in two dimensions, in W0.

    The curvature div(grad phi / |grad phi|) on the axis, interpolated to where phi is 0; the tip must lie on the axis.

    Raises:
        ParameterError: As `tip_position`.
    """
    beyond = tip_position(phi, params, start, axis, direction=direction) / params.spacing
    psi = np.arctanh(phi.astype(np.float64).clip(-FLAT, FLAT)) * sqrt(2)
    plane = np.moveaxis(psi, axis, -1)
    row, column = (int(place) for place in np.roll(start, -(axis % 2) - 1))
    behind = column + direction * int(beyond)
    curvatures = []
    for at in (behind, behind + direction):
        along = (plane[row, at + 1] - plane[row, at - 1]) / 2
        above = plane[row + 1, at]
        below = plane[row - 1, at] if row else above  # a mirror
        curvatures.append((2 * plane[row, at] - above - below) / (abs(along) * params.spacing))
    return float(1 / np.interp(beyond - int(beyond), (0, 1), curvatures))
