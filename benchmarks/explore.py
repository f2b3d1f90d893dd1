"""Let every property test look for faults long and at random: other examples each time, and many of them.

    python3 nk.py benchmark explore --out explored
    python3 nk.py benchmark explore scoring/test_proper --minutes 1 --out explored

A property is tried in rounds, each of a seed of its own; a round that was killed is tried again. An example that fails
is kept with what repeats it, and the property is not tried any further.
"""

from __future__ import annotations

import ast
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Final, Literal, TypeAlias

import typer

from benchmarks.pytest_runs import run_pytest
from nakaya.cli.output import echo_json
from nakaya.core.errors import FormatError, InputFileError, UnknownNameError
from nakaya.core.files import write_whole

__all__ = ["Property", "explore", "explore_property", "find_properties"]

ROOT: Final = Path(__file__).resolve().parents[1]
FIRST_ROUND: Final = 200
"""Examples of a property of which nobody knows how long one takes."""

SECONDS_A_ROUND: Final = 60.0
SECONDS_TO_END: Final = 30.0
"""How much longer than the time that is left a round may take: the start of pytest, and the last example."""

WAITING: Final = 20.0
"""Seconds that pass at most for one of the processor: a property may wait for ever."""

Outcome: TypeAlias = Literal["open", "holds", "fails", "exhausted", "out of time"]


@dataclass
class Property:
    """A property test, and how it fared.

    Attributes:
        test: "FILE::NAME", relative to the folder of tests.
        outcome: "holds": for all examples that were asked for; "out of time": for as many as there was time for;
            "exhausted": there are no more examples; "fails"; "open": not tried yet, or stopped in between.
        examples: How many were tried.
        seconds: Of the processor: a busy machine decides nothing.
        seeds: Of the rounds.
        finding: File with what was printed, where it fails.
    """

    test: str
    outcome: Outcome = "open"
    examples: int = 0
    seconds: float = 0.0
    seeds: list[int] = field(default_factory=list)
    finding: str | None = None


def find_properties(tests: Path) -> list[str]:
    """Return "FILE::NAME" of every function below a folder that Hypothesis gives examples to."""
    found: list[str] = []
    for path in sorted(tests.rglob("test_*.py")):
        functions = [node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef)]
        names = [function.name for function in functions if any(map(_gives, function.decorator_list))]
        found += [f"{path.relative_to(tests).as_posix()}::{name}" for name in names]
    return found


def _gives(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("given", "hypothesis.given")


def explore_property(test: str, out: Path, *, tests: Path, examples: int, seconds: float) -> Property:
    """Try a property in rounds until there were enough examples, no time is left, or one fails.

    Args:
        test: As `find_properties` tells it.
        out: Folder: gets TEST.json, and a folder TEST with failing examples.
        tests: Folder of the tests; its parent is where pytest runs.
        examples: How many, those of earlier calls included.
        seconds: Of the processor, those of earlier calls included.
    """
    name = re.sub(r"[^\w]+", "-", test)
    state = out / f"{name}.json"
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    found = _earlier(state, test)
    while found.outcome in ("open", "holds", "out of time"):
        if found.examples >= examples:
            found.outcome = "holds"
        elif found.seconds >= seconds:
            found.outcome = "out of time"
        else:
            _round(found, folder, tests, examples, seconds)
            write_whole(state, (json.dumps(asdict(found), indent=1) + "\n").encode())
            continue
        break
    write_whole(state, (json.dumps(asdict(found), indent=1) + "\n").encode())
    return found


def _earlier(state: Path, test: str) -> Property:
    if not state.is_file():
        return Property(test)
    try:
        return Property(**json.loads(state.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{state} tells of no property ({error}): choose another folder") from None


def _round(found: Property, folder: Path, tests: Path, examples: int, seconds: float) -> None:
    size = FIRST_ROUND if not found.examples else int(found.examples / found.seconds * SECONDS_A_ROUND)
    size = max(FIRST_ROUND // 10, min(size, examples - found.examples))
    seed = SystemRandom().randrange(2**31)
    count = folder / "count.json"
    count.unlink(missing_ok=True)
    begin = _processor_seconds()
    status, printed = _pytest(found.test, folder, tests, size, seed, seconds - found.seconds + SECONDS_TO_END)
    found.seconds += _processor_seconds() - begin
    if status is None:
        found.outcome = "out of time"
        return
    tried = json.loads(count.read_text(encoding="utf-8"))["examples"] if count.is_file() else 0
    found.examples += tried
    found.seeds.append(seed)
    if status:
        found.outcome = "fails"
        found.finding = str(folder / "finding.txt")
        write_whole(Path(found.finding), f"seed {seed}, {size} examples\n\n{printed}".encode())
    elif tried < size // 2:
        found.outcome = "exhausted"


def _processor_seconds() -> float:
    """Of the processes that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def _pytest(test: str, folder: Path, tests: Path, size: int, seed: int, seconds: float) -> tuple[int | None, str]:
    """Exit status (None: it did not end) and what was printed."""
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    words = ["-p", "benchmarks.explore_plugin", "--explore-examples", str(size)]
    words += ["--explore-folder", str(folder.resolve()), f"--hypothesis-seed={seed}", str(tests / test)]
    environment = {"HYPOTHESIS_PROFILE": "explore", "PYTHONPATH": os.pathsep.join(paths)}
    return run_pytest(
        words,
        folder=tests.parent,
        environment=environment,
        seconds=WAITING * seconds,
        processor_seconds=math.ceil(seconds),
    )


def explore(
    properties: Annotated[list[str] | None, typer.Argument(help="Parts of names; all properties if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the findings; goes on with what is there.")] = Path("explored"),
    examples: Annotated[int, typer.Option(min=1, help="Examples of each property.")] = 20_000,
    minutes: Annotated[float, typer.Option(min=0.01, help="Processor minutes of each, if those come first.")] = 5.0,
    tests: Annotated[Path, typer.Option(help="Folder of the tests.")] = ROOT / "tests",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Try every property test with many random examples; what fails is kept, with what repeats it.

    Example: python3 nk.py benchmark explore --out explored

    Leaves with status 1 where a property fails.
    """
    tests = tests.resolve()
    known = find_properties(tests)
    if not known:
        raise InputFileError(f"{tests} holds no property tests: name a folder of tests")
    chosen = [test for test in known if not properties or any(part in test for part in properties)]
    if not chosen:
        raise UnknownNameError("property", (properties or [""])[0], known)
    found = []
    for test in chosen:
        found.append(explore_property(test, out, tests=tests, examples=examples, seconds=60 * minutes))
        typer.echo(_line(found[-1]), err=True)
    if as_json:
        echo_json({"properties": found})
    else:
        for line in _summary(found):
            typer.echo(line)
    if any(entry.outcome == "fails" for entry in found):
        raise typer.Exit(1)


def _summary(found: Sequence[Property]) -> list[str]:
    lines = [_line(entry) for entry in found]
    fails = sum(entry.outcome == "fails" for entry in found)
    return [*lines, f"{len(found)} properties, {sum(entry.examples for entry in found)} examples, {fails} fail"]


def _line(entry: Property) -> str:
    place = f", see {entry.finding}" if entry.finding else ""
    return (
        f"{entry.outcome:12s} {entry.examples:7d} examples {entry.seconds:6.0f} s  {entry.test}{place}  "
        f"seeds {', '.join(map(str, entry.seeds))}"
    )
