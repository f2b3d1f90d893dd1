"""Energies of grain boundaries: one for all, one for each pair of grains, or by misorientation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import Range, check_in_range
from nakaya.core.errors import ParameterError
from nakaya.crystallography.disorientation import disorientation_angle
from nakaya.crystallography.symmetry import find_symmetry

__all__ = ["MIN_CONTRAST", "BoundaryEnergy", "PairEnergies", "ReadShockley", "pair_energies"]

POSITIVE = Range(0, 1e30, "an energy per area, J/m2", low_open=True)
_ANGLE = Range(0, 62.8, "the angle from which all boundaries have one energy, in degrees", low_open=True)

MIN_CONTRAST = 0.25
"""Least energy over the greatest. The two kernels' variances have this ratio, so that the narrow one, which must span
a few sites, sets the least time step; by Read & Shockley a boundary of a quarter is a misorientation of a degree."""

MAX_GRAINS = 4000
"""With unequal energies: the table of pairs takes 128 MB then."""


@dataclass(frozen=True)
class ReadShockley:
    """Boundary energy by misorientation: gamma = gamma_h x (1 - ln x) for x = theta / theta_h < 1, else gamma_h.

    Read & Shockley, Phys. Rev. 78 (1950) 275. It holds for low angles; above theta_h all boundaries are alike, special
    ones (twins) too.

    Args:
        high_angle: gamma_h, J/m2.
        threshold: theta_h, degrees.

    >>> ReadShockley(0.6).at(np.radians([1.0, 5.0, 15.0, 40.0])).round(3).tolist()
    [0.148, 0.42, 0.6, 0.6]
    """

    high_angle: float
    threshold: float = 15.0

    def __post_init__(self) -> None:
        check_in_range("high_angle", self.high_angle, POSITIVE)
        check_in_range("threshold", self.threshold, _ANGLE)

    def at(self, angle: FloatArray) -> FloatArray:
        """Energy of boundaries of these disorientations (rad, any shape), J/m2."""
        x = np.clip(np.asarray(angle, np.float64) / np.radians(self.threshold), np.finfo(np.float64).tiny, 1.0)
        return np.asarray(self.high_angle * x * (1 - np.log(x)), np.float64)


BoundaryEnergy: TypeAlias = float | FloatArray | ReadShockley
"""J/m2: one for all boundaries, one for each pair of grains (symmetric, float64 [n, n]), or by misorientation."""


@dataclass(frozen=True)
class PairEnergies:
    """Energies in units of the greatest.

    Attributes:
        greatest: J/m2.
        relative: Of each pair, float64 [n, n] in [`MIN_CONTRAST`, 1]; None: all are 1.
        flags: What to keep in mind.
    """

    greatest: float
    relative: FloatArray | None
    flags: tuple[str, ...] = ()


def pair_energies(
    energy: BoundaryEnergy, num_grains: int, orientations: Rotation | None = None, symmetry: str = "m-3m"
) -> PairEnergies:
    """Return the energies of all pairs of grains.

    Args:
        energy: See `BoundaryEnergy`.
        num_grains: n.
        orientations: Of every grain, sample to crystal, [n]; needed for energies by misorientation.
        symmetry: Laue class of the crystals.

    Raises:
        ParameterError: An energy is not positive, pairs contradict each other, orientations are missing, or the
            energies are further apart than the method resolves.
    """
    if not isinstance(energy, ReadShockley) and np.ndim(energy) == 0:
        return PairEnergies(check_in_range("energy", energy, POSITIVE), None)
    if num_grains > MAX_GRAINS:
        raise ParameterError(f"{num_grains} grains have too many pairs: unequal energies take up to {MAX_GRAINS}")
    off_diagonal = ~np.eye(num_grains, dtype=np.bool_)
    if isinstance(energy, ReadShockley):
        if orientations is None or len(orientations) != num_grains:
            came = "none" if orientations is None else len(orientations)
            raise ParameterError(
                f"energies by misorientation need an orientation for each of {num_grains} grains: {came} came"
            )
        pairs = np.triu_indices(num_grains, 1)
        angle = disorientation_angle(orientations[pairs[0]], orientations[pairs[1]], find_symmetry(symmetry))
        values = np.full((num_grains, num_grains), energy.high_angle)
        values[pairs] = values.T[pairs] = energy.at(angle)
        greatest = float(values[off_diagonal].max())
        low = int((off_diagonal & (values < MIN_CONTRAST * greatest)).sum()) // 2
        said = (
            f"{low} pairs of grains are nearly parallel: their boundaries count with a quarter of the greatest energy"
        )
        flags = (said,) if low else ()
        return PairEnergies(greatest, np.maximum(values / greatest, MIN_CONTRAST), flags)
    values = np.asarray(energy, np.float64)
    if values.shape != (num_grains, num_grains):
        raise ParameterError(
            f"energies of shape {values.shape} came for {num_grains} grains: give [n, n], or one number"
        )
    if not np.isfinite(values).all() or (values[off_diagonal] <= 0).any() or (values != values.T).any():
        raise ParameterError("energies of pairs must be positive and finite, and the same for (i, j) and (j, i)")
    greatest, least = float(values[off_diagonal].max()), float(values[off_diagonal].min())
    if least < MIN_CONTRAST * greatest:
        raise ParameterError(
            f"energies from {least:g} to {greatest:g} J/m2 are further apart than 1 to {1 / MIN_CONTRAST:g}: "
            "the method does not resolve that; raise the least ones"
        )
    return PairEnergies(greatest, np.where(off_diagonal, values / greatest, 1.0))
