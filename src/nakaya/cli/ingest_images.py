"""`nakaya ingest micrograph` and `nakaya ingest ebsd`: images and maps of orientations become records and graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo, echo_json, echo_outlines, echo_tables
from nakaya.core.errors import ParameterError

__all__ = ["ebsd", "micrograph"]


def micrograph(
    image: Annotated[Path, typer.Argument(help="PNG, TIFF, JPEG or BMP; grey or colour, 8 or 16 bits.")],
    out: Annotated[Path, typer.Option(help="Directory to make: records/, tables/ (CSV), overlay.png, mask.png.")],
    pixel_size: Annotated[
        str | None,
        typer.Option(
            help="Size of a pixel with its unit, such as 0.2252um (1 pm to 1 cm). Left out: what the file itself says "
            "about the specimen; nothing there: no physical units."
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="A mask drawn or corrected by hand instead: boundaries, grains in colours, or loops."),
    ] = None,
    kind: Annotated[str, typer.Option(help="What to look for: grains, loops (TEM) or lattice (atoms).")] = "grains",
    material: Annotated[str, typer.Option(help="Material of the specimen.")] = "unknown",
    lines: Annotated[str | None, typer.Option(help="Grains: dark or bright boundaries; found out if left out.")] = None,
    contrast: Annotated[
        float, typer.Option(help="Loops: depth below the background, share of the grey scale, 0 to 1.")
    ] = 0.23,
    loop_diameter: Annotated[float, typer.Option(help="Loops: about how many pixels across, 4 to 500.")] = 26.0,
    crop: Annotated[
        str | None,
        typer.Option(
            help="Part that shows the specimen, WIDTHxHEIGHT+LEFT+TOP in pixels. Left out: the rows above the data bar "
            "where an FEI header names them, else the whole image; none: the whole image."
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the grains, dislocation loops or crystal lattices of a micrograph; write record, graph and overlay.

    Example: nakaya ingest micrograph examples/micrograph/steel.png --pixel-size 0.5um --out steel/

    Look at overlay.png. Where it is wrong, correct mask.png and run again with --mask.
    """
    from nakaya.workflows.ingest_micrograph import MicrographOptions, UnusedMaskError, ingest_micrograph

    try:
        options = MicrographOptions(kind, pixel_size, mask, material, lines, contrast, loop_diameter, crop)
    except UnusedMaskError as error:
        raise ParameterError(f"--{error}") from None
    result = ingest_micrograph(image, out, options, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    echo_outlines(out / "records")
    echo_tables(result["tables"])
    echo(f"look at {result['overlay']}")


def ebsd(
    source: Annotated[Path, typer.Argument(metavar="MAP", help="EBSD map: .ang (TSL, EMsoft, ASTAR) or .ctf (HKL).")],
    out: Annotated[Path, typer.Option(help="Directory to make: records/, tables/ (CSV), overlay.png, mask.png.")],
    threshold: Annotated[float, typer.Option(help="Greatest disorientation inside a grain, degrees, 0.1 to 60.")] = 5.0,
    min_pixels: Annotated[int, typer.Option(help="Least number of points of a grain, 1 or more.")] = 5,
    min_confidence: Annotated[
        float | None,
        typer.Option(help="Points below this shape no grain. Left out: 0.1 for .ang, no limit for .ctf."),
    ] = None,
    material: Annotated[str | None, typer.Option(help="Material; the names of the phases if left out.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the grains, phases and twins of an EBSD map; write a record, a graph and an inverse-pole-figure map.

    Example: nakaya ingest ebsd examples/ebsd/nickel.ang --threshold 5 --out map/

    Twins: of cubic crystals Sigma 3 (60 degrees about 111) within Brandon's tolerance, of hexagonal metals {10-12},
    {10-11}, {11-21} and {11-22} within 5 degrees; no number where no law is known. Points that were not indexed belong
    to no grain.
    """
    from nakaya.microscopy.ebsd.grains import GrainRules
    from nakaya.workflows.ingest_ebsd import ingest_ebsd

    rules = GrainRules(threshold, min_pixels, min_confidence)
    result = ingest_ebsd(source, out, rules, material=material, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    echo_outlines(out / "records")
    echo_tables(result["tables"])
    echo(f"look at {result['overlay']}")
