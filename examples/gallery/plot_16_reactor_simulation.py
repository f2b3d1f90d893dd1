"""
A crystallizer under three cooling profiles
===========================================

The same batch of dextrose, cooled by the same nine kelvin within a day in three ways. Fast cooling at the start
raises the supersaturation while there are few crystals to take it up, and makes new ones.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.reactor.crystallizer import Operation, Seed
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import linear, piecewise
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes

HOUR = 3600.0
HOT, COLD, DURATION = 315.15, 306.15, 24 * HOUR

# %%
# A profile is linear, or linear between points of your own.
hours = np.linspace(0, 24, 25)
PROFILES = {
    "linear": linear(HOT, COLD, DURATION),
    "cubic: slow at first": piecewise([(h * HOUR, HOT - (HOT - COLD) * (h / 24) ** 3) for h in hours]),
    "fast at first": piecewise([(0.0, HOT), (4 * HOUR, COLD + 2.0), (DURATION, COLD)]),
}

# %%
# Published kinetics by name; the seed is given by its mass and sizes. By moments a batch takes milliseconds.
system = parameter_set("dextrose").crystallizer()
runs = {
    name: simulate(
        system, Operation(0.67, profile, DURATION, Seed(0.05, NormalSizes(115e-6, 60e-6))), times=201, method="moments"
    )
    for name, profile in PROFILES.items()
}

figure, panels = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
for name, run in runs.items():
    time = run.times / HOUR
    panels[0].plot(time, run.temperature - 273.15, label=name)
    panels[1].plot(time, run.supersaturation)
    panels[2].plot(time, run.moments[:, 0] / run.moments[0, 0])
    panels[3].plot(time, run.mean_sizes["L43"] * 1e6)
titles = ("temperature / °C", "supersaturation S", "crystals / seeds", "mass mean size L43 / µm")
for axes, title in zip(panels, titles, strict=True):
    axes.set(title=title, xlabel="time / h")
panels[0].legend()

# %%
# Sizes alone do not say which is best: the batches also differ in what has crystallized by the end.
for name, run in runs.items():
    born = run.moments[-1, 0] / run.moments[0, 0] - 1
    print(
        f"{name:22} largest S {run.supersaturation.max():.4f}, {born:6.1%} new crystals, "
        f"L43 {run.mean_sizes['L43'][-1] * 1e6:.0f} um, {run.crystal_mass[-1]:.3f} kg of crystals per kg of slurry"
    )
