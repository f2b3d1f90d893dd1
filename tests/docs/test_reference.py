"""The API reference lists what a user begins with, and each entry can be tried."""

from __future__ import annotations

import doctest
import inspect
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

import nakaya

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
ENTRY = re.compile(r"^\.\. auto(?:function|class):: (nakaya[\w.]+)", re.MULTILINE)
LISTED = sorted(name for page in REFERENCE.glob("*.md") for name in ENTRY.findall(page.read_text(encoding="utf-8")))
LEAST_ENTRIES = 60


def find(dotted: str) -> object:
    """What a dotted name stands for."""
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module), name)


def test_everything_that_the_package_names_is_listed() -> None:
    listed = {find(name) for name in LISTED}
    assert [name for name in nakaya.__all__ if getattr(nakaya, name) not in listed] == []
    assert len(LISTED) >= LEAST_ENTRIES


def test_nothing_is_listed_twice() -> None:
    assert [name for name, count in Counter(LISTED).items() if count > 1] == []


@pytest.mark.parametrize("dotted", LISTED)
def test_every_entry_has_an_example_that_checks_something(dotted: str) -> None:
    text = inspect.getdoc(find(dotted)) or ""
    examples = doctest.DocTestParser().get_examples(text)
    assert any(example.want for example in examples), f"{dotted} has no example with an answer"


def test_every_page_of_the_reference_is_in_its_table_of_contents() -> None:
    contents = (REFERENCE / "index.md").read_text(encoding="utf-8").splitlines()
    assert [page.stem for page in sorted(REFERENCE.glob("*.md")) if page.stem not in (*contents, "index")] == []
