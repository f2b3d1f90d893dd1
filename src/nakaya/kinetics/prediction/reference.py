"""What a model of kinetics said on the day of its training, kept beside it, so that anybody can compute it again.

model/predictions-TARGET-EVIDENCE-MODEL.json    one row per sample that the model was fitted to
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.documents import dump_json
from nakaya.core.errors import FormatError
from nakaya.core.files import write_whole
from nakaya.core.reading import read_json
from nakaya.kinetics.models.protocol import PredictiveDistribution
from nakaya.kinetics.prediction.model import load_model
from nakaya.kinetics.samples.sample import EvidenceKind, Sample

__all__ = ["compare_predictions", "predictions_file", "read_predictions", "recompute_predictions", "write_predictions"]

FORMAT: Final = 1
MAX_BYTES = 16 << 20
DIGITS = 9
"""Significant ones: networks compute in single precision."""


def predictions_file(folder: Path, target: str, evidence: EvidenceKind, model: str) -> Path:
    """Where the predictions of one part lie."""
    return folder / f"predictions-{target.replace('_', '-')}-{evidence}-{model}.json"


def write_predictions(path: Path, samples: Sequence[Sample], told: PredictiveDistribution) -> None:
    """Keep what a model said of the samples that it was fitted to.

    Raises:
        OutputError: The disk refuses.
    """
    rows = [
        {
            "record": sample.record_id,
            "label": _rounded(sample.labels[told.target].value),
            "mean": _rounded(float(mean)),
            "standard_deviation": _rounded(float(standard_deviation)),
        }
        for sample, mean, standard_deviation in zip(samples, told.mean, told.standard_deviation, strict=True)
    ]
    document = {"format": FORMAT, "kind": "kinetics-predictions", "scale": told.scale, "rows": rows}
    write_whole(path, dump_json(document))


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Read stored predictions: record, label, mean, standard_deviation of every sample.

    Raises:
        InputFileError: The file cannot be read.
        FormatError: It is none of ours, or damaged.
    """
    document = read_json(path, MAX_BYTES)
    try:
        if (document["format"], document["kind"]) != (FORMAT, "kinetics-predictions"):
            raise ValueError("it is of another kind or format")
        return [
            {
                "record": str(row["record"]),
                **{
                    name: math.nan if row[name] is None else float(row[name])
                    for name in ("label", "mean", "standard_deviation")
                },
            }
            for row in document["rows"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged ({error}): copy it again, or train again") from None


def recompute_predictions(name_or_path: str | Path) -> dict[str, Any]:
    """Let a shipped model predict again what it predicted on the day of its training.

    Networks are read from their weights; models without weights are fitted again to the records, as every prediction
    does it.

    Args:
        name_or_path: A shipped model, or a folder that `nakaya train` wrote.

    Returns:
        {"model": name, "notes": [...], "parts": [...]}: for every part target, evidence, model, way ("weights" or
        "fitted again"), samples, stored (whether its training kept predictions), difference (of `compare_predictions`;
        None where there is nothing to compare with), and problem ("" = none).

    Raises:
        NakayaError: As in `load_model`; `MissingExtraError` where packages are missing.
    """
    model = load_model(name_or_path)
    parts = []
    for part in model.card.parts:
        samples = model.samples(part)
        told = model.predictor(part).predict(samples)
        file = predictions_file(model.folder, part.target, part.evidence, part.model)
        difference, problem = None, "its training kept no predictions"
        stored = file.is_file()
        if stored:
            difference, problem = compare_predictions(read_predictions(file), samples, told)
        parts.append(
            {
                "target": part.target,
                "evidence": part.evidence,
                "model": part.model,
                "way": "fitted again" if part.files is None else "weights",
                "samples": len(samples),
                "stored": stored,
                "difference": difference,
                "problem": problem,
            }
        )
    return {"model": model.card.name, "notes": list(model.notes), "parts": parts}


def compare_predictions(
    stored: Sequence[Mapping[str, Any]], samples: Sequence[Sample], told: PredictiveDistribution
) -> tuple[float | None, str]:
    """How far predictions are from those that were stored.

    Returns:
        (difference, problem): the largest difference of a mean or a standard deviation in units of the deviation of the
        stored means; None and a reason where the samples are others.
    """
    if [row["record"] for row in stored] != [sample.record_id for sample in samples]:
        return None, f"the records give {len(samples)} samples, other ones than the {len(stored)} of its training"
    before = np.array([[row["mean"], row["standard_deviation"]] for row in stored], dtype=np.float64)
    after = np.stack([told.mean, told.standard_deviation], axis=1)
    if (np.isnan(before) != np.isnan(after)).any():
        return math.inf, "numbers are missing where there were some, or the other way round"
    dispersion = float(np.nanstd(before[:, 0]))
    largest = float(np.nanmax(np.abs(after - before), initial=0.0))
    return (largest / dispersion if dispersion > 0 else (0.0 if largest == 0 else math.inf)), ""
