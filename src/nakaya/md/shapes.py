"""What shape has the crystal in its melt: a slab with one or two flat interfaces, a rod, a sphere, or none of these?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.md.trajectories.frames import Frame

__all__ = ["MIN_EXPLAINED", "SLAB", "Fitted", "Shape", "best_shape", "condensed", "gap_directions", "misfits", "shapes"]

MIN_EXPLAINED: Final = 0.6
"""A shape that puts fewer of the atoms on their right side than this, between 0 for no shape at all and 1, is none that
the crystal has: a rod with rough sides reaches 0.7 and more, a cap on a wall 0.6 of a sphere, a slab along the diagonal
of the box 0.4 of a rod."""

FLAT_FIRST: Final = 1.1
"""Curved shapes must misplace so many times fewer atoms than flat ones: across a narrow box both fit alike."""

MIN_LAYER: Final = 10.0
"""Melt, or crystal, between an interface and a free end of the box is at least so thick, A: a surface that melts first
is thinner, and does not make a second interface."""

MIN_GAP: Final = 8.0
"""A layer of the box without any atom that is thicker than this, A, is vacuum: no crystal and no melt has such layers,
and beyond it nothing is felt from the other side."""


@dataclass(frozen=True)
class Shape:
    """What the crystal, or the melt inside it, looks like.

    Attributes:
        across: Directions of the box along which it ends: one for a slab, two for a rod along the third, three for a
            sphere.
        of_melt: Whether the melt has the shape, with the crystal around it.
        wall: A slab with one interface lies at an end of a box that is not periodic: -1 at the lower one, 1 at the
            upper one; 0 = two interfaces.
    """

    across: tuple[int, ...]
    of_melt: bool = False
    wall: int = 0

    @property
    def is_flat(self) -> bool:
        """Whether the interfaces are flat."""
        return len(self.across) == 1

    @property
    def num_interfaces(self) -> int:
        """How many there are: 2 for most slabs, 1 for one at a wall, and 1 around a rod or a sphere."""
        return 2 if self.is_flat and not self.wall else 1

    @property
    def axis(self) -> int:
        """The direction of a rod."""
        return 3 - sum(self.across)

    def __str__(self) -> str:
        if self.is_flat:
            ends = "1 flat interface" if self.wall else "2 flat interfaces"
            return f"slab with {ends} across box vector {'abc'[self.across[0]]}"
        kind = f"rod along box vector {'abc'[self.axis]}" if len(self.across) == 2 else "sphere"
        return f"{kind} of melt" if self.of_melt else kind

    def inner(self, solid: BoolArray) -> BoolArray:
        """The atoms that have the shape, bool [atom], from those that are solid."""
        return np.asarray(~solid) if self.of_melt else solid

    def measure(self, cell: FloatArray) -> float:
        """What the volume is per unit of: the area of one flat interface, A^2, or the length of a rod, A; else 1."""
        if self.is_flat:
            return abs(float(np.linalg.det(cell))) / height(cell, self.across[0])
        return float(np.linalg.norm(cell[self.axis])) if len(self.across) == 2 else 1.0

    def size(self, volume: FloatArray, measure: float) -> FloatArray:
        """Distance of the interface from the middle (from the wall), A, of a shape with this volume, A^3."""
        volume = np.maximum(volume, 0.0)
        if self.is_flat:
            return np.asarray(volume / measure / self.num_interfaces)
        if len(self.across) == 2:
            return np.asarray(np.sqrt(volume / (math.pi * measure)))
        return np.asarray(np.cbrt(3 * volume / (4 * math.pi)))

    def volume(self, low: float, high: float) -> float:
        """Volume between two distances from the middle, A^3 per unit of `measure`."""
        if self.is_flat:
            return (high - low) * self.num_interfaces
        if len(self.across) == 2:
            return math.pi * (high**2 - low**2)
        return 4 / 3 * math.pi * (high**3 - low**3)


SLAB: Final = Shape((2,))
"""The one of our own runs: across z, two interfaces, periodic."""


@dataclass(frozen=True)
class Fitted:
    """A shape in one frame.

    Attributes:
        distance: Of every atom from the middle (from the wall), float64 [atom], A.
        reach: Distance up to which the box holds all that lies so far from the middle, A.
    """

    distance: FloatArray
    reach: float


def height(cell: FloatArray, direction: int) -> float:
    """Distance between the faces of a box that two of its vectors span, A: |c . (a x b)| / |a x b|."""
    normal = np.cross(cell[direction - 2], cell[direction - 1])
    return abs(float(cell[direction] @ (normal / np.linalg.norm(normal))))


def slab_centre(heights: FloatArray, solid: BoolArray, length: float) -> float:
    """Middle of the crystal along a periodic direction, in [0, length): circular mean of the solid atoms."""
    phase = np.exp(2j * np.pi * heights[solid] / length).mean() if solid.any() else 1.0
    middle = float(np.angle(phase) / (2 * np.pi) * length) % length
    return middle if middle < length else 0.0  # the remainder of a tiny negative number rounds to the length itself


def fitted(shape: Shape, frame: Frame, solid: BoolArray) -> Fitted:
    """How far the atoms of a frame are from the middle of a shape.

    Args:
        shape: Which; its middle is that of the atoms that have it.
        frame: As `condensed` returns it.
        solid: Which atoms are, bool [atom].
    """
    fractions = frame.positions @ np.linalg.inv(frame.cell)
    inner = shape.inner(solid)
    if shape.is_flat:
        return _from_plane(shape, frame, fractions[:, shape.across[0]], inner)
    offsets = np.zeros_like(fractions)
    reach = math.inf
    for direction in shape.across:
        offset, free = _offset(fractions[:, direction], inner, frame.periodic[direction])
        offsets[:, direction] = offset
        reach = min(reach, free * height(frame.cell, direction))
    vectors = offsets @ frame.cell
    if len(shape.across) == 2:
        along = frame.cell[shape.axis] / np.linalg.norm(frame.cell[shape.axis])
        vectors = vectors - (vectors @ along)[:, None] * along
    return Fitted(np.linalg.norm(vectors, axis=1), reach)


def _from_plane(shape: Shape, frame: Frame, fractions: FloatArray, inner: BoolArray) -> Fitted:
    direction = shape.across[0]
    length = height(frame.cell, direction)
    heights = fractions * length
    if shape.wall:
        return Fitted(heights if shape.wall < 0 else length - heights, length)
    if frame.periodic[direction]:
        offset = (heights - slab_centre(heights, inner, length)) / length
        return Fitted(np.abs(offset - np.round(offset)) * length, length / 2)
    offset, free = _offset(fractions, inner, False)
    return Fitted(np.abs(offset) * length, free * length)


def _offset(fractions: FloatArray, inner: BoolArray, is_periodic: bool) -> tuple[FloatArray, float]:
    # From the middle, and the fraction of the box that lies on its narrower side.
    if is_periodic:
        offset = fractions - slab_centre(fractions, inner, 1.0)
        return offset - np.round(offset), 0.5
    middle = float(fractions[inner].mean()) if inner.any() else 0.5
    return fractions - middle, min(middle, 1 - middle)


def shapes(periodic: Sequence[bool]) -> list[Shape]:
    """All shapes that are told apart in a box with these periodic directions, flat ones first."""
    found = []
    for direction in range(3):
        if periodic[direction]:
            found.append(Shape((direction,)))
        else:
            found += [Shape((direction,), wall=-1), Shape((direction,), wall=1)]
            found += [Shape((direction,)), Shape((direction,), of_melt=True)]
    curved = [(1, 2), (0, 2), (0, 1), (0, 1, 2)]
    return found + [Shape(across, of_melt) for across in curved for of_melt in (False, True)]


def misfits(candidates: Sequence[Shape], frame: Frame, solid: BoolArray) -> FloatArray:
    """Fraction of what no shape would misplace that each shape does, float64 [shape]; 0 = all atoms are in place.

    A shape misplaces the atoms on the wrong side of its interface, which lies where these are fewest; one that is
    larger than the box is none.
    """
    without = min(int(solid.sum()), int((~solid).sum()))
    if without == 0:
        return np.ones(len(candidates))
    found = []
    for shape in candidates:
        seen = fitted(shape, frame, solid)
        ranks = np.argsort(seen.distance)
        inner = shape.inner(solid)[ranks]
        wrong = np.concatenate([[0], np.cumsum(np.where(inner, -1, 1))]) + int(inner.sum())
        best = int(np.argmin(wrong))
        reach = seen.reach - (MIN_LAYER if _has_free_layers(shape, frame) else 0)
        fits = (shape.is_flat and not reach < seen.reach) or best <= np.searchsorted(seen.distance[ranks], reach)
        found.append(wrong[best] / without if fits else 1.0)
    return np.array(found)


def _has_free_layers(shape: Shape, frame: Frame) -> bool:
    return shape.is_flat and not shape.wall and not frame.periodic[shape.across[0]]


def best_shape(candidates: Sequence[Shape], misfit: FloatArray) -> tuple[Shape, float]:
    """The shape that misplaces fewest atoms, and how many it puts in place: 1 = all that no shape would misplace.

    Args:
        candidates: As `shapes` returns them.
        misfit: Of each, float64 [shape].
    """
    weighted = misfit * np.array([1.0 if shape.is_flat else FLAT_FIRST for shape in candidates])
    best = int(np.argmin(weighted))
    return candidates[best], 1 - float(misfit[best])


def gap_directions(frame: Frame) -> list[int]:
    """Periodic directions of the box in which there is a layer of vacuum."""
    return [direction for direction in range(3) if frame.periodic[direction] and _gap(frame, direction)[1] > MIN_GAP]


def _gap(frame: Frame, direction: int) -> tuple[float, float]:
    # Upper end of the thickest empty layer, as a fraction of the box, and its thickness.
    fractions = np.sort((frame.positions @ np.linalg.inv(frame.cell))[:, direction] % 1.0)
    gaps = np.diff(fractions, append=fractions[0] + 1)
    widest = int(np.argmax(gaps))
    return float(fractions[(widest + 1) % len(fractions)]), float(gaps[widest]) * height(frame.cell, direction)


def condensed(frame: Frame, open_directions: Sequence[int] = ()) -> Frame:
    """The same atoms in the box that belongs to them; the frame itself where the box is upright, periodic and full.

    A box vector is replaced by the shortest that differs from it by vectors of periodic directions: the crystal is the
    same, and shapes and heights are seen upright. Along a direction that is not periodic, or has a layer of vacuum, the
    box ends half an atomic distance beyond the outermost atoms.

    Args:
        frame: Of a whole box.
        open_directions: Periodic ones that have a layer of vacuum: the box is cut there.
    """
    cell = _reduced(frame.cell, frame.periodic)
    if cell is not frame.cell:
        frame = replace(frame, cell=cell)
    for direction in open_directions:
        fractions = frame.positions @ np.linalg.inv(frame.cell)
        fractions[:, direction] = (fractions[:, direction] - _gap(frame, direction)[0]) % 1.0
        frame = replace(frame, positions=fractions @ frame.cell, periodic=_without(frame.periodic, direction))
    for direction in range(3):
        if not frame.periodic[direction]:
            frame = _trimmed(frame, direction)
    return frame


def _without(periodic: tuple[bool, bool, bool], direction: int) -> tuple[bool, bool, bool]:
    one, two, three = (is_periodic and number != direction for number, is_periodic in enumerate(periodic))
    return one, two, three


def _trimmed(frame: Frame, direction: int) -> Frame:
    fractions = (frame.positions @ np.linalg.inv(frame.cell))[:, direction]
    low, extent = float(fractions.min()), max(float(np.ptp(fractions)), 1e-3)
    room = abs(float(np.linalg.det(frame.cell))) * extent / len(fractions)
    half = room ** (1 / 3) / 2 / height(frame.cell, direction)
    cell = frame.cell.copy()
    cell[direction] *= extent + 2 * half
    return replace(frame, cell=cell, positions=frame.positions + (half - low) * frame.cell[direction])


def _reduced(cell: FloatArray, periodic: Sequence[bool]) -> FloatArray:
    # Selling's way for pairs: every vector loses whole multiples of the periodic others until none gets shorter.
    found = cell
    for _ in range(100):
        changed = False
        for direction in range(3):
            for other in range(3):
                if direction == other or not periodic[other]:
                    continue
                turns = round(float(found[direction] @ found[other]) / float(found[other] @ found[other]))
                # At just one half both are as short: thermal changes of the box must not toggle it.
                shorter = found[direction] - turns * found[other]
                if turns and np.linalg.norm(shorter) < 0.999 * np.linalg.norm(found[direction]):
                    found = found.copy()
                    found[direction] = shorter
                    changed = True
        if not changed:
            break
    return found
