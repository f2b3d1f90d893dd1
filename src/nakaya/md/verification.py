"""Records of molecular dynamics, held against what must be true of growth and melting."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nakaya.core.errors import InputFileError
from nakaya.md.invariants import check_laws
from nakaya.records.record import Record
from nakaya.records.store import load_records

__all__ = ["load_md_records", "verify_growth"]


def load_md_records(source: str | Path) -> list[Record]:
    """Read the records of molecular dynamics in a shipped set, store or file.

    Raises:
        InputFileError: There are none.
    """
    records = [record for record in load_records(source) if record.kind == "md"]
    if not records:
        raise InputFileError(f"{source} holds no records of molecular dynamics")
    return records


def verify_growth(source: str | Path) -> dict[str, Any]:
    """Hold the records of a set against every law.

    Args:
        source: Shipped set, store, or file of records.

    Returns:
        findings: list of law, subject, holds (null = the records do not tell), found, expected, unit, detail; and how
        many hold, fail, and have no verdict.

    Raises:
        InputFileError: There are no records of molecular dynamics.
    """
    records = load_md_records(source)
    findings = check_laws(records)
    verdicts = [finding.holds for finding in findings]
    return {
        "records": len(records),
        "findings": [asdict(finding) for finding in findings],
        "hold": verdicts.count(True),
        "fail": verdicts.count(False),
        "open": verdicts.count(None),
    }
