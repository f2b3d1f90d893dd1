"""How campaigns of many small crystals scale: crystals per second, memory from start to end, cost of going on."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from nakaya.core.files import open_log
from nakaya.core.provenance import package_version
from nakaya.growth.campaigns.campaigning import CampaignProgress, run_campaign
from nakaya.growth.campaigns.config import CampaignConfig
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.lattice.geometry import make_setup

__all__ = ["Part", "ScaleReport", "memory_of_tree", "read_parts", "run_part", "scale", "summarise"]

SIZE: Final = 32
MANY: Final = 1_000_000
WARM: Final = 0.1
"""Fraction of a run after which its memory is taken as that of the start: compilers and caches have settled."""


def memory_of_tree() -> int:
    """Bytes that this process and those that it started hold now; 0 where the system does not say."""
    todo, total = ["self"], 0
    while todo:
        place = Path("/proc") / todo.pop()
        try:
            for line in (place / "status").read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
            for children in (place / "task").glob("*/children"):
                todo += children.read_text(encoding="ascii").split()
        except OSError:  # it has ended meanwhile
            continue
    return total


@dataclass(frozen=True)
class Part:
    """What one run of the study did, until it ended or was stopped.

    Attributes:
        crystals: That were computed.
        seconds: Wall time of that.
        restart_seconds: Until the first of them was begun: points, records and sizes of all shards that are there.
        shards_there: Shards that were there at the start.
        memory_warm: Bytes held by all processes after a tenth.
        memory_end: The same at the end.
    """

    crystals: int
    seconds: float
    restart_seconds: float
    shards_there: int
    memory_warm: int
    memory_end: int


@dataclass(frozen=True)
class ScaleReport:
    """What came of all parts.

    Attributes:
        crystals: That are there.
        shards: Shards that are there.
        crystals_per_second: Wall, over all parts.
        hours_for_a_million: At that pace.
        memory_growth: From a tenth of the longest part to its end, relative.
        restart_seconds: Of the part that found most shards.
        restart_for_a_million: The same for as many shards as a million crystals have.
    """

    crystals: int
    shards: int
    crystals_per_second: float
    hours_for_a_million: float
    memory_growth: float
    restart_seconds: float
    restart_for_a_million: float


def make_campaign(crystals: int) -> CampaignConfig:
    """A campaign of so many crystals, each at a point of its own: nothing is shared between them."""
    axes = {"rho": Axis(0.35, 0.64), "sigma": Axis(1e-5, 1e-2, "log")}
    return CampaignConfig(make_setup("sector", SIZE), PointsPlan("sobol", axes, crystals, seed=7), members=1, seed=7)


def run_part(crystals: int, out: Path, workers: int) -> Part:
    """Run what is missing; the part is written to a log beside the store, also when it is stopped."""
    begun = time.monotonic()
    first: CampaignProgress | None = None
    latest: CampaignProgress | None = None
    ready = begun
    warm = latest_memory = 0

    def follow(state: CampaignProgress) -> None:
        nonlocal first, latest, ready, warm, latest_memory
        if first is None:
            first, ready = state, time.monotonic()
        latest, latest_memory = state, memory_of_tree()  # here, while the workers are still there
        if not warm and state.crystals - first.crystals >= WARM * (state.num_crystals - first.crystals) > 0:
            warm = latest_memory
        typer.echo(f"{state.crystals} of {state.num_crystals} crystals, {time.monotonic() - begun:.0f} s", err=True)

    try:
        run_campaign(make_campaign(crystals), out, workers=workers, progress=follow)
    finally:
        if first is not None and latest is not None:
            part = Part(
                latest.crystals - first.crystals,
                time.monotonic() - ready,
                ready - begun,
                first.shards,
                warm,
                latest_memory,
            )
            with open_log(_log(out)) as stream:
                stream.write(json.dumps(asdict(part)).encode() + b"\n")
    return part


def read_parts(out: Path) -> list[Part]:
    """The parts of a store so far."""
    return [Part(**json.loads(line)) for line in _log(out).read_text(encoding="utf-8").splitlines()]


def _log(out: Path) -> Path:
    return out.with_name(f"{out.name}.parts.jsonl")


def summarise(parts: list[Part], crystals: int, shards: int) -> ScaleReport:
    """Add the parts of one store up.

    Args:
        parts: Of `run_part`.
        crystals: That are there.
        shards: Shards that are there.
    """
    computing = [part for part in parts if part.crystals]
    pace = sum(part.crystals for part in computing) / sum(part.seconds for part in computing)
    longest = max((part for part in computing if part.memory_warm), key=lambda part: part.crystals, default=None)
    growth = longest.memory_end / longest.memory_warm - 1.0 if longest is not None else float("nan")
    fullest = max(parts, key=lambda part: part.shards_there)
    per_shard = fullest.restart_seconds / max(fullest.shards_there, 1)
    return ScaleReport(
        crystals=crystals,
        shards=shards,
        crystals_per_second=pace,
        hours_for_a_million=MANY / pace / 3600.0,
        memory_growth=growth,
        restart_seconds=fullest.restart_seconds,
        restart_for_a_million=per_shard * count_shards(MANY),
    )


def count_shards(crystals: int) -> int:
    """Shards of a campaign of so many crystals."""
    from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

    return make_campaign(crystals).layout(GravnerGriffeath).num_shards


def scale(
    crystals: Annotated[int, typer.Option(help="How many, of 32 sites across.")] = 20_000,
    workers: Annotated[int, typer.Option(help="Worker processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Store to grow into, or to go on with.")] = Path("scale.zarr"),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the store when the study is done.")] = False,
) -> None:
    """Grow many small crystals, and say how a million would do: time, memory, and the cost of going on.

    Stop it however you like; the same command goes on. The last run finds all shards there, which is what going on
    costs at most.

    Example: python3 nk.py benchmark scale --crystals 20000 --out scale.zarr
    """
    run_part(crystals, out, workers)
    run_part(crystals, out, workers)  # all is there: this is what a restart costs
    report = summarise(read_parts(out), crystals, count_shards(crystals))
    typer.echo(
        f"nakaya {package_version()}: {report.crystals} crystals of {SIZE} sites, {workers} workers, "
        f"{report.shards} shards\n"
        f"pace: {report.crystals_per_second:.0f} crystals a second; a million in {report.hours_for_a_million:.2f} h\n"
        f"memory of all processes, from a tenth of the longest run to its end: {report.memory_growth:+.1%}\n"
        f"restart with all shards there: {report.restart_seconds:.2f} s; "
        f"of a million crystals: {report.restart_for_a_million:.1f} s"
    )
    if crystals < MANY:
        typer.echo(f"the million itself: python3 nk.py benchmark scale --crystals {MANY} --workers {workers}")
    if not keep:
        shutil.rmtree(out)
        _log(out).unlink()
