"""`nakaya tune`: Bayesian optimisation of the hyperparameters of a kinetics model, from one study file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

if TYPE_CHECKING:
    from nakaya.workflows.tuning.search import StudyOutcome

__all__ = ["tune"]

HOUR = 3600.0


def tune(
    study: Annotated[Path, typer.Argument(help="Study file (TOML); see examples/study-svm.toml")],
    trials: Annotated[int, typer.Option(help="Scores wanted, those of earlier commands included: 1 to 10000.")] = 40,
    workers: Annotated[int, typer.Option(help="Processes of one thread each: 1 to 256.")] = 1,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Database of the study: sqlite:///study.db (one machine) or "
            "postgresql+pg8000://user@host/database (many; password in the environment variable PGPASSWORD); "
            "OUT/study.db if left out."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that all commands of the study may take together.")] = HOUR,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report (study.json, report.html), to make or to go on with.")
    ] = None,
    controls: Annotated[
        str | None,
        typer.Option(help="Table of trainings (name or folder) on which the report compares the sampler with chance."),
    ] = None,
    requeue: Annotated[
        bool,
        typer.Option(
            "--requeue",
            help="Fail and repeat at once the trials that a killed command left running on another machine, instead of "
            "waiting for their heartbeats. No other command may be working on the study.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report of another study.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search the hyperparameters of a kinetics model with a Gaussian process and expected improvement.

    Example: nakaya tune examples/study-svm.toml --trials 40 --workers 2 --storage sqlite:///study.db --out tuning/svm

    The score is the error in grouped cross-validation inside the training subset that no test group of the benchmark
    touches. Stop it however you like, also with kill -9, and run the same command again: it goes on, and killed trials
    are repeated. A study of another configuration is refused (exit status 2). One worker and one seed give one study;
    several workers choose by what has finished when they begin.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.errors import ParameterError
    from nakaya.workflows.tuning.config import read_study

    config = read_study(study)
    if storage is None and out is None:
        raise ParameterError("--storage is missing: name a database such as sqlite:///study.db, or a folder by --out")
    from nakaya.workflows.tuning.studies import tune_study

    with progress_reporter("searching", "trials") as report:
        outcome = tune_study(
            config,
            trials=trials,
            workers=workers,
            timeout=timeout,
            storage=storage,
            out=out,
            overwrite=overwrite,
            controls=controls,
            requeue=requeue,
            report=report,
        )
    if as_json:
        echo_json(outcome)
        return
    echo(*_lines(outcome, controls))
    if out is not None:
        echo(f"report: {out / 'report.html'}")


def _lines(outcome: StudyOutcome, controls: str | None) -> list[str]:
    """An outcome as lines of text."""
    each = f", {outcome.seconds_per_trial:.3g} s each" if outcome.seconds_per_trial is not None else ""
    lines = [f"{outcome.study}: {outcome.complete} of {outcome.wanted} trials in {outcome.seconds_used:.0f} s{each}"]
    if outcome.stopped_by == "timeout":
        lines.append("the time was over first: the same command with a longer --timeout goes on")
    if outcome.best is not None:
        best = outcome.best
        lines.append(f"best error {best['score']:.4g} in trial {best['trial']}; mean {outcome.mean_score:.4g}")
        for name, value in best["settings"].items():
            share = outcome.importances.get(name)
            lines.append(f"  {name} = {value:.4g}" + (f"  ({share:.0%} of the variance)" if share is not None else ""))
    if outcome.controls is not None:
        for name, verdict in outcome.controls.verdicts.items():
            lines.append(f"{name} beats random in {verdict.wins} of {outcome.controls.repeats} searches of {controls}")
    return lines
