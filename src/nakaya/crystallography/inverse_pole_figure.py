"""Colours of an inverse pole figure: which crystal direction points along a direction of the sample."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.symmetry import Symmetry, to_sector

__all__ = ["colour_key", "inverse_pole_figure_colours"]


def inverse_pole_figure_colours(
    orientations: Rotation, symmetry: Symmetry, sample_direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
) -> FloatArray:
    """Return a colour for every orientation: red, green and blue at the corners of the standard triangle.

    For m-3m red is <001>, green <101>, blue <111>. Colour = the direction's components along the corners, the greatest
    scaled to one, with a square root that widens the pale middle.

    Args:
        orientations: Sample to crystal, [n].
        symmetry: Laue class of the crystal.
        sample_direction: Direction in the sample frame; the surface normal by default.

    Returns:
        float64 [n, 3] in [0, 1].
    """
    direction = np.asarray(sample_direction, np.float64)
    inside = to_sector(orientations.apply(direction / np.linalg.norm(direction)), symmetry)
    return _blend(np.asarray(np.linalg.solve(symmetry.corners.T, inside.T).T, np.float64))


def colour_key(symmetry: Symmetry, size: int) -> FloatArray:
    """Return the standard triangle in its colours on white, in stereographic projection: float64 [row, column, 3].

    Args:
        symmetry: Laue class.
        size: Width of the picture, pixels; its height follows.
    """
    flat = symmetry.corners[:, :2] / (1 + symmetry.corners[:, 2:])
    edge = np.linspace(0.0, 1.0, 100)[:, None]  # sides between two corners bulge outwards
    sides = [(1 - edge) * symmetry.corners[i] + edge * symmetry.corners[(i + 1) % 3] for i in range(3)]
    rim = np.concatenate([side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides])
    outline = np.concatenate([flat, rim[:, :2] / (1 + rim[:, 2:])])
    low, high = outline.min(axis=0), outline.max(axis=0)
    height = max(2, round(size * (high[1] - low[1]) / (high[0] - low[0])))
    x, y = np.meshgrid(np.linspace(low[0], high[0], size), np.linspace(high[1], low[1], height))
    square = x**2 + y**2
    vectors = np.stack([2 * x, 2 * y, 1 - square], axis=-1) / (1 + square)[..., None]
    components = np.linalg.solve(symmetry.corners.T, vectors.reshape(-1, 3).T).T
    inside = (components >= -1e-9).all(axis=1)
    colours = np.ones((x.size, 3))
    colours[inside] = _blend(components[inside])
    return colours.reshape(height, size, 3)


def _blend(components: FloatArray) -> FloatArray:
    components = np.clip(components, 0.0, None)
    return np.asarray(np.sqrt(components / components.max(axis=1, keepdims=True)), np.float64)
