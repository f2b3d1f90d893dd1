"""The table of nucleation rates in words, beside that of growth velocities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["rates_as_markdown", "rates_as_text"]

TARGET: Final = "nucleation_rate"


def rates_as_text(document: Mapping[str, Any]) -> list[str]:
    """Lines for a terminal; none where the document has no rates."""
    rows = _rows(document)
    if not rows:
        return []
    lines = ["nucleation rate, ln J with J in 1/(m^3 s):"]
    lines += [f"  {line}" for line in _conditions(document)]
    for split in dict.fromkeys(row["split"] for row in rows):
        chosen = [row for row in rows if row["split"] == split]
        first = chosen[0]
        lines.append(
            f"evidence A, {_held(split)} held out: {first['rows']} rows, noise floor "
            f"{first['noise_floor_rmse']:.2f}, best baseline by inner cross-validation: "
            f"{first['best_baseline'] or 'none'}"
        )
        lines.append(
            f"  {'model':17s}{'RMSE':>7s} {'above floor':>12s} {'cover':>8s} {'width':>7s} {'CPU s':>7s}  by fold"
        )
        for row in chosen:
            folds = "  ".join(f"{fold['fold']} {fold['rmse']:.2f}" for fold in row["folds"])
            lines.append(
                f"  {row['model']:17s}{row['rmse']:7.2f} {row['reducible_rmse']:12.2f} {_covered(row):>8s} "
                f"{row['width90']:7.2f} {row['cpu_seconds']:7.1f}  {folds}"
            )
        lines.append("")
    return lines


def rates_as_markdown(document: Mapping[str, Any]) -> list[str]:
    """Lines for documents: RMSE of ln J, and how many of the conditions lie in their 90 % interval."""
    rows = _rows(document)
    if not rows:
        return []
    splits = list(dict.fromkeys(row["split"] for row in rows))
    lines = [
        "Nucleation rate from conditions only (evidence A), RMSE of ln J, and how many rows their 90 % interval holds:",
        "",
    ]
    lines.append("| held out | " + " | ".join(_held(split) for split in splits) + " | CPU s |")
    lines.append("|---|" + "---|" * (len(splits) + 1))
    first = {split: next(row for row in rows if row["split"] == split) for split in splits}
    lines.append(
        "| *noise floor* | " + " | ".join(f"{first[split]['noise_floor_rmse']:.2f}" for split in splits) + " | |"
    )
    for model in dict.fromkeys(row["model"] for row in rows):
        own = {row["split"]: row for row in rows if row["model"] == model}
        cells = [f"{own[split]['rmse']:.2f} ({_covered(own[split])})" if split in own else "" for split in splits]
        seconds = sum(row["cpu_seconds"] for row in own.values())
        lines.append(f"| {model} | " + " | ".join(cells) + f" | {seconds:.0f} |")
    return [*lines, "", *(f"* {line}" for line in _conditions(document)), ""]


def _rows(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [row for row in document["rows"] if row["target"] == TARGET]


def _conditions(document: Mapping[str, Any]) -> list[str]:
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


def _held(split: str) -> str:
    return "one temperature of a material" if split == "temperature" else "material"


def _covered(row: Mapping[str, Any]) -> str:
    return f"{round(row['coverage90'] * row['rows'])} of {row['rows']}"
