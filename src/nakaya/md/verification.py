"""Records of molecular dynamics, held against what must be true of growth and melting."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError
from nakaya.md.ablation import change_causes
from nakaya.md.invariants import check_laws
from nakaya.records.store import load_records

__all__ = ["verify_growth"]


def verify_growth(source: str | Path, *, causes: bool = False) -> dict[str, Any]:
    """Hold the records of a set against every law.

    Args:
        source: Shipped set, store, or file of records.
        causes: Whether to read the records again with one cause changed at a time.

    Returns:
        findings: list of law, subject, holds (null = the records do not tell), found, expected, unit, detail; and how
        many hold, fail, and have no verdict. With `causes` also effects: list of subject, cause ("" = nothing changed),
        found, standard_error, expected, unit.

    Raises:
        InputFileError: There are no records of molecular dynamics.
    """
    records = [record for record in load_records(source) if record.kind == "md"]
    if not records:
        raise InputFileError(f"{source} holds no records of molecular dynamics")
    findings = check_laws(records)
    verdicts = [finding.holds for finding in findings]
    effects = {"effects": [asdict(effect) for effect in change_causes(records)]} if causes else {}
    return {
        "records": len(records),
        "findings": [asdict(finding) for finding in findings],
        "hold": verdicts.count(True),
        "fail": verdicts.count(False),
        "open": verdicts.count(None),
        **effects,
    }
