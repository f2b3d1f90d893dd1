"""How far is a dendrite's tip off at a grid spacing, does the grid turn it, and what does a crystal cost?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import sqrt
from typing import Annotated, Any

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.solvers.phase_field import cpu, reference
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.model import MODEL, MODEL_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt

__all__ = ["cost_of_crystals", "phase_field", "tip_errors"]

BOX = 90.0
"""Length of the quarter in W0."""

REACHED = (35.0, 45.0, 55.0)
"""W0 from the seed's centre: the tip's velocity is that between the last two, its time that of the last."""

BESIDE_TIP = 25.0
"""W0 beyond a tip on the diagonal that sites beside it may reach along rows."""

KEY = (0, 0)


def tip_times(params: PhaseField, distances: Sequence[float]) -> tuple[list[float], float]:
    """Return when the tip along the crystal's first axis has reached some distances, in tau0, and CPU seconds."""
    size = round(BOX / params.spacing)
    is_diagonal = params.orientation == 45
    farthest = distances[-1] / sqrt(2) + BESIDE_TIP if is_diagonal else distances[-1] + 1
    stop = MODEL.stop(margin=size - 1 - int(farthest / params.spacing))
    start = time.process_time()
    grown, _ = cpu.evolve(params, MODEL.setup("quarter", size, stop=stop), KEY)
    seconds = time.process_time() - start
    times = np.diagonal(grown.arrival) if is_diagonal else grown.arrival[0]
    passed = np.flatnonzero(times > 1)
    places = passed * params.spacing * (sqrt(2) if is_diagonal else 1)
    if places[-1] < distances[-1]:
        raise ParameterError(f"the tip has reached {places[-1]:.1f} W0 only, of {distances[-1]:g}: use a larger box")
    return [float(np.interp(distance, places, times[passed] * STEP_DURATION)) for distance in distances], seconds


def tip_errors(spacings: Sequence[float], point: PhaseField) -> list[dict[str, Any]]:
    """Return times and velocities of tips along rows and along the diagonal, and their errors against zero spacing.

    Values at zero spacing are extrapolated from the two finest grids, the error being of second order.
    """
    if len(spacings) < 2:
        raise ParameterError(f"spacings={list(spacings)} are fewer than two: the error is extrapolated from the finest")
    rows: list[dict[str, Any]] = []
    for orientation in (0.0, 45.0):
        found = []
        for spacing in sorted(spacings):
            values = point.parameters() | {"spacing": spacing, "orientation": orientation}
            times, seconds = tip_times(PhaseField(**values), REACHED)
            velocity = (REACHED[2] - REACHED[1]) / (times[2] - times[1])
            found.append({"spacing": spacing, "orientation": orientation, "time": times[2], "velocity": velocity})
            found[-1]["cpu_seconds"] = seconds
        for name in ("time", "velocity"):
            fine, coarse = found[0], found[1]
            ratio = (coarse["spacing"] / fine["spacing"]) ** 2
            limit = fine[name] + (fine[name] - coarse[name]) / (ratio - 1)
            for row in found:
                row[f"{name}_limit"], row[f"{name}_error"] = limit, row[name] / limit - 1
        rows += found
    return rows


def cost_of_crystals(large: bool) -> list[dict[str, Any]]:
    """Return CPU seconds of crystals that grow to four fifths of the edge, with all sites worked on, and with rest."""
    cases: list[tuple[str, GrowerModel, PureMelt, int]] = [
        ("quarter", MODEL, PhaseField(), 128),
        ("quarter", MODEL, PhaseField(noise=0.02), 128),
        ("octant", MODEL_3D, PhaseField3D(), 48),
    ]
    if large:
        cases += [
            ("quarter", MODEL, PhaseField(), 256),
            ("quarter", MODEL, PhaseField(noise=0.02), 256),
            ("octant", MODEL_3D, PhaseField3D(), 64),
        ]
    rows = []
    for geometry, model, params, size in cases:
        setup = model.setup(geometry, size, stop=model.stop(margin=size // 5, max_steps=None))
        cpu.evolve(params, model.setup(geometry, size, stop=model.stop(margin=size // 5, max_steps=1)), KEY)  # compiles
        seconds = {}
        for name, is_dense in (("rest", False), ("dense", True)):
            start = time.process_time()
            grown, _ = cpu.evolve(params, setup, KEY, is_dense=is_dense)
            seconds[name] = time.process_time() - start
        few = model.setup(geometry, size, stop=model.stop(margin=size // 5, max_steps=20))
        start = time.process_time()
        part, _ = reference.evolve(params, few, KEY)
        of_reference = (time.process_time() - start) * grown.steps / part.steps
        updates = grown.steps * STEP_DURATION / params.time_step * size**params.dimension
        rows.append(
            {
                "crystal": f"{geometry} {size}{', noise' if params.noise else ''}",
                "cpu_seconds": seconds["rest"],
                "dense_over_rest": seconds["dense"] / seconds["rest"],
                "reference_over_rest": of_reference / seconds["rest"],
                "updates_per_second": updates / seconds["rest"],
            }
        )
    return rows


def phase_field(
    spacings: Annotated[str, typer.Option(help="Grid spacings over W0, two or more.")] = "0.4,0.6,0.8,1,1.2",
    undercooling: Annotated[float, typer.Option(help="Of the melt far away.")] = 0.55,
    large: Annotated[bool, typer.Option("--large", help="Time larger crystals, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure errors of a dendrite's tip against the grid spacing, along rows and along the diagonal, and CPU times.

    Example: python3 nk.py benchmark phase-field --spacings 0.6,0.8,1
    """
    try:
        numbers = [float(word) for word in spacings.split(",")]
    except ValueError:
        raise ParameterError(f"--spacings {spacings!r} is not a list of numbers: write, say, 0.6,0.8,1") from None
    result = {
        "tips": tip_errors(numbers, PhaseField(undercooling=undercooling)),
        "crystals": cost_of_crystals(large),
    }
    if as_json:
        echo_json(result)
        return
    typer.echo(
        f"tip of a quarter of {BOX:g} W0, undercooling {undercooling:g}: time to {REACHED[2]:g} W0, velocity before"
    )
    for row in result["tips"]:
        typer.echo(
            f"dx {row['spacing']:4.2f} W0, {row['orientation']:2.0f} deg: {row['time']:7.2f} tau0 "
            f"({row['time_error']:+.2%}), {row['velocity']:.4f} W0/tau0 ({row['velocity_error']:+.2%}), "
            f"CPU {row['cpu_seconds']:.2f} s"
        )
    for row in result["crystals"]:
        typer.echo(
            f"{row['crystal']}: CPU {row['cpu_seconds']:.2f} s, "
            f"{row['dense_over_rest']:.1f} times less than at all sites, "
            f"{row['reference_over_rest']:.0f} times less than NumPy, {row['updates_per_second'] / 1e9:.2f}e9 sites/s"
        )
