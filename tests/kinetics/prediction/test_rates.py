"""Nucleation rates by classical theory in predictions: intervals, particles, expected events, refusals."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nakaya.cli.app import app, run
from nakaya.core.errors import ParameterError
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.predicting import predict_conditions
from nakaya.kinetics.prediction.rates import (
    CLASSICAL,
    NucleationConditions,
    interfacial_energies,
    rate_draws,
)
from nakaya.kinetics.prediction.report import Forecast, combine
from nakaya.md.stated_potentials import StatedPotential
from nakaya.records.store import load_records
from nakaya.theory import characteristic_length

pytest.importorskip("torch", reason='kinetics models need the extra "ml"')

SAMPLING = 0.02
"""Decades: quantiles of 20,000 draws of which 2,000 are independent, where the deviation is a few tenths."""


@pytest.fixture(scope="module")
def model() -> KineticsModel:
    return load_model()


def test_rates_that_were_seen_lie_in_the_interval(model: KineticsModel) -> None:
    # ln J of the quenches that ship: 82.66 and 82.55 for Al, 83.34 and 83.41 for Cu.
    for material, kelvin, seen in (
        ("Al", 440.0, 82.66),
        ("Al", 465.0, 82.55),
        ("Cu", 610.0, 83.34),
        ("Cu", 650.0, 83.41),
    ):
        told = predict_conditions(material, None, kelvin, model=model)["nucleation_rate"]
        low, high = (math.log(end) for end in told["interval90"])
        assert told["model"] == CLASSICAL
        assert low < seen < high
        assert high - low < 6  # known to 2.6 decades where it was measured


def test_what_is_known_less_is_wider_and_the_parts_say_why(model: KineticsModel) -> None:
    widths, parts = [], []
    for kelvin in (640.0, 700.0, 744.0, 800.0):
        told = predict_conditions("Al", "100", kelvin, model=model)
        low, high = told["nucleation_rate"]["interval90"]
        errors = told["nucleation_rate"]["errors"]
        widths.append(math.log10(high / low))
        parts.append(math.sqrt(sum(errors[name] ** 2 for name in ("statistical", "detector", "theory"))))
        assert errors["potential"] is None
        assert any("another" in warning for warning in told["warnings"])
        assert any("beyond the seeding" in warning for warning in told["warnings"]) == (kelvin > 690)
    assert widths == sorted(widths)
    # Ends of a normal distribution of these parts are 2 x 1.645 deviations apart; far away it has a long lower tail.
    assert widths[0] == pytest.approx(3.29 * parts[0], rel=0.2)


def test_far_from_melting_grains_are_told_and_close_to_it_events(model: KineticsModel) -> None:
    cold = predict_conditions("Al", "100", 640.0, model=model)
    assert "expected_events" not in cold
    density, length = cold["nucleation_density"], cold["characteristic_length"]
    assert length["value"] == pytest.approx((0.896 / density["value"]) ** (1 / 3), rel=1e-3)
    warm = predict_conditions("Al", "100", 850.0, model=model)
    events = warm["expected_events"]
    assert (events["volume"], events["time"]) == (1e-6, 1.0)
    assert events["value"] == pytest.approx(warm["nucleation_rate"]["value"] * 1e-6, rel=1e-6)
    assert events["value"] < 1
    assert warm["characteristic_length"]["value"] is None
    assert any("are expected in 1e-06 m^3 and 1 s" in warning for warning in warm["warnings"])
    asked = NucleationConditions(volume=1e-24, time=1e-9)
    few = predict_conditions("Al", "100", 640.0, model=model, nucleation=asked)
    assert few["expected_events"]["value"] == pytest.approx(few["nucleation_rate"]["value"] * 1e-33, rel=1e-6)
    assert few["characteristic_length"]["value"] == length["value"]


def test_particles_that_wet_make_a_grain_each_and_those_that_do_not_make_none(model: KineticsModel) -> None:
    wet = NucleationConditions(contact_angle=15.0, site_density=1e12)
    told = predict_conditions("Al", "100", 880.0, model=model, nucleation=wet)
    assert told["nucleation_density"]["value"] == pytest.approx(1e12, rel=1e-6)
    assert told["expected_events"]["value"] == pytest.approx(1e6, rel=1e-6)
    assert told["nucleation_rate"] == predict_conditions("Al", "100", 880.0, model=model)["nucleation_rate"]
    dry = NucleationConditions(contact_angle=180.0, site_density=1e12)
    without = predict_conditions("Al", "100", 640.0, model=model)
    with_dry = predict_conditions("Al", "100", 640.0, model=model, nucleation=dry)
    assert with_dry["nucleation_density"]["value"] == pytest.approx(without["nucleation_density"]["value"], rel=1e-3)


def test_a_rate_that_is_known_exactly_gives_the_closed_form() -> None:
    from nakaya.kinetics.prediction.rates import RateDraws

    exact = RateDraws(np.full(50, 30.0), None, {})
    found = combine(Forecast(50.0, 1e-9), exact, rng=np.random.default_rng(0))
    assert found["characteristic_length"]["value"] == pytest.approx(characteristic_length(1e30, 50.0), rel=1e-6)
    events = exact.expected_events(NucleationConditions(volume=1e-30, time=2.0))
    assert events["value"] == pytest.approx(2.0)
    fired = replace(exact, log10_rate=np.full(50, -300.0), log10_site_rate=np.full(50, 0.0))
    sites = NucleationConditions(contact_angle=30.0, site_density=1e3, volume=1.0, time=0.5)
    assert fired.expected_events(sites)["value"] == pytest.approx(1e3 * (1 - math.exp(-0.5)))


def test_draws_are_the_same_whenever_asked(model: KineticsModel) -> None:
    asked = NucleationConditions(contact_angle=60.0, site_density=1e10)
    first, second = (rate_draws(model.interfacial_energies["Al"], 600.0, asked) for _ in range(2))
    np.testing.assert_array_equal(first.log10_rate, second.log10_rate)
    assert first.log10_site_rate is not None
    bigger = rate_draws(model.interfacial_energies["Al"], 600.0, replace(asked, site_area=1e-10))
    assert bigger.log10_site_rate is not None
    np.testing.assert_allclose(bigger.log10_site_rate - first.log10_site_rate, 2)


def test_an_interfacial_energy_of_another_potential_is_not_used(model: KineticsModel) -> None:
    records = list(load_records("nuclei"))
    found, notes = interfacial_energies(records, model.records, {"Al": StatedPotential("other", "f" * 64)})
    assert set(found) == {"Cu"}
    assert len(notes) == 1
    assert "another potential" in notes[0]
    found, notes = interfacial_energies(records, [], {})
    assert not found
    assert all("no record tells the melting point" in note for note in notes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"contact_angle": 0.0, "site_density": 1.0}, "outside (0, 180]"),
        ({"contact_angle": 30.0}, "go together"),
        ({"site_density": 1e12}, "go together"),
        ({"volume": -1.0}, "volume=-1"),
        ({"time": math.nan}, "time=nan"),
    ],
)
def test_conditions_without_meaning_are_refused(words: dict[str, float], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        NucleationConditions(**words)
    assert said in str(caught.value)


def test_the_command_tells_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "--material", "Al", "--orientation", "100", "--temperature", "640:880:3"]
    words += ["--contact-angle", "30", "--site-density", "1e12", "--volume", "1e-9"]
    result = CliRunner().invoke(app, [*words, "--csv", str(tmp_path / "al.csv"), "--json"])
    assert result.exit_code == 0, result.output
    documents = json.loads(result.stdout)
    assert [entry["expected_events"]["volume"] for entry in documents] == [1e-9] * 3
    assert documents[0]["outside_training"] == []
    assert "nucleation_rate" in documents[1]["outside_training"]
    assert "expected_events" in (tmp_path / "al.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    result = CliRunner().invoke(app, [*words[:5], "--temperature", "880"])
    assert "crystals expected" in result.stdout
    assert "standard deviations in decades: statistical" in result.stdout
    assert run(["predict", "--records", "al-cu-si", "--volume", "1e-9"]) == 2
    assert "--volume states a melt" in capsys.readouterr().err
