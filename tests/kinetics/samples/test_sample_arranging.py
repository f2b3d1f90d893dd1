"""Nothing that a test sample is scored on reaches what a model learns from, or what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nakaya.kinetics.samples.arranging import arrange_fold, arrange_inner, outer_folds
from nakaya.kinetics.samples.corpus import Corpus, read_corpus
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.kinetics.samples.splits import GROUPED, NUM_FOLDS, SPLITS, Split, fold_of, for_tuning
from nakaya.records.record import Quantity, Record
from support.synthetic_growth import SyntheticGrowth

TARGET = "growth_velocity"
SMALL = SyntheticGrowth(
    pairs=(("Al", "100"), ("Cu", "110"), ("Cu", "111"), ("Si", "100")),
    reduced_temperatures=(0.60, 0.76, 0.84),
)
BULK = [record for record in SMALL.records() if TARGET not in record.quantities]
"""Melting points and properties: what tables of materials are made from."""

EVERYTHING: list[tuple[EvidenceKind, Split]] = [(kind, split) for kind in ("A", "B") for split in SPLITS]  # type: ignore[misc]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(SMALL.records())


def with_result(record: Record, velocity: float) -> Record:
    results = {**record.quantities, TARGET: Quantity(np.array(velocity), "m/s", uncertainty=np.array(1.0))}
    return replace(record, quantities=results)


def lie(corpus: Corpus, about: Callable[[Record], bool]) -> Corpus:
    """The corpus as it would be read if some runs had ended otherwise; its tables are made from all that was read."""
    return read_corpus([*BULK, *(with_result(r, 999.0) if about(r) else r for r in corpus.records)])


def seen(sample: Sample) -> tuple[object, ...]:
    """Everything that a model may look at."""
    levels = [
        (name, level.features.tobytes())
        for frame in sample.sequence.frames
        for name, level in sorted(frame.levels.items())
    ]
    relations = [
        (name, relation.index.tobytes(), relation.weight.tobytes(), relation.features.tobytes())
        for frame in sample.sequence.frames
        for name, relation in sorted(frame.relations.items())
    ]
    numbers = sorted({**sample.conditions, **sample.pooled}.items())
    table = sample.table
    curves = (table.lattice_parameter, table.liquid_volume, table.latent_heat, table.diffusivity)
    material = [curve and curve(sample.temperature) for curve in curves]
    melting = (table.melting_temperature, table.melting_error)
    return repr([numbers, melting, material]), levels, relations, sample.sequence.evidence.values.tobytes()


@pytest.mark.parametrize(("evidence", "split"), EVERYTHING)
def test_labels_come_from_runs_that_are_not_the_evidence(corpus: Corpus, evidence: EvidenceKind, split: Split) -> None:
    for fold in outer_folds(corpus, split):
        held = arrange_fold(corpus, evidence, TARGET, split, fold)
        assert held.train
        for sample in (*held.train, *held.test):
            label = sample.labels[TARGET]
            if evidence == "B":
                assert sample.record_id not in label.record_ids
                assert all(not name.endswith(f"-s{sample.seed}") for name in label.record_ids)
            else:
                assert not sample.pooled
                assert set(sample.sequence.frames[0].levels) <= {"facet"}
                assert not sample.sequence.evidence.names


# Random rows of evidence B share runs: the leakage that this split is there to show.
@pytest.mark.parametrize(("evidence", "split"), [pair for pair in EVERYTHING if pair != ("B", "random")])
def test_results_of_what_is_held_out_change_nothing_but_its_labels(
    corpus: Corpus, evidence: EvidenceKind, split: Split
) -> None:
    fold = outer_folds(corpus, split)[1]
    held = arrange_fold(corpus, evidence, TARGET, split, fold)
    lying = lie(corpus, lambda record: fold_of(record, split) == fold)
    again = arrange_fold(lying, evidence, TARGET, split, fold)
    assert [seen(s) for s in (*held.train, *held.test)] == [seen(s) for s in (*again.train, *again.test)]
    assert [s.labels for s in held.train] == [s.labels for s in again.train]
    assert held.test
    assert all(s.labels[TARGET].value == 999.0 for s in again.test)


@pytest.mark.parametrize("evidence", ["A", "B"])
@pytest.mark.parametrize("split", ["temperature", "run"])
def test_no_sample_sees_results_of_its_own_condition(corpus: Corpus, evidence: EvidenceKind, split: Split) -> None:
    chosen = next(record for record in corpus.records if not for_tuning(record))
    name = corpus.sample(chosen, "A").condition
    lying = lie(corpus, lambda record: corpus.sample(record, "A").condition == name)
    reached = {"train": 0, "test": 0}
    for fold in outer_folds(corpus, split):
        told = [arrange_fold(c, evidence, TARGET, split, fold) for c in (corpus, lying)]
        for part in reached:
            for honest, changed in zip(*(getattr(held, part) for held in told), strict=True):
                if honest.condition == name:
                    reached[part] += 1
                    assert seen(honest) == seen(changed)
                    assert changed.labels[TARGET].value == 999.0
    assert all(reached.values()), reached


@pytest.mark.parametrize(("evidence", "split"), EVERYTHING)
def test_results_of_an_outer_fold_reach_no_inner_sample(corpus: Corpus, evidence: EvidenceKind, split: Split) -> None:
    fold = outer_folds(corpus, split)[0]
    lying = lie(corpus, lambda record: fold_of(record, split) == fold)
    honest, changed = (
        arrange_inner(c, arrange_fold(c, evidence, TARGET, split, fold), evidence, TARGET, split)
        for c in (corpus, lying)
    )
    assert honest
    for before, after in zip(honest, changed, strict=True):
        for part in ("train", "test"):
            samples, again = getattr(before, part), getattr(after, part)
            assert samples
            assert [seen(sample) for sample in samples] == [seen(sample) for sample in again]
            assert [sample.labels for sample in samples] == [sample.labels for sample in again]


@pytest.mark.parametrize("split", sorted(GROUPED))
def test_replicates_stay_together_and_facets_know_other_groups_only(corpus: Corpus, split: Split) -> None:
    folds: dict[str, set[int]] = {}
    for record in corpus.records:
        folds.setdefault(corpus.sample(record, "A").condition, set()).add(fold_of(record, split))
    assert all(len(numbers) == 1 for numbers in folds.values())
    assert len({number for numbers in folds.values() for number in numbers}) <= NUM_FOLDS
    held = arrange_fold(corpus, "A", TARGET, split, outer_folds(corpus, split)[0])
    for sample in (*held.train, *held.test):
        if split == "material":
            assert np.isnan([v for name, v in sample.conditions.items() if name.startswith("velocity_")]).all()
        if split == "orientation":
            assert np.isnan(sample.conditions["velocity_own_face"])


def test_the_runs_of_a_held_out_seed_are_used_nowhere(corpus: Corpus) -> None:
    for evidence in ("A", "B"):
        held = arrange_fold(corpus, evidence, TARGET, "run", 1)  # type: ignore[arg-type]
        assert {name for s in held.test for name in s.labels[TARGET].record_ids} <= {
            r.id for r in corpus.records if r.provenance.seeds == (1,)
        }
        used = {name for s in held.train for name in (*s.labels[TARGET].record_ids, s.record_id)}
        assert used
        assert not any(name.endswith("-s1") for name in used)


def test_no_condition_of_the_tuning_subset_is_scored(corpus: Corpus) -> None:
    tuned = {corpus.sample(record, "A").condition for record in corpus.records if for_tuning(record)}
    assert tuned
    scored = set()
    for evidence, split in EVERYTHING:
        for fold in outer_folds(corpus, split):
            scored |= {s.condition for s in arrange_fold(corpus, evidence, TARGET, split, fold).test}
    assert scored == {corpus.sample(record, "A").condition for record in corpus.records} - tuned


@pytest.mark.parametrize("split", SPLITS)
def test_inner_folds_stay_inside_the_training_part(corpus: Corpus, split: Split) -> None:
    for evidence in ("A", "B"):
        outer = arrange_fold(corpus, evidence, TARGET, split, 0)  # type: ignore[arg-type]
        allowed = {record.id for record in outer.records}
        inner = arrange_inner(corpus, outer, evidence, TARGET, split)  # type: ignore[arg-type]
        assert len(inner) >= 2
        for part in inner:
            names = {name for s in (*part.train, *part.test) for name in (s.record_id, *s.labels[TARGET].record_ids)}
            assert names <= allowed
            if split in GROUPED:
                assert not {s.condition for s in part.train} & {s.condition for s in part.test}


def test_single_seeds_give_evidence_a_a_label_and_evidence_b_none() -> None:
    corpus = read_corpus(SyntheticGrowth(pairs=(("Al", "100"), ("Cu", "100")), seeds=(0,)).records())
    assert corpus.num_single() == 12
    assert arrange_fold(corpus, "A", TARGET, "material", 0).train
    assert not arrange_fold(corpus, "B", TARGET, "material", 0).train


def test_a_run_without_a_result_is_left_out_and_named() -> None:
    records = SyntheticGrowth(pairs=(("Cu", "100"),), seeds=(0, 1)).records()
    last = records[-1]
    records[-1] = replace(last, status="failed", flags=("the crystal melted away",))
    corpus = read_corpus(records)
    assert corpus.left_out == ((last.id, "no velocity (the crystal melted away)"),)
    assert last.id not in {record.id for record in corpus.records}
