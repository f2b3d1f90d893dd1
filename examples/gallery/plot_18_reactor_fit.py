"""
Kinetics from two batches
=========================

Growth and nucleation, fitted to concentration, mean size and number of crystals of two noisy batches whose truth is
known. What the data cannot tell is said.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.reactor.estimation import observe
from nakaya.reactor.fitting import fit
from nakaya.reactor.parameters import get_parameters
from nakaya.workflows.fit_reactor import add_noise, synthetic_batches

# %%
# Two batches of 24 hours: slowly with much seed, fast with little.
system, experiments, free = synthetic_batches()
rng = np.random.default_rng(5)
noisy = [add_noise(experiment, rng) for experiment in experiments]
found = fit(system, noisy, free, intervals="covariance")

# %%
# ``nakaya fit reactor fit.toml --out fitted`` does this for logs of yours, with profile likelihoods by default.
truth = get_parameters(system.kinetics)
for entry in found.estimates:
    low, high = entry.interval90
    true = truth[entry.path]
    held = "holds" if low <= true <= high else "misses"
    print(f"{entry.path:35} {entry.value:9.3g} {entry.unit:8} 90 %: {low:.3g} to {high:.3g}, {held} {true:.3g}")

# %%
LABELS = {
    "concentration": ("concentration / (kg/kg)", 1.0),
    "L43": ("mass mean size L43 / µm", 1e6),
    "log_number": ("ln of crystals per kg", 1.0),
}
figure, panels = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
for place, experiment in enumerate(noisy):
    run = found.runs[experiment.name]
    for axes, seen in zip(panels, experiment.observations, strict=True):
        label, factor = LABELS[seen.kind]
        axes.plot(seen.times / 3600, factor * seen.values, "o", color=f"C{place}", markersize=4, alpha=0.6)
        axes.plot(run.times / 3600, factor * observe(run, seen.kind), color=f"C{place}", label=experiment.name)
        axes.set(xlabel="time / h", title=label)
panels[0].legend()
