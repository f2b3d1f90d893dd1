"""The rules are frozen: whoever changes a crystal changes their name, and data grown by them stay what they are."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from nakaya.growth.grower_model import GrowerModel
from nakaya.growth.solvers.phase_field import reference
from nakaya.growth.solvers.phase_field.model import MODEL, MODEL_3D
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D, PureMelt

ELSEWHERE = 1e-4
"""Of the sum of attachment times: machines whose libraries round sines and roots in another way."""

PINNED: list[tuple[GrowerModel, PureMelt, int, str, int]] = [
    (
        MODEL,
        PhaseField(seed_radius=12, noise=0.05, orientation=20),
        40,
        "ef67c39924109f99ccf751fac177973ab30c2f84d5f89643b02e713dc753b22a",
        52_513,
    ),
    (
        MODEL_3D,
        PhaseField3D(seed_radius=12, noise=0.05),
        17,
        "81e9fe7dd8e2eafb76913e00e5fd82f8327fce2f75cdea11457382d3c005fbc5",
        15_598,
    ),
]
"""Points, sizes, sha256 of the reference's arrival maps (little-endian int32), and their sums."""


def grown(model: GrowerModel, params: PureMelt, size: int) -> np.ndarray:
    setup = model.setup("full", size, stop=model.stop(margin=2, max_steps=250))
    return np.ascontiguousarray(reference.evolve(params, setup, (7, 8))[0].arrival, "<i4")


@pytest.mark.parametrize(("model", "params", "size", "digest", "total"), PINNED)
def test_version_1_of_the_rules_grows_the_same_crystals_for_ever(
    model: GrowerModel, params: PureMelt, size: int, digest: str, total: int
) -> None:
    assert model.rules == "phase-field rules 1"
    arrival = grown(model, params, size)
    if hashlib.sha256(arrival.tobytes()).hexdigest() != digest:
        assert int(arrival.sum()) == pytest.approx(total, rel=ELSEWHERE)
