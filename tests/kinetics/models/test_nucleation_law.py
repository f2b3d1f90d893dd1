"""Nucleation: from waiting times to labels, and from a handful of labels to rates with honest widths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.models.nucleation import BARRIER_SPREAD, MATERIAL_SPREAD, MISFIT, nucleation_posterior
from nakaya.kinetics.models.physics import nucleation_physics
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.statistics import log_of_mean_count
from nakaya.md.tables import tabulate
from nakaya.records.record import Record
from support.synthetic_growth import SyntheticGrowth
from support.synthetic_nucleation import synthetic_quenches

TARGET = "nucleation_rate"
BULK = [record for record in SyntheticGrowth().records() if "growth_velocity" not in record.quantities]
TABLES = {material: tabulate(material, BULK) for material in ("Al", "Cu", "Si")}
CONDITIONS = (("Al", 440.0), ("Al", 465.0), ("Cu", 610.0), ("Cu", 650.0))
RATE = 3e35
FOUR_SIGMA_OF_150 = 0.25
"""Four standard errors of a standard deviation over 150 repeats, 4 / sqrt(2 x 150), and some more for the tails."""


def samples_at(conditions: Sequence[tuple[str, float]] = CONDITIONS, rate: float = RATE) -> list[Sample]:
    records = [record for material, kelvin in conditions for record in synthetic_quenches(material, kelvin, rate)]
    return list(nucleation_samples(records, TABLES))


def relabelled(samples: Sequence[Sample], log10_rates: np.ndarray, decades: float = 0.0) -> list[Sample]:
    """The samples with other labels, each with an error in decades."""
    return [
        replace(
            sample,
            labels={TARGET: Label(TARGET, "1/(m^3 s)", 10.0**value, 10.0**value * math.log(10) * decades, ("other",))},
        )
        for sample, value in zip(samples, log10_rates.tolist(), strict=True)
    ]


def log10_labels(samples: Sequence[Sample]) -> np.ndarray:
    return np.array([math.log10(sample.labels[TARGET].value) for sample in samples])


def width(samples: Sequence[Sample]) -> float:
    (sample,) = samples
    return sample.labels[TARGET].standard_error / sample.labels[TARGET].value


def test_labels_scatter_about_the_truth_as_widely_as_they_say() -> None:
    errors, stated = [], []
    for repeat in range(150):
        seeds = range(10 * repeat, 10 * repeat + 10)
        (sample,) = nucleation_samples(synthetic_quenches("Cu", 650.0, RATE, seeds=seeds), TABLES)
        errors.append(math.log(sample.labels[TARGET].value / RATE))
        stated.append(width([sample]))
    assert np.std(errors) == pytest.approx(np.mean(stated), rel=FOUR_SIGMA_OF_150)
    assert abs(np.mean(errors)) < 0.3 * np.mean(stated)
    assert np.mean(np.abs(errors) < 1.645 * np.array(stated)) == pytest.approx(0.9, abs=0.08)


def test_fewer_events_make_wider_labels() -> None:
    widths = [
        width(nucleation_samples(synthetic_quenches("Cu", 650.0, RATE, seeds=range(count)), TABLES))
        for count in (3, 10, 40)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[2] == pytest.approx(1 / math.sqrt(39), rel=0.02)


def test_quenches_without_a_crystal_lower_the_rate() -> None:
    seen = synthetic_quenches("Cu", 650.0, RATE, seeds=range(10))
    assert all(record.status == "ok" for record in seen)
    waited = [record for seed in range(10, 15) for record in [never(seen[0], seed, 300e-12)]]
    (alone,) = nucleation_samples(seen, TABLES)
    (together,) = nucleation_samples([*seen, *waited], TABLES)
    assert together.labels[TARGET].value < alone.labels[TARGET].value
    # The same events in more volume and time: the rate falls by just that.
    times = np.array([record.quantities["waiting_time"].value for record in seen])
    before = (times - times.min()).sum()
    after = before + 5 * (300e-12 - times.min())
    assert together.labels[TARGET].value / alone.labels[TARGET].value == pytest.approx(before / after)
    assert width([together]) == pytest.approx(width([alone]))


def never(record: Record, seed: int, waited: float) -> Record:
    """A quench in which nothing happened."""
    time = replace(record.quantities["waiting_time"], values=np.array(waited))
    return replace(
        record, id=f"nucleation-Cu-650K-s{seed}", status="censored", flags=["nothing"],
        quantities={"waiting_time": time}, provenance=replace(record.provenance, seeds=(seed,)),
    )  # fmt: skip


def test_no_crystal_is_no_label_and_one_is_hardly_one() -> None:
    quiet = synthetic_quenches("Cu", 650.0, 1e20)
    assert all(record.status == "censored" for record in quiet)
    assert nucleation_samples(quiet, TABLES) == ()
    seen = synthetic_quenches("Cu", 650.0, RATE, seeds=[99])
    # The one event fixes the lag, and none is counted after it.
    (once,) = nucleation_samples([*quiet, *seen], TABLES)
    assert width([once]) == pytest.approx(log_of_mean_count(0).standard_error)
    assert width([once]) > 2
    assert nucleation_samples(seen, {}) == ()


def test_the_law_that_made_the_rates_is_found() -> None:
    blank = samples_at((*CONDITIONS, ("Cu", 700.0), ("Al", 500.0)))
    physics = nucleation_physics(blank)
    truth = physics.log10_prefactor + 0.7 - 1.3 * physics.barrier
    exact = relabelled(blank, truth)
    found = nucleation_posterior(exact, truth)
    means, deviations = found.predict(exact)
    assert means == pytest.approx(truth, abs=MISFIT)  # priors pull a little
    assert (deviations >= MISFIT).all()
    assert abs(found.mean[1] - 1.3) < abs(1.0 - 1.3)
    assert found.covariance[1, 1] < BARRIER_SPREAD**2


def test_the_form_is_that_of_classical_theory() -> None:
    """ln J is a straight line against 1/(T delta-mu^2) once the prefactor is taken out."""
    asked = samples_at(tuple(("Cu", float(kelvin)) for kelvin in range(560, 760, 20)))
    means, _ = nucleation_posterior(asked[:3], log10_labels(asked[:3])).predict(asked)
    prefactors = nucleation_physics(asked).log10_prefactor
    table = TABLES["Cu"]
    assert table.latent_heat is not None
    inverse = np.array([
        table.latent_heat((s.temperature + table.melting_temperature) / 2) ** 3
        / (s.temperature**3 * table.driving_force(s.temperature) ** 2)
        for s in asked
    ])  # fmt: skip
    line = np.polyfit(inverse, means - prefactors, 1)
    np.testing.assert_allclose(np.polyval(line, inverse), means - prefactors, atol=1e-9)
    assert line[0] < 0


def test_predictions_widen_away_from_the_training_and_with_noisier_labels() -> None:
    training = samples_at()
    asked = samples_at((("Cu", 630.0), ("Cu", 700.0), ("Cu", 800.0), ("Cu", 1000.0)))
    law = find_model("nucleation-law")
    sure = law.fit(relabelled(training, log10_labels(training), 0.1), TARGET, {}, seed=0).predict(asked)
    unsure = law.fit(relabelled(training, log10_labels(training), 0.6), TARGET, {}, seed=0).predict(asked)
    assert (np.diff(sure.standard_deviation) > 0).all()
    assert sure.standard_deviation[-1] > 2  # decades: next to nothing is known there
    assert (unsure.standard_deviation > sure.standard_deviation).all()
    # Not only because a new label is noisier as well: noisy labels teach less.
    learned = [
        nucleation_posterior(relabelled(training, log10_labels(training), decades), log10_labels(training))
        for decades in (0.1, 0.6)
    ]
    assert (learned[1].predict(asked)[1] > learned[0].predict(asked)[1]).all()


def test_a_material_that_was_never_seen_has_a_prefactor_of_its_own() -> None:
    copper = samples_at((("Cu", 610.0), ("Cu", 650.0)))
    found = nucleation_posterior(copper, log10_labels(copper))
    strangers = [replace(sample, material="Ni") for sample in copper]  # as copper in everything but its name
    known, unknown = found.predict(copper)[1], found.predict(strangers)[1]
    # Copper's share is known only together with the common prefactor: a stranger misses both, and adds its own.
    assert (unknown**2 > known**2 + 1.5 * MATERIAL_SPREAD**2).all()


def test_ninety_per_cent_intervals_hold_between_the_temperatures_of_the_training() -> None:
    blank = samples_at((*CONDITIONS, ("Cu", 630.0), ("Al", 452.0)))
    physics = nucleation_physics(blank)
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(150):
        scale, shift = 1 + BARRIER_SPREAD * rng.standard_normal(), 2 * rng.standard_normal()
        truth = physics.log10_prefactor + shift - scale * physics.barrier + MISFIT * rng.standard_normal(len(blank))
        labels = truth + 0.15 * rng.standard_normal(len(blank))
        seen = relabelled(blank, labels, 0.15)
        told = find_model("nucleation-law").fit(seen[:4], TARGET, {}, seed=0).predict(seen[4:])
        inside += (np.abs(told.mean - labels[4:]) < 1.645 * told.standard_deviation).tolist()
    assert np.mean(inside) == pytest.approx(0.9, abs=0.07)


def test_arrhenius_of_rates_is_a_straight_line() -> None:
    blank = samples_at()
    labels = np.array([60.0 - 12_000 / sample.temperature for sample in blank])
    found = find_model("arrhenius-rate").fit(relabelled(blank, labels), TARGET, {}, seed=0)
    assert found.predict(blank).mean == pytest.approx(labels, abs=0.1)
    with pytest.raises(ParameterError, match="law of nucleation_rate"):
        find_model("arrhenius-rate").fit(blank, "growth_velocity", {}, seed=0)
