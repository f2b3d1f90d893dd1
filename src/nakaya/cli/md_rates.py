"""`nakaya md rates`: critical sizes, interfacial energy and nucleation rates from records of seeding and quenches."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json

__all__ = ["rates"]


def rates(
    records: Annotated[str, typer.Argument(help="Shipped set, store, campaign or file with seeding or quenches.")],
    material: Annotated[
        str | None, typer.Option(help="Chemical symbol; may be left out where the records are of one material.")
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(help="At which rates are predicted, in K; repeat (default: 0.5 to 0.8 of the melting point)."),
    ] = None,
    known: Annotated[
        str | None, typer.Option(help="Records that tell melting points and bulk, where RECORDS do not.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Store for the posterior as a record (a new directory).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find critical sizes, interfacial energy and nucleation rates from records of seeding and quenches.

    Example: nakaya md rates al-cu-si --material Al --out posterior/

    Nuclei of each temperature tell n* (as many releases grow as dissolve), f+ (how branches drift apart) and with
    delta-mu (the integrated latent heat) gamma and ln J, with the error by each part. One line gamma(T) is then fitted
    to the nuclei and to the quenches at once, with an offset of each detector of solid atoms and a term for what
    classical theory misses; it predicts ln J (J in 1/(m3 s)) at other temperatures. Everything is of the potential.
    """
    from nakaya.core.files import check_output
    from nakaya.md.seeding.summary import rates_from_records

    if out is not None:
        check_output(out, overwrite=overwrite, sign="*.json")
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    document = rates_from_records(
        records, known=known, material=material, temperatures=temperature or (), seed=seed, out=out,
        overwrite=overwrite, command=shlex.join(["nakaya", *words]),
    )  # fmt: skip
    if as_json:
        echo_json(document)
        return
    echo(*_lines(document), *([] if out is None else [f"wrote {out}"]))


def _lines(document: dict[str, Any]) -> list[str]:
    melting = f"{document['melting_point_K']:.0f} +- {document['melting_point_error_K']:.0f} K"
    lines = [f"{document['material']} melts at {melting}"]
    lines += [_seeded(row) for row in document["seeding"]]
    for row in document["quenches"]:
        lines.append(
            f"{row['temperature_K']:g} K, quenches: {row['events']} events, "
            f"ln J = {row['log_rate']:.2f} +- {row['standard_error']:.2f}"
        )
    energy = document["interfacial_energy"]
    low, high = energy["J_per_m2"]["interval90"]
    rise, fall = energy["J_per_m2_K"]["interval90"]
    lines.append(
        f"gamma = {energy['J_per_m2']['median']:.4f} [{low:.4f}, {high:.4f}] J/m2 at "
        f"{energy['reference_temperature_K']:.0f} K, "
        f"d gamma/dT = {energy['J_per_m2_K']['median']:.1e} [{rise:.1e}, {fall:.1e}] J/(m2 K)"
    )
    for row in document["rates"]:
        low, high = row["interval90"]
        parts = ", ".join(f"{name} {value:.1f}" for name, value in row["errors"].items())
        lines.append(f"{row['temperature_K']:g} K: ln J = {row['log_rate']:.1f} [{low:.1f}, {high:.1f}] ({parts})")
    for row in document["held_out"]:
        what = "ln J" if row["seen_by"] == "quenches" else "ln n*"
        lines.append(
            f"{row['temperature']:g} K, {row['seen_by']}, held out: {what} = {row['seen']:.2f}, "
            f"predicted {row['median']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        )
    return [*lines, *(f"note: {flag}" for flag in document["flags"])]


def _seeded(row: dict[str, Any]) -> str:
    start = f"{row['temperature_K']:g} K, {row['detector']}: {row['nuclei']} nuclei"
    if row["critical_size"] is None:
        return f"{start}, no critical size"
    low, high = row["critical_size_interval90"]
    line = (
        f"{start}, n* = {row['critical_size']:.0f} [{low:.0f}, {high:.0f}], "
        f"delta-mu/kT = {row['driving_force']:.3f} +- {row['driving_force_error']:.3f}"
    )
    if row["log_rate"] is None:
        return f"{line}, no attachment rate"
    parts = ", ".join(
        f"{name.replace('_', ' ')} {value:.1f}"
        for name, value in row["errors"].items()
        if name != "total" and not math.isnan(value)
    )
    return (
        f"{line}, f+ = {row['attachment_rate_per_s']:.2g} /s, Z = {row['zeldovich_factor']:.3f}, "
        f"W*/kT = {row['barrier_kT']:.1f}, gamma = {row['interfacial_energy_J_per_m2']:.4f} J/m2, "
        f"ln J = {row['log_rate']:.1f} +- {row['errors']['total']:.1f} ({parts})"
    )
