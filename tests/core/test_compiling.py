"""The word before a compilation: said when numba compiles, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KERNEL = """
from nakaya.reactor.rates import compiled

@compiled
def twice(x: float) -> float:
    return 2 * x

@compiled
def thrice(x: float) -> float:
    return 3 * x
"""
PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
import kernel
assert kernel.twice(2.0) + kernel.thrice(2.0) == 10.0
"""


def compile_in(folder: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stderr.count("compiling for this machine")


def test_a_compilation_is_announced_once_and_cached_code_is_not(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL)
    assert compile_in(tmp_path) == 1  # two kernels, one word
    assert compile_in(tmp_path) == 0
