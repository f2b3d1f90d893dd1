"""`nakaya chain`: from the velocities of atoms to the grains that a microscope sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nakaya.cli.options import AsJson, KineticsModelName, Overwrite
from nakaya.cli.output import echo, echo_json

__all__ = ["chain"]


def chain(
    out: Annotated[Path, typer.Option(help="Folder to make: report, grains, section, what was ingested.")],
    material: Annotated[
        str, typer.Option(help="Chemical symbol, of a metal whose interfacial energy is known.")
    ] = "Al",
    temperature: Annotated[float | None, typer.Option(help="At which the melt is held, in K.")] = None,
    cooling_rate: Annotated[
        float | None, typer.Option(help="At which it is cooled from its melting point, in K/s.")
    ] = None,
    members: Annotated[int, typer.Option(help="Draws of the kinetics, each with a polycrystal of its own.")] = 8,
    grains: Annotated[int, typer.Option(help="Expected in a box.")] = 300,
    size: Annotated[int, typer.Option(help="Sites along the edges of a box, 32 to 512.")] = 96,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Threads that grow grains; do not change the result.")] = 1,
    model: KineticsModelName = "al-cu-si",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Predict kinetics, grow grains from them, and measure what a microscope would see.

    Example: nakaya chain --material Al --temperature 640 --out chain/

    Velocities of faces and the nucleation rate are drawn with what is not known of them; each draw grows a polycrystal
    of kinetic Wulff shapes; a section of it becomes an EBSD map and a micrograph, which are read as any file is.
    Closed forms stand beside. Takes about half a minute. It warns where grains meet before they are crystals, where
    an interval spans more than a decade, and where latent heat would reheat the melt.
    """
    from nakaya.cli.progress import progress_reporter
    from nakaya.workflows.chain import ChainOptions, run_chain

    options = ChainOptions(
        material, temperature, cooling_rate, members=members, grains=grains, size=size, seed=seed, model=model
    )
    with progress_reporter("chain", "steps") as report:
        document = run_chain(
            options, out, workers=workers, overwrite=overwrite,
            stage=lambda _, number, total: report(number, total),
        )  # fmt: skip
    if as_json:
        echo_json(document)
        return
    echo(*_lines(document), f"report: {document['report']}")


def _lines(document: dict[str, Any]) -> list[str]:
    lines = []
    for name, entry in document["quantities"].items():
        for way, told in entry.items():
            if way == "unit":
                continue
            words = name.replace("_", " ")
            unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
            low, high = (f"{end:.3g}" for end in told["interval90"])
            interval = f"  (90 %: {low} to {high})" if low != high else ""
            lines.append(f"{words:<22} {way:<12} {told['value']:.3g}{unit}{interval}")
    lines.append(f"grown members have {document['closed_form_ratio']:.2f} times the grains of the closed form")
    return [*lines, *(f"warning: {warning}" for warning in document["warnings"])]
