"""Lattices of an atomic-resolution image as a record and a cluster graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from nakaya.microscopy.image_records import ImageSource, IngestedImage, ingested
from nakaya.microscopy.lattice_images.faults import FaultSearch
from nakaya.microscopy.lattice_images.lattices import LatticeImage
from nakaya.records.cluster_graph import ClusterGraph, Feature
from nakaya.records.record import single

__all__ = ["lattice_record"]

POOR_FIT = 0.05
"""Misfit of two lattices after rotation, relative to the lattice: more than a crystal strains."""


def lattice_record(
    source: ImageSource, found: LatticeImage, searches: Sequence[FaultSearch], settings: Mapping[str, str]
) -> IngestedImage:
    """Make the record and the cluster graph of the lattices of an image.

    Args:
        source: The image.
        found: Its lattices.
        searches: The search for stacking faults in each.
        settings: What else mattered.
    """
    scale, unit = source.scale, source.unit
    number = len(found.domains)
    fraction = np.array([domain.area_fraction for domain in found.domains])
    spacings = np.stack([domain.spacings for domain in found.domains]) * scale
    faults = [float(len(search.faults)) if search.resolved else np.nan for search in searches]
    centroids = np.array(ndimage.center_of_mass(np.ones(found.labels.shape), found.labels, np.arange(number)))
    flags = []
    for boundary in found.boundaries:
        if boundary.misfit > POOR_FIT:
            flags.append(
                f"the lattices {boundary.domains[0]} and {boundary.domains[1]} fit after rotation to "
                f"{100 * boundary.misfit:.0f} % only (scan distortion, strain, another zone): the angle is as uncertain"
            )
        if boundary.alternatives:
            others = ", ".join(f"{np.degrees(angle):.1f}" for angle in boundary.alternatives)
            flags.append(f"a rotation by {others} degrees fits nearly as well as {np.degrees(boundary.rotation):.1f}")
    flags += [
        f"stacking faults of lattice {place} cannot be seen: {search.reason}"
        for place, search in enumerate(searches)
        if not search.resolved
    ]
    graph = ClusterGraph(
        source.record_id("lattice"),
        "domain",
        {
            "image_share": Feature(fraction, "1"),
            **{f"spacing_{rank + 1}": Feature(spacings[:, rank], unit) for rank in range(3)},
            "stacking_faults": Feature(np.array(faults), "1"),
        },
        np.array([boundary.domains for boundary in found.boundaries], np.int64).reshape(-1, 2),
        {
            "length": Feature(np.array([boundary.length * scale for boundary in found.boundaries]), unit),
            "misorientation": Feature(np.array([abs(boundary.rotation) for boundary in found.boundaries]), "rad"),
            "misfit": Feature(np.array([boundary.misfit for boundary in found.boundaries]), "1"),
            "twin": Feature(np.array([float(boundary.is_twin) for boundary in found.boundaries]), "1"),
        },
        positions=centroids.reshape(-1, 2)[:, ::-1] * scale,
        position_unit=unit,
    )
    quantities = {
        "num_lattices": single(number, "1"),
        "num_stacking_faults": single(float(np.nansum(faults)) if np.isfinite(faults).any() else np.nan, "1"),
    }
    for boundary in found.boundaries:
        first, second = boundary.domains
        quantities[f"rotation_{first}_{second}"] = single(boundary.rotation, "rad")
    if source.pixel_size is not None:
        for place, row in enumerate(spacings):
            for rank, spacing in enumerate(row):
                quantities[f"spacing_{rank + 1}_of_lattice_{place}"] = single(float(spacing), "m")
    return ingested(
        source, graph, quantities, how="local lattices by windowed Fourier transforms", settings=settings, flags=flags
    )
