"""The attachment rate f+ at the top of the barrier, from how far branches of the same nucleus drift apart.

Sizes near n* diffuse: <(n(t) - n(0))^2> = 2 f+ t. Three things add to it and are taken out:

- Drift. It is the same for all branches of one nucleus, whatever its shape: the variance between the branches of each
  nucleus is free of it, and that is what is averaged over nuclei.
- The instability of the top. Away from n* the barrier falls, and differences between branches grow:
  var(t) = (exp(2 k t) - 1) f+/k with k = 2 pi Z^2 f+, which is 2 f+ t at first only.
- Flicker. Atoms at the surface change sides within a picosecond or two without any growth: a constant c, which is
  fitted, from 2 ps after release on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.seeding.critical_size import LEVEL, initial_size
from nakaya.md.seeding.nuclei import SeededNucleus

__all__ = ["WINDOW", "AttachmentRate", "UnseenAttachmentError", "attachment_rate", "spread_between_branches"]

WINDOW: Final = (2e-12, 6e-12)
"""Times after release that are used, s: what changes in the first 2 ps is flicker (Al at 0.69 T_m)."""

NEAR: Final = 1.35
"""Nuclei within this factor of n* are near the top."""

MIN_NUCLEI: Final = 5
"""With fewer there is no interval worth stating."""

MIN_FRAMES: Final = 3

MAX_ENDED: Final = 0.1
"""Frames in which more than this fraction of branches has ended are not used: those that went far are missing."""

MAX_SPREAD: Final = 0.5
"""Nor are frames in which sizes have drifted apart by this fraction of n*: such nuclei are no longer near the top."""

MODEL_ERROR: Final = 0.1
"""Of ln f+: by so much the formula is off at that spread, as chains with a known rate tell."""

RESAMPLES: Final = 200

_RATES: Final = np.geomspace(1e-2, 1e1, 91)
"""Rates that are tried, over the slope on a flat top; a parabola through the best three refines."""


class UnseenAttachmentError(ParameterError):
    """The nuclei do not tell an attachment rate: too few near n*, too few frames, or sizes that do not drift apart."""


@dataclass(frozen=True)
class AttachmentRate:
    """An attachment rate with what it was seen from.

    Attributes:
        value: f+, 1/s.
        low: Lower end of the 90 % interval.
        high: Upper end.
        log_error: Standard error of ln f+: by bootstrap over nuclei, and `MODEL_ERROR`.
        flicker: Standard deviation of sizes by flicker, atoms.
        window: First and last time used, s.
        num_nuclei: Nuclei near n* with at least two branches.
    """

    value: float
    low: float
    high: float
    log_error: float
    flicker: float
    window: tuple[float, float]
    num_nuclei: int


def spread_between_branches(nuclei: Sequence[SeededNucleus]) -> tuple[FloatArray, FloatArray]:
    """Sum of squared deviations from the mean of a nucleus' branches, and degrees of freedom: float64 [nucleus, frame].

    Branches that have ended do not count.
    """
    squares, freedom = [], []
    for nucleus in nuclei:
        there = np.isfinite(nucleus.sizes)
        count = there.sum(axis=0)
        mean = np.where(there, nucleus.sizes, 0.0).sum(axis=0) / np.maximum(count, 1)
        squares.append((np.where(there, nucleus.sizes - mean, 0.0) ** 2).sum(axis=0))
        freedom.append(np.maximum(count - 1, 0))
    return np.array(squares), np.array(freedom, dtype=np.float64)


def attachment_rate(
    nuclei: Sequence[SeededNucleus],
    critical_size: float,
    *,
    zeldovich: float = 0.0,
    window: tuple[float, float] = WINDOW,
    rng: np.random.Generator,
) -> AttachmentRate:
    """f+ at the critical size.

    Args:
        nuclei: Of one material at one temperature, seen at the same times; those near n* are used.
        critical_size: n*.
        zeldovich: Z; 0 takes the top of the barrier for flat: f+ is then too large, by exp(2 k t) in slopes after t.
        window: First and last time used, s.
        rng: Draws the nuclei of the bootstrap.

    Raises:
        ParameterError: Times differ.
        UnseenAttachmentError: The nuclei do not tell it, with the reason.
    """
    near = [
        nucleus
        for nucleus in nuclei
        if len(nucleus.sizes) > 1 and 1 / NEAR <= initial_size(nucleus) / critical_size <= NEAR
    ]
    if len(near) < MIN_NUCLEI:
        raise UnseenAttachmentError(
            f"{len(near)} nuclei within a factor {NEAR} of the critical size of {critical_size:.0f} atoms have two "
            f"branches or more: an attachment rate needs {MIN_NUCLEI}"
        )
    common = min(len(nucleus.times) for nucleus in near)
    times = near[0].times[:common]
    if any(not np.array_equal(nucleus.times[:common], times) for nucleus in near):
        raise ParameterError("the nuclei were not all seen at the same times after release: analyse them apart")
    near = [replace(nucleus, times=times, sizes=nucleus.sizes[:, :common]) for nucleus in near]
    squares, freedom = spread_between_branches(near)
    ended = np.mean([np.isnan(nucleus.sizes).mean(axis=0) for nucleus in near], axis=0)
    still_near = squares.sum(axis=0) <= (MAX_SPREAD * critical_size) ** 2 * freedom.sum(axis=0)
    used = _frames(times, window, (ended <= MAX_ENDED) & still_near)
    counts = rng.multinomial(len(near), np.full(len(near), 1 / len(near)), size=RESAMPLES).astype(np.float64)
    counts = np.concatenate([np.ones((1, len(near))), counts])  # the first is what was seen
    with np.errstate(invalid="ignore", divide="ignore"):
        variances = (counts @ squares[:, used]) / (counts @ freedom[:, used])
    rates, flicker = _fit(times[used], variances[np.isfinite(variances).all(axis=1)], zeldovich)
    begin, end = float(times[used][0]), float(times[used][-1])
    drawn = np.log(rates[1:][np.isfinite(rates[1:])])
    if not math.isfinite(rates[0]) or len(drawn) < RESAMPLES / 2:
        raise UnseenAttachmentError(
            f"sizes do not drift apart between {begin * 1e12:g} and {end * 1e12:g} ps after release: no attachment rate"
        )
    value = float(rates[0])
    error = math.hypot(float(drawn.std(ddof=1)), MODEL_ERROR)
    factor = math.exp(float(stats.t.ppf((1 + LEVEL) / 2, len(near) - 1)) * error)
    return AttachmentRate(value, value / factor, value * factor, error, flicker, (begin, end), len(near))


def _frames(times: FloatArray, window: tuple[float, float], usable: BoolArray) -> BoolArray:
    used = (times >= window[0] * (1 - 1e-9)) & (times <= window[1] * (1 + 1e-9)) & usable
    if used.sum() < MIN_FRAMES:
        raise UnseenAttachmentError(
            f"in {used.sum()} frames between {window[0] * 1e12:g} and {window[1] * 1e12:g} ps after release the nuclei "
            f"are still near the critical size: an attachment rate needs {MIN_FRAMES}; store frames more often"
        )
    return np.asarray(used)


def _fit(times: FloatArray, variances: FloatArray, zeldovich: float) -> tuple[FloatArray, float]:
    """Least squares of var(t) = c + (exp(2 k t) - 1) f+/k [row, frame].

    Returns:
        f+ [row], NaN where the variance does not rise, and sqrt(c) of the first row.
    """
    centred = times - times.mean()
    deviations = variances - variances.mean(axis=1, keepdims=True)
    slopes = deviations @ centred / (centred @ centred) / 2
    usable = slopes > 0
    if not usable[0]:
        return np.full(len(slopes), np.nan), math.nan
    grid = slopes[0] * _RATES
    curves = _spread(grid[:, None], times, zeldovich)
    shapes = curves - curves.mean(axis=1, keepdims=True)
    misfit = (shapes**2).sum(axis=1) - 2 * deviations @ shapes.T  # [row, rate], less what does not depend on the rate
    best = np.clip(misfit.argmin(axis=1), 1, len(grid) - 2)
    rows = np.arange(len(best))
    left, middle, right = (misfit[rows, best + step] for step in (-1, 0, 1))
    curvature = np.maximum(left - 2 * middle + right, np.finfo(np.float64).tiny)
    refined = best + np.clip((left - right) / (2 * curvature), -0.5, 0.5)
    rates = grid[0] * (grid[1] / grid[0]) ** refined
    constant = float(variances[0].mean() - _spread(rates[:1, None], times, zeldovich).mean())
    return np.where(usable, rates, np.nan), math.sqrt(max(constant, 0.0))


def _spread(rate: FloatArray, times: FloatArray, zeldovich: float) -> FloatArray:
    """Variance between branches after t: (exp(2 k t) - 1) f+/k, k = 2 pi Z^2 f+; 2 f+ t on a flat top."""
    if zeldovich == 0:
        return np.asarray(2 * rate * times)
    steepness = 2 * math.pi * zeldovich**2
    return np.asarray(np.expm1(np.minimum(2 * steepness * rate * times, 50.0)) / steepness)
