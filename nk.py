#!/usr/bin/env python3
"""Set nakaya up and run it, with nothing but Python 3.11 or newer.

    python3 nk.py demo            install what the demonstration needs, then run it
    python3 nk.py test [ARGS]     install everything, then check style, types, imports, and run the tests
    python3 nk.py shell ARGS      run the `nakaya` command of this checkout with ARGS, in the folder where you are
    python3 nk.py benchmark NAME [ARGS]    install everything, then run a study of the folder `benchmarks`
    python3 nk.py package         build the sdist and the wheel, install the wheel in an empty environment, and run it
    python3 nk.py docs [ARGS]     install what the documentation needs, run its examples, build it (ARGS: to Sphinx)

Everything goes into the folder `.venv` beside this file; deleting that folder undoes it all. A second run installs
nothing unless pyproject.toml, constraints.txt or the Python version changed. Standard library only.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMPS = VENV / "nakaya-installed"
CONSTRAINTS = ROOT / "constraints.txt"

DOCS = ROOT / "docs"
SITE = DOCS / "_build" / "site"

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 8 * 10**9
DEMO_EXTRAS = ("microscopy", "ml")
DOCS_EXTRAS = ("docs", "microscopy", "ml")
TEST_EXTRAS = ("dask", "dev", "exchange", "md", "microscopy", "ml", "oracles", "postgres")

PIP_INSTALL = ("-m", "pip", "install", "--disable-pip-version-check")
TRIED_WITH_A_WHEEL = (
    ("info", "--json"),
    ("grow", "--rho", "0.5", "--size", "24", "--members", "2", "--out", "flakes.zarr"),
    ("show", "flakes.zarr", "--out", "flakes.png"),
)
FETCHING, LAST_STEP = "Collecting ", "Installing collected packages"
SECONDS_BETWEEN_LINES = 5.0
LINES_OF_A_FAILURE = 15


class SetupError(Exception):
    """Something about this machine that the user has to mend first."""


def main(arguments: Sequence[str]) -> int:
    """Run one verb; return its exit status."""
    verbs: dict[str, Callable[[Sequence[str]], int]] = {
        "demo": demo,
        "test": test,
        "shell": shell,
        "benchmark": benchmark,
        "package": package,
        "docs": docs,
    }
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    verb, rest = arguments[0], arguments[1:]
    if verb not in verbs:
        print(f"nk.py: unknown verb {verb!r}: use one of {', '.join(verbs)}", file=sys.stderr)
        return 2
    try:
        return verbs[verb](rest)
    except SetupError as error:
        print(f"nk.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nk.py: interrupted; run the same command again to go on", file=sys.stderr)
        return 130


def demo(arguments: Sequence[str]) -> int:
    """Install the core, the networks and what reads micrographs, then run the demonstration."""
    install(DEMO_EXTRAS)
    status = run_in_venv(["-m", "nakaya", "demo", *arguments])
    if status == 0 and not arguments:
        print(what_next(), flush=True)
    return status


def shell(arguments: Sequence[str]) -> int:
    """Run the `nakaya` command with whatever is installed, or with the demonstration's packages."""
    if not any(is_installed(extras) for extras in (TEST_EXTRAS, DEMO_EXTRAS)):
        install(DEMO_EXTRAS)
    return run_in_venv(["-m", "nakaya", *arguments], folder=Path.cwd())


def test(arguments: Sequence[str]) -> int:
    """Install everything, then run every check; extra arguments go to pytest alone."""
    install(TEST_EXTRAS)
    parallel = [] if any(word.startswith("-n") for word in arguments) else ["-n", str(os.cpu_count() or 1)]
    checks: list[tuple[str, list[str]]] = [
        ("style", ["-m", "ruff", "check", "."]),
        ("format", ["-m", "ruff", "format", "--check", "."]),
        ("types", ["-m", "mypy"]),
        ("imports", ["-c", "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"]),
        ("tests and doctests", ["-m", "pytest", "--dist", "loadfile", *parallel, *arguments]),
    ]
    failed = []
    for name, command in checks:
        print(f"== {name}", flush=True)
        begin = time.monotonic()
        status = run_in_venv(command)
        print(
            f"== {name}: {'ok' if status == 0 else f'failed ({status})'}, {time.monotonic() - begin:.0f} s", flush=True
        )
        if status:
            failed.append(name)
    if failed:
        print(f"nk.py: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def benchmark(arguments: Sequence[str]) -> int:
    """Install everything, then run a study, or make a table, of the folder `benchmarks`."""
    install(TEST_EXTRAS)
    return run_in_venv(["-m", "benchmarks", *arguments])


def package(arguments: Sequence[str]) -> int:
    """Build what is published into `dist`, and see that it works where there is nothing but it."""
    install(TEST_EXTRAS)
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run_or_raise([str(venv_python()), "-m", "build", "--outdir", str(dist), str(ROOT)], "building failed: see above")
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="nakaya-empty-") as folder:
        empty = Path(folder)
        run_or_raise([sys.executable, "-m", "venv", str(empty / "venv")], "making an empty environment failed")
        python = str(python_of(empty / "venv"))
        run_or_raise(
            [python, *PIP_INSTALL, "--quiet", "-c", str(CONSTRAINTS), str(wheel)], "the wheel does not install"
        )
        for words in TRIED_WITH_A_WHEEL:
            print(f"$ nakaya {' '.join(words)}", flush=True)
            run_or_raise([python, "-m", "nakaya", *words], f"nakaya {words[0]} of the wheel failed: see above", empty)
    print(f"{wheel.name} and its sdist are in {dist}; the wheel works in an empty environment.", flush=True)
    return 0


def docs(arguments: Sequence[str]) -> int:
    """Install what builds the documentation, run the gallery, and build the site; every warning is an error."""
    install(DOCS_EXTRAS)
    for made in (DOCS / "_build", DOCS / "gallery"):  # made anew: pictures are of this code, not of last week's
        if made.exists():
            shutil.rmtree(made)
    strict = ["-b", "html", "-W", "--keep-going", "-q", "-d", str(DOCS / "_build" / "doctrees")]
    print("Running the examples of the gallery and writing pages: a few minutes.", flush=True)
    begin = time.monotonic()
    status = run_in_venv(["-m", "sphinx", *strict, *arguments, str(DOCS), str(SITE)])
    if status:
        print("nk.py: the documentation was not built: see the warnings above, each is an error", file=sys.stderr)
        return status
    print(f"Built in {time.monotonic() - begin:.0f} s. Open {(SITE / 'index.html').as_uri()}")
    return 0


def install(extras: Sequence[str]) -> None:
    """Make `.venv` and install this checkout with `extras`, unless that was done before and nothing changed."""
    if sys.version_info < LEAST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"this is Python {found}, nakaya needs 3.11 or newer: run nk.py with a newer python3")
    if is_installed(extras):
        return
    free = shutil.disk_usage(ROOT).free
    if free < LEAST_FREE_BYTES:
        raise SetupError(f"{free / 1e9:.1f} GB free on the disk of {ROOT}, 8 GB are needed: free some space first")
    print(f"Installing nakaya with [{', '.join(extras)}] into {VENV}.")
    print("pip fetches about 100 packages, once: 0.5 GB, or 3 GB where torch comes with GPU libraries.", flush=True)
    begin = time.monotonic()
    if not venv_python().exists():
        run_or_raise([sys.executable, "-m", "venv", str(VENV)], "making the virtual environment failed")
    target = f"{ROOT}[{','.join(extras)}]"
    run_pip([str(venv_python()), *PIP_INSTALL, "--progress-bar", "off", "-c", str(CONSTRAINTS), "-e", target])
    STAMPS.mkdir(exist_ok=True)
    stamp_of(extras).write_text(fingerprint())
    print(f"Installed in {time.monotonic() - begin:.0f} s.", flush=True)


def what_next() -> str:
    """How the program is called from here on, and with what to begin."""
    activate = r".venv\Scripts\activate" if os.name == "nt" else "source .venv/bin/activate"
    return (
        f"""\nWhat to try next: "{activate}" once in a terminal, then\n"""
        "    nakaya grow --rho 0.5 --size 64 --members 16 --out flakes.zarr    # crystals of your own\n"
        "    nakaya show flakes.zarr --out flakes.png\n"
        "    nakaya predict --material Cu --orientation 100 --temperature 1200\n"
        "    nakaya --help"
    )


def run_pip(command: Sequence[str]) -> None:
    """Run pip with a line of what it is at; its own words go into a file, and their end is shown where it fails."""
    log = VENV / "nakaya-install.log"
    terminal = sys.stdout.isatty()
    shown = -math.inf
    count = 0
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
        )
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            step = pip_step(line)
            if step is None:
                continue
            count += line.startswith(FETCHING)
            if terminal:
                print(f"\r\x1b[2K  {count:3d} packages: {step}", end="", flush=True)
            elif time.monotonic() - shown > SECONDS_BETWEEN_LINES or line.startswith(LAST_STEP):
                shown = time.monotonic()
                print(f"  {count:3d} packages: {step}", flush=True)
        status = process.wait()
    if terminal:
        print("\r\x1b[2K", end="")
    if status:
        end = "".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[-LINES_OF_A_FAILURE:])
        raise SetupError(
            f"installing failed; the end of {log}:\n{end}Mend that (no network? a full disk?) and run again"
        )


def pip_step(line: str) -> str | None:
    """What one of pip's lines says that it is at, in a few words; None where it is no step."""
    if line.startswith((FETCHING, LAST_STEP)):
        return line.split("(from")[0].split(":")[0].strip().lower()
    words = line.split()
    if words[:1] == ["Downloading"] and len(words) > 1:
        name = words[1].rsplit("/", 1)[-1]
        return f"downloading {name.split('-')[0]} {' '.join(words[2:])}".strip()
    return None


def is_installed(extras: Sequence[str]) -> bool:
    """Whether these extras were installed for today's pyproject.toml, constraints.txt and Python."""
    stamp = stamp_of(extras)
    return venv_python().exists() and stamp.exists() and stamp.read_text() == fingerprint()


def stamp_of(extras: Sequence[str]) -> Path:
    """The file that says that `extras` were installed."""
    return STAMPS / "-".join(sorted(extras))


def fingerprint() -> str:
    """Changes when another installation is needed."""
    parts = [sys.version, str(ROOT), (ROOT / "pyproject.toml").read_text(), CONSTRAINTS.read_text()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def venv_python() -> Path:
    """The interpreter of the project's virtual environment."""
    return python_of(VENV)


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment, on Windows too."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def run_in_venv(arguments: Sequence[str], folder: Path | None = None) -> int:
    """Run the virtual environment's Python, in the project's root if no folder is given; return its exit status."""
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    environment.pop("PYTHONHOME", None)
    return subprocess.call([str(venv_python()), *arguments], cwd=folder or ROOT, env=environment)


def run_or_raise(command: Sequence[str], complaint: str, folder: Path | None = None) -> None:
    """Run a command, in the project's root if no folder is given, or say what went wrong."""
    if subprocess.call(command, cwd=folder or ROOT) != 0:
        raise SetupError(complaint)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
