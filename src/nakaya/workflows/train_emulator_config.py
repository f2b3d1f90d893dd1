"""What shall be trained, on what, and how: the training file, checked. Reading it does not need torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nakaya.core.checks import check_count
from nakaya.core.configuration import Table, read_toml
from nakaya.core.documents import plain
from nakaya.core.errors import ConfigError, ParameterError
from nakaya.growth.emulators.cgne.config import CgneConfig, CgneSchedule
from nakaya.learn.config import LOOKS, LoopConfig

__all__ = ["CrystalsTable", "TrainingConfig", "read_training"]

MAX_THREADS = 256


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

    Raises:
        ParameterError: A number is out of range.
    """

    name: str
    sweep: Path | None
    store: Path | None
    conditions: tuple[str, ...]
    validation_points: int
    split_seed: int
    network: CgneConfig
    schedule: CgneSchedule
    loop: LoopConfig
    threads: int

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


class _TrainingTable(Table):
    model: Literal["cgne"]
    name: str
    conditions: tuple[str, ...]
    crystals: CrystalsTable
    network: CgneConfig = CgneConfig()
    schedule: CgneSchedule = CgneSchedule()
    loop: _Loop


def read_training(path: Path) -> TrainingConfig:
    """Read a training file; `examples/train-cgne.toml` explains every entry. Its paths are relative to it.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown, or wrong.
    """
    table = read_toml(path, _TrainingTable)
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
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from error
