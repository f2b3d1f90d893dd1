"""How many files take part when a crystal is grown and shown, or a trajectory is told its velocity?

A reader who follows one of these has to open so many files. A file takes part where one of its functions runs; what
runs while modules are imported counts too, the bodies of modules and classes do not. Compiled kernels are not seen, nor
is what compiles them: every command runs once before it is followed.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import InputFileError, NakayaError

__all__ = ["files_that_run", "walk"]

ROOT: Final = Path(__file__).resolve().parents[1]

WALKS: Final[Mapping[str, Sequence[str]]] = {
    "grow and show": (
        "grow --rho 0.5 --size 40 --seed 1 --out crystal.zarr --overwrite",
        "show crystal.zarr --out crystal.png --overwrite",
    ),
    "predict": (
        "predict --md dump.gz --lammps-units metal --elements Cu --time-step 0.002 --temperature 1115 "
        "--orientation 100 --json",
    ),
}
"""Command lines of `nakaya`: nothing else is known of what is followed."""

TRACER: Final = """
import inspect, json, os, runpy, sys, threading
found, *sys.argv[1:] = sys.argv[1:]
seen = set()
def follow(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and code.co_name[1:] not in COMPREHENSIONS:
        seen.add(code.co_filename)
COMPREHENSIONS = ("listcomp>", "dictcomp>", "setcomp>", "genexpr>")  # of a module or of a function that was seen itself
threading.setprofile(follow)
sys.setprofile(follow)
try:
    runpy.run_module("nakaya", run_name="__main__", alter_sys=True)
except SystemExit as end:
    status = end.code or 0
else:
    status = 0
sys.setprofile(None)
threading.setprofile(None)
root = os.path.dirname(os.path.abspath(sys.modules["nakaya"].__file__))
names = sorted(os.path.relpath(name, root) for name in map(os.path.abspath, seen) if name.startswith(root + os.sep))
with open(found, "w") as stream:
    json.dump({"root": root, "files": names}, stream)
sys.exit(status)
"""

REPEATS: Final = (4, 4, 16)
LATTICE_PARAMETER: Final = 3.7
"""Of the crystal in the dump, A."""


def files_that_run(checkout: Path) -> dict[str, list[str]]:
    """Follow every walk in a checkout: files below `src/nakaya` of which at least one function runs.

    Raises:
        InputFileError: There is no `src/nakaya`.
        NakayaError: A command fails.
    """
    source = (checkout / "src").resolve()
    if not (source / "nakaya").is_dir():
        raise InputFileError(f"{checkout} is no checkout of nakaya: it has no src/nakaya")
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write_dump(folder / "dump.gz")
        for name, lines in WALKS.items():
            seen: set[str] = set()
            for line in lines:
                _run(source, folder, line)  # compiles what is not compiled yet
                seen |= _run(source, folder, line)
            found[name] = sorted(seen)
    return found


def _run(source: Path, folder: Path, line: str) -> set[str]:
    file = folder / "seen.json"
    done = subprocess.run(
        [sys.executable, "-c", TRACER, str(file), *line.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NakayaError(f"nakaya {line} of {source} ends with status {done.returncode}: {done.stderr[-300:]}")
    document = json.loads(file.read_text(encoding="utf-8"))
    if Path(document["root"]).resolve() != source / "nakaya":
        raise NakayaError(
            f"{document['root']} was followed instead of {source}: run walk without an installation of it"
        )
    return set(document["files"])


def _write_dump(path: Path) -> None:
    """Six frames of copper, 2 ps apart: a shaken crystal whose disordered part shrinks."""
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.stack(np.meshgrid(*map(np.arange, REPEATS), indexing="ij"), axis=-1).reshape(-1, 1, 3)
    crystal = LATTICE_PARAMETER * (cells + basis).reshape(-1, 3)
    box = LATTICE_PARAMETER * np.array(REPEATS)
    rng = np.random.default_rng(3)
    lines: list[str] = []
    for number in range(6):
        places = crystal + rng.normal(0, 0.12, crystal.shape)
        melt = crystal[:, 2] > (0.35 + 0.008 * number) * box[2]
        places[melt] += rng.normal(0, 0.6, (int(melt.sum()), 3))
        lines += [
            "ITEM: TIMESTEP", str(1000 * number), "ITEM: NUMBER OF ATOMS", str(len(places)),
            "ITEM: BOX BOUNDS pp pp pp", *(f"0 {length}" for length in box), "ITEM: ATOMS id type x y z vx vy vz",
        ]  # fmt: skip
        values = np.hstack([places, rng.normal(0, 4, places.shape)])
        lines += [f"{atom + 1} 1 " + " ".join(f"{value:.4f}" for value in row) for atom, row in enumerate(values)]
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))


def walk(
    against: Annotated[Path | None, typer.Option(help="Another checkout, to be followed the same way.")] = None,
    list_files: Annotated[bool, typer.Option("--list", help="Also name the files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count the files of nakaya that take part when a crystal is grown and shown, and when a velocity is predicted.

    Example: python3 nk.py benchmark walk --against ../before
    """
    ours = files_that_run(ROOT)
    theirs = {} if against is None else files_that_run(against)
    rows: list[dict[str, Any]] = [
        {"walk": name, "count": len(files), "files": files}
        | (
            {"against": len(theirs[name]), "ratio": len(files) / len(theirs[name]), "files_against": theirs[name]}
            if theirs
            else {}
        )
        for name, files in ours.items()
    ]
    if as_json:
        echo_json({"walks": rows})
        return
    for row in rows:
        than = f" of {row['against']} there: {row['ratio']:.1%}" if theirs else ""
        typer.echo(f"{row['walk']}: {row['count']} files{than}")
        if list_files:
            for title, files in (("", row["files"]), ("there ", row.get("files_against", ()))):
                for name in files:
                    typer.echo(f"  {title}{name}")
