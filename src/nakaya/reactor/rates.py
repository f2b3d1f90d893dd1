"""The rate equations as scalar functions: the one place where a formula stands, for the clear solver and the fast one.

Every equation has a row of numbers with named positions (`rate_equations.py` fills it from a dataclass), so that one
compiled solver serves every crystallizer. Python calls the functions as they are, and compiled code may call them too.
Importing this module loads numba; import it only where a crystallizer runs.

Symbols: T temperature in K, S = c/c* supersaturation ratio, dc = c - c* in the solubility's unit, N stirring in 1/s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

import numba
import numpy as np
from numba.extending import register_jitable

from nakaya.core.arrays import FloatArray
from nakaya.core.compiling import announce_compilation
from nakaya.reactor.crystallizer import SolverInput
from nakaya.reactor.rate_equations import GROWTH_LENGTH, NUCLEATION_LENGTH, Driver
from nakaya.reactor.solubility import Form

__all__ = [
    "MIN_DRIVER",
    "compiled",
    "conditions_at",
    "driver",
    "growth_rate",
    "interpolate",
    "nucleation_rate",
    "power",
    "rule",
    "signed_growth",
    "size_factor",
    "solubility",
]

Function = TypeVar("Function", bound=Callable[..., Any])

announce_compilation()


def compiled(function: Function) -> Function:
    """Compile on first call; the machine code is kept beside the source, so later processes start at once."""
    return cast(Function, numba.njit(cache=True)(function))


def rule(function: Function) -> Function:
    """Leave a function as it is for Python, and let compiled functions call it."""
    return cast(Function, register_jitable(function))


# Drivers, as numbers in a row.
RELATIVE, ABSOLUTE, LOGARITHMIC, RATIO = range(len(get_args(Driver)))

MIN_DRIVER = 1e-6
"""Driver below which an order under 1 is replaced by a straight line to zero."""

# Positions in a row of a growth or dissolution law.
(
    G_CONSTANT,
    G_ACTIVATION,  # E/R in K
    G_INVERSE_REFERENCE,  # 1/T_ref in 1/K, 0 for the plain Arrhenius factor
    G_TEMPERATURE_POWER,
    G_DRIVER,
    G_DRIVER_SCALE,
    G_ORDER,
    G_LOG_ORDER,
    G_NUCLEUS,  # C in exp(-C/(T^2 ln S)), K^2
    G_SIZE_FACTOR,  # 1/m
    G_SIZE_EXPONENT,
    G_STIRRING_EXPONENT,
    G_STIRRING_REFERENCE,  # 1/s
) = range(GROWTH_LENGTH)

# Positions in a row of a nucleation law.
(
    B_CONSTANT,
    B_ACTIVATION,
    B_INVERSE_REFERENCE,
    B_DRIVER,
    B_DRIVER_SCALE,
    B_ORDER,
    B_SUSPENSION_EXPONENT,
    B_BARRIER,  # A in exp(-A/ln^2 S)
    B_SUSPENSION_SCALE,
    B_BASIS_SCALE,
    B_STIRRING_EXPONENT,
    B_STIRRING_REFERENCE,
) = range(NUCLEATION_LENGTH)


@rule
def interpolate(t: float, profile: tuple[FloatArray, FloatArray]) -> float:
    """Value of a profile (times, values) at a time: linear between points, constant outside."""
    times, values = profile
    if t <= times[0]:
        return float(values[0])
    if t >= times[-1]:
        return float(values[-1])
    i = np.searchsorted(times, t, side="right")
    fraction = (t - times[i - 1]) / (times[i] - times[i - 1])
    return float(values[i - 1] + fraction * (values[i] - values[i - 1]))


# Kinds of solubility law; a row is (kind, scale, T_0, a_0, a_1, a_2, a_3, ...), or a table's T - T_0 and then ln c.
POLYNOMIAL, EXPONENTIAL, VAN_T_HOFF, APELBLAT, TABLE = range(len(get_args(Form)))
_LAW = 3


@rule
def solubility(row: FloatArray, T: float) -> float:
    """c*(T) in the unit of the law: the formulas of `Solubility`; a table goes on beyond its ends as it ends."""
    if row[0] == TABLE:
        num = (row.size - _LAW) // 2
        return float(row[1] * math.exp(interpolate(T - row[2], (row[_LAW : _LAW + num], row[_LAW + num :]))))
    if row[0] == VAN_T_HOFF:
        return float(row[1] * math.exp(row[_LAW] + row[_LAW + 1] / T))
    if row[0] == APELBLAT:
        return float(row[1] * math.exp(row[_LAW] + row[_LAW + 1] / T + row[_LAW + 2] * math.log(T)))
    x = T - row[2]
    value = row[-1]
    for i in range(row.size - 2, _LAW - 1, -1):
        value = row[i] + x * value
    if row[0] == EXPONENTIAL:
        value = math.exp(value)
    return float(row[1] * value)


@rule
def driver(kind: float, scale: float, S: float, dc: float) -> float:
    """What a power law is a power of: S - 1, scale (c - c*), ln S, or S; its size when undersaturated, S excepted."""
    if kind == ABSOLUTE:
        return abs(scale * dc)
    if kind == LOGARITHMIC:
        return abs(math.log(S)) if S > 0.0 else math.inf
    if kind == RATIO:
        return S
    return abs(S - 1.0)


@rule
def power(value: float, order: float) -> float:
    """value^order; below `MIN_DRIVER`, an order under 1 goes linearly to zero.

    A power below 1 has an infinite slope at saturation, which no integrator can follow and no experiment can see.
    """
    if order < 1.0 and value < MIN_DRIVER:
        return float(value * MIN_DRIVER ** (order - 1.0))
    return float(value**order)


@rule
def growth_rate(row: FloatArray, T: float, S: float, dc: float, N: float) -> float:
    """Rate of growth or dissolution at size zero, m/s, not negative.

    G = k T^n exp(-E/R (1/T - 1/T_ref)) driver^g (ln S)^h exp(-C / (T^2 ln S)) (N/N_ref)^p

    A power law has n = h = C = 0; birth and spread has them all.
    """
    if row[G_CONSTANT] == 0.0 or S == 1.0:
        return 0.0
    rate = row[G_CONSTANT] * power(driver(row[G_DRIVER], row[G_DRIVER_SCALE], S, dc), row[G_ORDER])
    exponent = -row[G_ACTIVATION] * (1.0 / T - row[G_INVERSE_REFERENCE])
    if row[G_NUCLEUS] != 0.0 or row[G_LOG_ORDER] != 0.0:
        log_s = abs(math.log(S))
        exponent -= row[G_NUCLEUS] / (T * T * log_s)
        rate *= log_s ** row[G_LOG_ORDER]
    if row[G_TEMPERATURE_POWER] != 0.0:
        rate *= T ** row[G_TEMPERATURE_POWER]
    if row[G_STIRRING_EXPONENT] != 0.0:
        rate *= (N / row[G_STIRRING_REFERENCE]) ** row[G_STIRRING_EXPONENT]
    return float(rate * math.exp(exponent))


@rule
def size_factor(row: FloatArray, size: float) -> float:
    """Dependence of growth on size: (1 + gamma L)^a (Abegg, Stevens and Larson 1968); 1 where gamma is 0."""
    if row[G_SIZE_FACTOR] == 0.0:
        return 1.0
    return float((1.0 + row[G_SIZE_FACTOR] * size) ** row[G_SIZE_EXPONENT])


@rule
def nucleation_rate(rows: FloatArray, T: float, S: float, dc: float, suspension: float, N: float) -> float:
    """Sum of all nucleation laws, crystals per second and kg of slurry; 0 where S <= 1.

    B = k exp(-E/R (1/T - 1/T_ref)) driver^b M^j exp(-A/ln^2 S) (N/N_ref)^p, with M = scale x crystal mass per slurry.
    """
    if S <= 1.0:
        return 0.0
    total = 0.0
    for i in range(rows.shape[0]):
        row = rows[i]
        rate = row[B_CONSTANT] * row[B_BASIS_SCALE]
        rate *= driver(row[B_DRIVER], row[B_DRIVER_SCALE], S, dc) ** row[B_ORDER]
        exponent = -row[B_ACTIVATION] * (1.0 / T - row[B_INVERSE_REFERENCE])
        if row[B_BARRIER] != 0.0:
            log_s = math.log(S)
            exponent -= row[B_BARRIER] / (log_s * log_s)
        if row[B_SUSPENSION_EXPONENT] != 0.0:
            amount = row[B_SUSPENSION_SCALE] * suspension
            rate *= amount ** row[B_SUSPENSION_EXPONENT] if amount > 0.0 else 0.0
        if row[B_STIRRING_EXPONENT] != 0.0:
            rate *= (N / row[B_STIRRING_REFERENCE]) ** row[B_STIRRING_EXPONENT]
        total += rate * math.exp(exponent)
    return float(total)


@rule
def conditions_at(system: SolverInput, t: float, solute: float) -> tuple[float, float, float, float]:
    """Temperature, S, c - c* and stirring at a time, for a solute."""
    T = interpolate(t, system.temperature)
    c = solute / (system.basis[0] + system.basis[1] * solute)
    c_star = solubility(system.solubility, T)
    alpha, beta, gamma = system.solubility_unit
    c_star = alpha * c_star / (beta + gamma * c_star)
    return T, c / c_star, c - c_star, interpolate(t, system.stirring)


@rule
def signed_growth(system: SolverInput, T: float, S: float, dc: float, N: float) -> float:
    """Rate at size zero, m/s: growth where S > 1, minus dissolution where S < 1."""
    if S > 1.0:
        return growth_rate(system.growth, T, S, dc, N)
    return -growth_rate(system.dissolution, T, S, dc, N)
