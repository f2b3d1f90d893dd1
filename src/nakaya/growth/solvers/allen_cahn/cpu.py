"""The rules of `reference` and `measures`, compiled, on the tiles where something happens.

phi equals the reference's bit for bit, the free energy that of `measures` up to the order of its sum.

A tile that is all melt or all solid, as its eight neighbours are, does not change and is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.compiling import announce_compilation, cached_njit, digest_of_sources, njit
from nakaya.growth.solvers import simd
from nakaya.growth.solvers.allen_cahn.parameters import AllenCahn
from nakaya.growth.solvers.allen_cahn.reference import SETTLED
from nakaya.growth.solvers.simd import pointers_to

__all__ = ["evolve", "free_energy"]

TILE = 32
"""Rows and columns of a tile: narrower than interface and tails, and wide enough for SIMD lanes."""

MELT, SOLID, MIXED = 0, 1, 2
"""What a tile is."""

STEPS_PER_CALL = 512
"""Time steps between two returns to Python, where an interrupt is noticed."""


class Arrays(NamedTuple):
    """Memory, flat."""

    phi: Any
    """float64 [rows + 2, columns + 2]; the edges are not used."""
    reacted: Any
    """The same after `react`, with the opposite sides on its edges; of tiles that rest it equals phi."""
    kinds: Any
    """uint8: what every tile is."""
    worked: Any
    """uint8: whether every tile is worked on in this step."""
    line: Any
    """float64 [TILE + 2]: sums along columns."""


class Sums(NamedTuple):
    """Memory of the free energy, flat."""

    phi: Any
    """float64 [rows + 4, columns + 4], with the opposite sides on its edges."""
    line: Any
    """float64 [columns]: sums of columns."""


@njit
def _rate(phi: Any, drive: Any) -> Any:
    s = phi * (1.0 - phi)
    return s * ((4.0 * phi - 2.0) + drive * s)


@njit
def _classify(memory: Any, first: Any, stride: Any, height: Any, width: Any) -> Any:
    """What a tile is: counted, so that lanes can do it."""
    melt, solid = 0, 0
    for row in range(height):
        base = first + row * stride
        for k in range(width):
            melt += memory.phi[base + k] == 0.0
            solid += memory.phi[base + k] == 1.0
    return MELT if melt == height * width else (SOLID if solid == height * width else MIXED)


@njit
def _choose(memory: Any, down: Any, across: Any) -> Any:
    """Mark the tiles to work on; return whether there are any."""
    found = False
    for i in range(down):
        for j in range(across):
            kind = memory.kinds[i * across + j]
            busy = kind == MIXED
            for di in range(down - 1, down + 2):
                for dj in range(across - 1, across + 2):
                    busy |= memory.kinds[(i + di) % down * across + (j + dj) % across] != kind
            memory.worked[i * across + j] = busy
            found |= busy
    return found


@njit
def _react_tile(memory: Any, first: Any, stride: Any, height: Any, width: Any, half: Any, drive: Any) -> None:
    for row in range(height):
        base = first + row * stride
        for k in range(width):
            old = memory.phi[base + k]
            middle = old + (0.5 * half) * _rate(old, drive)
            memory.reacted[base + k] = old + half * _rate(middle, drive)


@njit
def _wrap(memory: Any, rows: Any, columns: Any, stride: Any) -> None:
    """Copy the opposite sides to the edges."""
    for row in range(1, rows + 1):
        memory.reacted[row * stride] = memory.reacted[row * stride + columns]
        memory.reacted[row * stride + columns + 1] = memory.reacted[row * stride + 1]
    for k in range(stride):
        memory.reacted[k] = memory.reacted[rows * stride + k]
        memory.reacted[(rows + 1) * stride + k] = memory.reacted[stride + k]


@njit
def _diffuse_tile(
    memory: Any, first: Any, stride: Any, height: Any, width: Any, half: Any, drive: Any, settled: Any
) -> None:
    for row in range(height):
        base = first + row * stride
        above, below = base - stride - 1, base + stride - 1
        for k in range(width + 2):
            near = memory.reacted[above + k] + memory.reacted[below + k]
            memory.line[k] = near + 4.0 * memory.reacted[base - 1 + k]
        for k in range(width):
            old = ((memory.line[k] + memory.line[k + 2]) + 4.0 * memory.line[k + 1]) * (1 / 36)
            middle = old + (0.5 * half) * _rate(old, drive)
            new = old + half * _rate(middle, drive)
            new = 1.0 if new > 1.0 - settled else new
            memory.phi[base + k] = 0.0 if new < settled else new


@njit
def _do_steps(
    arrays: Any, rows: Any, columns: Any, tile: Any, num_steps: Any, half: Any, drive: Any, settled: Any
) -> Any:
    """Do `num_steps` steps; return how many tiles were worked on in all of them."""
    memory = pointers_to(arrays)
    stride, down, across = columns + 2, (rows + tile - 1) // tile, (columns + tile - 1) // tile
    done = 0
    for i in range(down):
        for j in range(across):
            first = (1 + i * tile) * stride + 1 + j * tile
            height, width = min(tile, rows - i * tile), min(tile, columns - j * tile)
            memory.kinds[i * across + j] = _classify(memory, first, stride, height, width)
    for _ in range(num_steps):
        if not _choose(memory, down, across):
            break
        for i in range(down):
            for j in range(across):
                if memory.worked[i * across + j]:
                    first = (1 + i * tile) * stride + 1 + j * tile
                    height, width = min(tile, rows - i * tile), min(tile, columns - j * tile)
                    _react_tile(memory, first, stride, height, width, half, drive)
                    done += 1
        _wrap(memory, rows, columns, stride)
        for i in range(down):
            for j in range(across):
                if memory.worked[i * across + j]:
                    first = (1 + i * tile) * stride + 1 + j * tile
                    height, width = min(tile, rows - i * tile), min(tile, columns - j * tile)
                    _diffuse_tile(memory, first, stride, height, width, half, drive, settled)
                    kind = _classify(memory, first, stride, height, width)
                    memory.kinds[i * across + j] = kind
                    if kind != MIXED:
                        for row in range(height):
                            for k in range(width):
                                memory.reacted[first + row * stride + k] = memory.phi[first + row * stride + k]
    return done


@njit
def _add_energies(arrays: Any, rows: Any, columns: Any, driving_force: Any, weight: Any) -> None:
    """Add the energy densities of all sites, column by column so that lanes can do it."""
    memory = pointers_to(arrays)
    stride = columns + 4
    for k in range(columns):
        memory.line[k] = 0.0
    for row in range(rows):
        base = (row + 2) * stride + 2
        for k in range(columns):
            own = memory.phi[base + k]
            s = own * (1.0 - own)
            bulk = s * s - driving_force * (own * own * own * (10.0 - own * (15.0 - 6.0 * own)))
            across = 27.0 * (memory.phi[base + k + 1] - own) - (memory.phi[base + k + 2] - memory.phi[base + k - 1])
            down = 27.0 * (memory.phi[base + k + stride] - own) - (
                memory.phi[base + k + 2 * stride] - memory.phi[base + k - stride]
            )
            memory.line[k] = memory.line[k] + (bulk + weight * (across * across + down * down))


def _compile(sources: str) -> tuple[Any, Any]:
    """Make the two functions that are compiled for calls from Python.

    Args:
        sources: Digest of the source files beside this one, for `cached_njit`.
    """

    def evolve_tiles(
        arrays: Any, rows: Any, columns: Any, tile: Any, num_steps: Any, half: Any, drive: Any, settled: Any
    ) -> Any:
        return 0 if len(sources) == 0 else _do_steps(arrays, rows, columns, tile, num_steps, half, drive, settled)

    def sum_energy(arrays: Any, rows: Any, columns: Any, driving_force: Any, weight: Any) -> None:
        if len(sources) > 0:
            _add_energies(arrays, rows, columns, driving_force, weight)

    return cached_njit(evolve_tiles), cached_njit(sum_energy)


announce_compilation()
_evolve_tiles, _sum_energy = _compile(digest_of_sources(simd))


def evolve(phi: FloatArray, params: AllenCahn, num_steps: int) -> FloatArray:
    """Return phi after some time steps: float64 [row, column], equal to so many times `reference.step`.

    Args:
        phi: float64 [row, column] in [0, 1], as `reference.put_seed` leaves it: settled.
        params: The parameter point.
        num_steps: Time steps.
    """
    rows, columns = phi.shape
    tiles = -(-rows // TILE) * -(-columns // TILE)
    padded = np.pad(np.asarray(phi, np.float64), 1, mode="wrap")
    arrays = Arrays(
        padded.ravel(), padded.copy().ravel(), np.empty(tiles, np.uint8), np.empty(tiles, np.uint8), np.empty(TILE + 2)
    )
    half, drive = 0.5 * params.time_step, 30 * params.driving_force
    for begun in range(0, num_steps, STEPS_PER_CALL):
        _evolve_tiles(arrays, rows, columns, TILE, min(STEPS_PER_CALL, num_steps - begun), half, drive, SETTLED)
    return padded[1:-1, 1:-1].copy()


def free_energy(phi: FloatArray, params: AllenCahn) -> float:
    """Return `measures.free_energy`."""
    arrays = Sums(np.pad(phi, 2, mode="wrap").ravel(), np.empty(phi.shape[1]))
    rows, columns = phi.shape
    weight = 1 / (2 * (24 * params.spacing) ** 2)
    _sum_energy(arrays, rows, columns, params.driving_force, weight)
    return float(arrays.line.sum() * params.spacing**2)
