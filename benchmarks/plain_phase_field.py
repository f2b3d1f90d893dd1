"""Does PFHub's dendrite 3a differ because of our scheme? The same equations in the plainest way, beside it.

phi itself (not psi = sqrt 2 artanh phi), explicit Euler, flows through the faces of a uniform grid, nothing skipped,
float64. It shares no line with the solver.
"""

from __future__ import annotations

import math
import time
from typing import Annotated, Any, Final

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.arrays import FloatArray
from nakaya.core.compiling import njit
from nakaya.growth.solvers.phase_field import cpu
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.model import MODEL
from nakaya.growth.solvers.phase_field.parameters import A1, A2, PhaseField

__all__ = ["plain_phase_field"]

DIFFUSIVITY: Final = 10.0
UNDERCOOLING: Final = 0.3
ANISOTROPY: Final = 0.05
RADIUS: Final = 8.0
"""Of 3a, in W0 and tau0, as its seed."""

STABLE: Final = 0.2
"""D dt / dx^2: four fifths of the limit of explicit steps."""


@njit
def _anisotropy(x: Any, y: Any) -> Any:
    """The function 1 + .05 cos 4 theta of a gradient, and its slope in theta."""
    square = x * x + y * y + 1e-30
    cosine, sine = (x * x - y * y) / square, 2 * x * y / square
    return 1 + 0.05 * (cosine * cosine - sine * sine), -0.4 * cosine * sine


@njit
def _tip(count: Any, dx: Any, dt: Any, times: Any) -> Any:
    """Where phi = 0 on the edge of a quarter at some times: float64 [time], in W0. Sites are the middles of cells."""
    coupling = 10.0 / 0.6267  # D tau0 / (a2 W0^2), as 3a has it
    phi, u = np.empty((count + 2, count + 2)), np.full((count + 2, count + 2), -0.3)
    for i in range(count + 2):
        for j in range(count + 2):
            away = math.hypot((i - 0.5) * dx, (j - 0.5) * dx)
            phi[i, j] = math.tanh((8.0 - away) / math.sqrt(2.0))
    east, north = np.zeros_like(phi), np.zeros_like(phi)
    later, warmer, tips = phi.copy(), u.copy(), np.zeros(len(times))
    done, now = 0, 0.0
    while done < len(times):
        for field in (phi, u):
            field[0], field[-1], field[:, 0], field[:, -1] = field[1], field[-2], field[:, 1], field[:, -2]
        for i in range(count + 1):
            for j in range(count + 1):
                for turned in range(2):
                    if (j if turned == 0 else i) == 0:  # beyond the edge: no flow is needed there
                        continue
                    if turned == 0:
                        step = (phi[i + 1, j] - phi[i, j]) / dx
                        side = (phi[i + 1, j + 1] + phi[i, j + 1] - phi[i + 1, j - 1] - phi[i, j - 1]) / (4 * dx)
                        x, y = step, side
                    else:
                        step = (phi[i, j + 1] - phi[i, j]) / dx
                        side = (phi[i + 1, j + 1] + phi[i + 1, j] - phi[i - 1, j + 1] - phi[i - 1, j]) / (4 * dx)
                        x, y = side, step
                    a, slope = _anisotropy(x, y)
                    if turned == 0:
                        east[i, j] = a * (a * x - slope * y)
                    else:
                        north[i, j] = a * (a * y + slope * x)
        for i in range(1, count + 1):
            for j in range(1, count + 1):
                x, y = (phi[i + 1, j] - phi[i - 1, j]) / (2 * dx), (phi[i, j + 1] - phi[i, j - 1]) / (2 * dx)
                a, _ = _anisotropy(x, y)
                flows = (east[i, j] - east[i - 1, j] + north[i, j] - north[i, j - 1]) / dx
                here = phi[i, j]
                well = 1 - here * here
                change = dt * (flows + (here - coupling * u[i, j] * well) * well) / (a * a)
                later[i, j] = here + change
                spread = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4 * u[i, j]
                warmer[i, j] = u[i, j] + change / 2 + dt * 10.0 * spread / dx**2
        phi, later = later, phi
        u, warmer = warmer, u
        now += dt
        if now >= times[done] - dt / 2:
            for i in range(1, count):
                if phi[i, 1] >= 0 > phi[i + 1, 1]:
                    tips[done] = (i - 0.5 + phi[i, 1] / (phi[i, 1] - phi[i + 1, 1])) * dx
            done += 1
    return tips


def plain_phase_field(
    spacings: Annotated[
        str, typer.Option(help="Grid spacings of the plain scheme in W0, two, coarsest first.")
    ] = "0.8,0.5",
    until: Annotated[float, typer.Option(help="Time in tau0.")] = 200.0,
    box: Annotated[float, typer.Option(help="Edge of the quarter in W0.")] = 180.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold the solver's dendrite of PFHub 3a against the same equations solved in the plainest way.

    Example: python3 nk.py benchmark plain-phase-field

    Where the tip is at quarters of the time; errors of the plain scheme are of second order: two grids tell its limit.
    """
    times = np.linspace(until / 4, until, 4)
    rows: list[dict[str, Any]] = []
    for dx in (float(word) for word in spacings.split(",")):
        begin = time.process_time()
        tips: FloatArray = _tip(round(box / dx), dx, STABLE * dx**2 / DIFFUSIVITY, times)
        rows.append({"scheme": "plain", "dx": dx, "tips": tips.tolist(), "cpu_seconds": time.process_time() - begin})
    coarse, fine = rows[-2:]
    ratio = (coarse["dx"] / fine["dx"]) ** 2
    limit = (ratio * np.array(fine["tips"]) - np.array(coarse["tips"])) / (ratio - 1)
    rows.append({"scheme": "plain, extrapolated", "dx": 0.0, "tips": limit.tolist(), "cpu_seconds": 0.0})
    length = A1 * A2 / DIFFUSIVITY
    for dx in (1.0, 0.8):
        point = PhaseField(
            undercooling=UNDERCOOLING, anisotropy=ANISOTROPY, capillary_length=length, spacing=dx,
            seed_radius=RADIUS / length,
        )  # fmt: skip
        stop = MODEL.stop(margin=1, max_steps=round(1.05 * until / STEP_DURATION))
        begin = time.process_time()
        grown, _ = cpu.evolve(point, MODEL.setup("quarter", round(box / dx), stop=stop), (0, 0))
        passed = np.flatnonzero(grown.arrival[0] > 1)
        reached = np.interp(times, grown.arrival[0][passed] * STEP_DURATION, passed * dx)
        rows.append(
            {"scheme": "nakaya", "dx": dx, "tips": reached.tolist(), "cpu_seconds": time.process_time() - begin}
        )
    if as_json:
        echo_json({"times": times.tolist(), "rows": rows})
        return
    moments = ", ".join(f"{each:g}" for each in times)
    typer.echo(f"PFHub 3a in a quarter of {box:g} W0: tip in W0 at {moments} tau0")
    for row in rows:
        where = f"dx {row['dx']:.2f} W0" if row["dx"] else "dx -> 0"
        places = ", ".join(f"{tip:.2f}" for tip in row["tips"])
        typer.echo(f"{row['scheme']:<20} {where:<11}: {places}, CPU {row['cpu_seconds']:.0f} s")
