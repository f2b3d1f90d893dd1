"""How often do the intervals of an analysis of seeding hold what is known of synthetic nuclei?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from scipy import stats

from nakaya.cli.output import echo, echo_json
from nakaya.core.checks import check_count
from nakaya.md.seeding.attachment import UnseenAttachmentError, attachment_rate
from nakaya.md.seeding.becker_doering import BeckerDoering
from nakaya.md.seeding.critical_size import NotBracketedError, critical_size
from nakaya.md.seeding.nuclei import SeededNucleus
from nakaya.md.seeding.rate import seeding_rate
from nakaya.md.statistics import Estimate
from nakaya.theory import zeldovich_factor

__all__ = ["CASES", "Case", "coverage", "seeding_coverage"]

VOLUME = 1.8e-29
"""Per atom, m^3."""


@dataclass(frozen=True)
class Case:
    """One kind of campaign.

    Attributes:
        chain: Its nuclei.
        nuclei: Nuclei of a campaign.
        branches: Releases of each.
        scatter: Of the critical size over nuclei.
        duration: Of each branch, s.
    """

    chain: BeckerDoering
    nuclei: int
    branches: int
    scatter: float
    duration: float = 8e-12


SMALL, LARGE = BeckerDoering(92, 0.615, 80e12), BeckerDoering(640, 0.3, 300e12)
CASES = {
    "92 atoms, 22 nuclei x 2": Case(SMALL, 22, 2, 0.1),
    "92 atoms, 22 nuclei x 8": Case(SMALL, 22, 8, 0.1),
    "92 atoms, 60 nuclei x 4": Case(SMALL, 60, 4, 0.1),
    "92 atoms, scatter of 30 %": Case(SMALL, 40, 4, 0.3),
    "640 atoms, 22 nuclei x 4": Case(LARGE, 22, 4, 0.1, 20e-12),
}
"""About aluminium at 0.69 and 0.84 of its melting point."""


def coverage(case: Case, *, repeats: int, seed: int = 0) -> dict[str, Any]:
    """Analyse synthetic campaigns of one case.

    Args:
        case: Which.
        repeats: Campaigns.
        seed: Of all draws.

    Returns:
        For n*, f+ and ln J: how often the 90 % interval held the known value, the 95 % binomial (Clopper-Pearson)
        interval of that, and the mean error and half width, in logarithms; and how many campaigns told none.
    """
    rng = np.random.default_rng([seed, case.nuclei, case.branches])
    chain, times = case.chain, np.arange(0, case.duration + 1e-15, 0.5e-12)
    drive = Estimate(chain.reduced_driving_force, 0.0)
    zeldovich = float(zeldovich_factor(chain.critical_size, drive.value))
    truth = {
        "critical_size": math.log(chain.even_odds()),
        "attachment_rate": math.log(chain.attachment_rate),
        "log_rate": chain.log_rate_per_atom() - math.log(VOLUME),
    }
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in truth}
    for _ in range(repeats):
        sizes = np.round(chain.critical_size * np.exp(rng.uniform(np.log(0.6), np.log(1.6), size=case.nuclei)))
        seen = chain.release(sizes, times, branches=case.branches, scatter=case.scatter, flicker=4.0, rng=rng)
        nuclei = [SeededNucleus("X", 640.0, "sphere", times, each) for each in seen]
        try:
            size = critical_size(nuclei)
            rows["critical_size"].append((math.log(size.value), math.log(size.low), math.log(size.high)))
            rate = attachment_rate(nuclei, size.value, zeldovich=zeldovich, rng=rng)
        except (NotBracketedError, UnseenAttachmentError):
            continue
        rows["attachment_rate"].append((math.log(rate.value), math.log(rate.low), math.log(rate.high)))
        found = seeding_rate(640.0, size, drive, rate, solid_volume=VOLUME, liquid_volume=VOLUME)
        half = float(stats.norm.ppf(0.95)) * found.errors.statistical
        rows["log_rate"].append((found.log_rate, found.log_rate - half, found.log_rate + half))
    return {name: _row(np.array(rows[name]).reshape(-1, 3), known, repeats) for name, known in truth.items()}


def _row(found: Any, known: float, repeats: int) -> dict[str, Any]:  # float64 [campaign, 3]: value, low, high
    hits = int(((found[:, 1] <= known) & (known <= found[:, 2])).sum())
    if not len(found):
        return {"told": 0, "untold": repeats}
    interval = stats.binomtest(hits, len(found)).proportion_ci(0.95, method="exact")
    return {
        "told": len(found),
        "untold": repeats - len(found),
        "coverage": hits / len(found),
        "binomial95": [float(interval.low), float(interval.high)],
        "mean_error": float((found[:, 0] - known).mean()),
        "standard_deviation": float(found[:, 0].std(ddof=1)) if len(found) > 1 else math.nan,
        "half_width": float((found[:, 2] - found[:, 1]).mean() / 2),
    }


def seeding_coverage(
    repeats: Annotated[int, typer.Option(help="Campaigns of each kind, 2 to 100000.")] = 200,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """How often the 90 % intervals of n*, f+ and ln J hold those of chains of Becker and Doering.

    Example: python3 nk.py benchmark seeding-coverage --repeats 50

    Two hundred campaigns of each of five kinds take a minute or two on one core.
    """
    check_count("repeats", repeats, 2, 100_000)
    found = {name: coverage(case, repeats=repeats, seed=seed) for name, case in CASES.items()}
    if as_json:
        echo_json({"repeats": repeats, "seed": seed, "cases": found})
        return
    echo(f"{repeats} campaigns of each kind, seed {seed}; 90 % intervals; errors of ln n*, ln f+ and ln J")
    echo(f"{'':45}{'coverage':>10}{'95 % of it':>16}{'mean error':>12}{'scatter':>9}{'half width':>12}{'untold':>8}")
    for case, rows in found.items():
        for name, row in rows.items():
            low, high = row["binomial95"]
            echo(
                f"{case:28}{name.replace('_', ' '):17}{row['coverage']:10.3f}{f'[{low:.3f}, {high:.3f}]':>16}"
                f"{row['mean_error']:12.3f}{row['standard_deviation']:9.3f}{row['half_width']:12.3f}{row['untold']:8}"
            )
