"""Logs of crystallizers to kinetic parameters with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.documents import dump_json, plain
from nakaya.core.errors import ParameterError
from nakaya.core.files import check_output
from nakaya.core.provenance import package_version, sha256_of_file
from nakaya.reactor.estimation import (
    OBSERVATION_UNITS,
    Estimate,
    Experiment,
    Fit,
    FreeParameter,
    Kind,
    Observation,
    observe,
)
from nakaya.records.record import DRIVING_FORCE, Axis, Interval, Provenance, Quantity, Record, single
from nakaya.workflows.record_folder import write_record_folder

__all__ = ["add_noise", "demonstrate_fit", "fit_reactor", "synthetic_batches"]

_HOUR = 3600.0
Progress = Callable[[str], None]


def fit_reactor(
    config: Path, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Estimate kinetic parameters as a TOML file describes.

    Args:
        config: The description; the logs that it names are relative to its folder.
        out: Directory to make: fit.json, fit.png, profiles.png (with profiled intervals) and a record.
        overwrite: Whether something there is replaced.
        progress: Told in words what is being done.

    Returns:
        parameters: name -> value, unit, interval90, identifiable, reason; and what else the fit found, plain values.

    Raises:
        ConfigError: The description is wrong.
        FormatError: A log contradicts itself or its map.
        ParameterError: A run that cannot be simulated.
        OutputError: The output exists or cannot be written.
    """
    from nakaya.reactor.fit_config import read_fit_plan
    from nakaya.reactor.fitting import fit
    from nakaya.viz.charts.base import encode_figure
    from nakaya.viz.charts.reactors import profile_chart, trace_chart
    from nakaya.viz.style import LIGHT

    check_output(out, overwrite=overwrite, sign="fit.json")
    plan = read_fit_plan(config)
    free = list(plan.table.parameters.values())
    found = fit(
        plan.crystallizer,
        plan.experiments,
        free,
        method=plan.table.method,
        grid=plan.grid,
        intervals=plan.table.intervals,
        starts=plan.table.starts,
        bootstrap=plan.table.bootstrap,
        seed=plan.table.seed,
        progress=progress,
    )
    flags = [f"{name}: {flag}" for name, remarks in plan.flags.items() for flag in remarks]
    files = {path.name: sha256_of_file(path) for path in plan.files}
    result = _summarise(found) | {"flags": flags, "files": files}
    chart = trace_chart(_fit_panels(plan.experiments, found), LIGHT, title=found.crystallizer.name)
    contents = {
        "fit.json": dump_json(plain(result), indent=2),
        "fit.png": encode_figure(chart, "png"),
    }
    if found.profiles:
        profiles = profile_chart(_profiles(found, free), found.threshold, LIGHT)
        contents["profiles.png"] = encode_figure(profiles, "png")
    record = _record(found, plan.experiments[0], files, flags, config.name)
    written = write_record_folder(record, contents, out, overwrite=overwrite)
    return result | {name: written[name] for name in ("record", "out", "tables")}


def _summarise(found: Fit) -> dict[str, Any]:
    parameters = {entry.path: plain(entry) for entry in found.estimates}
    for entry in parameters.values():
        del entry["path"]
    names = [entry.path for entry in found.estimates]
    return {
        "system": found.crystallizer.name,
        "parameters": parameters,
        "not_identifiable": [entry.path for entry in found.estimates if not entry.identifiable],
        "intervals": found.intervals,
        "rmse": dict(found.rmse),
        "rmse_units": {name: OBSERVATION_UNITS[name.rpartition("/")[2]] for name in found.rmse},
        "standard_deviations": dict(found.deviations),
        "correlations": {
            f"{names[i]} / {names[j]}": float(found.correlation[i, j])
            for i in range(len(names))
            for j in range(i + 1, len(names))
        },
        "observations": found.num_observations,
        "evaluations": found.evaluations,
    }


def _record(found: Fit, first: Experiment, files: dict[str, str], flags: list[str], config: str) -> Record:
    """The estimates as a record; its driving force is that of the first experiment under the fit."""
    from nakaya.reactor.logs.record import record_id

    run = found.runs[first.name]
    axis = Axis("time", "s", run.times)
    driving = np.log(np.maximum(run.supersaturation, 1e-300))
    unsure = [
        f"{entry.path} is not identifiable: {entry.reason}" for entry in found.estimates if not entry.identifiable
    ]
    return Record(
        id=record_id(found.crystallizer.name, f"fit-{Path(config).stem}"),
        kind="reactor",
        material=found.crystallizer.name,
        conditions={
            DRIVING_FORCE: Quantity(driving, "1", axis=axis),
            "temperature": Quantity(run.temperature, "K", axis=axis),
            "duration": single(first.operation.duration, "s"),
        },
        quantities=dict(_quantity(entry) for entry in found.estimates),
        provenance=Provenance(
            source="population balance fitted to reactor logs",
            files=files,
            software={"nakaya": package_version()},
            commands=(f"nakaya fit reactor {config}",),
            settings={"intervals": found.intervals, "observations": str(found.num_observations)},
        ),
        status="flagged" if flags or unsure else "ok",
        flags=[*flags, *unsure],
    )


def _quantity(entry: Estimate) -> tuple[str, Quantity]:
    """Name and value in a record."""
    low, high = entry.interval90
    interval = Interval(-math.inf if low is None else low, math.inf if high is None else high, 0.9)
    name = entry.path.replace(".", "_").replace("-", "_").lower()
    return name, Quantity(np.array(entry.value), entry.unit, interval=interval)


_LABELS: dict[Kind, tuple[str, float]] = {
    "concentration": ("concentration / (kg/kg)", 1.0),
    "L10": ("number mean L10 / µm", 1e6),
    "L32": ("Sauter mean L32 / µm", 1e6),
    "L43": ("mass mean L43 / µm", 1e6),
    "log_number": ("crystals per kg", 1.0),
}


def _fit_panels(experiments: list[Experiment], found: Fit) -> list[Any]:
    """One panel per kind of observation, all experiments in it; and the supersaturation under the fit."""
    from nakaya.reactor.simulate import simulate
    from nakaya.viz.charts.reactors import Trace, TracePanel

    smooth = {}
    for entry in experiments:
        try:
            smooth[entry.name] = simulate(found.crystallizer, entry.operation, times=201, method="moments")
        except ParameterError:  # moments do not close for this system: the best run has coarser times
            smooth[entry.name] = found.runs[entry.name]
    panels: list[Any] = []
    seen_kinds = {seen.kind for entry in experiments for seen in entry.observations}
    for kind in (kind for kind in _LABELS if kind in seen_kinds):
        label, factor = _LABELS[kind]
        traces = []
        for number, entry in enumerate(experiments):
            run = smooth[entry.name]
            for seen in (seen for seen in entry.observations if seen.kind == kind):
                values, curve = factor * seen.values, factor * observe(run, kind)
                if kind == "log_number":
                    values, curve = np.exp(values), np.exp(curve)
                name = entry.name if not panels else ""
                traces.append(Trace(name, seen.times / _HOUR, values, "points", colour=number))
                traces.append(Trace("", run.times / _HOUR, curve, colour=number))
            if kind == "concentration":
                label_saturated = "saturated" if number == len(experiments) - 1 else ""
                traces.append(Trace(label_saturated, run.times / _HOUR, run.solubility, "dashes", colour=number))
        panels.append(TracePanel(label, traces, log=kind == "log_number"))
    driving = [
        Trace("", run.times / _HOUR, run.supersaturation, colour=number) for number, run in enumerate(smooth.values())
    ]
    return [*panels, TracePanel("supersaturation S", driving)]


def _profiles(found: Fit, free: list[FreeParameter]) -> list[Any]:
    from nakaya.viz.charts.reactors import Profile

    charts = []
    for estimate, parameter in zip(found.estimates, free, strict=True):
        values, drops = found.profiles[estimate.path]
        unit = "" if estimate.unit == "1" else f" / ({estimate.unit})"
        label = estimate.path.replace("nucleation.", "").replace("_", " ").replace(".", ": ") + unit
        charts.append(Profile(label, values, drops, estimate.value, estimate.interval90, bool(parameter.log)))
    return charts


NOISE = {"concentration": 0.002, "L43": 3e-6, "log_number": 0.05}
"""Standard deviations of the synthetic observations."""


def synthetic_batches() -> tuple[Any, list[Experiment], list[FreeParameter]]:
    """A known system, two noiseless experiments, and what is to be estimated from them."""
    from nakaya.reactor.crystallizer import Operation, Seed
    from nakaya.reactor.parameter_sets import parameter_set
    from nakaya.reactor.profiles import linear
    from nakaya.reactor.simulate import simulate
    from nakaya.reactor.sizes import NormalSizes

    crystallizer = parameter_set("dextrose").crystallizer()
    day = 24 * _HOUR
    times = np.linspace(0.0, day, 25)
    experiments = []
    for name, end, loading in (("slow, much seed", 306.15, 0.125), ("fast, little seed", 300.15, 0.05)):
        seed = Seed(loading, NormalSizes(115e-6, 60e-6))
        operation = Operation(0.67, linear(315.15, end, day), day, seed)
        run = simulate(crystallizer, operation, times=times, method="moments")
        seen = tuple(Observation(kind, times, observe(run, kind)) for kind in ("concentration", "L43", "log_number"))
        experiments.append(Experiment(name, operation, seen))
    free = [
        FreeParameter("growth.rate_constant", 1e-6, 1.0, start=2e-4),
        FreeParameter("growth.order", 0.5, 3.0, start=1.5),
        FreeParameter("nucleation.secondary.rate_constant", 1e2, 1e8, start=1e4),
        FreeParameter("nucleation.secondary.order", 0.2, 4.0, start=1.0),
    ]
    return crystallizer, experiments, free


def demonstrate_fit(*, seed: int = 0) -> tuple[dict[str, Any], list[Any]]:
    """Fit two synthetic batches in about a second: what was found beside what is true, and panels of its chart."""
    from nakaya.reactor.fitting import fit
    from nakaya.reactor.parameters import get_parameters

    crystallizer, experiments, free = synthetic_batches()
    rng = np.random.default_rng(seed)
    noisy = [add_noise(entry, rng) for entry in experiments]
    found = fit(crystallizer, noisy, free, intervals="covariance")
    truth = get_parameters(crystallizer.kinetics)
    result = _summarise(found)
    for path, entry in result["parameters"].items():
        entry["true"] = truth[path]
    return result, _fit_panels(noisy, found)


def add_noise(experiment: Experiment, rng: np.random.Generator) -> Experiment:
    """The experiment with Gaussian noise of `NOISE` on its observations; their deviations stay unknown."""
    seen = tuple(
        replace(entry, values=entry.values + NOISE[entry.kind] * rng.standard_normal(entry.values.size))
        for entry in experiment.observations
    )
    return replace(experiment, observations=seen)
