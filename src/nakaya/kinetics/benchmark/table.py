"""The table in words: for the terminal, for documents, and the results that ship with the package."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.folders import output_errors, write_atomically
from nakaya.core.provenance import sha256_of_file
from nakaya.kinetics.benchmark.nucleation_table import rates_as_markdown, rates_as_text
from nakaya.kinetics.benchmark.unseen import KNOWN, UNKNOWN
from nakaya.records.shipped import shipped_folder

__all__ = [
    "BEGIN",
    "END",
    "as_json_document",
    "as_markdown",
    "as_text",
    "read_stored",
    "replace_between_markers",
    "write_document",
    "write_table",
]

BEGIN: Final = "<!-- benchmark kinetics: begin (nakaya benchmark kinetics --stored --write FILE) -->"
END: Final = "<!-- benchmark kinetics: end -->"
BEGIN_UNSEEN: Final = (
    "<!-- benchmark kinetics on others: begin (nakaya benchmark kinetics --on unseen --write FILE) -->"
)
END_UNSEEN: Final = "<!-- benchmark kinetics on others: end -->"
SINGLE: Final = ("material", "orientation", KNOWN, UNKNOWN)
"""Splits whose folds are printed one by one."""


def stored_file() -> Path:
    """Where the shipped results are."""
    return shipped_folder() / "benchmark.json"


def read_stored(path: Path | None = None) -> dict[str, Any]:
    """Read results that were written with `write_document`, with the hash of their file.

    Raises:
        InputFileError, FormatError: Missing, or something else.
    """
    place = path or stored_file()
    try:
        document: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        rows = document["rows"]
    except OSError:
        raise InputFileError(f"there are no stored results {place}: run nakaya benchmark kinetics") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{place} does not hold results of the benchmark: {error}") from None
    if not isinstance(rows, list):
        raise FormatError(f'{place} does not hold results of the benchmark: "rows" is no list')
    return document | {"sha256": sha256_of_file(place)}


def as_json_document(document: Mapping[str, Any]) -> bytes:
    """The document as the bytes of a file; not a number becomes null."""
    return (json.dumps(_plain(document), indent=1) + "\n").encode()


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Keep results as a file, whole or not at all."""
    with output_errors(path):
        write_atomically(path, as_json_document(document))


def as_text(document: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    lines = [_about(document["records"]), ""]
    for evidence, split, rows in _blocks(document["rows"]):
        first = rows[0]
        lines.append(
            f"evidence {evidence}, {_tested(split)}: {first['rows']} rows of {first['conditions']} conditions, noise "
            f"floor {first['noise_floor_rmse']:.1f} m/s, best baseline by inner cross-validation: "
            f"{first['best_baseline'] or 'none'}"
        )
        lines.append(
            f"  {'model':17s}{'RMSE':>7s} {'95 %':>13s} {'above floor':>12s} {'sign':>6s} {'cover':>6s} {'width':>7s} "
            f"{'/ ann':>18s} {'/ svm':>18s} {'/ best':>18s} {'CPU s':>7s}"
        )
        for row in rows:
            lines.append(
                f"  {row['model']:17s}{row['rmse']:7.1f} {_span(row['rmse_interval']):>13s} "
                f"{row['reducible_rmse']:12.1f} {_share(row['sign_accuracy']):>6s} {_share(row['coverage90']):>6s} "
                f"{row['width90']:7.0f} {_ratio(row['ratio_to_ann']):>18s} {_ratio(row['ratio_to_svm']):>18s} "
                f"{_ratio(row['ratio_to_best_baseline']):>18s} {row['cpu_seconds']:7.1f}"
            )
            if split in SINGLE and len(row["folds"]) > 1:
                single = "  ".join(f"{fold['fold']} {fold['rmse']:.1f}" for fold in row["folds"])
                lines.append(f"  {'':17s}  by fold: {single}")
        whole = [row["whole_run_rmse"] for row in rows if _known(row["whole_run_rmse"])]
        if whole:
            lines.append(f"  the direct fit to the whole run instead of its first 10 ps: {whole[0]:.1f} m/s")
        lines.append("")
    lines += rates_as_text(document)
    lines += [
        f"not scored: evidence {entry['evidence']}, {entry['split']} ({entry['folds']}): {entry['reason']}"
        for entry in document["not_scored"]
    ]
    lines += [f"the text claims {_claim(entry)}" for entry in document["text"]]
    return "\n".join(lines).strip() + "\n"


def as_markdown(document: Mapping[str, Any]) -> str:
    """The table for documents: RMSE in m/s with its 95 % interval; one row per model, one column per split."""
    lines = [_about(document["records"]), ""]
    if not document["settings"]:
        lines += ["All models have their default settings: none of them was tuned on these records.", ""]
    by_evidence: dict[str, list[tuple[str, list[Mapping[str, Any]]]]] = {}
    for evidence, split, rows in _blocks(document["rows"]):
        by_evidence.setdefault(evidence, []).append((split, rows))
    for evidence, blocks in by_evidence.items():
        splits = [split for split, _ in blocks]
        what = "conditions only" if evidence == "A" else "conditions and the first 10 ps"
        lines += [f"Evidence {evidence} ({what}), RMSE of the growth velocity in m/s [95 % interval]:", ""]
        lines.append("| held out | " + " | ".join(splits) + " | CPU s |")
        lines.append("|---|" + "---|" * (len(splits) + 1))
        floors = [f"{rows[0]['noise_floor_rmse']:.1f}" for _, rows in blocks]
        lines.append("| *noise floor* | " + " | ".join(floors) + " | |")
        models = list(dict.fromkeys(row["model"] for _, rows in blocks for row in rows))
        for model in models:
            found = [next((row for row in rows if row["model"] == model), None) for _, rows in blocks]
            cells = ["" if row is None else f"{row['rmse']:.1f} {_span(row['rmse_interval'])}" for row in found]
            seconds = sum(row["cpu_seconds"] for row in found if row is not None)
            lines.append(f"| {model} | " + " | ".join(cells) + f" | {seconds:.0f} |")
        lines.append("")
        best = ", ".join(f"{split}: {rows[0]['best_baseline'] or 'none'}" for split, rows in blocks)
        lines += [f"Best baseline by inner cross-validation: {best}.", ""]
        lines += _network_lines(blocks) + _fold_lines(blocks)
    lines += rates_as_markdown(document)
    if document["text"]:
        lines += ["", "What the text that started this claims, and what can be compared:", ""]
        lines += [f"* {_claim(entry)}" for entry in document["text"]]
    return "\n".join(lines).strip() + "\n"


def _claim(entry: Mapping[str, Any]) -> str:
    claim = f"RMSE {entry['rmse']}" if "rmse" in entry else f"{entry['margin']:.0%} lower RMSE"
    return f"{claim} of the {entry['target'].replace('_', ' ')}: {entry['why']}"


def _fold_lines(blocks: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> list[str]:
    """Single folds of splits that have three groups: an average over three says little."""
    found = []
    for split, rows in blocks:
        for row in rows:
            if split in SINGLE and row["model"] in ("msgnn", "ann", "svm"):
                folds = ", ".join(f"{fold['fold']} {fold['rmse']:.1f}" for fold in row["folds"])
                found.append(f"* {split}, {row['model']}: {folds}")
    return ["Single folds, RMSE in m/s:", "", *found, ""] if found else []


def _network_lines(blocks: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> list[str]:
    found = []
    for split, rows in blocks:
        row = next((row for row in rows if row["model"] == "msgnn"), None)
        if row is not None:
            found.append(
                f"| {split} | {_ratio(row['ratio_to_ann'])} | {_ratio(row['ratio_to_svm'])} | "
                f"{_ratio(row['ratio_to_best_baseline'])} | {_ratio(row['rmse_ratio_to_ann'])} | "
                f"{_ratio(row['rmse_ratio_to_svm'])} | {_share(row['coverage90'])} "
                f"{_percent(row['coverage90_interval'])} | {_share(row['sign_accuracy'])} |"
            )
    if not found:
        return []
    head = (
        "| msgnn, held out | / ann | / svm | / best baseline | whole RMSE / ann | whole RMSE / svm | "
        "coverage of 90 % [binomial 95 %] | sign right |"
    )
    return ["Ratios of what lies above the noise floor, and of whole errors:", "", head, "|---" * 8 + "|", *found, ""]


def replace_between_markers(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """Put a table between the markers of a document.

    Raises:
        FormatError: The markers are not there, or come twice.
    """
    pattern = re.escape(begin) + r"\n.*?" + re.escape(end)
    if len(re.findall(pattern, text, flags=re.DOTALL)) != 1:
        raise FormatError(f"the document needs the lines {begin} and {end}, once each")
    return re.sub(pattern, lambda _: f"{begin}\n\n{table}\n{end}", text, flags=re.DOTALL)


def write_table(document: Mapping[str, Any], path: Path) -> None:
    """Renew the table between the markers of a document on disk.

    Raises:
        InputFileError, FormatError: It is not there, or has no markers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {(error.strerror or 'unknown reason').lower()}") from None
    markers = (BEGIN_UNSEEN, END_UNSEEN) if "learned_from" in document["records"] else (BEGIN, END)
    renewed = replace_between_markers(text, as_markdown(document), *markers)
    with output_errors(path):
        write_atomically(path, renewed.encode())


def _blocks(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["target"] == "growth_velocity":
            found.setdefault((row["evidence"], row["split"]), []).append(row)
    return [(evidence, split, entries) for (evidence, split), entries in found.items()]


def _about(records: Mapping[str, Any]) -> str:
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


def _span(interval: Sequence[float | None]) -> str:
    low, high = interval
    return f"[{low:.1f}, {high:.1f}]" if low is not None and high is not None else "-"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _percent(interval: Sequence[float]) -> str:
    low, high = interval
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def _ratio(values: Sequence[float | None]) -> str:
    low, middle, high = (value if value is not None else math.nan for value in values)
    if not math.isfinite(middle):
        return "-"
    return f"{middle:.2f} [{_end(low)}, {_end(high)}]"


def _end(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
