"""Labels for evidence: what the other seeds of the same conditions said.

A run whose first picoseconds are the evidence must not give its own velocity as the label: two frames already hold the
displacement of the interface, and with it the noise of that very label. So evidence of one seed is paired with the mean
result of the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nakaya.records.record import Record, has_result
from nakaya.records.replicates import by_conditions, conditions_key

__all__ = ["Label", "label_from_other_seeds", "mean_label", "replicate_scatter"]


@dataclass(frozen=True)
class Label:
    """What a model has to tell for the evidence of one record.

    Attributes:
        target: Name of the quantity.
        unit: SI unit.
        value: Mean over the other seeds.
        standard_error: Of that mean; NaN where neither scatter nor stated uncertainties tell.
        record_ids: The records that it comes from, never that of the evidence.
    """

    target: str
    unit: str
    value: float
    standard_error: float
    record_ids: tuple[str, ...]


def label_from_other_seeds(record: Record, records: Iterable[Record], target: str) -> Label | None:
    """Return the label for the evidence of `record`.

    Args:
        record: Gives the evidence; its own results are not looked at.
        records: Where replicates are looked for: same conditions, no seed in common, with a result.
        target: Name of the quantity, such as "growth_velocity".

    Returns:
        None where there is no such replicate, or where seeds are not stated, so that independence is not known.
    """
    key = conditions_key(record)
    others = [
        other
        for other in records
        if other.id != record.id
        and _apart(record.provenance.seeds, other.provenance.seeds)
        and has_result(other, target)
        and conditions_key(other) == key
    ]
    if not others:
        return None
    return mean_label(others, target)


def mean_label(records: Iterable[Record], target: str) -> Label:
    """Mean result of replicates; its error is that which the runs state, the scatter's where one states none.

    The scatter of two or three replicates is itself known to half or worse: the larger of both would be too large in
    the mean over conditions, and with it the noise floor of a table.

    Args:
        records: At least one, each with a single finite value of the target.
        target: Name of the quantity.
    """
    ranked = sorted(records, key=lambda record: record.id)
    results = [record.quantities[target] for record in ranked]
    values = np.array([entry.value for entry in results])
    stated = np.array([entry.standard_error for entry in results])
    error = float(np.sqrt((stated**2).sum()) / len(stated))
    if not math.isfinite(error) and len(values) > 1:
        error = float(values.std(ddof=1) / math.sqrt(len(values)))
    return Label(
        target,
        results[0].unit,
        float(values.mean()),
        error,
        tuple(record.id for record in ranked),
    )


def replicate_scatter(records: Iterable[Record], target: str) -> dict[str, float]:
    """Hold the scatter of replicates against the errors that they state.

    The noise floor of a table is a root mean square of stated errors, so that of the scatter is what it must equal.
    chi2 is larger than its degrees of freedom even then, for a run knows its own error from a few displacements only.

    Returns:
        "scatter": root mean square deviation of single runs from the mean of their condition, NaN without replicates;
        "stated": that of the errors which the same runs state; "chi2": sum of squared deviations from the weighted
        means over squared stated errors; "degrees_of_freedom" of all three. Runs that state no error are left out.
    """
    stating = [
        record
        for record in records
        if has_result(record, target) and 0 < record.quantities[target].standard_error < math.inf
    ]
    chi2, scatter, stated, freedom = 0.0, 0.0, 0.0, 0
    for runs in by_conditions(stating).values():
        found = [run.quantities[target] for run in runs]
        values = np.array([entry.value for entry in found])
        errors = np.array([entry.standard_error for entry in found])
        middle = np.average(values, weights=errors**-2)
        chi2 += float((((values - middle) / errors) ** 2).sum())
        scatter += float(((values - values.mean()) ** 2).sum())
        stated += float((errors**2).mean() * (len(runs) - 1))
        freedom += len(runs) - 1
    return {
        "scatter": math.sqrt(scatter / freedom) if freedom else math.nan,
        "stated": math.sqrt(stated / freedom) if freedom else math.nan,
        "chi2": chi2,
        "degrees_of_freedom": freedom,
    }


def _apart(first: Sequence[int], second: Sequence[int]) -> bool:
    return bool(first) and bool(second) and not set(first) & set(second)
