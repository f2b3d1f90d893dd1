"""What does a dendrite cost with another program, at the same error of its tip?

Karma & Rappel's equations for phi itself, written down symbolically for Pystencils, which makes vectorised C of them:
central differences of second order, explicit Euler, float32, every site in every step. It shares no line with the
solver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import sqrt
from typing import Annotated, Any, Final

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.phase_field import cpu
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.measures import tip_position, tip_velocity
from nakaya.growth.solvers.phase_field.model import MODEL
from nakaya.growth.solvers.phase_field.parameters import PhaseField

__all__ = ["phase_field_peers"]

STABLE: Final = 0.2
"""D dt / dx^2 of the peer: four fifths of the limit of explicit steps."""

KEY: Final = (0, 0)


def peer_kernel(point: PhaseField, time_step: float) -> Callable[..., None]:
    """Return the function that writes `later` and `warmer` from `phi` and `u`, float32 arrays with one ghost line."""
    ps, sp = import_module("pystencils"), import_module("sympy")

    phi, later, u, warmer = ps.fields("phi, later, u, warmer: float32[2D]")
    x, y = sp.symbols("x y")
    stretch = 1 + point.anisotropy * (1 - 8 * x**2 * y**2 / (x**2 + y**2 + 1e-12) ** 2)
    energy = stretch**2 * (x**2 + y**2) / 2
    discretize = ps.fd.Discretization2ndOrder(dx=point.spacing)

    def difference(of: Any, *axes: int) -> Any:
        return discretize(ps.fd.diff(of.center, *axes))

    gradient = {x: difference(phi, 0), y: difference(phi, 1)}
    curved = sum(
        sp.diff(energy, one, other).subs(gradient) * difference(phi, i, j)
        for i, one in enumerate((x, y))
        for j, other in enumerate((x, y))
    )
    well = 1 - phi.center**2
    rate = curved + (phi.center - point.coupling * u.center * well) * well
    change = time_step * rate / stretch.subs(gradient) ** 2
    spread = time_step * point.diffusivity * (difference(u, 0, 0) + difference(u, 1, 1))
    assignments = [
        ps.Assignment(later.center, phi.center + change),
        ps.Assignment(warmer.center, u.center + spread + change / 2),
    ]
    best = ps.Target.available_vector_cpu_targets()
    config = ps.CreateKernelConfig(target=best[-1] if best else ps.Target.GenericCPU, default_dtype="float32")
    if best:
        config.cpu.vectorize.enable = config.cpu.vectorize.assume_inner_stride_one = True
    collection = ps.simp.sympy_cse(ps.AssignmentCollection(assignments))
    function: Callable[..., None] = ps.create_kernel(collection, config).compile()
    return function


def peer_tip(point: PhaseField, box: float, until: float) -> dict[str, Any]:
    """Return where the peer's tip is at a time, in W0, and what that cost; sites are the middles of cells."""
    count = round(box / point.spacing)
    time_step = STABLE * point.spacing**2 / point.diffusivity
    steps = round(until / time_step)
    kernel = peer_kernel(point, until / steps)
    places = (np.arange(count + 2) - 0.5) * point.spacing
    distance = point.seed_width - np.hypot(places[:, None], places)
    phi = np.tanh(distance / sqrt(2)).astype(np.float32)
    u = np.full_like(phi, -point.undercooling)
    later, warmer = phi.copy(), u.copy()
    start = time.process_time()
    for _ in range(steps):
        for field in (phi, u):
            field[0], field[-1], field[:, 0], field[:, -1] = field[1], field[-2], field[:, 1], field[:, -2]
        kernel(phi=phi, later=later, u=u, warmer=warmer)
        phi, later, u, warmer = later, phi, warmer, u
    seconds = time.process_time() - start
    line = phi[1:-1, 1].astype(np.float64)
    melt = int(np.flatnonzero(line < 0)[0])
    tip = (melt - 0.5 + line[melt - 1] / (line[melt - 1] - line[melt])) * point.spacing
    return {"tip": float(tip), "cpu_seconds": seconds, "updates": steps * count**2}


def own_tip(point: PhaseField, box: float, until: float, is_dense: bool = False) -> dict[str, Any]:
    """Return where the solver's tip is at a time, in W0, and what that cost."""
    size = round(box / point.spacing)
    setup = MODEL.setup("quarter", size, stop=MODEL.stop(margin=1, max_steps=round(until / STEP_DURATION)))
    cpu.evolve(point, MODEL.setup("quarter", size, stop=MODEL.stop(margin=1, max_steps=1)), KEY)  # compiles
    start = time.process_time()
    grown, state = cpu.evolve(point, setup, KEY, is_dense=is_dense)
    seconds = time.process_time() - start
    steps = -(-until // point.time_step)  # the first that is not before the end
    beyond = (steps * point.time_step - until) * tip_velocity(grown.arrival, point, (0, 0))
    tip = tip_position(state.phi, point, (0, 0)) - beyond
    return {"tip": tip, "cpu_seconds": seconds, "updates": int(steps) * size**2}


def compare(
    until: float, box: float, own_spacings: Sequence[float], peer_spacings: Sequence[float]
) -> list[dict[str, Any]]:
    """Return tips and costs of both programs, finest grid first, and their errors against the limits of both.

    A program's limit, its row of spacing 0, is what its two finest grids are extrapolated to, the error being of second
    order. Which limit is nearer to the truth nobody knows.
    """
    programs: dict[str, tuple[Callable[..., dict[str, Any]], Sequence[float]]] = {
        "nakaya": (own_tip, own_spacings),
        "nakaya, all sites": (partial(own_tip, is_dense=True), own_spacings[-1:]),
    }
    if find_spec("pystencils") is not None:
        programs["pystencils"] = (peer_tip, peer_spacings)
    rows: list[dict[str, Any]] = []
    for name, (tip_of, spacings) in programs.items():
        found = [
            {"program": name, "spacing": dx, **tip_of(PhaseField(spacing=dx), box, until)} for dx in sorted(spacings)
        ]
        rows += found
        if len(found) > 1:
            fine, coarse = found[:2]
            ratio = (coarse["spacing"] / fine["spacing"]) ** 2
            limit = fine["tip"] + (fine["tip"] - coarse["tip"]) / (ratio - 1)
            rows.append({"program": name, "spacing": 0.0, "tip": limit, "cpu_seconds": 0.0, "updates": 0})
    limits = [row["tip"] for row in rows if row["spacing"] == 0]
    return [row | {"errors": [row["tip"] - limit for limit in limits]} for row in rows]


def times_faster(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the peer's finest grid, and the solver's cheapest that is as near to both limits; None where none is.

    >>> own = {"program": "nakaya", "spacing": 0.8, "errors": [0.1, -0.1], "cpu_seconds": 1.0}
    >>> peer = {"program": "pystencils", "spacing": 0.2, "errors": [-0.3, -0.2], "cpu_seconds": 20.0}
    >>> times_faster([own, peer])["ratio"]
    20.0
    >>> times_faster([own | {"errors": [0.1, -0.4]}, peer])
    """
    peers = [row for row in rows if row["program"] == "pystencils" and row["spacing"] > 0]
    if not peers:
        return None
    finest = min(peers, key=lambda row: float(row["spacing"]))
    as_near = [
        row
        for row in rows
        if row["program"] == "nakaya"
        and row["spacing"] > 0
        and all(abs(one) <= abs(other) for one, other in zip(row["errors"], finest["errors"], strict=True))
    ]
    if not as_near:
        return None
    cheapest = min(as_near, key=lambda row: float(row["cpu_seconds"]))
    return {"peer": finest, "own": cheapest, "ratio": finest["cpu_seconds"] / cheapest["cpu_seconds"]}


def _spacings(option: str, text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 2:
        raise ParameterError(f"{option} {text!r} is not a list of two numbers or more: write, say, 0.4,0.8")
    return numbers


def phase_field_peers(
    spacings: Annotated[str, typer.Option(help="Grid spacings of the solver in W0, two or more.")] = "0.4,0.6,0.8,1",
    peer_spacings: Annotated[
        str, typer.Option(help="Grid spacings of the peer in W0, two or more.")
    ] = "0.3,0.4,0.6,0.8",
    until: Annotated[float, typer.Option(help="Time in tau0.")] = 260.0,
    box: Annotated[float, typer.Option(help="Edge of the quarter in W0.")] = 90.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold the cost of a dendrite against a kernel that Pystencils writes, at the same error of the tip.

    Example: python3 nk.py benchmark phase-field-peers

    Where Pystencils (pip install pystencils[use_cpu], and a C compiler) is missing, its rows are left out.
    """
    rows = compare(until, box, _spacings("--spacings", spacings), _spacings("--peer-spacings", peer_spacings))
    best = times_faster(rows)
    if as_json:
        echo_json({"rows": rows, "equal_error": best})
        return
    typer.echo(f"tip of a quarter of {box:g} W0 after {until:g} tau0, beside the programs' limits; one thread, float32")
    for row in rows:
        where = f"dx {row['spacing']:.2f} W0" if row["spacing"] else "dx -> 0"
        beside = ", ".join(f"{error:+.3f}" for error in row["errors"])
        line = f"{row['program']:<17} {where:<10}: {row['tip']:.3f} W0 ({beside})"
        if row["spacing"]:
            line += f", CPU {row['cpu_seconds']:.3f} s, {row['updates'] / row['cpu_seconds'] / 1e9:.2f}e9 sites/s"
        typer.echo(line)
    if find_spec("pystencils") is None:
        typer.echo("Pystencils is not installed: no peer was measured")
    elif best is None:
        typer.echo("no grid of nakaya is as near to both limits as the peer's finest")
    else:
        typer.echo(
            f"nakaya at dx {best['own']['spacing']:g} W0 is {best['ratio']:.0f} times faster than pystencils at dx "
            f"{best['peer']['spacing']:g} W0, and nearer to both limits"
        )
