"""A noiseless measurement wins over a law, a noisy one loses, and what is not looked at changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.models.assimilation import (
    MAX_GAIN,
    USUAL_GAINS,
    assimilated,
    fitted_gains,
    held_out_law,
    measurements,
)
from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.samples.arranging import Arrangement, arrange_fold
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.samples.pooled import EARLY_VELOCITY
from nakaya.kinetics.samples.sample import Sample, label_values
from support.synthetic_growth import SyntheticGrowth

TARGET = "growth_velocity"
PAIRS = (("Al", "100"), ("Al", "110"), ("Cu", "100"), ("Cu", "110"))
GAIN_ERROR = 0.06
"""Mean of gains from forty draws of noise on some sixty rows, and what the ridge takes."""


@pytest.fixture(scope="module")
def held() -> Arrangement:
    growth = SyntheticGrowth(noise=4e-5, seeds=(0, 1, 2), pairs=PAIRS)
    return arrange_fold(read_corpus(growth.records(), graphs=False), "B", TARGET, "temperature", 1)


def measured(samples: tuple[Sample, ...], early: np.ndarray, faces: np.ndarray | float = np.nan) -> tuple[Sample, ...]:
    """Samples with this early velocity, this one of the same face nearby, and none of other faces."""
    return tuple(
        replace(
            sample,
            pooled={**sample.pooled, EARLY_VELOCITY: float(value)},
            conditions={**sample.conditions, "velocity_own_face": float(face), "velocity_other_faces": np.nan},
        )
        for sample, value, face in zip(samples, early, np.broadcast_to(faces, early.shape), strict=True)
    )


def labelled(samples: tuple[Sample, ...], values: np.ndarray) -> tuple[Sample, ...]:
    return tuple(
        replace(sample, labels={TARGET: Label(TARGET, "m/s", float(value), 1.0, ("another",))})
        for sample, value in zip(samples, values, strict=True)
    )


def test_the_gains_are_those_of_a_kalman_filter(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    law = held_out_law(held.train, labels)
    off = float(np.sqrt(((law - labels) ** 2).mean()))
    rng = np.random.default_rng(0)

    def gains(early: float, face: float) -> np.ndarray:
        # The law is as far off as it is; what is measured is off by so many times that.
        noise = [rng.normal(0, factor * off, (40, len(labels))) for factor in (early, face)]
        found = [
            fitted_gains(measured(held.train, labels + one, labels + other), labels)
            for one, other in zip(*noise, strict=True)
        ]
        return np.mean(found, axis=0)

    assert gains(1.0, 1e9)[0] == pytest.approx(1 / 2, abs=GAIN_ERROR)
    assert gains(2.0, 1e9)[0] == pytest.approx(1 / 5, abs=GAIN_ERROR)
    assert gains(1.0, 1.0)[:2] == pytest.approx([1 / 3, 1 / 3], abs=GAIN_ERROR)
    assert gains(1.0, 0.5)[:2] == pytest.approx([1 / 6, 4 / 6], abs=GAIN_ERROR)


def test_a_measurement_without_noise_has_all_but_the_share_of_the_law(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    exact = fitted_gains(measured(held.train, labels), labels)
    assert MAX_GAIN - 0.05 < exact[0] <= MAX_GAIN  # the ridge takes a little
    assert exact[1:].tolist() == [0.0, 0.0]
    both = fitted_gains(measured(held.train, labels, labels), labels)
    assert both[0] == pytest.approx(both[1])
    assert both.sum() == pytest.approx(MAX_GAIN)


def test_where_nothing_was_measured_there_is_no_gain(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    blind = measured(held.train, np.full(len(labels), np.nan))
    assert np.isnan(measurements(blind)).all()
    assert fitted_gains(blind, labels).tolist() == [0.0, 0.0, 0.0]
    assert assimilated(labels, measurements(blind), np.array([0.5, 0.3, 0.1])) == pytest.approx(labels)
    one = [number for number, sample in enumerate(held.train) if (sample.material, sample.orientation) == PAIRS[0]]
    alone = [held.train[number] for number in one]
    assert np.isnan(held_out_law(alone, labels[one])).all()
    assert fitted_gains(alone, labels[one]).tolist() == list(USUAL_GAINS)


def test_the_held_out_law_has_not_seen_the_labels_of_its_pair(held: Arrangement) -> None:
    labels = label_values(held.train, TARGET)
    own = np.array([(sample.material, sample.orientation) == PAIRS[0] for sample in held.train])
    before, after = held_out_law(held.train, labels), held_out_law(held.train, np.where(own, 1000.0, labels))
    assert np.array_equal(before[own], after[own])
    assert not np.array_equal(before[~own], after[~own])


def test_assimilation_is_the_law_without_a_measurement_and_moves_by_the_gains_with_some(held: Arrangement) -> None:
    fitted = find_model("assimilation").fit(held.train, TARGET, {}, seed=0)
    law = find_model("growth-law").fit(held.train, TARGET, {}, seed=0).predict(held.test).mean
    nothing = np.full(len(held.test), np.nan)
    assert np.array_equal(fitted.predict(measured(held.test, nothing)).mean, law)
    gains = fitted_gains(held.train, label_values(held.train, TARGET))
    assert fitted.predict(measured(held.test, law + 10.0)).mean == pytest.approx(law + 10.0 * gains[0])
    moved = fitted.predict(measured(held.test, law + 10.0, law - 5.0)).mean
    assert moved == pytest.approx(law + 10.0 * gains[0] - 5.0 * gains[1])


def test_the_network_starts_from_the_same_mixture(held: Arrangement) -> None:
    torch = pytest.importorskip("torch", reason='networks need the extra "ml"')
    from nakaya.kinetics.models.msgnn.laws import NUM_RAW, VelocityLaw

    labels = label_values(held.train, TARGET)
    gains = fitted_gains(held.train, labels)
    law = VelocityLaw()
    law.settle(held.train, labels)
    raw, seen = torch.zeros(len(held.test), NUM_RAW), torch.ones(len(held.test))

    def mean(samples: tuple[Sample, ...], seen: object) -> np.ndarray:
        return np.asarray(law(raw, law.rows(samples), seen)[0], dtype=np.float64)

    nothing = np.full(len(held.test), np.nan)
    bare = mean(measured(held.test, nothing), seen)
    assert mean(measured(held.test, bare + 10.0), 0 * seen) == pytest.approx(bare)
    assert mean(measured(held.test, bare + 10.0), seen) - bare == pytest.approx(10.0 * gains[0], rel=1e-3)
    both = measured(held.test, bare + 10.0, bare + 20.0)
    assert mean(both, seen) - bare == pytest.approx(10.0 * gains[0] + 20.0 * gains[1], rel=1e-3)
    raw[:, 3], raw[:, 4] = 0.4, -0.3  # a correction of the odds, and shares that stay shares
    exact = measured(held.test, bare + 10.0, bare + 10.0)
    assert (mean(exact, seen) - bare < 10.0).all()
    assert (mean(both, seen) > bare).all()


def test_a_wrong_label_of_the_test_changes_nothing(held: Arrangement) -> None:
    fitted = find_model("assimilation").fit(held.train, TARGET, {}, seed=0)
    other = labelled(held.test, np.full(len(held.test), -500.0))
    assert np.array_equal(fitted.predict(held.test).mean, fitted.predict(other).mean)
