"""`nakaya benchmark`: measures this machine, and reads or recomputes the tables that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json
from nakaya.cli.predict_nucleus import OWN_NUCLEI, seeding_records
from nakaya.core.errors import InputFileError, ParameterError

__all__ = ["invariants", "kinetics", "nuclei", "pfhub", "speed"]


def speed(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured; the median is told.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Measure the exact solver beside the NumPy reference and the package snowfake, in one run.

    Prints cell updates (sites x steps) per CPU second of one thread for whole flakes of size 64, 256 and 1024, and the
    ratios to both; then what two threads bring. Takes one to three minutes. Other programs on the machine lower all
    figures; the ratios are measured in alternation and suffer less.

    Example: nakaya benchmark speed --json
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.workflows.benchmark_speed import PEER, benchmark_speed

    with progress_reporter("measuring", "rounds") as report:
        result = benchmark_speed(rounds, stage=report)
    if as_json:
        echo_json(result)
        return
    head = f"{'size':>5s} {'cell updates / CPU s':>22s} {'(range)':>15s} {'/ reference':>12s} {'/ ' + PEER:>12s}"
    echo(f"{head} {'per flake':>10s}")
    for size, row in result["sizes"].items():
        low, high = row["cell_updates_per_cpu_second_range"]
        peer = "-" if row[f"ratio_to_{PEER}"] is None else f"{row[f'ratio_to_{PEER}']:.0f}"
        spread = f"({low / 1e9:.2f}-{high / 1e9:.2f})"
        echo(
            f"{size:>5s} {row['cell_updates_per_cpu_second'] / 1e9:20.2f} G {spread:>15s} "
            f"{row['ratio_to_reference']:12.0f} {peer:>12s} {row['seconds_per_flake'] * 1e3:7.1f} ms"
        )
    echo(f"two threads: {result['speedup_of_two_workers']:.2f} times one, on {result['cores']} cores")
    echo(f"peer: {result['peer']}; {', '.join(f'{name} {value}' for name, value in result['machine'].items())}")


def invariants(
    small: Annotated[bool, typer.Option("--small", help="Few cases, in seconds, as the tests do it.")] = False,
    seed: Annotated[int, typer.Option(help="Chooses the cases.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure every invariant of the exact solver: conservation, symmetry, equality with the reference, and others.

    Takes some minutes in full. Leaves with status 1 where one is broken.

    Example: nakaya benchmark invariants
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.checks import check_seed
    from nakaya.workflows.invariants import verify_laws

    with progress_reporter("measuring", "invariants") as report:
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
        echo(f"{'invariant':17s} {'':8s} {'found':>10s} {'bound':>9s} {'cases':>6s}  what is counted")
        for law, found, holds in results:
            bound = f"{'>=' if law.at_least else '<='} {law.bound:g}"
            mark = "holds" if holds else "BROKEN"
            echo(f"{law.name:17s} {mark:8s} {found.value:10.3g} {bound:>9s} {found.cases:6d}  {law.statement}")
    if not all(holds for _, _, holds in results):
        raise typer.Exit(1)


def kinetics(
    stored: Annotated[bool, typer.Option("--stored", help="Print the results that ship with the package.")] = False,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Fit tabular models again, let shipped ones predict again, and compare."),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the frozen splits of the shipped set.")] = False,
    on: Annotated[
        str | None,
        typer.Option(help="Learn from all of --records, and score on this other set, store or file of records."),
    ] = None,
    records: Annotated[
        str, typer.Option(help="With --on: shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    model: Annotated[list[str] | None, typer.Option(help="Only these models; may be given several times.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="What models see. A: conditions only. B: also the first 10 ps. Both by default."),
    ] = None,
    tuned: Annotated[
        Path | None, typer.Option(help="Folder of tuned settings, MODEL.json; those of the package by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    workers: Annotated[int, typer.Option(help="With --evaluate: processes of one thread each.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Compare kinetics models on growth velocities (m/s) that were held out: the stored table, or records of yours.

    --stored prints the table that ships: runs, temperatures, faces and materials were held out, and conditions of
    nucleation rates (ln J). --evaluate computes again what can be in minutes. With --on, models learn from one whole
    set and are scored on another, such as your own runs.

    Prints the error of every model with its 95 % interval, the noise floor of the labels, the share of right signs,
    coverage and width of 90 % intervals, and the ratios of what lies above the floor to the tuned ann and svm and to
    the baseline that inner cross-validation prefers. The table of a set of your own is made from a checkout:
    python3 nk.py benchmark kinetics.

    Example: nakaya benchmark kinetics --stored
    """
    from nakaya.kinetics.benchmark.table import as_text, read_stored

    ways = {"--stored": stored, "--evaluate": evaluate, "--check": check, "--on": on is not None}
    given = [name for name, there in ways.items() if there]
    if len(given) != 1:
        raise ParameterError(
            f"{' and '.join(given) or 'nothing to do'}: give one of --stored, --evaluate, --check and --on RECORDS; a "
            "table of other records is made from a checkout: python3 nk.py benchmark kinetics"
        )
    if check:
        _check_kinetics_splits(records, as_json=as_json)
        return
    if evaluate:
        _evaluate_kinetics(seed, workers, as_json=as_json)
        return
    document = read_stored() if on is None else _score_on(on, records, model, evidence, tuned, seed)
    _print_table(document, as_text, is_stored=stored, as_json=as_json)


def _print_table(
    document: dict[str, Any], as_text: Callable[[dict[str, Any]], str], *, is_stored: bool, as_json: bool
) -> None:
    if as_json:
        echo_json(document)
        return
    echo(*as_text(document).splitlines())
    if is_stored:
        echo(f"sha256 of the stored results: {document['sha256']}")


def _score_on(
    on: str, records: str, model: list[str] | None, evidence: list[str] | None, tuned: Path | None, seed: int
) -> dict[str, object]:
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.benchmark.unseen import score_on
    from nakaya.kinetics.models.catalogue import model_names
    from nakaya.kinetics.models.tuned import check_tuned

    check_tuned(tuned)
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


def _evaluate_kinetics(seed: int, workers: int, *, as_json: bool) -> None:
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.benchmark.evaluate import evaluate_stored
    from nakaya.kinetics.samples.sample import EVIDENCE

    with progress_reporter("fitting", "folds") as report:
        found = evaluate_stored(seed=seed, workers=workers, progress=report)
    if as_json:
        echo_json(found)
    else:
        for kind, words in EVIDENCE.items():
            echo(f"{kind} = evidence {kind}: {words}")
        for row in found["compared"]:
            unit = "m/s" if row["target"] == "growth_velocity" else "in ln J"
            echo(
                f"{row['evidence']} {row['split']:12s} {row['model']:17s} stored {row['stored']:8.2f}  "
                f"again {row['recomputed']:8.2f} {unit}"
            )
        echo(f"largest difference: {found['largest_difference']:.2%} of {len(found['compared'])} rows")
        if found["missing"]:
            echo(f"could not be computed again: {', '.join(found['missing'])}")
        if found["changed_records"]:
            echo(f"not as they were when the table was made: {', '.join(found['changed_records'])}")
        if found["not_recomputed"]:
            kept = ", ".join(found["not_recomputed"])
            echo(f"rows that are only stored, for weights of single folds do not ship: {kept}")
        echo(*_frozen_lines(found["frozen"]))
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


def _check_kinetics_splits(records: str, *, as_json: bool) -> None:
    from nakaya.kinetics.benchmark.splits import check_splits_of

    frozen, problems = check_splits_of(records)
    if as_json:
        echo_json({"splits": frozen, "problems": problems})
    else:
        for name, entry in frozen["splits"].items():
            echo(f"{name:12s} {entry['sha256']}  {entry.get('runs_per_fold', entry.get('runs'))}")
        echo(*(problems or [f"all as frozen: {frozen['runs']} planned runs"]))
    if problems:
        raise typer.Exit(1)


def nuclei(
    stored: Annotated[bool, typer.Option("--stored", help="Print the results that ship with the package.")] = False,
    records: Annotated[
        str | None, typer.Option(help="Store or file of seeding records; those that ship by default.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only these models, several times for more; by default all but the graph networks."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="What is held out: nucleus, temperature, shape, material, spontaneous; all by default."),
    ] = None,
    after_ps: Annotated[float, typer.Option("--after", help="ps from release to the size that is to be told.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare models of the fate of near-critical nuclei: how much of their growth does one snapshot tell?

    A model sees a nucleus in its melt at the moment of its release and tells the mean change of its size over the
    branches that follow. Prints R2 with its 95 % interval, the ceiling that the scatter of the branches sets, what is
    gained over the size alone and over the baseline that inner cross-validation prefers, the way from the size to the
    ceiling, and the coverage of 90 % intervals. All models choose their settings in the same inner folds.

    Example: nakaya benchmark nuclei --records nuclei --model size --model ridge --split nucleus
    """
    from nakaya.kinetics.nuclei.table import as_text, read_stored_nuclei, stored_nuclei

    if stored:
        if records or model or split:
            raise ParameterError("--stored prints what ships: leave --records, --model and --split out")
        if not stored_nuclei().is_file():
            raise InputFileError(f"no results for nuclei ship with this version: {OWN_NUCLEI}")
        document = read_stored_nuclei()
    else:
        document = _score_nuclei(records, model, split, after_ps, seed)
    _print_table(document, as_text, is_stored=stored, as_json=as_json)


def _score_nuclei(
    source: str | None, models: list[str] | None, splits: list[str] | None, after_ps: float, seed: int
) -> dict[str, Any]:
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.nuclei.folds import SPLITS
    from nakaya.kinetics.nuclei.models import MODELS
    from nakaya.kinetics.nuclei.run import score_nuclei

    found = seeding_records(source, after_ps)
    with progress_reporter("fitting", "folds") as report:
        return score_nuclei(
            found,
            models=models or [name for name in MODELS if not name.startswith("msgnn")],
            splits=splits or SPLITS,  # type: ignore[arg-type]  # names are checked there
            seed=seed,
            progress=report,
        )


def pfhub(
    stored: Annotated[bool, typer.Option("--stored", help="Print the results that ship with the package.")] = False,
    problem: Annotated[
        list[str] | None, typer.Option(help="Only this problem; may be given several times. All by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the files to upload; keeps each finished run, and goes on with what it holds."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Solve benchmark problems of PFHub, the phase-field community's own, and write results to be uploaded there.

    --stored prints the table that ships. Without it all is computed in one thread, in minutes. With --out each part of
    a problem gets a folder with its data and its pfhub.json, as PFHub's upload wants them; killed and run again, the
    command goes on. Problems and references: https://pages.nist.gov/pfhub.

    Example: nakaya benchmark pfhub --stored
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.workflows.pfhub.benchmarking import benchmark_pfhub, chosen_problems
    from nakaya.workflows.pfhub.table import as_text, read_stored

    if stored and out is not None:
        raise ParameterError("--stored prints what ships and writes no files: leave --stored or --out out")
    if stored:
        document = read_stored(chosen_problems(problem))
    else:
        with progress_reporter("computing", "runs") as report:
            document = benchmark_pfhub(problem, seed=seed, out=out, overwrite=overwrite, progress=report)
    if as_json:
        echo_json(document)
    else:
        echo(*as_text(document))
