"""Models of the fate of nuclei find what was planted, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.nuclei.ceiling import Outcomes
from nakaya.kinetics.nuclei.labels import SizeChange
from nakaya.kinetics.nuclei.logistic import SumOfLogistic, fit_logistic
from nakaya.kinetics.nuclei.models import MODELS, _without_melt, find_fate_model
from nakaya.kinetics.nuclei.samples import NucleusSample
from support.synthetic_nuclei import Planted, planted_nuclei, with_atoms

pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')

PLANTED = Planted()


def explained(name: str, train: list[NucleusSample], test: list[NucleusSample]) -> float:
    model = find_fate_model(name)
    forecast = model.fit(train, model.grid[0], seed=0)(test)
    outcomes = Outcomes.of([nucleus.change.changes for nucleus in test], [nucleus.group for nucleus in test])
    return float(outcomes.explained(forecast, np.ones((1, len(test))))[0])


def test_size_alone_tells_its_own_part_and_a_ridge_also_the_planted_feature() -> None:
    rng = np.random.default_rng(7)
    train, test = planted_nuclei(400, rng), planted_nuclei(1500, rng)
    # R2 of 1,500 test nuclei is known to .02; 400 training nuclei cost 10 columns of noise .02 of it.
    assert explained("size", train, test) == pytest.approx(PLANTED.size / PLANTED.total, abs=0.06)
    assert explained("sizes", train, test) == pytest.approx(PLANTED.size / PLANTED.total, abs=0.06)
    both = (PLANTED.size + PLANTED.order) / PLANTED.total
    assert explained("ridge", train, test) == pytest.approx(both, abs=0.06)


@pytest.mark.parametrize("name", ["trees", "boosting", "perceptron"])
def test_learners_beat_the_size_where_more_is_to_be_learned(name: str) -> None:
    rng = np.random.default_rng(8)
    train, test = planted_nuclei(150, rng, useless=2), planted_nuclei(300, rng, useless=2)
    alone = PLANTED.size / PLANTED.total
    assert alone + 0.15 < explained(name, train, test) < PLANTED.ceiling


def test_the_logistic_fit_is_the_maximum_likelihood() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(9)
    inputs = rng.standard_normal((500, 3))
    came = (rng.uniform(size=500) < 1 / (1 + np.exp(-(inputs @ [1.0, -2.0, 0.0] - 0.5)))).astype(float)
    ours = fit_logistic(inputs, came, penalty=2.0)
    theirs = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=1000).fit(inputs, came)
    np.testing.assert_allclose(ours, [*theirs.coef_[0], theirs.intercept_[0]], atol=1e-4)


def atoms_that_decide(count: int, rng: np.random.Generator) -> list[NucleusSample]:
    """Nuclei of 60 solid and 60 liquid atoms, whose later size is a sum over atoms of a logistic function of two."""
    found = []
    for nucleus in planted_nuclei(count, rng):
        solid = np.arange(120) < 60
        order = rng.standard_normal(120) + rng.standard_normal()
        p = 1 / (1 + np.exp(-(3.0 * np.where(solid, 1.0, -1.0) + 1.5 * order)))
        came = rng.uniform(size=(4, 120)) < p
        later = came.sum(axis=1).astype(float)
        change = SizeChange(60.0, later, later)
        own = type(nucleus)(nucleus.sample, nucleus.shape, change)
        features = np.column_stack([solid, order, rng.standard_normal(120), np.full(120, np.nan)])
        found.append(with_atoms(own, features, ("in_nucleus", "order", "chance", "energy"), came.mean(axis=0)))
    return found


def test_a_nucleus_without_its_melt_keeps_what_is_its_own() -> None:
    own = {"averaged_q6_of_core", "q6_of_surface", "ln_size_by_bonds_+1", "anisotropy", "cut_bonds", "hcp_fraction"}
    melt = {"averaged_q6_of_first", "q6_of_second", "energy_eV_of_third", "aligned_melt", "solid_melt"}
    (nucleus,) = atoms_that_decide(1, np.random.default_rng(0))
    sample = replace(nucleus.sample, pooled=dict.fromkeys((*own, *melt), 0.5))
    left = _without_melt(sample)
    assert set(left.pooled) == own
    assert left.sequence.frames[0].levels["atom"].num_nodes == 60


def test_the_sum_over_atoms_finds_what_is_a_sum_over_atoms() -> None:
    rng = np.random.default_rng(10)
    train, test = atoms_that_decide(30, rng), atoms_that_decide(100, rng)
    outcomes = Outcomes.of([nucleus.change.changes for nucleus in test], ["x"] * 100)
    ceiling = outcomes.ceiling(np.ones((1, 100)))[0]
    assert explained("sum-of-logistic", train, test) == pytest.approx(ceiling, abs=0.04)


def test_the_sum_over_atoms_needs_their_outcomes() -> None:
    rng = np.random.default_rng(11)
    with pytest.raises(ParameterError, match="do not tell which atoms"):
        SumOfLogistic().fit(planted_nuclei(3, rng), {"penalty": 1.0}, seed=0)


def test_all_models_have_a_grid_and_no_other_is_known() -> None:
    assert all(model().grid and model().name == name for name, model in MODELS.items())
    with pytest.raises(UnknownNameError, match="did you mean 'ridge'"):
        find_fate_model("rigde")
