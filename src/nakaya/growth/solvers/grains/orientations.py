"""Orientations of grains: what is drawn for whom, how crystals hold them, and how they are read.

Axes of the sample: x along columns, y along rows, z along layers (in the plane: its normal). A crystal holds the
orientation of each grain as final fields, the angles in which maps of orientations are written, so that stores, exports
and pictures keep it: in the plane one angle, in space those of Bunge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import Float32Array, FloatArray, GrainMap
from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key
from nakaya.crystallography.inverse_pole_figure import inverse_pole_figure_colours
from nakaya.crystallography.symmetry import find_symmetry
from nakaya.growth.model.trajectory import FinalField, Trajectory
from nakaya.growth.solvers.grains.draws import ORIENTATION, uniform

__all__ = [
    "FIELDS",
    "draw_orientations",
    "fields_of",
    "grain_orientations",
    "matrices_of",
    "orientation_colours",
    "positions",
]

FIELDS = {
    2: (FinalField("angle", "deg", "angle from columns to an axis of the grain, in [0, 90)"),),
    3: (
        FinalField("phi1", "deg", "first of Bunge's angles of the grain's orientation"),
        FinalField("Phi", "deg", "second of Bunge's angles"),
        FinalField("phi2", "deg", "third of Bunge's angles"),
    ),
}
"""What a crystal holds of its grains' orientations, by dimension."""


def draw_orientations(key: Key, num_grains: int, dimension: int) -> FloatArray:
    """Draw the angles of grains' orientations, all orientations being equally likely.

    Args:
        key: Of the member.
        num_grains: How many; a grain's do not depend on it.
        dimension: 2: one angle, uniform in [0, 90). 3: Bunge's angles, uniform on SO(3): phi1 and phi2 uniform in
            [0, 360), the cosine of Phi uniform in (-1, 1].

    Returns:
        Degrees, float64 [grain, 1 or 3].
    """
    if dimension == 2:
        return 90 * uniform(key, ORIENTATION, num_grains)[:, None]
    first, second, third = (uniform(key, ORIENTATION + place, num_grains) for place in range(3))
    return np.stack([360 * first, np.degrees(np.arccos(1 - 2 * second)), 360 * third], axis=1)


def _to_rotation(angles: FloatArray) -> Rotation:
    """Sample to crystal, [grain], from angles in degrees [grain, 1 or 3]."""
    turns = "Z" if angles.shape[1] == 1 else "ZXZ"
    return Rotation.from_euler(turns, angles, degrees=True).inv()


def matrices_of(angles: FloatArray) -> FloatArray:
    """Return the matrices that turn offsets in the sample into those in the crystal: float64 [grain, 3, 3]."""
    if not len(angles):
        return np.zeros((0, 3, 3))
    return np.asarray(_to_rotation(angles).as_matrix(), np.float64)


def fields_of(grain: GrainMap, angles: FloatArray) -> dict[str, Float32Array]:
    """Return the fields of a crystal, float32 [*lattice] by name; NaN where there is no grain.

    Args:
        grain: int32 [*lattice].
        angles: Degrees, float64 [grain, 1 or 3].
    """
    fields = {}
    for place, field in enumerate(FIELDS[grain.ndim]):
        values = np.append(angles[:, place], np.nan).astype(np.float32)
        fields[field.name] = values[grain]  # -1, no grain, is the last
    return fields


def grain_orientations(crystals: Trajectory, *, point: int = 0, member: int = 0) -> Rotation:
    """Return the orientations of a crystal's grains, in the order of their numbers.

    Args:
        crystals: Of a model whose crystals hold orientations, as `grains` and `grains-3d` do.
        point: Number of the parameter point.
        member: Number of the crystal.

    Returns:
        Sample to crystal, [grain], as everywhere in `nakaya.crystallography`; float32 accuracy.

    Raises:
        ParameterError: There is no such point or member, no grain, or the model holds no orientations.

    >>> import nakaya
    >>> from nakaya.growth.solvers.grains.parameters import Grains
    >>> crystals = nakaya.grow(Grains(site_density=5e9), model="grains", size=64, seed=7)
    >>> orientations = grain_orientations(crystals)
    >>> bool(len(orientations) == crystals.grain.max() + 1)
    True
    >>> along = orientations[0].inv().apply([1, 0, 0])  # an axis of grain 0, in the sample
    >>> angle = np.degrees(np.arctan2(along[1], along[0]))
    >>> bool(np.isclose(angle % 90, crystals.fields["angle"][crystals.grain == 0][0]))
    True
    """
    one = crystals.point(point)
    names = [field.name for field in FIELDS[one.metadata.dimension]]
    if one.grain is None or not set(names) <= one.fields.keys():
        raise ParameterError(f"crystals of {one.metadata.model} hold no orientations of grains: {', '.join(names)}")
    if not 0 <= member < one.num_members:
        raise ParameterError(f"member {member} does not exist: there are {one.num_members} members, counted from 0")
    numbers, sites = np.unique(one.grain[member], return_index=True)
    sites = sites[numbers >= 0]
    if not sites.size:
        raise ParameterError(f"member {member} has no grain")
    angles = np.stack([one.fields[name][member].ravel()[sites] for name in names], axis=1)
    return _to_rotation(angles.astype(np.float64))


def orientation_colours(
    crystals: Trajectory,
    *,
    point: int = 0,
    member: int = 0,
    sample_direction: tuple[float, float, float] = (1.0, 0.0, 0.0),
) -> FloatArray:
    """Return the inverse-pole-figure colour of every site: float64 [*lattice, 3] in [0, 1]; NaN where no grain is.

    Args:
        crystals: As `grain_orientations` takes them.
        point: Number of the parameter point.
        member: Number of the crystal.
        sample_direction: x, y, z, whose direction in the crystal is coloured. In the plane z is <001> for all grains.

    Raises:
        ParameterError: As `grain_orientations`.

    >>> import nakaya
    >>> from nakaya.growth.solvers.grains.parameters import Grains
    >>> crystals = nakaya.grow(Grains(site_density=5e9), model="grains", size=64, seed=7)
    >>> colours = orientation_colours(crystals, sample_direction=(0, 0, 1))
    >>> colours.shape, colours[0, 0].round(3).tolist()  # the normal is <001>, red
    ((64, 64, 3), [1.0, 0.0, 0.0])
    """
    orientations = grain_orientations(crystals, point=point, member=member)
    colours = inverse_pole_figure_colours(orientations, find_symmetry("m-3m"), sample_direction)
    grain = crystals.point(point).grain
    assert grain is not None  # or there were no orientations
    return np.asarray(np.append(colours, np.full((1, 3), np.nan), axis=0)[grain[member]], np.float64)


def positions(sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return x, y, z of sites [n, axis] in site spacings: int64 [n, 3]; z = 0 in the plane."""
    flat = np.asarray(sites, np.int64)[:, ::-1]
    return np.concatenate([flat, np.zeros((len(flat), 3 - flat.shape[1]), np.int64)], axis=1)
