from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nakaya
from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ConfigError, NakayaError, OutputError, OutputExistsError, ParameterError
from nakaya.core.folders import new_folder
from nakaya.core.locks import lock_output
from nakaya.growth.campaigns.campaigning import CampaignProgress, run_campaign
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.campaigns.repairing import repair_campaign
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.catalogue import MODELS
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import StopRules
from nakaya.growth.store.verification import verify_store

Contents = Callable[[Path], dict[str, bytes]]
NUM_SHARDS = 5


def test_a_campaign_grows_every_member_of_every_point_once(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    told: list[CampaignProgress] = []
    report = run_campaign(sweep, tmp_path / "c.zarr", progress=told.append)
    assert (report.points, report.members, report.shards, report.computed_crystals) == (10, 5, NUM_SHARDS, 50)
    stored = nakaya.open(tmp_path / "c.zarr")
    assert sorted(toy.grown) == sorted((rho, m) for rho in stored.parameters["rho"].tolist() for m in range(5))
    assert stored.metadata.seed == 7
    assert stored.metadata.geometry == sweep.setup.as_metadata()
    assert [(state.shards, state.crystals) for state in told] == [(n, 10 * n) for n in range(NUM_SHARDS + 1)]
    assert told[-1].num_crystals == 50
    assert verify_store(tmp_path / "c.zarr").is_complete
    assert verify_store(tmp_path / "c.zarr").is_sound


def test_the_crystals_are_those_of_grow(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    """Cut into shards any way, a campaign holds what one call of the grower gives."""
    from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

    for per_shard in (1, 3, 7, 1000):
        run_campaign(replace(sweep, crystals_per_shard=per_shard), tmp_path / f"{per_shard}.zarr")
        stored = nakaya.open(tmp_path / f"{per_shard}.zarr")
        points = [GravnerGriffeath(rho=rho) for rho in stored.parameters["rho"]]
        whole = toy.grow(points, sweep.setup, members=range(5), seed=7)
        assert np.array_equal(stored.load().arrival, whole.arrival)


@pytest.mark.parametrize("stop_before", range(NUM_SHARDS))
def test_a_campaign_that_was_stopped_goes_on_to_the_same_bytes(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, stop_before: int
) -> None:
    run_campaign(sweep, tmp_path / "undisturbed.zarr")
    toy.grown.clear()

    def stop(number: int) -> None:
        if number == 10 * stop_before:
            raise KeyboardInterrupt

    toy.before_each = stop
    with pytest.raises(KeyboardInterrupt):
        run_campaign(sweep, tmp_path / "c.zarr")
    toy.before_each = lambda number: None
    assert len(toy.grown) == 10 * stop_before
    report = run_campaign(sweep, tmp_path / "c.zarr")
    assert report.computed_shards == NUM_SHARDS - stop_before
    assert len(toy.grown) == 50
    assert contents(tmp_path / "c.zarr") == contents(tmp_path / "undisturbed.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "c.zarr",
        "c.zarr.log",
        "undisturbed.zarr",
        "undisturbed.zarr.log",
    ]


def test_a_campaign_whose_points_differ_in_the_last_bits_goes_on_with_those_that_are_stored(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = CampaignConfig.sample

    def sample_of_another_processor(config: CampaignConfig, family: type[Conditions]) -> dict[str, FloatArray]:
        points = now(config, family)
        return points | {"rho": np.nextafter(points["rho"], 1.0)}

    def stop(number: int) -> None:
        if number == 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(CampaignConfig, "sample", sample_of_another_processor)
        run_campaign(sweep, tmp_path / "undisturbed.zarr")
        toy.grown.clear()
        toy.before_each = stop
        with pytest.raises(KeyboardInterrupt):
            run_campaign(sweep, tmp_path / "c.zarr")
    toy.before_each = lambda number: None
    assert run_campaign(sweep, tmp_path / "c.zarr").computed_shards == NUM_SHARDS - 2
    assert contents(tmp_path / "c.zarr") == contents(tmp_path / "undisturbed.zarr")


def test_a_finished_campaign_is_left_alone(toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    before, times = contents(tmp_path / "c.zarr"), [p.stat().st_mtime_ns for p in (tmp_path / "c.zarr").rglob("*")]
    report = run_campaign(sweep, tmp_path / "c.zarr")
    assert report.computed_shards == 0
    assert len(toy.grown) == 50
    assert contents(tmp_path / "c.zarr") == before
    assert [p.stat().st_mtime_ns for p in (tmp_path / "c.zarr").rglob("*")] == times


def test_a_store_under_way_says_what_there_is(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    def look(number: int) -> None:
        if number == 20:
            stored = nakaya.open(tmp_path / "c.zarr")
            assert stored.computed.sum() == 20
            assert stored.arrival[0].shape == (5, 12, 12)
            with pytest.raises(ParameterError, match="2 of 5 shards"):
                stored.load()
            raise KeyboardInterrupt

    toy.before_each = look
    with pytest.raises(KeyboardInterrupt):
        run_campaign(sweep, tmp_path / "c.zarr")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: replace(c, seed=8), "seed is 7 in the store, 8 now"),
        (lambda c: replace(c, members=6), "members is 5 in the store, 6 now"),
        (lambda c: replace(c, setup=make_setup("sector", 13)), "geometry.size is 12 in the store, 13 now"),
        (lambda c: replace(c, setup=make_setup("sector", 12, stop=StopRules(margin=4))), "geometry.stop.margin"),
        (lambda c: replace(c, points=PointsPlan("sobol", {"rho": Axis(0.4, 0.6)}, 10, 3)), "points.method"),
        (lambda c: replace(c, crystals_per_shard=5), "shard is"),
        (lambda c: replace(c, fixed={"mu": 0.1}), "points.fixed.mu"),
    ],
)
def test_another_campaign_is_refused(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, change: Callable[..., CampaignConfig], message: str
) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    before = contents(tmp_path / "c.zarr")
    with pytest.raises(ConfigError, match=message) as caught:
        run_campaign(change(sweep), tmp_path / "c.zarr")
    assert "\n" not in str(caught.value)
    assert contents(tmp_path / "c.zarr") == before
    run_campaign(change(sweep), tmp_path / "c.zarr", overwrite=True)
    assert verify_store(tmp_path / "c.zarr").is_complete


def test_a_model_that_changed_is_not_mixed_in(toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    (tmp_path / "c.zarr/records/2.0.json").unlink()
    before = contents(tmp_path / "c.zarr")
    toy.model_hash = "2"
    with pytest.raises(ConfigError, match="model_hash is 1 in the store, 2 now"):
        run_campaign(sweep, tmp_path / "c.zarr")
    assert contents(tmp_path / "c.zarr") == before


def test_what_is_no_store_of_a_campaign_is_not_touched(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("x")
    for name in ("file", "empty", "thesis"):
        with pytest.raises(OutputError, match="exists already"):
            run_campaign(sweep, tmp_path / name)
    with pytest.raises(OutputError, match="not deleted"):
        run_campaign(sweep, tmp_path / "thesis", overwrite=True)
    crystals = toy.grow([nakaya.GravnerGriffeath(rho=0.5)], sweep.setup, members=range(2), seed=1)
    toy.grown.clear()
    nakaya.save(crystals, tmp_path / "s")
    with pytest.raises(OutputError, match="not made by a campaign"):
        run_campaign(sweep, tmp_path / "s")
    assert toy.grown == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "s", "thesis"]


def test_two_campaigns_do_not_write_one_store(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    (tmp_path / "c.zarr").mkdir()
    with lock_output(tmp_path / "c.zarr"), pytest.raises(OutputError, match=f"written by process {os.getpid()} on"):
        run_campaign(sweep, tmp_path / "c.zarr", overwrite=True)
    assert toy.grown == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_another_command_is_making_of_the_same_name_stays(
    toy, sweep: CampaignConfig, tmp_path: Path, overwrite: bool
) -> None:
    """The campaign is faster: the other one keeps what it has until it hears so."""
    store = tmp_path / "c.zarr"

    def make() -> None:
        with new_folder(store, overwrite=False) as fresh:
            (fresh / "half").write_text("")
            run_campaign(sweep, store, overwrite=overwrite)
            assert (fresh / "half").exists()

    with pytest.raises(OutputExistsError, match="another process made it meanwhile"):
        make()
    assert verify_store(store).is_complete


def test_a_store_that_another_command_made_meanwhile_is_not_replaced(
    toy, sweep: CampaignConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "c.zarr"

    def faster(progress: CampaignProgress) -> None:
        store.mkdir()
        (store / "of another").write_text("")

    with pytest.raises(OutputExistsError, match="another process made it meanwhile"):
        run_campaign(sweep, store, progress=faster)
    assert [entry.name for entry in store.iterdir()] == ["of another"]


@pytest.mark.parametrize("after", [3, 24, 30, 31, 41])
def test_a_full_disk_keeps_the_finished_shards_and_nothing_else(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    run_campaign(sweep, tmp_path / "undisturbed.zarr")
    calls = [0]

    def fail(_: int) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(OutputError, match=r"no space left on device: free some space"):
            run_campaign(sweep, tmp_path / "c.zarr")
    assert not list(tmp_path.rglob("*.part*"))
    if (tmp_path / "c.zarr").exists():
        assert not verify_store(tmp_path / "c.zarr").damaged
    else:
        assert not (tmp_path / "c.zarr.log").exists()
    run_campaign(sweep, tmp_path / "c.zarr")
    assert contents(tmp_path / "c.zarr") == contents(tmp_path / "undisturbed.zarr")


@pytest.mark.parametrize("name", ["arrival/c.1.0.0.0", "steps/c.1.0", "stop_codes/c.1.0", "records/1.0.json"])
def test_a_torn_shard_is_computed_again(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents, name: str
) -> None:
    """A power cut may tear what a kill cannot; a length that is wrong is enough to be noticed."""
    run_campaign(sweep, tmp_path / "c.zarr")
    before = contents(tmp_path / "c.zarr")
    (tmp_path / "c.zarr" / name).write_bytes(before[name][:-3])
    assert run_campaign(sweep, tmp_path / "c.zarr").computed_shards == 1
    assert contents(tmp_path / "c.zarr") == before


def test_what_a_killed_writer_left_is_removed(toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    before = contents(tmp_path / "c.zarr")
    (tmp_path / "c.zarr/records/1.0.json").rename(tmp_path / "c.zarr/records/1.0.json.part")
    for name in ("arrival/c.1.0.0.0.part", "steps/c.0.0.part"):  # of a shard to be computed, and of a finished one
        (tmp_path / "c.zarr" / name).write_text("half")
    (tmp_path / ".c.zarr.x1.part").mkdir()
    run_campaign(sweep, tmp_path / "c.zarr")
    assert contents(tmp_path / "c.zarr") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.zarr", "c.zarr.log"]


def test_what_a_worker_left_that_was_killed_meanwhile_is_removed(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents
) -> None:
    """A cluster gives the shard of a worker that was killed to another; what the first one had begun is there still."""
    run_campaign(sweep, tmp_path / "undisturbed.zarr")

    def leave_a_part(progress: CampaignProgress) -> None:
        if progress.shards:
            (tmp_path / "c.zarr/arrival/.c.0.0.0.0.part").write_text("half")

    run_campaign(sweep, tmp_path / "c.zarr", progress=leave_a_part)
    assert contents(tmp_path / "c.zarr") == contents(tmp_path / "undisturbed.zarr")


def test_what_operating_systems_leave_does_not_hinder(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    store = tmp_path / "c.zarr"
    run_campaign(sweep, store)
    for name in (".DS_Store", "arrival/._c.0.0.0.0", "records/._0.0.json", "records/.nfs0001"):
        (store / name).write_text("")
    grown = len(toy.grown)
    assert run_campaign(sweep, store).computed_crystals == 0
    assert len(toy.grown) == grown
    assert repair_campaign(store).after.is_sound
    shutil.rmtree(store)
    store.mkdir()
    (store / ".DS_Store").write_text("")
    assert run_campaign(sweep, store, overwrite=True).computed_shards > 0


def test_no_time_no_host_no_process_stands_in_the_store(
    toy, sweep: CampaignConfig, tmp_path: Path, contents: Contents
) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    log = (tmp_path / "c.zarr.log").read_text()
    assert socket.gethostname() in log
    assert f"process {os.getpid()}" in log
    text = b"".join(content for name, content in contents(tmp_path / "c.zarr").items() if name.endswith(".json"))
    assert socket.gethostname().encode() + b'"' not in text
    assert b'"workers"' not in text


def test_grain_numbers_are_kept(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    toy.with_grain = True
    run_campaign(sweep, tmp_path / "c.zarr")
    stored = nakaya.open(tmp_path / "c.zarr")
    assert stored.grain is not None
    assert np.array_equal(stored.grain[3], stored.arrival[3] % 3)


def test_what_a_model_cannot_grow_is_its_own_error(toy, sweep: CampaignConfig, tmp_path: Path) -> None:
    def refuse(number: int) -> None:
        raise ParameterError("this is too cold for me")

    toy.before_each = refuse
    with pytest.raises(ParameterError, match="too cold"):
        run_campaign(sweep, tmp_path / "c.zarr")
    assert list(tmp_path.iterdir()) == []


SMALL = CampaignConfig(
    setup=make_setup("sector", 10, stop=StopRules(margin=3)),
    points=PointsPlan("sobol", {"rho": Axis(0.5, 0.64)}, 6, seed=3),
    members=2,
    model="gravner-griffeath-reference",
    seed=7,
    crystals_per_shard=2,
)


def test_processes_give_the_bytes_of_one_process(tmp_path: Path, contents: Contents) -> None:
    run_campaign(SMALL, tmp_path / "one.zarr")
    before = dict(os.environ)
    report = run_campaign(SMALL, tmp_path / "two.zarr", workers=2)
    assert report.computed_shards == 6
    assert contents(tmp_path / "one.zarr") == contents(tmp_path / "two.zarr")
    assert dict(os.environ) == before
    points = [nakaya.GravnerGriffeath(rho=rho) for rho in nakaya.open(tmp_path / "two.zarr").parameters["rho"]]
    whole = nakaya.grow(points, model=SMALL.model, size=10, members=2, seed=7, stop=StopRules(margin=3))
    assert np.array_equal(nakaya.open(tmp_path / "two.zarr").load().arrival, whole.arrival)


def test_an_error_in_a_worker_arrives_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nakaya.core.executors import Processes
    from nakaya.growth.campaigns.tasks import ShardPlan, grow_shards

    plan = ShardPlan(
        "no-such-model",
        nakaya.GravnerGriffeath,
        SMALL.setup,
        7,
        SMALL.layout(nakaya.GravnerGriffeath),
        SMALL.sample(nakaya.GravnerGriffeath),
    )
    tasks = [plan.task(index) for index in plan.layout.shards()]
    with pytest.raises(NakayaError, match="unknown model 'no-such-model'"):
        list(grow_shards(tasks, Processes(2)))


def test_going_on_does_not_sample_the_points_again(
    toy, sweep: CampaignConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million points take longer to sample than to read."""
    run_campaign(sweep, tmp_path / "c.zarr")
    (tmp_path / "c.zarr/records/2.0.json").unlink()

    def sample(*_: object) -> dict[str, FloatArray]:
        raise AssertionError

    monkeypatch.setattr(CampaignConfig, "sample", sample)
    assert run_campaign(sweep, tmp_path / "c.zarr").computed_shards == 1


def test_a_campaign_that_an_older_version_began_goes_on_to_the_same_bytes(
    tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    fixtures = Path(__file__).parents[2] / "fixtures"
    whole, store = fixtures / "schema-1-campaign.zarr", tmp_path / "c.zarr"
    shutil.copytree(whole, store)
    record = sorted((store / "records").glob("*.*.json"))[-1]
    record.unlink()
    outcome = run_campaign(fixtures / "schema-1-campaign.toml", store)
    assert outcome.computed_shards == 1
    assert contents(store) == contents(whole)
    assert nakaya.open(store).metadata.format_version == 1


def test_a_changed_model_asks_for_the_version_of_the_package_that_brings_it(
    toy, sweep: CampaignConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_campaign(sweep, tmp_path / "c.zarr")
    sorted((tmp_path / "c.zarr" / "records").glob("*.*.json"))[-1].unlink()
    toy.model_hash = "f" * 64
    for package, version in ((None, "nakaya 0.1.0"), ("crystals-of-others", "the version of crystals-of-others that")):
        monkeypatch.setattr(MODELS, "package_of", lambda name, package=package: package)
        with pytest.raises(ConfigError, match=f"toy has changed since .*: go on with {version}"):
            run_campaign(sweep, tmp_path / "c.zarr")
