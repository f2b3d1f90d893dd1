"""
The same conditions, other noise
================================

With noise every crystal is one draw of many. Members of one point differ by their draws alone; the same seed gives the
same crystals on any machine, with any number of threads, in any order.
"""

import numpy as np

from nakaya import GravnerGriffeath, grow
from nakaya.growth.morphology.description import describe_trajectory
from nakaya.workflows.show import draw_ensemble

# %%
# Noisy crystals want the whole lattice: a sector would mirror its noise.
point = GravnerGriffeath(rho=0.55, beta=1.4, alpha=0.2, theta=0.03, kappa=2e-3, sigma=0.02)
crystals = grow(point, geometry="full", size=141, members=4, seed=3, workers=2)
picture = draw_ensemble(crystals, width=1400)

# %%
# How much members differ is what an emulator has to reproduce, no more and no less.
measured = describe_trajectory(crystals)
for name in ("area", "perimeter", "tip_radius", "sixfold_order"):
    values = getattr(measured, name)
    print(f"{name:14} mean {np.mean(values):9.3f}   standard deviation between members {np.std(values, ddof=1):7.3f}")
