"""`nakaya grow`: crystals from conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.output import echo_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("grow")(grow)


def grow(
    rho: Annotated[float, typer.Option(help="Vapour density far from the crystal, in (0, 1].")],
    out: Annotated[Path | None, typer.Option(help="Store to write (a new directory, such as flakes.zarr).")] = None,
    model: Annotated[str, typer.Option(help="Solver or emulator; `nakaya info` lists them.")] = "gravner-griffeath",
    size: Annotated[int, typer.Option(help="Rows and columns of the lattice, 8 to 16384.")] = 64,
    members: Annotated[int, typer.Option(help="Number of crystals.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of all noise: same seed, same crystals.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads that may work at once; does not change the result.")] = 1,
    geometry: Annotated[str, typer.Option(help="sector (120 degree wedge) or full (whole lattice).")] = "sector",
    edges: Annotated[str | None, typer.Option(help="reservoir (default) or periodic (full lattice only).")] = None,
    initial: Annotated[
        list[str] | None, typer.Option(help="Site of an initial crystal as ROW,COLUMN; repeat for several.")
    ] = None,
    margin: Annotated[int, typer.Option(help="Stop when the front comes this close to the far edge.")] = 5,
    max_steps: Annotated[
        int | None,
        typer.Option(help="Stop after this many steps (default: 10000 up to size 64, else no limit)."),
    ] = None,
    no_growth: Annotated[int, typer.Option(help="Stop after this many steps without an attachment.")] = 10_000,
    alpha: Annotated[float, typer.Option(help="Attachment mass with 3 neighbours in thin vapour, [0, 10].")] = 0.14,
    beta: Annotated[float, typer.Option(help="Attachment mass with 1 or 2 neighbours, [0, 10].")] = 1.1,
    gamma: Annotated[float, typer.Option(help="Fraction of crystal mass that melts in a step, [0, 1].")] = 7e-5,
    theta: Annotated[float, typer.Option(help="Vapour below which alpha applies, [0, 7].")] = 8.5e-3,
    kappa: Annotated[float, typer.Option(help="Fraction of vapour frozen directly to crystal, [0, 1].")] = 7e-3,
    mu: Annotated[float, typer.Option(help="Fraction of quasi-liquid that melts in a step, [0, 1].")] = 4.8e-2,
    sigma: Annotated[float, typer.Option(help="Amplitude of the noise, [0, 1).")] = 5e-5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Grow snow crystals with the exact solver, or with an emulator of it.

    Example: nakaya grow --rho 0.5 --size 64 --members 16 --seed 7 --out flakes.zarr

    Every crystal is stored as its arrival map (the step at which each site attached), which holds its whole history.
    """
    from nakaya.growth.growing import grow as grow_crystals
    from nakaya.growth.model.setup import StopRules
    from nakaya.growth.model.summary import summarise
    from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
    from nakaya.growth.store.storing import check_store_output, save

    point = GravnerGriffeath(rho=rho, alpha=alpha, beta=beta, gamma=gamma, theta=theta, kappa=kappa, mu=mu, sigma=sigma)
    stop = StopRules(margin=margin, max_steps="default" if max_steps is None else max_steps, no_growth=no_growth)
    if out is not None:
        check_store_output(out, overwrite=overwrite)
    crystals = grow_crystals(
        point,
        model=model,
        geometry=geometry,
        size=size,
        members=members,
        seed=seed,
        workers=workers,
        initial=None if not initial else [_parse_site(text) for text in initial],
        edges=edges,
        stop=stop,
    )
    if out is not None:
        save(crystals, out, overwrite=overwrite)
    summary = summarise(crystals) | {"out": out}
    if as_json:
        echo_json(summary)
        return
    rows = zip(summary["steps"], summary["areas"], summary["stopped_by"], strict=True)
    for number, (steps, area, reason) in enumerate(rows):
        typer.echo(f"member {number}: {area} sites after {steps} steps, stopped by {reason}")
    typer.echo(f"written to {out}" if out is not None else "not stored: give --out to keep the crystals")


def _parse_site(text: str) -> tuple[int, int]:
    from nakaya.core.errors import ParameterError

    try:
        row, column = (int(word) for word in text.split(","))
    except ValueError:
        raise ParameterError(f"--initial {text!r} is not a site: write ROW,COLUMN, such as 32,32") from None
    return row, column
