"""
Scores of forecasts
===================

Three forecasters tell a number that is drawn from a normal distribution: one knows it, one is too sure of itself, one
is off. Proper scores are least for the one who knows; calibration says what is wrong with the others.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.scoring.bootstrap import draw_points, mean_interval
from nakaya.scoring.calibration import pit_coverage, pit_histogram
from nakaya.scoring.proper import crps
from nakaya.scoring.transport import wasserstein

rng = np.random.default_rng(1)
happened = rng.normal(size=400)
FORECASTS = {
    "knows": rng.normal(size=(400, 40)),
    "too sure": 0.5 * rng.normal(size=(400, 40)),
    "too high": 0.7 + rng.normal(size=(400, 40)),
}

# %%
# CRPS with its interval over the occasions, coverage of the central 90 %, and the distance between the samples.
resamples = draw_points(len(happened), 1000, rng=rng)
for name, members in FORECASTS.items():
    score = mean_interval(crps(members, happened, fair=True), resamples)
    print(
        f"{name:9} CRPS {score.value:.3f} (95 %: {score.low:.3f} to {score.high:.3f}), coverage of 90 %: "
        f"{pit_coverage(members, happened).mean():.0%}, Wasserstein {wasserstein(members[:, 0], happened):.2f}"
    )

# %%
# The probability integral transform is flat for the one who knows, a bowl for too narrow ensembles, a slope for
# biased ones.
figure, panels = plt.subplots(1, 3, figsize=(10, 3), layout="constrained", sharey=True)
for axes, (name, members) in zip(panels, FORECASTS.items(), strict=True):
    axes.bar(np.arange(10) / 10 + 0.05, pit_histogram(members, happened) * 10, width=0.092)
    axes.axhline(1, color="0.4", linestyle="--", linewidth=1)
    axes.set(title=name, xlabel="place of what happened among the members")
panels[0].set_ylabel("density")
