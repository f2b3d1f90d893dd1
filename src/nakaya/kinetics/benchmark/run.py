"""The table of kinetics models: every model on every fold of every split, for both kinds of evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.kinetics.benchmark.nucleation import describe_rates, rate_results
from nakaya.kinetics.benchmark.scores import score_rows
from nakaya.kinetics.benchmark.tasks import Keeper, NothingKept, make_tasks, run_tasks
from nakaya.kinetics.graphs.labels import replicate_scatter
from nakaya.kinetics.models.catalogue import MODELS
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.models.tuned import tuned_settings
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash, load_corpus
from nakaya.kinetics.samples.sample import EvidenceKind
from nakaya.kinetics.samples.splits import SPLITS, Split
from nakaya.records.encoding import record_hash
from nakaya.records.replicates import conditions_key
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import load_records

__all__ = [
    "HASH_DIGITS",
    "TEXT_FIGURES",
    "Keeping",
    "check_names",
    "not_scored",
    "score_models",
]

Keeping = Callable[[str, int], AbstractContextManager[Keeper]]
"""From the hash of the records and the seed to what keeps results while the table is made."""

HASH_DIGITS: Final = 16
"""Of the hash of a record that a stored table was computed from."""

TEXT_FIGURES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "target": "growth_velocity",
        "rmse": 0.85,
        "unit": None,
        "why": "no unit, data set or split is given: set beside a figure in m/s it means nothing",
    },
    {
        "target": "nucleation_density",
        "rmse": 0.72,
        "unit": None,
        "why": "no unit is given; a density here is .896 (J/v)^(3/4), as good as the rows of the rate and the velocity",
    },
    {
        "target": "growth_velocity",
        "margin": 0.20,
        "unit": "1",
        "why": "20 % lower RMSE than neural networks and support vector machines: comparable with rmse_ratio_to_ann "
        "and rmse_ratio_to_svm, which must then be below 0.80; ratio_to_ann and ratio_to_svm are of what lies above "
        "the noise floor",
    },
)
"""What the text that started this claims, and what can be compared."""


def score_models(
    source: str = SHIPPED_SET,
    *,
    models: Sequence[str] = tuple(MODELS),
    evidence: Sequence[EvidenceKind] = ("A", "B"),
    splits: Sequence[Split] = SPLITS,
    tuned: Path | None = None,
    seed: int = 0,
    workers: int = 1,
    keeping: Keeping = lambda corpus, seed: nullcontext(NothingKept()),
    compute: bool = True,
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
        keeping: Makes what keeps the results of tasks; left out, nothing is kept.
        compute: Whether to compute what is missing; otherwise the table is made from what is kept.
        progress: Told how many tasks are done, and of how many.

    Returns:
        {"rows": [...], "nucleation": [...], "records": {...}, "settings": {...}, "not_scored": [...], "text": [...]}.

    Raises:
        UnknownNameError: A model, split or kind of evidence that there is none of.
        NakayaError: As the records and models raise.
    """
    check_names(models, evidence, splits)
    check_count("workers", workers, 1, 256)
    load_corpus.cache_clear()  # records may have come since an earlier call
    corpus = load_corpus(source, False)
    if not corpus.records:
        raise ParameterError(f"{source} holds no growth runs with a velocity: look at nakaya records show {source}")

    def settings(model: str, kind: EvidenceKind) -> Settings:
        return tuned_settings(model, kind, tuned)

    tasks = make_tasks(
        corpus, models=models, evidence=evidence, splits=splits, settings=settings, seed=check_seed(seed)
    )
    with keeping(corpus_hash(corpus), seed) as keeper:
        results = run_tasks(source, tasks, keeper, workers=workers, compute=compute, progress=progress)
        records = load_records(source)
        rates = rate_results(
            records, corpus, keeper, models=models, evidence=evidence, splits=splits, seed=seed, compute=compute
        )
    return {
        "rows": [*score_rows(results), *score_rows(rates, target="nucleation_rate", unit="ln(1/(m^3 s))")],
        "nucleation": describe_rates(records, corpus),
        "records": _describe(source, corpus),
        "seed": seed,
        "settings": {
            model: {kind: dict(found) for kind in evidence if (found := settings(model, kind))}
            for model in models
            if any(settings(model, kind) for kind in evidence)
        },
        "not_scored": not_scored([*results, *rates]),
        "text": [dict(entry) for entry in TEXT_FIGURES],
    }


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


def _describe(source: str, corpus: Corpus) -> dict[str, Any]:
    seeds = Counter(conditions_key(record) for record in corpus.records)
    return {
        "source": source,
        "sha256": corpus_hash(corpus),
        "runs": len(corpus.records),
        "conditions": len(seeds),
        "single_seed_conditions": corpus.num_single(),
        "replicates": replicate_scatter(corpus.records, "growth_velocity"),
        "left_out": [list(entry) for entry in corpus.left_out],
        "hashes": {record.id: record_hash(record)[:HASH_DIGITS] for record in load_records(source)},
    }


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
