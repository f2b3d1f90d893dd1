"""What is compared of the crystals at one parameter point: counts at fixed physical times, occupancy, defects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nakaya.core.arrays import ArrivalMap, BoolArray, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.history import counts_at, disconnected_share, identity_share
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.setup import Edges
from nakaya.growth.model.trajectory import INITIAL, NOT_COMPUTED

__all__ = [
    "TIME_FRACTIONS",
    "CrystalSample",
    "Observed",
    "Scales",
    "check_crystals",
    "comparison_steps",
    "final_counts",
    "observe",
    "training_scales",
]

TIME_FRACTIONS = (0.25, 0.5, 0.75)
"""Shares of the solver's mean duration at a point at which growing crystals are compared; the end comes last."""

THE_END = np.iinfo(np.int32).max
"""A step after every member's last."""


class CrystalSample(Protocol):
    """Members at parameter points: a `Trajectory` with a point axis, or a stored one that is read point by point."""

    @property
    def arrival(self) -> Any:  # an array, or anything that gives one for `[point]`
        """int32 [point, member, row, column]: 0 = initial, -1 = never."""
        ...

    @property
    def steps(self) -> Any:  # as above
        """Steps until each member stopped, int [point, member]."""
        ...


@dataclass(frozen=True)
class Scales:
    """What distances between crystals are measured in: the standard deviation of each quantity over the training set.

    Attributes:
        area: Of the final number of attached sites.
        boundary: Of the final number of boundary sites.
        steps: Of the number of steps.

    Raises:
        ParameterError: A scale is not a positive number.
    """

    area: float
    boundary: float
    steps: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(
                    f"scale of {name} is {value}, not a positive number: use a training set in which {name} varies"
                )


@dataclass(frozen=True)
class Observed:
    """One sample of crystals at one point, reduced to what is scored.

    Attributes:
        area: Attached sites at the fractions of the duration and at the end, float64 [member, time].
        boundary: Boundary sites at these times, float64 [member, time].
        steps: float64 [member].
        frequency: Share of the members in which a site is attached at these times, float64 [time, site].
        final: Sites attached at the end, bool [member, site].
        identity: Share of strides in which nothing attaches, float64 [member].
        disconnected: Share of attached sites not joined to the initial crystal, float64 [member].
    """

    area: FloatArray
    boundary: FloatArray
    steps: FloatArray
    frequency: FloatArray
    final: BoolArray
    identity: FloatArray
    disconnected: FloatArray


def check_crystals(name: str, arrival: ArrivalMap, steps: IntArray) -> None:
    """Check that maps and steps of one point belong together: int32 [member, row, column] and int [member].

    Raises:
        ParameterError: They do not, or some maps were never computed.
    """
    if arrival.ndim not in (3, 4) or steps.shape != arrival.shape[:1] or not arrival.size or arrival.dtype.kind != "i":
        raise ParameterError(
            f"{name}: arrival {arrival.shape} ({arrival.dtype}) and steps {steps.shape} of a point do not fit: "
            "give int32 [member, row, column] and [member]"
        )
    if (arrival == NOT_COMPUTED).any():
        raise ParameterError(f"{name}: some maps were not computed (-2): finish the campaign, or select members")
    if (steps < 0).any():
        raise ParameterError(f"{name}: steps={steps.min()} is negative: give the steps until each member stopped")


def final_counts(arrival: ArrivalMap, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL) -> IntArray:
    """Return final area and boundary sites: int64 [*batch, 2].

    Args:
        arrival: int32 [*batch, row, column].
        edges: What lies beyond the array; "reservoir" for a sector, whose plain counts these are.
        lattice: Who is a neighbour of whom.
    """
    areas, boundaries = counts_at(arrival, np.array([THE_END]), edges=edges, lattice=lattice)
    return np.concatenate([areas, boundaries], axis=-1)


def training_scales(
    arrival: ArrivalMap, steps: IntArray, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL
) -> Scales:
    """Return the standard deviations of final area, boundary sites and steps over a training set.

    Args:
        arrival: int32 [*batch, row, column], all crystals of the training set.
        steps: Steps until each stopped, int [*batch].
        edges: What lies beyond the array; "reservoir" for a sector.
        lattice: Who is a neighbour of whom.

    Raises:
        ParameterError: A quantity does not vary.
    """
    counts = final_counts(arrival, edges=edges, lattice=lattice).reshape(-1, 2)
    return Scales(float(counts[:, 0].std()), float(counts[:, 1].std()), float(np.asarray(steps).std()))


def comparison_steps(*solver_steps: IntArray) -> IntArray:
    """Return the steps at which the crystals of a point are compared: int64 [time].

    1/4, 1/2 and 3/4 of the mean duration of all solver members given, to the nearest step, and the end.
    """
    duration = float(np.concatenate([np.ravel(steps) for steps in solver_steps]).mean())
    return np.array([*(round(share * duration) for share in TIME_FRACTIONS), THE_END], np.int64)


def observe(
    arrival: ArrivalMap,
    steps: IntArray,
    at_steps: IntArray,
    *,
    edges: Edges = "reservoir",
    stride: int = 1,
    lattice: Lattice = HEXAGONAL,
) -> Observed:
    """Reduce one sample at one point to what is scored.

    Args:
        arrival: int32 [member, row, column].
        steps: Steps until each member stopped, int [member].
        at_steps: From `comparison_steps`, int64 [time].
        edges: What lies beyond the array; "reservoir" for a sector.
        stride: Steps per stride for the identity share: the model's time resolution, for the solver as well.
        lattice: Who is a neighbour of whom.
    """
    areas, boundaries = counts_at(arrival, at_steps, edges=edges, lattice=lattice)
    flat = arrival.reshape(len(arrival), -1)
    frequency = np.stack([((flat >= INITIAL) & (flat <= step)).mean(axis=0) for step in at_steps])
    return Observed(
        area=areas.astype(np.float64),
        boundary=boundaries.astype(np.float64),
        steps=np.asarray(steps, np.float64),
        frequency=frequency,
        final=flat >= INITIAL,
        identity=identity_share(arrival, steps, stride=stride),
        disconnected=disconnected_share(arrival, edges=edges, lattice=lattice),
    )
