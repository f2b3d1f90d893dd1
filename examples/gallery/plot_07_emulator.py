"""
An emulator beside a look-up table
==================================

A neural emulator has to beat a memory: the crystals of the nearest training point. Both are growers, as the solver
is, so they are called, measured and drawn in the same way. Here both stand beside crystals that neither has seen.
"""

import numpy as np

from nakaya import GravnerGriffeath, grow
from nakaya.growth.emulators.controls.lookup import LookUpTable
from nakaya.growth.lattice.geometry import make_setup
from nakaya.learn.normalisation import Standardiser
from nakaya.scoring.overlap import expected_iou
from nakaya.viz.crystals.figure import crystal_figure
from nakaya.viz.style import LIGHT
from nakaya.workflows.show import view_member

SIZE, MEMBERS = 64, 4
DENSITIES = (0.42, 0.50, 0.58)
points = [GravnerGriffeath(rho=rho) for rho in DENSITIES]

# %%
# The solver's crystals, and those of the emulator that ships with the package.
solved = grow(points, size=SIZE, members=MEMBERS, seed=11, workers=2)
emulated = grow(points, model="cgne-small-rho", size=SIZE, members=MEMBERS, seed=11)

# %%
# The look-up table remembers one crystal at each of sixteen densities.
known = [GravnerGriffeath(rho=rho) for rho in np.linspace(0.36, 0.63, 16)]
memory = grow(known, size=SIZE, seed=12, workers=2)
setup = make_setup("sector", SIZE)
table = LookUpTable(memory, Standardiser.fit(memory.parameters, ["rho"]), neighbours=1, setup=setup)
looked_up = table.grow(points, setup, members=range(MEMBERS), seed=13)

picture = crystal_figure(
    [view_member(sample, point=place) for sample in (solved, emulated, looked_up) for place in range(len(points))],
    LIGHT,
    labels=[f"{name}, ρ = {rho:.2f}" for name in ("solver", "emulator", "look-up table") for rho in DENSITIES],
    title="Solver, emulator, look-up table",
    subtitle=f"sectors of {SIZE} × {SIZE} sites, unfolded",
    columns=3,
    width=1300,
)

# %%
# Overlap with the solver's crystals, 1 where every site agrees. `nakaya evaluate cgne-small-rho` compares in full, with
# the solver's own spread as the floor and intervals on every number.
print("rho    emulator  look-up table")
for place, rho in enumerate(DENSITIES):
    truth = solved.arrival[place] >= 0
    scores = [expected_iou(sample.arrival[place] >= 0, truth) for sample in (emulated, looked_up)]
    print(f"{rho:.2f}  {scores[0]:9.2f}  {scores[1]:13.2f}")
