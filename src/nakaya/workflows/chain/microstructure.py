"""Grains that grow from drawn kinetics, and what is seen of them on a section: by EBSD, and in a micrograph."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.growth.growing import grow
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.grains.orientations import grain_orientations
from nakaya.growth.solvers.grains.parameters import Grains3D
from nakaya.microscopy.ebsd.files import parse_ang
from nakaya.microscopy.ebsd.grains import find_grains
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.record import measure_map
from nakaya.microscopy.grains.segmentation import segment_grains
from nakaya.workflows.chain.kinetics import Kinetics

__all__ = [
    "MAGNIFIED",
    "Seen",
    "ang_text",
    "grow_members",
    "micrograph_of",
    "section_of",
    "seen_as_it_is",
    "seen_by_ebsd",
    "seen_in_micrograph",
    "volumes_of",
]

MODEL: Final = "grains-3d"

SCATTER: Final = 0.3
"""Degrees by which points of one grain differ in an EBSD map, as good maps of recrystallised metals do."""

MAGNIFIED: Final = 4
"""Pixels of the micrograph along an edge of a site."""

ETCHING: Final = Etching(line_width=4, contrast=0.5, noise=0.03, unmarked=0.03, broken=0.03)
"""A good micrograph of an etched metal: a few boundaries in a hundred are not marked."""


@dataclass(frozen=True)
class Seen:
    """What one way of looking tells of a section. SI units.

    Attributes:
        grains_per_area: 1/m^2; grains that the frame cuts count for a half (Jeffries).
        diameters: Of circles of the areas of the grains that it does not cut, float64 [grain], m.
    """

    grains_per_area: float
    diameters: FloatArray


def grow_members(
    kinetics: Sequence[Kinetics],
    *,
    grains: int,
    size: int,
    seed: int,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Trajectory:
    """Grow one polycrystal for each draw, in a box that is to hold a number of grains.

    Args:
        kinetics: The draws.
        grains: Expected in a box.
        size: Sites along its edges; it is periodic.
        seed: Of nuclei and orientations.
        workers: Threads.
        progress: Told of finished members.

    Returns:
        Points are the draws, with one member each.
    """
    points = [
        Grains3D(
            velocity=each.rough_velocity,
            spacing=(grains / each.density) ** (1 / 3) / size,
            site_density=0.0,
            nucleation_rate=each.nucleation_rate,
            **{f"facet_{face}": ratio for face, ratio in each.facets.items()},
        )
        for each in kinetics
    ]
    return grow(points, model=MODEL, size=size, seed=seed, workers=workers, progress=progress)


def section_of(crystals: Trajectory, point: int) -> tuple[GrainMap, Rotation, float]:
    """The middle plane of a member: grains int32 [row, column], orientations of all grains, and the spacing in m."""
    assert crystals.grain is not None, "the model numbers its grains"
    volume = crystals.grain[point, 0]
    orientations = grain_orientations(crystals, point=point)
    return volume[len(volume) // 2], orientations, float(crystals.parameters["spacing"][point])


def volumes_of(crystals: Trajectory, point: int) -> FloatArray:
    """Volumes of the grains of a member, m^3."""
    assert crystals.grain is not None, "the model numbers its grains"
    counts = np.bincount(crystals.grain[point].ravel())
    return np.asarray(counts[counts > 0] * float(crystals.parameters["spacing"][point]) ** 3, np.float64)


def seen_as_it_is(labels: GrainMap, spacing: float) -> Seen:
    """The grains of a periodic section, each counted once and whole."""
    areas = np.bincount(labels.ravel())
    whole = np.asarray(areas[areas > 0] * spacing**2, np.float64)
    return _seen(whole, np.zeros(len(whole), np.bool_), labels.size * spacing**2)


def seen_by_ebsd(text: str, name: str) -> Seen:
    """What our own reader finds in an EBSD map."""
    ebsd = parse_ang(text, name=name)
    table = find_grains(ebsd).table
    return _seen(table.area, table.on_frame, ebsd.area)


def seen_in_micrograph(image: FloatArray, pixel_size: float) -> Seen:
    """What our own segmentation finds in a micrograph."""
    table = measure_map(segment_grains(image).labels).table
    return _seen(table.area * pixel_size**2, table.on_frame, image.size * pixel_size**2)


def _seen(areas: FloatArray, is_cut: BoolArray, total: float) -> Seen:
    return Seen(float((1 - is_cut / 2).sum()) / total, np.sqrt(4 * areas[~is_cut] / math.pi))


def ang_text(
    labels: GrainMap, orientations: Rotation, spacing: float, *, material: str, rng: np.random.Generator
) -> str:
    """An EBSD map of a section as a file of the form .ang: Bunge's angles, steps in um, a little scatter.

    Args:
        labels: int32 [row, column].
        orientations: Sample to crystal, [grain].
        spacing: Of points, m.
        material: Chemical symbol.
        rng: Draws the scatter.
    """
    scatter = Rotation.from_rotvec(np.radians(SCATTER) * rng.standard_normal((labels.size, 3)) / math.sqrt(3))
    # Bunge's angles turn the sample's axes into the crystal's; as_euler tells those of the inverse, crystal to sample.
    angles = (scatter * orientations[labels.ravel()]).inv().as_euler("ZXZ") % (2 * math.pi)
    step = spacing * 1e6
    rows, columns = labels.shape
    cell = 4.0  # Angstrom: no measure here depends on it, and readers want one
    head = [
        "# TEM_PIXperUM 1.0", "# Phase 1", f"# MaterialName  {material}", "# Symmetry 43",
        f"# LatticeConstants  {cell:.3f} {cell:.3f} {cell:.3f} 90.0 90.0 90.0", "# GRID: SqrGrid",
        f"# XSTEP: {step:.9g}", f"# YSTEP: {step:.9g}", f"# NCOLS_ODD: {columns}", f"# NCOLS_EVEN: {columns}",
        f"# NROWS: {rows}",
    ]  # fmt: skip
    places = np.indices(labels.shape).reshape(2, -1)
    lines = [
        f"{first:.5f} {second:.5f} {third:.5f} {step * column:.9g} {step * row:.9g} 100.0 0.9 1 1 0.5"
        for (first, second, third), row, column in zip(angles, *places, strict=True)
    ]
    return "\n".join([*head, *lines, ""])


def micrograph_of(labels: GrainMap, rng: np.random.Generator) -> FloatArray:
    """A micrograph of the etched section, `MAGNIFIED` pixels a site: float [row, column] in 0..1, smooth boundaries."""
    numbers, compact = np.unique(labels, return_inverse=True)
    fine = compact.reshape(labels.shape).repeat(MAGNIFIED, 0).repeat(MAGNIFIED, 1)
    best, owner = np.zeros(fine.shape), np.zeros(fine.shape, np.int64)
    for number in range(len(numbers)):
        weight = ndimage.gaussian_filter((fine == number).astype(np.float32), MAGNIFIED)
        owner[weight > best] = number
        best = np.maximum(best, weight)
    _, shown = np.unique(owner, return_inverse=True)
    return np.asarray(etched_image(shown.reshape(fine.shape).astype(np.int32), ETCHING, rng), np.float64)
