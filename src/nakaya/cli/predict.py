"""`nakaya predict`: growth velocity, nucleation rate and what follows from them, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson, KineticsModelName, TrajectoryGroup, with_groups
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import InputFileError, ParameterError

__all__ = ["predict"]


@with_groups
def predict(
    material: Annotated[str | None, typer.Option(help="Chemical symbol, such as Cu.")] = None,
    orientation: Annotated[str | None, typer.Option(help="Miller indices of the interface, such as 100.")] = None,
    temperature: Annotated[float | None, typer.Option(help="K; from 0.3 to 1.3 times the melting point.")] = None,
    records: Annotated[
        str | None, typer.Option(help="Predict from records: a shipped set, a store (directory) or a JSON file.")
    ] = None,
    record: Annotated[list[str] | None, typer.Option(help="Of --records only this id; several times for more.")] = None,
    md: Annotated[
        Path | None,
        typer.Option(help="Predict from the first 10 ps of a LAMMPS text dump or extended XYZ (also compressed)."),
    ] = None,
    nucleus: Annotated[
        Path | None,
        typer.Option(help="Predict the fate of the nucleus in the last frame of such a file, by seeding --records."),
    ] = None,
    *,
    about: TrajectoryGroup,
    model: KineticsModelName = "al-cu-si",
    as_json: AsJson = False,
) -> None:
    """Predict growth velocity, nucleation rate, grains per volume and the length at which grains meet.

    Example: nakaya predict --material Cu --orientation 100 --temperature 1200

    Give conditions, --records or --md (with the options of a trajectory). Intervals are to hold the measured value in 9
    of 10 cases; warnings say where the model was not trained. A nucleation rate is given within 0.1 T_m of where
    crystals were seen to nucleate, and where it is known to 4 decades; elsewhere it is null, and so are the two
    quantities that need it. Predictions are of one potential per material, that of the training, which the answer
    names. A material of your own needs records and a model of them, named by --model: docs/own-potential.md
    leads there. With --records of more than one record, --json prints {"predictions": [...]}.

    With --nucleus, --material and --temperature: how the largest crystalline cluster is expected to change, and the
    probability that it grows rather than dissolves, as nuclei of --records did, which are read first, a second each.
    """
    if nucleus is not None:
        from nakaya.cli.predict_nucleus import predict_nucleus

        if md is not None or record or orientation is not None:
            raise ParameterError("--nucleus goes with --material, --temperature and --records: leave others out")
        predict_nucleus(nucleus, material, temperature, records, about, as_json=as_json)
        return
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.predicting import (
        NothingToPredictError,
        predict_conditions,
        predict_records,
        predict_trajectory,
    )

    if record and records is None:
        raise ParameterError(f"--record {record[0]} is of no set: name it with --records, such as al-cu-si")
    if sum((material is not None, records is not None, md is not None)) != 1:
        raise ParameterError("give one of --material (with --temperature), --records and --md")
    if records is not None and (orientation, temperature) != (None, None):
        raise ParameterError("--records has conditions of its own: leave --orientation and --temperature out")
    if md is None and (unused := about.stated()):
        raise ParameterError(f"{unused[0]} goes with --md: conditions and records are of the training's potentials")
    if md is not None:
        documents = [predict_trajectory(md, about.options(temperature, orientation), model=load_model(model))]
    elif records is not None:
        try:
            documents = predict_records(records, ids=record or (), model=load_model(model))
        except NothingToPredictError as error:
            such = "" if error.near is None else f", such as --record {error.near}"
            words = f"name a growth run{such}, or give --material, --orientation and --temperature"
            raise InputFileError(f"{error.problem}: {words}") from None
    else:
        if temperature is None:
            raise ParameterError("--material needs --temperature in K")
        documents = [predict_conditions(str(material), orientation, temperature, model=load_model(model))]
    documents = [{**entry, "warnings": _with_advice(entry["warnings"])} for entry in documents]
    if as_json:
        echo_json(documents[0] if len(documents) == 1 else {"predictions": documents})
        return
    for document in documents:
        echo(*_lines(document))


def _with_advice(warnings: Sequence[str]) -> list[str]:
    """Warnings, with what else this program has to say to them."""
    from nakaya.kinetics.prediction.predicting import SEEN, UNSTATED_ORIENTATION

    table = ": nakaya benchmark kinetics --stored says how far off predictions of unseen conditions are"
    return [
        warning + (" (--orientation)" if warning.endswith(UNSTATED_ORIENTATION) else table * warning.endswith(SEEN))
        for warning in warnings
    ]


def _lines(document: Mapping[str, Any]) -> list[str]:
    """A prediction as lines of text."""
    from nakaya.kinetics.samples.sample import EVIDENCE

    lines = [f"{document['record']}:"] if "record" in document else []
    for name, entry in document.items():
        if not (isinstance(entry, Mapping) and "value" in entry):
            continue
        words = name.replace("_", " ")
        if entry["value"] is None:
            lines.append(f"{words:<22} not known")
        else:
            low, high = entry["interval90"]
            by = f", by {entry['model']}" if "model" in entry else ""
            lines.append(f"{words:<22} {entry['value']:.3g} {entry['unit']}  (90 %: {low:.3g} to {high:.3g}{by})")
    lines.append(f"evidence {document['evidence']}: {EVIDENCE[document['evidence']]}")
    if (potential := document["potential"]) is not None:
        lines.append(f"potential of the training: {potential['file']} (sha256 {potential['sha256'][:12]})")
    return [*lines, *(f"warning: {warning}" for warning in document["warnings"])]
