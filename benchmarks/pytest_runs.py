"""Run pytest in a process of its own, and end with it whatever it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["run_pytest"]


def run_pytest(
    words: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int | None, str]:
    """Return the exit status, None where it did not end in time, and what was printed.

    Args:
        words: Options and tests; that it stops at the first failure and keeps no cache is given.
        folder: Where it runs.
        environment: Added to this process' own.
        seconds: It is killed then.
    """
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, _ = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with suppress(ProcessLookupError):  # what tests started, too
            os.killpg(running.pid, signal.SIGKILL) if hasattr(os, "killpg") else running.kill()
        running.wait()
    return running.returncode, printed
