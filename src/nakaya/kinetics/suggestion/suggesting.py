"""From records to the growth runs that are worth most, and to a plan of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.checks import check_count
from nakaya.kinetics.benchmark.run import check_runs
from nakaya.kinetics.models.fields import check_at_rest
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.suggestion.design import greedy_batch
from nakaya.kinetics.suggestion.grid import grid_conditions, grid_notes
from nakaya.kinetics.suggestion.planning import Condition, condition_of, planned_material
from nakaya.kinetics.suggestion.survey import observations, survey_conditions
from nakaya.md.campaigns.plan_files import plan_text
from nakaya.md.growth import GrowthRun
from nakaya.records.record import Record
from nakaya.records.store import load_records

__all__ = ["Suggestion", "Suggestions", "suggest_runs"]

MAX_RUNS: Final = 1000


@dataclass(frozen=True)
class Suggestion:
    """One run of a batch; the runs before it count as made.

    Attributes:
        run: What to simulate.
        velocity: Mean of what is believed, m/s.
        standard_deviation: Of the same, before the batch, m/s.
        noise: Standard deviation of the velocity that one run gives about the true one, m/s.
        runs_known: Of these conditions with a velocity, in the records.
        error_before: Expected root mean square error over the conditions of interest, m/s.
        error_after: The same with this run.
        cost: Atoms x picoseconds.
    """

    run: GrowthRun
    velocity: float
    standard_deviation: float
    noise: float
    runs_known: int
    error_before: float
    error_after: float
    cost: float


@dataclass(frozen=True)
class Suggestions:
    """A batch of runs, the best first.

    Attributes:
        runs: One after another.
        conditions: Number of conditions, which are candidates and of interest alike.
        notes: What to know of them, one sentence each.
        potential_sha256: Material -> hash of the file of its potential, where a plan has to state it.
    """

    runs: tuple[Suggestion, ...]
    conditions: int
    notes: tuple[str, ...]
    potential_sha256: dict[str, str]

    def plan(self) -> str:
        """The batch as a plan of `nakaya md campaign run`."""
        return plan_text([suggestion.run for suggestion in self.runs], self.potential_sha256)

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        rows = [
            {
                "run": entry.run.id,
                "material": entry.run.material.name,
                "orientation": entry.run.orientation,
                "temperature_K": entry.run.temperature,
                "seed": entry.run.seed,
                "runs_known": entry.runs_known,
                "velocity_m_per_s": entry.velocity,
                "standard_deviation_m_per_s": entry.standard_deviation,
                "noise_of_a_run_m_per_s": entry.noise,
                "expected_error_before_m_per_s": entry.error_before,
                "expected_error_after_m_per_s": entry.error_after,
                "cost_atom_ps": entry.cost,
                "duration_ps": entry.run.duration_ps,
                "equilibration_ps": entry.run.equilibration_ps,
            }
            for entry in self.runs
        ]
        return {"suggestions": rows, "conditions": self.conditions, "notes": list(self.notes)}


def suggest_runs(
    source: str | Path,
    *,
    materials: Sequence[str] = (),
    orientations: Sequence[str] = (),
    temperatures: Sequence[float] = (),
    runs: int = 6,
) -> Suggestions:
    """Suggest growth runs: those that lower the expected error over a grid of conditions most per cost.

    The belief is `nakaya.kinetics.suggestion.belief`, the rule `nakaya.kinetics.suggestion.design`, the noise of a run
    `nakaya.kinetics.suggestion.noise`, its cost `nakaya.kinetics.suggestion.planning`. Nothing is random.

    Args:
        source: Shipped set, store, campaign or file of records.
        materials: Of the grid; all of the records by default.
        orientations: Of the grid; by default those of each material's records.
        temperatures: Of the grid, K; by default those of each material's records and the middles between them.
        runs: Number of runs of the batch, 1 to 1000.

    Raises:
        InputFileError, FormatError: The records cannot be read.
        UnknownNameError: A material that the growth runs do not have.
        ParameterError: No growth runs, one of a sheared melt or in an electric field, a grid outside limits, or records
            that do not say what a run needs.
    """
    check_count("runs", runs, 1, MAX_RUNS)
    records = load_records(source)
    corpus = check_runs(str(source), read_corpus(records, graphs=False))
    check_at_rest([corpus.sample(record, "A") for record in corpus.records], "the belief about velocities")
    grid = grid_conditions(corpus, materials=materials, orientations=orientations, temperatures=temperatures)
    measured = {condition_of(record) for record in corpus.records}
    survey = survey_conditions(corpus, sorted({*grid, *measured}))
    seen = observations(survey, corpus.records)
    belief, noise = survey.believed(seen)
    asked = np.isin(np.arange(len(survey.conditions)), [survey.conditions.index(condition) for condition in grid])
    steps = greedy_batch(belief.covariance, noise, survey.costs, asked, asked, runs)
    planned = {
        name: planned_material(name, [r for r in corpus.records if r.material == name], corpus.tables[name])
        for name in sorted({condition.material for condition in grid})
    }
    seeds, known = _next_seeds(records), np.bincount(seen.places, minlength=len(asked))
    before, found = _error(float(np.diag(belief.covariance)[asked].sum()), asked), []
    for step in steps:
        condition, setup = survey.conditions[step.place], survey.setups[step.place]
        after = _error(step.variance_left, asked)
        found.append(
            Suggestion(
                setup.run(planned[condition.material][0], condition, seeds[condition]),
                float(belief.mean[step.place]),
                math.sqrt(float(belief.covariance[step.place, step.place])),
                math.sqrt(float(noise[step.place])),
                int(known[step.place]),
                before,
                after,
                setup.cost,
            )
        )
        seeds[condition] += 1
        before = after
    hashes = {name: digest for name, (_, digest) in planned.items() if digest is not None}
    return Suggestions(tuple(found), len(grid), tuple(grid_notes(grid, measured)), hashes)


def _next_seeds(records: Iterable[Record]) -> dict[Condition, int]:
    """Condition -> smallest number above the seeds of all of its runs, failed ones too; 0 without any."""
    seeds: dict[Condition, int] = defaultdict(int)
    for record in records:
        if record.kind == "md" and record.orientation is not None and record.constant("temperature") is not None:
            condition = condition_of(record)
            seeds[condition] = max([seeds[condition], *(seed + 1 for seed in record.provenance.seeds)])
    return seeds


def _error(variance: float, asked: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    return math.sqrt(max(variance, 0.0) / int(asked.sum()))
