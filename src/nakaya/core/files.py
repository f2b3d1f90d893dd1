"""Outputs: files and folders that appear whole or not at all, and take nobody's place unasked."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from glob import escape
from hashlib import sha256
from io import BufferedWriter
from itertools import count
from pathlib import Path
from stat import S_ISREG

from nakaya.core.errors import NakayaError, OutputError, OutputExistsError

__all__ = [
    "PART_SUFFIX",
    "check_output",
    "final_name",
    "is_as_good_as_empty",
    "is_litter",
    "new_file",
    "open_log",
    "output_errors",
    "own_part",
    "remove",
    "remove_leftovers",
    "remove_parts",
    "taken",
    "write_whole",
]

PART_SUFFIX = ".part"
"""Ending of what is being written. A reader ignores such files; the next writer removes them."""

REMEDIES = {
    errno.ENOSPC: "free some space or choose another place",
    errno.EDQUOT: "free some space or choose another place",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "choose a place you may write",
    errno.EPERM: "choose a place you may write",
    errno.ENAMETOOLONG: "choose a shorter name",
}
WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")
_PARTS_OF_THIS_PROCESS = count()


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


def check_output(path: str | os.PathLike[str], *, overwrite: bool = False, sign: str | None = None) -> None:
    """Check, before any work is done for it, that an output can be made; its missing parents are made.

    Args:
        path: File or folder that is to be made.
        overwrite: Whether what is there may be replaced.
        sign: Pattern of a name that a folder of this kind holds: one that holds others alone is never replaced.

    Raises:
        OutputExistsError: The path exists (an empty folder, too) and may not be replaced.
        OutputError: Nothing can be made there, or what is there is a folder of another kind.
    """
    path = Path(path)
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(
            f"{path} exists already (a {'directory' if path.is_dir() else 'file'}): choose another name"
        )
    is_folder = path.is_dir() and not path.is_symlink()
    if sign is not None and is_folder and not is_as_good_as_empty(path) and not _holds(path, sign):
        raise OutputError(f"{path} is a directory of something else, so it is not deleted: choose another name")
    parent = path.absolute().parent
    if parent.exists() and not parent.is_dir():
        raise OutputError(f"cannot write {path}: {parent} is not a directory: choose another place")
    with output_errors(path):  # os.access says nothing about read-only disks, nor to a superuser: try it
        if not parent.exists():
            parent.mkdir(parents=True, exist_ok=True)
        probe = own_part(path)
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.unlink(probe)


def _holds(folder: Path, sign: str) -> bool:
    return any(not is_litter(entry.name) for entry in folder.glob(sign))


def is_litter(name: str) -> bool:
    """Whether operating systems leave files of this name in any folder, and they say nothing about it.

    Those of macOS, of Windows, and of NFS and FUSE, where a file that is removed while it is open lives on.

    >>> [name for name in (".DS_Store", "._a.json", ".nfs0001", "a.json") if is_litter(name)]
    ['.DS_Store', '._a.json', '.nfs0001']
    """
    return name in (".DS_Store", "Thumbs.db", "desktop.ini") or name.startswith(("._", ".nfs", ".fuse_hidden"))


def is_as_good_as_empty(folder: Path) -> bool:
    """Whether there is nothing in a folder but what operating systems and killed writers leave."""
    return all(is_litter(entry.name) or entry.name.endswith((PART_SUFFIX, ".partial")) for entry in folder.iterdir())


def write_whole(path: Path, content: bytes, *, overwrite: bool = True) -> None:
    """Write a file that appears under its name only when all of it is on the disk.

    Args:
        path: The file.
        content: All of it.
        overwrite: Whether it takes the place of what is there. If not, of several writers exactly one succeeds.

    Raises:
        OutputExistsError: It may not take the place of what is there.
        OutputError: It cannot be written; nothing is left behind, and what was at `path` stays.
    """
    with new_file(path, overwrite=overwrite) as part, part.open("xb") as stream:
        stream.write(content)


@contextmanager
def new_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Make a file that appears under its name only when the body has written it and all of it is on the disk.

    Args:
        path: The file.
        overwrite: As of `write_whole`.

    Yields:
        Where the body writes: a name beside `path` that is not there yet.

    Raises:
        OutputExistsError: It may not take the place of what is there.
        OutputError: It cannot be written; nothing is left behind, and what was at `path` stays.
    """
    part = own_part(path)
    with output_errors(path):
        try:
            yield part
            with part.open("rb+") as stream:
                os.fsync(stream.fileno())
            if overwrite:
                os.replace(part, path)
            else:
                _move_to_free_name(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _move_to_free_name(part: Path, path: Path) -> None:
    try:
        try:
            os.link(part, path)  # a rename would take the place of what another process has made since
        except OSError as error:
            if error.errno not in WITHOUT_LINKS:
                raise
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))  # a file system without links: claim the name, then fill it
            os.replace(part, path)
        else:
            part.unlink()
    except FileExistsError:
        raise taken(path) from None


def taken(path: Path) -> OutputExistsError:
    """The error of who was slower."""
    return OutputExistsError(f"{path} exists already: another process made it meanwhile: choose another name")


def open_log(path: Path) -> BufferedWriter:
    """Open a file to append to it, or make it; what it is, is asked of the open file.

    Nothing is written through a link, which may lead to a file of somebody else, nor into a pipe or a device, which
    would wait for a reader.

    Raises:
        OutputError: It is no plain file, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with output_errors(path):
        try:
            stream = open(os.open(path, flags, 0o666), "ab")  # noqa: SIM115 (the caller closes it)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):  # a link, a socket
                raise
            raise _not_a_log(path) from None
    if path.is_symlink() or not S_ISREG(os.fstat(stream.fileno()).st_mode):  # the former where opening follows links
        stream.close()
        raise _not_a_log(path)
    return stream


def _not_a_log(path: Path) -> OutputError:
    return OutputError(f"cannot write {path}: it is a link or no plain file: remove it")


def own_part(path: Path) -> Path:
    """A new name for what will be called `path`: hidden, beside it, and of this process alone."""
    maker = f"{_machine()}{_boot()}-{os.getpid()}-{next(_PARTS_OF_THIS_PROCESS)}"
    return path.with_name(f".{path.name}.{maker}{PART_SUFFIX}")


def final_name(part: str) -> str | None:
    """The name that a part would have got from its writer, of this or an earlier version; None: it is no part."""
    if not part.endswith(PART_SUFFIX):
        return None
    name = part.removesuffix(PART_SUFFIX)
    return name[1:].rpartition(".")[0] if name.startswith(".") else name


def remove_parts(folder: Path) -> None:
    """Remove what a killed writer left in `folder` or below it; call this only while holding the lock."""
    for part in sorted(folder.rglob(f"*{PART_SUFFIX}")):
        if not part.is_dir():
            part.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed makers of `path` left beside it; what a living process may still be making stays."""
    for part in path.parent.glob(f".{escape(path.name)}.*{PART_SUFFIX}"):
        if final_name(part.name) == path.name and not _is_being_made(part.name):
            remove(part)


def _is_being_made(part: str) -> bool:
    found = re.fullmatch(r"([0-9a-f]{6})([0-9a-f]{6})-([0-9]+)-[0-9]+", part.rsplit(".", 2)[-2])
    if found is None:  # of an earlier version
        return False
    machine, boot, process = found.groups()
    if machine != _machine():  # nobody here knows whether it runs
        return True
    return boot == _boot() and _is_running(int(process))


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there os.kill(process, 0) kills
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _machine() -> str:
    """Of those whose numbers of processes mean the same: containers of one machine count them apart."""
    namespace = os.stat(PROCESSES).st_ino if PROCESSES.exists() else ""
    return sha256(f"{platform.node()}{namespace}".encode()).hexdigest()[:6]


@cache
def _boot() -> str:
    """Of this start of the machine; the same for all where the system does not tell."""
    return sha256(BOOT.read_bytes() if BOOT.is_file() else b"").hexdigest()[:6]


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
