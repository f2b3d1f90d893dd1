"""What `nakaya train` needs to know of posteriors: a training file with model = "posterior"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from nakaya.core.errors import ParameterError
from nakaya.growth.emulators.family import EmulatorFamily, Figures, TrainingRequest
from nakaya.growth.inference.config import PosteriorSettings
from nakaya.growth.store.store import StoredTrajectory

if TYPE_CHECKING:
    from nakaya.learn.loop import Report

__all__ = ["POSTERIOR"]


def _fit(request: TrainingRequest, store: StoredTrajectory, folder: Path, report: Report | None) -> Figures:
    from nakaya.growth.inference.fitting import fit_store

    return fit_store(request, store, folder, report)


def _refuse(folder: Path) -> NoReturn:
    raise ParameterError(f"{folder} is a posterior, which grows no crystals: ask it with `nakaya infer`")


POSTERIOR = EmulatorFamily(
    "posterior", PosteriorSettings, _fit, _refuse, needs=("torch", "safetensors", "zuko"), load_unfinished=_refuse
)
"""It is trained as emulators are, from the same files, and grows nothing."""
