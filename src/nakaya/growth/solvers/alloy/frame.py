"""Where an alloy's growth begins and ends, and the frame that moves: what the reference and the fast solver share.

In a gradient the sides of the lattice are joined, and its first and last rows are walls. In the geometry "window" the
lattice moves with the interface: when the solid comes within `margin` rows of the last one, the first `SHIFT` rows are
given up for as many of fresh melt. What is given up is lost; attachment times and fields are those of the last place.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import FloatArray, Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.alloy.parameters import DiluteAlloy, DirectionalAlloy
from nakaya.growth.solvers.phase_field.clock import Clock

__all__ = ["SHIFT", "WINDOW", "Frame", "is_planar", "moved_up", "row_temperature", "temperature_law"]

WINDOW = "window"
"""The geometry of a lattice that moves."""

SHIFT = 16
"""Rows that it moves by."""


def is_planar(setup: GrowthSetup) -> bool:
    """Whether the seeds fill the first row: the first interface is then planar."""
    return {site for site in setup.initial if site[0] == 0} == {(0, column) for column in range(setup.shape[1])}


def first_front(params: DiluteAlloy, setup: GrowthSetup) -> float:
    """Return how high above row 0 the first interface reaches, in W0."""
    return max(site[0] for site in setup.initial) * params.spacing + params.seed_width


def temperature_law(params: DirectionalAlloy, setup: GrowthSetup) -> tuple[float, float, float]:
    """Return theta of row 0 at the beginning, its rise from row to row, and its fall in a time step."""
    rise = params.spacing / params.thermal_length
    start = 1 - params.start_undercooling - first_front(params, setup) / params.thermal_length
    return start, rise, params.speed * params.time_step / params.thermal_length


def row_temperature(params: DiluteAlloy, setup: GrowthSetup, num_steps: int, moved: int) -> FloatArray:
    """Return theta of every row after some time steps, float64 [row]; 0 at one temperature."""
    if not isinstance(params, DirectionalAlloy):
        return np.zeros(setup.shape[0])
    start, rise, fall = temperature_law(params, setup)
    return np.asarray(start + (np.arange(setup.shape[0]) + moved) * rise - num_steps * fall)


Scalar = TypeVar("Scalar", bound=np.generic)


def moved_up(field: NDArray[Scalar], fresh: float) -> NDArray[Scalar]:
    """Return a field [row, column] without its first `SHIFT` rows, and as many of `fresh` behind the last."""
    return np.concatenate([field[SHIFT:], np.full_like(field[:SHIFT], fresh)])


class Frame(Clock):
    """Attachment times of a member, and how far its lattice has moved.

    Args:
        params: The parameter point.
        setup: Seeds, edges and stop rules.
        phi: The phase field before the first step, float [row, column].

    Attributes:
        moved: Rows that the lattice has moved by.

    Raises:
        ParameterError: A seed reaches the far edge; a window without a limit of steps would move for ever, or is
            hardly higher than its margin.
    """

    def __init__(self, params: DiluteAlloy, setup: GrowthSetup, phi: NDArray[np.floating]) -> None:
        super().__init__(params, setup, SQUARE, phi)  # type: ignore[arg-type]  # it takes what both kinds have
        self.moved = 0
        self.is_window = setup.geometry == WINDOW
        if isinstance(params, DirectionalAlloy):
            self.front = last_rows(setup)
            if (self.front & (self.arrival >= INITIAL)).any():
                raise ParameterError(
                    f"the first interface stands at row {first_front(params, setup) / params.spacing:.0f} of "
                    f"{setup.shape[0]}, within margin={setup.stop.margin} of the last: use more rows, a smaller "
                    "seed_radius or margin"
                )
        if self.is_window and (self.limit == float("inf") or setup.stop.margin is None):
            raise ParameterError(
                f"max_steps={setup.stop.max_steps} and margin={setup.stop.margin}: a window moves for ever, or never; "
                "state both"
            )
        if self.is_window and setup.shape[0] - (setup.stop.margin or 0) < 2 * SHIFT:
            raise ParameterError(
                f"a window of {setup.shape[0]} rows with margin={setup.stop.margin} keeps less than {2 * SHIFT} rows "
                "below its front: use more rows or a smaller margin"
            )

    @property
    def is_at_edge(self) -> bool:
        """Whether the solid has come close to the last row of a window."""
        return self.is_window and bool((self.arrival[self.front] > INITIAL).any())

    def move(self) -> None:
        """Move the attachment times with the lattice, whose fields move by `moved_up`."""
        self.arrival = np.ascontiguousarray(moved_up(self.arrival, NEVER), np.int32)
        self.moved += SHIFT


def last_rows(setup: GrowthSetup) -> Mask:
    """Return the rows whose attachment meets the front rule: bool [row, column]."""
    rows = np.zeros(setup.shape, np.bool_)
    if setup.stop.margin is not None:
        rows[-setup.stop.margin :] = True
    return rows
