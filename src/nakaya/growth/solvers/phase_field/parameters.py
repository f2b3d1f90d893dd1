"""The parameters of the phase-field model of a pure melt, and what follows from them."""

from __future__ import annotations

from math import pi, sqrt
from typing import ClassVar

from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import Parameters, parameter

__all__ = ["A1", "A2", "FOLDS", "PhaseField", "PhaseField3D", "PureMelt"]

A1 = 5 * sqrt(2) / 8
"""d0 = a1 W0 / lambda: .8839, of the thin-interface limit of Karma & Rappel (1998)."""

A2 = 0.6267
"""D tau0 / W0^2 = a2 lambda where interface kinetics vanish; of the same limit."""

FOLDS = (4, 6)
"""Rotational symmetries in the plane."""

COURANT = 0.25
"""D dt / dx^2. The isotropic Laplacians are stable below 3/8 in two and three dimensions, those along axes below 1/4
and 1/6; up to 1/4 no weight of a site is negative, so that heat obeys a maximum principle."""

STEEPNESS = 0.225
"""(1 + lambda undercooling) dt. Explicit steps with central differences are stable below 1/4, see `time_step`."""

LEAST_STIFFNESS = 1.25
"""Of the phase field in the time step, where a crystal is nearly isotropic: its differences through faces are those
along axes then, and stable below D dt / dx^2 = 1/4."""

MIN_SEED = 2.0
"""Least radius of a seed in W0: a smaller one is all interface."""


class PureMelt(Parameters):
    """What the models in two and three dimensions have in common.

    Lengths are in W0 (the interface's width), times in tau0 (its relaxation time), temperatures in units of latent heat
    over specific heat above melting. The solver's own numbers follow from the capillary length d0 and beta:

        lambda = a1 W0 / d0        D tau0 / W0^2 = a2 lambda + beta D / d0

    from d0 = a1 W0 / lambda and beta = a1 [tau0 / (lambda W0) - a2 W0 / D], the thin-interface limit of A. Karma &
    W.-J. Rappel, Phys. Rev. E 57, 4323 (1998).
    """

    undercooling: float = parameter(
        default=0.55, low=0, high=2, low_open=True, symbol="Δ", meaning="the undercooling of the melt far away"
    )
    anisotropy: float = parameter(
        default=0.05,
        low=-1 / 15,
        high=1 / 15,
        low_open=True,
        high_open=True,
        symbol="ε",
        meaning="the anisotropy of the surface tension",
    )
    noise: float = parameter(
        default=0, low=0, high=1, symbol="F", meaning="the strength of thermal noise in a volume of d0^dimension"
    )
    capillary_length: float = parameter(
        default=0.277, low=0.02, high=1, symbol="d0/W0", meaning="the capillary length over the interface's width"
    )
    spacing: float = parameter(
        default=0.8, low=0.2, high=1.2, symbol="dx/W0", meaning="the grid spacing over the interface's width"
    )
    kinetic_coefficient: float = parameter(
        default=0, low=0, high=1000, symbol="βD/d0", meaning="the kinetic coefficient of the interface times D/d0"
    )
    seed_radius: float = parameter(
        default=30, low=1, high=10_000, symbol="r0/d0", meaning="the radius of the seeds over the capillary length"
    )

    dimension: ClassVar[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed_width < MIN_SEED:
            raise ParameterError(
                f"seed_radius={self.seed_radius:g} is {self.seed_width:.3g} W0 at capillary_length="
                f"{self.capillary_length:g}: a seed is resolved from {MIN_SEED:g} W0, which is "
                f"seed_radius={MIN_SEED / self.capillary_length:.4g}"
            )

    @property
    def symmetry(self) -> int:
        """m, where a = 1 + anisotropy cos m theta in a plane that holds two axes of the crystal."""
        return 4

    @property
    def coupling(self) -> float:
        """Lambda = a1 W0 / d0."""
        return A1 / self.capillary_length

    @property
    def diffusivity(self) -> float:
        """D tau0 / W0^2."""
        return A2 * self.coupling + self.kinetic_coefficient

    @property
    def seed_width(self) -> float:
        """Radius of a seed in W0."""
        return self.seed_radius * self.capillary_length

    @property
    def time_step(self) -> float:
        """Time step in tau0: as large as diffusion, the stiffest orientation and the steepest interface allow.

        Along the interface the phase field diffuses with (a^2 + (a^2)''/2) / a^2, at most
        (1 + (m^2 - 1) |anisotropy|) / (1 - |anisotropy|), in space as in the plane. Across it psi is carried with
        v = 2 sqrt 2 |grad psi| by its own slope, which a melt that drives the interface fast steepens to about
        sqrt(1 + lambda undercooling); v^2 dt / 2 must not exceed 1.
        """
        strength = abs(self.anisotropy)
        stiffness = (1 + (self.symmetry**2 - 1) * strength) / (1 - strength)
        spreading = COURANT * self.spacing**2 / max(self.diffusivity, stiffness, LEAST_STIFFNESS)
        return min(spreading, STEEPNESS / (1 + self.coupling * self.undercooling))

    @property
    def noise_in_width(self) -> float:
        """F in a volume of W0^dimension, as the equation of heat has it."""
        return float(self.noise * self.capillary_length**self.dimension)


class PhaseField(PureMelt):
    """One parameter point of the two-dimensional model.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range; an orientation would be missing on the
            equilibrium shape; a seed is thinner than its interface.

    >>> point = PhaseField(capillary_length=0.277)
    >>> round(point.coupling, 2), round(point.diffusivity, 2), round(point.time_step, 3)
    (3.19, 2.0, 0.08)
    """

    family: ClassVar[str] = "phase-field"
    dimension: ClassVar[int] = 2

    fold: float = parameter(default=4, low=4, high=6, symbol="m", meaning="the rotational symmetry, 4 or 6")
    orientation: float = parameter(
        default=0,
        low=-180,
        high=180,
        unit="deg",
        symbol="θ0",
        meaning="the angle from rows to an axis of the crystal",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold not in FOLDS:
            raise ParameterError(f"fold={self.fold:g} is not 4 or 6: it is the rotational symmetry of the crystal")
        limit = 1 / (self.symmetry**2 - 1)
        if abs(self.anisotropy) >= limit:
            raise ParameterError(
                f"anisotropy={self.anisotropy:g} has missing orientations at fold={self.fold:g}: it must lie between "
                f"-1/{self.symmetry**2 - 1} and 1/{self.symmetry**2 - 1}, {limit:.4g}"
            )

    @property
    def symmetry(self) -> int:
        """M."""
        return int(self.fold)

    @property
    def phase(self) -> float:
        """M theta0 in radians, reduced in degrees: equal crystals have equal phases to the last bit."""
        return self.fold * self.orientation % 360 * pi / 180


class PhaseField3D(PureMelt):
    """One parameter point of the three-dimensional model: cubic anisotropy, axes of the crystal along the lattice's.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range; a seed is thinner than its interface.

    >>> point = PhaseField3D(undercooling=0.6)
    >>> point.dimension, round(point.seed_width, 2)
    (3, 8.31)
    """

    family: ClassVar[str] = "phase-field-3d"
    dimension: ClassVar[int] = 3
