"""`nakaya md rates`: from a store of seeding, quenches and bulk to gamma(T) and rates that are known."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nakaya.cli.app import app, run
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.becker_doering import BeckerDoering
from nakaya.md.seeding.bulk import Bulk, bulk_of
from nakaya.md.seeding.posterior_record import DIGITS, posterior_from_record
from nakaya.md.seeding.rates import analyse_nucleation, exposures_of
from nakaya.records.checks import check_record
from nakaya.records.record import DRIVING_FORCE, Provenance, Record, single
from nakaya.records.store import RecordStore
from nakaya.theory import critical_size
from support.synthetic_nucleation import synthetic_quenches
from support.synthetic_seeding import synthetic_seeding

ENERGY, SLOPE = 0.112, 6e-5  # J/m2 at 640 K, J/(m2 K)
POTENTIAL = "a" * 64


def provenance(seed: int = 0) -> Provenance:
    return Provenance("made from numbers", files={"potential": POTENTIAL}, seeds=(seed,))


def bulk_records() -> list[Record]:
    """Melting point and bulk of a metal like aluminium."""
    melting = Record(
        id="melting-Al", kind="md", material="Al", conditions={DRIVING_FORCE: single(0.0, "1")},
        quantities={"melting_temperature": single(930.0, "K", uncertainty=4.0)}, provenance=provenance(),
    )  # fmt: skip
    return [melting, *(properties(kelvin) for kelvin in (440.0, 540.0, 640.0, 740.0, 840.0, 940.0))]


def properties(kelvin: float) -> Record:
    return Record(
        id=f"properties-Al-{kelvin:g}K",
        kind="md",
        material="Al",
        conditions={"temperature": single(kelvin, "K"), DRIVING_FORCE: single(math.nan, "1")},
        quantities={
            "latent_heat": single(4e3 + 14.0 * kelvin - 0.0075 * kelvin**2, "J/mol", uncertainty=120.0),
            "solid_volume_per_atom": single(1.65e-29 + 1.3e-33 * kelvin, "m^3"),
            "liquid_volume_per_atom": single(1.70e-29 + 1.8e-33 * kelvin, "m^3"),
            "diffusivity": single(1e-7 * math.exp(-2700 / kelvin), "m^2/s"),
        },
        provenance=provenance(),
    )


def chain_at(temperature: float, bulk: Bulk) -> BeckerDoering:
    """The nuclei of this metal; interfaces of metals take up atoms faster than diffusion brings them."""
    drive = bulk.driving_force(temperature).value
    energy = ENERGY + SLOPE * (temperature - 640)
    size = critical_size(energy, drive, temperature=temperature, atomic_volume=bulk.solid_volume(temperature))
    volume = bulk.liquid_volume(temperature)
    rate = 200 * bulk.diffusivity(temperature) * float(size) ** (2 / 3) * volume ** (-2 / 3)
    return BeckerDoering(float(size), drive, rate)


def log_rate(temperature: float, bulk: Bulk) -> float:
    return chain_at(temperature, bulk).log_rate_per_atom() - math.log(bulk.liquid_volume(temperature))


@pytest.fixture(scope="module")
def bulk() -> Bulk:
    return bulk_of(bulk_records(), "Al")


@pytest.fixture(scope="module")
def records(bulk: Bulk) -> list[Record]:
    found = bulk_records()
    for seed, kelvin in enumerate((600.0, 640.0, 680.0)):
        found += synthetic_seeding("Al", kelvin, chain_at(kelvin, bulk), seed=seed, factors=(1.0, 1.15))
    for kelvin in (440.0, 465.0):
        rate = math.exp(log_rate(kelvin, bulk))
        found += synthetic_quenches("Al", kelvin, rate, seeds=tuple(range(12)), duration=1e-6)
    return found


@pytest.fixture(scope="module")
def store(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rates") / "records"
    RecordStore(folder, create=True).merge(records)
    return folder


def test_what_chains_and_quenches_were_made_from_is_found(store: Path, tmp_path: Path, bulk: Bulk) -> None:
    out = tmp_path / "posterior"
    words = ["md", "rates", str(store), "--temperature", "640", "--temperature", "560", "--out", str(out), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [(row["temperature_K"], row["detector"]) for row in document["seeding"]] == [
        (kelvin, name) for name in ("bonds", "order") for kelvin in (600, 640, 680)
    ]
    inside = 0
    for row in document["seeding"][:3]:
        chain = chain_at(row["temperature_K"], bulk)
        low, high = row["critical_size_interval90"]
        inside += low <= chain.even_odds() <= high
        assert abs(math.log(row["attachment_rate_per_s"] / chain.attachment_rate)) < 0.5
        assert row["log_rate"] == pytest.approx(log_rate(row["temperature_K"], bulk), abs=3 * row["errors"]["total"])
        assert row["errors"]["detector"] > 0
    assert inside >= 2
    energy = document["interfacial_energy"]
    reference = energy["reference_temperature_K"]
    low, high = energy["J_per_m2"]["interval90"]
    assert low < ENERGY + SLOPE * (reference - 640) < high
    low, high = energy["J_per_m2_K"]["interval90"]
    assert low < SLOPE < high
    assert [row["temperature_K"] for row in document["rates"]] == [560, 640]
    for row in document["rates"]:
        assert row["interval90"][0] < log_rate(row["temperature_K"], bulk) < row["interval90"][1]
    assert {row["seen_by"] for row in document["held_out"]} == {"bonds", "order", "quenches"}
    assert all(row["events"] == 11 for row in document["quenches"])  # the first one fixed the lag
    (written,) = RecordStore(out)
    check_record(written)
    again = posterior_from_record(written, bulk)
    assert float(np.median(again.energy)) == pytest.approx(energy["J_per_m2"]["median"], rel=10.0 ** (1 - DIGITS))
    assert again.seen == (440.0, 680.0)
    assert set(again.offsets) == {"bonds", "order"}
    rates = again.log_rates([640.0], np.random.default_rng(1))
    assert rates.median[0] == pytest.approx(document["rates"][1]["log_rate"], abs=1.0)
    with pytest.raises(ParameterError, match="is no posterior of an interfacial energy"):
        posterior_from_record(bulk_records()[0], bulk)
    with pytest.raises(ParameterError, match="is of Al, the bulk properties are of Cu"):
        posterior_from_record(written, replace(bulk, material="Cu"))


def test_lines_say_what_the_document_says(store: Path) -> None:
    words = ["md", "rates", str(store), "--temperature", "640"]
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    lines = CliRunner().invoke(app, words).stdout.splitlines()
    assert lines[0] == "Al melts at 930 +- 4 K"
    row = document["seeding"][1]
    assert lines[2].startswith(f"640 K, bonds: 24 nuclei, n* = {row['critical_size']:.0f} [")
    assert f"ln J = {row['log_rate']:.1f} +- {row['errors']['total']:.1f}" in lines[2]
    assert any(line.startswith("440 K, quenches: 11 events, ln J = ") for line in lines)
    (rate,) = document["rates"]
    assert any(line.startswith(f"640 K: ln J = {rate['log_rate']:.1f} [") for line in lines)
    assert any("held out" in line for line in lines)


def test_temperatures_that_tell_nothing_say_why_and_the_rest_goes_on(records: list[Record], bulk: Bulk) -> None:
    chain = chain_at(660.0, bulk)
    large = synthetic_seeding("Al", 660.0, chain, number=8, spread=(2.0, 2.2))
    alone = synthetic_seeding("Al", 620.0, chain_at(620.0, bulk), number=30, branches=1, seed=5)
    found = analyse_nucleation([*records, *large, *alone])
    rows = {(row.temperature, row.detector): row for row in found.seeded}
    refused = rows[660.0, "bonds"]
    assert refused.critical_size is None
    assert re.match(r"all \d+ decided branches grew, of nuclei of .* atoms: release smaller ones", refused.flags[0])
    unseen = rows[620.0, "bonds"]
    assert unseen.critical_size is not None
    assert unseen.rate is None
    assert "have two branches or more" in unseen.flags[-1]
    assert rows[640.0, "bonds"].rate is not None


def test_sheared_quenches_are_no_quenches_of_a_melt_at_rest(records: list[Record]) -> None:
    sheared = [
        replace(record, id=f"sheared-{record.id}", conditions={**record.conditions, "shear_rate": single(1e10, "1/s")})
        for record in records
        if "waiting_time" in record.quantities
    ]
    assert exposures_of([*records, *sheared], "Al") == exposures_of(records, "Al")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--material Xe", "no seeding and no quench of Xe: has Al"),
        ("--temperature 950", "temperature=950 is outside [279, 930) K"),
        ("--known nowhere", "nowhere"),
    ],
)
def test_bad_input_is_one_line(store: Path, words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["md", "rates", str(store), *words.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_records_that_lack_something_are_refused_with_what_to_do(records: list[Record]) -> None:
    seeding = [record for record in records if record.id.startswith("seeding")]
    with pytest.raises(ParameterError, match="run nakaya md melting-point"):
        analyse_nucleation(seeding)
    melting = [record for record in records if record.id.startswith("melting")]
    with pytest.raises(ParameterError, match="run nakaya md properties"):
        analyse_nucleation([*seeding, *melting])
    assert len(analyse_nucleation(seeding, known=bulk_records()).seeded) == 6
    with pytest.raises(ParameterError, match="there are none at all"):
        analyse_nucleation(melting)
    other = replace(seeding[0], material="Cu", id="seeding-Cu")
    with pytest.raises(ParameterError, match="has Al, Cu"):
        analyse_nucleation([*records, other])
    foreign = replace(melting[0], id="melting-2", provenance=Provenance("x", files={"potential": "b" * 64}))
    with pytest.raises(ParameterError, match="several potentials"):
        analyse_nucleation([*records, foreign])


def test_a_posterior_that_exists_stays(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "posterior"
    out.mkdir()
    assert run(["md", "rates", str(store), "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert list(out.iterdir()) == []
