"""The description of a fit, in TOML: a system, what is free, and experiments with what was seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field

from nakaya.core.arrays import FloatArray
from nakaya.core.configuration import Table, read_toml
from nakaya.core.errors import ConfigError, ParameterError, UnknownNameError
from nakaya.reactor.amounts import Basis, change_basis
from nakaya.reactor.config import read_column_map
from nakaya.reactor.crystallizer import Crystallizer, Operation
from nakaya.reactor.estimation import Experiment, FreeParameter, Kind, Observation
from nakaya.reactor.finite_volume import Grid
from nakaya.reactor.logs.checks import check_supersaturation
from nakaya.reactor.logs.column_map import is_concentration
from nakaya.reactor.logs.log import ReactorLog, Series, read_log
from nakaya.reactor.logs.record import CONCENTRATION_BASIS, thin
from nakaya.reactor.profiles import Profile, constant
from nakaya.reactor.simulate import Method
from nakaya.reactor.solubility import CELSIUS_ZERO, Solubility
from nakaya.reactor.system_config import GridTable, SeedTable, SystemTable, build_crystallizer, extrapolation_remarks
from nakaya.records.record import Record
from nakaya.records.store import load_records
from nakaya.records.units import same_dimension

__all__ = ["FitPlan", "read_fit_plan"]

_MAX_PROFILE_POINTS = 400
_BEYOND = 0.02
"""Fraction of a run that its temperature need not cover."""

_STILL = 0.1
_HOUR = 3600.0


def _named(tables: Any) -> Any:  # whatever stands in the file
    """Give parameters the names of their tables."""
    if not isinstance(tables, dict):
        return tables
    return {name: {"path": name, **table} if isinstance(table, dict) else table for name, table in tables.items()}


class ObservationTable(Table):
    """Where an observation stands in the log."""

    channel: str
    deviation: float | None = None


class ExperimentTable(Table):
    """One run: a log with its map, or a record of it; and what they do not hold."""

    name: str
    log: str | None = None
    map: str | None = None
    record: str | None = None
    initial_concentration: float | None = None
    temperature: list[list[float]] | None = None
    temperature_constant: float | None = None
    stirring: float | None = None
    seed: SeedTable | None = None
    residence_time_h: float | None = None
    feed_concentration: float | None = None
    duration_h: float | None = None
    start_h: float | None = None
    seed_time_h: float | None = None
    end_h: float | None = None
    observations: dict[Kind, ObservationTable] = Field(default_factory=lambda: {})


class FitTable(Table):
    """A fit."""

    method: Method = "moments"
    intervals: Literal["profile", "covariance", "bootstrap"] = "profile"
    starts: int = Field(default=1, ge=1, le=1000)
    bootstrap: int = Field(default=200, ge=20, le=100_000)
    seed: int = Field(default=0, ge=0)
    grid: GridTable | None = None
    system: SystemTable
    parameters: Annotated[dict[str, FreeParameter], BeforeValidator(_named)]
    experiments: list[ExperimentTable] = Field(min_length=1)


@dataclass(frozen=True, eq=False)
class FitPlan:
    """A fit that is ready to run.

    Attributes:
        table: What the file says.
        crystallizer: The system, at its first values.
        experiments: With their observations.
        grid: Classes of size, or None.
        files: Every file that was read.
        flags: What did not fit together in the logs, by experiment.
    """

    table: FitTable
    crystallizer: Crystallizer
    experiments: list[Experiment]
    grid: Grid | None
    files: list[Path]
    flags: dict[str, tuple[str, ...]]


def read_fit_plan(path: Path) -> FitPlan:
    """Read the description of a fit, and the logs that it names (relative to its own folder).

    Raises:
        InputFileError: A file is missing or cannot be read.
        ConfigError: An entry is missing, unknown or wrong.
        FormatError: A log contradicts itself or its map.
        UnknownNameError: A set, column or channel that does not exist.
    """
    table = read_toml(path, FitTable)
    names = [entry.name for entry in table.experiments]
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: two experiments have the same name")
    try:
        crystallizer = build_crystallizer(table.system)
    except (ConfigError, ParameterError) as error:
        raise ConfigError(f"{path}: {error}") from None
    files, flags, experiments = [path], {}, []
    try:
        for entry in table.experiments:
            log, basis = _read_log(path.parent, entry)
            files += [path.parent / name for name in (entry.log, entry.map) if name is not None]
            experiment, remarks = _experiment(entry, log, basis, crystallizer.solubility)
            experiments.append(experiment)
            remarks += extrapolation_remarks(table.system, experiment.operation.temperature.values)
            if log.flags or remarks:
                flags[entry.name] = (*log.flags, *remarks)
        grid = table.grid
        return FitPlan(
            table,
            crystallizer,
            experiments,
            None if grid is None else grid.build(),
            files,
            flags,
        )
    except ParameterError as error:
        raise ConfigError(f"{path}: {error}") from None


def _experiment(
    entry: ExperimentTable, log: ReactorLog, basis: Basis | None, solubility: Solubility
) -> tuple[Experiment, list[str]]:
    """An experiment as the solver runs it, and what is to be said about it.

    Args:
        entry: Its table.
        log: What was measured.
        basis: What the log's concentrations are per kg of; None: not said.
        solubility: Of the system, on whose basis its concentrations are.
    """
    start, end = _span(entry)
    log = _cut(log, start, end)
    initial, slope, remarks = entry.initial_concentration, 1.0, []
    if any(kind == "concentration" for kind in entry.observations):
        log, slope, remark = _in_basis(entry, log, basis, solubility.basis)
        remarks += remark
    observed = [_observation(kind, seen, log, slope, entry.name) for kind, seen in entry.observations.items()]
    if not observed:
        raise ConfigError(f"experiment {entry.name} names no observation: add [experiments.observations]")
    observations = tuple(seen for seen, _ in observed)
    remarks += [remark for _, remark in observed if remark]
    last = max(float(seen.times[-1]) for seen in observations)
    if initial is None:
        if "concentration" not in entry.observations:
            raise ConfigError(f"experiment {entry.name} needs initial_concentration")
        initial = float(next(seen for seen in observations if seen.kind == "concentration").values[0])
    if entry.duration_h is not None:
        last = entry.duration_h * _HOUR
    operation = Operation(
        initial_concentration=initial,
        temperature=_temperature(entry, log, start),
        duration=last,
        seed=None if entry.seed is None else entry.seed.build(),
        stirring=_stirring(entry, log),
        residence_time=None if entry.residence_time_h is None else entry.residence_time_h * _HOUR,
        feed_concentration=entry.feed_concentration,
    )
    remarks += _beyond_profile(entry, log, operation)
    ratios = initial / solubility.at(operation.temperature.values)
    remarks += check_supersaturation(ratios, "supersaturation with the initial concentration")
    if entry.seed is not None and entry.seed_time_h is None and entry.start_h is None:
        remarks += _stands_still(observations)
    return Experiment(entry.name, operation, observations), remarks


def _span(entry: ExperimentTable) -> tuple[float, float]:
    """Where on the log's clock the run begins and ends, s."""
    if entry.seed_time_h is not None and entry.start_h is not None:
        raise ConfigError(
            f"experiment {entry.name}: a seeded run begins when it is seeded: give seed_time_h or start_h, not both"
        )
    if entry.seed_time_h is not None and entry.seed is None:
        raise ConfigError(f"experiment {entry.name} has a seed_time_h, but no seed: give start_h for a run without one")
    begin = entry.seed_time_h if entry.seed_time_h is not None else entry.start_h
    start = 0.0 if begin is None else begin * _HOUR
    end = np.inf if entry.end_h is None else entry.end_h * _HOUR
    if not start < end:
        raise ConfigError(f"experiment {entry.name} begins at {start / _HOUR:g} h and ends at {end / _HOUR:g} h")
    return start, end


def _cut(log: ReactorLog, start: float, end: float) -> ReactorLog:
    """What was measured from `start` to `end` (s), on a clock that begins there.

    Conditions hold between their samples: those of the last sample before `start` stand at time 0.
    """
    if start == 0.0 and end == np.inf:
        return log
    channels = {}
    for name, series in log.channels.items():
        inside = (series.times >= start) & (series.times <= end)
        times, values = series.times[inside] - start, series.values[inside]
        known = np.isfinite(series.values)
        if name in ("temperature", "stirring") and known.any() and not (times.size and times[0] == 0.0):
            here = np.interp(start, series.times[known], series.values[known])
            times, values = np.concatenate([[0.0], times]), np.concatenate([[here], values])
        channels[name] = replace(series, times=times, values=values)
    return replace(log, channels=channels)


def _in_basis(
    entry: ExperimentTable, log: ReactorLog, basis: Basis | None, wanted: Basis
) -> tuple[ReactorLog, float, list[str]]:
    """The log with its concentrations on the system's basis, by what their errors grew, and what was converted."""
    if basis == wanted:
        return log, 1.0, []
    if basis is None:
        return (
            log,
            1.0,
            [
                f"nothing says what the measured concentration is per kg of: it is read as per {wanted}, like the "
                "system's; state concentration_basis in the map"
            ],
        )
    channel = entry.observations["concentration"].channel
    initial = entry.initial_concentration
    first = initial if initial is not None else float(_series(log, channel, entry.name)[1][0])
    per = wanted if initial is not None else basis
    fraction = first / (1.0 + first) if per == "solvent" else first
    if not 0 <= fraction < 1:
        raise ConfigError(f"experiment {entry.name}: an initial concentration of {first:g} kg/kg leaves no solvent")
    channels = {
        name: replace(series, values=change_basis(series.values, basis, wanted, fraction))
        if is_concentration(name)
        else series
        for name, series in log.channels.items()
    }
    middle = np.median(_series(log, channel, entry.name)[1]) + np.array([-1e-6, 1e-6])
    slope = float(np.diff(change_basis(middle, basis, wanted, fraction))[0]) / 2e-6
    return (
        replace(log, channels=channels),
        slope,
        [
            f"the measured concentration is per {basis}, that of the system per {wanted}: it was converted, with a "
            f"mass fraction of {fraction:.4g} at the start"
        ],
    )


def _stands_still(observations: Sequence[Observation]) -> list[str]:
    """Ask whether the log begins before the seed, where the solution stays as it is for a tenth of the run."""
    for seen in observations:
        if seen.kind != "concentration" or seen.values.size < 20:
            continue
        noise = 1.4826 * float(np.median(np.abs(np.diff(seen.values)))) / np.sqrt(2.0)
        moved = np.abs(seen.values - np.median(seen.values[:5])) > max(6.0 * noise, 0.02 * np.ptp(seen.values))
        still = int(np.argmax(moved)) if moved.any() else 0
        span = float(seen.times[-1] - seen.times[0])
        still = round(0.6 * still)  # what moved at last may have moved before that was seen
        if still < 6 or seen.times[still] - seen.times[0] <= _STILL * span:
            continue
        t = seen.times[:still] - seen.times[:still].mean()
        c = seen.values[:still] - seen.values[:still].mean()
        slope = float(t @ c / (t @ t))
        error = float(np.sqrt(np.sum((c - slope * t) ** 2) / (still - 2) / (t @ t)))
        if abs(slope) <= 2.0 * error:  # the slope of a steady fall would be several times its error by then
            return [
                f"the concentration stands still until {seen.times[still] / _HOUR:.3g} h: does the log begin before "
                "the seed? give seed_time_h"
            ]
    return []


def _read_log(folder: Path, entry: ExperimentTable) -> tuple[ReactorLog, Basis | None]:
    """What was measured, and what its concentrations are per kg of (None: not said)."""
    if entry.record is not None and entry.log is None and entry.map is None:
        found = load_records(folder / entry.record)
        if len(found) != 1:
            raise ConfigError(f"experiment {entry.name}: {entry.record} holds {len(found)} records: name one file")
        basis = found[0].provenance.settings.get(CONCENTRATION_BASIS)
        return _log_of(found[0]), next((known for known in get_args(Basis) if known == basis), None)
    if entry.log is None or entry.map is None or entry.record is not None:
        raise ConfigError(f"experiment {entry.name} needs either a log with its map, or a record")
    columns = read_column_map(folder / entry.map)
    return read_log(folder / entry.log, columns), columns.concentration_basis if columns.basis_is_stated else None


def _log_of(record: Record) -> ReactorLog:
    """The series of a reactor record as the channels of a log, under the names that logs use."""
    if record.kind != "reactor":
        raise ConfigError(f"record {record.id} is of kind {record.kind!r}: fits are made to reactor records")
    names = {"stirring_rate": "stirring"}
    channels = {
        names.get(name, name): Series(series.axis.values, series.values, series.unit)
        for name, series in {**record.conditions, **record.evidence}.items()
        if series.values.ndim == 1 and series.axis is not None and series.axis.name == "time"
    }
    return ReactorLog(channels, None, tuple(record.flags))


def _series(log: ReactorLog, channel: str, experiment: str) -> tuple[FloatArray, FloatArray]:
    if channel not in log.channels:
        raise UnknownNameError(f"channel of experiment {experiment}", channel, log.channels)
    series = log.channels[channel]
    known = np.isfinite(series.values)
    if not known.any():
        raise ConfigError(f"experiment {experiment}: channel {channel} holds no value between its start and its end")
    return series.times[known], series.values[known]


def _observation(
    kind: Kind, seen: ObservationTable, log: ReactorLog, slope: float, experiment: str
) -> tuple[Observation, str]:
    """An observation in the form that a fit compares, numbers of crystals by their logarithm; and a remark or "".

    The standard deviation of a concentration is given as the log has it, and grows by `slope` with the basis.
    """
    times, values = _series(log, seen.channel, experiment)
    unit, remark = log.channels[seen.channel].unit, ""
    if kind == "concentration" and not is_concentration(seen.channel):
        raise ConfigError(
            f"experiment {experiment}: channel {seen.channel!r} is no concentration in kg/kg: call it concentration, "
            "or concentration_..., in the map, which then converts its unit"
        )
    expected = {"concentration": ("1",), "log_number": ("1/kg", "1")}.get(kind, ("m",))
    if not any(same_dimension(unit, known) for known in expected):
        raise ConfigError(
            f"experiment {experiment}: {kind} is observed in {expected[0]!r}, but {seen.channel!r} is in {unit!r}"
            + (": give it per kg of slurry" if kind == "log_number" else "")
        )
    if kind == "log_number":
        if (values <= 0).any():
            raise ConfigError(
                f"experiment {experiment}: {seen.channel} holds numbers of crystals that are not positive"
            )
        values = np.log(values)
        if same_dimension(unit, "1"):
            remark = f"{seen.channel} has no unit: it is read as crystals per kg of slurry; map it with the unit 1/kg"
    deviation = seen.deviation
    if deviation is not None and kind == "concentration":
        deviation *= slope
    return Observation(kind, times, values, deviation), remark


def _temperature(entry: ExperimentTable, log: ReactorLog, start: float) -> Profile:
    """Given as constant (C) or points (h on the log's clock, C), or measured; from `start` (s) on."""
    if entry.temperature_constant is not None and entry.temperature is None:
        return constant(entry.temperature_constant + CELSIUS_ZERO)
    if entry.temperature is not None:
        if any(len(point) != 2 for point in entry.temperature):
            raise ConfigError(f"experiment {entry.name}: temperature is a list of [hours, Celsius]")
        points = np.array(entry.temperature, dtype=np.float64)
        given = Profile(points[:, 0] * _HOUR, points[:, 1] + CELSIUS_ZERO)
        if start == 0.0:
            return given
        later = given.times > start
        times, values = given.times[later] - start, given.values[later]
        return Profile(np.concatenate([[0.0], times]), np.concatenate([given.at([start]), values]))
    if "temperature" not in log.channels:
        raise ConfigError(
            f"experiment {entry.name}: its log holds no temperature: give temperature = [[hours, Celsius], ...]"
        )
    return _thinned(*_series(log, "temperature", entry.name))


def _beyond_profile(entry: ExperimentTable, log: ReactorLog, operation: Operation) -> list[str]:
    """Where a run lasts longer than its temperature was measured: solvers hold the first and the last one."""
    if entry.temperature is not None or entry.temperature_constant is not None:
        return []
    times, _ = _series(log, "temperature", entry.name)
    usual = float(np.median(np.diff(times))) if times.size > 1 else np.inf
    before, after = float(times[0]), operation.duration - float(times[-1])
    if max(before, after) <= max(2.0 * usual, _BEYOND * operation.duration):
        return []
    return [
        f"the temperature was measured from {times[0] / _HOUR:.4g} to {times[-1] / _HOUR:.4g} h of a run of "
        f"{operation.duration / _HOUR:.4g} h: the first and the last one are held outside; give temperature, or end_h"
    ]


def _stirring(entry: ExperimentTable, log: ReactorLog) -> Profile:
    if entry.stirring is not None:
        return constant(entry.stirring)
    return _thinned(*_series(log, "stirring", entry.name)) if "stirring" in log.channels else constant(1.0)


def _thinned(times: FloatArray, values: FloatArray) -> Profile:
    """A measured profile of a few hundred points: means over equal spans of time, with the first and last time kept."""
    return Profile(*thin(times, values, _MAX_PROFILE_POINTS))
