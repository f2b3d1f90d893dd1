"""Run what help texts and documents show, as a reader would type it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmarks.shown_commands import Item, Page, find_pages, plan_pages, read_rules
from nakaya.cli.output import echo_json
from nakaya.core.errors import OutputExistsError, UnknownNameError

__all__ = ["Result", "run_page", "shown"]

ROOT: Final = Path(__file__).resolve().parents[1]
STUDY: Final = ["python3", "nk.py", "benchmark"]
LINKED: Final = ("examples", "docs", "tests")
"""Folders of the checkout that commands name."""

SECONDS: Final = 900.0
"""A command that takes longer hangs: a bound of what waits, not of what is right."""

LINES_OF_A_FAILURE: Final = 12


@dataclass(frozen=True)
class Result:
    """One thing that was run.

    Attributes:
        page: Where it is shown.
        command: What was run; of blocks of Python, "python".
        status: Its exit status; None where it is not run.
        seconds: How long it took.
        printed: The end of what it printed, where it failed; the reason, where it is not run.
    """

    page: str
    command: str
    status: int | None
    seconds: float = 0.0
    printed: str = ""


def run_page(page: Page, folder: Path) -> Iterator[Result]:
    """Run a page from its first item to its last in a new folder, which holds the checkout's examples."""
    folder.mkdir(parents=True)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    for item in page.items:
        if item.reason:
            yield Result(page.name, item.shown, None, printed=item.reason)
        else:
            for command in item.run:
                yield _run(page.name, item, command, folder)


def _run(page: str, item: Item, command: str, folder: Path) -> Result:
    begin = time.monotonic()
    if item.kind == "python":
        words = [sys.executable, "-c", command]
    elif command.split()[:3] == STUDY:
        words = [sys.executable, "-m", "benchmarks", *shlex.split(command)[3:]]
    else:
        words = [sys.executable, "-m", *shlex.split(command)]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        status, printed = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        status, printed = 124, f"still running after {SECONDS:.0f} s"
    end = "" if status == 0 else "\n".join(printed.splitlines()[-LINES_OF_A_FAILURE:])
    return Result(page, "python" if item.kind == "python" else command, status, time.monotonic() - begin, end)


def shown(
    pages: Annotated[list[str] | None, typer.Argument(help="Parts of names of pages; all if left out.")] = None,
    out: Annotated[Path, typer.Option(help="New folder, one folder a page.")] = Path("shown"),
    workers: Annotated[int, typer.Option(min=1, help="Pages at a time.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run every command and block of Python that help texts and documents show, as they stand.

    Example: python3 nk.py benchmark shown nucleation --out shown

    What takes long is run with options of its own, and what cannot be run says why: docs/shown.toml. Leaves with
    status 1 where one fails.
    """
    from benchmarks.__main__ import app as studies

    if out.exists():
        raise OutputExistsError(out)
    planned = plan_pages(find_pages(ROOT, studies), read_rules(ROOT / "docs" / "shown.toml"), studies)
    chosen = [page for page in planned if not pages or any(part in page.name for part in pages)]
    if not chosen:
        raise UnknownNameError("page", (pages or [""])[0], [page.name for page in planned])

    def run_all(page: Page) -> list[Result]:
        results = []
        for result in run_page(page, out.resolve() / page.name.replace("/", "-").replace(" ", "-")):
            typer.echo(_line(result), err=True)
            results.append(result)
        return results

    longest_first = sorted(chosen, key=lambda page: -len(page.items))
    with ThreadPoolExecutor(workers) as pool:
        results = [result for found in pool.map(run_all, longest_first) for result in found]
    if as_json:
        echo_json({"results": results})
    else:
        for line in _summary(results):
            typer.echo(line)
    if any(result.status for result in results):
        raise typer.Exit(1)


def _line(result: Result) -> str:
    state = "not run" if result.status is None else "ok" if result.status == 0 else f"failed ({result.status})"
    return f"{result.seconds:6.1f} s  {state:11s} {result.page}: {result.command}"


def _summary(results: Sequence[Result]) -> list[str]:
    lines = []
    for result in results:
        if result.status != 0:
            lines += [_line(result), *(f"    {line}" for line in result.printed.splitlines())]
    run = [result for result in results if result.status is not None]
    failed = sum(result.status != 0 for result in run)
    seconds = sum(result.seconds for result in run)
    return [*lines, f"{len(run)} run in {seconds:.0f} s, {failed} failed, {len(results) - len(run)} not run"]
