from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakaya.core.text import printable

HOSTILE = {
    "clears the screen": "\x1b[2J",
    "sets the title": "\x1b]0;owned\x07",
    "begins a sequence in one character": "\x9b31m",
    "turns the order of writing round": "\u202egnp.exe",
    "isolates": "\u2066a\u2069",
    "is not seen": "a\u200bb\u00adc\ufeff",
    "goes back to the start of the line": "real\rfake",
    "deletes": "ab\x08\x08\x7f",
    "ends a line elsewhere": "a\u2028b\u2029c\x85d\x0bd",
    "is half a character": "caf\udce9",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_would_be_obeyed_is_written_out(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


@pytest.mark.parametrize("text", ["", "µm³ Ω", "a b\tc\nd", "5\u202fkg", "石英 Кварц"])
def test_what_is_read_stays(text: str) -> None:
    assert printable(text) == text


@given(st.text())
def test_no_control_is_left_and_nothing_is_done_twice(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(sign) for sign in shown if sign not in "\n\t"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(shown) == shown
