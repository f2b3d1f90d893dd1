"""Compute again what is stored: the table's tabular models are fitted again, the shipped model predicts again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.kinetics.benchmark.run import HASH_DIGITS, score_models
from nakaya.kinetics.benchmark.table import read_stored
from nakaya.kinetics.models.catalogue import NETWORKS
from nakaya.kinetics.prediction.reference import recompute_predictions
from nakaya.records.encoding import record_hash, to_document
from nakaya.records.record import Record
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import load_records

__all__ = ["AGREEMENT", "compare_rows", "disagreements", "evaluate_stored", "same_records"]

SHIPPED_MODEL: Final = "al-cu-si"

AGREEMENT: Final = 0.02
"""Fraction by which an error may differ: other versions of linear algebra end small networks and trees elsewhere."""

_NAMES = ("evidence", "model", "target", "split")


def evaluate_stored(
    *, seed: int = 0, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Fit all tabular models of the stored table again, and let the shipped model predict again.

    Tabular models are fitted to the records that the table was computed from; the shipped set may have grown since, and
    records that the table does not know are left out. Rows of networks come from a network for every fold, which takes
    hours and whose weights do not ship: they are not computed here. The network that ships is fitted to all records; it
    is read from its weights, and what it predicts is held against what it predicted on the day of its training.

    Returns:
        {"compared": [...], "largest_difference": share, "agree": bool, "missing": stored rows that could not be
        computed again, "not_recomputed": models whose rows are only
        stored, "changed_records": records of the stored table that are missing or different today, "frozen": of
        `recompute_predictions`}.
    """
    stored = read_stored()
    models = list(dict.fromkeys(row["model"] for row in stored["rows"]))
    tabular = [name for name in models if name not in NETWORKS]
    records, changed = same_records(load_records(SHIPPED_SET), stored["records"]["hashes"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.json"
        file.write_text(json.dumps({"records": [to_document(record) for record in records]}), encoding="utf-8")
        tuned = Path(folder) / "tuned"
        tuned.mkdir()
        for name, settings in stored["settings"].items():  # better ones may have been found since
            (tuned / f"{name}.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")
        fresh = score_models(str(file), models=tabular, tuned=tuned, seed=seed, workers=workers, progress=progress)
    compared = compare_rows(stored["rows"], fresh["rows"])
    again = {_key(row) for row in compared}
    left = [_key(row) for row in stored["rows"] if row["model"] in tabular and _key(row) not in again]
    missing = [" ".join(map(str, key)) for key in left]
    frozen = recompute_predictions(SHIPPED_MODEL)
    largest = max((abs(row["recomputed"] / row["stored"] - 1) for row in compared), default=0.0)
    return {
        "compared": compared,
        "largest_difference": largest,
        "agree": not changed and not missing and bool(compared) and largest <= AGREEMENT and not disagreements(frozen),
        "missing": missing,
        "changed_records": changed,
        "not_recomputed": [name for name in models if name in NETWORKS],
        "frozen": frozen,
    }


def disagreements(frozen: Mapping[str, Any]) -> list[str]:
    """Parts of a frozen model that do not say what they said, or whose samples are others; nothing stored is none."""
    return [
        f"{part['target']}, evidence {part['evidence']}, {part['model']}"
        for part in frozen["parts"]
        if (part["difference"] is None and part["stored"]) or (part["difference"] or 0.0) > AGREEMENT
    ]


def same_records(records: Sequence[Record], hashes: Mapping[str, str]) -> tuple[list[Record], list[str]]:
    """Records that are as they were when their hashes were taken, and the ids of those that are not."""
    today = {record.id: record for record in records}
    same = [
        today[name]
        for name, digest in hashes.items()
        if name in today and record_hash(today[name])[:HASH_DIGITS] == digest
    ]
    return same, sorted(set(hashes) - {record.id for record in same})


def compare_rows(stored: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Errors that are stored beside those that were computed again, row by row."""
    before = {_key(row): row for row in stored}
    return [
        {**{name: row[name] for name in _NAMES}, "stored": known["rmse"], "recomputed": row["rmse"]}
        for row in fresh
        if (known := before.get(_key(row))) is not None
    ]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _NAMES)
