"""The log of a training run: one JSON object per line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["MetricsLog"]


def _finite(value: Any) -> Any:  # JSON values have no narrower type
    if isinstance(value, Mapping):
        return {name: _finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class MetricsLog:
    """Appends lines to a file, or does nothing.

    A checkpoint remembers the length of the file; a run that goes on from it cuts off what came later, so that the log
    of an interrupted run equals that of an undisturbed one.

    Args:
        path: The file; None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.num_bytes = path.stat().st_size if path is not None and path.exists() else 0

    def truncate(self, num_bytes: int) -> None:
        """Keep only the first `num_bytes` bytes."""
        if self.path is not None and self.path.exists():
            with self.path.open("rb+") as stream:
                stream.truncate(num_bytes)
        self.num_bytes = num_bytes

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append one line."""
        line = (json.dumps(_finite(entry)) + "\n").encode()
        self.num_bytes += len(line)
        if self.path is not None:
            with self.path.open("ab") as stream:
                stream.write(line)
