"""Wulff shapes close: edges name the facets they join, polygons and the whole surface add up to nothing."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.crystallography.wulff import wulff_shape

ROUNDING = 1e-6  # of corners from a convex hull

SHAPES = [
    ({"100": 1.0}, "m-3m"),
    ({"100": 1.2, "110": 1.1, "111": 1.0}, "m-3m"),
    ({"100": 1.0, "210": 1.05, "311": 1.02}, "m-3m"),
    ({"001": 1.0, "100": 0.7, "101": 1.1}, "4/mmm"),
    ({"100": 1.0, "010": 2.0, "001": 3.0}, "mmm"),
]


@pytest.mark.parametrize(("velocities", "symmetry"), SHAPES)
def test_edges_close_every_facet_and_facets_close_the_surface(velocities: dict[str, float], symmetry: str) -> None:
    shape = wulff_shape(velocities, symmetry=symmetry)
    assert shape is not None
    normals = shape.normals
    first, second = normals[shape.edges[:, 0]], normals[shape.edges[:, 1]]
    cosine = (first * second).sum(axis=1)
    np.testing.assert_allclose(np.cos(np.pi - shape.dihedrals), cosine, atol=ROUNDING)
    # Minkowski: outward normals weighted by area, and within a facet those of its edges by length, add up to nothing.
    np.testing.assert_allclose(shape.areas @ normals, 0.0, atol=ROUNDING)
    outward = (second - cosine[:, None] * first) / np.sqrt(1 - cosine**2)[:, None]
    backward = (first - cosine[:, None] * second) / np.sqrt(1 - cosine**2)[:, None]
    sums = np.zeros_like(normals)
    np.add.at(sums, shape.edges[:, 0], shape.lengths[:, None] * outward)
    np.add.at(sums, shape.edges[:, 1], shape.lengths[:, None] * backward)
    np.testing.assert_allclose(sums, 0.0, atol=ROUNDING)
    # A facet's area is that of the triangles between its edges and the foot of its normal.
    for number, normal in enumerate(normals):
        height = 0.0
        for (one, other), length in zip(shape.edges, shape.lengths, strict=True):
            if number in (one, other):
                beside = other if number == one else one
                cos = float(normals[beside] @ normal)
                height += length * (shape.distances[beside] - cos * shape.distances[number]) / np.sqrt(1 - cos**2) / 2
        assert height == pytest.approx(shape.areas[number], abs=ROUNDING)
    assert (shape.areas @ shape.distances) / 3 == pytest.approx(1.0, rel=ROUNDING)


def test_a_box_has_its_sides() -> None:
    shape = wulff_shape({"100": 1.0, "010": 2.0, "001": 3.0}, symmetry="mmm")
    assert shape is not None
    size = 48 ** (1 / 3)
    expected = {"100": 4 * 6, "010": 2 * 6, "001": 2 * 4}
    for family, area in zip(shape.families, shape.areas, strict=True):
        assert area == pytest.approx(expected[family] / size**2, rel=ROUNDING)
    np.testing.assert_allclose(np.sort(shape.lengths), np.repeat([2, 4, 6], 4) / size, rtol=ROUNDING)
    np.testing.assert_allclose(shape.dihedrals, np.pi / 2, rtol=ROUNDING)
    assert shape.edges.max() == len(shape.families) - 1


@pytest.mark.parametrize("velocities", [{}, {"100": -1.0, "111": 1.0}, {"100": float("nan")}])
def test_what_encloses_nothing_has_no_shape(velocities: dict[str, float]) -> None:
    assert wulff_shape(velocities) is None
    assert wulff_shape({"001": 1.0}, symmetry="4/mmm") is None
