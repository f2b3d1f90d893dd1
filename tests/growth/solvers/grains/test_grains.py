"""Grains at a constant velocity: the fast solver is the reference, and both are what theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.crystallography.wulff import wulff_shape
from nakaya.growth.growing import grow
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.solvers.grains import cpu, reference
from nakaya.growth.solvers.grains.measures import avrami_exponent, grain_sizes, grain_statistics
from nakaya.growth.solvers.grains.model import MODEL, MODEL_3D
from nakaya.growth.solvers.grains.orientations import draw_orientations, grain_orientations, matrices_of
from nakaya.growth.solvers.grains.parameters import ConstantVelocity, Grains, Grains3D
from nakaya.theory import grains_per_area, grains_per_volume

KEY = (5, 6)

SIGMAS = 4
"""Of a mean over so many grains; with fixed seeds a test either holds or not."""

RELATIVE_DEVIATION = 0.75
"""Of the number of grains of a rate, over its root: less than 1 of independent points, as grains keep others away."""

EXPONENT_BOUND = 0.1
"""Of some thousand grains; as wide as the scatter that is seen over seeds."""

VOLUME_BOUND = 0.01
"""Sites that a body of radius 25 contains, over its volume."""


@st.composite
def requests(draw: st.DrawFn) -> tuple[ConstantVelocity, GrowthSetup]:
    in_space = draw(st.booleans())
    ratio = st.sampled_from([1.0, 0.6, 0.9])
    edges = draw(st.sampled_from(["periodic", "insulated"]))
    if in_space:
        facets = {f"facet_{name}": draw(ratio) for name in ("100", "110", "111")}
        rates = draw(st.sampled_from([(3e15, 0.0), (0.0, 1e16), (2e15, 3e15)]))
        family, model, sides = Grains3D, MODEL_3D, st.integers(7, 14)
    else:
        facets = {f"facet_{name}": draw(ratio) for name in ("10", "11")}
        rates = draw(st.sampled_from([(1e10, 0.0), (0.0, 3e9), (5e9, 1e9)]))
        family, model, sides = Grains, MODEL, st.integers(15, 45)
    shape = tuple(draw(sides) for _ in range(model.dimension))
    initial = draw(st.lists(st.tuples(*(st.integers(0, length - 1) for length in shape)), max_size=2))
    params = family(site_density=rates[0], nucleation_rate=rates[1], **facets)
    return params, model.setup(shape=shape, edges=edges, initial=initial)


@settings(max_examples=15, deadline=None)
@given(requests())
def test_it_is_the_reference_to_the_last_bit(request_: tuple[ConstantVelocity, GrowthSetup]) -> None:
    params, setup = request_
    expected, found = reference.grow_reference(params, setup, KEY), cpu.grow_member(params, setup, KEY)
    assert (found.steps, found.stopped_by) == (expected.steps, expected.stopped_by)
    assert (found.arrival == expected.arrival).all()
    assert (found.grain == expected.grain).all()
    for name, values in expected.fields.items():
        assert (found.fields[name] == values).all()


def test_a_grain_is_all_sites_that_a_ball_has_reached() -> None:
    setup = MODEL.setup(size=61, edges="insulated", initial=[(20, 30)])
    grown = cpu.grow_member(Grains(site_density=0), setup, KEY)
    rows, columns = np.indices(setup.shape)
    distance = np.hypot(rows - 20, columns - 30)
    assert (grown.arrival == np.ceil(16 * distance)).all()


@pytest.mark.parametrize("ratios", [(1.0, 1.0, 0.5), (0.6, 1.0, 0.55), (0.5, 0.55, 0.6)])
def test_a_crystal_of_facets_is_the_kinetic_wulff_shape(ratios: tuple[float, ...]) -> None:
    """Volume of the sites that are reached after a time: that of the polyhedron that `wulff_shape` makes."""
    shape = wulff_shape({name: ratio for name, ratio in zip(("100", "110", "111"), ratios, strict=True) if ratio < 1})
    assert shape is not None
    slow = {"100": ratios[0], "110": ratios[1], "111": ratios[2]}
    scale = float(np.mean([slow[name] / d for name, d in zip(shape.families, shape.distances, strict=True)]))
    offsets = np.moveaxis(np.indices((61, 61, 61)) - 30, 0, -1).astype(np.float64)
    matrix = matrices_of(draw_orientations(KEY, 1, 3))[0]
    moments = reference.gauge(offsets, matrix, ratios)
    assert (moments <= 25).sum() == pytest.approx((25 * scale) ** 3, rel=VOLUME_BOUND)


@pytest.mark.parametrize(
    ("model", "point", "size", "exponent"),
    [
        (MODEL, Grains(site_density=4e9), 256, 2),
        (MODEL, Grains(site_density=0, nucleation_rate=3e8), 256, 3),
        (MODEL_3D, Grains3D(site_density=1e15), 64, 3),
        (MODEL_3D, Grains3D(site_density=0, nucleation_rate=2e14), 64, 4),
    ],
)
def test_avrami_exponents(model: Any, point: ConstantVelocity, size: int, exponent: int) -> None:
    """Of four lattices taken as one."""
    crystals = grow(point, model=model, size=size, members=4, seed=1)
    assert avrami_exponent(crystals.arrival) == pytest.approx(exponent, abs=EXPONENT_BOUND)


def test_as_many_grains_as_kolmogorov_counts() -> None:
    """.879 (J/v)^(2/3) per area, .896 (J/v)^(3/4) per volume, within the sampling error of some thousand grains."""
    for model, point, size, count in (
        (MODEL, Grains(site_density=0, nucleation_rate=5e8), 512, grains_per_area),
        (MODEL_3D, Grains3D(site_density=0, nucleation_rate=4e14), 64, grains_per_volume),
    ):
        crystals = grow(point, model=model, size=size, members=2, seed=3)
        found = sum(grain_statistics(crystals, member=member).num_grains for member in range(2))
        volume = 2 * (size * point.spacing) ** point.dimension
        expected = count(point.nucleation_rate, point.velocity) * volume
        assert abs(found - expected) < SIGMAS * RELATIVE_DEVIATION * np.sqrt(expected)


def test_density_and_length_are_one_statement() -> None:
    crystals = grow(Grains(site_density=0, nucleation_rate=5e8), model=MODEL, size=256, seed=1)
    found = grain_statistics(crystals)
    length = found.characteristic_length
    assert grains_per_area(1 / length**3, 1.0) == pytest.approx(found.density)
    assert found.sizes.sum() == pytest.approx((256e-6) ** 2)


def test_every_grain_has_a_site_and_numbers_run_in_the_order_of_nucleation() -> None:
    setup = MODEL.setup(size=128, initial=[(100, 20), (5, 5)])
    grown = cpu.grow_member(Grains(site_density=1e9, nucleation_rate=1e9), setup, KEY)
    assert grown.grain is not None
    assert grain_sizes(grown.grain).min() > 0
    first = np.full(grown.grain.max() + 1, np.iinfo(np.int32).max)
    np.minimum.at(first, grown.grain.ravel(), grown.arrival.ravel())
    assert (np.diff(first) >= 0).all()
    assert [int(grown.grain[site]) for site in ((5, 5), (100, 20))] == [0, 1]


def test_orientations_are_kept_with_the_crystal_and_uniform() -> None:
    """Read from the fields they are what was drawn; directions of <100> cover the sphere."""
    crystals = grow(Grains3D(site_density=2e14), model=MODEL_3D, size=24, seed=1)
    found = grain_orientations(crystals)
    assert len(found) == crystals.grain[0].max() + 1
    phi = np.stack([crystals.fields[name][0][crystals.grain[0] == 1][:1] for name in ("phi1", "Phi", "phi2")])
    turned = found[1].apply([0, 0, 1])
    tilt, turn = np.radians(phi[1:, 0].astype(np.float64))
    expected = [np.sin(turn) * np.sin(tilt), np.cos(turn) * np.sin(tilt), np.cos(tilt)]
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    normals = matrices_of(draw_orientations(KEY, 4000, 3))[:, :, 2]
    # Components of a uniform direction have the mean 0 and the mean square 1/3 with deviations 1/sqrt 3 and sqrt(4/45).
    assert (np.abs(normals.mean(axis=0)) < SIGMAS * np.sqrt(1 / 3 / 4000)).all()
    assert (np.abs((normals**2).mean(axis=0) - 1 / 3) < SIGMAS * np.sqrt(4 / 45 / 4000)).all()


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (Grains(site_density=0), "grains are expected on 32 x 32 sites"),
        (Grains(site_density=0, nucleation_rate=1e-3), "raise site_density or nucleation_rate"),
        (Grains(site_density=1e15), "more than 128: lower"),
        (Grains(nucleation_rate=1e20), "more than 128: lower"),
    ],
)
def test_rates_that_make_no_grain_or_too_many_are_refused(point: Grains, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        grow(point, model=MODEL, size=32, seed=1)


def test_seeds_outside_are_refused() -> None:
    with pytest.raises(ParameterError, match="row of an initial site"):
        MODEL.setup(size=32, initial=[(40, 3)])
