"""What every emulator of growth keeps, whatever its network proposes: attached sites stay attached, windows, stopping.

Pure functions of arrays. The front of a crystal in a sector is its largest row or column, the lattice distance from
the corner that the stop rule speaks of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from nakaya.core.arrays import IntArray, Mask

__all__ = ["WINDOW_STEP", "front_of", "joined_to", "keep_attached", "window_of"]

WINDOW_STEP = 16
"""Windows are multiples of this many sites, so that three halvings of the resolution come out even."""


def keep_attached(attached: Mask, probability: NDArray[np.floating], threshold: float | NDArray[np.floating]) -> Mask:
    """Return the sites that are attached after a step: those that were, and those above the threshold.

    Args:
        attached: bool [*batch, row, column].
        probability: Of being attached after the step, the same shape.
        threshold: In (0, 1); a site attaches when its probability is greater. One number, or one drawn evenly for every
            site, the same shape: then it attaches with its probability.
    """
    return np.asarray(attached | (probability > threshold), np.bool_)


HEXAGONAL_NEIGHBOURS = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], np.bool_)


def joined_to(attached: Mask, new: Mask) -> Mask:
    """Return the new sites of hexagonal lattices that are joined to attached ones, directly or through new ones.

    What is drawn site by site also falls where nothing can have grown to within a step; that is left out.

    Args:
        attached: bool [batch, row, column].
        new: bool, the same shape: sites that would attach.
    """
    kept = np.zeros_like(new)
    for number, (before, drawn) in enumerate(zip(attached, new, strict=True)):
        parts, _ = label(before | drawn, structure=HEXAGONAL_NEIGHBOURS)
        kept[number] = drawn & np.isin(parts, np.unique(parts[before]))
    return kept


def front_of(attached: Mask) -> IntArray:
    """Return the largest row or column of an attached site in a sector, -1 where nothing is attached.

    Args:
        attached: bool [*batch, row, column].
    """
    size = attached.shape[-1]
    reached = np.asarray(attached.any(axis=-1) | attached.any(axis=-2), np.bool_)
    farthest = size - 1 - np.argmax(reached[..., ::-1], axis=-1)
    return np.where(reached.any(axis=-1), farthest, -1).astype(np.int64)


def window_of(front: IntArray, size: int, lookahead: int) -> IntArray:
    """Return the rows and columns of the corner that a network looks at: they hold the crystal and `lookahead` more.

    The smallest multiple of `WINDOW_STEP` that is at least front + 1 + lookahead, at most `size`.
    """
    wanted = -(-(np.asarray(front) + 1 + lookahead) // WINDOW_STEP) * WINDOW_STEP
    return np.minimum(wanted, size).astype(np.int64)
