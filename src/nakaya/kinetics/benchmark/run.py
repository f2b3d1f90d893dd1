"""The table of kinetics models: every model on every fold of every split, for both kinds of evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.core.executors import Executor, Processes
from nakaya.kinetics.benchmark.nucleation import rate_results
from nakaya.kinetics.benchmark.scores import score_rows
from nakaya.kinetics.benchmark.tasks import TARGET, Kept, computed, make_tasks, run_tasks
from nakaya.kinetics.graphs.labels import replicate_scatter
from nakaya.kinetics.models.catalogue import MODELS
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash, load_corpus
from nakaya.kinetics.samples.sample import EvidenceKind
from nakaya.kinetics.samples.splits import SPLITS, Split
from nakaya.records.encoding import record_hash
from nakaya.records.replicates import by_conditions
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import load_records

__all__ = [
    "HASH_DIGITS",
    "check_names",
    "check_runs",
    "chosen_settings",
    "describe_corpus",
    "growth_runs",
    "not_scored",
    "score_models",
]

HASH_DIGITS: Final = 16
"""Of the hash of a record that a stored table was computed from."""


def score_models(
    source: str = SHIPPED_SET,
    *,
    models: Sequence[str] = tuple(MODELS),
    evidence: Sequence[EvidenceKind] = ("A", "B"),
    splits: Sequence[Split] = SPLITS,
    tuned: Path | None = None,
    seed: int = 0,
    workers: int = 1,
    executor: Executor | None = None,
    kept: Kept = computed,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Score every model on every fold, and return the table.

    Args:
        source: Shipped set, store or file of records.
        models: Names in the catalogue.
        evidence: "A" (conditions only), "B" (and the first 10 ps).
        splits: What is held out.
        tuned: Folder of tuned settings; None = the shipped ones.
        seed: Of everything random.
        workers: Processes.
        executor: Scores in their place: a cluster, say, whose workers see `source` and what `kept` writes to.
        kept: Keeps results of tasks, or leaves them out.
        progress: Told how many tasks are done, and of how many.

    Returns:
        {"rows": [...], "records": {...}, "seed": seed, "settings": {...}, "not_scored": [...]}.

    Raises:
        UnknownNameError: A model, split or kind of evidence that there is none of.
        NakayaError: As the records and models raise.
    """
    check_names(models, evidence, splits)
    check_count("workers", workers, 1, 256)
    corpus = growth_runs(source)
    tasks = make_tasks(
        corpus,
        models=models,
        evidence=evidence,
        splits=splits,
        settings=partial(tuned_settings, folder=tuned),
        seed=check_seed(seed),
    )
    results = run_tasks(source, tasks, kept=kept, executor=executor or Processes(workers), progress=progress)
    records = load_records(source)
    rates = rate_results(records, corpus, models=models, evidence=evidence, splits=splits, seed=seed, kept=kept)
    return {
        "rows": [*score_rows(results), *score_rows(rates, target="nucleation_rate", unit="ln(1/(m^3 s))")],
        "records": describe_corpus(source, corpus)
        | {"hashes": {record.id: record_hash(record)[:HASH_DIGITS] for record in records}},
        "seed": seed,
        "settings": chosen_settings(models, evidence, tuned),
        "not_scored": not_scored([*results, *rates]),
    }


def growth_runs(source: str) -> Corpus:
    """The growth runs of a set as they are now, without graphs.

    Raises:
        ParameterError: There are none.
    """
    load_corpus.cache_clear()  # records may have come since an earlier call
    return check_runs(source, load_corpus(source, False))


def check_runs(source: str, corpus: Corpus) -> Corpus:
    """Return a corpus, or raise ParameterError where it holds nothing."""
    if not corpus.records:
        raise ParameterError(f"{source} holds no growth runs with a velocity: look at nakaya records show {source}")
    return corpus


def check_names(models: Sequence[str], evidence: Sequence[str], splits: Sequence[str]) -> None:
    """Raise UnknownNameError for the first name that there is none of."""
    for kind, names, known in (
        ("kinetics model", models, tuple(MODELS)),
        ("kind of evidence", evidence, ("A", "B")),
        ("split", splits, SPLITS),
    ):
        for name in names:
            if name not in known:
                raise UnknownNameError(kind, name, known)


def describe_corpus(source: str, corpus: Corpus) -> dict[str, Any]:
    """What was scored, as JSON values."""
    return {
        "source": source,
        "sha256": corpus_hash(corpus),
        "runs": len(corpus.records),
        "conditions": len(by_conditions(corpus.records)),
        "single_seed_conditions": corpus.num_single(),
        "replicates": replicate_scatter(corpus.records, TARGET),
        "left_out": [list(entry) for entry in corpus.left_out],
    }


def chosen_settings(
    models: Sequence[str], evidence: Sequence[EvidenceKind], tuned: Path | None
) -> dict[str, dict[EvidenceKind, dict[str, float]]]:
    """Model -> evidence -> hyperparameters, of the models that do not have their defaults."""
    found = {
        name: {kind: dict(settings) for kind in evidence if (settings := tuned_settings(name, kind, tuned))}
        for name in models
    }
    return {name: settings for name, settings in found.items() if settings}


def not_scored(results: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Folds without test rows, and why; once for all models and folds that share the reason."""
    found: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    for result in results:
        if "reason" in result:
            task = result["task"]
            entry = found.setdefault((task["evidence"], task["split"], result["reason"]), {})
            entry.setdefault(result["fold_name"], set()).add(task["model"])
    return [
        {
            "evidence": evidence,
            "split": split,
            "folds": "; ".join(folds),
            "reason": reason,
            "models": ", ".join(name for name in MODELS if name in set().union(*folds.values())),
        }
        for (evidence, split, reason), folds in found.items()
    ]
