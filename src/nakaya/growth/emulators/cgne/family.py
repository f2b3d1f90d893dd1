"""The family "cgne" of stepwise emulators."""

from __future__ import annotations

from nakaya.growth.emulators.cgne.config import CgneConfig
from nakaya.growth.emulators.cgne.model import Cgne
from nakaya.growth.emulators.cgne.package import CgnePackage
from nakaya.growth.emulators.stepwise.family import StepFamily

__all__ = ["CGNE"]

CGNE = StepFamily(CgnePackage, CgneConfig, Cgne)
