"""`nakaya infer`: which conditions grew this crystal?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json

if TYPE_CHECKING:
    from nakaya.workflows.infer import Inference

__all__ = ["infer"]


def infer(
    source: Annotated[Path, typer.Argument(help="Store, such as flakes.zarr, or picture of one crystal (.png, ...).")],
    model: Annotated[
        str | None,
        typer.Option(help="Posterior that ships (snow, dendrites), or folder of a training; of a store: by its model."),
    ] = None,
    point: Annotated[int, typer.Option(help="Of a store: number of the parameter point, from 0.")] = 0,
    member: Annotated[int, typer.Option(help="Of a store: number of the crystal at this point, from 0.")] = 0,
    spacing: Annotated[
        float | None,
        typer.Option(help="Of a picture: length of a pixel, in the model's unit of length (W0), or sites of snow."),
    ] = None,
    quarter: Annotated[
        bool, typer.Option("--quarter", help="The picture shows a quarter, its centre in the lower left corner.")
    ] = False,
    angle: Annotated[float, typer.Option(help="Of a picture: degrees from rightwards to an arm, anticlockwise.")] = 0.0,
    draws: Annotated[int, typer.Option(help="From the posterior.")] = 2000,
    predicted: Annotated[int, typer.Option(help="Crystals to grow from draws, to look at; 0 to 64.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the draws and of these crystals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Picture to write: crystals and densities (.png, .jpg, .webp or .tif).")
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Table of the draws to write.")] = None,
    ground: Annotated[str, typer.Option(help="dark or light.")] = "dark",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Say which conditions grew a crystal: a posterior from a store or from a picture.

    Example: nakaya infer flakes.zarr --out posterior.png

    Every condition in the posterior's ranges was equally probable before; nothing else is ever an answer. A crystal
    that looks like none of the training is said to. A picture is one that `nakaya show` drew, or one crystal on an even
    ground, with --spacing: nakaya infer crystal.png --model snow
    """
    from nakaya.core.files import check_output
    from nakaya.viz.writing import IMAGE_FORMATS, check_format
    from nakaya.workflows.infer import infer as infer_conditions
    from nakaya.workflows.infer import write_draws, write_picture

    if out is not None:
        check_format(out, IMAGE_FORMATS)
        check_output(out, overwrite=overwrite)
    if table is not None:
        check_output(table, overwrite=overwrite)
    found = infer_conditions(
        source,
        model=model,
        point=point,
        member=member,
        spacing=spacing,
        is_whole=not quarter,
        angle=angle,
        draws=draws,
        predicted=predicted,
        seed=seed,
    )
    if out is not None:
        write_picture(found, out, theme=ground, overwrite=overwrite)
    if table is not None:
        write_draws(found, table, overwrite=overwrite)
    if as_json:
        echo_json({**found.as_plain(), "picture": out, "csv": table})
        return
    echo(*_lines(found))
    for path in (out, table):
        if path is not None:
            echo(f"wrote {path}")


def _lines(found: Inference) -> list[str]:
    """What is said, as lines of text."""
    has_truth = any(entry.truth is not None for entry in found.parameters)
    header = f"{'':<14} {'mean':>10} {'90 % from':>10} {'to':>10} {'of prior':>9}   before"
    lines = [f"{found.source} by {found.model}, of crystals of {found.solver}", ""]
    lines.append(header + ("        in the store" if has_truth else ""))
    for entry in found.parameters:
        low, high = entry.prior
        before = f"{low:g} to {high:g}" + (" (log)" if entry.scale == "log" else "")
        line = f"{entry.name:<14} {entry.mean:10.4g} {entry.low:10.4g} {entry.high:10.4g} {entry.narrowed:9.2f}   "
        truth = "" if entry.truth is None else f" {entry.truth:.4g}"
        lines.append(f"{line}{before:<20}{truth}".rstrip())
    names = [entry.name for entry in found.parameters]
    pairs = [
        f"{names[row]} and {names[column]} {found.correlation[row, column]:+.2f}"
        for row in range(len(names))
        for column in range(row)
    ]
    lines.append("")
    lines += [f"correlation: {', '.join(pairs)}"] if pairs else []
    lines.append(
        f"distance from the training crystals: {found.distance:.1f}; 99 % of others lie within "
        f"{found.expected_distance:.1f}"
    )
    if found.predicted_overlap is not None:
        lines.append(
            f"{len(found.predicted)} crystals grown from the posterior overlap this one by "
            f"{found.predicted_overlap:.2f} (intersection over union)"
        )
    return [*lines, *(f"note: {note}" for note in found.notes), *(f"warning: {text}" for text in found.warnings)]
