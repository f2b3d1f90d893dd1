"""The frozen splits of a record set: which run is in which fold, for all runs of its plan, as hashes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nakaya.core.errors import FormatError
from nakaya.core.reading import read_json
from nakaya.kinetics.samples.splits import (
    NUM_FOLDS,
    SPLITS,
    assignment_hash,
    fold_of,
    fold_of_run,
    for_tuning_of_run,
)
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.growth import GrowthRun
from nakaya.records.record import Record
from nakaya.records.shipped import SHIPPED_SET, shipped_folder
from nakaya.records.store import load_records

__all__ = ["check_splits", "check_splits_of", "freeze_splits", "read_splits"]

FORMAT = "nakaya-splits"
VERSION = 1
MAX_BYTES = 1 << 20


def freeze_splits(plan: Path) -> dict[str, Any]:
    """Return the folds of all growth runs of a plan, whether they exist yet or not, with their hashes.

    For every split: runs per fold, and the sha256 of the lines "RUN FOLD". The same for the tuning subset.
    """
    runs = [run for run in read_plan(plan) if isinstance(run, GrowthRun)]
    splits: dict[str, Any] = {}
    for split in SPLITS:
        folds = {
            run.id: fold_of_run(run.id, run.material.name, run.orientation, run.temperature, run.seed, split)
            for run in runs
        }
        counts = [list(folds.values()).count(number) for number in range(NUM_FOLDS)]
        splits[split] = {"runs_per_fold": counts, "sha256": assignment_hash(folds)}
    tuning = {run.id: int(for_tuning_of_run(run.material.name, run.orientation, run.temperature)) for run in runs}
    splits["tuning"] = {"runs": sum(tuning.values()), "sha256": assignment_hash(tuning)}
    return {"format": FORMAT, "version": VERSION, "runs": len(runs), "splits": splits}


def read_splits(path: Path) -> dict[str, Any]:
    """Read frozen splits.

    Raises:
        InputFileError, FormatError: Missing, or something else.
    """
    document: dict[str, Any] = read_json(path, MAX_BYTES)
    if not isinstance(document, dict) or document.get("format") != FORMAT or document.get("version") != VERSION:
        raise FormatError(f"{path} does not hold frozen splits of version {VERSION}")
    return document


def check_splits(frozen: dict[str, Any], plan: Path, records: Iterable[Record]) -> list[str]:
    """Return what is not as it was frozen, one sentence each; empty where all is well.

    Args:
        frozen: As `freeze_splits` made it once.
        plan: Of the set.
        records: Its records: every growth run must be one of the plan's, in the fold that its conditions say.
    """
    today = freeze_splits(plan)
    problems = [
        f"{name}: the folds of the plan have the hash {today['splits'].get(name, {}).get('sha256')}, frozen were "
        f"{entry['sha256']}"
        for name, entry in frozen["splits"].items()
        if today["splits"].get(name) != entry
    ]
    planned = {run.id: run for run in read_plan(plan) if isinstance(run, GrowthRun)}
    for record in records:
        if "growth_velocity" not in record.quantities or record.orientation is None:
            continue
        run = planned.get(record.id)
        if run is None:
            problems.append(f"{record.id} is not a run of the plan")
            continue
        for split in SPLITS:
            expected = fold_of_run(run.id, run.material.name, run.orientation, run.temperature, run.seed, split)
            if fold_of(record, split) != expected:
                problems.append(f"{record.id} says other conditions than the plan: split {split}")
    return problems


def check_splits_of(name: str = SHIPPED_SET) -> tuple[dict[str, Any], list[str]]:
    """Check a shipped set: (its frozen splits, what is wrong)."""
    folder = shipped_folder(name)
    frozen = read_splits(folder / "splits.json")
    return frozen, check_splits(frozen, folder / "plan.toml", load_records(name))
