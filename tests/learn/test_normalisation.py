"""Normalisation: mean 0, deviation 1."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.learn.normalisation import Standardiser

ROUNDING = 1e-6
"""float32 columns of numbers near 1."""


def test_columns_have_mean_zero_and_deviation_one() -> None:
    rng = np.random.default_rng(3)
    values = {"rho": rng.uniform(0.3, 0.6, 500), "sigma": rng.lognormal(size=500)}
    standardiser = Standardiser.fit(values, ("sigma", "rho"))
    columns = standardiser.apply(values)
    assert columns.dtype == np.float32
    np.testing.assert_allclose(columns.mean(axis=0), 0.0, atol=ROUNDING)
    np.testing.assert_allclose(columns.std(axis=0), 1.0, atol=ROUNDING)


def test_one_point_is_one_row() -> None:
    standardiser = Standardiser(("rho",), (0.5,), (0.1,))
    np.testing.assert_allclose(standardiser.apply({"rho": 0.6}), [[1.0]], rtol=ROUNDING)


def test_a_condition_that_does_not_vary_is_refused() -> None:
    with pytest.raises(ParameterError, match="rho has scale 0"):
        Standardiser.fit({"rho": np.full(4, 0.5)}, ("rho",))


def test_a_missing_condition_is_named() -> None:
    with pytest.raises(ParameterError, match="'mu' is not among"):
        Standardiser.fit({"rho": np.arange(4.0)}, ("mu",))
