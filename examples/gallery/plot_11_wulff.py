"""
The shape that growth velocities make
=====================================

A crystal whose faces move with velocities v(n) tends to the shape {x: n.x <= v(n) for all n}: the slowest faces win.
The velocities are those of copper interfaces in molecular dynamics, from the records that ship with the package.
"""

import matplotlib.pyplot as plt
import numpy as np
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from scipy.spatial import ConvexHull, HalfspaceIntersection

from nakaya.crystallography.wulff import wulff_shape
from nakaya.records.store import load_records
from nakaya.workflows.show_kinetics import velocity_points

# %%
# Mean velocities over seeds of the three faces, at one temperature below the melting point of this potential.
TEMPERATURE = 1115.0
velocities = {
    face: label.value
    for (material, face), entries in velocity_points(load_records("al-cu-si")).items()
    for temperature, label in entries
    if material == "Cu" and temperature == TEMPERATURE
}
for face, velocity in velocities.items():
    print(f"Cu({face}) at {TEMPERATURE:.0f} K: {velocity:.1f} m/s")

# %%
# Faces of no area have grown out of the shape.
shape = wulff_shape(velocities)
present = {family: shape.areas[np.array(shape.families) == family].sum() for family in velocities}
for family, area in present.items():
    print(f"{{{family}}}: {area / shape.areas.sum():.0%} of the surface")

# %%
# Beside it, what the same construction makes of other ratios.
TRIALS = {
    f"Cu at {TEMPERATURE:.0f} K": velocities,
    "all faces alike": {"100": 1.0, "110": 1.0, "111": 1.0},
    "(111) slow": {"100": 1.0, "110": 1.0, "111": 0.65},
}
COLOURS = {"100": "#5aa9d6", "110": "#f0c05a", "111": "#1f5f8b"}


def draw_shape(axes, shape):
    """Draw every facet as the flat outline of the corners that lie on it."""
    corners = HalfspaceIntersection(np.column_stack([shape.normals, -shape.distances]), np.zeros(3)).intersections
    light = np.array([0.2, -0.6, 0.77])
    for family, normal, distance in zip(shape.families, shape.normals, shape.distances, strict=True):
        on_it = np.unique(corners[np.abs(corners @ normal - distance) < 1e-6].round(9), axis=0)
        across = np.linalg.svd(normal[None])[2][1:]
        outline = on_it[ConvexHull(on_it @ across.T).vertices]
        tone = 0.72 + 0.28 * max(0.0, normal @ light)
        colour = tone * np.array(plt.matplotlib.colors.to_rgb(COLOURS[family]))
        axes.add_collection3d(Poly3DCollection([outline], facecolor=colour, edgecolor="white", linewidth=0.8))
    axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    axes.set_box_aspect((1, 1, 1), zoom=1.75)
    axes.view_init(elev=22, azim=-60)
    axes.set_axis_off()


figure, panels = plt.subplots(1, 3, figsize=(9, 3.4), subplot_kw={"projection": "3d"})
for axes, (title, speeds) in zip(panels, TRIALS.items(), strict=True):
    draw_shape(axes, wulff_shape(speeds))
    axes.set_title(title, loc="center")
figure.legend(
    [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()],
    [f"{{{family}}}" for family in COLOURS],
    loc="lower center",
    ncols=3,
)

# %%
# **When not to use it.** The construction holds while faces stay flat and advance at constant velocity. Dendrites, and
# crystals that feel each other's heat or solute, are made by transport: grow them instead.
