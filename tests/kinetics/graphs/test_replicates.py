"""Replicates held against the errors that they state: known answers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nakaya.kinetics.graphs.labels import replicate_scatter
from nakaya.records.record import Quantity, Record
from support.synthetic_growth import SyntheticGrowth

FOUR_SIGMA_OF_200 = 0.2
"""Four standard errors of a root mean square over 200 degrees of freedom: 4 / sqrt(2 x 200)."""


def runs(values: list[float], errors: list[float], temperature: float = 1009.0) -> list[Record]:
    made = [SyntheticGrowth().growth("Cu", "100", temperature, seed) for seed in range(len(values))]
    return [
        replace(
            record,
            quantities={"growth_velocity": Quantity(np.array(value), "m/s", uncertainty=np.array(error))},
        )
        for record, value, error in zip(made, values, errors, strict=True)
    ]


def test_two_runs_two_apart_with_errors_of_one() -> None:
    found = replicate_scatter(runs([10.0, 12.0], [1.0, 1.0]), "growth_velocity")
    assert found["scatter"] == pytest.approx(math.sqrt(2.0))
    assert found["stated"] == pytest.approx(1.0)
    assert found["chi2"] == pytest.approx(2.0)
    assert found["degrees_of_freedom"] == 1


def test_single_runs_say_nothing() -> None:
    alone = [*runs([10.0], [1.0]), *runs([50.0], [1.0], 1115.0)]
    found = replicate_scatter(alone, "growth_velocity")
    assert found["degrees_of_freedom"] == 0
    assert math.isnan(found["scatter"])
    assert math.isnan(found["stated"])


def test_honest_errors_equal_the_scatter_even_where_runs_guess_them_from_little() -> None:
    rng = np.random.default_rng(3)
    made: list[Record] = []
    for number in range(100):
        values = rng.normal(50.0, 5.0, 3)
        guessed = 5.0 * np.sqrt(rng.chisquare(5, 3) / 5)  # an error known from five displacements
        made += runs(values.tolist(), guessed.tolist(), 800.0 + number)
    found = replicate_scatter(made, "growth_velocity")
    assert found["degrees_of_freedom"] == 200
    assert found["scatter"] == pytest.approx(5.0, rel=FOUR_SIGMA_OF_200)
    assert found["stated"] == pytest.approx(5.0, rel=FOUR_SIGMA_OF_200)
    assert found["chi2"] > 1.2 * found["degrees_of_freedom"]  # its mean is 5/3 of that for independent errors
