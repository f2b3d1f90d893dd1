"""Predictions for many conditions at once, and predictions as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nakaya.core.errors import ParameterError
from nakaya.core.tables import Cell, Column, Table
from nakaya.crystallography.miller import plane_family
from nakaya.kinetics.prediction.model import KineticsModel
from nakaya.kinetics.prediction.predicting import conditions_sample, predict_sample
from nakaya.kinetics.prediction.rates import CLASSICAL, NucleationConditions, is_seen
from nakaya.kinetics.prediction.report import UNITS, range_warnings
from nakaya.kinetics.samples.sample import Sample

__all__ = [
    "CONDITIONS",
    "MAX_CONDITIONS",
    "common_wording",
    "predict_range",
    "prediction_table",
    "warning_table",
]

MAX_CONDITIONS: Final = 2000
"""Of one range: some 20 s of work, and more than any chart can show."""

CONDITIONS: Final = ("material", "orientation", "temperature", "outside_training")
"""Keys that entries of a range have beside those of `predict_conditions`."""


def predict_range(
    material: str,
    orientations: Sequence[str | None],
    temperatures: Sequence[float],
    *,
    model: KineticsModel,
    nucleation: NucleationConditions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Predict from every orientation at every temperature (evidence A), all conditions checked before the first.

    Args:
        material: Chemical symbol.
        orientations: Miller indices, each family once; None = no growth velocity is asked for.
        temperatures: K.
        model: Of `load_model`.
        nucleation: Particles in the melt, and the volume and time in which crystals are expected.
        progress: Told how many are done, of how many.

    Returns:
        One document of `predict_conditions` for each, in the order of the orientations, then of the temperatures;
        before it stand material, orientation and temperature (K), behind it `outside_training`: the quantities
        ("growth_velocity", "nucleation_rate") for which the model was not trained under such conditions.

    Raises:
        ParameterError: Too many conditions, a family of planes twice, or as in `predict_conditions`.
        UntrainedMaterialError, UnknownNameError: As in `predict_conditions`.
    """
    if (num := len(orientations) * len(temperatures)) > MAX_CONDITIONS:
        raise ParameterError(f"{num:,} conditions are more than the {MAX_CONDITIONS:,} of one range: ask for fewer")
    families: dict[str, str] = {}
    for orientation in orientations:
        if orientation is None:
            continue
        family = plane_family(orientation)
        if family in families:
            raise ParameterError(
                f"orientations {families[family]!r} and {orientation!r} are of one family of planes: name it once"
            )
        families[family] = orientation
    samples = [
        conditions_sample(material, orientation, temperature, model)
        for orientation in orientations
        for temperature in temperatures
    ]
    documents = []
    for done, sample in enumerate(samples, start=1):
        documents.append(_entry(sample, model, nucleation))
        if progress is not None:
            progress(done, len(samples))
    return documents


def _entry(sample: Sample, model: KineticsModel, nucleation: NucleationConditions | None) -> dict[str, Any]:
    found = predict_sample(sample, model, nucleation)
    outside = [
        target
        for target in ("growth_velocity", "nucleation_rate")
        if found[target]["value"] is not None and _is_outside(found[target]["model"], target, sample, model)
    ]
    return {
        "material": sample.material,
        "orientation": sample.orientation,
        "temperature": sample.temperature,
        **found,
        "outside_training": outside,
    }


def _is_outside(name: str, target: str, sample: Sample, model: KineticsModel) -> bool:
    if name == CLASSICAL:
        return not is_seen(model.interfacial_energies[sample.material], sample.temperature)
    part = model.card.part(target, sample.evidence)
    return part is not None and bool(range_warnings(part, sample))


def prediction_table(documents: Sequence[Mapping[str, Any]]) -> Table:
    """Return predictions as a table, one row each.

    The columns: what names a prediction (record, material, orientation, temperature), then value, both ends of the
    90 % interval and model of every quantity that is known of one of them at least, the expected number of crystals
    where it was told, then evidence, outside_training and warnings: codes such as "W1 W3", whose texts are in
    `warning_table` of the same predictions.

    Args:
        documents: At least one of `predict_range`, `predict_conditions`, `predict_records` or `predict_trajectory`.
    """
    columns = [
        Column(name, [entry[name] for entry in documents], unit)
        for name, unit in (("record", None), ("material", None), ("orientation", None), ("temperature", "K"))
        if any(name in entry for entry in documents)
    ]
    for name, unit in UNITS.items():
        entries = [document[name] for document in documents]
        if all(entry["value"] is None for entry in entries):
            continue
        ends = [entry["interval90"] or (None, None) for entry in entries]
        columns += [
            Column(name, [entry["value"] for entry in entries], unit),
            Column(f"{name}_low90", [low for low, _ in ends], unit),
            Column(f"{name}_high90", [high for _, high in ends], unit),
        ]
        if any("model" in entry for entry in entries):
            columns.append(Column(f"{name}_model", [entry.get("model") for entry in entries]))
    if any("expected_events" in entry for entry in documents):
        events = [entry.get("expected_events", {}) for entry in documents]
        columns += [Column("expected_events", [entry.get("value") for entry in events], "1")]
        ends = [entry.get("interval90", (None, None)) for entry in events]
        columns += [Column("expected_events_low90", [low for low, _ in ends], "1")]
        columns += [Column("expected_events_high90", [high for _, high in ends], "1")]
    words: list[tuple[str, list[Cell]]] = [("evidence", [entry["evidence"] for entry in documents])]
    if any("outside_training" in entry for entry in documents):
        words.append(("outside_training", [", ".join(entry["outside_training"]) for entry in documents]))
    codes = _codes(documents)
    told = [[codes[common_wording(warning, entry)] for warning in entry["warnings"]] for entry in documents]
    words.append(("warnings", [" ".join(dict.fromkeys(entry)) for entry in told]))
    return Table((*columns, *(Column(name, cells) for name, cells in words)))


def warning_table(documents: Sequence[Mapping[str, Any]]) -> Table:
    """Return the texts of the warnings of `prediction_table`, each once: code, rows that have it, warning.

    Args:
        documents: The same.
    """
    codes = _codes(documents)
    told = [{common_wording(warning, entry) for warning in entry["warnings"]} for entry in documents]
    return Table(
        (
            Column("code", list(codes.values())),
            Column("rows", [sum(text in entry for entry in told) for text in codes]),
            Column("warning", list(codes)),
        )
    )


def common_wording(warning: str, entry: Mapping[str, Any]) -> str:
    """Return a warning in words that predictions at other temperatures share."""
    return warning.replace(f"{entry['temperature']:g} K", "this temperature", 1) if "temperature" in entry else warning


def _codes(documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Warning -> code, in the order in which they come."""
    texts = dict.fromkeys(common_wording(warning, entry) for entry in documents for warning in entry["warnings"])
    return {text: f"W{number}" for number, text in enumerate(texts, start=1)}
