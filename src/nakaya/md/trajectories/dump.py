"""LAMMPS text dumps, plain or compressed: they carry numbers of types, not elements, and may carry no units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError, UnstatedError, shown
from nakaya.md.potentials import MASSES
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectories.text_files import (
    MAX_ATOMS,
    Lines,
    Notes,
    Trajectory,
    check_cell,
    floats,
    integer,
    is_number,
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
    # Velocities in Bohr/fs, as the program has it (mvv2e = 1.06657236 Hartree fs^2/(u Bohr^2)), not in the manual's
    # Bohr per 1.03275e-15 s.
    "electron": UnitStyle(0.529177210903, 529.177210903, 1e-3, 27.211386245988),
}
"""Unit styles that fix a length; "lj" does not, and is refused."""

ENERGY = "c_energy"
"""Column with the potential energy of every atom: `compute energy all pe/atom`."""

_POSITION_COLUMNS = (("xu", "yu", "zu"), ("x", "y", "z"), ("xsu", "ysu", "zsu"), ("xs", "ys", "zs"))
_SCALED = 3.0
"""Atoms that left the box since neighbours were last looked for are a little outside it."""

_MOLAR = ("metal", "real", "electron")
"""Styles whose masses are atomic ones."""

_SAME_MASS = 0.02
_VELOCITY_COLUMNS = ("vx", "vy", "vz")
_NOT_EXTRA = {"id", "type", "element", "typelabel", "mol", "ix", "iy", "iz", *_VELOCITY_COLUMNS}

_Columns: TypeAlias = Mapping[str, np.ndarray[tuple[int], np.dtype[np.bytes_]]]
"""Name of a column -> its words, bytes [atom]."""


def read_dump(path: Path, *, lammps_units: str | None = None, elements: Sequence[str] | None = None) -> Trajectory:
    """Read a LAMMPS text dump.

    Args:
        path: Plain or compressed.
        lammps_units: Unit style of the run that wrote it; needed unless the file says (ITEM: UNITS).
        elements: Element of type 1, 2, ...; needed unless the dump has a column `element`, or
            the types are labelled with symbols of elements.

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
    dump = _Dump(path, elements or (), lammps_units, lammps_units)
    return Trajectory(path, partial(_dump_frame, dump=dump))


@dataclass
class _Dump:
    """What is known of a whole file: units are given, or stated once in it, above its first frame."""

    path: Path
    elements: Sequence[str]
    given_units: str | None
    units: str | None


@dataclass
class _Head:
    """What stands above the atoms of a frame: box float64 [3, 3] (rows), origin float64 [3], in units of the file.

    A box is periodic where its flags do not say otherwise: before 2011 LAMMPS wrote none.
    """

    step: int | None = None
    time: float | None = None
    count: int | None = None
    cell: FloatArray | None = None
    origin: FloatArray = field(default_factory=lambda: np.zeros(3))
    periodic: tuple[bool, bool, bool] = (True, True, True)


def _dump_frame(line: bytes, lines: Lines, number: int, notes: Notes, *, dump: _Dump) -> Frame | None:
    head = _Head()
    while not line.startswith(b"ITEM: ATOMS"):
        _read_item(line, lines, head, dump)
        line = lines.need()
    if head.step is None or head.count is None or head.cell is None:
        raise FormatError("a frame lacks its time step, number of atoms or box before the atoms")
    if dump.units is None:
        raise UnstatedError(f"{dump.path} does not say its units: give them, such as metal", "lammps_units")
    names = line.decode(errors="backslashreplace").split()[2:]
    if len(set(names)) != len(names):
        raise FormatError(f"a column comes twice: {shown(' '.join(names), 120)}")
    columns: _Columns = dict(zip(names, lines.table(head.count, len(names)).T, strict=True))
    style = LAMMPS_UNITS[dump.units]
    cell = check_cell(head.cell * style.length)
    position_columns, positions = _positions(columns, cell, head.origin, style)
    species = _species(columns, dump)
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        notes.add("frames left out", f"the frame at step {head.step} was left out: {bad} atoms have no finite position")
        return None
    if number == 0 and "mass" in columns and dump.units in _MOLAR and (odd := _odd_mass(columns["mass"], species)):
        notes.add("masses", odd)
    velocities = _velocities(columns, style, head.step, notes)
    extra = {
        name: floats(words, name) for name, words in columns.items() if name not in {*position_columns, *_NOT_EXTRA}
    }
    if ENERGY in extra:
        extra[ENERGY] = extra[ENERGY] * style.energy
    ranks = np.arange(len(positions))
    if "id" in columns:
        ids = floats(columns["id"], "id")
        if len(np.unique(ids)) != len(ids):
            raise FormatError(f"at step {head.step} two atoms have the same id")
        ranks = np.argsort(ids)
    return Frame(
        head.step,
        None if head.time is None else head.time * style.time,
        positions[ranks],
        cell,
        species[ranks],
        None if velocities is None else velocities[ranks],
        {name: values[ranks] for name, values in extra.items()},
        number,
        head.periodic,
    )


def _read_item(line: bytes, lines: Lines, head: _Head, dump: _Dump) -> None:
    if line.startswith(b"ITEM: UNITS"):
        units = lines.need().decode(errors="backslashreplace").strip()
        if dump.given_units not in (None, units):
            raise ParameterError(f"{dump.path} says its units are {shown(units)}, but {dump.given_units!r} were given")
        if units not in LAMMPS_UNITS:
            raise FormatError(f"the units are {shown(units)}, which fix no length")
        dump.units = units
    elif line.startswith(b"ITEM: TIMESTEP"):
        head.step = integer(lines.need(), "the time step", 0, 10**18)
    elif line.startswith(b"ITEM: TIME"):
        head.time = float(floats(np.array([lines.need().strip()]), "the time")[0])
    elif line.startswith(b"ITEM: NUMBER OF ATOMS"):
        head.count = integer(lines.need(), "the number of atoms", 1, MAX_ATOMS)
    elif line.startswith(b"ITEM: BOX BOUNDS"):
        head.cell, head.origin = _read_box(lines)
        head.periodic = _boundaries(line)
    else:
        raise FormatError(f"{shown(line)} is no line of a LAMMPS dump")


def _boundaries(line: bytes) -> tuple[bool, bool, bool]:
    """Periodic directions, from "ITEM: BOX BOUNDS xy xz yz pp ff ps": p = periodic, f, s and m are not."""
    flags = [word for word in line.split()[3:] if re.fullmatch(rb"[pfsm]{2}", word)]
    if len(flags) != 3:
        return True, True, True
    one, two, three = (flag == b"pp" for flag in flags)
    return one, two, three


def _read_box(lines: Lines) -> tuple[FloatArray, FloatArray]:
    rows = [lines.need().split() for _ in range(3)]
    width = len(rows[0])
    if any(len(row) != width for row in rows) or width not in (2, 3, 4):
        raise FormatError("the box bounds are not three rows of two or three numbers")
    bounds = floats(np.array(rows), "the box")
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


def _triple(columns: _Columns, names: Sequence[str]) -> FloatArray:
    return np.stack([floats(columns[name], name) for name in names], axis=1)


def _positions(
    columns: _Columns, cell: FloatArray, origin: FloatArray, style: UnitStyle
) -> tuple[Sequence[str], FloatArray]:
    names = next((names for names in _POSITION_COLUMNS if all(name in columns for name in names)), None)
    if names is None:
        raise FormatError(
            f"no positions among the columns {shown(' '.join(columns), 120)}: expected x y z, or xs ys zs"
        )
    found = _triple(columns, names)
    if names[0] == "xs" and np.nanmax(np.abs(found), initial=0.0) > _SCALED:
        raise FormatError(
            f"the columns xs ys zs hold numbers up to {np.nanmax(np.abs(found)):.4g}: positions that are scaled by the "
            "box lie between 0 and 1; name them x y z if they are lengths"
        )
    return names, found @ cell if names[0].startswith("xs") else (found - origin) * style.length


def _odd_mass(
    words: np.ndarray[tuple[int], np.dtype[np.bytes_]], species: np.ndarray[tuple[int], np.dtype[np.str_]]
) -> str:
    """What is odd about the masses of the file, against those of the elements; "" where they agree."""
    masses = floats(words, "mass")
    for symbol in np.unique(species).tolist():
        own = float(np.median(masses[species == symbol]))
        if not abs(own / MASSES[symbol] - 1.0) <= _SAME_MASS:
            return f"the file gives {symbol} a mass of {own:g}, expected {MASSES[symbol]:g}: check the elements"
    return ""


def _velocities(columns: _Columns, style: UnitStyle, step: int, notes: Notes) -> FloatArray | None:
    if not all(name in columns for name in _VELOCITY_COLUMNS):
        return None
    velocities = _triple(columns, _VELOCITY_COLUMNS) * style.velocity
    if np.isfinite(velocities).all():
        return velocities
    notes.add("frames without velocities", f"the velocities at step {step} were left out: some are not finite")
    return None


def _labelled(
    labels: np.ndarray[tuple[int], np.dtype[np.bytes_]], elements: Sequence[str]
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Elements from a column of them, or from labels of types (dump_modify types labels), which must be symbols."""
    species = symbols(labels)
    if elements and (other := sorted(set(species.tolist()) - set(elements))):
        raise ParameterError(f"the file itself says {','.join(other)}, but {','.join(elements)} were given")
    return species


def _species(columns: _Columns, dump: _Dump) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    for name in ("element", "typelabel"):
        if name in columns:
            return _labelled(columns[name], dump.elements)
    if "type" not in columns:
        raise FormatError(f"neither type nor element among the columns {shown(' '.join(columns), 120)}")
    path, elements = dump.path, dump.elements
    if not is_number(columns["type"][0]):
        return _labelled(columns["type"], elements)
    if not elements:
        raise UnstatedError(
            f"{path} carries numbers of types, not elements: give these, such as Cu or Cu,Al", "elements"
        )
    types = floats(columns["type"], "type")
    wrong = (types != np.round(types)) | (types < 1) | (types > len(elements))
    if wrong.any() or not np.isfinite(types).all():
        given = f"{len(elements)} are given ({','.join(elements)})"
        raise UnstatedError(f"{path}: type {types[wrong][0]:g} has no element: {given}", "elements")
    return np.array(elements)[types.astype(np.int64) - 1]
