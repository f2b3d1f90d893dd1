"""What an arrival map says about a growth: how large the crystal was at given steps, where it stood still or broke.

Sizes come from one pass over the map, by counting events in bins, not by one occupancy mask per step.
"""

from __future__ import annotations

import math

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.lattice.neighbourhood import connected_to, first_contact
from nakaya.growth.model.setup import Edges
from nakaya.growth.model.trajectory import INITIAL

__all__ = ["check_increasing", "counts_at", "disconnected_share", "identity_share", "step_bins"]


def check_increasing(at_steps: IntArray) -> IntArray:
    """Return the steps as int64 [time], or raise `ParameterError` where they decrease, are negative or missing."""
    steps = np.atleast_1d(np.asarray(at_steps))
    if steps.ndim != 1 or not steps.size or steps.dtype.kind not in "iu":
        raise ParameterError(f"at_steps={at_steps!r} is not a list of whole numbers: give steps such as [0, 100, 200]")
    if steps[0] < 0 or (np.diff(steps.astype(np.int64)) < 0).any():
        raise ParameterError(f"at_steps={steps.tolist()} must start at 0 or later and must not decrease")
    return steps.astype(np.int64)


def step_bins(arrival: ArrivalMap, at_steps: IntArray) -> IntArray:
    """Return for each site the index of the first of `at_steps` at which it is attached.

    Args:
        arrival: int32 of any shape; negative = never.
        at_steps: int64 [time], not decreasing.

    Returns:
        int64, the shape of `arrival`, 0 to time; `time` where the site attaches later or never.
    """
    bins = np.searchsorted(at_steps, arrival, side="left")
    return np.where(arrival >= INITIAL, bins, len(at_steps))


def _running_count(bins: IntArray, num_steps: int, dimension: int) -> IntArray:
    """How many sites have a bin of at most k, for every k: [*batch, *lattice] -> [*batch, time]."""
    batch = bins.shape[:-dimension]
    flat = bins.reshape(-1, math.prod(bins.shape[-dimension:]))
    offsets = np.arange(len(flat))[:, None] * (num_steps + 1)
    counts = np.bincount((flat + offsets).ravel(), minlength=len(flat) * (num_steps + 1))
    per_bin = counts.reshape(*batch, num_steps + 1)[..., :num_steps]
    return np.cumsum(per_bin, axis=-1, dtype=np.int64)


def counts_at(
    arrival: ArrivalMap, at_steps: IntArray, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL
) -> tuple[IntArray, IntArray]:
    """Return area and boundary sites of every crystal after each of the given steps.

    A site counts to the area from the step at which it attached. It is a boundary site (vapour that touches the
    crystal) from the step at which its first neighbour attached until it attaches itself.

    Args:
        arrival: int32 [*batch, *lattice].
        at_steps: Steps, int [time], not decreasing.
        edges: What lies beyond the array. A sector, read with "reservoir", gives the plain counts in its array.
        lattice: Who is a neighbour of whom.

    Returns:
        Area and boundary sites, each int64 [*batch, time].

    Raises:
        ParameterError: `at_steps` decreases, is negative or empty.
    """
    steps = check_increasing(at_steps)
    attached_from = step_bins(arrival, steps)
    touched_from = step_bins(first_contact(arrival, edges=edges, lattice=lattice), steps)
    touched = _running_count(touched_from, len(steps), lattice.dimension)
    touched_and_attached = _running_count(np.maximum(touched_from, attached_from), len(steps), lattice.dimension)
    return _running_count(attached_from, len(steps), lattice.dimension), touched - touched_and_attached


def identity_share(arrival: ArrivalMap, steps: IntArray, *, stride: int = 1) -> FloatArray:
    """Return the share of time steps in which nothing attaches.

    With a stride s > 1 time is cut into the strides (0, s], (s, 2 s], ... up to the end of growth. An emulator that
    copies its input ("identity collapse") has a larger share than its solver at the same stride.

    Args:
        arrival: int32 [*batch, *lattice].
        steps: Steps until each member stopped, int [*batch].
        stride: Steps per stride, at least 1.

    Returns:
        float64 [*batch], 0 to 1; NaN where no step was made.
    """
    num_strides = -(-np.asarray(steps, np.int64) // stride)
    strides = -(-np.maximum(arrival, INITIAL) // stride)
    flat = np.sort(strides.reshape(*num_strides.shape, -1), axis=-1)
    distinct = np.count_nonzero(np.diff(flat, axis=-1, prepend=0), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(num_strides > 0, 1.0 - distinct / num_strides, np.nan)


def disconnected_share(arrival: ArrivalMap, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL) -> FloatArray:
    """Return the share of attached sites that no path of attached sites joins to the initial crystal: float64 [*batch].

    Zero for every solver; an emulator may leave islands. NaN where nothing is attached; 1 where something is attached
    but nothing is initial.

    Args:
        arrival: int32 [*batch, *lattice]; 0 = initial, -1 = never.
        edges: Whether paths may cross the edges of the array ("periodic").
        lattice: Who is a neighbour of whom.
    """
    attached, axes = arrival >= INITIAL, tuple(range(-lattice.dimension, 0))
    total = np.count_nonzero(attached, axis=axes)
    joined = np.count_nonzero(connected_to(attached, arrival == INITIAL, edges=edges, lattice=lattice), axis=axes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, (total - joined) / total, np.nan), np.float64)
