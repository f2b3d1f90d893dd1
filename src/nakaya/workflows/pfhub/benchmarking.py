"""All problems of PFHub that are computed here: run by run, each kept when it is finished, then rows and uploads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from nakaya.core.checks import check_seed
from nakaya.core.documents import plain, write_json
from nakaya.core.errors import UnknownNameError
from nakaya.core.files import write_whole
from nakaya.core.provenance import package_version
from nakaya.core.reading import read_json
from nakaya.core.resumable import resumable
from nakaya.workflows.pfhub import problem_3a, problem_8
from nakaya.workflows.pfhub.parts import Computed, Part, Summary
from nakaya.workflows.pfhub.upload import UPLOAD_FILE, describe_upload

__all__ = ["PROBLEMS", "benchmark_pfhub", "chosen_problems"]

PROBLEMS: Final[dict[str, Callable[[int], Sequence[Part]]]] = {"3a": problem_3a.parts, "8": problem_8.parts}
"""Number of a problem -> its parts, for a seed."""

MARKER: Final = "benchmark.json"
RUNS: Final = "runs"
MAX_BYTES: Final = 1 << 22


def chosen_problems(names: Sequence[str] | None) -> list[str]:
    """Return the names of problems, all where none are given.

    Raises:
        UnknownNameError: A problem is none of `PROBLEMS`.
    """
    for name in names or ():
        if name not in PROBLEMS:
            raise UnknownNameError("problem", name, PROBLEMS)
    return list(dict.fromkeys(names)) if names else list(PROBLEMS)


def benchmark_pfhub(
    problems: Sequence[str] | None = None,
    *,
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Compute benchmark problems of PFHub, in one thread.

    Args:
        problems: Keys of `PROBLEMS`; all by default.
        seed: Of everything random.
        out: Folder that keeps each finished run and gets one folder for every upload; work that the same seed and
            version began there goes on. None: nothing is written.
        overwrite: Begin anew, and delete what is there.
        progress: Told how many runs are done, and of how many.

    Returns:
        {"rows": [...], "seed": seed, "version": version of nakaya}.

    Raises:
        UnknownNameError, ParameterError: No such problem; no seed.
        OtherConfigurationError: The folder was begun with another seed or version.
        OutputError: It cannot be written, or holds something else.
    """
    stated = {"benchmark": "pfhub", "seed": check_seed(seed), "version": package_version()}
    chosen = [part for name in chosen_problems(problems) for part in PROBLEMS[name](seed)]
    total, done, rows = sum(len(part.runs) for part in chosen), 0, []
    held = (
        nullcontext()
        if out is None
        else resumable(out, stated, marker=MARKER, kind="folder of PFHub benchmarks", overwrite=overwrite)
    )
    with held:
        for part in chosen:
            summaries = []
            for number, run in enumerate(part.runs, 1):
                summaries.append(_kept(out, part, number, run))
                done += 1
                if progress is not None:
                    progress(done, total)
            rows += part.rows(summaries)
            if out is not None:
                write_json(out / part.name / UPLOAD_FILE, describe_upload(part, summaries))
    return {"rows": rows, "seed": seed, "version": stated["version"]}


def _kept(out: Path | None, part: Part, number: int, run: Callable[[], Computed]) -> Summary:
    """The summary of a run, read where it was finished before; it is written last, after the files."""
    if out is None:
        return dict(plain(run().summary))
    place = out / RUNS / f"{part.name}-{number}.json"
    if place.is_file():
        return dict(read_json(place, MAX_BYTES))
    computed = run()
    for folder in (out / part.name, place.parent):
        folder.mkdir(exist_ok=True)
    for name, content in computed.files.items():
        write_whole(out / part.name / name, content)
    summary = dict(plain(computed.summary))
    write_json(place, summary)
    return summary
