"""What the description of a trained CGNE says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nakaya.growth.emulators.cgne.config import CgneConfig
from nakaya.growth.emulators.stepwise.package import StepPackage

__all__ = ["CgnePackage"]


@dataclass(frozen=True)
class CgnePackage(StepPackage):
    """What config.json of a CGNE says; see `StepPackage`."""

    kind: ClassVar[str] = "cgne"
    noun: ClassVar[str] = "CGNE"
    sentence: ClassVar[str] = "A Crystal Growth Neural Emulator (CGNE, arXiv 2405.16608)"
    stream: ClassVar[str] = "cgne latent"
    for_growing: ClassVar[tuple[str, ...]] = ("prior", "decoder")

    network: CgneConfig
