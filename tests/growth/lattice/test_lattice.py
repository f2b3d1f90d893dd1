from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.geometry import make_setup, reservoir_mask, stop_mask
from nakaya.growth.lattice.lattice import CUBIC, HEXAGONAL, LATTICES, SQUARE, Geometry, Lattice
from nakaya.growth.lattice.neighbourhood import connected_to, count_neighbours
from nakaya.growth.model.setup import StopRules

ORDERS = {"hexagonal": 12, "square": 8, "cubic": 48}
EXACT = 1e-12
"""Of distances of order one in float64."""

lattices = pytest.mark.parametrize("lattice", LATTICES.values(), ids=LATTICES)


@lattices
def test_neighbours_are_the_sites_at_distance_one(lattice: Lattice) -> None:
    around = np.moveaxis(np.indices((5,) * lattice.dimension), 0, -1).reshape(-1, lattice.dimension) - 2
    lengths = np.linalg.norm(lattice.positions(around), axis=-1)
    near = {tuple(site) for site in around[np.abs(lengths - 1) < EXACT].tolist()}
    assert near == set(lattice.neighbours)
    assert near == {tuple(site) for site in around[lattice.distance(around) == 1].tolist()}


@lattices
def test_the_point_group_keeps_neighbours_and_lengths(lattice: Lattice) -> None:
    assert len({element.tobytes() for element in lattice.symmetry}) == ORDERS[lattice.name]
    sites = np.random.default_rng(0).integers(-9, 9, (20, lattice.dimension))
    for element in lattice.symmetry:
        moved = {tuple((element @ np.array(offset)).tolist()) for offset in lattice.neighbours}
        assert moved == set(lattice.neighbours)
        lengths = (np.linalg.norm(lattice.positions(part), axis=-1) for part in (sites, sites @ element.T))
        np.testing.assert_allclose(*lengths, atol=EXACT * 20)


@lattices
def test_the_cell_of_a_site_is_what_lies_nearest_to_it(lattice: Lattice) -> None:
    """Corners are as near to the site as to its nearest others, and cells fill space."""
    around = np.moveaxis(np.indices((5,) * lattice.dimension), 0, -1).reshape(-1, lattice.dimension) - 2
    corners, sites = np.array(lattice.cell), lattice.positions(around)
    distances = np.linalg.norm(corners[:, None] - sites, axis=-1)
    own = np.linalg.norm(corners, axis=-1)
    np.testing.assert_allclose(distances.min(axis=1), own, atol=EXACT)
    assert ((distances < own[:, None] + EXACT).sum(axis=1) > lattice.dimension).all()
    primitive = abs(np.linalg.det(lattice.positions(np.eye(lattice.dimension, dtype=int))))
    assert ConvexHull(corners).volume == pytest.approx(primitive, abs=EXACT)
    assert len(ConvexHull(corners).vertices) == len(corners)


@pytest.mark.parametrize(("lattice", "part"), [(SQUARE, "quarter"), (CUBIC, "octant")])
def test_what_is_unfolded_is_symmetric_and_holds_what_was_grown(lattice: Lattice, part: str) -> None:
    grown = np.random.default_rng(1).integers(-1, 9, (4, 5, 6)[: lattice.dimension])
    whole = lattice.unfold(grown)
    assert whole.shape == tuple(2 * length - 1 for length in grown.shape)
    corner = tuple(slice(length - 1, None) for length in grown.shape)
    assert (whole[corner] == grown).all()
    for axis in range(lattice.dimension):
        assert (np.flip(whole, axis) == whole).all()
    assert lattice.is_mirrored(part)


def test_edges_of_a_square_lattice_are_those_of_its_array() -> None:
    setup = make_setup("full", shape=(20, 14), lattice=SQUARE, stop=StopRules(margin=3))
    held, stops = reservoir_mask(setup, SQUARE), stop_mask(setup, SQUARE)
    assert not held[1:-1, 1:-1].any()
    assert held.sum() == 2 * 20 + 2 * 14 - 4
    assert not stops[3:-3, 3:-3].any()
    assert stops[2].all()
    quarter = make_setup("quarter", shape=(20, 14), lattice=SQUARE, stop=StopRules(margin=3))
    assert reservoir_mask(quarter, SQUARE).sum() == 20 + 14 - 1
    assert quarter.initial == ((0, 0),)


@lattices
def test_the_masks_of_the_hexagon_are_those_of_the_depth(lattice: Lattice) -> None:
    for geometry in lattice.geometries:
        setup = make_setup(geometry, 12, lattice=lattice)
        sites = np.moveaxis(np.indices(setup.shape), 0, -1)
        depth = lattice.depth(sites, setup.shape, is_mirrored=geometry.is_mirrored)
        assert (reservoir_mask(setup, lattice) == (depth <= 0)).all()
        assert (depth[setup.initial[0]] == depth.max()).all()


@lattices
def test_neighbours_are_counted_and_joined_as_the_lattice_says(lattice: Lattice) -> None:
    attached = np.zeros((5,) * lattice.dimension, np.bool_)
    centre = (2,) * lattice.dimension
    attached[centre] = True
    counted = count_neighbours(attached, lattice=lattice)
    assert counted.sum() == len(lattice.neighbours)
    assert all(counted[tuple(np.add(centre, offset))] == 1 for offset in lattice.neighbours)
    beside, apart = attached.copy(), attached.copy()
    beside[tuple(np.add(centre, lattice.neighbours[0]))] = True
    apart[(0,) * lattice.dimension] = True
    assert (connected_to(beside, attached, lattice=lattice) == beside).all()
    assert (connected_to(apart, attached, lattice=lattice) == attached).all()


def test_a_setup_of_other_sides_says_its_shape_and_has_no_size() -> None:
    setup = make_setup("full", shape=[8, 9, 10], lattice=CUBIC, stop=StopRules(margin=2))
    assert setup.as_metadata()["shape"] == [8, 9, 10]
    assert "size" not in setup.as_metadata()
    with pytest.raises(ParameterError, match="has no size"):
        _ = setup.size


def test_a_geometry_may_start_from_sites_of_its_own() -> None:
    floor = Geometry("channel", edges=("periodic",), start=lambda shape: [(0, column) for column in range(shape[1])])
    setup = make_setup("channel", shape=(9, 4), lattice=SQUARE, geometries=[floor])
    assert setup.initial == ((0, 0), (0, 1), (0, 2), (0, 3))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"size": 16, "shape": (16, 16)}, "give one of the two"),
        ({"shape": (16, 16, 16)}, "has 3 axes: a square lattice has 2"),
        ({"shape": (16, 0)}, "is outside the range from 1"),
        ({"shape": (16_384, 16_385)}, "is outside the range"),
        ({"shape": (16, 16), "initial": [(3, 3, 3)]}, r"is not a pair \(row, column\)"),
        ({"shape": (16, 16), "initial": [(0, 8)]}, "lies at the far edge of the full lattice of size 16"),
    ],
)
def test_wrong_shapes_say_what_was_expected(request_: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make_setup("full", lattice=SQUARE, **request_)  # type: ignore[arg-type]


def test_a_hexagonal_array_has_equal_sides() -> None:
    with pytest.raises(ParameterError, match="use equal sides of 8 or more"):
        make_setup("full", shape=(16, 18), lattice=HEXAGONAL)
