"""A micrograph made from a map of grains that is known, and what comes back from it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nakaya.core.arrays import FloatArray
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.grain_size import grain_size_from_intercept
from nakaya.microscopy.grains.record import GrainMeasures, measure_map
from nakaya.microscopy.grains.segmentation import segment_grains
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.viz.canvas import design_for_page
from nakaya.viz.overlays import Caption, grain_overlay
from nakaya.viz.reports.report import Code, Report

__all__ = ["read_a_micrograph"]

SHAPE = (300, 400)
GRAINS = 120
PIXEL = 0.5e-6
ETCHING = Etching(contrast=0.5, noise=0.1, unmarked=0.08, broken=0.15, grey_deviation=0.03, shading=0.15, pits=0.3)
"""As a hasty polish leaves it: noise, weak light on one side, and boundaries that the acid left out."""


def read_a_micrograph(report: Report, seed: int) -> list[str]:
    """Etch a known map of grains, divide the image into grains again, and compare."""
    rng = np.random.default_rng(seed)
    truth = voronoi_map(scatter_points(GRAINS, SHAPE, rng, relaxations=2), SHAPE, periodic=False).labels
    image = etched_image(truth, ETCHING, rng).astype(np.float64)
    segmented = segment_grains(image)
    known, found = measure_map(truth), measure_map(segmented.labels)
    difference = found.intercept.value / known.intercept.value - 1

    report.add_text(
        "A micrograph says how a crystallization ended: how many grains, how large, who touches whom. This one is "
        f"synthetic, so the truth is known: {GRAINS} grains, of whose boundaries the etchant left out "
        f"{100 * ETCHING.unmarked:.0f} % altogether and {100 * ETCHING.broken:.0f} % of the others' length in gaps. "
        "Lines are found through the noise, gaps are closed by the shortest way, and neighbours are merged where "
        "neither a line nor a neck speaks for a boundary. No mask takes part.",
    )
    report.add_figure(
        _enlarged(image),
        caption=f"The micrograph as a microscope would show it, {SHAPE[1]} × {SHAPE[0]} pixels of {PIXEL * 1e6:g} µm.",
        alt="A grey, noisy image of polygonal grains with dark boundaries, some of them interrupted.",
    )
    report.add_figure(
        lambda theme, width: grain_overlay(
            image,
            found.labels,
            found.table.on_frame,
            Caption("", pixel_size=PIXEL, design_width=design_for_page(width), margin=0.0),
            theme,
        ),
        caption=(
            f"What was found in it: {found.num_grains} grains, {found.num_whole} of them whole. ",
            Code("nakaya ingest micrograph"),
            " draws the same for an image of yours. A person checks this picture; where it is wrong, a corrected mask "
            "does better.",
        ),
        alt="The same image with yellow lines along the boundaries and each grain in a colour of its own.",
    )
    report.add_table(
        ("map", "grains", "mean intercept (µm)", "95 % interval (µm)", "ASTM grain size", "neighbours"),
        [_row("as made", known), _row("as found", found)],
        caption="The interval is what counting one image of this size leaves open; it does not cover mistakes of the "
        "segmentation. Neighbours: of whole grains, without the bias of leaving out those on the frame.",
        emphasise=0,
    )
    return [
        f"grains of a synthetic etched micrograph: {found.num_grains} found of {known.num_grains}, mean intercept "
        f"{100 * difference:+.1f} % off"
    ]


def _row(name: str, measured: GrainMeasures) -> tuple[object, ...]:
    intercept, scale = measured.intercept, 1e6 * PIXEL
    return (
        name,
        measured.num_grains,
        intercept.value * scale,
        f"{intercept.low * scale:.1f} to {intercept.high * scale:.1f}",
        float(grain_size_from_intercept(intercept.value * PIXEL)),
        float(measured.mean_neighbours_whole),
    )


def _enlarged(image: FloatArray) -> Image.Image:
    pixels = np.rint(image * 255).astype(np.uint8)
    return Image.fromarray(np.repeat(np.repeat(pixels, 3, axis=0), 3, axis=1))
