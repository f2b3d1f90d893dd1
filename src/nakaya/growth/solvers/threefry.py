"""Threefry-2x32-20 of `nakaya.core.randomness` on sixteen counters at once, for numba kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import njit
from nakaya.core.randomness import PARITY, ROTATIONS
from nakaya.growth.solvers.simd import rotation, splat

__all__ = ["threefry2x32"]

_turn_0, _turn_1, _turn_2, _turn_3, _turn_4, _turn_5, _turn_6, _turn_7 = (rotation(amount) for amount in ROTATIONS)


@njit(inline="always")
def _four_rounds(x: Any, y: Any) -> Any:
    x = x + y
    y = _turn_0(y) ^ x
    x = x + y
    y = _turn_1(y) ^ x
    x = x + y
    y = _turn_2(y) ^ x
    x = x + y
    y = _turn_3(y) ^ x
    return x, y


@njit(inline="always")
def _four_more_rounds(x: Any, y: Any) -> Any:
    x = x + y
    y = _turn_4(y) ^ x
    x = x + y
    y = _turn_5(y) ^ x
    x = x + y
    y = _turn_6(y) ^ x
    x = x + y
    y = _turn_7(y) ^ x
    return x, y


@njit(inline="always")
def threefry2x32(low_key: Any, high_key: Any, first: Any, second: Any) -> Any:
    """The two output words for the counters (first, second), lane by lane; the key is two uint32 numbers."""
    key_0, key_1 = splat(low_key), splat(high_key)
    key_2 = splat(np.uint32(low_key ^ high_key ^ np.uint32(PARITY)))
    x, y = _four_rounds(first + key_0, second + key_1)
    x, y = _four_more_rounds(x + key_1, y + key_2 + splat(np.uint32(1)))
    x, y = _four_rounds(x + key_2, y + key_0 + splat(np.uint32(2)))
    x, y = _four_more_rounds(x + key_0, y + key_1 + splat(np.uint32(3)))
    x, y = _four_rounds(x + key_1, y + key_2 + splat(np.uint32(4)))
    return x + key_2, y + key_0 + splat(np.uint32(5))
