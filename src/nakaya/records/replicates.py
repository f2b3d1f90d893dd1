"""Which records are replicates of one another."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nakaya.records.record import Record

__all__ = ["by_conditions", "conditions_key"]

_SET = ("temperature", "pressure", "shear_rate", "electric_field", "cooling_rate", "supersaturation", "concentration")


def conditions_key(record: Record) -> tuple[object, ...]:
    """What two runs must have in common to be replicates: material, orientation and everything that was set."""
    composition = tuple(sorted((name, round(share, 6)) for name, share in record.composition.items()))
    settings = tuple(
        (name, *(float(f"{value:.6g}") for value in np.ravel(record.conditions[name].values)))
        for name in _SET
        if name in record.conditions
    )
    return record.kind, record.material, composition, record.orientation, settings


def by_conditions(records: Iterable[Record]) -> dict[tuple[object, ...], list[Record]]:
    """Group records by their `conditions_key`: each group holds replicates, in the order given."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(conditions_key(record), []).append(record)
    return groups
