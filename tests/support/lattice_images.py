"""Synthetic images of atomic columns: perfect crystals, bicrystals, twins, stacking faults."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray

__all__ = ["FCC_110", "columns_image", "lattice_columns", "with_fault", "with_second_grain"]

FCC_110: FloatArray = np.array([[np.sqrt(0.5), 0.0], [np.sqrt(0.125), 0.5]])
"""Vectors between columns of an fcc crystal seen along [110], rows (x, y) in lattice constants: x is [1 -1 0], y is
[0 0 1]. The close-packed planes {111} stand at 54.74 degrees to x."""


def lattice_columns(
    vectors: FloatArray, shape: tuple[int, int], *, angle: float = 0.0, shift: FloatArray | None = None
) -> FloatArray:
    """Return the columns of a lattice in and around an image: (x, y) in pixels, float64 [n, 2].

    Args:
        vectors: Two lattice vectors as rows (x, y), pixels.
        shape: Rows and columns of the image.
        angle: Rotation of the lattice from x towards y, rad.
        shift: (x, y) of the origin from the centre of the image.
    """
    height, width = shape
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = np.asarray(vectors, np.float64) @ turn
    reach = int(np.ceil(2 * np.hypot(height, width) / np.sqrt(abs(np.linalg.det(turned)))))
    first, second = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    columns = np.stack([first.ravel(), second.ravel()], axis=1) @ turned
    columns = columns + (0 if shift is None else shift) + [(width - 1) / 2, (height - 1) / 2]
    margin = 3 * np.linalg.norm(turned, axis=1).max()
    inside = (columns > -margin).all(axis=1) & (columns < [width + margin, height + margin]).all(axis=1)
    return np.asarray(columns[inside])


def with_second_grain(first: FloatArray, second: FloatArray, normal: FloatArray, origin: FloatArray) -> FloatArray:
    """Return the columns of `first` behind a line and those of `second` before it: float64 [n, 2].

    Args:
        first: Columns kept where (column - origin) . normal < 0.
        second: Columns kept elsewhere.
        normal: (x, y), float64 [2].
        origin: A point of the line.
    """
    return np.concatenate([first[(first - origin) @ normal < 0], second[(second - origin) @ normal >= 0]])


def with_fault(columns: FloatArray, normal: FloatArray, origin: FloatArray, displacement: FloatArray) -> FloatArray:
    """Return columns of which those before a line are displaced: a stacking fault.

    Args:
        columns: float64 [n, 2].
        normal: (x, y) of the fault's plane, float64 [2].
        origin: A point of the fault.
        displacement: (x, y), pixels.
    """
    beyond = (columns - origin) @ normal >= 0
    return columns + beyond[:, None] * np.asarray(displacement)


def columns_image(
    columns: FloatArray, shape: tuple[int, int], rng: np.random.Generator, *, sigma: float = 3.0, noise: float = 0.05
) -> FloatArray:
    """Return an image of columns as bright Gaussian spots: float64 [row, column], about 0 to 1, with noise.

    Args:
        columns: (x, y) in pixels, float64 [n, 2].
        shape: Rows and columns of the image.
        rng: Randomness of the noise.
        sigma: Width of a spot, pixels.
        noise: Standard deviation of a pixel's noise.
    """
    image = np.zeros(shape)
    reach = int(np.ceil(4 * sigma))
    for x, y in columns:
        column, row = round(float(x)), round(float(y))
        top, bottom = max(row - reach, 0), min(row + reach + 1, shape[0])
        left, right = max(column - reach, 0), min(column + reach + 1, shape[1])
        if top < bottom and left < right:
            rows, across = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
            image[top:bottom, left:right] += np.exp(-((across - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.asarray(image + noise * rng.standard_normal(shape), np.float64)
