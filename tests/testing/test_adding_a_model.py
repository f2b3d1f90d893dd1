"""What docs/adding-a-model.md shows works as it stands there."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.lattice.lattice import Geometry
from nakaya.growth.model.parameters import limit
from nakaya.growth.model.setup import StopRules
from nakaya.testing.grower_contract import GrowerContract
from nakaya.workflows.doctor import models_page

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "adding-a-model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(*blocks: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": __name__, "dataclass": dataclass, "StopRules": StopRules, "limit": limit}
    for block in blocks:
        exec(compile(block, "docs/adding-a-model.md", "exec"), names)
    return names


SOLVER = run(BLOCKS[0])


class TestTheSolverOfThePage(GrowerContract):
    def make_grower(self) -> Any:
        return SOLVER["MODEL"].make()

    def make_points(self) -> Any:
        return [SOLVER["Eden"](rate=0.3), SOLVER["Eden"](rate=0.6)]

    def make_setup(self) -> Any:
        return SOLVER["MODEL"].setup(shape=(16, 12), stop=StopRules(margin=2))


def test_the_geometry_the_rule_and_the_contract_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("my_package", "my_package.eden"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**SOLVER))
    line = eval(BLOCKS[1], {"Geometry": Geometry})
    assert line.default_initial((3, 2)) == ((1, 0), (1, 1))
    assert run(BLOCKS[2])["Rules"]().solid == 0.9
    names = run(BLOCKS[3])
    assert issubclass(names["TestEden"], GrowerContract)


STATED, NAMES = PAGE.split("## Where the names are")
ROWS = re.findall(r"^\| (`[^|]*) \|", STATED, re.MULTILINE)
ENTRIES = [name for row in ROWS for name in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_of_the_table_is_one(entry: str) -> None:
    assert entry in GrowerModel.__dataclass_fields__


@pytest.mark.parametrize(("names", "module"), re.findall(r"^\| (`.*`) \| `(nakaya\.[\w.]*)` \|", NAMES, re.MULTILINE))
def test_names_are_where_the_page_says(names: str, module: str) -> None:
    assert set(re.findall(r"`(\w+)`", names)) <= set(import_module(module).__all__)


def test_the_page_of_models_shows_what_they_state() -> None:
    """`python -c "from nakaya.workflows.doctor import models_page; print(models_page(), end='')"` makes it anew."""
    assert (DOCS / "models.md").read_text(encoding="utf-8") == models_page()
