"""Problem 8, homogeneous nucleation: an isothermal Allen-Cahn model with seeds that are put in (revision 1).

W. Wu et al., Comput. Mater. Sci. 193, 110371 (2021), with the changes of J. Mancias et al., Integr. Mater. Manuf.
Innov. (2022), doi 10.1007/s40192-022-00284-1: periodic edges, r* = 1 and seeds of 2.2 r* in parts (b) and (c).

(a) one seed of .99, 1 and 1.01 r* in a box of 100, r* = 5; (b) 25 seeds at once in 500; (c) 100 seeds in 1000 that
appear evenly over 600 units of time. (b) and (c) are repeated ten times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, log2, sqrt
from typing import Any, Final

import numpy as np
from scipy.stats import t as student

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.randomness import member_key, threefry2x32
from nakaya.core.tables import Column, Table, encode_csv
from nakaya.growth.solvers.allen_cahn.cpu import evolve, free_energy
from nakaya.growth.solvers.allen_cahn.measures import num_particles, planar_velocity
from nakaya.growth.solvers.allen_cahn.parameters import SURFACE_ENERGY, AllenCahn
from nakaya.growth.solvers.allen_cahn.reference import put_seed
from nakaya.workflows.pfhub.avrami import avrami_slope, expected_fraction, grown_radius, half_time
from nakaya.workflows.pfhub.parts import Computed, Part, Row, Summary, measured

__all__ = ["Nucleation", "Seed", "Series", "draw_seeds", "follow", "parts"]

VERSION: Final = 1
NUM_REPEATS: Final = 10

SINGLE_BOX, SINGLE_TIME, SINGLE_RADIUS = 100.0, 200.0, 5.0
SINGLE_RATIOS: Final = (0.99, 1.0, 1.01)
SINGLE_SPACING: Final = 0.25
CONVERGENCE_RATIO: Final = 1.01
CONVERGENCE_SPACINGS: Final = (1.0, 0.5, SINGLE_SPACING)
"""Every one has the sites of the first."""

SPACING: Final = 1.0
"""Of parts (b) and (c). It slows a flat interface by 1.1 %, which moves all times and no slope."""

FINE_SPACING: Final = 0.5
"""Of the run that tells the error of `SPACING`."""

ROUNDING: Final = 1e-9
"""Of the energy's greatest change: less is no rise."""

LEVEL: Final = 0.95


@dataclass(frozen=True)
class Nucleation:
    """A part with many seeds.

    Attributes:
        name: As PFHub names it.
        box: Edge of the domain.
        count: Number of seeds.
        last: They appear evenly over [0, last); 0: all at the start.
        end: When the run ends.
        interval: Time between samples.
        slope: Avrami's, for many seeds and a constant velocity.
    """

    name: str
    box: float
    count: int
    last: float
    end: float
    interval: float
    slope: int


AT_ONCE: Final = Nucleation("8b", 500.0, 25, 0.0, 200.0, 1.0, 2)
AT_A_RATE: Final = Nucleation("8c", 1000.0, 100, 600.0, 600.0, 3.0, 3)
SEED_RADIUS: Final = 2.2
"""Of parts (b) and (c), where r* is 1."""


@dataclass(frozen=True)
class Seed:
    """One seed: when, where along rows and columns, and how large it appears."""

    time: float
    place: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Series:
    """What is sampled of a run: float64 [n], and int64 [n] the number of particles."""

    time: FloatArray
    fraction: FloatArray
    energy: FloatArray
    particle_count: IntArray

    def rises(self) -> int:
        """How often the free energy is higher than at the sample before."""
        change = np.diff(self.energy)
        return int((change > ROUNDING * np.abs(change).max()).sum())

    def as_csv(self, *names: str) -> bytes:
        """The columns that are named, in the form of an upload."""
        return encode_csv(Table(tuple(Column(name, getattr(self, name)) for name in ("time", *names))))


def draw_seeds(part: Nucleation, seed: int, run: int) -> list[Seed]:
    """Return the seeds of one run, in the order of their times; number i depends on (seed, part, run, i) alone."""
    key = member_key(seed, 0, run, stream=f"pfhub {part.name}")
    numbers = np.arange(part.count, dtype=np.uint32)
    rows, columns = threefry2x32(key, (numbers, np.zeros(1, np.uint32)))
    times, _ = threefry2x32(key, (numbers, np.ones(1, np.uint32)))
    unit = [words / 2.0**32 for words in (rows, columns, times)]
    found = [Seed(part.last * t, (part.box * x, part.box * y), SEED_RADIUS) for x, y, t in zip(*unit, strict=True)]
    return sorted(found, key=lambda one: one.time)


def follow(
    params: AllenCahn, box: float, seeds: Sequence[Seed], end: float, interval: float
) -> tuple[Series, FloatArray]:
    """Follow a periodic square box from pure melt, in whole time steps.

    A seed appears at the first step that is not before its time. Samples are `interval` apart, rounded to steps.

    Returns:
        The samples, from the start, and phi at the end, float64 [row, column].
    """
    size, num_steps = round(box / params.spacing), round(end / params.time_step)
    every = max(1, round(interval / params.time_step))
    waiting = [(ceil(round(seed.time / params.time_step, 9)), seed) for seed in seeds]
    phi, now = np.zeros((size, size)), 0
    samples: list[tuple[float, ...]] = []
    while True:
        while waiting and waiting[0][0] <= now:
            _, seed = waiting.pop(0)
            phi = put_seed(phi, params, seed.place, seed.radius)
        if now % every == 0 or now == num_steps:
            if not (samples and samples[-1][1] == 1):  # what is solid all over stays as it is
                values = (float(phi.mean()), free_energy(phi, params), num_particles(phi))
            samples.append((now * params.time_step, *values))
        if now == num_steps:
            break
        pause = min(num_steps, (now // every + 1) * every, waiting[0][0] if waiting else num_steps)
        phi, now = evolve(phi, params, pause - now), pause
    time, fraction, energy, count = np.array(samples).T
    return Series(time, fraction, energy, count.astype(np.int64)), phi


def parts(seed: int) -> list[Part]:
    """Return the parts of the problem; only (b) and (c) depend on the seed."""
    scheme = (
        "explicit steps of dx^2/6, diffusion by weights (1, 4, 1)/6 along each axis between two half steps of "
        "reaction; of fourth order in dx"
    )
    cases = [(ratio, SINGLE_SPACING) for ratio in SINGLE_RATIOS]
    cases += [(CONVERGENCE_RATIO, spacing) for spacing in CONVERGENCE_SPACINGS if spacing != SINGLE_SPACING]
    single = [partial(_single_seed, number, *case) for number, case in enumerate(cases, 1)]
    made = [Part("8a", VERSION, f"One seed at r*, and the convergence with dx: {scheme}.", single, _single_rows)]
    for part, fine in ((AT_ONCE, [partial(_many_seeds, AT_ONCE, seed, 1, FINE_SPACING)]), (AT_A_RATE, [])):
        runs = [partial(_many_seeds, part, seed, number, SPACING) for number in range(1, NUM_REPEATS + 1)]
        words = f"{NUM_REPEATS} runs with dx = {SPACING:g}, seeds drawn from {seed}: {scheme}."
        made.append(Part(part.name, VERSION, words, runs + fine, partial(_many_rows, part)))
    return made


def _single_seed(number: int, ratio: float, spacing: float) -> Computed:
    params = AllenCahn(driving_force=SURFACE_ENERGY / SINGLE_RADIUS, spacing=spacing)
    seed = Seed(0.0, (SINGLE_BOX / 2, SINGLE_BOX / 2), ratio * params.critical_radius)
    cost = _warm()
    with measured(cost):
        series, phi = follow(params, SINGLE_BOX, [seed], SINGLE_TIME, 1.0)
    common = round(CONVERGENCE_SPACINGS[0] / spacing)
    summary = {
        "radius_ratio": ratio,
        "dx": spacing,
        "solid_fraction_start": series.fraction[0],
        "solid_fraction": series.fraction[-1],
        "free_energy_start": series.energy[0],
        "free_energy": series.energy[-1],
        "energy_rises": series.rises(),
        "sim_time": series.time[-1],
        "field": phi[::common, ::common],
    }
    rows, columns = np.indices(phi.shape) * spacing
    names = ("x", columns), ("y", rows), ("phi", phi)
    files = {
        f"data_{number}.csv": series.as_csv("fraction", "energy"),
        f"phase_field_{number}.csv": encode_csv(Table(tuple(Column(name, field.ravel()) for name, field in names))),
    }
    return Computed({**summary, **cost}, files)


def _single_rows(summaries: Sequence[Summary]) -> list[Row]:
    """One row a run; where runs differ in dx alone, with the L2 error against the finest and the order up to here."""
    told = ("radius_ratio", "dx", "solid_fraction_start", "solid_fraction", "free_energy_start", "free_energy")
    series = [one for one in summaries if one["radius_ratio"] == CONVERGENCE_RATIO]
    finest = min(series, key=lambda one: float(one["dx"]))
    rows: list[Row] = []
    for one in sorted(summaries, key=lambda one: (one["radius_ratio"], -one["dx"])):
        row = {"problem": "8a", **{name: one[name] for name in told}}
        row["fate"] = "grows" if one["solid_fraction"] > one["solid_fraction_start"] else "shrinks"
        row["energy_rises"] = one["energy_rises"]
        row |= {"l2_error": None, "order": None}
        if one in series and one is not finest:
            apart = np.array(one["field"]) - np.array(finest["field"])
            row["l2_error"] = sqrt((apart**2).sum()) * CONVERGENCE_SPACINGS[0]
            if rows[-1]["l2_error"]:
                row["order"] = log2(rows[-1]["l2_error"] / row["l2_error"]) / log2(rows[-1]["dx"] / row["dx"])
        rows.append({**row, "cpu_seconds": one["cpu_seconds"]})
    return rows


def _many_seeds(part: Nucleation, seed: int, run: int, spacing: float) -> Computed:
    params = AllenCahn(driving_force=SURFACE_ENERGY, spacing=spacing)
    cost = _warm()
    with measured(cost):
        series, _ = follow(params, part.box, draw_seeds(part, seed, run), part.end, part.interval)
    summary = {
        "dx": spacing,
        "slope": avrami_slope(series.time, series.fraction),
        "half_time": half_time(series.time, series.fraction),
        "solid_fraction": series.fraction[-1],
        "free_energy": series.energy[-1],
        "energy_rises": series.rises(),
        "sim_time": series.time[-1],
    }
    name = f"data_{run}.csv" if spacing == SPACING else f"data_{run}_dx_{spacing:g}.csv"
    return Computed({**summary, **cost}, {name: series.as_csv("fraction", "energy", "particle_count")})


def _many_rows(part: Nucleation, summaries: Sequence[Summary]) -> list[Row]:
    """One row of the ten runs, and one of the run that was repeated with a finer grid beside its coarse self."""
    runs = [one for one in summaries if one["dx"] == SPACING]
    expected_slope, expected_half = _expectation(part)
    rows = [_row(part, runs, expected_slope, expected_half)]
    for fine in summaries:
        if fine["dx"] != SPACING:
            rows += [_row(part, [one], expected_slope, expected_half) for one in (runs[0], fine)]
    return rows


def _row(part: Nucleation, runs: Sequence[Summary], expected_slope: float, expected_half: float) -> Row:
    slopes = np.array([one["slope"] for one in runs])
    mean, count = float(slopes.mean()), len(slopes)
    apart = float(student.ppf((1 + LEVEL) / 2, count - 1) * slopes.std(ddof=1) / sqrt(count)) if count > 1 else inf
    return {
        "problem": part.name,
        "dx": runs[0]["dx"],
        "runs": count,
        "slope": mean,
        "slope_interval": [mean - apart, mean + apart] if count > 1 else None,
        "avrami_slope": part.slope,
        "kjma_slope": expected_slope,
        "half_time": float(np.mean([one["half_time"] for one in runs])),
        "kjma_half_time": expected_half,
        "solid_fraction": float(np.mean([one["solid_fraction"] for one in runs])),
        "energy_rises": sum(one["energy_rises"] for one in runs),
        "cpu_seconds": sum(one["cpu_seconds"] for one in runs),
    }


def _expectation(part: Nucleation) -> tuple[float, float]:
    """Slope and half time of the expected solid fraction, of seeds that begin small: dR/dt = v - 1/R."""
    time = np.linspace(0.0, part.end, 1 + round(part.end / part.interval))
    radius = grown_radius(time, SEED_RADIUS, planar_velocity(SURFACE_ENERGY))
    fraction = expected_fraction(radius, time, part.box**2, part.count, part.last)
    return avrami_slope(time, fraction), half_time(time, fraction)


def _warm() -> dict[str, Any]:
    """Compile, so that no run is charged for it; returns where its cost is written."""
    free_energy(evolve(np.zeros((4, 4)), AllenCahn(), 1), AllenCahn())
    return {}
