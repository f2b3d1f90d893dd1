"""A reactor log or a folder of size reports to a record, a chart and a summary."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.errors import ConfigError, InputFileError, NakayaError
from nakaya.core.files import check_output, write_whole
from nakaya.reactor.config import read_column_map
from nakaya.reactor.logs.events import running_median
from nakaya.reactor.logs.record import IngestedLog, IngestedReports, ingest_log, ingest_reports
from nakaya.reactor.solubility import CELSIUS_ZERO
from nakaya.workflows.record_folder import RECORDS, write_record_folder

__all__ = ["guess_column_map", "ingest_reactor"]

CHART = "chart.png"
_HOUR = 3600.0
_SMOOTHING = 60.0


def ingest_reactor(source: Path, map_file: Path, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Turn a log, or size reports, into a directory with a record and a chart.

    Args:
        source: A CSV (plain or gz); for a map with [reports] a folder of reports, or one report of it.
        map_file: Column map, TOML.
        out: Directory to make: records/<id>.json and chart.png.
        overwrite: Whether something there is replaced.

    Returns:
        What was found, plain values: record, status, flags, clear and cloud points, zones, out; of a log also
        unread_columns, those that the map does not name.

    Raises:
        InputFileError: Something cannot be read.
        FormatError: The source contradicts itself or the map.
        ConfigError: The map is wrong.
        OutputError: The output exists or cannot be written.
    """
    from nakaya.viz.charts.base import encode_figure
    from nakaya.viz.charts.reactors import Sample, sample_chart, trace_chart
    from nakaya.viz.style import LIGHT

    check_output(out, overwrite=overwrite, sign=RECORDS)
    columns = read_column_map(map_file)
    if not source.exists():
        raise InputFileError(f"{source} does not exist: check the path")
    found: IngestedLog | IngestedReports
    if columns.reports is not None:
        found = ingest_reports(source, columns, map_file=map_file)
        samples = [
            Sample(f"{sample.time / 60:g} min", sample.sizes * 1e6, index in found.suspect)
            for index, sample in enumerate(found.samples)
        ]
        figure = sample_chart(samples, LIGHT, title=columns.material)
        summary = _summarise_reports(found)
    else:
        if source.is_dir():
            raise ConfigError(f"{source} is a directory, and the map has no [reports]: name one log")
        found = ingest_log(source, columns, map_file=map_file)
        figure = trace_chart(_panels(found), LIGHT, title=f"{columns.material}: {source.name}")
        summary = _summarise_log(found)
    written = write_record_folder(found.record, {CHART: encode_figure(figure, "png")}, out, overwrite=overwrite)
    return {
        **written,
        "duration_s": found.record.constant("duration"),
        "quantities": sorted(found.record.quantities),
        "evidence": sorted(found.record.evidence),
        **summary,
    }


def guess_column_map(source: Path, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Draft a column map for a log of unknown columns, and try it.

    Args:
        source: The log, plain or gz.
        out: TOML file to write, for a person to correct.
        overwrite: Whether a file there is replaced.

    Returns:
        Plain values: out; columns (column, channel or None, entries, reason); tried: status, flags and duration_s of
        the record that the draft would make, or the error that it would end in; None where it lacks a time or a
        channel.

    Raises:
        InputFileError: The log cannot be read.
        FormatError: It is no table of text with numbers.
        OutputError: The output exists or cannot be written.
    """
    from nakaya.reactor.guessing.guess import draft_map

    check_output(out, overwrite=overwrite)
    if source.is_dir():
        raise InputFileError(f"{source} is a directory: name one log")
    draft = draft_map(source)
    write_whole(out, draft.text.encode(), overwrite=overwrite)
    return {
        "out": out,
        "columns": [asdict(column) for column in draft.columns],
        "tried": _try(source, out) if draft.is_complete else None,
    }


def _try(source: Path, map_file: Path) -> dict[str, Any]:
    try:
        record = ingest_log(source, read_column_map(map_file)).record
    except NakayaError as error:
        return {"error": str(error)}
    return {"status": record.status, "flags": list(record.flags), "duration_s": record.constant("duration")}


def _summarise_log(found: IngestedLog) -> dict[str, Any]:
    def points(kind: str) -> list[dict[str, float]]:
        return [
            {
                "temperature_K": event.temperature,
                "temperature_C": event.temperature - CELSIUS_ZERO,
                "uncertainty_K": event.temperature_uncertainty,
                "time_s": event.time,
            }
            for event in found.events
            if event.kind == kind
        ]

    zones = [
        {
            "saturation_temperature_C": zone.clear - CELSIUS_ZERO,
            "cloud_point_C": zone.cloud.temperature - CELSIUS_ZERO,
            "width_K": zone.width,
            "induction_time_s": zone.induction_time,
            "hold_before_cloud_point_s": zone.hold_time,
        }
        for zone in found.zones
    ]
    result: dict[str, Any] = {
        "unread_columns": list(found.log.unread),
        "clear_points": points("clear"),
        "cloud_points": points("cloud"),
        "metastable_zones": zones,
    }
    if found.supersaturation is not None:
        S = found.supersaturation[1]
        result["supersaturation"] = {"least": float(np.nanmin(S)), "greatest": float(np.nanmax(S))}
    return result


def _summarise_reports(found: IngestedReports) -> dict[str, Any]:
    samples = [
        {
            "file": sample.path.name,
            "time_s": sample.time,
            "crystals": int(sample.sizes.size),
            "mean_size_m": sample.mean,
            "suspect": index in found.suspect,
        }
        for index, sample in enumerate(found.samples)
    ]
    rate = found.record.quantities.get("mean_size_rate")
    summary: dict[str, Any] = {"samples": samples}
    if rate is not None:
        summary["mean_size_rate_m_per_s"] = rate.value
        summary["mean_size_rate_standard_error_m_per_s"] = rate.standard_error
    return summary


def _panels(found: IngestedLog) -> list[Any]:
    """Temperature with its events, light, concentration, supersaturation, sizes: whatever there is."""
    from nakaya.viz.charts.reactors import Mark, Trace, TracePanel

    channels = found.log.channels
    panels = []
    if "temperature" in channels:
        series = channels["temperature"]
        traces = [Trace("temperature", series.times / _HOUR, series.values - CELSIUS_ZERO)]
        if "setpoint" in channels:
            series = channels["setpoint"]
            traces.append(Trace("setpoint", series.times / _HOUR, series.values - CELSIUS_ZERO, "dashes", colour=None))
        marks = []
        for event in found.events:
            celsius = event.temperature - CELSIUS_ZERO
            kind = f"{event.kind} point"
            marks.append(Mark(f"{celsius:.1f}", event.time / _HOUR, celsius, event.kind == "cloud", kind))
        panels.append(TracePanel("temperature / °C", traces, marks))
    if "transmissivity" in channels:
        series = channels["transmissivity"]
        hours, percent = series.times / _HOUR, 100.0 * series.values
        smooth = running_median(series.times, percent, _SMOOTHING)
        light = [Trace("as measured", hours, percent, "faint"), Trace("running median", hours, smooth)]
        marks = [
            Mark("", event.time / _HOUR, float(np.interp(event.time, series.times, smooth)), event.kind == "cloud")
            for event in found.events
        ]
        panels.append(TracePanel("transmissivity / %", light, marks))
    if "concentration" in channels:
        series = channels["concentration"]
        style = "points" if series.times.size < 200 else "line"
        traces = [Trace("measured", series.times / _HOUR, series.values, style)]  # type: ignore[arg-type]  # as above
        if found.supersaturation is not None and found.supersaturation[0].size == series.times.size:
            with np.errstate(invalid="ignore", divide="ignore"):
                saturated = series.values / found.supersaturation[1]
            traces.append(Trace("saturated", series.times / _HOUR, saturated, "dashes", colour=None))
        panels.append(TracePanel("concentration / (kg/kg)", traces))
    if found.supersaturation is not None:
        times, S = found.supersaturation
        panels.append(TracePanel("supersaturation S", [Trace("", times / _HOUR, S)]))
    panels += _size_panels(found)
    others = {"temperature", "setpoint", "transmissivity", "concentration", *_SIZE_CHANNELS}
    for name, series in channels.items():
        if name not in others:
            factor, unit = (60.0, "rpm") if name == "stirring" else (1.0, series.unit)
            label = f"{name.replace('_', ' ')} / {unit}"
            panels.append(TracePanel(label, [Trace("", series.times / _HOUR, factor * series.values)]))
    return panels


_SIZE_CHANNELS = ("size_d10", "size_d50", "size_d90", "mean_size")


def _size_panels(found: IngestedLog) -> list[Any]:
    from nakaya.viz.charts.reactors import Trace, TracePanel

    evidence, panels = found.record.evidence, []
    if "size_q50" in evidence:
        axis = evidence["size_q50"].axis
        assert axis is not None
        low, middle, high = (1e6 * evidence[f"size_q{percent}"].values for percent in (10, 50, 90))
        median = Trace("median, 10-90 %", axis.values / _HOUR, middle, low=low, high=high)
        panels.append(TracePanel("crystal size / µm", [median]))
        if "crystals_seen" in evidence:
            seen = evidence["crystals_seen"].values
            panels.append(TracePanel("crystals seen", [Trace("", axis.values / _HOUR, seen)]))
    traces = []
    for number, name in enumerate(_SIZE_CHANNELS):
        if name in found.log.channels:
            series = found.log.channels[name]
            dense = series.times.size > 400
            values = running_median(series.times, series.values, 300.0) if dense else series.values
            label = name.removeprefix("size_").upper() if name.startswith("size_") else "mean"
            style = "line" if dense else "points"
            traces.append(Trace(label, series.times / _HOUR, 1e6 * values, style, colour=number))  # type: ignore[arg-type]  # as above
    if traces:
        panels.append(TracePanel("crystal size / µm", traces))
    return panels
