"""All measures in one call: what sectors, full and periodic lattices mean, and the errors."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.geometry import make_setup
from nakaya.growth.lattice.lattice import D6, apply_symmetry, hexagonal_distance, unfold_sector
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.morphology import (
    Morphology,
    boundary_sites,
    describe,
    describe_trajectory,
    identity_share,
    mean_tip_velocity,
)
from nakaya.growth.morphology import description as description_module

ROUNDING = 1e-12


def random_maps(seed, count, size):
    """Clumpy arrival maps round the centre: ordered by ring, with noise."""
    rng = np.random.default_rng(seed)
    rings = hexagonal_distance(*(np.indices((size, size)) - size // 2))
    arrival = rings * 5 + rng.integers(0, 12, (count, size, size)) - np.where(rings == 0, 11, 0)
    grown = (arrival <= 4 * (size // 2)) & (rng.random((count, size, size)) < 0.8) & (rings < size // 2)
    maps = np.where(grown, arrival.clip(1), -1).astype(np.int32)
    maps[:, size // 2, size // 2] = 0
    return maps


def assert_equal(first: Morphology, second: Morphology, but: tuple[str, ...] = ()) -> None:
    for entry in fields(Morphology):
        if entry.name not in but:
            expected = pytest.approx(getattr(second, entry.name), rel=ROUNDING, nan_ok=True)
            assert getattr(first, entry.name) == expected, entry.name


@pytest.mark.parametrize("element", range(12))
def test_a_description_is_the_same_for_turned_and_mirrored_crystals(element):
    maps = random_maps(element, 4, 31)
    turned = np.asarray(apply_symmetry(maps, D6[element]), np.int32)
    steps = maps.max(axis=(1, 2))
    assert_equal(describe(turned, geometry="full", steps=steps), describe(maps, geometry="full", steps=steps))


def test_a_sector_measures_as_the_crystal_it_unfolds_to():
    sector = random_maps(1, 5, 41)[:, 20:, 20:]
    steps = sector.max(axis=(1, 2))
    whole = describe(unfold_sector(sector), geometry="full", steps=steps)
    folded = describe(sector, geometry="sector", steps=steps)
    in_the_array = ("area", "boundary_sites", "disconnected_share", "identity_share")
    assert_equal(folded, whole, but=in_the_array)
    assert (folded.whole_area == whole.area).all()
    assert (folded.area == (sector >= 0).sum(axis=(1, 2))).all()
    assert (folded.boundary_sites == boundary_sites(sector >= 0)).all()
    assert folded.tip_velocity == pytest.approx(mean_tip_velocity(sector, origin=(0, 0)), rel=ROUNDING)


def test_a_full_crystal_is_its_own_whole():
    found = describe(random_maps(2, 3, 25), geometry="full")
    assert (found.area == found.whole_area).all()
    assert (found.boundary_sites == found.whole_boundary_sites).all()
    assert np.isnan(found.identity_share).all()


def test_a_periodic_crystal_may_start_anywhere():
    maps = random_maps(3, 3, 26)
    centred = describe(maps, geometry="full", edges="periodic")
    moved = describe(np.roll(maps, (7, -9), axis=(1, 2)), geometry="full", edges="periodic", origin=(20, 4))
    assert_equal(moved, centred)


def test_an_ensemble_is_measured_in_portions(monkeypatch):
    maps = random_maps(4, 6, 21).reshape(2, 3, 21, 21)
    together = describe(maps, geometry="full")
    monkeypatch.setattr(description_module, "SITES_AT_ONCE", 21 * 21 * 2)
    assert_equal(describe(maps, geometry="full"), together)
    assert together.area.shape == (2, 3)


def trajectory_of(arrival, setup, **metadata):
    steps = arrival.max(axis=(-2, -1)).astype(np.int64)
    about = TrajectoryMetadata("constructed", "0" * 64, 0, setup.as_metadata(), "0", **metadata)
    return Trajectory(arrival, steps, np.zeros(steps.shape, np.int8), {"rho": np.array(0.5)}, about)


def test_a_trajectory_brings_geometry_steps_stride_and_origin():
    maps = random_maps(5, 3, 27)
    off_centre = np.roll(maps, (3, -2), axis=(1, 2))
    setup = make_setup("full", 27, edges="periodic", initial=[(16, 11)])
    found = describe_trajectory(trajectory_of(off_centre, setup, time_resolution=4))
    steps = maps.max(axis=(1, 2))
    assert_equal(found, describe(maps, geometry="full", edges="periodic", steps=steps, stride=4))
    assert (found.identity_share == identity_share(maps, steps, stride=4)).all()
    assert (found.identity_share != identity_share(maps, steps)).any()
    sector = maps[:, 13:, 13:]
    found = describe_trajectory(trajectory_of(sector, make_setup("sector", 14)))
    assert_equal(found, describe(sector, geometry="sector", steps=sector.max(axis=(1, 2))))


@pytest.mark.parametrize(
    ("arrival", "options", "message"),
    [
        (np.zeros((3, 4), np.int32), {}, "size, size"),
        (np.zeros((4, 4)), {}, "float64"),
        (np.zeros((0, 4, 4), np.int32), {}, "holds no crystal"),
        (np.full((4, 4), -2, np.int32), {}, "not computed"),
        (np.zeros((4, 4), np.int32), {"origin": (4, 0)}, "origin"),
        (np.zeros((4, 4), np.int32), {"geometry": "sector", "origin": (1, 1)}, "corner"),
        (np.zeros((2, 4, 4), np.int32), {"steps": np.zeros(3)}, "steps of shape"),
    ],
)
def test_what_cannot_be_measured_is_refused(arrival, options, message):
    with pytest.raises(ParameterError, match=message):
        describe(arrival, **{"geometry": "full", **options})


def test_unknown_geometries_name_the_nearest():
    with pytest.raises(UnknownNameError, match="sector"):
        describe(np.zeros((4, 4), np.int32), geometry="secter")
