"""Run pytest in a process of its own, and end with it whatever it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["run_pytest"]


def run_pytest(
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    processor_seconds: int | None = None,
) -> tuple[int | None, str]:
    """Return the exit status, None where it did not end in time, and what was printed.

    Args:
        words: Options and tests; that it stops at the first failure and keeps no cache is given.
        folder: Where it runs.
        environment: Added to this process' own.
        seconds: It is killed then.
        processor_seconds: A process that has used so many is killed, too, where systems count them.
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
        preexec_fn=_limited(processor_seconds),
    )
    try:
        printed, _ = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with suppress(ProcessLookupError):  # what tests started, too
            os.killpg(running.pid, signal.SIGKILL) if hasattr(os, "killpg") else running.kill()
        running.wait()
    used_up = hasattr(signal, "SIGXCPU") and running.returncode == -signal.SIGXCPU
    return None if used_up else running.returncode, printed


def _limited(processor_seconds: int | None) -> Callable[[], None] | None:
    if processor_seconds is None or not hasattr(signal, "SIGXCPU"):
        return None
    import resource  # not on Windows

    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds + 1))
