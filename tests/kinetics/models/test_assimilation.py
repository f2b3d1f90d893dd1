"""A noiseless measurement wins over a law, a noisy one loses, and what is not looked at changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.assimilation import (
    MAX_GAIN,
    MIN_GAIN,
    USUAL_GAIN,
    early_velocities,
    fitted_gain,
    held_out_law,
)
from nakaya.kinetics.models.baselines.fitting import label_values
from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.samples.arranging import Arrangement, arrange_fold
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample
from nakaya.testing.synthetic_growth import SyntheticGrowth

TARGET = "growth_velocity"
PAIRS = (("Al", "100"), ("Al", "110"), ("Cu", "100"), ("Cu", "110"))
GAIN_ERROR = 0.1
"""A gain from some sixty noisy rows, four standard errors."""


@pytest.fixture(scope="module")
def held() -> Arrangement:
    growth = SyntheticGrowth(noise=4e-5, seeds=(0, 1, 2), pairs=PAIRS)
    return arrange_fold(read_corpus(growth.records(), graphs=False), "B", TARGET, "temperature", 1)


def measured(samples: tuple[Sample, ...], early: np.ndarray) -> tuple[Sample, ...]:
    return tuple(
        replace(sample, pooled={**sample.pooled, EARLY_VELOCITY: float(value)})
        for sample, value in zip(samples, early, strict=True)
    )


def labelled(samples: tuple[Sample, ...], values: np.ndarray) -> tuple[Sample, ...]:
    return tuple(
        replace(sample, labels={TARGET: Label(TARGET, "m/s", float(value), 1.0, ("another",))})
        for sample, value in zip(samples, values, strict=True)
    )


def test_the_gain_is_that_of_a_kalman_filter(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    law = held_out_law(held.train, labels)
    rng = np.random.default_rng(0)
    truth = law + rng.normal(0, 20, len(law))  # the law is off by 20, the measurement by 20 or 60
    for error, gain in ((20.0, 0.5), (60.0, 0.1)):
        early = truth + rng.normal(0, error, len(law))
        # The law is fitted to the labels: those stay, and the truth is compared with it by hand.
        apart = early - law
        assert (apart * (truth - law)).sum() / (apart**2).sum() == pytest.approx(gain, abs=2 * GAIN_ERROR)
    assert fitted_gain(measured(held.train, labels), labels) == MAX_GAIN
    noise = rng.normal(0, 1e5, len(labels))
    assert fitted_gain(measured(held.train, noise), labels) == MIN_GAIN


def test_where_nothing_was_measured_there_is_no_choice(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    blind = measured(held.train, np.full(len(labels), np.nan))
    assert fitted_gain(blind, labels) == USUAL_GAIN
    assert np.isnan(early_velocities(blind)).all()
    one = [number for number, sample in enumerate(held.train) if (sample.material, sample.orientation) == PAIRS[0]]
    assert np.isnan(held_out_law([held.train[number] for number in one], labels[one])).all()


def test_the_held_out_law_has_not_seen_the_labels_of_its_pair(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    own = np.array([(sample.material, sample.orientation) == PAIRS[0] for sample in held.train])
    before, after = held_out_law(held.train, labels), held_out_law(held.train, np.where(own, 1000.0, labels))
    assert np.array_equal(before[own], after[own])
    assert not np.array_equal(before[~own], after[~own])


def test_law_and_slope_is_the_law_without_a_measurement_and_moves_by_the_gain_with_one(held: Arrangement) -> None:
    fitted = find_model("law-and-slope").fit(held.train, TARGET, {}, seed=0)
    law = find_model("growth-law").fit(held.train, TARGET, {}, seed=0).predict(held.test).mean
    blind = fitted.predict(measured(held.test, np.full(len(held.test), np.nan))).mean
    assert np.array_equal(blind, law)
    gain = fitted_gain(held.train, label_values(held.train, TARGET))
    moved = fitted.predict(measured(held.test, law + 10.0)).mean
    assert moved == pytest.approx(law + 10.0 * gain)


def test_the_network_starts_from_the_same_mixture(held: Arrangement) -> None:
    torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.kinetics.models.msgnn.laws import NUM_RAW, VelocityLaw

    labels = label_values(held.train, TARGET)
    law = VelocityLaw()
    law.settle(held.train, labels)
    nothing, seen = torch.zeros(len(held.test), NUM_RAW), torch.ones(len(held.test))

    def mean(samples: tuple[Sample, ...], seen: object) -> np.ndarray:
        return np.asarray(law(nothing, law.rows(samples), seen)[0], dtype=np.float64)

    bare = mean(held.test, 0 * seen)
    assert mean(measured(held.test, np.full(len(held.test), np.nan)), seen) == pytest.approx(bare)
    moved = mean(measured(held.test, bare + 10.0), seen)
    assert moved - bare == pytest.approx(10.0 * fitted_gain(held.train, labels), rel=1e-4)


def test_a_wrong_label_of_the_test_changes_nothing(held: Arrangement) -> None:
    fitted = find_model("law-and-slope").fit(held.train, TARGET, {}, seed=0)
    other = labelled(held.test, np.full(len(held.test), -500.0))
    assert np.array_equal(fitted.predict(held.test).mean, fitted.predict(other).mean)
