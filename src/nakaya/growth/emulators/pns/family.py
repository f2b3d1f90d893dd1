"""The family "pns" of stepwise emulators."""

from __future__ import annotations

from nakaya.growth.emulators.pns.config import PnsConfig
from nakaya.growth.emulators.pns.model import Pns
from nakaya.growth.emulators.pns.package import PnsPackage
from nakaya.growth.emulators.stepwise.family import StepFamily

__all__ = ["PNS"]

PNS = StepFamily(PnsPackage, PnsConfig, Pns)
