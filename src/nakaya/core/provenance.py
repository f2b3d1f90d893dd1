"""Who made this: the package's version and hashes of what was used."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nakaya.core.reading import open_input

__all__ = ["package_version", "sha256_of_bytes", "sha256_of_file"]


def package_version() -> str:
    """Version of the installed package, or "0+unknown" in a source tree that was never installed."""
    try:
        return version("nakaya")
    except PackageNotFoundError:
        return "0+unknown"


def sha256_of_bytes(content: bytes) -> str:
    """Hexadecimal sha256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file, read in blocks; `InputFileError` where it cannot be read or is no plain file."""
    digest = hashlib.sha256()
    with open_input(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
