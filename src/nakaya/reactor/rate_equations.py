"""Rate laws of crystallization as words of the field; `rates.py` holds their formulas.

Each law is a frozen dataclass in SI units that lists its own parameters; `row()` lays them out for the solvers.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, asdict, dataclass, fields
from typing import Literal, TypeAlias, get_args

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = [
    "GAS_CONSTANT",
    "GROWTH_LENGTH",
    "NUCLEATION_LENGTH",
    "BirthAndSpreadGrowth",
    "Driver",
    "Growth",
    "Kinetics",
    "Nucleation",
    "PowerLaw",
    "PowerLawDissolution",
    "PowerLawGrowth",
    "Suspension",
]

GAS_CONSTANT = 8.314462618

GROWTH_LENGTH, NUCLEATION_LENGTH = 13, 12
"""Numbers in a row of a growth or dissolution law, and of a nucleation law."""

Driver: TypeAlias = Literal["relative", "absolute", "logarithmic", "ratio"]
"""relative: S - 1; absolute: driver_scale (c - c*); logarithmic: ln S; ratio: S = c/c*."""

Suspension: TypeAlias = Literal["slurry", "solvent", "solution", "third-moment"]
"""What the crystals are counted per: their mass per kg of slurry, solvent or initial solution; or the third moment of
their sizes, m3, per kg of solvent (and nuclei per kg of solvent, too)."""

_DRIVERS: dict[str, int] = {name: number for number, name in enumerate(get_args(Driver))}


def _check_numbers(law: object) -> None:
    for entry in fields(law):  # type: ignore[arg-type]  # every caller is a dataclass
        value = getattr(law, entry.name)
        if isinstance(value, float | int) and not math.isfinite(value):
            raise ParameterError(f"{type(law).__name__}.{entry.name}={value} is not a finite number")


@dataclass(frozen=True)
class PowerLaw:
    """Rate k exp(-E/R (1/T - 1/T_ref)) driver^order (N/N_ref)^p: what growth, dissolution and nucleation share.

    Attributes:
        rate_constant: k, in the unit of the rate.
        order: Of the driver.
        activation_energy: E, J/mol.
        reference_temperature: T_ref, K; 0 for the plain factor exp(-E/RT). A T_ref inside the range of the data makes
            k and E nearly independent of each other in a fit.
        driver: What is raised to the power of the order.
        driver_scale: Factor on c - c* for the absolute driver (a change of units).
        stirring_exponent: p.
        reference_stirring: N_ref, 1/s.
    """

    rate_constant: float
    order: float = 1.0
    _: KW_ONLY
    activation_energy: float = 0.0
    reference_temperature: float = 0.0
    driver: Driver = "relative"
    driver_scale: float = 1.0
    stirring_exponent: float = 0.0
    reference_stirring: float = 1.0

    def __post_init__(self) -> None:
        _check_numbers(self)
        name = type(self).__name__
        if self.driver not in _DRIVERS:
            raise ParameterError(f"{name}.driver={self.driver!r} is none of {', '.join(get_args(Driver))}")
        if self.rate_constant < 0:
            raise ParameterError(f"{name}.rate_constant={self.rate_constant:g} is negative: rates point one way")
        if self.order < 0:
            raise ParameterError(f"{name}.order={self.order:g} is negative: the rate would diverge at saturation")
        if self.reference_temperature < 0:
            raise ParameterError(f"{name}.reference_temperature={self.reference_temperature:g} K is negative")
        if self.driver_scale <= 0 or self.reference_stirring <= 0:
            raise ParameterError(f"{name}: driver_scale and reference_stirring must be positive")

    @property
    def _arrhenius(self) -> tuple[float, float, float]:
        """k, E/R in K, and 1/T_ref in 1/K (0 for the plain factor)."""
        inverse = 1.0 / self.reference_temperature if self.reference_temperature > 0 else 0.0
        return self.rate_constant, self.activation_energy / GAS_CONSTANT, inverse

    @property
    def _driver(self) -> tuple[float, float, float]:
        return _DRIVERS[self.driver], self.driver_scale, self.order

    @property
    def _stirring(self) -> tuple[float, float]:
        return self.stirring_exponent, self.reference_stirring


@dataclass(frozen=True)
class PowerLawGrowth(PowerLaw):
    """G(L) = k exp(-E/R (1/T - 1/T_ref)) driver^g (1 + gamma L)^a (N/N_ref)^p, in m/s.

    Attributes:
        size_factor: gamma, 1/m; 0 for growth that does not depend on size (McCabe's law).
        size_exponent: a, below 1.

    >>> law = PowerLawGrowth(rate_constant=1e-6, order=1.5)
    >>> law.rate_constant, law.size_factor
    (1e-06, 0.0)
    """

    _: KW_ONLY
    size_factor: float = 0.0
    size_exponent: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size_factor < 0 or self.size_exponent > 1:
            raise ParameterError("size-dependent growth needs size_factor >= 0 and size_exponent <= 1")

    def row(self) -> FloatArray:
        """The law as a row of numbers for the solvers, float64 [13]."""
        size = self.size_factor, self.size_exponent
        return np.array([*self._arrhenius, 0.0, *self._driver, 0.0, 0.0, *size, *self._stirring])


@dataclass(frozen=True)
class BirthAndSpreadGrowth:
    """G = k T exp(-B/T) (S-1)^(2/3) (ln S)^(1/6) exp(-C/(T^2 ln S)), in m/s: growth by two-dimensional nuclei.

    Attributes:
        rate_constant: k, m/(s K).
        activation_temperature: B = E/R, K.
        nucleus_constant: C, K^2.
    """

    rate_constant: float
    activation_temperature: float = 0.0
    nucleus_constant: float = 0.0
    size_factor = 0.0

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.rate_constant < 0 or self.nucleus_constant < 0:
            raise ParameterError("birth and spread needs rate_constant and nucleus_constant of at least 0")

    def row(self) -> FloatArray:
        """The law as a row of numbers for the solvers, float64 [13]."""
        driver, no_size, no_stirring = (_DRIVERS["relative"], 1.0, 2.0 / 3.0), (0.0, 1.0), (0.0, 1.0)
        arrhenius = self.rate_constant, self.activation_temperature, 0.0
        return np.array([*arrhenius, 1.0, *driver, 1.0 / 6.0, self.nucleus_constant, *no_size, *no_stirring])


@dataclass(frozen=True)
class PowerLawDissolution(PowerLaw):
    """-G = k exp(-E/R (1/T - 1/T_ref)) driver^d (N/N_ref)^p where S < 1, in m/s, the same for all sizes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.driver == "ratio":
            raise ParameterError("dissolution by the ratio S would not stop at saturation: use relative or absolute")

    def row(self) -> FloatArray:
        """The law as a row of numbers for the solvers, float64 [13]."""
        return PowerLawGrowth(**asdict(self)).row()


@dataclass(frozen=True)
class Nucleation(PowerLaw):
    """B = k exp(-E/R (1/T - 1/T_ref)) driver^b M^j exp(-A/ln^2 S) (N/N_ref)^p, crystals of size zero per second.

    Primary nucleation has j = 0: classical with A > 0 and b = 0, empirical with A = 0. Secondary has j > 0.

    Attributes:
        rate_constant: k, crystals per second and kg of what `per` says (times M^-j).
        order: b.
        suspension_exponent: j.
        barrier: A, from the interfacial energy in classical theory.
        per: What crystals, and their mass M, are counted per.
    """

    order: float = 0.0
    _: KW_ONLY
    suspension_exponent: float = 0.0
    barrier: float = 0.0
    per: Suspension = "slurry"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per not in get_args(Suspension):
            raise ParameterError(f"Nucleation.per={self.per!r} is none of {', '.join(get_args(Suspension))}")
        if self.barrier < 0 or self.suspension_exponent < 0:
            raise ParameterError("nucleation needs barrier >= 0 and suspension_exponent >= 0")

    def row(self, *, solvent: float, solution: float, crystal_mass_per_volume: float) -> FloatArray:
        """The law as a row of numbers for the solvers, float64 [12].

        Args:
            solvent: kg of solvent per kg of slurry.
            solution: kg of solution per kg of slurry at the start.
            crystal_mass_per_volume: Mass of a crystal of size L over L^3, kg/m3.
        """
        basis = {"slurry": 1.0, "solvent": solvent, "solution": solution, "third-moment": solvent}[self.per]
        suspension = 1.0 / (basis * (crystal_mass_per_volume if self.per == "third-moment" else 1.0))
        own = self.suspension_exponent, self.barrier, suspension, basis
        return np.array([*self._arrhenius, *self._driver, *own, *self._stirring])


Growth: TypeAlias = PowerLawGrowth | BirthAndSpreadGrowth


@dataclass(frozen=True)
class Kinetics:
    """All rates of one system.

    Attributes:
        growth: Law of growth, or None.
        nucleation: Laws of nucleation by name ("primary", "secondary"); their rates add up.
        dissolution: Law of dissolution, or None: undersaturated crystals then stay as they are.
    """

    growth: Growth | None = None
    nucleation: tuple[tuple[str, Nucleation], ...] = ()
    dissolution: PowerLawDissolution | None = None
