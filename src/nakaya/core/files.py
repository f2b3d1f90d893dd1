"""Files that appear under their name whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["own_part", "write_whole"]


def write_whole(path: Path, content: bytes, *, part: Path) -> None:
    """Write a file that appears under its name only when all of it is on the disk.

    Args:
        path: The file; what is there is replaced.
        content: All of it.
        part: Its name until then, in the same directory; nobody else may write there meanwhile.

    Raises:
        OSError: It cannot be written; nothing is left behind, and what was at `path` stays.
    """
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def own_part(path: Path) -> Path:
    """A name for the part of a file that several processes may write: hidden, and of this process alone."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")
