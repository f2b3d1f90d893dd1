"""A table of real trainings: every point of a grid is trained once, in any order, through any number of kills."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.checks import check_count
from nakaya.core.documents import write_json
from nakaya.core.errors import ConfigError, FormatError, NakayaError, OutputError, ParameterError
from nakaya.core.files import check_output, output_errors, write_whole
from nakaya.core.processes import parent_bound_pool, results_as_completed
from nakaya.core.provenance import package_version
from nakaya.kinetics.models.catalogue import find_model
from nakaya.learn.tuning.problem import Problem, Settings
from nakaya.learn.tuning.table import Axis, ScoreTable, axis_levels, grid_points
from nakaya.workflows.tuning.config import StudyConfig, read_study
from nakaya.workflows.tuning.studies import prepare_study

__all__ = ["tabulate", "tabulate_problem", "tabulate_study"]

CONFIGURATION_FILE = "configuration.json"
JOURNAL_FILE = "cells.jsonl"
TABLE_FILE = "table.json"
MAX_WORKERS = 256
CELLS_PER_WORKER = 2
SECONDS_BETWEEN_SYNCS = 2.0


def tabulate_problem(
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
        write_whole(out / TABLE_FILE, table.encode())
    return table


def _claim(out: Path, configuration: Mapping[str, Any]) -> None:
    """Make the folder, or check that it was begun with this configuration."""
    check_output(out, overwrite=True)
    file = out / CONFIGURATION_FILE
    if not out.exists():
        with output_errors(out):
            out.mkdir()
            write_json(file, configuration)
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
    with parent_bound_pool(workers, _start, (problem,)) as pool:
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


def tabulate_study(
    config: StudyConfig, out: Path, *, workers: int, report: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Train a model at every point of the grid of a study file, or go on with it.

    Args:
        config: The study file; parameters that its grid does not name have their defaults, or are fixed.
        out: Folder to make or to go on with.
        workers: Processes of one thread each.
        report: Called with how many cells are done, and of how many.

    Returns:
        Where the table is, its size, its best and worst score, and the best settings.

    Raises:
        NakayaError: As `tabulate_problem`, or the study file has no grid.
    """
    if not config.grid:
        raise ParameterError(f"the study {config.name!r} has no grid: add a table [grid] with a number of levels each")
    study = prepare_study(config)
    by_name = {parameter.name: parameter for parameter in study.problem.space}
    for name in config.grid:
        if name in config.fixed:
            raise ParameterError(f"grid.{name}: the study file fixes this parameter")
    axes = [axis_levels(by_name[name], levels) for name, levels in config.grid.items()]
    defaults = find_model(config.model).defaults
    unvaried = {
        name: value for name, value in {**defaults, **study.objective.unvaried}.items() if name not in config.grid
    }
    times = "" if config.repeats == 1 else f"{config.repeats} times repeated "
    objective = replace(study.objective, unvaried=unvaried)
    varied = tuple(by_name[name] for name in config.grid)
    decided_by = {
        key: value for key, value in config.as_plain().items() if key not in ("name", "sampler", "first", "ranges")
    }
    table = tabulate_problem(
        Problem(varied, objective, (), study.problem.ceiling),
        axes,
        out,
        configuration={**decided_by, "evidence_hash": study.evidence_hash, "unvaried": unvaried},
        about={
            "description": f"{config.model} for {config.target.replace('_', ' ')}, evidence {config.evidence}: error "
            f"in {times}{config.folds}-fold cross-validation over {study.num_conditions} conditions",
            **decided_by,
            "samples": study.num_samples,
            "conditions": study.num_conditions,
            "mean_score": study.mean_score,
            "unvaried": unvaried,
            "evidence_hash": study.evidence_hash,
            "version": package_version(),
        },
        workers=workers,
        report=report,
    )
    return {
        "table": str(out / TABLE_FILE),
        "cells": int(table.scores.size),
        "best": table.best,
        "worst": float(table.scores.max()),
        "mean_score": study.mean_score,
        "best_settings": table.best_settings(),
    }


def tabulate(
    study: Annotated[Path, typer.Argument(help="Study file (TOML) with a [grid]; see examples/study-svm.toml")],
    out: Annotated[Path, typer.Option(help="Folder of the table, to make or to go on with.")],
    workers: Annotated[int, typer.Option(help="Processes of one thread each: 1 to 256.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train at every point of the grid in a study file; OUT/table.json holds the scores.

    It goes on after a kill. `tuning OUT` compares the samplers on it, `nakaya tune --controls OUT` beside a study.

    Example: python3 nk.py benchmark tabulate examples/study-svm.toml --out table-svm
    """
    config = read_study(study)
    with progress_reporter("training", "points of the grid") as report:
        summary = tabulate_study(config, out, workers=workers, report=report)
    if as_json:
        echo_json(summary)
        return
    typer.echo(f"{summary['cells']} trainings in {summary['table']}: {summary['best']:.4g} to {summary['worst']:.4g}")
    for name, value in summary["best_settings"].items():
        typer.echo(f"  {name} = {value:.4g}")
