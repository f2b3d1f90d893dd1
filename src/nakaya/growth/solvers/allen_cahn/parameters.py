"""The parameters of the isothermal Allen-Cahn model, and what follows from them."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from nakaya.growth.model.parameters import Parameters, parameter

__all__ = ["SURFACE_ENERGY", "AllenCahn"]

SURFACE_ENERGY = 1 / (3 * sqrt(2))
"""Gamma of a flat interface in equilibrium, in barrier height times interface width."""


class AllenCahn(Parameters):
    """One parameter point. Lengths are in interface widths, energies in heights of the barrier, times in 1/(M w).

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> point = AllenCahn(driving_force=2**0.5 / 30, spacing=0.5)
    >>> round(point.critical_radius, 12), point.time_step * 24
    (5.0, 1.0)
    """

    family: ClassVar[str] = "allen-cahn"

    driving_force: float = parameter(
        default=SURFACE_ENERGY,
        low=0,
        high=0.4,
        low_open=True,
        symbol="Δf",
        meaning="the free energy that solidification of a unit of volume sets free",
    )
    spacing: float = parameter(
        default=1, low=0.05, high=1, symbol="dx/l", meaning="the grid spacing over the interface's width"
    )

    @property
    def critical_radius(self) -> float:
        """r* = gamma / driving force, of a sharp interface in the plane."""
        return SURFACE_ENERGY / self.driving_force

    @property
    def time_step(self) -> float:
        """dx^2 / 6: the errors in space and time of the diffusion cancel, see `reference`."""
        return self.spacing**2 / 6
