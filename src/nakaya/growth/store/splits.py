"""Training, validation and test sets that share no parameter point."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.checks import check_count, check_seed
from nakaya.core.errors import ConfigError, ParameterError

__all__ = ["split_points", "split_training"]

SUM_TOLERANCE = 1e-9
"""Fractions are decimal numbers that people write: 0.7 + 0.2 + 0.1 is not 1 in binary."""


def split_points(num_points: int, fractions: Mapping[str, float], seed: int) -> dict[str, IntArray]:
    """Divide parameter points among named parts. All members of a point stay together.

    A point's rank is the hash of (seed, point): it depends on nothing else, not on the version of a random generator
    either. The parts cut the ranks in the order of `fractions`.

    Args:
        num_points: Number of points.
        fractions: Share of each part, such as {"train": 0.8, "validation": 0.1, "test": 0.1}; they sum to 1.
        seed: Non-negative.

    Returns:
        Points of each part, int64, ascending. Together they are all points, each once; each part has at least one.

    Raises:
        ParameterError: The fractions are not positive or do not sum to 1, or there are fewer points than parts.

    >>> {name: len(points) for name, points in split_points(10, {"train": 0.8, "test": 0.2}, seed=1).items()}
    {'train': 8, 'test': 2}
    """
    num_points = check_count("num_points", num_points, 1, 2**31)
    seed = check_seed(seed)
    shares = {name: float(share) for name, share in fractions.items()}
    if not shares or not all(share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > SUM_TOLERANCE:
        raise ParameterError(f"fractions {shares} are not positive numbers that sum to 1")
    if num_points < len(shares):
        raise ParameterError(
            f"{num_points} point{'s' * (num_points > 1)} cannot be divided into {len(shares)} parts: members of "
            "a point differ by their noise alone and stay together; grow a campaign over more points"
        )
    counts = _whole_counts(num_points, list(shares.values()))
    ranked = np.array(sorted(range(num_points), key=lambda point: _rank(seed, point)), dtype=np.int64)
    cuts = np.cumsum(counts)[:-1]
    return {name: np.sort(part) for name, part in zip(shares, np.split(ranked, cuts), strict=True)}


def split_training(num_points: int, validation_points: int, seed: int) -> dict[str, IntArray]:
    """Divide the points of a campaign into "training" and "validation"; int64, ascending.

    Raises:
        ConfigError: Nothing would be left to train on.
    """
    if validation_points >= num_points:
        raise ConfigError(
            f"validation_points={validation_points} leaves nothing to train on: there are {num_points} points"
        )
    share = validation_points / num_points
    return split_points(num_points, {"training": 1.0 - share, "validation": share}, seed)


def _rank(seed: int, point: int) -> bytes:
    return hashlib.blake2b(f"split {seed} {point}".encode(), digest_size=16).digest()


def _whole_counts(total: int, shares: list[float]) -> list[int]:
    """Whole numbers that sum to `total`, each at least 1, by the largest remainders."""
    exact = [share * total for share in shares]
    counts = [max(math.floor(number + SUM_TOLERANCE), 1) for number in exact]
    while sum(counts) < total:
        behind = [number - count for number, count in zip(exact, counts, strict=True)]
        counts[behind.index(max(behind))] += 1
    while sum(counts) > total:  # parts that were raised to one point take them from the largest
        counts[counts.index(max(counts))] -= 1
    return counts
