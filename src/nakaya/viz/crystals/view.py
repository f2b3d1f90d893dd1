"""What is seen of a crystal: the whole lattice as it is, or the symmetric crystal unfolded from a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, GrainMap, Mask
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.geometry import SITE_AXES
from nakaya.growth.lattice.lattice import HEXAGONAL, SQUARE, Lattice, hexagonal_distance
from nakaya.growth.model.trajectory import NOT_COMPUTED
from nakaya.viz.colour import ColourRamp
from nakaya.viz.style import Theme

__all__ = ["CrystalView", "ShownField", "view_crystal"]


@dataclass(frozen=True)
class ShownField:
    """A final field in the colours of a ramp.

    Attributes:
        values: float32 [*lattice]; NaN where it is not defined.
        low: Value at the ramp's dark end.
        high: Value at its light end.
        label: Its name and unit.
    """

    values: Float32Array
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class CrystalView:
    """One crystal, ready to be drawn.

    Attributes:
        arrival: int32 [*lattice], as shown.
        domain: bool [*lattice]: sites of the lattice that was grown on.
        last: Steps until it stopped.
        grain: int32 [*lattice] or None: number of the crystal a site belongs to, -1 = none.
        note: What a reader must know about the picture; empty where it shows the lattice as it is.
        lattice: Where its sites lie.
        field: What colours stand for in place of ages, or None.
    """

    arrival: ArrivalMap
    domain: Mask
    last: int
    grain: GrainMap | None = None
    note: str = ""
    lattice: Lattice = HEXAGONAL
    field: ShownField | None = None

    def ramp(self, theme: Theme) -> ColourRamp:
        """Return what colours mean: ages, a field, or, where hue stands for the grain, ages as lightness alone."""
        return theme.ramp if self.grain is None or self.field is not None else theme.grain_ramp


def view_crystal(
    arrival: ArrivalMap,
    geometry: Mapping[str, object],
    *,
    steps: int,
    grain: GrainMap | None = None,
    lattice: Lattice = HEXAGONAL,
    field: ShownField | None = None,
    cut: tuple[str, int] | None = None,
) -> CrystalView:
    """Return how a crystal is shown: a mirrored part unfolded to the symmetric crystal, a full lattice as it is.

    Args:
        arrival: int32 [*lattice], as grown.
        geometry: `GrowthSetup.as_metadata()`: its "name" and "edges" are read.
        steps: Steps until it stopped.
        grain: int32 [*lattice]: number of the crystal a site belongs to, -1 = none.
        lattice: Of its sites.
        field: Shown in place of ages.
        cut: Of three dimensions: the plane that is shown, as axis ("layer", "row" or "column") and number, counted in
            the whole crystal.

    Raises:
        ParameterError: There is no such plane, or the array does not fit the lattice, was not computed, or its geometry
            is not known.
    """
    arrival, name = np.asarray(arrival, np.int32), str(geometry.get("name"))
    is_hexagonal = lattice.name == "hexagonal"
    if arrival.ndim != lattice.dimension or (is_hexagonal and arrival.shape[0] != arrival.shape[1]):
        raise ParameterError(
            f"an arrival map of shape {arrival.shape} cannot be drawn: pictures show square arrays of a plane lattice"
            if is_hexagonal
            else f"an arrival map of shape {arrival.shape} is none of a {lattice.name} lattice"
        )
    if (arrival == NOT_COMPUTED).any():
        raise ParameterError("this crystal was not computed yet: let the campaign finish, or choose another member")
    if is_hexagonal and name not in ("sector", "full"):
        raise ParameterError(f"geometry {geometry.get('name')!r} cannot be drawn: known are 'full' and 'sector'")
    is_periodic, note = geometry.get("edges") == "periodic", ""
    if lattice.is_mirrored(name):
        note = _mirror_note(arrival, name, lattice)
        grain = None if grain is None else lattice.unfold(np.asarray(grain, np.int32))
        arrival = lattice.unfold(arrival)
        field = None if field is None else replace(field, values=lattice.unfold(field.values))
    elif is_periodic:
        note = "Opposite sides of the lattice are joined."
    if cut is not None:
        plane = _plane_of(cut, arrival.shape)
        arrival, lattice, note = arrival[plane], SQUARE, f"The plane at {cut[0]} {cut[1]}. {note}".strip()
        grain = None if grain is None else grain[plane]
        field = None if field is None else replace(field, values=field.values[plane])
    elif lattice.dimension == 3:
        note = f"Seen along the diagonal of the cube. {note}".strip()
    whole = np.ones(arrival.shape, np.bool_)
    domain = _centred_hexagon(arrival.shape[0]) if is_hexagonal and not is_periodic else whole
    note = _join(note, grain if field is None else None)
    return CrystalView(arrival, domain, steps, grain, note, lattice, field)


def _plane_of(cut: tuple[str, int], shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """The index of a plane."""
    name, number = cut
    if len(shape) != 3 or name not in SITE_AXES:
        raise ParameterError(f"{name}={number} is no plane: crystals in 3 dimensions have {', '.join(SITE_AXES)}")
    axis = SITE_AXES.index(name)
    check_count(name, number, 0, shape[axis] - 1, ": it is a plane of the whole crystal")
    return (*[slice(None)] * axis, number)


def _join(note: str, grain: GrainMap | None) -> str:
    """The note, and what hues mean where there are any."""
    return note if grain is None else f"{note} Each crystal has a hue of its own; lightness is its age.".strip()


def _mirror_note(arrival: ArrivalMap, name: str, lattice: Lattice) -> str:
    if lattice.name != "hexagonal":
        return f"Unfolded from a mirrored {name}: {2**lattice.dimension} copies of what was grown."
    if np.array_equal(arrival[0, :], arrival[:, 0]):
        return "Unfolded from a 120° sector: three copies of what was grown."
    return (
        "Unfolded from a 120° sector: three copies of what was grown. Noise made its two edges differ: "
        "along three arms a seam can show that no real crystal has."
    )


def _centred_hexagon(size: int) -> Mask:
    rows, columns = np.indices((size, size)) - size // 2
    return np.asarray(hexagonal_distance(rows, columns) <= (size - 1) // 2, np.bool_)
