"""The table in words for the terminal, and the results that ship with the package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.core.errors import FormatError
from nakaya.core.provenance import sha256_of_file
from nakaya.core.reading import read_json
from nakaya.kinetics.benchmark.unseen import KNOWN, UNKNOWN
from nakaya.kinetics.samples.sample import EVIDENCE
from nakaya.records.shipped import shipped_folder

__all__ = [
    "SINGLE",
    "as_text",
    "blocks_of",
    "claim",
    "covered",
    "describe_records",
    "heading",
    "held_out",
    "percent",
    "rate_conditions",
    "rate_rows",
    "ratio",
    "read_stored",
    "rounded",
    "span",
]

MAX_BYTES: Final = 1 << 24
RATE: Final = "nucleation_rate"
SINGLE: Final = ("material", "orientation", KNOWN, UNKNOWN)
"""Splits whose folds are printed one by one."""


def read_stored(path: Path | None = None) -> dict[str, Any]:
    """Read the results that ship, or others like them, with the hash of their file.

    Raises:
        InputFileError, FormatError: Missing, or something else.
    """
    place = path or shipped_folder() / "benchmark.json"
    document = read_json(place, MAX_BYTES)
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        raise FormatError(f'{place} does not hold results of the benchmark: it has no list of "rows"')
    return document | {"sha256": sha256_of_file(place)}


def as_text(document: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    kinds = "; ".join(f"evidence {kind}: {words}" for kind, words in EVIDENCE.items())
    lines = [describe_records(document["records"]), kinds, ""]
    for evidence, split, rows in blocks_of(document["rows"]):
        lines.append(
            f"evidence {evidence}, {_tested(split)}: {heading(rows, 'rows')} rows of {heading(rows, 'conditions')} "
            f"conditions, noise floor {rounded(heading(rows, 'noise_floor_rmse'), 1)} m/s, best baseline by inner "
            f"cross-validation: {heading(rows, 'best_baseline') or 'none'}"
        )
        lines.append(
            f"  {'model':17s}{'RMSE':>7s} {'95 %':>13s} {'above floor':>12s} {'sign':>6s} {'cover':>6s} {'width':>7s} "
            f"{'/ ann':>18s} {'/ svm':>18s} {'/ best':>18s} {'CPU s':>7s}"
        )
        for row in rows:
            lines.append(
                f"  {row['model']:17s}{row['rmse']:7.1f} {span(row['rmse_interval']):>13s} "
                f"{row['reducible_rmse']:12.1f} {percent(row['sign_accuracy']):>6s} {percent(row['coverage90']):>6s} "
                f"{row['width90']:7.0f} {ratio(row['ratio_to_ann']):>18s} {ratio(row['ratio_to_svm']):>18s} "
                f"{ratio(row['ratio_to_best_baseline']):>18s} {row['cpu_seconds']:7.1f}"
            )
            if split in SINGLE and len(row["folds"]) > 1:
                single = "  ".join(f"{fold['fold']} {fold['rmse']:.1f}" for fold in row["folds"])
                lines.append(f"  {'':17s}  by fold: {single}")
        direct = [row["whole_run_rmse"] for row in rows if _known(row["whole_run_rmse"])]
        if direct:
            lines.append(f"  the direct fit to the whole run instead of its first 10 ps: {direct[0]:.1f} m/s")
        lines.append("")
    lines += rates_as_text(document)
    lines += [
        f"not scored: evidence {entry['evidence']}, {entry['split']} ({entry['folds']}): {entry['reason']}"
        for entry in document["not_scored"]
    ]
    lines += [f"the text claims {claim(entry)}" for entry in document.get("text", ())]
    return "\n".join(lines).strip() + "\n"


def claim(entry: Mapping[str, Any]) -> str:
    """An entry of "text" as a sentence."""
    figure = f"RMSE {entry['rmse']}" if "rmse" in entry else f"{entry['margin']:.0%} lower RMSE"
    return f"{figure} of the {entry['target'].replace('_', ' ')}: {entry['why']}"


def blocks_of(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Rows of growth velocities by evidence and split."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["target"] == "growth_velocity":
            found.setdefault((row["evidence"], row["split"]), []).append(row)
    return [(evidence, split, entries) for (evidence, split), entries in found.items()]


def heading(rows: Sequence[Mapping[str, Any]], key: str) -> Any:
    """Return what the rows of one split share, one row for each model; None where none states it.

    Of the rows that state it, the one with the most test rows speaks, for a model whose folds are not all done has
    fewer; among equals the first.
    """
    stated = [row for row in rows if row.get(key) is not None]
    return max(stated, key=lambda row: int(row["rows"]))[key] if stated else None


def rounded(value: float | None, digits: int) -> str:
    """A number with so many digits behind the point, or "-"."""
    return f"{value:.{digits}f}" if _known(value) else "-"


def describe_records(records: Mapping[str, Any]) -> str:
    """Say what was scored, and on what was learned."""
    single = records["single_seed_conditions"]
    note = f"; {single} conditions have one seed only and give no label to evidence of their own run" if single else ""
    seen = records.get("replicates") or {"degrees_of_freedom": 0}
    scatter = (
        f" Replicates scatter by {seen['scatter']:.1f} m/s, where they state errors of {seen['stated']:.1f} m/s (root "
        f"mean squares, {seen['degrees_of_freedom']} degrees of freedom; chi2 {seen['chi2']:.0f})."
        if seen["degrees_of_freedom"]
        else ""
    )
    learned = records.get("learned_from")
    before = (
        f" Learned from {learned['runs']} growth runs of {learned['source']} (sha256 {learned['sha256'][:12]})."
        if learned
        else ""
    )
    return (
        f"{records['runs']} growth runs of {records['conditions']} conditions (sha256 {records['sha256'][:12]})"
        f"{note}.{before}{scatter}"
    )


def _tested(split: str) -> str:
    return split if split in (KNOWN, UNKNOWN) else f"{split} held out"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def span(interval: Sequence[float | None]) -> str:
    """An interval of RMSE, or "-"."""
    low, high = interval
    return f"[{low:.1f}, {high:.1f}]" if low is not None and high is not None else "-"


def percent(value: float) -> str:
    """A fraction in percent."""
    return f"{100 * value:.0f} %"


def ratio(values: Sequence[float | None]) -> str:
    """A ratio with its interval."""
    low, middle, high = (value if value is not None else math.nan for value in values)
    if not math.isfinite(middle):
        return "-"
    return f"{middle:.2f} [{_end(low)}, {_end(high)}]"


def _end(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def rates_as_text(document: Mapping[str, Any]) -> list[str]:
    """Lines for a terminal; none where the document has no rates."""
    rows = rate_rows(document)
    if not rows:
        return []
    lines = ["nucleation rate, ln J with J in 1/(m^3 s):"]
    lines += [f"  {line}" for line in rate_conditions(document)]
    for split in dict.fromkeys(row["split"] for row in rows):
        chosen = [row for row in rows if row["split"] == split]
        lines.append(
            f"evidence A, {held_out(split)} held out: {heading(chosen, 'rows')} rows, noise floor "
            f"{rounded(heading(chosen, 'noise_floor_rmse'), 2)}, best baseline by inner cross-validation: "
            f"{heading(chosen, 'best_baseline') or 'none'}"
        )
        lines.append(
            f"  {'model':17s}{'RMSE':>7s} {'above floor':>12s} {'cover':>8s} {'width':>7s} {'CPU s':>7s}  by fold"
        )
        for row in chosen:
            folds = "  ".join(f"{fold['fold']} {fold['rmse']:.2f}" for fold in row["folds"])
            lines.append(
                f"  {row['model']:17s}{row['rmse']:7.2f} {row['reducible_rmse']:12.2f} {covered(row):>8s} "
                f"{row['width90']:7.2f} {row['cpu_seconds']:7.1f}  {folds}"
            )
        lines.append("")
    return lines


def rate_rows(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Rows of nucleation rates."""
    return [row for row in document["rows"] if row["target"] == RATE]


def rate_conditions(document: Mapping[str, Any]) -> list[str]:
    """What is to be told: one sentence for each condition."""
    found = []
    for entry in document.get("nucleation", ()):
        probability = entry["p_exponential"]
        known = probability is not None and math.isfinite(probability)
        test = f", waiting times exponential with p = {probability:.2g}" if known else ""
        found.append(
            f"{entry['condition']}: ln J = {entry['ln_rate']:.2f} +- {entry['standard_error']:.2f} from "
            f"{entry['events']} crystals, {entry['censored']} runs without one, lag {entry['lag_ps']:.0f} ps{test}"
        )
    return found


def held_out(split: str) -> str:
    """What a split of nucleation rates holds out."""
    return "one temperature of a material" if split == "temperature" else "material"


def covered(row: Mapping[str, Any]) -> str:
    """How many rows lie in their interval."""
    return f"{round(row['coverage90'] * row['rows'])} of {row['rows']}"
