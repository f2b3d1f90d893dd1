"""The head of the nucleation rate: classical theory first, its uncertainty always, residuals within bounds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nakaya.kinetics.models.catalogue import find_model
from nakaya.kinetics.models.msgnn.ensemble import MsgnnPredictor
from nakaya.kinetics.models.msgnn.files import load_predictor, save_predictor
from nakaya.kinetics.models.msgnn.laws import MAX_DECADES, NUM_RAW, NucleationLaw, make_law
from nakaya.kinetics.models.nucleation import nucleation_posterior
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.tables import tabulate
from support.synthetic_growth import SyntheticGrowth
from support.synthetic_nucleation import synthetic_quenches

TARGET = "nucleation_rate"
SINGLE = 1e-4
"""Decades: numbers of size 40 in single precision, a few of them added."""

QUICK = {"updates": 10.0, "members": 2.0}


def samples_at(*conditions: tuple[str, float, float]) -> list[Sample]:
    bulk = [record for record in SyntheticGrowth().records() if "growth_velocity" not in record.quantities]
    tables = {material: tabulate(material, bulk) for material in ("Al", "Cu")}
    quenches = [record for condition in conditions for record in synthetic_quenches(*condition)]
    return list(nucleation_samples(quenches, tables))


@pytest.fixture(scope="module")
def training() -> list[Sample]:
    return samples_at(("Al", 440.0, 1e36), ("Al", 465.0, 4e35), ("Cu", 610.0, 6e35), ("Cu", 650.0, 2e35))


@pytest.fixture(scope="module")
def elsewhere() -> list[Sample]:
    return samples_at(*(("Cu", kelvin, 5e35) for kelvin in (630.0, 700.0, 800.0, 1000.0)))


def labels_of(samples: list[Sample]) -> np.ndarray:
    return np.array([math.log10(sample.labels[TARGET].value) for sample in samples])


def test_without_residuals_the_head_is_the_posterior_of_classical_theory(
    training: list[Sample], elsewhere: list[Sample]
) -> None:
    law = make_law(TARGET, physics=True)
    assert isinstance(law, NucleationLaw)
    law.settle(training, labels_of(training))
    raw, seen = torch.zeros(len(elsewhere), NUM_RAW), torch.zeros(len(elsewhere))
    raw[:, 2] = -1e6  # as sure of itself as a network can be
    mean, spread = law(raw, law.rows(elsewhere), seen)
    means, deviations = nucleation_posterior(training, labels_of(training)).predict(elsewhere)
    assert mean.numpy() == pytest.approx(means, abs=SINGLE)
    assert (spread.numpy() >= deviations - SINGLE).all()  # whatever the network says, theory is not surer than it is
    assert spread.numpy() == pytest.approx(deviations, abs=0.1)
    assert (np.diff(spread.numpy()) > 0).all()


def test_residuals_are_bounded_and_a_stranger_is_known_less(training: list[Sample], elsewhere: list[Sample]) -> None:
    copper = [sample for sample in training if sample.material == "Cu"]
    law = make_law(TARGET, physics=True)
    law.settle(copper, labels_of(copper))
    rows = law.rows(elsewhere)
    seen = torch.zeros(len(elsewhere))
    middle = law.mean(torch.zeros(len(elsewhere), NUM_RAW), rows, seen)
    shifted = law.mean(torch.tensor([[0.0, 1e3, 0.0, 0.0]]).repeat(len(elsewhere), 1), rows, seen)
    assert (shifted - middle).numpy() == pytest.approx(MAX_DECADES, abs=SINGLE)
    aluminium = law.rows([sample for sample in training if sample.material == "Al"])
    unknown = aluminium.clone()
    aluminium[:, 2] = 29.0  # as if it were copper
    zeros, seen = torch.zeros(len(aluminium), NUM_RAW), torch.zeros(len(aluminium))
    assert (law(zeros, unknown, seen)[1] > law(zeros, aluminium, seen)[1]).all()


def test_a_fitted_ensemble_gives_means_and_variances_and_survives_the_disk(
    training: list[Sample], elsewhere: list[Sample], tmp_path: Path
) -> None:
    fitted = find_model("msgnn").fit(training, TARGET, QUICK, seed=0)
    assert isinstance(fitted, MsgnnPredictor)
    told = fitted.predict(elsewhere)
    means, deviations = nucleation_posterior(training, labels_of(training)).predict(elsewhere)
    assert (told.target, told.scale) == (TARGET, "log10")
    assert told.mean[0] == pytest.approx(means[0], abs=0.5)
    assert (told.standard_deviation >= deviations - SINGLE).all()
    save_predictor(fitted, tmp_path / "model")
    again = load_predictor(tmp_path / "model").predict(elsewhere)
    assert again.mean.tolist() == told.mean.tolist()
    assert again.standard_deviation.tolist() == told.standard_deviation.tolist()
    plain = find_model("msgnn").fit(training, TARGET, {**QUICK, "physics": 0.0}, seed=0).predict(elsewhere)
    assert np.ptp(plain.mean) < np.ptp(told.mean)  # nothing but numbers does not know that rates fall steeply
