"""`python3 nk.py benchmark NAME [ARGS]`: one command for each study, errors in one line as those of `nakaya`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from benchmarks.alloy import alloy
from benchmarks.coarsening import coarsening
from benchmarks.explore import explore
from benchmarks.fuzz import fuzz
from benchmarks.grains import grains
from benchmarks.house import house
from benchmarks.inference import inference
from benchmarks.kill_loop import kill_loop
from benchmarks.kinetics import kinetics
from benchmarks.kinetics_ablation import kinetics_ablation
from benchmarks.loops import loops
from benchmarks.md_ablation import md_ablation
from benchmarks.micrographs import micrographs
from benchmarks.mutation import mutation
from benchmarks.network import network
from benchmarks.nuclei import nuclei
from benchmarks.phase_field import phase_field
from benchmarks.phase_field_peers import phase_field_peers
from benchmarks.plain_phase_field import plain_phase_field
from benchmarks.reactor_conventions import reactor_conventions
from benchmarks.reactor_coverage import reactor_coverage
from benchmarks.reactor_speed import reactor_speed
from benchmarks.scale import scale
from benchmarks.score_task import score_task
from benchmarks.seeding_coverage import seeding_coverage
from benchmarks.shown import shown
from benchmarks.suggest import suggest
from benchmarks.tabulate import tabulate
from benchmarks.tuning import tuning
from benchmarks.velocities import velocities
from benchmarks.walk import walk
from nakaya.cli.output import run_app

__all__ = ["PROGRAM", "STUDIES", "app", "run"]

PROGRAM: Final = "python3 nk.py benchmark"

STUDIES: Final[Mapping[str, Callable[..., Any]]] = {
    "alloy": alloy,
    "coarsening": coarsening,
    "explore": explore,
    "fuzz": fuzz,
    "grains": grains,
    "house": house,
    "inference": inference,
    "kill-loop": kill_loop,
    "kinetics": kinetics,
    "kinetics-ablation": kinetics_ablation,
    "loops": loops,
    "md-ablation": md_ablation,
    "micrographs": micrographs,
    "mutation": mutation,
    "network": network,
    "nuclei": nuclei,
    "phase-field": phase_field,
    "phase-field-peers": phase_field_peers,
    "plain-phase-field": plain_phase_field,
    "reactor-conventions": reactor_conventions,
    "reactor-coverage": reactor_coverage,
    "reactor-speed": reactor_speed,
    "scale": scale,
    "suggest": suggest,
    "score-task": score_task,
    "seeding-coverage": seeding_coverage,
    "shown": shown,
    "tabulate": tabulate,
    "tuning": tuning,
    "velocities": velocities,
    "walk": walk,
}
"""Name on the command line -> what runs."""

app = typer.Typer(
    name="benchmark",
    help="Run a study, or make one of the tables that ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _study in STUDIES.items():
    app.command(_name)(_study)


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s: %(message)s")


def run(arguments: Sequence[str]) -> int:
    """Run one study and return its exit status, as `nakaya.cli.app.run` does."""
    return run_app(app, PROGRAM, arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
