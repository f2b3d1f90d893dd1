"""Threshold dynamics, plainly: all grains over the whole map. This is the definition; `cpu` gives the same numbers.

Merriman, Bence & Osher (1992): blur every grain with a Gaussian of variance 2 t, then give each site to the grain that
is strongest there. The boundaries have then moved by their curvature for the time t, and three meet at 120 degrees.
Esedoglu & Otto (Commun. Pure Appl. Math. 68 (2015) 808) give the site to the grain of least cost instead, and so
allow unequal energies. Two departures, both about the grid: sites at a boundary hold fractions of their grains (see
`steps.WIDTH`; signed distances do the same work in Elsey, Esedoglu & Smereka, J. Comput. Phys. 228 (2009) 8015), and a
site remembers only the `SLOTS` grains that are strongest there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import Float32Array
from nakaya.growth.coarsening.network import Network
from nakaya.growth.coarsening.steps import CUT, SLOTS, StepNumbers

__all__ = ["advance", "spread", "strongest", "to_fractions"]


def spread(fractions: Float32Array, taps: Float32Array, is_periodic: bool) -> Float32Array:
    """Convolve fields with the kernel along each axis in turn, first axis first: float32 [n, *lattice].

    Args:
        fractions: float32 [n, *lattice].
        taps: Half of the kernel from its middle.
        is_periodic: Whether opposite edges are joined; else they mirror.
    """
    reach = len(taps) - 1
    for axis in range(1, fractions.ndim):
        length = fractions.shape[axis]
        padding = [(reach, reach) if other == axis else (0, 0) for other in range(fractions.ndim)]
        padded = np.pad(fractions, padding, mode="wrap" if is_periodic else "symmetric")

        def shifted(by: int, padded: Float32Array = padded, axis: int = axis, length: int = length) -> Float32Array:
            return padded[(slice(None),) * axis + (slice(reach + by, reach + by + length),)]

        fractions = shifted(0) * taps[0]
        for tap in range(1, reach + 1):
            fractions = fractions + (shifted(-tap) + shifted(tap)) * taps[tap]
    return fractions


def strongest(fields: Float32Array) -> NDArray[np.int32]:
    """Return the grains of the greatest values above `CUT`, of equal ones the first: int32 [*lattice, slot], or -1."""
    order = np.argsort(-fields, axis=0, kind="stable")[:SLOTS]
    values = np.take_along_axis(fields, order, axis=0)
    found = np.full((*fields.shape[1:], SLOTS), -1, np.int32)
    found[..., : len(order)] = np.moveaxis(np.where(values > np.float32(CUT), order, -1), 0, -1)
    return found


def to_fractions(
    near: NDArray[np.int32], wide: Float32Array, narrow: Float32Array, step: StepNumbers
) -> tuple[NDArray[np.int32], Float32Array]:
    """Give sites to the grains of least cost.

    cost_i = sum over j != i of a_ij u_j + b_ij v_j; where all energies are equal that is a constant less u_i. Between
    grain i and its rival r (the best grain, or the second best for the best itself) lies the boundary; the distance to
    it is (cost_r - cost_i) / (u_i + u_r), times sqrt(pi t) where the boundary is flat. The fraction is the cubic of
    that distance over `WIDTH`, and fractions are then scaled to sum to 1.

    Args:
        near: Grains, int32 [*lattice, slot].
        wide: u, their fields after the wide kernel, float32 [*lattice, slot].
        narrow: v, those after the narrow one.
        step: Numbers of the step.

    Returns:
        Labels and fractions; grains without any are left out.
    """
    listed = near >= 0
    slots = range(near.shape[-1])
    cost = np.zeros(near.shape, np.float32)
    for one in slots:
        if not step.wide_factors.size:
            cost[..., one] = -wide[..., one]
            continue
        for other in slots:
            if other != one:
                pair = near[..., one], near[..., other]
                counts = listed[..., one] & listed[..., other]
                cost[..., one] += np.where(counts, step.wide_factors[pair] * wide[..., other], np.float32(0))
                cost[..., one] += np.where(counts, step.narrow_factors[pair] * narrow[..., other], np.float32(0))
    cost = np.where(listed, cost, np.float32(np.inf))
    order = np.argsort(cost, axis=-1, kind="stable")
    best, second = order[..., :1], order[..., 1:2]
    rival = np.where(np.arange(near.shape[-1]) == best, second, best)
    with np.errstate(invalid="ignore", divide="ignore"):  # of slots that are not filled
        gap = (np.take_along_axis(cost, rival, -1) - cost) / (np.take_along_axis(wide, rival, -1) + wide)
        place = np.clip(np.float32(0.5) + gap * step.per_width, np.float32(0), np.float32(1))
    fraction = place * place * (np.float32(3) - np.float32(2) * place)
    is_alone = listed.sum(axis=-1, keepdims=True) == 1
    fraction = np.where(listed, np.where(is_alone, np.float32(1), fraction), np.float32(0))
    packed = np.argsort(fraction <= 0, axis=-1, kind="stable")
    fraction = np.take_along_axis(fraction, packed, -1)
    labels = np.where(fraction > 0, np.take_along_axis(near, packed, -1), -1).astype(np.int32)
    total = np.zeros(near.shape[:-1], np.float32)
    for slot in slots:  # in order, as float32 sums depend on it
        total = total + fraction[..., slot]
    return labels, np.asarray(fraction / total[..., None], np.float32)


def advance(network: Network, step: StepNumbers, num_grains: int) -> Network:
    """Return the state one step later.

    Args:
        network: State.
        step: Numbers of the step.
        num_grains: Grains are 0 .. n - 1; those that have vanished have no fraction anywhere.
    """
    fractions = np.zeros((num_grains, *network.shape), np.float32)
    for slot in range(SLOTS):
        sites = np.nonzero(network.labels[..., slot] >= 0)
        fractions[(network.labels[(*sites, slot)], *sites)] = network.weights[(*sites, slot)]
    fields = spread(fractions, step.taps, network.is_periodic)
    near = strongest(fields)
    place = np.moveaxis(np.maximum(near, 0), -1, 0)
    wide = np.moveaxis(np.where(np.moveaxis(near, -1, 0) >= 0, np.take_along_axis(fields, place, 0), 0), 0, -1)
    narrow = np.zeros_like(wide)
    if step.narrow.size:
        narrow = np.moveaxis(np.take_along_axis(spread(fractions, step.narrow, network.is_periodic), place, 0), 0, -1)
    labels, weights = to_fractions(near, wide.astype(np.float32), narrow, step)
    return Network(labels, weights, network.is_periodic)
