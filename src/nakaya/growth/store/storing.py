"""Trajectories to disk and back: the everyday `nakaya.save` and `nakaya.open`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from nakaya.core.files import check_output
from nakaya.growth.model.trajectory import Trajectory

if TYPE_CHECKING:
    from nakaya.growth.store.store import StoredTrajectory

__all__ = ["open", "save"]


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
    from nakaya.growth.store.schema import GROUP_FILE
    from nakaya.growth.store.writing import save_trajectory

    check_output(path, overwrite=overwrite, sign=GROUP_FILE)
    save_trajectory(trajectory, Path(path), overwrite=overwrite)


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
