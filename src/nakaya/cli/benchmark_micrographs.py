"""`nakaya benchmark micrographs` and `loops`: grains and loops beside what is known or was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `benchmark`."""
    group.command("micrographs")(micrographs)
    group.command("loops")(loops)


def micrographs(
    maps: Annotated[int, typer.Option(help="Number of synthetic maps, 1 or more; each is etched in eight ways.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the maps and of their etching.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Divide synthetic etched micrographs into grains and compare with the maps they were made from.

    Boundaries are noisy, broken, unmarked in part; grains differ in brightness, the light comes from one side, the etch
    leaves pits. Printed is how far the mean intercept is off. Takes about a quarter of a minute for each map.

    Example: nakaya benchmark micrographs --maps 5
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.workflows.benchmark_micrographs import ASKED, ETCHINGS, benchmark_micrographs

    with progress_reporter("etching", "images") as report:
        rows = benchmark_micrographs(maps, seed=seed, stage=report)
    if as_json:
        echo_json(
            {
                "maps": maps,
                "seed": seed,
                "asked": ASKED,
                "etchings": [
                    {"name": row.name, **vars(ETCHINGS[row.name]), "deviation": row.deviation, "grains": row.grains}
                    for row in rows
                ],
            }
        )
        return
    typer.echo(f"mean intercept over that of the map, less 1, on {maps} maps")
    typer.echo(f"{'etching':20s} {'mean':>8s} {'worst':>8s} {'within 10 %':>12s} {'grains found / made':>20s}")
    for row in rows:
        worst = row.deviation[abs(row.deviation).argmax()]
        typer.echo(
            f"{row.name:20s} {100 * row.deviation.mean():+7.1f}% {100 * worst:+7.1f}% {100 * row.within:11.0f}% "
            f"{row.grains.mean():20.2f}"
        )


def loops(
    folder: Annotated[Path, typer.Argument(help="Folder with pairs image-NAME.png and mask-NAME.png.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count dislocation loops in TEM images beside the loops that people drew, leaving one image out.

    The contrast is chosen on all images but the one that is counted. A mask is white where there is a loop.

    Example: nakaya benchmark loops images/
    """
    from nakaya.workflows.benchmark_loops import benchmark_loops

    rows = benchmark_loops(folder)
    if as_json:
        echo_json({"images": rows})
        return
    typer.echo(
        f"{'image':20s} {'drawn':>6s} {'found':>6s} {'off':>6s} {'of them on a drawn one':>23s} {'contrast':>9s}"
    )
    for row in rows:
        off = f"{100 * (row.found / row.drawn - 1):+.0f}%" if row.drawn else "-"
        typer.echo(f"{row.image:20s} {row.drawn:6d} {row.found:6d} {off:>6s} {row.on_drawn:23d} {row.contrast:9.2f}")
