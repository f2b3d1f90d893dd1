"""EBSD maps from text files: .ang (TSL, EMsoft, ASTAR, kikuchipy) and .ctf (Oxford HKL, "Channel Text File").

Both list one measured point a line: Euler angles, position, phase, quality. What a file may get wrong without being
unreadable (missing points, NaN, a cut last line, cell constants that contradict the symmetry) becomes a flag of the
map; everything else is a `FormatError` with the line. Crystal frames of vendors are made one (see `frames`).
"""

from __future__ import annotations

import codecs
import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError, InputFileError
from nakaya.core.reading import read_bounded
from nakaya.crystallography.symmetry import Symmetry
from nakaya.microscopy.ebsd.frames import contradictions, hkl_crystal, tsl_crystal
from nakaya.microscopy.ebsd.grid import HEXAGONAL, SQUARE, Grid, GridKind, make_grid

__all__ = ["EbsdMap", "Phase", "parse_ang", "parse_ctf", "read_ebsd"]

MAX_FILE_BYTES = 2 << 30
MICROMETRE, NANOMETRE = 1e-6, 1e-9
MAX_PHASE = 10**9
"""No header lists so many: a greater number is refused as this one is."""
_ANG_COLUMNS = (
    ("phi1",), ("phi",), ("phi2",), ("x",), ("y",), ("iq", "image_quality"), ("ci", "confidence_index"),
    ("phase_index", "phase", "phase_id"),
)  # fmt: skip
"""Names that OIM 8 and orix give to the columns of .ang files."""
_LAST_GROUP = (2, 15, 74, 88, 142, 148, 167, 176, 194, 206, 230)
"""Greatest number of a space group in the Laue classes 1 to 11 of .ctf files."""
NOT_ANALYSED = 5
"""Error code of .ctf files for points that a cancelled job did not come to."""


@dataclass(frozen=True)
class Phase:
    """One phase of a map.

    Attributes:
        number: As the file numbers it, from 1.
        name: As the file names it.
        symmetry: Laue class.
        lattice: a, b, c (angstrom) and alpha, beta, gamma (degrees), as the file gives them; empty where it does not.
        frame: How the axes of orientations lie in the crystal.
    """

    number: int
    name: str
    symmetry: Symmetry
    lattice: tuple[float, ...] = ()
    frame: str = ""


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
        measured: Points that the file has, bool [n]; others were lost, or lie outside a free-form area.
    """

    grid: Grid
    orientations: Rotation = field(repr=False)
    phase: IntArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    phases: tuple[Phase, ...]
    flags: tuple[str, ...]
    source_format: str
    measured: BoolArray = field(repr=False)

    @property
    def indexed(self) -> BoolArray:
        """Points with a phase: bool [n]."""
        return np.asarray(self.phase > 0, np.bool_)

    @property
    def indexed_fraction(self) -> float:
        """Fraction of the measured points."""
        return float(self.indexed.sum() / self.measured.sum())

    @property
    def area(self) -> float:
        """Area that was measured, m2."""
        return int(self.measured.sum()) * self.grid.cell_area

    @property
    def labels(self) -> dict[int, str]:
        """Names of the phases by their numbers; where names repeat, with the number."""
        names = [phase.name for phase in self.phases]
        labels = [
            name if names.count(name) == 1 else f"{name} (phase {phase.number})".strip()
            for name, phase in zip(names, self.phases, strict=True)
        ]
        if len(set(labels)) < len(labels):  # a name that looks like such a label
            labels = [f"phase {phase.number}: {phase.name}" for phase in self.phases]
        return {phase.number: label for phase, label in zip(self.phases, labels, strict=True)}


def read_ebsd(path: Path) -> EbsdMap:
    """Read a map; the format is told by the content where the name does not say.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no EBSD map, or contradicts itself.
    """
    if path.is_dir():
        raise InputFileError(f"{path} is a directory: name an .ang or .ctf file")
    text = _decoded(read_bounded(path, MAX_FILE_BYTES), path)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    is_ctf = path.suffix.lower() == ".ctf" or first.lower().startswith("channel text file")
    return parse_ctf(text, name=path.name) if is_ctf else parse_ang(text, name=path.name)


def _decoded(raw: bytes, path: Path) -> str:
    if raw.startswith(b"\x89HDF"):
        raise FormatError(f"{path} is HDF5 (.h5, .oh5, .h5oina): export the map as .ang or .ctf")
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in raw[:4096] and not is_utf16:
        raise FormatError(f"{path} is not text: expected an .ang or .ctf map")
    # Only names of people and places are ever not ASCII.
    return raw.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")


# --------------------------------------------------------------------------------------------------- reading columns


def _words(line: str) -> list[str]:
    """Words of a line of numbers: decimal commas become points, commas behind a number separate."""
    words = line.split()
    return [word.rstrip(",").replace(",", ".") for word in words] if "," in line else words


def _columns(lines: Sequence[tuple[int, str]], least: int, name: str) -> tuple[FloatArray, list[str]]:
    """Numbers of the data lines, float64 [n, least], and flags. A line cut short is forgiven only at the very end."""
    if not lines:
        raise FormatError(f"{name} has a header but no points")
    rows: list[list[float]] = []
    flags: list[str] = []
    for place, (number, line) in enumerate(lines):
        try:
            row = [float(word) for word in _words(line)[:least]]
        except ValueError:
            row = []
        if len(row) < least:
            if place == len(lines) - 1 and place > 0:
                flags.append(f"line {number}, the last one, is cut short: the file is truncated")
                break
            raise FormatError(f"{name}, line {number}: {line.strip()[:60]!r} is not {least} numbers")
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, least), flags


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
    turns: Mapping[int, Rotation] = MappingProxyType({}),
    is_measured: BoolArray | None = None,
) -> EbsdMap:
    """Put points on their grid.

    `turns` lead from the crystal frame of the file to ours, by number of phase; `is_measured` tells points of the file
    that were never measured.
    """
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
    flags += [
        f"phase {entry.number} ({entry.name}): {sentence}"
        for entry in phases
        for sentence in contradictions(entry.symmetry, entry.lattice)
    ]
    whole_phase = np.zeros(grid.num_points, np.int64)
    whole_phase[index] = phase
    whole_euler = np.zeros((grid.num_points, 3))
    whole_euler[index[phase > 0]] = euler[phase > 0]
    # Bunge's angles: the crystal's axes are turned by Z(phi1) X(Phi) Z(phi2), so components the other way round.
    orientations = Rotation.from_euler("ZXZ", whole_euler).inv()
    for number, turn in turns.items():
        own = np.flatnonzero(whole_phase == number)
        if len(own):
            orientations[own] = turn * orientations[own]
    whole_confidence = np.full(grid.num_points, np.min(confidence, initial=0.0))
    whole_confidence[index] = confidence
    if not (whole_phase > 0).any():
        raise FormatError(f"{name}: no point of the map is indexed")
    measured = np.zeros(grid.num_points, np.bool_)
    measured[index] = True if is_measured is None else is_measured
    if (skipped := len(index) - int(measured.sum())) > 0:
        flags.append(f"{skipped} points were not analysed (error {NOT_ANALYSED}): taken as not measured")
    return EbsdMap(
        grid, orientations, whole_phase, whole_confidence, tuple(phases), tuple(flags), source_format, measured
    )


# -------------------------------------------------------------------------------------------------------------- .ang


def parse_ang(text: str, *, name: str = "map.ang") -> EbsdMap:
    """Read the text of an .ang file: phi1 PHI phi2 (rad) x y (um) image-quality confidence phase ...

    Points with a confidence or phase below zero, and with phase 0 where the header lists several phases, are not
    indexed. A single phase may be numbered 0. Positions of ASTAR's files ("ACOM") are in nm.

    Raises:
        FormatError: What is wrong, with the line.
    """
    header: list[str] = []
    body: list[tuple[int, str]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.lstrip().startswith("#"):
            header.append(line.lstrip()[1:].strip())
        elif line.strip():
            body.append((number, line))
    if not header:
        raise FormatError(f"{name} has no header of lines that begin with #: it is not an .ang map")
    phases, crystal_flags = _ang_phases(header, name)
    entries = _ang_entries(header)
    order = _ang_order(header)
    columns, flags = _columns(body, max(order) + 1, name)
    columns = columns[:, order]
    flags += crystal_flags
    euler, positions = columns[:, :3], columns[:, 3:5]
    # TSL writes 4 pi for a point that could not be indexed; nothing beyond that can be meant in radians.
    if np.nanmax(np.abs(euler), initial=0.0) > 4 * np.pi + 1e-3:
        raise FormatError(f"{name}: Euler angles up to {np.nanmax(np.abs(euler)):g}: .ang angles are in radians")
    if not np.isfinite(columns[:, 7]).all() or (np.abs(columns[:, 7] - np.round(columns[:, 7])) > 0).any():
        raise FormatError(f"{name}: column {order[7] + 1} is the phase and must hold whole numbers")
    phase = np.clip(columns[:, 7], 0, MAX_PHASE).astype(np.int64)
    if len(phases) == 1 and not phase.any():
        phase[columns[:, 7] == 0] = phases[0].number
    unsure = (columns[:, 6] < 0) & (phase > 0)
    # TSL marks what it could not index by 4 pi; angles of their own are those of a clean-up, or of a poor solution.
    filled = unsure & (euler < 4 * np.pi - 1e-3).all(axis=1) & (euler != 0).any(axis=1)
    if filled.any():
        flags.append(
            f"{int(filled.sum())} points have a confidence below zero but angles of their own, as clean-up of the "
            "vendor leaves them: taken as not indexed"
        )
    phase[unsure] = 0
    unnumbered = (columns[:, 7] == 0) & (phase == 0) & (columns[:, 6] > 0) & (euler != 0).any(axis=1)
    if unnumbered.any():
        flags.append(
            f"{int(unnumbered.sum())} points have phase 0, which means not indexed, but a confidence and angles: taken "
            "as not indexed; where the file counts its phases from 0, number them from 1"
        )
    kind = {"sqrgrid": SQUARE, "hexgrid": HEXAGONAL}.get(entries.get("GRID", "").lower().rstrip("#"))
    if "GRID" in entries and kind is None:
        raise FormatError(f"{name}: GRID is {entries['GRID']!r}, expected SqrGrid or HexGrid")
    steps = _number(entries, "XSTEP", name), _number(entries, "YSTEP", name)
    columns_stated = max(int(_number(entries, key, name)) for key in ("NCOLS_ODD", "NCOLS_EVEN"))
    shape = int(_number(entries, "NROWS", name)), columns_stated
    unit = NANOMETRE if any("ACOM" in line for line in header) else MICROMETRE
    return _assemble(
        name=name,
        source_format="ang",
        positions=positions * unit,
        grid_kind=kind,
        steps=(steps[0] * unit, steps[1] * unit),
        shape=shape,
        euler=euler,
        phase=phase,
        confidence=columns[:, 6],
        phases=phases,
        flags=flags,
    )


def _ang_order(header: Sequence[str]) -> list[int]:
    """Places of phi1, PHI, phi2, x, y, image quality, confidence and phase, where a header names its columns."""
    order = list(range(8))
    for line in header:
        if match := re.match(r"column[_ ](?:headers|names):(.*)", line, re.IGNORECASE):
            names = [word.strip().lower().replace(" ", "_") for word in match[1].split(",")]
            for place, known in enumerate(_ANG_COLUMNS):
                order[place] = next((at for at, word in enumerate(names) if word in known), order[place])
    return order


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


def _ang_phases(header: Sequence[str], name: str) -> tuple[list[Phase], list[str]]:
    """Phases, and flags for what is doubtful in their crystal frames."""
    flags: list[str] = []
    phases: list[Phase] = []
    is_emsoft = any("EMsoft" in line for line in header)
    matches = [re.match(r"Phase\s*:?\s*([0-9]{1,9})\s*$", line) for line in header]
    numbers = [int(match[1]) for match in matches if match]
    starts = [place for place, match in enumerate(matches) if match]
    if not (numbered := bool(starts)):  # ASTAR lists its phases without numbers
        starts = [place for place, line in enumerate(header) if re.match(r"MaterialName\b", line)]
        numbers = list(range(1, len(starts) + 1))
    if not starts or not (numbered or any("ACOM" in line for line in header)):
        raise FormatError(f'{name} has no line "# Phase N": it is not an .ang map, or its header is cut')
    for number, start, end in zip(numbers, starts, [*starts[1:], len(header)], strict=True):
        fields: dict[str, str] = {}
        for line in header[start:end]:
            match = re.match(r"(MaterialName|Symmetry|LatticeConstants|Formula)\s+(.*)", line)
            if match:
                fields.setdefault(match[1], match[2].strip())
        code = (fields.get("Symmetry", "").split() or [""])[0]
        try:
            lattice = tuple(float(word) for word in _words(fields.get("LatticeConstants", "")))
        except ValueError:
            raise FormatError(f"{name}, phase {number}: LatticeConstants are not numbers") from None
        label = fields.get("MaterialName") or fields.get("Formula") or f"phase {number}"
        symmetry, frame, flag = tsl_crystal(code, lattice, where=f"{name}, phase {number}", is_emsoft=is_emsoft)
        flags += [f"phase {label}: {flag}"] if flag else []
        phases.append(Phase(number, label, symmetry, lattice, frame))
    if is_emsoft and any(entry.symmetry.system == "trigonal" for entry in phases):
        flags.append(
            "EMsoft writes the angles of trigonal crystals in .ang files in a frame that depends on its version: x is "
            "taken along a; its .ctf file is sure"
        )
    return _checked_phases(phases, name), flags


def _checked_phases(phases: list[Phase], name: str) -> list[Phase]:
    numbers = [phase.number for phase in phases]
    if len(set(numbers)) != len(numbers):
        raise FormatError(f"{name}: two phases have the same number in {numbers}")
    if 0 in numbers:
        if len(numbers) > 1:
            raise FormatError(f"{name}: phase 0 is listed beside others; 0 means not indexed")
        phases = [replace(phases[0], number=1)]
    return phases


# -------------------------------------------------------------------------------------------------------------- .ctf


def parse_ctf(text: str, *, name: str = "map.ctf") -> EbsdMap:
    """Read the text of a .ctf file: Phase X Y (um) Bands Error Euler1 Euler2 Euler3 (degrees) MAD BC BS.

    Phase 0 is not indexed. A point with a phase, and an error code or no bands, was filled in by the vendor's clean-up:
    it counts, and is flagged. Error 5 without a phase was not measured. Decimal commas, which localised instruments
    write, are read as points. The confidence is minus the mean angular deviation, or what EMsoft writes in that column:
    a confidence index.

    Raises:
        FormatError: What is wrong, with the line.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or not lines[0].strip().lower().startswith("channel text file"):
        raise FormatError(f'{name} does not begin with "Channel Text File": it is not a .ctf map')
    heading = next((at for at, line in enumerate(lines) if re.match(r"\s*phase\s+x\s+y\b", line, re.IGNORECASE)), None)
    if heading is None:
        raise FormatError(f'{name} has no line of column names that begins with "Phase X Y"')
    is_emsoft = any("MAD=CI" in line for line in lines[:heading])
    entries: dict[str, str] = {}
    crystals: list[tuple[Phase, Rotation | None]] = []
    crystal_flags: list[str] = []
    for number, line in enumerate(lines[:heading], start=1):
        words = re.split(r"\t+", line.strip()) if "\t" in line.strip() else line.split() or [""]
        if words[0].lower() == "phases":
            crystals, crystal_flags = _ctf_phases(lines[number:heading], words, name, is_emsoft=is_emsoft)
            break
        if len(words) >= 2:
            entries[words[0].upper()] = words[1].strip()
    if not crystals:
        raise FormatError(f"{name} lists no phases")
    if entries.get("JOBMODE", "Grid").lower() not in {"grid", ""}:
        raise FormatError(f"{name}: JobMode is {entries['JOBMODE']!r}: only maps (Grid) are read")
    names = [word.lower() for word in lines[heading].split()]
    needed = ["phase", "x", "y", "error", "euler1", "euler2", "euler3", "mad"]
    missing = [word for word in needed if word not in names]
    if missing:
        raise FormatError(f"{name}: the column {missing[0]} is missing; there are {', '.join(names)}")
    body = [(heading + 2 + at, line) for at, line in enumerate(lines[heading + 1 :]) if line.strip()]
    columns, flags = _columns(body, len(names), name)
    flags += crystal_flags
    phase_column, x, y, error, *euler, deviation = (columns[:, names.index(word)] for word in needed)
    angles = np.stack(euler, axis=1)
    if not np.isfinite(phase_column).all() or (phase_column != np.round(phase_column)).any():
        raise FormatError(f"{name}: the column Phase must hold whole numbers")
    if np.nanmax(np.abs(angles), initial=0.0) > 720:
        raise FormatError(f"{name}: Euler angles up to {np.nanmax(np.abs(angles)):g}: .ctf angles are in degrees")
    phase = np.clip(phase_column, 0, MAX_PHASE).astype(np.int64)
    if not is_emsoft:  # which has other numbers in the columns Error and Bands
        failed = (error != 0) & (phase > 0)
        phase[failed & (angles == 0).all(axis=1)] = 0
        bands = columns[:, names.index("bands")] if "bands" in names else np.ones(len(x))
        if (filled := int(((failed | ((bands == 0) & (bands > 0).any())) & (phase > 0)).sum())) > 0:
            flags.append(
                f"{filled} points have a phase and angles, but an error code or no bands, as clean-up of the vendor "
                "leaves those that it filled in: counted as indexed"
            )
    indexed = phase > 0
    if indexed.any() and 0 < np.nanmax(np.abs(angles[indexed]), initial=0.0) <= 2 * np.pi:
        flags.append("all Euler angles are below 6.3 degrees: they may be radians, which .ctf does not allow")
    return _assemble(
        name=name,
        source_format="ctf",
        positions=np.stack([x, y], axis=1) * MICROMETRE,
        grid_kind=None,
        steps=(_number(entries, "XSTEP", name) * MICROMETRE, _number(entries, "YSTEP", name) * MICROMETRE),
        shape=(int(_number(entries, "YCELLS", name)), int(_number(entries, "XCELLS", name))),
        euler=np.radians(angles),
        phase=phase,
        is_measured=(error != NOT_ANALYSED) | (phase > 0),
        confidence=deviation if is_emsoft else -deviation,
        phases=[entry for entry, _ in crystals],
        flags=flags,
        turns={entry.number: turn for entry, turn in crystals if turn is not None},
    )


def _ctf_fields(line: str) -> list[str]:
    """Lengths, angles, name, Laue number, space group of a phase: between tabs, or blanks, of which names have some.

    Between blanks the Laue number is the first one before a space group of its class ("Ti 6 4 9 194" has 9), or before
    any number, or the last word.
    """
    if "\t" in line.strip():
        return [entry.strip() for entry in line.split("\t")]
    words = line.split()
    lengths, angles, *rest = words if len(words) > 3 else ("", "", "")
    numbers = [int(word) if word.isascii() and word.isdigit() and len(word) < 4 else -1 for word in rest]
    pairs = [at for at in range(len(rest) - 1) if 0 < numbers[at] <= len(_LAST_GROUP) and numbers[at + 1] >= 0]
    fitting = [at for at in pairs if bisect_left(_LAST_GROUP, numbers[at + 1]) + 1 == numbers[at]]
    at = (fitting or pairs or [len(rest) - 1])[0]
    return [lengths, angles, " ".join(rest[:at]), *rest[at:]]


def _ctf_phases(
    lines: Sequence[str], words: Sequence[str], name: str, *, is_emsoft: bool
) -> tuple[list[tuple[Phase, Rotation | None]], list[str]]:
    """Phases, each with the turn to the frame that we use (None where the frames are the same), and flags."""
    try:
        count = int(words[1])
    except (IndexError, ValueError):
        raise FormatError(f"{name}: the line Phases does not say how many there are") from None
    if not 1 <= count <= len(lines):
        raise FormatError(f"{name}: {count} phases are announced, {len(lines)} lines follow")
    phases, flags = [], []
    for number, line in enumerate(lines[:count], start=1):
        fields = _ctf_fields(line)
        try:
            lengths = [float(word.replace(",", ".")) for word in fields[0].split(";")]
            angles = [float(word.replace(",", ".")) for word in fields[1].split(";")]
            label, laue = fields[2], int(fields[3])
        except (IndexError, ValueError):
            raise FormatError(
                f"{name}: phase {number} is {line.strip()[:60]!r}, expected cell lengths, angles, name and Laue number"
            ) from None
        lattice = (*lengths, *angles)
        space_group = int(fields[4]) if len(fields) > 4 and re.fullmatch(r"[0-9]{1,3}", fields[4]) else 0
        where = f"{name}, phase {number}"
        if 1 <= laue <= len(_LAST_GROUP) and 1 <= space_group <= _LAST_GROUP[-1]:
            own = bisect_left(_LAST_GROUP, space_group) + 1
            if own != laue:
                flags.append(
                    f"phase {number} ({label}): Laue number {laue} is used, but space group {space_group} is of Laue "
                    f"number {own}: one of them is wrong, and with the first disorientations are"
                )
        symmetry, frame, turn = hkl_crystal(laue, lattice, space_group, where=where, is_emsoft=is_emsoft)
        phases.append((Phase(number, label, symmetry, lattice, frame), turn))
    return phases, flags
