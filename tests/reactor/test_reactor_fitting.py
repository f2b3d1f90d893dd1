"""Fits recover known parameters, and say which ones the data do not determine."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer, Operation, Seed
from nakaya.reactor.estimation import Experiment, FreeParameter, Observation, observe
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.fitting import _covariance, _search, fit
from nakaya.reactor.parameter_sets import PARAMETER_SETS, parameter_set
from nakaya.reactor.parameters import get_parameters, unit_of, with_parameters
from nakaya.reactor.profiles import constant, linear
from nakaya.reactor.rate_equations import Kinetics, PowerLawGrowth
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes
from nakaya.workflows.fit_reactor import add_noise, synthetic_batches

GROWTH = [
    FreeParameter("growth.rate_constant", 1e-6, 1.0, start=3e-4),
    FreeParameter("growth.order", 0.5, 3.0, start=1.5),
]


class Misfits:
    """A problem whose misfits are the same wherever its parameters are; where it was looked for is kept."""

    def __init__(self, misfits: dict[str, list[float]], *, given: dict[str, float] | None = None) -> None:
        self.kinds, self.free = sorted(misfits), [None, None]
        self.labels = np.concatenate([np.full(len(misfits[kind]), place) for place, kind in enumerate(self.kinds)])
        self.misfits = np.concatenate([misfits[kind] for kind in self.kinds])
        self.values, self.deviations = 5.0 + np.arange(len(self.labels)), np.ones(len(self.kinds))
        self.low, self.high = np.array([-5.0, 100.0]), np.array([15.0, 101.0])
        seen = [SimpleNamespace(kind=kind, deviation=(given or {}).get(kind)) for kind in self.kinds]
        self.experiments, self.places = [SimpleNamespace(observations=seen)], []

    def residuals(self, place: np.ndarray) -> np.ndarray:
        return self.misfits / self.deviations[self.labels]

    def solve(self, place: np.ndarray) -> tuple[np.ndarray, float, None]:
        self.places.append(place)
        return place, float(np.abs(place - [3.0, 100.2]).sum()), None


def test_deviations_that_nobody_gives_are_those_of_the_residuals():
    """Mean squares over degrees of freedom: 10 values and two parameters. Where they rest, the search ends."""
    sizes = {"a": [3.0, -3.0, 4.0, -4.0], "b": [0.1, -0.1] * 3}
    problem = Misfits(sizes)
    _, are_found = _search(problem, np.zeros(2), 1, 0)
    assert are_found
    np.testing.assert_allclose(problem.deviations, [np.sqrt(12.5 / 0.8), np.sqrt(0.01 / 0.8)])
    assert len(problem.places) == 3  # with a guess, with what was found, and once more to see that it rests
    given = Misfits(sizes, given={"a": 2.0})
    assert _search(given, np.zeros(2), 1, 0)[1]
    np.testing.assert_allclose(given.deviations, [2.0, np.sqrt(0.01 / 0.8)])
    both = Misfits(sizes, given={"a": 2.0, "b": 0.3})
    assert not _search(both, np.zeros(2), 1, 0)[1]
    assert (both.deviations.tolist(), len(both.places)) == ([2.0, 0.3], 1)


def test_several_starts_are_spread_evenly_over_the_whole_range_and_the_best_end_counts():
    problem = Misfits({"a": [1.0, -1.0, 1.0]}, given={"a": 1.0})
    first = np.array([-5.0, 101.0])
    (best, cost, _), _ = _search(problem, first, 9, 3)
    starts = np.array(problem.places)
    assert (starts[0] == first).all()
    eighths = np.sort((starts[1:] - problem.low) / (problem.high - problem.low) * 8, axis=0)
    assert np.floor(eighths).tolist() == [[n, n] for n in range(8)]
    assert cost == min(np.abs(starts - [3.0, 100.2]).sum(axis=1))
    assert best.tolist() in starts.tolist()


def batch(
    system: Crystallizer, rng: np.random.Generator, *, noise: float = 0.002, deviation: float | None = None
) -> Experiment:
    day = 86400.0
    operation = Operation(0.67, linear(315.15, 299.15, day), day, Seed(0.03, NormalSizes(115e-6, 60e-6)))
    times = np.linspace(0.0, day, 25)
    values = simulate(system, operation, times=times, method="moments").concentration
    values = values + noise * rng.standard_normal(times.size)
    return Experiment("a", operation, (Observation("concentration", times, values, deviation),))


def test_exact_data_give_back_the_exact_parameters():
    system, experiments, free = synthetic_batches()
    truth = get_parameters(system.kinetics)
    found = fit(system, experiments, free, intervals="covariance")
    for entry in found.estimates:
        assert entry.value == pytest.approx(truth[entry.path], rel=1e-3)


def test_the_three_kinds_of_intervals_agree_where_the_problem_is_nearly_linear():
    system = parameter_set("dextrose").crystallizer()
    experiment = batch(system, np.random.default_rng(1))
    widths = {}
    for kind in ("profile", "covariance", "bootstrap"):
        found = fit(system, [experiment], GROWTH, intervals=kind, bootstrap=60, seed=2)
        low, high = found.estimates[0].interval90
        widths[kind] = math.log(high / low)
    assert widths["covariance"] == pytest.approx(widths["profile"], rel=0.15)
    assert widths["bootstrap"] == pytest.approx(widths["profile"], rel=0.4)


def test_intervals_shrink_with_the_noise_and_use_a_given_deviation():
    system = parameter_set("dextrose").crystallizer()
    widths = []
    for noise in (0.004, 0.001):
        experiment = batch(system, np.random.default_rng(4), noise=noise)
        found = fit(system, [experiment], GROWTH, intervals="covariance")
        assert found.deviations["concentration"] == pytest.approx(noise, rel=0.4)
        low, high = found.estimates[1].interval90
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(4.0, rel=0.3)
    cautious = batch(system, np.random.default_rng(4), noise=0.001, deviation=0.004)
    given = fit(system, [cautious], GROWTH, intervals="covariance")
    assert given.deviations["concentration"] == 0.004
    low, high = given.estimates[1].interval90
    assert high - low == pytest.approx(widths[0], rel=0.3)


def test_what_an_isothermal_run_cannot_tell_is_called_not_identifiable():
    """At one temperature a rate constant and an activation energy are one number."""
    system = parameter_set("dextrose").crystallizer()
    hours, seed = 3600.0, Seed(0.05, NormalSizes(115e-6, 60e-6))
    operation = Operation(0.67, constant(310.0), 12 * hours, seed)
    times = np.linspace(0.0, 12 * hours, 20)
    run = simulate(system, operation, times=times, method="moments")
    noisy = run.concentration + 0.001 * np.random.default_rng(0).standard_normal(times.size)
    experiment = Experiment("hold", operation, (Observation("concentration", times, noisy),))
    free = [
        FreeParameter("growth.rate_constant", 1e-6, 1.0),
        FreeParameter("growth.activation_energy", 1e4, 6e4),
    ]
    for kind in ("profile", "covariance"):
        found = fit(system, [experiment], free, intervals=kind)
        assert [entry.identifiable for entry in found.estimates] == [False, False], kind
        assert all(entry.reason for entry in found.estimates)
    alone = fit(system, [experiment], free[:1])
    assert alone.estimates[0].identifiable
    # growth happens all the same: about the reference temperature both would be told apart by a second temperature
    assert alone.estimates[0].value == pytest.approx(1.14e-3, rel=0.1)


def test_a_reference_temperature_makes_two_temperatures_tell_constant_and_energy():
    growth = PowerLawGrowth(1e-8, order=1.0, activation_energy=40e3, reference_temperature=305.0)
    base = parameter_set("dextrose").crystallizer()
    system = replace(base, kinetics=Kinetics(growth))
    rng, hours = np.random.default_rng(8), 3600.0
    times = np.linspace(0.0, 12 * hours, 20)
    experiments = []
    for T, c in ((298.15, 0.55), (312.15, 0.67)):
        operation = Operation(c, constant(T), 12 * hours, Seed(0.05, NormalSizes(115e-6, 40e-6)))
        run = simulate(system, operation, times=times, method="moments")
        noisy = run.concentration + 1e-4 * rng.standard_normal(times.size)
        experiments.append(Experiment(f"{T} K", operation, (Observation("concentration", times, noisy),)))
    free = [
        FreeParameter("growth.rate_constant", 1e-10, 1e-6, start=1e-9),
        FreeParameter("growth.activation_energy", 1e3, 2e5, start=2e4),
    ]
    found = fit(system, experiments, free)
    assert all(entry.identifiable for entry in found.estimates)
    assert found.estimates[1].value == pytest.approx(40e3, rel=0.1)
    assert abs(found.correlation[0, 1]) < 0.9


def test_finite_volumes_fit_what_moments_cannot():
    growth = PowerLawGrowth(2e-9, order=0.0, size_factor=5e3)
    base = parameter_set("dextrose").crystallizer()
    system = replace(base, kinetics=Kinetics(growth))
    operation = Operation(0.67, constant(305.15), 7200.0, Seed(0.001, NormalSizes(100e-6, 20e-6)))
    times = np.linspace(0.0, 7200.0, 9)
    run = simulate(system, operation, times=times, grid=Grid(100))
    rng = np.random.default_rng(5)
    seen = tuple(
        Observation(kind, times, observe(run, kind) + 2e-7 * rng.standard_normal(times.size)) for kind in ("L10", "L43")
    )
    free = [
        FreeParameter("growth.rate_constant", 1e-10, 1e-7, start=1e-9),
        FreeParameter("growth.size_factor", 1e2, 1e5, start=1e3),
    ]
    experiment = Experiment("a", operation, seen)
    found = fit(system, [experiment], free, method="finite-volume", grid=Grid(100), intervals="covariance")
    assert found.estimates[0].value == pytest.approx(2e-9, rel=0.1)
    assert found.estimates[1].value == pytest.approx(5e3, rel=0.2)
    with pytest.raises(ParameterError, match="do not close"):
        fit(system, [experiment], free)


def test_several_starts_find_what_one_bad_start_may_miss():
    system = parameter_set("dextrose").crystallizer()
    experiment = batch(system, np.random.default_rng(6))
    bad = [replace(GROWTH[0], start=0.9), replace(GROWTH[1], start=2.9)]
    found = fit(system, [experiment], bad, intervals="covariance", starts=8, seed=1)
    assert found.rmse["a/concentration"] < 0.0035


# --- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PARAMETER_SETS))
def test_every_shipped_set_states_its_source_and_its_parameters_go_round(name):
    published = parameter_set(name)
    assert len(published.source) > 40
    known = get_parameters(published.kinetics)
    assert with_parameters(published.kinetics, known) == published.kinetics
    assert all(unit_of(path, published.kinetics) for path in known)


def rate(name: str, T: float, S: float) -> float:
    """Growth rate of a set at a temperature and supersaturation, m/s."""
    from nakaya.reactor import rates

    published = parameter_set(name)
    assert published.kinetics.growth is not None
    saturated = 0.0 if published.solubility is None else float(published.solubility.at(T))
    return rates.growth_rate(published.kinetics.growth.row(), T, S, (S - 1.0) * saturated, 1.0)


def test_shipped_growth_laws_give_the_published_formulas():
    R = 8.314462618
    T, S = 298.15, 1.3
    assert rate("dextrose", T, S) == pytest.approx(1.14e-3 * math.exp(-29549 / (R * T)) * 0.3**1.05, rel=1e-12)
    assert rate("potassium-nitrate", T, S) == pytest.approx(6967e-6 / 60 * 0.3**1.32, rel=1e-12)
    birth_and_spread = (
        3.63e-4
        * T
        * math.exp(-3720 / T)
        * 0.3 ** (2 / 3)
        * math.log(S) ** (1 / 6)
        * math.exp(-5.42e4 / (T**2 * math.log(S)))
    )
    assert rate("alpha-l-glutamic-acid", T, S) == pytest.approx(birth_and_spread, rel=1e-12)
    difference = 0.3 * 2.955e-4 * math.exp(0.02179 * T) * 789.0 / 151.16  # kmol/m3
    assert rate("paracetamol-ethanol", T, S) == pytest.approx(
        9.979 * math.exp(-40560 / (R * T)) * difference**1.602, rel=1e-12
    )


def test_shipped_nucleation_laws_give_the_published_formulas():
    from nakaya.reactor import rates

    amounts = {"solvent": 0.5, "solution": 0.9, "crystal_mass_per_volume": 2110.0}
    S = 3.0
    acid = [law.row(**amounts) for _, law in parameter_set("alpha-l-glutamic-acid").kinetics.nucleation]
    J = 1.3e27 * math.exp(-163 / math.log(S) ** 2) + 1.4e8 * math.exp(-10 / math.log(S) ** 2)
    assert rates.nucleation_rate(np.array(acid), 298.0, S, 0.0, 0.0, 1.0) == pytest.approx(0.5 * J, rel=1e-12)
    salt = [law.row(**amounts) for _, law in parameter_set("potassium-nitrate").kinetics.nucleation]
    third_moment = 0.01 / (2110.0 * 0.5)  # m3 per kg of solvent, from 0.01 kg of crystals in the slurry
    per_minute = 2.78e-5 * 0.02**1.78 * third_moment * 1e18
    expected = 0.5 * per_minute / 60.0  # per kg of slurry, which holds half a kg of solvent
    assert rates.nucleation_rate(np.array(salt), 298.0, 1.02, 0.0, 0.01, 1.0) == pytest.approx(expected, rel=1e-9)


def test_unknown_parameters_name_the_nearest():
    system = parameter_set("dextrose").crystallizer()
    with pytest.raises(UnknownNameError, match=r"growth\.order"):
        with_parameters(system.kinetics, {"growth.ordr": 1.0})
    experiment = batch(system, np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="did you mean"):
        fit(system, [experiment], [FreeParameter("growth.rate_constnt", 1e-6, 1.0)])


def test_fits_without_enough_data_are_refused():
    system = parameter_set("dextrose").crystallizer()
    operation = Operation(0.67, constant(310.0), 100.0)
    seen = Observation("concentration", np.array([0.0, 50.0]), np.array([0.67, 0.66]))
    with pytest.raises(ParameterError, match="2 observations for 2 free"):
        fit(system, [Experiment("a", operation, (seen,))], GROWTH)
    with pytest.raises(ParameterError, match="observed until"):
        Experiment("a", operation, (replace(seen, times=np.array([0.0, 500.0])),))
    with pytest.raises(ParameterError, match="outside"):
        FreeParameter("growth.order", 0.5, 3.0, start=9.0)
    with pytest.raises(ParameterError, match="low > 0"):
        FreeParameter("growth.order", 0.0, 3.0, log=True)


def test_noise_is_the_noise_that_is_stated():
    _, experiments, _ = synthetic_batches()
    rng = np.random.default_rng(0)
    differences = [
        add_noise(experiments[0], rng).observations[0].values - experiments[0].observations[0].values for _ in range(40)
    ]
    assert np.std(differences) == pytest.approx(0.002, rel=0.1)


def test_the_covariance_is_the_inverse_of_the_information_whatever_parameters_are_measured_in() -> None:
    jacobian = np.random.default_rng(4).standard_normal((20, 3))
    units = np.array([1e-9, 1.0, 1e8])
    expected = 2.5 * np.linalg.inv(jacobian.T @ jacobian)
    found = _covariance(jacobian * units, 2.5)
    np.testing.assert_allclose(found * np.outer(units, units), expected, rtol=1e-9)  # of rounding
