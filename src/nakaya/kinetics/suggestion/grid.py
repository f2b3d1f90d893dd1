"""The grid of conditions on which runs are suggested, as stated or as the records have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.crystallography.lattices import oriented_cell
from nakaya.crystallography.miller import plane_family
from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.kinetics.models.physics import MIN_TEMPERATURES
from nakaya.kinetics.prediction.report import temperature_refusal
from nakaya.kinetics.samples.corpus import Corpus
from nakaya.kinetics.suggestion.planning import Condition, condition_of
from nakaya.kinetics.suggestion.survey import condition_sample
from nakaya.md.limits import within

__all__ = ["grid_conditions", "grid_notes"]

MAX_CONDITIONS: Final = 2000


def grid_conditions(
    corpus: Corpus,
    *,
    materials: Sequence[str] = (),
    orientations: Sequence[str] = (),
    temperatures: Sequence[float] = (),
) -> list[Condition]:
    """Every material with every orientation and temperature, sorted; what is not stated comes from the records.

    Args:
        corpus: Growth runs, at least one.
        materials: All of the runs by default.
        orientations: By default those of each material's runs.
        temperatures: K; by default those of each material's runs, and the middles between them.

    Raises:
        UnknownNameError: A material that the runs do not have.
        ParameterError: No Miller indices, or such that no box is built for, a temperature outside limits or without an
            interface, or a grid that is too large.
    """
    measured: dict[str, list[Condition]] = defaultdict(list)
    structures = {}
    for record in corpus.records:
        measured[record.material].append(condition_of(record))
        structures[record.material] = crystal_structure(record)
    for material in materials:
        if material not in measured:
            raise UnknownNameError("material of the growth runs", material, measured)
    for temperature in temperatures:
        within("temperature", temperature)
    grid = set()
    for material in materials or measured:
        own = measured[material]
        kelvins = set(temperatures) or _with_middles({condition.temperature for condition in own})
        for face in {plane_family(orientation) for orientation in orientations} or {there.orientation for there in own}:
            if (structure := structures[material]) is not None:
                oriented_cell(structure, face)  # says which faces boxes are built for
            grid |= {Condition(material, face, float(kelvin)) for kelvin in kelvins}
    if len(grid) > MAX_CONDITIONS:
        raise ParameterError(
            f"the grid has {len(grid)} conditions, more than {MAX_CONDITIONS}: state fewer materials, orientations or "
            "temperatures"
        )
    for condition in sorted(grid):
        if (refusal := temperature_refusal(condition_sample(corpus, condition))) is not None:
            raise ParameterError(refusal)
    return sorted(grid)


def _with_middles(kelvins: set[float]) -> set[float]:
    ranked = sorted(kelvins)
    return kelvins | {float(round((low + high) / 2)) for low, high in pairwise(ranked)}


def grid_notes(grid: Iterable[Condition], measured: Iterable[Condition]) -> list[str]:
    """Where priors and extrapolation decide, one sentence each.

    Args:
        grid: Of `grid_conditions`.
        measured: Conditions with a velocity, of every material of the grid and of others.
    """
    notes = []
    own: dict[str, set[float]] = defaultdict(set)
    asked: dict[str, set[float]] = defaultdict(set)
    for condition in measured:
        own[condition.material].add(condition.temperature)
    for condition in grid:
        asked[condition.material].add(condition.temperature)
    for material in sorted(asked):
        kelvins = own[material]
        if len(kelvins) < MIN_TEMPERATURES:
            notes.append(
                f"{material}: growth runs at {len(kelvins)} of the {MIN_TEMPERATURES} temperatures that tell how its "
                "velocity depends on temperature: priors and other materials decide"
            )
        low, high = min(kelvins), max(kelvins)
        if min(asked[material]) < low or max(asked[material]) > high:
            notes.append(
                f"{material}: the grid goes beyond the temperatures of its growth runs, {low:g} to {high:g} K: law and "
                "properties are extrapolated there"
            )
    return notes
