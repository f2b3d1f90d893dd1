"""The parameters of the phase-field model of a dilute binary alloy, and what follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import erfc, exp, pi, sqrt
from typing import ClassVar

from scipy.optimize import brentq

from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.solvers.phase_field.parameters import A1, A2, COURANT, MIN_SEED, STEEPNESS

__all__ = ["MAX_WIDTH", "Alloy", "DiluteAlloy", "DirectionalAlloy", "ivantsov_peclet"]

MAX_WIDTH = 0.75
"""Greatest W0 / sqrt(d0 l_D). The thin-interface limit corrects to first order in lambda W0 / l_D = a1 W0^2 / (d0 l_D):
the interface of a planar front partitions .2 % off at .6, 3 % at .9, and falls apart beyond."""

SELECTION = 0.13
"""sigma* = 2 d0 D / (rho^2 V) of a tip in two dimensions at an anisotropy of .05, in round numbers: the velocity that
is expected of an isothermal alloy, only to see whether W0 resolves it."""

SYMMETRY = 4


def ivantsov_peclet(supersaturation: float) -> float:
    """Return P = rho V / (2 D) of a parabola in two dimensions: sqrt(pi P) exp(P) erfc(sqrt P) = supersaturation.

    G. P. Ivantsov, Dokl. Akad. Nauk SSSR 58, 567 (1947).

    Args:
        supersaturation: In (0, 1).

    >>> round(ivantsov_peclet(0.55), 3)
    0.257
    """
    return float(brentq(lambda p: sqrt(pi * p) * exp(p) * erfc(sqrt(p)) - supersaturation, 1e-9, 200))


class DiluteAlloy(Parameters, ABC):
    """What growth at one temperature and in a gradient have in common.

    Lengths are in W0 (the interface's width), times in tau0 (its relaxation time). U is the solute's supersaturation,

        1 + (1 - k) U = 2 c / c0 / [1 + k - (1 - k) phi]

    with c0 the concentration of the liquid beside a planar interface at the reference temperature. Solute diffuses in
    the liquid alone. With an interface without kinetics

        lambda = a1 W0 / d0        D tau0 / W0^2 = a2 lambda

    of the thin-interface limit of B. Echebarria, R. Folch, A. Karma & M. Plapp, Phys. Rev. E 70, 061604 (2004).
    """

    dimension: ClassVar[int] = 2

    partition: float = parameter(
        default=0.14,
        low=0.01,
        high=0.95,
        symbol="k",
        meaning="the concentration of the solid over that of the liquid beside it",
    )
    anisotropy: float = parameter(
        default=0.03,
        low=-1 / 15,
        high=1 / 15,
        low_open=True,
        high_open=True,
        symbol="ε",
        meaning="the anisotropy of the surface tension",
    )
    orientation: float = parameter(
        default=0,
        low=-180,
        high=180,
        unit="deg",
        symbol="θ0",
        meaning="the angle from rows to an axis of the crystal",
    )
    capillary_length: float = parameter(
        default=0.277, low=0.005, high=1, symbol="d0/W0", meaning="the capillary length over the interface's width"
    )
    spacing: float = parameter(
        default=0.8, low=0.2, high=1.2, symbol="dx/W0", meaning="the grid spacing over the interface's width"
    )
    seed_radius: float = parameter(
        default=30, low=1, high=1e5, symbol="r0/d0", meaning="the radius of the seeds over the capillary length"
    )
    antitrapping: float = parameter(
        default=1, low=0, high=1, symbol="a", meaning="the antitrapping current over that of the thin-interface limit"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed_width < MIN_SEED:
            raise ParameterError(
                f"seed_radius={self.seed_radius:g} is {self.seed_width:.3g} W0 at capillary_length="
                f"{self.capillary_length:g}: a seed is resolved from {MIN_SEED:g} W0, which is "
                f"seed_radius={MIN_SEED / self.capillary_length:.4g}"
            )

    def check_width(self, speed: float, words: str) -> None:
        """Refuse an interface that is too wide beside sqrt(d0 l_D) at V d0 / D = `speed`."""
        least = sqrt(speed) / MAX_WIDTH
        if self.capillary_length < least:
            raise ParameterError(
                f"capillary_length={self.capillary_length:g} does not resolve {words}: W0 must not exceed "
                f"{MAX_WIDTH:g} sqrt(d0 l_D), which is capillary_length={least:.3g} and more"
            )

    @property
    def symmetry(self) -> int:
        """m, where a = 1 + anisotropy cos m theta."""
        return SYMMETRY

    @property
    def phase(self) -> float:
        """M theta0 in radians, reduced in degrees: equal crystals have equal phases to the last bit."""
        return SYMMETRY * self.orientation % 360 * pi / 180

    @property
    def coupling(self) -> float:
        """Lambda = a1 W0 / d0."""
        return A1 / self.capillary_length

    @property
    def diffusivity(self) -> float:
        """D tau0 / W0^2, of solute in the liquid."""
        return A2 * self.coupling

    @property
    def seed_width(self) -> float:
        """Radius of a seed in W0."""
        return self.seed_radius * self.capillary_length

    @property
    @abstractmethod
    def far(self) -> float:
        """U of the melt far away."""

    @property
    def nominal(self) -> float:
        """Concentration of the melt far away over c0."""
        return 1 + (1 - self.partition) * self.far

    @property
    def fastest(self) -> float:
        """Least relaxation time of an interface over tau0."""
        return 1.0

    @property
    def steepest(self) -> float:
        """Greatest 1 + lambda |U + theta| over the relaxation time that an interface meets, over tau0."""
        return 1 - self.coupling * self.far

    @property
    def time_step(self) -> float:
        """Time step in tau0: as large as diffusion, the stiffest orientation and the steepest interface allow.

        As for a pure melt. Near the liquidus an interface relaxes in k tau0.
        """
        strength = abs(self.anisotropy)
        stiffness = (1 + (SYMMETRY**2 - 1) * strength) / (1 - strength) / self.fastest
        spreading = COURANT * self.spacing**2 / max(self.diffusivity, stiffness)
        return min(spreading, STEEPNESS / self.steepest)


class Alloy(DiluteAlloy):
    """One parameter point of growth at one temperature.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range; an orientation would be missing on the
            equilibrium shape; a seed is thinner than its interface; the interface is too wide for the tip expected.

    >>> point = Alloy(supersaturation=0.55)
    >>> round(point.coupling, 2), round(point.diffusivity, 2), round(point.nominal, 3)
    (3.19, 2.0, 0.527)
    """

    family: ClassVar[str] = "alloy"

    supersaturation: float = parameter(
        default=0.55,
        low=0,
        high=0.9,
        low_open=True,
        symbol="Ω",
        meaning="the supersaturation of the melt far away, (c0 - c) / ((1 - k) c0)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        speed = 2 * SELECTION * ivantsov_peclet(self.supersaturation) ** 2
        self.check_width(speed, f"the tip expected at supersaturation={self.supersaturation:g}")

    @property
    def far(self) -> float:
        """U of the melt far away."""
        return -self.supersaturation


class DirectionalAlloy(DiluteAlloy):
    """One parameter point of growth in a temperature gradient that is pulled along columns.

    The temperature is frozen: theta = (z - V t) / l_T rises along columns, 0 at the solidus of the melt's own
    concentration, 1 at its liquidus. c0 is that concentration over k, l_T = |m| c0 (1 - k) / G.

    Raises:
        ParameterError: As `Alloy`; the interface is too wide for the pulling speed.

    >>> point = DirectionalAlloy(capillary_length=0.277, pulling_speed=0.01, gradient=1e-3)
    >>> round(point.diffusion_length, 1), round(point.thermal_length), round(point.speed, 4)
    (27.7, 277, 0.0722)
    """

    family: ClassVar[str] = "alloy-directional"

    gradient: float = parameter(
        default=1e-3,
        low=0,
        high=1,
        low_open=True,
        symbol="d0/lT",
        meaning="the temperature gradient, as the capillary length over the thermal length",
    )
    pulling_speed: float = parameter(
        default=0.01, low=0, high=1, low_open=True, symbol="V d0/D", meaning="the pulling speed times d0/D"
    )
    start_undercooling: float = parameter(
        default=0,
        low=0,
        high=1,
        symbol="δ",
        meaning="the undercooling of the first interface below the liquidus over the freezing range",
    )
    perturbation: float = parameter(
        default=0.1,
        low=0,
        high=2,
        symbol="A/W0",
        meaning="the amplitude of the first interface's noise over its width",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_width(self.pulling_speed, f"the diffusion length at pulling_speed={self.pulling_speed:g}")

    @property
    def thermal_length(self) -> float:
        """l_T in W0."""
        return self.capillary_length / self.gradient

    @property
    def diffusion_length(self) -> float:
        """l_D = D / V in W0."""
        return self.capillary_length / self.pulling_speed

    @property
    def speed(self) -> float:
        """V in W0 / tau0."""
        return self.diffusivity / self.diffusion_length

    @property
    def far(self) -> float:
        """U of the melt far away."""
        return -1.0

    @property
    def fastest(self) -> float:
        """Least relaxation time of an interface over tau0."""
        return self.partition

    @property
    def steepest(self) -> float:
        """Greatest 1 + lambda |U + theta| over the relaxation time that an interface meets, over tau0.

        It begins `start_undercooling` below the liquidus; later it is in equilibrium but for its curvature, which
        W0 resolves below 1 / (2 W0): lambda d0 / (2 W0) = a1 / 2.
        """
        begin = 1 - (1 - self.partition) * (1 - self.start_undercooling)
        return max((1 + self.coupling * self.start_undercooling) / begin, (1 + A1 / 2) / self.partition)
