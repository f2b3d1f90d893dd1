"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from nakaya.core.errors import NakayaError, OutputError
from nakaya.core.files import write_whole

__all__ = [
    "PART_SUFFIX",
    "check_parent",
    "check_replaceable",
    "discard",
    "new_directory",
    "output_errors",
    "remove_parts",
    "remove_sibling_parts",
    "write_atomically",
]

PART_SUFFIX = ".part"
"""Ending of what is being written. A reader ignores such files; the next writer removes them."""

STORE_MARK = "zarr.json"

REMEDIES = {
    errno.ENOSPC: "free some space or choose another place",
    errno.EDQUOT: "free some space or choose another place",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "choose a place you may write",
    errno.EPERM: "choose a place you may write",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the body into an `OutputError` that names `path` and says what to do."""
    try:
        yield
    except NakayaError:  # some of ours are OSErrors, and say already what to do
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = REMEDIES.get(error.errno or 0, "check the path and the disk")
        raise OutputError(f"cannot write {path}: {reason}: {remedy}") from error


def check_parent(path: Path) -> None:
    """Check that something can be made at `path`.

    Raises:
        OutputError: The parent is missing, is no directory, or cannot be written.
    """
    parent = path.absolute().parent
    if not parent.exists():
        raise OutputError(f"cannot write {path}: the directory {parent} does not exist: make it first")
    if not parent.is_dir():
        raise OutputError(f"cannot write {path}: {parent} is not a directory: choose another place")
    with output_errors(path):  # os.access says nothing about read-only disks, nor to a superuser: try it
        handle, probe = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART_SUFFIX, dir=parent)
        os.close(handle)
        os.unlink(probe)


def check_replaceable(path: Path) -> None:
    """Check that replacing `path` deletes no more than a file, an empty directory or a store.

    Raises:
        OutputError: It is a directory of something else.
    """
    if not path.is_dir() or path.is_symlink() or (path / STORE_MARK).is_file() or not any(path.iterdir()):
        return
    raise OutputError(f"{path} is a directory but not a store, so it is not deleted: choose another name")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when all of it is on the disk.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    write_whole(path, content, part=path.with_name(path.name + PART_SUFFIX))


def remove_parts(directory: Path) -> None:
    """Remove what a killed writer left in `directory` or below it; call this only while holding the lock."""
    for part in sorted(directory.rglob(f"*{PART_SUFFIX}")):
        if not part.is_dir():
            part.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Make a directory that appears at `path`, in place of what is there, only when the body has filled it.

    Yields:
        A fresh sibling of `path`. It is renamed when the body ends, and removed when the body fails.

    Raises:
        OutputError: It cannot be written; nothing is left behind and what was there stays.
    """
    path = path.absolute()
    old = path.with_name(f".{path.name}.old{PART_SUFFIX}")
    with output_errors(path):
        fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PART_SUFFIX, dir=path.parent))
        try:
            fresh.chmod(0o777 & ~_umask())  # mkdtemp keeps others out; a store has the permissions of any new directory
            yield fresh
            if path.exists() or path.is_symlink():
                _remove(old)
                os.rename(path, old)
            os.rename(fresh, path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            if old.exists() and not path.exists():
                os.rename(old, path)
            raise
        _remove(old)


def discard(path: Path) -> None:
    """Remove a file or a directory; it is gone at once under its name, and soon altogether.

    Raises:
        OSError: It cannot be removed.
    """
    old = path.with_name(f".{path.name}.old{PART_SUFFIX}")
    _remove(old)
    os.rename(path, old)
    _remove(old)


def remove_sibling_parts(path: Path) -> None:
    """Remove what a killed maker of `path` left beside it; call this only while holding the lock."""
    for part in path.parent.glob(f".{escape(path.name)}.*{PART_SUFFIX}"):
        middle = part.name.removeprefix(f".{path.name}.").removesuffix(PART_SUFFIX)
        if "." not in middle:  # else it belongs to another name that begins like this one
            _remove(part)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
