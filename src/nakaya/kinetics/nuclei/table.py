"""The table of nuclei in words for the terminal, and the results that ship with the package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.core.errors import FormatError
from nakaya.core.provenance import sha256_of_file
from nakaya.core.reading import read_json
from nakaya.records.shipped import shipped_folder

__all__ = ["SHIPPED_NUCLEI", "as_text", "read_stored_nuclei", "stored_nuclei"]

SHIPPED_NUCLEI: Final = "nuclei"
"""Name of the set of seeding records that comes with the package."""

MAX_BYTES: Final = 1 << 24


def stored_nuclei() -> Path:
    """Where the results lie that ship; the file may not be there."""
    return shipped_folder(SHIPPED_NUCLEI) / "benchmark.json"


def read_stored_nuclei(path: Path | None = None) -> dict[str, Any]:
    """Read the results that ship, or others like them, with the hash of their file.

    Raises:
        InputFileError, FormatError: Missing, or something else.
    """
    place = path or stored_nuclei()
    document = read_json(place, MAX_BYTES)
    kept = isinstance(document, dict) and isinstance(document.get("rows"), list)
    if not kept or not isinstance(document.get("nuclei"), dict):
        raise FormatError(f'{place} does not hold results of the benchmark of nuclei: "nuclei" or "rows" is missing')
    return {**document, "sha256": sha256_of_file(place)}


def as_text(document: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    nuclei = document["nuclei"]
    lines = [
        f"{nuclei['count']} nuclei, change of the size over n^(2/3) after {nuclei['after_ps']:g} ps, mean over "
        f"branches (sha256 {nuclei['sha256'][:12]})"
    ]
    lines += [_group(entry) for entry in nuclei["groups"]]
    reasons: dict[str, int] = {}
    for _, reason in nuclei["left_out"]:
        reasons[reason] = reasons.get(reason, 0) + 1
    lines += [f"left out: {count} records: {reason}" for reason, count in reasons.items()]
    for split in dict.fromkeys(row["split"] for row in document["rows"]):
        lines += ["", *_block([row for row in document["rows"] if row["split"] == split])]
    skipped: dict[tuple[str, str], list[str]] = {}
    for entry in document["not_scored"]:
        skipped.setdefault((entry["split"], entry["reason"]), []).append(f"{entry['model']} ({entry['fold']})")
    lines += [f"not scored: {split}: {', '.join(which)}: {reason}" for (split, reason), which in skipped.items()]
    return "\n".join(lines) + "\n"


def _group(entry: Mapping[str, Any]) -> str:
    first, middle, last = entry["size_quartiles"]
    fates = entry["fates"]
    words = "n* is not seen"
    if _known(entry["critical_size"]):
        told = ", ".join(f"{count} {kind}" for kind, count in fates.items())
        words = f"n* = {entry['critical_size']:.0f}, branches {told}"
    return (
        f"  {entry['group']}: {entry['nuclei']} nuclei of {first:.0f}, {middle:.0f}, {last:.0f} atoms (quartiles), "
        f"{words}; a snapshot can tell {entry['ceiling']:.2f} {_span(entry['ceiling_interval'])} of the variance"
    )


def _block(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    first = rows[0]
    what = "nuclei from quenches" if first["split"] == "spontaneous" else f"{first['split']} held out"
    head = (
        f"{what}: {first['nuclei']} nuclei, ceiling {first['ceiling']:.2f} {_span(first['ceiling_interval'])}, best "
        f"baseline by inner cross-validation: {first['best_baseline'] or 'none'}"
    )
    title = (
        f"  {'model':16s}{'R2':>6s} {'95 %':>15s} {'less size':>21s} {'less best baseline':>21s} "
        f"{'way to ceiling':>21s} {'cover':>19s} {'width':>6s} {'CPU s':>7s}"
    )
    lines = [head, title]
    for row in rows:
        cover = f"{100 * row['coverage90']:.0f} % {_percent(row['coverage90_interval'])}"
        lines.append(
            f"  {row['model']:16s}{row['r2']:6.2f} {_span(row['r2_interval']):>15s} "
            f"{_triple(row['difference_to_size']):>21s} {_triple(row['difference_to_best_baseline']):>21s} "
            f"{_triple(row['way_to_ceiling']):>21s} {cover:>19s} {row['width90']:6.2f} {row['cpu_seconds']:7.1f}"
        )
    return lines


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _span(interval: Sequence[float | None]) -> str:
    return f"[{interval[0]:.2f}, {interval[1]:.2f}]" if all(map(_known, interval)) else "-"


def _percent(interval: Sequence[float]) -> str:
    return f"[{100 * interval[0]:.0f}, {100 * interval[1]:.0f}]"


def _triple(values: Sequence[float | None]) -> str:
    low, middle, high = values
    if not _known(middle):
        return "-"
    return f"{middle:+.2f} {_span((low, high))}"
