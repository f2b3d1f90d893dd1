"""Binary alloys in SI units, and what a unit of the model is worth in them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from nakaya.core.checks import Range, check_in_range
from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.alloy.parameters import Alloy, DiluteAlloy, DirectionalAlloy

__all__ = ["AL_4_CU", "DEFAULT_WIDTH", "BinaryAlloy", "Units"]

DEFAULT_WIDTH = 0.5
"""W0 / sqrt(d0 l_D) where none is given: the interface partitions within .5 %."""


@dataclass(frozen=True)
class Units:
    """What the model's units are worth.

    Attributes:
        length: W0 in m.
        time: tau0 in s.
        concentration: Of the melt far away, in wt%.
    """

    length: float
    time: float
    concentration: float


@dataclass(frozen=True)
class BinaryAlloy:
    """A dilute binary alloy: straight lines in the phase diagram, no diffusion in the solid.

    Attributes:
        name: Such as "Al-4 wt% Cu".
        concentration: Of solute, wt%.
        partition: k, the solid's concentration over the liquid's beside it.
        liquidus_slope: m in K per wt%; negative where solute lowers the melting point.
        diffusivity: Of solute in the liquid, m^2/s.
        gibbs_thomson: Gibbs-Thomson coefficient in K m.
        anisotropy: Of the surface tension.
        melting_point: Of the pure metal, K.
        source: Where the numbers are from.

    >>> round(AL_4_CU.freezing_range, 1), round(AL_4_CU.capillary_length * 1e9, 2)
    (65.1, 3.62)
    >>> point = AL_4_CU.directional(gradient=1e5, pulling_speed=1e-3)
    >>> units = AL_4_CU.units(point)
    >>> round(units.length * 1e9, 1), round(AL_4_CU.diffusion_length(1e-3) * 1e6, 2)
    (46.6, 2.4)
    """

    name: str
    concentration: float
    partition: float
    liquidus_slope: float
    diffusivity: float
    gibbs_thomson: float
    anisotropy: float
    melting_point: float
    source: str

    @property
    def freezing_range(self) -> float:
        """Liquidus less solidus of this concentration, |m| c (1 - k) / k, in K."""
        return abs(self.liquidus_slope) * self.concentration * (1 - self.partition) / self.partition

    @property
    def capillary_length(self) -> float:
        """d0 in m: the Gibbs-Thomson coefficient over the freezing range."""
        return self.gibbs_thomson / self.freezing_range

    @property
    def liquidus(self) -> float:
        """Liquidus of this concentration in K."""
        return self.melting_point + self.liquidus_slope * self.concentration

    def thermal_length(self, gradient: float) -> float:
        """Return l_T, the freezing range over the gradient in K/m, in m."""
        return self.freezing_range / gradient

    def diffusion_length(self, pulling_speed: float) -> float:
        """Return l_D = D / V in m, of a speed in m/s."""
        return self.diffusivity / pulling_speed

    def directional(
        self, *, gradient: float, pulling_speed: float, width: float | None = None, **others: float
    ) -> DirectionalAlloy:
        """Return the parameter point of growth in a gradient.

        Args:
            gradient: G in K/m.
            pulling_speed: V in m/s.
            width: W0 in m; by default `DEFAULT_WIDTH` sqrt(d0 l_D).
            others: Further parameters of the point.

        Raises:
            ParameterError: A number is not positive, or the width does not resolve the diffusion length.
        """
        for name, value in (("gradient", gradient), ("pulling_speed", pulling_speed)):
            check_in_range(name, value, Range(0, 1e12, f"the {name} in SI units", low_open=True))
        diffusion = self.diffusion_length(pulling_speed)
        width = DEFAULT_WIDTH * sqrt(self.capillary_length * diffusion) if width is None else width
        values = {
            "partition": self.partition,
            "anisotropy": self.anisotropy,
            "capillary_length": self._over(width),
            "gradient": self.capillary_length / self.thermal_length(gradient),
            "pulling_speed": self.capillary_length / diffusion,
        }
        return DirectionalAlloy(**(values | others))

    def isothermal(self, *, undercooling: float, width: float, **others: float) -> Alloy:
        """Return the parameter point of growth at one temperature.

        Omega = (c0 - c) / ((1 - k) c0) with c0 = c + undercooling / |m|, the liquidus at that temperature; the
        capillary length is the Gibbs-Thomson coefficient over |m| c0 (1 - k).

        Args:
            undercooling: Of the melt below its liquidus, K.
            width: W0 in m.
            others: Further parameters of the point.

        Raises:
            ParameterError: A number is not positive, the supersaturation is .9 or more, or the width does not resolve
                the tip that is expected.
        """
        check_in_range("undercooling", undercooling, Range(0, 1e4, "the undercooling in K", low_open=True))
        slope, at_liquidus = abs(self.liquidus_slope), self.concentration + undercooling / abs(self.liquidus_slope)
        capillary = self.gibbs_thomson / (slope * at_liquidus * (1 - self.partition))
        values = {
            "partition": self.partition,
            "anisotropy": self.anisotropy,
            "capillary_length": self._over(width, capillary),
            "supersaturation": (at_liquidus - self.concentration) / ((1 - self.partition) * at_liquidus),
        }
        return Alloy(**(values | others))

    def units(self, point: DiluteAlloy) -> Units:
        """Return what W0, tau0 and the concentration far away are worth for a point of this alloy."""
        capillary = self.capillary_length
        if isinstance(point, Alloy):
            reference = self.concentration / point.nominal
            capillary = self.gibbs_thomson / (abs(self.liquidus_slope) * reference * (1 - self.partition))
        length = capillary / point.capillary_length
        return Units(length, point.diffusivity * length**2 / self.diffusivity, self.concentration)

    def _over(self, width: float, capillary: float | None = None) -> float:
        if not width > 0:
            raise ParameterError(f"width={width} is not above 0: it is W0 in m")
        return (self.capillary_length if capillary is None else capillary) / width


AL_4_CU = BinaryAlloy(
    name="Al-4 wt% Cu",
    concentration=4.0,
    partition=0.14,
    liquidus_slope=-2.65,
    diffusivity=2.4e-9,
    gibbs_thomson=2.36e-7,
    anisotropy=0.05,
    melting_point=934.0,
    source="Table 1 of Sci. Rep. 7, 45770 (2017), doi 10.1038/srep45770, and what it cites",
)
"""Aluminium with 4 wt% copper."""
