"""The laws of `nakaya benchmark laws`, small, and proof that each can be broken."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.growth.solvers.gravner_griffeath import reference
from nakaya.workflows import invariants as verify_laws
from nakaya.workflows.invariants import LAWS, Law, Measurement, measure_law


@pytest.mark.parametrize("law", LAWS, ids=[law.name for law in LAWS])
def test_the_law_holds(law: Law) -> None:
    measurement, holds = measure_law(law, "small")
    assert holds, f"{law.statement}: {measurement.value} against {law.bound}"
    assert measurement.cases > 0


def law(name: str) -> Law:
    return next(entry for entry in LAWS if entry.name == name)


def test_a_bound_is_a_bound() -> None:
    assert law("precision").holds(Measurement(0.9, 1))
    assert not law("precision").holds(Measurement(0.89, 1))
    assert law("symmetry").holds(Measurement(0, 1))
    assert not law("symmetry").holds(Measurement(1, 1))


def test_a_model_that_loses_mass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    melt = reference.melt

    def leaky(*arguments: object) -> object:
        state = melt(*arguments)  # type: ignore[arg-type]
        return reference.replace(state, c=state.c * (1 - 1e-6))

    monkeypatch.setattr(reference, "melt", leaky)
    assert not measure_law(law("mass, float64"), "small")[1]
    assert not measure_law(law("mass, float32"), "small")[1]


def test_a_crystal_that_is_not_symmetric_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = verify_laws._without_noise

    def crooked(rho: float, geometry: str, size: int) -> object:
        crystals = honest(rho, geometry, size)
        crystals.arrival[0, size // 2, size // 2 + 3] += 1
        return crystals

    monkeypatch.setattr(verify_laws, "_without_noise", crooked)
    assert not measure_law(law("symmetry"), "small")[1]
    assert not measure_law(law("sector = full"), "small")[1]


def test_a_fast_solver_with_another_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "fair_bits", lambda key, step, shape: np.zeros(shape, np.bool_))
    assert not measure_law(law("fast = reference"), "small")[1]
