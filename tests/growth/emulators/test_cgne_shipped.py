"""The trained CGNE that comes with nakaya: small, described, and better than chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.growth.catalogue import grower_names  # noqa: E402
from nakaya.growth.emulators.cgne.shipped import SHIPPED, WEIGHTS, load_shipped  # noqa: E402
from nakaya.growth.growing import grow  # noqa: E402
from nakaya.growth.lattice.geometry import make_setup  # noqa: E402
from nakaya.growth.model.grower import Grower  # noqa: E402
from nakaya.growth.model.parameters import Conditions  # noqa: E402
from nakaya.growth.model.setup import GrowthSetup, StopRules  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.testing.grower_contract import GrowerContract  # noqa: E402
from nakaya.workflows.train_emulator_config import read_training  # noqa: E402

MAX_SHIPPED_BYTES = 6_000_000


class TestShippedCgne(GrowerContract):
    def make_points(self) -> list[Conditions]:
        return [GravnerGriffeath(rho=0.45), GravnerGriffeath(rho=0.6)]

    def make_grower(self) -> Grower:
        return load_shipped("cgne-small-rho")

    def make_setup(self) -> GrowthSetup:
        return make_setup("sector", 64, stop=StopRules(max_steps=160))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_folders_are_small_and_free_of_code(name: str) -> None:
    files = {path.name: path.stat().st_size for path in (WEIGHTS / name).iterdir()}
    assert set(files) == {"README.md", "config.json", "weights.safetensors"}
    assert sum(files.values()) < MAX_SHIPPED_BYTES
    assert name in grower_names()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_model_card_states_what_the_description_says(name: str) -> None:
    from nakaya.growth.emulators.stepwise.card import model_card

    emulator = load_shipped(name)
    assert Path(WEIGHTS / name / "README.md").read_text(encoding="utf-8") == model_card(emulator.package)


def test_the_shipped_emulator_tells_fast_growth_from_slow() -> None:
    """It has learned something: durations within a quarter of the solver's, crystals that overlap with its crystals.

    A crystal of another rho overlaps with an IoU of about .3; the emulator's mean on held-out points is well above.
    """
    points = [GravnerGriffeath(rho=rho) for rho in (0.46, 0.52, 0.58)]
    theirs, ours = (
        grow(points, model=model, size=64, members=2, seed=1) for model in ("gravner-griffeath", "cgne-small-rho")
    )
    duration = ours.steps.mean(axis=1) / theirs.steps.mean(axis=1)
    assert (np.abs(duration - 1.0) < 0.25).all()
    assert (np.diff(ours.steps.mean(axis=1)) < 0).all()
    one, other = theirs.arrival >= 0, ours.arrival >= 0
    iou = (one & other).sum(axis=(2, 3)) / (one | other).sum(axis=(2, 3))
    assert iou.mean() > 0.4


def test_the_shipped_recipe_is_the_shipped_model_s() -> None:
    """examples/train-cgne.toml must say what the weights in the package were trained with."""
    root = Path(__file__).parents[3]
    recipe = read_training(root / "examples" / "train-cgne.toml")
    settings = recipe.as_plain()
    shipped = json.loads(
        (root / "src/nakaya/growth/emulators/cgne/weights" / recipe.name / "config.json").read_text(encoding="utf-8")
    )
    for part in ("schedule", "loop", "split_seed", "validation_points"):
        assert shipped["training"][part] == settings[part]
    for name, value in settings["network"].items():
        if not name.startswith("condition_") or name == "condition_octaves":
            assert shipped["network"][name] == value
    low, high = shipped["trained_for"]["low"]["rho"], shipped["trained_for"]["high"]["rho"]
    np.testing.assert_allclose([low, high], [0.35, 0.64])
