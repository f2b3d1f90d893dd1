"""What the phase-field models say about themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import CUBIC, SQUARE, Geometry
from nakaya.growth.model.parameters import limit
from nakaya.growth.model.setup import MAX_SIZE, StopRules
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D

__all__ = ["MODEL", "MODEL_3D", "REFERENCE", "REFERENCE_3D", "DendriteStop"]

_PLACE = "nakaya.growth.solvers.phase_field"
_FIELDS = (
    FinalField("temperature", "1", "temperature above melting, in units of latent heat over specific heat"),
    FinalField("phase", "1", "phase field: 1 in the solid, -1 in the melt"),
)
_WHOLE = Geometry("full", "whole lattice", ("insulated", "periodic"))


@dataclass(frozen=True)
class DendriteStop(StopRules):
    """`StopRules` with another default: beside insulated walls a dendrite is slowed by its own heat."""

    margin: int | None = limit(
        default=32,
        low=1,
        high=MAX_SIZE,
        never=True,
        unit="sites",
        meaning="when the solid comes this close to the far edge",
    )


MODEL = GrowerModel(
    name="phase-field",
    family=PhaseField,
    lattice=SQUARE,
    grow_member=f"{_PLACE}.cpu:grow_member",
    rules="phase-field rules 1",
    noun="Dendrite",
    geometries=(_WHOLE, Geometry("quarter", "mirrored quarter", ("insulated",), is_mirrored=True)),
    stop=DendriteStop,
    size=400,
    time_unit="tau0",
    length_unit="W0",
    step_duration=STEP_DURATION,
    fields=_FIELDS,
    is_of_melts=True,
    notes=f"{_PLACE}.notes:split_tips",
    citation="karma-rappel",
)
"""Two dimensions at full speed. Whoever changes a crystal changes `rules`, and with it the model hash."""

MODEL_3D = replace(
    MODEL,
    name="phase-field-3d",
    family=PhaseField3D,
    lattice=CUBIC,
    geometries=(_WHOLE, Geometry("octant", "mirrored octant", ("insulated",), is_mirrored=True)),
    size=96,
)
"""Three dimensions at full speed."""

_DEFINITION = f"{_PLACE}.reference:grow_reference"

REFERENCE = replace(MODEL, name="phase-field-reference", grow_member=_DEFINITION)
"""Two dimensions in plain NumPy: slow, clear, the definition."""

REFERENCE_3D = replace(MODEL_3D, name="phase-field-3d-reference", grow_member=_DEFINITION)
"""Three dimensions in plain NumPy."""
