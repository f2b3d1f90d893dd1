"""What a site's neighbours are doing: how many are attached, since when, and what hangs together.

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
from nakaya.growth.lattice.lattice import HEXAGONAL, Lattice
from nakaya.growth.model.setup import Edges

__all__ = ["connected_to", "count_neighbours", "first_contact", "pad_edges"]


def pad_edges(
    field: NDArray[Any], edges: Edges, outside: int | bool, width: int = 1, dimension: int = 2
) -> NDArray[Any]:
    """Return the field [*batch, *lattice] with `width` more sites on all sides: its far side, or `outside`."""
    widths = [(0, 0)] * (field.ndim - dimension) + [(width, width)] * dimension
    if edges == "periodic":
        return np.pad(field, widths, mode="wrap")
    return np.pad(field, widths, constant_values=outside)


def _neighbour_views(
    field: NDArray[Any], edges: Edges, outside: int | bool, lattice: Lattice
) -> Iterator[NDArray[Any]]:
    """The field as each of the neighbours has it, in the order of `lattice.neighbours`."""
    shape = field.shape[-lattice.dimension :]
    padded = pad_edges(field, edges, outside, dimension=lattice.dimension)
    for offset in lattice.neighbours:
        moved = [slice(1 + by, 1 + by + length) for by, length in zip(offset, shape, strict=True)]
        yield padded[(..., *moved)]  # type: ignore[arg-type]  # an index may begin with ...


def count_neighbours(attached: Mask, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL) -> NDArray[np.int8]:
    """Return how many of each site's neighbours in the array are attached.

    Args:
        attached: bool [*batch, *lattice].
        edges: What lies beyond the array. In a mirrored sector the neighbours behind the mirrors are not counted.
        lattice: Who is a neighbour of whom.

    Returns:
        int8 [*batch, *lattice].
    """
    count = np.zeros(attached.shape, np.int8)
    for view in _neighbour_views(attached, edges, False, lattice):
        count += view
    return count


def first_contact(arrival: ArrivalMap, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL) -> ArrivalMap:
    """Return the step at which the first of each site's neighbours was attached.

    Args:
        arrival: int32 [*batch, *lattice]; 0 = initial, -1 = never.
        edges: What lies beyond the array; a mirrored sector is read with "reservoir".
        lattice: Who is a neighbour of whom.

    Returns:
        int32 [*batch, *lattice]; -1 where no neighbour was ever attached.
    """
    # As unsigned numbers -1 is the largest of all, so that a minimum treats "never" as later than everything.
    late = np.ascontiguousarray(arrival, np.int32).view(np.uint32)
    earliest = np.full(late.shape, np.uint32(2**32 - 1))
    for view in _neighbour_views(late, edges, 2**32 - 1, lattice):
        np.minimum(earliest, view, out=earliest)
    return earliest.view(np.int32)


def connected_to(attached: Mask, start: Mask, *, edges: Edges = "reservoir", lattice: Lattice = HEXAGONAL) -> Mask:
    """Return the attached sites from which a path of attached neighbours leads to an attached site of `start`.

    Args:
        attached: bool [*batch, *lattice].
        start: bool, broadcast against `attached`.
        edges: Whether paths may cross the edges of the array ("periodic").
        lattice: Who is a neighbour of whom.
    """
    structure = np.zeros((3,) * attached.ndim, np.bool_)
    here = (1,) * (attached.ndim - lattice.dimension)
    for offset in ((0,) * lattice.dimension, *lattice.neighbours):
        structure[(*here, *(1 + by for by in offset))] = True
    labels, num_labels = ndimage.label(attached, structure=structure)
    if edges == "periodic":
        labels = _join_across_edges(labels, num_labels, lattice)
    reached: BoolArray = np.zeros(num_labels + 1, np.bool_)
    reached[labels[attached & start]] = True
    reached[0] = False
    return np.asarray(reached[labels], np.bool_)


def _join_across_edges(labels: NDArray[np.int32], num_labels: int, lattice: Lattice) -> NDArray[np.int32]:
    """Give the same label to regions that touch across a periodic edge."""
    pairs = []
    for view in _neighbour_views(labels, "periodic", 0, lattice):
        touching = (labels > 0) & (view > 0) & (labels != view)
        pairs.append(np.stack([labels[touching], view[touching]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(num_labels + 1,) * 2)
    _, groups = connected_components(graph, directed=False)
    # Group numbers start at 0 with the background, which touches nothing and so stays alone in group 0.
    return np.asarray(groups[labels], np.int32)
