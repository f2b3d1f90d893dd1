"""Array types. Each alias says its shape and dtype; square brackets in docstrings list the axes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrivalMap", "BoolArray", "Float32Array", "FloatArray", "GrainMap", "IntArray", "Mask"]

Mask: TypeAlias = NDArray[np.bool_]
"""bool [*batch, *lattice]: one truth value per site."""

BoolArray: TypeAlias = NDArray[np.bool_]
"""bool of any shape."""

ArrivalMap: TypeAlias = NDArray[np.int32]
"""int32 [*batch, *lattice]: step at which a site attached; 0 = initial crystal, -1 = never; steps count from 1."""

GrainMap: TypeAlias = NDArray[np.int32]
"""int32 [*batch, *lattice]: number of the crystal that a site belongs to; -1 = none."""

IntArray: TypeAlias = NDArray[np.int64]
"""int64 of any shape."""

FloatArray: TypeAlias = NDArray[np.float64]
"""float64 of any shape."""

Float32Array: TypeAlias = NDArray[np.float32]
"""float32 of any shape."""
