"""Where what the demonstration shows was published, and sentences that more than one chapter needs."""

from __future__ import annotations

from typing import Final

__all__ = ["DENDRITIC_GRAINS", "EMULATOR_PAPER", "ONE_IN_TEN", "PHASE_FIELD", "SNOW_CRYSTALS"]

SNOW_CRYSTALS: Final = "https://doi.org/10.1016/j.physd.2007.09.008"
PHASE_FIELD: Final = "https://doi.org/10.1103/PhysRevE.57.4323"
DENDRITIC_GRAINS: Final = "https://doi.org/10.1016/S1359-6454(96)00303-5"
EMULATOR_PAPER: Final = "https://arxiv.org/abs/2405.16608"

ONE_IN_TEN: Final = (
    "A 90 % interval is meant to miss once in ten times: one that never missed would be too wide to be of use, and one "
    "that missed more often would promise too much. A point outside is no mistake as long as it is one in ten."
)
