"""Make one mistake at a time in the source, and see whether the tests beside it notice.

    python3 nk.py benchmark mutation --lines 200 --out mutated

Lines are drawn evenly from those where a mistake can be made, and one mistake of each line. The tests are those of the
room in tests/ that mirrors the file's: they run once without a mistake, and tell which of them runs which line; those
that run the line come first. To them come the examples in its own docstrings. Seconds are of the processor, so that a
busy machine decides nothing. What nobody notices is either not tested, or no mistake: the printed difference tells a
person which.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import math
import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import typer

from benchmarks.mutation_sites import Mutation, mutations
from benchmarks.pytest_runs import run_pytest
from nakaya.cli.output import echo_json
from nakaya.core.errors import FormatError, InputFileError, NakayaError, ParameterError
from nakaya.core.files import write_whole

__all__ = ["Bench", "MutationReport", "Trial", "mirrored_tests", "mutation", "sample_mutations", "try_mutations"]

ROOMS: Final = ("md", "reactor", "microscopy", "kinetics", "growth")
ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS: Final = 60.0
COMPILING: Final = 5.0
"""A mistake in a kernel gets this many times the seconds: all of its file is compiled anew."""

SHARE_OF_THE_LIMIT: Final = 0.5
"""Tests are chosen up to this fraction of the limit: a mistake may slow them down."""

WAITING: Final = 10.0
"""Seconds that pass at most for one of the processor: a mistake may make a test wait for ever."""

MAX_TESTS_LIMITS: Final = 60.0
"""All tests of a room together take at most so many limits."""

STATE: Final = "mutation.json"
NOT_COPIED: Final = shutil.ignore_patterns(".git", ".venv", ".hypothesis", "__pycache__", "*.egg-info", ".*_cache")

Outcome: TypeAlias = Literal["noticed", "timeout", "unnoticed", "untested"]


@dataclass(frozen=True)
class Trial:
    """One mistake, and what the tests said.

    Attributes:
        file: Relative to the package's folder.
        line: Where it is.
        kind: Of the mistake.
        before: What stood there.
        after: What took its place.
        kernel: Whether it is in compiled code.
        tests: How many were run.
        outcome: "noticed": a test failed; "timeout": they did not end; "unnoticed"; "untested": there are no tests.
        seconds: Wall time.
        difference: Unified difference.
    """

    file: str
    line: int
    kind: str
    before: str
    after: str
    kernel: bool
    tests: int
    outcome: Outcome
    seconds: float
    difference: str

    @property
    def room(self) -> str:
        """The folder of the package."""
        return Path(self.file).parts[0]


@dataclass
class MutationReport:
    """What came of all mistakes so far.

    Attributes:
        seed: Of the sample.
        lines: How many were asked for.
        rooms: Folders of the package that they were drawn from.
        source: sha256 of all files that were drawn from.
        trials: In the order in which they were drawn.
    """

    seed: int
    lines: int
    rooms: tuple[str, ...]
    source: str
    trials: list[Trial] = field(default_factory=list)

    def count(self, room: str | None = None) -> Counter[str]:
        """How many of each outcome."""
        return Counter(trial.outcome for trial in self.trials if room in (None, trial.room))

    @property
    def noticed_fraction(self) -> float:
        """Fraction that was noticed: by a failure, or by no end."""
        counts = self.count()
        return (counts["noticed"] + counts["timeout"]) / max(1, len(self.trials))


def sample_mutations(package: Path, rooms: Sequence[str], lines: int, seed: int) -> list[tuple[Path, Mutation]]:
    """Draw lines evenly, and one mistake of each.

    Args:
        package: Folder `nakaya`.
        rooms: Of its folders.
        lines: How many; fewer where there are fewer.
        seed: Of the draw.
    """
    by_line: dict[tuple[Path, int], list[Mutation]] = {}
    for path in _files(package, rooms):
        for found in mutations(path.read_text(encoding="utf-8")):
            by_line.setdefault((path, found.line), []).append(found)
    rng = random.Random(seed)
    chosen = rng.sample(sorted(by_line), min(lines, len(by_line)))
    return [(path, rng.choice(by_line[path, line])) for path, line in chosen]


def _files(package: Path, rooms: Sequence[str]) -> list[Path]:
    missing = [room for room in rooms if not (package / room).is_dir()]
    if missing:
        raise InputFileError(f"{package} has no folder {missing[0]}: name folders of the package")
    return sorted(path for room in rooms for path in (package / room).rglob("*.py"))


def mirrored_tests(file: Path, package: Path, tests: Path) -> list[Path]:
    """Return the files of the folder of `tests` that mirrors a file's: those that name it, then the outer ones.

    Args:
        file: Of the package.
        package: Its folder.
        tests: Folder that mirrors it; where it has no folder of that name, the next one above counts.
    """
    inside = file.relative_to(package)
    folder = next((tests / part for part in inside.parents if (tests / part).is_dir()), None)
    if folder is None or folder == tests:
        return []
    module = re.compile(rf"\b{re.escape('.'.join([package.name, *inside.with_suffix('').parts]))}\b")
    found = sorted(folder.rglob("test_*.py"))
    naming = {path: path.stem.endswith(inside.stem) or bool(module.search(path.read_text("utf-8"))) for path in found}
    return sorted(found, key=lambda path: (not naming[path], len(path.parts), path))  # then those nearest to it


@dataclass(frozen=True)
class Coverage:
    """Which tests of a folder run which lines of the folder of the package that it mirrors.

    Attributes:
        seconds: Of the processor, of every test that passes without a mistake, without what is set up.
        setups: File of tests -> seconds to set up what its tests share: whichever runs first pays.
        lines: File, relative to the folder -> line -> tests.
    """

    seconds: Mapping[str, float]
    setups: Mapping[str, float]
    lines: Mapping[str, Mapping[int, Sequence[str]]]

    def chosen(self, file: str, mutation: Mutation, files: Sequence[str], budget: float) -> list[str]:
        """Return the tests that may notice a mistake, as many as the budget allows, the likeliest first.

        Those that run its line, the quickest first; the others of their files, which share a set-up with them; those
        that run another line of the file, which come first where no test is seen to run this one (compiled code, and
        what is read on import); all others.

        Args:
            file: As in `lines`.
            mutation: In this file.
            files: Of tests, in the order in which they are likely to know the file.
            budget: Seconds of the processor.
        """
        lines = self.lines.get(file, {})
        run_line = set(() if mutation.kernel else lines.get(mutation.line, ()))
        run_file = {test for tests in lines.values() for test in tests}
        first = run_line or run_file
        sharing = {_file_of(test) for test in first}
        rank = {name: place for place, name in enumerate(files)}

        def order(test: str) -> tuple[bool, bool, bool, int, float]:
            place = 0 if test in run_line else rank.get(_file_of(test), len(rank))
            return test not in first, _file_of(test) not in sharing, test not in run_file, place, self.seconds[test]

        chosen: list[str] = []
        paid: set[str] = set()
        left = budget
        for test in sorted(self.seconds, key=order):
            name = _file_of(test)
            cost = self.seconds[test] + (0.0 if name in paid else self.setups.get(name, 0.0))
            if not chosen or cost <= left:
                chosen.append(test)
                paid.add(name)
                left -= cost
        return chosen


def _file_of(test: str) -> str:
    return test.partition("::")[0]


@dataclass
class Bench:
    """A copy of the checkout, in which mistakes are made."""

    root: Path
    package: Path
    limit: float

    @classmethod
    @contextmanager
    def of(cls, checkout: Path, package: Path, limit: float) -> Iterator[Bench]:
        """Copy the checkout for as long as it is needed."""
        with tempfile.TemporaryDirectory(prefix="nakaya-mutation-") as scratch:
            root = Path(scratch) / "checkout"
            shutil.copytree(checkout, root, ignore=NOT_COPIED)
            yield cls(root, root / package.relative_to(checkout), limit)

    def run(self, words: Sequence[str], *, processor_seconds: float | None = None) -> tuple[int | None, str]:
        """Exit status of pytest, None where it did not end, and what was printed."""
        return run_pytest(
            words,
            folder=self.root,
            environment={
                "PYTHONPATH": os.pathsep.join((str(self.package.parent), str(ROOT))),
                "PYTHONHASHSEED": "0",
                "HYPOTHESIS_PROFILE": "ci",
            },
            seconds=WAITING * (processor_seconds or self.limit * MAX_TESTS_LIMITS),
            processor_seconds=None if processor_seconds is None else math.ceil(processor_seconds),
        )

    def coverage_of(self, room: str, out: Path) -> Coverage:
        """See which tests of a room run which of its lines; what an earlier call saw is read.

        Raises:
            NakayaError: No test of the room passes.
        """
        path = out / f"lines-{room}.json"
        if not path.is_file():
            typer.echo(f"which lines do the tests of {room} run?", err=True)
            seen = self.root / "lines.json"
            seen.unlink(missing_ok=True)
            words = ["-p", "benchmarks.lines_plugin", "--maxfail=0", f"tests/{room}"]
            words += ["--lines-of", str(self.package / room), "--lines-out", str(seen)]
            _, printed = self.run(words)
            if not seen.is_file() or not json.loads(seen.read_bytes())["seconds"]:
                raise NakayaError(f"without a mistake no test of tests/{room} passes: {printed[-500:]}")
            write_whole(path, seen.read_bytes())
        document = json.loads(path.read_bytes())
        lines = {
            file: {int(line): tests for line, tests in by_line.items()} for file, by_line in document["lines"].items()
        }
        return Coverage(document["seconds"], document["setups"], lines)

    def try_one(self, file: Path, mutation: Mutation, tests: Sequence[str]) -> tuple[Outcome, float]:
        """Make a mistake, run the tests, and put things right again."""
        source = file.read_bytes()
        status = file.stat()
        named = self.root / "chosen-tests.txt"  # more than a command line holds
        named.write_text("\n".join([*tests, str(file.relative_to(self.root))]), encoding="utf-8")
        begin = time.monotonic()
        try:
            file.write_text(mutation.applied(source.decode()), encoding="utf-8")
            _forget(file)
            limit = self.limit * (COMPILING if mutation.kernel else 1.0)
            ended, _ = self.run([f"@{named.name}"], processor_seconds=limit)
        finally:
            file.write_bytes(source)
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
            _forget(file)
        outcome: Outcome = "timeout" if ended is None else "unnoticed" if ended in (0, 5) else "noticed"
        return outcome, time.monotonic() - begin


def _forget(file: Path) -> None:
    """Two versions of a file may have one length and one second."""
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def try_mutations(
    checkout: Path, package: Path, report: MutationReport, out: Path, *, limit: float = SECONDS, most: int | None = None
) -> MutationReport:
    """Try what an earlier call has not tried yet; the report is written after every mistake.

    Args:
        checkout: Folder with `tests`; a copy of it is changed.
        package: Folder of the package in it.
        report: As `begin` gave it; gets the trials.
        out: Folder of the report.
        limit: Seconds of the processor for the tests of one mistake.
        most: Stop after so many mistakes of this call.
    """
    sample = sample_mutations(package, report.rooms, report.lines, report.seed)
    pending = sample[len(report.trials) :][:most]
    with Bench.of(checkout, package, limit) as bench:
        of_rooms: dict[str, Coverage] = {}
        for path, mutation in pending:
            room, inside = path.relative_to(package).parts[0], path.relative_to(package)
            tests: list[str] = []
            if (checkout / "tests" / room).is_dir():
                if room not in of_rooms:
                    of_rooms[room] = bench.coverage_of(room, out)
                files = [str(test.relative_to(checkout)) for test in mirrored_tests(path, package, checkout / "tests")]
                budget = SHARE_OF_THE_LIMIT * limit
                tests = of_rooms[room].chosen(str(inside.relative_to(room)), mutation, files, budget)
            outcome, seconds = bench.try_one(bench.package / inside, mutation, tests) if tests else ("untested", 0.0)
            report.trials.append(_trial(path, package, mutation, tests, outcome, seconds))
            write_whole(out / STATE, (json.dumps(asdict(report), indent=1) + "\n").encode())
            typer.echo(
                f"{len(report.trials)}/{len(sample)} {report.trials[-1].file}:{mutation.line} {outcome}", err=True
            )
    return report


def _trial(
    path: Path, package: Path, mutation: Mutation, tests: Sequence[str], outcome: Outcome, seconds: float
) -> Trial:
    source = path.read_text(encoding="utf-8")
    name = str(path.relative_to(package))
    difference = difflib.unified_diff(
        source.splitlines(), mutation.applied(source).splitlines(), name, name, "", "", 2, ""
    )
    return Trial(
        file=name,
        line=mutation.line,
        kind=mutation.kind,
        before=mutation.before,
        after=mutation.after,
        kernel=mutation.kernel,
        tests=len(tests),
        outcome=outcome,
        seconds=round(seconds, 1),
        difference="\n".join(difference),
    )


def begin(package: Path, out: Path, rooms: Sequence[str], lines: int, seed: int | None) -> MutationReport:
    """Return the report in a folder, or a new one.

    Raises:
        ParameterError: The one there is of another sample, or of other sources.
        FormatError: It is damaged.
    """
    source = sha256(b"".join(path.read_bytes() for path in _files(package, rooms))).hexdigest()
    path = out / STATE
    if not path.is_file():
        return MutationReport(
            random.SystemRandom().randrange(2**31) if seed is None else seed, lines, tuple(rooms), source
        )
    found = _read(path)
    now = {"seed": found.seed if seed is None else seed, "lines": lines, "rooms": tuple(rooms), "source": source}
    there: Mapping[str, Any] = {name: getattr(found, name) for name in now}
    if there != now:
        names = ", ".join(name for name in now if now[name] != there[name])
        raise ParameterError(f"{path} was begun with another {names}: choose another folder")
    return found


def _read(path: Path) -> MutationReport:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        trials = [Trial(**trial) for trial in document.pop("trials")]
        return MutationReport(**{**document, "rooms": tuple(document["rooms"])}, trials=trials)
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{path} is no report of mutations ({error}): choose another folder") from None


def mutation(
    out: Annotated[Path, typer.Option(help="Folder of the report; goes on with what is there.")] = Path("mutated"),
    lines: Annotated[int, typer.Option(min=1, help="Lines in which a mistake is made.")] = 200,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the sample; drawn if left out.")] = None,
    room: Annotated[list[str] | None, typer.Option(help="Folder of the package; may be given several times.")] = None,
    limit: Annotated[float, typer.Option(min=1.0, help="Seconds of the processor for one mistake.")] = SECONDS,
    checkout: Annotated[Path, typer.Option(help="Where src/ and tests/ are.")] = Path(),
    name: Annotated[str, typer.Option(help="Of the package.")] = "nakaya",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make one mistake in each of many lines, and tell which of them the tests beside the file notice.

    Example: python3 nk.py benchmark mutation --lines 200 --out mutated
    """
    checkout = checkout.resolve()
    package = checkout / "src" / name
    out.mkdir(parents=True, exist_ok=True)
    report = begin(package, out, room or ROOMS, lines, seed)
    typer.echo(f"seed {report.seed}", err=True)
    try_mutations(checkout, package, report, out, limit=limit)
    if not report.trials:
        raise NakayaError(f"nothing in {', '.join(report.rooms)} of {package} can be changed: name other folders")
    if as_json:
        echo_json({**asdict(report), "noticed_fraction": report.noticed_fraction})
        return
    typer.echo(f"{'room':14s} {'lines':>6s} {'noticed':>8s} {'timeout':>8s} {'unnoticed':>10s} {'untested':>9s}")
    for part in (*report.rooms, None):
        counts = report.count(part)
        numbers = f"{counts['noticed']:8d} {counts['timeout']:8d} {counts['unnoticed']:10d} {counts['untested']:9d}"
        typer.echo(f"{part or 'all':14s} {counts.total():6d} {numbers}")
    typer.echo(f"noticed: {100 * report.noticed_fraction:.1f} % (seed {report.seed})")
    for trial in report.trials:
        if trial.outcome in ("unnoticed", "untested"):
            typer.echo(f"\n{trial.outcome}: {trial.file}:{trial.line} ({trial.kind})\n{trial.difference}")
