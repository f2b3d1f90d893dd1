"""Laws of the facet level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.errors import ParameterError
from nakaya.crystallography.miller import cubic_plane_family, orientation_invariants
from nakaya.crystallography.wulff import wulff_shape
from nakaya.kinetics.graphs.facets import FacetVelocities, facet_level, training_velocities
from nakaya.records.record import Record

ROUND_OFF = 1e-6
"""Corners come from a dual convex hull in float64; angles near 180 degrees lose half the digits."""


@pytest.mark.parametrize(
    ("family", "count", "edges", "area", "dihedral"),
    [
        ("100", 6, 12, 6.0, 90.0),
        ("111", 8, 12, 5.7191057579, 109.4712206),
        ("110", 12, 24, 5.3453923088, 120.0),
    ],
)
def test_one_family_gives_cube_octahedron_or_dodecahedron(
    family: str, count: int, edges: int, area: float, dihedral: float
) -> None:
    shape = wulff_shape({family: 17.0})
    assert shape is not None
    assert len(shape.areas) == count
    assert len(shape.edges) == edges
    assert shape.areas.sum() == pytest.approx(area, rel=ROUND_OFF)
    np.testing.assert_allclose(np.degrees(shape.dihedrals), dihedral, atol=1e-3)


def test_cube_and_octahedron_together_give_the_cuboctahedron() -> None:
    # Both families touch the same corners (1, 1, 0): the {111} faces lie at 2/sqrt 3.
    shape = wulff_shape({"100": 1.0, "111": 2 / np.sqrt(3)})
    assert shape is not None
    assert Counter(shape.families) == {"100": 6, "111": 8}
    assert len(shape.edges) == 24
    np.testing.assert_allclose(shape.lengths, shape.lengths[0], rtol=1e-5)


@settings(max_examples=12, deadline=None)
@given(velocities=st.tuples(*[st.floats(0.5, 2.0)] * 3), scale=st.floats(1e-3, 1e3))
def test_every_shape_is_closed_has_volume_one_and_no_unit(velocities: tuple[float, ...], scale: float) -> None:
    given_ = dict(zip(("100", "110", "111"), velocities, strict=True))
    shape = wulff_shape(given_)
    assert shape is not None
    np.testing.assert_allclose(shape.areas @ shape.normals, 0, atol=ROUND_OFF)  # Minkowski
    assert shape.areas @ shape.distances / 3 == pytest.approx(1, rel=ROUND_OFF)
    assert shape.areas.sum() > (36 * np.pi) ** (1 / 3)  # more than the ball
    larger = wulff_shape({family: value * scale for family, value in given_.items()})
    assert larger is not None
    assert larger.families == shape.families
    np.testing.assert_allclose(larger.areas, shape.areas, rtol=1e-5, atol=1e-9)


def test_the_fastest_faces_vanish_and_slow_ones_stay() -> None:
    shape = wulff_shape({"100": 50.0, "110": 40.0, "111": 20.0})
    assert shape is not None
    assert set(shape.families) == {"111"}


@pytest.mark.parametrize("velocities", [{"100": -1.0, "111": 5.0}, {"100": 0.0}, {"100": float("nan")}, {}])
def test_a_melting_face_leaves_no_shape(velocities: dict[str, float]) -> None:
    assert wulff_shape(velocities) is None


def test_equivalent_orientations_are_the_same_and_others_differ() -> None:
    same = {orientation_invariants(miller) for miller in ("210", "012", "-1 0 2", "[0 -2 1]")}
    assert len(same) == 1
    assert len({orientation_invariants(miller) for miller in ("100", "110", "111", "210", "211", "311")}) == 6
    with pytest.raises(ParameterError, match="no Miller indices"):
        orientation_invariants("north")


def test_equivalent_faces_have_one_name_and_others_another() -> None:
    assert {cubic_plane_family(miller) for miller in ("210", "012", "-1 0 2", "[0 -2 1]", "420")} == {"210"}
    assert [cubic_plane_family(miller) for miller in ("001", "0 1 -1", "333", "12 1 0", "0.5 1 0")] == [
        "100", "110", "111", "12 1 0", "0.5 1 0"
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="no Miller indices"):
        cubic_plane_family("1000 1 0")


def test_what_is_not_known_of_a_facet_is_nan() -> None:
    velocities = FacetVelocities({"100": 1.0, "111": 1.1}, frozenset(), {"100": 0.1})
    shape = wulff_shape(velocities.velocities)
    assert shape is not None
    level, relation = facet_level(shape, velocities)
    energy = level.column("surface_energy")
    assert np.isnan(energy).tolist() == [family == "111" for family in shape.families]
    assert relation.num_edges == 2 * len(shape.edges)
    assert level.column("area_share").sum() == pytest.approx(1, abs=1e-5)


def test_facets_are_told_by_their_direction_size_velocity_and_energy() -> None:
    """The cuboctahedron: faces in x and along the diagonal, of x^4 + y^4 + z^4 and 27 x^2 y^2 z^2 of their normals."""
    velocities = FacetVelocities({"100": 3.0, "111": 2 * np.sqrt(3)}, frozenset(), {"100": 0.1, "111": 0.2})
    shape = wulff_shape(velocities.velocities)
    assert shape is not None
    level, relation = facet_level(shape, velocities)
    edge = (3 / (5 * np.sqrt(2))) ** (1 / 3)  # of volume 1: 5 sqrt(2)/3 edge^3
    expected = {
        "100": (1.0, 0.0, edge**2, edge / np.sqrt(2), 3.0, 0.1),
        "111": (1 / 3, 1.0, np.sqrt(3) / 4 * edge**2, edge * np.sqrt(2 / 3), 2 * np.sqrt(3), 0.2),
    }
    names = ("orientation_quartic", "orientation_sextic", "area", "distance", "velocity", "surface_energy")
    found = np.column_stack([level.column(name) for name in names])
    np.testing.assert_allclose(found, [expected[family] for family in shape.families], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(level.column("area_share"), level.column("area") / level.column("area").sum(), rtol=1e-5)
    np.testing.assert_allclose(relation.features[:, 0], np.pi - np.arccos(1 / np.sqrt(3)), rtol=1e-5)
    np.testing.assert_allclose(relation.features[:, 1], edge, rtol=1e-5)


def test_velocities_come_from_the_records_that_were_given_and_from_no_others(
    growth_record: Callable[..., Record],
) -> None:
    cold = [growth_record(seed=seed, temperature=1000.0, velocity=50.0 + 2 * seed) for seed in (0, 1)]
    warm = [growth_record(seed=2, temperature=1200.0, velocity=31.0)]
    held_out = growth_record(seed=3, temperature=1100.0, velocity=999.0)
    velocities = training_velocities([*cold, *warm], "Cu", 1100.0)
    assert velocities.velocities == {"100": pytest.approx((51 + 31) / 2)}
    assert velocities.record_ids == {record.id for record in [*cold, *warm]}
    velocities.check_apart_from(held_out)
    with pytest.raises(ParameterError, match="take them from training folds only"):
        velocities.check_apart_from(cold[0])
    assert training_velocities([*cold, *warm], "Cu", 1300.0).velocities == {}
    assert training_velocities([*cold, *warm], "Al", 1100.0).velocities == {}
