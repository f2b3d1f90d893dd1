"""The parameters of dendritic grains in a temperature field, and what follows from them."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.grains.parameters import check_number

__all__ = ["DendriticGrains", "DendriticGrains3D", "DendriticGrowth"]


class DendriticGrowth(Parameters):
    """What the models in two and three dimensions have in common. SI units; undercoolings are below the liquidus.

    Envelopes of dendritic grains grow along <100> with  v = a dT^n + b dT^m, and nowhere above the liquidus; by default
    as in Al-7 wt% Si (M. Rappaz & C.-A. Gandin, Acta Metall. Mater. 41, 345 (1993)). The melt is undercooled by

        dT = undercooling + cooling_rate t - gradient h - recalescence f

    at the height h above row 0 (layer 0, in space), with the fraction f of the lattice that lies in envelopes. Uniform
    temperature, recalescence of a melt that no heat leaves or that is cooled, and Bridgman's setting, an isotherm that
    rises with cooling_rate/gradient, are choices of the four numbers. Nuclei in the melt and on the wall at height 0
    become active where dT reaches their undercooling, normally distributed (P. Thevoz, J. L. Desbiolles & M. Rappaz,
    Metall. Trans. A 20, 311 (1989)).
    """

    undercooling: float = parameter(
        default=8, low=-1000, high=1000, unit="K", symbol="ΔT", meaning="the undercooling at the start, at height 0"
    )
    cooling_rate: float = parameter(
        default=0, low=0, high=1e9, unit="K/s", symbol="R", meaning="the rate at which the melt is cooled"
    )
    gradient: float = parameter(
        default=0, low=0, high=1e9, unit="K/m", symbol="G", meaning="the temperature gradient along the height"
    )
    recalescence: float = parameter(
        default=0,
        low=0,
        high=1000,
        unit="K",
        symbol="L/c",
        meaning="the temperature rise when all melt lies in envelopes: latent heat released there over heat capacity",
    )
    coefficient: float = parameter(
        default=2.9e-6,
        low=0,
        high=1e6,
        unit="m/(s K^n)",
        symbol="a",
        meaning="the coefficient a of v = a dT^n + b dT^m",
    )
    exponent: float = parameter(default=2, low=0.5, high=6, symbol="n", meaning="the exponent n of dT")
    second_coefficient: float = parameter(
        default=1.49e-6, low=0, high=1e6, unit="m/(s K^m)", symbol="b", meaning="the coefficient b of the second term"
    )
    second_exponent: float = parameter(default=3, low=0.5, high=6, symbol="m", meaning="the exponent m of dT")
    nucleation_undercooling: float = parameter(
        default=5, low=0, high=1000, unit="K", symbol="ΔTN", meaning="the mean undercooling of nuclei in the melt"
    )
    nucleation_width: float = parameter(
        default=0.5, low=0, high=1000, unit="K", symbol="ΔTσ", meaning="the standard deviation of the same"
    )
    wall_undercooling: float = parameter(
        default=1, low=0, high=1000, unit="K", meaning="the mean undercooling of nuclei on the wall at height 0"
    )
    wall_width: float = parameter(default=0.1, low=0, high=1000, unit="K", meaning="the standard deviation of the same")
    spacing: float = parameter(
        default=1e-5, low=0, high=1, low_open=True, unit="m", symbol="dx", meaning="the distance between sites"
    )
    time_step: float = parameter(
        default=2e-3, low=0, high=1e6, low_open=True, unit="s", symbol="dt", meaning="the duration of a step"
    )

    dimension: ClassVar[int]
    nuclei_density: float
    wall_density: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coefficient == 0 and self.second_coefficient == 0:
            raise ParameterError("coefficient=0 and second_coefficient=0 let nothing grow: give one of the two")

    def velocity(self, undercooling: float) -> float:
        """V in m/s at an undercooling in K; 0 above the liquidus."""
        if undercooling <= 0:
            return 0.0
        first = self.coefficient * float(undercooling) ** self.exponent
        return float(first + self.second_coefficient * float(undercooling) ** self.second_exponent)

    def num_nuclei(self, setup: GrowthSetup) -> tuple[int, int]:
        """Nuclei in the melt, and on the wall."""
        volume, area = prod(setup.shape), prod(setup.shape[1:])
        d = self.dimension
        return (
            round(self.nuclei_density * self.spacing**d * volume),
            round(self.wall_density * self.spacing ** (d - 1) * area),
        )

    def check(self, setup: GrowthSetup, *, has_history: bool) -> None:
        """Refuse what cannot grow on a lattice.

        Args:
            setup: The lattice.
            has_history: Whether temperatures are given in place of the parameters'.

        Raises:
            ParameterError: Nothing would nucleate, or too much; the melt stays above its liquidus; opposite sides are
                joined although heights differ.
        """
        if not has_history and self.undercooling <= 0 and self.cooling_rate == 0:
            raise ParameterError(
                f"undercooling={self.undercooling:g} K is not below the liquidus and cooling_rate=0: nothing can grow; "
                "give a positive one of the two"
            )
        if setup.edges == "periodic" and (self.wall_density > 0 or (self.gradient > 0 and not has_history)):
            raise ParameterError(
                "edges='periodic' joins top and bottom, which gradient and wall_density tell apart: use insulated"
            )
        check_number(sum(self.num_nuclei(setup)), setup, self.spacing, "nuclei_density or wall_density")


class DendriticGrains(DendriticGrowth):
    """One parameter point of dendritic grains in the plane: squares with corners along <10>.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range; nothing would grow.

    >>> point = DendriticGrains()
    >>> f"{point.velocity(8):.2e} m/s, {point.velocity(8) * point.time_step / point.spacing:.2f} sites in a step"
    '9.48e-04 m/s, 0.19 sites in a step'
    """

    family: ClassVar[str] = "grains-dendritic"
    dimension: ClassVar[int] = 2

    nuclei_density: float = parameter(
        default=5e6, low=0, high=1e20, unit="1/m^2", symbol="N", meaning="the number of nuclei in the melt per area"
    )
    wall_density: float = parameter(
        default=0, low=0, high=1e10, unit="1/m", meaning="the number of nuclei on the wall per length"
    )


class DendriticGrains3D(DendriticGrowth):
    """One parameter point of dendritic grains in space: octahedra with corners along <100>.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range; nothing would grow.

    >>> DendriticGrains3D().velocity(-1)
    0.0
    """

    family: ClassVar[str] = "grains-dendritic-3d"
    dimension: ClassVar[int] = 3

    nuclei_density: float = parameter(
        default=1e11, low=0, high=1e30, unit="1/m^3", symbol="N", meaning="the number of nuclei in the melt per volume"
    )
    wall_density: float = parameter(
        default=0, low=0, high=1e20, unit="1/m^2", meaning="the number of nuclei on the wall per area"
    )
