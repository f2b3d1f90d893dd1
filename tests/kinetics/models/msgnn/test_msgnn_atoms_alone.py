"""The graph alone carries information: what differs in its atoms only is told apart by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.models.msgnn.ensemble import make_msgnn
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.trajectories.frames import Frame

SAME = 1e-3
"""m/s: float32, on velocities of 100."""

SETTINGS = {
    "members": 1.0, "updates": 200.0, "batch_size": 8.0, "patch_atoms": 1000.0, "dynamic_steps": 1.0, "dropout": 0.0,
    "weight_decay": 1e-4, "learning_rate": 0.01,
}  # fmt: skip


def crystal(number: int) -> Frame:
    """One of eight boxes of 64 atoms: a growing share of it molten, and strained by -2, 0 or 2 %."""
    rng = np.random.default_rng(number)
    positions, box = build_crystal("fcc", "100", 3.7 * (0.98 + 0.02 * (number % 3)), (2, 2, 4))
    positions = positions + rng.normal(0, 0.12, positions.shape)
    melt = positions[:, 2] >= (1 - number / 7) * box[2]
    positions[melt] += rng.normal(0, 0.6, (int(melt.sum()), 3))
    return Frame(0, 0.0, positions, np.diag(box), np.full(len(positions), "Cu"), None, {})


@pytest.fixture(scope="module")
def eight(sample_maker: Callable[..., Sample], drop_levels: Callable[..., Sample]) -> list[Sample]:
    """Samples of one run that differ in their atoms, and in labels that follow from nothing."""
    factors = np.random.default_rng(5).permutation(np.linspace(0.6, 1.4, 8))
    found = []
    for number, factor in enumerate(factors):
        sample = drop_levels(sample_maker(3, frames=[crystal(number)], facets=False), "cluster")
        label = sample.labels["growth_velocity"]
        found.append(replace(sample, labels={"growth_velocity": replace(label, value=label.value * factor)}))
    return found


def labels_of(samples: Sequence[Sample]) -> FloatArray:
    return np.array([sample.labels["growth_velocity"].value for sample in samples])


def test_they_differ_in_their_atoms_and_in_nothing_else(eight: list[Sample]) -> None:
    first = eight[0]
    for other in eight[1:]:
        assert repr(other.conditions) == repr(first.conditions)  # some are NaN
        assert other.pooled == first.pooled
        assert other.table is first.table
        np.testing.assert_array_equal(other.sequence.evidence.values, first.sequence.evidence.values)
        np.testing.assert_array_equal(other.sequence.times, first.sequence.times)
        (graph,), (before,) = other.sequence.frames, first.sequence.frames
        assert set(graph.levels) == set(before.levels) == {"atom"}
        np.testing.assert_array_equal(graph.global_values, before.global_values)
        assert not np.array_equal(graph.levels["atom"].features, before.levels["atom"].features)


def test_atoms_alone_tell_eight_labels_apart(eight: list[Sample]) -> None:
    labels = labels_of(eight)
    fitted = make_msgnn().fit(eight, "growth_velocity", SETTINGS, seed=0)
    found = fitted.predict(eight).mean
    assert np.sqrt(((found - labels) ** 2).mean()) < 0.2 * labels.std()
    # It is the atoms that say it: with those of another sample, a sample gets the answer of the other one.
    swapped = [replace(sample, sequence=other.sequence) for sample, other in zip(eight, eight[::-1], strict=True)]
    np.testing.assert_allclose(fitted.predict(swapped).mean, found[::-1], atol=SAME)


def test_without_atoms_they_cannot_be_told_apart(eight: list[Sample], drop_levels: Callable[..., Sample]) -> None:
    blind = [drop_levels(sample, "atom") for sample in eight]
    labels = labels_of(blind)
    found = make_msgnn().fit(blind, "growth_velocity", {**SETTINGS, "updates": 30.0}, seed=0).predict(blind).mean
    assert np.ptp(found) < SAME
    assert np.sqrt(((found - labels) ** 2).mean()) >= 0.999 * labels.std()
