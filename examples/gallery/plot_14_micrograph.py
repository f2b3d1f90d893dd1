"""
Grains of a micrograph
======================

An etched section, as a hasty polish leaves it: noise, uneven light, and boundaries that the acid left out. It is
synthetic, so the truth is known. No mask takes part.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.grain_size import grain_size_from_intercept
from nakaya.microscopy.grains.record import measure_map
from nakaya.microscopy.grains.segmentation import segment_grains
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.viz.overlays import Caption, grain_overlay
from nakaya.viz.style import LIGHT

PIXEL = 0.5e-6  # m

# %%
# A map of 120 grains, etched.
rng = np.random.default_rng(7)
shape = (300, 400)
truth = voronoi_map(scatter_points(120, shape, rng, relaxations=2), shape, periodic=False).labels
etching = Etching(contrast=0.5, noise=0.1, unmarked=0.08, broken=0.15, grey_deviation=0.03, shading=0.15, pits=0.3)
image = etched_image(truth, etching, rng).astype(np.float64)

# %%
# Lines are found through the noise, gaps are closed by the shortest way, and neighbours are merged where nothing
# speaks for a boundary. ``nakaya ingest micrograph IMAGE --pixel-size 0.5um --out grains`` does it for an image of
# yours.
found = measure_map(segment_grains(image).labels)
known = measure_map(truth)
picture = grain_overlay(
    image,
    found.labels,
    found.table.on_frame,
    Caption(f"{found.num_grains} grains found of {known.num_grains}", "no mask took part", PIXEL),
    LIGHT,
)

# %%
# The mean intercept with its interval, and the ASTM number that follows.
for name, measured in (("as made", known), ("as found", found)):
    value, low, high = (
        PIXEL * 1e6 * number for number in (measured.intercept.value, measured.intercept.low, measured.intercept.high)
    )
    grade = grain_size_from_intercept(value * 1e-6)
    print(f"{name:9} mean intercept {value:.2f} um (95 %: {low:.2f} to {high:.2f}), ASTM grain size {grade:.2f}")

# %%
# Sizes of whole grains; those cut by the frame are left out, which is corrected for in means.
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
classes = np.linspace(0, 35, 15)
for name, measured in (("as made", known), ("as found", found)):
    diameters = measured.table.equivalent_diameter[~measured.table.on_frame] * PIXEL * 1e6
    axes.hist(diameters, classes, histtype="stepfilled", alpha=0.45, label=f"{name}: {len(diameters)} whole grains")
axes.set(xlabel="diameter of a circle of the same area / µm", ylabel="grains")
axes.legend()
