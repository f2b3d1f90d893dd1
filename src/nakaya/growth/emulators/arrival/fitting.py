"""A store of crystals to a trained emulator in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, IntArray
from nakaya.core.errors import ConfigError
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.arrival.bank import ResidualBank
from nakaya.growth.emulators.arrival.card import model_card
from nakaya.growth.emulators.arrival.config import ArrivalSettings, Covered
from nakaya.growth.emulators.arrival.learning import Fit, find_basis, fit_bank, fit_mean
from nakaya.growth.emulators.arrival.maps import CrystalMaps, Support, crystal_maps, find_support, thin_sites
from nakaya.growth.emulators.arrival.model import ArrivalModel, Draws
from nakaya.growth.emulators.arrival.package import CUBIC_DEGREE, ArrivalPackage, conditions_of, write_package
from nakaya.growth.emulators.arrival.perceptron import fit_perceptron
from nakaya.growth.emulators.arrival.regression import Regression, fit_gaussian_process, fit_polynomial
from nakaya.growth.emulators.arrival.selection import Validation, choose_settings
from nakaya.growth.emulators.family import Figures, TrainingRequest
from nakaya.growth.lattice.lattice import Lattice
from nakaya.growth.model.trajectory import INITIAL
from nakaya.growth.store.splits import split_training
from nakaya.growth.store.store import StoredTrajectory
from nakaya.learn.normalisation import Standardiser

__all__ = ["Crystals", "covered_by", "fit_emulator", "load_crystals"]

REACH = 4
"""Sites beyond all training crystals where others may grow."""

POINTS_AT_ONCE = 16

Report = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Crystals:
    """Finished crystals, one a row, on the emulator's lattice.

    Attributes:
        arrival: int32 [crystal, *lattice].
        steps: int64 [crystal].
        conditions: Standardised, float64 [crystal, condition].
    """

    arrival: ArrivalMap
    steps: IntArray
    conditions: FloatArray


def load_crystals(
    store: StoredTrajectory, points: IntArray, standardiser: Standardiser, covered: Covered, stride: int
) -> Crystals:
    """Read all members of some points, a few points at a time: fields and sites that are not wanted are dropped."""
    arrival, steps = [], []
    for start in range(0, len(points), POINTS_AT_ONCE):
        part = store.load(points[start : start + POINTS_AT_ONCE])
        arrival.append(thin_sites(part.arrival, stride).reshape(-1, *(covered.size,) * part.metadata.dimension))
        steps.append(part.steps.reshape(-1))
    chosen = {name: values[points] for name, values in store.parameters.items()}
    conditions = standardiser.apply(conditions_of(chosen, covered)).astype(np.float64)
    return Crystals(np.concatenate(arrival), np.concatenate(steps), np.repeat(conditions, store.num_members, axis=0))


def covered_by(store: StoredTrajectory, conditions: tuple[str, ...], stride: int) -> Covered:
    """Return what the crystals of a store cover; the emulator will refuse anything else.

    Raises:
        ConfigError: They are not what this family can learn, or other parameters vary than the conditions.
    """
    geometry: Mapping[str, Any] = store.metadata.geometry
    stop, dimension = geometry["stop"], store.metadata.dimension
    if geometry["initial"] != [[0] * dimension] or stop["margin"] is None or "size" not in geometry:
        raise ConfigError(
            f"{store.path}: learned are mirrored geometries of equal sides, grown from the corner to a margin"
        )
    if not store.has_point_axis:
        raise ConfigError(f"{store.path} holds one parameter point: an emulator needs many")
    size, line = int(geometry["size"]), int(geometry["size"]) - int(stop["margin"])
    if size % stride or line % stride:
        raise ConfigError(f"site_stride={stride} must divide the size, {size}, and size - margin, {line}")
    varying = {name for name, values in store.parameters.items() if np.ptp(values) > 0.0}
    if varying != set(conditions):
        raise ConfigError(
            f"conditions={list(conditions)}, but in {store.path} these parameters vary: {sorted(varying)}"
        )
    axes: Mapping[str, Any] = {} if store.campaign is None else store.campaign["points"]["vary"]  # type: ignore[index]
    low, high = {}, {}
    for name in conditions:
        values, axis = store.parameters[name], axes.get(name, {})
        low[name], high[name] = float(axis.get("low", values.min())), float(axis.get("high", values.max()))
    logarithmic = tuple(name for name in conditions if axes.get(name, {}).get("scale") == "log")
    fixed = {name: float(values[0]) for name, values in store.parameters.items() if name not in varying}
    return Covered(str(geometry["name"]), size // stride, (size - line) // stride, low, high, logarithmic, fixed)


@dataclass
class _Workshop:
    """Makes models of settings; maps are made once for every slope."""

    crystals: Crystals
    support: Support
    lattice: Lattice
    initial: IntArray
    stop_line: int
    _maps: dict[float, CrystalMaps] = field(default_factory=dict)
    _parts: dict[Any, Any] = field(default_factory=dict)

    def model(self, settings: ArrivalSettings) -> ArrivalModel:
        slope, own = settings.slope, self.crystals
        if slope not in self._maps:
            self._maps = {slope: crystal_maps(own.arrival, own.steps, self.support, front=self.stop_line, slope=slope)}
        maps = self._maps[slope]
        part = (slope, settings.modes)
        if part not in self._parts:
            basis = find_basis(maps, self.support, settings.modes)
            mean = fit_mean(own.conditions, maps, basis, _regression(settings))
            self._parts = {part: (mean, fit_bank(own.conditions, maps, mean))}
        mean, bank = self._parts[part]
        if settings.bank_modes:
            bank = compress(bank, settings.bank_modes)
        draws = Draws(min(settings.neighbours, len(own.steps)), settings.is_scaled, True, settings.keeps_curve)
        return ArrivalModel(self.support, mean, bank, draws, self.lattice, self.initial, self.stop_line)


def _regression(settings: ArrivalSettings) -> Fit:
    def cubic(conditions: FloatArray, outputs: FloatArray, noise: FloatArray) -> Regression:
        return fit_polynomial(conditions, outputs, noise, degree=CUBIC_DEGREE, ridge=1e-4)

    def perceptron(conditions: FloatArray, outputs: FloatArray, noise: FloatArray) -> Regression:
        rest = (outputs - cubic(conditions, outputs, noise)(conditions)) / noise[:, None]
        return fit_perceptron(
            conditions,
            outputs,
            noise,
            np.maximum(rest.std(axis=0), 1e-12),
            width=settings.width,
            updates=settings.updates,
            weight_decay=settings.weight_decay,
            seed=settings.seed,
        )

    kinds: dict[str, Fit] = {"cubic": cubic, "perceptron": perceptron, "gaussian-process": fit_gaussian_process}
    return kinds[settings.mean]


def compress(bank: ResidualBank, modes: int) -> ResidualBank:
    """Return a bank that keeps residual maps as coefficients of their leading principal components."""
    maps = bank.maps.astype(np.float32)
    values, vectors = np.linalg.eigh((maps @ maps.T).astype(np.float64))
    order = np.argsort(values)[::-1][: min(modes, len(maps))]
    strength = np.sqrt(np.maximum(values[order], 1e-30))
    components = (vectors[:, order] / strength).T.astype(np.float32) @ maps
    scale = np.float32(np.sqrt(maps.shape[1]))  # entries of the components are of order one then
    coefficients = (vectors[:, order] * strength).astype(np.float32) / scale
    return replace(bank, maps=coefficients.astype(np.float16), modes=(components * scale).astype(np.float16))


def fit_emulator(request: TrainingRequest, store: StoredTrajectory, folder: Path, report: Report | None) -> Figures:
    """Train on a complete store, choose settings on its validation points, and write `model` in the folder.

    Raises:
        ConfigError: The crystals are not what this family can learn.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    settings: ArrivalSettings = request.settings
    parts = split_training(store.num_points, request.validation_points, request.split_seed)
    covered = covered_by(store, request.conditions, settings.site_stride)
    chosen = {name: values[parts["training"]] for name, values in store.parameters.items()}
    standardiser = Standardiser.fit(conditions_of(chosen, covered), request.conditions)
    training, validation = (
        load_crystals(store, parts[part], standardiser, covered, settings.site_stride)
        for part in ("training", "validation")
    )
    solver = store.metadata.model if store.campaign is None else str(store.campaign["model"])
    lattice = find_model(solver).lattice
    support = find_support(
        np.asarray((training.arrival >= INITIAL).any(axis=0), np.bool_),
        front=covered.stop_line,
        reach=REACH,
        exchanges_axes=settings.exchanges_axes,
    )
    initial = np.zeros(1, np.int64)
    workshop = _Workshop(training, support, lattice, initial, covered.stop_line)
    judge = Validation.of(validation.conditions, validation.arrival, validation.steps, lattice)
    candidates = {name: values for name, values in vars(settings.search).items() if values}
    settings, trials = choose_settings(
        settings, candidates, lambda tried: judge.score(workshop.model(tried)), tell=report
    )
    model = workshop.model(settings)
    score = min(float(trial["score"]) for trial in trials)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    package = ArrivalPackage(
        name=request.name,
        family=store.metadata.family,
        solver=solver,
        settings=settings,
        covered=covered,
        standardiser=standardiser,
        initial=tuple(initial.tolist()),
        parameters={},
        weights_sha256="",
        training={
            "campaign": None if store.campaign is None else dict(store.campaign),
            "solver_hash": store.metadata.model_hash,
            "validation_points": request.validation_points,
            "split_seed": request.split_seed,
            "crystals": {"training": len(training.steps), "validation": len(validation.steps)},
            "updates": settings.updates if settings.mean == "perceptron" else 0,
            "trials": trials,
            "validation": {"energy_score": score},
            "cost": {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_seconds, 1)},
        },
    )
    package = write_package(folder / "model", package, model, model_card(package))
    return {
        "updates": package.training["updates"],
        "parameters": package.parameters,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "validation": {"energy_score": score},
    }
