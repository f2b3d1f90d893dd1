"""Rate equations near saturation: continuous, monotone, and the power law wherever it has a slope."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.rate_equations import BirthAndSpreadGrowth, Nucleation, PowerLawGrowth
from nakaya.reactor.rates import MIN_DRIVER, growth_rate, nucleation_rate, power, size_factor, solubility

GAS_CONSTANT = 8.314462618  # J/(mol K), CODATA 2018
ROUNDING = 1e-12
STEP = 1e-9
"""Relative, from one side of a border to the other; a continuous rate changes by its slope times that."""

drivers = st.floats(1e-300, 2.0)


@given(drivers, st.floats(0.0, 4.0))
def test_a_power_is_the_power_but_for_small_drivers_of_orders_below_one(value: float, order: float) -> None:
    expected = value**order
    if order < 1 and value < MIN_DRIVER:  # the straight line from zero to where the power law begins
        expected = value / MIN_DRIVER * MIN_DRIVER**order
    assert power(value, order) == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("order", [0.0, 0.1, 0.5, 0.9, 1.0, 1.7])
def test_a_power_goes_on_without_a_jump_and_rises_from_zero(order: float) -> None:
    below, above = power(MIN_DRIVER * (1 - STEP), order), power(MIN_DRIVER * (1 + STEP), order)
    assert below == pytest.approx(above, rel=4 * STEP)
    if order > 0:
        values = [power(value, order) for value in np.geomspace(1e-12, 1.0, 200)]
        assert (np.diff(values) > 0).all()
        assert power(1e-12, order) <= 1e-12 / MIN_DRIVER * MIN_DRIVER**order * (1 + ROUNDING)
        assert power(0.0, order) == 0.0


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_growth_vanishes_at_saturation_from_either_side(order: float) -> None:
    row = PowerLawGrowth(1e-7, order=order, activation_energy=30e3, reference_temperature=300.0).row()
    assert growth_rate(row, 300.0, 1.0, 0.0, 1.0) == 0.0
    for away in (1e-3, 1e-5, MIN_DRIVER * (1 - STEP), MIN_DRIVER * (1 + STEP), 1e-9):
        above, below = (growth_rate(row, 300.0, 1.0 + side * away, 0.0, 1.0) for side in (1, -1))
        assert above == pytest.approx(below, rel=1e-6)  # the rounding of 1 + 1e-9
        assert above == pytest.approx(1e-7 * power(away, order), rel=1e-6)
    assert growth_rate(row, 300.0, 1.25, 0.0, 1.0) == pytest.approx(1e-7 * 0.25**order)
    # Arrhenius about the reference: 30 kJ/mol over ten kelvin.
    factor = math.exp(-30e3 / GAS_CONSTANT * (1 / 310.0 - 1 / 300.0))
    assert growth_rate(row, 310.0, 1.25, 0.0, 1.0) == pytest.approx(1e-7 * 0.25**order * factor)


def test_nuclei_appear_above_saturation_only_and_by_the_power_law() -> None:
    rows = Nucleation(1e8, order=2.0).row(solvent=0.5, solution=0.9, crystal_mass_per_volume=1e3)[None]
    assert [nucleation_rate(rows, 300.0, S, 0.0, 0.0, 1.0) for S in (0.5, 1.0)] == [0.0, 0.0]
    assert nucleation_rate(rows, 300.0, 1.5, 0.0, 0.0, 1.0) == pytest.approx(1e8 * 0.25)


DRIVERS = {"relative": 0.25, "absolute": 40.0 * 0.03, "logarithmic": math.log(1.25), "ratio": 1.25}
"""At S = 1.25 and c - c* = 0.03, in whose unit's place comes one forty times smaller."""

PER = {"slurry": (1.0, 1.0), "solvent": (0.5, 0.5), "solution": (0.9, 0.9), "third-moment": (0.5, 0.5 * 1e3)}
"""What numbers, and the mass of crystals, are per kg of slurry: as `Nucleation.row` gets it below."""


@pytest.mark.parametrize("driver", list(DRIVERS))
@pytest.mark.parametrize("per", list(PER))
def test_nucleation_is_its_formula_with_every_factor(driver: str, per: str) -> None:
    law = Nucleation(
        1e8, order=1.7, driver=driver, driver_scale=40.0, activation_energy=30e3, reference_temperature=300.0,
        stirring_exponent=1.3, reference_stirring=4.0, suspension_exponent=0.8, barrier=0.02, per=per,
    )  # fmt: skip
    row = law.row(solvent=0.5, solution=0.9, crystal_mass_per_volume=1e3)
    number, mass = PER[per]
    expected = 1e8 * number * DRIVERS[driver] ** 1.7 * (0.07 / mass) ** 0.8 * (6.0 / 4.0) ** 1.3
    expected *= math.exp(-30e3 / GAS_CONSTANT * (1 / 310.0 - 1 / 300.0)) * math.exp(-0.02 / math.log(1.25) ** 2)
    assert nucleation_rate(row[None], 310.0, 1.25, 0.03, 0.07, 6.0) == pytest.approx(expected, rel=ROUNDING)
    both = np.stack([row, Nucleation(3.0).row(solvent=0.5, solution=0.9, crystal_mass_per_volume=1e3)])
    assert nucleation_rate(both, 310.0, 1.25, 0.03, 0.07, 6.0) == pytest.approx(expected + 3.0, rel=ROUNDING)
    assert nucleation_rate(row[None], 310.0, 1.25, 0.03, 0.0, 6.0) == 0.0  # secondary nucleation needs crystals


@pytest.mark.parametrize("driver", list(DRIVERS))
def test_growth_is_its_formula_with_every_factor(driver: str) -> None:
    row = PowerLawGrowth(
        1e-7, order=1.7, driver=driver, driver_scale=40.0, activation_energy=30e3, reference_temperature=300.0,
        stirring_exponent=0.6, reference_stirring=4.0, size_factor=2e3, size_exponent=0.4,
    ).row()  # fmt: skip
    expected = 1e-7 * DRIVERS[driver] ** 1.7 * (6.0 / 4.0) ** 0.6
    expected *= math.exp(-30e3 / GAS_CONSTANT * (1 / 310.0 - 1 / 300.0))
    assert growth_rate(row, 310.0, 1.25, 0.03, 6.0) == pytest.approx(expected, rel=ROUNDING)
    assert size_factor(row, 150e-6) == pytest.approx(1.3**0.4, rel=ROUNDING)


def test_birth_and_spread_is_its_formula() -> None:
    law = BirthAndSpreadGrowth(1e-6, 2000.0, 5e4)
    S, T = 1.2, 305.0
    log_s = math.log(S)
    expected = (
        1e-6 * T * math.exp(-2000.0 / T) * (S - 1) ** (2 / 3) * log_s ** (1 / 6) * math.exp(-5e4 / (T**2 * log_s))
    )
    assert growth_rate(law.row(), T, S, 0.0, 1.0) == pytest.approx(expected)


@pytest.mark.parametrize("form", ["polynomial", "exponential"])
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=4), st.floats(280.0, 350.0))
def test_the_solvers_solubility_is_that_of_the_law(form: str, coefficients: list[float], kelvin: float) -> None:
    sizes = 1e-2 ** np.arange(len(coefficients))  # every term counts
    law = replace(
        parameter_set("dextrose").crystallizer().solubility,
        coefficients=tuple((sizes * coefficients).tolist()), zero=300.0, form=form, scale=0.3,
    )  # fmt: skip
    x = kelvin - 300.0
    value = sum(a * x**power_ for power_, a in enumerate(law.coefficients))
    expected = 0.3 * (math.exp(value) if form == "exponential" else value)
    assert solubility(law.row(), kelvin) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(law.at(kelvin)) == pytest.approx(expected, rel=1e-9, abs=1e-12)
