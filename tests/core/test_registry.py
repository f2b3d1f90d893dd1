from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from nakaya.core import registry
from nakaya.core.errors import MissingExtraError, PluginError, UnknownNameError
from nakaya.core.registry import Registry

OURS = {"plain": f"{__name__}:A_TEXT"}
A_TEXT, A_NUMBER = "text", 3


class _Asks:
    @property
    def anything(self) -> str:
        raise MissingExtraError("toys", "ml")


ASKS = _Asks()

Maker = Callable[..., Registry[str]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Maker:
    """A registry of texts with the given plug-ins."""

    def build(**plugins: str) -> Registry[str]:
        entries = [EntryPoint(name, value, "nakaya.toys") for name, value in plugins.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: entries)
        return Registry("toy", "nakaya.toys", str, OURS)

    return build


def test_ours_and_plug_ins_are_found_alike(make: Maker) -> None:
    toys = make(outer=f"{__name__}:A_TEXT")
    assert toys.names() == ("outer", "plain")
    assert toys.find("outer") == toys.find("plain") == "text"


def test_an_unknown_name_suggests_the_nearest(make: Maker) -> None:
    with pytest.raises(UnknownNameError, match="unknown toy 'plane': did you mean 'plain'"):
        make().find("plane")


def test_nothing_is_imported_before_it_is_asked_for(make: Maker) -> None:
    assert make(bad="no_such_module:X").find("plain") == "text"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no_such_module:X", "ModuleNotFoundError"),
        (f"{__name__}:no_such_name", "AttributeError"),
        (f"{__name__}:A_NUMBER", "is int, not str"),
    ],
)
def test_a_broken_plug_in_costs_one_warning_and_is_told_when_it_is_asked_for(
    make: Maker, caplog: pytest.LogCaptureFixture, place: str, reason: str
) -> None:
    toys = make(bad=place, good=f"{__name__}:A_TEXT")
    with caplog.at_level(logging.WARNING):
        assert list(toys.load_all()) == list(toys.load_all()) == ["good", "plain"]
    assert len(caplog.records) == 1
    assert reason in caplog.text
    with pytest.raises(PluginError, match="toy 'bad' of the package .* update or uninstall"):
        toys.find("bad")


def test_a_name_of_ours_cannot_be_taken(make: Maker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert make(plain=f"{__name__}:A_NUMBER").load_all() == {"plain": "text"}
    assert "the name is taken" in caplog.text


def test_missing_packages_are_said_as_such(make: Maker, caplog: pytest.LogCaptureFixture) -> None:
    toys = make(asks=f"{__name__}:ASKS.anything")
    with pytest.raises(MissingExtraError, match="toys need packages"):
        toys.find("asks")
    assert list(toys.load_all()) == ["plain"]
    assert caplog.text == ""
