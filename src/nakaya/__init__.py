"""nakaya: how crystals grow, and how fast, with honest uncertainty.

    import nakaya
    crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.5), size=64, members=16, seed=7)

Importing this package loads neither torch nor numba.
"""

from __future__ import annotations

from nakaya.core.errors import NakayaError
from nakaya.core.growth import StopRules
from nakaya.core.provenance import package_version
from nakaya.core.trajectory import Trajectory
from nakaya.lattice.geometry import Full, Sector
from nakaya.pipelines.growing import grow
from nakaya.pipelines.storing import open, save
from nakaya.simulate.gravner_griffeath.parameters import GravnerGriffeath

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
