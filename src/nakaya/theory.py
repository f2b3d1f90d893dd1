"""Closed forms: oracles for tests, physics baselines for models, and the planning of runs.

Impingement after Kolmogorov (1937), Johnson & Mehl (1939) and Avrami (1939-41): nuclei appear at random with a constant
rate J per volume (area) and untransformed space, and grow isotropically with velocity v. It holds for isotropic or
co-oriented grains only: anisotropic grains of random orientation shield each other.

Classical nucleation theory: a nucleus of n atoms costs W(n)/kT = -n h + (3/2) h n*^(1/3) n^(2/3), with
h = delta-mu/kT and the barrier W*/kT = h n*/2 at the critical size n*, if it is a sphere whose interfacial energy does
not depend on its radius.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError

__all__ = [
    "HARD_SPHERE",
    "NICKEL",
    "cap_fraction",
    "characteristic_length",
    "collision_limited_velocity",
    "committor",
    "critical_radius",
    "critical_size",
    "fcc_anisotropy",
    "grains_per_area",
    "grains_per_volume",
    "grains_with_sites",
    "hard_sphere_coefficient",
    "interfacial_energy",
    "length_of_density",
    "log_nucleation_rate",
    "nucleation_barrier",
    "wilson_frenkel_velocity",
    "zeldovich_factor",
]

BOLTZMANN = 1.380649e-23
ATOMIC_MASS = 1.66053906660e-27

_ALL: Final = 40.0
"""Extended volume at which all is crystal: exp(-40)."""

_NODES: Final = 96
"""Of the quadrature over time: the density of grains is then exact to 1e-9."""

HARD_SPHERE: Final[Mapping[str, float]] = {"100": 1.44, "110": 1.10, "111": 0.64}
"""C in mu = C sqrt(k_B / (m T_m)) for the interfaces of a hard-sphere crystal (Amini & Laird 2006)."""

NICKEL: Final[Mapping[str, float]] = {"100": 35.8, "110": 25.5, "111": 24.1}
"""Kinetic coefficients of nickel with an embedded-atom potential, cm/(s K) (Sun, Asta & Hoyt 2004)."""


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{name}={value} must be a positive number")


def grains_per_volume(nucleation_rate: float, velocity: float) -> float:
    """Grains per volume when all space is crystal, 3-D: n = J int_0^inf exp(-pi/3 J v^3 t^4) dt = .896 (J/v)^(3/4).

    >>> round(grains_per_volume(1.0, 1.0), 3)
    0.896
    """
    return _impinged(nucleation_rate, velocity, 3)


def _of_volume(exponent: int, time: FloatArray) -> FloatArray:
    """Integral of x exp(-x s) (1 - s)^n over s from 0 to 1 for n = `exponent` and x = `time`: 0 early, 1 late."""
    early = np.minimum(time, 1.0)
    terms = [early ** (power + 1) * (-1) ** power / math.prod(range(exponent + 1, exponent + power + 2))
             for power in range(18)]  # fmt: skip
    late, found = np.maximum(time, 1.0), -np.expm1(-np.maximum(time, 1.0))
    for order in range(1, exponent + 1):  # by parts, from n = 0 on
        found = 1 - order * found / late
    return np.where(time < 1, np.sum(terms, axis=0), found)


def grains_with_sites(
    nucleation_rate: ArrayLike, velocity: ArrayLike, *, site_density: float, site_rate: ArrayLike
) -> FloatArray:
    """Grains per volume where crystals appear anywhere in the melt, and once at each of some sites in it, 3-D [any].

    n = int_0^inf (J + N k exp(-kt)) exp(-X) dt, the extended volume being (Avrami 1940)

        X = pi/3 J v^3 t^4 + 4 pi/3 N v^3 k int_0^t exp(-ks) (t - s)^3 ds

    Sites that the crystal has run over no longer count. Without sites it is `grains_per_volume`; where sites are fast
    and the melt is slow there is one grain for each.

    Args:
        nucleation_rate: J [any], 1/(m^3 s), not negative.
        velocity: v [any], m/s, positive.
        site_density: N, 1/m^3, not negative.
        site_rate: k [any], 1/s, not negative.

    Raises:
        ParameterError: A value is out of range, or nothing nucleates.

    >>> grains_with_sites([1e12, 0.0], 1e-6, site_density=1e11, site_rate=[0.0, 1e6])
    array([2.8334394e+13, 1.0000000e+11])
    """
    rate, speed, site = np.broadcast_arrays(
        *(np.asarray(entry, dtype=np.float64) for entry in (nucleation_rate, velocity, site_rate))
    )
    if not (speed > 0).all() or min(rate.min(), site.min(), site_density) < 0:
        raise ParameterError("grains need a positive velocity, and rates and a site density that are not negative")
    if not (rate + site_density * site > 0).all():
        raise ParameterError("nothing nucleates: the nucleation rate is 0, and no site has one")

    def extended(time: FloatArray) -> FloatArray:
        cube = math.pi / 3 * (speed * time) ** 3
        return np.asarray(cube * (rate * time + 4 * site_density * _of_volume(3, site * time)))

    low, high = np.full(rate.shape, -40.0), np.full(rate.shape, 40.0)  # of log10 t
    for _ in range(80):
        middle = (low + high) / 2
        with np.errstate(over="ignore"):
            is_late = extended(10.0**middle) > _ALL
        low, high = np.where(is_late, low, middle), np.where(is_late, middle, high)
    end = 10.0**high
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    found = np.zeros(rate.shape)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        time = place * end
        # By parts, for exp(-kt) may be over long before X has grown: N int (1 - exp(-kt)) X' exp(-X) dt.
        growing = math.pi / 3 * speed**3 * time**2 * (
            4 * rate * time + 12 * site_density * _of_volume(2, site * time)
        )  # fmt: skip
        fired = -np.expm1(-site * time) * site_density
        found += weight * end * (rate + fired * growing) * np.exp(-extended(time))
    return np.asarray(found)


def grains_per_area(nucleation_rate: float, velocity: float) -> float:
    """Grains per area when all of a plane is crystal: n = J int_0^inf exp(-pi/3 J v^2 t^3) dt = .879 (J/v)^(2/3).

    >>> round(grains_per_area(1.0, 1.0), 3)
    0.879
    """
    return _impinged(nucleation_rate, velocity, 2)


def _impinged(nucleation_rate: float, velocity: float, dimension: int) -> float:
    """Gamma((d + 2)/(d + 1)) (3/pi)^(1/(d + 1)) lambda^-d."""
    power = 1 / (dimension + 1)
    length = characteristic_length(nucleation_rate, velocity, dimension=dimension)
    return float(math.gamma(1 + power) * (3 / math.pi) ** power * length**-dimension)


def characteristic_length(nucleation_rate: float, velocity: float, *, dimension: int = 3) -> float:
    """Lambda = (v/J)^(1/4), m: the size at which grains meet; in the plane (v/J)^(1/3).

    Args:
        nucleation_rate: J, 1/(m^3 s); in the plane 1/(m^2 s).
        velocity: v, m/s.
        dimension: 2 or 3.

    >>> round(characteristic_length(1e12, 1e-6) * 1e6, 1)  # micrometres
    31.6
    """
    _positive("nucleation_rate", nucleation_rate)
    _positive("velocity", velocity)
    return float((velocity / nucleation_rate) ** (1 / (dimension + 1)))


def length_of_density(density: float, *, dimension: int = 3) -> float:
    """Lambda of a constant rate that would have given so many grains, m: the inverse of `grains_per_volume`.

    Args:
        density: Grains per volume, 1/m^3; in the plane per area, 1/m^2.
        dimension: 2 or 3.

    >>> round(length_of_density(grains_per_volume(1e12, 1e-6)) * 1e6, 1)
    31.6
    """
    _positive("density", density)
    return float((_impinged(1.0, 1.0, dimension) / density) ** (1 / dimension))


def critical_radius(
    reduced_driving_force: float, temperature: float, interfacial_energy: float, atomic_volume: float
) -> float:
    """Radius of the critical nucleus of classical theory, r* = 2 gamma Omega / delta-mu, m.

    Args:
        reduced_driving_force: delta-mu/kT, positive.
        temperature: K.
        interfacial_energy: J/m^2.
        atomic_volume: In the crystal, m^3.

    >>> round(critical_radius(0.615, 640, 0.114, 1.73e-29) * 1e9, 2)  # nanometres
    0.73
    """
    for name, value in (
        ("reduced_driving_force", reduced_driving_force),
        ("temperature", temperature),
        ("interfacial_energy", interfacial_energy),
    ):
        _positive(name, value)
    return 2 * interfacial_energy * atomic_volume / (reduced_driving_force * BOLTZMANN * temperature)


def critical_size(
    interfacial_energy: ArrayLike, reduced_driving_force: ArrayLike, *, temperature: float, atomic_volume: float
) -> FloatArray:
    """Atoms of the critical nucleus of classical theory, n* = (32 pi/3) (gamma Omega^(2/3) / delta-mu)^3.

    Args:
        interfacial_energy: gamma [any], J/m^2.
        reduced_driving_force: [any], delta-mu/kT, positive.
        temperature: K.
        atomic_volume: Omega, in the crystal, m^3.

    >>> round(float(critical_size(0.114, 0.615, temperature=640, atomic_volume=1.73e-29)))
    93
    """
    energy = np.asarray(interfacial_energy, dtype=np.float64) * atomic_volume ** (2 / 3)
    return np.asarray(32 * math.pi / 3 * (energy / (BOLTZMANN * temperature * np.asarray(reduced_driving_force))) ** 3)


def interfacial_energy(
    critical_size: ArrayLike, reduced_driving_force: ArrayLike, *, temperature: float, atomic_volume: float
) -> FloatArray:
    """Interfacial energy that makes a nucleus critical, J/m^2: gamma = delta-mu (3 n*/(32 pi))^(1/3) Omega^(-2/3).

    The inverse of `critical_size`; arguments as there.

    >>> size = critical_size(0.114, 0.615, temperature=640, atomic_volume=1.73e-29)
    >>> round(float(interfacial_energy(size, 0.615, temperature=640, atomic_volume=1.73e-29)), 3)
    0.114
    """
    radius = (3 * np.asarray(critical_size, dtype=np.float64) / (32 * math.pi)) ** (1 / 3)
    return np.asarray(BOLTZMANN * temperature * np.asarray(reduced_driving_force) * radius * atomic_volume ** (-2 / 3))


def nucleation_barrier(critical_size: ArrayLike, reduced_driving_force: ArrayLike) -> FloatArray:
    """Barrier of classical theory over kT [any], W*/kT = n* delta-mu/(2 kT).

    >>> float(nucleation_barrier(100, 0.6))
    30.0
    """
    return np.asarray(np.asarray(critical_size, dtype=np.float64) * np.asarray(reduced_driving_force) / 2)


def zeldovich_factor(critical_size: ArrayLike, reduced_driving_force: ArrayLike) -> FloatArray:
    """Zeldovich factor of classical theory [any], Z = sqrt(-W''(n*)/(2 pi kT)) = sqrt(delta-mu/(6 pi kT n*)).

    >>> round(float(zeldovich_factor(93, 0.615)), 4)
    0.0187
    """
    size = np.asarray(critical_size, dtype=np.float64)
    return np.asarray(np.sqrt(np.asarray(reduced_driving_force) / (6 * math.pi * size)))


def log_nucleation_rate(
    critical_size: ArrayLike, reduced_driving_force: ArrayLike, attachment_rate: ArrayLike, *, number_density: float
) -> FloatArray:
    """Logarithm of the steady rate J [any], 1/(m^3 s): J = rho f+ Z exp(-W*/kT), with rho atoms per volume of melt.

    On a wall the sites of its area take the place of the atoms of the melt, and n* times `cap_fraction` that of n*:
    J is then per area.

    Args:
        critical_size: n* [any].
        reduced_driving_force: [any], delta-mu/kT.
        attachment_rate: f+ [any], atoms per second that join the critical nucleus, 1/s.
        number_density: rho, 1/m^3 (or sites, 1/m^2).

    >>> round(float(log_nucleation_rate(93, 0.615, 5e13, number_density=5.4e28) / np.log(10)), 1)
    28.3
    """
    prefactor = zeldovich_factor(critical_size, reduced_driving_force) * np.asarray(attachment_rate) * number_density
    return np.asarray(np.log(prefactor) - nucleation_barrier(critical_size, reduced_driving_force))


def committor(size: ArrayLike, critical_size: ArrayLike, zeldovich: ArrayLike) -> FloatArray:
    """Probability that a nucleus of n atoms grows [any]: P = (1 + erf(sqrt(pi) Z (n - n*)))/2.

    That of diffusion over a parabolic barrier: P'(n) is proportional to exp(W(n)/kT), with W'' = -2 pi Z^2 kT, if as
    many atoms attach to nuclei of any size. The barrier of classical theory is steeper below n*, and f+ grows with
    n^(2/3): even odds are then (2/3) kT/delta-mu atoms below n*, and a barrier that is read off them kT/3 too low.

    >>> committor([60, 92, 124], 92, 0.019).round(2).tolist()
    [0.06, 0.5, 0.94]
    """
    distance = np.asarray(size, dtype=np.float64) - np.asarray(critical_size)
    return np.asarray(special.ndtr(math.sqrt(2 * math.pi) * np.asarray(zeldovich) * distance))


def cap_fraction(contact_angle: float) -> float:
    """Volume of a cap on a wall over that of the sphere, f = (2 + cos)(1 - cos)^2/4: it lowers n* and W* there.

    Args:
        contact_angle: Between crystal and wall, degrees in [0, 180]; 180 wets nothing.

    >>> cap_fraction(180), round(cap_fraction(90), 3)
    (1.0, 0.5)
    """
    if not 0 <= contact_angle <= 180:
        raise ParameterError(f"contact_angle={contact_angle} is outside [0, 180] degrees")
    cosine = math.cos(math.radians(contact_angle))
    return (2 + cosine) * (1 - cosine) ** 2 / 4


def hard_sphere_coefficient(mass: float, melting_temperature: float, orientation: str) -> float:
    """Kinetic coefficient mu of the hard-sphere law, m/(s K): v = mu (T_m - T) close to melting.

    Linear in the undercooling, so an upper bound already at 10 %.

    Args:
        mass: g/mol.
        melting_temperature: K.
        orientation: "100", "110" or "111".

    >>> round(hard_sphere_coefficient(63.55, 1325.0, "100"), 2)  # copper, m/(s K)
    0.45
    """
    _positive("mass", mass)
    _positive("melting_temperature", melting_temperature)
    if orientation not in HARD_SPHERE:
        raise UnknownNameError("orientation", orientation, HARD_SPHERE)
    return HARD_SPHERE[orientation] * math.sqrt(BOLTZMANN / (mass * ATOMIC_MASS * melting_temperature))


def fcc_anisotropy(orientation: str | None, coefficients: Mapping[str, float] = NICKEL) -> float:
    """Kinetic coefficient of a face of an fcc metal over that of (100), as published: for nickel if nothing is said.

    Sun, Asta & Hoyt (2004), of an embedded-atom potential: .71 for (110), .67 for (111). Hard spheres have .76 and .44
    (Amini & Laird 2006).

    Args:
        orientation: Faces that are not among the coefficients get their mean.
        coefficients: Face -> kinetic coefficient, any unit.
    """
    mean = sum(coefficients.values()) / len(coefficients)
    return coefficients.get(orientation or "", mean) / coefficients["100"]


def collision_limited_velocity(
    temperature: ArrayLike, reduced_driving_force: ArrayLike, *, mass: float, spacing: float, efficiency: float
) -> FloatArray:
    """Collision-limited growth (Broughton, Gilmer & Jackson 1982): no barrier, atoms arrive with thermal speed.

    v = (a/lambda_f) sqrt(3 k T/m) f [1 - exp(-delta-mu/kT)]; the ratio of layer spacing to mean free path and the site
    fraction f are one number here, `efficiency` times `spacing` over 0.4 `spacing`.

    Args:
        temperature: [any], K.
        reduced_driving_force: [any], delta-mu/kT; negative = melting.
        mass: g/mol.
        spacing: Layer spacing a, m; positive, and drops out with the mean free path 0.4 a.
        efficiency: f, about 0.27 for Lennard-Jones (100).

    >>> v = collision_limited_velocity([1200.0, 1325.0], [0.15, 0.0], mass=63.55, spacing=1.8e-10, efficiency=0.27)
    >>> v.round(1).tolist()  # zero at the melting point, m/s
    [64.5, 0.0]
    """
    _positive("mass", mass)
    _positive("spacing", spacing)
    _positive("efficiency", efficiency)
    kelvin = np.asarray(temperature, dtype=np.float64)
    thermal = np.sqrt(3 * BOLTZMANN * kelvin / (mass * ATOMIC_MASS))
    mean_free_path = 0.4 * spacing
    return np.asarray(
        spacing
        / mean_free_path
        * efficiency
        * thermal
        * -np.expm1(-np.asarray(reduced_driving_force, dtype=np.float64))
    )


def wilson_frenkel_velocity(
    diffusivity: ArrayLike, reduced_driving_force: ArrayLike, *, spacing: float, efficiency: float
) -> FloatArray:
    """Activated growth after Wilson (1900) and Frenkel (1932): atoms diffuse into place.

    v = f 6 D / a [1 - exp(-delta-mu/kT)], with the jump length taken as the layer spacing.

    Args:
        diffusivity: [any], of the liquid at the same temperature, m^2/s.
        reduced_driving_force: [any], delta-mu/kT; negative = melting.
        spacing: a, m.
        efficiency: f.

    >>> float(wilson_frenkel_velocity(2e-9, [0.15], spacing=2e-10, efficiency=1.0)[0].round(2))
    8.36
    """
    _positive("spacing", spacing)
    _positive("efficiency", efficiency)
    rate = efficiency * 6 * np.asarray(diffusivity, dtype=np.float64) / spacing
    return np.asarray(rate * -np.expm1(-np.asarray(reduced_driving_force, dtype=np.float64)))
