"""From a store of records to a trained model, and from there to predictions and explanations."""

from __future__ import annotations

import gzip
import json
import math
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nakaya.cli.app import run
from nakaya.core.errors import (
    ConfigError,
    FormatError,
    InputFileError,
    OutputError,
    ParameterError,
    UnknownNameError,
)
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.models.catalogue import model_names
from nakaya.kinetics.models.physics import critical_diameter
from nakaya.kinetics.prediction import predicting
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import (
    conditions_sample,
    predict_conditions,
    predict_records,
    predict_trajectory,
    sample_of,
)
from nakaya.kinetics.prediction.report import (
    CARD_FILE,
    Forecast,
    combine,
    length_warnings,
    rate_refusal,
    read_card,
)
from nakaya.kinetics.samples.sample import Sample
from nakaya.kinetics.training import training as training_kinetics
from nakaya.kinetics.training.training import is_kinetics, read_kinetics_training, train_kinetics
from nakaya.learn.loop import WeightAverage
from nakaya.md.patches import write_patches
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectory_records import TrajectoryOptions
from nakaya.records.record import Axis, Provenance, Quantity, Record, Snapshot
from nakaya.records.store import RecordStore
from nakaya.theory import characteristic_length, grains_per_volume
from nakaya.workflows.explain import ablations, draw_explanation, explain_sample, without_frame, without_node

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')
pytest.importorskip("vesin", reason='graphs need the extra "ml"')

MELTING, HEAT = 1327.0, 12_000.0
MIDDLES = 0.05
"""The median over draws of both, against the closed form of their middles."""
TRAINING = """
model = "kinetics"
name = "test"
records = "{records}"

[[part]]
target = "growth_velocity"
evidence = "A"
candidates = ["collision-limited", "mean"]

[[part]]
target = "growth_velocity"
evidence = "B"
candidates = ["msgnn", "mean"]
also = ["msgnn"]

[[part]]
target = "nucleation_rate"
evidence = "A"
candidates = ["nucleation-law", "msgnn", "mean"]
also = ["msgnn"]

[settings.msgnn]
updates = 6
members = 2
batch_size = 8
"""


POTENTIAL = {"Cu_best.eam": "a" * 64}


def made(seed: int = 0, **files: str) -> Provenance:
    """Of a run with the potential of the training, or with other files."""
    return Provenance("synthetic", files=files or {**POTENTIAL, "growth/in.lammps": "b" * 64}, seeds=(seed,))


def drive(temperature: float) -> float:
    return HEAT / 8.314 * (MELTING - temperature) / (MELTING * temperature)


def one(value: float, unit: str) -> Quantity:
    return Quantity(np.array(value), unit)


def slab(seed: int, time_ps: float) -> Frame:
    rng = np.random.default_rng(seed)
    positions, box = build_crystal("fcc", "100", 3.7, (4, 4, 16))
    positions = positions + rng.normal(0, 0.12, positions.shape)
    melt = positions[:, 2] > (0.35 + 0.004 * time_ps) * box[2]
    positions[melt] += rng.normal(0, 0.6, (int(melt.sum()), 3))
    return Frame(0, time_ps, positions, np.diag(box), np.full(len(positions), "Cu"), rng.normal(0, 4, positions.shape))


def growth(temperature: float, seed: int, orientation: str, patches: Path | None = None) -> Record:
    rng = np.random.default_rng([seed, round(temperature)])
    velocity = 400 * -math.expm1(-drive(temperature)) * (0.8 if orientation == "110" else 1.0) + rng.normal(0, 4)
    name = f"growth-Cu-{orientation}-{temperature:g}K-s{seed}"
    snapshots = ()
    if patches is not None:
        frames = [slab(seed + round(10 * time), time) for time in (0.0, 5.0, 10.0)]
        kept = [(time, frame, frame.positions[:, 2] < 20.0) for time, frame in zip((0, 5, 10), frames, strict=True)]
        digest = write_patches(patches / "patches" / f"{name}.npz", kept, count=200)
        snapshots = (Snapshot(f"patches/{name}.npz", digest, "interface-patches"),)
    series = 0.3 + velocity * 2e-4 * np.arange(11) + rng.normal(0, 0.002, 11)
    axis = Axis("time", "s", np.arange(11) * 1e-12)
    return Record(
        id=name, kind="md", material="Cu", orientation=orientation,
        conditions={"temperature": one(temperature, "K"), "driving_force": one(drive(temperature), "1")},
        quantities={"growth_velocity": Quantity(np.array(velocity), "m/s", uncertainty=np.array(4.0))},
        evidence={
            "solid_fraction": Quantity(series, "1", axis=axis),
            "solid_thickness": Quantity(5e-9 + 2 * velocity * axis.values, "m", axis=axis),
        },
        provenance=made(seed), snapshots=snapshots,
    )  # fmt: skip


def quench(temperature: float, seed: int) -> Record:
    waited = float(np.random.default_rng([seed, 5]).exponential(30e-12 if temperature < 630 else 90e-12)) + 5e-12
    return Record(
        id=f"nucleation-Cu-{temperature:g}K-s{seed}", kind="md", material="Cu",
        conditions={
            "temperature": one(temperature, "K"), "driving_force": one(drive(temperature), "1"),
            "volume": one(5e-26, "m^3"),
        },
        quantities={"waiting_time": one(waited, "s")}, provenance=made(seed),
    )  # fmt: skip


def bulk(temperature: float) -> Record:
    return Record(
        id=f"properties-Cu-{temperature:g}K-s0", kind="md", material="Cu",
        conditions={"temperature": one(temperature, "K"), "driving_force": one(drive(temperature), "1")},
        quantities={
            "latent_heat": one(HEAT, "J/mol"), "lattice_parameter": one(3.6e-10 + 8e-15 * temperature, "m"),
            "diffusivity": one(1e-7 * math.exp(-4000 / temperature), "m^2/s"),
            "melting_temperature": Quantity(np.array(MELTING), "K", uncertainty=np.array(5.0)),
        },
        provenance=made(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    records = RecordStore(folder, create=True)
    for temperature in (610.0, 650.0, 800.0, 900.0, 1000.0, 1115.0, 1220.0, 1380.0):
        for seed in (0, 1):
            for orientation in ("100", "110"):
                patched = folder if temperature == 1115.0 and orientation == "100" else None
                records.add(growth(temperature, seed, orientation, patched))
        records.add(bulk(temperature))
    for seed in range(10):
        for temperature in (610.0, 650.0, 690.0):
            records.add(quench(temperature, seed))
    return folder


@pytest.fixture(scope="module")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    config = folder / "training.toml"
    config.write_text(TRAINING.format(records=store.as_posix()))
    assert is_kinetics(config)
    said: list[str] = []
    train_kinetics(read_kinetics_training(config), folder / "model", progress=said.append)
    assert any("msgnn" in line and "cross-validation" in line for line in said)
    return folder / "model"


@pytest.fixture(scope="module")
def model(trained: Path) -> KineticsModel:
    return load_model(trained)


def test_the_best_in_cross_validation_is_chosen_and_forecasts_are_scored(model: KineticsModel) -> None:
    parts = {(part.target, part.evidence, part.model): part for part in model.card.parts}
    conditions = parts["growth_velocity", "A", "collision-limited"]
    assert conditions.scores["collision-limited"] < conditions.scores["mean"]
    assert conditions.files is None
    assert conditions.covers["Cu"].orientations == ("100", "110")
    assert conditions.covers["Cu"].temperature == (610.0, 1380.0)
    network = parts["growth_velocity", "B", "msgnn"]
    assert network.files is not None
    assert {"network", "persistence", "constant_velocity", "forecasts"} == set(network.forecast)
    assert network.forecast["constant_velocity"] < network.forecast["persistence"]  # the fronts move steadily here
    rates = parts["nucleation_rate", "A", "nucleation-law"]
    assert "3 groups are too few" in rates.note
    assert set(rates.scores) == {"nucleation-law", "msgnn", "mean"}
    assert rates.least_spread == rates.scores["nucleation-law"]  # intervals are at least as wide as the errors seen
    assert rates.files is None
    assert parts["nucleation_rate", "A", "msgnn"].files is not None


def test_the_first_candidate_is_taken_where_conditions_are_too_few_to_choose(store: Path, tmp_path: Path) -> None:
    config = tmp_path / "training.toml"
    part = '[[part]]\ntarget = "nucleation_rate"\nevidence = "A"\ncandidates = [{}]\n'
    chosen = []
    for number, order in enumerate(('"nucleation-law", "mean"', '"mean", "nucleation-law"')):
        config.write_text(TRAINING.format(records=store.as_posix()).split("[[part]]")[0] + part.format(order))
        said: list[str] = []
        card = train_kinetics(read_kinetics_training(config), tmp_path / str(number), progress=said.append)
        chosen.append(card.parts[0].model)
        assert any("3 conditions cannot choose" in line for line in said)
    assert chosen == ["nucleation-law", "mean"]
    config.write_text(TRAINING.format(records=store.as_posix()).split("[[part]]")[0] + part.format('"growth-law"'))
    with pytest.raises(ConfigError, match="growth-law cannot learn nucleation_rate"):
        read_kinetics_training(config)


def test_a_training_goes_on_where_it_was_killed(
    store: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "training.toml"
    config.write_text(TRAINING.format(records=store.as_posix()))
    fits: list[str] = []
    find = training_kinetics.find_model

    def killed_at_the_end(name: str) -> SimpleNamespace:
        model = find(name)

        def fit(*arguments: Any, **options: Any) -> object:
            fits.append(name)
            if len(fits) == len(fits_before_the_kill) + 1:
                raise KeyboardInterrupt
            return model.fit(*arguments, **options)

        return SimpleNamespace(defaults=model.defaults, fit=fit)

    fits_before_the_kill = ["collision-limited"] * 4 + ["mean"] * 4
    monkeypatch.setattr(training_kinetics, "find_model", killed_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        train_kinetics(read_kinetics_training(config), tmp_path / "model")
    assert not (tmp_path / "model").exists()
    fits_before_the_kill = ["never"] * 1000
    fits.clear()
    train_kinetics(read_kinetics_training(config), tmp_path / "model")
    assert "mean" not in fits[:4]  # what was compared is not compared again
    assert (tmp_path / "model" / CARD_FILE).read_bytes() == (trained / CARD_FILE).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "training.toml"]


def test_a_signal_stops_a_network_at_a_checkpoint_and_changes_nothing(
    store: Path,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config, out = tmp_path / "training.toml", tmp_path / "model"
    config.write_text(TRAINING.format(records=store.as_posix()))
    update, done = WeightAverage.update, 0

    def stopped_at_ninth(self: WeightAverage, network: Any) -> None:
        nonlocal done
        done += 1
        if done == 9:
            signal.raise_signal(signal.SIGTERM)
        update(self, network)

    command = ["train", str(config), "--out", str(out)]
    with monkeypatch.context() as patch:
        patch.setattr(WeightAverage, "update", stopped_at_ninth)
        assert run(command) == 128 + signal.SIGTERM
    line = capsys.readouterr().err.splitlines()[-1]
    # of two members with 6 updates each it is the third update of the second one, in a round of two
    assert line == (
        "growth_velocity, evidence B: msgnn, fold 1: stopped at update 4; the same command goes on from there"
    )
    assert not out.exists()

    asked = ["predict", "--model", str(out), "--material", "Cu", "--orientation", "100", "--temperature", "1050"]
    assert run([*asked, "--json"]) == 0  # what is finished can be asked
    document = json.loads(capsys.readouterr().out)
    assert document["growth_velocity"]["value"] is not None
    assert any("is not finished" in warning and "growth_velocity A" in warning for warning in document["warnings"])

    assert run(command) == 0
    files = {path.relative_to(trained) for path in trained.rglob("*") if path.is_file()}
    assert files == {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert all((trained / file).read_bytes() == (out / file).read_bytes() for file in files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "training.toml"]
    assert run(asked) == 0
    assert "is not finished" not in capsys.readouterr().out


def test_a_training_that_has_finished_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".model.0123456789ab.partial" / "model").mkdir(parents=True)
    assert run(["predict", "--model", str(tmp_path / "model"), "--material", "Cu", "--temperature", "1050"]) == 2
    assert "has finished no part yet" in capsys.readouterr().err


def test_conditions_give_four_quantities_with_intervals(model: KineticsModel) -> None:
    found = predict_conditions("Cu", "100", 1050.0, model=model)
    assert set(found) == {
        "growth_velocity", "nucleation_rate", "nucleation_density", "characteristic_length", "evidence", "potential",
        "warnings",
    }  # fmt: skip
    assert found["evidence"] == "A"
    assert found["potential"] == {"file": "Cu_best.eam", "sha256": "a" * 64}
    assert found["growth_velocity"]["model"] in model_names()  # who says so
    expected = 400 * -math.expm1(-drive(1050.0))
    low, high = found["growth_velocity"]["interval90"]
    assert low < expected < high
    assert found["growth_velocity"]["unit"] == "m/s"
    assert found["nucleation_rate"] == {"value": None, "unit": "1/(m^3 s)", "interval90": None}
    assert found["characteristic_length"]["value"] is None
    (refused,) = [warning for warning in found["warnings"] if warning.startswith("nucleation rate")]
    assert "1050 K is more than 133 K (0.1 T_m) away" in refused
    assert not any("growth velocity:" in warning and "outside" in warning for warning in found["warnings"])
    cold = predict_conditions("Cu", "100", 630.0, model=model)
    for name in ("growth_velocity", "nucleation_rate", "nucleation_density", "characteristic_length"):
        low, high = cold[name]["interval90"]
        assert low < cold[name]["value"] < high
    assert cold["nucleation_rate"]["model"] == "nucleation-law"
    assert not any("range" in warning for warning in cold["warnings"])
    # As the closed forms have it, from the middles of both.
    rate, velocity = cold["nucleation_rate"]["value"], cold["growth_velocity"]["value"]
    assert cold["characteristic_length"]["value"] == pytest.approx(characteristic_length(rate, velocity), rel=MIDDLES)
    assert cold["nucleation_density"]["value"] == pytest.approx(grains_per_volume(rate, velocity), rel=MIDDLES)


def test_beyond_its_training_a_rate_is_flagged_then_refused(model: KineticsModel) -> None:
    inside, outside = (predict_conditions("Cu", "100", kelvin, model=model) for kelvin in (650.0, 740.0))
    (flagged,) = [warning for warning in outside["warnings"] if "outside the training range" in warning]
    assert "nucleation rate: 740 K is outside the training range of Cu, 610 to 690 K" in flagged
    spans = [math.log10(np.divide(*found["nucleation_rate"]["interval90"][::-1])) for found in (inside, outside)]
    assert spans[0] < spans[1]
    (part,) = [entry for entry in model.card.parts if entry.model == "nucleation-law"]
    sample = conditions_sample("Cu", None, 650.0, model)
    assert rate_refusal(part, sample, 1.2) is None
    assert "would span 4.6 decades" in str(rate_refusal(part, sample, 1.4))
    assert "no crystal of Cu" in str(rate_refusal(replace(part, covers={}), sample, 0.1))


@pytest.mark.parametrize(
    "temperature", [math.nan, math.inf, -math.inf, 0.0, -300.0, 5000.0, 1e300, 20.0, 390.0, 1740.0]
)
def test_far_from_the_melting_point_nothing_is_predicted(model: KineticsModel, temperature: float) -> None:
    with pytest.raises(ParameterError, match="temperature=.* is outside"):
        predict_conditions("Cu", "100", temperature, model=model)


def test_a_record_far_from_the_melting_point_gets_no_numbers_and_others_do(
    model: KineticsModel, store: Path, tmp_path: Path
) -> None:
    record = RecordStore(store).get("growth-Cu-110-1115K-s0")
    hot = replace(record, id="hot", conditions={**record.conditions, "temperature": one(5000.0, "K")}, snapshots=())
    RecordStore(tmp_path / "mine", create=True).merge([hot, replace(record, id="right")])
    found = {entry["record"]: entry for entry in predict_records(tmp_path / "mine", model=model)}
    assert found["right"]["growth_velocity"]["value"] is not None
    assert all(found["hot"][name]["value"] is None for name in ("growth_velocity", "nucleation_rate"))
    assert any("5000 K is outside [398, 1725] K" in warning for warning in found["hot"]["warnings"])


def test_warnings_outside_the_training(model: KineticsModel) -> None:
    other = predict_conditions("Cu", "111", 1050.0, model=model)
    assert any("no (111) interfaces of Cu" in warning for warning in other["warnings"])
    hot = predict_conditions("Cu", "100", 1500.0, model=model)
    assert hot["growth_velocity"]["value"] < 0
    assert hot["nucleation_rate"]["value"] is None
    assert hot["characteristic_length"]["value"] is None
    assert any("1500 K is outside" in warning for warning in hot["warnings"])
    assert any("above the melting point" in warning for warning in hot["warnings"])
    lost = predict_conditions("Cu", None, 630.0, model=model)
    assert lost["growth_velocity"]["value"] is None
    with pytest.raises(ParameterError, match="'Au' has no records"):
        predict_conditions("Au", "100", 1000.0, model=model)
    with pytest.raises(ParameterError, match="temperature=-5"):
        predict_conditions("Cu", "100", -5.0, model=model)


def test_records_give_evidence_b_and_their_results_are_not_looked_at(
    model: KineticsModel, store: Path, tmp_path: Path
) -> None:
    name = "growth-Cu-100-1115K-s0"
    (found,) = predict_records(store, ids=[name], model=model)
    assert found["record"] == name
    assert found["evidence"] == "B"
    record = RecordStore(store).get(name)
    changed = replace(
        record, id="growth-Cu-100-1115K-s7", quantities={"growth_velocity": one(999.0, "m/s")}, snapshots=(),
        provenance=Provenance("synthetic", seeds=(7,)),
    )  # fmt: skip
    bare = replace(changed, quantities={})
    answers = []
    for number, entry in enumerate((changed, bare)):
        RecordStore(tmp_path / str(number), create=True).add(entry)
        answers.append(predict_records(tmp_path / str(number), model=model)[0]["growth_velocity"])
    assert answers[0] == answers[1]
    with pytest.raises(UnknownNameError, match="unknown record 'x'"):
        predict_records(store, ids=["x"], model=model)


def test_an_unknown_material_has_its_bulk_from_the_records_beside_it(model: KineticsModel, tmp_path: Path) -> None:
    def silver(record: Record) -> Record:
        stated = replace(record.provenance, settings={"structure": "fcc"})
        return replace(
            record, id=record.id.replace("Cu", "Ag"), material="Ag", composition={"Ag": 1.0}, provenance=stated
        )

    front, melt = silver(growth(1115.0, 5, "100")), silver(bulk(1115.0))
    RecordStore(tmp_path / "both", create=True).merge([front, melt])
    RecordStore(tmp_path / "alone", create=True).add(front)
    assert sample_of(tmp_path / "both", front.id, model).table.melting_temperature == MELTING
    (told,) = predict_records(tmp_path / "both", model=model)
    assert math.isfinite(told["growth_velocity"]["value"])
    assert "growth velocity: no Ag in the training (only Cu)" in told["warnings"]
    (told,) = predict_records(tmp_path / "alone", model=model)
    assert told["growth_velocity"]["value"] is None  # a law without a melting point says nothing
    assert any("melting temperature" in warning for warning in told["warnings"])


def test_conditions_of_a_material_of_users_take_its_structure_from_the_records(model: KineticsModel) -> None:
    """A structure is asked for by laws of kinetics, and is known of shipped materials without any record."""

    def silver(record: Record) -> Record:
        stated = replace(record.provenance, settings={"structure": "bcc"})
        return replace(record, material="Ag", composition={"Ag": 1.0}, provenance=stated)

    own = replace(model, records=tuple(silver(record) for record in model.records))
    assert conditions_sample("Ag", "100", 1115.0, own).conditions["coordination_number"] == 8
    assert conditions_sample("Cu", "100", 1115.0, model).conditions["coordination_number"] == 12


def test_a_record_that_says_no_temperature_is_refused(model: KineticsModel, tmp_path: Path) -> None:
    still = bulk(900.0)
    conditions = {name: entry for name, entry in still.conditions.items() if name != "temperature"}
    series = Quantity(np.array([900.0, 800.0]), "K", axis=Axis("time", "s", np.array([0.0, 1e-9])))
    store = RecordStore(tmp_path / "mine", create=True)
    store.add(replace(still, id="none", conditions=conditions))
    store.add(replace(still, id="series", conditions={**conditions, "temperature": series}))
    store.add(still)
    for name in ("none", "series"):
        with pytest.raises(InputFileError, match=f"record {name} is not one of molecular dynamics at one temperature"):
            predict_records(tmp_path / "mine", ids=[name], model=model)
    with pytest.raises(InputFileError, match="no record of molecular dynamics"):
        predict_records(tmp_path / "mine", model=model)


def test_a_record_without_a_front_is_refused_where_nothing_follows_from_it(
    model: KineticsModel, store: Path, tmp_path: Path
) -> None:
    (found,) = predict_records(store, ids=["nucleation-Cu-650K-s0"], model=model)
    assert found["growth_velocity"]["value"] is None  # no front, but a rate
    assert found["nucleation_rate"]["value"] > 0
    with pytest.raises(InputFileError, match="record properties-Cu-900K-s0: it states no interface") as caught:
        predict_records(store, ids=["properties-Cu-900K-s0"], model=model)
    assert "900 K is more than 133 K" in str(caught.value)
    assert "name a growth run, such as growth-Cu-100-900K-s0, or" in str(caught.value)
    RecordStore(tmp_path / "mine", create=True).add(bulk(900.0))
    with pytest.raises(InputFileError, match="name a growth run, or give material"):
        predict_records(tmp_path / "mine", ids=["properties-Cu-900K-s0"], model=model)


def test_equivalent_faces_of_a_cubic_crystal_are_one(model: KineticsModel, store: Path, tmp_path: Path) -> None:
    plain = predict_conditions("Cu", "100", 1115.0, model=model)
    for name in ("0 1 0", "200", "(0 0 -1)", "10,0,0"):
        assert predict_conditions("Cu", name, 1115.0, model=model) == plain
    run = replace(RecordStore(store).get("growth-Cu-100-1115K-s0"), snapshots=())
    RecordStore(tmp_path / "mine", create=True).merge([run, replace(run, id="turned", orientation="0 -1 0")])
    one, other = predict_records(tmp_path / "mine", model=model)
    assert {**one, "record": ""} == {**other, "record": ""}


def test_what_a_record_says_against_itself_and_its_potential_are_warnings(
    model: KineticsModel, store: Path, tmp_path: Path
) -> None:
    good = replace(RecordStore(store).get("growth-Cu-110-1115K-s0"), id="good")
    flags = ("the crystal melted", "not converged")
    said = {
        "good": [],
        "flagged": [f"the record is flagged: {flag}" for flag in flags],
        "failed": [f"the record is failed: {flag}" for flag in flags],
        "noted": ["the record says: the crystal melted"],
        "other": ["the record is of another potential, Cu_old.eam (sha256 cccccccccccc), than the training, "
                  "Cu_best.eam (sha256 aaaaaaaaaaaa): velocities may differ"],
        "renamed": [],
        "silent": ["the record does not state its potential: the prediction is for Cu_best.eam (sha256 aaaaaaaaaaaa)"],
    }  # fmt: skip
    script = {"growth/in.lammps": "d" * 64}
    records = [
        good,
        replace(good, id="flagged", status="flagged", flags=flags),
        replace(good, id="failed", status="failed", flags=flags),
        replace(good, id="noted", flags=flags[:1]),
        replace(good, id="other", provenance=made(**{"Cu_old.eam": "c" * 64}, **script)),
        replace(good, id="renamed", provenance=made(**{"copy.eam": "a" * 64}, **script)),
        replace(good, id="silent", provenance=made(**{"dump.gz": "e" * 64})),
    ]
    RecordStore(tmp_path / "mine", create=True).merge(records)
    found = {entry["record"]: entry for entry in predict_records(tmp_path / "mine", model=model)}
    usual = found["good"]["warnings"]
    assert any("growth-Cu-110-1115K-s0" in warning and "in the training" in warning for warning in usual)
    assert {name: found[name]["warnings"][len(usual) :] for name in said} == said
    assert all(found[name]["warnings"][: len(usual)] == usual for name in said)
    assert all(found[name]["potential"] == {"file": "Cu_best.eam", "sha256": "a" * 64} for name in said)


def test_a_model_of_conditions_alone_says_so_when_more_was_seen(trained: Path, store: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "model")
    document = json.loads((trained / CARD_FILE).read_text())
    parts = [part for part in document["parts"] if part["evidence"] == "A"]
    (tmp_path / "model" / CARD_FILE).write_text(json.dumps({**document, "parts": parts}))
    conditions = load_model(tmp_path / "model")
    (found,) = predict_records(store, ids=["growth-Cu-100-1115K-s0"], model=conditions)
    stated = predict_conditions("Cu", "100", 1115.0, model=conditions)
    assert found["evidence"] == "A"
    assert any("conditions alone" in warning for warning in found["warnings"])
    assert found["growth_velocity"] == stated["growth_velocity"]


def test_a_trajectory_gives_evidence_b(model: KineticsModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    for number in range(6):
        frame = slab(3, 2.0 * number)
        lines += [
            "ITEM: TIMESTEP", str(1000 * number), "ITEM: NUMBER OF ATOMS", str(len(frame.positions)),
            "ITEM: BOX BOUNDS pp pp pp", *(f"0 {length}" for length in np.diag(frame.cell)),
            "ITEM: ATOMS id type x y z vx vy vz",
        ]  # fmt: skip
        lines += [
            f"{atom + 1} 1 " + " ".join(f"{value:.4f}" for value in (*place, *velocity))
            for atom, (place, velocity) in enumerate(zip(frame.positions, frame.velocities, strict=True))
        ]
    path = tmp_path / "dump.gz"
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    options = TrajectoryOptions(
        lammps_units="metal", elements=["Cu"], time_step_ps=0.002, temperature=1115.0, orientation="100"
    )
    monkeypatch.setattr(predicting, "load_model", lambda: model)  # what ships, where none is named
    found = predict_trajectory(path, options)
    assert found["evidence"] == "B"
    assert math.isfinite(found["growth_velocity"]["value"])
    assert any("potential is not stated" in warning for warning in found["warnings"])
    for digest, said in (("c" * 64, 1), ("a" * 64, 0)):
        stated = predict_trajectory(path, replace(options, potential=digest), model=model)
        assert not any("potential is not stated" in warning for warning in stated["warnings"])
        assert sum("of another potential, sha256 cccccccccccc" in warning for warning in stated["warnings"]) == said


def test_the_length_follows_from_velocity_and_rate_with_their_uncertainty() -> None:
    rng = np.random.default_rng(0)
    sharp = combine(Forecast(50.0, 1e-6), Forecast(33.0, 1e-6), rng=rng)
    assert sharp["characteristic_length"]["value"] == pytest.approx(characteristic_length(1e33, 50.0), rel=1e-4)
    assert sharp["nucleation_density"]["value"] == pytest.approx(grains_per_volume(1e33, 50.0), rel=1e-4)
    wide = combine(Forecast(50.0, 1e-6), Forecast(33.0, 0.4), rng=rng)
    low, high = wide["characteristic_length"]["interval90"]
    # lambda ~ J^(-1/4): 90 % of the rate are 2 x 1.645 x 0.4 decades, a quarter of that is the length's.
    assert math.log10(high / low) == pytest.approx(2 * 1.645 * 0.4 / 4, rel=0.03)
    melting = combine(Forecast(-5.0, 1.0), Forecast(33.0, 0.4), rng=rng)
    assert melting["characteristic_length"]["value"] is None
    assert melting["growth_velocity"]["value"] == -5.0


def test_the_critical_diameter_is_that_of_classical_theory(model: KineticsModel, store: Path) -> None:
    sample = sample_of(store, "growth-Cu-100-650K-s0", model)
    found = critical_diameter(sample)
    assert found is not None
    # 2 r* = 4 gamma Omega / delta-mu with gamma = 0.45 L Omega^(-2/3) / N_A
    volume = (3.6e-10 + 8e-15 * 650) ** 3 / 4
    gamma = 0.45 * HEAT / 6.022e23 * volume ** (-2 / 3)
    assert length_warnings(4.9 * found, [sample])[0].count("critical diameters") == 1
    assert not length_warnings(5.1 * found, [sample])
    assert found == pytest.approx(4 * gamma * volume / (drive(650.0) * 1.380649e-23 * 650.0), rel=0.01)


def test_explanations_leave_out_every_part(model: KineticsModel, store: Path, tmp_path: Path) -> None:
    sample = sample_of(store, "growth-Cu-100-1115K-s0", model)
    found = explain_sample(sample, model)
    kinds = {entry.kind for entry in found.ablations}
    assert kinds == {"level", "cluster", "frame", "pooled evidence", "series", "other runs"}
    assert {entry.part for entry in found.ablations if entry.kind == "level"} >= {"atoms", "clusters"}
    changes = [abs(entry.change) for entry in found.ablations]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 0
    assert all(entry.value == pytest.approx(found.value + entry.change) for entry in found.ablations)
    assert found.attention is not None
    assert sum(entry["share"] for entry in found.attention["frames"]) == pytest.approx(1, abs=1e-5)
    assert sum(found.attention["clusters"]) == pytest.approx(1, abs=1e-5)
    json.dumps(found.as_plain(), allow_nan=False)
    draw_explanation(found, tmp_path / "why.png")
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError, match="exists"):
        draw_explanation(found, tmp_path / "why.png")


def test_what_is_left_out_is_left_out_and_nothing_else(model: KineticsModel, store: Path) -> None:
    sample = sample_of(store, "growth-Cu-100-1115K-s0", model)
    shorter = without_frame(sample, 1)
    assert shorter.sequence.times.tolist() == sample.sequence.times[[0, 2]].tolist()
    carried = shorter.sequence.correspondences[0]["atom"]
    # Through two steps a node goes on as far as both together say.
    assert 0 < carried.weight.sum() < sample.sequence.correspondences[0]["atom"].weight.sum()
    assert np.bincount(carried.index[1], weights=carried.weight).max() <= 1 + 1e-5
    graph = sample.sequence.frames[0]
    fewer = without_node(graph, "facet", 3)
    assert fewer.levels["facet"].num_nodes == graph.levels["facet"].num_nodes - 1
    np.testing.assert_array_equal(fewer.levels["facet"].features, np.delete(graph.levels["facet"].features, 3, axis=0))
    touched = (graph.relations["facet", "facet"].index == 3).any(axis=0).sum()
    assert fewer.relations["facet", "facet"].num_edges == graph.relations["facet", "facet"].num_edges - touched
    for _, _, variant in ablations(sample, (0, 2)):
        assert isinstance(variant, Sample)
        assert variant is not sample


def test_the_command_line_prints_one_document(
    trained: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(trained), "--json"]
    assert run(["predict", "--material", "Cu", "--orientation", "100", "--temperature", "1000", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["growth_velocity"]["interval90"][0] < found["growth_velocity"]["value"]
    names = ["growth-Cu-100-1115K-s0", "growth-Cu-110-1115K-s1"]
    assert run(["predict", "--records", str(store), "--record", names[0], "--record", names[1], *words]) == 0
    assert [entry["record"] for entry in json.loads(capsys.readouterr().out)["predictions"]] == names
    picture = tmp_path / "why.png"
    assert run(["explain", "--records", str(store), "--record", names[0], "--out", str(picture), *words]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "msgnn"
    assert picture.is_file()
    assert run(["predict", "--material", "Cu", "--model", str(trained)]) == 2
    assert "--temperature" in capsys.readouterr().err
    assert run(["predict", "--model", str(trained)]) == 2
    capsys.readouterr()
    known = ["predict", "--material", "Cu", "--orientation", "100", "--temperature", "1000", "--model", str(trained)]
    assert run(known) == 0
    assert "potential of the training: Cu_best.eam (sha256 aaaaaaaaaaaa)\n" in capsys.readouterr().out
    for words, named in (
        ([*known, "--potential", str(picture)], "--potential goes with --md"),
        ([*known, "--record", names[0]], "--records"),
        (["predict", "--records", str(store), "--temperature", "900", "--model", str(trained)], "leave --orientation"),
    ):
        assert run(words) == 2
        assert named in capsys.readouterr().err
    assert run(["explain", "--records", str(store), "--model", str(trained)]) == 2
    assert "--record" in capsys.readouterr().err


def test_too_few_records_are_said(tmp_path: Path) -> None:
    RecordStore(tmp_path / "records", create=True).add(bulk(900.0))
    config = tmp_path / "training.toml"
    config.write_text(TRAINING.format(records=(tmp_path / "records").as_posix()))
    said: list[str] = []
    with pytest.raises(ParameterError, match="too few labelled samples"):
        train_kinetics(read_kinetics_training(config), tmp_path / "model", progress=said.append)
    assert sum("left out" in line for line in said) == 3
    assert not list(tmp_path.glob(".*"))


def test_damaged_models_are_refused(trained: Path, tmp_path: Path) -> None:
    text = (trained / CARD_FILE).read_text()
    document = json.loads(text)
    parts = document["parts"]
    for damaged in (
        "", "{", "[]", text[: len(text) // 2], json.dumps({**document, "format": 9}),
        json.dumps({**document, "parts": [{**parts[0], "factor": -1}]}),
        json.dumps({**document, "parts": [{**parts[0], "files": "../elsewhere"}]}),
        json.dumps({**document, "parts": [{**parts[0], "target": "price"}]}),
        json.dumps({**document, "parts": [{key: value for key, value in parts[0].items() if key != "covers"}]}),
    ):  # fmt: skip
        (tmp_path / CARD_FILE).write_text(damaged)
        with pytest.raises(FormatError):
            read_card(tmp_path)
    with pytest.raises(UnknownNameError, match="nowhere"):
        load_model("nowhere")


def test_changed_records_are_noticed(model: KineticsModel, store: Path, trained: Path, tmp_path: Path) -> None:
    assert not model.notes
    grown = RecordStore(tmp_path / "records", create=True)
    grown.merge(record for record in RecordStore(store) if "s1" not in record.id)
    shutil.copytree(trained, tmp_path / "model")
    document = json.loads((trained / CARD_FILE).read_text())
    (tmp_path / "model" / CARD_FILE).write_text(json.dumps({**document, "records": str(tmp_path / "records")}))
    found = predict_conditions("Cu", "100", 1000.0, model=load_model(tmp_path / "model"))
    assert any("not those that the model was fitted to" in warning for warning in found["warnings"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('candidates = ["collision-limited", "mean"]', "none"),
        ('candidates = ["colision-limited"]', "expected some of"),
        ("candidates = []", "expected some of"),
        ('candidate = ["mean"]', "unknown key"),
        ('candidates = ["mean"]\nalso = ["msgnn"]', "some of the candidates"),
        ('candidates = ["mean"]\n[[parts]]', "did you mean 'part'"),
        ('candidates = ["mean"]\n[settings.svn]', "did you mean 'svm'"),
    ],
)
def test_training_files_are_checked(line: str, message: str, tmp_path: Path) -> None:
    config = tmp_path / "training.toml"
    config.write_text(TRAINING.replace('candidates = ["collision-limited", "mean"]', line))
    if message == "none":
        assert read_kinetics_training(config).parts[1].also == ("msgnn",)
        return
    with pytest.raises(ConfigError, match=message):
        read_kinetics_training(config)


def test_the_example_of_the_repository_takes_the_law_first_where_conditions_are_few() -> None:
    config = read_kinetics_training(Path(__file__).parents[3] / "examples" / "train-kinetics.toml")
    firsts = {(part.target, part.evidence): part.candidates[0] for part in config.parts}
    assert firsts["nucleation_rate", "A"] == "nucleation-law"
