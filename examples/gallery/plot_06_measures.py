"""
Measures of shape
=================

Area, perimeter, tips, branches, symmetry and fractal dimension of crystals, read from arrival maps in one pass. The
guide on measures says what each is exact to, and when not to use it.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya import GravnerGriffeath, grow
from nakaya.growth.morphology.description import describe_trajectory
from nakaya.growth.morphology.growth_curve import growth_curve, tip_velocity

# %%
# Five vapour densities in one call; arrays then begin with an axis of points.
DENSITIES = (0.38, 0.44, 0.50, 0.56, 0.62)
crystals = grow([GravnerGriffeath(rho=rho, beta=1.4, kappa=2e-3) for rho in DENSITIES], size=80, seed=1, workers=2)
measured = describe_trajectory(crystals)
print("rho   tip radius  branches  fractal dimension  six-fold order")
for place, rho in enumerate(DENSITIES):
    print(
        f"{rho:.2f}  {measured.tip_radius[place, 0]:10.1f}  {measured.branches[place, 0]:8d}"
        f"  {measured.fractal_dimension[place, 0]:17.2f}  {measured.sixfold_order[place, 0]:14.3f}"
    )

# %%
# Growth over time: tips advance at a nearly constant velocity into fresh vapour. Near the far edge, where the vapour
# is held at its first density, they hurry: what is measured there belongs to the box.
figure, (areas, velocities) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
colours = plt.get_cmap("viridis")(np.linspace(0.05, 0.85, len(DENSITIES)))
for place, rho in enumerate(DENSITIES):
    at = np.unique(np.linspace(0, int(crystals.steps[place, 0]), 9).astype(np.int64))
    curve = growth_curve(crystals.arrival[place, 0], at, origin=(0, 0))
    areas.loglog(at[1:], curve.area[1:], color=colours[place], label=f"ρ = {rho:.2f}")
    middles = (curve.tip_radius[1:] + curve.tip_radius[:-1]) / 2
    velocities.semilogy(middles, tip_velocity(curve), color=colours[place], marker="o", markersize=3)
areas.set(xlabel="step", ylabel="area of the sector / sites", title="Area")
areas.legend()
velocities.set(xlabel="radius of the tip / site spacings", ylabel="site spacings per step", title="Velocity of the tip")
for axis in (areas.xaxis, areas.yaxis, velocities.yaxis):
    axis.set_minor_formatter("")
