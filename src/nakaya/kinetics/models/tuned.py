"""Hyperparameters that studies found, one file per model."""

from __future__ import annotations

from pathlib import Path

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.reading import read_json
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.samples.sample import EvidenceKind
from nakaya.records.shipped import shipped_folder

__all__ = ["check_tuned", "tuned_settings"]

MAX_BYTES = 1 << 20


def tuned_settings(model: str, evidence: EvidenceKind, folder: Path | None = None) -> Settings:
    """Hyperparameters that a study found, from the file tuned/MODEL.json; none (the defaults) where there is no file.

    Args:
        model: Name in the catalogue.
        evidence: Settings of a study on this kind of evidence, or of that on the other one.
        folder: Where the files are; None = those that ship with the package.

    Raises:
        FormatError: A file is not {"settings": {"A": {...}, "B": {...}}}.
    """
    path = (folder or shipped_folder() / "tuned") / f"{model}.json"
    if not path.is_file():
        return {}
    try:
        by_evidence = read_json(path, MAX_BYTES)["settings"]
        chosen = by_evidence.get(evidence) or next(iter(by_evidence.values()))
        return {str(name): float(value) for name, value in chosen.items()}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise FormatError(f'{path} is not {{"settings": {{"A": {{...}}, "B": {{...}}}}}}: {error}') from None


def check_tuned(folder: Path | None) -> None:
    """Raise InputFileError where a folder of tuned settings holds none."""
    if folder is not None and not any(folder.glob("*.json")):
        raise InputFileError(f"{folder} is no folder of tuned settings: expected files MODEL.json, such as svm.json")
