"""Molecular dynamics to records and numbers: growth, melting, properties, nucleation, seeding, campaigns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nakaya.core.errors import ParameterError
from nakaya.core.executors import Executor
from nakaya.core.files import check_output
from nakaya.core.processes import peak_memory_of_children
from nakaya.core.resumable import staged
from nakaya.crystallography.lattices import atomic_volume, simplest_face
from nakaya.md.campaigns.campaign import run_campaign, run_hash
from nakaya.md.campaigns.plan import Run, read_plan
from nakaya.md.growth import GrowthRun, planned_duration
from nakaya.md.ingest import known_records
from nakaya.md.lammps.program import find_lammps
from nakaya.md.lammps.workspace import check_potential
from nakaya.md.limits import within
from nakaya.md.melting import MeltingRun
from nakaya.md.nucleation import NucleationRun
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import PropertiesRun
from nakaya.md.seeding.run import SeedingRun, default_size, thresholds_for
from nakaya.md.summary import (
    growth_summary,
    melting_summary,
    nucleation_summary,
    properties_summary,
    seeding_summary,
    shear_summary,
)
from nakaya.md.tables import MaterialTable, driving_force, tabulate, with_guess
from nakaya.records.collection import load_sources, write_store
from nakaya.records.record import DRIVING_FORCE, Record, single
from nakaya.records.store import RecordStore, load_records

__all__ = [
    "Execution",
    "collect",
    "default_duration",
    "measure_growth",
    "measure_melting_point",
    "measure_nucleation",
    "measure_properties",
    "measure_seeding",
    "run_plan",
]


@dataclass(frozen=True)
class Execution:
    """How runs are done, and where their records go.

    Attributes:
        out: Directory; for single measurements a new one.
        workers: Processes, each with one LAMMPS of one thread at a time.
        overwrite: Whether an output that exists is replaced.
        command: Stated in the records as the way to make them again.
        progress: Called with every finished record.
        executor: Does the runs of a plan in place of the workers: a cluster, say.
    """

    out: Path
    workers: int = 1
    overwrite: bool = False
    command: str = ""
    progress: Callable[[Record], None] | None = None
    executor: Executor | None = None


def _measure(runs: Sequence[Run], how: Execution) -> list[Record]:
    """Run into a folder beside `out`, which takes its place at the end; killed before, the same call goes on."""
    out = how.out
    check_output(out, overwrite=how.overwrite, sign="*.json")
    find_lammps()
    question = "".join(run_hash(run) for run in runs).encode()
    ids = {run.id for run in runs}
    known = [record for record in known_records() if record.id not in ids]  # what is asked for is always simulated
    with staged(out, question) as folder:
        run_campaign(runs, folder, known=known, workers=how.workers, command=how.command, progress=how.progress)
        store = RecordStore(folder / "records")
        records = [record for record in store if record.id in ids]
        copies = {shot.path: store.path / shot.path for record in records for shot in record.snapshots}
        write_store(records, out, snapshots=copies, overwrite=how.overwrite)
    return records


def default_duration(material: Material, orientation: str, temperature: float, table: MaterialTable) -> float:
    """Duration, ps, that gives about 17 % in one seed, bounded by 20 ps and by when the interfaces meet."""
    melting = table.melting_temperature if math.isfinite(table.melting_temperature) else material.melting_point
    velocity = material.mobility * abs(melting - temperature)
    latent = table.latent_heat(melting) if table.latent_heat is not None else 10e3
    reduced_driving_force = driving_force(temperature, melting, latent)
    volume = atomic_volume(material.structure, material.lattice_parameter * 1e-10, axial_ratio=material.axial_ratio)
    wanted = planned_duration(velocity, reduced_driving_force, (16e-10) ** 2, volume, relative_error=0.17) * 1e12
    meeting = 55.0 / max(velocity / 100, 1e-3)
    return float(round(min(max(wanted, 20.0), max(meeting, 20.0), 150.0)))


def measure_growth(
    material: Material,
    orientation: str,
    temperature: float,
    how: Execution,
    *,
    seeds: Sequence[int],
    duration_ps: float | None = None,
    width: float = 16.0,
    length: float = 200.0,
    shear_rate: float = 0.0,
) -> dict[str, Any]:
    """Simulate growth from a half-melted box for every seed; return the summary of `growth_summary`.

    It also says the most memory that one process of these runs held (`peak_memory_bytes`, an upper bound; None where
    nothing had to be run). That is no part of the records: it depends on the machine.

    Raises:
        MissingExtraError: LAMMPS is not installed.
        OutputError: The output exists.
        ParameterError: Numbers out of range.
    """
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise ParameterError(f"seeds {list(seeds)}: at least one, each once, none negative")
    within("temperature", temperature)
    table = tabulate(material.name, known_records(), potential=potential_file(material)[1])
    table = with_guess(table, material)
    duration = default_duration(material, orientation, temperature, table) if duration_ps is None else duration_ps
    solid_fraction = 0.6 if temperature > table.melting_temperature else 0.3
    records = _measure(
        [
            GrowthRun(
                material,
                orientation,
                temperature,
                seed,
                width,
                length,
                solid_fraction,
                duration_ps=duration,
                shear_rate=shear_rate,
            )
            for seed in seeds
        ],
        how,
    )
    return growth_summary(records) | {"peak_memory_bytes": peak_memory_of_children(), "out": how.out}


def measure_melting_point(
    material: Material,
    how: Execution,
    *,
    orientation: str | None = None,
    lengths: Sequence[float] = (100.0, 200.0),
    seeds: Sequence[int] = (0,),
    duration_ps: float = 150.0,
) -> dict[str, Any]:
    """Melting point by coexistence at constant enthalpy, in boxes of several lengths; see `melting_summary`.

    Interfaces are (100), or (0001) of hcp, where no orientation is given.
    """
    orientation = orientation or simplest_face(material.structure)
    runs = [
        MeltingRun(material, orientation, length, seed=seed, duration_ps=duration_ps)
        for seed in seeds
        for length in lengths
    ]
    return melting_summary(_measure(runs, how)) | {"out": how.out}


def measure_properties(
    material: Material,
    temperatures: Sequence[float],
    how: Execution,
    *,
    duration_ps: float = 20.0,
    cells: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Lattice parameter, latent heat and liquid diffusivity at zero pressure, one record per temperature."""
    if len(set(temperatures)) != len(temperatures):
        raise ParameterError(f"temperatures {list(temperatures)}: each once")
    runs = [PropertiesRun(material, temperature, seed, cells, duration_ps) for temperature in temperatures]
    return {"material": material.name, "rows": properties_summary(_measure(runs, how)), "out": how.out}


def measure_nucleation(
    material: Material,
    temperature: float,
    how: Execution,
    *,
    seeds: Sequence[int],
    duration_ps: float = 300.0,
    cells: int = 10,
    shear_rates: Sequence[float] = (0.0,),
) -> dict[str, Any]:
    """Quench many times and return the nucleation rate with its Poisson interval; censored runs are kept.

    With shear rates (1/s, 0 = at rest) the summary is that of `shear_summary`: one rate each, and their ratios.
    """
    if len(set(shear_rates)) != len(shear_rates):
        raise ParameterError(f"shear rates {list(shear_rates)}: each once")
    runs = [
        NucleationRun(material, temperature, seed, cells, duration_ps, shear_rate)
        for shear_rate in shear_rates
        for seed in seeds
    ]
    records = _measure(runs, how)
    if not any(shear_rates):
        total, summary = nucleation_summary(records)
        totals = [total]
    else:
        totals, summary = shear_summary(records)
    for total in totals:
        RecordStore(how.out).add(total)
    return summary | {"out": how.out}


def measure_seeding(
    material: Material,
    temperature: float,
    how: Execution,
    *,
    sizes: Sequence[int] = (),
    shapes: Sequence[str] = ("sphere",),
    seeds: Sequence[int] = (0,),
    branches: int = SeedingRun.branches,
    cells: int | None = None,
) -> dict[str, Any]:
    """Put crystallites into melts and release them; return the summary of `seeding_summary`.

    Args:
        material: What.
        temperature: K, below the melting point.
        how: Records go to a new directory: one of the thresholds between solid and melt, one of every crystallite.
        sizes: Atoms of the crystallites; none = the size of classical theory's critical nucleus.
        shapes: As in `SeedingRun`.
        seeds: One crystallite of each size and shape for each.
        branches: Releases of each.
        cells: As in `SeedingRun`.

    Raises:
        MissingExtraError: LAMMPS is not installed.
        OutputError: The output exists.
        ParameterError, UnknownNameError: Numbers out of range, a crystallite that the box does not hold, a temperature
            that is not below the melting point, another shape.
        LammpsError: The potential does not describe the material.
    """
    table = tabulate(material.name, known_records(), potential=potential_file(material)[1])
    table = with_guess(table, material)
    chosen = tuple(sizes) or (default_size(material, temperature, table),)
    runs = [
        SeedingRun(material, temperature, size, shape, seed, branches, cells)
        for seed in seeds
        for shape in shapes
        for size in chosen
    ]
    check_output(how.out, overwrite=how.overwrite, sign="*.json")
    check_potential(material)
    return seeding_summary(_measure([*thresholds_for(runs), *runs], how)) | {"out": how.out}


def run_plan(
    plan: Path,
    how: Execution,
    *,
    known: str | Path | None = None,
    keep_frames: bool = False,
    max_runs: int | None = None,
) -> dict[str, Any]:
    """Run a campaign, or go on with it where it stopped.

    Args:
        plan: TOML file.
        how: Records go to its out/records.
        known: Records from elsewhere whose runs are not repeated: a shipped set or a store.
        keep_frames: Whether frames stay.
        max_runs: Stop after so many runs.
    """
    runs = read_plan(plan)
    elsewhere = known_records(known) if known is not None else []
    report = run_campaign(
        runs, how.out, known=elsewhere, workers=how.workers, executor=how.executor, keep_frames=keep_frames,
        max_runs=max_runs, command=how.command, progress=how.progress,
    )  # fmt: skip
    done = {*report.finished, *report.skipped, *report.failed}
    return {
        "planned": len(runs),
        "finished": len(report.finished),
        "skipped": len(report.skipped),
        "failed": list(report.failed),
        "remaining": len(runs) - len(done),
        "records": how.out / "records",
    }


def collect(
    sources: Sequence[str | Path], out: Path, *, known: str | Path | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Join records of campaigns into one set whose driving forces all come from the same melting points and L(T).

    A run states the driving force that was known when it ran; the set states what is known at the end.

    Args:
        sources: Stores, campaigns or shipped sets; later ones win nothing: contradictions are errors.
        out: Store to write, with its snapshots.
        known: Records that are not joined, but tell melting points and L(T) as well.
        overwrite: Whether to replace it.

    Raises:
        InputFileError: One of the sources holds no records.
        OutputError: `out` exists, or two records of one id differ in more than their driving force.
    """
    check_output(out, overwrite=overwrite, sign="*.json")
    records, snapshots = load_sources(sources)
    telling = records if known is None else [*records, *load_records(known)]
    tables = {name: tabulate(name, telling) for name in {record.material for record in records}}
    joined = [_with_driving_force(record, tables[record.material]) for record in records]
    write_store(joined, out, snapshots=snapshots, overwrite=overwrite)
    return {
        "records": len(RecordStore(out)),
        "melting_points_K": {
            name: {"value": table.melting_temperature, "standard_error": table.melting_error}
            for name, table in sorted(tables.items())
        },
        "out": out,
    }


def _with_driving_force(record: Record, table: MaterialTable) -> Record:
    temperature = record.conditions.get("temperature")
    if record.kind != "md" or temperature is None or temperature.values.ndim or not math.isfinite(temperature.value):
        return record
    found = single(float(f"{table.driving_force(temperature.value):.6g}"), "1")
    return replace(record, conditions={**record.conditions, DRIVING_FORCE: found})
