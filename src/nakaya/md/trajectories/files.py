"""Frames of atomistic trajectories: LAMMPS text dumps and extended XYZ, told apart by their first line.

Files lie: about their number of atoms, by being cut off, by leaving columns out. Nothing is allocated from a header, a
line has a largest length, and what cannot be read is either an error or, after at least one whole frame, the end of
the trajectory with the reason kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nakaya.core.errors import FormatError, shown
from nakaya.md.trajectories.dump import read_dump
from nakaya.md.trajectories.extxyz import read_extxyz
from nakaya.md.trajectories.text_files import Lines, Trajectory, opened

__all__ = ["read_trajectory"]


def read_trajectory(
    path: Path, *, lammps_units: str | None = None, elements: Sequence[str] | None = None
) -> Trajectory:
    """Read frames from a LAMMPS text dump or extended XYZ, told apart by their first line.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is neither, or its first frame is damaged.
        UnstatedError: A dump, and units or elements are neither in the file nor given.
    """
    with opened(path) as stream:
        try:
            first = Lines(stream).next()
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None
    if first is None:
        raise FormatError(f"{path} is empty, or its compressed stream is damaged at the start")
    if first.startswith(b"ITEM:"):
        return read_dump(path, lammps_units=lammps_units, elements=elements)
    if re.fullmatch(rb"\s*\d+\s*", first):
        return read_extxyz(path)
    raise FormatError(
        f"{path} starts with {shown(first)}: expected a LAMMPS text dump (ITEM: TIMESTEP) or extended XYZ (a number of "
        "atoms)"
    )
