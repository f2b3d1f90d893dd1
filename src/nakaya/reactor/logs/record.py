"""Reactor logs and size reports become Records: conditions and signals as series, events and rates as results.

What the instruments saw in time is evidence; what is concluded from it (clear and cloud points, induction times, zone
widths, growth rates) are quantities. Long series are thinned to means over equal spans of time; the file itself stays
the source, by its hash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError
from nakaya.core.provenance import package_version, sha256_of_file
from nakaya.reactor.logs.checks import (
    check_balance,
    check_dissolution,
    check_growth,
    check_supersaturation,
    find_size_jumps,
)
from nakaya.reactor.logs.column_map import ColumnMap
from nakaya.reactor.logs.events import TurbidityEvent, ZoneWidth
from nakaya.reactor.logs.log import ReactorLog, read_log
from nakaya.reactor.logs.reports import SizeSample, read_reports
from nakaya.reactor.logs.series import at_times
from nakaya.reactor.logs.size_evidence import DECILES, class_evidence, moment_quantities, quantile_quantities
from nakaya.reactor.logs.zones import find_zones
from nakaya.reactor.sizes import NUM_MOMENTS
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single

__all__ = ["CONCENTRATION_BASIS", "IngestedLog", "IngestedReports", "ingest_log", "ingest_reports", "record_id"]

CONCENTRATION_BASIS = "concentration_basis"
"""Setting of a record: what its concentrations are per kg of; not there where the map did not say."""

MAX_POINTS = 1000
_SPECIAL = {"stirring": "stirring_rate"}  # channels whose condition has another name in records


@dataclass(frozen=True, eq=False)
class IngestedLog:
    """A log, what was found in it, and the record of both."""

    record: Record
    log: ReactorLog
    events: tuple[TurbidityEvent, ...]
    zones: tuple[ZoneWidth, ...]
    supersaturation: tuple[FloatArray, FloatArray] | None  # times s, S


@dataclass(frozen=True, eq=False)
class IngestedReports:
    """Size reports, which of them are suspect, and the record of all."""

    record: Record
    samples: tuple[SizeSample, ...]
    suspect: tuple[int, ...]


def record_id(material: str, name: str) -> str:
    """An id of letters, digits and . _ + = - from a material and a file name."""
    stem = re.sub(r"(\.gz|\.csv|\.txt|\.tsv|\.dat)+$", "", name, flags=re.IGNORECASE)
    text = re.sub(r"[^A-Za-z0-9._+=-]+", "-", f"{material}-{stem}".encode("ascii", "ignore").decode())
    return text.strip("-._+=")[:150] or "reactor"


def thin(times: FloatArray, values: FloatArray, points: int) -> tuple[FloatArray, FloatArray]:
    """Means over equal spans of time where there are more than `points` samples; NaN are left out of the means."""
    if times.size <= points:
        return times, values
    edges = np.linspace(times[0], times[-1], points + 1)
    index = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, points - 1)
    known = np.isfinite(values)
    count = np.bincount(index, weights=known, minlength=points)
    total = np.bincount(index, weights=np.where(known, values, 0.0), minlength=points)
    clock = np.bincount(index, weights=times, minlength=points) / np.maximum(np.bincount(index, minlength=points), 1)
    filled = np.bincount(index, minlength=points) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return clock[filled], (total / count)[filled]


def _series(times: FloatArray, values: FloatArray, unit: str) -> Quantity:
    thinned_times, thinned = thin(times, values, MAX_POINTS)
    return Quantity(thinned, unit, axis=Axis("time", "s", thinned_times))


def _record(
    what: str,
    source: Path,
    files: Sequence[Path],
    columns: ColumnMap,
    map_file: Path | None,
    *,
    conditions: Mapping[str, Quantity],
    quantities: Mapping[str, Quantity],
    evidence: Mapping[str, Quantity],
    settings: Mapping[str, str],
    flags: Sequence[str],
) -> Record:
    return Record(
        id=record_id(columns.material, source.name),
        kind="reactor",
        material=columns.material,
        conditions={DRIVING_FORCE: single(math.nan, "1"), **conditions},
        quantities=quantities,
        evidence=evidence,
        provenance=Provenance(
            source=what,
            files={path.name: sha256_of_file(path) for path in [*files, *([map_file] if map_file else [])]},
            software={"nakaya": package_version()},
            commands=(f"nakaya ingest reactor {source.name} --map {map_file.name if map_file else 'columns.toml'}",),
            settings={"solvent": columns.solvent or "not stated", **settings},
        ),
        status="flagged" if flags else "ok",
        flags=flags,
    )


def ingest_log(path: Path, columns: ColumnMap, *, map_file: Path | None = None) -> IngestedLog:
    """Read a log and conclude from it what it shows.

    Args:
        path: CSV, plain or gz.
        columns: What its columns are.
        map_file: Where `columns` came from, for the record.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: The log contradicts itself in a way that a flag cannot carry.
        UnknownNameError: The map names a column that is not there.
    """
    log = read_log(path, columns)
    flags = list(log.flags)
    supersaturation, remarks = _supersaturation(log, columns)
    flags += remarks
    events, zones, remarks = find_zones(log, columns)
    flags += remarks
    flags += check_balance(log, columns.balance)
    evidence = {
        name: _series(series.times, series.values, series.unit)
        for name, series in log.channels.items()
        if name not in ("temperature", "stirring")
    }
    if log.sizes is not None:
        sizes, remarks = class_evidence(log.sizes)
        evidence |= sizes
        flags += remarks
    record = _record(
        "reactor log",
        path,
        [path],
        columns,
        map_file,
        conditions=_conditions(log, supersaturation),
        quantities=_event_quantities(events, zones),
        evidence=evidence,
        settings={
            "rows": str(log.num_rows),
            "thinned to": f"at most {MAX_POINTS} means over equal spans of time",
            **({CONCENTRATION_BASIS: columns.concentration_basis} if columns.basis_is_stated else {}),
        },
        flags=flags,
    )
    return IngestedLog(record, log, tuple(events), tuple(zones), supersaturation)


def _conditions(log: ReactorLog, supersaturation: tuple[FloatArray, FloatArray] | None) -> dict[str, Quantity]:
    conditions = {}
    for name in ("temperature", "stirring"):
        if name in log.channels:
            series = log.channels[name]
            conditions[_SPECIAL.get(name, name)] = _series(series.times, series.values, series.unit)
    if supersaturation is not None:
        times, S = supersaturation
        with np.errstate(invalid="ignore", divide="ignore"):
            driving = np.where(S > 0, np.log(np.maximum(S, 1e-300)), np.nan)
        conditions[DRIVING_FORCE] = _series(times, driving, "1")
        conditions["supersaturation"] = _series(times, S, "1")
    ends = [float(series.times[-1]) for series in log.channels.values()]
    ends += [float(log.sizes.times[-1])] if log.sizes is not None else []
    return conditions | _duration(max(ends))


def _duration(seconds: float) -> dict[str, Quantity]:
    """How long was looked at; nothing where there is one moment alone."""
    return {"duration": single(seconds, "s")} if seconds > 0 else {}


def _supersaturation(log: ReactorLog, columns: ColumnMap) -> tuple[tuple[FloatArray, FloatArray] | None, list[str]]:
    temperature = log.channels.get("temperature")
    if columns.solubility is None or temperature is None:
        return None, []
    if "concentration" in log.channels:
        series = log.channels["concentration"]
        times, concentration = series.times, series.values
        T = at_times(temperature, times)
    elif columns.concentration is not None:
        times, T = temperature.times, temperature.values
        concentration = np.full(times.size, columns.concentration)
    else:
        return None, ["a solubility is given but no concentration: the supersaturation is not known"]
    if not np.isfinite(T).any():
        return None, ["temperature and concentration have no time in common: the supersaturation is not known"]
    without = int(np.isnan(T).sum())
    saturated = columns.solubility.at(T)
    if not np.isfinite(saturated).any():
        return None, ["the table of solubilities holds no temperature of this log: the supersaturation is not known"]
    outside = int(np.isnan(saturated).sum()) - without
    remarks = [f"at {outside} of {T.size} times the temperature is off the table of solubilities"] if outside else []
    if without and "concentration" in log.channels:
        remarks.append(
            f"at {without} of {T.size} times of the concentration no temperature was logged: the supersaturation is "
            "not known there"
        )
    if (saturated[np.isfinite(saturated)] <= 0).any():
        return None, [
            "the solubility law is negative at some temperatures of this log: supersaturation is not computed"
        ]
    S = concentration / saturated
    remarks += check_supersaturation(S)
    if "concentration" in log.channels:
        remarks += check_dissolution(times, concentration, S) + check_growth(times, concentration, S)
    return (times, S), remarks


def _event_quantities(events: Sequence[TurbidityEvent], zones: Sequence[ZoneWidth]) -> dict[str, Quantity]:
    quantities: dict[str, Quantity] = {}
    for kind in ("clear", "cloud"):
        for number, event in enumerate((event for event in events if event.kind == kind), start=1):
            quantities[f"{kind}_point_{number}"] = single(
                event.temperature, "K", uncertainty=event.temperature_uncertainty
            )
            quantities[f"{kind}_time_{number}"] = single(event.time, "s")
    for number, zone in enumerate(zones, start=1):
        if len(zones) == 1:  # only then is it clear which one the name means
            quantities["induction_time"] = single(zone.induction_time, "s")
        quantities[f"metastable_zone_width_{number}"] = single(zone.width, "K")
        quantities[f"induction_time_{number}"] = single(zone.induction_time, "s")
        if math.isfinite(zone.hold_time):
            quantities[f"hold_before_cloud_point_{number}"] = single(zone.hold_time, "s")
    return quantities


def ingest_reports(source: Path, columns: ColumnMap, *, map_file: Path | None = None) -> IngestedReports:
    """Read the size reports of a folder, or one of them with its neighbours for comparison.

    Args:
        source: The folder, or one report in it: then the record is of that sample alone, and the others of the folder
            only serve to see whether it fits.
        columns: A map with `reports`.
        map_file: Where `columns` came from, for the record.

    Raises:
        InputFileError: Something cannot be read.
        FormatError: A file does not hold what the map says.
    """
    assert columns.reports is not None
    folder = source if source.is_dir() or not source.exists() else source.parent
    samples = read_reports(folder, columns.reports, columns.layout)
    flags = [flag for sample in samples for flag in sample.flags]
    samples, merged = _merge_times(samples)
    flags += merged
    times = np.array([sample.time for sample in samples])
    quantiles = np.array([np.quantile(sample.sizes, DECILES) for sample in samples])
    counts = np.array([float(sample.sizes.size) for sample in samples])
    jumps = {jump.index: jump.message for jump in find_size_jumps(times, quantiles, counts)}
    usual = float(np.median([sample.resolution for sample in samples]))
    shown = list(range(len(samples)))
    if source.is_file():
        shown = [index for index, sample in enumerate(samples) if sample.path.name == source.name]
        if not shown:
            raise FormatError(f"{source}: its name does not match the pattern {columns.reports.pattern!r}")
    flags += [f"{samples[index].path.name}: {message}" for index, message in jumps.items() if index in shown]
    flags += [
        f"{samples[index].path.name} writes sizes to {samples[index].resolution * 1e6:.2g} um, the others to "
        f"{usual * 1e6:.2g} um: another scale?"
        for index in shown
        if samples[index].resolution > 3 * usual
    ]
    kept = [samples[index] for index in shown]
    good = np.array([index not in jumps for index in shown])
    record = _record(
        "crystals measured one by one",
        source,
        [sample.path for sample in samples],
        columns,
        map_file,
        conditions=_duration(times[shown].max()),
        quantities=_growth_of_mean([sample for sample, ok in zip(kept, good, strict=True) if ok]),
        evidence=_report_evidence(kept, quantiles[shown], good),
        settings={"samples": str(len(samples))},
        flags=flags,
    )
    return IngestedReports(record, tuple(kept), tuple(int(i) for i in np.flatnonzero(~good)))


def _merge_times(samples: Sequence[SizeSample]) -> tuple[list[SizeSample], list[str]]:
    """Samples of one time are pooled, with a flag: an axis needs each time once."""
    pooled: dict[float, SizeSample] = {}
    flags = []
    for sample in samples:
        if sample.time in pooled:
            first = pooled[sample.time]
            flags.append(f"{first.path.name} and {sample.path.name} are of one time: their crystals are pooled")
            sizes = np.concatenate([first.sizes, sample.sizes])
            pooled[sample.time] = SizeSample(first.path, sample.time, sizes, first.resolution, first.flags)
        else:
            pooled[sample.time] = sample
    return list(pooled.values()), flags


def _report_evidence(samples: Sequence[SizeSample], quantiles: FloatArray, good: np.ndarray) -> dict[str, Quantity]:
    """Sizes in time. Suspect samples keep their numbers under "..._as_measured" and are unknown everywhere else."""
    axis = Axis("time", "s", np.array([sample.time for sample in samples]))
    means = np.array([sample.mean for sample in samples])
    errors = np.array([sample.standard_error for sample in samples])
    moments = np.array([[(sample.sizes**power).sum() for power in range(NUM_MOMENTS - 1)] for sample in samples])
    return {
        "mean_size_as_measured": Quantity(means, "m", axis=axis),
        "mean_size": Quantity(
            np.where(good, means, np.nan), "m", uncertainty=np.where(good, errors, np.nan), axis=axis
        ),
        "crystals_seen": Quantity(np.array([float(sample.sizes.size) for sample in samples]), "1", axis=axis),
        **quantile_quantities(np.where(good[:, None], quantiles, np.nan), axis),
        **moment_quantities(np.where(good[:, None], moments, np.nan), axis),
    }


def _growth_of_mean(samples: Sequence[SizeSample]) -> dict[str, Quantity]:
    """Rate at which the mean size grows: a weighted straight line; its error from that of the means."""
    times, means, errors = np.array([(s.time, s.mean, s.standard_error) for s in samples]).reshape(-1, 3).T
    if len(samples) < 3 or not (errors > 0).all():
        return {}
    weights = 1.0 / errors**2
    centre = float((weights * times).sum() / weights.sum())
    moment = float((weights * (times - centre) ** 2).sum())
    slope = float((weights * (times - centre) * means).sum() / moment)
    residuals = means - slope * (times - centre) - float((weights * means).sum() / weights.sum())
    excess = max(float((weights * residuals**2).sum() / (len(samples) - 2)), 1.0)  # the line is no law: widen
    return {"mean_size_rate": single(slope, "m/s", uncertainty=math.sqrt(excess / moment))}
