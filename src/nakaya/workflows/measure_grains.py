"""The grains of a polycrystal in numbers: how many, how large, how they are turned; and a table of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap, IntArray
from nakaya.core.documents import plain
from nakaya.core.errors import ParameterError
from nakaya.core.files import write_whole
from nakaya.core.tables import Column, Table, encode_csv
from nakaya.crystallography.texture import Texture, cubic_texture, planar_texture
from nakaya.growth.coarsening.neighbours import neighbour_pairs
from nakaya.growth.solvers.grains.measures import GrainStatistics, equivalent_diameters, map_statistics
from nakaya.workflows.coarsening_starts import Start, read_start

__all__ = ["MeasuredGrains", "measure_file", "measure_grains", "summary_of_grains", "table_of_grains", "write_table"]

QUANTILES: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class MeasuredGrains:
    """A polycrystal in numbers.

    Attributes:
        start: Its map.
        spacing: Distance of sites.
        is_physical: Whether that is in m; else lengths are in sites.
        statistics: Number, density, sizes.
        names: Number of each grain in the map, int64 [grain].
        neighbours: int64 [grain].
        on_edge: Whether the edge of an insulated map cuts the grain, bool [grain].
        texture: None where no orientations of cubic crystals are known.
    """

    start: Start
    spacing: float
    is_physical: bool
    statistics: GrainStatistics
    names: IntArray
    neighbours: IntArray
    on_edge: BoolArray
    texture: Texture | None

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.start.grain_map.ndim

    @property
    def diameters(self) -> FloatArray:
        """Of circles or balls of the grains' sizes, float64 [grain]."""
        return equivalent_diameters(self.statistics.sizes, self.dimension)


def measure_grains(start: Start, *, spacing: float | None = None) -> MeasuredGrains:
    """Return the numbers of a map of grains.

    Args:
        start: As of `nakaya.workflows.coarsening_starts.read_start`.
        spacing: Distance of sites, m, in place of the map's own; without either lengths are in sites.

    Raises:
        ParameterError: There is no grain, or the spacing is not positive.
    """
    if spacing is not None and not 0 < spacing < np.inf:
        raise ParameterError(f"spacing={spacing:g} must be a positive length in m")
    known = spacing if spacing is not None else start.spacing
    statistics = map_statistics(start.grain_map, 1.0 if known is None else known)
    names, places = np.unique(start.grain_map, return_inverse=True)
    has_melt = int(names[0] < 0)
    labels: GrainMap = places.reshape(start.grain_map.shape).astype(np.int32)
    is_periodic = start.edges == "periodic"
    neighbours = _neighbours(labels, has_melt, is_periodic=is_periodic)
    on_edge = np.zeros(len(names), np.bool_)
    if not is_periodic:
        for axis in range(labels.ndim):
            on_edge[np.unique(labels.take([0, -1], axis=axis))] = True
    texture = None
    if start.orientations is not None and start.symmetry == "m-3m":
        if start.is_planar:
            texture = planar_texture(_angles(start)[:, 0], statistics.sizes)
        else:
            texture = cubic_texture(start.orientations, statistics.sizes)
    return MeasuredGrains(
        start, 1.0 if known is None else known, known is not None, statistics,
        names[has_melt:].astype(np.int64), neighbours, on_edge[has_melt:], texture,
    )  # fmt: skip


def _neighbours(labels: GrainMap, has_melt: int, *, is_periodic: bool) -> IntArray:
    """Grains that each grain touches; melt, number 0 where there is some, is none."""
    pairs = neighbour_pairs(labels, is_periodic=is_periodic)
    if has_melt:
        pairs = pairs[pairs[:, 0] > 0] - 1
    return np.bincount(pairs.ravel(), minlength=int(labels.max()) + 1 - has_melt).astype(np.int64)


def _angles(start: Start) -> FloatArray:
    """Degrees, float64 [grain, 1 or 3], as stores hold them: in the plane in [0, 90), in space those of Bunge."""
    assert start.orientations is not None, "asked where they are known"
    inverse = start.orientations.inv()  # as_euler tells those of the inverse: crystal to sample
    if start.is_planar:
        return np.asarray(np.degrees(inverse.as_rotvec()[:, 2:]) % 90, np.float64)
    return np.asarray(inverse.as_euler("ZXZ", degrees=True) % 360, np.float64)


def measure_file(path: Path, *, point: int = 0, member: int = 0, spacing: float | None = None) -> MeasuredGrains:
    """Return the numbers of the grains in a file: whatever `nakaya coarsen` starts from.

    Args:
        path: A store of grains, a coarsening.npz (its last frame), an EBSD map, a mask, an array.
        point: Of a store.
        member: Of a store.
        spacing: As of `measure_grains`.

    Raises:
        InputFileError, FormatError: It cannot be read, or holds no such map.
        ParameterError: As of `measure_grains`.
    """
    return measure_grains(read_start(path, point=point, member=member), spacing=spacing)


def summary_of_grains(found: MeasuredGrains) -> dict[str, Any]:
    """Return plain values: what `nakaya measure --json` prints; lengths in m, or in sites where no spacing is known."""
    statistics, diameters = found.statistics, found.diameters
    texture: dict[str, Any] | None = None
    if found.texture is not None:
        texture = plain(found.texture) | {"excess": found.texture.excess}
    return {
        "dimension": found.dimension,
        "shape": list(found.start.grain_map.shape),
        "edges": found.start.edges,
        "length_unit": "m" if found.is_physical else "sites",
        "spacing": found.spacing,
        "grains": statistics.num_grains,
        "grains_on_edges": int(found.on_edge.sum()),
        "solid_fraction": statistics.transformed,
        "grain_density": statistics.density,
        "characteristic_length": statistics.characteristic_length,
        "mean_size": float(statistics.sizes.mean()),
        "size_variation": float(statistics.sizes.std() / statistics.sizes.mean()),
        "mean_diameter": statistics.mean_diameter,
        "diameter_deviation": statistics.diameter_deviation,
        "diameter_quantiles": {f"{level:g}": float(np.quantile(diameters, level)) for level in QUANTILES},
        "mean_neighbours": float(found.neighbours.mean()),
        "texture": texture,
        "flags": list(found.start.flags),
    }


def table_of_grains(found: MeasuredGrains) -> Table:
    """Return one row for each grain: number, size, diameter, neighbours, whether an edge cuts it, angles."""
    size, length = (f"m{found.dimension}", "m") if found.is_physical else (None, None)
    columns = [
        Column("grain", found.names),
        Column("area" if found.dimension == 2 else "volume", found.statistics.sizes, size),
        Column("diameter", found.diameters, length),
        Column("neighbours", found.neighbours),
        Column("on_edge", found.on_edge.astype(np.int64)),
    ]
    if found.start.orientations is not None:
        angles = _angles(found.start)
        names = ("angle",) if found.start.is_planar else ("phi1", "Phi", "phi2")
        columns += [Column(name, angles[:, place], "deg") for place, name in enumerate(names)]
    return Table(tuple(columns))


def write_table(found: MeasuredGrains, out: Path, *, overwrite: bool = False) -> None:
    """Write `table_of_grains` as CSV.

    Raises:
        OutputError: It exists and may not be replaced, or cannot be written.
    """
    write_whole(out, encode_csv(table_of_grains(found)), overwrite=overwrite)
