"""What LAMMPS dumps and extended XYZ share: bounded lines, tables that grow with the file, damage as flags.

Nothing is allocated from what a header claims.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, shown
from nakaya.core.reading import open_input
from nakaya.md.potentials import MASSES
from nakaya.md.trajectories.frames import Frame

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

__all__ = [
    "MAX_ATOMS",
    "Lines",
    "Notes",
    "Trajectory",
    "check_cell",
    "floats",
    "integer",
    "is_number",
    "opened",
    "symbols",
]

MAX_ATOMS = 20_000_000
SMALL_FILE, MAX_SMALL_ATOMS = 10 << 20, 300_000
"""A file of up to 10 MiB has frames of at most so many atoms, for a row takes 30 bytes and more: what is computed of
them, 2.5 kB each, stays below 1 GB."""

MIN_UNPACKED, MAX_EXPANSION = 64 << 20, 500
"""A compressed file unpacks to at most so many bytes, or times its size: numbers that change pack 3 to 10 times."""

MAX_LINE = 1 << 20
MAX_WORD = 100
"""Numbers of 17 digits have 24 characters. All words of a table get the room of the longest one."""

BLOCK = 8192
FEW = 3
"""Flags of one kind that are written out; a trajectory may have a hundred thousand damaged frames."""


class Notes:
    """Collects what was wrong with the frames of one file: of one kind the first few in words, the rest as a number.

    Attributes:
        flags: What a reader of the record is told.
    """

    def __init__(self) -> None:
        self.flags: list[str] = []
        self._counts: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def add(self, kind: str, words: str) -> None:
        """Note one frame; `kind` names what happened to it, such as "frames left out"."""
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count <= FEW:
            self.flags.append(words)
        elif count == FEW + 1:
            self._places[kind] = len(self.flags)
            self.flags.append(f"{kind}: 1 more")
        else:
            self.flags[self._places[kind]] = f"{kind}: {count - FEW} more"


class CutOff(Exception):
    """The file ends inside a frame."""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain or compressed file (gzip, bzip2, xz, zstd) for reading, told apart by its first bytes.

    Raises:
        InputFileError: It cannot be opened.
    """
    with open_input(path) as raw:
        start = raw.read(6)
        raw.seek(0)
        unpack = next((opener for sign, opener in _PACKED.items() if start.startswith(sign)), None)
        if unpack is None:
            yield raw
        else:
            with unpack(raw, path) as stream:
                yield stream


_PACKED: Final[dict[bytes, Callable[[IO[bytes], Path], Any]]] = {
    b"\x1f\x8b": lambda raw, _: gzip.GzipFile(fileobj=raw),
    b"BZh": lambda raw, _: bz2.BZ2File(raw),
    b"\xfd7zXZ\x00": lambda raw, _: lzma.LZMAFile(raw),  # noqa: SIM115  # who calls closes it
    b"\x28\xb5\x2f\xfd": lambda raw, _: zstd.ZstdFile(raw),
}
"""First bytes of a compressed file -> what opens it."""


class Lines:
    """Lines of a stream, with a largest length; damage to a compressed stream counts as its end.

    Attributes:
        damage: What was wrong with the stream; "" = nothing so far.
    """

    def __init__(self, stream: IO[bytes], path: Path | None = None) -> None:
        self.stream = stream
        self.damage = ""
        self._unpacked = 0
        size = os.stat(path).st_size if path is not None else 0
        self._most = max(MIN_UNPACKED, MAX_EXPANSION * size)
        self._max_atoms = MAX_ATOMS if size > SMALL_FILE else MAX_SMALL_ATOMS

    def next(self) -> bytes | None:
        """The next line with its end stripped; None at the end of the file."""
        try:
            line = self.stream.readline(MAX_LINE)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zstd.ZstdError) as error:
            self.damage = f"the compressed stream is damaged ({error})"
            return None
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # of whichever module reads zstd here
                raise
            self.damage = f"the compressed stream is damaged ({error})"
            return None
        self._unpacked += len(line)
        if self._unpacked > self._most:
            raise FormatError(
                f"it unpacks to more than {self._most >> 20} MiB, {MAX_EXPANSION} times its own size: nothing that "
                "moves packs so well"
            )
        if len(line) >= MAX_LINE:
            raise FormatError(f"a line has more than {MAX_LINE} bytes: it is no text trajectory")
        return line.rstrip(b"\r\n") if line else None

    def need(self) -> bytes:
        """The next line, or `CutOff`."""
        line = self.next()
        if line is None:
            raise CutOff(self.damage or "the file ends inside a frame")
        return line

    def table(self, rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.bytes_]]:
        """The next `rows` lines as words, bytes [rows, columns]; memory grows with what is there, not with `rows`."""
        blocks: list[bytes] = []
        while len(blocks) < rows:
            if len(blocks) >= self._max_atoms:
                raise FormatError(
                    f"a frame has more than {self._max_atoms} atoms, the most of a file of up to "
                    f"{SMALL_FILE >> 20} MiB: if it is compressed, unpack it first"
                )
            chunk = [self.need() for _ in range(min(BLOCK, rows - len(blocks), self._max_atoms - len(blocks)))]
            for line in chunk:
                words = line.split()
                if len(words) != columns:
                    raise FormatError(f"a row of atoms has {len(words)} words, expected {columns}: {shown(line, 60)}")
                if (longest := max(map(len, words))) > MAX_WORD:
                    raise FormatError(f"a row of atoms has a word of {longest} characters, the most are {MAX_WORD}")
            blocks += chunk
        return np.array(b"\n".join(blocks).split()).reshape(rows, columns)


class Trajectory(Iterator[Frame]):
    """Frames of a file one by one, and what was wrong on the way.

    Damage after a whole frame ends them with a flag; damage before the first one is an error.

    Args:
        path: Plain or compressed.
        read_frame: Takes the first line of a frame, the lines that follow, the number of the frame and the notes;
            returns None where it leaves the frame out. What it raises needs no path.
        has_units: Whether the unit of the times in the file is known.

    Attributes:
        flags: Reasons why frames were left out or the file ended early; complete once all frames were read.
        has_units: As given.
    """

    def __init__(
        self, path: Path, read_frame: Callable[[bytes, Lines, int, Notes], Frame | None], *, has_units: bool = True
    ) -> None:
        self._notes = Notes()
        self._frames = self._guarded(path, read_frame)
        self.flags = self._notes.flags
        self.has_units = has_units

    def __next__(self) -> Frame:
        return next(self._frames)

    def _guarded(self, path: Path, read_frame: Callable[[bytes, Lines, int, Notes], Frame | None]) -> Iterator[Frame]:
        count = number = 0
        with opened(path) as stream:
            lines = Lines(stream, path)
            try:
                while (line := lines.next()) is not None:
                    if not line.strip():
                        continue
                    frame = read_frame(line, lines, number, self._notes)
                    number += 1
                    if frame is not None:
                        count += 1
                        yield frame
                if lines.damage:
                    raise CutOff(lines.damage)
            except (CutOff, FormatError) as error:
                if count == 0:
                    raise FormatError(f"{path} holds no whole frame: {error}") from None
                self.flags.append(f"the trajectory was cut after {count} frames: {error}")
        if count == 0:
            raise FormatError(f"{path} holds no whole frame: {'; '.join(self.flags) or 'it is empty'}")


def integer(text: bytes, what: str, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`, or say (`FormatError`) that `what` is none."""
    try:
        number = int(text)
    except ValueError:
        raise FormatError(f"{what} is {shown(text)}, expected a whole number") from None
    if not low <= number <= high:
        raise FormatError(f"{what} is {number}, expected {low} to {high}")
    return number


def floats(words: np.ndarray[tuple[int, ...], np.dtype[np.bytes_]], what: str) -> FloatArray:
    """Return words as float64 of the same shape, NaN included, or say (`FormatError`) that one is no number."""
    try:
        return words.astype(np.float64)
    except ValueError:
        wrong = next((word for word in words.ravel().tolist() if not is_number(word)), b"")
        raise FormatError(f"{what} holds {shown(wrong)}, which is no number") from None


def is_number(word: bytes) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return b"_" not in word  # 1_000 is one to Python, not to NumPy


def symbols(words: np.ndarray[tuple[int], np.dtype[np.bytes_]]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return words as symbols of elements, or say (`FormatError`) which are none that is known."""
    unknown = sorted(set(words.tolist()) - {symbol.encode() for symbol in MASSES})
    if unknown:
        named = ", ".join(shown(word, 12) for word in unknown[:5])
        raise FormatError(f"no elements that are known here: {named}")
    return np.asarray(np.char.decode(words, "ascii"))


MIN_THICKNESS = 0.01
"""A: of a box. Between opposite sides that are nearer, an atom has more images of itself than memory holds."""


def check_cell(cell: FloatArray) -> FloatArray:
    """Return the box float64 [3, 3] (A, rows), or say (`FormatError`) that it is none of atoms."""
    volume = abs(float(np.linalg.det(cell))) if np.isfinite(cell).all() else 0.0
    if not 1e-3 < volume < 1e15:
        raise FormatError(f"the box has a volume of {volume:g} A^3: it is missing, flat, or in other units")
    thickness = volume / float(np.linalg.norm(np.cross(cell, np.roll(cell, 1, axis=0)), axis=1).max())
    if thickness < MIN_THICKNESS:
        raise FormatError(f"the box is {thickness:g} A thin: it is flat, or in other units")
    return cell
