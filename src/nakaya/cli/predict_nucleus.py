"""`nakaya predict --nucleus`: the fate of a nucleus in a snapshot, and the seeding records that it is told from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nakaya.cli.options import TrajectoryGroup, split_names
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import FormatError, InputFileError, ParameterError

if TYPE_CHECKING:
    from nakaya.kinetics.nuclei.samples import NucleusSet

__all__ = ["OWN_NUCLEI", "predict_nucleus", "seeding_records"]

OWN_NUCLEI: Final = "make records with nakaya md seed, and name their folder with --records"


def seeding_records(source: str | None, after_ps: float) -> NucleusSet:
    """The nuclei of a set of records, by default of those that ship.

    Raises:
        InputFileError: No such records, and how to make some.
    """
    from nakaya.kinetics.nuclei.samples import NoNucleiError, read_nuclei
    from nakaya.kinetics.nuclei.table import SHIPPED_NUCLEI
    from nakaya.records.store import load_records, record_folder, shipped_sets

    if source is None and SHIPPED_NUCLEI not in shipped_sets():
        raise InputFileError(f"no seeding records ship with this version: {OWN_NUCLEI}")
    place = source or SHIPPED_NUCLEI
    try:
        return read_nuclei(load_records(place), record_folder(place), after_ps=after_ps)
    except NoNucleiError as error:
        raise InputFileError(f"{place}: {error}: {OWN_NUCLEI}") from None


def predict_nucleus(
    path: Path,
    material: str | None,
    temperature: float | None,
    records: str | None,
    about: TrajectoryGroup,
    *,
    as_json: bool,
) -> None:
    """Print what will become of the nucleus in the last frame of a file."""
    from nakaya.cli.progress import progress_reporter
    from nakaya.kinetics.nuclei.labels import AFTER_PS
    from nakaya.kinetics.nuclei.prediction import predict_fate, train_forecaster
    from nakaya.md.trajectories.files import read_trajectory

    if material is None or temperature is None:
        raise ParameterError("--nucleus needs --material and --temperature in K")
    nuclei = seeding_records(records, AFTER_PS)
    trajectory = read_trajectory(
        path, lammps_units=about.lammps_units, elements=split_names(about.elements) or (material,)
    )
    frame = None
    for frame in trajectory:  # noqa: B007  # the last one is wanted
        pass
    if frame is None:
        raise FormatError(f"{path} holds no frame")
    with progress_reporter("fitting", "models") as report:
        forecaster = train_forecaster(nuclei, progress=report)
    document = predict_fate(forecaster, frame, material=material, temperature=temperature)
    document = {"file": str(path), "frame": frame.number, **document}
    document["warnings"] = [*document["warnings"], *trajectory.flags]
    if as_json:
        echo_json(document)
        return
    echo(*_lines(document))


def _lines(document: Mapping[str, Any]) -> list[str]:
    def told(entry: Mapping[str, Any], form: str) -> str:
        low, high = entry["interval90"]
        return f"{entry['value']:{form}}  (90 %: {low:{form}} to {high:{form}})"

    probability, critical = document["probability_to_grow"], document["critical_size"]
    return [
        f"nucleus of {document['size']:.0f} atoms in frame {document['frame']}, {document['material']} at "
        f"{document['temperature']:g} K",
        f"size after {document['after_ps']:g} ps       {told(document['size_after'], '.0f')}",
        f"change over n^(2/3)   {told(document['change'], '.2f')}",
        "P(grow)               "
        + ("not known: too few branches were decided" if probability is None else f"{probability:.2f}"),
        "critical size         " + ("not bracketed by the records" if critical is None else told(critical, ".0f")),
        f"by {document['model']}, from {document['training_nuclei']} nuclei",
        *(f"warning: {warning}" for warning in document["warnings"]),
    ]
