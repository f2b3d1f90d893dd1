"""EBSD maps from text files: .ang (TSL, EMsoft, kikuchipy) and .ctf (Oxford HKL, "Channel Text File").

Both list one measured point a line: Euler angles, position, phase, quality. What a file may get wrong without being
unreadable (missing points, NaN, a cut last line, cell constants that contradict the symmetry) becomes a flag of the
map; everything else is a `FormatError` with the line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.reading import input_errors
from nakaya.crystallography.symmetry import LAUE_CLASSES, Symmetry
from nakaya.microscopy.ebsd.grid import HEXAGONAL, SQUARE, Grid, GridKind, make_grid

__all__ = ["EbsdMap", "Phase", "parse_ang", "parse_ctf", "read_ebsd"]

MAX_FILE_BYTES = 2 << 30
MICROMETRE = 1e-6

_TSL_SYMMETRY = {
    "1": "-1", "2": "2/m", "20": "2/m", "22": "mmm", "222": "mmm", "3": "-3", "32": "-3m", "4": "4/m", "42": "4/mmm",
    "422": "4/mmm", "6": "6/m", "62": "6/mmm", "622": "6/mmm", "23": "m-3", "43": "m-3m", "432": "m-3m",
}  # fmt: skip
"""Symmetry numbers of .ang files: point groups of pure rotations with the dashes left out."""

_HKL_LAUE = {
    1: "-1", 2: "2/m", 3: "mmm", 4: "4/m", 5: "4/mmm", 6: "-3", 7: "-3m", 8: "6/m", 9: "6/mmm", 10: "m-3", 11: "m-3m",
}  # fmt: skip
"""Laue numbers of .ctf files."""


@dataclass(frozen=True)
class Phase:
    """One phase of a map.

    Attributes:
        number: As the file numbers it, from 1.
        name: As the file names it.
        symmetry: Laue class.
        lattice: a, b, c (angstrom) and alpha, beta, gamma (degrees), as the file gives them; empty where it does not.
    """

    number: int
    name: str
    symmetry: Symmetry
    lattice: tuple[float, ...] = ()


@dataclass(frozen=True)
class EbsdMap:
    """A map of orientations on a grid; points are numbered row by row.

    Attributes:
        grid: Where the points lie, and which are neighbours.
        orientations: Sample to crystal, [n]; identity where not indexed.
        phase: int64 [n], number of the phase; 0 = not indexed, or missing from the file.
        confidence: float64 [n], greater = surer (confidence index of .ang, minus mean angular deviation of .ctf).
        phases: The phases that the header lists.
        flags: What does not fit together, one sentence each.
        source_format: "ang" or "ctf".
    """

    grid: Grid
    orientations: Rotation = field(repr=False)
    phase: IntArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    phases: tuple[Phase, ...]
    flags: tuple[str, ...]
    source_format: str

    @property
    def indexed(self) -> BoolArray:
        """Points with a phase: bool [n]."""
        return np.asarray(self.phase > 0, np.bool_)


def read_ebsd(path: Path) -> EbsdMap:
    """Read a map; the format is told by the content where the name does not say.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no EBSD map, or contradicts itself.
    """
    with input_errors(path):
        if path.is_dir():
            raise InputFileError(f"{path} is a directory: name an .ang or .ctf file")
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise FormatError(f"{path} has {size} bytes: maps up to {MAX_FILE_BYTES} are read")
        raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise FormatError(f"{path} is not text: expected an .ang or .ctf map")
    text = raw.decode("utf-8", errors="replace")  # only names of people and places are ever not ASCII
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    is_ctf = path.suffix.lower() == ".ctf" or first.lower().startswith("channel text file")
    return parse_ctf(text, name=path.name) if is_ctf else parse_ang(text, name=path.name)


# --------------------------------------------------------------------------------------------------- reading columns


def _columns(lines: Sequence[tuple[int, str]], least: int, name: str) -> tuple[FloatArray, list[str]]:
    """Numbers of the data lines, float64 [n, least], and flags. A line cut short is forgiven only at the very end."""
    if not lines:
        raise FormatError(f"{name} has a header but no points")
    rows: list[list[float]] = []
    flags: list[str] = []
    for place, (number, line) in enumerate(lines):
        try:
            row = [float(word) for word in line.split()[:least]]
        except ValueError:
            row = []
        if len(row) < least:
            if place == len(lines) - 1 and place > 0:
                flags.append(f"line {number}, the last one, is cut short: the file is truncated")
                break
            raise FormatError(f"{name}, line {number}: {line.strip()[:60]!r} is not {least} numbers")
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, least), flags


def _lattice_contradiction(phase: Phase) -> str | None:
    """A sentence where the cell constants do not have the symmetry that the file states."""
    if len(phase.lattice) != 6 or not all(math.isfinite(value) and value > 0 for value in phase.lattice):
        return None
    a, b, c, alpha, beta, gamma = phase.lattice

    def same(first: float, second: float) -> bool:
        return math.isclose(first, second, rel_tol=2e-3)

    right = same(alpha, 90) and same(beta, 90)
    system = phase.symmetry.system
    fits = {
        "cubic": same(a, b) and same(b, c) and right and same(gamma, 90),
        "hexagonal": same(a, b) and right and same(gamma, 120),
        "trigonal": same(a, b) and ((right and same(gamma, 120)) or (same(b, c) and same(alpha, beta))),
        "tetragonal": same(a, b) and right and same(gamma, 90),
        "orthorhombic": right and same(gamma, 90),
    }.get(system, True)
    if fits:
        return None
    cell = ", ".join(f"{value:g}" for value in phase.lattice)
    return (
        f"phase {phase.name}: symmetry {phase.symmetry.name} is {system}, but the cell constants ({cell}) are not: "
        "one of them is wrong, and disorientations with it"
    )


def _assemble(
    *,
    name: str,
    source_format: str,
    positions: FloatArray,
    grid_kind: GridKind | None,
    steps: tuple[float, float],
    shape: tuple[int, int],
    euler: FloatArray,
    phase: IntArray,
    confidence: FloatArray,
    phases: Sequence[Phase],
    flags: list[str],
) -> EbsdMap:
    if not np.isfinite(positions).all():
        raise FormatError(f"{name}: {int((~np.isfinite(positions)).any(axis=1).sum())} points have no position (NaN)")
    grid, index, grid_flags = make_grid(positions, kind=grid_kind, steps=steps, shape=shape, name=name)
    flags = [*flags, *grid_flags]
    known = {entry.number for entry in phases}
    unknown = sorted(set(np.unique(phase).tolist()) - known - {0})
    if unknown:
        raise FormatError(f"{name}: points have phase {unknown[0]}, the header lists {sorted(known)}")
    bad = ~np.isfinite(euler).all(axis=1)
    if bad.any():
        flags.append(f"{int(bad.sum())} points have Euler angles that are not numbers: taken as not indexed")
    phase = np.where(bad, 0, phase)
    dim = ~np.isfinite(confidence)
    if dim.any():
        flags.append(f"{int(dim.sum())} points have no confidence (NaN): taken as the least of the map")
        confidence = np.where(dim, np.min(confidence[~dim], initial=0.0), confidence)
    flags += [sentence for entry in phases if (sentence := _lattice_contradiction(entry))]
    whole_phase = np.zeros(grid.num_points, np.int64)
    whole_phase[index] = phase
    whole_euler = np.zeros((grid.num_points, 3))
    whole_euler[index[phase > 0]] = euler[phase > 0]
    # Bunge's angles: the crystal's axes are turned by Z(phi1) X(Phi) Z(phi2), so components the other way round.
    orientations = Rotation.from_euler("ZXZ", whole_euler).inv()
    whole_confidence = np.full(grid.num_points, np.min(confidence, initial=0.0))
    whole_confidence[index] = confidence
    if not (whole_phase > 0).any():
        raise FormatError(f"{name}: no point of the map is indexed")
    return EbsdMap(grid, orientations, whole_phase, whole_confidence, tuple(phases), tuple(flags), source_format)


# -------------------------------------------------------------------------------------------------------------- .ang


def parse_ang(text: str, *, name: str = "map.ang") -> EbsdMap:
    """Read the text of an .ang file: phi1 PHI phi2 (rad) x y (um) image-quality confidence phase ...

    Points with a confidence below zero, and with phase 0 where the header lists several phases, are not indexed. A
    single phase may be numbered 0.

    Raises:
        FormatError: What is wrong, with the line.
    """
    header: list[str] = []
    body: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            header.append(line.lstrip()[1:].strip())
        elif line.strip():
            body.append((number, line))
    if not header:
        raise FormatError(f"{name} has no header of lines that begin with #: it is not an .ang map")
    phases = _ang_phases(header, name)
    entries = _ang_entries(header)
    columns, flags = _columns(body, 8, name)
    euler, positions = columns[:, :3], columns[:, 3:5]
    # TSL writes 4 pi for a point that could not be indexed; nothing beyond that can be meant in radians.
    if np.nanmax(np.abs(euler), initial=0.0) > 4 * np.pi + 1e-3:
        raise FormatError(f"{name}: Euler angles up to {np.nanmax(np.abs(euler)):g}: .ang angles are in radians")
    if not np.isfinite(columns[:, 7]).all() or (np.abs(columns[:, 7] - np.round(columns[:, 7])) > 0).any():
        raise FormatError(f"{name}: column 8 is the phase and must hold whole numbers")
    phase = columns[:, 7].astype(np.int64)
    if len(phases) == 1 and not phase.any():
        phase[:] = phases[0].number
    phase[columns[:, 6] < 0] = 0
    kind = {"sqrgrid": SQUARE, "hexgrid": HEXAGONAL}.get(entries.get("GRID", "").lower())
    if "GRID" in entries and kind is None:
        raise FormatError(f"{name}: GRID is {entries['GRID']!r}, expected SqrGrid or HexGrid")
    steps = _number(entries, "XSTEP", name), _number(entries, "YSTEP", name)
    shape = int(_number(entries, "NROWS", name)), int(_number(entries, "NCOLS_ODD", name))
    return _assemble(
        name=name,
        source_format="ang",
        positions=positions * MICROMETRE,
        grid_kind=kind,
        steps=(steps[0] * MICROMETRE, steps[1] * MICROMETRE),
        shape=shape,
        euler=euler,
        phase=phase,
        confidence=columns[:, 6],
        phases=phases,
        flags=flags,
    )


def _ang_entries(header: Sequence[str]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for line in header:
        match = re.match(r"([A-Za-z_]+):\s*(\S+)", line)
        if match:
            entries.setdefault(match[1].upper(), match[2])
    return entries


def _number(entries: dict[str, str], key: str, name: str) -> float:
    """A number of the header; NaN where the header does not have it."""
    if key not in entries:
        return 0.0
    try:
        value = float(entries[key].replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise FormatError(f"{name}: {key} is {entries[key]!r}, expected a number that is not negative")
    return value


def _ang_phases(header: Sequence[str], name: str) -> list[Phase]:
    phases: list[Phase] = []
    starts = [place for place, line in enumerate(header) if re.match(r"Phase\s*:?\s*\d+\s*$", line)]
    if not starts:
        raise FormatError(f'{name} has no line "# Phase N": it is not an .ang map, or its header is cut')
    for start, end in zip(starts, [*starts[1:], len(header)], strict=True):
        number = int(re.findall(r"\d+", header[start])[0])
        fields: dict[str, str] = {}
        for line in header[start + 1 : end]:
            match = re.match(r"(MaterialName|Symmetry|LatticeConstants|Formula)\s+(.*)", line)
            if match:
                fields.setdefault(match[1], match[2].strip())
        code = fields.get("Symmetry", "").split()[0] if fields.get("Symmetry", "").split() else ""
        if code not in _TSL_SYMMETRY:
            known = ", ".join(_TSL_SYMMETRY)
            raise FormatError(f"{name}, phase {number}: symmetry {code!r} is not known: expected one of {known}")
        try:
            lattice = tuple(float(word) for word in fields.get("LatticeConstants", "").split())
        except ValueError:
            raise FormatError(f"{name}, phase {number}: LatticeConstants are not numbers") from None
        label = fields.get("MaterialName") or fields.get("Formula") or f"phase {number}"
        phases.append(Phase(number, label, LAUE_CLASSES[_TSL_SYMMETRY[code]], lattice))
    return _checked_phases(phases, name)


def _checked_phases(phases: list[Phase], name: str) -> list[Phase]:
    numbers = [phase.number for phase in phases]
    if len(set(numbers)) != len(numbers):
        raise FormatError(f"{name}: two phases have the same number in {numbers}")
    if 0 in numbers:
        if len(numbers) > 1:
            raise FormatError(f"{name}: phase 0 is listed beside others; 0 means not indexed")
        phases = [Phase(1, phases[0].name, phases[0].symmetry, phases[0].lattice)]
    return phases


# -------------------------------------------------------------------------------------------------------------- .ctf


def parse_ctf(text: str, *, name: str = "map.ctf") -> EbsdMap:
    """Read the text of a .ctf file: Phase X Y (um) Bands Error Euler1 Euler2 Euler3 (degrees) MAD BC BS.

    Phase 0 is not indexed, and so is a point with an error code. Decimal commas, which localised instruments write, are
    read as points. The confidence is minus the mean angular deviation.

    Raises:
        FormatError: What is wrong, with the line.
    """
    lines = text.splitlines()
    if not lines or not lines[0].strip().lower().startswith("channel text file"):
        raise FormatError(f'{name} does not begin with "Channel Text File": it is not a .ctf map')
    heading = next((at for at, line in enumerate(lines) if re.match(r"\s*phase\s+x\s+y\b", line, re.IGNORECASE)), None)
    if heading is None:
        raise FormatError(f'{name} has no line of column names that begins with "Phase X Y"')
    entries: dict[str, str] = {}
    phases: list[Phase] = []
    for number, line in enumerate(lines[:heading], start=1):
        words = re.split(r"\t+", line.strip())
        if words[0].lower() == "phases":
            phases = _ctf_phases(lines[number:heading], words, name)
            break
        if len(words) >= 2:
            entries[words[0].upper()] = words[1].strip()
    if not phases:
        raise FormatError(f"{name} lists no phases")
    if entries.get("JOBMODE", "Grid").lower() not in {"grid", ""}:
        raise FormatError(f"{name}: JobMode is {entries['JOBMODE']!r}: only maps (Grid) are read")
    names = [word.lower() for word in lines[heading].split()]
    needed = ["phase", "x", "y", "error", "euler1", "euler2", "euler3", "mad"]
    missing = [word for word in needed if word not in names]
    if missing:
        raise FormatError(f"{name}: the column {missing[0]} is missing; there are {', '.join(names)}")
    body = [(heading + 2 + at, line.replace(",", ".")) for at, line in enumerate(lines[heading + 1 :]) if line.strip()]
    columns, flags = _columns(body, len(names), name)
    phase_column, x, y, error, *euler, deviation = (columns[:, names.index(word)] for word in needed)
    angles = np.stack(euler, axis=1)
    if not np.isfinite(phase_column).all() or (phase_column != np.round(phase_column)).any():
        raise FormatError(f"{name}: the column Phase must hold whole numbers")
    if np.nanmax(np.abs(angles), initial=0.0) > 720:
        raise FormatError(f"{name}: Euler angles up to {np.nanmax(np.abs(angles)):g}: .ctf angles are in degrees")
    indexed = (phase_column > 0) & (error == 0)
    if indexed.any() and 0 < np.nanmax(np.abs(angles[indexed]), initial=0.0) <= 2 * np.pi:
        flags.append("all Euler angles are below 6.3 degrees: they may be radians, which .ctf does not allow")
    return _assemble(
        name=name,
        source_format="ctf",
        positions=np.stack([x, y], axis=1) * MICROMETRE,
        grid_kind=SQUARE,
        steps=(_number(entries, "XSTEP", name) * MICROMETRE, _number(entries, "YSTEP", name) * MICROMETRE),
        shape=(int(_number(entries, "YCELLS", name)), int(_number(entries, "XCELLS", name))),
        euler=np.radians(angles),
        phase=np.where(error == 0, phase_column, 0).astype(np.int64),
        confidence=-deviation,
        phases=phases,
        flags=flags,
    )


def _ctf_phases(lines: Sequence[str], words: Sequence[str], name: str) -> list[Phase]:
    try:
        count = int(words[1])
    except (IndexError, ValueError):
        raise FormatError(f"{name}: the line Phases does not say how many there are") from None
    if not 1 <= count <= len(lines):
        raise FormatError(f"{name}: {count} phases are announced, {len(lines)} lines follow")
    phases = []
    for number, line in enumerate(lines[:count], start=1):
        fields = [entry.strip() for entry in line.split("\t")]
        try:
            lengths = [float(word.replace(",", ".")) for word in fields[0].split(";")]
            angles = [float(word.replace(",", ".")) for word in fields[1].split(";")]
            label, laue = fields[2], int(fields[3])
        except (IndexError, ValueError):
            raise FormatError(
                f"{name}: phase {number} is {line.strip()[:60]!r}, expected cell lengths, angles, name and Laue number"
            ) from None
        if laue not in _HKL_LAUE:
            raise FormatError(f"{name}, phase {number}: Laue number {laue} is not one of 1 to 11")
        phases.append(Phase(number, label, LAUE_CLASSES[_HKL_LAUE[laue]], (*lengths, *angles)))
    return phases
