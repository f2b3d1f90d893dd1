"""How well grains come back from synthetic etched micrographs: the deviation of the mean intercept, per etching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.cli.progress import progress_reporter
from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_count
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.grain_size import mean_intercept
from nakaya.microscopy.grains.record import measure_map
from nakaya.microscopy.grains.segmentation import segment_grains
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map

__all__ = ["ASKED", "ETCHINGS", "EtchingRow", "benchmark_micrographs", "micrographs"]

SHAPE = (360, 480)
GRAINS = 140
RELAXATIONS = 2
ASKED = 0.10
"""Deviation of the mean intercept that counts as right."""

ETCHINGS = {
    "clean": Etching(noise=0.02),
    "noise": Etching(noise=0.15),
    "gaps": Etching(noise=0.05, broken=0.2),
    "unmarked": Etching(noise=0.05, unmarked=0.15),
    "all of it": Etching(noise=0.1, unmarked=0.1, broken=0.15, grey_deviation=0.05, shading=0.2, pits=0.5),
    "faint": Etching(contrast=0.3, noise=0.12, unmarked=0.05, broken=0.1),
    "bright lines": Etching(contrast=1.0, noise=0.05, unmarked=0.1, broken=0.15, bright_lines=True),
    "a quarter unmarked": Etching(noise=0.1, unmarked=0.25, broken=0.2),
}
"""How the micrographs are etched, from easy to hard; the last one is past what is asked."""


@dataclass(frozen=True)
class EtchingRow:
    """One etching.

    Attributes:
        name: Of the etching.
        deviation: Mean intercept found over the true one, less 1, float64 [map].
        grains: Grains found over those made, float64 [map].
    """

    name: str
    deviation: FloatArray
    grains: FloatArray

    @property
    def within(self) -> float:
        """Share of the maps whose mean intercept is right within `ASKED`."""
        return float((np.abs(self.deviation) <= ASKED).mean())


def benchmark_micrographs(
    maps: int = 20, *, seed: int = 0, stage: Callable[[int, int], None] | None = None
) -> list[EtchingRow]:
    """Make maps of grains, etch each in every way, divide the images into grains, and compare.

    Args:
        maps: How many maps.
        seed: Of all of them.
        stage: Told how many images are done, of how many.

    Raises:
        ParameterError: `maps` is out of range.
    """
    check_count("maps", maps, 1, 10_000, ": it is the number of synthetic maps")
    deviation = np.empty((len(ETCHINGS), maps))
    grains = np.empty_like(deviation)
    for number in range(maps):
        rng = np.random.default_rng([seed, number])
        truth = voronoi_map(scatter_points(GRAINS, SHAPE, rng, relaxations=RELAXATIONS), SHAPE, periodic=False).labels
        expected = mean_intercept(truth).value
        for row, etching in enumerate(ETCHINGS.values()):
            found = measure_map(segment_grains(etched_image(truth, etching, rng).astype(np.float64)).labels)
            deviation[row, number] = found.intercept.value / expected - 1
            grains[row, number] = found.num_grains / (int(truth.max()) + 1)
            if stage is not None:
                stage(number * len(ETCHINGS) + row + 1, maps * len(ETCHINGS))
    return [EtchingRow(name, deviation[row], grains[row]) for row, name in enumerate(ETCHINGS)]


def micrographs(
    maps: Annotated[int, typer.Option(help="Number of synthetic maps, 1 or more; each is etched in eight ways.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the maps and of their etching.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Divide synthetic etched micrographs into grains and compare with the maps they were made from.

    Boundaries are noisy, broken, unmarked in part; grains differ in brightness, the light comes from one side, the etch
    leaves pits. Printed is how far the mean intercept is off. Takes about a quarter of a minute for each map.

    Example: python3 nk.py benchmark micrographs --maps 5
    """
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
