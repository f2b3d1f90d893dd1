"""The parameters of grains that grow at a constant velocity, and what follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import log, pi, prod
from typing import ClassVar

from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.model.setup import GrowthSetup
from nakaya.theory import grains_per_area, grains_per_volume

__all__ = ["MAX_GRAINS", "STEPS_PER_SITE", "ConstantVelocity", "Grains", "Grains3D", "check_number"]

STEPS_PER_SITE = 16
"""Steps in which a rough interface moves by a site: attachment times are rounded up to a sixteenth of a site's."""

MAX_GRAINS = 100_000
"""In one lattice. More are more often a typing mistake in a power of ten than a wish, and take minutes."""

MIN_SITES = 8
"""Sites of a grain in the mean: with fewer the lattice shows, and nuclei fall on one site."""


def check_number(expected: float, setup: GrowthSetup, spacing: float, remedy: str) -> None:
    """Refuse to nucleate no grain, or more than a lattice holds.

    Args:
        expected: Number of grains to be expected, beside the initial ones.
        setup: Lattice and initial crystals.
        spacing: Of sites, m.
        remedy: The parameters that are to be changed, as a noun.

    Raises:
        ParameterError: There are too few or too many.
    """
    num_sites = prod(setup.shape)
    lattice = f"{' x '.join(map(str, setup.shape))} sites of {spacing:g} m"
    if expected < 1 and not setup.initial:
        raise ParameterError(
            f"{expected:.2g} grains are expected on {lattice}: raise {remedy}, use a larger size or spacing, or give "
            "initial sites"
        )
    most = min(MAX_GRAINS, num_sites // MIN_SITES)
    if expected > most:
        raise ParameterError(
            f"{expected:.3g} grains are expected on {lattice}, more than {most}: lower {remedy}, or the spacing"
        )


class ConstantVelocity(Parameters, ABC):
    """What the models in two and three dimensions have in common. SI units.

    A grain that nucleates at time t0 on the site x0 reaches x at  t0 + gauge(x - x0) / velocity. The gauge is the
    distance where interfaces are rough. Facets move more slowly: a crystal is then the part of a ball that planes cut
    off, at `facet` times its radius, which is the kinetic Wulff shape of velocities that are `velocity` but for cusps
    at the facets. Facets so slow that nothing is left of the ball make a polyhedron.
    """

    velocity: float = parameter(
        default=1e-6, low=0, high=1e5, low_open=True, unit="m/s", symbol="v", meaning="the velocity of rough interfaces"
    )
    spacing: float = parameter(
        default=1e-6, low=0, high=1, low_open=True, unit="m", symbol="dx", meaning="the distance between sites"
    )

    dimension: ClassVar[int]
    site_density: float
    nucleation_rate: float

    @property
    def step_duration(self) -> float:
        """Duration of a step in s."""
        return float(self.spacing / self.velocity / STEPS_PER_SITE)

    @property
    def rate_per_site(self) -> float:
        """Nuclei per site in the time in which an interface moves by a site."""
        return float(self.nucleation_rate * self.spacing ** (self.dimension + 1) / self.velocity)

    def num_present(self, setup: GrowthSetup) -> int:
        """Nuclei that are present from the start, beside the initial sites."""
        return round(self.site_density * self.spacing**self.dimension * prod(setup.shape))

    def horizon(self, setup: GrowthSetup) -> float:
        """Time, in that in which an interface moves by a site, before which the last site is likely to have attached.

        Where the extended volume of Kolmogorov, pi/3 j t^(d + 1) per site for nuclei at the rate j in d = 2 and 3, is
        as great as the logarithm of the number of sites and 3 more.
        """
        if self.rate_per_site == 0:
            return 0.0
        extended = log(prod(setup.shape)) + 3
        return float((extended / (pi / 3 * self.rate_per_site)) ** (1 / (self.dimension + 1)))

    def expected_number(self, setup: GrowthSetup) -> float:
        """Grains to be expected beside the initial ones: those present, or by the rate alone if that gives more.

        By the formula for balls; `nakaya.theory.grains_per_area` and `grains_per_volume`.
        """
        if self.nucleation_rate == 0:
            return self.num_present(setup)
        count = grains_per_area if self.dimension == 2 else grains_per_volume
        density = count(self.nucleation_rate, self.velocity)
        return max(self.num_present(setup), density * self.spacing**self.dimension * prod(setup.shape))

    @abstractmethod
    def facets(self) -> tuple[float, ...]:
        """Velocities of the facets over `velocity`, in the order of the fields."""


def _facet(indices: str, low: float = 0.2) -> float:
    return parameter(  # type: ignore[no-any-return]  # a field
        default=1.0,
        low=low,
        high=1,
        symbol=f"v({indices})/v",
        meaning=f"the velocity of {{{indices}}} facets over that of rough interfaces; 1: there are none",
    )


class Grains(ConstantVelocity):
    """One parameter point of grains in the plane, of crystals with a four-fold axis along its normal.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> point = Grains(velocity=2e-6, spacing=1e-6)
    >>> point.step_duration, point.facets()
    (0.03125, (1.0, 1.0))
    """

    family: ClassVar[str] = "grains"
    dimension: ClassVar[int] = 2

    site_density: float = parameter(
        default=1e9, low=0, high=1e20, unit="1/m^2", symbol="N", meaning="the number of nuclei at the start per area"
    )
    nucleation_rate: float = parameter(
        default=0, low=0, high=1e30, unit="1/(m^2 s)", symbol="J", meaning="the nucleation rate per area that is left"
    )
    facet_10: float = _facet("10")
    facet_11: float = _facet("11")

    def facets(self) -> tuple[float, ...]:
        """Velocities of {10} and {11} over `velocity`."""
        return self.facet_10, self.facet_11


class Grains3D(ConstantVelocity):
    """One parameter point of grains in space, of cubic crystals.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.

    >>> octahedra = Grains3D(facet_111=3**-0.5)  # with corners where the ball would be
    >>> [round(ratio, 3) for ratio in octahedra.facets()]
    [1.0, 1.0, 0.577]
    """

    family: ClassVar[str] = "grains-3d"
    dimension: ClassVar[int] = 3

    site_density: float = parameter(
        default=1e14, low=0, high=1e30, unit="1/m^3", symbol="N", meaning="the number of nuclei at the start per volume"
    )
    nucleation_rate: float = parameter(
        default=0, low=0, high=1e40, unit="1/(m^3 s)", symbol="J", meaning="the nucleation rate per volume that is left"
    )
    facet_100: float = _facet("100")
    facet_110: float = _facet("110")
    facet_111: float = _facet("111")

    def facets(self) -> tuple[float, ...]:
        """Velocities of {100}, {110} and {111} over `velocity`."""
        return self.facet_100, self.facet_110, self.facet_111
