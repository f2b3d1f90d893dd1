"""A casting that solidifies: columns from a cold wall, equiaxed grains ahead of them, coloured by orientation."""

from __future__ import annotations

import time

from nakaya.growth.growing import grow
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains
from nakaya.growth.solvers.grains.measures import GrainStatistics
from nakaya.viz.canvas import design_for_page
from nakaya.viz.crystals.animation import growth_animation
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.formatting import format_number
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.viz.style import TEXT_WIDTH
from nakaya.workflows.coarsening_starts import start_of_crystals
from nakaya.workflows.demo.sources import DENDRITIC_GRAINS
from nakaya.workflows.measure_grains import measure_grains
from nakaya.workflows.show import view_member

__all__ = ["solidify_a_casting"]

CASTING = DendriticGrains(
    undercooling=2.0, gradient=1500.0, cooling_rate=1.0, wall_density=8000.0, nuclei_density=3e7, spacing=1e-5
)
"""Al-7 wt% Si in Bridgman's setting; nuclei in the melt want 5 K, those on the wall 1 K."""

SHAPE = (240, 320)
FRAMES = 24
FILM_PIXELS = 640


def solidify_a_casting(report: Report, seed: int) -> list[str]:
    """Grow dendritic grains from a wall and in the melt, film them, and measure them."""
    begin = time.process_time()
    crystals = grow(CASTING, model="grains-dendritic", shape=SHAPE, seed=seed)
    seconds = time.process_time() - begin
    measured = measure_grains(start_of_crystals(crystals))
    found, texture = measured.statistics, measured.texture
    assert texture is not None, "grains of this model hold their orientations"
    view = view_member(crystals, colour="orientation")
    height = SHAPE[0] * CASTING.spacing
    report.add_text(
        (
            "Metals solidify as many crystals at once. On a cold wall (below) grains appear first and grow upwards as "
            "columns; those whose <100> axes point along the way of the heat overtake their neighbours. Where the melt "
            "ahead is undercooled enough, grains nucleate in it and block the columns. The model is that of ",
            Link("Gandin and Rappaz, 1997", DENDRITIC_GRAINS),
            f", with the velocities of Al-7 wt% Si, a gradient of {CASTING.gradient:g} K/m and a cooling rate of "
            f"{CASTING.cooling_rate:g} K/s.",
        )
    )
    report.add_figure(
        lambda theme, width: growth_animation(
            [view], [""], theme, title="", width=FILM_PIXELS, frames=FRAMES,
            design_width=design_for_page(min(width, TEXT_WIDTH)), margin=0.0,
        ),
        caption=f"Solidification over {1e3 * height:.2g} mm (seed {seed}). Colour: the crystal direction that points "
        "to the right.",
        alt="A film of coloured columns that rise from the lower edge and are met by grains from the melt.",
    )  # fmt: skip
    report.add_figure(
        lambda theme, width: crystals_on_page(
            [view], theme, width, labels=[""], columns=1, site_spacing=CASTING.spacing
        ),
        caption="What stands at the end: columns below, equiaxed grains above, lines where they met.",
        alt="A map of grains in red, yellow and green, narrow and upright below, round above.",
    )
    report.add_numbers(
        [
            KeyNumber(f"{found.num_grains}", "grains", f"{seconds:.1f} CPU seconds to grow them"),
            KeyNumber(_micrometres(found), "mean diameter", f"± {1e6 * found.diameter_deviation:.0f} µm over grains"),
            KeyNumber(
                format_number(texture.index, 3),
                "texture index",
                f"{format_number(texture.random, 3)} ± {format_number(texture.standard_deviation, 2)} at random",
            ),
        ]
    )
    report.add_text(
        ("Numbers of grains of your own: ", Code("nakaya measure grains.zarr"), ". They go on to coarsen: ",
         Code("nakaya coarsen grains.zarr"), ".")
    )  # fmt: skip
    return [
        f"solidified a casting of {SHAPE[0]} x {SHAPE[1]} sites: {found.num_grains} grains of {_micrometres(found)} "
        f"on average, in {seconds:.1f} CPU seconds"
    ]


def _micrometres(found: GrainStatistics) -> str:
    return f"{1e6 * found.mean_diameter:.0f} µm"
