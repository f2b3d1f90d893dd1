"""Commands and options that became studies: they run from a checkout, and who types them here is told so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["MOVED", "moved_to"]

MOVED: Final[Mapping[str, str]] = {
    "benchmark kinetics --out": "kinetics",
    "benchmark kinetics --split": "kinetics",
    "benchmark kinetics --done": "kinetics",
    "benchmark kinetics --write": "kinetics",
    "benchmark kinetics --keep": "kinetics",
    "benchmark kinetics --overwrite": "kinetics",
    "benchmark kinetics --causes": "kinetics-ablation",
    "benchmark kinetics --velocities": "velocities",
    "benchmark loops": "loops",
    "benchmark micrographs": "micrographs",
    "benchmark network": "network",
    "benchmark tuning": "tuning",
    "fit reactor-conventions": "reactor-conventions",
    "fit reactor-coverage": "reactor-coverage",
    "fit reactor-speed": "reactor-speed",
    "md laws --causes": "md-ablation",
    "tune --tabulate": "tabulate",
}
"""Words of `nakaya` -> the study of `python3 nk.py benchmark` that does it now."""


def moved_to(error: BaseException) -> str | None:
    """Return the sentence for the parser's error about a word that moved; None for any other error."""
    unknown = re.match(r"No such command '(.+?)'", str(getattr(error, "message", "")))
    word = unknown[1] if unknown else getattr(error, "option_name", None)
    command = str(getattr(getattr(error, "ctx", None), "command_path", "")).partition(" ")[2]
    study = MOVED.get(f"{command} {word}".strip())
    return None if study is None else f"{command} {word} runs from a checkout now: python3 nk.py benchmark {study}"
