"""
Snow crystals under six conditions
==================================

The model of Gravner and Griffeath (Physica D 237, 385, 2008): vapour diffuses, freezes onto the crystal, attaches where
it is dense enough, and melts back a little. Vapour density and the thresholds of attachment decide between plates,
stars and ferns.
"""

from dataclasses import replace

from nakaya import GravnerGriffeath, grow
from nakaya.viz.canvas import Canvas
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.style import DARK, house_style
from nakaya.workflows.show import view_member

# %%
# A point is a set of parameters; what is not named has the model's default. ``nakaya info`` lists all, with their
# ranges. Without noise (sigma = 0) a crystal is symmetric to the last bit.
STILL = GravnerGriffeath(rho=0.5, sigma=0)
CONDITIONS = {
    "fern": replace(STILL, rho=0.637, beta=1.1, alpha=0.4, theta=0.05, kappa=1.8e-3, gamma=1.1e-4),
    "star with side branches": replace(STILL, rho=0.58, beta=1.3, alpha=0.2, theta=0.03, kappa=1.9e-3, gamma=6.8e-4),
    "star": replace(STILL, rho=0.5, beta=1.4, alpha=0.1, theta=0.005, kappa=1e-3, gamma=5e-4),
    "branches on a plate": replace(STILL, rho=0.367, beta=1.3, alpha=0.14, theta=0.02, kappa=0.011, gamma=1.1e-4),
    "sectored plate": replace(STILL, rho=0.562, beta=1.8, alpha=0.4, theta=0.03, kappa=4.4e-3, gamma=1.1e-4),
    "plate": replace(STILL, rho=0.45, beta=2.4, alpha=0.4, theta=0.03, kappa=5e-3, gamma=1e-4),
}

# %%
# A symmetric crystal is known from a sector, a third of it; for the picture it is unfolded.
crystals = {name: grow(point, geometry="sector", size=96, seed=7) for name, point in CONDITIONS.items()}
for name, crystal in crystals.items():
    print(f"{name:24} {int(crystal.steps[0]):6,d} steps")


# %%
# Colour is the step at which a site attached, from dark to light; it runs over each crystal's own growth, because a
# plate takes forty times as long as a fern.
@house_style
def draw_side_by_side(columns=3, tile=360, gap=30, caption=40):
    views = [view_member(crystal) for crystal in crystals.values()]
    renderer = Renderer.over(views[0], width=tile, padding=0.0)
    height = renderer.frame.height + caption
    canvas = Canvas(1200, replace(DARK, vapour=DARK.background), body=2 * height - 30, foot=0, margin=gap)
    for place, (name, view) in enumerate(zip(crystals, views, strict=True)):
        row, column = divmod(place, columns)
        x, y = gap + column * (tile + gap), gap + row * (height + gap)
        canvas.picture(renderer.draw(view, canvas.theme), x, y)
        canvas.text(x + tile / 2, y + height - 6, name, size=21, muted=True, align="center")
    return canvas.image()


picture = draw_side_by_side()

# %%
# The arrival map holds the whole history of a crystal: what it looked like after any number of steps.
fern = crystals["fern"]
last = int(fern.steps[0])
for step in (last // 4, last // 2, last):
    print(f"after {step} steps: {int(fern.at(step).sum())} sites of the sector")
