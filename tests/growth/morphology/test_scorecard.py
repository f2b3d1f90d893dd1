"""The scorecard on constructed crystals whose laws are known: exact, biased, sure of itself, broken."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.history import identity_share
from nakaya.growth.lattice.lattice import hexagonal_distance
from nakaya.growth.morphology.crystal_samples import Scales, comparison_steps, final_counts, observe
from nakaya.growth.morphology.scorecard import SCORES, score_against_solver
from nakaya.scoring import expected_iou, wasserstein

ROUNDING = 1e-9

POINTS, MEMBERS, SIZE = 24, 16, 14

SCALES = Scales(area=20.0, boundary=10.0, steps=15.0)


def sample(seed, *, bias=0.0, spread=1.0, members=MEMBERS, points=POINTS):
    """Sectors whose rings attach at a member's own pace: one random number per member decides its curve.

    The pace depends on the point; sites of the last ring attach at random.
    """
    rng = np.random.default_rng(seed)
    rings = hexagonal_distance(*np.indices((SIZE, SIZE)))
    pace = np.linspace(4, 8, points)[:, None] * (1 + bias + 0.15 * spread * rng.normal(size=(points, members)))
    arrival = np.ceil(rings * np.maximum(pace, 1)[..., None, None]).astype(np.int32)
    grown = (rings < 9) | ((rings == 9) & (rng.random((points, members, SIZE, SIZE)) < 0.5))
    arrival = np.where(grown, arrival, -1).astype(np.int32)
    return SimpleNamespace(arrival=arrival, steps=arrival.max(axis=(2, 3)).astype(np.int64))


def card(model, *, solver=None, second=None, **options):
    solver = sample(1) if solver is None else solver
    second = sample(2) if second is None else second
    options = {"scales": SCALES, "resamples": 400, "rng": np.random.default_rng(0), **options}
    return score_against_solver(model, solver, second, **options)


@pytest.fixture(scope="module")
def exact():
    return card(sample(3))


def test_a_perfect_model_is_at_its_floor(exact):
    """Every ratio's interval holds 1, or nearly: 14 dependent intervals of 95 % may miss by a little."""
    for name, score in exact.scores.items():
        if name in ("disconnected_share", "identity_share"):
            continue
        width = score.ratio.high - score.ratio.low
        assert score.ratio.low - width / 2 <= 1 <= score.ratio.high + width / 2, name
    assert exact["coverage90_randomised"].model.value == pytest.approx(0.9, abs=0.04)
    assert exact["disconnected_share"].model.value == exact["disconnected_share"].floor.value == 0
    assert math.isnan(exact["disconnected_share"].ratio.value)
    assert tuple(exact.scores) == tuple(SCORES)


@pytest.mark.parametrize("wrong", [{"bias": 0.15}, {"spread": 2.5}])
def test_a_wrong_model_is_above_its_floor(exact, wrong):
    scores = card(sample(3, **wrong))
    for name in (
        "wasserstein",
        "wasserstein_end",
        "wasserstein_growth",
        "crps",
        "crps_fair",
        "crps_steps",
        "energy",
        "brier",
    ):
        assert scores[name].ratio.low > 1, name
        assert scores[name].model.value > exact[name].model.value, name


def test_bands_and_transforms_tell_what_is_wrong(exact):
    narrow, wide = card(sample(3, spread=0.2)), card(sample(3, spread=3.0))
    assert narrow["band_width"].ratio.high < 0.5
    assert wide["band_width"].ratio.low > 1.2
    assert narrow["coverage90"].model.high < exact["coverage90"].model.low
    assert narrow.pit_model[[0, -1]].min() > 1.5 * narrow.pit_floor.max()
    assert exact.pit_model.sum() == pytest.approx(1, rel=ROUNDING)


def test_each_point_is_scored_at_its_own_conditions():
    """A model with the right crystals at the wrong points is found out."""
    shuffled = sample(3)
    order = np.roll(np.arange(POINTS), 6)
    wrong = SimpleNamespace(arrival=shuffled.arrival[order], steps=shuffled.steps[order])
    assert card(wrong)["wasserstein"].ratio.low > 1.5


def test_the_solver_itself_scores_zero_distance_and_members_have_no_order():
    solver, model = sample(1), sample(3)
    assert card(solver)["wasserstein"].model.value == 0
    order = np.random.default_rng(5).permutation(MEMBERS)
    shuffled = SimpleNamespace(arrival=model.arrival[:, order], steps=model.steps[:, order])
    first, second = card(model), card(shuffled)
    for name in SCORES:
        assert first[name].model.value == pytest.approx(second[name].model.value, rel=ROUNDING), name
    assert first.pit_model == pytest.approx(second.pit_model, rel=ROUNDING)


def test_values_at_a_point_are_the_plain_functions_of_its_members(exact):
    model, solver = sample(3), sample(1)
    states = [np.column_stack([final_counts(each.arrival[4]), each.steps[4]]) for each in (model, solver)]
    expected = wasserstein(*states, scales=[20.0, 10.0, 15.0])
    assert exact["wasserstein_end"].model_per_point[4] == pytest.approx(expected, rel=ROUNDING)
    overlap = expected_iou(model.arrival[4] >= 0, solver.arrival[4] >= 0)
    assert exact["iou"].model_per_point[4] == pytest.approx(overlap, rel=ROUNDING)
    assert exact["iou"].model.value == pytest.approx(exact["iou"].model_per_point.mean(), rel=ROUNDING)


def test_islands_and_standstill_are_counted():
    model = sample(3)
    model.arrival[:, :, 12, 12] = 5
    scores = card(model)
    assert scores["disconnected_share"].model.value > 0
    assert scores["disconnected_share"].floor.value == 0
    still = sample(3)
    still.arrival[still.arrival > 0] = still.arrival.max()
    assert card(still)["identity_share"].ratio.low > 1


def test_model_and_solver_stand_still_at_the_same_stride():
    model, second = sample(3), sample(2)
    scores = card(model, stride=4)["identity_share"]
    for sample_of, found in ((model, scores.model_per_point), (second, scores.floor_per_point)):
        expected = identity_share(sample_of.arrival, sample_of.steps, stride=4).mean(axis=1)
        assert found == pytest.approx(expected, rel=ROUNDING)
    assert scores.model_per_point != pytest.approx(card(model)["identity_share"].model_per_point, rel=1e-3)


def test_the_energy_score_weighs_each_quantity_by_its_own_scale():
    """Of one member against one observation it is their distance, over all times and quantities, in the scales."""
    arrival = sample(3, points=1, members=2).arrival[0]
    steps = np.array([50, 60])
    model = SimpleNamespace(arrival=arrival[None, :1], steps=steps[None, :1])
    truth = SimpleNamespace(arrival=arrival[None, 1:], steps=steps[None, 1:])
    at_steps = comparison_steps(steps[1:], steps[1:])
    observed = observe(arrival, steps, at_steps)
    columns = [*observed.area.T / 20, *observed.boundary.T / 10, observed.steps / 15]
    distance = np.linalg.norm([column[0] - column[1] for column in columns])
    assert card(model, solver=truth, second=truth)["energy"].model.value == pytest.approx(distance, rel=ROUNDING)


def test_a_look_up_of_one_crystal_can_be_scored():
    """Unequal member numbers; what needs two members does not exist."""
    scores = card(sample(3, members=1))
    assert scores["wasserstein"].ratio.low > 1
    assert scores["band_width"].model.value == 0
    assert math.isnan(scores["diversity"].model.value)
    assert math.isnan(scores["crps_fair"].ratio.high)
    assert (scores.members, scores.solver_members, scores.floor_members) == (1, MEMBERS, MEMBERS)


def test_only_the_intervals_depend_on_the_generator(exact):
    again, other = card(sample(3)), card(sample(3), rng=np.random.default_rng(9))
    assert again["crps"].ratio == exact["crps"].ratio
    assert other["crps"].ratio.value == exact["crps"].ratio.value
    assert other["crps"].ratio.low != exact["crps"].ratio.low


def test_progress_is_told_and_json_is_plain(exact):
    told = []
    card(sample(3), progress=told.append)
    assert told == [1] * POINTS
    document = json.loads(json.dumps(exact.as_json(), allow_nan=False))
    assert document["scores"]["wasserstein"]["ratio"]["value"] == exact["wasserstein"].ratio.value
    assert document["scores"]["disconnected_share"]["ratio"]["value"] is None
    with pytest.raises(UnknownNameError, match="wasserstein"):
        exact["waserstein"]


def test_samples_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="same points"):
        card(sample(3, points=3))
    flat = sample(3)
    with pytest.raises(ParameterError, match="same points"):
        card(SimpleNamespace(arrival=flat.arrival[0], steps=flat.steps[0]))
    small = SimpleNamespace(arrival=flat.arrival[..., :9, :9], steps=flat.steps)
    with pytest.raises(ParameterError, match="one size"):
        card(small)
    unfinished = sample(3)
    unfinished.arrival[7, 2] = -2
    with pytest.raises(ParameterError, match="model, point 7.*not computed"):
        card(unfinished)
    with pytest.raises(ParameterError, match="do not fit"):
        card(SimpleNamespace(arrival=flat.arrival, steps=flat.steps[:, :3]))
    with pytest.raises(ParameterError, match="negative"):
        card(SimpleNamespace(arrival=flat.arrival, steps=flat.steps - 1000))
