"""
How large do grains get?
========================

Nuclei appear at a rate J, grow with a velocity v, and stop where they meet: Kolmogorov, Johnson, Mehl and Avrami. The
size of grains then is about (v/J)^(1/4), which a simulation in the plane can be held against.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.theory import characteristic_length, grains_per_volume

# %%
# In space: what follows from a rate and a velocity.
for rate, velocity in ((1e9, 1e-6), (1e12, 1e-6), (1e12, 1e-4)):
    length, density = characteristic_length(rate, velocity), grains_per_volume(rate, velocity)
    print(
        f"J = {rate:.0e} /(m3 s), v = {velocity:.0e} m/s: grains meet at {length * 1e6:5.0f} um, {density:.1e} per m3"
    )

# %%
# In the plane, in units of (v/J)^(1/3): nuclei appear at random in what is left of the melt. Every site freezes when
# the first of them reaches it.
rng = np.random.default_rng(4)
SIDE, SITES = 20.0, 400
x, y = (np.indices((SITES, SITES)) + 0.5) * SIDE / SITES
frozen = np.full((SITES, SITES), np.inf)
grain = np.full((SITES, SITES), -1)
time, nuclei = 0.0, 0
while time < frozen.max():
    time += rng.exponential(1 / SIDE**2)
    px, py = rng.uniform(0, SIDE, 2)
    place = (int(px / SIDE * SITES), int(py / SIDE * SITES))
    if frozen[place] <= time:
        continue  # it would lie inside a grain
    away_x, away_y = np.abs(x - px), np.abs(y - py)
    reached = time + np.hypot(np.minimum(away_x, SIDE - away_x), np.minimum(away_y, SIDE - away_y))
    first = reached < frozen
    frozen[first], grain[first] = reached[first], nuclei
    nuclei += 1

# %%
# The solid fraction follows 1 - exp(-pi/3 J v^2 t^3), the law of the plane.
times = np.linspace(0, 2.2, 100)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
edges = (grain != np.roll(grain, 1, 0)) | (grain != np.roll(grain, 1, 1))
left.imshow(np.where(edges, np.nan, frozen), cmap="viridis", origin="lower", extent=(0, SIDE, 0, SIDE))
left.set(title=f"{grain.max() + 1} grains, coloured by when they froze", xlabel="length / (v/J)^(1/3)")
right.plot(times, 1 - np.exp(-np.pi / 3 * times**3), "k--", label="Kolmogorov")
right.plot(times, [(frozen <= t).mean() for t in times], label="simulated")
right.set(xlabel="time / (J v²)^(-1/3)", ylabel="solid fraction", title="Transformed fraction")
right.legend()
print(f"{nuclei / SIDE**2:.3f} grains per area in these units; the law of the plane has 0.880")
