"""Honest errors: of a slope whose noise is a random walk, of a mean over seeds, and of a rate of rare events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = [
    "Estimate",
    "EventRate",
    "combine_runs",
    "combine_seeds",
    "event_rate",
    "exponentiality",
    "log_of_mean_count",
    "poisson_interval",
    "rate_ratio",
    "walk_slope",
    "weighted_mean",
]


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error.

    Attributes:
        value: Best value.
        standard_error: Standard error; NaN where it cannot be told.
    """

    value: float
    standard_error: float


def walk_slope(times: FloatArray, positions: FloatArray, *, block: float) -> Estimate:
    """Mean rate of a drifting, diffusing interface, with an error that knows about the diffusion.

    An interface that advances is also a random walker: successive residuals are not independent, and the standard
    error of a straight line through the points is several times too small. The slope is still the least-squares one;
    its error comes from the dispersion of the displacements over blocks that are longer than the memory of the noise.
    For a random walk observed over n blocks of length tau, var(slope) = 6/5 * s^2 / (n tau^2), where s is the standard
    deviation of the displacement over a block and 6/5 the price of least squares against the end-to-end slope.

    Args:
        times: float64 [n], increasing.
        positions: float64 [n].
        block: Length of a block, in the unit of `times`.

    Raises:
        ParameterError: Fewer than three points.

    >>> times = np.arange(0.0, 40.0, 0.5)
    >>> found = walk_slope(times, 0.7 * times, block=4.0)
    >>> round(found.value, 6), round(found.standard_error, 6)
    (0.7, 0.0)
    """
    if len(times) < 3:
        raise ParameterError(f"{len(times)} points are too few for a slope: at least 3 are needed")
    centred = times - times.mean()
    slope = float((centred * (positions - positions.mean())).sum() / (centred**2).sum())
    span = float(times[-1] - times[0])
    num_blocks = int(span / block + 1e-9)
    if num_blocks < 3:
        return Estimate(slope, math.nan)
    edges = np.linspace(times[0], times[-1], num_blocks + 1)
    steps = np.diff(np.interp(edges, times, positions))
    deviation = float(steps.std(ddof=1))
    tau = span / num_blocks
    return Estimate(slope, math.sqrt(1.2 / num_blocks) * deviation / tau)


def weighted_mean(values: FloatArray, errors: FloatArray) -> Estimate:
    """Mean with weights 1/error^2, and its standard error from the errors alone."""
    weights = 1 / errors**2
    return Estimate(float((weights * values).sum() / weights.sum()), 1 / math.sqrt(float(weights.sum())))


def combine_runs(values: FloatArray, errors: FloatArray) -> Estimate:
    """Weighted mean over runs; its error is the larger of the weighted one and that of the runs' own dispersion."""
    mean = weighted_mean(values, errors)
    outer = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Estimate(mean.value, max(mean.standard_error, outer))


def combine_seeds(values: Sequence[float], errors: Sequence[float]) -> Estimate:
    """Mean over independent runs, with an error that neither few seeds nor short runs make too small.

    The standard deviation of n seeds is itself uncertain when n is small, and the errors from within the runs miss what
    stays the same through a run. Both estimate the same error, so the larger of the two is stated.

    Raises:
        ParameterError: No values.
    """
    found = np.asarray(values, dtype=np.float64)
    within = np.asarray(errors, dtype=np.float64)
    if found.size == 0:
        raise ParameterError("no run gave a value: there is nothing to average")
    inner = math.sqrt(float(np.nanmean(within**2)) / found.size) if np.isfinite(within).any() else math.nan
    outer = float(found.std(ddof=1)) / math.sqrt(found.size) if found.size > 1 else math.nan
    known = [error for error in (inner, outer) if math.isfinite(error)]
    return Estimate(float(found.mean()), max(known) if known else math.nan)


def poisson_interval(events: int, *, level: float = 0.9) -> tuple[float, float]:
    """Central interval for the mean of a Poisson count (Garwood 1936): it covers at least `level`.

    >>> low, high = poisson_interval(0)
    >>> low, round(high, 3)
    (0.0, 2.996)
    """
    if events < 0 or not 0 < level < 1:
        raise ParameterError(f"events={events}, level={level}: a count is not negative, a level lies in (0, 1)")
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(stats.chi2.ppf(tail, 2 * events)) / 2
    return low, float(stats.chi2.ppf(1 - tail, 2 * events + 2)) / 2


def rate_ratio(
    counts: tuple[int, int], exposures: tuple[float, float], *, level: float = 0.9
) -> tuple[float, tuple[float, float]]:
    """Ratio of two Poisson rates, (n1/e1) / (n2/e2), with an exact interval (Przyborowski & Wilenski 1940).

    Given n1 + n2, n1 is binomial with the probability rho e1/(rho e1 + e2), rho the ratio: the interval of rho is that
    of Clopper and Pearson for this probability. It covers at least `level`.

    Args:
        counts: Events of both, n1 and n2.
        exposures: In any unit, the same for both.
        level: Of the interval.

    Returns:
        (ratio, NaN where nothing happened at all; (low, high)).

    Raises:
        ParameterError: A count is negative, or an exposure not positive.

    >>> ratio, (low, high) = rate_ratio((18, 9), (1.0, 1.0))
    >>> ratio, round(low, 2), round(high, 2)
    (2.0, 0.96, 4.37)
    """
    first, second = counts
    if min(counts) < 0 or not all(0 < exposure < math.inf for exposure in exposures):
        raise ParameterError(f"counts {counts}, exposures {exposures}: counts are not negative, exposures positive")
    tail, scale = (1 - level) / 2, exposures[1] / exposures[0]

    def odds(probability: float) -> float:
        return math.inf if probability >= 1 else probability / (1 - probability) * scale

    low = odds(float(stats.beta.ppf(tail, first, second + 1))) if first else 0.0
    high = odds(float(stats.beta.ppf(1 - tail, first + 1, second))) if second else math.inf
    ratio = first / second * scale if second else math.inf if first else math.nan
    return ratio, (low, high)


def log_of_mean_count(events: int) -> Estimate:
    """Natural logarithm of a Poisson mean after one count: mean and standard deviation of what is known of it.

    The mean m has the density m^(n - 1/2) e^(-m) after n events with Jeffreys' prior, so that ln m has the mean
    psi(n + 1/2) and the variance psi'(n + 1/2). From two events on that is ln n and a little more than 1/n; one event
    or none give a number as well, and a standard deviation that says how little it means.

    >>> found = log_of_mean_count(9)
    >>> round(math.exp(found.value), 2), round(found.standard_error, 2)
    (9.0, 0.33)
    """
    if events < 0:
        raise ParameterError(f"events={events}: a count is not negative")
    shape = events + 0.5
    return Estimate(float(special.digamma(shape)), math.sqrt(float(special.polygamma(1, shape))))


@dataclass(frozen=True)
class EventRate:
    """Rate of rare events from waiting times.

    Attributes:
        rate: Events per unit of time.
        low: Lower end of the interval.
        high: Upper end of the interval.
        lag: The part of every waiting time in which no event could be seen, subtracted.
        events: How many runs saw the event.
        censored: How many ended without it.
        counted: Events in the exposure: one less than `events` where the first one fixed the lag.
        exposure: Time in which an event could have been seen, summed over runs.
        p_exponential: Probability of waiting times at least so far from exponential ones; NaN with fewer than five.
    """

    rate: float
    low: float
    high: float
    lag: float
    events: int
    censored: int
    counted: int
    exposure: float
    p_exponential: float


def event_rate(waiting: FloatArray, censored: FloatArray, *, lag: float | None = None, level: float = 0.9) -> EventRate:
    """Rate from runs that saw an event and runs that did not, with the lag subtracted.

    Waiting times are a lag (the transient, and growth until detection) plus an exponential time. With the lag unknown,
    the first event fixes it and no longer counts: the r events give r - 1 events after the first one, in the exposure
    sum(t_i - t_first) over all runs, and the lag is t_first less its mean excess 1/(n rate), not below zero.

    Args:
        waiting: float64 [events], times at which the event was detected.
        censored: float64 [runs without one], times at which they ended.
        lag: Known lag, or None to estimate it.
        level: Of the interval.

    Raises:
        ParameterError: No runs, or times that are negative or not finite.

    >>> rate = event_rate(np.array([12.0, 15.0, 31.0]), np.array([40.0]), lag=10.0)
    >>> rate.events, round(rate.rate, 4)  # three events in 2 + 5 + 21 + 30
    (3, 0.0517)
    """
    waiting, censored = np.asarray(waiting, dtype=np.float64), np.asarray(censored, dtype=np.float64)
    everything = np.concatenate([waiting, censored])
    if everything.size == 0 or not (np.isfinite(everything).all() and (everything >= 0).all()):
        raise ParameterError("waiting times must be finite and not negative, and there must be at least one run")
    if lag is not None:
        origin, counted, found_lag = lag, int((waiting > lag).sum()), lag
    elif waiting.size:
        origin, counted, found_lag = float(waiting.min()), waiting.size - 1, math.nan
    else:
        origin, counted, found_lag = 0.0, 0, 0.0
    exposure = float(np.maximum(everything - origin, 0).sum())
    if exposure <= 0:
        return EventRate(math.nan, 0.0, math.inf, origin, waiting.size, censored.size, 0, 0.0, math.nan)
    low, high = (end / exposure for end in poisson_interval(counted, level=level))
    rate = counted / exposure
    if math.isnan(found_lag):
        at_risk = int((everything >= origin).sum())
        found_lag = max(0.0, origin - 1 / (at_risk * rate)) if rate > 0 else origin
    test = exponentiality(waiting - origin, censored - origin)
    return EventRate(rate, low, high, found_lag, waiting.size, censored.size, counted, exposure, test)


def exponentiality(waiting: FloatArray, censored: FloatArray) -> float:
    """Probability that exponential waiting times lie at least so far from their own mean law (two-sided).

    The total-time-on-test statistic: for exponential times the scaled total times on test at the events are uniform
    order statistics; their mean is compared with 1/2 (Barlow, Bartholomew, Bremner, Brunk 1972). Small for waiting
    times that are too regular (a lag left in) as well as too irregular (several populations).

    Args:
        waiting: float64 [events], after the lag; entries that are not positive do not count.
        censored: float64 [runs without one].
    """
    events = np.sort(waiting[waiting > 0])
    if events.size < 5:
        return math.nan
    everything = np.concatenate([events, np.maximum(censored, 0)])
    totals = np.array([np.minimum(everything, time).sum() for time in events])
    uniform = totals[:-1] / totals[-1]
    score = (uniform.mean() - 0.5) * math.sqrt(12 * uniform.size)
    return float(2 * stats.norm.sf(abs(score)))
