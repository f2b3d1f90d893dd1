"""Wulff shapes against WulffPack."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.crystallography.wulff import wulff_shape

wulffpack = pytest.importorskip("wulffpack", reason='an oracle of the extra "dev"')

ROUNDING = 1e-6

SHAPES = [
    {"100": 1.0, "111": 1.0},
    {"100": 1.0, "111": 0.8},
    {"100": 1.2, "110": 1.1, "111": 1.0},
    {"100": 330.0, "110": 250.0, "111": 150.0},
    {"100": 1.0, "210": 1.05, "311": 1.02},
    {"110": 1.0},
]


@pytest.mark.parametrize("velocities", SHAPES)
def test_areas_of_families_are_those_of_wulffpack(velocities: dict[str, float]) -> None:
    shape = wulff_shape(velocities)
    assert shape is not None
    energies = {tuple(int(digit) for digit in family): value for family, value in velocities.items()}
    expected = wulffpack.SingleCrystal(energies)
    families = np.array(shape.families)
    for family, part in expected.facet_fractions.items():
        ours = shape.areas[families == "".join(map(str, family))].sum() / shape.areas.sum()
        assert ours == pytest.approx(part, abs=ROUNDING)
    assert set(families) == {
        "".join(map(str, family)) for family, part in expected.facet_fractions.items() if part > 1e-9
    }
    # Surface over volume^(2/3) does not depend on the size, nor does the length of edges over volume^(1/3).
    assert shape.areas.sum() == pytest.approx(expected.area / expected.volume ** (2 / 3), rel=ROUNDING)
    assert (shape.areas @ shape.distances) / 3 == pytest.approx(1.0, rel=ROUNDING)
    assert shape.lengths.sum() == pytest.approx(expected.edge_length / expected.volume ** (1 / 3), rel=ROUNDING)
