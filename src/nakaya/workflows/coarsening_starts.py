"""Where coarsening may start: a tessellation, a grown polycrystal, an EBSD map, a mask, an earlier coarsening."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.archives import read_arrays
from nakaya.core.arrays import GrainMap
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import FormatError, ParameterError
from nakaya.growth.coarsening.files import open_coarsening
from nakaya.growth.coarsening.result import Coarsening
from nakaya.growth.exchange.about import with_spacing
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.grains.orientations import FIELDS, grain_orientations
from nakaya.growth.store.store import open_store
from nakaya.microscopy.ebsd.files import read_ebsd
from nakaya.microscopy.ebsd.grains import find_grains
from nakaya.microscopy.ebsd.grid import SQUARE
from nakaya.microscopy.grains.masks import grains_from_mask
from nakaya.microscopy.grains.voronoi import laguerre_map
from nakaya.microscopy.image_files import read_raw_image

__all__ = ["TESSELLATIONS", "Start", "read_start", "start_of_crystals", "tessellation"]

TESSELLATIONS: Final = ("voronoi", "laguerre")
RADII_DEVIATION = 0.35
"""Standard deviation of the logarithm of radii in a Laguerre start: that of grains in annealed metals."""

MAX_BYTES = 4 << 30
SAME_STEP = 0.01


@dataclass(frozen=True)
class Start:
    """A map to start from.

    Attributes:
        grain_map: int32 [*lattice]; below zero: no grain.
        spacing: Distance of sites, m; None: not known.
        orientations: Of the grains in the order of their numbers, where they are known, sample to crystal.
        symmetry: Laue class of all grains; empty where phases differ or none is known.
        edges: "periodic" or "insulated".
        flags: What to keep in mind.
        is_planar: Whether orientations are turns about the normal of a plane, as of grains that grew in it.
    """

    grain_map: GrainMap
    spacing: float | None = None
    orientations: Rotation | None = None
    symmetry: str = ""
    edges: str = "insulated"
    flags: tuple[str, ...] = ()
    is_planar: bool = False


def tessellation(kind: str, shape: tuple[int, ...], num_grains: int, seed: int) -> Start:
    """Return a periodic map of random cells with random orientations.

    Args:
        kind: "voronoi" (Poisson), or "laguerre": radii are log-normal with a deviation of `RADII_DEVIATION`.
        shape: Sites along each of two or three axes.
        num_grains: Number of points; a Laguerre map has fewer cells where circles hide others.
        seed: Of points, radii and orientations.
    """
    check_count("grains", num_grains, 2, 1_000_000)
    rng = np.random.default_rng(check_seed(seed))
    points = rng.uniform(0, shape[::-1], (num_grains, len(shape)))
    mean_radius = (np.prod(shape) / num_grains) ** (1 / len(shape)) / 2
    logarithms = rng.normal(0, RADII_DEVIATION, num_grains)
    radii = mean_radius * np.exp(logarithms) if kind == "laguerre" else np.zeros(num_grains)
    orientations = Rotation.random(num_grains, random_state=rng)
    cells = laguerre_map(points, radii, shape)
    return Start(cells, None, orientations[np.unique(cells)], "m-3m", "periodic")


def read_start(path: Path, *, point: int = 0, member: int = 0) -> Start:
    """Read a map, by the ending of its file.

    Args:
        path: .npz (a coarsening, of which the last frame is taken, or one array of whole numbers), .zarr (a store of
            crystals with their grains), .ctf or .ang (EBSD), or a picture of a mask.
        point: Of a store.
        member: Of a store.

    Raises:
        InputFileError, FormatError: It cannot be read, or holds no such map.
        ParameterError: Its sites are no squares or cubes.
    """
    ending = path.suffix.lower()
    if ending == ".zarr":
        return start_of_crystals(open_store(path).point(point), member=member, name=str(path))
    if ending in (".ctf", ".ang"):
        return _of_ebsd(path)
    if ending == ".npz":
        return _of_arrays(path)
    pixels, flags = read_raw_image(path)
    labels, more = grains_from_mask(pixels, pixels.shape[:2])
    return Start(labels, flags=(*flags, *more))


def start_of_crystals(crystals: Trajectory, *, point: int = 0, member: int = 0, name: str = "the trajectory") -> Start:
    """Return the map of a crystal's grains.

    Args:
        crystals: Of a model of many grains.
        point: Number of the parameter point.
        member: Number of the crystal.
        name: What they are called in errors.

    Raises:
        FormatError: They have no map of grains.
        ParameterError: There is no such member, or its sites are no squares or cubes.
    """
    one = with_spacing(crystals.point(point))
    if one.grain is None:
        raise FormatError(f"{name} holds crystals without their grains: name a store of a model of many grains")
    if not 0 <= member < one.num_members:
        raise ParameterError(f"member {member} does not exist: there are {one.num_members}, counted from 0")
    metadata = one.metadata
    if metadata.lattice not in ("square", "cubic"):
        raise ParameterError(f"{name} has a {metadata.lattice} lattice: maps of square and cubic ones are taken")
    edges = "periodic" if metadata.geometry.get("edges") == "periodic" else "insulated"
    spacing = metadata.site_spacing if metadata.length_unit == "m" else None
    known = {entry.name for entry in FIELDS[metadata.dimension]} <= one.fields.keys()
    orientations = grain_orientations(one, member=member) if known else None
    is_planar = known and metadata.dimension == 2
    return Start(one.grain[member], spacing, orientations, "m-3m" if known else "", edges, is_planar=is_planar)


def _of_ebsd(path: Path) -> Start:
    ebsd = read_ebsd(path)
    grid = ebsd.grid
    if grid.kind != SQUARE or abs(grid.row_step / grid.step - 1) > SAME_STEP:
        raise ParameterError(
            f"{path} has a {grid.kind} grid of other steps along rows than between: squares are needed"
        )
    grains = find_grains(ebsd)
    place = grid.raster()
    labels = np.where(place >= 0, grains.labels[np.maximum(place, 0)], -1).astype(np.int32)
    classes = {phase.symmetry.name for phase in ebsd.phases if (grains.phase == phase.number).any()}
    flags = [*ebsd.flags, *grains.flags]
    if len(np.unique(grains.phase)) > 1:
        flags.append("the map has several phases: their boundaries are treated as those of grains")
    symmetry = classes.pop() if len(classes) == 1 else ""
    orientations = grains.orientation[np.unique(labels[labels >= 0])]
    return Start(labels, grid.step, orientations, symmetry, flags=tuple(flags))


def _of_arrays(path: Path) -> Start:
    arrays = read_arrays(path, most=MAX_BYTES, what="npz file of a map of grains")
    if "grain_maps" in arrays and "about" in arrays:
        earlier = open_coarsening(path)
        return _of_coarsening(earlier)
    maps = {name: array for name, array in arrays.items() if array.ndim in (2, 3) and array.dtype.kind in "iu"}
    if len(maps) != 1:
        raise FormatError(f"{path} holds {len(maps)} arrays of whole numbers with 2 or 3 axes: exactly one is needed")
    found = next(iter(maps.values())).astype(np.int64)
    if found.max() >= 2**31 or found.min() < -(2**31):
        raise FormatError(f"{path} holds numbers of grains beyond 32 bits")
    return Start(found.astype(np.int32))


def _of_coarsening(earlier: Coarsening) -> Start:
    """Its last frame, with the orientations of the grains that are left."""
    last = earlier.grain_maps[-1]
    is_physical = bool(earlier.settings.get("is_physical", earlier.spacing != 1.0))  # no site of a metal is a metre
    turns = None if earlier.orientations is None else Rotation.from_quat(earlier.orientations[np.unique(last)])
    return Start(
        earlier.names[last].astype(np.int32),
        earlier.spacing if is_physical else None,
        turns,
        "" if turns is None else str(earlier.settings.get("laue_class", "m-3m")),
        earlier.edges,
        earlier.flags,
        bool(earlier.settings.get("is_planar", False)),
    )
