"""Grains of a micrograph as a record and a cluster graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import FloatArray, GrainMap
from nakaya.microscopy.grains.grain_size import (
    MeanIntercept,
    grain_size_from_intercept,
    mean_intercept,
    planimetric_density,
)
from nakaya.microscopy.grains.measures import Boundaries, GrainTable, frame_of, frame_weights, measure_grains
from nakaya.microscopy.grains.topology import neighbours_with_corners, split_disconnected
from nakaya.microscopy.image_records import ImageSource, IngestedImage, ingested
from nakaya.records.cluster_graph import ClusterGraph, Feature
from nakaya.records.record import Axis, Quantity, single

__all__ = ["GrainMeasures", "fraction_of", "grain_graph", "grains_record", "measure_map", "without_specks"]

SPECK = 4
"""Pixels; what a grain leaves behind in smaller pieces elsewhere is noise of the segmentation."""
FEW_GRAINS = 50
"""ASTM E112-13 asks for at least so many grains in a field of view."""
COARSE = 8.0
"""Pixels; below this mean intercept the shortest chords are lost between pixels."""
SIZE_CLASSES = 12


@dataclass(frozen=True, eq=False)
class GrainMeasures:
    """What a map of grains measures, in pixels.

    Attributes:
        labels: int32 [row, column], 0 .. n - 1, every grain connected.
        table: Sizes and shapes.
        boundaries: Neighbours and lengths of boundary.
        intercept: Mean lineal intercept.
        density: Grains per pixel area (Jeffries).
        weights: Of every grain in means over sizes: 0 on the frame, else against the bias of leaving those out.
    """

    labels: GrainMap
    table: GrainTable
    boundaries: Boundaries
    intercept: MeanIntercept
    density: float
    weights: FloatArray

    @property
    def num_grains(self) -> int:
        """Number of grains, those on the frame included."""
        return self.table.num_grains

    @property
    def num_whole(self) -> int:
        """Number of grains that do not touch the frame."""
        return int((~self.table.on_frame).sum())

    @property
    def mean_neighbours(self) -> float:
        """Mean number of neighbours seen, over all grains: below six, as grains on the frame lack some."""
        return float(self.boundaries.num_neighbours(self.num_grains).mean())

    @property
    def mean_neighbours_whole(self) -> float:
        """Mean number of neighbours of grains that do not touch the frame, without the bias of leaving those out."""
        return self._mean(self.boundaries.num_neighbours(self.num_grains).astype(np.float64))[0]

    @property
    def boundary_length_per_area(self) -> float:
        """Length of boundary per pixel."""
        return float(self.boundaries.length.sum()) / self.labels.size

    @property
    def mean_diameter(self) -> tuple[float, float]:
        """Mean diameter of circles of the same area, and its standard error: grains on the frame are left out."""
        return self._mean(self.table.equivalent_diameter)

    @property
    def mean_area(self) -> tuple[float, float]:
        """Mean area and its standard error: grains on the frame are left out."""
        return self._mean(self.table.area)

    def _mean(self, values: FloatArray) -> tuple[float, float]:
        total = float(self.weights.sum())
        if total <= 0:
            return math.nan, math.nan
        mean = float(self.weights @ values) / total
        error = math.sqrt(float(self.weights**2 @ (values - mean) ** 2)) / total
        return mean, error if self.num_whole > 1 else math.nan


def without_specks(labels: GrainMap) -> GrainMap:
    """Return a map whose grains are connected, where specks of fewer than 4 pixels went to the nearest grain."""
    pieces = split_disconnected(labels)
    small = np.bincount(pieces.ravel())[pieces] < SPECK
    if small.all() or not small.any():
        return pieces
    nearest = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
    return split_disconnected(pieces[tuple(nearest)])


def measure_map(labels: GrainMap) -> GrainMeasures:
    """Measure a map of grains in which every pixel belongs to one.

    Args:
        labels: int32 [row, column], not negative.

    Raises:
        ParameterError: There are fewer than two grains.

    >>> four = np.zeros((40, 40), np.int32)
    >>> four[20:] += 2
    >>> four[:, 20:] += 1
    >>> measured = measure_map(four)
    >>> measured.num_grains, measured.num_whole, measured.table.area.tolist()
    (4, 0, [400.0, 400.0, 400.0, 400.0])
    """
    labels = without_specks(labels)
    height, width = labels.shape
    rows, columns = np.indices(labels.shape)
    table = measure_grains(
        labels.ravel().astype(np.int64),
        (columns.ravel().astype(np.float64), rows.ravel().astype(np.float64)),
        frame_of((height, width)).ravel(),
    )
    return GrainMeasures(
        labels,
        table,
        neighbours_with_corners(labels),
        mean_intercept(labels),
        planimetric_density(labels),
        frame_weights(table, width, height),
    )


def grain_graph(
    record_id: str,
    table: GrainTable,
    boundaries: Boundaries,
    *,
    unit: str,
    scale: float = 1.0,
    features: Mapping[str, Feature] | None = None,
    boundary_features: Mapping[str, Feature] | None = None,
    orientations: FloatArray | None = None,
) -> ClusterGraph:
    """Return grains and their boundaries as a cluster graph.

    Args:
        record_id: Of the record that the graph belongs to.
        table: Sizes and shapes.
        boundaries: Neighbours and lengths of boundary.
        unit: Of lengths in the graph.
        scale: Of one unit of length of the table in it.
        features: What else is known of every grain.
        boundary_features: What else is known of every boundary.
        orientations: Quaternions, scalar first, float64 [n, 4].
    """
    edges, length = boundaries.edges, boundaries.length * scale
    perimeter = boundaries.perimeter(table.num_grains) * scale
    shorter = perimeter[edges].min(axis=1) if len(edges) else np.zeros(0)
    return ClusterGraph(
        record_id,
        "grain",
        {
            "area": Feature(table.area * scale**2, f"{unit}^2"),
            "diameter": Feature(table.equivalent_diameter * scale, unit),
            "relative_area": Feature(table.area / table.area.mean(), "1"),
            "aspect_ratio": Feature(table.aspect_ratio, "1"),
            "perimeter": Feature(perimeter, unit),
            "neighbours": Feature(boundaries.num_neighbours(table.num_grains).astype(np.float64), "1"),
            "on_frame": Feature(table.on_frame.astype(np.float64), "1"),
            **(features or {}),
        },
        edges,
        {
            "length": Feature(length, unit),
            "perimeter_share": Feature(fraction_of(length, shorter), "1"),
            **(boundary_features or {}),
        },
        positions=table.centroid * scale,
        position_unit=unit,
        orientations=orientations,
    )


def fraction_of(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part over whole, 0 where the whole is 0: float64 [n]."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def grains_record(
    source: ImageSource, measured: GrainMeasures, settings: Mapping[str, str], flags: tuple[str, ...] = ()
) -> IngestedImage:
    """Make the record and the cluster graph of a map of grains.

    Args:
        source: The image.
        measured: Its grains.
        settings: How the grains were found.
        flags: What the segmentation has to say.
    """
    table, intercept = measured.table, measured.intercept
    remarks = list(flags)
    if measured.num_grains < FEW_GRAINS:
        remarks.append(
            f"{measured.num_grains} grains are in the image: a grain size by ASTM E112 needs {FEW_GRAINS} at least"
        )
    if intercept.value < COARSE:
        remarks.append(f"the mean intercept is {intercept.value:.1f} pixels: short chords are lost, enlarge the image")
    graph = grain_graph(source.record_id("grains"), table, measured.boundaries, unit=source.unit, scale=source.scale)
    quantities = _quantities(measured, source)
    return ingested(
        source, graph, quantities, how="micrograph divided into grains", settings=settings, flags=tuple(remarks)
    )


def _quantities(measured: GrainMeasures, source: ImageSource) -> dict[str, Quantity]:
    intercept = measured.intercept
    ends = intercept.low, intercept.high
    found = {
        "num_grains": single(measured.num_grains, "1"),
        "mean_neighbours": single(measured.mean_neighbours, "1"),
        "mean_neighbours_whole_grains": single(measured.mean_neighbours_whole, "1"),
        "mean_intercept_pixels": single(intercept.value, "pixel", interval=ends),
    }
    scale = source.pixel_size
    if scale is None:
        return found
    diameter, diameter_error = measured.mean_diameter
    area, area_error = measured.mean_area
    found |= {
        "mean_intercept": single(intercept.value * scale, "m", interval=(ends[0] * scale, ends[1] * scale)),
        "astm_grain_size": single(
            grain_size_from_intercept(intercept.value * scale), "1", interval=astm_interval(intercept, scale)
        ),
        "grain_diameter": single(diameter * scale, "m", uncertainty=diameter_error * scale),
        "grain_area": single(area * scale**2, "m^2", uncertainty=area_error * scale**2),
        "grains_per_area": single(measured.density / scale**2, "1/m^2"),
        "boundary_length_per_area": single(measured.boundary_length_per_area / scale, "1/m"),
    }
    if measured.num_whole > SIZE_CLASSES:
        diameters = measured.table.equivalent_diameter * scale
        density, edges = np.histogram(
            diameters[~measured.table.on_frame],
            SIZE_CLASSES,
            weights=measured.weights[~measured.table.on_frame],
            density=True,
        )
        axis = Axis("diameter", "m", (edges[1:] + edges[:-1]) / 2)
        found["diameter_distribution"] = Quantity(density, "1/m", axis=axis)
    return found


def astm_interval(intercept: MeanIntercept, pixel_size: float) -> tuple[float, float]:
    """The interval of the grain-size number; NaN where that of the mean intercept is not known."""
    if not (math.isfinite(intercept.low) and math.isfinite(intercept.high)):
        return math.nan, math.nan
    return grain_size_from_intercept(intercept.high * pixel_size), grain_size_from_intercept(intercept.low * pixel_size)
