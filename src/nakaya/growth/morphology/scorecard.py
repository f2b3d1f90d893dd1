"""How far is a model from its solver, at the same conditions, beside how far the solver is from itself?

Three samples at the same parameter points: the model's, the solver's, and a second one of the solver's, of other seeds.
Model and second sample are scored in the same way against the solver's sample; the second sample's score is the floor
that a perfect emulator would reach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.documents import plain
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.setup import Edges
from nakaya.growth.morphology.crystal_samples import (
    TIME_FRACTIONS,
    CrystalSample,
    Observed,
    Scales,
    check_crystals,
    comparison_steps,
    observe,
)
from nakaya.scoring.bootstrap import Interval, draw_points, mean_interval, ratio_interval
from nakaya.scoring.calibration import band_covers, central_band, pit_coverage, pit_histogram
from nakaya.scoring.overlap import diversity, expected_iou
from nakaya.scoring.proper import crps, energy_score, frequency_brier_score
from nakaya.scoring.transport import wasserstein

__all__ = ["SCORES", "Score", "Scorecard", "score_against_solver"]

Better = Literal["lower", "higher", "floor"]

COVERAGE_LEVEL = 0.9

PIT_BINS = 10

SCORES: dict[str, tuple[Better, str]] = {
    "wasserstein": ("lower", "mean of the Wasserstein distances at the three times and at the end, in training scales"),
    "wasserstein_end": ("lower", "Wasserstein distance of final (area, boundary, steps), in training scales"),
    "wasserstein_growth": ("lower", "mean Wasserstein distance of (area, boundary) at the three times"),
    "crps": ("lower", "CRPS of the area, mean over the three times and the end, plain, in sites"),
    "crps_fair": ("lower", "the same, fair: without the bias of a finite ensemble"),
    "crps_steps": ("lower", "CRPS of the number of steps, plain, in steps"),
    "energy": ("lower", "energy score of all areas, boundaries and steps together, plain, in training scales"),
    "energy_fair": ("lower", "the same, fair"),
    "brier": ("lower", "Brier score of the occupancy, mean over sites, the three times and the end, plain"),
    "brier_fair": ("lower", "the same, fair"),
    "iou": ("higher", "expected IoU of a random member with a random solver member, at the end"),
    "coverage90": ("floor", "share of solver members whose area lies in the closed 90 % band, at these times"),
    "coverage90_randomised": ("floor", "share with the randomised PIT in [0.05, 0.95]: 0.9 for a perfect emulator"),
    "band_width": ("floor", "mean width of the 90 % band of the area, in sites"),
    "diversity": ("floor", "1 - mean IoU of different members, at the end"),
    "identity_share": ("floor", "share of strides in which nothing attaches"),
    "disconnected_share": ("floor", "share of attached sites not joined to the initial crystal"),
}
"""What is scored: which direction is better ("floor": as close to the floor as possible), and what it is."""


@dataclass(frozen=True)
class Score:
    """One score of a model beside its floor.

    Attributes:
        name: One of `SCORES`.
        better: "lower", "higher", or "floor" (as close to the floor as possible).
        model: Mean over the points, with its bootstrap interval.
        floor: The same for the second solver sample.
        ratio: Mean of the model over mean of the floor.
        model_per_point: float64 [point].
        floor_per_point: float64 [point].
    """

    name: str
    better: Better
    model: Interval
    floor: Interval
    ratio: Interval
    model_per_point: FloatArray
    floor_per_point: FloatArray


@dataclass(frozen=True)
class Scorecard:
    """Every score of a model against its solver.

    Attributes:
        points: Number of parameter points.
        members: Members of the model at each point.
        solver_members: Members of the solver's sample at each point.
        floor_members: Members of the second solver sample at each point: give it as many as the model has.
        scores: By name, in the order of `SCORES`.
        pit_model: Histogram of the randomised PIT of the solver's areas among the model's, float64 [bin].
        pit_floor: The same among the second solver sample's.
    """

    points: int
    members: int
    solver_members: int
    floor_members: int
    scores: Mapping[str, Score]
    pit_model: FloatArray
    pit_floor: FloatArray

    def __getitem__(self, name: str) -> Score:
        """The score of a name, or `UnknownNameError`."""
        if name not in self.scores:
            raise UnknownNameError("score", name, self.scores)
        return self.scores[name]

    def as_json(self) -> dict[str, object]:
        """Plain numbers, None where a number does not exist: {"points", ..., "scores": {name: {"model": ...}}}."""
        return {
            "points": self.points,
            "members": self.members,
            "solver_members": self.solver_members,
            "floor_members": self.floor_members,
            "scores": {
                name: {
                    "better": score.better,
                    "model": plain(score.model),
                    "floor": plain(score.floor),
                    "ratio": plain(score.ratio),
                }
                for name, score in self.scores.items()
            },
            "pit_model": self.pit_model.tolist(),
            "pit_floor": self.pit_floor.tolist(),
        }


def score_against_solver(
    model: CrystalSample,
    solver: CrystalSample,
    second: CrystalSample,
    *,
    scales: Scales,
    edges: Edges = "reservoir",
    stride: int = 1,
    lattice: Lattice = HEXAGONAL,
    resamples: int = 2000,
    progress: Callable[[int], None] | None = None,
    rng: np.random.Generator,
) -> Scorecard:
    """Score a model's crystals against its solver's at the same parameter points, beside the solver against itself.

    Crystals are compared at 1/4, 1/2 and 3/4 of the mean duration of all solver members at the point and at each
    member's own end, in plain counts of their array (a sector as it is). Points are read and scored one by one.

    Args:
        model: The model's members: arrival int32 [point, member, row, column], steps [point, member].
        solver: The solver's members at the same points, in the same order; what both others are scored against.
        second: Other members of the solver at these points, as many as the model has: the floor.
        scales: What distances are measured in; from `training_scales`.
        edges: What lies beyond the array; "reservoir" for a sector.
        stride: Time resolution of the model in steps, for the identity shares of model and solver.
        lattice: Of the crystals.
        resamples: Bootstrap resamples of the points.
        progress: Called with 1 after every point.
        rng: Draws the resamples; no score depends on it, only the intervals.

    Raises:
        ParameterError: The samples do not fit each other.

    >>> import nakaya
    >>> from nakaya.growth.morphology.crystal_samples import training_scales
    >>> points = [nakaya.GravnerGriffeath(rho=rho) for rho in (0.45, 0.5, 0.55)]
    >>> one, two, three = (nakaya.grow(points, size=24, members=3, seed=seed) for seed in (1, 2, 3))
    >>> scales = training_scales(one.arrival, one.steps)
    >>> card = score_against_solver(one, two, three, scales=scales, rng=np.random.default_rng(0))
    >>> card.points, bool(0.2 < card["wasserstein"].ratio.value < 5)  # solver against solver: near 1
    (3, True)
    """
    points = _check_same_points(model, solver, second)
    model_scores: dict[str, list[float]] = {name: [] for name in SCORES}
    floor_scores: dict[str, list[float]] = {name: [] for name in SCORES}
    pits = []
    counts = (0, 0, 0)
    for point in range(points):
        samples = []
        for name, sample in (("model", model), ("solver", solver), ("second", second)):
            arrival, steps = np.asarray(sample.arrival[point]), np.asarray(sample.steps[point])
            check_crystals(f"{name}, point {point}", arrival, steps)
            samples.append((arrival, steps))
        _check_same_lattice(samples)
        counts = (len(samples[0][1]), len(samples[1][1]), len(samples[2][1]))
        at_steps = comparison_steps(samples[1][1], samples[2][1])
        observed = [observe(*sample, at_steps, edges=edges, stride=stride, lattice=lattice) for sample in samples]
        for collected, forecast in ((model_scores, observed[0]), (floor_scores, observed[2])):
            for name, value in _score_point(forecast, observed[1], scales).items():
                collected[name].append(value)
        pits.append([_pit(forecast, observed[1]) for forecast in (observed[0], observed[2])])
        if progress is not None:
            progress(1)
    drawn = draw_points(points, resamples, rng=rng)
    scores = {name: _summarise(name, model_scores[name], floor_scores[name], drawn) for name in SCORES}
    pit_model, pit_floor = np.mean(pits, axis=0)
    return Scorecard(points, *counts, scores, pit_model, pit_floor)


def _check_same_points(*samples: CrystalSample) -> int:
    """The number of points that all samples have."""
    shapes = [np.shape(sample.steps) for sample in samples]
    if any(len(shape) != 2 for shape in shapes) or len({shape[0] for shape in shapes}) != 1 or not shapes[0][0]:
        raise ParameterError(
            f"steps of model, solver and second sample have shapes {', '.join(map(str, shapes))}: "
            "give [point, member] with the same points"
        )
    return int(shapes[0][0])


def _check_same_lattice(samples: list[tuple[IntArray, IntArray]]) -> None:
    lattices = {sample[0].shape[1:] for sample in samples}
    if len(lattices) != 1:
        raise ParameterError(f"crystals of lattices {sorted(lattices)} cannot be compared: grow them at one size")


def _score_point(forecast: Observed, truth: Observed, scales: Scales) -> dict[str, float]:
    """Every score of one sample against the solver's at one point."""
    counts_scale = np.array([scales.area, scales.boundary])
    growing = [
        wasserstein(_counts(forecast, time), _counts(truth, time), scales=counts_scale)
        for time in range(len(TIME_FRACTIONS))
    ]
    end_scale = np.array([scales.area, scales.boundary, scales.steps])
    end = wasserstein(_final(forecast), _final(truth), scales=end_scale)
    # [time, 1, member] against [time, observation]
    members, happened = forecast.area.T[:, None, :], truth.area.T
    whole, whole_truth = _whole(forecast, scales), _whole(truth, scales)
    lower, upper = central_band(members, COVERAGE_LEVEL)
    num_members = len(forecast.steps)
    return {
        "wasserstein": float(np.mean([*growing, end])),
        "wasserstein_end": end,
        "wasserstein_growth": float(np.mean(growing)),
        "crps": float(crps(members, happened).mean()),
        "crps_fair": float(crps(members, happened, fair=True).mean()),
        "crps_steps": float(crps(forecast.steps, truth.steps).mean()),
        "energy": float(energy_score(whole, whole_truth).mean()),
        "energy_fair": float(energy_score(whole, whole_truth, fair=True).mean()),
        "brier": float(frequency_brier_score(forecast.frequency, truth.frequency).mean()),
        "brier_fair": float(frequency_brier_score(forecast.frequency, truth.frequency, num_members).mean()),
        "iou": expected_iou(forecast.final, truth.final),
        "coverage90": float(band_covers(members, happened, COVERAGE_LEVEL).mean()),
        "coverage90_randomised": float(pit_coverage(members, happened, COVERAGE_LEVEL).mean()),
        "band_width": float((upper - lower).mean()),
        "diversity": diversity(forecast.final),
        "identity_share": float(forecast.identity.mean()),
        "disconnected_share": float(forecast.disconnected.mean()),
    }


def _counts(sample: Observed, time: int) -> FloatArray:
    """(area, boundary) at one time: float64 [member, 2]."""
    return np.stack([sample.area[:, time], sample.boundary[:, time]], axis=1)


def _final(sample: Observed) -> FloatArray:
    """(area, boundary, steps) at the end: float64 [member, 3]."""
    return np.column_stack([_counts(sample, -1), sample.steps])


def _whole(sample: Observed, scales: Scales) -> FloatArray:
    """All areas, boundaries and the steps, in scales: float64 [member, 2 time + 1]."""
    return np.column_stack([sample.area / scales.area, sample.boundary / scales.boundary, sample.steps / scales.steps])


def _pit(forecast: Observed, truth: Observed) -> FloatArray:
    """Histogram of the randomised PIT of the areas: float64 [bin]."""
    return pit_histogram(forecast.area.T[:, None, :], truth.area.T, bins=PIT_BINS)


def _summarise(name: str, model: list[float], floor: list[float], drawn: IntArray) -> Score:
    values, floors = np.asarray(model, np.float64), np.asarray(floor, np.float64)
    return Score(
        name=name,
        better=SCORES[name][0],
        model=mean_interval(values, drawn),
        floor=mean_interval(floors, drawn),
        ratio=ratio_interval(values, floors, drawn),
        model_per_point=values,
        floor_per_point=floors,
    )
