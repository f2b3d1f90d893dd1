"""Every command that is shown is run, short or said not to be; pages run in their order, in folders of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from benchmarks import shown as runner
from benchmarks.__main__ import app as studies
from benchmarks.__main__ import run
from benchmarks.shown_commands import (
    HELP,
    MOST_NOT_RUN,
    Item,
    NeedRule,
    Page,
    Rules,
    ShortRule,
    WithoutRule,
    find_pages,
    help_examples,
    plan_pages,
    read_rules,
)
from nakaya.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = """# Title

    nakaya info --json      # all models
    nakaya grow --rho 0.5 \\
        --out a.zarr

```console
$ nakaya show a.zarr --out a.png
a.png
$ python3 nk.py benchmark house
```

```python
first = 1
```

A sentence about `nakaya film`, and a file of its reader:

```python
# solver.py
raise RuntimeError
```

    nakaya info --json

```python
assert first == 1
```
"""


def document(folder: Path, text: str = DOCUMENT) -> Path:
    for name in ("docs", "src", "examples", "tests"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "README.md").write_text(text)
    return folder


def test_a_page_holds_what_it_shows_in_its_order(tmp_path: Path) -> None:
    (_, page) = find_pages(document(tmp_path), typer.Typer(callback=lambda: None))
    assert page.name == "README.md"
    assert page.items == (
        Item("command", "nakaya info --json"),
        Item("command", "nakaya grow --rho 0.5 --out a.zarr"),
        Item("command", "nakaya show a.zarr --out a.png"),
        Item("command", "python3 nk.py benchmark house"),
        Item("python", "first = 1\n\nassert first == 1\n"),
    )


def test_examples_of_help_texts_may_go_on_and_be_several() -> None:
    text = "Do it.\n\nExample: nakaya md run in.a --dump a\n--out mine/\n\nExamples: nakaya info; nakaya doctor\n"
    assert help_examples(text) == ["nakaya md run in.a --dump a --out mine/", "nakaya info", "nakaya doctor"]


def test_every_rule_is_of_a_command_that_is_shown_and_few_are_not_run() -> None:
    rules = read_rules(ROOT / "docs" / "shown.toml")
    pages = plan_pages(find_pages(ROOT, studies), rules, studies)
    items = [item for page in pages for item in page.items]
    assert {page.name for page in pages} >= {HELP, "README.md"}
    assert len(items) > 100
    assert all(bool(item.run) != bool(item.reason) for item in items)
    assert len({item.shown for item in items if item.reason}) <= MOST_NOT_RUN


PAGE = Page("page", (Item("command", "nakaya info --json"), Item("command", "nakaya grow --rho 0.5 --out a.zarr")))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Rules(short=(ShortRule("nakaya info", "nakaya info"),)), "no help text or document shows 'nakaya info'"),
        (Rules(short=(ShortRule("nakaya info --json", "nakaya doctor --json"),)), "is another command than"),
        (Rules(not_run=(WithoutRule("nakaya info --json", "why"),) * (MOST_NOT_RUN + 1)), "make some short"),
    ],
)
def test_wrong_rules_are_named(rules: Rules, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        plan_pages([PAGE], rules, studies)


def test_rules_say_what_is_run() -> None:
    rules = Rules(
        short=(ShortRule("nakaya grow --rho 0.5 --out a.zarr", "nakaya grow --size 8 --out a.zarr"),),
        needs=(NeedRule("nakaya grow --rho 0.5 --out a.zarr", ("nakaya doctor",)),),
        not_run=(WithoutRule("nakaya info --json", "it is known"),),
    )
    (page,) = plan_pages([PAGE], rules, studies)
    assert [item.run for item in page.items] == [(), ("nakaya doctor", "nakaya grow --size 8 --out a.zarr")]
    assert page.items[0].reason == "it is known"


def test_help_texts_keep_what_no_document_runs_and_what_they_go_on_from() -> None:
    def page(name: str, *commands: str) -> Page:
        return Page(name, tuple(Item("command", command) for command in commands))

    helps = page(
        "help texts", "nakaya grow --out a.zarr", "nakaya grow --out b.zarr", "nakaya show a.zarr", "nakaya doctor"
    )
    document = page("README.md", "nakaya grow --out b.zarr", "nakaya grow --out a.zarr", "nakaya doctor")
    found, other = plan_pages([helps, document], Rules(), studies)
    assert [item.shown for item in found.items] == ["nakaya grow --out a.zarr", "nakaya show a.zarr"]
    assert len(other.items) == 3


def test_a_page_runs_in_a_folder_of_its_own_and_a_failure_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "ROOT", ROOT)
    items = (
        Item("python", "a", ("open('made', 'w').close()",)),
        Item("command", "b", ("nakaya cite nothing-of-that-name",)),
        Item("command", "c", reason="too long"),
        Item(
            "python",
            "d",
            ("import pathlib; assert pathlib.Path('made').exists() and pathlib.Path('examples').is_dir()",),
        ),
    )
    results = list(runner.run_page(Page("page", items), tmp_path / "page"))
    assert [result.status for result in results] == [0, 2, None, 0]
    assert "nothing-of-that-name" in results[1].printed
    assert not (ROOT / "made").exists()


def test_an_output_that_exists_and_a_page_that_does_not_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["shown", "--out", str(tmp_path)]) == 2
    assert run(["shown", "no-such-page", "--out", str(tmp_path / "new")]) == 2
    assert "no-such-page" in capsys.readouterr().err
