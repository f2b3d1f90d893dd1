"""The laws that the exact solver keeps, each measured: small in the tests, in full by `nakaya benchmark invariants`.

A law is a number and a bound. The number is measured on crystals that the seed chooses; nothing is tuned to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nakaya.core.arrays import Mask
from nakaya.core.randomness import member_key
from nakaya.growth.growing import grow
from nakaya.growth.lattice.geometry import make_setup, reservoir_mask
from nakaya.growth.lattice.lattice import D6, apply_symmetry, unfold_sector
from nakaya.growth.model.parameters import point_hash
from nakaya.growth.model.setup import GrowthSetup, StopRules
from nakaya.growth.model.trajectory import INITIAL, NEVER, Trajectory, occupancy_at
from nakaya.growth.morphology.counts import boundary_sites
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.gravner_griffeath.reference import FloatType, grow_member

__all__ = ["LAWS", "PUBLISHED_TABLE", "Effort", "Law", "Measurement", "measure_law", "verify_laws"]

Effort = Literal["small", "full"]

DENSITIES = (0.35, 0.64)
"""Range of rho in the CGNE paper."""

NEVER_STOPS = 2**31 - 2

PUBLISHED_TABLE: dict[float, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    0.35: ((1923, 0), (830, 0), (415, 0)),
    0.40: ((1411, 1), (880, 3), (495, 1)),
    0.45: ((1016, 1), (809, 7), (697, 6)),
    0.50: ((779, 0), (1076, 4), (572, 5)),
    0.55: ((574, 1), (1166, 12), (522, 21)),
    0.60: ((458, 0), (1232, 13), (761, 4)),
    0.64: ((351, 0), (1214, 0), (799, 0)),
}
"""Steps, final area and boundary sites (mean, standard deviation) of 16 crystals of size 64 at each rho, from another
program with other noise."""

TABLE_MEMBERS = 16
TABLE_SHARE = 0.015
TABLE_ERRORS = 4.0


@dataclass(frozen=True)
class Measurement:
    """What was found.

    Attributes:
        value: The number that the law bounds.
        cases: How many cases were looked at.
    """

    value: float
    cases: int


@dataclass(frozen=True)
class Law:
    """A number and its bound.

    Attributes:
        name: Short, for the table.
        statement: What must be true, in a sentence.
        bound: The bound.
        at_least: Whether the number must be at least the bound; otherwise at most.
        measure: Measures it; takes the effort and a seed.
    """

    name: str
    statement: str
    bound: float
    at_least: bool
    measure: Callable[[Effort, int], Measurement]

    def holds(self, measurement: Measurement) -> bool:
        """Whether the measured number keeps to the bound."""
        return measurement.value >= self.bound if self.at_least else measurement.value <= self.bound


def measure_law(law: Law, effort: Effort, seed: int = 0) -> tuple[Measurement, bool]:
    """Measure one law and say whether it holds."""
    measurement = law.measure(effort, seed)
    return measurement, law.holds(measurement)


def verify_laws(
    effort: Effort = "full", *, seed: int = 0, stage: Callable[[int, int], None] | None = None
) -> list[tuple[Law, Measurement, bool]]:
    """Measure every law.

    Args:
        effort: "full" takes minutes, "small" seconds.
        seed: Chooses the cases.
        stage: Told how many laws of how many are done.
    """
    results = []
    for number, law in enumerate(LAWS):
        results.append((law, *measure_law(law, effort, seed)))
        if stage is not None:
            stage(number + 1, len(LAWS))
    return results


def _densities(count: int, seed: int) -> list[float]:
    return [float(rho) for rho in np.random.default_rng(seed).uniform(*DENSITIES, count)]


def _mass_drift(dtype: FloatType, size: int, steps: int, rho: float) -> float:
    """Greatest relative change of all mass over the steps, at sigma 0 on a periodic lattice."""
    params = GravnerGriffeath(rho=rho, sigma=0.0)
    setup = make_setup("full", size, edges="periodic", stop=StopRules(max_steps=steps, no_growth=NEVER_STOPS))
    start = 1.0 + float(dtype(rho)) * (size**2 - 1)
    drift = 0.0

    def watch(number: int, state: object) -> None:
        nonlocal drift
        if number % 50 == 0 or number == steps:
            drift = max(drift, abs(state.mass / start - 1.0))  # type: ignore[attr-defined]

    grow_member(params, setup, (0, 0), dtype=dtype, watch=watch)
    return drift


def _mass_in_float64(effort: Effort, seed: int) -> Measurement:
    densities = _densities(4 if effort == "full" else 1, seed)
    steps = 4_000 if effort == "full" else 400
    return Measurement(max(_mass_drift(np.float64, 64, steps, rho) for rho in densities), len(densities))


def _mass_in_float32(effort: Effort, seed: int) -> Measurement:
    densities = _densities(4 if effort == "full" else 1, seed)
    size = 64 if effort == "full" else 32
    return Measurement(max(_mass_drift(np.float32, size, 10_000, rho) for rho in densities), len(densities))


def _without_noise(rho: float, geometry: str, size: int) -> Trajectory:
    return grow(GravnerGriffeath(rho=rho, sigma=0.0), geometry=geometry, size=size, seed=0)


def _asymmetric_sites(effort: Effort, seed: int) -> Measurement:
    densities = _densities(40 if effort == "full" else 4, seed)
    sizes = (127, 255) if effort == "full" else (63,)
    differing = 0
    for rho in densities:
        for size in sizes:
            arrival = _without_noise(rho, "full", size).arrival[0]
            differing += max(int((apply_symmetry(arrival, element) != arrival).sum()) for element in D6)
    return Measurement(differing, len(densities) * len(sizes))


def _sector_against_full(effort: Effort, seed: int) -> Measurement:
    densities = _densities(40 if effort == "full" else 4, seed)
    size = 64 if effort == "full" else 32
    differing = 0
    for rho in densities:
        sector, full = _without_noise(rho, "sector", size), _without_noise(rho, "full", 2 * size - 1)
        differing += int((unfold_sector(sector.arrival[0]) != full.arrival[0]).sum())
        differing += int(sector.steps[0] != full.steps[0])
    return Measurement(differing, len(densities))


def _precision_agreement(effort: Effort, seed: int) -> Measurement:
    """Share of densities at which the float32 and float64 references agree at 98 % of the sites within one step."""
    densities = _densities(40 if effort == "full" else 10, seed)
    setup = make_setup("sector", 64 if effort == "full" else 32)
    agreeing = 0
    for rho in densities:
        params = GravnerGriffeath(rho=rho)
        key = member_key(seed, point_hash(params), 0)
        single, double = (grow_member(params, setup, key, dtype=dtype).arrival for dtype in (np.float32, np.float64))
        same = (single == double) | ((np.abs(single - double) <= 1) & (single > NEVER) & (double > NEVER))
        agreeing += bool(same.mean() >= 0.98)
    return Measurement(agreeing / len(densities), len(densities))


def _random_settings(count: int, seed: int) -> list[tuple[GravnerGriffeath, GrowthSetup]]:
    """Random parameter points, geometries, edges, sizes and initial crystals."""
    rng = np.random.default_rng(seed)
    settings = []
    for _ in range(count):
        params = GravnerGriffeath(
            rho=float(rng.uniform(0.3, 0.9)),
            alpha=float(rng.uniform(0.0, 0.5)),
            beta=float(rng.uniform(0.8, 1.8)),
            gamma=float(10 ** rng.uniform(-6, -2)),
            theta=float(10 ** rng.uniform(-3, 0)),
            kappa=float(10 ** rng.uniform(-4, -1)),
            mu=float(10 ** rng.uniform(-3, -1)),
            sigma=float(10 ** rng.uniform(-6, -0.5)),
        )
        size = int(rng.integers(16, 80))
        geometry, edges = (("sector", "reservoir"), ("full", "reservoir"), ("full", "periodic"))[rng.integers(3)]
        stop = StopRules(margin=3, max_steps=400)
        free = ~reservoir_mask(make_setup(geometry, size, edges=edges, stop=stop))
        corner = size // 3 if geometry == "sector" else size
        sites = [(r, c) for r, c in rng.integers(0, corner, (int(rng.integers(1, 4)), 2)).tolist() if free[r, c]]
        near = [site for site in sites if geometry == "sector" or edges == "periodic" or _is_central(site, size)]
        settings.append((params, make_setup(geometry, size, edges=edges, stop=stop, initial=near or None)))
    return settings


def _is_central(site: tuple[int, int], size: int) -> bool:
    return max(abs(site[0] - size // 2), abs(site[1] - size // 2)) <= size // 8


def _regrow(setup: GrowthSetup, params: GravnerGriffeath | Sequence[GravnerGriffeath], **request: object) -> Trajectory:
    """Grow in a given setup through the everyday function."""
    return grow(  # type: ignore[call-overload, no-any-return, unused-ignore]
        params,
        geometry=setup.geometry,
        size=setup.size,
        edges=setup.edges,
        initial=setup.initial,
        stop=setup.stop,
        **request,  # type: ignore[arg-type]
    )


def _fast_against_reference(effort: Effort, seed: int) -> Measurement:
    settings = _random_settings(200 if effort == "full" else 6, seed)
    differing = 0
    for params, setup in settings:
        fast = _regrow(setup, params, seed=seed)
        slow = _regrow(setup, params, seed=seed, model="gravner-griffeath-reference")
        differing += not _same(fast, slow)
    return Measurement(differing, len(settings))


def _company(effort: Effort, seed: int) -> Measurement:
    """Settings in which a crystal depends on threads, on members grown with it, or on the order of the points."""
    settings = _random_settings(200 if effort == "full" else 6, seed + 1)
    differing = 0
    for params, setup in settings:
        other = GravnerGriffeath(**{**params.parameters(), "rho": params.rho / 2 + 0.3})
        whole = _regrow(setup, [params, other], seed=seed, members=4)
        turned = _regrow(setup, [other, params], seed=seed, members=2, workers=3)
        alone = _regrow(setup, params, seed=seed)
        same = (turned.arrival[::-1] == whole.arrival[:, :2]).all() and (alone.arrival == whole.arrival[0, :1]).all()
        same &= (turned.steps[::-1] == whole.steps[:, :2]).all() and (alone.steps == whole.steps[0, :1]).all()
        differing += not same
    return Measurement(differing, len(settings))


def _same(first: Trajectory, second: Trajectory) -> bool:
    return bool(
        (first.arrival == second.arrival).all()
        and (first.steps == second.steps).all()
        and (first.stop_codes == second.stop_codes).all()
    )


def _loosened_sites(effort: Effort, seed: int) -> Measurement:
    """Sites of the reference that are attached in one step and not in a later one, or that arrive without a crystal."""
    settings = _random_settings(40 if effort == "full" else 4, seed + 2)
    wrong = 0
    for params, setup in settings:
        before: Mask = np.zeros(setup.shape, np.bool_)
        frames: list[Mask] = []
        growth = grow_member(
            params,
            setup,
            member_key(seed, point_hash(params), 0),
            watch=lambda _, state, frames=frames: frames.append(state.attached),  # type: ignore[misc]
        )
        for number, frame in enumerate(frames, start=1):
            wrong += int((before & ~frame).sum()) + int((occupancy_at(growth.arrival, number) != frame).sum())
            before = frame
    return Measurement(wrong, len(settings))


def _table(effort: Effort, seed: int) -> Measurement:
    """Greatest deviation from the published table, over what is allowed."""
    members = TABLE_MEMBERS if effort == "full" else 4
    worst, cases = 0.0, 0
    for rho, row in PUBLISHED_TABLE.items():
        crystals = grow(GravnerGriffeath(rho=rho), size=64, members=members, seed=seed)
        attached = crystals.arrival >= INITIAL
        found = (crystals.steps, attached.sum(axis=(1, 2)), boundary_sites(attached))
        for values, (mean, spread) in zip(found, row, strict=True):
            error = float(np.hypot(spread / TABLE_MEMBERS**0.5, values.std(ddof=1) / members**0.5))
            allowed = max(TABLE_SHARE * mean, TABLE_ERRORS * error)
            worst = max(worst, abs(float(values.mean()) - mean) / allowed)
            cases += 1
    return Measurement(worst, cases)


LAWS: tuple[Law, ...] = (
    Law("mass, float64", "relative drift of all mass, sigma 0, periodic", 1e-12, False, _mass_in_float64),
    Law("mass, float32", "relative drift of all mass over 10,000 steps", 1e-5, False, _mass_in_float32),
    Law("symmetry", "sites not D6-symmetric at sigma 0, full lattice", 0, False, _asymmetric_sites),
    Law("sector = full", "sites and steps that differ at sigma 0", 0, False, _sector_against_full),
    Law("precision", "share of rho where float32 and float64 agree", 0.9, True, _precision_agreement),
    Law("fast = reference", "settings in which any site, step or reason differs", 0, False, _fast_against_reference),
    Law("company", "settings where threads, members or order matter", 0, False, _company),
    Law("growth", "sites that come loose, or differ from the arrival map", 0, False, _loosened_sites),
    Law("published table", "greatest deviation over max(1.5 %, 4 errors)", 1.0, False, _table),
)
"""What the solver promises, in the order of the table."""
