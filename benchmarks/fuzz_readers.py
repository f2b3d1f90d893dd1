"""What the fuzzer knows of a reader, and how sound files are made and sealed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

__all__ = ["EXAMPLES", "Files", "Reader", "digest_of", "made", "restated", "tree"]

Files: TypeAlias = dict[str, bytes]
"""Name, with the folders before it, -> content."""

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLES: Final = ROOT / "examples"


def no_seal(files: Files) -> Files:
    return files


@dataclass(frozen=True)
class Reader:
    """A reader, and what it reads.

    Attributes:
        make: Returns sound inputs.
        read: Reads what lies in a folder, all of it.
        seal: Puts the hashes of changed files where others state them: else nothing behind the hash is ever reached.
    """

    make: Callable[[], list[Files]]
    read: Callable[[Path], object]
    seal: Callable[[Files], Files] = no_seal


def tree(folder: Path) -> Files:
    """All files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def made(write: Callable[[Path], object]) -> Files:
    """What a writer leaves in a folder."""
    with TemporaryDirectory() as scratch:
        write(Path(scratch))
        return tree(Path(scratch))


def digest_of(content: bytes) -> bytes:
    """The sha256 of a file as texts state it."""
    return hashlib.sha256(content).hexdigest().encode()


def restated(text: bytes, before: bytes, digest: bytes, after: bytes = b"") -> bytes:
    """Put a hash in the place of the one that stands between two patterns."""
    return re.sub(rb"(" + before + rb")[0-9a-f]{64}(?=\"" + after + rb")", rb"\g<1>" + digest, text)
