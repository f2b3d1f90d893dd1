"""Folders that appear whole or not at all, and take nobody's place unasked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from nakaya.core.files import output_errors, own_part, remove, taken
from nakaya.core.locks import hold

__all__ = ["discard", "move_folder", "new_folder"]


@contextmanager
def new_folder(path: Path, *, overwrite: bool = True, is_locked: bool = False) -> Iterator[Path]:
    """Make a folder that appears at `path` only when the body has filled it.

    Args:
        path: The folder.
        overwrite: Whether it takes the place of what is there. If not, of several makers exactly one succeeds.
        is_locked: The caller holds the lock of `path`.

    Yields:
        A fresh sibling of `path`. It is renamed when the body ends, and removed when the body fails.

    Raises:
        OutputExistsError: It may not take the place of what is there.
        OutputError: It cannot be written, or another process works at `path`; nothing is left behind, and what was
            there stays.
    """
    path = path.absolute()
    fresh = own_part(path)
    with output_errors(path):
        try:
            fresh.mkdir()
            yield fresh
            move_folder(fresh, path, overwrite=overwrite, is_locked=is_locked)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def move_folder(folder: Path, path: Path, *, overwrite: bool, is_locked: bool = False) -> None:
    """Give a finished folder its name, in the place of what is there if `overwrite`.

    Raises:
        OutputExistsError: Something is there, or another process made it meanwhile.
        OutputError: Another process works at `path`, or it cannot be renamed; what was there stays.
    """
    old = own_part(path)
    with nullcontext() if is_locked else hold(path), output_errors(path):
        if os.path.lexists(path) and not overwrite:
            raise taken(path)
        if os.path.lexists(path):
            os.rename(path, old)
        try:
            os.rename(folder, path)  # fails where there is a file, or a folder that is not empty
        except OSError as error:
            if os.path.lexists(path):
                raise taken(path) from error
            if os.path.lexists(old):
                os.rename(old, path)
            raise
        finally:
            if os.path.lexists(path):
                remove(old)


def discard(path: Path) -> None:
    """Remove a file or a folder; it is gone at once under its name, and soon altogether.

    Raises:
        OSError: It cannot be removed.
    """
    old = own_part(path)
    os.rename(path, old)
    remove(old)
