"""Emulators and controls against the solver on a task, from stores of its parts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.growth.campaigns.emulation_tasks import EmulationTask
from nakaya.growth.catalogue import find_grower, find_model
from nakaya.growth.emulators.arrival.maps import thin_sites
from nakaya.growth.emulators.controls.bernoulli import IndependentSites
from nakaya.growth.emulators.controls.coarser_solver import CoarserSolver, calibrated_clock
from nakaya.growth.emulators.controls.lookup import LookUpTable, choose_neighbours
from nakaya.growth.emulators.controls.persistence import Persistence
from nakaya.growth.grower_model import points_of
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.morphology.fidelity import MEASURES, crystal_measures
from nakaya.growth.store.splits import split_training
from nakaya.growth.store.store import StoredTrajectory
from nakaya.learn.normalisation import Standardiser
from nakaya.scoring import Interval
from nakaya.scoring.floors import score_over_floor, seed_scales
from nakaya.scoring.proper import energy_score

__all__ = ["TaskRow", "controls_of", "read_crystals", "row_text", "score_crystals", "score_on_task", "stores_in"]

SEED = 1_000_003
POINTS_AT_ONCE = 4
CANDIDATE_NEIGHBOURS = (1, 2, 3, 4, 6, 8, 12, 16)
CALIBRATION_POINTS = 24
CHOICE_MEMBERS, SCALE_NEIGHBOURS = 16, 8


@dataclass(frozen=True)
class TaskRow:
    """One model on one task.

    Attributes:
        model: Its name.
        wasserstein_over_floor: Of area, perimeter, tip and duration together, with 95 % interval over points.
        single: The same of each by itself, by name.
        bias: Mean difference of each in standard deviations of the seeds, by name.
        seconds_per_crystal: CPU seconds of one core, with all members of a point at once; NaN for what lay in a store.
        seconds_alone: The same, one member at a point.
    """

    model: str
    wasserstein_over_floor: Interval
    single: Mapping[str, Interval]
    bias: Mapping[str, float]
    seconds_per_crystal: float
    seconds_alone: float


def read_crystals(store: StoredTrajectory, stride: int) -> tuple[IntArray, Trajectory]:
    """Return the points whose members are all computed, int64, and their crystals on every `stride`-th site."""
    complete = np.flatnonzero(store.computed.all(axis=1))
    if not len(complete):
        raise ParameterError(f"{store.path} has no complete point yet: go on with its campaign")
    parts = []
    for start in range(0, len(complete), POINTS_AT_ONCE):
        part = store.load(complete[start : start + POINTS_AT_ONCE])
        parts.append(replace(part, arrival=thin_sites(part.arrival, stride), fields={}, grain=None))
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ("arrival", "steps", "stop_codes")
    }
    parameters = {name: values[complete] for name, values in store.parameters.items()}
    return complete, Trajectory(**joined, parameters=parameters, metadata=replace(parts[0].metadata, fields=()))


def score_crystals(
    name: str, crystals: Trajectory, truth: Trajectory, task: EmulationTask, times: tuple[float, float]
) -> TaskRow:
    """Compare crystals with the truth at the same points."""
    lattice = find_model(task.sweep("training").model).lattice
    found, expected = (crystal_measures(each.arrival, each.steps, lattice=lattice) for each in (crystals, truth))
    score = score_over_floor(found, expected, members=truth.num_members // 2, rng=np.random.default_rng(SEED))
    return TaskRow(
        name,
        score.joint,
        dict(zip(MEASURES, score.single, strict=True)),
        dict(zip(MEASURES, score.bias.tolist(), strict=True)),
        *times,
    )


def controls_of(task: EmulationTask, training: StoredTrajectory) -> dict[str, Grower]:
    """Return the controls that need nothing but training crystals, those computed so far."""
    points, crystals = read_crystals(training, task.site_stride)
    validation = split_training(training.num_points, task.validation_points, task.split_seed)["validation"]
    is_held = np.isin(points, validation)
    known, held = (_rows(crystals, chosen) for chosen in (np.flatnonzero(~is_held), np.flatnonzero(is_held)))
    config = task.sweep("training")
    logarithmic = tuple(name for name in task.conditions if config.points.vary[name].scale == "log")
    columns = {
        name: np.log(known.parameters[name]) if name in logarithmic else known.parameters[name]
        for name in task.conditions
    }
    standardiser, setup = Standardiser.fit(columns, task.conditions), task.setup()
    family = find_model(config.model).family
    asked = points_of(family, held.parameters)
    lattice = find_model(config.model).lattice
    truth = crystal_measures(held.arrival, held.steps, lattice=lattice)

    def measures_of(neighbours: int) -> FloatArray:
        sample = LookUpTable(known, standardiser, neighbours, setup, logarithmic).grow(
            asked, setup, members=range(CHOICE_MEMBERS), seed=SEED
        )
        return crystal_measures(sample.arrival, sample.steps, lattice=lattice)

    scales = seed_scales(measures_of(min(SCALE_NEIGHBOURS, known.num_points)))

    def badness(neighbours: int) -> float:
        pairs = zip(measures_of(neighbours) / scales, truth[:, :1] / scales, strict=True)
        return float(np.mean([energy_score(*pair)[0] for pair in pairs]))

    best, _ = choose_neighbours([k for k in CANDIDATE_NEIGHBOURS if k <= known.num_points], badness)
    table = LookUpTable(known, standardiser, best, setup, logarithmic)
    growers: dict[str, Grower] = {f"look-up, k = {best}": table}
    growers["bernoulli"] = IndependentSites(
        LookUpTable(known, standardiser, min(16, known.num_points), setup, logarithmic)
    )
    growers["persistence"] = Persistence(table)
    if task.coarser:
        solver = find_grower(config.model)
        few = np.arange(min(CALIBRATION_POINTS, known.num_points))
        plain = CoarserSolver(solver, task.coarser)
        sample = plain.grow(points_of(family, _rows(known, few).parameters), setup, members=range(1), seed=SEED + 1)
        growers["solver-coarse"] = replace(plain, clock=calibrated_clock(known.steps[few, 0], sample.steps[:, 0]))
    return growers


def _rows(crystals: Trajectory, rows: IntArray) -> Trajectory:
    return replace(
        crystals,
        arrival=crystals.arrival[rows],
        steps=crystals.steps[rows],
        stop_codes=crystals.stop_codes[rows],
        parameters={name: values[rows] for name, values in crystals.parameters.items()},
    )


def score_on_task(task: EmulationTask, growers: Mapping[str, Grower], truth: Trajectory) -> list[TaskRow]:
    """Grow as many members as the truth has at its points, and compare."""
    family = find_model(task.sweep("training").model).family
    asked, setup = task.requests(points_of(family, truth.parameters)), task.setup()
    rows = []
    for name, grower in growers.items():
        crystals, together = _timed(grower, asked, setup, truth.num_members)
        _, alone = _timed(grower, asked[:16], setup, 1)
        rows.append(score_crystals(name, crystals, truth, task, (together, alone)))
    return rows


def _timed(grower: Grower, points: Sequence[Conditions], setup: GrowthSetup, members: int) -> tuple[Trajectory, float]:
    grower.grow(points[:1], setup, members=range(1), seed=SEED)  # compilation and loading
    started = time.process_time()
    crystals = grower.grow(points, setup, members=range(members), seed=SEED)
    return crystals, (time.process_time() - started) / crystals.steps.size


def row_text(row: TaskRow) -> str:
    """Return a row as a line of text."""
    single = "  ".join(f"{name} {interval.value:5.2f} ({row.bias[name]:+.2f})" for name, interval in row.single.items())
    joint = row.wasserstein_over_floor
    return (
        f"{row.model:24s} {joint.value:6.2f} [{joint.low:.2f}, {joint.high:.2f}]  {single}  "
        f"{1e3 * row.seconds_per_crystal:.3g} / {1e3 * row.seconds_alone:.3g} ms"
    )


def stores_in(folder: Path, task: EmulationTask) -> dict[str, Path]:
    """Return the stores of a task's parts in a folder, PART.zarr, those that are there."""
    return {part: folder / f"{part}.zarr" for part in task.parts if (folder / f"{part}.zarr").is_dir()}
