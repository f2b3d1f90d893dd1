"""What a site's six neighbours are doing: how many are attached, since when, and what hangs together.

The edges of the array are "reservoir" (sites beyond it are vapour) or "periodic" (opposite sides are joined). A
mirrored sector is read with "reservoir": a mirror neighbour of a site in row 0 or column 0 is the image of a site that
is its neighbour anyway, (-1, j) of (1, j + 1) and (i, -1) of (i + 1, 1). The mirrors therefore change how many
neighbours of an edge site are attached, but neither whether one is, nor since when, nor what hangs together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nakaya.core.arrays import ArrivalMap, BoolArray, Mask
from nakaya.growth.lattice.hexagonal import NEIGHBOURS
from nakaya.growth.model.setup import Edges

__all__ = ["connected_to", "count_neighbours", "first_contact", "pad_edges"]

CONNECTED_IN_ARRAY = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], np.bool_)
"""The six offsets as a mask round the centre, for `scipy.ndimage.label`."""


def pad_edges(field: NDArray[Any], edges: Edges, outside: int | bool, width: int = 1) -> NDArray[Any]:
    """Return the field [*batch, row, column] with `width` more sites on all four sides: its far side, or `outside`."""
    widths = [(0, 0)] * (field.ndim - 2) + [(width, width)] * 2
    if edges == "periodic":
        return np.pad(field, widths, mode="wrap")
    return np.pad(field, widths, constant_values=outside)


def _neighbour_views(field: NDArray[Any], edges: Edges, outside: int | bool) -> Iterator[NDArray[Any]]:
    """The field as each of the six neighbours has it, in the order of `NEIGHBOURS`."""
    rows, columns = field.shape[-2:]
    padded = pad_edges(field, edges, outside)
    for row, column in NEIGHBOURS:
        yield padded[..., 1 + row : 1 + row + rows, 1 + column : 1 + column + columns]


def count_neighbours(attached: Mask, *, edges: Edges = "reservoir") -> NDArray[np.int8]:
    """Return how many of each site's six neighbours in the array are attached.

    Args:
        attached: bool [*batch, row, column].
        edges: What lies beyond the array. In a mirrored sector the neighbours behind the mirrors are not counted.

    Returns:
        int8 [*batch, row, column], 0 to 6.
    """
    count = np.zeros(attached.shape, np.int8)
    for view in _neighbour_views(attached, edges, False):
        count += view
    return count


def first_contact(arrival: ArrivalMap, *, edges: Edges = "reservoir") -> ArrivalMap:
    """Return the step at which the first of each site's neighbours was attached.

    Args:
        arrival: int32 [*batch, row, column]; 0 = initial, -1 = never.
        edges: What lies beyond the array; a mirrored sector is read with "reservoir".

    Returns:
        int32 [*batch, row, column]; -1 where no neighbour was ever attached.
    """
    # As unsigned numbers -1 is the largest of all, so that a minimum treats "never" as later than everything.
    late = np.ascontiguousarray(arrival, np.int32).view(np.uint32)
    earliest = np.full(late.shape, np.uint32(2**32 - 1))
    for view in _neighbour_views(late, edges, 2**32 - 1):
        np.minimum(earliest, view, out=earliest)
    return earliest.view(np.int32)


def connected_to(attached: Mask, start: Mask, *, edges: Edges = "reservoir") -> Mask:
    """Return the attached sites from which a path of attached neighbours leads to an attached site of `start`.

    Args:
        attached: bool [*batch, row, column].
        start: bool, broadcast against `attached`.
        edges: Whether paths may cross the edges of the array ("periodic").
    """
    structure = np.zeros((3,) * attached.ndim, np.bool_)
    structure[(1,) * (attached.ndim - 2)] = CONNECTED_IN_ARRAY
    labels, num_labels = ndimage.label(attached, structure=structure)
    if edges == "periodic":
        labels = _join_across_edges(labels, num_labels)
    reached: BoolArray = np.zeros(num_labels + 1, np.bool_)
    reached[labels[attached & start]] = True
    reached[0] = False
    return np.asarray(reached[labels], np.bool_)


def _join_across_edges(labels: NDArray[np.int32], num_labels: int) -> NDArray[np.int32]:
    """Give the same label to regions that touch across a periodic edge."""
    pairs = []
    for view in _neighbour_views(labels, "periodic", 0):
        touching = (labels > 0) & (view > 0) & (labels != view)
        pairs.append(np.stack([labels[touching], view[touching]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(num_labels + 1,) * 2)
    _, groups = connected_components(graph, directed=False)
    # Group numbers start at 0 with the background, which touches nothing and so stays alone in group 0.
    return np.asarray(groups[labels], np.int32)
