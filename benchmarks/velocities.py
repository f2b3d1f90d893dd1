"""Growth velocities of a set as a picture: against temperature, for every face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.core.files import check_output, write_whole
from nakaya.records.record import Record
from nakaya.records.store import load_records
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.charts.calibration import velocity_panels
from nakaya.viz.style import find_theme
from nakaya.workflows.show_kinetics import velocities_by_orientation

__all__ = ["draw_velocities", "velocities"]

FORMATS: Final[dict[str, Literal["svg", "png"]]] = {".svg": "svg", ".png": "png"}
PIXELS_PER_INCH: Final = 130


def draw_velocities(records: Sequence[Record], path: Path, *, theme: str = "light") -> list[str]:
    """Draw velocity against temperature with error bars (one standard error), a panel for each material.

    Args:
        records: Growth runs, and whatever tells the melting points.
        path: File, .svg or .png.
        theme: "dark" or "light".

    Returns:
        What was drawn, pair by pair.

    Raises:
        ParameterError: There are no growth runs, or the ending is another.
    """
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(f"{path} has the ending {path.suffix or 'none'!r}: use one of {', '.join(FORMATS)}")
    panels = velocities_by_orientation(records)
    if not panels:
        raise ParameterError("there are no growth runs with a velocity to draw")
    figure = velocity_panels(panels, find_theme(theme))
    write_whole(path, encode_figure(figure, FORMATS[path.suffix.lower()], pixels_per_inch=PIXELS_PER_INCH))
    return [
        f"{material} {points.label}: {len(points.x)} temperatures"
        for material, (series, _) in panels.items()
        for points in series
    ]


def velocities(
    out: Annotated[Path, typer.Argument(help="Picture to write, .svg or .png.")],
    records: Annotated[
        str, typer.Option(help="Shipped set, store or file of records with growth velocities.")
    ] = "al-cu-si",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Draw the velocities of records against temperature with error bars, a panel for each material.

    Example: python3 nk.py benchmark velocities velocities.png
    """
    check_output(out, overwrite=overwrite)
    drawn = draw_velocities(load_records(records), out)
    if as_json:
        echo_json({"file": out, "series": drawn})
    else:
        typer.echo("\n".join([*drawn, f"wrote {out}"]))
