"""Dislocation loops of a TEM image as a record and a cluster graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import Delaunay, QhullError

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.microscopy.image_records import ImageSource, IngestedImage, ingested, mean_quantity
from nakaya.microscopy.loops.counting import Loops, come_in_pairs, count_interval
from nakaya.records.cluster_graph import ClusterGraph, Feature
from nakaya.records.record import single

__all__ = ["loops_record", "natural_neighbours"]

NO_LOOPS = "no loop was found: nothing is dark enough, or large enough"

IN_PAIRS = (
    "most loops come in pairs that nearly touch: loops with two dark lobes are counted twice; look at the overlay, and "
    "state a larger diameter of the loops if so"
)


def natural_neighbours(points: FloatArray) -> IntArray:
    """Return pairs of points whose Voronoi cells touch, first < second: int64 [e, 2].

    Args:
        points: (x, y), float64 [n, 2].
    """
    if len(points) < 2:
        return np.zeros((0, 2), np.int64)
    try:
        triangles = Delaunay(points).simplices
        edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    except (QhullError, ValueError):  # two points, or all on one line: each touches the next one
        order = np.lexsort((points[:, 1], points[:, 0]))
        edges = np.stack([order[:-1], order[1:]], axis=1)
    return np.unique(np.sort(edges, axis=1), axis=0).astype(np.int64)


def loops_record(
    source: ImageSource, loops: Loops, shape: tuple[int, int], settings: Mapping[str, str]
) -> IngestedImage:
    """Make the record and the cluster graph of the loops of an image.

    Args:
        source: The image.
        loops: What was found.
        shape: Rows and columns of the image.
        settings: How the loops were found.
    """
    scale, unit = source.scale, source.unit
    edges = natural_neighbours(loops.centres)
    distance = np.linalg.norm(loops.centres[edges[:, 0]] - loops.centres[edges[:, 1]], axis=1) * scale
    graph = ClusterGraph(
        source.record_id("loops"),
        "loop",
        {
            "diameter": Feature(loops.diameter * scale, unit),
            "area": Feature(loops.area * scale**2, f"{unit}^2"),
            "depth": Feature(loops.depth, "1"),
        },
        edges,
        {"distance": Feature(distance, unit)},
        positions=loops.centres * scale,
        position_unit=unit,
    )
    ends = count_interval(loops.count)
    quantities = {"num_loops": single(loops.count, "1", interval=ends)}
    flags = [] if loops.count else [NO_LOOPS]
    if come_in_pairs(loops):
        flags.append(IN_PAIRS)
    if source.pixel_size is not None:
        area = shape[0] * shape[1] * scale**2
        quantities |= {
            "loop_diameter": mean_quantity(loops.diameter * scale, "m"),
            "loops_per_area": single(loops.count / area, "1/m^2", interval=(ends[0] / area, ends[1] / area)),
        }
    return ingested(source, graph, quantities, how="dark spots in bright-field TEM", settings=settings, flags=flags)
