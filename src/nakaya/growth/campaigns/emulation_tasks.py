"""Tasks for emulators: recipes that grow their data again, and the hashes of their parameter points.

A task is a folder of sweep files, one for each part, that `nakaya campaign run` takes as they are; `task.toml` says
what is to be learned, and README.md is its card. Crystals are not shipped: the same sweep gives the same crystals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

from nakaya.core.configuration import read_toml
from nakaya.core.errors import FormatError, UnknownNameError
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import CampaignConfig, read_campaign
from nakaya.growth.catalogue import find_model
from nakaya.growth.grower_model import points_of
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.store.store import StoredTrajectory, open_store

__all__ = ["EmulationTask", "hash_of_points", "load_task", "task_names"]

TASKS = Path(__file__).parents[2] / "shipped" / "tasks"


@dataclass(frozen=True)
class _TaskFile:
    title: str
    conditions: tuple[str, ...]
    validation_points: int
    split_seed: int
    parts: dict[str, str]
    site_stride: int = 1
    truth: str = "held-out"
    truth_stride: int = 1
    coarser: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EmulationTask:
    """A task.

    Attributes:
        name: Of the task.
        title: What is to be emulated, in a line.
        conditions: Parameters that an emulator is told.
        validation_points: Points of the part "training" that settings are chosen on.
        split_seed: Of their choice: `nakaya.growth.store.splits.split_training`.
        site_stride: Every so many-th site of the training lattice is emulated.
        truth: The part that emulators are held to; the others are "training" and "held-out".
        truth_stride: Every so many-th site of its lattice is compared.
        parts: sha256 of the points' hashes, by part.
        coarser: Parameters of a coarser solver on the lattice that is compared; empty: there is none.
        folder: Where the sweep files lie.

    >>> task = load_task("dendrites")
    >>> task.conditions, len(task.points("held-out")), task.sweep("held-out").members
    (('undercooling', 'anisotropy', 'noise'), 64, 16)
    """

    name: str
    title: str
    conditions: tuple[str, ...]
    validation_points: int
    split_seed: int
    site_stride: int
    truth: str
    truth_stride: int
    parts: Mapping[str, str]
    coarser: Mapping[str, float]
    folder: Path

    def path(self, part: str) -> Path:
        """Return the sweep file of a part, for `nakaya campaign run`.

        Raises:
            UnknownNameError: There is no such part.
        """
        if part not in self.parts:
            raise UnknownNameError("part", part, self.parts)
        return self.folder / f"{part}.toml"

    def sweep(self, part: str) -> CampaignConfig:
        """Return the campaign of a part."""
        return read_campaign(self.path(part))

    def points(self, part: str) -> list[Conditions]:
        """Return the parameter points of a part; each has `sweep(part).members` crystals."""
        config = self.sweep(part)
        family = find_model(config.model).family
        return points_of(family, config.sample(family))

    def stride_of(self, part: str) -> int:
        """Every so many-th site of a part's lattice is compared: those of the emulator."""
        return self.truth_stride if part == self.truth else self.site_stride

    def setup(self) -> GrowthSetup:
        """Return what an emulator is asked for: the setup of the training crystals, on every so many-th site."""
        config = self.sweep("training")
        model, setup, stride = find_model(config.model), config.setup, self.site_stride
        margin = None if setup.stop.margin is None else setup.stop.margin // stride
        return model.setup(
            setup.geometry, setup.size // stride, edges=setup.edges, stop=replace(setup.stop, margin=margin)
        )

    def requests(self, points: Sequence[Conditions]) -> list[Conditions]:
        """Return what an emulator is asked at points of any part: what is not told to it has the training's values."""
        config = self.sweep("training")
        family = find_model(config.model).family
        return [
            family(**config.fixed, **{name: point.parameters()[name] for name in self.conditions}) for point in points
        ]

    def grow(self, part: str, out: str | PathLike[str], *, workers: int = 1) -> StoredTrajectory:
        """Grow a part into a store, or what is missing there, and open it: `nakaya campaign run`."""
        run_campaign(self.path(part), out, workers=workers)
        return open_store(out)

    @property
    def card(self) -> str:
        """The card, Markdown."""
        return (self.folder / "README.md").read_text(encoding="utf-8")


def hash_of_points(points: list[Conditions]) -> str:
    """Return the sha256 (hex) of the hashes of points, in their order."""
    return hashlib.sha256("\n".join(f"{point_hash(point):016x}" for point in points).encode()).hexdigest()


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks, sorted."""
    return tuple(sorted(folder.name for folder in TASKS.iterdir() if (folder / "task.toml").is_file()))


def load_task(name: str) -> EmulationTask:
    """Return a task by name.

    Raises:
        UnknownNameError: There is none of this name.
        FormatError: Its points are not those that the task was made with.

    >>> load_task("dendrites").sweep("training").points.num_points
    640
    """
    if name not in task_names():
        raise UnknownNameError("task", name, task_names())
    folder = TASKS / name
    file = read_toml(folder / "task.toml", _TaskFile)
    task = EmulationTask(name=name, folder=folder, **vars(file))
    for part, expected in task.parts.items():
        if hash_of_points(task.points(part)) != expected:
            raise FormatError(f"the points of {part} of {name} are others than those that its task.toml was made with")
    return task
