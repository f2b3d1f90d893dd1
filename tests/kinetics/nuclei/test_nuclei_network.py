"""The graph network on nuclei: a planted sum over atoms, what its reductions cannot see, and that it sees no label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.nuclei.folds import outer_folds
from nakaya.kinetics.nuclei.labels import SizeChange
from nakaya.kinetics.nuclei.models import Network, find_fate_model
from nakaya.kinetics.nuclei.run import fit_and_score
from nakaya.kinetics.nuclei.samples import TARGET, NucleusSample
from support.synthetic_nuclei import planted_nuclei, with_atoms

pytest.importorskip("torch", reason='the network needs the extra "ml"')

ATOMS = 24
QUICK = {"members": 1.0, "updates": 80.0, "width_atom": 8.0, "dropout": 0.0}


def nuclei_of_a_sum(count: int, rng: np.random.Generator) -> list[NucleusSample]:
    """The change is the mean over half of the atoms, those in the nucleus, of one of their features; nothing else."""
    found = []
    for nucleus in planted_nuclei(count, rng, useless=1):
        inside = np.arange(ATOMS) < ATOMS // 2
        order = rng.standard_normal() + 0.5 * rng.standard_normal(ATOMS)
        order[~inside] = rng.standard_normal() + 0.5 * rng.standard_normal(ATOMS // 2)
        value = float(order[inside].mean())
        size = nucleus.change.size
        sample = replace(nucleus.sample, labels={TARGET: Label(TARGET, "1", value, 0.1, (nucleus.name,))})
        later = size + np.array([value]) * size ** (2 / 3)
        own = NucleusSample(sample, nucleus.shape, SizeChange(size, later, later))
        columns = np.column_stack([inside, order])
        found.append(with_atoms(own, columns, ("in_nucleus", "order"), np.zeros(ATOMS)))
    return found


def correlation(model: Network, train: list[NucleusSample], test: list[NucleusSample]) -> float:
    told = model.fit(train, QUICK, seed=0)(test)
    return float(np.corrcoef(told, [nucleus.change.mean for nucleus in test])[0, 1])


def test_it_learns_a_sum_over_the_atoms_of_the_nucleus_that_no_number_of_the_cluster_tells() -> None:
    rng = np.random.default_rng(0)
    train, test = nuclei_of_a_sum(48, rng), nuclei_of_a_sum(48, rng)
    assert correlation(Network(), train, test) > 0.7
    no_graph = find_fate_model("msgnn-no-graph")
    assert isinstance(no_graph, Network)
    assert abs(correlation(no_graph, train, test)) < 0.45  # 3 sigma of 48 pairs that have nothing to do with each other


def test_without_the_melt_its_atoms_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    train = nuclei_of_a_sum(12, rng)
    model = find_fate_model("msgnn-no-melt")
    assert isinstance(model, Network)
    forecast = model.fit(train, {**QUICK, "updates": 3.0}, seed=0)
    level = train[0].sample.sequence.frames[0].levels["atom"]
    moved = level.features.copy()
    moved[ATOMS // 2 :, 1] += 5.0
    labels = replace(train[0].sample, labels={})
    other = with_atoms(replace(train[0], sample=labels), moved, level.feature_names, np.zeros(ATOMS))
    np.testing.assert_array_equal(forecast(train[:1]), forecast([other]))
    whole = Network().fit(train, {**QUICK, "updates": 3.0}, seed=0)
    assert whole(train[:1])[0] != whole([other])[0]


def test_it_is_tuned_and_scored_as_every_other_model() -> None:
    nuclei = nuclei_of_a_sum(24, np.random.default_rng(2))
    fold = outer_folds(nuclei, "nucleus")[0]
    grid = tuple({**QUICK, "updates": 2.0, "dropout": dropout} for dropout in (0.0, 0.2))
    document = fit_and_score(Network(grid=grid), fold, seed=0)
    assert [row["nucleus"] for row in document["rows"]] == [nucleus.name for nucleus in fold.test]
    assert document["settings"] in grid
    assert document["train_nuclei"] == 24 - len(fold.test)
    assert np.isfinite([row["forecast"] for row in document["rows"]]).all()
    again = fit_and_score(Network(grid=grid), fold, seed=0)
    assert again["rows"] == document["rows"]
