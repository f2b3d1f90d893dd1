"""One sample: the evidence of one record, and labels that come from other seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.kinetics.graphs.graph import GraphSequence
from nakaya.kinetics.graphs.labels import Label
from nakaya.md.tables import MaterialTable

__all__ = ["EVIDENCE", "TARGET_SCALES", "EvidenceKind", "Sample", "Scale", "label_values"]

EvidenceKind: TypeAlias = Literal["A", "B"]
"""What is known of a crystallization before its result, as `EVIDENCE` says it."""

EVIDENCE: Final[Mapping[str, str]] = {"A": "conditions only", "B": "conditions and the first 10 ps"}
"""Kind of evidence -> what it holds; the picoseconds are those after equilibration."""

Scale: TypeAlias = Literal["linear", "log10"]

TARGET_SCALES: Final[Mapping[str, Scale]] = {
    "growth_velocity": "linear",
    "nucleation_rate": "log10",
    "nucleus_size_change": "linear",
}
"""Scale on which a target is learned and scored, in SI units. A velocity may be negative, a rate may not."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What was known early about one crystallization, and what became of its replicates.

    Attributes:
        record_id: Of the record whose evidence this is.
        condition: Same for all replicates of one condition, such as "Cu-100-1115K".
        material: Name.
        orientation: Miller indices of the growth direction; None = none (nucleation).
        temperature: K.
        seed: Of the evidence.
        evidence: "A" or "B".
        conditions: Named numbers that hold for the whole (the globals of the graph, and velocities of neighbouring
            orientations from training folds); NaN = not known.
        pooled: Evidence B only: pooled descriptors and the early velocity of the interfaces; empty for A.
        sequence: The multi-scale graphs; for evidence A one graph without atoms and clusters.
        table: Properties of the material in bulk.
        labels: Target -> label from other seeds.
    """

    record_id: str
    condition: str
    material: str
    orientation: str | None
    temperature: float
    seed: int
    evidence: EvidenceKind
    conditions: Mapping[str, float]
    pooled: Mapping[str, float]
    sequence: GraphSequence
    table: MaterialTable
    labels: Mapping[str, Label] = field(default_factory=dict)


def label_values(samples: Sequence[Sample], target: str) -> FloatArray:
    """Labels on the scale of the target, float64 [sample].

    Raises:
        ParameterError: No samples, one without a label, or a rate that is not positive.
    """
    if not samples:
        raise ParameterError(f"no samples with a label of {target} to learn from")
    if missing := [sample.record_id for sample in samples if target not in sample.labels]:
        raise ParameterError(f"sample {missing[0]} has no label of {target} to learn from: leave it out")
    values = np.array([sample.labels[target].value for sample in samples], dtype=np.float64)
    if TARGET_SCALES[target] == "linear":
        return values
    if not (values > 0).all():
        raise ParameterError(f"a label of {target} is not positive: it has no logarithm")
    return np.asarray(np.log10(values))
