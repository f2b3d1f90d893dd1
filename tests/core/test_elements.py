from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.elements import _NAMES, ELEMENTS, element_meant, suggested_element
from nakaya.core.errors import UnknownNameError

ENGLISH = {
    "copper": "Cu", "Aluminium": "Al", "ALUMINUM": "Al", "silicon": "Si", "iron": "Fe", "sulphur": "S", "lead": "Pb",
    "tungsten": "W", "silver": "Ag", "caesium": "Cs", "lawrencium": "Lr", " tin ": "Sn",
}  # fmt: skip


@pytest.mark.parametrize(("word", "symbol"), ENGLISH.items())
def test_an_english_name_means_its_symbol_in_any_case(word: str, symbol: str) -> None:
    assert element_meant(word) == symbol
    assert suggested_element(word) == f" (did you mean {symbol!r}?)"


@given(st.sampled_from(ELEMENTS), st.sampled_from([str.lower, str.upper]))
def test_a_symbol_in_another_case_means_the_symbol_and_the_symbol_means_nothing_else(symbol: str, case: object) -> None:
    written = case(symbol)  # type: ignore[operator]
    assert element_meant(written) == (None if written == symbol else symbol)
    assert suggested_element(symbol) == ""


def test_every_element_has_a_name_of_its_own() -> None:
    names = [name for entry in _NAMES.split() for name in entry.split("/")]
    assert len(set(names)) == len(names)
    assert {element_meant(name) for name in names} == set(ELEMENTS)
    # Symbols and names do not get into each other's way.
    assert not set(names) & {symbol.lower() for symbol in ELEMENTS}


@pytest.mark.parametrize("word", ["", "bronze", "NaCl", "coppers", "ice"])
def test_what_is_no_element_means_none(word: str) -> None:
    assert element_meant(word) is None
    assert suggested_element(word) == ""


def test_an_unknown_name_that_is_an_element_suggests_its_symbol_where_that_is_known() -> None:
    assert "did you mean 'Cu'?" in str(UnknownNameError("material", "copper", ["Al", "Cu"]))
    assert "did you mean" not in str(UnknownNameError("material", "copper", ["Al", "Si"]))
