"""The table of kinetics models: every model on every fold of every split, kept task by task, and put into documents.

A task leaves one file, which appears whole or not at all. What was computed before a process was killed is not computed
again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nakaya.cli.options import make_executor
from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.checks import check_seed
from nakaya.core.documents import dump_json, plain
from nakaya.core.errors import FormatError, InputFileError, OutputExistsError, ParameterError
from nakaya.core.files import output_errors, write_whole
from nakaya.core.resumable import resumable
from nakaya.kinetics.benchmark.run import check_names, growth_runs, score_models
from nakaya.kinetics.benchmark.table import (
    SINGLE,
    as_text,
    blocks_of,
    claim,
    covered,
    describe_records,
    heading,
    held_out,
    percent,
    rate_conditions,
    rate_rows,
    ratio,
    read_stored,
    rounded,
    span,
)
from nakaya.kinetics.benchmark.unseen import score_on
from nakaya.kinetics.models.catalogue import model_names
from nakaya.kinetics.models.tuned import check_tuned
from nakaya.kinetics.samples.corpus import Corpus, corpus_hash
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import EVIDENCE
from nakaya.kinetics.samples.splits import SPLITS
from nakaya.md.nucleation import nucleation_rate
from nakaya.records.record import Record
from nakaya.records.shipped import SHIPPED_SET
from nakaya.records.store import load_records

__all__ = [
    "BEGIN",
    "BEGIN_UNSEEN",
    "END",
    "END_UNSEEN",
    "as_markdown",
    "benchmark_kinetics",
    "describe_rates",
    "kinetics",
    "replace_between_markers",
    "write_table",
]

MARKER: Final = "benchmark.json"
VERSION: Final = 1

BEGIN: Final = "<!-- benchmark kinetics: begin (python3 nk.py benchmark kinetics --stored --write FILE) -->"
END: Final = "<!-- benchmark kinetics: end -->"
BEGIN_UNSEEN: Final = (
    "<!-- benchmark kinetics on others: begin (python3 nk.py benchmark kinetics --on unseen --write FILE) -->"
)
END_UNSEEN: Final = "<!-- benchmark kinetics on others: end -->"


TEXT_FIGURES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "target": "growth_velocity",
        "rmse": 0.85,
        "unit": None,
        "why": "no unit, data set or split is given: set beside a figure in m/s it means nothing",
    },
    {
        "target": "nucleation_density",
        "rmse": 0.72,
        "unit": None,
        "why": "no unit is given; a density here is .896 (J/v)^(3/4), as good as the rows of the rate and the velocity",
    },
    {
        "target": "growth_velocity",
        "margin": 0.20,
        "unit": "1",
        "why": "20 % lower RMSE than neural networks and support vector machines: comparable with rmse_ratio_to_ann "
        "and rmse_ratio_to_svm, which must then be below 0.80; ratio_to_ann and ratio_to_svm are of what lies above "
        "the noise floor",
    },
)
"""What the text that started this claims, and what can be compared."""


@dataclass(frozen=True)
class Folder:
    """Keeps one file for each task.

    Attributes:
        path: Of the files.
        compute: Whether tasks without a file are run, or left out.
    """

    path: Path
    compute: bool = True

    def __call__(self, name: str, identity: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """Return the result of a task, from its file or computed now and written, whole or not at all.

        Raises:
            FormatError: The file is not the result of a task.
            OutputError: It is the result of another task: other records, settings or seed.
        """
        path = self.path / f"{name}.json"
        if not path.is_file():
            if not self.compute:
                return None
            result = compute()
            write_whole(path, dump_json(plain(result)))
            return result
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found = document["identity"]
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path} is not the result of a benchmark task: {error}") from None
        if found != identity:
            raise OutputExistsError(
                f"{path} was computed from other records, settings or seeds, or by another version: choose another name"
            )
        return document


def benchmark_kinetics(
    source: str = SHIPPED_SET,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    compute: bool = True,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Compute what is missing of the table, and return it.

    Args:
        source: Shipped set, store or file of records.
        out: Folder of the tasks' results: the same command goes on where it stopped; None = keep nothing.
        overwrite: Whether to start anew where `out` holds something else.
        compute: Whether to compute what is missing; otherwise the table is made from what `out` holds.
        seed: Of everything random.
        options: As of `nakaya.kinetics.benchmark.run.score_models`.

    Returns:
        What `score_models` returns, and "nucleation": what is to be told of nucleation rates, "text": what is claimed.

    Raises:
        OutputError: `out` holds something else.
        NakayaError: As `score_models`.
    """
    check_names(*(options.get(name, ()) for name in ("models", "evidence", "splits")))
    corpus = growth_runs(source)
    if out is None:
        found = score_models(source, seed=seed, **options)
    else:
        begun_with = {"version": VERSION, "corpus": corpus_hash(corpus), "seed": check_seed(seed)}
        with resumable(out, begun_with, marker=MARKER, kind="benchmark of kinetics", overwrite=overwrite):
            (out / "tasks").mkdir(exist_ok=True)
            found = score_models(source, seed=seed, kept=Folder(out / "tasks", compute), **options)
    told = describe_rates(load_records(source), corpus)
    return {**found, "nucleation": told, "text": [dict(entry) for entry in TEXT_FIGURES]}


def describe_rates(records: Sequence[Record], corpus: Corpus) -> list[dict[str, Any]]:
    """What is to be told: one entry per condition with a label, and what it was counted from."""
    by_id = {record.id: record for record in records}
    found = []
    for sample in nucleation_samples(records, corpus.tables):
        label = sample.labels["nucleation_rate"]
        _, rate = nucleation_rate([by_id[name] for name in label.record_ids])
        found.append(
            {
                "condition": sample.condition,
                "ln_rate": math.log(label.value),
                "standard_error": label.standard_error / label.value,
                "events": rate.events,
                "censored": rate.censored,
                "lag_ps": rate.lag * 1e12,
                "p_exponential": rate.p_exponential,
            }
        )
    return found


def as_markdown(document: Mapping[str, Any]) -> str:
    """The table for documents: RMSE in m/s with its 95 % interval; one row per model, one column per split."""
    lines = [describe_records(document["records"]), ""]
    if not document["settings"]:
        lines += ["All models have their default settings: none of them was tuned on these records.", ""]
    by_evidence: dict[str, list[tuple[str, list[Mapping[str, Any]]]]] = {}
    for evidence, split, rows in blocks_of(document["rows"]):
        by_evidence.setdefault(evidence, []).append((split, rows))
    for evidence, blocks in by_evidence.items():
        splits = [split for split, _ in blocks]
        lines += [
            f"Evidence {evidence} ({EVIDENCE[evidence]}), RMSE of the growth velocity in m/s [95 % interval]:",
            "",
        ]
        lines.append("| held out | " + " | ".join(splits) + " | CPU s |")
        lines.append("|---|" + "---|" * (len(splits) + 1))
        floors = [rounded(heading(rows, "noise_floor_rmse"), 1) for _, rows in blocks]
        lines.append("| *noise floor* | " + " | ".join(floors) + " | |")
        models = list(dict.fromkeys(row["model"] for _, rows in blocks for row in rows))
        for model in models:
            found = [next((row for row in rows if row["model"] == model), None) for _, rows in blocks]
            cells = ["" if row is None else f"{row['rmse']:.1f} {span(row['rmse_interval'])}" for row in found]
            seconds = sum(row["cpu_seconds"] for row in found if row is not None)
            lines.append(f"| {model} | " + " | ".join(cells) + f" | {seconds:.0f} |")
        lines.append("")
        best = ", ".join(f"{split}: {heading(rows, 'best_baseline') or 'none'}" for split, rows in blocks)
        lines += [f"Best baseline by inner cross-validation: {best}.", ""]
        lines += _network_lines(blocks) + _fold_lines(blocks)
    lines += rates_as_markdown(document)
    if document.get("text"):
        lines += ["", "What the text that started this claims, and what can be compared:", ""]
        lines += [f"* {claim(entry)}" for entry in document["text"]]
    return "\n".join(lines).strip() + "\n"


def _fold_lines(blocks: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> list[str]:
    """Single folds of splits that have three groups: an average over three says little."""
    found = []
    for split, rows in blocks:
        for row in rows:
            if split in SINGLE and row["model"] in ("msgnn", "ann", "svm"):
                folds = ", ".join(f"{fold['fold']} {fold['rmse']:.1f}" for fold in row["folds"])
                found.append(f"* {split}, {row['model']}: {folds}")
    return ["Single folds, RMSE in m/s:", "", *found, ""] if found else []


def _network_lines(blocks: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> list[str]:
    found = []
    for split, rows in blocks:
        row = next((row for row in rows if row["model"] == "msgnn"), None)
        if row is not None:
            found.append(
                f"| {split} | {ratio(row['ratio_to_ann'])} | {ratio(row['ratio_to_svm'])} | "
                f"{ratio(row['ratio_to_best_baseline'])} | {ratio(row['rmse_ratio_to_ann'])} | "
                f"{ratio(row['rmse_ratio_to_svm'])} | {percent(row['coverage90'])} "
                f"{_percent(row['coverage90_interval'])} | {percent(row['sign_accuracy'])} |"
            )
    if not found:
        return []
    head = (
        "| msgnn, held out | / ann | / svm | / best baseline | whole RMSE / ann | whole RMSE / svm | "
        "coverage of 90 % [binomial 95 %] | sign right |"
    )
    return ["Ratios of what lies above the noise floor, and of whole errors:", "", head, "|---" * 8 + "|", *found, ""]


def _percent(interval: Sequence[float]) -> str:
    low, high = interval
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def replace_between_markers(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """Put a table between the markers of a document.

    Raises:
        FormatError: The markers are not there, or come twice.
    """
    pattern = re.escape(begin) + r"\n.*?" + re.escape(end)
    if len(re.findall(pattern, text, flags=re.DOTALL)) != 1:
        raise FormatError(f"the document needs the lines {begin} and {end}, once each")
    return re.sub(pattern, lambda _: f"{begin}\n\n{table}\n{end}", text, flags=re.DOTALL)


def write_table(document: Mapping[str, Any], path: Path) -> None:
    """Renew the table between the markers of a document on disk.

    Raises:
        InputFileError, FormatError: It is not there, or has no markers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {(error.strerror or 'unknown reason').lower()}") from None
    markers = (BEGIN_UNSEEN, END_UNSEEN) if "learned_from" in document["records"] else (BEGIN, END)
    renewed = replace_between_markers(text, as_markdown(document), *markers)
    with output_errors(path):
        write_whole(path, renewed.encode())


def rates_as_markdown(document: Mapping[str, Any]) -> list[str]:
    """Lines for documents: RMSE of ln J, and how many of the conditions lie in their 90 % interval."""
    rows = rate_rows(document)
    if not rows:
        return []
    splits = list(dict.fromkeys(row["split"] for row in rows))
    lines = [
        "Nucleation rate from conditions only (evidence A), RMSE of ln J, and how many rows their 90 % interval holds:",
        "",
    ]
    lines.append("| held out | " + " | ".join(held_out(split) for split in splits) + " | CPU s |")
    lines.append("|---|" + "---|" * (len(splits) + 1))
    floors = [
        rounded(heading([row for row in rows if row["split"] == split], "noise_floor_rmse"), 2) for split in splits
    ]
    lines.append("| *noise floor* | " + " | ".join(floors) + " | |")
    for model in dict.fromkeys(row["model"] for row in rows):
        own = {row["split"]: row for row in rows if row["model"] == model}
        cells = [f"{own[split]['rmse']:.2f} ({covered(own[split])})" if split in own else "" for split in splits]
        seconds = sum(row["cpu_seconds"] for row in own.values())
        lines.append(f"| {model} | " + " | ".join(cells) + f" | {seconds:.0f} |")
    return [*lines, "", *(f"* {line}" for line in rate_conditions(document)), ""]


def kinetics(
    records: Annotated[
        str, typer.Option(help="Shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    out: Annotated[
        Path | None, typer.Option(help="Folder of results; the same command goes on where it stopped.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only these models; may be given several times.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="What models see. A: conditions only. B: also the first 10 ps. Both by default."),
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
    dask: Annotated[
        str | None,
        typer.Option(
            help='Fit on a Dask cluster: "local", or the address of a scheduler, such as tcp://10.0.0.5:8786.'
        ),
    ] = None,
    done: Annotated[
        bool, typer.Option("--done", help="Compute nothing: make the table from what --out holds already.")
    ] = False,
    stored: Annotated[bool, typer.Option("--stored", help="Take the results that ship with the package.")] = False,
    write: Annotated[
        Path | None, typer.Option(help="Renew the table between the markers of this document, such as README.md.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Also keep the whole result in this JSON file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start anew where --out holds another one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare kinetics models on growth velocities (m/s) of runs, temperatures, faces and materials that were held out.

    Where the records hold quenches, nucleation rates (ln J) follow: temperatures and materials are held out.

    Prints the error of every model with its 95 % interval, the noise floor of the labels, the share of right signs,
    coverage and width of 90 % intervals, and the ratios of what lies above the floor to the tuned ann and svm and to
    the baseline that inner cross-validation prefers.

    Example: python3 nk.py benchmark kinetics --model ridge --model svm --evidence A --out results
    """
    if on is not None:
        given = {"--stored": stored, "--out": out is not None, "--split": bool(split), "--done": done}
        for name in (name for name, there in given.items() if there):
            raise ParameterError(
                f"--on scores whole sets within minutes and keeps nothing on the way: leave out {name}"
            )
    if out is None and done:
        raise ParameterError("--done makes a table from what --out holds: name that folder with --out")
    options: dict[str, Any] = {
        "models": model or model_names(), "evidence": evidence or ("A", "B"), "tuned": tuned, "seed": seed
    }  # fmt: skip
    if stored:
        document = read_stored()
    else:
        check_tuned(tuned)
        with progress_reporter("fitting", "folds" if on is None else "models") as report:
            document = (
                score_on(on, records, progress=report, **options)
                if on is not None
                else benchmark_kinetics(
                    records,
                    out=None if out is None else out.absolute(),  # workers may be elsewhere
                    overwrite=overwrite,
                    splits=split or SPLITS,
                    workers=workers,
                    executor=None if dask is None else make_executor(dask, workers),
                    compute=not done,
                    progress=report,
                    **options,
                )
            )
    if keep is not None:
        with output_errors(keep):
            write_whole(keep, dump_json(plain(document)))
    if write is not None:
        write_table(document, write)
    if as_json:
        echo_json(document)
        return
    typer.echo(as_text(document), nl=False)
