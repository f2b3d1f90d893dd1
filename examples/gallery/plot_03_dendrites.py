"""
Dendrites of a pure melt
========================

The phase-field model of Karma and Rappel (Phys. Rev. E 57, 4323, 1998): an undercooled melt, latent heat that has to
get away, and a surface tension with four-fold anisotropy. Tips win because they lose heat best.
"""

from nakaya import grow
from nakaya.growth.solvers.phase_field.model import DendriteStop
from nakaya.growth.solvers.phase_field.parameters import PhaseField
from nakaya.viz.crystals.figure import crystal_figure
from nakaya.viz.style import LIGHT
from nakaya.workflows.show import draw_crystal, view_member

# %%
# Three undercoolings, in units of latent heat over specific heat. Lengths are in W0, the width of the interface,
# times in tau0. Without noise a quarter of the crystal is enough, between two mirrors.
UNDERCOOLINGS = (0.55, 0.65, 0.75)
crystals = [
    grow(
        PhaseField(undercooling=undercooling, anisotropy=0.05, seed_radius=15),
        model="phase-field",
        geometry="quarter",
        size=280,
        stop=DendriteStop(margin=60),
        seed=1,
    )
    for undercooling in UNDERCOOLINGS
]
times = [int(crystal.steps[0]) * crystal.metadata.step_duration for crystal in crystals]
picture = crystal_figure(
    [view_member(crystal) for crystal in crystals],
    LIGHT,
    labels=[f"Δ = {value:g}: {time:.0f} τ0" for value, time in zip(UNDERCOOLINGS, times, strict=True)],
    title="One model at three undercoolings",
    subtitle="colour: when a site froze; each crystal grown to the same length of its arms",
    columns=3,
    width=1400,
)

# %%
# The temperature around the last crystal: latent heat stays between the arms, and tips reach into cold melt.
heat = draw_crystal(crystals[-1], colour="temperature", theme="light", width=900)

# %%
# **When not to use it.** There is no solute: alloys grow otherwise. Numbers at one grid spacing alone prove little:
# grow at two, and give both.
