"""The score that a study makes small: the error of a model in grouped cross-validation inside its training subset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.baselines.fitting import Baseline
from nakaya.kinetics.models.protocol import KineticModel, Settings
from nakaya.kinetics.samples.arranging import Arrangement, finished_samples, label_rows
from nakaya.kinetics.samples.corpus import Corpus
from nakaya.kinetics.samples.sample import EvidenceKind, label_values
from nakaya.kinetics.samples.splits import condition_name, for_tuning
from nakaya.records.record import Record, has_result

__all__ = ["InnerScore", "inner_folds", "mean_score", "tuning_records"]


def tuning_records(corpus: Corpus, target: str) -> list[Record]:
    """Return the records that a study may look at: the training subset that no test group of the benchmark scores."""
    return [record for record in corpus.records if for_tuning(record) and has_result(record, target)]


def inner_folds(
    corpus: Corpus, evidence: EvidenceKind, target: str, *, num_folds: int, seed: int
) -> tuple[Arrangement, ...]:
    """Cut the tuning subset into folds of whole conditions.

    Conditions are dealt out in a random order within each pair of material and orientation, so that a fold seldom holds
    out all of a pair. What a sample is told of the velocities of other faces comes from conditions that the fold does
    not hold out, never from its own.

    Args:
        corpus: Growth runs.
        evidence: What the model sees. Evidence A is the same for all seeds of a condition, so it makes one sample of
            them; for evidence B each run is a sample, whose label comes from the other seeds.
        target: What the model learns.
        num_folds: At most as many as there are conditions.
        seed: Of the order.

    Raises:
        ParameterError: There are too few conditions with a label.
    """
    records = tuning_records(corpus, target)
    rows = label_rows(records, records, evidence, target)
    fold_of = _deal([record for record, _ in rows], num_folds, seed)
    folds = []
    for fold in range(num_folds):
        known = [record for record in records if fold_of.get(condition_name(record)) != fold]
        samples = finished_samples(corpus, rows, evidence, known)
        places = [fold_of[condition_name(record)] for record, _ in rows]
        train, test = (
            tuple(sample for sample, place in zip(samples, places, strict=True) if (place == fold) == held)
            for held in (False, True)
        )
        folds.append(Arrangement(train, test, tuple(known)))
    return tuple(folds)


def _deal(records: Sequence[Record], num_folds: int, seed: int) -> dict[str, int]:
    """Condition -> fold."""
    rng = np.random.default_rng(seed)
    pairs: dict[tuple[str, str], set[str]] = {}
    for record in records:
        pairs.setdefault((record.material, record.orientation or ""), set()).add(condition_name(record))
    dealt = [str(name) for pair in sorted(pairs) for name in rng.permutation(sorted(pairs[pair]))]
    if len(dealt) < num_folds:
        raise ParameterError(
            f"{len(dealt)} labelled conditions in the tuning subset are too few for {num_folds} folds: "
            "give more records, or fewer folds in the study file"
        )
    return {condition: place % num_folds for place, condition in enumerate(dealt)}


@dataclass(frozen=True)
class InnerScore:
    """Root mean square error over the held-out samples of all inner folds and repeats, on the scale of the target.

    A worker finds model and folds by calling the two functions that it was given, which keep what they loaded: what
    crosses over to a new process is small.

    Attributes:
        find_model: Returns the model; can be pickled.
        load_folds: Number of a cross-validation -> its folds; can be pickled.
        target: What the model learns.
        unvaried: A value for every parameter that the study does not vary.
        seed: Of every fit in the first cross-validation; the others follow.
        repeats: Cross-validations, each with its own deal of the conditions and its own seed of the fits. Few
            conditions make a score that jumps from setting to setting, because one deal and one seed happen to suit
            some of them: repeats take that luck out.
    """

    find_model: Callable[[], KineticModel]
    load_folds: Callable[[int], Sequence[Arrangement]]
    target: str
    unvaried: Settings
    seed: int
    repeats: int = 1

    def __call__(self, settings: Settings) -> float:
        """Return the error; not finite where a prediction is not."""
        model = self.find_model()
        whole: Mapping[str, float] = {**self.unvaried, **settings}
        errors = []
        for repeat in range(self.repeats):
            for fold in self.load_folds(repeat):
                seed = self.seed + repeat
                if isinstance(model, Baseline):  # its intervals cost three fits more, and no score looks at them
                    means, _ = model.fit_estimate(fold.train, self.target, whole, seed=seed)(fold.test)
                else:
                    means = model.fit(fold.train, self.target, whole, seed=seed).predict(fold.test).mean
                errors.append(means - label_values(fold.test, self.target))
        return _rmse(errors)


def mean_score(folds: Sequence[Arrangement], target: str) -> float:
    """Return the error of predicting the mean label of the training part: what a model must beat to be of any use."""
    return _rmse([label_values(fold.train, target).mean() - label_values(fold.test, target) for fold in folds])


def _rmse(errors: Sequence[FloatArray]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
