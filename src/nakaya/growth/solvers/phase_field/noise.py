"""Thermal noise of the heat flux: conserved, counter-based, near the interface alone.

A. Karma & W.-J. Rappel, Phys. Rev. E 60, 3614 (1999): du/dt = D lap u + ... - div j, where every component of j has the
variance 2 D F / (dx^d dt). A flux is drawn for every bond between neighbouring sites and held for `BLOCK` time steps,
with the variance 2 D F / (dx^d BLOCK dt): slow modes receive the same noise, for a quarter of the draws. Layout of the
draws, part of the model:

    counter  (block, index of the site in the array, last axis fastest)
    flux     from the site to the next along axis k, k = 0 first: the bits 10 k to 10 k + 9 of both output words of
             Threefry-2x32-20, their sum less 1023: whole numbers of variance (2^20 - 1) / 6

F is given for a volume d0^d and rescaled by (d0 / W0)^d. Noise far from an interface only makes heat fluctuate there,
which no interface feels before it has diffused away; it acts within `REACH` of an interface.

In equilibrium a mode of u, of eigenvalue -K of the Laplacian, has the variance F. Explicit steps of white noise make it
F / (1 - x / 2) with x = D dt K, twice too strong on the finest scale; held for n steps it is, at their end,

    F (1 - g^n) / (1 + g^n) / (2 x),    g = 1 - x

times K0 / K, where -K0 is the eigenvalue of the Laplacian along axes, of the fluxes: F within 3 % for wavelengths above
twelve sites.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from nakaya.core.arrays import Mask
from nakaya.core.randomness import Key, threefry2x32
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field.parameters import PureMelt

__all__ = [
    "BITS",
    "BLOCK",
    "INTERFACE",
    "REACH",
    "RENEWAL",
    "draw_fluxes",
    "kick_strength",
    "near_interface",
    "reach_in_sites",
    "thermal_kick",
]

BLOCK = 4
"""Time steps that a draw is held for."""

RENEWAL = 24
"""Time steps after which it is looked anew where the interface is; a multiple of `BLOCK`."""

REACH = 16.0
"""W0 from an interface within which noise acts, along each axis."""

INTERFACE = 1e-3
"""1 - phi^2 of a site at the interface."""

BITS = 10
"""Of a word, for each axis."""

VARIANCE = (4**BITS - 1) / 6
"""Of a draw: the sum of two whole numbers, each equally likely from 0 to 1023."""


def reach_in_sites(params: PureMelt) -> int:
    """`REACH` in sites."""
    return ceil(REACH / params.spacing)


def near_interface(phi: NDArray[np.floating], params: PureMelt, setup: GrowthSetup) -> Mask:
    """Return the sites within `REACH` of an interface along each axis: bool [*lattice]."""
    width = 2 * reach_in_sites(params) + 1
    near = (1.0 - phi * phi > INTERFACE).astype(np.uint8)
    for axis in range(near.ndim):
        mode = "wrap" if setup.edges == "periodic" else "constant"
        near = maximum_filter1d(near, width, axis=axis, mode=mode)
    return np.asarray(near, np.bool_)


def draw_fluxes(key: Key, block: int, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the draws of a block of steps: int32 [axis, *lattice], from every site to the next along the axis."""
    sites = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape)
    words = threefry2x32(key, (np.full(1, block, np.uint32), sites))
    mask, centre = np.uint32(2**BITS - 1), 2**BITS - 1
    fields = [[(word >> np.uint32(BITS * axis)) & mask for word in words] for axis in range(len(shape))]
    return np.array([one.astype(np.int32) + other.astype(np.int32) - centre for one, other in fields])


def kick_strength(params: PureMelt) -> float:
    """Return what a unit of a draw moves from site to site in a time step, in units of u."""
    variance = 2 * params.diffusivity * params.noise_in_width / (params.spacing**params.dimension * BLOCK)
    return sqrt(variance * params.time_step / VARIANCE) / params.spacing


def thermal_kick(
    params: PureMelt, setup: GrowthSetup, key: Key, block: int, near: Mask, dtype: type[np.floating] = np.float32
) -> NDArray[np.floating]:
    """Return what the noise adds to u in every step of a block: float [*lattice]; what leaves a site enters another.

    Args:
        params: The parameter point.
        setup: Shape and edges. Nothing crosses walls; behind a mirror the flux is the mirror image.
        key: Key of the member's noise.
        block: Number of the block of steps, from 0.
        near: Sites that the noise acts on, bool [*lattice]: fluxes between two of them.
        dtype: Of the result.
    """
    lattice = SQUARE if params.dimension == 2 else CUBIC
    leaving = np.zeros(setup.shape, np.int32)
    for axis, flux in enumerate(draw_fluxes(key, block, setup.shape)):
        flux = np.where(near & np.roll(near, -1, axis), flux, 0)
        ahead, entering = np.moveaxis(flux, axis, 0), np.moveaxis(np.roll(flux, 1, axis), axis, 0)
        if setup.edges != "periodic":
            ahead[-1] = 0
            entering[0] = -ahead[0] if lattice.is_mirrored(setup.geometry) else 0
        leaving += np.moveaxis(ahead - entering, 0, axis)
    return np.asarray(leaving.astype(dtype) * -kick_strength(params))
