"""
Which grains grow?
==================

Boundaries of a polycrystal move towards their centres of curvature. In the plane it does not matter how large a grain
is, but how many neighbours it has: von Neumann and Mullins found dA/dt = pi/3 M gamma (n - 6).
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.growth.coarsening.coarsening import coarsen
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map

# %%
# A random start, with straight boundaries and wrong angles, which the first steps mend.
shape = (160, 160)
start = voronoi_map(scatter_points(120, shape, np.random.default_rng(2)), shape).labels
found = coarsen(start, spacing=1.0, mobility=1.0, until_grains=30, frames=16)
print(f"{found.num_grains[0]} grains became {found.num_grains[-1]}")

# %%
# Mean area against time, and growth against the number of neighbours.
figure, (first, last, rates) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for axes, frame in ((first, 0), (last, -1)):
    axes.imshow(found.grain_maps[frame] * 7 % 20, cmap="tab20", interpolation="nearest")
    axes.set(title=f"{found.num_grains[frame]} grains", xticks=[], yticks=[])
classes = [entry for entry in found.topological_classes() if entry.count >= 10]
numbers = np.array([entry.neighbours for entry in classes])
rates.plot(numbers, np.pi / 3 * (numbers - 6), "k--", label="von Neumann and Mullins")
rates.plot(numbers, [entry.growth_rate for entry in classes], "o", label="simulated")
rates.set(xlabel="neighbours n", ylabel="dA/dt / (M gamma)", title="Growth")
rates.legend()
