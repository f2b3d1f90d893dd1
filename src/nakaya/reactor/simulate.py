"""Run a crystallizer: one function for both solvers."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.reactor.crystallizer import Crystallizer, IntegrationError, Operation, Run, make_run, solver_input
from nakaya.reactor.finite_volume import Grid, OutgrownError, Tolerances, discretise, outgrown, too_many_steps
from nakaya.reactor.sizes import cell_moments

__all__ = ["Method", "simulate"]

Method: TypeAlias = Literal["finite-volume", "moments"]
"""finite-volume: everything; moments: fast, for growth that does not depend on size, and without dissolution."""

MAX_OUTPUTS = 1_000_000
_EXTENSIONS = 16
_EXTENSION = 1.5


def simulate(
    crystallizer: Crystallizer,
    operation: Operation,
    *,
    times: ArrayLike | int = 101,
    method: Method = "finite-volume",
    grid: Grid | None = None,
    tolerances: Tolerances | None = None,
) -> Run:
    """Run a seeded or unseeded cooling crystallizer, batch or continuous.

    Args:
        crystallizer: Solubility, kinetics and crystal.
        operation: Start, temperature, stirring, seed, residence time.
        times: When to report, s, increasing, from 0 to at most the duration; or how many equal times from 0 to the end.
        method: "finite-volume" or "moments".
        grid: Classes of size (finite volumes only).
        tolerances: Of the time steps (finite volumes only).

    Returns:
        Concentration, supersaturation, moments and (finite volumes) size distributions in time.

    Raises:
        ParameterError: Times out of range, moments that do not close, crystals that outgrow a grid that was given, or
            rates that are too fast to integrate.
        UnknownNameError: No such method.

    >>> from nakaya.reactor.crystallizer import Seed
    >>> from nakaya.reactor.parameter_sets import parameter_set
    >>> from nakaya.reactor.profiles import linear
    >>> from nakaya.reactor.sizes import NormalSizes
    >>> batch = Operation(0.67, linear(315.15, 306.15, 86400.0), 86400.0, Seed(0.125, NormalSizes(115e-6, 60e-6)))
    >>> run = simulate(parameter_set("dextrose").crystallizer(), batch, times=3, method="moments")
    >>> run.concentration.round(3).tolist(), bool(abs(run.balance_error) < 1e-9)
    ([0.67, 0.618, 0.58], True)
    """
    outputs = _check_times(times, operation.duration)
    if method == "moments":
        from nakaya.reactor.moments import simulate_moments

        return simulate_moments(crystallizer, operation, outputs)
    if method != "finite-volume":
        raise UnknownNameError("method", method, get_args(Method))
    grid = grid or Grid()
    if grid.largest is not None:
        return _run_on_grid(crystallizer, operation, outputs, grid.num_classes, grid.largest, tolerances)
    largest = 1.3 * operation.seed.sizes.range()[1] if operation.seed else 1e-5
    for attempt in range(_EXTENSIONS):
        try:
            return _run_on_grid(crystallizer, operation, outputs, grid.num_classes, largest, tolerances)
        except OutgrownError:
            if attempt == _EXTENSIONS - 1:
                raise
            largest *= _EXTENSION if operation.seed else 2.0
    raise AssertionError("the loop returns or raises")


def _check_times(times: ArrayLike | int, duration: float) -> FloatArray:
    if isinstance(times, int | np.integer) and not isinstance(times, bool):
        if not 2 <= times <= MAX_OUTPUTS:
            raise ParameterError(f"times={times}: report at 2 to {MAX_OUTPUTS} times")
        return np.linspace(0.0, duration, int(times))
    outputs = np.array(times, dtype=np.float64, ndmin=1)
    if outputs.ndim != 1 or not 1 <= outputs.size <= MAX_OUTPUTS or not np.isfinite(outputs).all():
        raise ParameterError(f"times of shape {outputs.shape}: expected one row of 1 to {MAX_OUTPUTS} finite numbers")
    if not (np.diff(outputs) > 0).all() or outputs[0] < 0 or not 0 < outputs[-1] <= duration * (1 + 1e-9):
        raise ParameterError(f"times must increase from 0 s or later to at most the duration, {duration:g} s")
    return outputs


def _run_on_grid(
    crystallizer: Crystallizer,
    operation: Operation,
    times: FloatArray,
    num_classes: int,
    largest: float,
    tolerances: Tolerances | None,
) -> Run:
    from nakaya.reactor import compiled

    system = solver_input(crystallizer, operation)
    start = discretise(crystallizer, operation, num_classes, largest)
    allowed = tolerances or Tolerances()
    status, reached, steps, densities, solutes, worst = compiled.integrate(system, start, times, allowed)
    if status == compiled.OUTGROWN:
        raise OutgrownError(outgrown(largest, reached))
    if status == compiled.TOO_MANY_STEPS:
        raise IntegrationError(too_many_steps(reached, steps))
    return make_run(
        crystallizer,
        system,
        times,
        solutes,
        densities @ cell_moments(start.edges).T,
        balance_error=worst,
        steps=steps,
        edges=start.edges,
        number_density=densities,
    )
