"""Laws and analytic solutions of the population balance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor import compiled, moments
from nakaya.reactor.crystallizer import Crystallizer, Operation, Seed, solver_input
from nakaya.reactor.finite_volume import (
    Grid,
    OutgrownError,
    Tolerances,
    discretise,
    koren,
    simulate_reference,
    upwind_faces,
)
from nakaya.reactor.moments import simulate_moments
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import constant, linear, piecewise
from nakaya.reactor.rate_equations import Kinetics, Nucleation, PowerLawDissolution, PowerLawGrowth
from nakaya.reactor.simulate import _check_times, simulate
from nakaya.reactor.sizes import BinnedSizes, LogNormalSizes, NormalSizes
from nakaya.reactor.solubility import Solubility

MASS_BALANCE = 1e-12  # kg per kg: rounding of a sum over some hundred classes and some thousand steps
NEGATIVE = 1e-12  # of the greatest number density: rounding in the limiter, no more
UM = 1e-6
HOUR = 3600.0


def still_solution(kinetics: Kinetics, *, ratio: float = 2.0) -> Crystallizer:
    """A solution so rich that the few crystals of these tests leave S at `ratio`: rates are constant."""
    return Crystallizer(Solubility((0.3 / ratio,)), kinetics, density=1e-3, shape_factor=1.0)


def operation(duration: float, *, seed: Seed | None = None, concentration: float = 0.3, **more: object) -> Operation:
    return Operation(concentration, constant(300.0), duration, seed, **more)  # type: ignore[arg-type]


def gaussian(size: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-0.5 * ((size - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


def mean_per_class(edges: np.ndarray, density: object) -> np.ndarray:
    """Exact class means of a smooth function, by quadrature that is far finer than the classes."""
    points, weights = np.polynomial.legendre.leggauss(12)
    middles, halves = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    return 0.5 * density(middles[:, None] + halves[:, None] * points) @ weights  # type: ignore[operator]


# --- analytic solutions -------------------------------------------------------------------------------------------


def grow_gaussian(num_classes: int, *, size_factor: float = 0.0) -> float:
    """L1 error of a Gaussian after it has grown by 100 um, as a fraction of all crystals."""
    rate, time = 1e-8, 1e4
    law = PowerLawGrowth(rate, order=0.0, size_factor=size_factor)
    seed = Seed(1e-9, NormalSizes(150 * UM, 20 * UM))
    run = simulate(
        still_solution(Kinetics(law)), operation(time, seed=seed), times=[0.0, time], grid=Grid(num_classes, 600 * UM)
    )

    def exact(size: np.ndarray) -> np.ndarray:
        if size_factor == 0.0:
            return gaussian(size - rate * time, 150 * UM, 20 * UM)
        shrink = math.exp(-size_factor * rate * time)
        return shrink * gaussian(((1 + size_factor * size) * shrink - 1) / size_factor, 150 * UM, 20 * UM)

    width = run.edges[1]
    found = run.number_density[1] / (run.number_density[1].sum() * width)
    return float(np.abs(found - mean_per_class(run.edges, exact)).sum() * width)


def test_size_independent_growth_moves_the_distribution_unchanged_with_second_order():
    errors = [grow_gaussian(num) for num in (100, 200, 400, 800)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 5e-4
    assert (rates > 2.2).all(), rates  # third order but for the summit, where the limiter acts


def test_size_dependent_growth_follows_its_characteristics_with_second_order():
    errors = [grow_gaussian(num, size_factor=5e3) for num in (100, 200, 400)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 2e-3
    assert (rates > 2.2).all(), rates


def test_a_step_stays_between_its_old_extremes_and_smears_over_few_classes():
    seed = Seed(1e-9, BinnedSizes(np.array([100.0, 200.0]) * UM, np.array([1.0])))
    kinetics = Kinetics(PowerLawGrowth(1e-8, order=0.0))
    run = simulate(still_solution(kinetics), operation(1e4, seed=seed), times=[0, 1e4], grid=Grid(400, 400 * UM))
    first, last = run.number_density
    assert last.max() <= first.max() * (1 + 1e-12)
    assert last.min() >= -NEGATIVE * first.max()
    exact = mean_per_class(run.edges, lambda size: np.where((size > 200 * UM) & (size < 300 * UM), first.max(), 0.0))
    assert np.abs(last - exact).sum() / exact.sum() < 0.04  # 4 of 100 classes


def test_continuous_crystallizer_settles_to_an_exponential_of_slope_minus_one_over_g_tau():
    rate, birth, tau = 1e-8, 1e6, 3000.0
    kinetics = Kinetics(PowerLawGrowth(rate, order=0.0), (("primary", Nucleation(birth)),))
    how = operation(30 * tau, residence_time=tau)
    run = simulate(still_solution(kinetics), how, times=[30 * tau], grid=Grid(800, 40 * rate * tau))
    middles = 0.5 * (run.edges[1:] + run.edges[:-1])
    shown = middles < 8 * rate * tau
    slope, intercept = np.polyfit(middles[shown], np.log(run.number_density[0, shown]), 1)
    assert slope == pytest.approx(-1 / (rate * tau), rel=2e-3)
    assert math.exp(intercept) == pytest.approx(birth / rate, rel=5e-3)
    # the moments of the exponential: j! n_0 (G tau)^(j+1)
    exact = [math.factorial(j) * birth / rate * (rate * tau) ** (j + 1) for j in range(6)]
    np.testing.assert_allclose(run.moments[0], exact, rtol=5e-3)
    by_moments = simulate(still_solution(kinetics), how, times=[30 * tau], method="moments")
    np.testing.assert_allclose(by_moments.moments[0], exact, rtol=1e-5)


def test_a_real_continuous_crystallizer_obeys_its_own_steady_state():
    tau = 1800.0
    salt = parameter_set("potassium-nitrate").crystallizer()
    how = Operation(0.45, constant(298.15), 60 * tau, Seed(0.01, LogNormalSizes(200 * UM, 0.3)), residence_time=tau)
    run = simulate(salt, how, times=[60 * tau], grid=Grid(800))
    S = float(run.supersaturation[0])
    growth = 6967e-6 / 60 * (S - 1) ** 1.32
    middles = 0.5 * (run.edges[1:] + run.edges[:-1])
    shown = (middles > 0.2 * growth * tau) & (middles < 6 * growth * tau)
    slope = np.polyfit(middles[shown], np.log(run.number_density[0, shown]), 1)[0]
    assert 1.0 < S < 1.2
    assert slope == pytest.approx(-1 / (growth * tau), rel=5e-3)


def test_nucleation_alone_counts_and_nucleation_with_growth_fills_a_plateau():
    birth, rate, time = 1e6, 1e-8, 5000.0
    alone = still_solution(Kinetics(nucleation=(("primary", Nucleation(birth)),)))
    for method in ("moments", "finite-volume"):
        run = simulate(alone, operation(time), method=method, grid=Grid(100, 100 * UM))
        np.testing.assert_allclose(run.moments[:, 0], birth * run.times, rtol=1e-9, atol=1e-3)
    both = still_solution(Kinetics(PowerLawGrowth(rate, order=0.0), (("primary", Nucleation(birth)),)))
    exact = [birth * rate**j * time ** (j + 1) / (j + 1) for j in range(6)]
    run = simulate(both, operation(time), times=[time], grid=Grid(400, 100 * UM))
    np.testing.assert_allclose(run.moments[0], exact, rtol=3e-3)
    inside = run.edges[1:] < 0.9 * rate * time
    np.testing.assert_allclose(run.number_density[0, inside], birth / rate, rtol=1e-6)
    by_moments = simulate(both, operation(time), times=[time], method="moments")
    np.testing.assert_allclose(by_moments.moments[0], exact, rtol=1e-6)


def test_classical_nucleation_depends_on_supersaturation_as_written():
    S, barrier = 3.0, 10.0
    kinetics = Kinetics(nucleation=(("primary", Nucleation(1.4e8, barrier=barrier)),))
    run = simulate(still_solution(kinetics, ratio=S), operation(10.0), times=[10.0], grid=Grid(50, UM))
    assert run.moments[0, 0] == pytest.approx(10.0 * 1.4e8 * math.exp(-barrier / math.log(S) ** 2), rel=1e-6)


def test_dissolution_moves_sizes_down_and_removes_fines():
    rate, time = 1e-8, 6000.0  # 60 um
    kinetics = Kinetics(dissolution=PowerLawDissolution(rate, order=0.0))
    seed = Seed(1e-9, NormalSizes(100 * UM, 20 * UM))
    run = simulate(
        still_solution(kinetics, ratio=0.5), operation(time, seed=seed), times=[0.0, time], grid=Grid(800, 260 * UM)
    )
    survivors = 0.5 * math.erfc((60 * UM - 100 * UM) / (20 * UM * math.sqrt(2)))
    assert run.moments[1, 0] / run.moments[0, 0] == pytest.approx(survivors, rel=1e-4)
    width = run.edges[1]
    scale = run.moments[0, 0]
    exact = mean_per_class(run.edges, lambda size: scale * gaussian(size + rate * time, 100 * UM, 20 * UM))
    assert np.abs(run.number_density[1] - exact).sum() * width / scale < 2e-3
    assert run.solute[1] > run.solute[0]
    assert run.balance_error < MASS_BALANCE


# --- laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    growth=st.floats(-9, -6),
    order=st.floats(1.0, 2.5),
    birth=st.floats(2, 9),
    birth_order=st.floats(0.5, 3),
    exponent=st.sampled_from([0.0, 0.5, 1.0]),
    loading=st.one_of(st.none(), st.floats(1e-4, 0.3)),
    start=st.floats(0.8, 1.4),
    end=st.floats(280.0, 330.0),
    size_factor=st.sampled_from([0.0, 1e2]),
    residence=st.one_of(st.none(), st.floats(600.0, 7200.0)),
)
def test_mass_is_conserved_and_nothing_is_negative(
    growth, order, birth, birth_order, exponent, loading, start, end, size_factor, residence
):
    system = Crystallizer(
        Solubility((0.3, 0.008), zero=300.0),
        Kinetics(
            PowerLawGrowth(10.0**growth, order=order, size_factor=size_factor),
            (("all", Nucleation(10.0**birth, order=birth_order, suspension_exponent=exponent)),),
            PowerLawDissolution(10.0**growth),
        ),
        density=1500.0,
        shape_factor=0.5,
    )
    how = Operation(
        0.3 * start,
        piecewise([(0.0, 300.0), (3600.0, end)]),
        7200.0,
        None if loading is None else Seed(loading, LogNormalSizes(80 * UM, 0.3)),
        residence_time=residence,
    )
    run = simulate(system, how, times=9, grid=Grid(60))
    assert run.balance_error < MASS_BALANCE
    assert run.crystal_mass[0] == pytest.approx(loading or 0.0, rel=1e-9)
    if residence is None:
        np.testing.assert_allclose(run.solute + run.crystal_mass, run.solute[0] + (loading or 0.0), atol=MASS_BALANCE)
    assert (run.solute >= 0).all()
    assert (run.number_density >= -NEGATIVE * max(run.number_density.max(), 1.0)).all()


def test_compiled_solver_equals_the_clear_one():
    dextrose = parameter_set("dextrose").crystallizer()
    seed = Seed(0.125, NormalSizes(115 * UM, 60 * UM))
    cases = [
        (dextrose, Operation(0.67, linear(315.15, 306.15, 24 * HOUR), 24 * HOUR, seed)),
        (
            Crystallizer(
                dextrose.solubility,
                Kinetics(
                    PowerLawGrowth(1e-6, order=1.2, size_factor=2e3, size_exponent=0.5, stirring_exponent=0.4),
                    (("a", Nucleation(1e5, order=1.0)), ("b", Nucleation(1e6, barrier=0.1, suspension_exponent=1.0))),
                    PowerLawDissolution(2e-6),
                ),
                1500.0,
                0.6,
            ),
            Operation(
                0.6,
                piecewise([(0, 310.0), (1800, 300.0), (3600, 318.0), (7200, 305.0)]),
                7200.0,
                Seed(0.05, NormalSizes(60 * UM, 20 * UM)),
                stirring=linear(2.0, 5.0, 7200.0),
                residence_time=5000.0,
            ),
        ),
    ]
    for system, how in cases:
        fast = simulate(system, how, times=11, grid=Grid(120, 900 * UM))
        clear = simulate_reference(system, how, fast.times, num_classes=120, largest=900 * UM)
        assert fast.steps == clear.steps
        np.testing.assert_allclose(fast.solute, clear.solute, rtol=1e-12)
        np.testing.assert_allclose(
            fast.number_density, clear.number_density, rtol=1e-9, atol=1e-12 * clear.number_density.max()
        )


def test_the_compiled_loop_stays_within_its_arrays():
    """Compiled code checks no index, NumPy checks all: both give the same."""
    dextrose = parameter_set("dextrose").crystallizer()
    seed = Seed(0.125, NormalSizes(115 * UM, 60 * UM))
    how = Operation(0.67, linear(315.15, 314.15, HOUR), HOUR, seed)
    given = (
        solver_input(dextrose, how),
        discretise(dextrose, how, 20, 900 * UM),
        np.linspace(0.0, HOUR, 3),
        Tolerances(),
    )
    fast = compiled.integrate(*given)
    checked = getattr(compiled.integrate, "py_func", compiled.integrate)(*given)
    assert fast[:3] == checked[:3]
    for ours, theirs in zip(fast[3:], checked[3:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12 * np.max(theirs))


@pytest.mark.parametrize("name", ["dextrose", "potassium-nitrate"])
def test_moments_equal_finite_volumes_where_both_apply(name):
    system = parameter_set(name).crystallizer()
    start = 305.15
    saturated = float(system.solubility.at(start))
    how = Operation(
        saturated * 1.01, linear(start, start - 8, 10 * HOUR), 10 * HOUR, Seed(0.02, NormalSizes(120 * UM, 25 * UM))
    )
    by_moments = simulate(system, how, times=21, method="moments")
    errors = []
    for num_classes in (200, 400, 800):
        by_volumes = simulate(system, how, times=21, grid=Grid(num_classes, 500 * UM))
        errors.append(np.abs(by_volumes.moments[-1, :4] / by_moments.moments[-1, :4] - 1).max())
        assert np.abs(by_volumes.concentration - by_moments.concentration).max() < 2e-4 * saturated
    assert errors[-1] < 1e-3
    assert errors[0] > 2 * errors[1] > 4 * errors[2]  # better than first order


def test_a_fast_moment_integrator_that_gives_up_says_so_once(monkeypatch, caplog):
    """The run carries a flag, the log one line for all runs of the process; numbers are those of the clear one."""
    system = parameter_set("potassium-nitrate").crystallizer()
    how = Operation(0.5, piecewise([(0.0, 305.15), (HOUR, 303.15)]), HOUR, Seed(0.002, NormalSizes(120 * UM, 25 * UM)))
    times = np.linspace(0.0, HOUR, 5)
    clear = simulate_moments(system, how, times, fast=False)
    moments._say_that_it_fell_back.cache_clear()
    with caplog.at_level("INFO", moments.__name__):
        assert not simulate_moments(system, how, times).fell_back
        assert not clear.fell_back
        assert not caplog.messages
        monkeypatch.setattr(moments, "_integrate_compiled", lambda *_: (False, 0, np.empty((0, 8))))
        runs = [simulate_moments(system, how, times) for _ in range(2)]
    assert [run.fell_back for run in runs] == [True, True]
    (line,) = caplog.messages
    assert "gave up on a stiff system" in line
    assert np.array_equal(runs[0].moments, clear.moments)


def test_fast_moment_integrator_equals_the_clear_one(monkeypatch):
    system = parameter_set("potassium-nitrate").crystallizer()
    corners = piecewise([(0.0, 305.15), (3600.0, 303.15), (3700.0, 299.15), (9 * HOUR, 296.15)])
    how = Operation(0.5, corners, 9 * HOUR, Seed(0.002, NormalSizes(120 * UM, 25 * UM)))
    times = np.linspace(0.0, 9 * HOUR, 13)
    clear = simulate_moments(system, how, times, fast=False)
    monkeypatch.setattr(moments, "_integrate", lambda *_: pytest.fail("the fast one gave up"))
    fast = simulate_moments(system, how, times)
    np.testing.assert_allclose(fast.solute, clear.solute, rtol=2e-6)
    np.testing.assert_allclose(fast.moments, clear.moments, rtol=2e-5)
    assert fast.balance_error < 1e-10


def test_stirring_is_a_condition():
    def crystals(speed: float) -> float:
        kinetics = Kinetics(nucleation=(("s", Nucleation(1e5, stirring_exponent=1.5, reference_stirring=4.0)),))
        how = operation(100.0, stirring=constant(speed))
        return float(simulate(still_solution(kinetics), how, times=[100.0], grid=Grid(50, UM)).moments[0, 0])

    assert crystals(8.0) / crystals(4.0) == pytest.approx(2**1.5, rel=1e-9)
    assert crystals(4.0) == pytest.approx(1e7, rel=1e-9)


def test_cooling_harder_makes_more_and_smaller_crystals():
    salt = parameter_set("potassium-nitrate").crystallizer()
    sizes = []
    for hours in (1.0, 8.0):
        how = Operation(
            0.46, linear(304.15, 298.15, hours * HOUR), hours * HOUR, Seed(0.001, NormalSizes(90 * UM, 10 * UM))
        )
        run = simulate(salt, how, times=3, method="moments")
        sizes.append(float(run.mean_sizes["L10"][-1]))
    assert sizes[0] < sizes[1]


def test_upwind_faces_are_exact_for_a_line_and_flat_at_a_summit():
    line = np.linspace(1.0, 5.0, 9)
    np.testing.assert_allclose(upwind_faces(line)[1:-1], line[1:-1] + 0.25)
    assert upwind_faces(np.array([0.0, 1.0, 0.0]))[1] == 1.0
    np.testing.assert_allclose(koren(np.array([-1.0, 0.0, 1.0, 10.0])), [0.0, 0.0, 1.0, 2.0])


# --- refusals -----------------------------------------------------------------------------------------------------


def test_moments_refuse_what_does_not_close():
    seed = Seed(0.01, NormalSizes(100 * UM, 20 * UM))
    sized = still_solution(Kinetics(PowerLawGrowth(1e-8, size_factor=1e3)))
    with pytest.raises(ParameterError, match="do not close.*finite-volume"):
        simulate(sized, operation(100.0, seed=seed), method="moments")
    dissolving = still_solution(Kinetics(dissolution=PowerLawDissolution(1e-9)), ratio=0.9)
    with pytest.raises(ParameterError, match="dissolve"):
        simulate(dissolving, operation(100.0, seed=seed), method="moments")


def test_crystals_that_outgrow_a_given_grid_are_an_error_and_an_automatic_grid_grows():
    seed = Seed(1e-9, NormalSizes(100 * UM, 5 * UM))
    fast = still_solution(Kinetics(PowerLawGrowth(1e-7, order=0.0)))
    with pytest.raises(ParameterError, match="outgrew the grid"):
        simulate(fast, operation(1e4, seed=seed), grid=Grid(100, 300 * UM))
    run = simulate(fast, operation(1e4, seed=seed), times=[1e4], grid=Grid(100))
    assert run.edges[-1] > 1.1e-3
    assert run.mean_sizes["L10"][0] == pytest.approx(1.1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid(3), "num_classes"),
        (lambda: Seed(1.5, NormalSizes(1e-4, 1e-5)), "loading"),
        (lambda: NormalSizes(1e-4, -1.0), "deviation"),
        (lambda: NormalSizes(1e-4, 1e-5, weight="mass"), "least > 0"),
        (lambda: Solubility(()), "coefficients"),
        (lambda: PowerLawGrowth(-1.0), "negative"),
        (lambda: PowerLawGrowth(math.nan), "finite"),
        (lambda: Nucleation(1.0, per="litre"), "per="),
        (lambda: piecewise([(0.0, 300.0), (0.0, 310.0)]), "increase"),
        (lambda: Operation(0.3, constant(20.0 - 273.15), 10.0), "kelvin"),
        (lambda: Operation(0.3, constant(300.0), 10.0, feed_concentration=0.2), "residence_time"),
    ],
)
def test_bad_parameters_are_refused_by_name(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_times_and_method_are_checked():
    system = still_solution(Kinetics(PowerLawGrowth(1e-8)))
    for times in ([0.0, 5.0, 4.0], [-1.0, 2.0], [0.0, 1e9], [math.nan], 1):
        with pytest.raises(ParameterError, match="times"):
            simulate(system, operation(100.0), times=times)
    with pytest.raises(UnknownNameError, match="moments"):
        simulate(system, operation(100.0), method="momentz")


def test_a_last_time_that_rounding_puts_behind_the_end_is_the_end():
    assert 0.1 + 0.2 > 0.3
    assert _check_times([0.1, 0.2, 0.1 + 0.2], 0.3).tolist() == [0.1, 0.2, 0.1 + 0.2]
    with pytest.raises(ParameterError, match="at most the duration"):
        _check_times([0.1, 0.2, 0.3 + 1e-6], 0.3)


def test_crystals_that_outgrow_every_automatic_grid_are_an_error(monkeypatch):
    def outgrown(*_: object) -> None:
        raise OutgrownError("outgrown")

    monkeypatch.setattr("nakaya.reactor.simulate._run_on_grid", outgrown)
    with pytest.raises(OutgrownError):
        simulate(still_solution(Kinetics(PowerLawGrowth(1e-8))), operation(100.0))


def test_a_run_that_takes_too_many_steps_ends_with_a_message():
    system = still_solution(Kinetics(PowerLawGrowth(1e-8, order=0.0)))
    seed = Seed(1e-9, NormalSizes(100 * UM, 5 * UM))
    with pytest.raises(ParameterError, match="too fast.*units"):
        simulate(system, operation(1e4, seed=seed), tolerances=Tolerances(max_steps=20))
