"""What is seen of a crystal: the whole lattice as it is, or the six-fold crystal unfolded from a sector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import ArrivalMap, GrainMap, Mask
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.hexagonal import hexagonal_distance
from nakaya.growth.lattice.symmetry import unfold_sector
from nakaya.growth.model.trajectory import NOT_COMPUTED
from nakaya.viz.colour import ColourRamp
from nakaya.viz.crystals.lattice import HEXAGONAL, PlaneLattice
from nakaya.viz.style import Theme

__all__ = ["CrystalView", "view_crystal"]


@dataclass(frozen=True)
class CrystalView:
    """One crystal, ready to be drawn.

    Attributes:
        arrival: int32 [row, column], as shown.
        domain: bool [row, column]: sites of the lattice that was grown on.
        last: Steps until it stopped.
        grain: int32 [row, column] or None: number of the crystal a site belongs to, -1 = none.
        note: What a reader must know about the picture; empty where it shows the lattice as it is.
        lattice: Where its sites lie.
    """

    arrival: ArrivalMap
    domain: Mask
    last: int
    grain: GrainMap | None = None
    note: str = ""
    lattice: PlaneLattice = HEXAGONAL

    def ramp(self, theme: Theme) -> ColourRamp:
        """Return what colours mean: ages, or, where hue stands for the grain, ages as lightness alone."""
        return theme.ramp if self.grain is None else theme.grain_ramp


def view_crystal(
    arrival: ArrivalMap, geometry: Mapping[str, object], *, steps: int, grain: GrainMap | None = None
) -> CrystalView:
    """Return how a crystal is shown: a sector unfolded to the six-fold crystal, a full lattice as it is.

    Args:
        arrival: int32 [row, column], as grown.
        geometry: `GrowthSetup.as_metadata()`: its "name" and "edges" are read.
        steps: Steps until it stopped.
        grain: int32 [row, column]: number of the crystal a site belongs to, -1 = none.

    Raises:
        ParameterError: The array is not a square of sites, was not computed, or its geometry is not known.
    """
    arrival = np.asarray(arrival, np.int32)
    if arrival.ndim != 2 or arrival.shape[0] != arrival.shape[1]:
        raise ParameterError(
            f"an arrival map of shape {arrival.shape} cannot be drawn: pictures show square arrays of a plane lattice"
        )
    if (arrival == NOT_COMPUTED).any():
        raise ParameterError("this crystal was not computed yet: let the campaign finish, or choose another member")
    name, size = geometry.get("name"), arrival.shape[0]
    if name == "sector":
        unfolded = unfold_sector(arrival)
        domain = _centred_hexagon(unfolded.shape[0])
        grain = None if grain is None else unfold_sector(np.asarray(grain, np.int32))
        return CrystalView(unfolded, domain, steps, grain, _join(_sector_note(arrival), grain))
    if name != "full":
        raise ParameterError(f"geometry {name!r} cannot be drawn: known are 'full' and 'sector'")
    if geometry.get("edges") == "periodic":
        note = "Opposite sides of the lattice are joined."
        return CrystalView(arrival, np.ones(arrival.shape, np.bool_), steps, grain, _join(note, grain))
    return CrystalView(arrival, _centred_hexagon(size), steps, grain, _join("", grain))


def _join(note: str, grain: GrainMap | None) -> str:
    """The note, and what hues mean where there are any."""
    return note if grain is None else f"{note} Each crystal has a hue of its own; lightness is its age.".strip()


def _sector_note(arrival: ArrivalMap) -> str:
    if np.array_equal(arrival[0, :], arrival[:, 0]):
        return "Unfolded from a 120° sector: three copies of what was grown."
    return (
        "Unfolded from a 120° sector: three copies of what was grown. Noise made its two edges differ: "
        "along three arms a seam can show that no real crystal has."
    )


def _centred_hexagon(size: int) -> Mask:
    rows, columns = np.indices((size, size)) - size // 2
    return np.asarray(hexagonal_distance(rows, columns) <= (size - 1) // 2, np.bool_)
