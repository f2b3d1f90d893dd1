"""Repairs of proposed times, the family end to end on small snow crystals, and the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("safetensors", reason='emulators need the extra "ml"')

import nakaya
from nakaya.core.errors import FormatError, ParameterError
from nakaya.growth.emulators.arrival.emulator import ArrivalEmulator, load_emulator
from nakaya.growth.emulators.arrival.flooding import make_ground, repair
from nakaya.growth.emulators.arrival.maps import SHARES, thin_sites
from nakaya.growth.lattice.history import disconnected_share
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.testing.emulator_contract import EmulatorContract
from nakaya.workflows.train_emulator import read_request, train

SIZE, LINE = 24, 19
SWEEP = f"""
members = 1
seed = 3
[lattice]
size = {SIZE}
[points]
method = "sobol"
count = 32
[points.vary]
rho = {{ low = 0.5, high = 0.6 }}
sigma = {{ low = 1e-3, high = 1e-2, scale = "log" }}
"""
TRAINING = """
model = "arrival"
name = "small"
conditions = ["rho", "sigma"]
[crystals]
sweep = "sweep.toml"
validation_points = 8
[settings]
mean = "{mean}"
modes = 4
neighbours = 4
updates = 20
bank_modes = {bank_modes}
[settings.search]
neighbours = [2]
is_scaled = []
modes = []
slope = []
"""


def trained(folder: Path, mean: str = "cubic", bank_modes: int = 0) -> Path:
    (folder / "sweep.toml").write_text(SWEEP)
    (folder / "train.toml").write_text(TRAINING.format(mean=mean, bank_modes=bank_modes))
    return train(folder / "train.toml", folder / "run").model


def proposal(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SIZE, SIZE))
    plain = np.hypot(rows, columns) / LINE
    return (plain + rng.normal(scale=0.3, size=plain.shape)).astype(np.float32).reshape(-1)


@pytest.mark.parametrize("seed", range(5))
def test_repaired_crystals_are_connected_at_every_moment_and_as_large_as_asked(seed: int) -> None:
    rows, columns = np.indices((SIZE, SIZE))
    places = np.flatnonzero(((rows <= LINE) & (columns <= LINE)).reshape(-1))
    ground = make_ground((SIZE, SIZE), places, np.array([0]), SQUARE.neighbours, LINE)
    moments = SHARES**0.5
    out = np.full((SIZE, SIZE), -1, np.int32)
    repair(proposal(seed)[places], ground, area=150, shares=SHARES, moments=moments, duration=1000, out=out)
    attached = out >= 0
    # The levels of neighbours at the outline are many to a site where floods have made plateaus of them.
    assert attached.sum() == pytest.approx(150, rel=0.1)
    assert out.max() == 1000
    on_line = out[(rows == LINE) | (columns == LINE)]
    assert set(np.unique(on_line)) == {-1, 1000}
    for step in (1, 100, 300, 600, 900, 999, 1000):
        grown = np.where(out <= step, out, -1)
        assert disconnected_share(grown[None], lattice=SQUARE)[0] == 0


def test_what_could_have_grown_keeps_its_shape() -> None:
    rows, columns = np.indices((SIZE, SIZE))
    places = np.flatnonzero(((rows <= LINE) & (columns <= LINE)).reshape(-1))
    ground = make_ground((SIZE, SIZE), places, np.array([0]), SQUARE.neighbours, LINE)
    tau = (np.maximum(rows, columns) / LINE + 0.2 * np.minimum(rows, columns)).astype(np.float32).reshape(-1)[places]
    out = np.full((SIZE, SIZE), -1, np.int32)
    repair(tau, ground, area=0, shares=np.empty(0), moments=np.empty(0), duration=1000, out=out)
    expected = np.full((SIZE, SIZE), -1)
    expected.reshape(-1)[places] = np.where(tau <= 1 + 1e-6, np.ceil(tau * 1000), -1)
    assert ((out >= 0) == (expected >= 0)).all()
    assert np.abs(out - expected)[out >= 0].max() <= 2  # levels are rounded down, times up


def test_sites_are_thinned_along_every_axis() -> None:
    whole = np.arange(2 * 8 * 8).reshape(2, 8, 8).astype(np.int32)
    assert (thin_sites(whole[:, None], 2)[:, 0] == whole[:, ::2, ::2]).all()


class TestCubicBank(EmulatorContract):
    folder: ClassVar[Path]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _trained(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.folder = trained(tmp_path_factory.mktemp("cubic"))

    def make_grower(self) -> Grower:
        return load_emulator(self.folder)

    def make_points(self) -> list[Conditions]:
        return [GravnerGriffeath(rho=0.52, sigma=2e-3), GravnerGriffeath(rho=0.58, sigma=5e-3)]

    def make_setup(self) -> GrowthSetup:
        return MODEL.setup("sector", SIZE)

    def test_its_crystals_are_about_as_large_as_the_solvers(self) -> None:
        """Where conditions vary little, so do area and duration, and the emulator must have learned them."""
        points = self.make_points()
        solver = nakaya.grow(points, size=SIZE, members=8, seed=1)
        emulated = self.make_grower().grow(points, self.make_setup(), members=range(8), seed=1)
        for measure in (lambda crystals: crystals.steps.mean(), lambda crystals: (crystals.arrival >= 0).mean()):
            assert measure(emulated) == pytest.approx(measure(solver), rel=0.1)

    def test_other_requests_are_refused(self) -> None:
        grower, setup = self.make_grower(), self.make_setup()
        assert isinstance(grower, ArrivalEmulator)
        for point, message in (
            (GravnerGriffeath(rho=0.7, sigma=2e-3), "trained for rho from 0.5 to 0.6"),
            (GravnerGriffeath(rho=0.55, sigma=2e-3, mu=0.01), "trained at mu=0.048 alone"),
        ):
            with pytest.raises(ParameterError, match=message):
                grower.grow([point], setup, members=range(1), seed=1)
        with pytest.raises(ParameterError, match="size=24"):
            grower.grow(self.make_points(), MODEL.setup("sector", 32), members=range(1), seed=1)

    def test_altered_weights_are_refused(self, tmp_path: Path) -> None:
        for name in ("config.json", "weights.safetensors"):
            content = (self.folder / name).read_bytes()
            (tmp_path / name).write_bytes(content[:-1] + b"\x00" if name.startswith("weights") else content)
        with pytest.raises(FormatError, match="is not the file that config.json names"):
            load_emulator(tmp_path)


def test_a_bank_in_all_modes_grows_what_the_raw_bank_grows(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "modes").mkdir()
    setup, points = MODEL.setup("sector", SIZE), [GravnerGriffeath(rho=0.55, sigma=3e-3)]
    raw, modes = (
        load_emulator(trained(tmp_path / name, bank_modes=count)).grow(points, setup, members=range(8), seed=1)
        for name, count in (("raw", 0), ("modes", 24))
    )
    differ = ((raw.arrival >= 0) != (modes.arrival >= 0)).mean()
    assert differ < 0.01  # float16 twice over
    assert (raw.steps == modes.steps).all()


def test_a_perceptron_is_trained_and_read_without_its_training_library(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason='networks need the extra "ml"')
    emulator = load_emulator(trained(tmp_path, mean="perceptron"))
    assert read_request(tmp_path / "train.toml").updates == emulator.facts.training["updates"] == 20
    assert emulator.facts.parameters["mean"] > 0
