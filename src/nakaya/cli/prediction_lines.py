"""Predictions as lines of text: what was asked or is known, why the rest is not, and what else could be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from nakaya.kinetics.prediction.model import KineticsModel
from nakaya.kinetics.prediction.predicting import UNSTATED_ORIENTATION
from nakaya.kinetics.prediction.ranges import common_wording
from nakaya.kinetics.prediction.report import UNITS
from nakaya.kinetics.samples.sample import EVIDENCE

__all__ = ["also_to_be_asked", "prediction_lines", "range_lines"]

VELOCITY, RATE, *FOLLOWING = UNITS
RANGE: Final = "--temperature START:STOP:COUNT --orientation 100,110,111"


def asked_quantity(document: Mapping[str, Any]) -> str:
    """Return what a prediction was asked for: the velocity of an interface, or nucleation where none is stated."""
    return RATE if any(UNSTATED_ORIENTATION in warning for warning in document["warnings"]) else VELOCITY


def prediction_lines(document: Mapping[str, Any], closing: str) -> list[str]:
    """Return one prediction as text: a row for each quantity that was asked or is known, evidence, warnings.

    Args:
        document: Of `predict_conditions` and the like.
        closing: What else could be asked; "" for nothing.
    """
    lines = [f"{document['record']}:"] if "record" in document else []
    rows = [name for name in UNITS if name == asked_quantity(document) or document[name]["value"] is not None]
    for name in rows:
        entry, words = document[name], _words(name)
        if entry["value"] is None:
            lines.append(f"{words:<22} not known")
            continue
        low, high = entry["interval90"]
        by = f", by {entry['model']}" if "model" in entry else ""
        lines.append(f"{words:<22} {entry['value']:.3g} {entry['unit']}  (90 %: {low:.3g} to {high:.3g}{by})")
        if "errors" in entry:
            parts = (f"{name} {'not known' if decades is None else format(decades, '.2g')}"
                     for name, decades in entry["errors"].items())  # fmt: skip
            lines.append(f"{'':<22} standard deviations in decades: {', '.join(parts)}")
    lines += _events(document)
    lines.append(f"evidence {document['evidence']}: {EVIDENCE[document['evidence']]}")
    lines += _potential(document)
    lines += [f"warning: {warning}" for warning in _about(document["warnings"], rows)]
    return [*lines, closing] if closing else lines


def range_lines(documents: Sequence[Mapping[str, Any]], closing: str) -> list[str]:
    """Return a range as text: a table with one row for each condition, and notes that rows share.

    Args:
        documents: Of `predict_range`, with at least one entry.
        closing: What else could be asked; "" for nothing.
    """
    first = documents[0]
    target = RATE if first["orientation"] is None else VELOCITY
    models = sorted({entry[target]["model"] for entry in documents if "model" in entry[target]})
    lines = [f"{first['material']}: {_words(target)} in {UNITS[target]}" + (f", by {', '.join(models)}" * bool(models))]
    notes: dict[str, int] = {}
    rows = [("face", "T / K", _words(target), "90 % interval", "notes")]
    for entry in documents:
        told = entry[target]
        shown, interval = "not known", ""
        if told["value"] is not None:
            shown = f"{told['value']:.3g}"
            interval = " to ".join(f"{end:.3g}" for end in told["interval90"])
        about = [common_wording(warning, entry) for warning in _about(entry["warnings"], (target,))]
        marks = [notes.setdefault(warning, len(notes) + 1) for warning in about]
        rows.append(
            (
                entry["orientation"] or "",
                f"{entry['temperature']:g}",
                shown,
                interval,
                " ".join(map(str, sorted(marks))),
            )
        )
    lines += _aligned([row if target == VELOCITY else row[1:] for row in rows])
    lines += [f"note {number}: {note}" for note, number in notes.items()]
    lines += _potential(first)
    others = {name: sum(entry[name]["value"] is not None for entry in documents) for name in UNITS if name != target}
    if known := [f"{_words(name)} ({count})" for name, count in others.items() if count]:
        lines.append(f"known of some of the {len(documents)} conditions, and in --csv and --json: {', '.join(known)}")
    return [*lines, closing] if closing else lines


def also_to_be_asked(
    documents: Sequence[Mapping[str, Any]], material: str, model: KineticsModel, *, is_written: bool
) -> str:
    """Return one line that says what else could be asked of these conditions; "" where all of it was.

    Args:
        documents: Of one material.
        material: Its name.
        model: That told them.
        is_written: Whether a table or a picture of them was asked for.
    """
    if all(asked_quantity(document) == RATE for document in documents):
        return "with --orientation, such as 100: growth velocity, nucleation density and characteristic length"
    part, known_to = model.card.part(RATE, "A"), model.interfacial_energies.get(material)
    covered = None if part is None or material not in part.covers else part.covers[material].temperature
    if known_to is not None:
        covered = known_to.seen
    if covered is not None and all(document[RATE]["value"] is None for document in documents):
        low, high = covered
        known = ", ".join(map(_words, (RATE, *FOLLOWING)))
        return f"near {low:g} to {high:g} K, where {material} was seen to nucleate, also: {known}"
    if is_written:
        return ""
    if len(documents) > 1:
        return "the same as a table and as a picture: --csv FILE, --plot FILE.png"
    return f"several conditions at once, as a table and as a picture: {RANGE} --csv FILE --plot FILE.png"


def _events(document: Mapping[str, Any]) -> Iterator[str]:
    if (events := document.get("expected_events")) is not None:
        low, high = events["interval90"]
        yield (
            f"{'crystals expected':<22} {events['value']:.3g} in {events['volume']:g} m^3 and {events['time']:g} s  "
            f"(90 %: {low:.3g} to {high:.3g})"
        )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _about(warnings: Sequence[str], rows: Sequence[str]) -> list[str]:
    """Warnings about rows that are shown, and those about the whole."""
    hidden = tuple(f"{_words(name)}: " for name in UNITS if name not in rows)
    return [warning for warning in warnings if not warning.startswith(hidden)]


def _potential(document: Mapping[str, Any]) -> Iterator[str]:
    if (potential := document["potential"]) is not None:
        yield f"potential of the training: {potential['file']} (sha256 {potential['sha256'][:12]})"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
