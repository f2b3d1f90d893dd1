"""The model at full speed on one core: equal to the float32 reference to the last bit.

A step visits the tiles in order; while a tile is in the cache, all rules are applied to it. What a site's neighbours
need is kept until they have been served: hollows are decided one tile behind, and sites join two tiles behind. A large
lattice does several steps in one sweep, each three tiles behind the one before, so that the field passes through
the slower caches once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from nakaya.core.arrays import ArrivalMap
from nakaya.core.compiling import announce_compilation, cached_njit, digest_of_sources, njit
from nakaya.core.errors import ParameterError
from nakaya.core.randomness import Key, fair_bits, member_key
from nakaya.growth.grower_model import empty_maps, in_threads, parameters_of
from nakaya.growth.lattice.geometry import reservoir_mask
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import FRONT, NO_GROWTH, STEPS, GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers import simd as lanes
from nakaya.growth.solvers import threefry
from nakaya.growth.solvers.gravner_griffeath import boundary, vapour, workspace
from nakaya.growth.solvers.gravner_griffeath.boundary import (
    decide_hollows,
    freeze_and_melt,
    join_all,
)
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.gravner_griffeath.reference import CrystalState
from nakaya.growth.solvers.gravner_griffeath.vapour import Noise, diffuse_tile
from nakaya.growth.solvers.gravner_griffeath.workspace import (
    ATTACHED,
    BROKEN_B,
    BROKEN_C,
    BROKEN_D,
    HELD,
    LEFT,
    QUAD,
    TILE_SITES,
    make_arrays,
    make_layout,
    make_rules,
)
from nakaya.growth.solvers.simd import pointers_to

__all__ = ["FastGrower", "FastSolver", "Interrupted"]

CELLS_PER_CALL = 200_000_000
"""Cell updates between two returns to Python, where an interrupt is noticed: about a tenth of a second."""

BROKEN_FIELDS = {"b": BROKEN_B, "c": BROKEN_C, "d": BROKEN_D}

PORTIONS_PER_WORKER = 8
"""Members are handed out in a few portions per thread: enough to even out, few enough to cost nothing."""

NO_LIMIT = 2**62
TILES_BEHIND = 3
STEP, LAST_GROWTH, REACH, BROKEN = 0, 1, 2, 3
NOT_FINITE = -2
GOES_ON = -1


class Limits(NamedTuple):
    """When to stop."""

    steps: int
    no_growth: int


@njit
def plant(layout: Any, memory: Any, rules: Any, initial: Any, progress: Any, keep_crystal_mass: Any) -> None:
    """Write the state before the first step: initial crystals with mass 1 in uniform vapour."""
    stride, size = layout.stride, layout.size
    num_rows = layout.num_tiles << layout.tile_shift
    for index in range((num_rows + 2) * stride):
        memory.d[index] = 0
        memory.num_attached[index] = 0
    for index in range((size // 32 + 3) * stride):
        memory.crystal_bits[index] = 0
    for index in range(layout.levels * (layout.ring_rows + QUAD) * stride):
        memory.ring[index] = 0
    for row in range(size):
        for column in range(size):
            memory.d[LEFT + row * stride + column] = rules.rho
            memory.arrival[row * size + column] = -1
        for column in range(memory.low[row]):
            memory.num_attached[LEFT + row * stride + column] = HELD
        for column in range(memory.high[row], size):
            memory.num_attached[LEFT + row * stride + column] = HELD
    for tile in range(layout.num_tiles):
        memory.num_entries[2 * tile] = 0
        memory.num_entries[2 * tile + 1] = 0
    reach = 0
    for index in range(initial.shape[0]):
        row, column = initial[index, 0], initial[index, 1]
        tile = row >> layout.tile_shift
        memory.joining[tile * layout.capacity] = LEFT + row * stride + column
        memory.num_joining[tile] = 1
        reach = max(reach, join_all(layout, memory, tile, 0, False))
        if keep_crystal_mass:
            memory.crystal_mass[LEFT + row * stride + column] = 1
    progress[STEP] = 0
    progress[LAST_GROWTH] = 0
    progress[REACH] = reach
    progress[BROKEN] = 0


def _compile(sources: str) -> Any:
    """Make the one function that is compiled for calls from Python.

    Args:
        sources: Digest of the kernels' source files, for `cached_njit`.
    """

    def advance(
        layout: Any,
        arrays: Any,
        rules: Any,
        limits: Any,
        initial: Any,
        keys: Any,
        is_noisy: Any,
        keep_crystal_mass: Any,
        progress: Any,
        num_steps: Any,
    ) -> int:
        """Do about `num_steps` steps; return the stop code, or GOES_ON, or NOT_FINITE."""
        if len(sources) == 0:
            return NOT_FINITE
        memory = pointers_to(arrays)
        if progress[STEP] < 0:
            plant(layout, memory, rules, initial, progress, keep_crystal_mass)
        num_tiles = layout.num_tiles
        joined = np.zeros(layout.levels, np.int64)
        reach = np.zeros(layout.levels, np.int64)
        end = progress[STEP] + num_steps
        while progress[STEP] < end:
            before = progress[STEP]
            # Only the last step of a sweep may meet a stop rule.
            levels = min(layout.levels, limits.steps - before, layout.front - progress[REACH])
            levels = max(1, min(levels, progress[LAST_GROWTH] + limits.no_growth - before))
            broken = 0
            for level in range(levels):
                joined[level] = 0
                reach[level] = 0
            for sweep in range(num_tiles + layout.join_behind + TILES_BEHIND * (levels - 1)):
                for level in range(levels):
                    tile = sweep - TILES_BEHIND * level
                    step = before + level + 1
                    if 0 <= tile < num_tiles:
                        noise = Noise(
                            is_noisy and step > 1,
                            step - 1,
                            keys[0],
                            keys[1],
                            rules.plus if step > 1 else np.float32(1),
                            rules.minus if step > 1 else np.float32(1),
                        )
                        broken |= diffuse_tile(layout, memory, rules, noise, tile, level)
                        broken |= freeze_and_melt(layout, memory, rules, noise, tile, level)
                    tile = sweep - TILES_BEHIND * level - layout.decide_behind
                    if 0 <= tile < num_tiles:
                        broken |= decide_hollows(layout, memory, rules, tile)
                        joined[level] += memory.num_joining[tile]
                    tile = sweep - TILES_BEHIND * level - layout.join_behind
                    if 0 <= tile < num_tiles and memory.num_joining[tile] > 0:
                        reach[level] = max(reach[level], join_all(layout, memory, tile, step, keep_crystal_mass))
            for level in range(levels):
                progress[STEP] += 1
                if joined[level] > 0:
                    progress[LAST_GROWTH] = progress[STEP]
                progress[REACH] = max(progress[REACH], reach[level])
            if broken != 0:
                progress[BROKEN] = broken
                return NOT_FINITE
            if progress[REACH] >= layout.front:
                return FRONT
            if progress[STEP] == limits.steps:
                return STEPS
            if progress[STEP] - progress[LAST_GROWTH] >= limits.no_growth:
                return NO_GROWTH
        return GOES_ON

    return cached_njit(advance)


announce_compilation()
_advance = _compile(digest_of_sources(lanes, threefry, workspace, vapour, boundary))


class Interrupted(Exception):
    """Growth was told to stop before a stop rule was met."""


class FastGrower:
    """Grows members of one setting one after the other, in memory that it keeps.

    Not for two threads at once: give each its own.

    Args:
        setup: Lattice, initial crystals, edges and stop rules.
        keep_crystal_mass: Whether the crystal's own mass is kept, as `state` needs it; growth does not.
        tile_sites: About how many sites are worked on at once; changes the speed alone.
        levels: Greatest number of steps in one sweep, where not chosen by the size; changes the speed alone.

    Raises:
        MemoryError: There is not enough for one member.
    """

    def __init__(
        self,
        setup: GrowthSetup,
        *,
        keep_crystal_mass: bool = False,
        tile_sites: int = TILE_SITES,
        levels: int | None = None,
    ) -> None:
        self._setup = setup
        self._keep_crystal_mass = keep_crystal_mass
        self._layout = make_layout(setup, tile_sites=tile_sites, levels=levels)
        self._arrays = make_arrays(setup, self._layout, keep_crystal_mass=keep_crystal_mass)
        step_limit = setup.stop.step_limit(setup.size)
        self._limits = Limits(NO_LIMIT if step_limit is None else step_limit, setup.stop.no_growth)
        self._initial = np.array(setup.initial, np.int64)

    def grow(
        self,
        params: GravnerGriffeath,
        key: Key,
        arrival: ArrivalMap,
        *,
        must_stop: Callable[[], bool] | None = None,
        steps_per_call: int | None = None,
    ) -> tuple[int, int]:
        """Grow one member.

        Args:
            params: The parameter point.
            key: Key of the member's noise, `nakaya.core.randomness.member_key`.
            arrival: Where the arrival map goes: int32 [row, column], C-contiguous.
            must_stop: Asked about ten times a second whether to give up.
            steps_per_call: Steps between two such questions, where not chosen by the lattice's size.

        Returns:
            The number of steps and the index into `STOP_REASONS`.

        Raises:
            Interrupted: `must_stop` said so.
            FloatingPointError: A field holds NaN or infinity: a mistake in this package, since parameters are checked.
        """
        progress = np.array([-1, 0, 0, 0], np.int64)
        arrays = self._arrays._replace(arrival=arrival.reshape(-1))
        per_call = max(1, CELLS_PER_CALL // self._setup.size**2) if steps_per_call is None else steps_per_call
        while True:
            code = int(
                _advance(
                    self._layout,
                    arrays,
                    make_rules(params),
                    self._limits,
                    self._initial,
                    (np.uint32(key[0]), np.uint32(key[1])),
                    params.sigma > 0,
                    self._keep_crystal_mass,
                    progress,
                    per_call,
                )
            )
            if code == NOT_FINITE:
                fields = [name for name, bit in BROKEN_FIELDS.items() if progress[BROKEN] & bit]
                raise FloatingPointError(
                    f"{' and '.join(fields)} not finite (NaN or infinite) after step {progress[STEP]} of {params}"
                )
            if code != GOES_ON:
                return int(progress[STEP]), code
            if must_stop is not None and must_stop():
                raise Interrupted

    def _sites(self, flat: NDArray[Any]) -> NDArray[Any]:
        """A per-site array as [row, column]."""
        size, stride = self._setup.size, self._layout.stride
        return flat[LEFT : LEFT + size * stride].reshape(size, stride)[:, :size]

    def _boundary(self) -> Iterator[slice]:
        """The entries of the boundary lists that are in use."""
        capacity = self._layout.capacity
        for tile, (front, back) in enumerate(self._arrays.num_entries.reshape(-1, 2)):
            yield slice(tile * capacity, tile * capacity + int(front))
            yield slice((tile + 1) * capacity - int(back), (tile + 1) * capacity)

    def state(self, params: GravnerGriffeath, key: Key, step: int) -> CrystalState:
        """Return the fields after the last step of the member that was grown last.

        Args:
            params: Its parameter point.
            key: Its key.
            step: Its number of steps.
        """
        shape, arrays = self._setup.shape, self._arrays
        attached = (self._sites(arrays.num_attached) & ATTACHED) > 0
        plus, minus = np.float32(1.0 + params.sigma), np.float32(1.0 - params.sigma)
        d = self._sites(arrays.d) * np.where(fair_bits(key, step, shape), plus, minus)
        d[reservoir_mask(self._setup)] = np.float32(params.rho)
        b = np.zeros_like(arrays.d)
        c = np.zeros_like(arrays.d)
        for part in self._boundary():
            b[arrays.place[part]] = arrays.b[part]
            c[arrays.place[part]] = arrays.c[part]
        crystal = np.where(attached, self._sites(arrays.crystal_mass), self._sites(c))
        return CrystalState(attached, self._sites(b), crystal, d)


class FastSolver:
    """The solver as a `Grower`, on one or more threads."""

    name: ClassVar[str] = MODEL.name
    family: ClassVar[str] = GravnerGriffeath.family

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Grow `members` at every point; see `nakaya.growth.model.grower.Grower`.

        Raises:
            ParameterError: There is not enough memory for the crystals.
        """
        points = cast(Sequence[GravnerGriffeath], conditions)
        maps = empty_maps(MODEL, len(points), len(members), setup)
        hashes = [point_hash(point) for point in points]

        def grow_some(places: Sequence[tuple[int, int]], tell: Progress, must_stop: Callable[[], bool]) -> None:
            try:
                grower = FastGrower(setup)
            except MemoryError:
                raise ParameterError(
                    f"a member of size {setup.size} does not fit in memory: use a smaller size or fewer workers"
                ) from None
            for i, j in places:
                key = member_key(seed, hashes[i], members[j])
                maps["steps"][i, j], maps["stop_codes"][i, j] = grower.grow(
                    points[i], key, maps["arrival"][i, j], must_stop=must_stop
                )
                tell(1)

        places = list(product(range(len(points)), range(len(members))))
        length = len(places) if workers == 1 else -(-len(places) // (workers * PORTIONS_PER_WORKER))
        portions = [places[start : start + length] for start in range(0, len(places), length)]
        in_threads(grow_some, portions, workers, progress)
        return Trajectory(**maps, parameters=parameters_of(points), metadata=MODEL.metadata(setup, seed))
