"""The memory of one growing member, as the kernels see it.

Sites live in flat arrays, row after row. A row is `stride` long: the lattice's columns, rounded up to whole blocks of
sixteen, and one more block. That block gives ghost sites a place (column -1 of a row is the last element of the row
before) and holds the tile's `spare` element, which is always 0. Rows are grouped into tiles, small enough to stay in
the first cache while all rules are applied to them.

Boundary sites are few, so b and c are kept for them alone, in compact lists: two for every tile. Sites with n = 3
attached neighbours, the only ones whose attachment depends on the vapour around them, fill the tile's part of the
arrays from the back ("hollows"), all others from the front. Entries up to the next multiple of sixteen point to the
spare element, so that whole vectors can be worked on.

| word    | in the kernels                                                                                      |
|---------|-----------------------------------------------------------------------------------------------------|
| hollow  | boundary site with three attached neighbours: the concave corner of the paper's rule iii            |
| witness | of a hollow: its neighbour with most vapour, which alone shows that the vapour around is not thin   |
| entry   | place of a boundary site in the lists of its tile                                                   |
| spare   | an element that no site uses, always 0: where unused entries point                                  |
| quad    | four rows that are read or diffused together                                                        |
| tile    | rows that all rules are applied to before the next ones                                             |
| level   | one of the steps that a sweep over the tiles does                                                   |
| ring    | the last rows that were read, with the noise applied                                                |
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.compiling import njit
from nakaya.growth.lattice.geometry import front_distance, open_columns
from nakaya.growth.lattice.lattice import NEIGHBOURS
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.memory import aligned
from nakaya.growth.solvers.simd import LANES

__all__ = [
    "ATTACHED",
    "BROKEN_B",
    "BROKEN_C",
    "BROKEN_D",
    "FULL",
    "HELD",
    "LEFT",
    "MAX_LEVELS",
    "PERIODIC",
    "QUAD",
    "SECTOR",
    "SPARE",
    "TILE_SITES",
    "WORD_ROWS",
    "Arrays",
    "Layout",
    "Rules",
    "make_arrays",
    "make_layout",
    "make_rules",
    "words_row",
]

SECTOR, FULL, PERIODIC = 0, 1, 2

LEFT = LANES
"""Index of site (0, 0); site (i, j) is at LEFT + i * stride + j."""

SPARE = 8
"""Index of a tile's spare element, counted from the start of its rows; ghosts never reach it."""

ATTACHED, HELD = 64, 128
"""Flags in `num_attached`: the site is part of the crystal; the site is held at rho."""

BROKEN_B, BROKEN_C, BROKEN_D = 1, 2, 4
"""Which field holds a NaN or infinity, in what the kernels return."""

TILE_SITES = 16_384
QUAD = 4
"""Rows that are read or diffused together."""

MIN_TILE_ROWS = 16

WORD_ROWS = 4
"""Rows of random words that are kept: those of two draws, since rows are read ahead."""

MAX_LEVELS = 4
"""Greatest number of steps that one sweep over the tiles does."""

MIN_TILES_FOR_LEVELS = 32
"""Smaller lattices stay in the second cache anyway."""

MIN_SIZE_TO_FUSE = 128
FUSED_RING_ROWS = 16

MAX_TILE_ROWS = 64
"""Rows that share one draw of random words."""


class Layout(NamedTuple):
    """What is where, and the rules' geometry; whole numbers all."""

    geometry: int
    size: int
    stride: int
    tile_shift: int
    """A tile has 2**tile_shift rows."""
    num_tiles: int
    capacity: int
    """Entries of the boundary lists of one tile."""
    first: int
    last: int
    """Rows first to last - 1 have sites that are not held."""
    centre: int
    """Row and column from which the front's distance is measured."""
    front: int
    """Distance at which a member stops; beyond every site where the rule does not apply."""
    levels: int
    """Steps that one sweep may do."""
    decide_behind: int
    join_behind: int
    """Tiles between diffusion and the decision of hollows, and between diffusion and joining."""
    ring_rows: int
    """Rows in the ring, a power of two."""
    fuses: bool
    """Whether rows are read and written in one loop: faster where they are long."""


class Rules(NamedTuple):
    """The parameters, rounded to float32."""

    alpha: Any
    beta: Any
    gamma: Any
    theta: Any
    kappa: Any
    mu: Any
    rho: Any
    plus: Any
    minus: Any


class Arrays(NamedTuple):
    """NumPy arrays of one member; for the kernels, as `memory`, pointers to them."""

    d: Any
    """float32 [site]: vapour after diffusion, freezing and melting, before the noise."""
    num_attached: Any
    """uint8 [site]: attached neighbours, plus flags."""
    crystal_bits: Any
    """uint32 [row / 32, column]: bit row % 32 is set where attached."""
    crystal_mass: Any
    """float32 [site]: c of attached sites; a single element where it is not wanted."""
    ring: Any
    """float32 [level, row % ring_rows]: vapour with the last step's noise, for the rows being worked on."""
    words: Any
    """uint32 [level, WORD_ROWS, column]: random words of 128 rows."""
    top_row: Any
    """float32: row 0 with noise, for the last row of a periodic lattice."""
    place: Any
    """int32 [tile, entry]: where a boundary site is."""
    b: Any
    """float32 [tile, entry]: its quasi-liquid."""
    c: Any
    """float32 [tile, entry]: its crystal mass."""
    released: Any
    """float32 [tile, entry]: its vapour after melting, before the noise; the same as d."""
    draw: Any
    """int32 [tile, entry]: where its random bit is: element of `words`, plus 2**24 times the number of the bit."""
    degree: Any
    """float32 [tile, entry]: its number of attached neighbours (not for hollows)."""
    witness: Any
    """int32 [tile, entry]: of a hollow, the neighbour with most vapour when last looked at, or the spare element."""
    entry: Any
    """uint32 [site]: a boundary site's entry in its tile."""
    num_entries: Any
    """int64 [tile, 2]: lengths of the two lists."""
    joining: Any
    """int32 [tile, entry]: boundary sites that join the crystal in this step."""
    num_joining: Any
    """int64 [tile]."""
    low: Any
    high: Any
    """int64 [row]: columns low to high - 1 are not held."""
    blocks: Any
    """int64 [row / 4, 2]: the blocks of sixteen columns that four rows use, first and one past the last."""
    steps: Any
    row_steps: Any
    """int64 [6]: from a site to its neighbours, in places and in rows."""
    scratch: Any
    """int64: neighbours of a site."""
    arrival: Any
    """int32 [row * size + column]: the result."""


@njit(forceinline=True)
def words_row(row: Any) -> Any:
    """Return which row of `Arrays.words` serves a row of sites."""
    return (row >> 5) & (WORD_ROWS - 1)


def make_layout(setup: GrowthSetup, *, tile_sites: int = TILE_SITES, levels: int | None = None) -> Layout:
    """Return the layout of a lattice.

    Args:
        setup: Lattice, edges and stop rules.
        tile_sites: About how many sites a tile has. It changes the speed, not the crystal.
        levels: Greatest number of steps in one sweep, where not chosen by the size. It changes the speed alone, too.
    """
    size = setup.size
    stride = LANES * (math.ceil(size / LANES) + 1)
    tile_rows = MIN_TILE_ROWS
    while 2 * tile_rows * size <= tile_sites and tile_rows < min(size, MAX_TILE_ROWS):
        tile_rows *= 2
    low, high = open_columns(setup)
    open_rows = np.flatnonzero(low < high)
    num_tiles = math.ceil(size / tile_rows)
    if levels is None:
        levels = MAX_LEVELS if num_tiles >= MIN_TILES_FOR_LEVELS else 1
    geometry = PERIODIC if setup.edges == "periodic" else (SECTOR if setup.geometry == "sector" else FULL)
    return Layout(
        geometry=geometry,
        size=size,
        stride=stride,
        tile_shift=tile_rows.bit_length() - 1,
        num_tiles=num_tiles,
        capacity=LANES * (math.ceil(tile_rows * size / LANES) + 2),
        first=int(open_rows[0]),
        last=int(open_rows[-1]) + 1,
        centre=0 if setup.geometry == "sector" else size // 2,
        front=front_distance(setup),
        levels=1 if geometry == PERIODIC else levels,
        decide_behind=num_tiles if geometry == PERIODIC else 1,  # periodic: the first tile waits for the last
        join_behind=2 * num_tiles if geometry == PERIODIC else 2,
        ring_rows=FUSED_RING_ROWS if size >= MIN_SIZE_TO_FUSE else 2 * FUSED_RING_ROWS,
        fuses=size >= MIN_SIZE_TO_FUSE,
    )


def make_rules(params: GravnerGriffeath) -> Rules:
    """Return the parameters as the kernels take them."""
    values = params.parameters()
    sigma = values.pop("sigma")
    rounded = {name: np.float32(value) for name, value in values.items()}
    return Rules(**rounded, plus=np.float32(1.0 + sigma), minus=np.float32(1.0 - sigma))


def _blocks_of_quads(low: IntArray, high: IntArray, *, num_rows: int) -> IntArray:
    """Return the range of blocks that four rows at a time use, empty where all their sites are held."""
    is_open = low < high
    beyond = np.zeros(num_rows - low.size, np.int64)
    first = np.where(is_open, low // LANES, low.size)
    last = np.where(is_open, -(-high // LANES), 0)
    first = np.concatenate([first, beyond + low.size]).reshape(-1, QUAD).min(axis=1)
    last = np.concatenate([last, beyond]).reshape(-1, QUAD).max(axis=1)
    return np.stack([np.minimum(first, last), last], axis=1).reshape(-1)


def make_arrays(setup: GrowthSetup, layout: Layout, *, keep_crystal_mass: bool = False) -> Arrays:
    """Return uninitialised arrays for one member; what is never touched takes no memory.

    Raises:
        MemoryError: There is not enough.
    """
    tile_rows = 1 << layout.tile_shift
    num_sites = (layout.num_tiles * tile_rows + 2) * layout.stride
    num_entries = layout.num_tiles * layout.capacity
    low, high = open_columns(setup)
    return Arrays(
        d=aligned(num_sites, np.float32),
        num_attached=aligned(num_sites, np.uint8),
        crystal_bits=aligned((layout.size // 32 + 3) * layout.stride, np.uint32),
        crystal_mass=aligned(num_sites if keep_crystal_mass else 1, np.float32),
        ring=aligned(layout.levels * (layout.ring_rows + QUAD) * layout.stride, np.float32),
        words=aligned(layout.levels * WORD_ROWS * layout.stride, np.uint32),
        top_row=aligned(2 * layout.stride, np.float32),
        place=aligned(num_entries, np.int32),
        b=aligned(num_entries, np.float32),
        c=aligned(num_entries, np.float32),
        released=aligned(num_entries, np.float32),
        draw=aligned(num_entries, np.int32),
        degree=aligned(num_entries, np.float32),
        witness=aligned(num_entries, np.int32),
        entry=aligned(num_sites, np.uint32),
        num_entries=aligned(2 * layout.num_tiles, np.int64),
        joining=aligned(num_entries, np.int32),
        num_joining=aligned(layout.num_tiles, np.int64),
        low=low,
        high=high,
        blocks=_blocks_of_quads(low, high, num_rows=(layout.num_tiles + 1) * tile_rows),
        steps=np.array([row * layout.stride + column for row, column in NEIGHBOURS]),
        row_steps=np.array([row for row, _ in NEIGHBOURS]),
        scratch=np.zeros(32, np.int64),
        arrival=np.zeros(0, np.int32),
    )
