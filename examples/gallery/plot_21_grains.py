"""
Grains that meet
================

Nuclei appear and grow until no melt is left. Kolmogorov (1937), Johnson and Mehl (1939) and Avrami counted the grains;
Gandin and Rappaz (1997) let them grow as dendrites in a field of temperature.
"""

import numpy as np
from PIL import Image

from nakaya import grow
from nakaya.growth.solvers.grains.dendritic_parameters import DendriticGrains
from nakaya.growth.solvers.grains.measures import avrami_exponent, grain_statistics
from nakaya.growth.solvers.grains.orientations import orientation_colours
from nakaya.growth.solvers.grains.parameters import Grains
from nakaya.theory import characteristic_length, grains_per_area
from nakaya.workflows.show import draw_crystal

# %%
# A constant nucleation rate and a constant velocity, in SI units; sites are 1 micrometre apart.
point = Grains(site_density=0, nucleation_rate=3e8, velocity=1e-6, spacing=1e-6)
crystals = grow(point, model="grains", size=400, seed=1)
found = grain_statistics(crystals)
expected = grains_per_area(point.nucleation_rate, point.velocity)
length = characteristic_length(point.nucleation_rate, point.velocity, dimension=2)
print(f"grains per area: {found.density:.3g} 1/m^2, by theory {expected:.3g} 1/m^2")
print(f"characteristic length: {found.characteristic_length * 1e6:.1f} um, by theory {length * 1e6:.1f} um")
print(f"Avrami exponent: {avrami_exponent(crystals.arrival):.2f}, by theory 3")
picture = draw_crystal(crystals, theme="light", width=700)

# %%
# Columns from a wall in a temperature gradient, until nuclei in the melt wake ahead of them. Colours are those of an
# inverse pole figure: red is a <100> along the horizontal, green a <110>.
columns = grow(
    DendriticGrains(undercooling=0, gradient=3000, cooling_rate=1.5, wall_density=1e4, nucleation_undercooling=6.5),
    model="grains-dendritic",
    shape=(300, 400),
    seed=1,
)
colours = orientation_colours(columns)[::-1]
ipf = Image.fromarray(np.rint(255 * colours).astype(np.uint8)).resize((800, 600), Image.Resampling.NEAREST)

# %%
# **When not to use it.** Envelopes know the temperature alone: solute and heat between dendrites do not slow them.
