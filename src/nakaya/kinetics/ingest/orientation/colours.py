"""Colours of an inverse pole figure: which crystal direction points along a direction of the sample."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.ingest.orientation.quaternions import rotate
from nakaya.kinetics.ingest.orientation.symmetry import Symmetry, to_sector

__all__ = ["inverse_pole_figure_colours"]


def inverse_pole_figure_colours(
    orientations: FloatArray, symmetry: Symmetry, sample_direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
) -> FloatArray:
    """Return a colour for every orientation: red, green and blue at the corners of the standard triangle.

    For m-3m red is <001>, green <101>, blue <111>. Colour = the direction's shares of the three corners, the greatest
    scaled to one, with a square root that widens the pale middle.

    Args:
        orientations: float64 [n, 4].
        symmetry: Laue class of the crystal.
        sample_direction: Direction in the sample frame; the surface normal by default.

    Returns:
        float64 [n, 3] in [0, 1].
    """
    direction = np.asarray(sample_direction, np.float64)
    crystal = rotate(np.asarray(orientations, np.float64), direction / np.linalg.norm(direction))
    inside = to_sector(crystal, symmetry)
    shares = np.clip(np.linalg.solve(symmetry.corners.T, inside.T).T, 0.0, None)
    return np.asarray(np.sqrt(shares / shares.max(axis=1, keepdims=True)), np.float64)
