"""Solubility laws: their formulas, their units, and the solvers' form of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.reactor.amounts import Amounts
from nakaya.reactor.crystallizer import Crystallizer, Operation, Seed
from nakaya.reactor.profiles import linear
from nakaya.reactor.rate_equations import Kinetics, PowerLawGrowth
from nakaya.reactor.rates import solubility
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes
from nakaya.reactor.solubility import Solubility

T = 313.0
X = T - 273.15
AMOUNTS = Amounts(151.16, 46.07)

LAWS = [
    (Solubility((0.1, 2e-3, 3e-5, 4e-7, 5e-9)), 0.1 + 2e-3 * X + 3e-5 * X**2 + 4e-7 * X**3 + 5e-9 * X**4),
    (Solubility((-3.0, 0.02, 1e-5, 1e-7, 1e-9), form="exponential"),
     math.exp(-3.0 + 0.02 * X + 1e-5 * X**2 + 1e-7 * X**3 + 1e-9 * X**4)),
    (Solubility((5.0, -2000.0), form="van-t-hoff"), math.exp(5.0 - 2000.0 / T)),
    (Solubility((-50.0, 400.0, 8.0), form="apelblat", scale=0.1),
     0.1 * math.exp(-50.0 + 400.0 / T + 8.0 * math.log(T))),
    (Solubility(form="table", temperatures=(20.0, 30.0, 50.0), values=(0.1, 0.15, 0.3)),
     0.15 * (0.3 / 0.15) ** ((X - 30.0) / 20.0)),
]  # fmt: skip


@pytest.mark.parametrize(("law", "expected"), LAWS)
def test_every_form_is_its_formula_for_python_and_for_the_solvers(law: Solubility, expected: float) -> None:
    assert float(law.at(T)) == pytest.approx(expected, rel=1e-12)
    assert solubility(law.row(), T) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(law.at(np.array([T, T + 1])), [law.at(T), law.at(T + 1)], rtol=1e-14)


def test_a_law_in_mole_fractions_becomes_kilograms_per_kilogram_of_solvent() -> None:
    law = Solubility((5.0, -2500.0), form="van-t-hoff", unit="mol/mol", amounts=AMOUNTS)
    x = math.exp(5.0 - 2500.0 / T)
    assert float(law.at(T)) == pytest.approx(x * 151.16 / ((1 - x) * 46.07), rel=1e-12)
    with pytest.raises(ParameterError, match="needs molar_mass_g_per_mol"):
        Solubility((5.0, -2500.0), form="van-t-hoff", unit="mol/mol").at(T)


def test_a_run_sees_the_converted_law() -> None:
    """A mole fraction and the table of the same solubility in kg/kg give the same run."""
    law = Solubility((5.0, -2300.0), form="van-t-hoff", unit="mol/mol", amounts=AMOUNTS)
    kelvin = np.linspace(285.0, 320.0, 701)
    table = Solubility(form="table", zero=0.0, temperatures=tuple(kelvin), values=tuple(law.at(kelvin)))
    runs = [
        simulate(
            Crystallizer(chosen, Kinetics(PowerLawGrowth(1e-7, order=1.3)), 1300.0, 0.5),
            Operation(
                1.1 * float(law.at(313.15)), linear(313.15, 293.15, 2e4), 2e4, Seed(0.02, NormalSizes(1e-4, 2e-5))
            ),
            times=np.linspace(0.0, 2e4, 11),
            method=method,
        )
        for chosen in (law, table)
        for method in ("moments", "finite-volume")
    ]
    for other in runs[1:]:
        np.testing.assert_allclose(other.concentration, runs[0].concentration, rtol=2e-4)
        np.testing.assert_allclose(other.solubility, runs[0].solubility, rtol=1e-6)
    assert runs[0].supersaturation[0] == pytest.approx(1.1)
    assert runs[0].concentration[-1] < 0.9 * runs[0].concentration[0]


def test_nothing_is_known_beyond_a_table() -> None:
    law = LAWS[-1][0]
    assert np.isnan(law.at(np.array([273.15 + 19.0, 273.15 + 51.0]))).all()
    system = Crystallizer(law, Kinetics(PowerLawGrowth(1e-7, order=1.0)), 1300.0, 0.5)
    with pytest.raises(ParameterError, match=r"table of solubilities between 293.15 and 323.15 K"):
        simulate(system, Operation(0.3, linear(330.0, 300.0, 1e3), 1e3), method="moments")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Solubility((1.0,), form="van-t-hoff"), "van-t-hoff with 1 coefficients: give 2"),
        (lambda: Solubility((1.0, 2.0), form="apelblat"), "apelblat with 2 coefficients: give 3"),
        (lambda: Solubility(form="table", temperatures=(1.0,), values=(0.1,)), "two at least"),
        (lambda: Solubility(form="table", temperatures=(2.0, 1.0), values=(0.1, 0.2)), "increasing"),
        (lambda: Solubility(form="table", temperatures=(1.0, 2.0), values=(0.1, 0.0)), "positive"),
        (lambda: Solubility((0.1,), temperatures=(1.0, 2.0)), "are of form"),
        (lambda: Solubility((0.1,), form="cubic"), "none of polynomial"),  # type: ignore[arg-type]
    ],
)
def test_a_law_that_is_incomplete_says_so(make, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()
