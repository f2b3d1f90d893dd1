"""What the models of a dilute binary alloy say about themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import SQUARE, Geometry
from nakaya.growth.model.parameters import limit
from nakaya.growth.model.setup import MAX_SIZE, MAX_STEPS, Site, StopRules
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.solvers.alloy.frame import WINDOW
from nakaya.growth.solvers.alloy.parameters import Alloy, DirectionalAlloy
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.model import DendriteStop

__all__ = ["DIRECTIONAL", "DIRECTIONAL_REFERENCE", "MODEL", "REFERENCE", "DirectionalStop"]

_PLACE = "nakaya.growth.solvers.alloy"
_FIELDS = (
    FinalField("concentration", "1", "concentration of solute over that of the melt far away"),
    FinalField("phase", "1", "phase field: 1 in the solid, -1 in the melt"),
)
_TEMPERATURE = FinalField("temperature", "1", "frozen temperature: 0 at the solidus, 1 at the liquidus")


def _first_row(shape: tuple[int, ...]) -> Sequence[Site]:
    return [(0, column) for column in range(shape[1])]


@dataclass(frozen=True)
class DirectionalStop(StopRules):
    """`StopRules` for the last rows alone; an interface that recoils at first attaches nothing for long."""

    margin: int | None = limit(
        default=32,
        low=1,
        high=MAX_SIZE,
        never=True,
        unit="sites",
        meaning="when the solid comes this close to the last row; a window moves on instead",
    )
    no_growth: int = limit(
        default=1_000_000, low=1, high=MAX_STEPS, meaning="after this many steps without an attachment"
    )


MODEL = GrowerModel(
    name="alloy",
    family=Alloy,
    lattice=SQUARE,
    grow_member=f"{_PLACE}.cpu:grow_member",
    rules="alloy rules 1",
    noun="Alloy dendrite",
    geometries=(
        Geometry("full", "whole lattice", ("insulated", "periodic")),
        Geometry("quarter", "mirrored quarter", ("insulated",), is_mirrored=True),
    ),
    stop=DendriteStop,
    size=400,
    time_unit="tau0",
    length_unit="W0",
    step_duration=STEP_DURATION,
    fields=_FIELDS,
    citation="echebarria-2004",
)
"""One temperature, at full speed. Whoever changes a crystal changes `rules`, and with it the model hash."""

DIRECTIONAL = replace(
    MODEL,
    name="alloy-directional",
    family=DirectionalAlloy,
    noun="Solidification front",
    geometries=(
        Geometry("full", "whole lattice, its sides joined", ("periodic",), start=_first_row),
        Geometry(WINDOW, "lattice that moves with the interface", ("periodic",), start=_first_row),
    ),
    stop=DirectionalStop,
    size=256,
    fields=(*_FIELDS, _TEMPERATURE),
)
"""A gradient that is pulled along columns, at full speed."""

_DEFINITION = f"{_PLACE}.reference:grow_reference"

REFERENCE = replace(MODEL, name="alloy-reference", grow_member=_DEFINITION)
"""One temperature in plain NumPy: slow, clear, the definition."""

DIRECTIONAL_REFERENCE = replace(DIRECTIONAL, name="alloy-directional-reference", grow_member=_DEFINITION)
"""A gradient in plain NumPy."""
