from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.errors import MissingExtraError, NakayaError, UnknownNameError, nearest_name

NAMES = ["gravner-griffeath", "cgne-small-rho", "look-up"]


def test_an_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    error = UnknownNameError("model", "gravner-grifeath", NAMES)
    assert str(error) == (
        "unknown model 'gravner-grifeath': did you mean 'gravner-griffeath'? "
        "known: cgne-small-rho, gravner-griffeath, look-up"
    )


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert "did you mean" not in str(UnknownNameError("model", "zzzzzzzz", NAMES))


@given(st.sampled_from(NAMES))
def test_case_and_underscores_do_not_matter(name: str) -> None:
    assert nearest_name(name.upper().replace("-", "_"), NAMES) == name


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("neural emulators", "ml")
    assert isinstance(error, NakayaError)
    assert 'pip install "nakaya[ml]"' in str(error)
