"""What the models of grains say about themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import CUBIC, SQUARE, Geometry
from nakaya.growth.model.parameters import limit
from nakaya.growth.model.setup import MAX_SIZE, MAX_STEPS, Site, StopRules
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains, DendriticGrains3D
from nakaya.growth.solvers.grains.orientations import FIELDS
from nakaya.growth.solvers.grains.parameters import Grains, Grains3D

__all__ = [
    "DENDRITIC",
    "DENDRITIC_3D",
    "DENDRITIC_3D_REFERENCE",
    "DENDRITIC_REFERENCE",
    "MODEL",
    "MODEL_3D",
    "REFERENCE",
    "REFERENCE_3D",
    "GrainStop",
]

_PLACE = "nakaya.growth.solvers.grains"


def _nowhere(shape: tuple[int, ...]) -> tuple[Site, ...]:
    """Growth begins with melt alone."""
    return ()


_WHOLE = Geometry("full", "whole lattice", ("periodic", "insulated"), start=_nowhere)


@dataclass(frozen=True)
class GrainStop(StopRules):
    """`StopRules` with other defaults: grains grow until they meet, wherever they are."""

    margin: int | None = limit(
        default=None,
        low=1,
        high=MAX_SIZE,
        never=True,
        unit="sites",
        meaning="when a grain comes this close to the far edge",
    )
    max_steps: int | Literal["default"] | None = limit(
        default=None, low=1, high=MAX_STEPS, never=True, meaning="after this many steps"
    )
    no_growth: int = limit(
        default=MAX_STEPS, low=1, high=MAX_STEPS, meaning="after this many steps without an attachment"
    )


MODEL = GrowerModel(
    name="grains",
    family=Grains,
    lattice=SQUARE,
    grow_member=f"{_PLACE}.cpu:grow_member",
    rules="grains rules 1",
    noun="Grains",
    geometries=(_WHOLE,),
    stop=GrainStop,
    size=256,
    fields=FIELDS[2],
    has_grain=True,
    citation="johnson-mehl",
)
"""Two dimensions. Whoever changes a crystal changes `rules`, and with it the model hash."""

MODEL_3D = replace(MODEL, name="grains-3d", family=Grains3D, lattice=CUBIC, size=64, fields=FIELDS[3])
"""Three dimensions."""

_DEFINITION = f"{_PLACE}.reference:grow_reference"

REFERENCE = replace(MODEL, name="grains-reference", grow_member=_DEFINITION)
"""Two dimensions in plain NumPy: slow, clear, the definition."""

REFERENCE_3D = replace(MODEL_3D, name="grains-3d-reference", grow_member=_DEFINITION)
"""Three dimensions in plain NumPy."""

_UNDERCOOLING = FinalField("undercooling", "K", "undercooling at which the site was captured")

DENDRITIC = replace(
    MODEL,
    name="grains-dendritic",
    family=DendriticGrains,
    grow_member=f"{_PLACE}.dendritic_cpu:grow_member",
    rules="grains-dendritic rules 1",
    noun="Dendritic grains",
    geometries=(replace(_WHOLE, edges=("insulated", "periodic")),),
    fields=(*FIELDS[2], _UNDERCOOLING),
    citation="gandin-rappaz",
)
"""Dendritic grains in a temperature field, in the plane."""

DENDRITIC_3D = replace(
    DENDRITIC,
    name="grains-dendritic-3d",
    family=DendriticGrains3D,
    lattice=CUBIC,
    size=64,
    fields=(*FIELDS[3], _UNDERCOOLING),
)
"""In space."""

_DENDRITIC_DEFINITION = f"{_PLACE}.dendritic_reference:grow_reference"

DENDRITIC_REFERENCE = replace(DENDRITIC, name="grains-dendritic-reference", grow_member=_DENDRITIC_DEFINITION)
"""Dendritic grains in the plane in plain NumPy."""

DENDRITIC_3D_REFERENCE = replace(DENDRITIC_3D, name="grains-dendritic-3d-reference", grow_member=_DENDRITIC_DEFINITION)
"""In space in plain NumPy."""
