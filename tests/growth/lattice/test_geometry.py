from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.geometry import (
    Full,
    Geometry,
    front_distance,
    make_setup,
    open_columns,
    reservoir_mask,
    stop_mask,
)
from nakaya.growth.lattice.lattice import D6, SQUARE, apply_symmetry, hexagonal_distance, unfold_sector
from nakaya.growth.model.setup import StopRules


def test_a_sector_is_held_at_its_last_row_and_column_and_stops_five_before() -> None:
    setup = make_setup("sector", 64)
    held, stops = reservoir_mask(setup), stop_mask(setup)
    rows, columns = np.indices((64, 64))
    assert (held == ((rows == 63) | (columns == 63))).all()
    assert (stops == ((rows >= 59) | (columns >= 59))).all()


@pytest.mark.parametrize("size", [9, 16, 33])
def test_the_full_lattice_of_size_2n_minus_1_is_the_unfolded_sector(size: int) -> None:
    sector, full = make_setup("sector", size), make_setup("full", 2 * size - 1)
    inside = unfold_sector(np.zeros((size, size), np.int32)) == 0
    for mask in (reservoir_mask, stop_mask):
        unfolded = unfold_sector(mask(sector).astype(np.int32)) == 1
        assert (mask(full)[inside] == unfolded[inside]).all()
    assert reservoir_mask(full)[~inside].all()


SIZES = [16, 17, 30, 33, 64, 65]
"""Both parities; 64 is the default of the command line."""


def distance_from_start(geometry: str, size: int) -> np.ndarray:
    """Neighbour steps from the site where a crystal starts: the corner of a sector, else (size // 2, size // 2)."""
    rows, columns = np.indices((size, size)) - (0 if geometry == "sector" else size // 2)
    return hexagonal_distance(rows, columns)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("geometry", ["sector", "full"])
def test_the_rim_is_the_largest_centred_hexagon_that_fits(geometry: str, size: int) -> None:
    """Of an even lattice the centre is one site nearer to the last row and column than to the first."""
    distance = distance_from_start(geometry, size)
    last = size - 1 if geometry == "sector" else size - 1 - size // 2
    setup = make_setup(geometry, size)
    np.testing.assert_array_equal(reservoir_mask(setup), distance >= last)
    np.testing.assert_array_equal(stop_mask(setup), distance > last - 5)
    if geometry == "full":  # the rim has all its 6 R sites, and the next ring would not
        assert np.count_nonzero(distance == last) == 6 * last
        assert np.count_nonzero(distance == last + 1) < 6 * (last + 1)


@pytest.mark.parametrize("margin", [1, 5, None])
@pytest.mark.parametrize("edges", ["reservoir", "periodic"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("geometry", ["sector", "full"])
def test_rows_and_distances_of_the_fast_solver_are_the_masks(
    geometry: str, size: int, edges: str, margin: int | None
) -> None:
    if geometry == "sector" and edges == "periodic":
        return
    setup = make_setup(geometry, size, edges=edges, stop=StopRules(margin=margin))
    low, high = open_columns(setup)
    columns = np.arange(size)
    is_open = (columns >= low[:, None]) & (columns < high[:, None])
    np.testing.assert_array_equal(is_open, ~reservoir_mask(setup))
    distance = distance_from_start(geometry, size)
    np.testing.assert_array_equal(distance >= front_distance(setup), stop_mask(setup))


@pytest.mark.parametrize("size", [15, 31])
def test_the_full_reservoir_has_the_lattices_symmetry(size: int) -> None:
    held = reservoir_mask(make_setup("full", size))
    for element in D6:
        assert (apply_symmetry(held, element, fill=True) == held).all()


def test_a_periodic_lattice_has_no_edge() -> None:
    setup = make_setup(Full(), 16, edges="periodic", initial=[(0, 0), (15, 3)])
    assert not reservoir_mask(setup).any()
    assert not stop_mask(setup).any()


def test_an_insulated_lattice_is_held_nowhere_and_stops_as_one_with_a_reservoir_does() -> None:
    insulated = Geometry("full", edges=("insulated", "reservoir"))
    walls, held = (
        make_setup(insulated, 16, edges=edges, lattice=SQUARE, geometries=[insulated])
        for edges in ("insulated", "reservoir")
    )
    assert not reservoir_mask(walls, SQUARE).any()
    np.testing.assert_array_equal(stop_mask(walls, SQUARE), stop_mask(held, SQUARE))


def test_a_crystal_may_start_at_an_insulated_edge_where_no_margin_forbids_it() -> None:
    insulated = Geometry("full", edges=("insulated",))
    request = {"size": 16, "initial": [(0, 3)], "lattice": SQUARE, "geometries": [insulated]}
    assert make_setup("full", stop=StopRules(margin=None), **request).initial == ((0, 3),)
    with pytest.raises(ParameterError, match=r"initial site \(0, 3\) lies at the far edge"):
        make_setup("full", stop=StopRules(margin=1), **request)


def test_initial_crystals_are_sorted_and_without_repeats() -> None:
    assert make_setup("full", 32, initial=[(16, 16), (9, 12), (16, 16)]).initial == ((9, 12), (16, 16))


def test_defaults_start_in_the_corner_or_the_centre() -> None:
    assert make_setup("sector", 8, stop=StopRules(margin=1)).initial == ((0, 0),)
    assert make_setup("full", 33).initial == ((16, 16),)


def test_small_members_stop_after_10_000_steps_and_larger_ones_do_not() -> None:
    assert StopRules().step_limit(64) == 10_000
    assert StopRules().step_limit(65) is None
    assert StopRules(max_steps=7).step_limit(65) == 7
    assert StopRules(max_steps=None).step_limit(64) is None


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"size": 7}, "size=7 is outside the range from 8"),
        ({"size": 10**9}, "size=1000000000 is outside the range from 8 to 16384"),
        ({"size": 64.0}, "size=64.0 is not a whole number"),
        ({"geometry": "secto"}, "did you mean 'sector'"),
        ({"edges": "periodc"}, "did you mean 'periodic'"),
        ({"edges": "periodic"}, "edges='periodic' is not possible with geometry 'sector': use reservoir"),
        ({"initial": []}, r"initial=\[\] has no site"),
        ({"initial": [(64, 0)]}, "row of an initial site=64"),
        ({"initial": [3]}, "initial site 3 is not a pair"),
        ({"initial": [(63, 0)]}, r"initial site \(63, 0\) lies at the far edge"),
        ({"stop": StopRules(margin=64)}, "margin=64 leaves no room on the sector lattice of size 64"),
        ({"geometry": "full", "size": 10}, r"margin=5 leaves no room .* StopRules\(margin=4\) or less"),
    ],
)
def test_wrong_requests_say_what_was_expected(request_: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"geometry": "sector", "size": 64, **request_}
    with pytest.raises((ParameterError, UnknownNameError), match=message):
        make_setup(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("rules", [{"margin": 0}, {"max_steps": 0}, {"no_growth": -1}, {"margin": 2.5}])
def test_wrong_stop_rules_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="is outside the range from 1 to|is not a whole number from 1 to"):
        StopRules(**rules)  # type: ignore[arg-type]
