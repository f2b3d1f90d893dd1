"""Melts of real materials: what gives the phase-field model metres, seconds and kelvin.

The model knows lengths in W0, times in tau0 and temperatures in L / c_p. With the melt's capillary length and thermal
diffusivity, and a point's d0 / W0 and D tau0 / W0^2,

    d0 = gamma T_m c_p / (rho L^2)      W0 = d0 / (d0 / W0)      tau0 = (D tau0 / W0^2) W0^2 / D
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from nakaya.core.errors import ConfigError, ParameterError, UnknownNameError
from nakaya.core.reading import read_toml_document
from nakaya.growth.model.parameters import Parameters, parameter
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.parameters import PureMelt
from nakaya.records.shipped import shipped_folder

__all__ = ["Melt", "Scales", "in_si", "melt_names", "read_melt"]

SUFFIX: Final = ".toml"
MAX_BYTES: Final = 1 << 16

Point = TypeVar("Point", bound=PureMelt)


class Melt(Parameters):
    """A pure melt in SI units.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.
    """

    melting_point: float = parameter(low=1, high=10_000, unit="K", meaning="the melting point")
    latent_heat: float = parameter(low=1, high=1e8, unit="J/kg", meaning="the latent heat of melting")
    heat_capacity: float = parameter(low=1, high=1e6, unit="J/(kg K)", meaning="the heat capacity of the melt")
    density: float = parameter(low=1, high=1e5, unit="kg/m^3", meaning="the density of the melt")
    thermal_diffusivity: float = parameter(
        low=1e-10, high=1, unit="m^2/s", meaning="the thermal diffusivity of the melt"
    )
    surface_tension: float = parameter(
        low=1e-6, high=10, unit="J/m^2", meaning="the surface tension of the solid against the melt"
    )
    anisotropy: float = parameter(
        low=-1 / 15, high=1 / 15, low_open=True, high_open=True, meaning="the anisotropy of the surface tension"
    )

    @property
    def unit_undercooling(self) -> float:
        """L / c_p in kelvin: by so much its own latent heat warms the melt."""
        return self.latent_heat / self.heat_capacity

    @property
    def capillary_length(self) -> float:
        """d0 = gamma T_m c_p / (rho L^2) in metres."""
        return self.surface_tension * self.melting_point / (self.density * self.latent_heat * self.unit_undercooling)

    def point(
        self, family: type[Point], undercooling_kelvin: float, values: Mapping[str, float] | None = None
    ) -> Point:
        """Return the parameters of this melt, undercooled by so much.

        Args:
            family: `PhaseField` or `PhaseField3D`.
            undercooling_kelvin: Of the melt far away, in kelvin.
            values: Other parameters of the model, by name; "anisotropy" stands before the melt's own.

        Raises:
            ParameterError: The undercooling is not above 0 K or exceeds the model's, or a parameter is out of range.

        >>> from nakaya.growth.solvers.phase_field.parameters import PhaseField
        >>> point = read_melt("succinonitrile").point(PhaseField, 11.5)
        >>> round(point.undercooling, 3), point.anisotropy
        (0.497, 0.0055)
        """
        most = family.ranges["undercooling"].high * self.unit_undercooling
        if not 0 < undercooling_kelvin <= most:
            raise ParameterError(
                f"undercooling_kelvin={undercooling_kelvin:g} is outside (0, {most:.4g}]: kelvin below the melting "
                f"point, {self.melting_point:g} K; {self.unit_undercooling:.4g} K are latent heat over heat capacity"
            )
        given = {"anisotropy": self.anisotropy, **(values or {})}
        return family(**given | {"undercooling": undercooling_kelvin / self.unit_undercooling})

    def scales(self, point: PureMelt) -> Scales:
        """Return the units of a point's lengths and times."""
        width = self.capillary_length / point.capillary_length
        return Scales(width, point.diffusivity * width**2 / self.thermal_diffusivity)


@dataclass(frozen=True)
class Scales:
    """The model's units.

    Attributes:
        width: W0 in metres.
        relaxation_time: tau0 in seconds.
    """

    width: float
    relaxation_time: float


def melt_names() -> tuple[str, ...]:
    """Names of the melts that ship.

    >>> melt_names()
    ('aluminium', 'nickel', 'succinonitrile')
    """
    return tuple(sorted(path.stem for path in shipped_folder("melts").glob(f"*{SUFFIX}")))


def read_melt(name: str) -> Melt:
    """Return a melt that ships, by name, or that of a TOML file of the same keys, by its path, which ends in .toml.

    Raises:
        UnknownNameError: None of this name ships.
        InputFileError: The file cannot be read.
        ConfigError: It is no TOML, or states no melt.
        ParameterError: A value is out of range.
    """
    if name.endswith(SUFFIX):
        path = Path(name)
    elif name in melt_names():
        path = shipped_folder("melts") / f"{name}{SUFFIX}"
    else:
        raise UnknownNameError("melt", name, melt_names())
    values: Any = read_toml_document(path, MAX_BYTES).get("values")
    expected = sorted(Melt.ranges)
    if not isinstance(values, dict) or sorted(values) != expected:
        raise ConfigError(f"{path} states no melt: expected [values] with {', '.join(expected)}, in SI units")
    return Melt(**values)


def in_si(crystals: Trajectory, melt: Melt, point: PureMelt) -> Trajectory:
    """Return crystals of one point with lengths in metres and times in seconds: spacing of sites, duration of steps.

    Arrival maps count steps and sites, so that they stay what they are; the temperature field stays in L / c_p.
    """
    scales = melt.scales(point)
    metadata = replace(
        crystals.metadata,
        site_spacing=point.spacing * scales.width,
        step_duration=STEP_DURATION * scales.relaxation_time,
        time_unit="s",
        length_unit="m",
    )
    return replace(crystals, metadata=metadata)
