"""Interface patches: a few hundred atoms around the solid-liquid interface, small enough to ship.

Coordinates are fractions of the box as uint16 (a hundredth of a milli-box: below 0.004 A in 200 A), in a compressed
npz without pickles: `cell` float32 [frame, 3, 3] (A, rows), `fractions` uint16 [frame, atom, 3], `energy` float16
[frame, atom] (eV), `kinetic` float16 [frame, atom] (kinetic energy, K), `solid` bool [frame, atom],
`time_ps` float32 [frame]. Patches of one file have the same number of atoms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.archives import pack_arrays, read_arrays
from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import FormatError
from nakaya.core.files import write_whole
from nakaya.core.provenance import sha256_of_bytes
from nakaya.md.trajectories.frames import BOLTZMANN, Frame
from nakaya.md.trajectories.text_files import check_cell

__all__ = ["PATCH_ATOMS", "cut_patch", "interface_patch", "read_patches", "write_patches"]

PATCH_ATOMS = 500
MAX_BYTES = 64 << 20
LEVELS = 65536
MIN_VOLUME = 0.5
"""A^3: of an atom; in diamond it has 5.7."""


def interface_patch(
    frame: Frame, solid: BoolArray, *, count: int = PATCH_ATOMS, normal: int = 2, wall: int = 0
) -> IntArray:
    """Numbers of the `count` atoms nearest to one interface, int64 [count], sorted; all atoms where there are fewer.

    The patch is a slab across the whole interface: the interface is where the fraction of solid atoms falls through one
    half between the middle of the crystal and the middle of the liquid, on the side of greater z. A crystal at a `wall`
    of a box that is not periodic, the lower (-1) or the upper one (1), has one interface only.
    """
    height = (frame.positions @ np.linalg.inv(frame.cell))[:, normal]
    if wall:
        offset = height if wall < 0 else 1 - height
        upper = np.ones(len(offset), dtype=np.bool_)
    else:
        phase = np.exp(2j * np.pi * height[solid]).mean() if solid.any() else 1.0
        offset = height - np.angle(phase) / (2 * np.pi)
        offset -= np.round(offset)
        upper = (offset >= 0) & (offset < 0.5)
    order = np.argsort(offset[upper])
    fraction = solid[upper][order].astype(np.float64)
    # The best single step from solid to liquid: the most solid atoms before, the most liquid ones after.
    score = np.cumsum(fraction - 0.5) if len(fraction) else np.zeros(1)
    interface = float(offset[upper][order][int(np.argmax(score))]) if len(fraction) else 0.0
    distance = offset - interface
    if not wall:
        distance -= np.round(distance)
    return np.sort(np.argsort(np.abs(distance), kind="stable")[:count]).astype(np.int64)


def cut_patch(frame: Frame, solid: BoolArray, *, time_ps: float, normal: int = 2, wall: int = 0) -> Frame:
    """The atoms of `interface_patch` as a frame of their own at `time_ps`, with the column `solid`."""
    atoms = interface_patch(frame, solid, normal=normal, wall=wall)
    return replace(
        frame,
        time_ps=time_ps,
        positions=frame.positions[atoms],
        species=frame.species[atoms],
        velocities=None if frame.velocities is None else frame.velocities[atoms],
        extra={**{name: values[atoms] for name, values in frame.extra.items()}, "solid": solid[atoms].astype(float)},
    )


def write_patches(path: Path, kept: Sequence[tuple[float, Frame, BoolArray]], *, count: int = PATCH_ATOMS) -> str:
    """Write patches of some frames atomically; return the sha256 of the file.

    Args:
        path: A file *.npz.
        kept: (time in ps, frame, solid mask) of each frame.
        count: Atoms per patch.

    Raises:
        OutputError: The disk refuses.
    """
    columns: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {
        name: [] for name in ("cell", "fractions", "energy", "kinetic", "solid")
    }
    for _, frame, solid in kept:
        chosen = interface_patch(frame, solid, count=count)
        fractions = (frame.positions @ np.linalg.inv(frame.cell))[chosen]
        columns["cell"].append(frame.cell.astype(np.float32))
        columns["fractions"].append((np.rint(fractions * LEVELS).astype(np.int64) % LEVELS).astype(np.uint16))
        energy = frame.extra.get("c_energy", np.full(len(frame.positions), np.nan))
        columns["energy"].append(energy[chosen].astype(np.float16))
        columns["kinetic"].append(_kinetic(frame)[chosen].astype(np.float16))
        columns["solid"].append(solid[chosen])
    arrays = {name: np.stack(entries) for name, entries in columns.items()}
    arrays["time_ps"] = np.array([time for time, _, _ in kept], dtype=np.float32)
    content = pack_arrays(arrays, level=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return sha256_of_bytes(content)


def _kinetic(frame: Frame) -> FloatArray:
    if frame.velocities is None:
        return np.full(len(frame.positions), np.nan)
    return np.asarray(frame.masses[:, 0] * (frame.velocities**2).sum(axis=1) / (3 * BOLTZMANN))


def _check_shapes(arrays: Mapping[str, np.ndarray[Any, Any]], path: Path) -> None:
    frames, atoms = arrays["solid"].shape if "solid" in arrays and arrays["solid"].ndim == 2 else (0, 0)
    wanted = {
        "solid": ((frames, atoms), "b"), "cell": ((frames, 3, 3), "f"), "fractions": ((frames, atoms, 3), "u"),
        "energy": ((frames, atoms), "f"), "kinetic": ((frames, atoms), "f"), "time_ps": ((frames,), "f"),
    }  # fmt: skip
    for name, (shape, kind) in wanted.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype.kind != kind:
            raise FormatError(f"{path} is not a file of patches: its array {name} is missing or of another kind")
    if not np.isfinite(arrays["time_ps"]).all():
        raise FormatError(f"{path} is not a file of patches: a time in it is no number")


def read_patches(path: Path, element: str) -> list[Frame]:
    """Read patches as frames: cells are those of the whole box, so neighbours across its sides are right.

    Outside the patch there is vacuum along the normal: atoms at its two faces lack neighbours.

    Args:
        path: As `write_patches` made it.
        element: Symbol of the atoms: the record that refers to the file names its material.

    Raises:
        InputFileError, FormatError: Missing, too large, or not a file of patches.
    """
    arrays = read_arrays(path, most=MAX_BYTES, what="file of patches")
    _check_shapes(arrays, path)
    cells, fractions = arrays["cell"].astype(np.float64), arrays["fractions"]
    energies, kinetic = arrays["energy"].astype(np.float64), arrays["kinetic"].astype(np.float64)
    solid, times = arrays["solid"], arrays["time_ps"]
    try:
        for cell in cells:
            check_cell(cell)  # in a flat one, whoever looks for neighbours fails, without a word
            if abs(np.linalg.det(cell)) < MIN_VOLUME * solid.shape[1]:
                raise FormatError(f"the box holds {solid.shape[1]} atoms in {abs(np.linalg.det(cell)):g} A^3")
    except FormatError as error:
        raise FormatError(f"{path} is not a file of patches: {error}") from None
    frames = []
    for number in range(len(times)):
        positions = fractions[number].astype(np.float64) / LEVELS @ cells[number]
        extra = {"c_energy": energies[number], "kinetic_K": kinetic[number], "solid": solid[number].astype(np.float64)}
        species = np.full(len(positions), element)
        frames.append(Frame(number, float(times[number]), positions, cells[number], species, None, extra))
    return frames
