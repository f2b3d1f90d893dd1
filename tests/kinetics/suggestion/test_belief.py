"""Laws of the belief: a true law is found again, runs sharpen it as the rule says, and kinds share what they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.suggestion import belief as belief_module
from nakaya.kinetics.suggestion.belief import believe, fitted_mobility
from nakaya.kinetics.suggestion.design import observed
from nakaya.kinetics.suggestion.planning import Condition
from nakaya.kinetics.suggestion.survey import Survey, survey_conditions
from support.planned_growth import with_setups
from support.synthetic_growth import SyntheticGrowth

GROWTH = SyntheticGrowth(pairs=(("Al", "100"), ("Al", "111"), ("Cu", "100")), seeds=(0,))
KELVINS = (560.0, 640.0, 720.0, 800.0)
EXACT = 1e-4
"""Of a velocity, m/s: noise of 1e-6 m^2/s^2 hides less."""


@pytest.fixture(scope="module")
def survey() -> Survey:
    corpus = read_corpus(with_setups(GROWTH.records()), graphs=False)
    cells = [Condition(name, face, kelvin) for name, face in GROWTH.pairs for kelvin in KELVINS]
    return survey_conditions(corpus, cells)


def truths(survey: Survey) -> FloatArray:
    return np.array([GROWTH.velocity(c.material, c.orientation, c.temperature) for c in survey.conditions])


def test_without_noise_known_places_are_known(survey: Survey) -> None:
    known, truth = np.arange(0, 12, 2), truths(survey)
    mobility = fitted_mobility(survey.places, known, truth[known])
    found = believe(survey.places, mobility, known, truth[known], np.full(6, 1e-6))
    deviations = np.sqrt(np.diag(found.covariance))
    assert found.mean[known] == pytest.approx(truth[known], abs=EXACT * 10)
    assert (deviations[known] < 2e-3).all()
    assert (deviations[1::2] > 0.1).all()
    # What is not known is between known temperatures: told within three of its standard deviations.
    assert (np.abs(found.mean - truth)[1::2] < 3 * deviations[1::2]).all()


def test_a_law_that_is_true_is_found_again(survey: Survey) -> None:
    physics = survey.places.physics
    mobility = belief_module.Mobility(efficiency=(0.4, 1.0), activation=(0.6, 0.0))
    truth = physics.velocity(mobility)
    known = np.arange(12)
    found = fitted_mobility(survey.places, known[::-1], truth[::-1])  # in any order
    assert found.efficiency[0] == pytest.approx(0.4, rel=1e-6)
    assert found.activation[0] == pytest.approx(0.6, abs=1e-6)
    assert believe(survey.places, found, known, truth, np.ones(12)).mean == pytest.approx(truth, rel=1e-6)


def test_without_a_residual_the_belief_is_a_regression_on_the_corrections(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same posterior by the normal equations of the weights e, a, b of its formula, written out.
    monkeypatch.setattr(belief_module, "RESIDUALS", (1e-6,))
    known, truth, noise = np.array([0, 2, 5, 7, 9]), truths(survey), 20.0
    mobility = fitted_mobility(survey.places, known, truth[known])
    law, coldness = survey.places.physics.velocity(mobility), survey.places.physics.coldness()
    kinds = [("Al",), ("Cu",), ("100",), ("111",), ("Al", "100"), ("Al", "111"), ("Cu", "100")]
    own = [{condition.material, condition.orientation} for condition in survey.conditions]
    columns = [np.ones(12), -coldness, *(np.array([set(kind) <= of for of in own]) * 1.0 for kind in kinds)]
    design = law[:, None] * np.column_stack(columns)
    precision = np.diag(1 / np.array([1.0, 1.0, *[0.15] * len(kinds)]) ** 2)
    covariance = np.linalg.inv(precision + design[known].T @ design[known] / noise)
    weights = covariance @ design[known].T @ (truth - law)[known] / noise
    found = believe(survey.places, mobility, known, truth[known], np.full(5, noise))
    assert found.mean == pytest.approx(law + design @ weights, rel=1e-6)
    assert found.covariance == pytest.approx(design @ covariance @ design.T, rel=1e-5, abs=1e-4)


def test_one_more_run_leaves_the_variance_that_the_rule_expects_whatever_it_says(
    survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(belief_module, "RESIDUALS", (0.1,))
    known, truth = np.array([0, 3, 5, 9]), truths(survey)
    mobility = fitted_mobility(survey.places, known, truth[known])
    before = believe(survey.places, mobility, known, truth[known], np.full(4, 50.0))
    expected = observed(before.covariance, 7, 80.0)
    for fantasy in (truth[7], 0.0, 1e4):
        seen, noise = np.append(truth[known], fantasy), np.array([50.0, 50.0, 50.0, 50.0, 80.0])
        after = believe(survey.places, mobility, np.append(known, 7), seen, noise)
        assert after.covariance == pytest.approx(expected, abs=1e-6 * float(np.diag(expected).max()))


def test_a_run_tells_more_of_what_is_more_alike(survey: Survey) -> None:
    known, truth = np.array([0]), truths(survey)
    mobility = fitted_mobility(survey.places, known, truth[known])
    prior = believe(survey.places, mobility, known, truth[known], np.full(1, 1e9))  # as good as unknown
    after = believe(survey.places, mobility, known, truth[known], np.full(1, 25.0))
    left = np.diag(after.covariance) / np.diag(prior.covariance)
    number = {str(condition): place for place, condition in enumerate(survey.conditions)}
    same = [left[number[f"Al-100-{kelvin:g}K"]] for kelvin in KELVINS]
    assert same == sorted(same)  # near temperatures, then far ones
    assert same[0] < left[number["Al-111-560K"]] < 1


def test_the_residual_grows_with_misfit(survey: Survey) -> None:
    known, truth = np.arange(12), survey.places.physics.velocity(belief_module.Mobility((0.4, 1.0), (0.6, 0.0)))
    mobility = fitted_mobility(survey.places, known, truth)
    bent = truth * (1 + 0.3 * np.cos(np.arange(12) * 2.2))
    small, large = (believe(survey.places, mobility, known, seen, np.full(12, 4.0)) for seen in (truth, bent))
    assert small.residual < belief_module.RESIDUAL < large.residual


def test_velocities_at_the_melting_point_have_a_residual_too(survey: Survey) -> None:
    physics = replace(survey.places.physics, temperature=survey.places.physics.melting_temperature.copy())
    places = replace(survey.places, physics=physics)
    found = believe(places, belief_module.Mobility((0.3, 1.0)), np.array([0]), np.zeros(1), np.full(1, 1e9))
    assert (np.diag(found.covariance) > 0).all()
    assert found.mean == pytest.approx(0)
