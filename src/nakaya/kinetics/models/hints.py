"""Numbers that follow from the conditions by known laws, given to networks and tables ready-made."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nakaya.core.errors import ParameterError
from nakaya.kinetics.models.physics import Mobility, VelocityPhysics, velocity_physics
from nakaya.kinetics.samples.sample import Sample

__all__ = ["law_hints", "velocity_ratios"]

MAX_RATIO = 5.0
SMALL_DRIVING_FORCE = 0.05


def law_hints(sample: Sample) -> dict[str, float]:
    """What the law of the velocity says of the conditions; empty where a property of the material is not known."""
    law = _law(sample)
    if law is None:
        return {}
    return {
        "law_drive": -math.expm1(-float(law.reduced_driving_force()[0])),
        "law_log_prefactor": math.log(float(law.prefactor[0])),
        "law_velocity": float(law.velocity(Mobility())[0]),
        "law_activated": float(law.mechanism[0]),
        **velocity_ratios(sample, sample.conditions),
    }


def velocity_ratios(sample: Sample, values: Mapping[str, float]) -> dict[str, float]:
    """Velocities among named numbers over the prefactor of the law and over the law: materials can be compared.

    Such are the velocities of neighbouring orientations (from training folds) and the early slope of a run.
    """
    law = _law(sample)
    if law is None:
        return {}
    prefactor, reduced_driving_force = float(law.prefactor[0]), -math.expm1(-float(law.reduced_driving_force()[0]))
    # Close to the melting point the law is small, and a ratio to it all noise.
    whole = prefactor * math.copysign(max(abs(reduced_driving_force), SMALL_DRIVING_FORCE), reduced_driving_force)
    found = {}
    for name, value in values.items():
        if "velocity" in name and math.isfinite(value):
            for word, unit in (("prefactor", prefactor), ("law", whole)):
                found[f"{name}_over_{word}"] = max(-MAX_RATIO, min(value / unit, MAX_RATIO))
    return found


def _law(sample: Sample) -> VelocityPhysics | None:
    try:
        return velocity_physics([sample])
    except ParameterError:
        return None
