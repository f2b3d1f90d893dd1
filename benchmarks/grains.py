"""Do grains come out as theory counts them, envelopes and fronts as their law says, and what do they cost?"""

from __future__ import annotations

import time
from math import cos, radians, sqrt
from typing import Annotated, Any

import numpy as np
import typer
from scipy import ndimage
from scipy.optimize import brentq

from nakaya.cli.output import echo_json
from nakaya.core.checks import check_count
from nakaya.growth.grower_model import GrowerModel, MemberGrowth
from nakaya.growth.growing import grow
from nakaya.growth.solvers.grains import cpu, dendritic_cpu
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains, DendriticGrains3D
from nakaya.growth.solvers.grains.measures import avrami_exponent
from nakaya.growth.solvers.grains.model import DENDRITIC, DENDRITIC_3D, MODEL, MODEL_3D
from nakaya.growth.solvers.grains.orientations import draw_orientations, matrices_of, positions
from nakaya.growth.solvers.grains.parameters import ConstantVelocity, Grains, Grains3D
from nakaya.theory import grains_per_area, grains_per_volume

__all__ = ["column_rows", "cost_rows", "counting_rows", "envelope_rows", "grains", "passed_fraction"]

KEY = (0, 0)

IN_PLANE, IN_SPACE = 512, 128
"""Sites along an axis of the lattices on which grains are counted."""

MORE_IN_PLANE = 4
"""Lattices in the plane for each in space: they hold fewer grains."""


def counting_rows(repeats: int) -> list[dict[str, Any]]:
    """Return Avrami exponents and numbers of grains, of `repeats` lattices (in the plane of more), beside theory's.

    The exponent is that of all lattices as one; the error of the number is the standard error of the mean over them.
    """
    cases: list[tuple[GrowerModel, ConstantVelocity, int, int]] = [
        (MODEL, Grains(site_density=1.5e9), IN_PLANE, 2),
        (MODEL, Grains(site_density=0, nucleation_rate=5e7), IN_PLANE, 3),
        (MODEL_3D, Grains3D(site_density=3e14), IN_SPACE, 3),
        (MODEL_3D, Grains3D(site_density=0, nucleation_rate=4e13), IN_SPACE, 4),
    ]
    rows = []
    for model, point, size, exponent in cases:
        d, volume = point.dimension, (size * point.spacing) ** point.dimension
        members = repeats * (MORE_IN_PLANE if d == 2 else 1)
        crystals = grow(point, model=model, size=size, members=members, seed=1)
        assert crystals.grain is not None
        numbers = crystals.grain.reshape(members, -1).max(axis=1) + 1.0
        row: dict[str, Any] = {
            "dimension": d,
            "nuclei": "rate" if point.nucleation_rate else "sites",
            "grains": int(numbers.sum()),
            "exponent": avrami_exponent(crystals.arrival),
            "expected_exponent": exponent,
        }
        if point.nucleation_rate:
            scale = (point.nucleation_rate / point.velocity) ** (d / (d + 1)) * volume
            count = grains_per_area if d == 2 else grains_per_volume
            row |= {
                "coefficient": float(numbers.mean() / scale),
                "coefficient_error": float(numbers.std(ddof=1) / sqrt(members) / scale) if members > 1 else None,
                "expected_coefficient": count(1, 1),
            }
        rows.append(row)
    return rows


def envelope_rows(orientations: int) -> list[dict[str, Any]]:
    """Return how far lone envelopes at a uniform undercooling are from the analytic square or octahedron.

    Depths are sums of components in the crystal's axes, in sites: of sites inside the analytic body that are not
    captured, and of captured ones outside it.
    """
    rows = []
    cases: list[tuple[GrowerModel, Any, int]] = [
        (DENDRITIC, DendriticGrains, 201),
        (DENDRITIC_3D, DendriticGrains3D, 81),
    ]
    for model, family, size in cases:
        point, centre = family(nuclei_density=0), size // 2
        setup = model.setup(size=size, initial=[(centre,) * model.dimension], stop=model.stop(margin=5))
        offsets = np.moveaxis(np.indices(setup.shape) - centre, 0, -1).reshape(-1, model.dimension)
        volumes, lacks, excesses = [], [], []
        for number in range(orientations):
            grown = dendritic_cpu.evolve(point, setup, (number, 7))
            matrix = matrices_of(draw_orientations((number, 7), 1, model.dimension))[0]
            distance = np.abs(positions(offsets) @ matrix.T).sum(axis=1).reshape(setup.shape)
            tip = grown.steps * point.velocity(point.undercooling) * point.time_step / point.spacing
            inside = grown.arrival >= 0
            volumes.append(float(inside.sum() / (distance <= tip).sum() - 1))
            lacks.append(max(tip - float(distance[~inside].min()), 0.0))
            excesses.append(max(float(distance[inside].max()) - tip, 0.0))
        rows.append(
            {
                "dimension": model.dimension,
                "orientations": orientations,
                "size_error_mean": float(np.mean(volumes)),
                "size_error_worst": min(volumes, key=lambda error: -abs(error)),
                "depth_lacking": max(lacks),
                "depth_in_excess": max(excesses),
            }
        )
    return rows


def column_rows() -> list[dict[str, Any]]:
    """Return the undercooling at the first site of each height that a columnar front captures, beside the law's.

    Isotherms rise with R/G. A corner inclined by an angle to the gradient rises with v cos(angle), so that it keeps up
    with them where v = (R/G)/cos(angle).
    """
    rows = []
    for gradient, time_step in ((1000.0, 4e-3), (2000.0, 4e-3), (4000.0, 2e-3)):
        point = DendriticGrains(
            undercooling=0,
            gradient=gradient,
            cooling_rate=gradient * 5e-4,
            nuclei_density=0,
            wall_density=3e3,
            time_step=time_step,
        )
        heights = np.arange(800, 1100)
        grown = dendritic_cpu.evolve(point, DENDRITIC.setup(shape=(1200, 100)), KEY)
        first = grown.arrival[heights].argmin(axis=1)
        angle = grown.fields["angle"][heights, first].astype(np.float64)
        needed = [_undercooling_of(point, 5e-4 / cos(radians(min(one, 90 - one)))) for one in angle.tolist()]
        rows.append(
            {
                "gradient": gradient,
                "undercooling": float(grown.fields["undercooling"][heights, first].mean()),
                "expected": float(np.mean(needed)),
                "expected_along_the_gradient": _undercooling_of(point, 5e-4),
            }
        )
    return rows


def _undercooling_of(point: DendriticGrains, velocity: float) -> float:
    return float(brentq(lambda undercooling: point.velocity(float(undercooling)) - velocity, 0.0, 100.0))


def passed_fraction(grown: MemberGrowth) -> float:
    """Fraction of sites that their grain reached through another: not joined to the grain's largest part."""
    assert grown.grain is not None
    apart = 0
    for number, box in enumerate(ndimage.find_objects(grown.grain + 1)):
        parts, _ = ndimage.label(grown.grain[box] == number, np.ones((3,) * grown.grain.ndim))
        sizes = np.bincount(parts.ravel())[1:]
        apart += int(sizes.sum() - sizes.max())
    return apart / grown.grain.size


def cost_rows(*, large: bool) -> list[dict[str, Any]]:
    """Return CPU seconds on one thread, after a first lattice that compiles."""
    side, long = (200, 1024) if large else (64, 256)
    per_area, per_volume = 1000 / (long * 1e-6) ** 2, 1000 / (side * 1e-6) ** 3
    sparse = DendriticGrains3D(nuclei_density=per_volume / 1000)
    cases: list[tuple[str, GrowerModel, Any, Any, int]] = [
        ("balls at sites", MODEL, cpu.grow_member, Grains(site_density=per_area), long),
        ("balls at a rate", MODEL, cpu.grow_member, Grains(site_density=0, nucleation_rate=4e7), long),
        ("squares at sites", MODEL, cpu.grow_member, Grains(site_density=per_area, facet_11=0.5**0.5), long),
        ("balls at sites", MODEL_3D, cpu.grow_member, Grains3D(site_density=per_volume), side),
        ("balls at a rate", MODEL_3D, cpu.grow_member, Grains3D(site_density=0, nucleation_rate=5e12), side),
        ("octahedra at sites", MODEL_3D, cpu.grow_member, Grains3D(site_density=per_volume, facet_111=3**-0.5), side),
        ("dendritic", DENDRITIC, dendritic_cpu.grow_member, DendriticGrains(nuclei_density=per_area * 1e-2), long),
        ("dendritic", DENDRITIC_3D, dendritic_cpu.grow_member, sparse, side // 2),
    ]  # fmt: skip
    rows = []
    for name, model, grow_member, point, size in cases:
        few = model.setup(size=16 if model.dimension == 3 else 64, initial=[(9,) * model.dimension])
        grow_member(type(point)(), few, KEY)  # compiles
        setup = model.setup(size=size, edges="insulated")
        start = time.process_time()
        grown = grow_member(point, setup, KEY)
        seconds = time.process_time() - start
        rows.append(
            {
                "case": f"{name}, {' x '.join([str(size)] * model.dimension)}",
                "grains": int(grown.grain.max()) + 1,
                "cpu_seconds": seconds,
                "through_others": passed_fraction(grown),
            }
        )
    return rows


def grains(
    repeats: Annotated[int, typer.Option(help="Lattices in space on which grains are counted.")] = 8,
    orientations: Annotated[int, typer.Option(help="Of lone envelopes.")] = 20,
    large: Annotated[bool, typer.Option("--large", help="Time lattices of 1024 x 1024 and 200 x 200 x 200.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold grains against Kolmogorov's theory and the law of dendrites, and measure CPU times.

    Example: python3 nk.py benchmark grains --large
    """
    repeats = check_count("repeats", repeats, 1, 1000)
    orientations = check_count("orientations", orientations, 1, 10_000)
    result = {
        "counting": counting_rows(repeats),
        "envelopes": envelope_rows(orientations),
        "columns": column_rows(),
        "cost": cost_rows(large=large),
    }
    if as_json:
        echo_json(result)
        return
    for row in result["counting"]:
        text = (
            f"{row['dimension']}-D, nuclei by {row['nuclei']}: {row['grains']} grains, Avrami exponent "
            f"{row['exponent']:.3f} (theory {row['expected_exponent']})"
        )
        if "coefficient" in row:
            error = row["coefficient_error"]
            text += f", n lambda^{row['dimension']} {row['coefficient']:.3f}"
            text += f"{'' if error is None else f' +- {error:.3f}'} (theory {row['expected_coefficient']:.3f})"
        typer.echo(text)
    for row in result["envelopes"]:
        typer.echo(
            f"{row['dimension']}-D, lone envelopes of {row['orientations']} orientations: size "
            f"{row['size_error_mean']:+.3%} (worst {row['size_error_worst']:+.3%}), "
            f"{row['depth_lacking']:.2f} sites inside the analytic surface and {row['depth_in_excess']:.2f} outside "
            "at most"
        )
    for row in result["columns"]:
        typer.echo(
            f"columns in {row['gradient']:g} K/m, R/G 0.5 mm/s: undercooling of the front {row['undercooling']:.3f} K, "
            f"by the law {row['expected']:.3f} K for their inclinations, {row['expected_along_the_gradient']:.3f} K "
            "along the gradient"
        )
    for row in result["cost"]:
        typer.echo(
            f"{row['case']}: {row['grains']} grains, CPU {row['cpu_seconds']:.2f} s, "
            f"{row['through_others']:.2%} of sites apart from their grain"
        )
