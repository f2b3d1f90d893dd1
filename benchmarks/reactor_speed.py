"""How fast are the two solvers of the population balance?"""

from __future__ import annotations

import time
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.reactor_conventions import STATED, dextrose_run
from nakaya.cli.output import echo_json
from nakaya.core.checks import check_count
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.simulate import Method, simulate

__all__ = ["reactor_speed", "solver_speed"]


def solver_speed(*, repeats: int = 20) -> dict[str, Any]:
    """Seconds for a seeded 24 h batch by moments and by finite volumes with 400 classes, after compilation."""
    check_count("repeats", repeats, 1, 10_000)
    crystallizer, operation = dextrose_run(STATED)
    methods: tuple[Method, ...] = ("moments", "finite-volume")
    rows: dict[str, Any] = {}
    for method in methods:
        run = simulate(crystallizer, operation, times=101, method=method, grid=Grid(400))
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            simulate(crystallizer, operation, times=101, method=method, grid=Grid(400))
            seconds.append(time.perf_counter() - start)
        rows[method] = {
            "seconds_median": float(np.median(seconds)),
            "seconds_longest": max(seconds),
            "steps": run.steps,
            "balance_error": run.balance_error,
        }
    return {"batch": "dextrose, 24 h, 101 outputs", "classes": 400, "repeats": repeats, "methods": rows}


def reactor_speed(
    repeats: Annotated[int, typer.Option(help="Timed runs of each solver, 1 to 10000.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Time a seeded 24 h batch by moments and by finite volumes with 400 classes, after compilation.

    Example: python3 nk.py benchmark reactor-speed
    """
    result = solver_speed(repeats=repeats)
    if as_json:
        echo_json(result)
        return
    typer.echo(f"{result['batch']}, {repeats} runs each")
    for method, row in result["methods"].items():
        typer.echo(
            f"{method}: {row['seconds_median'] * 1e3:.2f} ms (longest {row['seconds_longest'] * 1e3:.2f} ms), "
            f"mass balance within {row['balance_error']:.1e} kg/kg"
        )
