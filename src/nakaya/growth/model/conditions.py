"""Conditions: one point in a model's parameter space, and its hash.

A model's conditions are a frozen dataclass of floats, made with `nakaya.growth.model.parameters`. The hash of a point
enters the key of the noise, so the crystal that grows at a point does not depend on which other points are grown with
it, nor in which order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from nakaya.growth.model.parameters import Parameter

__all__ = ["Conditions", "point_hash"]


@runtime_checkable
class Conditions(Protocol):
    """One point in the parameter space of a model family.

    Attributes:
        family: Name of the space ("gravner-griffeath"): solvers and emulators of the same system share it.
        ranges: What is stated about every parameter, in the order of the fields.
    """

    family: ClassVar[str]
    ranges: ClassVar[Mapping[str, Parameter]]

    def parameters(self) -> dict[str, float]:
        """All parameters by name, in the order of `ranges`."""
        ...


def point_hash(conditions: Conditions) -> int:
    """Return the 64-bit hash of a parameter point.

    BLAKE2b over the family and the exact (hexadecimal) values by name. The float -0.0 counts as 0.0. The hash is part
    of the file format: changing it changes every noisy crystal.
    """
    words = [conditions.family]
    words += [f"{name}={(value + 0.0).hex()}" for name, value in sorted(conditions.parameters().items())]
    digest = hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
