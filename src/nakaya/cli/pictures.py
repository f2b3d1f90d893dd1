"""`nakaya show`, `nakaya film`, `nakaya diagram`: crystals to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.errors import ParameterError

if TYPE_CHECKING:
    from nakaya.viz.crystals.camera import Camera

__all__ = ["diagram", "film", "show"]

Store = Annotated[Path, typer.Argument(help="Store to read, such as flakes.zarr.")]
Point = Annotated[int, typer.Option(help="Number of the parameter point, from 0.")]
Member = Annotated[int, typer.Option(help="Number of the crystal at this point, from 0.")]
Everyone = Annotated[bool, typer.Option("--all", help="All members of the point side by side, at one scale.")]
Colour = Annotated[
    str | None,
    typer.Option(
        "--colour", "--field", help="What colours stand for: time, grain, orientation, or a final field (temperature)."
    ),
]
SeenFrom = Annotated[
    str | None,
    typer.Option("--from", help="Of three dimensions: AZIMUTH,ELEVATION of the view in degrees, such as 30,25."),
]
Opened = Annotated[bool, typer.Option("--open", help="Of three dimensions: cut away the corner towards the view.")]
Ground = Annotated[str, typer.Option(help="dark or light.")]


def show(
    store: Store,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .jpg, .webp or .tif.")] = Path("crystal.png"),
    point: Point = 0,
    member: Member = 0,
    everyone: Everyone = False,
    at: Annotated[int | None, typer.Option(help="Show it after this many steps (default: at the end).")] = None,
    colour: Colour = None,
    plane: Annotated[
        str | None, typer.Option("--slice", help="Of three dimensions: one plane, AXIS=NUMBER, such as layer=32.")
    ] = None,
    seen_from: SeenFrom = None,
    opened: Opened = False,
    ground: Ground = "dark",
    width: Annotated[int | None, typer.Option(help="Pixels across, 160 to 4096 (1200; with --all 1600).")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a crystal: every site a cell at its place, or in three dimensions its surface under a lamp.

    Example: nakaya show flakes.zarr --member 3 --out crystal.png

    A sector is unfolded to the six-fold crystal, and the picture says so; a full lattice is shown as it is. Colours
    stand for the step at which a site attached, for grains where there are any, or for what --colour says. Crystals in
    three dimensions are seen from --from, whole, with --open, or one --slice of them.
    """
    from nakaya.workflows.show import show_store

    summary = show_store(
        store,
        out,
        point=point,
        member=None if everyone else member,
        step=at,
        colour=colour,
        cut=None if plane is None else _parse_plane(plane),
        camera=None if seen_from is None else _parse_camera(seen_from),
        is_open=opened,
        theme=ground,
        width=width,
        overwrite=overwrite,
    )
    if as_json:
        echo_json(summary)
    else:
        echo(f"{summary['title']}: {summary['width']} x {summary['height']} pixels, written to {out}")


def _parse_camera(text: str) -> Camera:
    from nakaya.viz.crystals.camera import Camera

    azimuth, _, elevation = text.partition(",")
    try:
        return Camera(float(azimuth), float(elevation))
    except ValueError as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"--from {text!r} is not AZIMUTH,ELEVATION: write, for example, 30,25") from None


def _parse_plane(text: str) -> tuple[str, int]:
    axis, _, number = text.partition("=")
    try:
        return axis.strip(), int(number)
    except ValueError:
        raise ParameterError(f"--slice {text!r} is not AXIS=NUMBER: write, for example, layer=32") from None


def film(
    store: Store,
    out: Annotated[Path, typer.Option(help="Film to write: .gif, .png (animated), or .mp4 or .webm by ffmpeg.")] = Path(
        "growth.gif"
    ),
    point: Point = 0,
    member: Member = 0,
    everyone: Everyone = False,
    frames: Annotated[int, typer.Option(help="At most this many frames, at equal strides of steps, 2 to 1000.")] = 60,
    frame_ms: Annotated[int, typer.Option(help="Milliseconds that a frame is shown, 20 to 10000.")] = 50,
    turn: Annotated[
        bool, typer.Option("--turn", help="Of three dimensions: turn it once in place of its growth.")
    ] = False,
    colour: Colour = None,
    seen_from: SeenFrom = None,
    opened: Opened = False,
    ground: Ground = "dark",
    width: Annotated[int, typer.Option(help="Pixels across, 160 to 4096.")] = 540,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Film a crystal's growth, at fixed physical steps, or a whole crystal that turns.

    Example: nakaya film flakes.zarr --member 3 --out growth.gif

    Every frame is the same number of steps after the one before; the last is held for 2.5 seconds. MP4 and WebM need
    the program ffmpeg on the PATH; they are smaller, and play once.
    """
    from nakaya.workflows.show import animate_store

    with progress_reporter("filming", "frames") as report:
        summary = animate_store(
            store,
            out,
            point=point,
            member=None if everyone else member,
            theme=ground,
            width=width,
            frames=frames,
            frame_ms=frame_ms,
            colour=colour,
            camera=None if seen_from is None else _parse_camera(seen_from),
            is_open=opened,
            is_turning=turn,
            overwrite=overwrite,
            progress=report,
        )
    if as_json:
        echo_json(summary)
    else:
        echo(
            f"{summary['title']}: {summary['frames']} frames, {summary['seconds']:.1f} s, "
            f"{summary['bytes'] / 1e6:.2f} MB, written to {out}"
        )


def diagram(
    x: Annotated[str, typer.Option(help="Parameter to the right: NAME:LOW:HIGH:COUNT; of a store, the name alone.")],
    y: Annotated[str, typer.Option(help="Parameter upwards: NAME:LOW:HIGH:COUNT; of a store, the name alone.")],
    store: Annotated[Path | None, typer.Argument(help="Store over a grid; without it, crystals grow.")] = None,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .jpg, .webp or .tif.")] = Path("diagram.png"),
    fix: Annotated[
        list[str] | None, typer.Option(help="Another parameter as NAME=VALUE; repeat for several (defaults: grow).")
    ] = None,
    model: Annotated[str, typer.Option(help="Solver or emulator; `nakaya info` lists them.")] = "gravner-griffeath",
    size: Annotated[int | None, typer.Option(help="Sites along every axis of the lattice, 8 to 16384.")] = None,
    shape: Annotated[str | None, typer.Option(help="Sites along each axis, in place of --size, such as 64,48.")] = None,
    geometry: Annotated[str | None, typer.Option(help="Part of the lattice; by default the model's first.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all noise: same seed, same crystals.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads that may work at once; does not change the result.")] = 1,
    member: Annotated[int, typer.Option(help="Of a store: number of the crystal at each point, from 0.")] = 0,
    clock: Annotated[str, typer.Option(help="Colours run over each crystal's own growth, or shared by all.")] = "own",
    ground: Ground = "dark",
    width: Annotated[int, typer.Option(help="Pixels across, 160 to 4096.")] = 1800,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw the morphology diagram: a plane of two parameters with the crystal of every point at its place.

    Example: nakaya diagram --x rho:0.35:0.64:8 --y beta:1.0:1.6:6 --size 64 --out diagram.png

    All crystals are drawn at one scale. With a store, such as a campaign over a grid, nothing is grown:
    nakaya diagram store.zarr --x rho --y beta
    """
    from nakaya.cli.grow import parse_shape
    from nakaya.workflows.diagram import diagram_by_growing, diagram_of_store, parse_axis, parse_fixed

    if store is not None:
        summary = diagram_of_store(
            store, out, x=x, y=y, member=member, theme=ground, width=width, clock=clock, overwrite=overwrite
        )
    else:
        x_axis, y_axis = parse_axis(x), parse_axis(y)
        with progress_reporter("growing", "crystals") as report:
            summary = diagram_by_growing(
                out,
                x=x_axis,
                y=y_axis,
                fixed=parse_fixed(fix or []),
                model=model,
                size=size,
                shape=parse_shape(shape),
                geometry=geometry,
                seed=seed,
                workers=workers,
                theme=ground,
                width=width,
                clock=clock,
                overwrite=overwrite,
                progress=_adding_up(report, x_axis.count * y_axis.count),
            )
    if as_json:
        echo_json(summary)
    else:
        echo(f"{summary['title']}: {summary['crystals']} crystals, written to {out}")


def _adding_up(report: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """Turn increments, as pipelines tell them, into how many are done of how many."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        report(done, total)

    return add
