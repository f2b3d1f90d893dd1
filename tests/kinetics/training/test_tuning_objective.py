"""The score of a setting: whole conditions held out, nothing of the held-out ones seen, known answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.models.protocol import PredictiveDistribution, Settings
from nakaya.kinetics.samples.arranging import Arrangement
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.kinetics.samples.sample import EvidenceKind, Sample, label_values
from nakaya.kinetics.samples.splits import condition_name, for_tuning
from nakaya.kinetics.training.objective import InnerScore, inner_folds, mean_score, tuning_records
from nakaya.records.record import Quantity, Record
from nakaya.records.replicates import conditions_key
from support.synthetic_growth import SyntheticGrowth

TARGET = "growth_velocity"
NUM_FOLDS = 3
SMALL = SyntheticGrowth(seeds=(0, 1))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(SMALL.records(), graphs=False)


def _folds(corpus: Corpus, evidence: EvidenceKind = "B", seed: int = 0) -> tuple[Arrangement, ...]:
    return inner_folds(corpus, evidence, TARGET, num_folds=NUM_FOLDS, seed=seed)


def _conditions(samples: Sequence[Sample]) -> set[str]:
    return {sample.condition for sample in samples}


@pytest.mark.parametrize("evidence", ["A", "B"])
def test_every_tuning_condition_is_held_out_once_and_no_other_is_seen(corpus: Corpus, evidence: EvidenceKind) -> None:
    wanted = {condition_name(record) for record in corpus.records if for_tuning(record)}
    folds = _folds(corpus, evidence)
    held_out = [sample.record_id for fold in folds for sample in fold.test]
    assert len(held_out) == len(set(held_out)) == len(wanted) * (2 if evidence == "B" else 1)
    for fold in folds:
        assert _conditions(fold.train) | _conditions(fold.test) == wanted
        assert not _conditions(fold.train) & _conditions(fold.test)
        assert fold.test


def test_other_seeds_deal_the_conditions_otherwise_and_the_same_seed_alike(corpus: Corpus) -> None:
    dealt = [[_conditions(fold.test) for fold in _folds(corpus, seed=seed)] for seed in (0, 0, 1)]
    assert dealt[0] == dealt[1] != dealt[2]


def _with_velocity(record: Record, velocity: float) -> Record:
    return replace(record, quantities={TARGET: Quantity(np.array(velocity), "m/s", uncertainty=np.array(1.0))})


def test_what_came_of_held_out_runs_is_not_told_to_the_training_part(corpus: Corpus) -> None:
    before = _folds(corpus)
    hidden = _conditions(before[0].test)
    spoilt = replace(
        corpus,
        records=tuple(
            _with_velocity(record, 1e4) if condition_name(record) in hidden else record for record in corpus.records
        ),
        _made={},
    )
    after = _folds(spoilt)
    assert label_values(after[0].test, TARGET) == pytest.approx(1e4)
    for old, new in zip(before[0].train, after[0].train, strict=True):
        assert old.labels == new.labels
        assert repr(old.conditions) == repr(new.conditions)
    for old, new in zip(before[0].test, after[0].test, strict=True):  # nor to the evidence of the held-out runs
        assert repr(old.conditions) == repr(new.conditions)
        assert old.pooled == new.pooled
    assert any(  # the other folds train on them, so there it must show
        old.labels != new.labels for old, new in zip(before[1].train, after[1].train, strict=True)
    )


def test_rows_of_the_benchmark_do_not_decide_a_score(corpus: Corpus) -> None:
    """Labels outside the tuning subset may be anything."""
    spoilt = replace(
        corpus,
        records=tuple(record if for_tuning(record) else _with_velocity(record, 1e4) for record in corpus.records),
        _made={},
    )
    assert _score(corpus, "ridge") == _score(spoilt, "ridge")
    tuned_on = {conditions_key(record) for record in tuning_records(corpus, TARGET)}
    assert tuned_on == {conditions_key(record) for record in corpus.records if for_tuning(record)}


def test_too_few_conditions_for_the_folds_are_refused(corpus: Corpus) -> None:
    with pytest.raises(ParameterError, match="too few for 20 folds"):
        inner_folds(corpus, "A", TARGET, num_folds=20, seed=0)


def _score(corpus: Corpus, name: str, repeats: int = 1, settings: Settings | None = None) -> float:
    model = find_model(name)

    def load(repeat: int) -> tuple[Arrangement, ...]:
        return _folds(corpus, seed=repeat)

    return InnerScore(lambda: model, load, TARGET, model.defaults, 5, repeats)(settings or {})


def test_the_mean_has_the_score_of_the_mean(corpus: Corpus) -> None:
    assert _score(corpus, "mean") == pytest.approx(mean_score(_folds(corpus), TARGET), rel=1e-12)


class Off:
    """Misses every label by a number that is its setting, plus the seed of its fit."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def fit(
        self, samples: Sequence[Sample], target: str, settings: Settings, *, seed: int, report: object = None
    ) -> Off:
        self.seeds.append(seed)
        self.miss = settings["miss"] + seed
        return self

    def predict(self, samples: Sequence[Sample]) -> PredictiveDistribution:
        labels = label_values(samples, TARGET)
        return PredictiveDistribution(TARGET, "linear", labels + self.miss, np.ones(len(labels)))


def test_repeats_pool_their_errors_and_each_has_its_own_folds_and_seed(corpus: Corpus) -> None:
    model, loaded = Off(), []

    def load(repeat: int) -> tuple[Arrangement, ...]:
        loaded.append(repeat)
        return _folds(corpus, seed=repeat)

    score = InnerScore(lambda: model, load, TARGET, {}, 3, 2)({"miss": 4.0})  # type: ignore[arg-type,return-value]
    assert score == pytest.approx(np.sqrt((7.0**2 + 8.0**2) / 2))
    assert loaded == [0, 1]
    assert model.seeds == [3] * NUM_FOLDS + [4] * NUM_FOLDS


def test_settings_of_the_trial_win_over_those_that_are_not_varied(corpus: Corpus) -> None:
    pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')
    assert _score(corpus, "ridge", settings={"alpha": 1e3}) > 1.5 * _score(corpus, "ridge", settings={"alpha": 1.0})


@pytest.mark.parametrize("name", ["ridge", "gp", "slope"])
def test_the_point_estimate_alone_is_the_mean_of_the_whole_fit(corpus: Corpus, name: str) -> None:
    pytest.importorskip("sklearn", reason='tabular models need the extra "ml"')
    model, fold = find_model(name), _folds(corpus)[0]
    whole = model.fit(fold.train, TARGET, model.defaults, seed=1).predict(fold.test).mean
    alone, _ = model.fit_estimate(fold.train, TARGET, model.defaults, seed=1)(fold.test)  # type: ignore[attr-defined]
    assert (whole == alone).all()
