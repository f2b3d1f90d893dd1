"""A table of real trainings: every point of a grid is trained once, in any order, through any number of kills."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.checks import check_count
from nakaya.core.errors import ConfigError, FormatError, NakayaError, OutputError
from nakaya.core.folders import check_parent, output_errors, write_atomically
from nakaya.core.processes import leashed_pool, results_as_completed
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.learn.tuning.table import Axis, ScoreTable, grid_points

__all__ = ["tabulate"]

CONFIGURATION_FILE = "configuration.json"
JOURNAL_FILE = "cells.jsonl"
TABLE_FILE = "table.json"
MAX_WORKERS = 256
CELLS_PER_WORKER = 2
SECONDS_BETWEEN_SYNCS = 2.0


def tabulate(
    problem: Problem,
    axes: Sequence[Axis],
    out: Path,
    *,
    configuration: Mapping[str, Any],
    about: Mapping[str, Any],
    workers: int = 1,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> ScoreTable:
    """Train at every point of a grid, or go on with a table that was stopped.

    Args:
        problem: What is trained; its space has the names of the axes.
        axes: The grid.
        out: Folder to make or to go on with: cells.jsonl (one line for each training), then table.json.
        configuration: JSON values that decide the scores; a folder of others is refused.
        about: JSON values that the table tells its readers.
        workers: Processes of one thread each; 1: this process. The table does not depend on it.
        report: Called with how many cells are done, and of how many.

    Raises:
        OutputError: The folder holds something else, or cannot be written.
        ConfigError: It was begun with another configuration.
        NakayaError: A worker died.
    """
    check_count("workers", workers, 1, MAX_WORKERS)
    points = list(grid_points(tuple(axes)))
    wanted = json.loads(json.dumps({**configuration, "axes": [[axis.name, list(axis.levels)] for axis in axes]}))
    _claim(out, wanted)
    scores = _read_journal(out / JOURNAL_FILE, len(points))
    report(len(scores), len(points))
    waiting = ((place, points[place]) for place in range(len(points)) if place not in scores)
    with output_errors(out), (out / JOURNAL_FILE).open("ab") as journal:
        synced = time.monotonic()
        with closing(_train(problem, waiting, workers)) as trained:
            for place, score in trained:
                scores[place] = score
                journal.write(json.dumps([place, score]).encode() + b"\n")
                journal.flush()
                if time.monotonic() - synced > SECONDS_BETWEEN_SYNCS:
                    os.fsync(journal.fileno())
                    synced = time.monotonic()
                report(len(scores), len(points))
        os.fsync(journal.fileno())
    shape = [len(axis.levels) for axis in axes]
    values = np.array([scores[place] for place in range(math.prod(shape))]).reshape(shape)
    table = ScoreTable(tuple(axes), values, about)
    with output_errors(out):
        write_atomically(out / TABLE_FILE, table.encode())
    return table


def _claim(out: Path, configuration: Mapping[str, Any]) -> None:
    """Make the folder, or check that it was begun with this configuration."""
    check_parent(out)
    file = out / CONFIGURATION_FILE
    if not out.exists():
        with output_errors(out):
            out.mkdir()
            write_atomically(file, (json.dumps(configuration, indent=1) + "\n").encode())
        return
    if not file.is_file():
        raise OutputError(f"{out} exists already and holds no table of trainings: choose another name")
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise FormatError(f"{file} cannot be read: choose another folder") from error
    if found != configuration:
        names = [name for name in sorted({*found, *configuration}) if found.get(name) != configuration.get(name)]
        raise ConfigError(
            f"the table in {out} was begun with another configuration ({', '.join(names)} differ): "
            "choose another folder"
        )


def _read_journal(path: Path, num_cells: int) -> dict[int, float]:
    """The cells that are done; a line that a kill cut short is cut off, and its cell trained again."""
    if not path.is_file():
        return {}
    scores: dict[int, float] = {}
    whole = 0
    content = path.read_bytes()
    for line in content.splitlines(keepends=True):
        try:
            place, score = json.loads(line)
            usable = line.endswith(b"\n") and 0 <= int(place) < num_cells and math.isfinite(score)
        except (ValueError, TypeError):
            usable = False
        if not usable:
            break
        scores[int(place)] = float(score)
        whole += len(line)
    if whole < len(content):
        with output_errors(path), path.open("rb+") as stream:
            stream.truncate(whole)
    return scores


def _train(
    problem: Problem, waiting: Iterator[tuple[int, Settings]], workers: int
) -> Generator[tuple[int, float], None, None]:
    if workers == 1:
        for place, settings in waiting:
            yield place, problem.score(settings)
        return
    with leashed_pool(workers, _start, (problem,)) as pool:
        yield from results_as_completed(pool, _train_cell, waiting, ahead=workers * CELLS_PER_WORKER)


_PROBLEM: list[Problem] = []
"""What this worker process trains; set once, when it starts."""


def _start(problem: Problem) -> None:
    _PROBLEM[:] = [problem]


def _train_cell(cell: tuple[int, Settings]) -> tuple[int, float]:
    place, settings = cell
    try:
        return place, _PROBLEM[0].score(settings)
    except NakayaError as error:  # some of our errors take other arguments than a message and cannot cross over
        raise NakayaError(str(error)) from None
