"""Problem 3a, dendritic growth: a quarter of a crystal of a pure melt in a square of 960 W0, to t = 1500 (revision 1).

A. M. Jokisaari et al., Comput. Mater. Sci. 149, 336 (2018); the model is that of A. Karma & W.-J. Rappel, Phys. Rev. E
57, 4323 (1998), without a kinetic coefficient: lambda = D tau0 / (.6267 W0^2) with D = 10. It is grown on several
grids; what is uploaded is the finest one's, and the values at zero spacing are extrapolated from the two finest.

PFHub's text takes the tip where phi is .5, its uploads where phi is 0: both are told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from contourpy import contour_generator  # comes with matplotlib

from nakaya.core.arrays import FloatArray
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.phase_field import cpu
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.measures import free_energy, solid_fraction, tip_position
from nakaya.growth.solvers.phase_field.model import MODEL
from nakaya.growth.solvers.phase_field.parameters import A1, A2, PhaseField
from nakaya.growth.solvers.phase_field.reference import State, initial_state
from nakaya.workflows.pfhub.parts import Computed, Part, Row, Summary, measured

__all__ = ["compute", "extrapolated", "parts", "point_of", "setup_of"]

EDGE: Final = 960.0
"""Of the domain, in W0."""

END: Final = 1500.0
"""In tau0."""

DIFFUSIVITY: Final = 10.0
UNDERCOOLING: Final = 0.3
ANISOTROPY: Final = 0.05
SEED_RADIUS: Final = 8.0
"""In W0."""

SIZES: Final = (801, 960, 1200)
"""Sites along an edge: grid spacings of 1.2, 1 and .8 W0."""

HALF: Final = 0.5
"""phi at the tip, as PFHub's text has it."""

BETWEEN: Final = 100.0
"""tau0 between two values of a series."""

SERIES: Final = ("tip_position", "tip_position_half", "solid_fraction", "free_energy")
"""What is told, in this order."""


def point_of(size: int) -> PhaseField:
    """The problem's parameters on a grid of so many sites along an edge; half of the first lies behind a mirror."""
    capillary_length = A1 * A2 / DIFFUSIVITY
    return PhaseField(
        undercooling=UNDERCOOLING,
        anisotropy=ANISOTROPY,
        capillary_length=capillary_length,
        spacing=EDGE / (size - 0.5),
        seed_radius=SEED_RADIUS / capillary_length,
    )


def setup_of(size: int, end: float = END) -> GrowthSetup:
    """The quarter, which stops at `end` tau0 alone."""
    steps = round(end / STEP_DURATION)
    return MODEL.setup("quarter", size, stop=MODEL.stop(margin=None, max_steps=steps, no_growth=steps))


def _measures(state: State, params: PhaseField, setup: GrowthSetup) -> list[float]:
    return [
        tip_position(state.phi, params, (0, 0)),
        tip_position(state.phi, params, (0, 0), level=HALF),
        solid_fraction(state.phi, params, setup),
        free_energy(state.u, state.phi, params, setup),
    ]


def _contour(state: State, spacing: float) -> FloatArray:
    """Where phi is 0, from one axis to the other: float64 [point, 2], x and y in W0."""
    lines = contour_generator(z=state.psi).lines(0.0)
    return max((np.asarray(line, np.float64) for line in lines), key=len) * spacing


def _table(names: Sequence[str], rows: Any) -> bytes:
    lines = [",".join(names), *(",".join(f"{value:.9g}" for value in row) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def compute(size: int, *, end: float = END, is_uploaded: bool = True) -> Computed:
    """Grow the crystal on one grid.

    Args:
        size: Sites along an edge.
        end: In tau0.
        is_uploaded: Whether the files for an upload are made.
    """
    params, setup = point_of(size), setup_of(size, end)
    cpu.evolve(params, setup_of(size, STEP_DURATION), (0, 0))  # compiles
    cost: dict[str, Any] = {}
    with measured(cost):
        rows = [(0.0, *_measures(initial_state(params, setup), params, setup))]

        def watch(steps: int, state: State) -> None:
            rows.append((steps * params.time_step, *_measures(state, params, setup)))

        _, state = cpu.evolve(
            params, setup, (0, 0), watch=watch, steps_per_call=max(1, round(BETWEEN / params.time_step))
        )
        rows.append((end, *_measures(state, params, setup)))
    files = {}
    if is_uploaded:
        for place, name in enumerate(SERIES, 1):
            files[f"{name}.csv"] = _table(("time", name), [(row[0], row[place]) for row in rows])
        files["phase_field_1500.csv"] = _table(("x", "y"), _contour(state, params.spacing))
    summary = {"dx": params.spacing, "sim_time": end, "first_free_energy": rows[0][4]}
    return Computed(summary | dict(zip(SERIES, rows[-1][1:], strict=True)) | cost, files)


def extrapolated(coarse: Summary, fine: Summary) -> Row:
    """The values at zero spacing, from two grids with errors of second order."""
    ratio = (coarse["dx"] / fine["dx"]) ** 2
    values = {name: fine[name] + (fine[name] - coarse[name]) / (ratio - 1) for name in SERIES}
    return {"problem": "3a", "dx": 0.0, **values}


def _rows(summaries: Sequence[Summary]) -> list[Row]:
    """A row for each grid, and what they are extrapolated to, which has cost all of them."""
    found: list[Row] = [{"problem": "3a", **{name: run[name] for name in ("dx", *SERIES)}} for run in summaries]
    finest, second = sorted(summaries, key=lambda run: float(run["dx"]))[:2]
    found.append(extrapolated(second, finest))
    costs = [run["cpu_seconds"] for run in summaries]
    for row, seconds in zip(found, [*costs, sum(costs)], strict=True):
        row["free_energy_drop"] = finest["first_free_energy"] - row["free_energy"]
        row["cpu_seconds"] = seconds
    return found


def parts(seed: int) -> list[Part]:
    """The problem's one part; nothing in it is random."""
    runs: list[Callable[[], Computed]] = [partial(compute, size, is_uploaded=size == max(SIZES)) for size in SIZES]
    summary = (
        "Explicit steps of psi = sqrt 2 artanh phi and of the temperature, flows through faces on a uniform grid of "
        f"{point_of(max(SIZES)).spacing:.4g} W0, work only where something happens, float32, one thread."
    )
    return [Part("3a", 1, summary, runs, _rows)]
