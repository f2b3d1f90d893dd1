"""The CGNE as a grower: the contract, what it refuses, its folder."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import FormatError, InputFileError, MissingExtraError, ParameterError  # noqa: E402
from nakaya.growth.emulators.cgne import shipped  # noqa: E402
from nakaya.growth.emulators.cgne.family import CGNE  # noqa: E402
from nakaya.growth.emulators.cgne.package import CgnePackage  # noqa: E402
from nakaya.growth.emulators.protocol import Emulator, ExtrapolationWarning  # noqa: E402
from nakaya.growth.emulators.stepwise.config import TrainedFor  # noqa: E402
from nakaya.growth.emulators.stepwise.emulator import StepEmulator  # noqa: E402
from nakaya.growth.emulators.stepwise.fitting import write_package  # noqa: E402
from nakaya.growth.emulators.stepwise.package import CONFIG_FILE, WEIGHTS_FILE  # noqa: E402
from nakaya.growth.lattice.geometry import make_setup  # noqa: E402
from nakaya.growth.model.grower import Grower  # noqa: E402
from nakaya.growth.model.setup import StopRules  # noqa: E402
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath  # noqa: E402
from nakaya.workflows.train_emulator import load_emulator as load_any  # noqa: E402

SETUP = make_setup("sector", 32, stop=StopRules(max_steps=16 * 10))
POINTS = [GravnerGriffeath(rho=rho) for rho in (0.36, 0.5, 0.63)]
FIXED = {name: value for name, value in GravnerGriffeath(rho=0.5).parameters().items() if name != "rho"}
TRAINED_FOR = TrainedFor(32, 5, {"rho": 0.35}, {"rho": 0.64}, FIXED)
TRAINING = {
    "campaign": None,
    "crystals": {"training": 4, "validation": 2},
    "updates": 3,
    "schedule": {"batch": 2},
    "loop": {"learning_rate": 1e-3, "seed": 0},
    "validation": {"iou": 0.5, "area_error": 0.1, "steps_error": 0.1},
    "cost": {"seconds": 1.0, "cpu_seconds": 1.0, "threads": 1},
}


@pytest.fixture
def folder(tiny_network: Any, tmp_path: Path) -> Path:
    with torch.no_grad():
        tiny_network.decoder.head.weight.mul_(6.0)
        tiny_network.decoder.head.bias.fill_(-1.0)
    path = tmp_path / "model"
    path.mkdir()
    write_package(
        path,
        tiny_network,
        CgnePackage,
        name="tiny",
        family="gravner-griffeath",
        solver="gravner-griffeath",
        trained_for=TRAINED_FOR,
        training=TRAINING,
    )
    return path


@pytest.fixture
def emulator(folder: Path) -> StepEmulator:
    return CGNE.load(folder)


def test_it_is_an_emulator_and_a_grower(emulator: StepEmulator) -> None:
    assert isinstance(emulator, Grower)
    assert isinstance(emulator, Emulator)
    assert emulator.facts.time_resolution == 16


def test_the_written_folder_grows_what_the_network_grows(emulator: StepEmulator, tiny_network: Any) -> None:
    direct = StepEmulator(emulator.package, tiny_network).grow(POINTS, SETUP, members=range(2), seed=1)
    loaded = emulator.grow(POINTS, SETUP, members=range(2), seed=1)
    np.testing.assert_array_equal(loaded.arrival, direct.arrival)


def test_same_seed_same_crystals_whatever_is_grown_beside(emulator: StepEmulator) -> None:
    whole = emulator.grow(POINTS, SETUP, members=range(30), seed=3)
    assert len({crystal.tobytes() for crystal in whole.arrival.reshape(-1, 32, 32)}) > 30
    reverse = emulator.grow(POINTS[::-1], SETUP, members=range(30), seed=3, workers=3)
    np.testing.assert_array_equal(reverse.arrival[::-1], whole.arrival)
    np.testing.assert_array_equal(reverse.steps[::-1], whole.steps)
    some = emulator.grow(POINTS[1:2], SETUP, members=range(17, 19), seed=3)
    np.testing.assert_array_equal(some.arrival[0], whole.arrival[1, 17:19])
    other = emulator.grow(POINTS[1:2], SETUP, members=range(17, 19), seed=4)
    assert not np.array_equal(some.arrival, other.arrival)


def test_torch_s_number_of_threads_does_not_matter_and_is_put_back(emulator: StepEmulator) -> None:
    one = emulator.grow(POINTS, SETUP, members=range(4), seed=3)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = emulator.grow(POINTS, SETUP, members=range(4), seed=3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one.arrival, two.arrival)


def test_the_trajectory_says_what_it_is(emulator: StepEmulator) -> None:
    told: list[int] = []
    crystals = emulator.grow(POINTS, SETUP, members=range(2), seed=3, progress=told.append)
    assert sum(told) == 6
    assert crystals.metadata.time_resolution == 16
    assert crystals.metadata.model_hash == emulator.package.weights_sha256
    assert crystals.arrival.shape == (3, 2, 32, 32)
    assert (crystals.arrival[crystals.arrival >= 0] % 16 == 0).all()
    np.testing.assert_array_equal(crystals.parameters["rho"], [0.36, 0.5, 0.63])


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        (make_setup("sector", 16), "size=16 cannot be emulated: tiny was trained for geometry='sector', size=32"),
        (make_setup("full", 32), "geometry='full'"),
        (make_setup("sector", 32, stop=StopRules(margin=6)), "margin=6 cannot"),
        (make_setup("sector", 32, stop=StopRules(margin=None)), "margin=None cannot"),
        (make_setup("sector", 32, initial=[(0, 0), (3, 3)]), "starts from"),
    ],
)
def test_other_lattices_are_refused(emulator: StepEmulator, setup: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        emulator.grow(POINTS[:1], setup, members=range(1), seed=0)


def test_other_fixed_parameters_are_refused(emulator: StepEmulator) -> None:
    with pytest.raises(ParameterError, match="sigma=0.01 cannot be emulated: tiny was trained at sigma=5e-05 alone"):
        emulator.grow([GravnerGriffeath(rho=0.5, sigma=0.01)], SETUP, members=range(1), seed=0)


def test_a_condition_a_little_outside_warns_and_one_far_outside_is_refused(emulator: StepEmulator) -> None:
    with pytest.warns(ExtrapolationWarning, match="rho=0.65"):
        emulator.grow([GravnerGriffeath(rho=0.65)], SETUP, members=range(1), seed=0)
    with pytest.raises(ParameterError, match="trained for rho from 0.35 to 0.64"):
        emulator.grow([GravnerGriffeath(rho=0.7)], SETUP, members=range(1), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        emulator.grow([GravnerGriffeath(rho=0.64)], SETUP, members=range(1), seed=0)


def test_operations_are_those_of_the_convolutions(emulator: StepEmulator) -> None:
    """Proportional to the steps; more than the two full-resolution convolutions of the last block alone."""
    one, two = emulator.operations_per_crystal(160.0), emulator.operations_per_crystal(320.0)
    assert two == pytest.approx(2.0 * one)
    assert one > 10 * 2 * 9 * (20 * 8 + 8 * 8) * 16 * 16


def test_only_what_growing_needs_is_written(folder: Path) -> None:
    from nakaya.learn.checkpoints import parse_weights

    names = {name.partition(".")[0] for name in parse_weights((folder / WEIGHTS_FILE).read_bytes())}
    assert names == {"prior", "decoder"}
    document = json.loads((folder / CONFIG_FILE).read_text())
    assert document["parameters"]["posterior"] > 0
    assert "trainable values" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{", "does not describe a CGNE"),
        (lambda text: "[]", "does not describe a CGNE"),
        (lambda text: text.replace('"stride": 16', f'"stride": {"1" * 401}'), "an integer of 401 digits"),
        (lambda text: text.replace('"stride": 16', '"stride": [16]'), r"network\.stride = \[16\]"),
        (lambda text: text.replace('"groups": 4', '"groups": "4"'), r"network\.groups = '4'"),
        (
            lambda text: re.sub(r'"condition_mean": \{[^}]*\}', '"condition_mean": false', text),
            "condition_mean = False",
        ),
        (lambda text: re.sub(r'"condition_scale": \{[^}]*\}', '"condition_scale": {}', text), "the same parameters"),
        (lambda text: text.replace('"condition_octaves": ', '"condition_octaves": -'), "condition_octaves=-"),
        (lambda text: text.replace('"validation": {', '"validation": {"x": "False", '), r"validation\.x = 'False'"),
        (lambda text: text.replace('"kind": "cgne"', r'"kind": "\ud800"'), "half a character"),
        (lambda text: text.replace('"kind": "cgne"', '"kind": "other"'), "not a CGNE of format 1"),
        (lambda text: text.replace('"stride": 16', '"stride": -1'), "stride=-1"),
        (lambda text: text.replace('"threshold"', '"treshold"'), "treshold"),
        (lambda text: text.replace('"latent_channels": 4', '"latent_channels": 6'), "do not fit"),
    ],
)
def test_a_damaged_description_is_refused(folder: Path, change: Any, message: str) -> None:
    path = folder / CONFIG_FILE
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError, match=message):
        CGNE.load(folder)


@pytest.mark.parametrize("text", ["null", "[]", "3", '{"kind": null}', '{"kind": ["cgne"]}'])
def test_a_folder_of_no_family_is_refused(folder: Path, text: str) -> None:
    (folder / CONFIG_FILE).write_text(text)
    with pytest.raises(FormatError, match="names no family of emulators"):
        load_any(folder)


def test_other_weights_and_missing_files_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / WEIGHTS_FILE
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(FormatError, match="is not the file that config.json names"):
        CGNE.load(folder)
    weights.unlink()
    with pytest.raises(InputFileError, match="no such file"):
        CGNE.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(InputFileError):
        CGNE.load(folder)


def test_without_torch_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'neural emulators.*pip install "nakaya\[ml\]"'):
        shipped.load_shipped("cgne-small-rho")


def test_a_range_without_its_other_end_is_refused() -> None:
    with pytest.raises(ParameterError, match="must name the same parameters"):
        replace(TRAINED_FOR, high={"mu": 1.0})
