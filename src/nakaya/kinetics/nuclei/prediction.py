"""The fate of a nucleus in a snapshot of a user's: how it is expected to change, and how likely it is to grow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from nakaya.core.elements import suggested_element
from nakaya.core.errors import ParameterError
from nakaya.kinetics.nuclei.forecast import Forecast
from nakaya.kinetics.nuclei.labels import SizeChange
from nakaya.kinetics.nuclei.models import find_fate_model
from nakaya.kinetics.nuclei.run import MIN_TRAIN, Tuned, tune
from nakaya.kinetics.nuclei.samples import NucleusSample, NucleusSet, describe_nucleus
from nakaya.md.order.neighbours import volume_per_atom
from nakaya.md.seeding.detection import find_nucleus
from nakaya.md.seeding.run import MIN_CLEARANCE
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE

__all__ = ["CANDIDATES", "FateForecaster", "predict_fate", "train_forecaster"]

CANDIDATES: Final = ("size", "sizes", "ridge", "sum-of-logistic")
"""Models of which the one with the smallest inner error forecasts: those that are fitted within seconds."""

NEAR_KELVIN: Final = 5.0
"""What counts as solid, and the critical size with it, is known at the temperatures of the records alone."""


@dataclass(frozen=True, eq=False)
class FateForecaster:
    """A model that was fitted to all nuclei of a set.

    Attributes:
        nuclei: What it has learned from.
        model: Name of the model.
        forecast: Of the change.
        tuned: Its settings, interval and committor.
    """

    nuclei: NucleusSet
    model: str
    forecast: Forecast
    tuned: Tuned


def train_forecaster(
    nuclei: NucleusSet, *, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> FateForecaster:
    """Fit the candidate with the smallest error in the inner cross-validation to all nuclei of a set.

    Args:
        nuclei: Of `read_nuclei`.
        seed: Of everything random.
        progress: Told how many candidates are done, and of how many.

    Raises:
        ParameterError: Too few nuclei.
    """
    if len(nuclei.nuclei) < MIN_TRAIN:
        raise ParameterError(f"{len(nuclei.nuclei)} nuclei to learn from, expected at least {MIN_TRAIN}")
    has_outcomes = all(nucleus.solid_fraction is not None for nucleus in nuclei.nuclei)
    names = [name for name in CANDIDATES if has_outcomes or name != "sum-of-logistic"]
    found = []
    for number, name in enumerate(names):
        if progress is not None:
            progress(number, len(names))
        found.append((name, tune(find_fate_model(name), nuclei.nuclei, seed=seed)))
    if progress is not None:
        progress(len(names), len(names))
    best, tuned = min(found, key=lambda entry: entry[1].error)
    return FateForecaster(nuclei, best, find_fate_model(best).fit(nuclei.nuclei, tuned.settings, seed=seed), tuned)


def predict_fate(forecaster: FateForecaster, frame: Frame, *, material: str, temperature: float) -> dict[str, Any]:
    """Forecast the largest cluster of solid atoms of a frame.

    Args:
        frame: All atoms of a periodic box.
        forecaster: Of `train_forecaster`.
        material: Chemical symbol of all of its atoms.
        temperature: K, one of those that were learned from.

    Returns:
        JSON values: size n; the change (n(t) - n)/n^(2/3) and the size at t = `after_ps`, each with the 90 % interval
        of the mean over as many branches as the records have; the probability to grow rather than to dissolve, null
        where too few branches of the records were decided; the critical size; the model and its nuclei; warnings.

    Raises:
        ParameterError: Another material or temperature than those that were learned from, a box with open sides, or no
            nucleus.
    """
    near = _nearest(forecaster.nuclei, material, temperature)
    if strange := sorted(set(frame.species.tolist()) - {material}):
        raise ParameterError(
            f"atoms of {', '.join(strange)} beside {material}: nuclei of one element were learned from"
        )
    if not all(frame.periodic):
        raise ParameterError("the box has open sides: nuclei in periodic boxes were learned from")
    classifier = forecaster.nuclei.classifiers[near.group]
    found = find_nucleus(frame, classifier)
    is_solid = np.isin(np.arange(len(frame.positions)), found.atoms)
    sample, _ = describe_nucleus(
        replace(frame, extra={**frame.extra, "solid": is_solid.astype(np.float64)}),
        classifier,
        name="snapshot",
        structure=forecaster.nuclei.structures[near.group],
        temperature=near.sample.temperature,
        driving_force=near.sample.conditions[DRIVING_FORCE],
        table=near.sample.table,
    )
    size = float(found.sizes[0])
    unknown = SizeChange(size, np.full(1, np.nan), np.full(1, np.nan))
    change = float(forecaster.forecast([NucleusSample(sample, "", unknown)])[0])
    low, high = change - forecaster.tuned.half_width, change + forecaster.tuned.half_width
    committor, critical = forecaster.tuned.committor, forecaster.nuclei.critical_sizes.get(near.group)
    later = [max(0.0, size + value * size ** (2 / 3)) for value in (low, change, high)]
    return {
        "material": material,
        "temperature": temperature,
        "size": size,
        "after_ps": forecaster.nuclei.after_ps,
        "change": {"value": change, "interval90": [low, high]},
        "size_after": {"value": later[1], "interval90": [later[0], later[2]]},
        "probability_to_grow": None if committor is None else float(committor(np.array([change]))[0]),
        "critical_size": None
        if critical is None
        else {"value": critical.value, "interval90": [critical.low, critical.high]},
        "model": forecaster.model,
        "training_nuclei": len(forecaster.nuclei.nuclei),
        "warnings": _warnings(forecaster, near, size, frame, second=found.second, clearance=found.clearance),
    }


def _nearest(nuclei: NucleusSet, material: str, temperature: float) -> NucleusSample:
    """A nucleus of the material at the temperature."""
    known = [nucleus for nucleus in nuclei.nuclei if nucleus.sample.material == material]
    best = min(known, key=lambda nucleus: abs(nucleus.sample.temperature - temperature), default=None)
    if best is None or abs(best.sample.temperature - temperature) > NEAR_KELVIN:
        groups = ", ".join(sorted({nucleus.group for nucleus in nuclei.nuclei}))
        raise ParameterError(
            f"no nuclei of {material}{suggested_element(material)} at {temperature:g} K were learned from: there are "
            f"those of {groups}"
        )
    return best


def _spacing(frame: Frame) -> float:
    """Nearest-neighbour distance of a close packing of the same volume, A."""
    return float((np.sqrt(2.0) * volume_per_atom(frame.cell, len(frame.positions))) ** (1 / 3))


def _warnings(
    forecaster: FateForecaster, near: NucleusSample, size: float, frame: Frame, *, second: int, clearance: float
) -> list[str]:
    sizes = [nucleus.change.size for nucleus in forecaster.nuclei.nuclei if nucleus.group == near.group]
    found = [f"for the potential of the records of {near.group}; another one has other critical sizes"]
    if not min(sizes) <= size <= max(sizes):
        found.append(f"a nucleus of {size:g} atoms: those that were learned from have {min(sizes):g} to {max(sizes):g}")
    if second > size / 2:
        found.append(f"a second cluster of {second} solid atoms is in the melt; it is not followed")
    if clearance < MIN_CLEARANCE * _spacing(frame):
        found.append(f"the nucleus is {clearance:.1f} A from its periodic image: its fate is that of a row of nuclei")
    if "c_energy" not in frame.extra and any(math.isfinite(value) for value in _energies(near)):
        found.append("no energies of atoms (c_energy) in the file: they are taken for those of a usual nucleus")
    return found


def _energies(nucleus: NucleusSample) -> list[float]:
    return [value for name, value in nucleus.sample.pooled.items() if name.startswith("energy")]
