"""The parameters of the Gravner-Griffeath model, their ranges and their defaults."""

from __future__ import annotations

from typing import ClassVar

from nakaya.growth.model.parameters import Parameters, parameter

__all__ = ["GravnerGriffeath"]


class GravnerGriffeath(Parameters):
    """One parameter point of the snow-crystal model of Gravner & Griffeath, Physica D 237 (2008), section 2.

    The defaults are those of the CGNE paper (arXiv 2405.16608); rho has none. All are dimensionless.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> GravnerGriffeath(rho=0.5).beta
    1.1
    """

    family: ClassVar[str] = "gravner-griffeath"

    rho: float = parameter(low=0, high=1, low_open=True, meaning="the vapour density far from the crystal")
    alpha: float = parameter(
        default=0.14,
        low=0,
        high=10,
        meaning="the mass at which a site with three attached neighbours attaches in thin vapour",
    )
    beta: float = parameter(
        default=1.1, low=0, high=10, meaning="the mass at which a site with one or two attached neighbours attaches"
    )
    gamma: float = parameter(
        default=7e-5, low=0, high=1, meaning="the fraction of crystal mass at the boundary that melts in a step"
    )
    theta: float = parameter(
        default=8.5e-3, low=0, high=7, meaning="the vapour around a site below which alpha applies"
    )
    kappa: float = parameter(
        default=7e-3, low=0, high=1, meaning="the fraction of vapour at the boundary frozen directly to crystal"
    )
    mu: float = parameter(
        default=4.8e-2, low=0, high=1, meaning="the fraction of quasi-liquid mass at the boundary that melts in a step"
    )
    sigma: float = parameter(
        default=5e-5, low=0, high=1, high_open=True, meaning="the amplitude of the noise on the vapour"
    )
