"""Columns on a common scale: names find them, units do not matter, what is not known is the mean and says so."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.documents import plain
from nakaya.kinetics.models.msgnn.columns import CLIP, Columns, fit_columns

FLOAT32 = 1e-4
"""What is encoded is float32, of values up to CLIP."""

NAMES = ("energy", "temperature", "thickness")


def table(seed: int, rows: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal([0.0, 1200.0, 5e-9], [1.0, 100.0, 1e-9], size=(rows, 3))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_what_was_trained_on_has_mean_zero_and_deviation_one(seed: int) -> None:
    values = table(seed)
    found = fit_columns([(NAMES, values)]).encode(NAMES, values)
    inside = np.abs(found).max() < CLIP
    assert not inside or np.allclose(found.mean(axis=0), 0, atol=FLOAT32)
    assert not inside or np.allclose(found.std(axis=0), 1, atol=FLOAT32)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(3)), st.integers(1, 39))
def test_neither_the_order_of_columns_nor_the_cut_into_tables_matters(seed: int, order: list[int], cut: int) -> None:
    values = table(seed)
    columns = fit_columns([(NAMES, values)])
    parts = fit_columns([(NAMES, values[:cut]), (NAMES, values[cut:])])
    np.testing.assert_allclose(parts.encode(NAMES, values), columns.encode(NAMES, values), atol=FLOAT32)
    names = [NAMES[number] for number in order]
    np.testing.assert_array_equal(columns.encode(names, values[:, order]), columns.encode(NAMES, values))
    wider = np.column_stack([np.full(len(values), 1e30), values])
    np.testing.assert_array_equal(columns.encode(("new", *NAMES), wider), columns.encode(NAMES, values))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-9, 1e9), st.floats(-1e3, 1e3))
def test_units_do_not_matter(seed: int, factor: float, offset: float) -> None:
    values = table(seed)[:, :1]
    changed = factor * (values + offset)
    told = fit_columns([(("energy",), values)]).encode(("energy",), values)
    np.testing.assert_allclose(fit_columns([(("energy",), changed)]).encode(("energy",), changed), told, atol=2e-3)


def test_what_is_not_known_is_the_mean_and_says_so_where_training_did_not_know_it_either() -> None:
    values = table(0)
    values[::4, 1] = np.nan
    columns = fit_columns([(NAMES, values)])
    assert columns.flagged.tolist() == [False, True, False]
    assert columns.width == 4
    asked = values[:1].copy()
    asked[0, 1:] = np.nan
    energy, temperature, thickness, known = columns.encode(NAMES, asked)[0]
    assert energy != 0
    assert (temperature, thickness, known) == (0, 0, 0)
    assert columns.encode(NAMES, values[1:2])[0, 3] == 1
    assert columns.encode(("energy",), values[:1, :1])[0, 1:].tolist() == [0, 0, 0]  # a missing column is not known


def test_constants_say_nothing_and_outliers_do_not_rule() -> None:
    values = table(1)
    values[:, 0] = 0.1 + 0.2  # a sum whose mean is rounded
    columns = fit_columns([(NAMES, values)])
    told = columns.encode(NAMES, np.array([[1e9, 1e9, -1.0]]))[0]
    assert told[0] == 0
    assert told[1:].tolist() == [CLIP, -CLIP]


def test_columns_survive_json_and_damage_is_refused() -> None:
    columns = fit_columns([(NAMES, table(2))])
    document = json.loads(json.dumps(plain(columns)))
    again = Columns.from_plain(document)
    np.testing.assert_array_equal(again.encode(NAMES, table(3)), columns.encode(NAMES, table(3)))
    for damage in ({"mean": [0.0]}, {"scale": [1.0, float("nan"), 1.0]}, {"names": ["energy"]}):
        with pytest.raises(ValueError, match="unlike length|inhomogeneous|no number"):
            Columns.from_plain({**document, **damage})
