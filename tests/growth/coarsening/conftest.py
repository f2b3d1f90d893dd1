"""Maps that tests of coarsening start from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nakaya.core.arrays import GrainMap
from nakaya.microscopy.grains.voronoi import laguerre_map

MakeMap = Callable[..., GrainMap]


@pytest.fixture(scope="session")
def voronoi() -> MakeMap:
    """A function that makes a periodic Voronoi map in two or three dimensions."""

    def make(num_grains: int, shape: tuple[int, ...], seed: int = 3) -> GrainMap:
        points = np.random.default_rng(seed).uniform(0, shape[::-1], (num_grains, len(shape)))
        return laguerre_map(points, np.zeros(num_grains), shape)

    return make
