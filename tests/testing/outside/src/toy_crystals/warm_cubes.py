"""Grains that grow into one another on a cubic lattice, with the temperature that their heat leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import CUBIC
from nakaya.growth.lattice.neighbourhood import count_neighbours
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.model.trajectory import FinalField
from nakaya.growth.stepping import grow_by_steps

MELTING_POINT = 300.0


class WarmCubes(Parameters):
    """One point of the toy."""

    family: ClassVar[str] = "warm-cubes"
    temperature: float = parameter(
        low=200, high=MELTING_POINT, unit="K", symbol="T", meaning="the temperature of the melt"
    )


def grow_member(point: WarmCubes, setup, key):
    """Grow one crystal."""
    rng = np.random.default_rng(key)
    grain = np.full(setup.shape, -1, np.int32)
    grain[tuple(np.array(setup.initial).T)] = np.arange(len(setup.initial))

    def joining(attached, step):
        nonlocal grain
        share = count_neighbours(attached, edges=setup.edges, lattice=CUBIC) / 6
        joins = (rng.random(setup.shape) < share * (MELTING_POINT - point.temperature) / 100) & ~attached
        padded = np.pad(grain, 1, constant_values=-1, mode="constant")
        if setup.edges == "periodic":
            padded = np.pad(grain, 1, mode="wrap")
        views = [
            padded[tuple(slice(1 + by, 1 + by + length) for by, length in zip(offset, grain.shape, strict=True))]
            for offset in CUBIC.neighbours
        ]
        grain = np.where(joins, np.max(views, axis=0), grain)
        return joins

    grown = grow_by_steps(setup, CUBIC, joining)
    warmth = np.where(grown.arrival >= 0, np.exp((grown.arrival - grown.steps) / 10), 0)
    temperature = point.temperature + (MELTING_POINT - point.temperature) * warmth
    return replace(grown, grain=grain, fields={"temperature": temperature})


MODEL = GrowerModel(
    name="warm-cubes",
    family=WarmCubes,
    lattice=CUBIC,
    grow_member=grow_member,
    rules="warm cubes rules 1",
    size=10,
    step_duration=1e-3,
    site_spacing=1e-6,
    fields=(FinalField("temperature", "K", "the temperature"),),
    has_grain=True,
    citation="@misc{cubes, title={Toys}}",
)
