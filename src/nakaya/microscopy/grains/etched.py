"""Synthetic micrographs of etched grains, made from a map that is known.

Real etching marks some boundaries strongly, some weakly and some not at all; here each of these defects has one number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import BoolArray, Float32Array, FloatArray, GrainMap
from nakaya.core.checks import Range, check_in_range
from nakaya.microscopy.grains.measures import boundary_pairs, collect_boundaries, pixels_beside

__all__ = ["Etching", "etched_image"]

_RANGES = {
    "line_width": Range(0.5, 50.0, "the full width of a boundary at half depth, in pixels"),
    "contrast": Range(0.0, 1.0, "the depth of a marked boundary, as a fraction of the full grey scale"),
    "noise": Range(0.0, 1.0, "the standard deviation of the noise of a pixel"),
    "unmarked": Range(0.0, 1.0, "the fraction of boundaries that the etchant left out altogether"),
    "broken": Range(0.0, 1.0, "the fraction of the length of marked boundaries that is missing in gaps"),
    "grey_deviation": Range(0.0, 1.0, "the standard deviation of the grains' brightness"),
    "shading": Range(0.0, 1.0, "the difference of illumination from one side of the image to the other"),
    "pits": Range(0.0, 1.0, "the number of dark etch pits per grain"),
}


@dataclass(frozen=True)
class Etching:
    """How a micrograph was etched and recorded; see the messages of `ParameterError` for ranges.

    Attributes:
        line_width: Full width of a boundary at half depth, pixels.
        contrast: Depth of a marked boundary, on a grey scale from 0 to 1.
        noise: Standard deviation of a pixel's noise.
        unmarked: Fraction of boundaries without any mark.
        broken: Fraction of the length of the others that is missing, in gaps.
        grey_deviation: Standard deviation of the grains' brightness.
        shading: Difference of illumination between two sides of the image.
        pits: Dark dots per grain that are no boundaries.
        bright_lines: Whether boundaries are brighter than the grains.
    """

    line_width: float = 3.0
    contrast: float = 0.5
    noise: float = 0.0
    unmarked: float = 0.0
    broken: float = 0.0
    grey_deviation: float = 0.0
    shading: float = 0.0
    pits: float = 0.0
    bright_lines: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _RANGES.items():
            check_in_range(name, getattr(self, name), allowed)


def _gaps(shape: tuple[int, int], fraction: float, length: float, rng: np.random.Generator) -> BoolArray:
    """Patches that cover `fraction` of the image, about `length` pixels across: bool [row, column]."""
    if fraction <= 0:
        return np.zeros(shape, np.bool_)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), length / 2.5, mode="wrap")
    return np.asarray(field < np.quantile(field, fraction), np.bool_)


def etched_image(labels: GrainMap, etching: Etching, rng: np.random.Generator) -> Float32Array:
    """Return the micrograph of a map of grains: float32 [row, column] in [0, 1].

    Args:
        labels: Grains, int32 [row, column].
        etching: How well it was etched.
        rng: Randomness.

    >>> halves = np.repeat([[0, 1]], 32, axis=0).repeat(16, axis=1).astype(np.int32)
    >>> image = etched_image(halves, Etching(noise=0.0), np.random.default_rng(0))
    >>> image.shape, bool(image[:, 15:17].mean() < image[:, :8].mean())  # the boundary is dark
    ((32, 32), True)
    """
    height, width = labels.shape
    num_grains = int(labels.max()) + 1
    grain_size = float(np.sqrt(labels.size / num_grains))
    edges = collect_boundaries(boundary_pairs(labels)).edges
    marked = pixels_beside(labels, edges[rng.random(len(edges)) >= etching.unmarked])
    marked &= ~_gaps(labels.shape, etching.broken, 0.25 * grain_size, rng)
    image: FloatArray = 0.75 + etching.grey_deviation * rng.standard_normal(num_grains)[labels]
    if marked.any():
        distance = ndimage.distance_transform_edt(~marked)
        depth = np.exp(-np.log(2) * (2 * distance / etching.line_width) ** 2)
        image = image + (0.25 if etching.bright_lines else -1) * etching.contrast * depth
    num_pits = rng.poisson(etching.pits * num_grains)
    pits = np.zeros(labels.shape)
    pits[rng.integers(0, height, num_pits), rng.integers(0, width, num_pits)] = 1.0
    spot = ndimage.gaussian_filter(pits, etching.line_width / 2)
    image = image - etching.contrast * np.minimum(spot * np.pi * etching.line_width**2 / 2, 1.0)
    image = image + etching.shading * np.linspace(-0.5, 0.5, width)
    image = image + etching.noise * rng.standard_normal(labels.shape)
    return np.clip(image, 0.0, 1.0).astype(np.float32)
