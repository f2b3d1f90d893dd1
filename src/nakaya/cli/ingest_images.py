"""`nakaya ingest micrograph` and `nakaya ingest ebsd`: images and maps of orientations become records and graphs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson, Overwrite
from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError

__all__ = ["ebsd", "micrograph"]


def micrograph(
    image: Annotated[Path, typer.Argument(help="PNG, TIFF, JPEG or BMP; grey or colour, 8 or 16 bits.")],
    out: Annotated[Path, typer.Option(help="Directory to make: records/, overlay.png, mask.png.")],
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
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the grains, dislocation loops or crystal lattices of a micrograph; write record, graph and overlay.

    Example: nakaya ingest micrograph steel.tif --pixel-size 0.2252um --out steel/

    Look at overlay.png. Where it is wrong, correct mask.png and run again with --mask.
    """
    from nakaya.workflows.ingest_micrograph import MicrographOptions, UnusedMaskError, ingest_micrograph

    try:
        options = MicrographOptions(kind, pixel_size, mask, material, lines, contrast, loop_diameter)
    except UnusedMaskError as error:
        raise ParameterError(f"--{error}") from None
    result = ingest_micrograph(image, out, options, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    for line in {"grains": _grain_lines, "loops": _loop_lines, "lattice": _lattice_lines}[kind](result):
        typer.echo(line)
    _echo_end(result)


def ebsd(
    source: Annotated[Path, typer.Argument(metavar="MAP", help="EBSD map: .ang (TSL, EMsoft) or .ctf (HKL).")],
    out: Annotated[Path, typer.Option(help="Directory to make: records/, overlay.png, mask.png.")],
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

    Example: nakaya ingest ebsd map.ang --threshold 5 --out map/

    Twins are Sigma 3 boundaries (60 degrees about 111) within Brandon's tolerance. Points that were not indexed belong
    to no grain.
    """
    from nakaya.microscopy.ebsd.grains import GrainRules
    from nakaya.workflows.ingest_ebsd import ingest_ebsd

    rules = GrainRules(threshold, min_pixels, min_confidence)
    result = ingest_ebsd(source, out, rules, material=material, overwrite=overwrite)
    if as_json:
        echo_json(result)
        return
    typer.echo(f"{result['grains']} grains, mean diameter {1e6 * result['mean_diameter_m']:.3g} um (whole grains)")
    for name in result["phases"]:
        twins = result["twin_fraction_by_phase"][name]
        share, count = result["phase_fractions"][name], result["grains_by_phase"][name]
        tail = "" if math.isnan(twins) else f", twins {100 * twins:.0f} % of its boundaries"
        typer.echo(f"  {name}: {100 * share:.1f} % of the indexed points, {count} grains{tail}")
    typer.echo(f"twin fraction {result['twin_fraction']:.3f}")
    _echo_end(result)


def _echo_end(result: Mapping[str, Any]) -> None:
    for flag in result["flags"]:
        typer.echo(f"  flag: {flag}")
    typer.echo(f"record {result['record']}: {result['status']}; look at {result['overlay']}")


def _grain_lines(result: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{result['grains']} grains, {result['grains_not_on_frame']} of them whole, "
        f"{result['mean_neighbours']:.2f} neighbours in the mean"
    ]
    if math.isnan(result["mean_intercept_m"]):
        return [
            *lines,
            f"mean intercept {result['mean_intercept_pixels']:.1f} pixels; no pixel size, no physical units",
        ]
    low, high = (1e6 * end for end in result["mean_intercept_interval_m"])
    lines.append(f"mean intercept {1e6 * result['mean_intercept_m']:.3g} um (95 %: {low:.3g} to {high:.3g})")
    lower, upper = result["astm_grain_size_interval"]
    lines.append(f"ASTM grain size {result['astm_grain_size']:.2f} (95 %: {lower:.2f} to {upper:.2f})")
    return lines


def _loop_lines(result: Mapping[str, Any]) -> list[str]:
    low, high = result["count_interval"]
    lines = [f"{result['count']} loops (95 % of the count alone: {low:.1f} to {high:.1f})"]
    if math.isnan(result["density_per_m2"]):
        return [*lines, f"mean diameter {result['mean_diameter_pixels']:.1f} pixels; no pixel size, no physical units"]
    return [
        *lines,
        f"mean diameter {1e9 * result['mean_diameter_m']:.3g} nm, density {result['density_per_m2']:.3g} per m2",
    ]


def _lattice_lines(result: Mapping[str, Any]) -> list[str]:
    lines = [f"{result['lattices']} lattice{'s' if result['lattices'] != 1 else ''}"]
    for number, (share, spacings) in enumerate(zip(result["shares"], result["spacings_pixels"], strict=True)):
        listed = ", ".join(f"{spacing:.2f}" for spacing in spacings)
        lines.append(f"  {number}: {100 * share:.0f} % of the image, spacings {listed} pixels")
    for boundary in result["boundaries"]:
        first, second = boundary["lattices"]
        others = "".join(f", or {angle:.1f}" for angle in boundary["other_rotations_degrees"])
        twin = ", a twin" if boundary["twin"] else ""
        lines.append(f"  {first} to {second}: rotated by {boundary['rotation_degrees']:.1f}{others} degrees{twin}")
    faults = result["stacking_faults"]
    lines.append("stacking faults cannot be seen" if math.isnan(faults) else f"{faults} stacking faults")
    return lines
