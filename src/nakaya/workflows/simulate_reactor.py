"""A described run of a crystallizer to a record, tables in time and a chart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.documents import dump_json, plain
from nakaya.core.files import check_output
from nakaya.core.provenance import package_version, sha256_of_file
from nakaya.core.tables import Column, Table, encode_csv
from nakaya.reactor.case_config import SimulationCase, read_case
from nakaya.reactor.crystallizer import Run
from nakaya.reactor.logs.record import CONCENTRATION_BASIS, record_id
from nakaya.reactor.logs.size_evidence import moment_quantities
from nakaya.reactor.sizes import NUM_MOMENTS, quantile_sizes
from nakaya.reactor.solubility import CELSIUS_ZERO
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single
from nakaya.workflows.record_folder import write_record_folder

__all__ = ["simulate_reactor"]

SUMMARY: Final = "simulation.json"
_HOUR = 3600.0
_BALANCE = 1e-6
"""kg per kg of slurry: the solvers keep mass to rounding, or nearly so by moments."""


def simulate_reactor(config: Path, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Run a crystallizer as a TOML file describes.

    Args:
        config: The description.
        out: Directory to make: simulation.json, series.csv, sizes.csv (by finite volumes), chart.png, the description
            itself and a record.
        overwrite: Whether something there is replaced.

    Returns:
        What came out, plain values in SI units.

    Raises:
        ConfigError: The description is wrong.
        ParameterError: A run that cannot be simulated.
        OutputError: The output exists or cannot be written.
    """
    from nakaya.reactor.simulate import simulate
    from nakaya.viz.charts.base import encode_figure
    from nakaya.viz.charts.reactors import trace_chart
    from nakaya.viz.style import LIGHT

    check_output(out, overwrite=overwrite, sign=SUMMARY)
    case = read_case(config)
    run = simulate(case.crystallizer, case.operation, times=case.times, method=case.method, grid=case.grid)
    flags = [*case.flags, *_remarks(run)]
    record = _record(case, run, config, flags)
    result = _summarise(case, run, flags)
    title = f"{case.crystallizer.name}: {case.name}"
    contents = {
        SUMMARY: dump_json(plain(result), indent=2),
        "series.csv": encode_csv(series_table(run)),
        "chart.png": encode_figure(trace_chart(_panels(run), LIGHT, title=title), "png"),
        "case.toml": config.read_bytes(),
    }
    if run.edges is not None:
        contents["sizes.csv"] = encode_csv(size_table(run))
    return result | write_record_folder(record, contents, out, overwrite=overwrite)


def _remarks(run: Run) -> list[str]:
    found = []
    if run.balance_error > _BALANCE:
        found.append(f"mass is off by {run.balance_error:.1e} kg per kg of slurry at worst: use more classes of size")
    if not np.isfinite(run.concentration).all():
        found.append("the concentration is no number at some times")
    return found


def _last(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(values[-1])


def _summarise(case: SimulationCase, run: Run, flags: list[str]) -> dict[str, Any]:
    S = run.supersaturation
    return {
        "name": case.name,
        "system": case.crystallizer.name,
        "method": case.method,
        "duration_s": case.operation.duration,
        "initial_concentration": float(run.concentration[0]),
        "concentration_basis": case.crystallizer.solubility.basis,
        "final": {
            "temperature_K": _last(run.temperature),
            "concentration": _last(run.concentration),
            "supersaturation": _last(S),
            "crystal_mass": _last(run.crystal_mass),
            "crystals_per_kg": _last(run.moments[:, 0]),
            **{f"{name}_m": _last(values) for name, values in run.mean_sizes.items()},
            **({} if run.edges is None else _spread(run)),
        },
        "greatest_supersaturation": float(np.nanmax(S)),
        "greatest_supersaturation_time_s": float(run.times[int(np.nanargmax(S))]),
        "balance_error": run.balance_error,
        "steps": run.steps,
        "flags": flags,
    }


def _spread(run: Run) -> dict[str, float]:
    """Deciles of the crystals' volume at the end, m."""
    assert run.edges is not None
    assert run.number_density is not None
    counts = run.number_density[-1] * np.diff(run.edges)
    found = quantile_sizes(run.edges, np.maximum(counts, 0.0), np.array([0.1, 0.5, 0.9]), power=3)
    return {f"{name}_volume_m": float(value) for name, value in zip(("d10", "d50", "d90"), found, strict=True)}


def series_table(run: Run) -> Table:
    """Return everything in time, a row for each report; crystals and masses are per kg of slurry at the start."""
    columns = [
        Column("time", run.times, "s"),
        Column("temperature", run.temperature, "K"),
        Column("concentration", run.concentration, "kg/kg"),
        Column("solubility", run.solubility, "kg/kg"),
        Column("supersaturation", run.supersaturation, "1"),
        Column("crystal_mass", run.crystal_mass, "kg/kg"),
        *(Column(name, values, "m") for name, values in run.mean_sizes.items()),
    ]
    units = ("1/kg", "m/kg", *(f"m^{power}/kg" for power in range(2, NUM_MOMENTS)))
    columns += [Column(f"moment_{power}", run.moments[:, power], unit) for power, unit in enumerate(units)]
    return Table(tuple(columns))


def size_table(run: Run) -> Table:
    """Return the size distribution at start and end, a row for each class."""
    assert run.edges is not None
    assert run.number_density is not None
    return Table(
        (
            Column("lower_edge", run.edges[:-1], "m"),
            Column("upper_edge", run.edges[1:], "m"),
            Column("number_density_at_start", run.number_density[0], "1/(m kg)"),
            Column("number_density_at_end", run.number_density[-1], "1/(m kg)"),
        )
    )


def _record(case: SimulationCase, run: Run, config: Path, flags: list[str]) -> Record:
    """The run as a record; its series have the names that `nakaya fit reactor` looks for."""
    axis = Axis("time", "s", run.times)
    with np.errstate(invalid="ignore", divide="ignore"):
        driving = np.log(run.supersaturation)
    evidence = {
        "concentration": Quantity(run.concentration, "1", axis=axis),
        "crystal_mass": Quantity(run.crystal_mass, "1", axis=axis),
        "crystals": Quantity(run.moments[:, 0], "1/kg", axis=axis),
        **{f"mean_size_{name.lower()}": Quantity(values, "m", axis=axis) for name, values in run.mean_sizes.items()},
        **moment_quantities(run.moments, axis),
    }
    quantities = {
        "final_crystal_mass": single(_last(run.crystal_mass), "1"),
        "final_supersaturation": single(_last(run.supersaturation), "1"),
    }
    if math.isfinite(mean := _last(run.mean_sizes["L43"])):
        quantities["mean_size"] = single(mean, "m")
    return Record(
        id=record_id(case.crystallizer.name, f"simulated-{config.stem}"),
        kind="reactor",
        material=case.crystallizer.name,
        conditions={
            DRIVING_FORCE: Quantity(np.where(np.isfinite(driving), driving, np.nan), "1", axis=axis),
            "temperature": Quantity(run.temperature, "K", axis=axis),
            "supersaturation": Quantity(run.supersaturation, "1", axis=axis),
            "duration": single(case.operation.duration, "s"),
        },
        quantities=quantities,
        evidence=evidence,
        provenance=Provenance(
            source="population balance",
            files={config.name: sha256_of_file(config)},
            software={"nakaya": package_version()},
            commands=(f"nakaya simulate reactor {config.name}",),
            settings={
                "method": case.method,
                CONCENTRATION_BASIS: case.crystallizer.solubility.basis,
                "moments and crystals": "per kg of slurry at the start",
                **({"kinetics": case.crystallizer.source} if case.crystallizer.source else {}),
            },
        ),
        status="flagged" if flags else "ok",
        flags=flags,
    )


def _panels(run: Run) -> list[Any]:
    from nakaya.viz.charts.reactors import Trace, TracePanel

    hours = run.times / _HOUR
    panels = [
        TracePanel("temperature / °C", [Trace("", hours, run.temperature - CELSIUS_ZERO)]),
        TracePanel(
            "concentration / (kg/kg)",
            [
                Trace("dissolved", hours, run.concentration),
                Trace("saturated", hours, run.solubility, "dashes", colour=None),
            ],
        ),
        TracePanel("supersaturation S", [Trace("", hours, run.supersaturation)]),
    ]
    sizes = run.mean_sizes
    if any(np.isfinite(values).any() for values in sizes.values()):
        words = {"L10": "number mean L10", "L32": "Sauter mean L32", "L43": "mass mean L43"}
        traces = [
            Trace(words[name], hours, 1e6 * values, colour=number)
            for number, (name, values) in enumerate(sizes.items())
        ]
        panels.append(TracePanel("crystal size / µm", traces))
        panels.append(TracePanel("crystals per kg", [Trace("", hours, run.moments[:, 0])]))
    return panels
