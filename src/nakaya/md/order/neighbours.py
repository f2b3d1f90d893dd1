"""Nearest neighbours of atoms in a periodic box, in NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.errors import ParameterError

__all__ = ["nearest_neighbours", "volume_per_atom"]


def volume_per_atom(cell: FloatArray, num_atoms: int) -> float:
    """Volume of the box over the number of atoms; cell float64 [3, 3], rows are the box vectors."""
    return float(abs(np.linalg.det(cell))) / num_atoms


def nearest_neighbours(
    positions: FloatArray, cell: FloatArray, count: int, *, periodic: Sequence[bool] = (True, True, True)
) -> tuple[IntArray, FloatArray]:
    """Return the `count` nearest neighbours of every atom, nearest first.

    The box may be triclinic. Along its periodic directions, images are added as a shell of ghost atoms, so a
    box narrower than twice the neighbour distance is right too: an atom can be its own neighbour through the boundary.

    Args:
        positions: float64 [atom, 3], length unit of the cell; atoms may lie outside the box.
        cell: float64 [3, 3], rows are the box vectors.
        count: How many neighbours, at least 1.
        periodic: Whether the box goes on along each of its vectors.

    Returns:
        (int64 [atom, count] neighbour numbers, float64 [atom, count, 3] vectors from atom to neighbour).

    Raises:
        ParameterError: The box has no volume, or holds no atoms.
    """
    num_atoms = len(positions)
    volume = abs(float(np.linalg.det(cell)))
    if num_atoms == 0 or not np.isfinite(volume) or volume <= 0:
        raise ParameterError(f"{num_atoms} atoms in a box of volume {volume:g}: there are no neighbours to find")
    inverse = np.linalg.inv(cell)
    fractional = positions @ inverse
    fractional -= np.where(periodic, np.floor(fractional), 0.0)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)  # distance between opposite faces
    reach = 1.7 * (3 * (count + 1) * volume / num_atoms / (4 * np.pi)) ** (1 / 3)
    while True:
        tree, owners, home = _with_ghosts(fractional, cell, np.where(periodic, reach / heights, 0.0))
        distances, indices = tree.query(home, k=count + 1)
        if np.isfinite(distances).all() and distances[:, -1].max() <= reach:
            break
        reach *= 1.6  # dilute somewhere: look further
        if reach > 40 * heights.max():
            raise ParameterError(f"{num_atoms} atoms are too few, or too far apart, for {count} neighbours each")
    points = tree.data
    # An atom sits at distance zero from itself; the first column is the atom unless two atoms coincide.
    indices = indices[:, 1:]
    vectors = np.asarray(points)[indices] - home[:, None, :]
    return owners[indices].astype(np.int64), vectors


def _with_ghosts(fractional: FloatArray, cell: FloatArray, margin: FloatArray) -> tuple[cKDTree, IntArray, FloatArray]:
    # A margin of zero has no images: the box ends there.
    points, owners = fractional, np.arange(len(fractional))
    for direction in range(3):
        pieces, numbers = [points], [owners]
        for shift in range(1, int(np.ceil(margin[direction])) + 1):
            for sign in (-1.0, 1.0):
                moved = points[:, direction] + sign * shift
                inside = (moved >= -margin[direction]) & (moved < 1 + margin[direction])
                ghosts = points[inside].copy()
                ghosts[:, direction] += sign * shift
                pieces.append(ghosts)
                numbers.append(owners[inside])
        points, owners = np.concatenate(pieces), np.concatenate(numbers)
    return cKDTree(points @ cell), owners, fractional @ cell
