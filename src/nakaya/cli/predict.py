"""`nakaya predict`: growth velocity, nucleation rate and what follows from them, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nakaya.cli.options import AsJson, KineticsModelName, MeltGroup, Overwrite, TrajectoryGroup, with_groups
from nakaya.cli.output import echo, echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.errors import InputFileError, ParameterError
from nakaya.core.files import check_output, write_whole

__all__ = ["predict"]

LONG: Final = 100
"""Conditions that take a second or more: their progress is told."""


@with_groups
def predict(
    material: Annotated[str | None, typer.Option(help="Chemical symbol, such as Cu.")] = None,
    orientation: Annotated[
        str | None, typer.Option(help="Miller indices of the interface, such as 100; several: 100,110,111.")
    ] = None,
    temperature: Annotated[
        str | None,
        typer.Option(
            help="K, from 0.3 to 1.3 times the melting point; several: 700,900,1100 or 700:1300:7 (start:stop:count)."
        ),
    ] = None,
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
    melt: MeltGroup,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Write a table, one row each; texts of its warnings go to NAME.warnings.csv."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw velocity against temperature with 90 % bands, .png or .svg; with --material."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Predict growth velocity, nucleation rate, grains per volume and the length at which grains meet.

    Example: nakaya predict --material Cu --orientation 100,110,111 --temperature 700:1300:7 --plot cu.png

    Give conditions, --records or --md (with the options of a trajectory). Intervals are to hold the measured value in 9
    of 10 cases; warnings say where the model was not trained. Nucleation rates of Al and Cu are homogeneous ones, by
    classical theory from 0.45 T_m on, and as wide as what seeding and quenches know. Above 0.8 T_m the number of
    crystals stands beside them that is expected in --volume and --time. In castings crystals appear on particles: state
    them with --contact-angle and --site-density. Predictions are of one potential per material, that of the training,
    which the answer names. A material of your own needs records and a model of them, named by --model:
    docs/own-potential.md leads there. With several conditions --json prints a list, with more than one record
    {"predictions": [...]}.

    With --nucleus, --material and --temperature: how the largest crystalline cluster is expected to change, and the
    probability that it grows rather than dissolves, as nuclei of --records did, which are read first, a second each.
    """
    if nucleus is not None:
        from nakaya.cli.predict_nucleus import predict_nucleus

        if md is not None or record or melt.stated() or (orientation, csv, plot) != (None, None, None):
            raise ParameterError("--nucleus goes with --material, --temperature and --records: leave others out")
        predict_nucleus(nucleus, material, _one(temperature), records, about, as_json=as_json)
        return
    if record and records is None:
        raise ParameterError(f"--record {record[0]} is of no set: name it with --records, such as al-cu-si")
    if sum((material is not None, records is not None, md is not None)) != 1:
        raise ParameterError("give one of --material (with --temperature), --records and --md")
    if records is not None and (orientation, temperature) != (None, None):
        raise ParameterError("--records has conditions of its own: leave --orientation and --temperature out")
    if md is None and (unused := about.stated()):
        raise ParameterError(f"{unused[0]} goes with --md: conditions and records are of the training's potentials")
    if material is None and (unused := melt.stated()):
        raise ParameterError(f"{unused[0]} states a melt: it goes with --material and --temperature")
    if material is None and plot is not None:
        raise ParameterError("--plot draws a range of conditions: give --material, --orientation and --temperature")
    if csv is not None and csv == plot:
        raise ParameterError(f"--csv and --plot both name {csv}: give them different names")
    for out in _outputs(csv, plot):
        check_output(out, overwrite=overwrite)
    if material is not None:
        if temperature is None:
            raise ParameterError("--material needs --temperature in K")
        _predict_conditions(
            material, orientation, temperature, model, melt, csv=csv, plot=plot, overwrite=overwrite, as_json=as_json
        )
        return
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.predicting import NothingToPredictError, predict_records, predict_trajectory

    if md is not None:
        documents = [predict_trajectory(md, about.options(_one(temperature), orientation), model=load_model(model))]
    else:
        try:
            documents = predict_records(str(records), ids=record or (), model=load_model(model))
        except NothingToPredictError as error:
            such = "" if error.near is None else f", such as --record {error.near}"
            words = f"name a growth run{such}, or give --material, --orientation and --temperature"
            raise InputFileError(f"{error.problem}: {words}") from None
    documents = [_advised(document) for document in documents]
    _write_table(documents, csv, overwrite=overwrite)
    if as_json:
        echo_json(documents[0] if len(documents) == 1 else {"predictions": documents})
        return
    from nakaya.cli.prediction_lines import prediction_lines

    for document in documents:
        echo(*prediction_lines(document, ""))


def _predict_conditions(
    material: str,
    orientation: str | None,
    temperature: str,
    model: str,
    melt: MeltGroup,
    *,
    csv: Path | None,
    plot: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Predict one condition, or each of a range, with one load of the model."""
    from nakaya.cli.prediction_lines import also_to_be_asked, prediction_lines, range_lines
    from nakaya.crystallography.miller import split_planes
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.ranges import CONDITIONS, predict_range
    from nakaya.viz.writing import check_format
    from nakaya.workflows.plot_predictions import CHART_FORMATS, plot_velocities

    temperatures = _temperatures(temperature)
    orientations: list[str | None] = [None] if orientation is None else [*split_planes(orientation)]
    if plot is not None:
        if orientation is None:
            raise ParameterError("--plot draws growth velocities: give --orientation, such as 100,110,111")
        check_format(plot, CHART_FORMATS)
    loaded = load_model(model)
    is_long = len(orientations) * len(temperatures) > LONG
    with progress_reporter("predicting", "conditions") if is_long else nullcontext() as report:
        documents = predict_range(
            material, orientations, temperatures, model=loaded, nucleation=melt.conditions(), progress=report
        )
    documents = [_advised(document) for document in documents]
    if plot is not None:
        melting_point = loaded.table(material).melting_temperature
        title = f"{material}: predicted growth velocity, 90 % intervals"
        content = plot_velocities(documents, plot, melting_point=melting_point, title=title)
        write_whole(plot, content, overwrite=overwrite)
    _write_table(documents, csv, overwrite=overwrite)
    alone = {key: value for key, value in documents[0].items() if key not in CONDITIONS}
    if as_json:
        echo_json(alone if len(documents) == 1 else documents)
        return
    closing = also_to_be_asked(documents, material, loaded, is_written=csv is not None or plot is not None)
    echo(*(prediction_lines(alone, closing) if len(documents) == 1 else range_lines(documents, closing)))
    echo(*(f"written to {out}" for out in _outputs(csv, plot)))


def _temperatures(text: str) -> tuple[float, ...]:
    from nakaya.core.ranges import parse_numbers

    return parse_numbers(text, what="temperature", unit="K")


def _one(text: str | None) -> float | None:
    """A temperature where a range has no meaning."""
    if text is None:
        return None
    temperatures = _temperatures(text)
    if len(temperatures) != 1:
        raise ParameterError(f"--temperature {text}: one temperature in K goes with --md and --nucleus")
    return temperatures[0]


def _write_table(documents: Sequence[Mapping[str, Any]], csv: Path | None, *, overwrite: bool) -> None:
    if csv is None:
        return
    from nakaya.core.tables import encode_csv
    from nakaya.kinetics.prediction.ranges import prediction_table, warning_table

    write_whole(_warnings_beside(csv), encode_csv(warning_table(documents)), overwrite=overwrite)
    write_whole(csv, encode_csv(prediction_table(documents)), overwrite=overwrite)


def _outputs(csv: Path | None, plot: Path | None) -> list[Path]:
    """All files that are written."""
    tables = [] if csv is None else [csv, _warnings_beside(csv)]
    return [*tables, *([] if plot is None else [plot])]


def _warnings_beside(csv: Path) -> Path:
    """Where the texts of the warnings of a table go."""
    return csv.with_name(f"{csv.stem}.warnings.csv")


def _advised(document: Mapping[str, Any]) -> dict[str, Any]:
    """A prediction whose warnings say what else this program has to say to them."""
    from nakaya.kinetics.prediction.predicting import SEEN, UNSTATED_ORIENTATION

    table = ": nakaya benchmark kinetics --stored says how far off predictions of unseen conditions are"
    warnings = [
        warning + (" (--orientation)" if warning.endswith(UNSTATED_ORIENTATION) else table * warning.endswith(SEEN))
        for warning in document["warnings"]
    ]
    return {**document, "warnings": warnings}
