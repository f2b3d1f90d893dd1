"""A frame: atoms at one moment. Inside, lengths are in angstrom and velocities in angstrom/ps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.potentials import MASSES

__all__ = ["BOLTZMANN", "Frame"]


@dataclass(frozen=True)
class Frame:
    """Atoms at one moment.

    Attributes:
        step: Number of the time step; None where the file does not say.
        time_ps: Time in ps as the file states it; None where it does not.
        positions: float64 [atom, 3], A.
        cell: float64 [3, 3], A; rows are the box vectors.
        species: str [atom], chemical symbols.
        velocities: float64 [atom, 3], A/ps; None where the file has none.
        extra: Further columns by name, float64 [atom]; `c_energy` in eV, others in the units of the file.
        number: Of the frame in its file, from 0; frames that were left out count.
        periodic: Along each of the box vectors, whether the box goes on with an image of itself.
    """

    step: int | None
    time_ps: float | None
    positions: FloatArray
    cell: FloatArray
    species: np.ndarray[tuple[int], np.dtype[np.str_]]
    velocities: FloatArray | None = None
    extra: Mapping[str, FloatArray] = field(default_factory=dict)
    number: int = 0
    periodic: tuple[bool, bool, bool] = (True, True, True)

    @property
    def masses(self) -> FloatArray:
        """Atomic masses, float64 [atom, 1], g/mol."""
        return np.array([MASSES[symbol] for symbol in self.species])[:, None]

    def thermal_velocities(self) -> FloatArray | None:
        """Velocities with the drift of the whole taken off, float64 [atom, 3], A/ps; None without velocities."""
        if self.velocities is None:
            return None
        return np.asarray(self.velocities - (self.masses * self.velocities).sum(axis=0) / self.masses.sum())

    def temperature(self) -> float:
        """Kinetic temperature, K, with the drift of the whole taken off; NaN without velocities."""
        thermal = self.thermal_velocities()
        if thermal is None or len(thermal) < 2:
            return float("nan")
        return float((self.masses * thermal**2).sum() / (3 * (len(thermal) - 1) * BOLTZMANN))


BOLTZMANN = 0.8314462618
"""k_B in g/mol (A/ps)^2 / K: with atomic masses in g/mol and velocities in A/ps, k T = m v^2 / 3."""
