"""LAMMPS text dumps, plain or gzipped: they carry numbers of types, not elements, and may carry no units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError, shown
from nakaya.md.potentials import MASSES
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

__all__ = ["ENERGY", "LAMMPS_UNITS", "UnitStyle", "read_dump"]


@dataclass(frozen=True)
class UnitStyle:
    """What one unit of a LAMMPS style is: length in angstrom, velocity in angstrom/ps, time in ps, energy in eV."""

    length: float
    velocity: float
    time: float
    energy: float


_JOULE = 1 / 1.602176634e-19
"""eV."""


LAMMPS_UNITS: Mapping[str, UnitStyle] = {
    "metal": UnitStyle(1.0, 1.0, 1.0, 1.0),
    "real": UnitStyle(1.0, 1000.0, 1e-3, 4184 / 6.02214076e23 * _JOULE),
    "si": UnitStyle(1e10, 0.01, 1e12, _JOULE),
    "cgs": UnitStyle(1e8, 1e-4, 1e12, 1e-7 * _JOULE),
    "nano": UnitStyle(10.0, 0.01, 1e3, 1e-21 * _JOULE),
    "micro": UnitStyle(1e4, 0.01, 1e6, 1e-15 * _JOULE),
    "electron": UnitStyle(0.529177210903, 0.529177210903 / 2.4188843265857e-5, 1e-3, 27.211386245988),
}
"""Unit styles that fix a length; "lj" does not, and is refused."""

ENERGY = "c_energy"
"""Column with the potential energy of every atom: `compute energy all pe/atom`."""

_POSITION_COLUMNS = (("xu", "yu", "zu"), ("x", "y", "z"), ("xsu", "ysu", "zsu"), ("xs", "ys", "zs"))


def read_dump(path: Path, *, lammps_units: str | None = None, elements: Sequence[str] | None = None) -> Trajectory:
    """Read a LAMMPS text dump.

    Args:
        path: Plain or gzipped.
        lammps_units: Unit style of the run that wrote it; needed unless the file says (ITEM: UNITS).
        elements: Element of type 1, 2, ...; needed unless the dump has a column `element`.

    Returns:
        A trajectory; frames with atoms at no finite position are left out, with a flag.

    Raises:
        InputFileError, FormatError, ParameterError, UnknownNameError: As in `read_trajectory`.
    """
    if lammps_units is not None and lammps_units not in LAMMPS_UNITS:
        if lammps_units == "lj":
            raise ParameterError("lammps_units='lj' are reduced units without a length: convert the dump first")
        raise UnknownNameError("LAMMPS unit style", lammps_units, LAMMPS_UNITS)
    for symbol in elements or ():
        if symbol not in MASSES:
            raise UnknownNameError("element", symbol, MASSES)
    notes = Notes()
    return Trajectory(guarded(_dump_frames(path, lammps_units, elements, notes), notes.flags, path), notes.flags)


def _dump_frames(path: Path, units: str | None, elements: Sequence[str] | None, notes: Notes) -> Iterator[Frame]:
    with opened(path) as stream:
        lines = Lines(stream, path)
        number = 0
        while (line := lines.next()) is not None:
            if not line.strip():
                continue
            frame = _dump_frame(line, lines, path, units, elements, notes)
            if frame is not None:
                yield replace(frame, number=number)
            number += 1
        if lines.damage:
            raise CutOff(lines.damage)


def _dump_frame(
    line: bytes, lines: Lines, path: Path, units: str | None, elements: Sequence[str] | None, notes: Notes
) -> Frame | None:
    step = count = None
    time: float | None = None
    cell: FloatArray | None = None
    origin = np.zeros(3)
    while True:
        if line.startswith(b"ITEM: UNITS"):
            stated = lines.need().decode(errors="backslashreplace").strip()
            if units is not None and stated != units:
                raise ParameterError(f"{path} says its units are {shown(stated)}, but {units!r} were given")
            units = stated
            if units not in LAMMPS_UNITS:
                raise FormatError(f"{path} is in units {shown(units)}, which fix no length")
        elif line.startswith(b"ITEM: TIMESTEP"):
            step = integer(lines.need(), "the time step", path, 0, 10**18)
        elif line.startswith(b"ITEM: TIME"):
            time = float(floats(np.array([lines.need().strip()]), "the time", path)[0])
        elif line.startswith(b"ITEM: NUMBER OF ATOMS"):
            count = integer(lines.need(), "the number of atoms", path, 1, MAX_ATOMS)
        elif line.startswith(b"ITEM: BOX BOUNDS"):
            cell, origin = _dump_box(line, lines, path)
        elif line.startswith(b"ITEM: ATOMS"):
            break
        else:
            raise FormatError(f"{path}: {shown(line)} is no line of a LAMMPS dump")
        line = lines.need()
    if step is None or count is None or cell is None:
        raise FormatError(f"{path}: a frame lacks its time step, number of atoms or box before the atoms")
    if units is None:
        raise ParameterError(f"{path} does not say its units: give --lammps-units, such as metal")
    names = line.decode(errors="backslashreplace").split()[2:]
    if len(set(names)) != len(names):
        raise FormatError(f"{path}: a column comes twice: {shown(' '.join(names), 120)}")
    style = LAMMPS_UNITS[units]
    columns = dict(zip(names, lines.table(count, len(names)).T, strict=True))
    time_ps = None if time is None else time * style.time
    return _dump_atoms(columns, step, time_ps, cell, origin, style, path, elements, notes)


def _dump_box(line: bytes, lines: Lines, path: Path) -> tuple[FloatArray, FloatArray]:
    rows = [lines.need().split() for _ in range(3)]
    width = len(rows[0])
    if any(len(row) != width for row in rows) or width not in (2, 3, 4):
        raise FormatError(f"{path}: the box bounds are not three rows of two or three numbers")
    bounds = floats(np.array(rows), "the box", path)
    if width == 4:  # general triclinic: three vectors and the origin
        return bounds[:, :3], bounds[:, 3]
    if width == 2:
        return np.diag(bounds[:, 1] - bounds[:, 0]), bounds[:, 0]
    xy, xz, yz = bounds[:, 2]
    low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
    low[0] -= min(0.0, xy, xz, xy + xz)  # the file holds the bounding box of the tilted cell
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    sides = high - low
    return np.array([[sides[0], 0, 0], [xy, sides[1], 0], [xz, yz, sides[2]]]), low


def _dump_atoms(
    columns: Mapping[str, np.ndarray[tuple[int], np.dtype[np.bytes_]]],
    step: int,
    time_ps: float | None,
    cell: FloatArray,
    origin: FloatArray,
    style: UnitStyle,
    path: Path,
    elements: Sequence[str] | None,
    notes: Notes,
) -> Frame | None:
    triple = next((names for names in _POSITION_COLUMNS if all(name in columns for name in names)), None)
    if triple is None:
        raise FormatError(
            f"{path}: no positions among the columns {shown(' '.join(columns), 120)}: expected x y z, or xs ys zs"
        )
    positions = np.stack([floats(columns[name], name, path) for name in triple], axis=1)
    cell = check_cell(cell * style.length, path)
    if triple[0].startswith("xs"):
        positions = positions @ cell
    else:
        positions = (positions - origin) * style.length
    species = _dump_species(columns, elements, path)
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        words = f"the frame at step {step} was left out: {bad} atoms have no finite position"
        notes.add("frames left out", words)
        return None
    velocities = None
    if all(name in columns for name in ("vx", "vy", "vz")):
        velocities = np.stack([floats(columns[name], name, path) for name in ("vx", "vy", "vz")], axis=1)
        velocities *= style.velocity
        if not np.isfinite(velocities).all():
            words = f"the velocities at step {step} were left out: some are not finite"
            notes.add("frames without velocities", words)
            velocities = None
    used = {*triple, "vx", "vy", "vz", "id", "type", "element", "mol", "ix", "iy", "iz"}
    extra = {name: floats(words, name, path) for name, words in columns.items() if name not in used}
    if ENERGY in extra:
        extra[ENERGY] = extra[ENERGY] * style.energy
    ranks = np.arange(len(positions))
    if "id" in columns:
        ids = floats(columns["id"], "id", path)
        if len(np.unique(ids)) != len(ids):
            raise FormatError(f"{path}: at step {step} two atoms have the same id")
        ranks = np.argsort(ids)
    return Frame(
        step, time_ps, positions[ranks], cell, species[ranks],
        None if velocities is None else velocities[ranks], {name: values[ranks] for name, values in extra.items()},
    )  # fmt: skip


def _dump_species(
    columns: Mapping[str, np.ndarray[tuple[int], np.dtype[np.bytes_]]], elements: Sequence[str] | None, path: Path
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    if "element" in columns:
        return symbols(columns["element"], path)
    if "type" not in columns:
        raise FormatError(f"{path}: neither type nor element among the columns {shown(' '.join(columns), 120)}")
    if not elements:
        raise ParameterError(f"{path} carries numbers of types, not elements: give --elements, such as Cu or Cu,Al")
    types = floats(columns["type"], "type", path)
    wrong = (types != np.round(types)) | (types < 1) | (types > len(elements))
    if wrong.any() or not np.isfinite(types).all():
        raise ParameterError(
            f"{path}: type {types[wrong][0]:g} has no element: --elements names {len(elements)} ({','.join(elements)})"
        )
    return np.array(elements)[types.astype(np.int64) - 1]
