"""Files of configuration become tables and dataclasses: what is unknown, missing or wrong is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from nakaya.core.configuration import read_toml
from nakaya.core.errors import ConfigError, ParameterError


@dataclass(frozen=True)
class Axis:
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ParameterError(f"low={self.low:g} is above high={self.high:g}")


@dataclass(frozen=True)
class Sweep:
    name: str
    spacing: Literal["even", "log"] = "even"
    axes: tuple[Axis, ...] = ()


def _read(folder: Path, text: str) -> Sweep:
    (folder / "sweep.toml").write_text(text)
    return read_toml(folder / "sweep.toml", Sweep)


def test_a_file_becomes_a_dataclass_and_its_tables_become_others(tmp_path: Path) -> None:
    found = _read(tmp_path, 'name = "a"\n[[axes]]\nlow = 0\nhigh = 1.5\n')
    assert found == Sweep("a", "even", (Axis(0.0, 1.5),))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('nmae = "a"', r"sweep\.toml: unknown key 'nmae': did you mean 'name'\? known: axes, name, spacing"),
        ("", "'name' is missing"),
        ("name = 1", "name = 1: input should be a valid string"),
        ('name = "a"\nspacing = "odd"', "spacing = 'odd'"),
        ('name = "a"\n[[axes]]\nlow = "0"\nhigh = 1', r"axes\.0\.low = '0'"),
        ('name = "a"\n[[axes]]\nlow = inf\nhigh = inf', r"axes\.0\.low"),
        ('name = "a"\n[[axes]]\nlow = 2\nhigh = 1', r"axes\.0: low=2 is above high=1"),
        ('name = "a"\n[[axes]]\nlow = 2\nhigh = 3\nhihg = 4', r"unknown key 'axes\.0\.hihg': did you mean 'high'"),
    ],
)
def test_a_fault_is_named_with_its_table(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        _read(tmp_path, text)
