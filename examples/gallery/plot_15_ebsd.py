"""
Grains and twins of an EBSD map
===============================

A map of orientations becomes grains, boundaries and twins. This one is made here: random grains, lamellar twins in a
third of them, written as the text file that instruments write, and read back.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from nakaya.crystallography.disorientation import SIGMA3
from nakaya.microscopy.ebsd.files import read_ebsd
from nakaya.microscopy.ebsd.grains import GrainRules, find_grains
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map
from nakaya.workflows.ingest_ebsd import ingest_ebsd

SHAPE, STEP, GRAINS = (110, 150), 0.5, 60  # points, micrometres

# %%
# Sixty grains of random orientation. In every third a lamella is turned by 60 degrees about <111>: a Sigma 3 twin.
rng = np.random.default_rng(2)
grain = voronoi_map(scatter_points(GRAINS, SHAPE, rng, relaxations=2), SHAPE, periodic=False).labels
rows, columns = np.indices(SHAPE)
in_twin = np.zeros(SHAPE, bool)
for number in range(0, GRAINS, 3):
    inside = grain == number
    across = np.cos(number) * rows + np.sin(number) * columns
    in_twin |= inside & (np.abs(across - across[inside].mean()) < 3)
orientations = Rotation.random(GRAINS, rng)[grain.ravel()]
turned = SIGMA3 * orientations
matrices = np.where(in_twin.reshape(-1, 1, 1), turned.as_matrix(), orientations.as_matrix())
noise = Rotation.from_rotvec(np.deg2rad(0.4) * rng.normal(size=(grain.size, 3)))
points = noise * Rotation.from_matrix(matrices)


# %%
# Instruments write Bunge's angles in radians, one line a point.
def bunge(rotations):
    g = rotations.as_matrix()
    first, last = np.arctan2(g[:, 2, 0], -g[:, 2, 1]), np.arctan2(g[:, 0, 2], g[:, 1, 2])
    return np.stack([first % (2 * np.pi), np.arccos(np.clip(g[:, 2, 2], -1, 1)), last % (2 * np.pi)], axis=1)


header = f"""# Phase 1
# MaterialName  nickel
# Symmetry 43
# LatticeConstants  3.52 3.52 3.52 90 90 90
# GRID: SqrGrid
# XSTEP: {STEP}
# YSTEP: {STEP}
# NCOLS_ODD: {SHAPE[1]}
# NCOLS_EVEN: {SHAPE[1]}
# NROWS: {SHAPE[0]}
"""
folder = Path(tempfile.mkdtemp())
confidence = rng.uniform(0.3, 0.9, grain.size)
table = [*bunge(points).T, columns.ravel() * STEP, rows.ravel() * STEP, np.full(grain.size, 100.0), confidence]
with (folder / "nickel.ang").open("w", encoding="utf-8") as file:
    file.write(header)
    np.savetxt(file, np.column_stack([*table, np.ones(grain.size)]), fmt=["%.5f"] * 7 + ["%d"])

# %%
# Grains at a threshold of five degrees; twins count as grains of their own.
found = find_grains(read_ebsd(folder / "nickel.ang"), GrainRules(threshold=5.0))
print(f"{found.num_grains} grains, {found.twin_fraction():.0%} of the boundary is twin boundary")
print(f"mean diameter of whole grains {found.mean_diameter() * 1e6:.1f} um")
print(f"disorientations of 59 to 60 degrees: {np.mean(np.rad2deg(found.misorientation) > 59):.0%} of the boundaries")

# %%
# The picture that ``nakaya ingest ebsd nickel.ang --out map`` writes beside the record. Left: colours of the inverse
# pole figure along the normal of the surface; red lines are twin boundaries.
ingest_ebsd(folder / "nickel.ang", folder / "map", GrainRules(threshold=5.0))
picture = Image.open(folder / "map" / "overlay.png")
