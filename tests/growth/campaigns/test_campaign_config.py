from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from nakaya.core.errors import ConfigError, InputFileError, NakayaError
from nakaya.core.resumable import differences
from nakaya.growth.campaigns.config import read_campaign, sample_plain
from nakaya.growth.campaigns.training_campaign import TrainingCampaign
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

SWEEP = """
members = 4
seed = 7
[lattice]
size = 16
[points]
method = "sobol"
count = 20
[points.vary]
sigma = { low = 1e-5, high = 1e-2, scale = "log" }
rho = { low = 0.4, high = 0.64 }
[points.fixed]
mu = 0.05
[store]
crystals_per_shard = 10
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    return path


def test_a_sweep_file_says_what_to_grow(tmp_path: Path) -> None:
    config = read_campaign(write(tmp_path, SWEEP))
    assert (config.members, config.seed, config.setup.size, config.points.seed) == (4, 7, 16, 7)
    parameters = config.sample(GravnerGriffeath)
    assert list(parameters) == list(GravnerGriffeath.ranges)
    assert all(values.shape == (20,) for values in parameters.values())
    assert (parameters["mu"] == 0.05).all()
    assert (parameters["beta"] == 1.1).all()
    assert 0.4 <= parameters["rho"].min() < parameters["rho"].max() <= 0.64
    layout = config.layout(GravnerGriffeath)
    assert (layout.shard_points, layout.shard_members) == (2, 4)


def test_all_entries_are_understood(tmp_path: Path) -> None:
    config = read_campaign(
        write(
            tmp_path,
            """
            members = 2
            model = "gravner-griffeath-reference"
            [lattice]
            size = 20
            geometry = "full"
            edges = "periodic"
            initial = [[3, 4], [10, 10]]
            [stop]
            margin = "never"
            max_steps = 50
            no_growth = 30
            [points]
            method = "grid"
            [points.vary]
            rho = { values = [0.5, 0.4] }
            kappa = { low = 1e-3, high = 1e-1, scale = "log", count = 3 }
            """,
        )
    )
    assert config.setup.initial == ((3, 4), (10, 10))
    assert (config.setup.edges, config.setup.stop.margin, config.setup.stop.max_steps) == ("periodic", None, 50)
    assert config.points.num_points == 6
    assert config.sample(GravnerGriffeath)["rho"].tolist() == [0.5] * 3 + [0.4] * 3


def test_the_plain_form_gives_the_points_back_and_ignores_how_they_were_written(tmp_path: Path) -> None:
    config = read_campaign(write(tmp_path, SWEEP))
    plain = config.as_plain(GravnerGriffeath)
    stored = json.loads(json.dumps(plain))
    assert stored == plain
    again = sample_plain(stored, GravnerGriffeath, "store")
    for name, values in config.sample(GravnerGriffeath).items():
        assert np.array_equal(values, again[name])
    explicit = SWEEP.replace("mu = 0.05", "mu = 0.05\nbeta = 1.1").replace(
        "size = 16", 'size = 16\ngeometry = "sector"'
    )
    swapped = explicit.replace("rho = { low = 0.4, high = 0.64 }\n", "").replace(
        "[points.vary]", "[points.vary]\nrho = { low = 0.4, high = 0.64 }"
    )
    other = read_campaign(write(tmp_path, swapped))
    assert differences(plain, other.as_plain(GravnerGriffeath)) == []
    assert np.array_equal(other.sample(GravnerGriffeath)["rho"], config.sample(GravnerGriffeath)["rho"])


def test_a_training_has_the_points_of_its_campaign_in_whatever_order_the_axes_were_written(tmp_path: Path) -> None:
    config = read_campaign(write(tmp_path, SWEEP))  # sigma before rho, which the model states the other way round
    training = {"campaign": config.as_plain(GravnerGriffeath), "validation_points": 4, "split_seed": 1}
    emulator: Any = SimpleNamespace(name="toy", facts=SimpleNamespace(training=training))
    points, _, held_out = TrainingCampaign.of(emulator).training_points()
    assert len(held_out) == 4
    for name, values in config.sample(GravnerGriffeath).items():
        assert [getattr(cast(GravnerGriffeath, point), name) for point in points] == values.tolist()


def test_what_does_not_fit_the_model_or_the_method_names_the_file(tmp_path: Path) -> None:
    for wrong, right in (("rho = { low = 0.4", "rho = { low = -0.4"), ("mu = 0.05", "mu = 5"), ("mu =", "nu =")):
        with pytest.raises(ConfigError, match="sweep.toml: "):
            read_campaign(write(tmp_path, SWEEP.replace(wrong, right)))
    grid = (
        SWEEP.replace('"sobol"', '"grid"')
        .replace('scale = "log" }', "count = 3 }")
        .replace("0.64 }", "0.64, count=2 }")
    )
    with pytest.raises(ConfigError, match=r"sweep\.toml: a grid has no count"):
        read_campaign(write(tmp_path, grid))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count = 20", "count = 21", "points.count is 20 in the store, 21 now"),
        ("seed = 7", "seed = 8", "seed is 7 in the store, 8 now"),
        ("mu = 0.05", "mu = 0.06", "points.fixed.mu is 0.05 in the store, 0.06 now"),
        ("high = 0.64", "high = 0.63", "points.vary.rho.high is 0.64 in the store, 0.63 now"),
        ("size = 16", "size = 17", "geometry.size is 16 in the store, 17 now"),
        ("crystals_per_shard = 10", "crystals_per_shard = 3", "shard is [2, 4] in the store, [1, 3] now"),
    ],
)
def test_differences_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    before = read_campaign(write(tmp_path, SWEEP)).as_plain(GravnerGriffeath)
    after = read_campaign(write(tmp_path, SWEEP.replace(old, new, 1))).as_plain(GravnerGriffeath)
    assert said in differences(before, after, "in the store")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("members = 4", "member = 4", r"unknown key 'member': did you mean 'members'\?"),
        ("size = 16", "sise = 16", r"unknown key 'lattice.sise': did you mean 'size'\?"),
        ("high = 0.64", "hihg = 0.64", r"unknown key 'points.vary.rho.hihg': did you mean 'high'\?"),
        ("[store]", "[stroe]", r"unknown key 'stroe': did you mean 'store'\?"),
        ("rho = {", "roh = {", "unknown parameter 'roh': did you mean 'rho'"),
        ("mu = 0.05", "my = 0.05", "unknown parameter 'my': did you mean 'mu'"),
        ("mu = 0.05", "mu = 1.5", r"mu=1.5 is outside \[0, 1\]"),
        ("mu = 0.05", "mu = nan", "points.fixed.mu"),
        ("mu = 0.05", "rho = 0.5", "rho is fixed and varied"),
        ("mu = 0.05", 'mu = "much"', "points.fixed.mu = 'much'"),
        ("low = 0.4", "low = 0.0", r"rho=0 is outside \(0, 1\]"),
        ("low = 0.4", "low = 0.9", "points.vary.rho: low=0.9 is not below"),
        ("members = 4", "", "'members' is missing"),
        ("members = 4", "members = 0", "members=0"),
        ("members = 4", "members = 4.5", "members = 4.5"),
        ("members = 4", "members = true", "members = True"),
        ("count = 20", "", "count"),
        ("size = 16", "size = 4", "size=4"),
        ("size = 16", "size = 10000000", "size=10000000"),
        ('"sobol"', '"soboll"', "points.method = 'soboll'"),
        ('scale = "log"', 'scale = "cubic"', "scale"),
        ("crystals_per_shard = 10", "crystals_per_shard = 0", "crystals_per_shard=0"),
        ("size = 16", "size = 16\ninitial = [[1]]", "pair"),
        ("rho = { low = 0.4, high = 0.64 }", "", "rho has no default"),
        ("[lattice]", "[lattice", "not TOML"),
        ("members = 4", "members = 4\nmembers = 5", "not TOML"),
        ("count = 20", "count = 100000000", "count"),
    ],
)
def test_a_wrong_sweep_file_is_explained_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SWEEP
    with pytest.raises(NakayaError, match=message) as caught:
        read_campaign(write(tmp_path, SWEEP.replace(old, new, 1))).sample(GravnerGriffeath)
    assert "\n" not in str(caught.value)


def test_a_sweep_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no such file"):
        read_campaign(tmp_path / "nowhere.toml")
    with pytest.raises(InputFileError, match="directory"):
        read_campaign(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        read_campaign(tmp_path / "binary.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)
    with pytest.raises(ConfigError):
        read_campaign(tmp_path / "deep.toml")
