"""What is seen of a crystal: the whole lattice as it is, or the symmetric crystal unfolded from a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, GrainMap, Mask
from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.geometry import SITE_AXES
from nakaya.growth.lattice.lattice import HEXAGONAL, SQUARE, Lattice, hexagonal_distance
from nakaya.growth.model.trajectory import NOT_COMPUTED
from nakaya.viz.colour import ColourRamp
from nakaya.viz.crystals.camera import Camera
from nakaya.viz.style import Theme

__all__ = ["CrystalView", "ShownField", "view_crystal"]


DEFAULT_CAMERA = Camera()


@dataclass(frozen=True)
class ShownField:
    """A final field in the colours of a ramp.

    Attributes:
        values: float32 [*lattice]; NaN where it is not defined.
        low: Value at the ramp's dark end.
        high: Value at its light end.
        label: Its name and unit.
        meaning: What it is, where the name and the unit do not say it.
    """

    values: Float32Array
    low: float
    high: float
    label: str
    meaning: str = ""

    def fractions(self, where: Mask) -> FloatArray:
        """Return where in the ramp the values of some sites lie: float64 [n] in [0, 1]; of NaN the low end."""
        values = np.nan_to_num(self.values[where].astype(np.float64), nan=self.low)
        return np.asarray((values - self.low) / ((self.high - self.low) or 1.0))


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
        orientations: Quaternions (x, y, z, w) from sample to crystal, float64 [grain, 4], shown by colour, or None.
        phase: float32 [*lattice]: phase field at the end, 1 in the solid and -1 outside, or None.
        camera: From where a crystal in three dimensions is seen.
        is_open: Whether the corner of its lattice towards who looks is cut away.
        dimension: Of the crystal: 3 also where a plane of it is shown.
    """

    arrival: ArrivalMap
    domain: Mask
    last: int
    grain: GrainMap | None = None
    note: str = ""
    lattice: Lattice = HEXAGONAL
    field: ShownField | None = None
    orientations: FloatArray | None = None
    phase: Float32Array | None = None
    camera: Camera = DEFAULT_CAMERA
    is_open: bool = False
    dimension: int = 2

    @property
    def has_smooth_colours(self) -> bool:
        """Whether colours between sites have a meaning: those of grains have none."""
        return self.grain is None or self.field is not None

    def ramp(self, theme: Theme) -> ColourRamp:
        """Return what colours mean: ages, a field, or, where hue stands for the grain, ages as lightness alone."""
        if self.field is not None:
            return theme.field_ramp
        return theme.ramp if self.grain is None else theme.grain_ramp


def view_crystal(
    arrival: ArrivalMap,
    geometry: Mapping[str, object],
    *,
    steps: int,
    grain: GrainMap | None = None,
    lattice: Lattice = HEXAGONAL,
    field: ShownField | None = None,
    cut: tuple[str, int] | None = None,
    orientations: FloatArray | None = None,
    phase: Float32Array | None = None,
    camera: Camera | None = None,
    is_open: bool = False,
    has_noise: bool = False,
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
        orientations: Of the grains, quaternions (x, y, z, w) from sample to crystal, float64 [grain, 4]; shown in place
            of the grains' numbers.
        phase: float32 [*lattice]: phase field at the end, 1 in the solid and -1 outside: where the surface lies between
            sites.
        camera: Of three dimensions: from where it is seen.
        is_open: Of three dimensions: cut away the corner towards who looks.
        has_noise: Whether noise took part in the growth: a mirrored part then grew mirrored noise, which is said.

    Raises:
        ParameterError: There is no such plane, a camera or an open corner is asked for in the plane, or the array does
            not fit the lattice, was not computed, or its geometry is not known.
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
    maps: dict[str, Any] = {
        "grain": None if grain is None else np.asarray(grain, np.int32),
        "phase": phase,
        "field": None if field is None else field.values,
    }
    if lattice.is_mirrored(name):
        note = _mirror_note(arrival, name, lattice, has_noise=has_noise)
        arrival = lattice.unfold(arrival)
        maps = {key: None if values is None else lattice.unfold(values) for key, values in maps.items()}
    elif is_periodic:
        note = "Opposite sides of the lattice are joined."
    dimension = lattice.dimension
    if (camera is not None or is_open) and (dimension == 2 or cut is not None):
        raise ParameterError("a plane has one view and no corner: those are of whole crystals in three dimensions")
    if cut is not None:
        plane = _plane_of(cut, arrival.shape)
        arrival, lattice, note = arrival[plane], SQUARE, f"The plane at {cut[0]} {cut[1]}. {note}".strip()
        maps = {key: None if values is None else values[plane] for key, values in maps.items()}
    camera = DEFAULT_CAMERA if camera is None else camera
    if dimension == 3 and cut is None:
        note = f"{_camera_note(camera, is_open=is_open)} {note}".strip()
    whole = np.ones(arrival.shape, np.bool_)
    domain = _centred_hexagon(arrival.shape[0]) if is_hexagonal and not is_periodic else whole
    if maps["field"] is not None and field is not None:
        field, grain, orientations = replace(field, values=maps["field"]), None, None
        note = f"{note} {field.meaning}".strip()
    else:
        grain = maps["grain"]
        note = f"{note} {_hue_note(grain, orientations, dimension)}".strip()
    return CrystalView(
        arrival, domain, steps, grain, note, lattice, field, orientations, maps["phase"], camera, is_open, dimension
    )


def _camera_note(camera: Camera, *, is_open: bool) -> str:
    corner = "; the corner towards it is cut away" if is_open else ""
    return (
        f"Seen from azimuth {camera.azimuth:g}°, elevation {camera.elevation:g}°{corner}; one scale across the picture."
    )


def _hue_note(grain: GrainMap | None, orientations: FloatArray | None, dimension: int) -> str:
    """What hues mean where there are any."""
    if grain is None:
        return ""
    if orientations is None:
        return "Each crystal has a hue of its own; lightness is its age."
    place = "to the right (x)" if dimension == 2 else "upwards (z)"
    return f"Colour: the crystal direction that points {place}, in the standard triangle of m-3m."


def _plane_of(cut: tuple[str, int], shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """The index of a plane."""
    name, number = cut
    if len(shape) != 3 or name not in SITE_AXES:
        raise ParameterError(f"{name}={number} is no plane: crystals in 3 dimensions have {', '.join(SITE_AXES)}")
    axis = SITE_AXES.index(name)
    check_count(name, number, 0, shape[axis] - 1, ": it is a plane of the whole crystal")
    return (*[slice(None)] * axis, number)


def _mirror_note(arrival: ArrivalMap, name: str, lattice: Lattice, *, has_noise: bool) -> str:
    if lattice.name != "hexagonal":
        noise = " Noise was mirrored too: real branches do not mirror each other." if has_noise else ""
        return f"Unfolded from a mirrored {name}: {2**lattice.dimension} copies of what was grown.{noise}"
    if np.array_equal(arrival[0, :], arrival[:, 0]):
        return "Unfolded from a 120° sector: three copies of what was grown."
    return (
        "Unfolded from a 120° sector: three copies of what was grown. Noise made its two edges differ: "
        "along three arms a seam can show that no real crystal has."
    )


def _centred_hexagon(size: int) -> Mask:
    rows, columns = np.indices((size, size)) - size // 2
    return np.asarray(hexagonal_distance(rows, columns) <= (size - 1) // 2, np.bool_)
