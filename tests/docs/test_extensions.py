"""How the documentation is made of what stands in the project: docstrings, files beside the code, accessible pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

pytest.importorskip("sphinx", reason="the documentation is built with the extra docs, which is not installed")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def _extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "_extensions"))


@pytest.fixture
def load() -> Iterator[object]:
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if "site-packages" not in (getattr(sys.modules[name], "__file__", None) or "site-packages"):
            del sys.modules[name]


def test_a_docstring_says_as_markup_what_it_says_as_text(load) -> None:
    plain: ModuleType = load("plain_docstrings")
    text = [
        "Fields *b* of `nakaya.grow`s, |psi_6| and n_.",
        "",
        "    b' = (1 - mu) b",
        "",
        "Args:",
        "    mass: float64 [*batch, h], `kappa` |x|.",
        "    temperature: K.",
        "",
        ">>> 2 * 3",
        "6",
    ]
    assert plain.as_restructured(text) == [
        r"Fields \*b\* of ``nakaya.grow``\s, \|psi_6\| and n\_.",
        "",
        "::",
        "",
        "    b' = (1 - mu) b",
        "",
        "Args:",
        r"    mass: float64 [\*batch, h], ``kappa`` \|x\|.",
        r"    temperature: \K.",
        "",
        ".. rubric:: Examples",
        "",
        ">>> 2 * 3",
        "6",
    ]


def test_an_example_that_is_not_run_is_a_block(load) -> None:
    plain: ModuleType = load("plain_docstrings")
    assert plain.as_restructured(["Example:", "    a = b * c"]) == [
        *[".. rubric:: Example", "", "::", ""],
        "    a = b * c",
    ]


def test_links_lead_to_the_page_that_shows_a_file(load, tmp_path: Path) -> None:
    outside: ModuleType = load("outside_pages")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "README.md").write_text("see [records](../docs/records.md#units), [code](solver.py), [a](#b)")
    (tmp_path / "docs" / "guides").mkdir(parents=True)
    (tmp_path / "docs" / "guides" / "solver.md").write_text("% from ../../src/README.md\n")
    (tmp_path / "docs" / "records.md").write_text("[solver](../src/README.md#noise) and [web](https://example.org/x)")

    class App:
        srcdir = str(tmp_path / "docs")

        class env:
            noted: ClassVar[list[str]] = []

            @staticmethod
            def doc2path(name: str) -> str:
                return str(tmp_path / "docs" / f"{name}.md")

            @classmethod
            def note_dependency(cls, path: str) -> None:
                cls.noted.append(path)

    shown = ["% from ../../src/README.md\n"]
    outside.show_outside(App, "guides/solver", shown)
    assert shown == ["see [records](../records.md#units), [code](../../src/solver.py), [a](#b)"]
    assert App.env.noted == [str(tmp_path / "src" / "README.md")]
    linking = [(tmp_path / "docs" / "records.md").read_text()]
    outside.show_outside(App, "records", linking)
    assert linking == ["[solver](guides/solver.md#noise) and [web](https://example.org/x)"]


def test_every_pointer_names_a_file_that_is_there(load) -> None:
    outside: ModuleType = load("outside_pages")
    shown = outside.find_shown(DOCS)
    assert len(shown) >= 8
    assert [file for file in shown if not file.is_file()] == []


def test_what_a_reader_without_a_mouse_needs_is_written(load) -> None:
    markup: ModuleType = load("readable_markup")
    signature = '<dt class="sig py">f(<dl>\n<dd>x</dd>\n</dl>)</dt><dl><dt>a</dt><dd>b</dd></dl>'
    mended = '<dt class="sig py">f(<div class="parameters">\n<div>x</div>\n</div>)</dt><dl><dt>a</dt><dd>b</dd></dl>'
    assert markup.mend(signature) == mended
    assert markup.mend('<p role="heading"><pre>') == '<p role="heading" aria-level="2"><pre tabindex="0">'


def test_types_of_signatures_are_written_as_their_readers_think_of_them(load) -> None:
    plain: ModuleType = load("plain_docstrings")
    shown = "(zero: Annotated[float, FieldInfo(annotation=NoneType, alias='zero_K')] = 273.15, sites: "
    shown += "TypeAliasForwardRef('Sites') | None)"
    assert plain.plain_types(shown) == "(zero: float = 273.15, sites: Sites | None)"
