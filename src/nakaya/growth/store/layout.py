"""How the crystals of a store are cut into shards and chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

from nakaya.core.errors import ParameterError
from nakaya.growth.model.trajectory import FinalField

__all__ = ["MAX_CRYSTALS", "MAX_CRYSTAL_BYTES", "MAX_POINTS", "ShardIndex", "StoreLayout", "make_layout"]

ShardIndex = tuple[int, int]
"""Number of a shard along the point axis and along the member axis."""

MAX_POINTS = 10_000_000
MAX_CRYSTALS = 100_000_000
MAX_CRYSTAL_BYTES = 2**31 - 1
"""One crystal is one frame of zstd at most, whose size the codec holds in an int32."""

MAX_SHARD_BYTES = 2**32
"""A shard is held in memory, decoded, when it is written or verified."""

MAX_SHARDS = 1_000_000
"""Each is a file in each of four directories."""

MAX_PARAMETERS = 256
MAX_FIELDS = 16
PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""Names become names of files: nothing else may stand in them."""

SHARD_TARGET_BYTES = 2**22
CHUNK_TARGET_BYTES = 2**18
"""Decoded. At size 64 a chunk of 16 crystals is 40 % smaller, and three times faster to read, than chunks of one."""

BYTES_PER_SITE = 4


@dataclass(frozen=True)
class StoreLayout:
    """The shape of a store, and its shards.

    Shard (i, j) holds the points from `i * shard_points` and the members from `j * shard_members`; a chunk holds
    `chunk_members` members of one point.

    Attributes:
        num_points: Number of parameter points.
        num_members: Number of members at each point.
        lattice_shape: Shape of one crystal.
        shard_points: Points in a shard; the last shard may hold fewer.
        shard_members: Members in a shard; the last shard may hold fewer.
        chunk_members: Members in a chunk; divides `shard_members`.
        parameters: Names of the parameters.
        has_point_axis: False where one point was saved without a leading axis; `num_points` is then 1.
        has_grain: Whether the numbers of the crystals are stored as well.
        fields: What is stored of every site at the end of the growth.

    Raises:
        ParameterError: A number is out of range, or they contradict one another.
    """

    num_points: int
    num_members: int
    lattice_shape: tuple[int, ...]
    shard_points: int
    shard_members: int
    chunk_members: int
    parameters: tuple[str, ...]
    has_point_axis: bool = True
    has_grain: bool = False
    fields: tuple[FinalField, ...] = ()

    def __post_init__(self) -> None:
        fault = _fault(self)
        if fault:
            raise ParameterError(fault)

    @property
    def crystal_bytes(self) -> int:
        """Bytes of one decoded arrival map."""
        return BYTES_PER_SITE * prod(self.lattice_shape)

    @property
    def shard_shape(self) -> tuple[int, ...]:
        """Shape of a whole shard of `arrival`."""
        return (self.shard_points, self.shard_members, *self.lattice_shape)

    @property
    def chunks_per_shard(self) -> tuple[int, int]:
        """Chunks along the points and along the members of a shard."""
        return (self.shard_points, self.shard_members // self.chunk_members)

    @property
    def shard_grid(self) -> tuple[int, int]:
        """Number of shards along the points and along the members."""
        return (-(-self.num_points // self.shard_points), -(-self.num_members // self.shard_members))

    @property
    def num_shards(self) -> int:
        """Number of shards."""
        return prod(self.shard_grid)

    @property
    def num_crystals(self) -> int:
        """Number of crystals."""
        return self.num_points * self.num_members

    def shards(self) -> Iterator[ShardIndex]:
        """All shards, points outermost."""
        rows, columns = self.shard_grid
        return ((i, j) for i in range(rows) for j in range(columns))

    def count_crystals(self, shards: Iterable[ShardIndex]) -> int:
        """Number of crystals in some shards."""
        return sum(len(self.points_of(index)) * len(self.members_of(index)) for index in shards)

    def points_of(self, index: ShardIndex) -> range:
        """The points that a shard holds."""
        start = index[0] * self.shard_points
        return range(start, min(start + self.shard_points, self.num_points))

    def members_of(self, index: ShardIndex) -> range:
        """The members that a shard holds."""
        start = index[1] * self.shard_members
        return range(start, min(start + self.shard_members, self.num_members))


def _fault(layout: StoreLayout) -> str | None:
    points, members = layout.num_points, layout.num_members
    if not 1 <= points <= MAX_POINTS:
        return f"{points} parameter points are not from 1 to {MAX_POINTS}"
    if members < 1 or points * members > MAX_CRYSTALS:
        return f"{points} points of {members} members are not from 1 to {MAX_CRYSTALS} crystals"
    if not layout.has_point_axis and points != 1:
        return f"{points} points need a point axis"
    if len(layout.lattice_shape) not in (2, 3) or min(layout.lattice_shape) < 1:
        return f"lattice shape {layout.lattice_shape} is not two or three positive numbers"
    if layout.crystal_bytes > MAX_CRYSTAL_BYTES:
        return f"a crystal of shape {layout.lattice_shape} is larger than {MAX_CRYSTAL_BYTES} bytes"
    if not 1 <= layout.shard_points <= points or not 1 <= layout.shard_members <= members:
        return f"a shard of {layout.shard_points} points and {layout.shard_members} members does not fit the store"
    if layout.shard_points * layout.shard_members * layout.crystal_bytes > MAX_SHARD_BYTES:
        return f"a shard is larger than {MAX_SHARD_BYTES} bytes: use fewer crystals in a shard"
    if layout.num_shards > MAX_SHARDS:
        return f"{layout.num_shards} shards are more than {MAX_SHARDS}: use more crystals in a shard"
    if layout.chunk_members < 1 or layout.shard_members % layout.chunk_members:
        return f"{layout.chunk_members} members in a chunk do not divide the {layout.shard_members} in a shard"
    if layout.chunk_members * layout.crystal_bytes > MAX_CRYSTAL_BYTES:
        return f"a chunk is larger than {MAX_CRYSTAL_BYTES} bytes"
    if not 1 <= len(layout.parameters) <= MAX_PARAMETERS or len(set(layout.parameters)) != len(layout.parameters):
        return f"there are not 1 to {MAX_PARAMETERS} different parameters"
    for name in layout.parameters:
        if not PARAMETER_NAME.fullmatch(name):
            return f"parameter name {name!r} is not made of letters, digits and underscores"
    names = [entry.name for entry in layout.fields]
    if len(names) > MAX_FIELDS or len(set(names)) != len(names):
        return f"there are not 0 to {MAX_FIELDS} different fields"
    for name in names:
        if not PARAMETER_NAME.fullmatch(name):
            return f"field name {name!r} is not made of letters, digits and underscores"
    return None


def make_layout(
    num_points: int,
    num_members: int,
    lattice_shape: tuple[int, ...],
    parameters: tuple[str, ...],
    *,
    crystals_per_shard: int | None = None,
    has_point_axis: bool = True,
    has_grain: bool = False,
    fields: tuple[FinalField, ...] = (),
) -> StoreLayout:
    """Choose shards and chunks for so many crystals.

    A shard holds whole points where they fit, else part of the members of one point.

    Args:
        num_points: Parameter points.
        num_members: Members at each point.
        lattice_shape: Shape of one crystal.
        parameters: Names of the parameters.
        crystals_per_shard: At most so many crystals in a shard; None: about 4 MiB of them, decoded.
        has_point_axis: Whether the store opens with a leading point axis.
        has_grain: Whether the numbers of the crystals are stored as well.
        fields: What is stored of every site at the end of the growth.

    Raises:
        ParameterError: These numbers do not make a store.

    >>> make_layout(100, 16, (64, 64), ("rho",)).shard_points
    16
    """
    crystal_bytes = max(BYTES_PER_SITE * prod(lattice_shape), 1)
    if crystals_per_shard is None:
        crystals_per_shard = max(SHARD_TARGET_BYTES // crystal_bytes, 1)
    shard_points = max(min(crystals_per_shard // max(num_members, 1), num_points), 1)
    shard_members = max(min(crystals_per_shard, num_members), 1)
    chunk_limit = max(CHUNK_TARGET_BYTES // crystal_bytes, 1)
    chunk_members = max(n for n in range(1, min(chunk_limit, shard_members) + 1) if shard_members % n == 0)
    return StoreLayout(
        num_points,
        num_members,
        tuple(lattice_shape),
        shard_points,
        shard_members,
        chunk_members,
        tuple(parameters),
        has_point_axis,
        has_grain,
        tuple(fields),
    )
