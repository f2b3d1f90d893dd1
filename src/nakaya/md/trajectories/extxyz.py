"""Extended XYZ, plain or gzipped: positions and box in angstrom, as the format has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nakaya.core.errors import FormatError, shown
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectories.text_files import (
    MAX_ATOMS,
    CutOff,
    Lines,
    Notes,
    Trajectory,
    check_cell,
    floats,
    guarded,
    integer,
    opened,
    symbols,
)

__all__ = ["read_extxyz"]

_KEY_VALUE = re.compile(r"""([A-Za-z_][\w.-]*)=(?:"([^"]*)"|'([^']*)'|(\S+))""")


def read_extxyz(path: Path) -> Trajectory:
    """Read extended XYZ: positions and box in angstrom, as the format has it.

    A frame needs Lattice="..." (nine numbers) and Properties with species:S:1 and pos:R:3. A key `time` or `Time` is
    read as picoseconds; a key `Timestep` is the number of the time step. Velocities and energies
    are not read: the format does not fix their units.

    Raises:
        InputFileError, FormatError: As in `read_trajectory`.
    """
    notes = Notes()
    return Trajectory(guarded(_xyz_frames(path, notes), notes.flags, path), notes.flags, has_units=False)


def _xyz_frames(path: Path, notes: Notes) -> Iterator[Frame]:
    with opened(path) as stream:
        lines = Lines(stream, path)
        number = 0
        while (line := lines.next()) is not None:
            if not line.strip():
                continue
            count = integer(line, "the number of atoms", path, 1, MAX_ATOMS)
            frame = _xyz_frame(count, number, lines, path, notes)
            number += 1
            if frame is not None:
                yield frame
        if lines.damage:
            raise CutOff(lines.damage)


def _xyz_frame(count: int, number: int, lines: Lines, path: Path, notes: Notes) -> Frame | None:
    comment = lines.need().decode(errors="backslashreplace")
    keys = {match[1].lower(): next(group for group in match.groups()[1:] if group is not None)
            for match in _KEY_VALUE.finditer(comment)}  # fmt: skip
    if "lattice" not in keys or "properties" not in keys:
        raise FormatError(f'{path}: frame {number} lacks Lattice="..." or Properties=...: it is plain XYZ')
    if re.search(r"\b[fF0]", keys.get("pbc", "T T T")):
        raise FormatError(f"{path}: frame {number} is not periodic in all directions: expected a bulk box")
    numbers = floats(np.array(keys["lattice"].encode().split() or [b"nan"]), "Lattice", path)
    if numbers.size != 9:
        raise FormatError(f"{path}: Lattice of frame {number} has {numbers.size} numbers, expected 9")
    cell = check_cell(numbers.reshape(3, 3), path)
    places, width = _xyz_properties(keys["properties"], path)
    words = lines.table(count, width)
    start = places["pos"]
    positions = floats(words[:, start : start + 3], "pos", path)
    species = symbols(words[:, places["species"]], path)
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        notes.add("frames left out", f"frame {number} was left out: {bad} atoms have no finite position")
        return None
    time_ps = None
    if (stated := keys.get("time")) is not None:
        time_ps = float(floats(np.array([stated.encode()]), "time", path)[0])
    step = None
    if re.fullmatch(r"\d{1,18}", stated := keys.get("timestep", ""), flags=re.ASCII):  # some write its length there
        step = int(stated)
    return Frame(step, time_ps, positions, cell, species, number=number)


def _xyz_properties(text: str, path: Path) -> tuple[dict[str, int], int]:
    words = text.split(":")
    if len(words) % 3 or not words:
        raise FormatError(f"{path}: Properties={shown(text)} is not name:kind:columns, repeated")
    places: dict[str, int] = {}
    expected = {"species": ("S", "1"), "pos": ("R", "3")}
    column = 0
    for name, kind, width in zip(*[iter(words)] * 3, strict=True):
        name = name.lower()
        if name in expected and (kind, width) != expected[name]:
            raise FormatError(
                f"{path}: Properties has {shown(f'{name}:{kind}:{width}')}, expected {':'.join(expected[name])}"
            )
        places[name] = column
        if not re.fullmatch(r"[1-9]\d?", width):
            raise FormatError(f"{path}: Properties gives {shown(name)} {shown(width)} columns")
        column += int(width)
    if missing := set(expected) - set(places):
        raise FormatError(f"{path}: Properties lacks {', '.join(sorted(missing))}")
    return places, column
