"""Shear rates and electric fields: a model that never saw one, or does not look at it, must not be asked about it.

A record without a field is of a melt at rest: its field is zero, not unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nakaya.core.errors import ParameterError
from nakaya.kinetics.samples.sample import Sample
from nakaya.records.record import FIELDS

__all__ = ["FieldRanges", "check_at_rest", "check_fields", "field_ranges", "field_value"]

FieldRanges = Mapping[str, tuple[float, float]]
"""Field -> its smallest and largest value in the training, SI."""


def field_value(sample: Sample, name: str) -> float:
    """Shear rate, 1/s, or electric field, V/m, of a sample; 0 where its record states none."""
    value = sample.conditions.get(name, math.nan)
    return value if math.isfinite(value) else 0.0


def check_at_rest(samples: Sequence[Sample], model: str) -> None:
    """Refuse samples with a field for a model that does not look at fields.

    Raises:
        ParameterError: The first of them, and what to do.
    """
    for sample in samples:
        for name in FIELDS:
            if value := field_value(sample, name):
                raise ParameterError(
                    f"{model} does not look at {name}, and sample {sample.record_id} has {value:g} {FIELDS[name]}: "
                    "leave such records out, or take a model that does, such as boosting"
                )


def field_ranges(samples: Sequence[Sample]) -> FieldRanges:
    """The ranges of the fields of training samples; (0, 0) where none was stated."""
    values = {name: [field_value(sample, name) for sample in samples] or [0.0] for name in FIELDS}
    return {name: (min(found), max(found)) for name, found in values.items()}


def check_fields(samples: Sequence[Sample], ranges: FieldRanges) -> None:
    """Refuse samples whose fields are outside those of the training.

    Raises:
        ParameterError: The first of them.
    """
    for sample in samples:
        for name, (low, high) in ranges.items():
            if not low <= (value := field_value(sample, name)) <= high:
                raise ParameterError(
                    f"{name}={value:g} {FIELDS[name]} is outside of the training, {low:g} to {high:g} {FIELDS[name]}: "
                    "train with records of such conditions"
                )
