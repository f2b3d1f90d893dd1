"""Emulator to fidelity and speed: at held-out parameter points, beside its solver and a memory of its crystals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ParameterError
from nakaya.growth.campaigns.training_campaign import TrainingCampaign
from nakaya.growth.catalogue import find_grower
from nakaya.growth.emulators.controls.lookup import LookUpTable, choose_neighbours
from nakaya.growth.emulators.protocol import Emulator
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import NEVER, Trajectory
from nakaya.growth.morphology.crystal_samples import Scales, final_counts, training_scales
from nakaya.growth.morphology.scorecard import score_against_solver
from nakaya.learn.normalisation import Standardiser
from nakaya.scoring import Interval, binned_wasserstein
from nakaya.workflows.train_emulator import load_emulator

__all__ = ["Evaluation", "EvaluationRow", "coarsen", "evaluate"]

DEFAULT_POINTS, DEFAULT_MEMBERS = 64, 64
QUICK_POINTS, QUICK_MEMBERS = 6, 6

HELD_OUT_SEED = 977
"""Seed of the held-out points; a scrambled Sobol sequence, while training points are independent draws."""

SOLVER_SEED, SECOND_SEED, EMULATOR_SEED, CHOICE_SEED = 1_000_001, 1_000_002, 1_000_003, 1_000_004
"""Seeds of the crystals of an evaluation; the training crystals have another."""

CANDIDATE_NEIGHBOURS = (1, 2, 3, 4, 6, 8)
CHOICE_POINTS, CHOICE_MEMBERS = 48, 16

Stage = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class EvaluationRow:
    """One line of the table: one model against the first solver sample.

    Ratios are means over points divided by the mean of the floor, the second solver sample. Intervals are 95 %
    bootstrap intervals over points. Arrival times of all models are first rounded up to the emulator's time resolution;
    `exact_times` holds the same scores without that.

    Attributes:
        model: The emulator's name, "look-up" or "solver" (the second sample: the floor itself).
        wasserstein_over_floor: Wasserstein distance of (area, boundary) at three times and (area, boundary, steps) at
            the end.
        wasserstein_over_floor_interval: Its interval.
        brier: Brier score of the occupancy, mean over sites and times.
        crps_over_floor: Continuous ranked probability score of the area.
        crps_over_floor_interval: Its interval.
        iou: Expected IoU of a member with a solver member, at the end.
        iou_interval: Its interval.
        coverage90: Share of solver members inside the model's 90 % band of the area; compare with the solver's row.
        seconds_per_crystal: CPU seconds of one core.
        scores: All scores of `nakaya.scoring.SCORES`, each {"value", "low", "high", "over_floor"}.
        exact_times: `wasserstein_over_floor`, `crps_over_floor` and `brier` without the rounding.
        paper_wasserstein: The CGNE paper's metric, in sites: Wasserstein distance of final (area, boundary sites) in 16
            equal bins of rho, for comparison with its figures only; None where rho does not vary.
    """

    model: str
    wasserstein_over_floor: float
    wasserstein_over_floor_interval: tuple[float, float]
    brier: float
    crps_over_floor: float
    crps_over_floor_interval: tuple[float, float]
    iou: float
    iou_interval: tuple[float, float]
    coverage90: float
    seconds_per_crystal: float
    scores: Mapping[str, Mapping[str, float]]
    exact_times: Mapping[str, float]
    paper_wasserstein: float | None


@dataclass(frozen=True)
class Evaluation:
    """Fidelity and speed of one emulator.

    Attributes:
        model: Its name.
        solver: The solver that it learned from and is compared with.
        points: Held-out parameter points.
        members: Crystals of each model at each point.
        time_resolution: Solver steps to which all arrival times were rounded up.
        rows: The emulator, the look-up table, the solver.
        speed: `solver_over_emulator`: CPU seconds per crystal of the emulator over the solver's (above 1: the solver is
            faster); `operations_per_crystal`: of the emulator.
        look_up: Crystals that the table holds, k, and the score of every k on validation points.
        emulator: Parameters and training of the emulator.
        held_out: Where the points lie, and how close the nearest training point comes.
    """

    model: str
    solver: str
    points: int
    members: int
    time_resolution: int
    rows: Sequence[EvaluationRow]
    speed: Mapping[str, float]
    look_up: Mapping[str, Any]
    emulator: Mapping[str, Any]
    held_out: Mapping[str, Any]

    def __getitem__(self, model: str) -> EvaluationRow:
        """The row of a model."""
        return next(row for row in self.rows if row.model == model)


def evaluate(
    model: str | PathLike[str],
    *,
    points: int | None = None,
    members: int | None = None,
    quick: bool = False,
    workers: int = 1,
    seed: int = 0,
    stage: Stage | None = None,
) -> Evaluation:
    """Compare an emulator with its solver at parameter points that it has not seen.

    Four samples are grown at each point: the solver's, a second one of the solver's (other seeds: the floor that a
    perfect emulator would reach), the emulator's, and draws from a look-up table of the training crystals, which the
    solver grows again from the training's campaign.

    Args:
        model: Name of an emulator, or the folder of a trained one.
        points: Held-out parameter points; 64 by default, 6 when `quick`.
        members: Crystals at each point; 64 by default, 6 when `quick`.
        quick: Few points and members, for a first look: the intervals are wide.
        workers: Threads that grow crystals at once; does not change them.
        seed: Added to the seeds of the points and of all crystals.
        stage: Told how far it is.

    Raises:
        UnknownNameError: There is no such model.
        ParameterError: The model is no emulator, or a number is out of range.
        FormatError: The model does not say which crystals it was trained on.
        MissingExtraError: The model needs packages that are not installed.
    """
    points = check_count(
        "points", (QUICK_POINTS if quick else DEFAULT_POINTS) if points is None else points, 2, 100_000
    )
    default_members = QUICK_MEMBERS if quick else DEFAULT_MEMBERS
    members = check_count("members", default_members if members is None else members, 2, 100_000)
    seed = check_seed(seed)
    emulator = _find_emulator(model)
    facts = emulator.facts
    solver = find_grower(facts.solver)
    campaign = TrainingCampaign.of(emulator)
    tell = stage or (lambda *_: None)

    conditions = campaign.held_out_points(points, HELD_OUT_SEED + seed)
    bench = _Bench(campaign.setup, conditions, members, workers, tell, campaign.bounds.get("rho"))
    truth, solver_seconds = bench.grow("solver", solver, SOLVER_SEED + seed)
    second, second_seconds = bench.grow("solver, second sample", solver, SECOND_SEED + seed)
    samples = {emulator.name: bench.grow(emulator.name, emulator, EMULATOR_SEED + seed)}
    tell("look-up table", 0, 1)
    table, choice = _look_up_table(campaign, solver, quick=quick, workers=workers, seed=seed)
    samples[table.name] = bench.grow("look-up", table, EMULATOR_SEED + seed)
    samples["solver"] = second, (solver_seconds + second_seconds) / 2.0

    scales = training_scales(table.crystals.arrival, table.crystals.steps, **_beyond(campaign.setup, table.crystals))
    rows = bench.score(samples, truth, scales, facts.time_resolution)
    steps = float(np.asarray(samples[emulator.name][0].steps).mean())
    known = np.unique(table.crystals.parameters[campaign.varying[0]])
    return Evaluation(
        model=emulator.name,
        solver=facts.solver,
        points=points,
        members=members,
        time_resolution=facts.time_resolution,
        rows=rows,
        speed={
            "emulator_over_solver": rows[0].seconds_per_crystal / rows[-1].seconds_per_crystal,
            "operations_per_crystal": emulator.operations_per_crystal(steps),
        },
        look_up={"crystals": table.crystals.num_points, **choice},
        emulator={
            "parameters": dict(facts.parameters),
            "training_cost": dict(facts.training["cost"]),
            "updates": facts.training["updates"],
            "validation": dict(facts.training["validation"]),
        },
        held_out={
            **{name: [low, high] for name, (low, high) in campaign.bounds.items()},
            "mean_training_spacing": float(np.diff(known).mean()),
        },
    )


def coarsen(crystals: Trajectory, time_resolution: int) -> Trajectory:
    """Return the same crystals with arrival times and steps rounded up to multiples of the time resolution.

    That is what an emulator would know of them: a site that attached within a stride has the stride's end.
    """
    arrival = crystals.arrival
    rounded = -(-arrival // time_resolution) * time_resolution
    return replace(
        crystals,
        arrival=np.where(arrival == NEVER, NEVER, rounded).astype(np.int32),
        steps=-(-crystals.steps // time_resolution) * time_resolution,
        metadata=replace(crystals.metadata, time_resolution=time_resolution),
    )


def _find_emulator(model: str | PathLike[str]) -> Emulator:
    folder = Path(model)
    if folder.is_dir():
        return load_emulator(folder)
    grower = find_grower(str(model))
    if not isinstance(grower, Emulator):
        raise ParameterError(f"{model} is no emulator, there is nothing to compare it with: name one, or its folder")
    return grower


@dataclass(frozen=True)
class _Bench:
    """Grows a sample of every model at the held-out points, and takes the time."""

    setup: GrowthSetup
    conditions: Sequence[Conditions]
    members: int
    workers: int
    tell: Stage
    rho_range: tuple[float, float] | None

    def grow(self, label: str, grower: Grower, seed: int) -> tuple[Trajectory, float]:
        """The sample, and CPU seconds per crystal; compilation and loading are done before."""
        total = len(self.conditions) * self.members
        done = 0

        def progress(number: int) -> None:
            nonlocal done
            done += number
            self.tell(label, done, total)

        self.tell(label, 0, total)
        grower.grow(self.conditions[:1], self.setup, members=range(1), seed=seed)
        started = time.process_time()
        crystals = grower.grow(
            self.conditions, self.setup, members=range(self.members), seed=seed, workers=self.workers, progress=progress
        )
        return crystals, (time.process_time() - started) / total

    def score(
        self, samples: Mapping[str, tuple[Trajectory, float]], truth: Trajectory, scales: Scales, time_resolution: int
    ) -> tuple[EvaluationRow, ...]:
        """One row for each model: name -> its sample and CPU seconds per crystal; "solver": the second sample."""
        second, _ = samples["solver"]
        rows = []
        for number, (name, (sample, seconds)) in enumerate(samples.items()):
            self.tell("scoring", number, len(samples))
            row = _score(name, (sample, truth, second), scales, self.setup, time_resolution, seconds)
            rows.append(replace(row, paper_wasserstein=self._paper_distance(sample, truth)))
        self.tell("scoring", len(samples), len(samples))
        return tuple(rows)

    def _paper_distance(self, sample: Trajectory, truth: Trajectory) -> float | None:
        """The metric of the CGNE paper."""
        if self.rho_range is None:
            return None
        pooled = []
        for crystals in (sample, truth):
            counts = final_counts(crystals.arrival, **_beyond(self.setup, crystals)).reshape(-1, 2)
            pooled += [np.repeat(crystals.parameters["rho"], self.members), counts]
        return binned_wasserstein(*pooled, rho_range=self.rho_range)


def _look_up_table(
    campaign: TrainingCampaign, solver: Grower, *, quick: bool, workers: int, seed: int
) -> tuple[LookUpTable, dict[str, Any]]:
    """The table of the training crystals, with k chosen on the validation points."""
    everything, training, validation = campaign.training_points()
    crystals = solver.grow(
        [everything[i] for i in training], campaign.setup, members=range(1), seed=campaign.seed, workers=workers
    )
    standardiser = Standardiser.fit(crystals.parameters, campaign.varying)
    beyond = _beyond(campaign.setup, crystals)
    scales = training_scales(crystals.arrival, crystals.steps, **beyond)
    held = [everything[i] for i in validation[: QUICK_POINTS if quick else CHOICE_POINTS]]
    truth, second = (
        solver.grow(
            held, campaign.setup, members=range(CHOICE_MEMBERS), seed=CHOICE_SEED + seed + number, workers=workers
        )
        for number in range(2)
    )

    def distance(neighbours: int) -> float:
        table = LookUpTable(crystals, standardiser, neighbours, campaign.setup)
        sample = table.grow(held, campaign.setup, members=range(CHOICE_MEMBERS), seed=CHOICE_SEED + seed)
        card = score_against_solver(
            sample, truth, second, scales=scales, resamples=1, rng=np.random.default_rng(CHOICE_SEED), **beyond
        )
        return card["wasserstein"].model.value

    candidates = [number for number in CANDIDATE_NEIGHBOURS if number <= crystals.num_points]
    chosen, scores = choose_neighbours(candidates, distance)
    table = LookUpTable(crystals, standardiser, chosen, campaign.setup)
    return table, {"neighbours": chosen, "validation_wasserstein": {str(k): value for k, value in scores.items()}}


def _score(
    name: str,
    samples: tuple[Trajectory, Trajectory, Trajectory],
    scales: Scales,
    setup: GrowthSetup,
    time_resolution: int,
    seconds: float,
) -> EvaluationRow:
    rounded = [coarsen(crystals, time_resolution) for crystals in samples]
    beyond = _beyond(setup, samples[1])
    card, exact = (
        score_against_solver(
            *three, scales=scales, stride=time_resolution, rng=np.random.default_rng(HELD_OUT_SEED), **beyond
        )
        for three in (rounded, samples)
    )
    return EvaluationRow(
        model=name,
        wasserstein_over_floor=card["wasserstein"].ratio.value,
        wasserstein_over_floor_interval=_bounds(card["wasserstein"].ratio),
        brier=card["brier"].model.value,
        crps_over_floor=card["crps"].ratio.value,
        crps_over_floor_interval=_bounds(card["crps"].ratio),
        iou=card["iou"].model.value,
        iou_interval=_bounds(card["iou"].model),
        coverage90=card["coverage90"].model.value,
        seconds_per_crystal=seconds,
        scores={
            score.name: {
                "value": score.model.value,
                "low": score.model.low,
                "high": score.model.high,
                "over_floor": score.ratio.value,
            }
            for score in card.scores.values()
        },
        exact_times={
            "wasserstein_over_floor": exact["wasserstein"].ratio.value,
            "crps_over_floor": exact["crps"].ratio.value,
            "brier": exact["brier"].model.value,
        },
        paper_wasserstein=None,
    )


def _beyond(setup: GrowthSetup, crystals: Trajectory) -> dict[str, Any]:
    """What lies beyond the array of sites, and who is a neighbour of whom in it."""
    return {"edges": setup.edges, "lattice": LATTICES[crystals.metadata.lattice]}


def _bounds(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
