"""From grown crystals to a trained posterior in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ConfigError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.growth.campaigns.training_campaign import split_training
from nakaya.growth.emulators.family import Figures, TrainingRequest
from nakaya.growth.inference.card import model_card
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.inference.network import PosteriorNetwork
from nakaya.growth.inference.observing import Observations, observe
from nakaya.growth.inference.package import PosteriorPackage
from nakaya.growth.inference.posterior import measures_of
from nakaya.growth.inference.prior import Prior
from nakaya.growth.inference.training import Seen, fit_posterior
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.store.store import StoredTrajectory
from nakaya.learn.checkpoints import save_weights
from nakaya.learn.loop import Report
from nakaya.learn.model_folder import CONFIG_FILE, WEIGHTS_FILE

__all__ = ["fit_store", "observe_store", "prior_of"]

MODEL = "model"
CARD_FILE = "README.md"
POINTS_AT_ONCE = 64
QUANTILES = (0.5, 0.9, 0.99)
"""Fractions of the validation crystals whose distances from the training crystals are kept."""


def prior_of(store: StoredTrajectory, names: tuple[str, ...]) -> tuple[Prior, dict[str, float]]:
    """Return the ranges that the crystals of a store fill evenly, and the parameters that are fixed in them.

    Raises:
        ConfigError: Other parameters vary than are asked for, or no campaign says over which ranges.
    """
    if not store.has_point_axis or store.campaign is None:
        raise ConfigError(f"{store.path} is no campaign over many points: a posterior needs to know their ranges")
    points: Any = store.campaign["points"]
    if points["method"] == "grid":
        raise ConfigError(f"{store.path} is a grid: a posterior learns from points drawn evenly, uniform or sobol")
    if set(points["vary"]) != set(names):
        raise ConfigError(
            f"conditions={list(names)}, but in {store.path} these parameters vary: {sorted(points['vary'])}"
        )
    fixed = {name: float(values[0]) for name, values in store.parameters.items() if name not in names}
    return Prior.of_axes(points["vary"], names), fixed


def observe_store(
    store: StoredTrajectory, points: IntArray, settings: PosteriorSettings, names: tuple[str, ...]
) -> tuple[Observations, FloatArray]:
    """Return what is seen of all crystals at some points, and their conditions, float64 [observation, parameter]."""
    parts, values = [], []
    measures = measures_of(store.metadata.lattice, store.lattice_shape[0], settings)
    for start in range(0, len(points), POINTS_AT_ONCE):
        these = points[start : start + POINTS_AT_ONCE]
        crystals = store.load(these)
        members, shape = crystals.num_members, crystals.lattice_shape
        seen = observe(
            crystals.arrival.reshape(-1, *shape),
            crystals.steps.reshape(-1),
            measures,
            settings,
            first=start * members,
        )
        parts.append(seen)
        matrix = np.stack([crystals.parameters[name] for name in names], axis=-1)
        values.append(np.repeat(matrix, members * settings.snapshots, axis=0))
    pictures = [part.pictures for part in parts if part.pictures is not None]
    return Observations(
        np.concatenate([part.measures for part in parts]),
        np.concatenate(pictures) if pictures else None,
        np.concatenate([part.crystal for part in parts]),
        np.concatenate([part.extents for part in parts]),
    ), np.concatenate(values)


def fit_store(request: TrainingRequest, store: StoredTrajectory, folder: Path, report: Report | None) -> Figures:
    """Train on a complete store and write the posterior into `model` in the folder of the run.

    Raises:
        ConfigError: The crystals are not what a posterior can learn from.
        ParameterError: Their lattice has no measures of shape.
    """
    settings: PosteriorSettings = request.settings
    geometry: Mapping[str, Any] = store.metadata.geometry
    lattice = LATTICES[store.metadata.lattice]
    if not lattice.is_mirrored(str(geometry["name"])) or len(set(store.lattice_shape)) != 1:
        raise ConfigError(f"{store.path}: a posterior learns from mirrored parts (sector, quarter) of equal sides")
    prior, fixed = prior_of(store, request.conditions)
    parts = split_training(store.num_points, request.validation_points, request.split_seed)
    (observed, values), (held_out, held_values) = (
        observe_store(store, parts[name], settings, prior.names) for name in ("training", "validation")
    )
    training, validation = Seen.of(observed, values, prior), Seen.of(held_out, held_values, prior)
    network, fitted = fit_posterior(
        training,
        validation,
        settings,
        folder=folder,
        fingerprint=_fingerprint(request, observed, values),
        report=report,
    )
    weights = network.state_dict()
    save_weights(folder / MODEL / WEIGHTS_FILE, weights)
    longest = observe_durations(store)
    package = PosteriorPackage(
        name=request.name,
        family=store.metadata.family,
        solver=store.metadata.model,
        lattice=store.metadata.lattice,
        geometry=json.loads(json.dumps(dict(geometry))),
        prior=prior,
        fixed=fixed,
        length_unit=store.metadata.length_unit,
        site_spacing=fixed.get("spacing", store.metadata.site_spacing),
        extents=(float(observed.extents.min()), float(observed.extents.max())),
        durations=longest,
        settings=settings,
        distances=_distances(network, validation),
        weights_sha256=sha256_of_bytes((folder / MODEL / WEIGHTS_FILE).read_bytes()),
        training={
            "crystals": {"training": len(parts["training"]), "validation": len(parts["validation"])},
            "observations": len(observed.crystal),
            "solver_hash": store.metadata.model_hash,
            "campaign": None if store.campaign is None else dict(store.campaign),
            "split_seed": request.split_seed,
            "updates": fitted.updates,
            "validation": fitted.validation,
            "cost": {"seconds": round(fitted.seconds, 1), "cpu_seconds": round(fitted.cpu_seconds, 1)},
            "parameters": sum(value.numel() for value in network.parameters()),
        },
    )
    write_whole(folder / MODEL / CARD_FILE, model_card(package).encode())
    write_whole(folder / MODEL / CONFIG_FILE, package.as_json().encode())
    return {
        "updates": fitted.updates,
        "parameters": {"network": package.training["parameters"]},
        "seconds": fitted.seconds,
        "cpu_seconds": fitted.cpu_seconds,
        "validation": fitted.validation,
    }


def observe_durations(store: StoredTrajectory) -> tuple[float, float]:
    """Return the least and the greatest number of steps of a store's crystals."""
    steps = np.asarray(store.steps)
    return float(steps.min()), float(steps.max())


def _distances(network: PosteriorNetwork, validation: Seen) -> dict[str, float]:
    with torch.no_grad():
        distance = network.distance(validation.measures).double().numpy()
    return {f"{level:g}": float(np.quantile(distance, level)) for level in QUANTILES}


def _fingerprint(request: TrainingRequest, observed: Observations, values: FloatArray) -> str:
    """sha256 of settings and of what is seen of the crystals: what a checkpoint belongs to."""
    digest = hashlib.sha256(json.dumps(request.as_plain(), sort_keys=True).encode())
    for part in (observed.measures, values, observed.extents):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
