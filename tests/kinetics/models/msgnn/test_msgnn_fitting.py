"""Fits, files and settings of the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nakaya.core.errors import FormatError, InputFileError, ParameterError, UnknownNameError
from nakaya.kinetics.models.msgnn.config import DEFAULTS, SEARCH_SPACE, MsgnnConfig, read_settings
from nakaya.kinetics.models.msgnn.ensemble import Msgnn, make_msgnn, make_no_cross, make_no_graph, make_single_level
from nakaya.kinetics.models.msgnn.files import CONFIG_FILE, WEIGHTS_FILE, load_predictor, save_predictor
from nakaya.kinetics.models.protocol import KineticModel
from nakaya.kinetics.samples.sample import Sample

QUICK = {"members": 2.0, "updates": 4.0, "batch_size": 8.0, "dynamic_steps": 1.0}


def off_the_law(samples: list[Sample]) -> tuple[list[Sample], np.ndarray]:
    """Labels that no law of the conditions gives: up to 40 % off, at random."""
    factors = np.random.default_rng(5).uniform(0.6, 1.4, len(samples))
    found = [
        replace(
            sample,
            labels={"growth_velocity": replace(label, value=label.value * factor)},
        )
        for sample, factor in zip(samples, factors, strict=True)
        for label in [sample.labels["growth_velocity"]]
    ]
    return found, np.array([sample.labels["growth_velocity"].value for sample in found])


@pytest.mark.parametrize("physics", [0.0, 1.0])
def test_it_overfits_eight_samples(physics: float, samples: list[Sample]) -> None:
    eight, labels = off_the_law(samples)
    settings = {
        "members": 1.0, "updates": 120.0, "batch_size": 8.0, "patch_atoms": 24.0, "dynamic_steps": 1.0, "dropout": 0.0,
        "weight_decay": 1e-4, "learning_rate": 0.01, "physics": physics,
    }  # fmt: skip
    found = make_msgnn().fit(eight, "growth_velocity", settings, seed=0).predict(eight)
    misfit = np.sqrt(((found.mean - labels) ** 2).mean())
    law = np.sqrt(((np.array([s.labels["growth_velocity"].value for s in samples]) - labels) ** 2).mean())
    assert misfit < 0.15 * law


def test_the_same_seed_gives_the_same_model_and_another_one_another(samples: list[Sample]) -> None:
    first, again, other = (
        make_msgnn().fit(samples, "growth_velocity", QUICK, seed=seed).predict_members(samples) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - other[0]).max() > 1e-3
    assert np.abs(first[0][0] - first[0][1]).max() > 1e-3  # members differ too


def test_labels_and_their_seeds_are_not_looked_at_in_prediction(samples: list[Sample]) -> None:
    fitted = make_no_cross().fit(samples, "growth_velocity", QUICK, seed=0)
    bare = [replace(sample, labels={}, record_id="x", condition="y", seed=99) for sample in samples]
    np.testing.assert_array_equal(fitted.predict(samples).mean, fitted.predict(bare).mean)


def test_conditions_alone_are_enough(sample_maker: Callable[..., Sample]) -> None:
    bare = [sample_maker(seed, temperature=800 + 80 * seed, evidence="A", facets=False) for seed in range(6)]
    models: list[KineticModel] = [make_msgnn(), make_single_level(), make_no_cross(), make_no_graph()]
    assert [model.name for model in models] == ["msgnn", "gnn-single-level", "msgnn-no-cross", "msgnn-no-graph"]
    for model in models:
        found = model.fit(bare, "growth_velocity", QUICK, seed=0).predict(bare)
        assert np.isfinite(found.mean).all()
        assert (found.standard_deviation > 0).all()


def test_the_sign_of_the_velocity_turns_at_the_melting_point(sample_maker: Callable[..., Sample]) -> None:
    bare = [sample_maker(seed, temperature=800 + 40 * seed, evidence="A") for seed in range(9)]  # all below
    fitted = make_msgnn().fit(bare, "growth_velocity", {**QUICK, "updates": 30.0}, seed=0)
    beyond = [sample_maker(0, temperature=kelvin, evidence="A") for kelvin in (1250.0, 1400.0)]
    below, above = fitted.predict(beyond).mean
    assert below > 0 > above


def test_progress_is_told(samples: list[Sample]) -> None:
    told: list[float] = []
    make_single_level().fit(samples, "growth_velocity", QUICK, seed=0, report=lambda share, _: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) == 8


def test_a_saved_model_comes_back(samples: list[Sample], tmp_path: Path) -> None:
    for name, settings in (("own", {}), ("shared", {"share_weights": 1.0})):
        fitted = make_msgnn().fit(samples, "growth_velocity", {**QUICK, **settings}, seed=0)
        save_predictor(fitted, tmp_path / name, about={"records": 8})
        read = load_predictor(tmp_path / name)
        for one, other in zip(fitted.predict_members(samples), read.predict_members(samples), strict=True):
            np.testing.assert_array_equal(one, other)
        assert json.loads((tmp_path / name / CONFIG_FILE).read_text())["about"] == {"records": 8}


def test_damaged_files_are_refused(samples: list[Sample], tmp_path: Path) -> None:
    fitted = make_single_level().fit(samples, "growth_velocity", {**QUICK, "members": 1.0}, seed=0)
    save_predictor(fitted, tmp_path)
    config, weights = (tmp_path / CONFIG_FILE).read_bytes(), (tmp_path / WEIGHTS_FILE).read_bytes()
    document = json.loads(config)
    narrow = {**document, "config": {**document["config"], "width_atom": 8}}
    columns = json.loads(config)
    columns["encoding"]["globals"]["mean"].pop()
    for damaged in (
        b"", b"{", b"[]", b'{"format": 1}', config[: len(config) // 2],
        json.dumps({**document, "kind": "cgne"}).encode(), json.dumps({**document, "format": 2}).encode(),
        json.dumps({**document, "members": 2}).encode(), json.dumps({**document, "target": "price"}).encode(),
        json.dumps(narrow).encode(), json.dumps(columns).encode(),
    ):  # fmt: skip
        (tmp_path / CONFIG_FILE).write_bytes(damaged)
        with pytest.raises(FormatError):
            load_predictor(tmp_path)
    (tmp_path / CONFIG_FILE).write_bytes(config)
    for damaged in (weights[:-1], weights + b"x", bytes(len(weights)), b""):
        (tmp_path / WEIGHTS_FILE).write_bytes(damaged)
        with pytest.raises(FormatError):
            load_predictor(tmp_path)
    (tmp_path / WEIGHTS_FILE).unlink()
    with pytest.raises(InputFileError, match="cannot read the model"):
        load_predictor(tmp_path)


def test_settings_are_checked() -> None:
    assert read_settings({}) == MsgnnConfig()
    assert {parameter.name for parameter in SEARCH_SPACE} == set(DEFAULTS)
    for parameter in SEARCH_SPACE:
        parameter.check(DEFAULTS[parameter.name])
        for value in (parameter.low, parameter.high):
            read_settings({parameter.name: value})
    with pytest.raises(UnknownNameError, match="depth_atom"):
        read_settings({"depth_atoms": 2.0})
    with pytest.raises(ParameterError, match="heads=3"):
        read_settings({"heads": 3.0})
    with pytest.raises(ParameterError, match="share_weights"):
        read_settings({"share_weights": 1.0, "width_atom": 8.0})
    assert read_settings({"multi_scale": 1.0}, fixed=make_single_level().fixed).multi_scale == 0


def test_what_cannot_be_learned_is_said(samples: list[Sample]) -> None:
    model = Msgnn()
    with pytest.raises(ParameterError, match="no label of nucleation_rate"):
        model.fit(samples, "nucleation_rate", QUICK, seed=0)
    with pytest.raises(ParameterError, match="none of growth_velocity"):
        model.fit(samples, "colour", QUICK, seed=0)
    with pytest.raises(ParameterError, match="1 samples"):
        model.fit(samples[:1], "growth_velocity", QUICK, seed=0)
    unknown = [replace(sample, table=replace(sample.table, latent_heat=None)) for sample in samples]
    with pytest.raises(ParameterError, match="latent heat of Cu"):
        model.fit(unknown, "growth_velocity", QUICK, seed=0)
    fitted = model.fit(unknown, "growth_velocity", {**QUICK, "physics": 0.0}, seed=0)
    assert np.isfinite(fitted.predict(unknown).mean).all()
