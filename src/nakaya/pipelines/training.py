"""Training file to trained emulator: grow the crystals, train on them, write weights and model card.

A run lives in one folder:

    run.json          the settings, as they came, and the sha256 of the crystals
    crystals.zarr     the campaign, where the training file names a sweep
    checkpoint.pt     the whole training state, for going on
    metrics.jsonl     one line per update
    model/            weights.safetensors, config.json, README.md: what is needed to grow with it

A log with times and names of machines lies beside it; while a run is trained, its log is locked.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.errors import ConfigError, MissingExtraError, NakayaError, OutputError, ParameterError
from nakaya.core.growth import check_count
from nakaya.core.trajectory import Trajectory
from nakaya.dataset.files import check_parent
from nakaya.dataset.locks import lock_store
from nakaya.dataset.splits import split_points
from nakaya.dataset.store import StoredTrajectory, open_store
from nakaya.emulate.cgne.config import CgneConfig, CgneSchedule, LossWeights, TrainedFor
from nakaya.learn.config import LoopConfig
from nakaya.learn.schedules import Ramp
from nakaya.pipelines.campaign_config import read_campaign
from nakaya.pipelines.campaigning import run_campaign
from nakaya.pipelines.configuration import Table, read_toml
from nakaya.pipelines.storing import check_output

if TYPE_CHECKING:
    from nakaya.emulate.cgne.fitting import Crystals
    from nakaya.learn.loop import Report

__all__ = ["TrainingConfig", "TrainingReport", "read_training", "train"]

RUN_FILE = "run.json"
STORE = "crystals.zarr"
MODEL = "model"
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

    def as_plain(self) -> dict[str, Any]:
        """Everything that decides the weights, as JSON values; not the places of files, nor how often to look."""
        plain = asdict(self)
        for name in ("sweep", "store"):
            del plain[name]
        for name in ("validate_every", "checkpoint_every"):
            del plain["loop"][name]
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]  # tuples become lists, as in files


@dataclass(frozen=True)
class TrainingReport:
    """What a finished training leaves.

    Attributes:
        name: The model's name.
        model: Folder of weights, config.json and model card.
        updates: Updates done.
        parameters: Trainable values by network.
        seconds: Wall time of the training, all parts of the run together.
        cpu_seconds: CPU time of the same.
        crystals_seconds: Wall time of growing the crystals in this call; 0 where they were there.
        validation: Figures of merit at the validation points.
    """

    name: str
    model: Path
    updates: int
    parameters: Mapping[str, int]
    seconds: float
    cpu_seconds: float
    crystals_seconds: float
    validation: Mapping[str, float]


def train(
    config: TrainingConfig | str | PathLike[str],
    out: str | PathLike[str],
    *,
    overwrite: bool = False,
    report: Report | None = None,
    crystals_report: Callable[[int, int], None] | None = None,
) -> TrainingReport:
    """Train an emulator, or go on with a training that was interrupted.

    Killed at any moment and started again with the same file, it ends with the same weights as an undisturbed run (on
    the same machine, with the same version of torch).

    Args:
        config: A training file, or what is read from it.
        out: Folder of the run. One that the same configuration began is gone on with.
        overwrite: Begin anew, and delete a run that is there.
        report: Called after every update with its number and the terms of the loss.
        crystals_report: Called with finished and all crystals while they grow.

    Raises:
        InputFileError: A file cannot be read.
        ConfigError: The training file is wrong, or the folder belongs to another configuration.
        OutputError: The folder exists and is no training run, or another process is training in it.
        MissingExtraError: torch or safetensors is not installed.
        NakayaError: The loss or a gradient became NaN or infinite.
    """
    if find_spec("torch") is None or find_spec("safetensors") is None:
        raise MissingExtraError("neural emulators", "ml")
    config = config if isinstance(config, TrainingConfig) else read_training(Path(config))
    folder = Path(out)
    check_parent(folder)
    with lock_store(folder) as log:
        _prepare_folder(folder, config, overwrite=overwrite)
        started = time.perf_counter()
        store = _crystals(config, folder, crystals_report)
        crystals_seconds = time.perf_counter() - started if config.sweep is not None else 0.0
        outcome = _train_on(config, folder, store, crystals_seconds, report)
        log.write(f"trained {outcome.name}: {outcome.updates} updates, {outcome.cpu_seconds:.0f} CPU seconds")
    return outcome


def _prepare_folder(folder: Path, config: TrainingConfig, *, overwrite: bool) -> None:
    """Make the run's folder, or check that it is one of the same settings."""
    run_file = folder / RUN_FILE
    settings = config.as_plain()
    if run_file.is_file() and not overwrite:
        try:
            existing = json.loads(run_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{run_file} is damaged: add --overwrite to begin anew") from error
        different = _differences(existing, settings)
        if different:
            raise ConfigError(
                f"{folder} holds a training with other settings ({'; '.join(different[:3])}): give another --out, or "
                "--overwrite to begin anew"
            )
        return
    check_output(folder, overwrite=overwrite)
    if folder.exists():
        if folder.is_dir() and any(folder.iterdir()) and not run_file.is_file():
            raise OutputError(f"{folder} is no training run: it is not deleted; choose another name")
        _discard(folder)
    folder.mkdir(parents=False)
    partial = run_file.with_suffix(".partial")
    partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    partial.replace(run_file)


def _discard(folder: Path) -> None:
    import shutil

    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()


def _differences(existing: object, wanted: object, place: str = "") -> list[str]:
    """Where two JSON documents differ: "network.stride is 32 there, 16 now"."""
    if isinstance(existing, dict) and isinstance(wanted, dict):
        names = sorted(existing.keys() | wanted.keys())
        return [
            line
            for name in names
            for line in _differences(existing.get(name, "absent"), wanted.get(name, "absent"), f"{place}.{name}")
        ]
    return [] if existing == wanted else [f"{place.lstrip('.')} is {existing} there, {wanted} now"]


def _crystals(config: TrainingConfig, folder: Path, report: Callable[[int, int], None] | None) -> StoredTrajectory:
    """The store of crystals, complete; grown first where a sweep file asks for it."""
    if config.store is not None:
        store = open_store(config.store)
    else:
        assert config.sweep is not None
        tell = None if report is None else lambda done: report(done.crystals, done.num_crystals)
        run_campaign(read_campaign(config.sweep), folder / STORE, workers=1, progress=tell)
        store = open_store(folder / STORE)
    if not store.is_complete:
        raise ParameterError(f"{store.path} is not complete: run its campaign to the end first")
    return store


def _train_on(
    config: TrainingConfig,
    folder: Path,
    store: StoredTrajectory,
    crystals_seconds: float,
    report: Report | None,
) -> TrainingReport:
    from nakaya.emulate.cgne.fitting import fit_cgne, write_package

    everything = store.load()
    trained_for = _trained_for(store, config.conditions)
    parts = _split(store.num_points, config)
    training, validation = (_select(everything, parts[part]) for part in ("training", "validation"))
    network, completed, fitted = fit_cgne(
        training,
        validation,
        config.network,
        config.schedule,
        config.loop,
        trained_for=trained_for,
        threads=config.threads,
        folder=folder,
        fingerprint=_fingerprint(config, everything),
        report=report,
    )
    model = folder / MODEL
    model.mkdir(exist_ok=True)
    package = write_package(
        model,
        network,
        completed,
        name=config.name,
        family=store.metadata.family,
        solver=store.metadata.model if store.campaign is None else str(store.campaign["model"]),
        trained_for=trained_for,
        training={
            **{name: config.as_plain()[name] for name in ("schedule", "loop", "validation_points", "split_seed")},
            "campaign": None if store.campaign is None else dict(store.campaign),
            "solver_hash": store.metadata.model_hash,
            "crystals": {"training": len(training.steps), "validation": len(validation.steps)},
            "updates": fitted.updates,
            "validation": fitted.validation,
            "cost": {
                "seconds": round(fitted.seconds, 1),
                "cpu_seconds": round(fitted.cpu_seconds, 1),
                "crystals_seconds": round(crystals_seconds, 1),
                "threads": config.threads,
            },
        },
    )
    return TrainingReport(
        config.name,
        model,
        fitted.updates,
        package.parameters,
        fitted.seconds,
        fitted.cpu_seconds,
        crystals_seconds,
        fitted.validation,
    )


def _split(num_points: int, config: TrainingConfig) -> dict[str, IntArray]:
    if config.validation_points >= num_points:
        raise ConfigError(
            f"validation_points={config.validation_points} leaves nothing to train on: there are {num_points} points"
        )
    share = config.validation_points / num_points
    return split_points(num_points, {"training": 1.0 - share, "validation": share}, config.split_seed)


def _select(crystals: Trajectory, points: IntArray) -> Crystals:
    """All members of some points, as crystals in a row."""
    from nakaya.emulate.cgne.fitting import Crystals

    members = crystals.num_members
    return Crystals(
        crystals.arrival[points].reshape(-1, *crystals.lattice_shape),
        crystals.steps[points].reshape(-1),
        {name: np.repeat(values[points], members) for name, values in crystals.parameters.items()},
    )


def _trained_for(store: StoredTrajectory, conditions: tuple[str, ...]) -> TrainedFor:
    """What the crystals cover; the emulator will refuse anything else.

    Raises:
        ConfigError: The crystals are not what a CGNE can learn, or other parameters vary than the conditions.
    """
    geometry: Mapping[str, Any] = store.metadata.geometry
    stop = geometry["stop"]
    if geometry["name"] != "sector" or geometry["initial"] != [[0, 0]] or stop["margin"] is None:
        raise ConfigError(f"{store.path}: a CGNE learns from sectors grown from the corner up to a margin")
    if not store.has_point_axis:
        raise ConfigError(f"{store.path} holds one parameter point: an emulator needs many")
    varying = {name for name, values in store.parameters.items() if np.ptp(values) > 0.0}
    if varying != set(conditions):
        raise ConfigError(
            f"conditions={list(conditions)}, but in {store.path} these parameters vary: {sorted(varying)}"
        )
    axes: Mapping[str, Any] = {} if store.campaign is None else store.campaign["points"]["vary"]  # type: ignore[index]
    low, high = {}, {}
    for name in conditions:
        values = store.parameters[name]
        low[name] = float(axes[name]["low"] if "low" in axes.get(name, {}) else values.min())
        high[name] = float(axes[name]["high"] if "high" in axes.get(name, {}) else values.max())
    fixed = {name: float(values[0]) for name, values in store.parameters.items() if name not in varying}
    return TrainedFor(int(geometry["size"]), int(stop["margin"]), low, high, fixed)


def _fingerprint(config: TrainingConfig, crystals: Trajectory) -> str:
    """sha256 of settings and crystals: what a checkpoint belongs to."""
    digest = hashlib.sha256(json.dumps(config.as_plain(), sort_keys=True).encode())
    digest.update(np.ascontiguousarray(crystals.arrival).tobytes())
    for name in sorted(crystals.parameters):
        digest.update(np.ascontiguousarray(crystals.parameters[name]).tobytes())
    return digest.hexdigest()


# The training file ----------------------------------------------------------------------------------------------------


class _CrystalsTable(Table):
    sweep: str | None = None
    store: str | None = None
    validation_points: int
    split_seed: int = 0


class _NetworkTable(Table):
    stride: int = 32
    widths: list[int] | None = None
    encoder_widths: list[int] | None = None
    latent_channels: int | None = None
    groups: int | None = None
    condition_octaves: int | None = None
    lookahead: int | None = None
    threshold: float | None = None


class _RampTable(Table):
    start: float
    stop: float
    begin: float
    end: float


class _WeightsTable(Table):
    unattached: float = 1.0
    attached: float = 0.1
    kl: float = 1.0
    condition: float = 1.0


class _ScheduleTable(Table):
    batch: int = 64
    max_unroll: int = 8
    dropout: _RampTable | None = None
    annealing: _RampTable | None = None
    weights: _WeightsTable = _WeightsTable()


class _LoopTable(Table):
    updates: int
    learning_rate: float = 1e-3
    warmup: float = 0.02
    final_rate: float = 0.01
    weight_decay: float = 1e-2
    clip_norm: float = 0.25
    average_decay: float = 0.999
    validate_every: int = 500
    checkpoint_every: int = 100
    seed: int = 0
    threads: int = 2


class _TrainingTable(Table):
    model: Literal["cgne"]
    name: str
    conditions: list[str]
    crystals: _CrystalsTable
    network: _NetworkTable = _NetworkTable()
    schedule: _ScheduleTable = _ScheduleTable()
    loop: _LoopTable


def read_training(path: Path) -> TrainingConfig:
    """Read a training file; `examples/train-cgne.toml` explains every entry. Its paths are relative to it.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown, or wrong.
    """
    table = read_toml(path, _TrainingTable)
    try:
        return _build(table, path.parent)
    except NakayaError as error:
        raise ConfigError(f"{path}: {error}") from error


def _build(table: _TrainingTable, folder: Path) -> TrainingConfig:
    network: dict[str, Any] = {  # CgneConfig checks the values
        name: tuple(value) if isinstance(value, list) else value
        for name, value in table.network.model_dump(exclude_none=True).items()
    }
    ramps = {
        name: Ramp(**ramp.model_dump())
        for name in ("dropout", "annealing")
        if (ramp := getattr(table.schedule, name)) is not None
    }
    loop = table.loop.model_dump()
    threads = loop.pop("threads")
    crystals = table.crystals
    return TrainingConfig(
        name=table.name,
        sweep=None if crystals.sweep is None else folder / crystals.sweep,
        store=None if crystals.store is None else folder / crystals.store,
        conditions=tuple(table.conditions),
        validation_points=crystals.validation_points,
        split_seed=crystals.split_seed,
        network=CgneConfig(**network),
        schedule=CgneSchedule(
            batch=table.schedule.batch,
            max_unroll=table.schedule.max_unroll,
            weights=LossWeights(**table.schedule.weights.model_dump()),
            **ramps,
        ),
        loop=LoopConfig(**loop),
        threads=threads,
    )
