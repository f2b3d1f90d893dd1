"""What the Gaussian process sees of scores, and that no training is thrown away."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("optuna", reason='studies need the extra "ml"')
pytest.importorskip("torch", reason='networks need the extra "ml"')

from benchmarks.tuning import CAUSES
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.learn.tuning.samplers import ScoreScale, Surrogate, warp
from nakaya.learn.tuning.study import Trial, open_study, read_trials, run_trial


@given(
    scores=st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=30, unique=True),
    kind=st.sampled_from(["plain", "log", "rank"]),
)
@settings(max_examples=60, deadline=None)
def test_warped_scores_keep_their_order(scores: list[float], kind: ScoreScale) -> None:
    warped = warp(np.array(scores), kind)
    assert np.isfinite(warped).all()
    places = np.argsort(scores, kind="stable")
    assert (np.diff(warped[places]) >= 0).all()


def test_logarithms_make_ratios_differences_and_leave_scores_that_have_none() -> None:
    assert np.diff(warp(np.array([2.0, 4.0, 8.0]), "log")) == pytest.approx(np.log(2))
    assert warp(np.array([-1.0, 4.0]), "log").tolist() == [-1.0, 4.0]
    ranks = warp(np.array([5.0, 5.0, 1e9]), "rank")
    assert ranks[0] == ranks[1] < ranks[2] < 2


def _search(problem: Problem, surrogate: Surrogate, trials: int) -> list[Trial]:
    study = open_study(None, "s", problem, sampler="gp", seed=0, configuration={}, surrogate=surrogate)
    for _ in range(trials):
        run_trial(study, problem)
    return read_trials(study, problem.space)


def _slope(setting: Settings) -> float:
    return 1.0 + setting["x"] + 3.0 * setting.get("y", 0.0)


WHOLE = Problem((Parameter("x", 0, 3, "integer"), Parameter("y", 0, 2, "integer")), _slope, (), 100.0)
CORNER = Problem((Parameter("x", 0.0, 3.0), Parameter("y", 0, 2, "integer")), _slope, (), 100.0)


def test_no_setting_is_trained_twice_until_all_are() -> None:
    trials = _search(WHOLE, Surrogate(startup=2), 12)
    drawn, chosen = trials[:2], trials[2:]
    before = {tuple(trial.settings.values()) for trial in drawn}
    for trial in chosen:
        fresh = tuple(trial.settings.values()) not in before
        assert fresh or len(before) == 12
        before.add(tuple(trial.settings.values()))
    again = _search(WHOLE, Surrogate(startup=2), 16)  # more trials than settings: it goes on all the same
    assert len(again) == 16


def test_a_corner_of_a_real_parameter_is_trained_once() -> None:
    kept = _search(CORNER, Surrogate(startup=5), 18)
    assert len({tuple(trial.settings.values()) for trial in kept}) == 18
    repeated = _search(CORNER, Surrogate(startup=5, revisit=True, exact=False), 18)
    assert len({tuple(trial.settings.values()) for trial in repeated}) < 18  # so the rule is needed


def test_every_cause_changes_one_thing() -> None:
    plain = asdict(Surrogate())
    for name, contender in CAUSES.items():
        changed = [key for key, value in asdict(contender.surrogate).items() if value != plain[key]]
        assert len(changed) == 1, name
        assert contender.sampler == "gp"
    assert len({contender.surrogate for contender in CAUSES.values()}) == len(CAUSES)
