"""`nakaya coarsen`: grains that grow at the cost of others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.grow import parse_shape
from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.errors import ParameterError

__all__ = ["coarsen", "parse_quantity"]

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
REDUCED, PLAIN = "m^2/s", "m^4/(J s)"


def parse_quantity(name: str, text: str, *units: str) -> tuple[float, str]:
    """Return a number in SI, and which of the units measures it; "" for a number without a unit.

    Raises:
        ParameterError: It is no number, or its unit measures something else.

    >>> parse_quantity("duration", "2 min", "s")
    (120.0, 's')
    """
    from nakaya.records.units import same_dimension, to_si

    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ParameterError(f"--{name} {text!r} is no number with a unit: write, say, '1 {units[0]}'")
    number, unit = float(match[1]), match[2]
    if not unit:
        return number, ""
    for known in units:
        if same_dimension(unit, known):
            return float(to_si(number, unit)), known
    raise ParameterError(f"--{name} {text!r} is in {unit}: expected {' or '.join(units)}")


def coarsen(
    start: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Map of grains: .npz, a mask (.png, .tif), a store of grains (.zarr), EBSD (.ctf, .ang), an earlier "
            "coarsening.npz; or voronoi or laguerre, a random tessellation.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to make: arrays, tables, picture, film.")],
    mobility: Annotated[
        str,
        typer.Option(
            help="Reduced mobility M gamma, such as '1e-14 m^2/s', or M with --energy, such as '3e-14 m^4/(J s)'; a "
            "number alone is in sites and plain time."
        ),
    ] = "1",
    energy: Annotated[str | None, typer.Option(help="Boundary energy gamma, such as '0.6 J/m^2'.")] = None,
    read_shockley: Annotated[
        float | None,
        typer.Option(help="Energies by misorientation (Read & Shockley) up to this angle in degrees, usually 15."),
    ] = None,
    duration: Annotated[str | None, typer.Option(help="How long, such as '30 min'; a number alone is plain.")] = None,
    until_grains: Annotated[int | None, typer.Option(help="Stop when so many grains are left.")] = None,
    frames: Annotated[int, typer.Option(help="Maps that are kept beside the first, 1 to 10000.")] = 10,
    spacing: Annotated[
        str | None, typer.Option(help="Distance of sites, such as '0.5 um', where the input does not say it.")
    ] = None,
    edges: Annotated[
        str | None, typer.Option(help="periodic or insulated (boundaries meet edges at 90 degrees); by the input.")
    ] = None,
    grains: Annotated[int, typer.Option(help="Of a tessellation: number of grains.")] = 200,
    shape: Annotated[str, typer.Option(help="Of a tessellation: sites along each axis, two or three.")] = "256,256",
    seed: Annotated[int, typer.Option(help="Of a tessellation.")] = 0,
    point: Annotated[int, typer.Option(help="Of a store: the parameter point, from 0.")] = 0,
    member: Annotated[int, typer.Option(help="Of a store: the crystal at this point, from 0.")] = 0,
    vti: Annotated[bool, typer.Option("--vti", help="Write each frame for ParaView, too.")] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Let the grains of a polycrystal coarsen: boundaries move by their curvature, small grains vanish.

    Example: nakaya coarsen voronoi --grains 100 --shape 160,160 --until-grains 30 --out coarse

    v = M gamma kappa, by threshold dynamics: deterministic, without temperature and without the anisotropy of a
    lattice. The folder holds coarsening.npz (open it again as INPUT, or in Python), frames.csv, grains.csv (area and
    neighbours of every grain in every frame), summary.json, maps.png and film.gif. Sites without a grain go to the
    nearest one. A killed run goes on at its last frame when the same command is given again. docs/coarsening.md says
    how sure the rates are, and when not to use it.
    """
    from nakaya.growth.coarsening.energies import ReadShockley
    from nakaya.workflows.coarsen import check_physical, coarsen_to_folder
    from nakaya.workflows.coarsening_starts import TESSELLATIONS, read_start, tessellation

    if start in TESSELLATIONS:
        sides = parse_shape(shape)
        if sides is None or len(sides) not in (2, 3) or not all(8 <= side <= 16384 for side in sides):
            raise ParameterError(f"--shape {shape!r} is not two or three numbers of sites from 8 to 16384")
        begun = tessellation(start, sides, grains, seed)
    else:
        begun = read_start(Path(start), point=point, member=member)
    rate, kind = parse_quantity("mobility", mobility, REDUCED, PLAIN)
    gamma, energy_unit = (1.0, "") if energy is None else parse_quantity("energy", energy, "J/m^2")
    if (kind == PLAIN) != (energy is not None) and kind:
        needed = "M gamma has the energy in it: leave --energy out" if kind == REDUCED else "M needs --energy"
        raise ParameterError(f"--mobility {mobility!r} and --energy {energy!r} do not go together: {needed}")
    time, time_unit = (None, "") if duration is None else parse_quantity("duration", duration, "s")
    length, length_unit = _spacing(spacing, begun.spacing, is_physical=bool(kind))
    stated = [bool(kind), length_unit] + ([] if duration is None else [bool(time_unit)])
    is_physical = check_physical(tuple(stated + ([] if energy is None else [bool(energy_unit)])))
    if read_shockley is not None and not begun.symmetry:
        raise ParameterError(f"{start} has no orientations of one symmetry: energies by misorientation need them")
    chosen: Any = gamma if read_shockley is None else ReadShockley(gamma, read_shockley)
    with progress_reporter("coarsening", "frames") as report:
        summary = coarsen_to_folder(
            begun, out, spacing=length, mobility=rate, energy=chosen, duration=time, until_grains=until_grains,
            frames=frames, edges=edges or begun.edges, is_physical=is_physical, vti=vti, overwrite=overwrite,
            progress=report,
        )  # fmt: skip
    if as_json:
        echo_json(summary)
        return
    unit, size, metre = (" s", f" m{summary['dimension']}", " m") if is_physical else ("", "", "")
    echo(
        f"{summary['grains'][0]} grains became {summary['grains'][-1]} in {summary['times'][-1]:.4g}{unit}; mean size "
        f"{summary['mean_size'][0]:.4g} to {summary['mean_size'][-1]:.4g}{size}, "
        f"lambda {summary['characteristic_length'][-1]:.3g}{metre}"
    )
    echo(*(f"flag: {flag}" for flag in summary["flags"]))
    echo(f"written to {out}: coarsening.npz, frames.csv, grains.csv, summary.json, maps.png, film.gif")


def _spacing(text: str | None, known: float | None, *, is_physical: bool) -> tuple[float, bool]:
    """Distance of sites, and whether it is in metres."""
    if text is not None:
        length, unit = parse_quantity("spacing", text, "m")
        return length, bool(unit)
    if is_physical and known is None:
        raise ParameterError("the input does not say how far its sites are apart: give --spacing, such as '0.5 um'")
    return (known, True) if is_physical and known is not None else (1.0, False)
