"""`nakaya md`: molecular dynamics with LAMMPS, from melting points to campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli import md_laws
from nakaya.cli.formatting import split_names
from nakaya.cli.output import echo_json

__all__ = ["register"]

MaterialName = Annotated[str, typer.Option(help="Al, Cu or Si; another element with all the options of a potential.")]
Out = Annotated[Path | None, typer.Option(help="Store of records to write (a new directory).")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Runs at a time, one core each.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PairStyle = Annotated[str | None, typer.Option(help="LAMMPS pair style, such as eam/alloy.")]
Potential = Annotated[str | None, typer.Option(help="Potential file: a path, or a name in LAMMPS' own folder.")]
Sha256 = Annotated[str | None, typer.Option(help="Hash that the potential file must have: 64 hexadecimal digits.")]
Structure = Annotated[str | None, typer.Option(help="Crystal: fcc, bcc or diamond.")]
LatticeParameter = Annotated[float | None, typer.Option(help="First guess of the lattice parameter, in angstrom.")]
MeltingPoint = Annotated[float | None, typer.Option(help="First guess of the melting point, in K.")]


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(
        help="Molecular dynamics with LAMMPS: growth, melting points, properties, nucleation.", no_args_is_help=True
    )
    group.command("grow")(grow)
    group.command("melting-point")(melting_point)
    group.command("properties")(properties)
    group.command("nucleate")(nucleate)
    group.command("run")(run_input)
    md_laws.register(group)
    campaign = typer.Typer(help="Many runs from one plan, resumable.", no_args_is_help=True)
    campaign.callback()(_campaign)
    campaign.command("run")(campaign_run)
    campaign.command("collect")(campaign_collect)
    group.add_typer(campaign, name="campaign")
    app.add_typer(group, name="md")


def _campaign() -> None:
    """Many runs from one plan, resumable after any kill."""


def _need_out(out: Path | None) -> Path:
    from nakaya.core.errors import ParameterError

    if out is None:
        raise ParameterError("--out is missing: name a new directory for the records")
    return out


def _tell(record: Any) -> None:  # a Record; the vocabulary is imported when a command runs
    from nakaya.records.collection import summarise_record

    typer.echo(summarise_record(record), err=True)


def _command_line() -> str:
    """The command as records keep it: files by name, for folders differ between machines, and records travel."""
    import shlex
    import sys

    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["nakaya", *words])


def _print(document: dict[str, Any], as_json: bool, line: str) -> None:
    if as_json:
        echo_json(document)
        return
    typer.echo(line)
    for flag in document.get("flags", []):
        typer.echo(f"  {flag}")


def grow(
    material: MaterialName,
    orientation: Annotated[str, typer.Option(help="Growth direction: 100, 110 or 111.")],
    temperature: Annotated[float, typer.Option(help="In K; above the melting point the crystal melts.")],
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Independent runs; 2 or more for an honest error.")] = 2,
    first_seed: Annotated[int, typer.Option(min=0, help="Number of the first seed.")] = 0,
    out: Out = None,
    duration: Annotated[
        float | None, typer.Option(help="In ps after 10 ps of equilibration; planned if left out.")
    ] = None,
    width: Annotated[float, typer.Option(help="Width of the front, in angstrom.")] = 16.0,
    length: Annotated[float, typer.Option(help="Length of the box, in angstrom; 200 or more.")] = 200.0,
    from_records: Annotated[
        str | None, typer.Option(help="Take finished runs from records (al-cu-si, a store) instead of simulating.")
    ] = None,
    pair_style: PairStyle = None,
    potential: Potential = None,
    potential_sha256: Sha256 = None,
    structure: Structure = None,
    lattice_parameter: LatticeParameter = None,
    melting_point: MeltingPoint = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure the velocity of a crystal front from a half-melted box.

    Example: nakaya md grow --material Cu --orientation 100 --temperature 1206 --seeds 2 --out md/

    One run of 4,000 atoms takes two to five minutes on one core, and less than 0.1 GB of memory. Killed, the same
    command goes on where it stopped. Leaves with status 1 where no run gave a velocity.
    """
    from nakaya.md.potentials import find_material
    from nakaya.md.runs import measure_growth
    from nakaya.md.summary import growth_from_records

    if from_records is not None:
        document = growth_from_records(from_records, material, orientation, temperature)
    else:
        chosen = find_material(
            material, pair_style=pair_style, potential=potential, structure=structure,
            lattice_parameter=lattice_parameter, melting_point=melting_point, potential_sha256=potential_sha256,
        )  # fmt: skip
        document = measure_growth(
            chosen,
            orientation,
            temperature,
            seeds=range(first_seed, first_seed + seeds),
            out=_need_out(out),
            duration_ps=duration,
            width=width,
            length=length,
            workers=workers,
            overwrite=overwrite,
            command=_command_line(),
            progress=_tell,
        )
    seen = f"{document['growth_velocity_m_per_s']:.3g} +- {document['standard_error_m_per_s']:.2g} m/s"
    if document["status"] == "failed":
        seen = "no velocity"
    line = f"{material} ({orientation}) at {temperature:g} K: {seen} over {len(document['seeds'])} seeds"
    peak = document.get("peak_memory_bytes")
    memory = "" if peak is None else f", at most {peak / 1e9:.2f} GB of memory a run"
    _print(document, as_json, f"{line} ({document['status']}){memory}")
    if document["status"] == "failed":
        raise typer.Exit(1)


def melting_point(
    material: MaterialName,
    orientation: Annotated[str, typer.Option(help="Of the fronts: 100, 110 or 111.")] = "100",
    length: Annotated[
        list[float] | None, typer.Option(help="Box length in angstrom; repeat for several (default: 100 and 200).")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Runs per length.")] = 1,
    duration: Annotated[float, typer.Option(help="In ps at constant enthalpy.")] = 150.0,
    out: Out = None,
    from_records: Annotated[
        str | None, typer.Option(help="Take finished runs from records (al-cu-si, a store) instead of simulating.")
    ] = None,
    pair_style: PairStyle = None,
    potential: Potential = None,
    potential_sha256: Sha256 = None,
    structure: Structure = None,
    lattice_parameter: LatticeParameter = None,
    guess: Annotated[float | None, typer.Option(help="First guess of the melting point, in K.")] = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the melting point of a potential: crystal and melt coexist at constant enthalpy.

    Example: nakaya md melting-point --material Al --out melting/

    Two box lengths show the effect of size, two classifiers whether the fronts stand still.
    """
    from nakaya.md.potentials import find_material
    from nakaya.md.runs import measure_melting_point
    from nakaya.md.summary import melting_from_records

    if from_records is not None:
        document = melting_from_records(from_records, material)
    else:
        chosen = find_material(
            material, pair_style=pair_style, potential=potential, structure=structure,
            lattice_parameter=lattice_parameter, melting_point=guess, potential_sha256=potential_sha256,
        )  # fmt: skip
        document = measure_melting_point(
            chosen,
            orientation=orientation,
            lengths=tuple(length) if length else (100.0, 200.0),
            seeds=range(seeds),
            duration_ps=duration,
            out=_need_out(out),
            workers=workers,
            overwrite=overwrite,
            command=_command_line(),
            progress=_tell,
        )
    line = f"{material} melts at {document['melting_point_K']:.1f} +- {document['standard_error_K']:.1f} K"
    _print(document, as_json, f"{line} ({document['status']})")


def properties(
    material: MaterialName,
    temperature: Annotated[list[float], typer.Option(help="In K; repeat for several.")],
    out: Out = None,
    duration: Annotated[float, typer.Option(help="Length of each sample, in ps.")] = 20.0,
    cells: Annotated[int, typer.Option(min=3, max=40, help="Conventional cells along each side.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    pair_style: PairStyle = None,
    potential: Potential = None,
    potential_sha256: Sha256 = None,
    structure: Structure = None,
    lattice_parameter: LatticeParameter = None,
    melting_point: MeltingPoint = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure lattice parameter, latent heat and liquid diffusivity of a potential at zero pressure.

    Example: nakaya md properties --material Cu --temperature 1206 --temperature 1327 --out properties/
    """
    from nakaya.md.potentials import find_material
    from nakaya.md.runs import measure_properties

    chosen = find_material(
        material, pair_style=pair_style, potential=potential, structure=structure,
        lattice_parameter=lattice_parameter, melting_point=melting_point, potential_sha256=potential_sha256,
    )  # fmt: skip
    document = measure_properties(
        chosen,
        temperature,
        out=_need_out(out),
        duration_ps=duration,
        cells=cells,
        seed=seed,
        workers=workers,
        overwrite=overwrite,
        command=_command_line(),
        progress=_tell,
    )
    lines = [
        f"{row['temperature_K']:g} K: a = {row['lattice_parameter_m'] * 1e10:.4f} A, "
        f"L = {row['latent_heat_J_per_mol'] / 1000:.2f} kJ/mol, D = {row['diffusivity_m2_per_s']:.3g} m2/s"
        for row in document["rows"]
    ]
    _print(document, as_json, "\n".join(lines))


def nucleate(
    material: MaterialName,
    temperature: Annotated[float, typer.Option(help="In K; above 0.6 melting points nothing will be seen.")],
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Independent quenches; 20 or more.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0, help="Number of the first seed.")] = 0,
    duration: Annotated[float, typer.Option(help="In ps, after which a run counts as censored.")] = 300.0,
    cells: Annotated[int, typer.Option(min=4, max=60, help="Conventional cells along each side.")] = 10,
    out: Out = None,
    pair_style: PairStyle = None,
    potential: Potential = None,
    potential_sha256: Sha256 = None,
    structure: Structure = None,
    lattice_parameter: LatticeParameter = None,
    melting_point: MeltingPoint = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure the homogeneous nucleation rate: quench a melt many times and wait.

    Example: nakaya md nucleate --material Cu --temperature 650 --seeds 20 --out quenches/

    Runs without an event are kept as censored, the lag is subtracted, the interval is Poisson's.
    """
    from nakaya.md.potentials import find_material
    from nakaya.md.runs import measure_nucleation

    chosen = find_material(
        material, pair_style=pair_style, potential=potential, structure=structure,
        lattice_parameter=lattice_parameter, melting_point=melting_point, potential_sha256=potential_sha256,
    )  # fmt: skip
    document = measure_nucleation(
        chosen,
        temperature,
        seeds=range(first_seed, first_seed + seeds),
        out=_need_out(out),
        duration_ps=duration,
        cells=cells,
        workers=workers,
        overwrite=overwrite,
        command=_command_line(),
        progress=_tell,
    )
    line = (
        f"{material} at {temperature:g} K: J = {document['nucleation_rate_per_m3_s']:.3g} 1/(m3 s), "
        f"{document['events']} events, {document['censored']} censored ({document['status']})"
    )
    _print(document, as_json, line)


def run_input(
    script: Annotated[Path, typer.Argument(help="Your own LAMMPS input; files beside it are copied along.")],
    dump: Annotated[str, typer.Option(help="Name of the dump file that it writes.")],
    elements: Annotated[str | None, typer.Option(help="Elements of the types 1, 2, ..., such as Cu or Cu,Al.")] = None,
    lammps_units: Annotated[str | None, typer.Option(help="Unit style of the input (metal, real, si).")] = None,
    time_step: Annotated[float | None, typer.Option(help="Time step, in picoseconds.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Temperature in K; from velocities if left out.")] = None,
    orientation: Annotated[str | None, typer.Option(help="Growth direction, such as 100.")] = None,
    structure: Structure = None,
    equilibration: Annotated[float, typer.Option(help="Leave out this much at the start, in picoseconds.")] = 0.0,
    time_limit: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Run your own LAMMPS input and analyse its dump as `nakaya ingest md` would.

    Example: nakaya md run in.mine --dump mine.dump --elements Cu --lammps-units metal --time-step 0.002 --out mine/

    An input file can run any command that you can: run only inputs that you trust.
    """
    from nakaya.md.running_inputs import run_own_input
    from nakaya.md.trajectory_records import TrajectoryOptions

    options = TrajectoryOptions(
        lammps_units=lammps_units,
        elements=split_names(elements),
        time_step_ps=time_step,
        temperature=temperature,
        orientation=orientation,
        structure=structure,
        equilibration_ps=equilibration,
    )
    document = run_own_input(script, dump, options, out=_need_out(out), overwrite=overwrite, time_limit=time_limit)
    _print(document, as_json, f"1 record in {out}")


def campaign_run(
    plan: Annotated[Path, typer.Argument(help="TOML file that lists the runs.")],
    out: Annotated[Path, typer.Option(help="Directory of the campaign; records go to OUT/records.")],
    known: Annotated[
        str | None, typer.Option(help="Records whose runs are not repeated: a shipped set or a store.")
    ] = None,
    workers: Workers = 1,
    keep_frames: Annotated[bool, typer.Option("--keep-frames", help="Keep the frames of finished runs.")] = False,
    max_runs: Annotated[int | None, typer.Option(min=1, help="Stop after so many runs.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the runs of a plan that are not done yet, in its order.

    Example: nakaya md campaign run plan.toml --out runs/ --workers 2

    Killed at any moment, the same command goes on; a run counts once, because its record is written whole or not.
    It refuses when a record was made with other settings than the plan has.
    """
    from nakaya.md.runs import run_plan

    document = run_plan(
        plan,
        out,
        known=known,
        workers=workers,
        keep_frames=keep_frames,
        max_runs=max_runs,
        command=_command_line(),
        progress=_tell,
    )
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

    Example: nakaya md campaign collect runs/al-cu-si al-cu-si --out set/
    """
    from nakaya.md.runs import collect

    document = collect(sources, out, known=known, overwrite=overwrite)
    points = ", ".join(f"{name} {entry['value']:.0f} K" for name, entry in document["melting_points_K"].items())
    _print(document, as_json, f"{document['records']} records in {out}; melting points: {points}")
