"""The table of PFHub's problems in words for the terminal, and the results that ship with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.reading import read_json
from nakaya.records.shipped import shipped_folder

__all__ = ["as_text", "read_stored", "stored_results"]

SHIPPED: Final = "pfhub"
MAX_BYTES: Final = 1 << 20
DIGITS: Final = 5
"""Of numbers in the table; the JSON document has all."""


def stored_results(problem: str) -> Path:
    """Where the results of a problem lie that ship; the file may not be there."""
    return shipped_folder(SHIPPED) / f"problem-{problem}.json"


def read_stored(problems: Sequence[str]) -> dict[str, Any]:
    """Return the rows that ship, of the problems that are named.

    Raises:
        InputFileError: None of them ships.
        FormatError: A file is something else.
    """
    places = [place for place in map(stored_results, problems) if place.is_file()]
    if not places:
        raise InputFileError(f"no results of problem {' or '.join(problems)} ship: leave --stored out to compute them")
    documents = [read_json(place, MAX_BYTES) for place in places]
    for place, document in zip(places, documents, strict=True):
        if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
            raise FormatError(f'{place} does not hold results of PFHub problems: "rows" is missing')
    rows = [row for document in documents for row in document["rows"]]
    versions = sorted({str(document.get("version")) for document in documents})
    return {"rows": rows, "seed": documents[0].get("seed"), "version": ", ".join(versions)}


def as_text(document: Mapping[str, Any]) -> list[str]:
    """The table for a terminal: a block for every problem, with the names of its values above them."""
    lines: list[str] = []
    for problem in dict.fromkeys(row["problem"] for row in document["rows"]):
        rows = [row for row in document["rows"] if row["problem"] == problem]
        names = list(dict.fromkeys(name for row in rows for name in row if name != "problem"))
        cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
        widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
        lines.append(f"problem {problem}")
        lines += ["  " + "  ".join(map(str.rjust, line, widths)) for line in cells]
    return [*lines, f"seed {document['seed']}, nakaya {document['version']}; CPU seconds of one thread"]


def _cell(value: Any) -> str:  # any value of JSON
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return "-" if value is None else str(value)
