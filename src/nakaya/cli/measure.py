"""`nakaya measure`: the grains of a polycrystal in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.coarsen import parse_quantity
from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import ParameterError

__all__ = ["measure"]


def measure(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Store of grains (.zarr), coarsening.npz (its last frame), EBSD (.ctf, .ang), a mask (.png, .tif), or "
            "an array (.npz).",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Table to write, .csv: one row for each grain.")] = None,
    point: Annotated[int, typer.Option(help="Of a store: the parameter point, from 0.")] = 0,
    member: Annotated[int, typer.Option(help="Of a store: the crystal at this point, from 0.")] = 0,
    spacing: Annotated[
        str | None, typer.Option(help="Distance of sites, such as '0.5 um', where the input does not say it.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Print number, density, sizes and texture of the grains of a store, a coarsened map, an EBSD map or a mask.

    Example: nakaya measure grains.zarr --out grains.csv

    SI units, or sites where no spacing is known. lambda is the length at which grains of a constant nucleation rate
    would have met to leave as many; diameters are those of circles (balls) of the grains' sizes. The texture index is
    printed beside its value for random orientations of grains of these sizes: docs/measures.md defines it.
    """
    from nakaya.core.files import check_output
    from nakaya.workflows.measure_grains import measure_file, summary_of_grains, write_table

    if out is not None:
        check_output(out, overwrite=overwrite)
    length = None if spacing is None else parse_quantity("spacing", spacing, "m")
    if length is not None and not length[1]:
        raise ParameterError(f"--spacing {spacing!r} has no unit: write, say, '0.5 um'")
    found = measure_file(source, point=point, member=member, spacing=None if length is None else length[0])
    if out is not None:
        write_table(found, out, overwrite=overwrite)
    summary = summary_of_grains(found)
    if as_json:
        echo_json(summary | {"source": source, "out": out})
        return
    rows = _rows(summary, found.start.symmetry)
    width = max(len(name) for name, _ in rows)
    echo(*(f"{name:{width}s}  {told}" for name, told in rows))
    echo(*(f"flag: {flag}" for flag in found.start.flags))
    if out is not None:
        echo(f"one row for each grain: {out}")


def _rows(summary: dict[str, Any], laue_class: str) -> list[tuple[str, str]]:
    """What the summary says, as names and words."""
    unit, dimension = summary["length_unit"], summary["dimension"]
    shape = "circles" if dimension == 2 else "balls"
    size = "area" if dimension == 2 else "volume"
    sides = " x ".join(map(str, summary["shape"]))
    apart = f", {summary['spacing']:.3g} m apart" if unit == "m" else ", no spacing known"
    low, middle, high = summary["diameter_quantiles"].values()
    spread = summary["diameter_deviation"] / summary["mean_diameter"]
    cut = f", {summary['grains_on_edges']} of them at the edges" if summary["edges"] == "insulated" else ""
    rows = [
        ("lattice", f"{sides} sites{apart}, {summary['edges']}"),
        ("solid", f"{100 * summary['solid_fraction']:.4g} %"),
        ("grains", f"{summary['grains']}{cut}"),
        ("density", f"{summary['grain_density']:.3g} 1/{_power(unit, dimension)}"),
        ("lambda", f"{summary['characteristic_length']:.3g} {unit}"),
        (f"mean {size}", f"{summary['mean_size']:.3g} {_power(unit, dimension)}, standard deviation "
         f"{100 * summary['size_variation']:.3g} % of it"),
        ("diameter", f"{summary['mean_diameter']:.3g} {unit}, standard deviation {100 * spread:.3g} % of it "
         f"(of {shape})"),
        ("", f"{low:.3g}, {middle:.3g} and {high:.3g} {unit} at 5, 50 and 95 % of the grains"),
        ("neighbours", f"{summary['mean_neighbours']:.2f} on average"),
    ]  # fmt: skip
    texture = summary["texture"]
    if texture is None:
        why = f"defined for cubic crystals (m-3m); these are {laue_class}" if laue_class else "no orientations known"
        return [*rows, ("texture index", f"- ({why})")]
    told = (
        f"{texture['index']:.3g}; for random orientations {texture['random']:.3g} +- "
        f"{texture['standard_deviation']:.2g} (standard deviation), for a single one {texture['single']:.3g}"
    )
    return [*rows, ("texture index", told)]


def _power(unit: str, exponent: int) -> str:
    """A unit raised to a power, as tables write it.

    >>> _power("m", 2), _power("sites", 3)
    ('m2', 'sites^3')
    """
    return f"{unit}{exponent}" if unit == "m" else f"{unit}^{exponent}"
