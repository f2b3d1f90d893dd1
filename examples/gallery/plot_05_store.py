"""
Stores: read one crystal, at any step
=====================================

A store keeps for every site the step at which it attached, four bytes before compression. That is the whole history,
exact: no frames are stored, and any frame can be had.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nakaya

# %%
# Eight crystals, saved and opened again. ``nakaya.open`` checks every document, and reads no crystal yet.
folder = Path(tempfile.mkdtemp())
point = nakaya.GravnerGriffeath(rho=0.58, beta=1.3, alpha=0.2, theta=0.03, kappa=1.9e-3, sigma=1e-3)
nakaya.save(nakaya.grow(point, geometry="full", size=121, members=8, seed=5, workers=2), folder / "crystals.zarr")
store = nakaya.open(folder / "crystals.zarr")
print(store.arrival.shape, store.arrival.dtype, "grown by", store.metadata.model)

# %%
# One crystal is one read.
arrival = store.arrival[3]
steps = int(store.steps[3])
on_disk = sum(file.stat().st_size for file in (folder / "crystals.zarr").rglob("*") if file.is_file())
print(f"{steps} steps, {np.count_nonzero(arrival >= 0)} sites; {on_disk / 8 / 1024:.1f} KiB on disk for each crystal")

# %%
# Occupancy after any step is a comparison: 0 <= arrival <= step.
moments = [steps // 8, steps // 4, steps // 2, steps]
rows, columns = np.indices(arrival.shape)
x, y = columns - rows / 2, rows * np.sqrt(3) / 2  # the hexagonal lattice in the plane

figure, panels = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for axes, step in zip(panels, moments, strict=True):
    attached = (arrival >= 0) & (arrival <= step)
    axes.scatter(
        x[attached], y[attached], c=arrival[attached], s=1.6, marker="h", vmin=0, vmax=1.35 * steps, cmap="Blues_r"
    )
    axes.set(title=f"step {step}", aspect="equal", xlim=(x.min() * 0.55, x.max() * 0.75), ylim=(y.min(), y.max()))
    axes.set_axis_off()
