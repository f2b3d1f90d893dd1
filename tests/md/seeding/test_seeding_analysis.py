"""Critical size, attachment rate, driving force and rate: against a chain that is known exactly, and published numbers.

Published: ice in the model of water SCAN-ML, by seeding (Piaggi, Weis, Panagiotopoulos, Debenedetti & Car, Proc. Natl.
Acad. Sci. USA 119, e2207294119, 2022). Critical sizes, driving forces, densities and attachment rates below, and what
follows from them, are those that the authors print in github.com/PabloPiaggi/IceNucleationSeeding-SCAN-ML
(Analysis.ipynb and SCAN-ML-Properties); they use 6.02e23 for Avogadro's number.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.attachment import AttachmentRate, attachment_rate
from nakaya.md.seeding.becker_doering import BeckerDoering
from nakaya.md.seeding.critical_size import CriticalSize, NotBracketedError, critical_size, fates
from nakaya.md.seeding.driving_force import fit_latent_heat, integrated_driving_force
from nakaya.md.seeding.nuclei import SeededNucleus
from nakaya.md.seeding.rate import (
    SeedingRate,
    expected_events,
    expected_grain_length,
    seeding_rate,
    with_detector,
)
from nakaya.md.statistics import Estimate
from nakaya.theory import committor, log_nucleation_rate, zeldovich_factor

CHAIN = BeckerDoering(critical_size=92, reduced_driving_force=0.615, attachment_rate=80e12)
"""About aluminium at 640 K."""

TIMES = np.arange(0, 8.1, 0.5) * 1e-12

CONSTANTS = 5e-4
"""Relative: the published numbers were made with 6.02e23, and two digits of each are beyond their own."""

PARABOLA = 0.02
"""The committor of a parabola against the exact one of the chain, W* = 28 kT: shape of the barrier and f+(n)."""


def campaign(
    chain: BeckerDoering,
    number: int,
    rng: np.random.Generator,
    *,
    branches: int = 2,
    scatter: float = 0.1,
    flicker: float = 4.0,
    spread: tuple[float, float] = (0.6, 1.6),
    times: FloatArray = TIMES,
) -> list[SeededNucleus]:
    """Nuclei of sizes around the critical one, released."""
    low, high = np.log(spread)
    sizes = np.round(chain.critical_size * np.exp(rng.uniform(low, high, size=number)))
    seen = chain.release(sizes, times, branches=branches, scatter=scatter, flicker=flicker, rng=rng)
    return [SeededNucleus("Al", 640.0, "sphere", times, each) for each in seen]


def nucleus(start: float, *ends: float) -> SeededNucleus:
    sizes = np.array([[start, end, end, end] for end in ends], dtype=np.float64)
    return SeededNucleus("Al", 640.0, "sphere", np.array([0.0, 7.0, 7.5, 8.0]) * 1e-12, sizes)


# --- the chain ---------------------------------------------------------------------------------------------------


def test_a_chain_in_balance_keeps_its_balance() -> None:
    sizes = np.arange(2.0, 200.0)
    step = 1e-15
    up = CHAIN._attachment(sizes - 1) * np.exp(-CHAIN.barrier(sizes - 1))
    drop = CHAIN.barrier(sizes) - CHAIN.barrier(sizes - 1)
    down = CHAIN._attachment(sizes - 1) * np.exp(drop) * np.exp(-CHAIN.barrier(sizes))
    np.testing.assert_allclose(up * step, down * step, rtol=1e-12)


@pytest.mark.parametrize(("size", "drive"), [(92, 0.615), (190, 0.45), (640, 0.3)])
def test_the_formula_of_classical_theory_is_the_sum_of_the_chain(size: float, drive: float) -> None:
    chain = BeckerDoering(size, drive, 80e12)
    formula = log_nucleation_rate(size, drive, chain.attachment_rate, number_density=1.0)
    assert chain.log_rate_per_atom() == pytest.approx(float(formula), abs=0.01)


@pytest.mark.parametrize(("size", "drive"), [(92, 0.615), (190, 0.45), (640, 0.3)])
def test_even_odds_are_two_thirds_over_the_driving_force_below_the_top(size: float, drive: float) -> None:
    # Half an atom: the chain passes from n to n + 1 at n + 1/2.
    assert size - BeckerDoering(size, drive, 1.0).even_odds() == pytest.approx(2 / (3 * drive) - 0.5, abs=0.03)


def test_released_nuclei_grow_as_often_as_the_committor_says() -> None:
    sizes, number = np.array([60.0, 75.0, 90.0, 105.0, 120.0]), 400
    times = np.arange(0, 30.1, 2.0) * 1e-12
    seen = CHAIN.release(np.repeat(sizes, number), times, branches=1, rng=np.random.default_rng(0))[:, 0]
    ends = np.array([row[np.isfinite(row)][-1] for row in seen])
    grown = (ends > CHAIN.critical_size).reshape(-1, number).sum(axis=1)
    expected = CHAIN.committor(sizes)
    sigmas = (grown - number * expected) / np.sqrt(number * expected * (1 - expected))
    assert (np.abs(sigmas) < 3).all(), sigmas
    parabola = committor(sizes, CHAIN.critical_size, zeldovich_factor(CHAIN.critical_size, CHAIN.reduced_driving_force))
    np.testing.assert_allclose(parabola, expected, atol=PARABOLA)


# --- the critical size -------------------------------------------------------------------------------------------


def test_fates_are_told_by_the_last_frames_not_by_the_largest_size() -> None:
    times = np.arange(6) * 1e-12
    sizes = np.array(
        [
            [90, 200, 90, 50, 60, 40],
            [90, 100, 130, 125, 110, np.nan],
            [90, 60, 40, 90, 95, 130],
            [90, 60, *[np.nan] * 4],
        ]
    )
    assert fates(SeededNucleus("Al", 640.0, "sphere", times, sizes)).tolist() == [-1, 1, 0, 0]
    assert fates(nucleus(0.0, 50.0, 0.0)).tolist() == [0, 0]  # the detector did not see it


def test_intervals_of_the_critical_size_hold_it_as_often_as_they_say() -> None:
    repeats, number = 200, 22
    nuclei = campaign(CHAIN, repeats * number, np.random.default_rng(11))
    hits, found = 0, []
    for first in range(0, len(nuclei), number):
        try:
            found.append(critical_size(nuclei[first : first + number]))
        except NotBracketedError:
            continue
        hits += found[-1].low <= CHAIN.even_odds() <= found[-1].high
    assert len(found) >= 0.95 * repeats
    assert stats.binomtest(hits, len(found)).proportion_ci(0.99).low <= 0.9
    assert stats.binomtest(hits, len(found)).proportion_ci(0.99).high >= 0.9
    logs = np.log([each.value for each in found])
    assert logs.mean() == pytest.approx(math.log(CHAIN.even_odds()), abs=3 * logs.std() / math.sqrt(len(logs)) + 0.01)
    assert logs.std() == pytest.approx(np.mean([each.log_error for each in found]), rel=0.2)


def test_branches_of_one_nucleus_are_no_independent_nuclei() -> None:
    sizes = np.linspace(50, 150, 16)
    grows = sizes > 100
    grows[[6, 9]] = True, False  # each nucleus does the same in all of its branches
    ends = [size * (1.6 if up else 0.2) for size, up in zip(sizes, grows, strict=True)]
    once = critical_size([nucleus(size, end) for size, end in zip(sizes, ends, strict=True)])
    branched = critical_size([nucleus(size, *[end] * 16) for size, end in zip(sizes, ends, strict=True)])
    repeated = critical_size([nucleus(size, end) for size, end in zip(sizes, ends, strict=True)] * 16)
    widths = [math.log(found.high / found.low) for found in (once, branched, repeated)]
    assert widths[2] < widths[0] / 2  # 16 times as many nuclei
    assert widths[1] > 0.7 * widths[0]  # 16 times as many branches
    assert branched.scatter > once.scatter


def test_sizes_that_do_not_bracket_it_are_refused_with_the_reason() -> None:
    with pytest.raises(NotBracketedError, match="all 8 decided branches grew.*release smaller ones"):
        critical_size([nucleus(n, 2 * n) for n in range(100, 180, 10)])
    with pytest.raises(NotBracketedError, match="all 8 decided branches dissolved.*release larger ones"):
        critical_size([nucleus(n, 1.0) for n in range(100, 180, 10)])
    with pytest.raises(NotBracketedError, match="2 of 3 nuclei grew or dissolved"):
        critical_size([nucleus(100, 200), nucleus(50, 1), nucleus(80, 85)])
    lone = [nucleus(n, 1.0, 1.0) for n in range(100, 180, 10)]
    with pytest.raises(NotBracketedError, match="do not bracket the critical size: release larger ones"):
        critical_size([*lone, nucleus(185, 1.0, 300.0)])
    other = nucleus(100, 200)
    with pytest.raises(ParameterError, match="nuclei of 2 conditions"):
        critical_size([other, SeededNucleus("Al", 650.0, "sphere", other.times, other.sizes)])


# --- the attachment rate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [CHAIN, BeckerDoering(640, 0.3, 300e12)], ids=["92 atoms", "640 atoms"])
def test_attachment_rates_of_chains_lie_in_their_intervals(chain: BeckerDoering) -> None:
    repeats, number = 50, 16
    rng = np.random.default_rng(5)
    nuclei = campaign(chain, repeats * number, rng, branches=4, spread=(0.78, 1.28))
    zeldovich = float(zeldovich_factor(chain.critical_size, chain.reduced_driving_force))
    found = [
        attachment_rate(nuclei[first : first + number], chain.critical_size, zeldovich=zeldovich, rng=rng)
        for first in range(0, len(nuclei), number)
    ]
    hits = sum(each.low <= chain.attachment_rate <= each.high for each in found)
    assert stats.binomtest(hits, repeats).proportion_ci(0.99).high >= 0.9
    assert hits >= 0.9 * repeats  # `MODEL_ERROR` makes them wide rather than narrow
    ratios = np.log([each.value / chain.attachment_rate for each in found])
    assert abs(ratios.mean()) < 0.15


def test_taking_the_top_for_flat_makes_attachment_rates_too_large() -> None:
    rng = np.random.default_rng(6)
    nuclei = campaign(CHAIN, 200, rng, branches=4, spread=(0.78, 1.28))
    flat = attachment_rate(nuclei, CHAIN.critical_size, rng=rng)
    curved = attachment_rate(nuclei, CHAIN.critical_size, zeldovich=0.0188, rng=rng)
    assert flat.value > 1.8 * CHAIN.attachment_rate
    assert curved.value == pytest.approx(CHAIN.attachment_rate, rel=0.2)


def test_drift_and_flicker_add_nothing_to_an_attachment_rate() -> None:
    rng = np.random.default_rng(7)
    times, rate = np.arange(0, 6.1, 0.25) * 1e-12, 40e12
    steps = rng.normal(size=(60, 6, len(times) - 1)) * np.sqrt(2 * rate * np.diff(times))
    walks = np.concatenate([np.zeros((60, 6, 1)), np.cumsum(steps, axis=-1)], axis=-1)
    drift = 8e12 * rng.normal(size=(60, 1, 1)) * times
    seen = 500 + walks + drift + 6 * rng.normal(size=walks.shape)
    nuclei = [SeededNucleus("Al", 640.0, "sphere", times, each) for each in seen]
    found = attachment_rate(nuclei, 500.0, rng=rng)
    assert found.value == pytest.approx(rate, rel=0.15)
    assert found.flicker == pytest.approx(6, rel=0.5)


def test_too_few_nuclei_or_frames_tell_no_attachment_rate() -> None:
    rng = np.random.default_rng(8)
    longer = campaign(CHAIN, 10, rng, spread=(0.9, 1.1)) + campaign(
        CHAIN, 10, rng, spread=(0.9, 1.1), times=np.arange(0, 16.1, 0.5) * 1e-12
    )
    assert attachment_rate(longer, CHAIN.critical_size, rng=rng).num_nuclei == 20  # some were followed for longer
    few = campaign(CHAIN, 4, rng, spread=(0.9, 1.1))
    with pytest.raises(ParameterError, match="4 nuclei within a factor"):
        attachment_rate(few, CHAIN.critical_size, rng=rng)
    coarse = campaign(CHAIN, 10, rng, spread=(0.9, 1.1), times=np.array([0.0, 4e-12, 8e-12]))
    with pytest.raises(ParameterError, match="store frames more often"):
        attachment_rate(coarse, CHAIN.critical_size, rng=rng)
    mixed = campaign(CHAIN, 5, rng, spread=(0.9, 1.1)) + campaign(CHAIN, 5, rng, spread=(0.9, 1.1), times=TIMES / 2)
    with pytest.raises(ParameterError, match="not all seen at the same times"):
        attachment_rate(mixed, CHAIN.critical_size, rng=rng)
    still = [SeededNucleus("Al", 640.0, "sphere", TIMES, np.full((4, len(TIMES)), 92.0))] * 8
    with pytest.raises(ParameterError, match="do not drift apart"):
        attachment_rate(still, CHAIN.critical_size, rng=rng)


# --- the driving force -------------------------------------------------------------------------------------------

MELTING_OF_SCAN_ML = Estimate(312.0, 0.0)
WATER_AT = np.array([260.0, 265.0, 270.0, 275.0, 280.0, 290.0, 300.0, 310.0])
WATER_ENTHALPY = np.array(  # kJ/mol
    [-1565.2546, -1564.8989, -1563.7292, -1562.9027, -1562.1523, -1560.8793, -1559.5373, -1558.5563]
)
ICE_ENTHALPY = np.array(
    [-1568.3340, -1568.1016, -1567.8717, -1567.6410, -1567.4077, -1566.9405, -1566.4710, -1565.9849]
)
SEEDED_AT = np.array([262.5, 282.0, 294.5])
PUBLISHED_DRIVE = np.array([0.8842, 0.6321, 0.3953])  # kJ/mol, of the authors' table


def test_a_constant_latent_heat_gives_the_linear_law() -> None:
    constant = fit_latent_heat(np.array([900.0]), np.array([10e3]), np.array([50.0]))
    found = integrated_driving_force(constant, 640.0, Estimate(930.0, 4.0))
    gas = 8.314462618
    assert found.value == pytest.approx(10e3 * (930 - 640) / (930 * gas * 640), rel=1e-9)
    by_heat = found.value * 50 / 10e3
    by_melting = 10e3 / (gas * 930**2) * 4
    assert found.standard_error == pytest.approx(math.hypot(by_heat, by_melting), rel=1e-9)


def test_the_integral_is_that_of_gibbs_and_helmholtz() -> None:
    temperatures = np.linspace(400, 1000, 7)
    heats = 3e3 + 16.0 * temperatures - 0.008 * temperatures**2
    fitted = fit_latent_heat(temperatures, heats, np.full(7, 10.0))
    grid = np.linspace(500, 930, 20_001)
    integrand = (3e3 + 16.0 * grid - 0.008 * grid**2) / grid**2
    expected = float(np.trapezoid(integrand, grid)) / 8.314462618
    assert integrated_driving_force(fitted, 500.0, Estimate(930.0, 0.0)).value == pytest.approx(expected, rel=1e-7)
    assert integrated_driving_force(fitted, 930.0, Estimate(930.0, 0.0)).value == pytest.approx(0, abs=1e-12)
    assert integrated_driving_force(fitted, 960.0, Estimate(930.0, 0.0)).value < 0


def test_errors_of_driving_forces_are_those_of_repeated_measurements() -> None:
    rng = np.random.default_rng(9)
    temperatures, errors = np.linspace(440, 960, 9), np.full(9, 150.0)
    truth = 3e3 + 16.0 * temperatures - 0.008 * temperatures**2
    drawn = [
        integrated_driving_force(fit_latent_heat(temperatures, truth + errors * rng.normal(size=9), errors), 500.0, at)
        for at in (Estimate(930 + 4 * rng.normal(), 4.0) for _ in range(400))
    ]
    values = np.array([each.value for each in drawn])
    stated = float(np.mean([each.standard_error for each in drawn]))
    assert values.std() <= stated * 1.1  # chi^2 above 1 widens, below 1 it does not narrow
    assert stated <= values.std() * 1.35


def test_driving_forces_of_ice_are_the_published_ones() -> None:
    fitted = fit_latent_heat(WATER_AT, (WATER_ENTHALPY - ICE_ENTHALPY) * 1e3, np.full(8, 100.0))
    found = [
        integrated_driving_force(fitted, temperature, MELTING_OF_SCAN_ML).value * 8.314462618e-3 * temperature
        for temperature in SEEDED_AT
    ]
    np.testing.assert_allclose(found, PUBLISHED_DRIVE, rtol=0.005)  # theirs is of splines through the enthalpies


def test_a_critical_size_says_where_branches_are_undecided_and_where_it_reaches_beyond_what_was_released() -> None:
    def flags(*, undecided: int = 0, low: float = 80.0, high: float = 120.0) -> list[str]:
        fates = (50, 100 - 50 - undecided, undecided)
        return CriticalSize(100.0, low, high, 0.1, 20.0, 5.0, 50.0, 200.0, 20, *fates).flags

    assert flags() == flags(undecided=25) == flags(low=50.0, high=200.0) == []
    assert flags(undecided=26) == ["26 of 100 branches neither grew nor dissolved by a third: run them longer"]
    for ends in ({"low": 49.0}, {"high": 201.0}):
        (flag,) = flags(**ends)  # type: ignore[arg-type]
        assert "reaches beyond the nuclei of 50 to 200 atoms" in flag


# --- the rate ----------------------------------------------------------------------------------------------------


def known_size(value: float, log_error: float = 0.0) -> CriticalSize:
    return CriticalSize(value, value, value, log_error, 0.0, 0.0, 1.0, 1e9, 20, 20, 20, 0)


def known_rate(value: float, log_error: float = 0.0) -> AttachmentRate:
    return AttachmentRate(value, value, value, log_error, 0.0, (2e-12, 6e-12), 20)


def aluminium(size: float = 92.0, size_error: float = 0.09, rate_error: float = 0.2) -> SeedingRate:
    return seeding_rate(
        640.0, known_size(size, size_error), Estimate(0.617, 0.007), known_rate(80e12, rate_error),
        solid_volume=1.73e-29, liquid_volume=1.81e-29,
    )  # fmt: skip


def test_rates_and_interfacial_energies_of_ice_are_the_published_ones() -> None:
    sizes, drives = np.array([190.0, 688.0, 4680.0]), np.array([0.884197, 0.632124, 0.395290])  # kJ/mol
    attachment = np.array([1.29180799e11, 2.98920234e12, 2.23946023e13])
    melt = np.array([3.20197950e28, 3.24734812e28, 3.29926090e28])
    ice = np.array([0.958009, 0.954406, 0.952137]) / (18.01528 / 602) * 1e27  # g/cm3 to molecules per m3
    found = [
        seeding_rate(
            temperature, known_size(size), Estimate(drive / (0.008314463 * temperature), 0.0), known_rate(rate),
            solid_volume=1 / solid, liquid_volume=1 / liquid,
        )
        for temperature, size, drive, rate, solid, liquid in zip(
            SEEDED_AT, sizes, drives, attachment, ice, melt, strict=True
        )
    ]  # fmt: skip
    np.testing.assert_allclose(
        [each.barrier for each in found], [38.48819509, 92.74404348, 377.75623273], rtol=CONSTANTS
    )
    np.testing.assert_allclose([each.zeldovich for each in found], [0.01063591, 0.00455952, 0.00135277], rtol=CONSTANTS)
    energies = [each.interfacial_energy.value * 1e3 for each in found]
    np.testing.assert_allclose(energies, [26.40660801, 28.91635665, 34.20668834], rtol=2 * CONSTANTS)
    decades = [each.log_rate / math.log(10) for each in found]
    np.testing.assert_allclose(decades, [20.92818037, -1.63222314, -125.05766296], atol=0.02)


def test_errors_of_a_rate_are_those_of_drawn_parts() -> None:
    rng, stated = np.random.default_rng(10), aluminium(size_error=0.05, rate_error=0.3)
    size = 92 * np.exp(0.05 * rng.normal(size=20_000))
    drive = 0.617 + 0.007 * rng.normal(size=20_000)
    attachment = 80e12 * np.exp(0.3 * rng.normal(size=20_000))
    drawn = log_nucleation_rate(size, drive, attachment, number_density=1 / 1.81e-29)
    assert stated.errors.total == pytest.approx(float(drawn.std()), rel=0.05)
    assert stated.errors.critical_size > max(stated.errors.attachment_rate, stated.errors.driving_force)


def test_a_second_detector_adds_its_difference_to_the_error() -> None:
    first, second = aluminium(92.0), aluminium(115.0)
    assert math.isnan(first.errors.detector)
    assert first.errors.total == first.errors.statistical
    both = with_detector(first, second)
    difference = first.log_rate - second.log_rate
    assert difference > 6  # 25 % in n* are decades in J
    assert both.errors.detector == pytest.approx(difference / math.sqrt(2))
    assert both.errors.total == pytest.approx(math.hypot(both.errors.detector, first.errors.statistical))


def test_expected_events_are_rate_times_volume_times_time() -> None:
    assert expected_events(math.log(1e30), volume=1e-20, duration=1e-9) == pytest.approx(10)
    assert expected_events(2000.0, volume=1.0, duration=1.0) == math.inf


def test_grains_that_do_not_appear_have_no_length() -> None:
    rate = math.log(1e30)
    found = expected_grain_length(rate, 50.0, volume=1e-20, duration=1e-9)
    assert found == pytest.approx((50.0 / 1e30) ** 0.25)
    assert expected_grain_length(rate, 50.0, volume=1e-20, duration=1e-11) is None
    assert expected_grain_length(-2000.0, 50.0, volume=1.0, duration=1.0) is None
