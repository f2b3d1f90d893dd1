"""Synthetic growth runs that also state how they were set up, as runs of ours do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from nakaya.records.record import Record

__all__ = ["SETTINGS", "with_setups"]

SETTINGS: Final = {
    "duration_ps": "40.0",
    "equilibration_ps": "10.0",
    "width_A": "16.0",
    "length_A": "200.0",
    "initial_solid_fraction": "0.3",
}


def with_setups(records: Iterable[Record], **changed: str) -> list[Record]:
    """The records; growth runs state box and times, those of `SETTINGS` where nothing else is said."""
    found = []
    for record in records:
        if "growth_velocity" in record.quantities:
            record = replace(record, provenance=replace(record.provenance, settings={**SETTINGS, **changed}))
        found.append(record)
    return found
