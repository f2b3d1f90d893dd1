"""Where the sets of records, the models and the tables lie that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

__all__ = ["SHIPPED_SET", "shipped_folder"]

SHIPPED_SET: Final = "al-cu-si"


def shipped_folder(name: str = SHIPPED_SET) -> Path:
    """Folder of a record set that ships with the package, or of everything of one kind: "models", "trainings"."""
    return Path(str(files("nakaya"))) / "shipped" / name
