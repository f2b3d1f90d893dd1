"""A table of real trainings: the score at every point of a grid, so that searches can be repeated for nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.core.reading import parse_json, read_bounded
from nakaya.learn.search_space import Parameter
from nakaya.learn.tuning.problem import Problem, Settings

__all__ = ["Axis", "ScoreTable", "TableLookup", "axis_levels", "grid_points", "parse_table", "read_table"]

TABLE_FORMAT = 1
MAX_CELLS = 100_000
MAX_TABLE_BYTES = 2**24


@dataclass(frozen=True)
class Axis:
    """One parameter of a grid and the values that it takes, rising."""

    name: str
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.levels, self.levels[1:], strict=False))
        if not self.levels or not rising or not all(math.isfinite(level) for level in self.levels):
            raise ParameterError(f"{self.name}: the levels {self.levels} of a grid must be finite and rise")


def axis_levels(parameter: Parameter, num_levels: int) -> Axis:
    """Return evenly spaced values of a parameter on its own scale, both ends included.

    Raises:
        ParameterError: It cannot take so many values.
    """
    low, high = parameter.low, parameter.high
    if parameter.kind in ("integer", "power-of-two"):
        ends = (low, high) if parameter.kind == "integer" else (math.log2(low), math.log2(high))
        steps = np.unique(np.round(np.linspace(*ends, num_levels)))
        values = steps if parameter.kind == "integer" else 2.0**steps
    else:
        values = np.geomspace(low, high, num_levels) if parameter.kind == "log" else np.linspace(low, high, num_levels)
        values = np.clip([float(f"{value:.6g}") for value in values], low, high)  # read well in a file
    if len(values) != num_levels:
        raise ParameterError(
            f"{parameter.name}: {num_levels} levels between {low:g} and {high:g}, but it can take {len(values)}"
        )
    return Axis(parameter.name, tuple(float(value) for value in values))


def grid_points(axes: tuple[Axis, ...]) -> Iterator[dict[str, float]]:
    """Return the settings of a grid, the last axis fastest.

    Raises:
        ParameterError: There are too many.
    """
    size = math.prod(len(axis.levels) for axis in axes)
    if not axes or size > MAX_CELLS:
        raise ParameterError(f"a grid of {size} points: expected 1 to {MAX_CELLS}: choose fewer levels")
    names = [axis.name for axis in axes]
    return (dict(zip(names, values, strict=True)) for values in product(*(axis.levels for axis in axes)))


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores on a grid.

    Attributes:
        axes: Parameters and their levels.
        scores: float64 [*levels], lower is better.
        about: JSON values that say what was trained on what.
    """

    axes: tuple[Axis, ...]
    scores: FloatArray
    about: Mapping[str, Any]

    def __post_init__(self) -> None:
        shape = tuple(len(axis.levels) for axis in self.axes)
        if self.scores.shape != shape:
            raise FormatError(f"a table of the shape {self.scores.shape} does not fit a grid of {shape}")
        if not np.isfinite(self.scores).all():
            raise FormatError("a table of trainings has scores that are not finite")

    @property
    def best(self) -> float:
        """Lowest score."""
        return float(self.scores.min())

    def best_settings(self) -> dict[str, float]:
        """Where it is."""
        place = np.unravel_index(int(self.scores.argmin()), self.scores.shape)
        return {axis.name: axis.levels[index] for axis, index in zip(self.axes, place, strict=True)}

    def rank(self, score: float) -> int:
        """How many cells are better than a score."""
        return int((self.scores < score).sum())

    def problem(self) -> Problem:
        """The search over the numbers of the levels; every score is looked up."""
        space = tuple(Parameter(axis.name, 0, len(axis.levels) - 1, "integer") for axis in self.axes)
        names = tuple(axis.name for axis in self.axes)
        return Problem(space, TableLookup(names, self.scores), (), float(self.scores.max()))

    def encode(self) -> bytes:
        """Return the content of a table's file."""
        document = {
            "format": TABLE_FORMAT,
            "about": dict(self.about),
            "axes": [{"name": axis.name, "levels": list(axis.levels)} for axis in self.axes],
            "scores": [float(f"{score:.6g}") for score in self.scores.ravel()],
        }
        return (json.dumps(document) + "\n").encode()


@dataclass(frozen=True, eq=False)
class TableLookup:
    """An objective that reads the score of a cell."""

    names: tuple[str, ...]
    scores: FloatArray

    def __call__(self, settings: Settings) -> float:
        """Return the score at the given numbers of levels."""
        return float(self.scores[tuple(int(settings[name]) for name in self.names)])


def read_table(path: Path) -> ScoreTable:
    """Read a table of trainings.

    Raises:
        InputFileError: It cannot be read.
        FormatError: It is no such table, or longer than one.
    """
    return parse_table(read_bounded(path, MAX_TABLE_BYTES), str(path))


def parse_table(content: bytes, name: str) -> ScoreTable:
    """Return the table in the content of a file.

    Raises:
        FormatError: It is no table of trainings.
    """
    expected = f"{name} is no table of trainings, as the benchmark tabulate makes them of a study file"
    try:
        document = parse_json(content, name)
        version = document["format"]
        axes = tuple(Axis(str(axis["name"]), tuple(map(float, axis["levels"]))) for axis in document["axes"])
        scores = np.array([float(score) for score in document["scores"]])
        about = dict(document["about"])
        if version == TABLE_FORMAT and len(scores) == math.prod(len(axis.levels) for axis in axes):
            return ScoreTable(axes, scores.reshape([len(axis.levels) for axis in axes]), about)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{expected} ({type(error).__name__}: {error})") from error
    raise FormatError(f"{expected} (format {version!r}, {len(scores)} scores)")
