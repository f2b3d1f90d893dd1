"""A family of emulators: how a training file is read, what is trained, and how a trained folder is opened again.

A package outside adds one by the entry point group "nakaya.emulators": name = "package.module:FAMILY". `nakaya train`
reads the family from the training file (`model = "NAME"`), `nakaya evaluate FOLDER` from the folder's config.json,
where the family has written its name as `kind`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nakaya.core.errors import MissingExtraError
from nakaya.growth.emulators.protocol import Emulator
from nakaya.growth.store.store import StoredTrajectory

__all__ = ["EmulatorFamily", "Figures", "TrainingRequest"]

Figures = Mapping[str, Any]
"""What a training reports: updates, parameters (by network), seconds, cpu_seconds, validation (by name)."""

Report = Callable[[int, Mapping[str, float]], None]
"""Called after every update with its number and the terms of the loss."""


@dataclass(frozen=True)
class TrainingRequest:
    """A training file, checked.

    Attributes:
        model: Name of the family.
        name: The emulator's name.
        sweep: Sweep file of the crystals; None where `store` is given.
        store: Store of crystals that exist already; None where `sweep` is given.
        conditions: Parameters that the emulator is told, and that vary in the crystals.
        validation_points: Parameter points that are kept out of the training.
        split_seed: Of their choice.
        settings: The family's own dataclass.
    """

    model: str
    name: str
    sweep: Path | None
    store: Path | None
    conditions: tuple[str, ...]
    validation_points: int
    split_seed: int
    settings: Any

    @property
    def updates(self) -> int:
        """Updates that the training takes; 0 where the settings do not say."""
        return int(getattr(self.settings, "updates", 0))

    def as_plain(self) -> dict[str, Any]:
        """Everything that decides what is learned, as JSON values; not the places of files."""
        plain = {key: value for key, value in asdict(self).items() if key not in ("sweep", "store")}
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]  # tuples become lists, as in files


@dataclass(frozen=True)
class EmulatorFamily:
    """What an entry point of the group "nakaya.emulators" names.

    Attributes:
        name: Of the entry point, in training files, and `kind` in config.json.
        settings: Frozen dataclass of the table `settings` of a training file; it checks its values.
        fit: Trains on a complete store: called with the request, the store, the folder of the run, and what is told
            after every update. It writes the emulator into `model` in that folder, which exists.
        load: Opens such a folder.
        read: Reads a training file, in place of the usual reader.
        needs: Modules without which nothing can be trained or opened.
        load_unfinished: Opens the folder of a run that is not finished, at its last checkpoint.
    """

    name: str
    settings: type
    fit: Callable[[Any, StoredTrajectory, Path, Report | None], Figures]
    load: Callable[[Path], Emulator]
    read: Callable[[Path], Any] | None = None
    needs: tuple[str, ...] = ()
    load_unfinished: Callable[[Path], Emulator] | None = None

    def check_installed(self) -> None:
        """Raise `MissingExtraError` where a module that it needs is not installed."""
        if any(find_spec(module) is None for module in self.needs):
            raise MissingExtraError("neural emulators", "ml")
