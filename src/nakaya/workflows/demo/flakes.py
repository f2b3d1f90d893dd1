"""Whole flakes from the exact solver: pictures, an animation, and how fast they were grown."""

from __future__ import annotations

import time

import numpy as np

from nakaya.growth.growing import grow
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.morphology.description import describe_trajectory
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.viz.canvas import design_for_page
from nakaya.viz.crystals.animation import growth_animation
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.viz.style import PAGE_WIDTH, TEXT_WIDTH
from nakaya.workflows.demo.sources import SNOW_CRYSTALS
from nakaya.workflows.show import view_member

__all__ = ["grow_whole_flakes"]

DENSITIES = (0.38, 0.44, 0.50, 0.56, 0.60, 0.64)
"""From plates with narrow arms to broad ferns."""

SIZE = 221
SIGMA = 1e-3
"""More noise than in the emulator's setting, so that arms differ to the eye."""

FILMED = 2
"""Which of `DENSITIES` is filmed."""

FILM_PIXELS = 720


def grow_whole_flakes(report: Report, seed: int) -> list[str]:
    """Grow one flake at each vapour density and show them."""
    points = [GravnerGriffeath(rho=rho, sigma=SIGMA) for rho in DENSITIES]
    grow(points[-1], geometry="full", size=32, seed=seed)  # compiles, or loads what was compiled before
    begin = time.process_time()
    flakes = grow(points, geometry="full", size=SIZE, seed=seed)
    seconds = time.process_time() - begin
    updates = SIZE**2 * int(flakes.steps.sum())

    report.add_text(
        (
            "Each flake grows from one frozen site at the centre of a hexagonal lattice, in vapour of density ρ (",
            Link("Gravner and Griffeath, 2008", SNOW_CRYSTALS),
            "). The solver is exact: it is the published model, with rounding and noise defined to the last bit, and "
            "the same seed gives the same flake on every machine and for any number of threads. Colour tells when a "
            "site froze, dark first.",
        )
    )
    report.add_numbers(
        [
            KeyNumber(f"{len(DENSITIES)}", "whole flakes", f"{SIZE} × {SIZE} sites each"),
            KeyNumber(f"{seconds:.2f} s", "to grow them", "CPU time, one core"),
            KeyNumber(f"{updates / seconds / 1e9:.2f} × 10⁹", "site updates a second", "nakaya benchmark speed"),
        ]
    )
    labels = [f"ρ = {rho:.2f}" for rho in DENSITIES]
    views = [view_member(flakes, point=number) for number in range(len(DENSITIES))]
    report.add_figure(
        lambda theme, width: crystals_on_page(
            views, theme, width, labels=labels, columns=3 if width >= PAGE_WIDTH else 2
        ),
        caption="Six exact flakes, from thin vapour to dense. "
        f"Noise (σ = {SIGMA:g}, seed {seed}) makes the arms differ.",
        alt="Six snow crystals, from a compact star at vapour density 0.38 to a broad branched one at 0.64.",
    )
    report.add_figure(
        lambda theme, width: growth_animation(
            [views[FILMED]],
            [""],
            theme,
            title="",
            width=FILM_PIXELS,
            frames=48,
            design_width=design_for_page(min(width, TEXT_WIDTH)),
            margin=0.0,
        ),
        caption=f"Growth of the flake at ρ = {DENSITIES[FILMED]:.2f}, in physical steps.",
        alt="A film of a snow crystal growing six arms with side branches from the centre.",
    )
    report.add_table(
        ("vapour density ρ", "steps", "area (sites)", "tip radius (sites)", "branches", "sixfold order", "dimension"),
        _measures(flakes),
        caption=("What the flakes look like, in numbers; ", Code("docs/measures.md"), " defines them."),
    )
    return [
        f"grew {len(DENSITIES)} whole flakes of {SIZE} x {SIZE} sites exactly in {seconds:.2f} CPU seconds "
        f"({updates / seconds / 1e9:.2f} billion site updates a second)"
    ]


def _measures(flakes: Trajectory) -> list[tuple[object, ...]]:
    shape = describe_trajectory(flakes)
    columns = (shape.area, shape.tip_radius, shape.branches, shape.sixfold_order, shape.fractal_dimension)
    measured = np.stack([np.asarray(column, np.float64)[:, 0] for column in columns], axis=1)
    return [
        (f"{rho:.2f}", int(steps), int(area), round(tip, 1), int(branches), round(order, 3), round(dimension, 2))
        for rho, steps, (area, tip, branches, order, dimension) in zip(
            DENSITIES, flakes.steps[:, 0], measured, strict=True
        )
    ]
