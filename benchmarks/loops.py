"""Loops counted by rule beside loops that people drew, each image left out of the choice of its rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import InputFileError
from nakaya.microscopy.images import read_image
from nakaya.microscopy.loops.counting import calibrate_loops, find_loops, loops_of_mask
from nakaya.workflows.ingest_micrograph import drawn_spots

__all__ = ["LoopRow", "benchmark_loops", "loops"]

_IMAGE = re.compile(r"image-(\w+)\.(png|tif|tiff)", re.IGNORECASE)


@dataclass(frozen=True)
class LoopRow:
    """One image.

    Attributes:
        image: File name.
        drawn: Loops that people drew.
        found: Loops that were found.
        on_drawn: Found ones that overlap a drawn one.
        contrast: That was chosen on the other images.
    """

    image: str
    drawn: int
    found: int
    on_drawn: int
    contrast: float


def benchmark_loops(folder: Path) -> list[LoopRow]:
    """Choose the contrast on all images but one, count the loops of that one, and so on around.

    Args:
        folder: With pairs image-NAME.png and mask-NAME.png; a mask is white where there is a loop.

    Raises:
        InputFileError: There are fewer than two pairs.
        FormatError: An image or a mask cannot be read, or they are of two sizes.
    """
    names = sorted(path.name for path in folder.iterdir() if _IMAGE.fullmatch(path.name)) if folder.is_dir() else []
    pairs = [(name, folder / name.replace("image-", "mask-")) for name in names]
    pairs = [(name, mask) for name, mask in pairs if mask.is_file()]
    if len(pairs) < 2:
        raise InputFileError(f"{folder} holds {len(pairs)} pairs image-NAME.png, mask-NAME.png: at least 2 are needed")
    images = [read_image(folder / name).values for name, _ in pairs]
    masks = [
        drawn_spots(mask, (image.shape[0], image.shape[1])) for image, (_, mask) in zip(images, pairs, strict=True)
    ]
    drawn = [loops_of_mask(image, mask) for image, mask in zip(images, masks, strict=True)]
    rows = []
    for place, (name, _) in enumerate(pairs):
        others = [number for number in range(len(pairs)) if number != place]
        rules = calibrate_loops([images[number] for number in others], [drawn[number].count for number in others])
        found = find_loops(images[place], rules)
        on_drawn = len(np.unique(found.labels[masks[place] & (found.labels >= 0)]))
        rows.append(LoopRow(name, drawn[place].count, found.count, on_drawn, rules.contrast))
    return rows


def loops(
    folder: Annotated[Path, typer.Argument(help="Folder with pairs image-NAME.png and mask-NAME.png.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count dislocation loops in TEM images beside the loops that people drew, leaving one image out.

    The contrast is chosen on all images but the one that is counted. A mask is white where there is a loop.

    Example: python3 nk.py benchmark loops examples/loops
    """
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
