"""Training file to trained emulator: grow the crystals, train on them, write weights and model card.

A run lives in one folder:

    run.json          the settings, as they came, and the sha256 of the crystals
    crystals.zarr     the campaign, where the training file names a sweep
    recipe.json       what is known of the model before its training
    checkpoint.pt     the whole training state, for going on and for a look at what is not finished
    metrics.jsonl     one line per update
    model/            weights.safetensors, config.json, README.md: what is needed to grow with it

A log with times and names of machines lies beside it; while a run is trained, its log is locked.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.configuration import Table, checked, read_toml
from nakaya.core.errors import ConfigError, FormatError, NakayaError, ParameterError
from nakaya.core.reading import read_json, read_toml_document
from nakaya.core.registry import Registry
from nakaya.core.resumable import resumable
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.growth.campaigns.config import read_campaign
from nakaya.growth.campaigns.training_campaign import split_training
from nakaya.growth.emulators.family import EmulatorFamily, Figures, TrainingRequest
from nakaya.growth.emulators.protocol import Emulator
from nakaya.growth.emulators.stepwise.config import TrainedFor
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.store import StoredTrajectory, open_store
from nakaya.learn.model_folder import CONFIG_FILE
from nakaya.records.shipped import shipped_folder
from nakaya.workflows.train_emulator_config import (
    FIRST_FAMILY,
    CrystalsTable,
    TrainingConfig,
    read_training,
)

if TYPE_CHECKING:
    from nakaya.growth.emulators.stepwise.family import StepFamily
    from nakaya.growth.emulators.stepwise.fitting import Crystals
    from nakaya.learn.loop import Report
    from nakaya.learn.ranks import Ranks

__all__ = ["CGNE", "FAMILIES", "PNS", "TrainingReport", "load_emulator", "read_request", "train"]

RUN_FILE = "run.json"
STORE = "crystals.zarr"
MODEL = "model"

MAX_ELBO_CRYSTALS = 64
ELBO_DRAWS = 2
"""Of the evidence lower bound that a finished training states: validation crystals, and draws of their latents."""

Request = TrainingConfig | TrainingRequest


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
    config: Request | str | PathLike[str],
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
        MissingExtraError: The family needs packages that are not installed.
        NakayaError: The loss or a gradient became NaN or infinite.
    """
    if isinstance(config, (str, PathLike)):
        config = read_request(Path(config))
    family = FAMILIES.find(config.model)
    family.check_installed()
    folder = Path(out)
    if not isinstance(config, TrainingConfig):
        return _train_alone(config, family, folder, report, crystals_report, overwrite=overwrite)
    from nakaya.learn.ranks import joined_ranks

    with joined_ranks() as ranks:
        if ranks.writes:
            return _train_alone(config, family, folder, report, crystals_report, overwrite=overwrite, ranks=ranks)
        return _help(config, folder, ranks)


def _train_alone(
    config: Request,
    family: EmulatorFamily,
    folder: Path,
    report: Report | None,
    crystals_report: Callable[[int, int], None] | None,
    *,
    overwrite: bool,
    ranks: Ranks | None = None,
) -> TrainingReport:
    """Hold the folder, grow the crystals and train; with ranks, others help when the crystals are there."""
    with resumable(folder, config.as_plain(), marker=RUN_FILE, kind="training run", overwrite=overwrite) as log:
        started = time.perf_counter()
        store = _crystals(config, folder, crystals_report)
        crystals_seconds = time.perf_counter() - started if config.sweep is not None else 0.0
        (folder / MODEL).mkdir(exist_ok=True)
        if isinstance(config, TrainingConfig):
            figures = _fit_stepwise(config, store, folder, report, ranks)
        else:
            figures = family.fit(config, store, folder, report)
        outcome = TrainingReport(config.name, folder / MODEL, crystals_seconds=crystals_seconds, **figures)
        log.write(f"trained {outcome.name}: {outcome.updates} updates, {outcome.cpu_seconds:.0f} CPU seconds")
    return outcome


def _help(config: TrainingConfig, folder: Path, ranks: Ranks) -> TrainingReport:
    """Compute a share of every batch of a training whose folder another process holds."""
    ranks.wait()  # until the crystals are grown
    store = open_store(folder / STORE if config.store is None else config.store)
    figures = _fit_stepwise(config, store, folder, None, ranks)
    return TrainingReport(config.name, folder / MODEL, crystals_seconds=0.0, **figures)


def _crystals(config: Request, folder: Path, report: Callable[[int, int], None] | None) -> StoredTrajectory:
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


def _stepwise(name: str) -> StepFamily:
    """The family of stepwise emulators of this name; needs torch."""
    if name == "pns":
        from nakaya.growth.emulators.pns.family import PNS as PNS_NETWORKS

        return PNS_NETWORKS
    from nakaya.growth.emulators.cgne.family import CGNE as CGNE_NETWORKS

    return CGNE_NETWORKS


def _fit_stepwise(
    config: TrainingConfig, store: StoredTrajectory, folder: Path, report: Report | None, ranks: Ranks | None = None
) -> Figures:
    from nakaya.growth.emulators.stepwise.elbo import trajectory_elbo
    from nakaya.growth.emulators.stepwise.fitting import complete_config, fit_network, network_parameters, write_package
    from nakaya.growth.emulators.stepwise.unfinished import write_recipe
    from nakaya.learn.ranks import ALONE
    from nakaya.learn.threads import torch_threads

    ranks = ALONE if ranks is None else ranks
    family = _stepwise(config.model)
    everything = store.load()
    trained_for = _trained_for(store, config.conditions)
    parts = split_training(store.num_points, config.validation_points, config.split_seed)
    training, validation = (_select(everything, parts[part]) for part in ("training", "validation"))
    fingerprint = _fingerprint(config, everything)
    solver = store.metadata.model if store.campaign is None else str(store.campaign["model"])
    recipe: dict[str, Any] = {
        **{name: config.as_plain()[name] for name in ("schedule", "loop", "validation_points", "split_seed")},
        "campaign": None if store.campaign is None else dict(store.campaign),
        "solver_hash": store.metadata.model_hash,
        "crystals": {"training": len(training.steps), "validation": len(validation.steps)},
    }
    cost = {"threads": config.threads}
    if ranks.count > 1:
        cost["processes"] = ranks.count
    completed = complete_config(config.network, training, trained_for)
    begun = family.package(
        config.name, store.metadata.family, solver, completed, trained_for, {}, "", {**recipe, "cost": cost}
    )
    if ranks.writes:
        write_recipe(folder, begun, fingerprint)
        ranks.wait()  # and now the others come as far
    network, completed, fitted = fit_network(
        family,
        training,
        validation,
        config.network,
        config.schedule,
        config.loop,
        trained_for=trained_for,
        threads=config.threads,
        folder=folder,
        fingerprint=fingerprint,
        report=report,
        ranks=ranks,
    )
    if ranks.writes:
        some = validation.some(MAX_ELBO_CRYSTALS)
        with torch_threads(config.threads):
            elbo = trajectory_elbo(network.eval(), some.frames(completed), draws=ELBO_DRAWS)
        write_package(
            folder / MODEL,
            network,
            family.package,
            name=config.name,
            family=store.metadata.family,
            solver=solver,
            trained_for=trained_for,
            training={
                **recipe,
                "updates": fitted.updates,
                "validation": fitted.validation,
                "elbo": elbo.as_plain(),
                "cost": {
                    "seconds": round(fitted.seconds, 1),
                    "cpu_seconds": round(fitted.cpu_seconds, 1),
                    **cost,
                },
            },
        )
    return {
        "updates": fitted.updates,
        "parameters": network_parameters(network, family.package),
        "seconds": fitted.seconds,
        "cpu_seconds": fitted.cpu_seconds,
        "validation": fitted.validation,
    }


def _select(crystals: Trajectory, points: IntArray) -> Crystals:
    """All members of some points, as crystals in a row."""
    from nakaya.growth.emulators.stepwise.fitting import Crystals

    members = crystals.num_members
    return Crystals(
        crystals.arrival[points].reshape(-1, *crystals.lattice_shape),
        crystals.steps[points].reshape(-1),
        {name: np.repeat(values[points], members) for name, values in crystals.parameters.items()},
    )


def _trained_for(store: StoredTrajectory, conditions: tuple[str, ...]) -> TrainedFor:
    """What the crystals cover; the emulator will refuse anything else.

    Raises:
        ConfigError: The crystals are not what such an emulator can learn, or other parameters vary than the conditions.
    """
    geometry: Mapping[str, Any] = store.metadata.geometry
    stop = geometry["stop"]
    if geometry["name"] != "sector" or geometry["initial"] != [[0, 0]] or stop["margin"] is None:
        raise ConfigError(f"{store.path}: a stepwise emulator learns from sectors grown from the corner up to a margin")
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


# Families of emulators ------------------------------------------------------------------------------------------------

MAX_BYTES = 2**22


def _family(name: str) -> EmulatorFamily:
    """A family of stepwise emulators, of ours."""

    def load(folder: Path) -> Emulator:
        return _stepwise(name).load(folder)

    def load_unfinished(folder: Path) -> Emulator:
        from nakaya.growth.emulators.stepwise.unfinished import load_checkpoint

        return load_checkpoint(folder, _stepwise(name))

    return EmulatorFamily(
        name,
        TrainingConfig,
        _fit_stepwise,
        load,
        read=lambda path: read_training(path, name),
        needs=("torch", "safetensors"),
        load_unfinished=load_unfinished,
    )


CGNE = _family("cgne")
PNS = _family("pns")

FAMILIES: Registry[EmulatorFamily] = Registry(
    "family of emulators",
    "nakaya.emulators",
    EmulatorFamily,
    {
        "cgne": f"{__name__}:CGNE",
        "pns": f"{__name__}:PNS",
        "arrival": "nakaya.growth.emulators.arrival.family:FAMILY",
        "posterior": "nakaya.growth.inference.family:POSTERIOR",
    },
)
"""Families by name, ours and those of plug-ins."""


class _RequestTable(Table):
    model: str
    name: str
    conditions: tuple[str, ...]
    crystals: CrystalsTable
    settings: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies defaults


def read_request(path: Path) -> Request:
    """Read a training file of any family of emulators; its paths are relative to it.

    Args:
        path: The file, or the name of a training that ships.

    Raises:
        InputFileError: The file cannot be read.
        ConfigError: It is no TOML, or an entry is missing, unknown or wrong.
    """
    shipped = shipped_folder("trainings") / f"{path}.toml"
    if not path.suffix and not path.exists() and shipped.is_file():
        path = shipped
    kind = read_toml_document(path, MAX_BYTES).get("model")
    if kind not in FAMILIES.names():  # the reader says what is wrong with the kind, or the file
        return read_training(path)
    family = FAMILIES.find(str(kind))
    if family.read is not None:
        return cast(Request, family.read(path))
    table = read_toml(path, _RequestTable)
    try:
        settings: object = checked(table.settings, family.settings)
    except NakayaError as error:
        raise ConfigError(f"{path}: settings: {error}") from error
    sweep, store = table.crystals.places(path.parent)
    if (sweep is None) == (store is None):
        raise ConfigError(f"{path}: crystals.sweep and crystals.store: give one of the two")
    return TrainingRequest(
        kind,
        table.name,
        sweep,
        store,
        table.conditions,
        table.crystals.validation_points,
        table.crystals.split_seed,
        settings,
    )


def load_emulator(folder: Path) -> Emulator:
    """Open the trained emulator in a folder, of whatever family its config.json names as `kind`.

    The folder is that of a model or of a run. A run that is not finished gives the emulator of its last checkpoint,
    whose name says at which update.

    Raises:
        InputFileError, FormatError: There is none, or it is damaged.
        ParameterError: A run of a family that cannot be looked at before its end.
        UnknownNameError, MissingExtraError: The family is not installed, or needs packages that are not.
    """
    if (folder / RUN_FILE).is_file() and not (folder / CONFIG_FILE).is_file():
        if not (folder / MODEL / CONFIG_FILE).is_file():
            return _load_unfinished(folder)
        folder = folder / MODEL
    file = folder / CONFIG_FILE
    document = read_json(file, MAX_BYTES) if file.is_file() else {"kind": FIRST_FAMILY}
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        raise FormatError(f"{file} names no family of emulators as kind: train it again")
    family = FAMILIES.find(kind)
    family.check_installed()
    return family.load(folder)


def _load_unfinished(folder: Path) -> Emulator:
    kind = read_json(folder / RUN_FILE, MAX_BYTES).get("model", FIRST_FAMILY)
    family = FAMILIES.find(str(kind))
    family.check_installed()
    if family.load_unfinished is None:
        raise ParameterError(f"{folder} is not finished, and a {kind} cannot be looked at before: finish its training")
    return family.load_unfinished(folder)
