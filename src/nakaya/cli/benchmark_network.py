"""`nakaya benchmark network`: how fast the graph network of kinetics is."""

from __future__ import annotations

from typing import Annotated

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("network")(network)


def network(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Measure the graph network of kinetics: an epoch of 1,000 patches of 500 atoms, a prediction for 4,000 atoms.

    One thread, CPU seconds, peaks of memory of whole processes; about a minute.

    Example: nakaya benchmark network
    """
    from nakaya.workflows.benchmark_network import benchmark_network

    found = benchmark_network(stage=lambda words: typer.echo(words, err=True))
    if as_json:
        echo_json(found)
        return
    typer.echo(
        f"epoch, 1,000 patches of {found.patch_atoms} atoms: {found.epoch_cpu_seconds:.1f} CPU s "
        f"({found.epoch_seconds:.1f} s on the clock), {_memory(found.epoch_peak_bytes)}"
    )
    typer.echo(f"epoch, random parts of them as in training: {found.augmented_cpu_seconds:.1f} CPU s")
    typer.echo(
        f"prediction by three networks, {found.frame_atoms:,} atoms: {found.prediction_cpu_seconds:.2f} CPU s, "
        f"{_memory(found.prediction_peak_bytes)}"
    )
    typer.echo(f"graph of those atoms: {found.graph_cpu_seconds:.2f} CPU s")
    typer.echo(", ".join(f"{name} {value}" for name, value in found.machine.items()))


def _memory(peak: int | None) -> str:
    return "peak of memory not known on this system" if peak is None else f"at most {peak / 1e9:.2f} GB of memory"
