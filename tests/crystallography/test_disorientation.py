"""Mean orientations do not depend on which pixel comes first."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.crystallography.disorientation import disorientation_angle, mean_orientations
from nakaya.crystallography.symmetry import LAUE_CLASSES

CRYSTALS, PIXELS = 200, 200


@pytest.mark.parametrize("name", ["-1", "2/m", "mmm", "-3m", "4/mmm", "6/mmm", "m-3", "m-3m"])
def test_an_outlying_first_pixel_does_no_harm(name: str) -> None:
    """One pixel of 201 that points anywhere moves the mean by 180/201 degrees at most, wherever it stands.

    Relative to the outlier the others fall on two sides of the border of the fundamental zone: their mean after the
    first pass can lie anywhere, and it is the second pass that mends it.
    """
    symmetry = LAUE_CLASSES[name]
    rng = np.random.default_rng(0)
    truth = Rotation.from_quat(np.repeat(rng.standard_normal((CRYSTALS, 4)), PIXELS, axis=0))
    blur = Rotation.from_rotvec(np.radians(2.0) * rng.standard_normal((CRYSTALS * PIXELS, 3)))
    chosen = symmetry.operators[rng.integers(0, symmetry.order, CRYSTALS * PIXELS)]
    good, outliers = chosen * blur * truth, Rotation.from_quat(rng.standard_normal((CRYSTALS, 4)))
    crystal = np.repeat(np.arange(CRYSTALS), PIXELS)
    expected, _ = mean_orientations(good, crystal, symmetry)
    found, deviations = mean_orientations(
        Rotation.concatenate([outliers, good]), np.concatenate([np.arange(CRYSTALS), crystal]), symmetry
    )
    assert np.degrees(disorientation_angle(found, expected, symmetry)).max() < 180 / (PIXELS + 1)
    assert np.degrees(np.sqrt((deviations[CRYSTALS:] ** 2).mean())) == pytest.approx(2 * np.sqrt(3), rel=0.02)
