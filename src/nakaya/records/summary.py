"""Records in words: one line each, or everything about one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nakaya.records.record import DRIVING_FORCE, Quantity, Record

__all__ = ["describe_record", "summarise_record"]

LONG = 7200.0
"""Durations from here on are told in hours, s."""


def summarise_record(record: Record) -> str:
    """Return one line: id, status, material, orientation, what was held, what came out, and what was seen.

    Conditions that are series are told by their range. Of series among the results and the evidence of micrographs and
    reactors the line has names and lengths.
    """
    words = [record.id, record.status, record.material]
    if record.orientation:
        words.append(f"({record.orientation})")
    words += _held(record.conditions)
    single = {name: entry for name, entry in record.quantities.items() if entry.values.ndim == 0}
    words += [f"{name} {_value(entry)}" for name, entry in single.items() if math.isfinite(entry.value)]
    lost = [name for name, entry in single.items() if not math.isfinite(entry.value)]
    words += [f"not known: {', '.join(lost)}"] if lost else []
    if record.kind == "md":  # forty series of one length: their names belong to the whole record
        return "  ".join(words)
    for title, entries in (("series", record.quantities), ("seen", record.evidence)):
        named = [f"{name} ({len(entry.values)})" for name, entry in entries.items() if entry.values.ndim]
        words += [f"{title}: {', '.join(named)}"] if named else []
    return "  ".join(words)


def _held(conditions: Mapping[str, Quantity]) -> Iterator[str]:
    """The conditions that tell one record of a kind from another."""
    temperature = conditions.get("temperature")
    if temperature is not None and np.isfinite(temperature.values).any():
        yield _range(temperature)
    duration = conditions.get("duration")
    if duration is not None and math.isfinite(duration.value):
        yield f"{duration.value / 3600:.4g} h" if duration.value >= LONG else f"{duration.value:.4g} s"
    for name in (DRIVING_FORCE, "supersaturation"):
        entry = conditions.get(name)
        if entry is not None and entry.values.ndim and np.isfinite(entry.values).any():
            yield f"{name} {_range(entry)}"
    pixel = conditions.get("pixel_size")
    if pixel is not None and math.isfinite(pixel.value):
        yield f"pixel {pixel.value:.4g} m"


def describe_record(record: Record) -> list[str]:
    """Return everything about one record as lines of text; series by range and length, SI units throughout."""
    head = [("kind", record.kind), ("status", record.status), ("material", record.material)]
    head += [("composition", ", ".join(f"{name} {share:.4g}" for name, share in record.composition.items()))]
    head += [("orientation", f"({record.orientation})")] if record.orientation else []
    lines = [record.id, "", *_table(head)]
    for title, entries in (
        ("conditions", record.conditions),
        ("results", record.quantities),
        ("evidence, seen before the results", record.evidence),
    ):
        lines += _section(title, _table([(name, _told(entry)) for name, entry in entries.items()]))
    lines += _section("flags", [f"  {flag}" for flag in record.flags])
    shots = [
        (shot.path, shot.form + ("" if shot.time is None else f", at {shot.time:.4g} s")) for shot in record.snapshots
    ]
    lines += _section("files that belong to it", _table(shots))
    made = record.provenance
    origin = [("source", made.source)]
    origin += [("seeds", ", ".join(map(str, made.seeds)))] if made.seeds else []
    origin += [*made.settings.items(), *made.software.items()]
    origin += [(name, f"sha256 {digest}") for name, digest in made.files.items()]
    lines += _section("provenance", _table(origin))
    return [*lines, *(f"  $ {command}" for command in made.commands)]


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = min(40, max((len(name) for name, _ in rows), default=0))
    return [f"  {name:<{width}}  {text}" for name, text in rows]


def _told(entry: Quantity) -> str:
    if entry.values.ndim == 0:
        return _value(entry) if math.isfinite(entry.value) else f"not known,{_unit(entry)}".rstrip(",")
    assert entry.axis is not None  # a series has one
    low, high = (f"{end:.6g}" for end in entry.axis.values[[0, -1]])
    shape = " x ".join(map(str, entry.values.shape))
    along = f"{shape} values over {entry.axis.name} ({low} to {high}{_with_space(entry.axis.unit)})"
    missing = float(np.isnan(entry.values).mean())
    return f"{_range(entry)}, {along}" + (f", {missing:.0%} not known" if missing else "")


def _value(entry: Quantity) -> str:
    """A single value with what is known of its uncertainty."""
    words = f"{entry.value:.4g}"
    if entry.uncertainty is not None and math.isfinite(entry.standard_error):
        words += f" +- {entry.standard_error:.2g}"
    words += _unit(entry)
    if entry.interval is not None:
        ends = ("open" if math.isinf(end) else f"{end:.4g}" for end in (entry.interval.low, entry.interval.high))
        words += f" ({entry.interval.level:.0%}: {' to '.join(ends)})"
    return words


def _range(entry: Quantity) -> str:
    """A constant, or from where to where a series runs."""
    known = entry.values[np.isfinite(entry.values)]
    if not known.size:
        return "not known"
    low, high = f"{known.min():.4g}", f"{known.max():.4g}"
    return (low if low == high else f"{low} to {high}") + _unit(entry)


def _unit(entry: Quantity) -> str:
    return _with_space(entry.unit)


def _with_space(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"
