"""`nakaya md`: molecular dynamics with LAMMPS, from melting points to campaigns."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakaya.cli.options import (
    AsJson,
    DaskAddress,
    Overwrite,
    StatedOrientation,
    StatedTemperature,
    TrajectoryGroup,
    make_executor,
    with_groups,
)
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import ParameterError

if TYPE_CHECKING:
    from nakaya.md.potentials import Material
    from nakaya.md.runs import Execution
    from nakaya.records.record import Record

__all__ = ["campaign_collect", "campaign_run", "grow", "melting_point", "nucleate", "properties", "run_input", "seed"]

Out = Annotated[Path | None, typer.Option(help="Store of records to write (a new directory).")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Runs at a time, one core each.")]
FromRecords = Annotated[
    str | None, typer.Option(help="Take finished runs from records (al-cu-si, a store) instead of simulating.")
]
FirstSeed = Annotated[int, typer.Option(min=0, help="Number of the first seed.")]


@dataclass(frozen=True)
class PotentialGroup:
    """A material, and the potential that describes it."""

    material: Annotated[
        str, typer.Option(help="Al, Cu, Fe, Mg or Si; another element with all the options of a potential.")
    ]
    pair_style: Annotated[str | None, typer.Option(help="LAMMPS pair style, such as eam/alloy.")] = None
    potential: Annotated[str | None, typer.Option(help="Potential file: a path, or a name in LAMMPS' own folder.")] = (
        None
    )
    potential_sha256: Annotated[
        str | None, typer.Option(help="Hash that the potential file must have: 64 hexadecimal digits.")
    ] = None
    structure: Annotated[str | None, typer.Option(help="Crystal: fcc, bcc, hcp or diamond.")] = None
    lattice_parameter: Annotated[
        float | None, typer.Option(help="First guess of the lattice parameter, in angstrom.")
    ] = None
    melting_point: Annotated[
        float | None, typer.Option("--melting-point", "--guess", help="First guess of the melting point, in K.")
    ] = None
    axial_ratio: Annotated[
        float | None, typer.Option(help="First guess of c/a of hcp; ideal if left out. Runs measure it.")
    ] = None

    def found(self) -> Material:
        """The material of that name, changed where options are given."""
        from nakaya.md.potentials import find_material

        return find_material(
            self.material, pair_style=self.pair_style, potential=self.potential, structure=self.structure,
            lattice_parameter=self.lattice_parameter, melting_point=self.melting_point, axial_ratio=self.axial_ratio,
            potential_sha256=self.potential_sha256,
        )  # fmt: skip


@dataclass(frozen=True)
class ExecutionGroup:
    """How runs are done, and where their records go."""

    out: Out = None
    workers: Workers = 1
    overwrite: Overwrite = False

    def execution(self) -> Execution:
        """The same, with the command and its progress."""
        return _execution(_need_out(self.out), self.workers, self.overwrite)


def _need_out(out: Path | None) -> Path:
    if out is None:
        raise ParameterError("--out is missing: name a new directory for the records")
    return out


def _execution(out: Path, workers: int, overwrite: bool = False) -> Execution:
    from nakaya.md.runs import Execution
    from nakaya.records.summary import summarise_record

    def tell(record: Record) -> None:
        echo(summarise_record(record), err=True)

    # Files by name, for folders differ between machines, and records travel.
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return Execution(out, workers, overwrite, shlex.join(["nakaya", *words]), tell)


def _print(document: dict[str, Any], as_json: bool, *lines: str) -> None:
    if as_json:
        echo_json(document)
        return
    echo(*lines, *(f"  {flag}" for flag in document.get("flags", [])))


@with_groups
def grow(
    of: PotentialGroup,
    orientation: Annotated[str, typer.Option(help="Face that grows: 100, 111, 311, ...; of hcp 0001, 10-10 or 11-20.")],
    temperature: Annotated[float, typer.Option(help="In K; above the melting point the crystal melts.")],
    how: ExecutionGroup,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Independent runs; 2 or more for an honest error.")] = 2,
    first_seed: FirstSeed = 0,
    duration: Annotated[
        float | None, typer.Option(help="In ps after 10 ps of equilibration; planned if left out.")
    ] = None,
    width: Annotated[float, typer.Option(help="Width of the interface, in angstrom.")] = 16.0,
    length: Annotated[float, typer.Option(help="Length of the box, in angstrom; 200 or more.")] = 200.0,
    shear_rate: Annotated[float, typer.Option(help="Of the melt along its interfaces, in 1/s; 0 = at rest.")] = 0.0,
    from_records: FromRecords = None,
    as_json: AsJson = False,
) -> None:
    """Measure the velocity of a solid-liquid interface from a half-melted box.

    Example: nakaya md grow --material Cu --orientation 100 --temperature 1221 --seeds 2 --out md/

    One run of 4,000 atoms takes two to five minutes on one core, and less than 0.1 GB of memory. Killed, the same
    command goes on where it stopped. Leaves with status 1 where no run gave a velocity.
    """
    from nakaya.md.runs import measure_growth
    from nakaya.md.summary import growth_from_records

    if from_records is not None:
        document = growth_from_records(from_records, of.material, orientation, temperature, shear_rate=shear_rate)
    else:
        document = measure_growth(
            of.found(), orientation, temperature, how.execution(), seeds=range(first_seed, first_seed + seeds),
            duration_ps=duration, width=width, length=length, shear_rate=shear_rate,
        )  # fmt: skip
    seen = f"{document['growth_velocity_m_per_s']:.3g} +- {document['standard_error_m_per_s']:.2g} m/s"
    if document["status"] == "failed":
        seen = "no velocity"
    sheared = f", {shear_rate:g} 1/s" if shear_rate else ""
    line = f"{of.material} ({orientation}) at {temperature:g} K{sheared}: {seen} over {len(document['seeds'])} seeds"
    peak = document.get("peak_memory_bytes")
    memory = "" if peak is None else f", at most {peak / 1e9:.2f} GB of memory a run"
    _print(document, as_json, f"{line} ({document['status']}){memory}")
    if document["status"] == "failed":
        raise typer.Exit(1)


@with_groups
def melting_point(
    of: PotentialGroup,
    how: ExecutionGroup,
    orientation: Annotated[
        str | None, typer.Option(help="Face of the interfaces; 100 if left out, or 0001 of hcp.")
    ] = None,
    length: Annotated[
        list[float] | None, typer.Option(help="Box length in angstrom; repeat for several (default: 100 and 200).")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Runs per length.")] = 1,
    duration: Annotated[float, typer.Option(help="In ps at constant enthalpy.")] = 150.0,
    from_records: FromRecords = None,
    as_json: AsJson = False,
) -> None:
    """Find the melting point of a potential: crystal and melt coexist at constant enthalpy.

    Example: nakaya md melting-point --material Al --out melting/

    Two box lengths show the effect of size, two classifiers whether the interfaces have stopped.
    """
    from nakaya.md.runs import measure_melting_point
    from nakaya.md.summary import melting_from_records

    if from_records is not None:
        document = melting_from_records(from_records, of.material)
    else:
        document = measure_melting_point(
            of.found(), how.execution(), orientation=orientation, lengths=tuple(length) if length else (100.0, 200.0),
            seeds=range(seeds), duration_ps=duration,
        )  # fmt: skip
    line = f"{of.material} melts at {document['melting_point_K']:.1f} +- {document['standard_error_K']:.1f} K"
    _print(document, as_json, f"{line} ({document['status']})")


@with_groups
def properties(
    of: PotentialGroup,
    temperature: Annotated[list[float], typer.Option(help="In K; repeat for several.")],
    how: ExecutionGroup,
    duration: Annotated[float, typer.Option(help="Length of each sample, in ps.")] = 20.0,
    cells: Annotated[int, typer.Option(min=3, max=40, help="Conventional cells along each side.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure lattice parameter, latent heat and liquid diffusivity of a potential at zero pressure.

    Example: nakaya md properties --material Cu --temperature 1206 --temperature 1327 --out properties/
    """
    from nakaya.md.runs import measure_properties

    document = measure_properties(
        of.found(), temperature, how.execution(), duration_ps=duration, cells=cells, seed=seed
    )
    lines = [
        f"{row['temperature_K']:g} K: a = {row['lattice_parameter_m'] * 1e10:.4f} A, "
        + (f"c/a = {row['axial_ratio']:.4f}, " if "axial_ratio" in row else "")
        + f"L = {row['latent_heat_J_per_mol'] / 1000:.2f} kJ/mol, D = {row['diffusivity_m2_per_s']:.3g} m2/s"
        for row in document["rows"]
    ]
    _print(document, as_json, *lines)


@with_groups
def nucleate(
    of: PotentialGroup,
    temperature: Annotated[float, typer.Option(help="In K; above 0.6 melting points nothing will be seen.")],
    how: ExecutionGroup,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Independent quenches; 20 or more.")] = 20,
    first_seed: FirstSeed = 0,
    duration: Annotated[float, typer.Option(help="In ps, after which a run counts as censored.")] = 300.0,
    cells: Annotated[int, typer.Option(min=4, max=60, help="Conventional cells along each side.")] = 10,
    shear_rate: Annotated[
        list[float] | None, typer.Option(help="Of the melt, in 1/s, 1e7 to 1e12; 0 = at rest; repeat to compare.")
    ] = None,
    from_records: FromRecords = None,
    as_json: AsJson = False,
) -> None:
    """Measure the homogeneous nucleation rate: quench a melt many times and wait.

    Example: nakaya md nucleate --material Cu --temperature 650 --seeds 20 --out quenches/

    Runs without an event are kept as censored, the lag is subtracted, the interval is Poisson's. Rates at several shear
    rates are compared with the lowest; "not resolved" where the interval of the ratio holds 1.
    """
    from nakaya.md.runs import measure_nucleation
    from nakaya.md.summary import nucleation_from_records

    if from_records is not None:
        document = nucleation_from_records(from_records, of.material, temperature)
    else:
        document = measure_nucleation(
            of.found(), temperature, how.execution(), seeds=range(first_seed, first_seed + seeds),
            duration_ps=duration, cells=cells, shear_rates=shear_rate or (0.0,),
        )  # fmt: skip
    lines = [_rate_line(f"{of.material} at {temperature:g} K", row) for row in document.get("shear_rates", [document])]
    _print(document, as_json, *lines)


def _rate_line(what: str, row: dict[str, Any]) -> str:
    sheared = f", {rate:g} 1/s" if (rate := row.get("shear_rate_per_s")) else ""
    compared = ""
    if "ratio" in row:
        ends = row["ratio_interval90"]
        interval = "" if ends is None else f" [{ends[0]:.2g}, {ends[1]:.2g}]"
        compared = f", {row['ratio']:.2g}{interval} times the first" + ("" if row["is_resolved"] else ", not resolved")
    return (
        f"{what}{sheared}: J = {row['nucleation_rate_per_m3_s']:.3g} 1/(m3 s), {row['events']} events, "
        f"{row['censored']} censored ({row['status']}){compared}"
    )


@with_groups
def seed(
    of: PotentialGroup,
    temperature: Annotated[float, typer.Option(help="In K, below the melting point; nuclei are few above 0.8 of it.")],
    how: ExecutionGroup,
    size: Annotated[
        list[int] | None,
        typer.Option(
            help="Atoms of the crystallite; repeat for several (default: classical theory's critical nucleus)."
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            help="sphere, twin, fault, hcp, prolate, oblate, rough or vacancies; repeat for several (default: sphere)."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Crystallites of each size and shape.")] = 1,
    first_seed: FirstSeed = 0,
    branches: Annotated[int, typer.Option(help="Releases of each, with velocities of their own.")] = 4,
    cells: Annotated[
        int | None,
        typer.Option(
            min=4, max=60, help="Conventional cells along each side (default: ten times the atoms of the crystallite)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a crystallite into its undercooled melt and release it several times: does it grow or dissolve?

    Example: nakaya md seed --material Al --temperature 640 --size 120 --seeds 5 --out nuclei/

    What counts as solid is measured first, on a bulk solid and a bulk melt. One crystallite of 100 atoms in 2,048 takes
    two minutes on one core. Killed, the same command goes on. Leaves with status 1 where none was released.
    """
    from nakaya.md.runs import measure_seeding

    document = measure_seeding(
        of.found(), temperature, how.execution(), sizes=size or (), shapes=shape or ("sphere",),
        seeds=range(first_seed, first_seed + seeds), branches=branches, cells=cells,
    )  # fmt: skip
    lines = [
        f"{nucleus['shape']} of {nucleus['crystallite_size']:g} atoms, seed {nucleus['seed']}: "
        + (
            "not released (failed)"
            if nucleus["status"] == "failed"
            else f"{nucleus['nucleus_size_at_release']:g} solid at release; {nucleus['grown']} grown, "
            f"{nucleus['dissolved']} dissolved, {nucleus['undecided']} undecided ({nucleus['status']})"
        )
        for nucleus in document["nuclei"]
    ]
    _print(document, as_json, *lines)
    if document["status"] == "failed":
        raise typer.Exit(1)


@with_groups
def run_input(
    script: Annotated[Path, typer.Argument(help="Your own LAMMPS input; files beside it are copied along.")],
    dump: Annotated[str, typer.Option(help="Name of the dump file that it writes.")],
    about: TrajectoryGroup,
    temperature: StatedTemperature = None,
    orientation: StatedOrientation = None,
    time_limit: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    electric_field: Annotated[
        float | None, typer.Option(help="On ions, in V/m: the input's variable electric_field, in V/A, for fix efield.")
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Run your own LAMMPS input and analyse its dump as `nakaya ingest md` would.

    Example: nakaya md run examples/md/in.copper --dump copper.dump --elements Cu --lammps-units metal --time-step 0.002
    --temperature 1100 --out copper/

    An input file can run any command that you can: run only inputs that you trust.
    """
    from nakaya.md.ingest import run_own_input

    options = about.options(temperature, orientation)
    document = run_own_input(
        script, dump, options, out=_need_out(out), overwrite=overwrite, time_limit=time_limit,
        electric_field=electric_field,
    )  # fmt: skip
    _print(document, as_json, f"1 record in {out}")


def campaign_run(
    plan: Annotated[Path, typer.Argument(help="TOML file that lists the runs.")],
    out: Annotated[Path, typer.Option(help="Directory of the campaign; records go to OUT/records.")],
    known: Annotated[
        str | None, typer.Option(help="Records whose runs are not repeated: a shipped set or a store.")
    ] = None,
    workers: Workers = 1,
    dask: DaskAddress = None,
    keep_frames: Annotated[bool, typer.Option("--keep-frames", help="Keep the frames of finished runs.")] = False,
    max_runs: Annotated[
        int | None, typer.Option(min=0, help="Stop after so many runs; 0: only tell what is left.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the runs of a plan that are not done yet, in its order.

    Example: nakaya md campaign run examples/nickel/plan.toml --out nickel/ --workers 2

    Killed at any moment, the same command goes on; a run counts once, because its record is written whole or not.
    It refuses when a record was made with other settings than the plan has. With --dask the runs go to a cluster, whose
    workers need LAMMPS and have to see --out under the same path (docs/clusters.md).
    """
    from nakaya.md.runs import run_plan

    how = _execution(out, workers)
    if dask is not None:
        how = replace(how, executor=make_executor(dask, workers))
    document = run_plan(plan, how, known=known, keep_frames=keep_frames, max_runs=max_runs)
    line = (
        f"runs finished now: {document['finished']}, done before: {document['skipped']}, remaining: "
        f"{document['remaining']}, failed: {len(document['failed'])}; records in {document['records']}"
    )
    _print(document, as_json, line)


def campaign_collect(
    sources: Annotated[list[str], typer.Argument(help="Campaigns, stores or shipped sets.")],
    out: Annotated[Path, typer.Option(help="Store of records to write (a new directory).")],
    known: Annotated[
        str | None, typer.Option(help="Records that tell melting points and bulk, but are not joined.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Join the records of campaigns; all driving forces then come from the same melting points and latent heats.

    Example: nakaya md campaign collect nickel/ al-cu-si --out set/
    """
    from nakaya.md.runs import collect

    document = collect(sources, out, known=known, overwrite=overwrite)
    points = ", ".join(f"{name} {entry['value']:.0f} K" for name, entry in document["melting_points_K"].items())
    _print(document, as_json, f"{document['records']} records in {out}; melting points: {points}")
