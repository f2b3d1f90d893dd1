"""Which runs are held out together: fixed rules, at most four folds each.

A fold of a run follows from its conditions and its name alone, so it stays where it is while other records are added,
and the whole assignment can be frozen as a hash before most of it exists.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from nakaya.core.errors import ParameterError
from nakaya.md.potentials import MATERIALS
from nakaya.records.record import Record, fields_of

__all__ = [
    "GROUPED",
    "NUM_FOLDS",
    "SPLITS",
    "Split",
    "assignment_hash",
    "condition_name",
    "fold_name",
    "fold_of",
    "fold_of_run",
    "for_tuning",
    "for_tuning_of_run",
    "hashed",
]

Split: TypeAlias = Literal["temperature", "orientation", "material", "run", "random"]

SPLITS: Final[tuple[Split, ...]] = get_args(Split)
GROUPED: Final[frozenset[Split]] = frozenset({"temperature", "orientation", "material"})
"""Splits in which all replicates of a condition are in one fold."""

NUM_FOLDS: Final = 4

_EDGES = (0.55, 0.64, 0.72, 0.80, 0.88, 1.0)
"""Between the temperatures of the plan, as shares of the melting point; neighbours are in different folds."""

_NUM_SEEDS = 3
"""Replicates that the plan gives each condition; seed 5 takes the place of a lost seed 2."""

_MATERIALS = ("Al", "Cu", "Si")
_ORIENTATIONS = ("100", "110", "111")


def condition_name(record: Record) -> str:
    """Name of a condition for people, such as Cu-100-1115K; the same for all of its replicates."""
    words = [record.material, *([record.orientation] if record.orientation else [])]
    if (temperature := record.constant("temperature")) is not None:
        words.append(f"{temperature:g}K")
    words += [f"{name}={record.constant(name):g}" for name in fields_of(record) if record.constant(name) is not None]
    return "-".join(words)


def fold_of(record: Record, split: Split) -> int:
    """Fold of a record's run, in [0, 4).

    Raises:
        ParameterError: The record has no temperature that is one number, or no seed.
    """
    temperature = record.constant("temperature")
    if temperature is None:
        raise ParameterError(f"record {record.id} has no constant temperature: it cannot be put into a fold")
    if split == "run" and not record.provenance.seeds:
        raise ParameterError(f"record {record.id} states no seed: it cannot be put into a fold of runs")
    seed = record.provenance.seeds[0] if record.provenance.seeds else 0
    return fold_of_run(record.id, record.material, record.orientation, temperature, seed, split)


def fold_of_run(name: str, material: str, orientation: str | None, temperature: float, seed: int, split: Split) -> int:
    """Fold of a run, in [0, 4), whether it exists yet or not.

    Args:
        name: Id of its record.
        material: Name.
        orientation: Miller indices; None for none.
        temperature: K.
        seed: Of the run.
        split: Which rule. "temperature": every fourth step of T/T_m, for all materials and orientations alike;
            "orientation" and "material": one each; "run": one seed of each condition, reserves with the seed
            whose place they take; "random": any run, by a hash of its name.
    """
    if split == "temperature":
        return _temperature_step(material, temperature) % NUM_FOLDS
    if split == "orientation":
        return _ORIENTATIONS.index(orientation) if orientation in _ORIENTATIONS else NUM_FOLDS - 1
    if split == "material":
        return _MATERIALS.index(material) if material in _MATERIALS else NUM_FOLDS - 1
    if split == "run":
        return seed % _NUM_SEEDS
    if split == "random":
        return hashed(f"random {name}", NUM_FOLDS)
    raise ParameterError(f"unknown split {split!r}: known are {', '.join(SPLITS)}")


def fold_name(record: Record, split: Split) -> str:
    """What is held out with this record, for people: "T/T_m 0.60, 0.92", "(110)", "Si", "seed 1", "fold 2"."""
    number = fold_of(record, split)
    if split == "temperature":
        return ("T/T_m 0.5, 0.84", "T/T_m 0.60, 0.92", "T/T_m 0.68, 1.04", "T/T_m 0.76")[number]
    if split == "orientation":
        return f"({_ORIENTATIONS[number]})" if number < len(_ORIENTATIONS) else "other orientations"
    if split == "material":
        return _MATERIALS[number] if number < len(_MATERIALS) else "other materials"
    return f"seed {number}" if split == "run" else f"fold {number}"


def for_tuning(record: Record) -> bool:
    """Whether a record's condition belongs to the fixed subset on which hyperparameters are chosen.

    About a quarter of the conditions, spread over materials, orientations and temperatures. No row of them is ever
    scored in an outer test fold; they are trained on wherever their group is not held out.
    """
    temperature = record.conditions["temperature"].value
    return for_tuning_of_run(record.material, record.orientation, temperature)


def for_tuning_of_run(material: str, orientation: str | None, temperature: float) -> bool:
    """As `for_tuning`, for a run that need not exist yet."""
    if material not in _MATERIALS or orientation not in _ORIENTATIONS:
        return False
    place = 2 * _MATERIALS.index(material) + _ORIENTATIONS.index(orientation)
    return (_temperature_step(material, temperature) + place) % NUM_FOLDS == 0


def hashed(text: str, count: int) -> int:
    """A number in [0, count) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % count


def assignment_hash(folds: Mapping[str, int | str]) -> str:
    """sha256 over the lines NAME FOLD in the order of names."""
    lines = "".join(f"{name} {fold}\n" for name, fold in sorted(folds.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _temperature_step(material: str, temperature: float) -> int:
    # The rule must not move with a melting point that is measured again: the potential's first guess is fixed.
    melting = MATERIALS[material].melting_point if material in MATERIALS else 1000.0
    return bisect_right(_EDGES, temperature / melting)
