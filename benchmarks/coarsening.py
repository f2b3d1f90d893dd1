"""Does a coarsening polycrystal obey its laws: circles, spheres, junctions, von Neumann and Mullins, and how fast?"""

from __future__ import annotations

import math
import time
from typing import Annotated, Any

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.arrays import GrainMap
from nakaya.growth.coarsening.coarsening import coarsen
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map

__all__ = ["ball_map", "coarsening", "junction_map", "junction_rate", "measure_polycrystal", "shrinking_rate"]

CLASSES = range(4, 10)
"""Numbers of neighbours whose mean growth rates are fitted."""


def ball_map(radius: float, dimension: int) -> GrainMap:
    """Return a circle or a sphere in the middle of another grain, off the sites' symmetry: int32 [*lattice]."""
    side = round(2 * radius + 16)
    offsets = np.indices((side,) * dimension) - (side / 2 + 0.237)
    return np.asarray(np.sqrt((offsets**2).sum(axis=0)) < radius, np.int32)


def shrinking_rate(radius: float, dimension: int) -> float:
    """Return how fast R^2 of a circle or a sphere falls, over 2 (dimension - 1) M gamma, until half of it is left."""
    end = radius**2 / (4 * (dimension - 1))
    found = coarsen(ball_map(radius, dimension), spacing=1.0, mobility=1.0, duration=end, frames=6)
    unit = math.pi if dimension == 2 else 4 * math.pi / 3
    squares = (found.sizes[1:, 1] / unit) ** (2 / dimension)
    return float(-np.polyfit(found.times[1:], squares, 1)[0] / (2 * (dimension - 1)))


def junction_map(width: int) -> GrainMap:
    """Return two columns below a third grain: one junction between mirrors, int32 [4 width, 2 width]."""
    rows, columns = np.indices((4 * width, 2 * width))
    return np.where(rows < 2 * width, 2, columns >= width).astype(np.int32)


def junction_rate(width: int, column_energy: float, energy: float) -> tuple[float, float]:
    """Return the dihedral angle at a junction in degrees, as the grain above it shows it, and that of Young's law.

    Boundaries that end at mirrors turn by 2 psi around the junction, sin psi = gamma_c / (2 gamma), so that the grain
    above grows by 2 psi M gamma whatever their shape (Gauss & Bonnet; for 120 degrees this is von Neumann's pi / 3).

    Args:
        width: Sites from a mirror to the junction.
        column_energy: gamma_c, of the boundary between the columns.
        energy: gamma, of both others.
    """
    table = np.full((3, 3), energy)
    table[0, 1] = table[1, 0] = column_energy
    found = coarsen(
        junction_map(width), spacing=1.0, mobility=1.0, energy=1.0 if column_energy == energy else table,
        duration=width**2 / energy, frames=4, edges="insulated",
    )  # fmt: skip
    rate = (found.sizes[4, 2] - found.sizes[2, 2]) / (found.times[4] - found.times[2])
    return 180 - math.degrees(rate / energy), 180 - 2 * math.degrees(math.asin(column_energy / (2 * energy)))


def measure_polycrystal(num_grains: int, side: int, seed: int) -> dict[str, Any]:
    """Return what a Voronoi map does until a tenth of its grains are left: line of mean area, classes, CPU seconds."""
    shape = (side, side)
    start = voronoi_map(scatter_points(num_grains, shape, np.random.default_rng(seed)), shape).labels
    coarsen(start[:64, :64], spacing=1.0, mobility=1.0, duration=1.0, frames=1)  # compiles
    begin = time.process_time()
    found = coarsen(start, spacing=1.0, mobility=1.0, until_grains=num_grains // 10, frames=40)
    seconds = time.process_time() - begin
    slope, r2 = found.linear_fit()
    classes = [entry for entry in found.topological_classes() if entry.neighbours in CLASSES]
    line = np.polyfit([entry.neighbours for entry in classes], [entry.growth_rate for entry in classes], 1)
    return {
        "grains": num_grains,
        "side": side,
        "cpu_seconds": seconds,
        "left": int(found.num_grains[-1]),
        "slope_of_mean_area": slope,
        "r2": r2,
        "classes": classes,
        "class_slope": float(line[0] / (math.pi / 3)),
        "class_zero": float(-line[1] / line[0]),
    }


def coarsening(
    grains: Annotated[int, typer.Option(help="Of the polycrystal, at first.")] = 1000,
    side: Annotated[int, typer.Option(help="Its sites along each edge.")] = 512,
    seed: Annotated[int, typer.Option(help="Of its Voronoi map.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold coarsening against what is known: shrinking circles and spheres, angles, rates by number of neighbours.

    Example: python3 nk.py benchmark coarsening --grains 200 --side 256
    """
    balls = [
        {"dimension": dimension, "radius": radius, "rate": shrinking_rate(radius, dimension)}
        for dimension, radius in ((2, 10.0), (2, 20.0), (2, 40.0), (3, 10.0), (3, 16.0))
    ]
    angles = []
    for column, other in ((1.0, 1.0), (0.5, 1.0), (0.8, 1.0), (1.0, 0.7)):
        angle, law = junction_rate(32, column, other)
        angles.append({"column_energy": column, "energy": other, "angle": angle, "law": law})
    polycrystal = measure_polycrystal(grains, side, seed)
    if as_json:
        echo_json({"balls": balls, "angles": angles, "polycrystal": polycrystal})
        return
    for row in balls:
        name = "circle" if row["dimension"] == 2 else "sphere"
        typer.echo(f"{name} of radius {row['radius']:g}: rate over its law {row['rate']:.4f}")
    for row in angles:
        typer.echo(
            f"energies {row['column_energy']:g} and {row['energy']:g}: dihedral angle {row['angle']:.1f} degrees, "
            f"Young's law {row['law']:.1f}"
        )
    typer.echo(
        f"{grains} grains on {side}^2 sites until {polycrystal['left']} are left: "
        f"CPU {polycrystal['cpu_seconds']:.1f} s, one thread"
    )
    typer.echo(
        f"mean area against time: R2 {polycrystal['r2']:.4f}, slope {polycrystal['slope_of_mean_area']:.3f} M gamma"
    )
    for entry in polycrystal["classes"]:
        typer.echo(
            f"{entry.neighbours} neighbours: dA/dt {entry.growth_rate / (math.pi / 3):+.3f} +- "
            f"{entry.standard_error / (math.pi / 3):.3f} in pi/3 M gamma, law {entry.neighbours - 6:+d}, "
            f"{entry.count} times"
        )
    typer.echo(
        f"line through the classes: slope {polycrystal['class_slope']:.3f} of pi/3 M gamma, zero at "
        f"{polycrystal['class_zero']:.2f}"
    )
