"""Twin laws by crystal system: which misorientations across a boundary make it a twin boundary.

A twin in the plane K is the crystal turned by 180 degrees about the normal of K. In a hexagonal crystal that is the
turn of the c axis by twice the angle phi between K and the basal plane, about the direction that the two planes share
(Christian & Mahajan, Prog. Mater. Sci. 39 (1995) 1):

    {10-1l}: tan phi = 2 (c/a) / (l sqrt 3), about <11-20>;    {11-2l}: tan phi = 2 (c/a) / l, about <10-10>.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray
from nakaya.crystallography.disorientation import SIGMA3, brandon_tolerance, deviation_angle, misorientation
from nakaya.crystallography.symmetry import LAUE_CLASSES, Symmetry

__all__ = ["TwinLaw", "is_twin", "twin_laws"]

CLOSE_PACKED = (1.5, 1.9)
"""c/a of the hexagonal close-packed metals: 1.57 (beryllium) to 1.89 (cadmium). Others twin otherwise."""
HEXAGONAL_TOLERANCE = float(np.radians(5.0))
"""Usual for the twins of hexagonal metals, which are no coincidence boundaries with a Brandon angle of their own."""


@dataclass(frozen=True)
class TwinLaw:
    """One kind of twin.

    Attributes:
        name: As the field calls it ("{10-12}").
        misorientation: Between twin and parent, one of its equivalents; x along a, z along c.
        tolerance: Greatest rotation between a boundary and the ideal twin, rad.
        symmetry: Laue class of both crystals.
    """

    name: str
    misorientation: Rotation = field(repr=False)
    tolerance: float
    symmetry: Symmetry


_SIGMA3 = TwinLaw("Sigma 3: 60 degrees about <111>", SIGMA3, brandon_tolerance(3), LAUE_CLASSES["m-3m"])


def twin_laws(symmetry: Symmetry, lattice: Sequence[float] = ()) -> tuple[TwinLaw, ...]:
    """Return the twin laws of a crystal; none where what is known does not tell them.

    Cubic: Sigma 3. Hexagonal 6/mmm with the c/a of close-packed metals: {10-12} (extension), {10-11} (contraction),
    {11-21} and {11-22}. Other systems twin by laws of their minerals, which neither system nor cell tells: none.

    Args:
        symmetry: Laue class.
        lattice: a, b, c (any unit), and angles, as the file gives them.
    """
    if symmetry.system == "cubic":
        return (_SIGMA3,)
    if symmetry.name != "6/mmm" or len(lattice) < 3 or not lattice[0] > 0:
        return ()
    ratio = lattice[2] / lattice[0]
    if not CLOSE_PACKED[0] <= ratio <= CLOSE_PACKED[1]:
        return ()
    along_a, across_a = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])  # <11-20> and <10-10>
    planes = (
        ("{10-12}", ratio / np.sqrt(3), along_a),
        ("{10-11}", 2 * ratio / np.sqrt(3), along_a),
        ("{11-21}", 2 * ratio, across_a),
        ("{11-22}", ratio, across_a),
    )
    return tuple(
        TwinLaw(name, Rotation.from_rotvec(2 * np.arctan(slope) * axis), HEXAGONAL_TOLERANCE, symmetry)
        for name, slope, axis in planes
    )


def is_twin(first: Rotation, second: Rotation, law: TwinLaw) -> BoolArray:
    """Whether crystals are twins of this law.

    The whole rotation that is left between the boundary and the ideal twin is compared with the tolerance, so that the
    deviations of axis and angle count together.

    Args:
        first: Orientations, [n].
        second: Orientations, [n].
        law: The law.

    Returns:
        bool [n].
    """
    deviation = deviation_angle(misorientation(first, second), law.misorientation, law.symmetry)
    return np.asarray(deviation <= law.tolerance, np.bool_)
