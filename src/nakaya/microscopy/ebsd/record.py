"""Grains of an EBSD map as a record and a cluster graph."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from nakaya.microscopy.ebsd.files import EbsdMap, Phase
from nakaya.microscopy.ebsd.grains import EbsdGrains
from nakaya.microscopy.image_records import ImageSource, IngestedImage, boundary_features, ingested
from nakaya.records.cluster_graph import ClusterGraph, Feature
from nakaya.records.record import Quantity, single

__all__ = ["ebsd_record", "phase_fraction"]

POORLY_INDEXED = 0.8
"""Share of the map; below it grains have holes, and their sizes and number mean little."""


def phase_fraction(ebsd: EbsdMap, phase: Phase) -> float:
    """Share of a phase in the indexed points."""
    return float((ebsd.phase == phase.number).sum() / ebsd.indexed.sum())


def _slug(name: str, number: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    return f"phase_{number}_{words}" if words else f"phase_{number}"


def ebsd_record(source: ImageSource, ebsd: EbsdMap, grains: EbsdGrains, settings: Mapping[str, str]) -> IngestedImage:
    """Make the record and the cluster graph of the grains of a map.

    Args:
        source: The file; its pixel size is the step of the map.
        ebsd: The map.
        grains: Its grains.
        settings: How the grains were found.
    """
    table, boundaries = grains.table, grains.boundaries
    flags = list(grains.flags)
    share = float(ebsd.indexed.sum() / ebsd.grid.exists.sum())
    if share < POORLY_INDEXED:
        flags.append(f"{100 * share:.0f} % of the map is indexed: grains have holes, and their sizes mean little")
    perimeter = boundaries.perimeter(grains.num_grains)
    features = boundary_features(boundaries.edges, boundaries.length, perimeter, "m")
    twin_share = np.divide(
        grains.twin_length, boundaries.length, out=np.zeros(len(boundaries.length)), where=boundaries.length > 0
    )
    graph = ClusterGraph(
        source.record_id("ebsd"),
        "grain",
        {
            "area": Feature(table.area, "m^2"),
            "diameter": Feature(table.equivalent_diameter, "m"),
            "relative_area": Feature(table.area / table.area.mean(), "1"),
            "aspect_ratio": Feature(table.aspect_ratio, "1"),
            "perimeter": Feature(perimeter, "m"),
            "neighbours": Feature(boundaries.num_neighbours(grains.num_grains).astype(np.float64), "1"),
            "on_frame": Feature(table.on_frame.astype(np.float64), "1"),
            "phase": Feature(grains.phase.astype(np.float64), "1"),
            "orientation_spread": Feature(grains.spread, "rad"),
        },
        boundaries.edges,
        {
            **features,
            "misorientation": Feature(grains.misorientation, "rad"),
            "local_misorientation": Feature(grains.local_misorientation, "rad"),
            "twin_share": Feature(twin_share, "1"),
            "same_phase": Feature(grains.same_phase.astype(np.float64), "1"),
        },
        positions=table.centroid,
        position_unit="m",
        orientations=np.roll(grains.orientation.as_quat(canonical=True), 1, axis=1),
    )
    return ingested(
        source, graph, _quantities(ebsd, grains, share), how="EBSD map divided into grains", settings=settings,
        flags=flags,
    )  # fmt: skip


def _quantities(ebsd: EbsdMap, grains: EbsdGrains, share: float) -> dict[str, Quantity]:
    whole = grains.table.equivalent_diameter[~grains.table.on_frame]
    error = float(whole.std(ddof=1)) / math.sqrt(len(whole)) if len(whole) > 1 else math.nan
    found = {
        "num_grains": single(grains.num_grains, "1"),
        "mean_neighbours": single(float(grains.boundaries.num_neighbours(grains.num_grains).mean()), "1"),
        "grain_diameter": single(grains.mean_diameter(), "m", uncertainty=error),
        "boundary_length_per_area": single(float(grains.boundaries.length.sum()) / ebsd.grid.area, "1/m"),
        "indexed_fraction": single(share, "1"),
        "twin_fraction": single(grains.twin_fraction(), "1"),
    }
    for phase in ebsd.phases:
        name = _slug(phase.name, phase.number)
        found[f"{name}_fraction"] = single(phase_fraction(ebsd, phase), "1")
        found[f"{name}_twin_fraction"] = single(grains.twin_fraction(phase.number), "1")
    return found
