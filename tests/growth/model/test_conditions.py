from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.checks import Range
from nakaya.core.errors import ParameterError
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

PAPER_DEFAULTS = {"alpha": 0.14, "beta": 1.1, "gamma": 7e-5, "theta": 8.5e-3, "kappa": 7e-3, "mu": 4.8e-2}
"""arXiv 2405.16608; sigma is 5e-5 there."""


def test_defaults_are_the_papers() -> None:
    parameters = GravnerGriffeath(rho=0.5).parameters()
    assert parameters == {"rho": 0.5, **PAPER_DEFAULTS, "sigma": 5e-5}


def test_rho_has_no_default() -> None:
    with pytest.raises(TypeError, match="rho"):
        GravnerGriffeath()  # type: ignore[call-arg]


@pytest.mark.parametrize("name", list(GravnerGriffeath.ranges))
def test_every_parameter_keeps_to_its_documented_range(name: str) -> None:
    allowed = GravnerGriffeath.ranges[name]
    below = allowed.low if allowed.low_open else math.nextafter(allowed.low, -math.inf)
    above = allowed.high if allowed.high_open else math.nextafter(allowed.high, math.inf)
    for wrong in (below, above, math.nan, math.inf, -math.inf):
        with pytest.raises(ParameterError, match=f"{name}=.*outside"):
            GravnerGriffeath(**{"rho": 0.5, name: wrong})
    for right in (math.nextafter(allowed.low, 1), math.nextafter(allowed.high, 0)):
        assert GravnerGriffeath(**{"rho": 0.5, name: right}).parameters()[name] == right


@pytest.mark.parametrize("wrong", ["0.5", None, True, [0.5]])
def test_what_is_no_number_is_refused(wrong: object) -> None:
    with pytest.raises(ParameterError, match="is not a number"):
        GravnerGriffeath(rho=wrong)  # type: ignore[arg-type]


@given(st.floats(0.01, 1.0), st.floats(0.0, 0.9))
def test_equal_points_have_equal_hashes_and_near_points_do_not(rho: float, sigma: float) -> None:
    point = GravnerGriffeath(rho=rho, sigma=sigma)
    assert point_hash(point) == point_hash(GravnerGriffeath(sigma=sigma, rho=rho))
    assert point_hash(point) != point_hash(GravnerGriffeath(rho=math.nextafter(rho, 0), sigma=sigma))


def test_swapping_two_values_changes_the_hash() -> None:
    points = [
        GravnerGriffeath(rho=0.5, **dict(zip(("kappa", "mu"), values, strict=True)))
        for values in itertools.permutations((0.1, 0.2))
    ]
    assert point_hash(points[0]) != point_hash(points[1])


def test_the_hash_is_part_of_the_file_format() -> None:
    assert point_hash(GravnerGriffeath(rho=0.5)) == POINT_HASH_OF_RHO_HALF


POINT_HASH_OF_RHO_HALF = 0x4FDF842D370A1A29
"""Changing it changes every noisy crystal that was ever stored: then the rules' version must change too."""


def test_negative_zero_is_zero() -> None:
    assert point_hash(GravnerGriffeath(rho=0.5, sigma=-0.0)) == point_hash(GravnerGriffeath(rho=0.5, sigma=0.0))


def test_a_range_prints_as_an_interval_and_excludes_nan() -> None:
    half_open = Range(0.0, 1.0, "a fraction", low_open=True)
    assert str(half_open) == "(0, 1]"
    assert math.nan not in half_open
    assert 0.0 not in half_open
    assert 1.0 in half_open


def test_parameters_satisfy_the_protocol() -> None:
    assert isinstance(GravnerGriffeath(rho=0.5), Conditions)
