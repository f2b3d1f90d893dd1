"""Trajectories to disk and back: the everyday `nakaya.save` and `nakaya.open`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from nakaya.core.errors import OutputError
from nakaya.core.folders import check_parent
from nakaya.growth.model.trajectory import Trajectory

if TYPE_CHECKING:
    from nakaya.growth.store.store import StoredTrajectory

__all__ = ["check_output", "check_store_output", "open", "save"]


def check_output(path: str | PathLike[str], *, overwrite: bool) -> None:
    """Check that an output can be written, before any work is done for it.

    Args:
        path: File or directory that is to be made.
        overwrite: Whether something that exists there may be replaced.

    Raises:
        OutputError: The path exists (an empty directory counts as existing) and may not be replaced, or its parent
            is missing, no directory, or not writable.
    """
    path = Path(path)
    check_parent(path)
    if (path.exists() or path.is_symlink()) and not overwrite:
        what = "directory" if path.is_dir() else "file"
        raise OutputError(f"{path} exists already (a {what}): choose another name, or add --overwrite to replace it")


def check_store_output(path: str | PathLike[str], *, overwrite: bool) -> None:
    """Check that a store can be written; `overwrite` replaces a file, an empty directory or a store, nothing else.

    Raises:
        OutputError: As `check_output`; also when a directory that is no store would have to be deleted.
    """
    from nakaya.core.folders import check_replaceable

    check_output(path, overwrite=overwrite)
    check_replaceable(Path(path))


def save(trajectory: Trajectory, path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write a trajectory as a store; `nakaya.open` gives back exactly what was saved.

    The store is made beside `path` under a temporary name and renamed when it is whole.

    Args:
        trajectory: With or without a leading point axis.
        path: Directory to make, such as "flakes.zarr".
        overwrite: Whether a file, an empty directory or a store there is replaced.

    Raises:
        OutputError: The output exists, or cannot be written; nothing is left behind.
        ParameterError: The trajectory contradicts itself.
    """
    from nakaya.growth.store.writing import save_trajectory

    check_store_output(path, overwrite=overwrite)
    save_trajectory(trajectory, Path(path))


def open(path: str | PathLike[str]) -> StoredTrajectory:
    """Open a store; nothing but its description and its parameters is read.

    Example:
        crystals = nakaya.open("flakes.zarr")
        crystals.arrival[3, 0:2]    # reads these two crystals only
        crystals.load().at(300)     # reads all

    Args:
        path: Directory that `nakaya.save`, `nakaya grow` or `nakaya campaign run` made.

    Raises:
        InputFileError: There is nothing there, or it cannot be read.
        FormatError: It is not a store of a version that is known, or it is damaged.
    """
    from nakaya.growth.store.store import open_store

    return open_store(Path(path))
