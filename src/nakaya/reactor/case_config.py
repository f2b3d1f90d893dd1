"""The description of a simulated run, in TOML: a system, how it starts, and how it is run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import check_count
from nakaya.core.configuration import Table, read_toml
from nakaya.core.errors import ConfigError, NakayaError, ParameterError
from nakaya.reactor.amounts import conversion
from nakaya.reactor.crystallizer import Crystallizer, Operation, solver_input
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.logs.checks import check_supersaturation
from nakaya.reactor.profiles import Profile, constant, cubic, linear, natural, piecewise
from nakaya.reactor.simulate import Method
from nakaya.reactor.solubility import CELSIUS_ZERO
from nakaya.reactor.system_config import GridTable, SeedTable, SystemTable, build_crystallizer, extrapolation_remarks
from nakaya.records.units import same_dimension, to_si

__all__ = ["Continuous", "ProfileKind", "SimulationCase", "Start", "Stirring", "TemperatureProgram", "read_case"]

ProfileKind: TypeAlias = Literal["constant", "linear", "cubic", "natural", "piecewise"]

MAX_TIMES = 10_000
MAX_POINTS = 10_000
_HOUR = 3600.0

_NEEDED: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "linear": ("start", "end", "duration"),
    "cubic": ("start", "end", "duration"),
    "natural": ("start", "end", "duration", "surroundings"),
    "piecewise": ("points",),
}


@dataclass(frozen=True)
class TemperatureProgram:
    """How temperature runs.

    Attributes:
        profile: One of constant (value), linear and cubic (start, end, duration), natural (those and surroundings) and
            piecewise (points).
        value: Of a constant one.
        start: Temperature at the start.
        end: Temperature after the duration.
        duration: In `time_unit`.
        surroundings: Temperature that natural cooling tends to.
        points: (time, temperature), times increasing.
        unit: Of all temperatures.
        time_unit: Of all times.

    Raises:
        ParameterError: Something is missing, does not belong to the profile, or is out of range.
    """

    profile: ProfileKind
    value: float | None = None
    start: float | None = None
    end: float | None = None
    duration: float | None = None
    surroundings: float | None = None
    points: tuple[tuple[float, float], ...] | None = None
    unit: str = "degC"
    time_unit: str = "h"

    def __post_init__(self) -> None:
        needed = _NEEDED[self.profile]
        keys = ("value", "start", "end", "duration", "surroundings", "points")
        missing = [key for key in needed if getattr(self, key) is None]
        if missing:
            raise ParameterError(f"a {self.profile} profile needs {' and '.join(missing)}")
        if strange := [key for key in keys if key not in needed and getattr(self, key) is not None]:
            raise ParameterError(f"a {self.profile} profile has no {strange[0]}: it has {', '.join(needed)}")
        for given, expected, what in ((self.unit, "K", "temperature"), (self.time_unit, "s", "time")):
            if not same_dimension(given, expected):
                hint = {
                    "C": ": write degC (C is coulomb)",
                    "F": ": write degF (F is farad)",
                    "m": ": write min (m is metre)",
                }
                raise ParameterError(f"{given!r} is no unit of {what}{hint.get(given.strip(), '')}")
        if self.duration is not None and self.duration <= 0:
            raise ParameterError(f"duration={self.duration:g} must be positive")
        if self.points is not None and not 1 <= len(self.points) <= MAX_POINTS:
            raise ParameterError(f"{len(self.points)} points: a piecewise profile has 1 to {MAX_POINTS:,}")

    def build(self) -> Profile:
        """The profile in s and K.

        Raises:
            ParameterError: Times that do not increase, or an end that is never reached.
        """

        def kelvin(value: float | None) -> float:
            return float(to_si(_stated(value), self.unit))

        if self.profile == "constant":
            return constant(kelvin(self.value))
        if self.profile == "piecewise":
            points = self.points or ()
            return piecewise([(float(to_si(time, self.time_unit)), kelvin(value)) for time, value in points])
        start, end, seconds = kelvin(self.start), kelvin(self.end), float(to_si(_stated(self.duration), self.time_unit))
        if self.profile == "natural":
            return natural(start, end, seconds, kelvin(self.surroundings))
        return (linear if self.profile == "linear" else cubic)(start, end, seconds)


def _stated(value: float | None) -> float:
    assert value is not None  # __post_init__ has seen to it
    return value


@dataclass(frozen=True)
class Start:
    """What is in the crystallizer at the start.

    Attributes:
        concentration: Of the solute.
        unit: Of it: kg/kg is per kg of what the solubility's basis says; others need the solubility's amounts.
        saturated_at_C: Instead of a concentration: the temperature at which the solution is saturated.
    """

    concentration: float | None = None
    unit: str = "kg/kg"
    saturated_at_C: float | None = None

    def __post_init__(self) -> None:
        if (self.concentration is None) == (self.saturated_at_C is None):
            raise ParameterError("give either a concentration or saturated_at_C")
        if self.concentration is not None and self.concentration < 0:
            raise ParameterError(f"concentration={self.concentration:g} is negative: it is an amount of solute")

    def of(self, crystallizer: Crystallizer) -> float:
        """kg/kg on the basis of the solubility.

        Raises:
            ParameterError: A unit that cannot be converted, or a temperature without a solubility.
        """
        law = crystallizer.solubility
        if self.concentration is None:
            assert self.saturated_at_C is not None
            found = float(law.at(self.saturated_at_C + CELSIUS_ZERO))
            if not found > 0:
                raise ParameterError(f"saturated_at_C={self.saturated_at_C:g}: the solubility is not known there")
            return found
        made = conversion(self.unit, law.basis, law.amounts, "start.concentration")
        found = float(made.apply(np.array(self.concentration)))
        if not math.isfinite(found):
            raise ParameterError(f"a concentration of {self.concentration:g} {self.unit} leaves no solvent")
        return found


@dataclass(frozen=True)
class Stirring:
    """How fast it is stirred; it matters where a rate law has a stirring exponent.

    Attributes:
        rpm: Revolutions per minute.
        points: (hours, revolutions per minute) instead.
    """

    rpm: float | None = None
    points: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if (self.rpm is None) == (self.points is None):
            raise ParameterError("give either rpm, or points as [hours, rpm]")

    def build(self) -> Profile:
        """Revolutions per second in time (s)."""
        if self.rpm is not None:
            return constant(self.rpm / 60.0)
        return piecewise([(hours * _HOUR, rpm / 60.0) for hours, rpm in self.points or ()])


@dataclass(frozen=True)
class Continuous:
    """Clear feed in, slurry out as it is.

    Attributes:
        residence_time_h: Mean time in the crystallizer.
        feed_concentration: Of the feed, kg/kg on the basis of the solubility; by default that of the start.
    """

    residence_time_h: float
    feed_concentration: float | None = None


class CaseTable(Table):
    """A case."""

    name: str | None = None
    method: Method = "finite-volume"
    duration_h: float | None = None
    num_times: int = 201
    system: SystemTable
    start: Start
    temperature: TemperatureProgram
    stirring: Stirring | None = None
    seed: SeedTable | None = None
    continuous: Continuous | None = None
    grid: GridTable | None = None


@dataclass(frozen=True, eq=False)
class SimulationCase:
    """A run that is ready.

    Attributes:
        name: Of the case; that of its file where it has none.
        crystallizer: The system.
        operation: How it is run.
        times: When it is reported, float64 [t], s.
        method: Of the solver.
        grid: Classes of size, or None.
        flags: What a user should know before believing the result.
    """

    name: str
    crystallizer: Crystallizer
    operation: Operation
    times: FloatArray
    method: Method
    grid: Grid | None
    flags: tuple[str, ...]


def read_case(path: Path) -> SimulationCase:
    """Read the description of a simulated run.

    Raises:
        InputFileError: The file is missing or cannot be read.
        ConfigError: An entry is missing, unknown or wrong.

    A system of one's own under another profile, as in a loop over profiles; L43 is the mean size by mass, m:

    >>> from dataclasses import replace
    >>> from importlib.resources import files
    >>> from nakaya.reactor.profiles import cubic
    >>> from nakaya.reactor.simulate import simulate
    >>> case = read_case(Path(str(files("nakaya.shipped") / "templates" / "simulate-dextrose.toml")))
    >>> slow_first = replace(case.operation, temperature=cubic(315.15, 306.15, 86400.0))
    >>> run = simulate(case.crystallizer, slow_first, method="moments")
    >>> 150e-6 < float(run.mean_sizes["L43"][-1]) < 300e-6
    True
    """
    table = read_toml(path, CaseTable)
    try:
        return _build(table, path)
    except NakayaError as error:
        raise ConfigError(f"{path}: {error}") from None


def _build(table: CaseTable, path: Path) -> SimulationCase:
    check_count("num_times", table.num_times, 2, MAX_TIMES)
    crystallizer = build_crystallizer(table.system)
    temperature = table.temperature.build()
    duration = float(temperature.times[-1]) if table.duration_h is None else table.duration_h * _HOUR
    if table.duration_h is None and duration <= 0:
        raise ParameterError("a constant temperature does not say how long the run is: give duration_h")
    flow = table.continuous
    operation = Operation(
        initial_concentration=table.start.of(crystallizer),
        temperature=temperature,
        duration=duration,
        seed=None if table.seed is None else table.seed.build(),
        stirring=constant(1.0) if table.stirring is None else table.stirring.build(),
        residence_time=None if flow is None else flow.residence_time_h * _HOUR,
        feed_concentration=None if flow is None else flow.feed_concentration,
    )
    solver_input(crystallizer, operation)  # raises where nothing could be run
    return SimulationCase(
        table.name or path.stem,
        crystallizer,
        operation,
        np.linspace(0.0, duration, table.num_times),
        table.method,
        None if table.grid is None else table.grid.build(),
        (*_remarks(crystallizer, operation), *extrapolation_remarks(table.system, _temperatures(operation))),
    )


def _temperatures(operation: Operation) -> FloatArray:
    """Those that a run comes to, K."""
    times = np.union1d(np.linspace(0.0, operation.duration, 1001), operation.temperature.times)
    return operation.temperature.at(times[times <= operation.duration])


def _remarks(crystallizer: Crystallizer, operation: Operation) -> list[str]:
    """What makes the result doubtful, or the run empty.

    Raises:
        ParameterError: A solubility that is none at a temperature of the run.
    """
    law = crystallizer.solubility
    T = _temperatures(operation)
    low, high = law.range()
    beyond = max(low - float(T.min()), float(T.max()) - high)
    solubilities = law.at(np.clip(T, low, high))
    if not (solubilities > 0).all():
        worst = T[int(np.argmin(np.where(np.isfinite(solubilities), solubilities, -np.inf)))]
        raise ParameterError(f"the solubility is not positive at {worst - CELSIUS_ZERO:.4g} degC: the law ends before")
    remarks = []
    if beyond > 0:
        remarks.append(
            f"the temperature leaves the table of solubilities by up to {beyond:.2g} K: its last value is used there"
        )
    remarks += check_supersaturation(
        operation.initial_concentration / solubilities, "supersaturation with the initial concentration"
    )
    kinetics = crystallizer.kinetics
    if operation.seed is None and not kinetics.nucleation:
        remarks.append("no seed and no nucleation: no crystal ever appears")
    if kinetics.growth is None:
        remarks.append("no law of growth: crystals stay as they are")
    if (
        solubilities[0] > operation.initial_concentration
        and operation.seed is not None
        and kinetics.dissolution is None
    ):
        remarks.append(
            f"the solution is undersaturated at the start (S = {operation.initial_concentration / solubilities[0]:.3g})"
            ", and no law of dissolution is given: seed crystals stay as they are until it is saturated"
        )
    return remarks
