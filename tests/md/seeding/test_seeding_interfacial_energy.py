"""The interfacial energy of seeding and quenches: drawn truths are found, and what was left out is predicted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.bulk import COLDEST, Bulk
from nakaya.md.seeding.driving_force import fit_latent_heat
from nakaya.md.seeding.held_out import leave_one_out, seeding_alone
from nakaya.md.seeding.importance import importance_sample
from nakaya.md.seeding.interfacial_energy import (
    ATTACHMENT_SCATTER,
    DETECTOR_PRIOR,
    DISCREPANCY_PRIOR,
    MANY_EVENTS,
    MIN_RELATIVE,
    SLOPE_PRIOR,
    Exposure,
    InterfacialEnergy,
    SeenSize,
    _Model,
    fit_interfacial_energy,
)
from nakaya.md.statistics import Estimate
from nakaya.theory import critical_size, log_nucleation_rate

METAL = Bulk(
    material="Al",
    melting_point=Estimate(930.0, 4.0),
    latent_heat=fit_latent_heat(
        np.linspace(440, 960, 9), 4e3 + 14.0 * np.linspace(440, 960, 9) - 0.0075 * np.linspace(440, 960, 9) ** 2,
        np.full(9, 150.0),
    ),
    solid_volume=lambda temperature: 1.65e-29 + 1.3e-33 * temperature,
    liquid_volume=lambda temperature: 1.70e-29 + 1.8e-33 * temperature,
    diffusivity=lambda temperature: 1e-7 * math.exp(-2700 / temperature),
)  # fmt: skip
"""About aluminium."""

USUAL = math.log(24 * METAL.liquid_volume(610.0) ** (-2 / 3))
SEEDED, QUENCHED, REFERENCE = (600.0, 650.0, 700.0), (460.0, 500.0), 582.0
SEEDING_ERROR, NUM_EVENTS = 0.07, 9


def test_without_seeding_the_search_begins_where_the_surest_quench_says() -> None:
    """In the middle of all rates is that of the quench with the most events, whatever the others say."""
    many, few, none = Exposure(500.0, 40, 1e-30), Exposure(460.0, 1, 1e-24), Exposure(480.0, 0, 1e-30)
    alone = _Model.of([], [many], METAL)
    energy = alone._by_rate()
    size = critical_size(
        energy, METAL.driving_force(500.0).value, temperature=500.0, atomic_volume=METAL.solid_volume(500.0)
    )
    attachment = math.exp(alone.usual_attachment) * METAL.diffusivity(500.0) * size ** (2 / 3)
    log_rate = log_nucleation_rate(
        size, METAL.driving_force(500.0).value, attachment, number_density=1 / METAL.liquid_volume(500.0)
    )
    assert float(log_rate) == pytest.approx(math.log(40 / 1e-30), abs=2 / 40)  # a count of 40, to within a half
    other = _Model.of([], [few], METAL)._by_rate()
    for exposures in ([many, few, none], [none, few, many]):
        found = _Model.of([], exposures, METAL)
        assert abs(found._by_rate() / energy - 1) < 0.1 * abs(
            other / energy - 1
        )  # its reference temperature is another


class World:
    """A truth drawn from the priors, and data drawn from it."""

    def __init__(self, rng: np.random.Generator, *, detectors: tuple[str, ...] = ("bonds", "order")) -> None:
        self.rng = rng
        self.energy = 0.105 * math.exp(0.1 * rng.normal())
        self.slope = SLOPE_PRIOR * rng.normal()
        while min(1 + self.slope * (kelvin / REFERENCE - 1) for kelvin in (COLDEST * 930, 930)) < 2 * MIN_RELATIVE:
            self.slope = SLOPE_PRIOR * rng.normal()
        self.sigma = DISCREPANCY_PRIOR * abs(rng.normal())
        self.driving, self.attachment = rng.normal(), USUAL + 0.7 * rng.normal()
        self.offsets = {name: DETECTOR_PRIOR * rng.normal() for name in detectors}

    def at(self, temperature: float) -> float:
        return self.energy * (1 + self.slope * (temperature / REFERENCE - 1))

    def drive(self, temperature: float) -> float:
        best = METAL.driving_force(temperature)
        return best.value + self.driving * best.standard_error

    def size(self, temperature: float) -> float:
        exact = critical_size(
            self.at(temperature), self.drive(temperature), temperature=temperature,
            atomic_volume=METAL.solid_volume(temperature),
        )  # fmt: skip
        return float(exact) * math.exp(self.sigma * self.rng.normal())

    def log_rate(self, temperature: float) -> float:
        size, zeta = self.size(temperature), ATTACHMENT_SCATTER * self.rng.normal()
        rate = math.exp(self.attachment + zeta) * METAL.diffusivity(temperature) * size ** (2 / 3)
        density = 1 / METAL.liquid_volume(temperature)
        return float(log_nucleation_rate(size, self.drive(temperature), rate, number_density=density))

    def seeding(self, temperatures: tuple[float, ...] = SEEDED) -> list[SeenSize]:
        found = []
        for kelvin in temperatures:
            size = self.size(kelvin) * math.exp(SEEDING_ERROR * self.rng.normal())
            zeta = math.hypot(ATTACHMENT_SCATTER, 0.2) * self.rng.normal()
            rate = math.exp(self.attachment + zeta) * METAL.diffusivity(kelvin)
            for name, offset in self.offsets.items():
                seen = size * math.exp(offset + 0.03 * self.rng.normal())
                found.append(SeenSize(kelvin, name, seen, SEEDING_ERROR, rate * seen ** (2 / 3), 0.2))
        return found

    def quenches(self, temperatures: tuple[float, ...] = QUENCHED) -> list[Exposure]:
        found = []
        for kelvin in temperatures:
            until = self.rng.gamma(NUM_EVENTS)  # the quenches go on until there are so many events
            found.append(Exposure(kelvin, NUM_EVENTS, until * math.exp(-self.log_rate(kelvin))))
        return found


def test_draws_are_those_of_a_known_density() -> None:
    mean, spread, correlation = np.array([1.0, -2.0]), np.array([0.5, 0.1]), 0.8
    covariance = np.outer(spread, spread) * np.array([[1, correlation], [correlation, 1]])
    precision = np.linalg.inv(covariance)

    def log_density(points: FloatArray) -> FloatArray:
        away = points - mean
        return np.asarray(-0.5 * np.einsum("di,ij,dj->d", away, precision, away))

    draws, effective = importance_sample(log_density, np.zeros((1, 2)), 4000, rng=np.random.default_rng(0))
    assert effective > 2000
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=4 * spread.max() / math.sqrt(2000))
    np.testing.assert_allclose(np.cov(draws.T), covariance, rtol=0.15)


def test_truths_drawn_from_the_priors_have_uniform_ranks_among_the_draws() -> None:
    rng = np.random.default_rng(1)
    ranks = []
    for _ in range(20):
        world = World(rng)
        found = fit_interfacial_energy(world.seeding(), world.quenches(), METAL, rng=rng)
        assert found.effective_draws > 300
        rates, extra = found.log_rate_draws(680.0, rng)
        ranks.append(
            [
                (found.at(560.0) < world.at(560.0)).mean(),
                (found.slope < world.slope * found.reference_temperature / REFERENCE
                 / (1 + world.slope * (found.reference_temperature / REFERENCE - 1))).mean(),
                (found.offsets["bonds"] < world.offsets["bonds"]).mean(),
                (rates + extra < world.log_rate(680.0)).mean(),
            ]
        )  # fmt: skip
    for column in np.array(ranks).T:
        assert stats.kstest(column, "uniform").pvalue > 0.01, column
    hits = (np.abs(np.array(ranks) - 0.5) <= 0.45).sum()
    assert hits >= stats.binom.ppf(0.01, 80, 0.9)


def narrow(found: InterfacialEnergy, temperature: float, rng: np.random.Generator) -> float:
    expected, extra = found.log_rate_draws(temperature, rng)
    return float((expected + extra).std())


def test_both_kinds_of_data_together_tell_more_than_each_alone() -> None:
    rng = np.random.default_rng(2)
    world = World(rng)
    seen, quenches = world.seeding(), world.quenches()
    both, sizes, rates = (fit_interfacial_energy(*data, METAL, rng=rng) for data in
                          ((seen, quenches), (seen, []), ([], quenches)))  # fmt: skip
    for temperature in (500.0, 650.0):
        assert narrow(both, temperature, rng) < min(narrow(sizes, temperature, rng), narrow(rates, temperature, rng))
    assert rates.offsets == {}


def test_parts_of_the_error_add_up_and_the_detector_has_its_own() -> None:
    rng = np.random.default_rng(3)
    found = fit_interfacial_energy(World(rng).seeding(), [], METAL, rng=rng)
    rates = found.log_rates([650.0], rng)
    expected, extra = found.log_rate_draws(650.0, rng)
    together = math.sqrt(float(rates.statistical[0] ** 2 + rates.detector[0] ** 2 + rates.discrepancy[0] ** 2))
    assert together == pytest.approx(float((expected + extra).std()), rel=0.05)
    # Two detectors, each off by 26 %: gamma by 26 %/3/sqrt(2), and the barrier by three times that.
    size = critical_size(
        np.median(found.at(650.0)), METAL.driving_force(650.0).value, temperature=650.0,
        atomic_volume=METAL.solid_volume(650.0),
    )  # fmt: skip
    barrier = float(size) * METAL.driving_force(650.0).value / 2
    assert rates.detector[0] == pytest.approx(barrier * DETECTOR_PRIOR / math.sqrt(2), rel=0.35)
    alone = fit_interfacial_energy([], World(rng).quenches(), METAL, rng=rng).log_rates([480.0], rng)
    assert alone.detector[0] == pytest.approx(0, abs=1e-9)


def test_on_a_wall_a_cap_takes_the_place_of_the_sphere() -> None:
    rng = np.random.default_rng(6)
    world = World(rng)
    found = fit_interfacial_energy(world.seeding(), world.quenches(), METAL, rng=rng)
    assert found.seen == (min(each.temperature for each in world.quenches()),
                          max(each.temperature for each in world.seeding()))  # fmt: skip
    melt, its_extra = found.log_rate_draws(600.0, np.random.default_rng(0))
    dry, extra = found.log_rate_draws(600.0, np.random.default_rng(0), contact_angle=180.0)
    # A wall that wets nothing: the same nucleus, with places per area for places per volume.
    per_volume = math.log(METAL.liquid_volume(600.0)) / 3
    np.testing.assert_allclose(dry, melt + per_volume)
    np.testing.assert_allclose(extra, its_extra)
    half, _ = found.log_rate_draws(600.0, np.random.default_rng(0), contact_angle=90.0)
    drive = METAL.driving_forces(600.0, found.driving)
    size = critical_size(
        found.at(600.0), drive, temperature=600.0, atomic_volume=METAL.solid_volume(600.0)
    )  # fmt: skip
    # Half the barrier; half the surface takes up atoms; Zeldovich's factor goes with n*^(-1/2).
    np.testing.assert_allclose(half, dry + size * drive / 4 - math.log(2) + math.log(2) / 2)


def test_without_a_crystal_in_any_quench_only_an_upper_limit_is_learned() -> None:
    rng = np.random.default_rng(4)
    world = World(rng)
    empty = [Exposure(each.temperature, 0, each.volume_time * 30) for each in world.quenches()]
    seen = world.seeding()
    limited, free = (fit_interfacial_energy(seen, data, METAL, rng=rng) for data in (empty, []))
    for temperature in QUENCHED:
        expected, _ = limited.log_rate_draws(temperature, rng)
        before, _ = free.log_rate_draws(temperature, rng)
        assert np.quantile(expected, 0.9) < np.quantile(before, 0.9)


def test_counts_of_few_and_of_many_events_weigh_alike() -> None:
    rng = np.random.default_rng(9)
    sums, normal = (
        fit_interfacial_energy([], [Exposure(480.0, events, events * 1e-36)], METAL, rng=rng)
        for events in (MANY_EVENTS, MANY_EVENTS + 1)
    )
    for temperature in (480.0, 520.0):
        first, second = (found.log_rate_draws(temperature, rng)[0] for found in (sums, normal))
        assert np.median(first) == pytest.approx(np.median(second), abs=0.1)
        assert first.std() == pytest.approx(second.std(), rel=0.15)


def test_what_is_left_out_is_predicted_from_the_rest() -> None:
    rng = np.random.default_rng(5)
    world = World(rng)
    world.sigma, world.slope, world.offsets = 0.03, 0.3, {"bonds": 0.3, "order": -0.3}
    seen, quenches = world.seeding(), world.quenches()
    sizes = leave_one_out(seen, quenches, METAL, rng=rng)
    assert [(each.temperature, each.seen_by) for each in sizes] == [
        (kelvin, name) for kelvin in SEEDED for name in ("bonds", "order")
    ]
    for bonds, order in zip(
        sizes[::2], sizes[1::2], strict=True
    ):  # each detector is expected to see what it saw before
        assert bonds.median - order.median == pytest.approx(0.6, abs=0.15)
    rates = seeding_alone(seen, quenches, METAL, rng=rng)
    assert [each.temperature for each in rates] == list(QUENCHED)
    for each in [*sizes, *rates]:
        assert each.low < each.median < each.high
        assert 0.005 < each.rank < 0.995
    # A size that is not of this interfacial energy stands out.
    wrong = [
        SeenSize(each.temperature, each.detector, each.critical_size * (3.0 if each.temperature == 650 else 1), 0.07)
        for each in seen
    ]
    marked = leave_one_out(wrong, quenches, METAL, rng=rng)
    assert all(each.seen > each.high for each in marked if each.temperature == 650)


def test_the_same_seed_gives_the_same_draws() -> None:
    world = World(np.random.default_rng(6))
    seen, quenches = world.seeding(), world.quenches()
    first, second = (fit_interfacial_energy(seen, quenches, METAL, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.energy, second.energy)


def test_temperatures_without_undercooling_and_empty_data_are_refused() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(ParameterError, match=r"temperature=931 is outside \[279, 930\) K"):
        fit_interfacial_energy([SeenSize(931.0, "bonds", 90.0, 0.1)], [], METAL, rng=rng)
    with pytest.raises(ParameterError, match="nothing tells the interfacial energy"):
        fit_interfacial_energy([], [Exposure(450.0, 0, 1e-35)], METAL, rng=rng)
    with pytest.raises(ParameterError, match="check volumes and times of the quenches"):
        fit_interfacial_energy([], [Exposure(450.0, 9, 1e-90)], METAL, rng=rng)
    found = fit_interfacial_energy(World(rng).seeding(), [], METAL, rng=rng)
    with pytest.raises(ParameterError, match="temperature=200"):
        found.log_rates([200.0], rng)
