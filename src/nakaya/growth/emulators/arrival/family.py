"""The family for `nakaya train` and `nakaya evaluate`. Importing it loads neither torch nor the kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nakaya.growth.emulators.arrival.config import ArrivalSettings
from nakaya.growth.emulators.family import EmulatorFamily, Figures
from nakaya.growth.emulators.protocol import Emulator

__all__ = ["FAMILY"]


def _fit(request: Any, store: Any, folder: Path, report: Any) -> Figures:
    from nakaya.growth.emulators.arrival.fitting import fit_emulator

    return fit_emulator(request, store, folder, report)


def _load(folder: Path) -> Emulator:
    from nakaya.growth.emulators.arrival.emulator import load_emulator

    return load_emulator(folder)


FAMILY = EmulatorFamily("arrival", ArrivalSettings, _fit, _load, needs=("safetensors",))
"""One-pass emulators of attachment-time maps; of its means, the perceptron alone needs torch, for training."""
