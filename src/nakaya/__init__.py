"""nakaya: how crystals grow, and how fast, with honest uncertainty.

    import nakaya
    crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.5), size=64, members=16, seed=7)
    velocity = nakaya.predict("Cu", [1000.0, 1100.0, 1200.0], "100").growth_velocity  # values, low, high in m/s

Importing this package loads neither torch nor numba; what stands below is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from nakaya.core.provenance import package_version

if TYPE_CHECKING:
    from nakaya.core.errors import NakayaError
    from nakaya.growth.emulators.crystal_dataset import CrystalDataset
    from nakaya.growth.growing import grow
    from nakaya.growth.lattice.geometry import Full, Sector
    from nakaya.growth.model.setup import StopRules
    from nakaya.growth.model.trajectory import Trajectory
    from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
    from nakaya.growth.store.store import open_store as open
    from nakaya.growth.store.writing import save
    from nakaya.kinetics.prediction.arrays import Predictions, predict
    from nakaya.kinetics.prediction.rates import NucleationConditions

__version__ = package_version()

__all__ = [
    "CrystalDataset",
    "Full",
    "GravnerGriffeath",
    "NakayaError",
    "NucleationConditions",
    "Predictions",
    "Sector",
    "StopRules",
    "Trajectory",
    "grow",
    "open",
    "predict",
    "save",
]

_PLACES: Final = {
    "CrystalDataset": "growth.emulators.crystal_dataset:CrystalDataset",
    "Full": "growth.lattice.geometry:Full",
    "GravnerGriffeath": "growth.solvers.gravner_griffeath.parameters:GravnerGriffeath",
    "NakayaError": "core.errors:NakayaError",
    "NucleationConditions": "kinetics.prediction.rates:NucleationConditions",
    "Predictions": "kinetics.prediction.arrays:Predictions",
    "Sector": "growth.lattice.geometry:Sector",
    "StopRules": "growth.model.setup:StopRules",
    "Trajectory": "growth.model.trajectory:Trajectory",
    "grow": "growth.growing:grow",
    "open": "growth.store.store:open_store",
    "predict": "kinetics.prediction.arrays:predict",
    "save": "growth.store.writing:save",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
