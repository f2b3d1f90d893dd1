"""From arrival maps to what is scored, and the paper's binned metric."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.neighbourhood import count_neighbours
from nakaya.growth.model.trajectory import occupancy_at
from nakaya.growth.morphology.crystal_samples import Scales, comparison_steps, final_counts, observe, training_scales
from nakaya.scoring import binned_wasserstein, wasserstein


def random_maps(seed, members=6, size=9):
    rng = np.random.default_rng(seed)
    arrival = rng.integers(-1, 40, (members, size, size)).astype(np.int32)
    arrival[:, 0, 0] = 0
    return arrival, arrival.max(axis=(1, 2)).astype(np.int64)


def test_crystals_are_compared_at_quarters_of_the_solvers_mean_duration_and_at_the_end():
    at_steps = comparison_steps(np.array([90, 110]), np.array([100, 102]))
    assert at_steps[:3].tolist() == [25, 50, 75]
    assert at_steps[3] > 10**9


def test_observed_is_what_the_masks_say():
    arrival, steps = random_maps(0)
    at_steps = np.array([5, 12, 12, 10**6])
    observed = observe(arrival, steps, at_steps, stride=3)
    for time, step in enumerate(at_steps):
        attached = occupancy_at(arrival, int(step))
        boundary = ((count_neighbours(attached) > 0) & ~attached).sum(axis=(1, 2))
        assert (observed.area[:, time] == attached.sum(axis=(1, 2))).all()
        assert (observed.boundary[:, time] == boundary).all()
        assert (observed.frequency[time] == attached.mean(axis=0).ravel()).all()
    assert (observed.final == (arrival >= 0).reshape(6, -1)).all()
    assert final_counts(arrival).tolist() == np.stack([observed.area[:, -1], observed.boundary[:, -1]], 1).tolist()


def test_scales_are_the_standard_deviations_over_all_training_crystals():
    arrival, steps = random_maps(1, members=20)
    scales = training_scales(arrival.reshape(4, 5, 9, 9), steps.reshape(4, 5) + np.arange(5))
    counts = final_counts(arrival)
    assert (scales.area, scales.boundary) == (counts[:, 0].std(), counts[:, 1].std())
    assert scales.steps == (steps.reshape(4, 5) + np.arange(5)).std()


def test_quantities_that_do_not_vary_have_no_scale():
    arrival, steps = random_maps(2)
    with pytest.raises(ParameterError, match="scale of steps"):
        training_scales(arrival, np.full_like(steps, 7))
    with pytest.raises(ParameterError, match="scale of area"):
        Scales(float("nan"), 1.0, 1.0)


def test_the_binned_metric_is_the_mean_of_the_distances_in_the_bins():
    rng = np.random.default_rng(3)
    rho, other_rho = rng.uniform(0.35, 0.64, 40), rng.uniform(0.35, 0.64, 30)
    counts, other = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    bins = [np.floor((values - 0.35) / 0.29 * 4) for values in (rho, other_rho)]
    expected = [wasserstein(counts[bins[0] == k], other[bins[1] == k]) for k in range(4)]
    assert binned_wasserstein(rho, counts, other_rho, other, bins=4) == pytest.approx(np.mean(expected))


def test_the_binned_metric_does_not_see_crystals_at_the_wrong_rho():
    """The reason why it says little: exchanging crystals within a bin changes nothing."""
    rho = np.linspace(0.35, 0.64, 64)
    counts = np.column_stack([1000 * rho, 500 * rho])
    within = np.arange(64).reshape(16, 4)[:, ::-1].ravel()
    assert binned_wasserstein(rho, counts, rho, counts[within]) == pytest.approx(0, abs=1e-9)
    assert np.abs(counts - counts[within]).max() > 10


def test_binned_samples_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="no bin"):
        binned_wasserstein([0.4], [[1, 2]], [0.6], [[1, 2]])
    with pytest.raises(ParameterError, match="do not fit"):
        binned_wasserstein([0.4, 0.5], [[1, 2]], [0.6], [[1, 2]])
