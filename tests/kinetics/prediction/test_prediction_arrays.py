"""`nakaya.predict` lays out what single predictions say, condition by condition."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import ParameterError
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.kinetics.prediction.report import UNITS

pytest.importorskip("torch", reason='the shipped network needs the extra "ml"')


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


def test_every_entry_is_the_prediction_of_its_condition(model: KineticsModel) -> None:
    temperatures, orientations = [620.0, 1000.0, 1400.0], ["111", "210"]
    found = nakaya.predict("Cu", temperatures, orientations, model=model)
    assert (found.material, found.orientations) == ("Cu", ("111", "210"))
    assert found.temperatures.tolist() == temperatures
    for row, orientation in enumerate(orientations):
        for column, temperature in enumerate(temperatures):
            single = predict_conditions("Cu", orientation, temperature, model=model)
            for name, unit in UNITS.items():
                told, entry = getattr(found, name), single[name]
                expected = [np.nan] * 3 if entry["value"] is None else [entry["value"], *entry["interval90"]]
                arrays = (told.values, told.low, told.high)
                np.testing.assert_array_equal([array[row, column] for array in arrays], expected)
                assert told.unit == unit
            told_here = {text for text, where in found.warnings.items() if where[row, column]}
            assert told_here == {
                warning.replace(f"{temperature:g} K", "this temperature", 1) for warning in single["warnings"]
            }
    assert found.potential == "Cu_mishin1.eam.alloy"


def test_what_lies_outside_of_the_training_is_flagged_with_all_that_follows_from_it(model: KineticsModel) -> None:
    found = nakaya.predict("Cu", [620.0, 700.0, 1000.0], ["111", "210"], model=model)
    velocity = [[False, False, False], [True, True, True]]  # no (210) interface was seen
    rate = [[False, True, True], [False, True, True]]  # crystals were seen to nucleate up to 650 K
    assert found.growth_velocity.outside_training.tolist() == velocity
    assert found.nucleation_rate.outside_training.tolist() == rate
    both = np.logical_or(velocity, rate)
    assert np.array_equal(found.nucleation_density.outside_training, both)
    assert np.array_equal(found.characteristic_length.outside_training, both)


def test_an_axis_is_missing_where_one_thing_was_given(model: KineticsModel) -> None:
    grid = nakaya.predict("Cu", [1000.0, 1200.0], ["100", "111"], model=model).growth_velocity
    for temperature, orientation, expected in (
        ([1000.0, 1200.0], "111", grid.values[1]),
        (1200.0, ["100", "111"], grid.values[:, 1]),
        (1200.0, "111", grid.values[1, 1]),
    ):
        answer = nakaya.predict("Cu", temperature, orientation, model=model)
        assert np.shape(answer.growth_velocity.low) == np.shape(expected)
        assert all(where.shape == np.shape(expected) for where in answer.warnings.values())
        np.testing.assert_array_equal(answer.growth_velocity.values, expected)
    nothing = nakaya.predict("Cu", 620.0, model=model)
    assert nothing.orientations == (None,)
    assert np.isnan(nothing.growth_velocity.values)
    assert nothing.nucleation_rate.values > 0
    with pytest.raises(ParameterError, match="give one in K, or a list of them"):
        nakaya.predict("Cu", [], "100", model=model)
    with pytest.raises(ParameterError, match="orientation is empty"):
        nakaya.predict("Cu", 1000.0, [], model=model)


def test_its_name_is_there_without_torch() -> None:
    program = "import sys, nakaya; assert 'predict' in dir(nakaya); assert not {'torch', 'numba'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
