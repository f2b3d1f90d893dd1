"""`nakaya train`: an emulator, or models of kinetics, from one training file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["train"]


def train(
    config: Annotated[
        Path, typer.Argument(help="Training file (TOML), see examples/train-cgne.toml; or the name of one that ships.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run, to make or to go on with (such as runs/cgne).")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, and delete the run there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train an emulator (grow its crystals, train on them, write weights and model card), or models of kinetics.

    Example: nakaya train examples/train-cgne.toml --out runs/cgne

    Stop it however you like and run the same command again: it goes on and ends with the same weights. Ctrl-C, and the
    SIGTERM of a batch system, write a checkpoint first (exit status 130 or 143); after kill -9 it goes on from the last
    one, of the last five minutes. A folder of another configuration is refused (exit status 2). `nakaya evaluate` can
    look at the folder meanwhile. In the end it holds model/ (weights.safetensors, config.json, README.md),
    metrics.jsonl (one line per update) and the crystals.

    Processes that torchrun starts with this command share every batch of an emulator, and end with one model.

    A file with model = "kinetics" (examples/train-kinetics.toml) compares models by cross-validation and writes the
    best ones for `nakaya predict`; that takes minutes, and --out appears when it is done, though `nakaya predict` can
    ask meanwhile what is finished. Other values of model name families of emulators that installed packages bring.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.core.signals import interrupt_on_termination
    from nakaya.kinetics.samples.sample import EVIDENCE
    from nakaya.kinetics.training.training import is_kinetics, read_kinetics_training, train_kinetics
    from nakaya.workflows.train_emulator import read_request
    from nakaya.workflows.train_emulator import train as train_emulator

    with interrupt_on_termination():
        if is_kinetics(config):
            card = train_kinetics(
                read_kinetics_training(config), out, overwrite=overwrite, progress=lambda line: echo(line, err=True)
            )
            if as_json:
                echo_json(card)
                return
            for part in card.parts:
                seen = f"evidence {part.evidence} ({EVIDENCE[part.evidence]})"
                echo(f"{part.target}, {seen}: {part.model}, intervals of {part.factor:.2f} sigma")
            return
        checked = read_request(config)
        total = checked.updates
        with progress_reporter("growing", "crystals") as crystals, progress_reporter("training", "updates") as updates:
            outcome = train_emulator(
                checked,
                out,
                overwrite=overwrite,
                report=lambda done, _: updates(done, total),
                crystals_report=crystals,
            )
    if os.environ.get("RANK", "0") != "0":
        return  # of the processes that torchrun started, the first speaks
    if as_json:
        echo_json(outcome)
        return
    echo(f"{outcome.name}: {outcome.updates} updates, model in {outcome.model}")
    echo(
        f"training took {outcome.seconds:.0f} s and {outcome.cpu_seconds:.0f} CPU seconds; the crystals "
        f"{outcome.crystals_seconds:.0f} s"
    )
    for name, value in outcome.validation.items():
        echo(f"validation {name}: {value:.4f}")
