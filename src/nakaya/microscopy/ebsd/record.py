"""Grains of an EBSD map as a record and a cluster graph."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from nakaya.microscopy.ebsd.files import EbsdMap, Phase
from nakaya.microscopy.ebsd.grains import EbsdGrains
from nakaya.microscopy.grains.record import fraction_of, grain_graph
from nakaya.microscopy.image_records import ImageSource, IngestedImage, ingested, mean_quantity
from nakaya.records.cluster_graph import Feature
from nakaya.records.record import Quantity, single

__all__ = ["ebsd_record", "phase_fraction"]

POORLY_INDEXED = 0.8
"""Fraction of the map; below it grains have holes, and their sizes and number mean little."""


def phase_fraction(ebsd: EbsdMap, phase: Phase) -> float:
    """Fraction of a phase in the indexed points."""
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
    flags = list(grains.flags)
    indexed = ebsd.indexed_fraction
    if indexed < POORLY_INDEXED:
        flags.append(f"{100 * indexed:.0f} % of the map is indexed: grains have holes, and their sizes mean little")
    graph = grain_graph(
        source.record_id("ebsd"),
        grains.table,
        grains.boundaries,
        unit="m",
        features={
            "phase": Feature(grains.phase.astype(np.float64), "1"),
            "orientation_spread": Feature(grains.deviation, "rad"),
        },
        boundary_features={
            "misorientation": Feature(grains.misorientation, "rad"),
            "local_misorientation": Feature(grains.local_misorientation, "rad"),
            "twin_share": Feature(fraction_of(grains.twin_length, grains.boundaries.length), "1"),
            "same_phase": Feature(grains.same_phase.astype(np.float64), "1"),
        },
        orientations=np.roll(grains.orientation.as_quat(canonical=True), 1, axis=1),
    )
    return ingested(
        source, graph, _quantities(ebsd, grains, indexed), how="EBSD map divided into grains", settings=settings,
        flags=flags,
    )  # fmt: skip


def _quantities(ebsd: EbsdMap, grains: EbsdGrains, indexed: float) -> dict[str, Quantity]:
    found = {
        "num_grains": single(grains.num_grains, "1"),
        "mean_neighbours": single(float(grains.boundaries.num_neighbours(grains.num_grains).mean()), "1"),
        "grain_diameter": mean_quantity(grains.table.equivalent_diameter[~grains.table.on_frame], "m"),
        "boundary_length_per_area": single(float(grains.boundaries.length.sum()) / ebsd.area, "1/m"),
        "indexed_fraction": single(indexed, "1"),
        "twin_fraction": single(grains.twin_fraction(), "1"),
    }
    for phase in ebsd.phases:
        name = _slug(phase.name, phase.number)
        found[f"{name}_fraction"] = single(phase_fraction(ebsd, phase), "1")
        found[f"{name}_twin_fraction"] = single(grains.twin_fraction(phase.number), "1")
    return found
