"""Dendrites of a pure melt by the phase field: in the plane with the heat around them, and one in space."""

from __future__ import annotations

import time

from nakaya.growth.growing import grow
from nakaya.growth.solvers.phase_field.model import DendriteStop
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.workflows.demo.sources import PHASE_FIELD
from nakaya.workflows.show import view_member

__all__ = ["grow_dendrites"]

PLANE = PhaseField(undercooling=0.65, noise=0.01, capillary_length=0.1385)
"""Noise makes the side branches, so the whole crystal is grown."""

PLANE_SIZE = 360
SPACE = PhaseField3D(undercooling=0.65, anisotropy=0.06, capillary_length=0.1385, spacing=1.0)
"""Without noise an octant between mirrors is enough."""

SPACE_SIZE = 56
MARGIN = 12


def grow_dendrites(report: Report, seed: int) -> list[str]:
    """Grow a dendrite in the plane and one in space, and show them with their heat and their inside."""
    begin = time.process_time()
    plane = grow(PLANE, model="phase-field", size=PLANE_SIZE, seed=seed)
    space = grow(
        SPACE, model="phase-field-3d", geometry="octant", size=SPACE_SIZE, stop=DendriteStop(margin=MARGIN), seed=seed
    )
    seconds = time.process_time() - begin
    report.add_text(
        (
            "An undercooled melt freezes as fast as its latent heat gets away. Tips reach into cold melt and win. The "
            "model is the phase field of ",
            Link("Karma and Rappel, 1998", PHASE_FIELD),
            ", whose interface has a width but grows as a sharp one does. Lengths are in that width, W0.",
        )
    )
    report.add_figure(
        lambda theme, width: crystals_on_page(
            [view_member(plane, colour="temperature")], theme, width, labels=[""], columns=1
        ),
        caption=f"A dendrite at an undercooling of {PLANE.undercooling:g}, noise and all (seed {seed}), and the latent "
        "heat around it. The line is its edge.",
        alt="A four-armed dendrite with small side branches, bright with heat, in a dark cold melt.",
    )
    report.add_figure(
        lambda theme, width: crystals_on_page(
            [view_member(space), view_member(space, is_open=True)],
            theme,
            width,
            labels=["from outside", "with one corner cut away"],
            columns=2,
        ),
        caption=f"The same in space, an octant of {SPACE_SIZE} sites a side, unfolded by its mirrors. Inside, colour "
        "tells when a place froze.",
        alt="A rounded crystal with six arms under a lamp, and beside it the same one with a corner cut out.",
    )
    report.add_numbers([KeyNumber(f"{seconds:.1f} s", "to grow both", "CPU time, one core")])
    report.add_text(("More: ", Code("nakaya grow phase-field-3d --help"), ", ", Code("nakaya film --turn"), "."))
    return [
        f"grew a dendrite of {PLANE_SIZE} x {PLANE_SIZE} sites and an octant of {SPACE_SIZE}^3 "
        f"in {seconds:.1f} CPU seconds"
    ]
