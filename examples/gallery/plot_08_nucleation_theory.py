"""
Classical nucleation theory in five functions
=============================================

A nucleus of n atoms gains driving force with its volume and pays interfacial energy with its surface. Where both
balance, at the critical size n*, it stands on a barrier W*. The numbers are those of aluminium under the potential of
the shipped records.
"""

import matplotlib.pyplot as plt
import numpy as np

from nakaya.md.tables import driving_force, tabulate
from nakaya.records.store import load_records
from nakaya.theory import (
    cap_fraction,
    committor,
    critical_size,
    log_nucleation_rate,
    nucleation_barrier,
    zeldovich_factor,
)

aluminium = tabulate("Al", load_records("al-cu-si"))
MELTING, LATENT_HEAT = aluminium.melting_temperature, aluminium.latent_heat(800.0)  # K, J/mol
GAMMA, VOLUME = 0.1, 1.73e-29  # J/m^2, m^3
NUMBER_DENSITY, ATTACHMENT = 5.4e28, 5e13  # atoms of melt per m^3, atoms per second that join a critical nucleus

print(f"melting point {MELTING:.0f} K, latent heat {LATENT_HEAT / 1e3:.1f} kJ/mol")

# %%
# Critical size, barrier and rate against temperature: J = rho f+ Z exp(-W*/kT). Within two hundred kelvin the rate
# goes from never to at once, which is why nucleation seems to happen at one temperature.
temperatures = np.linspace(500, 860, 181)
drive = np.array([driving_force(kelvin, MELTING, LATENT_HEAT) for kelvin in temperatures])
sizes = np.array(
    [
        critical_size(GAMMA, h, temperature=kelvin, atomic_volume=VOLUME)
        for kelvin, h in zip(temperatures, drive, strict=True)
    ]
)
rates = log_nucleation_rate(sizes, drive, ATTACHMENT, number_density=NUMBER_DENSITY) / np.log(10)
for kelvin in (550, 650, 750, 850):
    place = np.abs(temperatures - kelvin).argmin()
    print(
        f"{kelvin} K: n* = {sizes[place]:7.0f}, W*/kT = {nucleation_barrier(sizes[place], drive[place]):6.1f}, "
        f"log10 J = {rates[place]:7.1f}"
    )

# %%
# The barrier at one temperature, and the probability that a nucleus of n atoms grows rather than dissolves.
KELVIN = 650.0
h = driving_force(KELVIN, MELTING, LATENT_HEAT)
n_star = float(critical_size(GAMMA, h, temperature=KELVIN, atomic_volume=VOLUME))
n = np.linspace(0, 2.2 * n_star, 300)
barrier = -n * h + 1.5 * h * n_star ** (1 / 3) * n ** (2 / 3)
grows = committor(n, n_star, zeldovich_factor(n_star, h))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
left.plot(n, barrier)
left.axvline(n_star, color="0.6", linestyle="--")
left.set(xlabel="atoms in the nucleus", ylabel="W / kT", title=f"Cost of a nucleus at {KELVIN:.0f} K", ylim=(0, None))
middle.plot(n, grows)
middle.axvline(n_star, color="0.6", linestyle="--")
middle.set(xlabel="atoms in the nucleus", ylabel="probability that it grows", title="Committor")
right.plot(temperatures, rates)
right.axhline(np.log10(1 / (1e-3**3 * 1.0)), color="0.6", linestyle="--")
right.text(505, 10.5, "one per mm³ and second", color="0.4")
right.set(xlabel="temperature / K", ylabel="log10 of J / (m⁻³ s⁻¹)", title="Nucleation rate", ylim=(-20, 45))

# %%
# On a wall a nucleus is a cap, and its barrier smaller by the fraction of the sphere that the cap is.
for angle in (30, 60, 90, 120, 180):
    print(f"contact angle {angle:3d} degrees: {cap_fraction(angle):.3f} of the barrier")

# %%
# **When not to use it.** Far below 0.6 of the melting point the critical nucleus is a few atoms, and nothing in it is a
# sphere; and gamma is no constant: it changes with temperature, which the example on seeding measures.
