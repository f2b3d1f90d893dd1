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


CALLER = """
import numba
import inner
from nakaya.core.compiling import cached_njit, digest_of_sources

def compile_it(sources):
    def outer(x):
        return inner.added(x) if len(sources) else 0
    return cached_njit(outer)

outer = compile_it(digest_of_sources(inner))
print(outer(1), sum(outer.stats.cache_hits.values()))
"""
INNER = "from nakaya.core.compiling import njit\n\n@njit\ndef added(x):\n    return x + {number}\n"


def test_code_is_kept_until_a_kernel_of_another_file_changes(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))}
    environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
    told = []
    for number in (10, 10, 20):
        (tmp_path / "inner.py").write_text(INNER.format(number=number))
        words = [sys.executable, "-B", "-m", "caller"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
        told.append(done.stdout.split())
    assert told == [["11", "0"], ["11", "1"], ["21", "0"]]  # result, and how often kept code was found


GROW = """
import nakaya
crystals = nakaya.grow(nakaya.GravnerGriffeath(rho=0.5, sigma=1e-5), size=20, members=2, seed=3)
print(crystals.arrival.tobytes().hex())
"""


def test_where_compilation_is_switched_off_crystals_are_the_same_and_one_warning_says_why() -> None:
    grown = {}
    for stated in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": stated}
        done = subprocess.run([sys.executable, "-c", GROW], env=environment, capture_output=True, text=True, check=True)
        grown[stated] = done.stdout
        assert done.stderr.count("NUMBA_DISABLE_JIT") == int(stated)
        assert len(done.stderr.splitlines()) == int(stated)
    assert grown["0"] == grown["1"] != "\n"
