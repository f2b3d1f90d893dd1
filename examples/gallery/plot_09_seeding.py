"""
Which nuclei grow? Critical sizes from seeding
==============================================

A crystallite is put into its undercooled melt and released several times. Where it grows as often as it dissolves it
is critical; classical theory makes an interfacial energy and a nucleation rate of that. The runs of molecular
dynamics ship with the package.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.md.seeding.critical_size import critical_size, fates, initial_size
from nakaya.md.seeding.nuclei import seeded_nuclei
from nakaya.md.seeding.rates import analyse_nucleation
from nakaya.records.store import load_records

nuclei = seeded_nuclei(load_records("nuclei"))
temperatures = sorted({nucleus.temperature for nucleus in nuclei})
print(len(nuclei), "nuclei of aluminium at", temperatures, "K")

# %%
# Sizes of the branches against time: all branches of a nucleus begin alike and go their own ways.
figure, panels = plt.subplots(1, len(temperatures) + 1, figsize=(12, 3.6), layout="constrained")
for axes, temperature in zip(panels, temperatures, strict=False):
    here = [nucleus for nucleus in nuclei if nucleus.temperature == temperature]
    for nucleus in here:
        for branch, fate in zip(nucleus.sizes, fates(nucleus), strict=True):
            colour = {1: "#0b5c86", -1: "#c8553d", 0: "0.7"}[int(fate)]
            axes.plot(nucleus.times * 1e12, branch, color=colour, linewidth=0.8, alpha=0.8)
    found = critical_size(here)
    axes.axhspan(found.low, found.high, color="0.5", alpha=0.25, linewidth=0)
    axes.set(
        xlabel="time from release / ps", ylabel="atoms", title=f"{temperature:.0f} K", yscale="log", ylim=(8, 3000)
    )
    print(
        f"{temperature:.0f} K: n* = {found.value:.0f} atoms, 90 %: {found.low:.0f} to {found.high:.0f}, "
        f"{found.grown} branches grew, {found.dissolved} dissolved"
    )

# %%
# The fraction of branches that grew, nucleus by nucleus, against the size at release.
for temperature, colour in zip(temperatures, ("#0b5c86", "#c8553d"), strict=True):
    here = [nucleus for nucleus in nuclei if nucleus.temperature == temperature]
    decided = [(initial_size(nucleus), fates(nucleus)) for nucleus in here if np.any(fates(nucleus))]
    panels[-1].plot(
        [size for size, _ in decided],
        [(fate > 0).sum() / (fate != 0).sum() for _, fate in decided],
        "o",
        color=colour,
        alpha=0.7,
        label=f"{temperature:.0f} K",
    )
panels[-1].axhline(0.5, color="0.6", linestyle="--")
panels[-1].set(xlabel="atoms at release", ylabel="fraction of branches that grew", title="Even odds", xscale="log")
panels[-1].xaxis.set_minor_formatter("")
panels[-1].legend(loc="lower right")

# %%
# All of it together, with the bulk properties of the other shipped set: interfacial energy and nucleation rate, with
# 90 % intervals. ``nakaya md rates nuclei --material Al --known al-cu-si`` prints the same and more.
analysis = analyse_nucleation(load_records("nuclei"), known=load_records("al-cu-si"), material="Al", seed=0)
for temperature in temperatures:
    low, middle, high = np.quantile(analysis.posterior.at(temperature), [0.05, 0.5, 0.95]) * 1e3
    print(f"{temperature:.0f} K: interfacial energy {middle:.0f} mJ/m2, 90 %: {low:.0f} to {high:.0f}")
rates = analysis.posterior.log_rates(temperatures, np.random.default_rng(0))
for temperature, middle, low, high in zip(temperatures, rates.median, rates.low, rates.high, strict=True):
    decades = np.array([middle, low, high]) / np.log(10)
    print(f"{temperature:.0f} K: log10 J = {decades[0]:.1f}, 90 %: {decades[1]:.1f} to {decades[2]:.1f}, in 1/(m3 s)")
