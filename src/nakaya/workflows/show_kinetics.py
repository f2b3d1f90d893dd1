"""Growth velocities of records against temperature, for every face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.kinetics.graphs.labels import Label, mean_label
from nakaya.md.tables import tabulate
from nakaya.records.record import Record, has_result
from nakaya.records.replicates import conditions_key
from nakaya.viz.charts.calibration import Points

__all__ = ["velocities_by_orientation", "velocity_points"]

TARGET = "growth_velocity"


def velocity_points(records: Sequence[Record]) -> dict[tuple[str, str], list[tuple[float, Label]]]:
    """Mean velocities over seeds: (material, orientation) -> [(temperature in K, mean with its standard error)]."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        temperature = record.conditions.get("temperature")
        if record.orientation is None or not has_result(record, TARGET) or temperature is None:
            continue
        if temperature.values.ndim == 0:
            groups.setdefault(conditions_key(record), []).append(record)
    found: dict[tuple[str, str], list[tuple[float, Label]]] = {}
    for group in groups.values():
        first = group[0]
        entry = first.conditions["temperature"].value, mean_label(group, TARGET)
        found.setdefault((first.material, first.orientation or ""), []).append(entry)
    return {pair: sorted(entries, key=lambda entry: entry[0]) for pair, entries in sorted(found.items())}


def velocities_by_orientation(records: Sequence[Record]) -> dict[str, tuple[list[Points], float]]:
    """Material -> (velocities of its faces with bars of one standard error, melting point in K)."""
    panels: dict[str, tuple[list[Points], float]] = {}
    for (material, face), entries in velocity_points(records).items():
        middles = np.array([label.value for _, label in entries])
        errors = np.nan_to_num(np.array([label.standard_error for _, label in entries]))
        kelvins = np.array([temperature for temperature, _ in entries])
        panel = panels.setdefault(material, ([], tabulate(material, records).melting_temperature))
        panel[0].append(Points(f"({face})", kelvins, middles, middles - errors, middles + errors))
    return panels
