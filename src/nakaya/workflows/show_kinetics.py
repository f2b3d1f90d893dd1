"""Growth velocities as pictures: against temperature for every face, and predictions against labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.labels import Label, mean_label
from nakaya.md.tables import tabulate
from nakaya.records.record import Record
from nakaya.records.replicates import conditions_key, has_result
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.calibration import Points, velocity_panels
from nakaya.viz.style import find_theme
from nakaya.viz.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_velocities", "velocities_by_face", "velocity_points"]

TARGET = "growth_velocity"
FORMATS: dict[str, Literal["svg", "png"]] = {".svg": "svg", ".png": "png"}
PIXELS_PER_INCH = 130


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


def draw_velocities(records: Sequence[Record], path: Path, *, theme: str = "light") -> list[str]:
    """Draw velocity against temperature with error bars (one standard error), a panel for each material.

    Args:
        records: Growth runs, and whatever tells the melting points.
        path: File, .svg or .png.
        theme: "dark" or "light".

    Returns:
        What was drawn, pair by pair.

    Raises:
        ParameterError: There are no growth runs, or the ending is another.
    """
    kind = _format(path)
    panels = velocities_by_face(records)
    if not panels:
        raise ParameterError("there are no growth runs with a velocity to draw")
    _write(velocity_panels(panels, find_theme(theme)), path, kind)
    return [
        f"{material} {points.label}: {len(points.x)} temperatures"
        for material, (series, _) in panels.items()
        for points in series
    ]


def velocities_by_face(records: Sequence[Record]) -> dict[str, tuple[list[Points], float]]:
    """Material -> (velocities of its faces with bars of one standard error, melting point in K)."""
    panels: dict[str, tuple[list[Points], float]] = {}
    for (material, face), entries in velocity_points(records).items():
        middles = np.array([label.value for _, label in entries])
        errors = np.nan_to_num(np.array([label.standard_error for _, label in entries]))
        kelvins = np.array([temperature for temperature, _ in entries])
        panel = panels.setdefault(material, ([], tabulate(material, records).melting_temperature))
        panel[0].append(Points(f"({face})", kelvins, middles, middles - errors, middles + errors))
    return panels


def _format(path: Path) -> Literal["svg", "png"]:
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(f"{path} has the ending {path.suffix or 'none'!r}: use one of {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def _write(figure: Figure, path: Path, kind: Literal["svg", "png"]) -> None:
    write_whole(path, encode_figure(figure, kind, pixels_per_inch=PIXELS_PER_INCH))
