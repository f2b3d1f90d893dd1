"""What shall be trained, on what, and how: the training file, checked. Reading it does not need torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nakaya.core.checks import check_count
from nakaya.core.configuration import Table, read_toml
from nakaya.core.documents import plain
from nakaya.core.errors import ConfigError, ParameterError
from nakaya.growth.emulators.cgne.config import CgneConfig
from nakaya.growth.emulators.pns.config import PnsConfig, PnsLoop, PnsSchedule
from nakaya.growth.emulators.stepwise.config import StepConfig, StepSchedule, without_later_options
from nakaya.learn.config import LOOKS, LoopConfig

__all__ = ["STEPWISE", "CrystalsTable", "TrainingConfig", "read_training"]

MAX_THREADS = 256

FIRST_FAMILY = "cgne"
"""The family of runs that do not say of which they are: those begun when there was no other."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training file, checked.

    Attributes:
        name: The model's name.
        sweep: Sweep file of the crystals; None where `store` is given.
        store: Store of crystals that exist already; None where `sweep` is given.
        conditions: Parameters that the network is told, and that vary in the crystals.
        validation_points: Parameter points that are kept out of the training.
        split_seed: Of their choice.
        network: Sizes and clock.
        schedule: Batches, unrolling, dropout, annealing, weights of the loss.
        loop: Updates, learning rate and so on.
        threads: Threads of torch.
        model: Name of the family.

    Raises:
        ParameterError: A number is out of range.
    """

    name: str
    sweep: Path | None
    store: Path | None
    conditions: tuple[str, ...]
    validation_points: int
    split_seed: int
    network: StepConfig
    schedule: StepSchedule
    loop: LoopConfig
    threads: int
    model: str = FIRST_FAMILY

    def __post_init__(self) -> None:
        if (self.sweep is None) == (self.store is None):
            raise ParameterError("crystals.sweep and crystals.store: give one of the two")
        check_count("validation_points", self.validation_points, 1, 10**9)
        check_count("threads", self.threads, 1, MAX_THREADS)
        if not self.conditions:
            raise ParameterError("conditions=[] names no parameter: name those that vary in the crystals")

    @property
    def updates(self) -> int:
        """Updates that the training takes."""
        return self.loop.updates

    def as_plain(self) -> dict[str, Any]:
        """Everything that decides the weights, as JSON values; not the places of files, nor how often to look."""
        values = {name: plain(value) for name, value in asdict(self).items() if name not in ("sweep", "store")}
        for name in LOOKS:
            del values["loop"][name]
        for name in ("network", "schedule", "loop"):
            values[name] = without_later_options(getattr(self, name), values[name])
        if self.model == FIRST_FAMILY:
            del values["model"]
        return values


# The training file ----------------------------------------------------------------------------------------------------


class CrystalsTable(Table):
    """Where the crystals come from, and which of them are kept out of the training."""

    sweep: str | None = None
    store: str | None = None
    validation_points: int
    split_seed: int = 0

    def places(self, folder: Path) -> tuple[Path | None, Path | None]:
        """The sweep file and the store, relative to a folder."""
        return (
            None if self.sweep is None else folder / self.sweep,
            None if self.store is None else folder / self.store,
        )


@dataclass(frozen=True)
class _Loop(LoopConfig):
    threads: int = 2


@dataclass(frozen=True)
class _PnsLoop(PnsLoop):
    threads: int = 2


class _TrainingTable(Table):
    name: str
    conditions: tuple[str, ...]
    crystals: CrystalsTable


class _CgneTable(_TrainingTable):
    model: Literal["cgne"]
    network: CgneConfig = CgneConfig()
    schedule: StepSchedule = StepSchedule()
    loop: _Loop


class _PnsTable(_TrainingTable):
    model: Literal["pns"]
    network: PnsConfig = PnsConfig()
    schedule: PnsSchedule = PnsSchedule()
    loop: _PnsLoop


STEPWISE: dict[str, type[_CgneTable] | type[_PnsTable]] = {"cgne": _CgneTable, "pns": _PnsTable}
"""What the training file of each family of stepwise emulators holds."""


def read_training(path: Path, model: str = FIRST_FAMILY) -> TrainingConfig:
    """Read a training file of a stepwise emulator; `examples/train-cgne.toml` explains every entry.

    Its paths are relative to it.

    Args:
        path: The file.
        model: The family that it must be of.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown, or wrong.
    """
    table: _CgneTable | _PnsTable = read_toml(path, STEPWISE[model])
    if table.network.condition_mean or table.network.condition_scale:
        raise ConfigError(f"{path}: network.condition_mean and condition_scale come from the crystals: leave them out")
    sweep, store = table.crystals.places(path.parent)
    loop = asdict(table.loop)
    threads = loop.pop("threads")
    try:
        return TrainingConfig(
            name=table.name,
            sweep=sweep,
            store=store,
            conditions=table.conditions,
            validation_points=table.crystals.validation_points,
            split_seed=table.crystals.split_seed,
            network=table.network,
            schedule=table.schedule,
            loop=LoopConfig(**loop),
            threads=threads,
            model=table.model,
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from error
