"""nakaya: how crystals grow, and how fast, with honest uncertainty.

    import nakaya
    crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.5), size=64, members=16, seed=7)

Importing this package loads neither torch nor numba.
"""

from __future__ import annotations

from nakaya.core.errors import NakayaError
from nakaya.core.provenance import package_version
from nakaya.growth.growing import grow
from nakaya.growth.lattice.geometry import Full, Sector
from nakaya.growth.model.setup import StopRules
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.store.storing import open, save

__version__ = package_version()

__all__ = [
    "Full",
    "GravnerGriffeath",
    "NakayaError",
    "Sector",
    "StopRules",
    "Trajectory",
    "grow",
    "open",
    "save",
]
