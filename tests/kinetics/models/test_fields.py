"""Shear rates among the conditions: a feature where there are any, and refused where a model knows nothing of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.facets import training_velocities
from nakaya.kinetics.models.baselines.features import Encoder, numbers
from nakaya.kinetics.models.baselines.tabular import make_ridge
from nakaya.kinetics.models.catalogue import MODELS, find_model
from nakaya.kinetics.prediction.model import load_model
from nakaya.kinetics.prediction.predicting import conditions_sample, predict_sample, record_sample
from nakaya.kinetics.samples.arranging import all_samples
from nakaya.kinetics.samples.corpus import read_corpus
from nakaya.kinetics.samples.nucleation import nucleation_samples
from nakaya.kinetics.samples.sample import Sample
from nakaya.kinetics.suggestion.planning import condition_of
from nakaya.md.interface_velocities import growth_points
from nakaya.md.tables import tabulate
from nakaya.records.record import Record, fields_of, single
from support.synthetic_growth import SyntheticGrowth
from support.synthetic_nucleation import synthetic_quenches

TARGET = "growth_velocity"
SLOWED = 0.5
"""What the shear leaves of a velocity in these records."""

GROWTH = SyntheticGrowth(pairs=(("Cu", "100"), ("Cu", "111")), seeds=(0, 1)).records()


def sheared(record: Record, rate: float = 1e10) -> Record:
    """The same run in a sheared melt."""
    quantities = dict(record.quantities)
    if TARGET in quantities:
        quantities[TARGET] = single(SLOWED * quantities[TARGET].value, "m/s", uncertainty=1.0)
    conditions = {**record.conditions, "shear_rate": single(rate, "1/s")}
    return replace(record, id=f"{record.id}-sheared", conditions=conditions, quantities=quantities)


RUNS = [record for record in GROWTH if TARGET in record.quantities]
MIXED = [*GROWTH, *(sheared(record) for record in RUNS)]


def growth_samples(records: list[Record]) -> tuple[Sample, ...]:
    return all_samples(read_corpus(records, graphs=False), "A", TARGET)


def test_sheared_runs_are_conditions_of_their_own() -> None:
    at_rest, mixed = growth_samples(GROWTH), growth_samples(MIXED)
    assert len(mixed) == 2 * len(at_rest)
    assert len({sample.condition for sample in mixed}) == len(mixed)
    names = {sample.condition for sample in mixed} - {sample.condition for sample in at_rest}
    assert all(name.endswith("-shear_rate=1e+10") for name in names)


def test_runs_at_rest_have_the_columns_that_they_had() -> None:
    rows = [numbers(sample) for sample in growth_samples(GROWTH)]
    assert "shear_rate" not in Encoder.fit(rows).names
    mixed = [numbers(sample) for sample in growth_samples(MIXED)]
    assert "shear_rate" in Encoder.fit(mixed).names
    assert {row["shear_rate"] for row in mixed} == {0.0, 1e10}  # at rest is zero, not unknown


@pytest.mark.parametrize("name", ["ridge", "boosting"])
def test_a_model_that_saw_shear_tells_sheared_velocities_from_those_at_rest(name: str) -> None:
    samples = growth_samples(MIXED)
    means = find_model(name).fit(samples, TARGET, find_model(name).defaults, seed=0).predict(samples).mean
    is_sheared = np.array(["shear_rate" in sample.condition for sample in samples])
    truth = np.array([sample.labels[TARGET].value for sample in samples])
    assert truth[is_sheared].mean() == pytest.approx(SLOWED * truth[~is_sheared].mean(), rel=0.05)
    assert means[is_sheared].mean() == pytest.approx(truth[is_sheared].mean(), rel=0.2)
    assert means[~is_sheared].mean() == pytest.approx(truth[~is_sheared].mean(), rel=0.2)


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if "A" in entry.evidence and not entry.graphs])
def test_no_model_predicts_a_sheared_run_that_never_saw_one(name: str) -> None:
    if TARGET in MODELS[name].targets:
        samples, asked = growth_samples(GROWTH), growth_samples(MIXED)
        target = TARGET
    else:
        tables = {"Cu": tabulate("Cu", GROWTH)}
        quenches = [run for kelvin in (600.0, 630.0, 650.0) for run in synthetic_quenches("Cu", kelvin, 3e35)]
        samples = nucleation_samples(quenches, tables)
        asked = nucleation_samples([sheared(run) for run in quenches], tables)
        target = "nucleation_rate"
    model = find_model(name)
    fitted = model.fit(samples, target, model.defaults, seed=0)
    fitted.predict(samples)
    with pytest.raises(ParameterError, match=r"shear_rate=1e\+10 1/s is outside of the training, 0 to 0 1/s"):
        fitted.predict(asked)


@pytest.mark.parametrize("name", ["mean", "growth-law", "assimilation", "arrhenius"])
def test_a_law_that_does_not_look_at_shear_does_not_learn_from_it(name: str) -> None:
    model = find_model(name)
    with pytest.raises(ParameterError, match="does not look at shear_rate"):
        model.fit(growth_samples(MIXED), TARGET, model.defaults, seed=0)


def test_a_table_without_the_shear_rate_does_not_learn_from_sheared_runs() -> None:
    model = make_ridge(columns=lambda sample: {"temperature": sample.temperature})
    model.fit(growth_samples(GROWTH), TARGET, model.defaults, seed=0)
    with pytest.raises(ParameterError, match="does not look at shear_rate"):
        model.fit(growth_samples(MIXED), TARGET, model.defaults, seed=0)


def test_rates_are_learned_shear_rate_by_shear_rate() -> None:
    quenches = synthetic_quenches("Cu", 630.0, 3e35)
    tables = {"Cu": tabulate("Cu", GROWTH)}
    mixed = [*quenches, *(sheared(run) for run in quenches)]
    assert [sample.conditions["shear_rate"] for sample in nucleation_samples(mixed, tables)][1] == 1e10
    assert len(nucleation_samples(mixed, tables)) == 2


def test_velocities_of_faces_and_laws_of_growth_are_those_of_melts_at_rest() -> None:
    kelvin = RUNS[0].conditions["temperature"].value
    assert fields_of(sheared(RUNS[0])) == ("shear_rate",)
    assert training_velocities(MIXED, "Cu", kelvin).velocities == training_velocities(GROWTH, "Cu", kelvin).velocities
    assert growth_points(MIXED) == growth_points(GROWTH)


def test_no_run_is_suggested_from_a_sheared_one() -> None:
    assert condition_of(RUNS[0]).material == "Cu"
    with pytest.raises(ParameterError, match="has shear_rate among its conditions"):
        condition_of(sheared(RUNS[0]))


def test_the_shipped_model_gives_no_number_for_a_sheared_melt_and_says_why() -> None:
    model = load_model()
    sample = conditions_sample("Cu", "100", 630.0, model)
    found = predict_sample(replace(sample, conditions={**sample.conditions, "shear_rate": 1e10}), model)
    assert all(found[name]["value"] is None for name in ("growth_velocity", "nucleation_rate", "characteristic_length"))
    assert any("shear_rate=1e+10 1/s is outside of the training" in warning for warning in found["warnings"])
    assert predict_sample(sample, model)["nucleation_rate"]["value"] is not None


def test_a_network_that_never_saw_shear_refuses_it() -> None:
    pytest.importorskip("torch", reason='kinetics models need the extra "ml"')
    model = load_model()
    record = next(entry for entry in model.records if entry.id == "growth-Cu-100-1009K-s0")
    network = next(part for part in model.card.parts if part.evidence == "B" and part.model == "msgnn")
    asked = [record_sample(entry, None, model) for entry in (record, sheared(record))]
    model.predictor(network).predict(asked[:1])
    with pytest.raises(ParameterError, match="shear_rate"):
        model.predictor(network).predict(asked)
