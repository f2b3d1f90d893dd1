"""What the models of grains say about themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Literal

from nakaya.growth.grower_model import GrowerModel, ModelFile
from nakaya.growth.lattice.lattice import CUBIC, SQUARE, Geometry
from nakaya.growth.model.parameters import limit
from nakaya.growth.model.setup import MAX_SIZE, MAX_STEPS, Site, StopRules
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains, DendriticGrains3D
from nakaya.growth.solvers.grains.orientations import FIELDS
from nakaya.growth.solvers.grains.parameters import Grains, Grains3D
from nakaya.growth.solvers.grains.temperatures import TemperatureHistory

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
    "read_temperatures",
    "with_temperatures",
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

_TEMPERATURES = ModelFile(
    "temperatures",
    "Npz file of time [n] (s, from 0), temperature [n, *shape] (K, a map for each time) and liquidus (K, one number), "
    "in place of undercooling, cooling_rate, gradient and recalescence; --shape is that of its maps",
    f"{_PLACE}.model:read_temperatures",
)

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
    file=_TEMPERATURES,
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


def with_temperatures(history: TemperatureHistory) -> GrowerModel:
    """Return `grains-dendritic`, or `grains-dendritic-3d`, in a given field of temperatures.

    Its crystals name the field's digest in their model hash; a campaign, which knows models by name, cannot have it.

    Args:
        history: On lattices of its shape; two or three dimensions.

    >>> import numpy as np, nakaya
    >>> temperature = np.full((2, 40, 50), 885.0)
    >>> history = TemperatureHistory.from_arrays(np.array([0.0, 1.0]), temperature, 893.0)
    >>> point = DendriticGrains(nuclei_density=5e7)
    >>> crystals = nakaya.grow(point, model=with_temperatures(history), shape=(40, 50), seed=7)
    >>> str(crystals.stopped_by[0]), bool((crystals.grain >= 0).all())
    ('no-growth', True)
    """
    model = DENDRITIC if history.undercoolings.ndim == 3 else DENDRITIC_3D
    evolve = import_module(f"{_PLACE}.dendritic_cpu").evolve  # compiled code is loaded when it grows
    rules = f"{model.rules}, temperatures {history.digest}"
    return replace(model, grow_member=partial(evolve, history=history), rules=rules, file=None)


def read_temperatures(path: Path) -> GrowerModel:
    """Return the model in the temperatures of a file; see `nakaya.growth.solvers.grains.temperatures`."""
    return with_temperatures(TemperatureHistory.read(path))
