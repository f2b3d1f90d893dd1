"""An emulator of Eden growth that remembers the crystals which it has seen."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

from nakaya.growth.campaigns.training_campaign import split_training
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.controls.lookup import LookUpTable
from nakaya.growth.emulators.family import EmulatorFamily
from nakaya.growth.emulators.protocol import EmulatorFacts
from nakaya.growth.grower_model import setup_from_metadata
from nakaya.growth.store.store import open_store
from nakaya.growth.store.writing import save
from nakaya.learn.normalisation import Standardiser


@dataclass(frozen=True)
class Settings:
    neighbours: int = 2


class Memory:
    """The emulator."""

    def __init__(self, folder: Path) -> None:
        self.config = json.loads((folder / "config.json").read_text())
        self.name, self.family = self.config["name"], "eden"
        crystals = open_store(folder / "crystals.zarr").load()
        setup = setup_from_metadata(crystals.metadata.geometry, find_model("eden"))
        standardiser = Standardiser.fit(crystals.parameters, tuple(self.config["conditions"]))
        self.table = LookUpTable(crystals, standardiser, self.config["settings"]["neighbours"], setup)
        self.facts = EmulatorFacts("eden", 1, {"memory": int(crystals.arrival.size)}, self.config["training"])

    def grow(self, conditions, setup, *, members, seed, workers=1, progress=None):
        crystals = self.table.grow(conditions, setup, members=members, seed=seed, progress=progress)
        return replace(crystals, metadata=replace(crystals.metadata, model=self.name))

    def operations_per_crystal(self, steps: float) -> float:
        return 0.0


def fit(request, store, folder, report):
    started = time.perf_counter()
    parts = split_training(store.num_points, request.validation_points, request.split_seed)
    save(store.load(parts["training"]), folder / "model" / "crystals.zarr", overwrite=True)
    validation = {"points": float(len(parts["validation"]))}
    seconds = time.perf_counter() - started
    training = {
        "campaign": store.campaign,
        "validation_points": request.validation_points,
        "split_seed": request.split_seed,
        "updates": 0,
        "validation": validation,
        "cost": {"seconds": seconds, "cpu_seconds": seconds},
    }
    config = {**request.as_plain(), "kind": request.model, "training": training}
    (folder / "model" / "config.json").write_text(json.dumps(config))
    return {"updates": 0, "parameters": {}, "seconds": seconds, "cpu_seconds": seconds, "validation": validation}


FAMILY = EmulatorFamily("toy-memory", Settings, fit, Memory)
