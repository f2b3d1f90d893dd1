"""Crystals whose measures are known: hexagon, disc, arms, hexaflake, Sierpinski star.

Each is a bool array [2 reach + 1, 2 reach + 1] centred on its origin, for checks and examples.
"""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import IntArray, Mask
from nakaya.growth.lattice.lattice import D6, hexagonal_distance, to_plane

__all__ = ["disc", "hexaflake", "hexagon", "sierpinski_star", "star"]


def _offsets(reach: int) -> tuple[IntArray, IntArray]:
    rows, columns = np.indices((2 * reach + 1, 2 * reach + 1), dtype=np.int64) - reach
    return rows, columns


def hexagon(reach: int) -> Mask:
    """The filled hexagon of all sites within `reach` neighbour steps: 3 r (r + 1) + 1 sites; dimension 2."""
    return np.asarray(hexagonal_distance(*_offsets(reach)) <= reach, np.bool_)


def disc(radius: float, centre: tuple[float, float] = (0.0, 0.0)) -> Mask:
    """The sites within a Euclidean radius of a point.

    Args:
        radius: In site spacings.
        centre: The point, in plane coordinates (x, y) from the array's centre site, in site spacings.
    """
    reach = int(np.ceil((radius + np.hypot(*centre)) * 2 / np.sqrt(3))) + 1
    away = to_plane(*_offsets(reach)) - np.asarray(centre)
    return np.asarray((away**2).sum(axis=-1) <= radius**2, np.bool_)


def star(reach: int, arms: tuple[int, ...] = (0, 1, 2, 3, 4, 5)) -> Mask:
    """Straight arms one site wide, from the origin along the named ones of the six directions; (0, 3) is a line."""
    attached = np.zeros((2 * reach + 1, 2 * reach + 1), np.bool_)
    along = np.arange(reach + 1)
    for arm in arms:
        row, column = D6[2 * arm] @ np.array([1, 0])
        attached[reach + along * row, reach + along * column] = True
    return attached


def hexaflake(order: int) -> Mask:
    """The hexaflake: seven copies of itself at a third of the size; 7**order sites, dimension log 7 / log 3 = 1.771."""
    reach = (3**order - 1) // 2
    attached = np.zeros((2 * reach + 1, 2 * reach + 1), np.bool_)
    sites = np.zeros((1, 2), np.int64)
    copies = np.array([[0, 0], *(element @ np.array([1, 0]) for element in D6[::2])])
    for level in range(order):
        sites = (sites[:, None, :] + 3**level * copies[None, :, :]).reshape(-1, 2)
    attached[sites[:, 0] + reach, sites[:, 1] + reach] = True
    return attached


def sierpinski_star(order: int) -> Mask:
    """Six Sierpinski triangles round a common corner, the odd entries of Pascal's triangle; dimension log 3 / log 2.

    6 (3**order - 2**order) + 1 sites, reach 2**order - 1.
    """
    reach = 2**order - 1
    attached = np.zeros((2 * reach + 1, 2 * reach + 1), np.bool_)
    first, second = np.indices((reach + 1, reach + 1), dtype=np.int64)
    odd = ((first & second) == 0) & (first + second <= reach)
    directions = [element @ np.array([1, 0]) for element in D6[::2]]
    for m in range(6):
        offsets = first[odd][:, None] * directions[m] + second[odd][:, None] * directions[(m + 1) % 6]
        attached[offsets[:, 0] + reach, offsets[:, 1] + reach] = True
    return attached
