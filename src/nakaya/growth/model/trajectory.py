"""Trajectory: what a grower makes, and what every picture, measure and score reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, GrainMap, Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.model.setup import STOP_REASONS

__all__ = [
    "FORMAT_VERSION",
    "INITIAL",
    "NEVER",
    "NOT_COMPUTED",
    "FinalField",
    "Trajectory",
    "TrajectoryMetadata",
    "occupancy_at",
]

FORMAT_VERSION = 2
"""The newest version of the schema. A trajectory that version 1 can hold has version 1: older readers know it."""

INITIAL = 0
NEVER = -1
NOT_COMPUTED = -2


def occupancy_at(arrival: ArrivalMap, step: int | NDArray[np.int64]) -> Mask:
    """Return which sites are attached after `step` steps: 0 <= arrival <= step.

    Args:
        arrival: int32 [*batch, *lattice].
        step: One step for all, or an array that broadcasts against `arrival`.

    Returns:
        bool, the shape of `arrival` broadcast with `step`.

    >>> occupancy_at(np.array([[0, 3], [-1, 7]]), 5).tolist()
    [[True, True], [False, False]]
    """
    return np.asarray((arrival >= INITIAL) & (arrival <= step), dtype=np.bool_)


@dataclass(frozen=True)
class FinalField:
    """A quantity at every site at the end of the growth, such as temperature or solute.

    Attributes:
        name: Letters, digits and underscores.
        unit: SI unit, or "1" where it is dimensionless.
        meaning: What it is, in a few words.
    """

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class TrajectoryMetadata:
    """Everything that says how a trajectory came about; no time stamps, host names or worker counts.

    Attributes:
        model: Name of the grower.
        model_hash: sha256 (hex) of the solver's rules or of the emulator's weights.
        seed: The seed all noise was derived from.
        geometry: `GrowthSetup.as_metadata()`.
        package_version: Version of nakaya that grew it.
        family: The parameter space that `parameters` belong to.
        lattice: "hexagonal", "square" or "cubic".
        dimension: 2 or 3.
        step_duration: Duration of a step in `time_unit`, or None where the model does not say.
        site_spacing: Distance between neighbouring sites in `length_unit`, or None where the model does not say.
        time_resolution: Solver steps that an arrival time is exact to; 1 for solvers, the stride of an emulator.
        time_unit: "s", or the model's own dimensionless unit.
        length_unit: "m", or the model's own dimensionless unit.
        fields: What is known at every site at the end.
    """

    model: str
    model_hash: str
    seed: int
    geometry: Mapping[str, object]
    package_version: str
    family: str = "gravner-griffeath"
    lattice: str = "hexagonal"
    dimension: int = 2
    step_duration: float | None = None
    site_spacing: float | None = None
    time_resolution: int = 1
    time_unit: str = "s"
    length_unit: str = "m"
    fields: tuple[FinalField, ...] = ()

    @property
    def format_version(self) -> int:
        """Version of the trajectory schema: the least that says all of this."""
        return 1 if (self.time_unit, self.length_unit, self.fields) == ("s", "m", ()) else 2


@dataclass(frozen=True)
class Trajectory:
    """Crystals and their whole history, as arrival times.

    Growing one point gives arrays without the leading axis; growing a sequence of points gives them with it.

    Attributes:
        arrival: int32 [point, member, *lattice] or [member, *lattice]: step at which the site attached, 0 = initial
            crystal, -1 = never; steps count from 1.
        steps: int64 [point, member] or [member]: steps until the member stopped.
        stop_codes: int8, shape of `steps`: index into `STOP_REASONS`.
        parameters: float64 [point] (or a scalar array, for one point) by parameter name.
        metadata: Where it comes from.
        grain: Optional int32, shape of `arrival`: number of the crystal that a site belongs to, -1 = none.
        fields: float32, shape of `arrival`, by name, at the end of the growth; NaN where a field is not defined.
            `metadata.fields` says what they are.

    >>> import nakaya
    >>> crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=16, members=2, seed=7)
    >>> crystals.arrival.dtype, crystals.steps.shape, crystals.metadata.model
    (dtype('int32'), (2,), 'gravner-griffeath')
    >>> last = int(crystals.steps[0])
    >>> int(crystals.at(0)[0].sum()), bool((crystals.at(last)[0] == (crystals.arrival[0] >= 0)).all())
    (1, True)
    """

    arrival: ArrivalMap
    steps: NDArray[np.int64]
    stop_codes: NDArray[np.int8]
    parameters: Mapping[str, FloatArray]
    metadata: TrajectoryMetadata
    grain: GrainMap | None = field(default=None)
    fields: Mapping[str, Float32Array] = field(default_factory=dict)

    @property
    def has_point_axis(self) -> bool:
        """Whether a sequence of points was grown."""
        return self.steps.ndim == 2

    @property
    def num_points(self) -> int:
        """Number of parameter points."""
        return int(self.steps.shape[0]) if self.has_point_axis else 1

    @property
    def num_members(self) -> int:
        """Number of members at each point."""
        return int(self.steps.shape[-1])

    @property
    def lattice_shape(self) -> tuple[int, ...]:
        """Shape of one crystal."""
        return tuple(self.arrival.shape[self.steps.ndim :])

    @property
    def stopped_by(self) -> NDArray[np.str_]:
        """Which rule stopped each member, "front", "steps" or "no-growth"; shape of `steps`."""
        return np.asarray(STOP_REASONS)[self.stop_codes]

    def at(self, step: int) -> Mask:
        """Return which sites are attached after `step` steps: bool, the shape of `arrival`.

        Raises:
            ParameterError: `step` is negative.
        """
        if step < 0:
            raise ParameterError(f"step={step} is negative: steps count from 0, the initial crystal")
        return occupancy_at(self.arrival, step)

    def point(self, index: int) -> Trajectory:
        """Return one parameter point of a sequence, without the leading axis.

        Raises:
            ParameterError: There is no such point.
        """
        if not -self.num_points <= index < self.num_points:
            raise ParameterError(f"point {index} does not exist: there are {self.num_points} points, counted from 0")
        if not self.has_point_axis:
            return self
        return replace(
            self,
            arrival=self.arrival[index],
            steps=self.steps[index],
            stop_codes=self.stop_codes[index],
            parameters={name: np.asarray(values[index]) for name, values in self.parameters.items()},
            grain=None if self.grain is None else self.grain[index],
            fields={name: values[index] for name, values in self.fields.items()},
        )

    def to_xarray(self) -> Any:  # an xarray.Dataset: xarray is an extra
        """Return the crystals as an `xarray.Dataset`, whose `to_netcdf` writes a file.

        Dimensions are point, member and y, x (or z, y, x); the parameters are coordinates of `point`. Units, model,
        hash, version and what to cite are attributes. See `nakaya.growth.exchange.datasets.to_dataset`.

        Raises:
            MissingExtraError: xarray is not installed.
        """
        # By its name, as it knows of lattices and models, which know of trajectories.
        return import_module("nakaya.growth.exchange.datasets").to_dataset(self)
