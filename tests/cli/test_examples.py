"""Examples of help texts and documents: the commands and options that they use exist, and so do the files they name."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from benchmarks.__main__ import PROGRAM
from benchmarks.__main__ import app as studies
from benchmarks.shown_commands import help_examples
from nakaya.cli.app import app, run
from nakaya.kinetics.training.training import read_kinetics_training
from nakaya.md.campaigns.plan import read_plan
from nakaya.md.growth import GrowthRun
from nakaya.md.potentials import MATERIALS
from nakaya.md.seeding.crystallites import SHAPES
from nakaya.md.seeding.run import SeedingRun, default_size
from nakaya.md.tables import tabulate
from nakaya.records.store import load_records

ROOT = Path(__file__).resolve().parents[2]
PLACES = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.md"))
CUT_SHORT = ("MissingParameter", "NoArgsIsHelpError", "BadOptionUsage")
"""Errors of command lines that a sentence names without all of their words."""


def helps(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    yield words, command.help or ""
    for name, member in getattr(command, "commands", {}).items():
        if not member.hidden:  # an old name of a command shows the new one
            yield from helps(member, (*words, name))


def parse(words: list[str]) -> Any:
    """Parse a command line of `nakaya`, or of a study, without running it; the parser's own errors go through."""
    study = words[0] == "python3"
    words = words[len(PROGRAM.split()) :] if study else words[1:]
    command: Any = typer.main.get_command(studies if study else app)
    context = command.make_context("nakaya", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return context


COMMANDS = (
    *helps(typer.main.get_command(app), ("nakaya",)),
    *helps(typer.main.get_command(studies), tuple(PROGRAM.split())),
)
HELPS = {words: text for words, text in COMMANDS if "Example" in text}
LINE = rf"(?:nakaya|{re.escape(PROGRAM)}) "


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_examples_of_help_texts_parse_and_name_files_that_exist(words: tuple[str, ...]) -> None:
    examples = help_examples(HELPS[words])
    assert examples
    for line in examples:
        given = shlex.split(line)
        assert tuple(given[: len(words)]) == words, line
        parse(given)
        for word in given:
            assert not word.startswith("examples/") or (ROOT / word).exists(), line


@pytest.mark.parametrize("path", sorted(PLACES), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_documents_parse(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    whole = re.findall(rf"^(?:    |\$ )(?:\$ )?({LINE}[^\n#|>]+)", text, flags=re.MULTILINE)
    for line in whole:
        parse(shlex.split(line))
        for word in shlex.split(line):
            assert not word.startswith("examples/") or (ROOT / word).exists(), line
    for line in re.findall(rf"`({LINE}[a-z][^`]*)`", text):
        try:
            parse([word for word in shlex.split(" ".join(line.split())) if word != "..."])
        except Exception as error:
            if type(error).__name__ not in CUT_SHORT:
                raise AssertionError(f"{line}: {error}") from error


def test_the_plan_of_a_potential_of_users_and_its_training_can_be_read() -> None:
    runs = read_plan(ROOT / "examples" / "nickel" / "plan.toml")
    assert {(run.material.name, run.material.potential, run.material.structure) for run in runs} == {
        ("Ni", "Ni_u3.eam", "fcc")
    }
    assert Counter(type(run).__name__ for run in runs) == {"PropertiesRun": 2, "MeltingRun": 1, "GrowthRun": 8}
    training = read_kinetics_training(ROOT / "examples" / "nickel" / "train.toml")
    text = (ROOT / "docs" / "own-potential.md").read_text(encoding="utf-8")
    assert f"--out {training.records}\n" in text  # the records that the page makes are those that it trains on


def test_the_plan_of_crystallites_brackets_the_critical_sizes_of_classical_theory() -> None:
    path = ROOT / "examples" / "seeding.toml"
    planned = [one for one in read_plan(path) if isinstance(one, SeedingRun)]
    sizes: dict[tuple[str, float], set[int]] = {}
    for one in planned:
        assert one.size <= 0.1 * 4 * one._cells**3
        sizes.setdefault((one.material.name, one.temperature), set()).add(one.size)
    assert len(sizes) == 6
    tables = {name: tabulate(name, load_records("al-cu-si")) for name in ("Al", "Cu")}
    stated = path.read_text(encoding="utf-8").partition("Cost")[0]
    for (name, temperature), chosen in sizes.items():
        assert 0.65 < temperature / tables[name].melting_temperature < 0.8
        critical = default_size(MATERIALS[name], temperature, tables[name])
        assert min(chosen) < critical < max(chosen)
        assert re.search(rf"\b{critical}\b", stated)
    shapes = [one.shape for one in planned]
    assert set(shapes) == set(SHAPES)
    assert shapes.index("twin") == shapes.count("sphere")  # spheres first


def test_the_plan_of_second_potentials_is_of_others_at_the_same_reduced_temperatures() -> None:
    runs = read_plan(ROOT / "examples" / "second-potentials.toml")
    for name in ("Al", "Cu", "Si"):
        mine = [one for one in runs if one.material.name == name]
        assert {one.material.potential for one in mine} != {MATERIALS[name].potential}
        assert len({one.material.potential for one in mine}) == 1
        assert Counter(one.kind for one in mine) == {"properties": 3, "melting": 2, "growth": 4}
        for one in mine:
            if isinstance(one, GrowthRun):
                reduced = one.temperature / one.material.melting_point
                assert min(abs(reduced - shipped) for shipped in (0.76, 0.92)) < 0.001
                assert one.orientation == "100"


def test_a_material_without_a_potential_names_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["md", "grow", "--material", "W", "--orientation", "100", "--temperature", "900", "--out"]
    assert run([*words, str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    for named in ("--pair-style", "--melting-point", "nakaya md campaign run", "docs/own-potential.md"):
        assert named in error
    parse(shlex.split("nakaya md campaign run PLAN --out OUT"))
    assert (ROOT / "docs" / "own-potential.md").is_file()
