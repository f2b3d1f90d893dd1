"""
The population balance, class by class
======================================

Finite volumes follow the whole size distribution, moments only its sums. Where both hold they agree; where crystals
dissolve, or large ones grow faster, only the first can be used.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.reactor.crystallizer import Operation, Seed
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.parameter_sets import parameter_set
from nakaya.reactor.profiles import linear
from nakaya.reactor.simulate import simulate
from nakaya.reactor.sizes import NormalSizes

DAY = 86400.0
system = parameter_set("dextrose").crystallizer()
batch = Operation(0.67, linear(315.15, 306.15, DAY), DAY, Seed(0.125, NormalSizes(115e-6, 25e-6)))

# %%
# dn/dt + d(G n)/dL = 0 with nuclei entering at size zero: the seeds move to larger sizes as a body, and a second
# population grows up behind them.
run = simulate(system, batch, times=5, grid=Grid(num_classes=300))
moments = simulate(system, batch, times=5, method="moments")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
middles = (run.edges[1:] + run.edges[:-1]) / 2
colours = plt.get_cmap("viridis")(np.linspace(0.05, 0.85, len(run.times)))
for time, density, colour in zip(run.times, run.number_density, colours, strict=True):
    left.semilogy(middles * 1e6, np.maximum(density, 1e-3) * 1e-6, color=colour, label=f"{time / 3600:.0f} h")
    volume = density * middles**3
    right.plot(middles * 1e6, volume / (volume.sum() * np.diff(run.edges)[0]) * 1e-6, color=colour)
left.set(
    xlabel="size / µm", ylabel="crystals per µm and kg of slurry", title="By number", xlim=(0, 270), ylim=(1e2, None)
)
left.legend(loc="upper right")
right.set(xlabel="size / µm", ylabel="fraction of the volume per µm", title="By volume", xlim=(0, 270))

# %%
# Solute and crystals are sums over the same classes, so that mass is conserved to rounding.
print(f"balance of mass: {run.balance_error:.1e} kg/kg")
for name in ("L10", "L32", "L43"):
    classes, sums = run.mean_sizes[name][-1] * 1e6, moments.mean_sizes[name][-1] * 1e6
    print(f"{name}: {classes:.2f} um by classes, {sums:.2f} um by moments")
