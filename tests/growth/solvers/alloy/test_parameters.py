from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.alloy.material import AL_4_CU
from nakaya.growth.solvers.alloy.parameters import A1, MAX_WIDTH, Alloy, DirectionalAlloy, ivantsov_peclet


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (Alloy, {"anisotropy": 1 / 15}, "anisotropy"),
        (Alloy, {"anisotropy": -1 / 15}, "anisotropy"),
        (Alloy, {"partition": 1.0}, "partition"),
        (Alloy, {"seed_radius": 2}, "a seed is resolved from 2 W0"),
        (Alloy, {"supersaturation": 0.8}, "does not resolve the tip expected at supersaturation=0.8"),
        (DirectionalAlloy, {"pulling_speed": 0.05}, "does not resolve the diffusion length at pulling_speed=0.05"),
        (DirectionalAlloy, {"gradient": 0}, "gradient"),
    ],
)
def test_points_that_are_none_are_refused(kind: Any, values: dict[str, float], words: str) -> None:
    with pytest.raises(ParameterError, match=words) as error:
        kind(**values)
    assert "\n" not in str(error.value)


def test_the_least_capillary_length_named_is_accepted() -> None:
    least = sqrt(0.05) / MAX_WIDTH
    DirectionalAlloy(pulling_speed=0.05, capillary_length=least * (1 + 1e-12))
    with pytest.raises(ParameterError, match=f"{least:.3g}"):
        DirectionalAlloy(pulling_speed=0.05, capillary_length=least * 0.999)


@pytest.mark.parametrize(("peclet", "supersaturation"), [(0.1, 0.4056), (1.0, 0.7579)])
def test_ivantsov_has_its_tabulated_values(peclet: float, supersaturation: float) -> None:
    # sqrt(pi P) e^P erfc(sqrt P) by the values of erfc of Abramowitz & Stegun, table 7.1
    assert ivantsov_peclet(supersaturation) == pytest.approx(peclet, rel=2e-3)


def test_al_cu_is_what_its_numbers_say() -> None:
    # 2.65 K/wt% * 4 wt% * .86 / .14, and 2.36e-7 K m over it
    assert pytest.approx(65.114, rel=1e-4) == AL_4_CU.freezing_range
    assert pytest.approx(3.6244e-9, rel=1e-4) == AL_4_CU.capillary_length
    assert pytest.approx(923.4) == AL_4_CU.liquidus
    assert AL_4_CU.diffusion_length(1e-3) == pytest.approx(2.4e-6)
    assert AL_4_CU.thermal_length(1e5) == pytest.approx(651.14e-6, rel=1e-4)


def test_lengths_times_and_speeds_come_back_in_si() -> None:
    point = AL_4_CU.directional(gradient=1e5, pulling_speed=1e-3, width=40e-9)
    units = AL_4_CU.units(point)
    assert units.length == pytest.approx(40e-9)
    assert point.diffusion_length * units.length == pytest.approx(2.4e-6)
    assert point.thermal_length * units.length == pytest.approx(651.14e-6, rel=1e-4)
    assert point.speed * units.length / units.time == pytest.approx(1e-3)
    assert point.coupling * 3.6244e-9 / 40e-9 == pytest.approx(A1, rel=1e-4)


def test_an_undercooled_alloy_has_the_supersaturation_of_the_lever() -> None:
    point = AL_4_CU.isothermal(undercooling=5, width=60e-9)
    at_liquidus = 4 + 5 / 2.65
    assert point.supersaturation == pytest.approx((at_liquidus - 4) / (0.86 * at_liquidus))
    assert AL_4_CU.units(point).length == pytest.approx(60e-9)
    with pytest.raises(ParameterError, match="width=0"):
        AL_4_CU.isothermal(undercooling=5, width=0)
    with pytest.raises(ParameterError, match="pulling_speed"):
        AL_4_CU.directional(gradient=1e5, pulling_speed=-1)
