from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.core.ranges import MAX_NUMBERS, equally_spaced, parse_numbers

NINE_DIGITS = 2.1e-5
"""Numbers up to 2,000 are rounded to 1e-5: each of two steps is off by that much at most."""

finite = st.floats(-1e6, 1e6, allow_nan=False)


def parse(text: str, most: int = MAX_NUMBERS) -> tuple[float, ...]:
    return parse_numbers(text, what="temperature", unit="K", most=most)


@given(st.lists(finite, min_size=1, max_size=20, unique=True))
def test_a_list_is_read_as_it_stands(numbers: list[float]) -> None:
    assert parse(",".join(map(repr, numbers))) == tuple(numbers)


@settings(max_examples=40)
@given(st.integers(-1000, 1000), st.integers(1, 1000), st.integers(2, 50))
def test_a_range_holds_both_ends_and_equal_steps(start: int, length: int, count: int) -> None:
    found = parse(f"{start}:{start + length}:{count}")
    assert (len(found), found[0], found[-1]) == (count, start, start + length)
    steps = [after - before for before, after in pairwise(found)]
    assert max(steps) - min(steps) <= NINE_DIGITS


def test_ranges_and_numbers_go_together_in_the_order_in_which_they_stand() -> None:
    assert parse(" 900, 700:800:3 ,1e3") == (900.0, 700.0, 750.0, 800.0, 1000.0)
    assert parse("5:5:1") == (5.0,)
    assert equally_spaced(0.35, 0.45, 3).tolist() == [0.35, 0.4, 0.45]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1300:700:7", "runs backwards: write 700:1300:7"),
        ("700:1300:0", "asks for 0 values: the count is 1 to 10,000"),
        ("700:1300:-3", "asks for -3 values"),
        ("700:1300:1000000000", "asks for 1000000000 values: the count is 1 to 10,000"),
        ("700:1300:1", "two ends and one value: count 2 at least, or write one number"),
        ("700:700:7", "one end and 7 values: write 700"),
        ("700:1300:7.5", "the count '7.5' is no whole number"),
        ("700:1300", "no range: write start:stop:count"),
        ("700:1300:7:1", "no range: write start:stop:count"),
        ("700:inf:7", "needs two finite ends"),
        ("700:nan:7", "needs two finite ends"),
        ("700K:1300K:7", "write it in K and without a unit"),
        ("700K,500C", "write it in K and without a unit"),
        ("warm", "'warm' is no number"),
        ("", "has nothing in it"),
        ("700,,900", "nothing before or after a comma"),
        ("700,", "nothing before or after a comma"),
        ("700,900,700", "holds 700 K twice: each once"),
        ("700:900:3,800", "holds 800 K twice"),
        ("1:5000:5000,5001:10002:5002", "more than 10,000 values"),
    ],
)
def test_what_is_no_range_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ParameterError) as found:
        parse(text)
    assert told in str(found.value)
    assert str(found.value).isprintable()
