"""The table of the fate of nuclei, kept fold by fold: graph networks take hours, and what is done is not done again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from benchmarks.kinetics import Folder
from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.documents import dump_json, plain
from nakaya.core.errors import ParameterError
from nakaya.core.files import output_errors, write_whole
from nakaya.core.resumable import resumable
from nakaya.kinetics.nuclei.folds import SPLITS, freeze_splits
from nakaya.kinetics.nuclei.labels import AFTER_PS
from nakaya.kinetics.nuclei.models import MODELS
from nakaya.kinetics.nuclei.run import describe_nuclei, score_nuclei
from nakaya.kinetics.nuclei.samples import read_nuclei
from nakaya.kinetics.nuclei.table import as_text
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.seeding.run import SeedingRun
from nakaya.records.store import load_records, record_folder

__all__ = ["PlannedNucleus", "nuclei", "planned_nuclei"]

MARKER: Final = "benchmark.json"
VERSION: Final = 1


@dataclass(frozen=True)
class PlannedNucleus:
    """A nucleus of a plan, of which `freeze_splits` knows the folds."""

    name: str
    material: str
    temperature: float
    shape: str


def planned_nuclei(plan: Path) -> list[PlannedNucleus]:
    """The nuclei of the seeding runs of a plan."""
    return [
        PlannedNucleus(run.id, run.material.name, run.temperature, run.shape)
        for run in read_plan(plan)
        if isinstance(run, SeedingRun)
    ]


def nuclei(
    records: Annotated[str | None, typer.Argument(help="Shipped set, store or file of seeding records.")] = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="Only print the folds of the nuclei of this plan, and the hashes that freeze them."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of results; the same command goes on where it stopped.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only these models; may be given several times.")] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="nucleus, temperature, shape, material, spontaneous; all by default.")
    ] = None,
    after_ps: Annotated[float, typer.Option("--after", help="ps from release to the size to be told.")] = AFTER_PS,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    done: Annotated[
        bool, typer.Option("--done", help="Compute nothing: make the table from what --out holds already.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="Also keep the whole result in this JSON file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start anew where --out holds another one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare all models of the fate of near-critical nuclei, the graph networks among them, fold by fold.

    What --keep writes is what `nakaya benchmark nuclei --stored` prints, once it ships in the folder of the set.

    Example: python3 nk.py benchmark nuclei nuclei --out results --keep benchmark.json
    """
    if (records is None) == (plan is None):
        raise ParameterError("give records, or --plan PLAN.toml to see their folds before they exist")
    if plan is not None:
        echo_json(freeze_splits(planned_nuclei(plan)))
        return
    if out is None and done:
        raise ParameterError("--done makes a table from what --out holds: name that folder with --out")
    assert records is not None
    found = read_nuclei(load_records(records), record_folder(records), after_ps=after_ps)
    options: dict[str, Any] = {"models": model or tuple(MODELS), "splits": split or SPLITS, "seed": seed}
    with progress_reporter("fitting", "folds") as report:
        if out is None:
            document = score_nuclei(found, progress=report, **options)
        else:
            begun_with = {"version": VERSION, "nuclei": describe_nuclei(found)["sha256"], "seed": seed}
            with resumable(out, begun_with, marker=MARKER, kind="benchmark of nuclei", overwrite=overwrite):
                (out / "tasks").mkdir(exist_ok=True)
                kept = Folder(out / "tasks", compute=not done)
                document = score_nuclei(found, kept=kept, progress=report, **options)
    if keep is not None:
        with output_errors(keep):
            write_whole(keep, dump_json(plain(document)))
    if as_json:
        echo_json(document)
        return
    typer.echo(as_text(document), nl=False)
