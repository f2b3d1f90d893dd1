from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import InputFileError, MissingExtraError, NakayaError, UnknownNameError, nearest_name, shown

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


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=3000))
def test_every_message_is_one_printable_line(message: str) -> None:
    for error in (NakayaError(message), InputFileError(message), UnknownNameError("model", message, NAMES)):
        assert str(error).isprintable()
        assert len(str(error)) <= 1000


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = str(NakayaError("file.json: " + "x" * 10**6 + ": copy it again"))
    assert text.startswith("file.json: xx")
    assert text.endswith("xx: copy it again")
    assert len(text) < 1000
    assert str(NakayaError("a\nb\tc")) == "a b c"


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200) | st.lists(st.integers(), max_size=60))
def test_what_a_file_holds_is_shown_printable_and_short(came: object) -> None:
    quoted = shown(came, 10)
    assert quoted.isprintable()
    assert len(quoted) <= 10 * len("\\U0001f9ca") + len("''...")
    if isinstance(came, bytes):
        assert quoted.isascii()
