"""What the description of a trained PNS says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nakaya.growth.emulators.pns.config import PnsConfig
from nakaya.growth.emulators.stepwise.package import StepPackage

__all__ = ["PnsPackage"]


@dataclass(frozen=True)
class PnsPackage(StepPackage):
    """What config.json of a PNS says; see `StepPackage`."""

    kind: ClassVar[str] = "pns"
    noun: ClassVar[str] = "PNS"
    sentence: ClassVar[str] = "A probabilistic neural simulator (PNS, arXiv 2305.14286)"
    stream: ClassVar[str] = "pns latent"
    for_growing: ClassVar[tuple[str, ...]] = ("forward_model", "prior", "decoder")

    network: PnsConfig
