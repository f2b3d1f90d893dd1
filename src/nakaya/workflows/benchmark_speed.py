"""How fast is the solver? Measured in one run beside the NumPy reference and a package that anyone can install.

A cell update is one site in one step. Seconds are CPU seconds of one thread, without compilation. The runs of the three
programs alternate, so that a machine that changes its speed changes it for all. The solver grows whole flakes; the slow
programs do the first steps of one, whose cost per step does not depend on the crystal.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from nakaya.core.provenance import package_version
from nakaya.growth.growing import grow
from nakaya.growth.model.setup import StopRules
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

__all__ = ["PEER", "benchmark_speed"]

PEER = "snowfake"
"""The peer: a NumPy and SciPy implementation of the same model, on PyPI."""

POINT = GravnerGriffeath(rho=0.5)
SEED = 0


@dataclass(frozen=True)
class Workload:
    """What is run at one size in each round.

    Attributes:
        members: Whole flakes of the solver.
        reference_steps: Steps of the NumPy reference.
        peer_steps: Steps of the peer.
    """

    members: int
    reference_steps: int
    peer_steps: int


WORKLOADS: dict[int, Workload] = {
    64: Workload(members=100, reference_steps=300, peer_steps=300),
    256: Workload(members=4, reference_steps=60, peer_steps=60),
    1024: Workload(members=1, reference_steps=6, peer_steps=4),
}

ROUNDS = 5
FORK_SIZE, FORK_MEMBERS = 256, 12
"""Work that is divided between two threads."""


def benchmark_speed(rounds: int = ROUNDS, *, stage: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Measure solver, reference and, where installed, the peer at 64, 256 and 1024; and two threads against one.

    Args:
        rounds: How often each is measured; the median is told.
        stage: Told how many of how many measurements are done.

    Returns:
        JSON values. "sizes": by size, medians over the rounds: "cell_updates_per_cpu_second" of whole flakes, with its
        "..._range" from the slowest round to the fastest, the same of reference and peer, the ratios to both (None
        where there is no peer), and "seconds_per_flake", CPU seconds. "speedup_of_two_workers": wall seconds of one
        thread over those of two. "cores": processors that this process may use. "machine": processor and versions.
        "peer": its name and version, or why it was not measured. "conditions" and "rounds".
    """
    peer, remark = _find_peer()
    total = rounds * (len(WORKLOADS) + 1)
    sizes = {}
    for place, (size, work) in enumerate(WORKLOADS.items()):
        before = place * rounds

        def tell(done: int, before: int = before) -> None:
            if stage is not None:
                stage(before + done, total)

        sizes[str(size)] = _measure_size(size, work, peer, rounds, tell)
    speedup = median(_fork_ratio() for _ in range(rounds))
    if stage is not None:
        stage(total, total)
    return {
        "sizes": sizes,
        "speedup_of_two_workers": speedup,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "nakaya": package_version(),
            "numpy": version("numpy"),
            "numba": version("numba"),
        },
        "peer": remark,
        "conditions": POINT.parameters(),
        "rounds": rounds,
    }


def _measure_size(
    size: int, work: Workload, peer: type | None, rounds: int, tell: Callable[[int], None]
) -> dict[str, Any]:
    grow(POINT, size=size, seed=SEED, stop=StopRules(max_steps=2))  # compiles, and touches the memory once
    solvers, references, peers, per_flake = [], [], [], []
    few = StopRules(max_steps=work.reference_steps)
    for number in range(rounds):
        begin = time.process_time()
        crystals = grow(POINT, size=size, members=work.members, seed=SEED + number)
        seconds = time.process_time() - begin
        solvers.append(size**2 * int(crystals.steps.sum()) / seconds)
        per_flake.append(seconds / work.members)
        begin = time.process_time()
        grow(POINT, model="gravner-griffeath-reference", size=size, seed=SEED, stop=few)
        references.append(size**2 * work.reference_steps / (time.process_time() - begin))
        if peer is not None:
            peers.append(_peer_rate(peer, size, work.peer_steps))
        tell(number + 1)
    return {
        "cell_updates_per_cpu_second": median(solvers),
        "cell_updates_per_cpu_second_range": [min(solvers), max(solvers)],
        "ratio_to_reference": median(a / b for a, b in zip(solvers, references, strict=True)),
        f"ratio_to_{PEER}": median(a / b for a, b in zip(solvers, peers, strict=True)) if peers else None,
        "reference_cell_updates_per_cpu_second": median(references),
        f"{PEER}_cell_updates_per_cpu_second": median(peers) if peers else None,
        "seconds_per_flake": median(per_flake),
    }


def _find_peer() -> tuple[type | None, str]:
    """The peer's class, loaded from its one file: its package's own start needs an outdated setuptools."""
    try:
        found = version(PEER)
    except PackageNotFoundError:
        return None, f"{PEER} is not installed: pip install {PEER} to measure it too"
    package = importlib.util.find_spec(PEER)
    folder = Path(next(iter(package.submodule_search_locations or [""]))) if package else Path()
    spec = importlib.util.spec_from_file_location("nakaya_benchmark_peer", folder / f"{PEER}.py")
    if spec is None or spec.loader is None:
        return None, f"{PEER} {found} is not laid out as expected"
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        peer: type = module.Snowfake
    except (ImportError, OSError, AttributeError) as error:
        return None, f"{PEER} {found} could not be loaded: {error}"
    return peer, f"{PEER} {found}"


def _peer_rate(peer: type, size: int, steps: int) -> float:
    flake = peer(size, random=1, **POINT.parameters())
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        begin = time.process_time()
        flake.grow(max_epochs=steps, early_stopping=False, snapshot=False)
        seconds = time.process_time() - begin
    return size**2 * steps / seconds


def _fork_ratio() -> float:
    wall = []
    for workers in (1, 2):
        begin = time.perf_counter()
        grow(POINT, size=FORK_SIZE, members=FORK_MEMBERS, seed=SEED, workers=workers)
        wall.append(time.perf_counter() - begin)
    return wall[0] / wall[1]
