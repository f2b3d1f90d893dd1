"""What every form of exchange says about crystals: where they come from, what their numbers mean, where sites lie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.citations import citation_of
from nakaya.growth.catalogue import model_of
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.parameters import Parameter
from nakaya.growth.model.setup import STOP_REASONS
from nakaya.growth.model.trajectory import FinalField, Trajectory, TrajectoryMetadata

__all__ = [
    "ARRAYS",
    "AXES",
    "Crystals",
    "attributes_of",
    "axes_of",
    "field_of",
    "positions_of",
    "spacing_of",
    "statements_of",
    "with_spacing",
]

AXES = ("z", "y", "x")
"""Of layer, row and column: x runs along a row."""

ARRAYS: Mapping[str, Mapping[str, Any]] = {
    "arrival": {
        "long_name": "step at which the site attached; 0 = initial crystal, -1 = never",
        "units": "steps",
    },
    "steps": {"long_name": "steps until the crystal stopped", "units": "steps"},
    "stop_codes": {
        "long_name": "what stopped the crystal",
        "flag_values": np.arange(len(STOP_REASONS), dtype=np.int8),
        "flag_meanings": " ".join(STOP_REASONS),
    },
    "grain": {"long_name": "number of the crystal that the site belongs to; -1 = none", "units": "1"},
}
"""Attributes of the arrays that crystals have, by name."""


class Crystals(Protocol):
    """What a trajectory in memory and a store that is open have in common; the arrays can be indexed."""

    @property
    def arrival(self) -> Any:
        """int32 [point, member, *lattice]; without the first axis where one point was grown."""
        ...

    @property
    def steps(self) -> Any:
        """int64 [point, member]."""
        ...

    @property
    def stop_codes(self) -> Any:
        """int8 [point, member]."""
        ...

    @property
    def grain(self) -> Any:
        """int32, shape of `arrival`, or None."""
        ...

    @property
    def fields(self) -> Mapping[str, Any]:
        """float32, shape of `arrival`, by name."""
        ...

    @property
    def parameters(self) -> Mapping[str, FloatArray]:
        """float64 [point] by name."""
        ...

    @property
    def metadata(self) -> TrajectoryMetadata:
        """Where they come from."""
        ...

    @property
    def has_point_axis(self) -> bool:
        """Whether a sequence of points was grown."""
        ...

    @property
    def num_points(self) -> int:
        """Number of parameter points."""
        ...

    @property
    def num_members(self) -> int:
        """Number of members at each point."""
        ...

    @property
    def lattice_shape(self) -> tuple[int, ...]:
        """Shape of one crystal."""
        ...

    def point(self, index: int) -> Trajectory:
        """One parameter point, without the leading axis."""
        ...


def attributes_of(metadata: TrajectoryMetadata) -> dict[str, str | int | float]:
    """Return what crystals say about themselves as texts and numbers; `geometry` and `fields` are JSON.

    What is not known (the duration of a step, say) is left out.
    """
    model = model_of(metadata)
    citation = "" if model is None else citation_of(model.citation)
    found: dict[str, Any] = {
        "title": "nakaya trajectories",
        "format_version": metadata.format_version,
        "model": metadata.model,
        "model_hash": metadata.model_hash,
        "family": metadata.family,
        "seed": metadata.seed,
        "geometry": json.dumps(dict(metadata.geometry), sort_keys=True),
        "lattice": metadata.lattice,
        "dimension": metadata.dimension,
        "step_duration": metadata.step_duration,
        "time_unit": None if metadata.step_duration is None else metadata.time_unit,
        "site_spacing": metadata.site_spacing,
        "length_unit": None if metadata.site_spacing is None else metadata.length_unit,
        "time_resolution": metadata.time_resolution,
        "package_version": metadata.package_version,
        "citation": "\n\n".join(filter(None, (citation_of("nakaya"), citation))),
    }
    return {name: value for name, value in found.items() if value is not None}


def statements_of(metadata: TrajectoryMetadata) -> Mapping[str, Parameter]:
    """What the model states about its parameters, by name; nothing where it is not installed."""
    model = model_of(metadata)
    return {} if model is None else model.family.ranges


def field_of(metadata: TrajectoryMetadata, name: str) -> FinalField:
    """What is stated about a final field."""
    return next(entry for entry in metadata.fields if entry.name == name)


def axes_of(metadata: TrajectoryMetadata) -> tuple[str, ...]:
    """Names of the axes of the lattice, in the order of the array: ("y", "x"), or ("z", "y", "x")."""
    return AXES[-metadata.dimension :]


def with_spacing(crystals: Trajectory) -> Trajectory:
    """Return crystals of one point with the distance of their sites, where it is a parameter of theirs in metres.

    Models whose spacing differs from point to point state none for all of them.
    """
    metadata = crystals.metadata
    stated = statements_of(metadata).get("spacing")
    if metadata.site_spacing is not None or metadata.length_unit != "m" or stated is None or stated.unit != "m":
        return crystals
    spacing = float(np.ravel(crystals.parameters["spacing"])[0])
    return replace(crystals, metadata=replace(metadata, site_spacing=spacing))


def spacing_of(metadata: TrajectoryMetadata) -> tuple[float, str]:
    """Distance between neighbouring sites and its unit; (1, "sites") where the model does not say."""
    return (1.0, "sites") if metadata.site_spacing is None else (metadata.site_spacing, metadata.length_unit)


def positions_of(metadata: TrajectoryMetadata, shape: tuple[int, ...]) -> FloatArray:
    """Return where sites lie, float64 [*lattice, (x, y) or (x, y, z)], in the unit of `spacing_of`.

    Site (0, 0) lies at the origin; the rows of a hexagonal lattice run along x and its columns at 120 degrees to them.
    """
    sites = np.moveaxis(np.indices(shape), 0, -1)
    return spacing_of(metadata)[0] * LATTICES[metadata.lattice].positions(sites)
