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
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.kinetics.samples.splits import GROUPED, Split, fold_of, for_tuning, hashed
from nakaya.records.record import Record, has_result
from nakaya.records.replicates import by_conditions, conditions_key

__all__ = [
    "INNER_FOLDS",
    "Arrangement",
    "all_samples",
    "arrange_fold",
    "arrange_inner",
    "arrange_unseen",
    "finished_samples",
    "label_rows",
    "labelled_samples",
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
    records: tuple[Record, ...] = ()


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


def labelled_samples(
    corpus: Corpus, records: Iterable[Record], target: str, evidence: EvidenceKind
) -> tuple[Sample, ...]:
    """What a model of one target is fitted to: growth runs of the corpus, or quenches among all records."""
    if target == "nucleation_rate":
        return nucleation_samples(records, corpus.tables)
    return all_samples(corpus, evidence, target)


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
    if evidence == "B":
        # In a random split labels of a row and of its replicates share runs: that is the leakage which it shows. Where
        # seeds are held out, the test sees training runs and has to tell what became of the others.
        learned, scores = (usable, usable) if split == "random" else (outside, inside)
        train = label_rows(outside, learned, evidence, target)
        test = label_rows(outside if split == "run" else inside, scores, evidence, target)
    elif split in GROUPED:
        train, test = label_rows(outside, outside, evidence, target), label_rows(inside, inside, evidence, target)
    else:
        train, test = ([(record, mean_label([record], target)) for record in rows] for rows in (outside, inside))
    test = [(record, label) for record, label in test if scored(record)]
    return Arrangement(
        finished_samples(corpus, train, evidence, outside, split),
        finished_samples(corpus, test, evidence, outside, split),
        tuple(outside),
    )


def label_rows(
    rows: Sequence[Record], sources: Sequence[Record], evidence: EvidenceKind, target: str
) -> list[tuple[Record, Label]]:
    """Records with their labels: for evidence B (early trajectory) that of other seeds among the sources, if any.

    Evidence A (conditions only) is the same for all seeds of a condition: they make one row, and all give its label.
    """
    if evidence == "A":
        return [(seeds[0], mean_label(seeds, target)) for seeds in by_conditions(rows).values()]
    groups = by_conditions(sources)
    found = [(row, label_from_other_seeds(row, groups.get(conditions_key(row), ()), target)) for row in rows]
    return [(record, label) for record, label in found if label is not None]


def finished_samples(
    corpus: Corpus,
    rows: Sequence[tuple[Record, Label]],
    evidence: EvidenceKind,
    known: Sequence[Record],
    split: Split = "run",
) -> tuple[Sample, ...]:
    """Samples with labels and with the faces that `known` records tell of.

    No sample knows faces of another material, of its own condition, or, in a split of whole groups, of its own group.
    """
    keys = {record.id: conditions_key(record) for record in known}
    found = []
    for record, label in rows:
        key = conditions_key(record)
        apart = [
            other
            for other in known
            if other.material == record.material
            and keys[other.id] != key
            and not (split in GROUPED and fold_of(other, split) == fold_of(record, split))
        ]
        labelled = replace(corpus.sample(record, evidence), labels={label.target: label})
        found.append(with_facets(labelled, apart, level=corpus.graphs))
    return tuple(found)
