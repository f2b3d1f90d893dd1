"""Models that learned from one set of records, scored on another one, whose runs were made afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from nakaya.core.checks import check_seed
from nakaya.core.errors import NakayaError, ParameterError
from nakaya.crystallography.miller import cubic_plane_family
from nakaya.kinetics.benchmark.run import check_names, check_runs, chosen_settings, describe_corpus, not_scored
from nakaya.kinetics.benchmark.scores import score_rows
from nakaya.kinetics.benchmark.tasks import MIN_TRAIN, TARGET, fit_and_score
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.kinetics.samples.arranging import Arrangement, arrange_inner, arrange_unseen
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash, joined, read_corpus, snapshot_folder
from nakaya.kinetics.samples.sample import EvidenceKind
from nakaya.records.record import FIELDS, Record
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import load_records

__all__ = ["KNOWN", "UNKNOWN", "score_on"]

KNOWN: Final = "known materials"
UNKNOWN: Final = "unknown materials"
SAME_KELVIN: Final = 0.5


def score_on(
    unseen: str,
    source: str = SHIPPED_SET,
    *,
    models: Sequence[str] = tuple(MODELS),
    evidence: Sequence[EvidenceKind] = ("A", "B"),
    tuned: Path | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Fit models to all of one set, and score them on all of another.

    Intervals are calibrated in the first set alone, by temperatures. A material that only the second set knows has its
    melting point and bulk properties from there: they are conditions, not velocities.

    Args:
        unseen: Shipped set, store or file that is scored.
        source: The one that is learned from.
        models: Names in the catalogue.
        evidence: "A" (conditions only), "B" (and the first 10 ps).
        tuned: Folder of tuned settings; None = the shipped ones.
        seed: Of everything random.
        progress: Told how many models are done, and of how many.

    Returns:
        As `score_models`, with the splits "known materials" and "unknown materials", whose folds are materials.

    Raises:
        UnknownNameError: A model or kind of evidence that there is none of.
        ParameterError: A run or a condition is in both sets, or one of them has no growth runs.
        NakayaError: As the records and models raise.
    """
    check_names(models, evidence, ())
    check_seed(seed)
    learned, other = _read(source, unseen)
    tables = joined(_without_graphs(learned), _without_graphs(other))
    asked = [
        (kind, name)
        for kind in evidence
        for name in models
        if kind in MODELS[name].evidence and TARGET in MODELS[name].targets
    ]
    with_graphs = joined(learned, other) if any(MODELS[name].graphs for _, name in asked) else tables
    arranged: dict[tuple[EvidenceKind, bool], tuple[Arrangement, list[Arrangement]]] = {}
    results: list[dict[str, Any]] = []
    for number, (kind, name) in enumerate(asked):
        if progress is not None:
            progress(number, len(asked))
        corpus = with_graphs if MODELS[name].graphs else tables
        if (kind, corpus.graphs) not in arranged:
            held = arrange_unseen(corpus, [record.id for record in other.records], kind, TARGET)
            arranged[kind, corpus.graphs] = held, arrange_inner(corpus, held, kind, TARGET, "temperature")
        held, parts = arranged[kind, corpus.graphs]
        settings = tuned_settings(name, kind, tuned)
        results += _results(held, parts, other, name, kind, settings, seed=seed, known=set(learned.tables))
    if progress is not None:
        progress(len(asked), len(asked))
    return {
        "rows": score_rows([result for result in results if result["rows"]]),
        "nucleation": [],
        "records": describe_corpus(unseen, other)
        | {"learned_from": {"source": source, "sha256": corpus_hash(learned), "runs": len(learned.records)}},
        "seed": seed,
        "settings": chosen_settings(models, evidence, tuned),
        "not_scored": not_scored(results),
        "text": [],
    }


def _read(source: str, unseen: str) -> tuple[Corpus, Corpus]:
    first, second = load_records(source), load_records(unseen)
    learned, other = _corpus(source, first, first), _corpus(unseen, second, [*first, *second])
    for record in other.records:
        for twin in learned.records:
            if _same_front(record, twin):
                raise ParameterError(
                    f"{record.id} of {unseen} has the conditions of {twin.id} of {source}: a condition that was "
                    "learned from is not unseen"
                )
    return learned, other


def _same_front(one: Record, other: Record) -> bool:
    """Whether two growth runs are replicates for a model, whatever pressure or name of the face they state."""
    return (
        one.material == other.material
        and cubic_plane_family(one.orientation or "") == cubic_plane_family(other.orientation or "")
        and all((one.constant(name) or 0.0) == (other.constant(name) or 0.0) for name in FIELDS)
        and abs(one.conditions["temperature"].value - other.conditions["temperature"].value) < SAME_KELVIN
    )


def _corpus(name: str, records: Sequence[Record], known: Sequence[Record]) -> Corpus:
    return check_runs(name, read_corpus(records, snapshot_folder(name, records), known=known))


def _without_graphs(corpus: Corpus) -> Corpus:
    return replace(corpus, folder=None, graphs=False, _made={})


def _results(
    held: Arrangement,
    parts: Sequence[Arrangement],
    unseen: Corpus,
    name: str,
    kind: EvidenceKind,
    settings: Settings,
    *,
    seed: int,
    known: set[str],
) -> Iterator[dict[str, Any]]:
    """One result per material of the unseen set, in the form of a benchmark's task: materials are its folds."""
    document: dict[str, Any] = {"train_rows": len(held.train), "rows": []}
    materials = sorted({sample.material for sample in held.test})
    try:
        if len(held.train) < MIN_TRAIN or not held.test:
            raise ParameterError(f"{len(held.train)} training rows and {len(held.test)} test rows")
        document |= fit_and_score(held, parts, unseen.records, find_model(name), settings, seed=seed)
    except NakayaError as error:
        document["reason"] = str(error)
    for fold, material in enumerate(materials or ["none"]):
        split = KNOWN if material in known else UNKNOWN
        rows = [row for row, sample in zip(document["rows"], held.test, strict=False) if sample.material == material]
        yield document | {
            "task": {"model": name, "evidence": kind, "split": split, "fold": fold},
            "fold_name": material,
            "rows": rows,
            "cpu_seconds": document.get("cpu_seconds", 0.0) / max(len(materials), 1),
        }
