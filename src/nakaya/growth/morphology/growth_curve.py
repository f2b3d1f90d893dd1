"""The growth curve: size against physical time, read from arrival maps at given steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.growth.lattice.history import check_increasing, counts_at, step_bins
from nakaya.growth.model.setup import Edges
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.morphology.shape import Origin, squared_distance, tip_radius

__all__ = ["GrowthCurve", "growth_curve", "mean_tip_velocity", "tip_velocity"]


@dataclass(frozen=True)
class GrowthCurve:
    """Sizes of crystals after given steps.

    Attributes:
        steps: int64 [time].
        area: Attached sites, int64 [*batch, time].
        boundary_sites: Vapour sites that touch the crystal, int64 [*batch, time].
        tip_radius: Greatest distance from the origin in site spacings, float64 [*batch, time]; NaN before anything is
            attached.
    """

    steps: IntArray
    area: IntArray
    boundary_sites: IntArray
    tip_radius: FloatArray


def _radius_at(arrival: ArrivalMap, at_steps: IntArray, origin: Origin) -> FloatArray:
    """Tip radius after each of the steps: float64 [*batch, time]."""
    squares = squared_distance(arrival >= INITIAL, origin).ravel()
    bins = step_bins(arrival, at_steps).reshape(-1, squares.size)
    farthest = np.full((len(bins), len(at_steps) + 1), -1, np.int64)
    np.maximum.at(farthest, (np.arange(len(bins))[:, None], bins), squares)
    farthest = np.maximum.accumulate(farthest[:, :-1], axis=1)
    radius = np.sqrt(np.where(farthest >= 0, farthest, np.nan))
    return radius.reshape(*arrival.shape[:-2], len(at_steps))


def growth_curve(arrival: ArrivalMap, at_steps: IntArray, *, edges: Edges = "reservoir", origin: Origin) -> GrowthCurve:
    """Return area, boundary sites and tip radius after each of the given steps.

    In a sector, area and boundary sites are the plain counts in its array (about a third of the whole crystal's); the
    tip radius is the whole crystal's.

    Args:
        arrival: int32 [*batch, row, column]; 0 = initial, -1 = never.
        at_steps: Steps, int [time], not decreasing. After a member's last step its curve stays where it is.
        edges: What lies beyond the array; "reservoir" for a sector.
        origin: Site of the seed, where the tip radius is measured from: the corner of a sector.

    Raises:
        ParameterError: `at_steps` decreases, is negative or empty.

    >>> arrival = np.array([[0, 1, 5], [1, 3, -1], [5, -1, -1]], np.int32)
    >>> curve = growth_curve(arrival, np.array([0, 1, 3, 5]), origin=(0, 0))
    >>> curve.area.tolist(), curve.tip_radius.round(3).tolist()
    ([1, 3, 4, 6], [0.0, 1.0, 1.0, 2.0])
    """
    steps = check_increasing(at_steps)
    areas, boundaries = counts_at(arrival, steps, edges=edges)
    return GrowthCurve(steps, areas, boundaries, _radius_at(arrival, steps, origin))


def tip_velocity(curve: GrowthCurve) -> FloatArray:
    """Return the tip's mean velocity between the curve's steps, in site spacings per step: float64 [*batch, time - 1].

    The tip advances by whole sites, so a difference over few steps is grainy: choose steps at least a few site spacings
    of advance apart. NaN between equal steps.
    """
    duration = np.diff(curve.steps)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(duration > 0, np.diff(curve.tip_radius, axis=-1) / duration, np.nan)


def mean_tip_velocity(arrival: ArrivalMap, *, origin: Origin) -> FloatArray:
    """Return how fast the tip moved on average from the initial crystal to its greatest radius.

    (final - initial tip radius) / (step at which the final tip radius was first reached), exact.

    Args:
        arrival: int32 [*batch, row, column]; 0 = initial, -1 = never.
        origin: Site of the seed: the corner of a sector.

    Returns:
        float64 [*batch], in site spacings per step; NaN where nothing grew beyond the initial crystal, or nothing was
        initial.
    """
    attached = arrival >= INITIAL
    squares = squared_distance(attached, origin)
    final = np.where(attached, squares, -1).max(axis=(-2, -1), keepdims=True)
    at_tip = attached & (squares == final)
    latest = np.iinfo(np.int32).max
    reached = np.where(at_tip, arrival, latest).min(axis=(-2, -1)).astype(np.float64)
    advance = tip_radius(attached, origin=origin) - tip_radius(arrival == INITIAL, origin=origin)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((reached > 0) & (reached < latest), advance / reached, np.nan)
