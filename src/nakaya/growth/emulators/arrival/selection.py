"""Which settings are best? Judged by crystals at validation points, which nothing was fitted to.

A candidate's members are compared with the one crystal that the solver grew at each validation point, by the energy
score of area, perimeter, tip and duration: a proper score, so it is least on average for members that are distributed
as the solver's are, neither too alike nor too different. The unit of each quantity at a point is the standard deviation
of the first candidate's members there, so that quiet conditions count as much as noisy ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.growth.emulators.arrival.model import ArrivalModel
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.morphology.fidelity import crystal_measures
from nakaya.scoring.floors import seed_scales
from nakaya.scoring.proper import energy_score

__all__ = ["Validation", "choose_settings"]

MEMBERS = 16
SEED = 20_260

Settings = TypeVar("Settings")


@dataclass
class Validation:
    """The solver's crystals at the validation points, and the unit that candidates are judged in.

    Attributes:
        conditions: Standardised, float64 [point, condition].
        measures: Of the solver's crystals, float64 [point, quantity].
        lattice: Who is a neighbour of whom.
        scales: float64 [point, 1, quantity]; of the first candidate that was judged.
    """

    conditions: FloatArray
    measures: FloatArray
    lattice: Lattice
    scales: FloatArray | None = None

    @classmethod
    def of(cls, conditions: FloatArray, arrival: ArrivalMap, steps: IntArray, lattice: Lattice) -> Validation:
        """Take one crystal at each point: int32 [point, *lattice] and int64 [point]."""
        return cls(conditions, crystal_measures(arrival, steps, lattice=lattice), lattice)

    def members_of(self, model: ArrivalModel) -> FloatArray:
        """Return the measures of a candidate's members, float64 [point, member, quantity]: the same draws for all."""
        rng = np.random.default_rng(SEED)
        words = rng.integers(0, 2**32, (len(self.conditions), MEMBERS, 2))
        found = np.empty((*words.shape[:2], self.measures.shape[1]))
        for point, (condition, own) in enumerate(zip(self.conditions, words.tolist(), strict=True)):
            arrival, steps = model.grow(condition[None], [[(low, high) for low, high in own]])
            found[point] = crystal_measures(arrival[0], steps[0], lattice=self.lattice)
        return found

    def score(self, model: ArrivalModel) -> float:
        """Return the mean energy score of a candidate; less is better."""
        members = self.members_of(model)
        if self.scales is None:
            self.scales = seed_scales(members)
        scaled, truth = members / self.scales, self.measures[:, None] / self.scales
        return float(np.mean([energy_score(*pair, fair=True)[0] for pair in zip(scaled, truth, strict=True)]))


def choose_settings(
    settings: Settings,
    candidates: Mapping[str, Sequence[Any]],
    score: Callable[[Settings], float],
    *,
    tell: Callable[[int, Mapping[str, float]], None] | None = None,
) -> tuple[Settings, list[dict[str, Any]]]:
    """Improve settings one after another, each among its candidates, the others as they are then.

    Args:
        settings: A dataclass, where it begins.
        candidates: Values to try, by name of a field; in the order in which fields are decided.
        score: Of settings; less is better.
        tell: Told the number of settings tried and their score.

    Returns:
        The best settings that were tried, and every trial with its score.
    """
    best, trials = score(settings), [dict[str, Any]()]
    trials[0] = {"score": best}
    for name, values in candidates.items():
        for value in values:
            if value == getattr(settings, name):
                continue
            tried = replace(settings, **{name: value})  # type: ignore[type-var]  # settings are a dataclass
            found = score(tried)
            trials.append({name: value, "score": found})
            if tell is not None:
                tell(len(trials), {"score": found})
            if found < best:
                best, settings = found, tried
    return settings, trials
