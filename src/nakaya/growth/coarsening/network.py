"""The state of a coarsening polycrystal: at every site the grains that fill it, and their fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import Float32Array, FloatArray, GrainMap
from nakaya.growth.coarsening.steps import SLOTS

__all__ = ["Network", "sharp_network"]


@dataclass(frozen=True)
class Network:
    """Grains and their fractions.

    Attributes:
        labels: Grains at every site, int32 [*lattice, slot]; -1 = no further one. The first one that has the greatest
            fraction owns the site.
        weights: Their fractions, float32 [*lattice, slot]; they sum to 1.
        is_periodic: Whether opposite edges are joined; else the edges mirror, so that boundaries meet them at
            90 degrees.
    """

    labels: NDArray[np.int32]
    weights: Float32Array
    is_periodic: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Sites along each axis."""
        return self.labels.shape[:-1]

    def grain_map(self) -> GrainMap:
        """Which grain owns each site: int32 [*lattice]."""
        first = self.weights.argmax(axis=-1)[..., None]
        return np.take_along_axis(self.labels, first, axis=-1)[..., 0]

    def sizes(self, num_grains: int) -> FloatArray:
        """Sites of every grain, fractions counted: float64 [n]."""
        filled = self.labels >= 0
        found = np.bincount(self.labels[filled], self.weights[filled].astype(np.float64), num_grains)
        return np.asarray(found, np.float64)


def sharp_network(grain_map: GrainMap, *, is_periodic: bool) -> Network:
    """Return the state of a map in which every site belongs to one grain; grains are 0 .. n - 1."""
    labels = np.full((*grain_map.shape, SLOTS), -1, np.int32)
    weights = np.zeros((*grain_map.shape, SLOTS), np.float32)
    labels[..., 0], weights[..., 0] = grain_map, 1
    return Network(labels, weights, is_periodic)
