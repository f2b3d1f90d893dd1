"""Eden growth: every site beside the crystal attaches with one probability. Square lattice, dimensionless."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.lattice.neighbourhood import count_neighbours
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.stepping import grow_by_steps


class Eden(Parameters):
    """One point of the Eden model (M. Eden, 1961)."""

    family: ClassVar[str] = "eden"
    rate: float = parameter(low=0, high=1, low_open=True, meaning="the probability that a boundary site attaches")
    bias: float = parameter(default=0.0, low=-1, high=1, meaning="the preference of rows over columns", symbol="b")


def grow_member(point: Eden, setup, key):
    """Grow one crystal."""
    rng = np.random.default_rng(key)

    def joining(attached, step):
        beside = count_neighbours(attached, edges=setup.edges, lattice=SQUARE) > 0
        above = np.roll(attached, 1, axis=0) | np.roll(attached, -1, axis=0)
        return beside & (rng.random(setup.shape) < point.rate * (1 + point.bias * np.where(above, 1, -1)))

    return grow_by_steps(setup, SQUARE, joining)


MODEL = GrowerModel(
    name="eden",
    family=Eden,
    lattice=SQUARE,
    geometries=SQUARE.geometries,  # mirrors too: it asks whether a neighbour is attached, not how many are
    grow_member=grow_member,
    rules="eden rules 1",
    noun="Eden cluster",
    size=24,
    time_unit="tau",
    length_unit="a",
    step_duration=0.1,
    site_spacing=1.0,
)
