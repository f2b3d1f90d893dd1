"""Concentrations in any unit become kg/kg by their definitions, or are refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.reactor.amounts import Amounts, Basis, change_basis, conversion

M, MS = 151.16, 46.07
"""Paracetamol and ethanol, g/mol."""

EVERYTHING = Amounts(M, MS, solution_density=850.0, solvent_density=789.0)
ROUNDING = 1e-12
SUBNORMAL = float(np.finfo(np.float64).tiny)  # smaller numbers have fewer digits


def read(value: float, unit: str, basis: Basis = "solution", amounts: Amounts = EVERYTHING) -> float:
    return float(conversion(unit, basis, amounts, "concentration").apply(np.array(value)))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.2, "kg/kg", 0.2),
        (200.0, "g/kg", 0.2),
        (200.0, "mg/g", 0.2),
        (20.0, "g/100g", 0.2),
        (20.0, "g/100 g", 0.2),
        (20.0, "g/(100 g)", 0.2),
        (20.0, "wt%", 0.2),
        (20.0, "% w/w", 0.2),
        (170.0, "g/L", 0.2),
        (170.0, "mg/mL", 0.2),
        (17.0, "g/100 mL", 0.2),
        (17.0, "g/dL", 0.2),
        (170.0, "kg/m^3", 0.2),
        (170.0 / M, "mol/L", 0.2),
        (170.0 / M, "M", 0.2),
        (1e3 * 170.0 / M, "mmol/L", 0.2),
        (0.06, "mol/mol", 0.06 * M / (0.06 * M + 0.94 * MS)),
        (6.0, "mol%", 0.06 * M / (0.06 * M + 0.94 * MS)),
        (0.06, "mol/mol solvent", 0.06 * M / (0.06 * M + MS)),
        (0.25e3 / M, "mol/kg", 0.2),  # X = 0.25 is w = 0.2
        (0.25, "kg/kg solvent", 0.2),
        (0.25 * 789.0, "g/L solvent", 0.2),
        (0.25 * 789.0, "g/L of solvent", 0.2),
    ],
)
def test_a_unit_is_read_by_its_definition(value: float, unit: str, expected: float) -> None:
    assert read(value, unit) == pytest.approx(expected, rel=1e-9)
    if unit.partition("/")[0].strip() not in ("kg", "g", "mg") or "L" in unit or "m^3" in unit or "solvent" in unit:
        assert read(value, unit, "solvent") == pytest.approx(expected / (1 - expected), rel=1e-9)


def test_mass_per_mass_is_per_what_the_basis_says_and_a_mass_per_cent_per_solution() -> None:
    assert read(0.2, "kg/kg", "solvent") == read(0.2, "kg/kg", "initial-solution") == 0.2
    assert read(20.0, "g/100 g", "solvent") == pytest.approx(0.2, rel=ROUNDING)
    assert read(20.0, "wt%", "solvent") == pytest.approx(0.25, rel=ROUNDING)


@pytest.mark.parametrize("unit", ["1", "%", "ppm", "", "-", "fraction"])
def test_a_pure_number_does_not_say_of_what_and_is_refused(unit: str) -> None:
    with pytest.raises(ParameterError, match=r"does not say of what.*g/100 g, wt%, g/L, mol/L"):
        read(0.06, unit)


@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        ("AU", "is an absorbance: calibrate it"),
        ("mAU", "is an absorbance"),
        ("L/L", "is a volume fraction"),
        ("vol%", "is a volume fraction"),
        ("mL/g", "is a volume fraction|no amount of solute"),
        ("degC", "no amount of solute"),
        ("um", "no amount of solute"),
    ],
)
def test_what_is_no_mass_of_solute_is_refused_with_the_reason(unit: str, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        read(0.3, unit)


@pytest.mark.parametrize(
    ("unit", "missing"),
    [
        ("mol/mol", "molar_mass_g_per_mol"),
        ("mol/L", "molar_mass_g_per_mol"),
        ("mol/kg", "molar_mass_g_per_mol"),
        ("g/L", "solution_density"),
        ("g/L solvent", "solvent_density"),
    ],
)
def test_a_unit_that_needs_more_names_it(unit: str, missing: str) -> None:
    with pytest.raises(ParameterError, match=rf"needs {missing} under \[amounts\]"):
        read(0.3, unit, amounts=Amounts())
    with pytest.raises(ParameterError, match="needs solvent_molar_mass_g_per_mol"):
        read(0.3, "mol/mol", amounts=Amounts(molar_mass_g_per_mol=M))


def test_a_present_composition_is_not_given_per_initial_solution() -> None:
    with pytest.raises(ParameterError, match="per solution, which changes while the initial solution does not"):
        read(20.0, "wt%", "initial-solution")


def test_densities_in_grams_per_cubic_centimetre_are_questioned() -> None:
    with pytest.raises(ParameterError, match="g/cm3 times 1000"):
        Amounts(solution_density=0.85)
    with pytest.raises(ParameterError, match="must be positive"):
        Amounts(molar_mass_g_per_mol=-1.0)


@given(st.floats(0.01, 0.9), st.floats(0.0, 0.95))
@example(0.75, 5e-324)
def test_bases_change_into_each_other_and_back(initial: float, dissolved: float) -> None:
    """X = w/(1 - w), c = X (1 - w_0), and at the start c is w_0."""
    w = np.array([initial, initial * dissolved])
    ratio = change_basis(w, "solution", "solvent", initial)
    np.testing.assert_allclose(ratio, w / (1 - w), rtol=ROUNDING, atol=SUBNORMAL)
    per_initial = change_basis(ratio, "solvent", "initial-solution", initial)
    np.testing.assert_allclose(per_initial, ratio * (1 - initial), rtol=ROUNDING, atol=SUBNORMAL)
    assert per_initial[0] == pytest.approx(initial, rel=1e-9)
    back = change_basis(per_initial, "initial-solution", "solution", initial)
    np.testing.assert_allclose(back, w, rtol=1e-9, atol=SUBNORMAL)
