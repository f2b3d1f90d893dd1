"""Conditions, records or a trajectory in, kinetics with intervals and warnings out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from nakaya.core.elements import element_meant, suggested_element
from nakaya.core.errors import (
    InputFileError,
    ParameterError,
    UnknownNameError,
    UnstatedError,
    UntrainedMaterialError,
)
from nakaya.crystallography.miller import plane_family
from nakaya.kinetics.graphs.build import build_sequence
from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.kinetics.models.fields import field_value
from nakaya.kinetics.prediction.model import KineticsModel, load_model
from nakaya.kinetics.prediction.rates import (
    CLASSICAL,
    WARMEST,
    NucleationConditions,
    RateDraws,
    rate_draws,
    theory_refusal,
    theory_warnings,
)
from nakaya.kinetics.prediction.report import (
    UNITS,
    Forecast,
    combine,
    length_warnings,
    range_warnings,
    rate_refusal,
    temperature_refusal,
)
from nakaya.kinetics.samples.corpus import make_sample, with_facets
from nakaya.kinetics.samples.sample import EvidenceKind, Sample
from nakaya.md.stated_potentials import StatedPotential, stated_potential
from nakaya.md.tables import tabulate
from nakaya.md.trajectory_records import TrajectoryOptions, follow_trajectory
from nakaya.records.record import FIELDS, Provenance, Record, has_result
from nakaya.records.replicates import conditions_key
from nakaya.records.store import chosen_records, load_records, record_folder

__all__ = [
    "SEEN",
    "UNSTATED_ORIENTATION",
    "NothingToPredictError",
    "conditions_sample",
    "predict_conditions",
    "predict_records",
    "predict_sample",
    "predict_trajectory",
    "record_sample",
    "sample_of",
    "trajectory_sample",
]

UNSTATED_ORIENTATION: Final = "the orientation of the interface is not stated"
SEEN: Final = ("of the same conditions, was in the training", "of the same conditions, were in the training")
"""Ends of warnings, for those who know more to say."""


class NothingToPredictError(InputFileError):
    """No number at all follows from a record.

    Args:
        problem: Which record, and why.
        near: Id of a growth run of the set that is like it; None = there is none.
    """

    def __init__(self, problem: str, near: str | None) -> None:
        such = "" if near is None else f", such as {near}"
        super().__init__(f"{problem}: name a growth run{such}, or give material, orientation and temperature")
        self.problem, self.near = problem, near


def predict_conditions(
    material: str,
    orientation: str | None,
    temperature: float,
    *,
    model: KineticsModel | None = None,
    nucleation: NucleationConditions | None = None,
) -> dict[str, Any]:
    """Predict from conditions alone (evidence A).

    Args:
        material: Chemical symbol.
        orientation: Miller indices of the interface; None = no growth velocity is asked for.
        temperature: K.
        model: Of `load_model`; the shipped one by default.
        nucleation: Particles in the melt, and the volume and time in which crystals are expected.

    Returns:
        {"growth_velocity": {"value", "unit", "interval90", "model"}, "nucleation_rate", "nucleation_density",
        "characteristic_length", "evidence": "A", "potential": {"file", "sha256"}, "warnings": [...]}; "model" is
        missing where nothing is known. The potential is that of the training, for predictions are of a potential and
        not of an element; None where its records do not state it. A rate by classical theory has "errors", standard
        deviations of log10 J by cause. "expected_events", {"value", "unit", "interval90", "volume", "time"}, is there
        above 0.8 T_m and where a volume or a time is stated.

    Raises:
        ParameterError: The temperature is no temperature, or far from the melting point; or Miller indices are none.
        UntrainedMaterialError: The records of the model know nothing of the material.
        UnknownNameError: It is the name of an element that they know by its symbol.

    >>> answer = predict_conditions("Cu", "100", 1200.0)["growth_velocity"]
    >>> low, high = answer["interval90"]
    >>> answer["unit"], bool(low < answer["value"] < high)
    ('m/s', True)
    """
    model = model or load_model()
    return predict_sample(conditions_sample(material, orientation, temperature, model), model, nucleation)


def conditions_sample(material: str, orientation: str | None, temperature: float, model: KineticsModel) -> Sample:
    """The sample of evidence A that stated conditions make; errors as in `predict_conditions`."""
    if not (math.isfinite(temperature) and 1 <= temperature <= 20_000):
        raise ParameterError(f"temperature={temperature} is outside [1, 20000] K")
    if orientation is not None:
        orientation = plane_family(orientation)
    if not any(record.material == material for record in model.records):  # no melting point, no latent heat
        known = sorted({record.material for record in model.records})
        if element_meant(material) in known:
            raise UnknownNameError("material", material, known)
        raise UntrainedMaterialError(
            f"material {material!r}{suggested_element(material)} has no records of melting and bulk: known are "
            f"{', '.join(known)}"
        )
    table = model.table(material)
    structures = (crystal_structure(record) for record in model.records if record.material == material)
    structure = next((found for found in structures if found is not None), None)
    record = Record(
        id=f"conditions-{material}",
        kind="md",
        material=material,
        orientation=orientation,
        conditions=table.conditions(temperature),
        quantities={},
        provenance=Provenance("stated conditions", settings={} if structure is None else {"structure": structure}),
    )
    sample = make_sample(record, "A", table, None)
    if (refusal := temperature_refusal(sample)) is not None:
        raise ParameterError(refusal)
    return _with_orientation_velocities(sample, model, record)


def predict_records(
    source: str | Path, *, ids: Sequence[str] = (), model: KineticsModel | None = None
) -> list[dict[str, Any]]:
    """Predict from records: their conditions, and what was seen early where they hold it (evidence B).

    Records of melting and bulk of a material that the model does not know may lie beside those of its interfaces.

    Args:
        source: Shipped set, store or file.
        ids: Which records; those of growth runs where empty.
        model: Of `load_model`; the shipped one by default.

    Returns:
        One document per record, as of `predict_conditions`, with the record's id under "record". What the record says
        against itself is among the warnings.

    Raises:
        InputFileError: There is no record that could be predicted from.
        NothingToPredictError: Nothing can be said from one that was named.
        UnknownNameError: There is no record of an id.
        NakayaError: A record or snapshot is damaged.

    >>> (answer,) = predict_records("al-cu-si", ids=["growth-Cu-100-1221K-s1"])
    >>> answer["evidence"], answer["growth_velocity"]["unit"]
    ('B', 'm/s')
    """
    model = model or load_model()
    records = load_records(source)
    chosen = list(_usable(records, ids))
    if not chosen:
        raise InputFileError(f"{source} holds no record of molecular dynamics with one temperature to predict from")
    folder = record_folder(source)
    documents = []
    for record in chosen:
        found = predict_sample(record_sample(record, folder, model, records), model)
        _check_any(record, found, records)
        says = "says" if record.status == "ok" else f"is {record.status}"
        said = [f"the record {says}: {flag}" for flag in record.flags]
        said += _potential_warnings(stated_potential(record), "the record", model.potential(record.material))
        warnings = [*found["warnings"], *_seen_warnings(record, model.records), *said]
        documents.append({"record": record.id, **found, "warnings": warnings})
    return documents


def _seen_warnings(record: Record, trained: Sequence[Record]) -> list[str]:
    """Say where the answer was in the training."""
    key = conditions_key(record)
    seen = [other.id for other in trained if has_result(other, "growth_velocity") and conditions_key(other) == key]
    if not seen:
        return []
    return [f"growth velocity: {', '.join(seen)}, {SEEN[len(seen) > 1]}"]


def _check_any(record: Record, found: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Refuse a record without an interface from which no number at all follows: it was hardly meant."""
    if record.orientation is not None or any(found[name]["value"] is not None for name in UNITS):
        return
    growth_runs = [other for other in records if other.orientation is not None and _has_conditions(other)]
    kelvin = record.conditions["temperature"].value
    near = min(
        growth_runs,
        key=lambda other: (other.material != record.material, abs(other.conditions["temperature"].value - kelvin)),
        default=None,
    )
    reasons = [warning for warning in found["warnings"] if warning.startswith("nucleation rate: ")]
    raise NothingToPredictError(
        f"nothing can be predicted from record {record.id}: it states no interface that could grow; "
        f"{'; '.join(reasons) or 'no nucleation rate'}",
        None if near is None else near.id,
    )


def _potential_warnings(stated: StatedPotential | None, what: str, trained: StatedPotential | None) -> list[str]:
    """Say where evidence may come from another potential than the training."""
    if trained is None or (stated is not None and stated.sha256 == trained.sha256):
        return []
    if stated is None:
        return [f"{what} does not state its potential: the prediction is for {trained}"]
    return [f"{what} is of another potential, {stated}, than the training, {trained}: velocities may differ"]


def sample_of(source: str | Path, name: str | None, model: KineticsModel) -> Sample:
    """The sample of one record of a store.

    Args:
        source: Shipped set, store or file.
        name: Id of the record; may be None where there is only one.
        model: Of `load_model`.

    Raises:
        UnknownNameError: There is no record of that name.
        UnstatedError: There are several and no name, or none.
        InputFileError: There is nothing in it to predict from.
    """
    records = load_records(source)
    chosen = list(_usable(records, () if name is None else (name,)))
    if len(chosen) != 1:
        raise UnstatedError(f"{source} holds {len(chosen)} records that could be meant: name one", "record")
    return record_sample(chosen[0], record_folder(source), model, records)


def record_sample(record: Record, folder: Path | None, model: KineticsModel, beside: Sequence[Record] = ()) -> Sample:
    """The sample that a record makes: of evidence B where something was seen early.

    Melting point and bulk of a material that the model's records do not know are taken from the records `beside`.
    """
    seen = any(entry.values.ndim for entry in record.evidence.values())
    evidence: EvidenceKind = "B" if seen or record.snapshots else "A"
    known = any(other.material == record.material for other in model.records)
    table = model.table(record.material) if known else tabulate(record.material, beside)
    return _with_orientation_velocities(make_sample(record, evidence, table, folder), model, record)


def predict_trajectory(path: Path, options: TrajectoryOptions, *, model: KineticsModel | None = None) -> dict[str, Any]:
    """Predict from the first 10 ps of a trajectory of atoms (evidence B).

    Args:
        path: LAMMPS text dump or extended XYZ, plain or compressed.
        options: What the file does not say.
        model: Of `load_model`; the shipped one by default.

    Raises:
        NakayaError: As in `follow_trajectory`.
    """
    model = model or load_model()
    sample, flags = trajectory_sample(path, options, model)
    found = predict_sample(sample, model)
    return {"record": sample.record_id, **found, "warnings": [*found["warnings"], *flags]}


def trajectory_sample(path: Path, options: TrajectoryOptions, model: KineticsModel) -> tuple[Sample, list[str]]:
    """The sample of evidence B that a trajectory makes, and what was odd about the file."""
    followed = follow_trajectory(path, options, known=model.records)
    record = _named(followed.record)
    if not math.isfinite(record.conditions["temperature"].value):
        raise UnstatedError(f"{path}: the temperature is not known: give it in K", "temperature")
    table = model.table(record.material)
    if options.melting_point is not None:
        table = replace(table, melting_temperature=options.melting_point, melting_error=math.nan)
    if options.latent_heat is not None:
        stated = options.latent_heat
        table = replace(table, latent_heat=lambda _: stated)
    sample = make_sample(record, "B", table, None)
    if followed.patches and crystal_structure(record) is not None:
        sample = replace(sample, sequence=build_sequence(record, followed.patches, table=table))
    flags = list(record.flags)
    if options.potential is not None:
        flags += _potential_warnings(stated_potential(record), "the trajectory", model.potential(record.material))
    elif options.melting_point is None:
        flags.append(
            "the potential is not stated: melting point and latent heat are taken from the records of the training"
        )
    return _with_orientation_velocities(sample, model, record), flags


def predict_sample(
    sample: Sample, model: KineticsModel, nucleation: NucleationConditions | None = None
) -> dict[str, Any]:
    """Predict from a sample; the document of `predict_conditions`."""
    nucleation = nucleation or NucleationConditions()
    warnings = list(model.notes)
    refusal = temperature_refusal(sample)
    if refusal is not None:
        warnings.append(refusal)
    velocity: Forecast | None = None
    rate: Forecast | RateDraws | None = None
    bare = replace(_conditions_only(sample), orientation=None)  # nucleation has no interface
    if refusal is None:
        if sample.orientation is None:
            warnings.append(f"growth velocity: {UNSTATED_ORIENTATION}")
        else:
            part = model.card.part("growth_velocity", sample.evidence)
            if part is not None and part.evidence != sample.evidence:
                warnings.append(
                    "growth velocity: the model has no part for what was seen early: conditions alone are used"
                )
                sample = _conditions_only(sample, keep=("facet",))
            velocity = _forecast("growth_velocity", sample, model, warnings)
        rate = _nucleation_rate(bare, model, nucleation, warnings)
    found: dict[str, Any] = combine(velocity, rate, rng=np.random.default_rng(0), conditions=nucleation)
    for target, told, asked in (("growth_velocity", velocity, sample), ("nucleation_rate", rate, bare)):
        chosen = model.card.part(target, asked.evidence)
        if told is not None and chosen is not None:
            found[target]["model"] = chosen.model
    if isinstance(rate, RateDraws):
        found["nucleation_rate"] |= {"model": CLASSICAL, "errors": dict(rate.errors)}
        is_warm = sample.temperature > WARMEST * sample.table.melting_temperature
        if is_warm or nucleation.asks_for_events:
            found["expected_events"] = rate.expected_events(nucleation)
        if is_warm and found["expected_events"]["value"] < 1:
            _forget_grains(found, warnings)
    warnings += length_warnings(found["characteristic_length"]["value"], [sample])
    potential = model.potential(sample.material)
    stated = None if potential is None else asdict(potential)
    return {**found, "evidence": sample.evidence, "potential": stated, "warnings": warnings}


def _forget_grains(found: dict[str, Any], warnings: list[str]) -> None:
    """Grains have no density where not even one is expected."""
    events = found["expected_events"]
    for name in ("nucleation_density", "characteristic_length"):
        found[name] |= {"value": None, "interval90": None}
    warnings.append(
        f"characteristic length: {events['value']:.2g} crystals are expected in {events['volume']:g} m^3 and "
        f"{events['time']:g} s: none may appear, and a number of grains per volume has no meaning"
    )


def _nucleation_rate(
    sample: Sample, model: KineticsModel, conditions: NucleationConditions, warnings: list[str]
) -> Forecast | RateDraws | None:
    """By classical theory where the interfacial energy is known, else by the part that was trained."""
    melting, kelvin = sample.table.melting_temperature, sample.temperature
    if kelvin >= melting:
        warnings.append(f"nucleation rate: nothing nucleates above the melting point of {melting:.0f} K")
        return None
    posterior = model.interfacial_energies.get(sample.material)
    if posterior is None or any(field_value(sample, name) for name in FIELDS):  # theory knows melts at rest
        if conditions.has_sites or conditions.asks_for_events:
            warnings.append(
                "nucleation rate: particles, volume and time are left out: the interfacial energy is not known here"
            )
        return _forecast("nucleation_rate", sample, model, warnings)
    if (refusal := theory_refusal(posterior, kelvin)) is not None:
        warnings.append(f"nucleation rate: not given, for {refusal}")
        return None
    warnings += theory_warnings(posterior, kelvin)
    return rate_draws(posterior, kelvin, conditions)


def _forecast(target: str, sample: Sample, model: KineticsModel, warnings: list[str]) -> Forecast | None:
    what, part = target.replace("_", " "), model.card.part(target, sample.evidence)
    if part is None:
        warnings.append(f"{what}: the model {model.card.name} has no part for it")
        return None
    outside = range_warnings(part, sample)
    try:
        told = model.predictor(part).predict([sample])
    except ParameterError as error:  # a law that lacks a property of the material
        warnings.append(f"{what}: {error}")
        return None
    mean = float(told.mean[0])
    standard_deviation = float(part.calibrated(told.standard_deviation)[0])
    if not (math.isfinite(mean) and math.isfinite(standard_deviation)):
        warnings.append(f"{what}: the model gives no number here")
        return None
    if target == "nucleation_rate" and (refusal := rate_refusal(part, sample, standard_deviation)) is not None:
        warnings.append(f"nucleation rate: not given, for {refusal}")
        return None
    warnings += outside
    if part.note:
        warnings.append(f"{what}: {part.note}")
    return Forecast(mean, standard_deviation)


def _conditions_only(sample: Sample, keep: Sequence[str] = ()) -> Sample:
    """The sample as evidence A: without what was seen early, with the levels in `keep`."""
    graph = sample.sequence.frames[0]
    for name in set(graph.levels) - set(keep):
        graph = graph.without_level(name)
    evidence = replace(sample.sequence.evidence, times=np.zeros(1), names=(), values=np.zeros((1, 0)))
    sequence = replace(sample.sequence, times=np.zeros(1), frames=(graph,), correspondences=(), evidence=evidence)
    return replace(sample, evidence="A", pooled={}, sequence=sequence)


def _with_orientation_velocities(sample: Sample, model: KineticsModel, record: Record) -> Sample:
    """Velocities of neighbouring faces, from the records of the training; never of the record or its replicates.

    A sample of the training did not know faces of its own group of temperatures, and this one does: intervals are
    those of the poorer knowledge.
    """
    if sample.orientation is None:
        return sample
    apart = [
        other
        for other in model.corpus.records
        if other.id != record.id
        and other.material == sample.material
        and not (
            other.orientation == sample.orientation
            and abs(other.conditions["temperature"].value - sample.temperature) < 0.5
        )
    ]
    return with_facets(sample, apart)


def _usable(records: Sequence[Record], ids: Sequence[str]) -> Iterator[Record]:
    for record in chosen_records(records, ids):
        if ids and not _has_conditions(record):
            raise InputFileError(
                f"record {record.id} is not one of molecular dynamics at one temperature: there is nothing to predict "
                "from"
            )
        if ids or (record.orientation is not None and _has_conditions(record)):
            yield _named(record)


def _named(record: Record) -> Record:
    # Equivalent faces have one name, by which training records of the same face are found.
    return record if record.orientation is None else replace(record, orientation=plane_family(record.orientation))


def _has_conditions(record: Record) -> bool:
    temperature = record.constant("temperature")
    return record.kind == "md" and temperature is not None and math.isfinite(temperature)
