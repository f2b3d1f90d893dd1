"""What the bulk of crystal and melt adds to a nucleation rate: delta-mu, volumes per atom and diffusivity of T."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.driving_force import LatentHeat, integrated_driving_force, latent_heat_of
from nakaya.md.statistics import Estimate
from nakaya.md.tables import smooth, tabulate
from nakaya.records.record import Record, has_result

__all__ = ["Bulk", "bulk_of"]

COLDEST: Final = 0.3
"""Of the melting point: below it there is no interface between crystal and melt."""

MIN_DRIVING_FORCE: Final = 1e-4
"""Of delta-mu/kT in draws: close to the melting point its error would turn its sign."""


@dataclass(frozen=True)
class Bulk:
    """Of one potential, as functions of the temperature in K.

    Attributes:
        material: Chemical symbol.
        melting_point: T_m, K.
        latent_heat: L(T).
        solid_volume: Per atom of the crystal, m^3.
        liquid_volume: Per atom of the melt, m^3.
        diffusivity: Of the melt, m^2/s.
    """

    material: str
    melting_point: Estimate
    latent_heat: LatentHeat
    solid_volume: Callable[[float], float]
    liquid_volume: Callable[[float], float]
    diffusivity: Callable[[float], float]

    def driving_force(self, temperature: float) -> Estimate:
        """delta-mu/kT, by integrating the latent heat."""
        return integrated_driving_force(self.latent_heat, temperature, self.melting_point)

    def driving_forces(self, temperature: float, deviations: FloatArray) -> FloatArray:
        """delta-mu/kT [any], so many standard errors [any] away from the best value."""
        best = self.driving_force(temperature)
        return np.asarray(np.maximum(best.value + deviations * best.standard_error, MIN_DRIVING_FORCE))

    def check_undercooled(self, temperature: float) -> None:
        """Check that a melt can be undercooled to a temperature and still be one.

        Raises:
            ParameterError: It is not below the melting point, or below 0.3 of it.
        """
        low, high = COLDEST * self.melting_point.value, self.melting_point.value
        if not low <= temperature < high:
            raise ParameterError(
                f"temperature={temperature:g} is outside [{low:.0f}, {high:.0f}) K, from 0.3 of the melting point of "
                f"{self.material} to the melting point itself: nothing nucleates there, or there is no melt"
            )


def bulk_of(records: Sequence[Record], material: str) -> Bulk:
    """Bulk properties and the melting point that records of a material tell.

    Raises:
        ParameterError: Something is missing: the message says what, and which command measures it.
    """
    table = tabulate(material, records)
    volumes = np.array(
        [
            (record.conditions["temperature"].value, record.quantities["solid_volume_per_atom"].value)
            for record in records
            if record.material == material and has_result(record, "solid_volume_per_atom")
        ]
    )
    if not np.isfinite(table.melting_error):
        raise ParameterError(f"no record tells the melting point of {material}: run nakaya md melting-point")
    if table.liquid_volume is None or table.diffusivity is None or not len(volumes):
        raise ParameterError(
            f"no record tells volumes and diffusivity of {material} as crystal and melt: run nakaya md properties"
        )
    return Bulk(
        material=material,
        melting_point=Estimate(table.melting_temperature, table.melting_error),
        latent_heat=latent_heat_of(records, material),
        solid_volume=smooth(volumes[:, 0], volumes[:, 1]),
        liquid_volume=table.liquid_volume,
        diffusivity=table.diffusivity,
    )
