"""A log of velocities, one line each: NAME VELOCITY."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nakaya.core.errors import FormatError, InputFileError
from nakaya.records.reader import Reader
from nakaya.records.record import Provenance, Quantity, Record


def read(file: Path) -> list[Record]:
    """Return a record for each line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"cannot read {file}: {error}") from error
    return [_record(line, file) for line in lines if line.strip()]


def _record(line: str, file: Path) -> Record:
    try:
        name, velocity = line.split()
        quantities = {"growth_velocity": Quantity(np.array(float(velocity)), "m/s")}
    except ValueError as error:
        raise FormatError(f"{file}: {line!r} is not NAME VELOCITY") from error
    conditions = {"driving_force": Quantity(np.array(np.nan), "1")}
    return Record(name, "md", "toy", conditions, quantities, Provenance("toy log"))


READER = Reader("toy-log", "toy logs of velocities", read)
