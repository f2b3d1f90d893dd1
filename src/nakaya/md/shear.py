"""Shear flow of melts, beside crystals and without: how fast it is, how hot beside the flow, how viscous.

The flow is along x in all runs of ours. The velocity of an atom is that of the flow where it is and its own, the
peculiar velocity; only the latter is heat (Evans & Morriss, Statistical Mechanics of Nonequilibrium Liquids, ch. 6).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import Quantity, single

__all__ = [
    "SHEAR_RATE",
    "flow_flags",
    "flow_quantities",
    "shear_condition",
    "shear_word",
    "velocity_gradient",
    "without_flow",
]

SHEAR_RATE: Final = "shear_rate"
"""Name of the condition, 1/s; the record of a melt at rest has none."""

MAX_RATE_ERROR: Final = 0.2
"""A flow that differs from the one asked for by more than this fraction, and by `MANY_ERRORS`, is not that flow."""

MANY_ERRORS: Final = 6.0
"""Standard errors: of ten frames, one of 5,000 right runs is so far off; few frames would be refused by chance, and
few there are where a crystal came early."""

MAX_TEMPERATURE_ERROR: Final = 0.03
"""Fraction by which the temperature beside the flow may differ from that of the bath."""

_BLOCKS: Final = 5
"""Standard errors are those of the means of so many parts of a run: longer than the memory of a melt's stress, which is
less than a picosecond."""

_SLICE: Final = 5.0
"""A: thin beside the melt, and with some 80 atoms in the interfaces of our runs."""

_PER_PICOSECOND: Final = 1e12
_BAR: Final = 1e5


def shear_word(shear_rate: float) -> str:
    """Part of the id of a record that names the shear rate, 1/s; "" for a melt at rest.

    >>> shear_word(1e10), shear_word(0.0)
    ('-shear1e+10', '')
    """
    return f"-shear{shear_rate:g}" if shear_rate else ""


def shear_condition(shear_rate: float | None) -> dict[str, Quantity]:
    """The condition of a record, from a rate in 1/s; none for a melt at rest."""
    return {SHEAR_RATE: single(shear_rate, "1/s")} if shear_rate else {}


def velocity_gradient(frame: Frame, *, normal: int, low: float = 0.0, high: float = 1.0) -> float:
    """Shear rate of the flow along x between two heights of a box, dv_x/dh by least squares over its atoms, 1/ps.

    Args:
        frame: With velocities; its box may be tilted along x.
        normal: Direction in which the flow grows: 1 = y, 2 = z. The other two vectors of the box lie across it.
        low: Lower height, as a fraction of that of the box.
        high: Upper height.

    Returns:
        NaN without velocities, or with fewer than three atoms there.
    """
    if frame.velocities is None:
        return math.nan
    fractions = (frame.positions @ np.linalg.inv(frame.cell))[:, normal] % 1.0
    chosen = (fractions >= low) & (fractions <= high)
    if chosen.sum() < 3:
        return math.nan
    heights = fractions[chosen] * frame.cell[normal, normal]
    centred = heights - heights.mean()
    return float((centred * frame.velocities[chosen, 0]).sum() / (centred**2).sum())


def without_flow(frame: Frame, *, normal: int) -> Frame:
    """The frame with peculiar velocities: what slices of 5 A along `normal` have in common is taken off.

    Of n atoms the mean takes n - 1 of n parts of the heat along: velocities are stretched by sqrt(n/(n - 1)) for that.
    A slice with one atom keeps it as it is.
    """
    if frame.velocities is None:
        return frame
    heights = (frame.positions @ np.linalg.inv(frame.cell))[:, normal] % 1.0
    number = max(1, int(frame.cell[normal, normal] / _SLICE))
    places = np.minimum((heights * number).astype(np.int64), number - 1)
    counts = np.bincount(places, minlength=number)
    velocities = frame.velocities.copy()
    flow = np.bincount(places, weights=velocities[:, 0], minlength=number) / np.maximum(counts, 1)
    several = counts[places] > 1
    stretch = np.sqrt(counts / np.maximum(counts - 1, 1))
    velocities[several, 0] = ((velocities[:, 0] - flow[places]) * stretch[places])[several]
    return replace(frame, velocities=velocities)


def flow_quantities(
    stresses: FloatArray, temperatures: FloatArray, gradients: FloatArray, shear_rate: float
) -> dict[str, Quantity]:
    """What a run says of its flow: shear rate of the melt, viscosity eta = -<P_xh>/rate, temperature beside the flow.

    Values that are not known are NaN.

    Args:
        stresses: Off-diagonal pressure P_xh, h the direction in which the flow grows, float64 [sample], bar.
        temperatures: Of the peculiar velocities, float64 [sample], K.
        gradients: `velocity_gradient` of the frames, float64 [frame], 1/ps.
        shear_rate: Asked for, 1/s.
    """
    rates = gradients * _PER_PICOSECOND
    viscosities = -stresses * _BAR / shear_rate
    return {
        "melt_shear_rate": single(_mean(rates), "1/s", uncertainty=_standard_error(rates)),
        "viscosity": single(_mean(viscosities), "Pa s", uncertainty=_standard_error(viscosities)),
        "mean_temperature": single(_mean(temperatures), "K"),
    }


def flow_flags(found: dict[str, Quantity], shear_rate: float, temperature: float | None = None) -> list[str]:
    """Say where a flow, as `flow_quantities` returns it, is not the one asked for: 1/s, and K where it is given."""
    flags = []
    rate, kelvin = found["melt_shear_rate"], found["mean_temperature"].value
    if abs(rate.value - shear_rate) > max(MAX_RATE_ERROR * shear_rate, MANY_ERRORS * rate.standard_error):
        flags.append(f"the melt flows at {rate.value:.2g} 1/s instead of {shear_rate:.2g} 1/s")
    if temperature is not None and abs(kelvin / temperature - 1) > MAX_TEMPERATURE_ERROR:
        flags.append(f"the melt was at {kelvin:.0f} K beside the flow instead of {temperature:.0f} K")
    return flags


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def _standard_error(values: FloatArray) -> float:
    if values.size < 2 * _BLOCKS:
        return math.nan
    return float(np.std([part.mean() for part in np.array_split(values, _BLOCKS)], ddof=1)) / math.sqrt(_BLOCKS)
