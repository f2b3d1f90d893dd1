"""The noise of a rollout: numbers that depend on (seed, point, member, step, site) alone."""

from __future__ import annotations

import numpy as np

from nakaya.core.arrays import Float32Array
from nakaya.core.randomness import Key, threefry2x32

__all__ = ["latent_noise", "site_uniforms"]

MAX_ROWS = 2**11
"""Latent rows and columns that the counter has room for; with 1/8 of the lattice's resolution, the largest lattice."""

SITES = 2**31
"""Added to the step in the counters of what is drawn for sites, which keeps them apart from those of the latent."""

SITE_ROWS = 2**16
"""Rows and columns of sites that the counter has room for."""


def latent_noise(key: Key, step: int, channels: int, rows: int) -> Float32Array:
    """Return standard normal noise for one network step of one member: float32 [channel, row, column].

    Box-Muller on Threefry-2x32 words with the counter (step, ((channel // 2) 2**11 + row) 2**11 + column); even
    channels take the cosine, odd ones the sine. A larger window thus continues a smaller one.

    Args:
        key: From `member_key`, with the stream of the family.
        step: Number of the network step, from 1.
        channels: Of the latent.
        rows: Latent rows, and columns.
    """
    pair = np.arange(-(-channels // 2), dtype=np.uint32)[:, None, None]
    row = np.arange(rows, dtype=np.uint32)[:, None]
    column = np.arange(rows, dtype=np.uint32)
    counter = (pair * np.uint32(MAX_ROWS) + row) * np.uint32(MAX_ROWS) + column
    first, second = threefry2x32(key, (np.full(1, step, np.uint32), counter))
    radius = np.sqrt(-2.0 * np.log((first.astype(np.float64) + 0.5) / 2.0**32))
    angle = (2.0 * np.pi / 2.0**32) * second.astype(np.float64)
    normals = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return normals.reshape(-1, rows, rows)[:channels].astype(np.float32)


def site_uniforms(key: Key, step: int, rows: int) -> Float32Array:
    """Return one number in (0, 1), evenly distributed, for every site and one network step: float32 [row, column].

    The first Threefry word with the counter (2**31 + step, 2**16 row + column): a larger window continues a smaller.

    Args:
        key: As for `latent_noise`.
        step: Number of the network step, from 1.
        rows: Rows, and columns.
    """
    row = np.arange(rows, dtype=np.uint32)[:, None]
    column = np.arange(rows, dtype=np.uint32)
    words, _ = threefry2x32(key, (np.full(1, SITES + step, np.uint32), row * np.uint32(SITE_ROWS) + column))
    return np.asarray(((words >> np.uint32(9)).astype(np.float64) + 0.5) / 2.0**23, np.float32)
