"""Which nuclei are held out together: fixed rules that depend on the record alone, so that hashes can freeze them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

import numpy as np

from nakaya.kinetics.nuclei.samples import NucleusSample
from nakaya.kinetics.samples.splits import NUM_FOLDS, assignment_hash, fold_of_run, hashed
from nakaya.md.potentials import MATERIALS

__all__ = [
    "INNER_FOLDS",
    "SHAPE_CLASSES",
    "SPLITS",
    "SPONTANEOUS",
    "Fold",
    "NucleusSplit",
    "Planned",
    "fold_key",
    "freeze_splits",
    "inner_folds",
    "outer_folds",
]

NucleusSplit: TypeAlias = Literal["nucleus", "temperature", "shape", "material", "spontaneous"]
SPLITS: Final[tuple[NucleusSplit, ...]] = get_args(NucleusSplit)

SPONTANEOUS: Final = "spontaneous"
"""Shape of nuclei that appeared in a quench by themselves: nobody learns from them."""

SHAPE_CLASSES: Final[Mapping[str, str]] = {
    "sphere": "balls", "vacancies": "balls", "twin": "faulted", "fault": "faulted", "hcp": "faulted",
    "prolate": "elongated", "oblate": "elongated", "rough": "rough",
}  # fmt: skip
"""Shape of a crystallite -> the class that is held out with it; other shapes are classes of their own."""

INNER_FOLDS: Final = 4


@dataclass(frozen=True, eq=False)
class Fold:
    """What is held out, and what is learned from."""

    split: NucleusSplit
    name: str
    train: tuple[NucleusSample, ...]
    test: tuple[NucleusSample, ...]


def outer_folds(nuclei: Sequence[NucleusSample], split: NucleusSplit) -> list[Fold]:
    """List the folds of a split that hold a nucleus.

    "nucleus": a quarter by a hash of the names; "temperature": a range of T/T_m, of all materials; "shape": a class of
    shapes; "material": an element. "spontaneous" has one fold, of nuclei that no other split contains.
    """
    cut = [nucleus for nucleus in nuclei if nucleus.shape != SPONTANEOUS]
    keys = {nucleus.name: fold_key(nucleus, split) for nucleus in nuclei}
    found = []
    for key in sorted({key for key in keys.values() if key is not None}):
        test = tuple(nucleus for nucleus in nuclei if keys[nucleus.name] == key)
        train = tuple(nucleus for nucleus in cut if keys[nucleus.name] != key)
        found.append(Fold(split, _title(key, split, test), train, test))
    return found


def inner_folds(nuclei: Sequence[NucleusSample]) -> list[tuple[list[NucleusSample], list[NucleusSample]]]:
    """(train, test) of the inner cross-validation of a training part: by a hash of names, the same for all models."""
    numbers = [hashed(f"inner {nucleus.name}", INNER_FOLDS) for nucleus in nuclei]
    parts = []
    for fold in sorted(set(numbers)):
        test = [nucleus for nucleus, own in zip(nuclei, numbers, strict=True) if own == fold]
        train = [nucleus for nucleus, own in zip(nuclei, numbers, strict=True) if own != fold]
        parts.append((train, test))
    return parts


class Planned(Protocol):
    """What a fold follows from: a nucleus that may not have been released yet."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def material(self) -> str: ...  # noqa: D102

    @property
    def temperature(self) -> float: ...  # noqa: D102

    @property
    def shape(self) -> str: ...  # noqa: D102


def freeze_splits(nuclei: Iterable[Planned]) -> dict[str, dict[str, Any]]:
    """Split -> nuclei of every fold, and the `assignment_hash`.

    Those of a plan are those of its records.
    """
    every = sorted(nuclei, key=lambda nucleus: nucleus.name)
    found: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        keys = {nucleus.name: key for nucleus in every if (key := fold_key(nucleus, split)) is not None}
        found[split] = {
            "nuclei_per_fold": {key: list(keys.values()).count(key) for key in sorted(set(keys.values()))},
            "sha256": assignment_hash(keys),
        }
    return found


def fold_key(nucleus: Planned, split: NucleusSplit) -> str | None:
    """Name of the fold in which a nucleus is held out; None where the split never does."""
    if (nucleus.shape == SPONTANEOUS) != (split == "spontaneous"):
        return None
    if split == "spontaneous":
        return "from quenches"
    if split == "nucleus":
        return f"fold {hashed(f'nucleus {nucleus.name}', NUM_FOLDS)}"
    if split == "shape":
        return SHAPE_CLASSES.get(nucleus.shape, nucleus.shape)
    if split == "material":
        return nucleus.material
    step = fold_of_run(nucleus.name, nucleus.material, None, nucleus.temperature, 0, "temperature")
    return f"range {step} of T/T_m"


def _title(key: str, split: NucleusSplit, test: Sequence[NucleusSample]) -> str:
    if split != "temperature":
        return key
    reduced = [_reduced(nucleus) for nucleus in test]
    return f"T/T_m {np.mean(reduced):.2f}"


def _reduced(nucleus: NucleusSample) -> float:
    material = MATERIALS.get(nucleus.material)
    melting = nucleus.sample.table.melting_temperature if material is None else material.melting_point
    return nucleus.temperature / melting
