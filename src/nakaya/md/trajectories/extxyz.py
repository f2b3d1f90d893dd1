"""Extended XYZ, plain or compressed: positions and box in angstrom, as the format has it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nakaya.core.errors import FormatError, shown
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectories.text_files import MAX_ATOMS, Lines, Notes, Trajectory, check_cell, floats, integer, symbols

__all__ = ["read_extxyz"]

_KEY_VALUE = re.compile(r"""(?<![\w.-])([A-Za-z_][\w.-]*)=(?:"([^"]*)"|'([^']*)'|(\S+))""")


def read_extxyz(path: Path) -> Trajectory:
    """Read extended XYZ: positions and box in angstrom, as the format has it.

    A frame needs Lattice="..." (nine numbers) and Properties with species:S:1 and pos:R:3. A key `time` or `Time` is
    read as picoseconds; a key `Timestep` is the number of the time step; `pbc` says along which vectors the box is
    periodic (all where it is missing). Velocities and energies are not read: the format does not fix their units.

    Raises:
        InputFileError, FormatError: As in `read_trajectory`.
    """
    return Trajectory(path, _xyz_frame, has_units=False)


def _xyz_frame(line: bytes, lines: Lines, number: int, notes: Notes) -> Frame | None:
    count = integer(line, "the number of atoms", 1, MAX_ATOMS)
    comment = lines.need().decode(errors="backslashreplace")
    keys = {match[1].lower(): next(group for group in match.groups()[1:] if group is not None)
            for match in _KEY_VALUE.finditer(comment)}  # fmt: skip
    if "lattice" not in keys or "properties" not in keys:
        raise FormatError(f'frame {number} lacks Lattice="..." or Properties=...: it is plain XYZ')
    periodic = _periodic(keys.get("pbc", "T T T"), number)
    numbers = floats(np.array(keys["lattice"].encode().split() or [b"nan"]), "Lattice")
    if numbers.size != 9:
        raise FormatError(f"Lattice of frame {number} has {numbers.size} numbers, expected 9")
    cell = check_cell(numbers.reshape(3, 3))
    places, width = _xyz_properties(keys["properties"])
    words = lines.table(count, width)
    start = places["pos"]
    positions = floats(words[:, start : start + 3], "pos")
    species = symbols(words[:, places["species"]])
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        notes.add("frames left out", f"frame {number} was left out: {bad} atoms have no finite position")
        return None
    time_ps = None
    if (stated := keys.get("time")) is not None:
        time_ps = float(floats(np.array([stated.encode()]), "time")[0])
    step = None
    if re.fullmatch(r"\d{1,18}", stated := keys.get("timestep", ""), flags=re.ASCII):  # some write its length there
        step = int(stated)
    return Frame(step, time_ps, positions, cell, species, number=number, periodic=periodic)


def _periodic(text: str, number: int) -> tuple[bool, bool, bool]:
    """Periodic directions, from pbc="T T F"."""
    words = text.split()
    if len(words) != 3 or any(not re.match(r"[tTfF01]", word) for word in words):
        raise FormatError(f"pbc of frame {number} is {shown(text, 40)}, expected three of T and F")
    one, two, three = (word[0] in "tT1" for word in words)
    return one, two, three


def _xyz_properties(text: str) -> tuple[dict[str, int], int]:
    words = text.split(":")
    if len(words) % 3 or not words:
        raise FormatError(f"Properties={shown(text)} is not name:kind:columns, repeated")
    places: dict[str, int] = {}
    expected = {"species": ("S", "1"), "pos": ("R", "3")}
    column = 0
    for name, kind, width in zip(*[iter(words)] * 3, strict=True):
        name = name.lower()
        if name in expected and (kind, width) != expected[name]:
            raise FormatError(f"Properties has {shown(f'{name}:{kind}:{width}')}, expected {':'.join(expected[name])}")
        places[name] = column
        if not re.fullmatch(r"[1-9]\d?", width):
            raise FormatError(f"Properties gives {shown(name)} {shown(width)} columns")
        column += int(width)
    if missing := set(expected) - set(places):
        raise FormatError(f"Properties lacks {', '.join(sorted(missing))}")
    return places, column
