"""`nakaya benchmark`: the tables of the README, measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

group = typer.Typer(name="benchmark", help="Measure speed, laws and models on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(group)


@group.command("speed")
def speed(as_json: AsJson = False) -> None:
    """Measure the exact solver beside the NumPy reference and the package snowfake, in one run.

    Prints cell updates (sites x steps) per CPU second of one thread for whole flakes of size 64, 256 and 1024, and the
    ratios to both; then what two threads bring. Takes one to three minutes. Other programs on the machine lower all
    figures; the ratios are measured in alternation and suffer less.

    Example: nakaya benchmark speed --json
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.workflows.benchmark_speed import PEER, benchmark_speed

    with progress_reporter("measuring", "rounds") as report:
        result = benchmark_speed(stage=report)
    if as_json:
        echo_json(result.as_json())
        return
    head = f"{'size':>5s} {'cell updates / CPU s':>22s} {'(range)':>15s} {'/ reference':>12s} {'/ ' + PEER:>12s}"
    typer.echo(f"{head} {'per flake':>10s}")
    for size, row in result.sizes.items():
        spread = f"({row.solver.low / 1e9:.2f}-{row.solver.high / 1e9:.2f})"
        peer = f"{row.ratio_to_peer:.0f}" if row.ratio_to_peer is not None else "-"
        typer.echo(
            f"{size:5d} {row.solver.median / 1e9:20.2f} G {spread:>15s} {row.ratio_to_reference:12.0f} {peer:>12s} "
            f"{row.seconds_per_flake * 1e3:7.1f} ms"
        )
    typer.echo(f"two threads: {result.speedup_of_two_workers:.2f} times one, on {result.cores} cores")
    typer.echo(f"peer: {result.peer}; {', '.join(f'{name} {value}' for name, value in result.machine.items())}")


@group.command("laws")
def laws(
    small: Annotated[bool, typer.Option("--small", help="Few cases, in seconds, as the tests do it.")] = False,
    seed: Annotated[int, typer.Option(help="Chooses the cases.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure every law that the exact solver keeps: conservation, symmetry, equality with the reference, and others.

    Takes some minutes in full. Leaves with status 1 where a law is broken.

    Example: nakaya benchmark laws
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.checks import check_seed
    from nakaya.workflows.invariants import verify_laws

    with progress_reporter("measuring", "laws") as report:
        results = verify_laws("small" if small else "full", seed=check_seed(seed), stage=report)
    if as_json:
        rows = [
            {
                "law": law.name,
                "statement": law.statement,
                "value": found.value,
                "bound": law.bound,
                "at_least": law.at_least,
                "cases": found.cases,
                "holds": holds,
            }
            for law, found, holds in results
        ]
        echo_json({"laws": rows})
    else:
        typer.echo(f"{'law':17s} {'':8s} {'found':>10s} {'bound':>9s} {'cases':>6s}  what is counted")
        for law, found, holds in results:
            bound = f"{'>=' if law.at_least else '<='} {law.bound:g}"
            mark = "holds" if holds else "BROKEN"
            typer.echo(f"{law.name:17s} {mark:8s} {found.value:10.3g} {bound:>9s} {found.cases:6d}  {law.statement}")
    if not all(holds for _, _, holds in results):
        raise typer.Exit(1)


@group.command("kinetics")
def kinetics(
    records: Annotated[
        str, typer.Option(help="Shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    out: Annotated[
        Path | None, typer.Option(help="Folder of results; the same command goes on where it stopped.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only these models; may be given several times.")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option(help="A: conditions only. B: also the first 10 ps. Both by default.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="temperature, orientation, material, run, random; all by default.")
    ] = None,
    tuned: Annotated[
        Path | None, typer.Option(help="Folder of tuned settings, MODEL.json; those of the package by default.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(help="Learn from all of --records, and score on this other set, store or file of records."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 1,
    done: Annotated[
        bool, typer.Option("--done", help="Compute nothing: make the table from what --out holds already.")
    ] = False,
    stored: Annotated[bool, typer.Option("--stored", help="Print the results that ship with the package.")] = False,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Fit tabular models again, let shipped ones predict again, and compare."),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the frozen splits of the shipped set.")] = False,
    causes: Annotated[
        bool,
        typer.Option("--causes", help="What the network's law and measurements are worth: one changed at a time."),
    ] = False,
    write: Annotated[
        Path | None, typer.Option(help="Renew the table between the markers of this document, such as README.md.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Also keep the whole result in this JSON file.")] = None,
    velocities: Annotated[
        Path | None, typer.Option(help="Draw the velocities of the records to this .svg or .png, and do nothing else.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start anew where --out holds another one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare kinetics models on growth velocities (m/s) of runs, temperatures, faces and materials that were held out.

    Where the records hold quenches, nucleation rates (ln J) follow: temperatures and materials are held out.

    Prints the error of every model with its 95 % interval, the noise floor of the labels, the share of right signs,
    coverage and width of 90 % intervals, and the ratios of what lies above the floor to the tuned ann and svm and to
    the baseline that inner cross-validation prefers.

    With --on, models learn from one whole set and are scored on another, such as your own runs.

    Example: nakaya benchmark kinetics --model ridge --model svm --evidence A --out results
    """
    from nakaya.kinetics.benchmark.table import as_text, read_stored, write_document, write_table

    if velocities is not None:
        _draw_velocities(records, velocities, overwrite=overwrite, as_json=as_json)
        return
    if check:
        _check_kinetics_splits(records, as_json=as_json)
        return
    if causes:
        _change_causes(records, as_json=as_json)
        return
    if evaluate:
        _evaluate_kinetics(seed, workers, as_json=as_json)
        return
    if on is not None:
        given = {"--stored": stored, "--out": out is not None, "--split": bool(split), "--done": done}
        _refuse_beside_on([name for name, there in given.items() if there])
    if stored:
        document = read_stored()
    elif on is not None:
        document = _score_on(on, records, model, evidence, tuned, seed)
    else:
        document = _run_kinetics(
            records, out, model, evidence, split, tuned, seed, workers, overwrite=overwrite, compute=not done
        )
    if keep is not None:
        write_document(document, keep)
    if write is not None:
        write_table(document, write)
    if as_json:
        echo_json(document)
        return
    typer.echo(as_text(document), nl=False)
    if stored:
        typer.echo(f"sha256 of the stored results: {document['sha256']}")


def _run_kinetics(
    records: str,
    out: Path | None,
    model: list[str] | None,
    evidence: list[str] | None,
    split: list[str] | None,
    tuned: Path | None,
    seed: int,
    workers: int,
    *,
    overwrite: bool,
    compute: bool,
) -> dict[str, object]:
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.errors import ParameterError
    from nakaya.kinetics.benchmark.run import benchmark_kinetics
    from nakaya.kinetics.models.catalogue import model_names
    from nakaya.kinetics.samples.splits import SPLITS

    if out is None and not compute:
        raise ParameterError("--done makes a table from what --out holds: name that folder with --out")
    _check_tuned(tuned)
    with progress_reporter("fitting", "folds") as report:
        return benchmark_kinetics(
            records,
            out=out,
            models=model or model_names(),
            evidence=evidence or ("A", "B"),  # type: ignore[arg-type]  # names are checked there
            splits=split or SPLITS,  # type: ignore[arg-type]
            tuned=tuned,
            seed=seed,
            workers=workers,
            overwrite=overwrite,
            compute=compute,
            progress=report,
        )


def _score_on(
    on: str, records: str, model: list[str] | None, evidence: list[str] | None, tuned: Path | None, seed: int
) -> dict[str, object]:
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.benchmark.unseen import score_on
    from nakaya.kinetics.models.catalogue import model_names

    _check_tuned(tuned)
    with progress_reporter("fitting", "models") as report:
        return score_on(
            on,
            records,
            models=model or model_names(),
            evidence=evidence or ("A", "B"),  # type: ignore[arg-type]  # names are checked there
            tuned=tuned,
            seed=seed,
            progress=report,
        )


def _refuse_beside_on(given: list[str]) -> None:
    from nakaya.core.errors import ParameterError

    if given:
        raise ParameterError(
            f"--on scores whole sets within minutes and keeps nothing on the way: leave out {given[0]}"
        )


def _check_tuned(tuned: Path | None) -> None:
    from nakaya.core.errors import InputFileError

    if tuned is not None and not any(tuned.glob("*.json")):
        raise InputFileError(f"{tuned} is no folder of tuned settings: expected files MODEL.json, such as svm.json")


def _evaluate_kinetics(seed: int, workers: int, *, as_json: bool) -> None:
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.benchmark.evaluate import evaluate_stored

    with progress_reporter("fitting", "folds") as report:
        found = evaluate_stored(seed=seed, workers=workers, progress=report)
    if as_json:
        echo_json(found)
    else:
        for row in found["compared"]:
            unit = "m/s" if row["target"] == "growth_velocity" else "in ln J"
            typer.echo(
                f"{row['evidence']} {row['split']:12s} {row['model']:17s} stored {row['stored']:8.2f}  "
                f"again {row['recomputed']:8.2f} {unit}"
            )
        typer.echo(f"largest difference: {found['largest_difference']:.2%} of {len(found['compared'])} rows")
        if found["missing"]:
            typer.echo(f"could not be computed again: {', '.join(found['missing'])}")
        if found["changed_records"]:
            typer.echo(f"not as they were when the table was made: {', '.join(found['changed_records'])}")
        if found["not_recomputed"]:
            kept = ", ".join(found["not_recomputed"])
            typer.echo(f"rows that are only stored, for weights of single folds do not ship: {kept}")
        for line in _frozen_lines(found["frozen"]):
            typer.echo(line)
    if not found["agree"]:
        raise typer.Exit(1)


def _frozen_lines(frozen: dict[str, Any]) -> list[str]:
    lines = [f"the model that ships, {frozen['model']}, predicts the samples of its training again:"]
    for part in frozen["parts"]:
        way = "read from its weights" if part["way"] == "weights" else "fitted again"
        share = part["difference"]
        said = part["problem"] if share is None else f"{share:.2%} of the scatter at most apart from what is stored"
        lines.append(f"  {part['target']} {part['evidence']} {part['model']}, {way}: {part['samples']} samples, {said}")
    return [*lines, *(f"  note: {note}" for note in frozen["notes"])]


def _change_causes(records: str, *, as_json: bool) -> None:
    from nakaya.kinetics.benchmark.ablation import as_lines, change_causes

    found = change_causes(records)
    if as_json:
        echo_json({"rows": found})
    else:
        typer.echo("\n".join(as_lines(found)))


def _check_kinetics_splits(records: str, *, as_json: bool) -> None:
    from nakaya.kinetics.benchmark.splits import check_splits_of

    frozen, problems = check_splits_of(records)
    if as_json:
        echo_json({"splits": frozen, "problems": problems})
    else:
        for name, entry in frozen["splits"].items():
            typer.echo(f"{name:12s} {entry['sha256']}  {entry.get('runs_per_fold', entry.get('runs'))}")
        typer.echo("\n".join(problems) or f"all as frozen: {frozen['runs']} planned runs")
    if problems:
        raise typer.Exit(1)


def _draw_velocities(records: str, path: Path, *, overwrite: bool, as_json: bool) -> None:
    from nakaya.core.errors import OutputError
    from nakaya.records.store import load_records
    from nakaya.workflows.show_kinetics import draw_velocities

    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: choose another file, or give --overwrite")
    drawn = draw_velocities(load_records(records), path)
    if as_json:
        echo_json({"file": path, "series": drawn})
    else:
        typer.echo("\n".join([*drawn, f"wrote {path}"]))
