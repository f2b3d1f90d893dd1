"""What the Gravner-Griffeath model says about itself."""

from __future__ import annotations

from dataclasses import replace

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import HEXAGONAL
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

__all__ = ["MODEL", "REFERENCE"]

MODEL = GrowerModel(
    name="gravner-griffeath",
    family=GravnerGriffeath,
    lattice=HEXAGONAL,
    grower="nakaya.growth.solvers.gravner_griffeath.cpu:FastSolver",
    rules="gravner-griffeath rules 1: flux form, axis-symmetric sums, float32, threefry2x32-20 bits",
    noun="Snow crystal",
    citation="gravner-griffeath",
)
"""At full speed, on one or more threads. Whoever changes a crystal changes `rules`, and with it the model hash."""

REFERENCE = replace(
    MODEL,
    name="gravner-griffeath-reference",
    grower=None,
    grow_member="nakaya.growth.solvers.gravner_griffeath.reference:grow_reference",
)
"""The published model in plain NumPy: slow, clear, the definition."""
