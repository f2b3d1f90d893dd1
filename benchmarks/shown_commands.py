"""What help texts and documents tell their readers to type: found, and told how each is to be run.

A document is a page, and so are all help texts together: its commands are run from the first to the last in one folder,
as a reader would. `docs/shown.toml` names those that would take too long, and what cannot be run anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import typer.main

from nakaya.cli.app import app
from nakaya.core.configuration import read_toml
from nakaya.core.errors import ConfigError

__all__ = [
    "HELP",
    "MOST_NOT_RUN",
    "Item",
    "NeedRule",
    "Page",
    "Rules",
    "ShortRule",
    "WithoutRule",
    "find_pages",
    "help_examples",
    "plan_pages",
    "read_rules",
]

HELP: Final = "help texts"
"""Name of the page of all help texts."""

MOST_NOT_RUN: Final = 10

_STUDY: Final = "python3 nk.py benchmark"
_PROGRAM: Final = rf"(?:nakaya|{re.escape(_STUDY)})"
_COMMAND: Final = re.compile(rf"^(?:    |\$ )(?:\$ )?({_PROGRAM} (?:[^\n\\]|\\\n)*)$", re.MULTILINE)
_EXAMPLE: Final = re.compile(rf"Examples?: ({_PROGRAM} [^\n]+(?:\n\s*--[^\n]+)*)")
_PYTHON: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OUTPUT: Final = re.compile(r"--out (\S+)")
_MODULE: Final = re.compile(r"^# \S+\.py$", re.MULTILINE)
"""First line of a block that shows a file of its reader, not something to be typed."""


@dataclass(frozen=True)
class Item:
    """One thing that a page shows.

    Attributes:
        kind: "command", or "python": all blocks of Python of a page, which share their names.
        shown: As it stands there.
        run: What is run for it; nothing where it is not run.
        reason: Why it is not run.
    """

    kind: Literal["command", "python"]
    shown: str
    run: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Page:
    """A document, or all help texts; items in their order."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class ShortRule:
    """A command that takes long, and the same one with options or a file that make it short."""

    shown: str
    run: str


@dataclass(frozen=True)
class WithoutRule:
    """A command that is not run, with the reason."""

    shown: str
    reason: str


@dataclass(frozen=True)
class NeedRule:
    """What has to be run before a command that goes on from something a page does not make itself."""

    shown: str
    run: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """All of `docs/shown.toml`."""

    short: tuple[ShortRule, ...] = ()
    needs: tuple[NeedRule, ...] = ()
    not_run: tuple[WithoutRule, ...] = ()


def find_pages(root: Path, studies: Any) -> list[Page]:
    """Return what help texts and documents below `root` show, nothing planned yet.

    Args:
        root: Of the checkout.
        studies: The Typer application of the studies.
    """
    documents = [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "src").rglob("*.md"))]
    pages = [Page(HELP, tuple(Item("command", line) for line in _unique(_help_lines(studies))))]
    for path in documents:
        items = _document_items(path.read_text(encoding="utf-8"))
        if items:
            pages.append(Page(path.relative_to(root).as_posix(), items))
    return pages


def help_examples(text: str) -> list[str]:
    """Return the command lines that a help text gives as its examples."""
    return [_line(part) for example in _EXAMPLE.findall(text) for part in example.split(";")]


def _help_lines(studies: Any) -> Iterator[str]:
    for command in (typer.main.get_command(app), typer.main.get_command(studies)):
        for text in _helps(command):
            yield from help_examples(text)


def _helps(command: Any) -> Iterator[str]:
    yield command.help or ""
    for member in getattr(command, "commands", {}).values():
        if not member.hidden:  # an old name of a command shows the new one
            yield from _helps(member)


def _document_items(text: str) -> tuple[Item, ...]:
    blocks = [(match.start(), match[1]) for match in _PYTHON.finditer(text) if not _MODULE.match(match[1])]
    items = [(match.start(), Item("command", _line(match[1]))) for match in _COMMAND.finditer(text)]
    if blocks:
        items.append((blocks[0][0], Item("python", "\n".join(block for _, block in blocks))))
    return tuple(_unique([item for _, item in sorted(items, key=lambda pair: pair[0])]))


def _line(shown: str) -> str:
    """Of a command that may go on in further lines and end in a comment."""
    return re.sub(r"\s+", " ", re.sub(r"\s# .*", "", shown.replace("\\\n", " "))).strip()


def _unique(things: Any) -> list[Any]:
    return list(dict.fromkeys(things))


def plan_pages(pages: Sequence[Page], rules: Rules, studies: Any) -> list[Page]:
    """Say of every item what is run for it; help texts keep what no document runs.

    Args:
        pages: As found.
        rules: What is not run as it stands.
        studies: The Typer application of the studies.

    Raises:
        ConfigError: A rule names what is not shown; a short command is another command; too many are not run.
    """
    shown = {item.shown for page in pages for item in page.items}
    named = [*(rule.shown for rule in rules.short), *(rule.shown for rule in rules.needs)]
    for name in (*named, *(rule.shown for rule in rules.not_run)):
        if name not in shown:
            raise ConfigError(f"docs/shown.toml: no help text or document shows {name!r}: remove the rule")
    if len(rules.not_run) > MOST_NOT_RUN:
        raise ConfigError(
            f"docs/shown.toml: {len(rules.not_run)} commands are not run, {MOST_NOT_RUN} may be: make some short"
        )
    short: dict[str, str] = {}
    for rule in rules.short:
        if _name(rule.run, studies) != _name(rule.shown, studies):
            raise ConfigError(f"docs/shown.toml: {rule.run!r} is another command than {rule.shown!r}")
        short[rule.shown] = rule.run
    reasons: Mapping[str, str] = {rule.shown: rule.reason for rule in rules.not_run}
    needs = {rule.shown: rule.run for rule in rules.needs}

    def planned(item: Item) -> Item:
        if item.shown in reasons:
            return replace(item, reason=reasons[item.shown])
        return replace(item, run=(*needs.get(item.shown, ()), short.get(item.shown, item.shown)))

    found = [replace(page, items=tuple(map(planned, page.items))) for page in pages]
    elsewhere = {_same(item) for page in found if page.name != HELP for item in page.items if item.run}
    return [
        replace(page, items=_not_run_elsewhere(page.items, elsewhere)) if page.name == HELP else page for page in found
    ]


def _not_run_elsewhere(items: Sequence[Item], elsewhere: Collection[str]) -> tuple[Item, ...]:
    """Items that no document runs, and those whose output one of them goes on from."""
    kept: list[Item] = []
    for item in reversed(items):
        outputs = {name.rstrip("/") for name in _OUTPUT.findall(" ".join(item.run))}
        read = {word.rstrip("/") for later in kept for command in later.run for word in command.split()}
        if not item.run or _same(item) not in elsewhere or outputs & read:
            kept.append(item)
    return tuple(reversed(kept))


def _same(item: Item) -> str:
    """What is run for an item, the same for folders with and without a slash at their end."""
    return re.sub(r"/(?=\s|$)", "", item.run[-1])


def _name(command: str, studies: Any) -> str:
    """The program and the groups and command of it that a command line calls."""
    words = command.split()
    program = _STUDY if command.startswith(_STUDY) else "nakaya"
    node: Any = typer.main.get_command(studies if program == _STUDY else app)
    names = [program]
    for word in words[len(program.split()) :]:
        if word not in getattr(node, "commands", {}):
            break
        node = node.commands[word]
        names.append(word)
    return " ".join(names)


def read_rules(path: Path) -> Rules:
    """Read the rules of a file."""
    return read_toml(path, Rules)
