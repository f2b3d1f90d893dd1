"""The parameters of the Gravner-Griffeath model, their ranges and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from nakaya.core.checks import Range, check_in_range

__all__ = ["GravnerGriffeath"]


@dataclass(frozen=True, kw_only=True)
class GravnerGriffeath:
    """One parameter point of the snow-crystal model of Gravner & Griffeath, Physica D 237 (2008), section 2.

    The defaults are those of the CGNE paper (arXiv 2405.16608); rho has none. All are dimensionless.

    Attributes:
        rho: Vapour density far from the crystal, in (0, 1].
        alpha: Mass at which a site with three attached neighbours attaches in thin vapour, in [0, 10].
        beta: Mass at which a site with one or two attached neighbours attaches, in [0, 10].
        gamma: Fraction of crystal mass at the boundary that melts in a step, in [0, 1].
        theta: Vapour around a site below which `alpha` applies, in [0, 7].
        kappa: Fraction of the vapour at the boundary that freezes directly to crystal, in [0, 1].
        mu: Fraction of quasi-liquid mass at the boundary that melts in a step, in [0, 1].
        sigma: Amplitude of the multiplicative noise on the vapour, in [0, 1).

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> GravnerGriffeath(rho=0.5).beta
    1.1
    """

    rho: float
    alpha: float = 0.14
    beta: float = 1.1
    gamma: float = 7e-5
    theta: float = 8.5e-3
    kappa: float = 7e-3
    mu: float = 4.8e-2
    sigma: float = 5e-5

    family: ClassVar[str] = "gravner-griffeath"
    ranges: ClassVar[Mapping[str, Range]] = MappingProxyType(
        {
            "rho": Range(0.0, 1.0, "the vapour density far from the crystal", low_open=True),
            "alpha": Range(
                0.0, 10.0, "the mass at which a site with three attached neighbours attaches in thin vapour"
            ),
            "beta": Range(0.0, 10.0, "the mass at which a site with one or two attached neighbours attaches"),
            "gamma": Range(0.0, 1.0, "the fraction of crystal mass at the boundary that melts in a step"),
            "theta": Range(0.0, 7.0, "the vapour around a site below which alpha applies"),
            "kappa": Range(0.0, 1.0, "the fraction of vapour at the boundary frozen directly to crystal"),
            "mu": Range(0.0, 1.0, "the fraction of quasi-liquid mass at the boundary that melts in a step"),
            "sigma": Range(0.0, 1.0, "the amplitude of the noise on the vapour", high_open=True),
        }
    )

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = check_in_range(entry.name, getattr(self, entry.name), self.ranges[entry.name])
            object.__setattr__(self, entry.name, value)

    def parameters(self) -> dict[str, float]:
        """All parameters by name, in the order of `ranges`."""
        return {name: getattr(self, name) for name in self.ranges}
