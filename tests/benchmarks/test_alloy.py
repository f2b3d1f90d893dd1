"""Planar fronts of an alloy against what a sharp interface does, on coarse grids."""

from __future__ import annotations

import pytest

from benchmarks.alloy import perturbed_front, planar_front, point_of

PARTITION_BOUND = 0.01
"""With the antitrapping current at W0 = .4 sqrt(d0 l_D), where .1 % is found."""

TRAPPED = 0.1
"""Without it: 15 % are found."""

LAYER_BOUND = 0.01
"""Of the boundary layer's concentration, likewise; the transient leaves .5 %."""

SOLIDUS_BOUND = 1e-3
"""Of the freezing range, by which a front may stand beside the solidus."""

RATE_BOUND = 0.07
"""Of growth rates at W0 = .35 sqrt(d0 l_D), in V / l_D beside rates of 2 to 3; at .25 half as much is found."""


def test_a_planar_front_partitions_as_the_phase_diagram_says_with_the_current_alone() -> None:
    found = planar_front(point_of(0.4), transients=1)
    without = planar_front(point_of(0.4, antitrapping=0), transients=1)
    assert abs(found["partition_error"]) < PARTITION_BOUND
    assert found["layer_error"] < LAYER_BOUND
    assert abs(found["theta"]) < SOLIDUS_BOUND
    assert without["partition_error"] > TRAPPED


def test_thinner_interfaces_are_nearer_to_the_sharp_one() -> None:
    errors = [abs(planar_front(point_of(width), transients=1)["partition_error"]) for width in (0.75, 0.6, 0.45)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 4


@pytest.mark.parametrize("factor", [7, 12, 20])
def test_perturbations_grow_and_decay_at_the_rates_of_mullins_and_sekerka(factor: float) -> None:
    found = perturbed_front(point_of(0.35, thermal=10, partition=0.3), round(factor / 0.35))
    assert (found["expected"] > 0) == (factor > 7.5)
    assert found["found"] == pytest.approx(found["expected"], rel=RATE_BOUND, abs=0.3 if factor < 10 else 0)
