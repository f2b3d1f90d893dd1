"""From a corpus to training and test samples: who is held out, which seeds give the label, which records the facets.

Evidence A holds nothing of any run, so all seeds may give its label. Evidence B is seen in one run, and its label comes
from the others. Where whole groups are held out, the facets of a training sample come from the other groups, just as
those of a test sample do: otherwise the features would mean one thing in training and another in the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nakaya.kinetics.graphs.labels import Label, label_from_other_seeds, mean_label
from nakaya.kinetics.samples.corpus import Corpus, with_facets
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.kinetics.samples.splits import GROUPED, Split, fold_of, for_tuning, hashed
from nakaya.records.record import Record
from nakaya.records.replicates import conditions_key, has_result

__all__ = [
    "INNER_FOLDS",
    "Arrangement",
    "all_samples",
    "arrange_fold",
    "arrange_inner",
    "arrange_unseen",
    "outer_folds",
]

INNER_FOLDS = 3
"""Folds of the inner cross-validation where the groups themselves do not make them."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What is learned from and what is scored.

    Attributes:
        train: Samples with labels.
        test: Samples with labels that share no run with those of `train`.
        records: The records that training used in any way.
    """

    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    records: tuple[Record, ...]


def outer_folds(corpus: Corpus, split: Split) -> list[int]:
    """Numbers of the folds that hold a record."""
    return sorted({fold_of(record, split) for record in corpus.records})


def arrange_fold(corpus: Corpus, evidence: EvidenceKind, target: str, split: Split, fold: int) -> Arrangement:
    """Hold one fold out; conditions of the tuning subset are trained on, but never scored."""
    return _arrange(
        corpus, corpus.records, evidence, target, split,
        held_out=lambda record: fold_of(record, split) == fold,
        scored=lambda record: not for_tuning(record),
    )  # fmt: skip


def arrange_inner(
    corpus: Corpus, outer: Arrangement, evidence: EvidenceKind, target: str, split: Split
) -> list[Arrangement]:
    """Cross-validate inside the training part of an outer fold; what is held out resembles the outer fold.

    Temperature, orientation, material: one of the remaining groups after the other. Run and random: a third of the
    runs, by a hash of their names.
    """
    by_group = split in GROUPED

    def number(record: Record) -> int:
        return fold_of(record, split) if by_group else hashed(f"inner {record.id}", INNER_FOLDS)

    found = []
    for fold in sorted({number(record) for record in outer.records}):
        inner = _arrange(
            corpus, outer.records, evidence, target, split if by_group else "random",
            held_out=lambda record, fold=fold: number(record) == fold,  # type: ignore[misc]
            scored=lambda _: True,
        )  # fmt: skip
        if inner.train and inner.test:
            found.append(inner)
    return found


def arrange_unseen(corpus: Corpus, unseen: Iterable[str], evidence: EvidenceKind, target: str) -> Arrangement:
    """Hold out the records of the given ids, whatever their conditions, and score all of them.

    For records that came after the models were frozen: as in the split by temperature, a sample does not know the faces
    of its own group of temperatures.
    """
    names = frozenset(unseen)
    return _arrange(
        corpus, corpus.records, evidence, target, "temperature",
        held_out=lambda record: record.id in names,
        scored=lambda _: True,
    )  # fmt: skip


def all_samples(corpus: Corpus, evidence: EvidenceKind, target: str) -> tuple[Sample, ...]:
    """Every labelled sample: what a model is fitted to that is not scored afterwards."""
    return _arrange(
        corpus, corpus.records, evidence, target, "temperature", held_out=lambda _: False, scored=lambda _: True
    ).train  # fmt: skip


def _arrange(
    corpus: Corpus,
    records: Iterable[Record],
    evidence: EvidenceKind,
    target: str,
    split: Split,
    *,
    held_out: Callable[[Record], bool],
    scored: Callable[[Record], bool],
) -> Arrangement:
    usable = [record for record in records if has_result(record, target)]
    outside = [record for record in usable if not held_out(record)]
    inside = [record for record in usable if held_out(record)]
    if split == "random" and evidence == "B":
        # Labels of a row and of its replicates share runs: that is the leakage which this split is there to show.
        train, test = _other_seeds(outside, usable, target), _other_seeds(inside, usable, target)
    elif split == "run" and evidence == "B":
        train, test = _other_seeds(outside, outside, target), _other_seeds(outside, inside, target)
    elif split in GROUPED and evidence == "A":
        train, test = _all_seeds(outside, target), _all_seeds(inside, target)
    elif evidence == "A":
        train, test = _each(outside, target), _each(inside, target)
    else:
        train, test = _other_seeds(outside, outside, target), _other_seeds(inside, inside, target)
    test = [(record, label) for record, label in test if scored(record)]

    keys = {record.id: conditions_key(record) for record in usable}

    def finish(rows: Sequence[tuple[Record, Label]]) -> tuple[Sample, ...]:
        found = []
        for record, label in rows:
            apart = [
                other
                for other in outside
                if other.material == record.material  # no other one's faces are looked at
                and keys[other.id] != keys[record.id]
                and not (split in GROUPED and fold_of(other, split) == fold_of(record, split))
            ]
            labelled = replace(corpus.sample(record, evidence), labels={label.target: label})
            found.append(with_facets(labelled, apart, level=corpus.graphs))
        return tuple(found)

    return Arrangement(finish(train), finish(test), tuple(outside))


def _each(records: Sequence[Record], target: str) -> list[tuple[Record, Label]]:
    return [(record, mean_label([record], target)) for record in records]


def _all_seeds(records: Sequence[Record], target: str) -> list[tuple[Record, Label]]:
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(conditions_key(record), []).append(record)
    return [(group[0], mean_label(group, target)) for group in groups.values()]


def _other_seeds(rows: Sequence[Record], sources: Sequence[Record], target: str) -> list[tuple[Record, Label]]:
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in sources:
        groups.setdefault(conditions_key(record), []).append(record)
    found = [
        (record, label_from_other_seeds(record, groups.get(conditions_key(record), ()), target)) for record in rows
    ]
    return [(record, label) for record, label in found if label is not None]
