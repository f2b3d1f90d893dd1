"""Counter-based randomness: what is drawn depends on who asks, never on when or in which order.

The noise of the lattice models is one fair bit per site and step. It is defined here, in NumPy; fast solvers draw the
same bits. The generator is Threefry-2x32 with 20 rounds (Salmon et al., SC11, "Parallel random numbers: as easy as
1, 2, 3"): additions, rotations and exclusive ors of 32-bit words, so that it vectorises everywhere.

Layout of the bits, part of the file format:

    key      64 bits of BLAKE2b over (stream, seed, point hash, member); the low word is key word 0
    counter  (step, 2**16 * (row // 64) + column)
    bit      site (row, column) takes bit row % 32 of output word (row % 64) // 32

One word thus serves 32 rows of one column, so that the bits of a row of sites are one bit of a row of words. The draw
for a site depends on (seed, point, member, step, row, column) alone, not even on the size of the lattice.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import Mask

__all__ = ["PARITY", "ROTATIONS", "Key", "fair_bits", "member_key", "noise_words", "threefry2x32"]

Key = tuple[int, int]
"""Two 32-bit words."""

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
"""Left rotations of Threefry-2x32, repeated every eight rounds."""

PARITY = 0x1BD11BDA
"""Constant that is mixed into the third word of the key schedule."""

NUM_ROUNDS = 20
ROWS_PER_WORD = 32
ROWS_PER_BLOCK = 64
COLUMN_BITS = 16


def member_key(seed: int, point: int, member: int, *, stream: str = "noise") -> Key:
    """Return the key of everything that is drawn for one member of one parameter point.

    Args:
        seed: In [0, 2**64).
        point: The point's 64-bit hash, `nakaya.growth.model.parameters.point_hash`.
        member: In [0, 2**64).
        stream: What the draws are for; different streams are independent.
    """
    message = struct.pack("<QQQ", seed, point, member) + stream.encode()
    low, high = struct.unpack("<II", hashlib.blake2b(message, digest_size=8).digest())
    return low, high


def threefry2x32(
    key: Key, counter: tuple[NDArray[np.uint32], NDArray[np.uint32]]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the two output words of Threefry-2x32-20 for every counter.

    Args:
        key: Two 32-bit words.
        counter: Two uint32 arrays that broadcast against each other.

    >>> low, high = threefry2x32((0, 0), (np.zeros(1, np.uint32), np.zeros(1, np.uint32)))
    >>> f"{low[0]:08x} {high[0]:08x}"
    '6b200159 99ba4efe'
    """
    schedule = np.array([key[0], key[1], PARITY ^ key[0] ^ key[1]], np.uint32)
    x, y = (np.array(word, np.uint32) for word in np.broadcast_arrays(*counter))
    x += schedule[0]
    y += schedule[1]
    for round_number in range(NUM_ROUNDS):
        left = np.uint32(ROTATIONS[round_number % len(ROTATIONS)])
        x += y
        y = ((y << left) | (y >> (np.uint32(32) - left))) ^ x
        if round_number % 4 == 3:
            injection = round_number // 4 + 1
            x += schedule[injection % 3]
            y += schedule[(injection + 1) % 3]
            y += np.uint32(injection)
    return x, y


def noise_words(key: Key, step: int, num_rows: int, num_columns: int) -> NDArray[np.uint32]:
    """Return the random words of one step: uint32 [row of words, column]; row w of words serves rows 32 w to 32 w + 31.

    Args:
        key: From `member_key`.
        step: In [1, 2**32).
        num_rows: Rows of sites.
        num_columns: Columns of sites, at most 2**16.
    """
    blocks = np.arange(-(-num_rows // ROWS_PER_BLOCK), dtype=np.uint32)[:, None]
    columns = np.arange(num_columns, dtype=np.uint32)
    words = threefry2x32(key, (np.full(1, step, np.uint32), (blocks << np.uint32(COLUMN_BITS)) + columns))
    return np.stack(words, axis=1).reshape(-1, num_columns)


def fair_bits(key: Key, step: int, shape: tuple[int, ...]) -> Mask:
    """Return one fair bit for every site of a lattice: bool [row, column].

    Args:
        key: From `member_key`.
        step: In [1, 2**32).
        shape: Rows and columns of the lattice.
    """
    num_rows, num_columns = shape
    words = noise_words(key, step, num_rows, num_columns)
    rows = np.arange(num_rows)
    bits = words[rows // ROWS_PER_WORD] >> (rows % ROWS_PER_WORD).astype(np.uint32)[:, None]
    return np.asarray(bits & np.uint32(1), dtype=np.bool_)
