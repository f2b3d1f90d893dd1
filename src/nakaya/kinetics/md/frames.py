"""Frames of atomistic trajectories: LAMMPS text dumps and extended XYZ, plain or gzipped.

Files lie: about their number of atoms, by being cut off, by leaving columns out. Nothing is allocated from a header, a
line has a largest length, and what cannot be read is either an error or, after at least one whole frame, the end of
the trajectory with the reason kept. Inside, lengths are in angstrom and velocities in angstrom/ps.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, InputFileError, ParameterError, UnknownNameError
from nakaya.kinetics.md.potentials import MASSES

__all__ = ["LAMMPS_UNITS", "Frame", "Trajectory", "UnitStyle", "read_dump", "read_extxyz", "read_trajectory"]

MAX_ATOMS = 20_000_000
MAX_LINE = 1 << 20
BLOCK = 8192


@dataclass(frozen=True)
class UnitStyle:
    """What one unit of a LAMMPS style is: length in angstrom, velocity in angstrom/ps, time in ps."""

    length: float
    velocity: float
    time: float


LAMMPS_UNITS: Mapping[str, UnitStyle] = {
    "metal": UnitStyle(1.0, 1.0, 1.0),
    "real": UnitStyle(1.0, 1000.0, 1e-3),
    "si": UnitStyle(1e10, 0.01, 1e12),
    "cgs": UnitStyle(1e8, 1e-4, 1e12),
    "nano": UnitStyle(10.0, 0.01, 1e3),
    "micro": UnitStyle(1e4, 0.01, 1e6),
    "electron": UnitStyle(0.529177210903, 0.529177210903 / 2.4188843265857e-5, 1e-3),
}
"""Unit styles that fix a length; "lj" does not, and is refused."""


@dataclass(frozen=True)
class Frame:
    """Atoms at one moment.

    Attributes:
        step: Number of the time step (for extended XYZ: number of the frame).
        time_ps: Time in ps as the file states it; None where it does not.
        positions: float64 [atom, 3], A.
        cell: float64 [3, 3], A; rows are the box vectors.
        species: str [atom], chemical symbols.
        velocities: float64 [atom, 3], A/ps; None where the file has none.
        extra: Further columns by name, float64 [atom], in the units of the file.
    """

    step: int
    time_ps: float | None
    positions: FloatArray
    cell: FloatArray
    species: np.ndarray[tuple[int], np.dtype[np.str_]]
    velocities: FloatArray | None = None
    extra: Mapping[str, FloatArray] = field(default_factory=dict)

    def temperature(self) -> float:
        """Kinetic temperature, K, with the drift of the whole taken off; NaN without velocities."""
        if self.velocities is None or len(self.positions) < 2:
            return float("nan")
        masses = np.array([MASSES[symbol] for symbol in self.species])[:, None]
        drift = (masses * self.velocities).sum(axis=0) / masses.sum()
        energy = (masses * (self.velocities - drift) ** 2).sum()
        return float(energy / (3 * (len(masses) - 1) * BOLTZMANN))


BOLTZMANN = 0.8314462618
"""k_B in g/mol (A/ps)^2 / K: with atomic masses in g/mol and velocities in A/ps, k T = m v^2 / 3."""


class Trajectory(Iterator[Frame]):
    """Frames one by one, and what was wrong on the way.

    Attributes:
        flags: Reasons why frames were left out or the file ended early; complete once all frames were read.
    """

    def __init__(self, frames: Iterator[Frame], flags: list[str]) -> None:
        self._frames = frames
        self.flags = flags

    def __next__(self) -> Frame:
        return next(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return self


class _CutOff(Exception):
    """The file ends inside a frame."""


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {(error.strerror or 'unknown reason').lower()}") from None
    with raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if is_gzip:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream  # type: ignore[misc]  # reads like any binary stream
        else:
            yield raw


class _Lines:
    """Lines of a stream, with a largest length; damage to a gzip stream counts as its end."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self.stream, self.path = stream, path
        self.damage = ""

    def next(self) -> bytes | None:
        """The next line with its end stripped; None at the end of the file."""
        try:
            line = self.stream.readline(MAX_LINE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.damage = f"the gzip stream is damaged ({error})"
            return None
        if len(line) >= MAX_LINE:
            raise FormatError(f"{self.path} has a line of more than {MAX_LINE} bytes: it is no text trajectory")
        return line.rstrip(b"\r\n") if line else None

    def need(self) -> bytes:
        """The next line, or `_CutOff`."""
        line = self.next()
        if line is None:
            raise _CutOff(self.damage or "the file ends inside a frame")
        return line

    def table(self, rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.bytes_]]:
        """The next `rows` lines as words, bytes [rows, columns]; memory grows with what is there, not with `rows`."""
        blocks: list[bytes] = []
        remaining = rows
        while remaining:
            chunk = [self.need() for _ in range(min(BLOCK, remaining))]
            for line in chunk:
                if len(line.split()) != columns:
                    raise FormatError(
                        f"{self.path}: a row of atoms has {len(line.split())} words, expected {columns}: "
                        f"{line[:60].decode(errors='replace')!r}"
                    )
            blocks += chunk
            remaining -= len(chunk)
        words = np.array(b"\n".join(blocks).split())
        return words.reshape(rows, columns)


def _integer(text: bytes, what: str, path: Path, low: int, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise FormatError(
            f"{path}: {what} is {text[:40].decode(errors='replace')!r}, expected a whole number"
        ) from None
    if not low <= number <= high:
        raise FormatError(f"{path}: {what} is {number}, expected {low} to {high}")
    return number


def _floats(words: np.ndarray[tuple[int, ...], np.dtype[np.bytes_]], what: str, path: Path) -> FloatArray:
    try:
        return words.astype(np.float64)
    except ValueError as error:
        raise FormatError(f"{path}: {what} holds a word that is no number: {error}") from None


def _check_cell(cell: FloatArray, path: Path) -> FloatArray:
    volume = abs(float(np.linalg.det(cell))) if np.isfinite(cell).all() else 0.0
    if not 1e-3 < volume < 1e15:
        raise FormatError(f"{path}: the box has a volume of {volume:g} A^3: it is missing, flat, or in other units")
    return cell


def read_trajectory(
    path: Path, *, lammps_units: str | None = None, elements: Sequence[str] | None = None, form: str | None = None
) -> Trajectory:
    """Read frames from a LAMMPS text dump or extended XYZ, told apart by their first line.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is neither, or its first frame is damaged.
        ParameterError: A dump, and units or elements are neither in the file nor given.
    """
    if form is None:
        with _opened(path) as stream:
            first = _Lines(stream, path).next()
        if first is None:
            raise FormatError(f"{path} is empty, or its gzip stream is damaged at the start")
        form = "dump" if first.startswith(b"ITEM:") else "extxyz" if re.fullmatch(rb"\s*\d+\s*", first) else None
        if form is None:
            raise FormatError(
                f"{path} starts with {first[:40].decode(errors='replace')!r}: expected a LAMMPS text dump (ITEM: "
                "TIMESTEP) or extended XYZ (a number of atoms)"
            )
    if form == "dump":
        return read_dump(path, lammps_units=lammps_units, elements=elements)
    return read_extxyz(path)


def _guarded(frames: Iterator[Frame], flags: list[str], path: Path) -> Iterator[Frame]:
    # Damage after a whole frame ends the trajectory with a flag; damage before the first one is an error.
    count = 0
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            if count == 0:
                reason = f": {'; '.join(flags)}" if flags else ": it is empty"
                raise FormatError(f"{path} holds no whole frame{reason}") from None
            return
        except (_CutOff, FormatError) as error:
            message = str(error).removeprefix(f"{path}: ")
            if count == 0:
                raise FormatError(f"{path} holds no whole frame: {message}") from None
            flags.append(f"the trajectory was cut after {count} frames: {message}")
            return
        count += 1
        yield frame


# --- LAMMPS dumps -----------------------------------------------------------------------------------------------------

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
    flags: list[str] = []
    return Trajectory(_guarded(_dump_frames(path, lammps_units, elements, flags), flags, path), flags)


def _dump_frames(path: Path, units: str | None, elements: Sequence[str] | None, flags: list[str]) -> Iterator[Frame]:
    with _opened(path) as stream:
        lines = _Lines(stream, path)
        while (line := lines.next()) is not None:
            if not line.strip():
                continue
            frame = _dump_frame(line, lines, path, units, elements, flags)
            if frame is not None:
                yield frame
        if lines.damage:
            raise _CutOff(lines.damage)


def _dump_frame(
    line: bytes, lines: _Lines, path: Path, units: str | None, elements: Sequence[str] | None, flags: list[str]
) -> Frame | None:
    step = count = None
    time: float | None = None
    cell: FloatArray | None = None
    origin = np.zeros(3)
    while True:
        if line.startswith(b"ITEM: UNITS"):
            stated = lines.need().decode(errors="replace").strip()
            if units is not None and stated != units:
                raise ParameterError(f"{path} says its units are {stated!r}, but {units!r} were given")
            units = stated
            if units not in LAMMPS_UNITS:
                raise FormatError(f"{path} is in units {units!r}, which fix no length")
        elif line.startswith(b"ITEM: TIMESTEP"):
            step = _integer(lines.need(), "the time step", path, 0, 10**18)
        elif line.startswith(b"ITEM: TIME"):
            time = float(_floats(np.array([lines.need().strip()]), "the time", path)[0])
        elif line.startswith(b"ITEM: NUMBER OF ATOMS"):
            count = _integer(lines.need(), "the number of atoms", path, 1, MAX_ATOMS)
        elif line.startswith(b"ITEM: BOX BOUNDS"):
            cell, origin = _dump_box(line, lines, path)
        elif line.startswith(b"ITEM: ATOMS"):
            break
        else:
            raise FormatError(f"{path}: {line[:60].decode(errors='replace')!r} is no line of a LAMMPS dump")
        line = lines.need()
    if step is None or count is None or cell is None:
        raise FormatError(f"{path}: a frame lacks its time step, number of atoms or box before the atoms")
    if units is None:
        raise ParameterError(f"{path} does not say its units: give --lammps-units, such as metal")
    names = line.decode(errors="replace").split()[2:]
    if len(set(names)) != len(names):
        raise FormatError(f"{path}: a column comes twice: {' '.join(names)}")
    style = LAMMPS_UNITS[units]
    columns = dict(zip(names, lines.table(count, len(names)).T, strict=True))
    time_ps = None if time is None else time * style.time
    return _dump_atoms(columns, step, time_ps, cell, origin, style, path, elements, flags)


def _dump_box(line: bytes, lines: _Lines, path: Path) -> tuple[FloatArray, FloatArray]:
    rows = [lines.need().split() for _ in range(3)]
    width = len(rows[0])
    if any(len(row) != width for row in rows) or width not in (2, 3, 4):
        raise FormatError(f"{path}: the box bounds are not three rows of two or three numbers")
    bounds = _floats(np.array(rows), "the box", path)
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
    flags: list[str],
) -> Frame | None:
    triple = next((names for names in _POSITION_COLUMNS if all(name in columns for name in names)), None)
    if triple is None:
        raise FormatError(f"{path}: no positions among the columns {' '.join(columns)}: expected x y z, or xs ys zs")
    positions = np.stack([_floats(columns[name], name, path) for name in triple], axis=1)
    cell = _check_cell(cell * style.length, path)
    if triple[0].startswith("xs"):
        positions = positions @ cell
    else:
        positions = (positions - origin) * style.length
    species = _dump_species(columns, elements, path)
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        flags.append(f"the frame at step {step} was left out: {bad} atoms have no finite position")
        return None
    velocities = None
    if all(name in columns for name in ("vx", "vy", "vz")):
        velocities = np.stack([_floats(columns[name], name, path) for name in ("vx", "vy", "vz")], axis=1)
        velocities *= style.velocity
        if not np.isfinite(velocities).all():
            flags.append(f"the velocities at step {step} were left out: some are not finite")
            velocities = None
    used = {*triple, "vx", "vy", "vz", "id", "type", "element", "mol", "ix", "iy", "iz"}
    extra = {name: _floats(words, name, path) for name, words in columns.items() if name not in used}
    ranks = np.arange(len(positions))
    if "id" in columns:
        ids = _floats(columns["id"], "id", path)
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
        species = np.char.decode(columns["element"], "ascii", "replace")
        unknown = sorted(set(species.tolist()) - set(MASSES))
        if unknown:
            raise FormatError(f"{path}: {', '.join(unknown[:5])!r} are no elements that are known here")
        return np.asarray(species)
    if "type" not in columns:
        raise FormatError(f"{path}: neither type nor element among the columns {' '.join(columns)}")
    if not elements:
        raise ParameterError(f"{path} carries numbers of types, not elements: give --elements, such as Cu or Cu,Al")
    types = _floats(columns["type"], "type", path)
    wrong = (types != np.round(types)) | (types < 1) | (types > len(elements))
    if wrong.any() or not np.isfinite(types).all():
        raise ParameterError(
            f"{path}: type {types[wrong][0]:g} has no element: --elements names {len(elements)} ({','.join(elements)})"
        )
    return np.array(elements)[types.astype(np.int64) - 1]


# --- extended XYZ -----------------------------------------------------------------------------------------------------

_KEY_VALUE = re.compile(r"""([A-Za-z_][\w.-]*)=(?:"([^"]*)"|'([^']*)'|(\S+))""")


def read_extxyz(path: Path) -> Trajectory:
    """Read extended XYZ: positions and box in angstrom, as the format has it.

    A frame needs Lattice="..." (nine numbers) and Properties with species:S:1 and pos:R:3. A key `time` or `Time` is
    read as picoseconds. Velocities are not read: the format does not fix their unit.

    Raises:
        InputFileError, FormatError: As in `read_trajectory`.
    """
    flags: list[str] = []
    return Trajectory(_guarded(_xyz_frames(path, flags), flags, path), flags)


def _xyz_frames(path: Path, flags: list[str]) -> Iterator[Frame]:
    with _opened(path) as stream:
        lines = _Lines(stream, path)
        number = 0
        while (line := lines.next()) is not None:
            if not line.strip():
                continue
            count = _integer(line, "the number of atoms", path, 1, MAX_ATOMS)
            frame = _xyz_frame(count, number, lines, path, flags)
            number += 1
            if frame is not None:
                yield frame
        if lines.damage:
            raise _CutOff(lines.damage)


def _xyz_frame(count: int, number: int, lines: _Lines, path: Path, flags: list[str]) -> Frame | None:
    comment = lines.need().decode(errors="replace")
    keys = {match[1].lower(): next(group for group in match.groups()[1:] if group is not None)
            for match in _KEY_VALUE.finditer(comment)}  # fmt: skip
    if "lattice" not in keys or "properties" not in keys:
        raise FormatError(f'{path}: frame {number} lacks Lattice="..." or Properties=...: it is plain XYZ')
    if re.search(r"\b[fF0]", keys.get("pbc", "T T T")):
        raise FormatError(f"{path}: frame {number} is not periodic in all directions: expected a bulk box")
    numbers = _floats(np.array(keys["lattice"].encode().split() or [b"nan"]), "Lattice", path)
    if numbers.size != 9:
        raise FormatError(f"{path}: Lattice of frame {number} has {numbers.size} numbers, expected 9")
    cell = _check_cell(numbers.reshape(3, 3), path)
    places, width = _xyz_properties(keys["properties"], path)
    words = lines.table(count, width)
    start = places["pos"]
    positions = _floats(words[:, start : start + 3], "pos", path)
    species = np.char.decode(words[:, places["species"]], "ascii", "replace")
    unknown = sorted(set(species.tolist()) - set(MASSES))
    if unknown:
        raise FormatError(f"{path}: {', '.join(unknown[:5])!r} are no elements that are known here")
    if bad := int((~np.isfinite(positions).all(axis=1)).sum()):
        flags.append(f"frame {number} was left out: {bad} atoms have no finite position")
        return None
    time_ps = None
    if (stated := keys.get("time")) is not None:
        time_ps = float(_floats(np.array([stated.encode()]), "time", path)[0])
    return Frame(number, time_ps, positions, cell, np.asarray(species))


def _xyz_properties(text: str, path: Path) -> tuple[dict[str, int], int]:
    words = text.split(":")
    if len(words) % 3 or not words:
        raise FormatError(f"{path}: Properties={text[:60]!r} is not name:kind:columns, repeated")
    places: dict[str, int] = {}
    expected = {"species": ("S", "1"), "pos": ("R", "3")}
    column = 0
    for name, kind, width in zip(*[iter(words)] * 3, strict=True):
        name = name.lower()
        if name in expected and (kind, width) != expected[name]:
            raise FormatError(f"{path}: Properties has {name}:{kind}:{width}, expected {':'.join(expected[name])}")
        places[name] = column
        if not re.fullmatch(r"[1-9]\d?", width):
            raise FormatError(f"{path}: Properties gives {name} {width!r} columns")
        column += int(width)
    if missing := set(expected) - set(places):
        raise FormatError(f"{path}: Properties lacks {', '.join(sorted(missing))}")
    return places, column


def first_frames(trajectory: Trajectory, count: int) -> list[Frame]:
    """The first `count` frames, as a list."""
    return list(islice(trajectory, count))
