"""An EBSD map to a record, a cluster graph and an inverse-pole-figure map with its boundaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray, GrainMap
from nakaya.core.files import check_output
from nakaya.core.provenance import sha256_of_file
from nakaya.crystallography.inverse_pole_figure import colour_key, inverse_pole_figure_colours
from nakaya.crystallography.twins import twin_laws
from nakaya.microscopy.ebsd.files import EbsdMap, read_ebsd
from nakaya.microscopy.ebsd.grains import EbsdGrains, GrainRules, find_grains
from nakaya.microscopy.ebsd.record import ebsd_record, phase_fraction
from nakaya.microscopy.grains.measures import pixels_beside
from nakaya.microscopy.image_records import ImageSource
from nakaya.records.record import Record
from nakaya.records.summary import tell_results
from nakaya.viz.colour import from_hex, to_hex
from nakaya.viz.style import LIGHT
from nakaya.workflows.ingest_micrograph import Finding, write_ingested
from nakaya.workflows.record_folder import RECORDS

__all__ = ["ingest_ebsd"]

UNINDEXED = 0.55
"""Grey of places without a grain."""


def ingest_ebsd(
    path: Path, out: Path, rules: GrainRules | None = None, *, material: str | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Turn an EBSD map into a directory: records/ (with the cluster graph), overlay.png and mask.png.

    Args:
        path: .ang or .ctf.
        out: Directory to make.
        rules: What makes a grain.
        material: Of the specimen; the names of its phases by default.
        overwrite: Whether something at `out` is replaced.

    Returns:
        Plain values: grains, phases, twin_fraction, mean_diameter_m and more; record, status, flags, out. Phases of one
        name are told apart by their numbers.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is no EBSD map, contradicts itself, or has no grain.
        OutputError: The output exists or cannot be written.
    """
    rules = rules or GrainRules()
    check_output(out, overwrite=overwrite, sign=RECORDS)
    ebsd = read_ebsd(path)
    grains = find_grains(ebsd, rules)
    labels = ebsd.labels
    source = ImageSource(
        path.name,
        sha256_of_file(path),
        ebsd.grid.step,
        "step of the map",
        material or " + ".join(dict.fromkeys(phase.name for phase in ebsd.phases)),
        command=f"nakaya ingest ebsd {path.name} --threshold {rules.threshold:g} --min-pixels {rules.min_pixels}",
    )
    laws_of = {
        labels[phase.number]: [law.name for law in twin_laws(phase.symmetry, phase.lattice)] for phase in ebsd.phases
    }
    settings = {
        "threshold": f"{rules.threshold:g} degrees",
        "least points of a grain": str(rules.min_pixels),
        "least confidence": f"{rules.confidence_limit(ebsd):g}",
        "grid": f"{ebsd.grid.kind}, {ebsd.grid.rows} x {ebsd.grid.columns}",
        "points moved by the clean-up": str(grains.cleaned),
        **{f"symmetry of {labels[phase.number]}": phase.symmetry.name for phase in ebsd.phases},
        **{f"crystal frame of {labels[phase.number]}": phase.frame for phase in ebsd.phases},
        **{f"twin laws of {label}": ", ".join(laws) or "none known" for label, laws in laws_of.items()},
    }
    numbers = {
        "grains": grains.num_grains,
        "phases": list(labels.values()),
        "phase_fractions": {labels[phase.number]: phase_fraction(ebsd, phase) for phase in ebsd.phases},
        "grains_by_phase": {label: int((grains.phase == number).sum()) for number, label in labels.items()},
        "twin_fraction": grains.twin_fraction(),
        "twin_fraction_by_phase": {label: grains.twin_fraction(number) for number, label in labels.items()},
        "twin_laws": laws_of,
        "whole_grains": int((~grains.table.on_frame).sum()),
        "mean_diameter_m": grains.mean_diameter(),
        "mean_neighbours": float(grains.boundaries.num_neighbours(grains.num_grains).mean()),
        "indexed_fraction": ebsd.indexed_fraction,
        "points_cleaned": grains.cleaned,
        "threshold_degrees": rules.threshold,
        "step_m": ebsd.grid.step,
    }
    ingested = ebsd_record(source, ebsd, grains, settings)
    overlay = _overlay(ebsd, grains, ingested.record, numbers)
    found = Finding(ingested, overlay, _mask(ebsd, grains), numbers)
    return write_ingested(found, out, overwrite=overwrite)


def _labels(ebsd: EbsdMap, grains: EbsdGrains) -> GrainMap:
    """Grain of every pixel of a picture of the map; -1 = none."""
    place = ebsd.grid.raster()
    return np.where(place >= 0, grains.labels[np.maximum(place, 0)], -1).astype(np.int32)


def _mask(ebsd: EbsdMap, grains: EbsdGrains) -> BoolArray:
    """Boundaries between grains, one pixel wide: bool [row, column] of the picture."""
    labels = _labels(ebsd, grains)
    below, right = (np.diff(labels, axis=axis, append=labels.take([-1], axis)) for axis in (0, 1))
    return np.asarray((below != 0) | (right != 0), np.bool_)


def _overlay(ebsd: EbsdMap, grains: EbsdGrains, record: Record, numbers: dict[str, Any]) -> Any:  # a Pillow image
    from nakaya.viz.overlays import Caption, orientation_overlay

    place = ebsd.grid.raster()
    points = np.maximum(place, 0)
    labels = _labels(ebsd, grains)
    none = (place < 0) | ~ebsd.indexed[points]
    directions, phases = _colours(ebsd)
    legend = [
        (to_hex(_phase_colour(number)), f"{label}, {100 * numbers['phase_fractions'][label]:.0f} %")
        for number, label in enumerate(ebsd.labels.values())
    ]
    several = len(ebsd.labels) > 1
    colours = "crystal direction along the normal of the surface."
    maps = f"Left: {colours} Right: phases." if several else f"Colour: {colours}"
    symmetry = ebsd.phases[0].symmetry
    same_key = all(phase.symmetry.system == symmetry.system for phase in ebsd.phases)
    cubic_key = (colour_key(symmetry, 220), ("001", "101", "111")) if same_key and symmetry.system == "cubic" else None
    caption = Caption(
        f"{grains.num_grains} grains at {numbers['threshold_degrees']:g}°",
        f"{maps} Grey: not indexed. " + tell_results(record, ["grain_diameter", "twin_fraction"]),
        ebsd.grid.step if ebsd.grid.kind == "square" else ebsd.grid.step / 2,
        legend if several else (),
    )
    mostly_twin = grains.twin_length > grains.boundaries.length / 2
    return orientation_overlay(
        np.where(none[..., None], UNINDEXED, directions[points]),
        np.where(none[..., None], UNINDEXED, phases[points]) if several else None,
        labels,
        pixels_beside(labels, grains.boundaries.edges[mostly_twin]),
        caption,
        key=cubic_key,
    )


def _phase_colour(number: int) -> FloatArray:
    """A pale colour, on which boundaries stand out: float64 [3]."""
    return 0.45 + 0.55 * from_hex(LIGHT.models[number % len(LIGHT.models)])


def _colours(ebsd: EbsdMap) -> tuple[FloatArray, FloatArray]:
    """Colours of all points by orientation and by phase, float64 [point, 3] each."""
    directions = np.full((ebsd.grid.num_points, 3), UNINDEXED)
    phases = directions.copy()
    for number, phase in enumerate(ebsd.phases):
        own = ebsd.phase == phase.number
        if own.any():
            directions[own] = inverse_pole_figure_colours(ebsd.orientations[own], phase.symmetry)
            phases[own] = _phase_colour(number)
    return directions, phases
