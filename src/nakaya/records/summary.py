"""One summary of a record, for the command line and for captions: one line, its results, or everything.

Lengths are told in nm, µm or mm where that reads better, angles in degrees, all else in SI units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from nakaya.records.record import DRIVING_FORCE, FIELDS, Quantity, Record

__all__ = ["describe_record", "outline_record", "summarise_record", "tell_results"]

LONG = 7200.0
"""Durations from here on are told in hours, s."""


def summarise_record(record: Record) -> str:
    """Return one line: id, status, material, orientation, what was held, what came out, and what was seen.

    Conditions that are series are told by their range. Of series among the results and the evidence of micrographs and
    reactors the line has names and lengths.

    >>> from nakaya.records.store import load_records
    >>> run = next(record for record in load_records("al-cu-si") if record.id.startswith("growth-Cu-100"))
    >>> summarise_record(run).split()[2:5]
    ['Cu', '(100)', '1009']
    """
    return "  ".join([*_head(record), *(f"{name} {text}" for name, text in _results(record)), *_rest(record)])


def outline_record(record: Record) -> list[str]:
    """Return the same on several lines, one for each result and each flag."""
    rest = [f"  {words}" for words in _rest(record)]
    return ["  ".join(_head(record)), *_table(_results(record)), *rest, *(f"  flag: {flag}" for flag in record.flags)]


def tell_results(record: Record, names: Iterable[str]) -> str:
    """Return some of the results in words, as captions have them: those of `names` that the record holds as one value.

    >>> from nakaya.records.record import Provenance, single
    >>> found = {"mean_intercept": single(8.9e-6, "m", interval=(8.2e-6, 9.73e-6)), "mean_neighbours": single(5.8, "1")}
    >>> record = Record("steel", "micrograph", "steel", {"driving_force": single(0, "1")}, found, Provenance("image"))
    >>> tell_results(record, ["mean_intercept", "grain_area", "mean_neighbours"])
    'mean intercept 8.9 µm (95%: 8.2 to 9.73), mean neighbours 5.8'
    """
    told = dict(_results(record))
    words = {name: name.replace("_", " ").replace("astm", "ASTM") for name in told}
    marks = {name: ":" if name[-1].isdigit() else "" for name in told}  # "spacing 1 of lattice 0: 0.24 nm"
    return ", ".join(f"{words[name]}{marks[name]} {told[name]}" for name in names if name in told)


def _head(record: Record) -> list[str]:
    orientation = [f"({record.orientation})"] if record.orientation else []
    return [record.id, record.status, record.material, *orientation, *_held(record.conditions)]


def _results(record: Record) -> list[tuple[str, str]]:
    """Names and words of the single values that are known."""
    single = ((name, entry) for name, entry in record.quantities.items() if entry.values.ndim == 0)
    return [(name, _value(entry)) for name, entry in single if math.isfinite(entry.value)]


def _rest(record: Record) -> Iterator[str]:
    """What is not known, and the series."""
    lost = [name for name, entry in record.quantities.items() if entry.values.ndim == 0 and math.isnan(entry.value)]
    if lost:
        yield f"not known: {', '.join(lost)}"
    if record.kind == "md":  # forty series of one length: their names belong to the whole record
        return
    for title, entries in (("series", record.quantities), ("seen", record.evidence)):
        named = [f"{name} ({len(entry.values)})" for name, entry in entries.items() if entry.values.ndim]
        if named:
            yield f"{title}: {', '.join(named)}"


def _held(conditions: Mapping[str, Quantity]) -> Iterator[str]:
    """The conditions that tell one record of a kind from another."""
    temperature = conditions.get("temperature")
    if temperature is not None and np.isfinite(temperature.values).any():
        yield _range(temperature)
    for name in FIELDS:
        if name in conditions and not conditions[name].values.ndim:
            yield f"{name} {_value(conditions[name])}"
    duration = conditions.get("duration")
    if duration is not None and math.isfinite(duration.value):
        yield f"{duration.value / 3600:.4g} h" if duration.value >= LONG else f"{duration.value:.4g} s"
    for name in (DRIVING_FORCE, "supersaturation"):
        entry = conditions.get(name)
        if entry is not None and entry.values.ndim and np.isfinite(entry.values).any():
            yield f"{name} {_range(entry)}"
    pixel = conditions.get("pixel_size")
    if pixel is not None and math.isfinite(pixel.value):
        yield f"pixel {_value(pixel)}"


def describe_record(record: Record) -> list[str]:
    """Return everything about one record as lines of text; series by range and length."""
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
        return _value(entry) if math.isfinite(entry.value) else f"not known,{_with_space(entry.unit)}".rstrip(",")
    assert entry.axis is not None  # a series has one
    low, high = (f"{end:.6g}" for end in entry.axis.values[[0, -1]])
    shape = " x ".join(map(str, entry.values.shape))
    along = f"{shape} values over {entry.axis.name} ({low} to {high}{_with_space(entry.axis.unit)})"
    missing = float(np.isnan(entry.values).mean())
    return f"{_range(entry)}, {along}" + (f", {missing:.0%} not known" if missing else "")


def _value(entry: Quantity) -> str:
    """A single value with what is known of its uncertainty."""
    factor, unit = _readable(entry)
    words = f"{entry.value * factor:.4g}"
    if entry.uncertainty is not None and math.isfinite(entry.standard_error):
        words += f" +- {entry.standard_error * factor:.2g}"
    words += _with_space(unit)
    if entry.interval is not None:
        ends = (
            "open" if math.isinf(end) else f"{end * factor:.4g}" for end in (entry.interval.low, entry.interval.high)
        )
        words += f" ({entry.interval.level:.0%}: {' to '.join(ends)})"
    return words


def _range(entry: Quantity) -> str:
    """A constant, or from where to where a series runs."""
    known = entry.values[np.isfinite(entry.values)]
    if not known.size:
        return "not known"
    factor, unit = _readable(entry)
    low, high = f"{known.min() * factor:.4g}", f"{known.max() * factor:.4g}"
    return (low if low == high else f"{low} to {high}") + _with_space(unit)


def _readable(entry: Quantity) -> tuple[float, str]:
    """Factor and unit in which the values are told: lengths with a prefix, angles in degrees, all else in SI units."""
    known = np.abs(entry.values[np.isfinite(entry.values)])
    if entry.unit == "rad":
        return math.degrees(1), "degrees"
    if entry.unit == "m" and known.any():
        for factor, unit in ((1e9, "nm"), (1e6, "µm"), (1e3, "mm")):
            if known.max() * factor < 1e3:
                return factor, unit
    return 1.0, entry.unit


def _with_space(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"
