"""A nucleus in its melt, as all features see it: who belongs to it, and how far from its surface every atom is.

Nothing here changes when the frame is rotated, moved through its periodic box, or renumbered. Lengths are in units of
d, the nearest-neighbour distance of a close packing with the frame's volume per atom, so that Al and Cu look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.order.bond_order import Classifier, Environment, environment
from nakaya.md.order.neighbours import volume_per_atom
from nakaya.md.trajectories.frames import Frame

__all__ = ["MIN_ATOMS", "NucleusEnvironment", "nucleus_environment"]

MIN_ATOMS = 5
"""Fewer solid atoms have neither a shape nor a surface."""


@dataclass(frozen=True, eq=False)
class NucleusEnvironment:
    """A frame with its nucleus.

    Attributes:
        frame: All atoms.
        classifier: Tells solid from liquid at the temperature of the frame.
        local: Neighbours of every atom, as many as the classifier asks for.
        nucleus: Which atoms belong to it, bool [atom].
        surface: Those of them that have a neighbour outside, bool [atom].
        spacing: d, A.
        offset: From the centre of the nucleus, float64 [atom, 3], d; of all images the nearest.
        depth: Distance to the nearest atom of the nucleus; of its own atoms, less that to the nearest one outside:
            negative inside, float64 [atom], d.
    """

    frame: Frame
    classifier: Classifier
    local: Environment
    nucleus: BoolArray
    surface: BoolArray
    spacing: float
    offset: FloatArray
    depth: FloatArray

    @property
    def size(self) -> int:
        """Atoms of the nucleus."""
        return int(self.nucleus.sum())


def nucleus_environment(frame: Frame, classifier: Classifier, nucleus: BoolArray) -> NucleusEnvironment:
    """Look at a frame from its nucleus.

    Args:
        frame: In a periodic box, wider than twice the nucleus.
        classifier: With the thresholds of the temperature.
        nucleus: Its atoms, bool [atom].

    Raises:
        ParameterError: The nucleus has fewer than `MIN_ATOMS` atoms, or is all there is.
    """
    count = int(nucleus.sum())
    if not MIN_ATOMS <= count < len(nucleus):
        raise ParameterError(
            f"a nucleus of {count} atoms among {len(nucleus)}: expected at least {MIN_ATOMS}, and a melt about them"
        )
    local = environment(frame.positions, frame.cell, neighbours=classifier.neighbours, periodic=frame.periodic)
    spacing = float((np.sqrt(2.0) * volume_per_atom(frame.cell, len(nucleus))) ** (1 / 3))
    offset = _offsets(frame, nucleus) / spacing
    depth = np.empty(len(nucleus))
    depth[~nucleus] = cKDTree(offset[nucleus]).query(offset[~nucleus])[0]
    depth[nucleus] = -cKDTree(offset[~nucleus]).query(offset[nucleus])[0]
    surface = nucleus & ~nucleus[local.neighbours].all(axis=1)
    return NucleusEnvironment(frame, classifier, local, nucleus, surface, spacing, offset, depth)


def _offsets(frame: Frame, nucleus: BoolArray) -> FloatArray:
    """From the centre of mass of the nucleus to the nearest image of every atom, float64 [atom, 3], A."""
    fractions = frame.positions @ np.linalg.inv(frame.cell)
    # The mean direction on the circle of each side of the box: a nucleus that crosses the boundary is one.
    middle = np.angle(np.exp(2j * np.pi * fractions[nucleus]).mean(axis=0)) / (2 * np.pi)
    for _ in range(2):
        fractions = fractions - middle
        fractions -= np.round(fractions)
        middle = fractions[nucleus].mean(axis=0)
    return np.asarray((fractions - middle) @ frame.cell)
