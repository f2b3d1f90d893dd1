"""How far off is a dendrite's tip at a grid spacing, does the grid turn it, do theories hold, what does it cost?"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from math import sqrt
from typing import Annotated, Any

import numpy as np
import typer
from scipy.optimize import brentq

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field import cpu, reference
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.measures import tip_position
from nakaya.growth.solvers.phase_field.model import MODEL, MODEL_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt

__all__ = [
    "convergence_order",
    "cost_of_crystals",
    "equilibrium_shape",
    "phase_field",
    "steady_tips",
    "thinner_interfaces",
    "tip_errors",
]

BOX = 90.0
"""Length of the quarter in W0."""

REACHED = (35.0, 45.0, 55.0)
"""W0 from the seed's centre: the tip's velocity is that between the last two, its time that of the last."""

BESIDE_TIP = 25.0
"""W0 beyond a tip on the diagonal that sites beside it may reach along rows."""

KEY = (0, 0)

SOLVABILITY = ((0.55, 0.1385, 0.0170), (0.65, 0.554, 0.0468))
"""Undercooling, d0 / W0, and V d0 / D of microscopic solvability theory at anisotropy .05, as they are quoted
from A. Karma & W.-J. Rappel, Phys. Rev. E 57, 4323 (1998); the paper itself was not at hand."""

WALL = 5.0
"""D / V between a steady tip and the walls."""

SEED = 5.0
"""Radius of the seed of a steady tip, in W0, or 25 d0 where that is more."""

TRAVEL = {0.55: 150.0, 0.65: 170.0}
"""W0 that a tip travels until its velocity drifts by less than 1 % in D / V^2."""


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


def convergence_order(spacings: Sequence[float], values: Sequence[float]) -> float:
    """Return p, where three values differ from their limit by a power p of the spacing; NaN where none does.

    >>> round(convergence_order([0.4, 0.6, 0.8], [1 + h**2 for h in (0.4, 0.6, 0.8)]), 6)
    2.0
    """
    first, second, third = (np.array(spacings[:3]) / spacings[2]).tolist()
    target = (values[0] - values[1]) / (values[1] - values[2])

    def excess(p: float) -> float:
        return float((first**p - second**p) / (second**p - third**p) - target)

    low, high = 0.1, 12.0
    return float(brentq(excess, low, high)) if excess(low) * excess(high) < 0 else float("nan")


def steady_tip(
    undercooling: float, capillary_length: float, spacing: float, orientation: float, thinner: float = 1.0
) -> dict[str, Any]:
    """Return a tip's velocity after `TRAVEL`, V d0 / D, and how much it has changed within the last D / V^2.

    With an interface `thinner` times as thin every other length of the same crystal is as many times longer in W0.
    """
    capillary_length *= thinner
    seed = max(SEED, 25 * capillary_length)
    params = PhaseField(
        undercooling=undercooling,
        capillary_length=capillary_length,
        spacing=spacing,
        seed_radius=seed / capillary_length,
        orientation=orientation,
    )
    published = next(entry[2] for entry in SOLVABILITY if entry[0] == undercooling)
    length = capillary_length / published  # D / V
    stretch = sqrt(2) if orientation == 45 else 1.0
    travel = TRAVEL[undercooling] * thinner
    reach = travel / stretch
    beside = BESIDE_TIP * thinner if orientation == 45 else 0.0
    size = round((reach + beside + WALL * length) / spacing)
    stop = MODEL.stop(margin=size - 1 - int((reach + beside) / spacing), max_steps=None)
    start = time.process_time()
    grown, _ = cpu.evolve(params, MODEL.setup("quarter", size, stop=stop), KEY)
    seconds = time.process_time() - start
    times = np.diagonal(grown.arrival) if orientation == 45 else grown.arrival[0]
    passed = np.flatnonzero(times > 1)
    places, moments = passed * spacing * stretch, times[passed] * STEP_DURATION
    end = min(travel, float(places[-1]))
    at = np.interp([end - 2 * length, end - length, end], places, moments)
    before, velocity = (length / (at[1] - at[0]), length / (at[2] - at[1]))
    return {
        "undercooling": undercooling,
        "capillary_length": capillary_length,
        "spacing": spacing,
        "orientation": orientation,
        "velocity": velocity * capillary_length / params.diffusivity,
        "drift": velocity / before - 1,
        "published": published,
        "cpu_seconds": seconds,
    }


def steady_tips(spacings: Sequence[float]) -> list[dict[str, Any]]:
    """Return velocities of steady tips on some grids, along rows and along the diagonal, and what they converge to."""
    rows: list[dict[str, Any]] = []
    for undercooling, capillary_length, published in SOLVABILITY:
        for orientation in (0.0, 45.0):
            found = [steady_tip(undercooling, capillary_length, spacing, orientation) for spacing in sorted(spacings)]
            fine, coarse = found[0], found[1]
            ratio = (coarse["spacing"] / fine["spacing"]) ** 2
            limit = fine["velocity"] + (fine["velocity"] - coarse["velocity"]) / (ratio - 1)
            rows += found
            rows.append(found[0] | {"spacing": 0.0, "velocity": limit, "cpu_seconds": 0.0, "published": published})
    return rows


def thinner_interfaces(factors: Sequence[float], spacing: float) -> list[dict[str, Any]]:
    """Return velocities of steady tips of the same crystals with thinner interfaces, on one grid spacing in W0.

    The thin-interface limit leaves errors that vanish with W0 / d0; solvability theory knows sharp interfaces alone.
    """
    points = [(undercooling, length) for undercooling, length, _ in SOLVABILITY]
    return [steady_tip(*point, spacing, 0.0, factor) for point in points for factor in factors]


def equilibrium_shape(spacing: float = 0.8, anisotropy: float = 0.05) -> dict[str, float]:
    """Return radii of a crystal in equilibrium with its melt over those of Wulff's shape.

    Where the surface tension is that of a circle times a, the shape is r = R n a + R t a', with u = -d0 / R: R (1 +
    anisotropy) along an axis, R (1 - anisotropy) between two.
    """
    params = PhaseField(anisotropy=anisotropy, undercooling=0.083, seed_radius=36, spacing=spacing)
    stop = MODEL.stop(margin=2, max_steps=60_000, no_growth=60_000)
    _, state = cpu.evolve(params, MODEL.setup("quarter", round(24.8 / spacing), stop=stop), KEY)
    radius = -params.capillary_length / float(state.u.mean())
    axis = tip_position(state.phi, params, (0, 0))
    diagonal = tip_position(np.diagonal(state.phi)[None], params, (0, 0)) * sqrt(2)
    return {
        "spacing": spacing,
        "radius": radius,
        "axis": axis / (radius * (1 + anisotropy)),
        "diagonal": diagonal / (radius * (1 - anisotropy)),
        "spread_of_u": float(np.ptp(state.u)),
    }


BATCHES = {"quarter 256, noise": 500, "octant 128": 100}
"""Crystals of a batch, whose time is extrapolated from one."""


def bytes_per_site(params: PureMelt, setup: GrowthSetup) -> float:
    """Return the most memory that is held at a time while a crystal grows, over the number of sites."""
    tracemalloc.start()
    try:
        cpu.evolve(params, setup, KEY)
        return tracemalloc.get_traced_memory()[1] / float(np.prod(setup.shape))
    finally:
        tracemalloc.stop()


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
            ("octant", MODEL_3D, PhaseField3D(), 128),
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
        memory = bytes_per_site(params, few)
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
                "dense_updates_per_second": updates / seconds["dense"],
                "bytes_per_site": memory,
            }
        )
    return rows


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ParameterError(f"{option} {text!r} is not a list of numbers: write, say, 0.6,0.8,1") from None


def phase_field(
    spacings: Annotated[str, typer.Option(help="Grid spacings over W0, two or more.")] = "0.4,0.6,0.8,1,1.2",
    undercooling: Annotated[float, typer.Option(help="Of the melt far away.")] = 0.55,
    steady: Annotated[
        str, typer.Option(help="Grid spacings of steady tips beside solvability theory; none: leave them out.")
    ] = "0.5,0.6,0.8",
    thinner: Annotated[
        str, typer.Option(help="Steady tips with interfaces so many times thinner, at .8 W0; none: leave them out.")
    ] = "none",
    large: Annotated[bool, typer.Option("--large", help="Time larger crystals, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure errors of a dendrite's tip against the grid spacing, along rows and along the diagonal, and CPU times.

    Example: python3 nk.py benchmark phase-field --spacings 0.6,0.8,1
    """
    numbers = _numbers("--spacings", spacings)
    result: dict[str, Any] = {
        "tips": tip_errors(numbers, PhaseField(undercooling=undercooling)),
        "steady": [] if steady == "none" else steady_tips(_numbers("--steady", steady)),
        "thinner": [] if thinner == "none" else thinner_interfaces(_numbers("--thinner", thinner), 0.8),
        "shape": equilibrium_shape(),
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
    for orientation in (0, 45):
        rows = [row for row in result["tips"] if row["orientation"] == orientation]
        if len(rows) > 2:
            three = [rows[0], rows[len(rows) // 2], rows[-1]]
            order = convergence_order([row["spacing"] for row in three], [row["time"] for row in three])
            used = ", ".join(f"{row['spacing']:g}" for row in three)
            typer.echo(f"order of convergence of the time at {orientation} deg, dx {used} W0: {order:.1f}")
    for row in result["steady"] + result["thinner"]:
        grid = f"dx {row['spacing']:4.2f} W0" if row["spacing"] else "extrapolated"
        typer.echo(
            f"steady tip, undercooling {row['undercooling']:g}, d0/W0 {row['capillary_length']:g}, "
            f"{row['orientation']:2.0f} deg, {grid:12s}: V d0/D {row['velocity']:.5f}, "
            f"{row['velocity'] / row['published'] - 1:+.1%} from solvability's {row['published']:g}, drift "
            f"{row['drift']:+.2%} in D/V^2, CPU {row['cpu_seconds']:.1f} s"
        )
    shape = result["shape"]
    typer.echo(
        f"in equilibrium, dx {shape['spacing']:g} W0: radius over Wulff's along an axis {shape['axis']:.4f}, "
        f"between two {shape['diagonal']:.4f}; u is the same within {shape['spread_of_u']:.1g}"
    )
    for row in result["crystals"]:
        typer.echo(
            f"{row['crystal']}: CPU {row['cpu_seconds']:.2f} s, "
            f"{row['dense_over_rest']:.1f} times less than at all sites, "
            f"{row['reference_over_rest']:.0f} times less than NumPy, {row['updates_per_second'] / 1e9:.2f}e9 sites/s, "
            f"{row['dense_updates_per_second'] / 1e9:.2f}e9 at all sites, {row['bytes_per_site']:.0f} bytes a site"
        )
    for row in result["crystals"]:
        if row["crystal"] in BATCHES:
            count = BATCHES[row["crystal"]]
            minutes = count * row["cpu_seconds"] / 120
            typer.echo(f"{count} times {row['crystal']}, extrapolated from one: {minutes:.1f} minutes on two cores")
