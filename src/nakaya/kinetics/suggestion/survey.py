"""A field of conditions, known or not: what any choice of runs says of it, and what one more run at each would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.kinetics.models.physics import atomic_volume
from nakaya.kinetics.samples.corpus import Corpus
from nakaya.kinetics.samples.sample import Sample
from nakaya.kinetics.suggestion.belief import Belief, Places, believe, fitted_mobility
from nakaya.kinetics.suggestion.noise import counting_variance, run_variances
from nakaya.kinetics.suggestion.planning import (
    Condition,
    Setup,
    condition_of,
    nearest_setup,
    setup_of,
)
from nakaya.records.record import Record

__all__ = ["Observations", "Survey", "observations", "survey_conditions"]

TARGET = "growth_velocity"
PICOSECOND = 1e-12


@dataclass(frozen=True, eq=False)
class Observations:
    """Velocities of runs.

    Attributes:
        places: Number of the condition of each, int64 [run].
        velocities: float64 [run], m/s.
        variances: Squares of the standard errors that they state, float64 [run], m^2/s^2; NaN = none.
    """

    places: IntArray
    velocities: FloatArray
    variances: FloatArray

    def part(self, chosen: IntArray) -> Observations:
        """Some of them, by number."""
        return Observations(self.places[chosen], self.velocities[chosen], self.variances[chosen])


@dataclass(frozen=True, eq=False)
class Survey:
    """Conditions, and what is known of them without any velocity.

    Attributes:
        conditions: Each once.
        places: What the law needs of them.
        setups: How a run at each would be set up.
        volumes: Of an atom in the crystal, float64 [place], m^3.
    """

    conditions: tuple[Condition, ...]
    places: Places
    setups: tuple[Setup, ...]
    volumes: FloatArray

    @property
    def costs(self) -> FloatArray:
        """Of one run at each, atoms x ps, float64 [place]."""
        return np.array([setup.cost for setup in self.setups])

    def believed(self, runs: Observations) -> tuple[Belief, FloatArray]:
        """What runs say of the velocity at every place, and the variance of the noise of one more run there.

        Args:
            runs: At least one.

        Returns:
            (belief, float64 [place] in m^2/s^2).
        """
        known, which, counts = np.unique(runs.places, return_inverse=True, return_counts=True)
        means = np.bincount(which, runs.velocities) / counts
        mobility = fitted_mobility(self.places, known, means)
        physics = self.places.physics
        counted = counting_variance(
            self.places.arrival_velocity(mobility),
            physics.reduced_driving_force(),
            self.volumes,
            np.array([setup.area for setup in self.setups]),
            np.array([setup.duration_ps for setup in self.setups]) * PICOSECOND,
        )
        reduced = physics.temperature / physics.melting_temperature
        noise = run_variances(counted, reduced, runs.places, runs.variances)
        return believe(self.places, mobility, known, means, noise[known] / counts), noise


def survey_conditions(corpus: Corpus, conditions: Sequence[Condition]) -> Survey:
    """Look up what runs at these conditions would need; each is of a material of the corpus.

    Raises:
        ParameterError: A property of a material is not known, or no record states how its run was set up.
    """
    setups = [setup for record in corpus.records if (setup := setup_of(record)) is not None]
    samples = [condition_sample(corpus, condition) for condition in conditions]
    return Survey(
        tuple(conditions),
        Places.of(samples),
        tuple(nearest_setup(condition, setups, corpus.tables[condition.material]) for condition in conditions),
        np.array([atomic_volume(sample) for sample in samples]),
    )


def condition_sample(corpus: Corpus, condition: Condition) -> Sample:
    """A sample of evidence A at conditions of a material of the corpus, without velocities of its faces."""
    example = next(record for record in corpus.records if record.material == condition.material)
    return replace(
        corpus.sample(example, "A"),
        condition=str(condition),
        orientation=condition.orientation,
        temperature=condition.temperature,
    )


def observations(survey: Survey, records: Sequence[Record]) -> Observations:
    """Velocities of growth runs whose conditions are all in the survey."""
    number = {condition: place for place, condition in enumerate(survey.conditions)}
    found = [record.quantities[TARGET] for record in records]
    return Observations(
        np.array([number[condition_of(record)] for record in records], dtype=np.int64),
        np.array([entry.value for entry in found], dtype=np.float64),
        np.array([entry.standard_error for entry in found], dtype=np.float64) ** 2,
    )
