"""What a record must not say: units that are not SI, values that cannot be, entries that contradict one another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from nakaya.core.checks import Range
from nakaya.core.elements import ELEMENTS
from nakaya.core.errors import ParameterError
from nakaya.records.record import CONDITION_UNITS, QUANTITY_UNITS, Quantity, Record
from nakaya.records.units import check_unit

__all__ = ["RANGES", "check_record", "record_faults"]


def _positive(meaning: str) -> Range:
    return Range(0, math.inf, meaning, low_open=True, high_open=True)


def _not_negative(meaning: str) -> Range:
    return Range(0, math.inf, meaning, high_open=True)


_FRACTION: Final = Range(0, 1, "a fraction")
_COUNT: Final = _not_negative("a number of things")
_TEMPERATURE: Final = _positive("an absolute temperature")

RANGES: Final[Mapping[str, Range]] = {
    **dict.fromkeys(
        ("temperature", "mean_temperature", "melting_temperature", "temperature_profile", "temperature_trace"),
        _TEMPERATURE,
    ),
    "duration": _positive("how long was looked at"),
    "volume": _positive("a volume"),
    "pixel_size": _positive("a length"),
    "lattice_parameter": _positive("a length"),
    "density": _positive("a density"),
    "supersaturation": _not_negative("concentration over solubility"),
    "concentration": _not_negative("a concentration"),
    "stirring_rate": _not_negative("revolutions a second"),
    "nucleation_rate": _not_negative("a rate of events"),
    "nucleation_density": _not_negative("a number per volume"),
    "nucleation_density_per_area": _not_negative("a number per area"),
    "characteristic_length": _not_negative("a length"),
    "induction_time": _not_negative("a waiting time"),
    "waiting_time": _not_negative("a waiting time"),
    "diffusivity": _not_negative("a diffusivity"),
    "grain_area": _not_negative("an area"),
    "grain_diameter": _not_negative("a length"),
    "boundary_length_per_area": _not_negative("a length per area"),
    "mean_size": _not_negative("a length"),
}
"""What conditions and quantities of a fixed name can be, SI. Beside these, what has "fraction" among the words of its
name and no unit lies in [0, 1], and what begins with "num_" is not negative."""

# Values and ends of intervals that are equal differ by rounding after a conversion of units.
ROUNDING: Final = 1e-9

_FORMULA: Final = re.compile(r"([A-Z][a-z]?)(?:[0-9]+(?:\.[0-9]+)?)?")


def check_record(record: Record) -> None:
    """Check what `record_faults` looks for.

    Raises:
        ParameterError: What is wrong, all of it, with the record's id.
    """
    if faults := list(record_faults(record)):
        raise ParameterError(f"record {record.id}: {'; '.join(faults)}")


def record_faults(record: Record) -> Iterator[str]:
    """Say what is wrong in a record, each with the name of its entry ("conditions.temperature").

    Units must be SI, and of the right dimension where the name has a fixed meaning; values must lie in `RANGES` (NaN
    is not known); intervals must hold their value; the elements of a material that is a formula must be among those of
    its composition.
    """
    for group, vocabulary in (
        ("conditions", CONDITION_UNITS),
        ("quantities", QUANTITY_UNITS),
        ("evidence", QUANTITY_UNITS),
    ):
        for name, entry in getattr(record, group).items():
            yield from _entry_faults(f"{group}.{name}", name, entry, vocabulary.get(name))
    yield from _composition_faults(record.material, record.composition)


def _entry_faults(where: str, name: str, entry: Quantity, expected: str | None) -> Iterator[str]:
    try:
        check_unit(where, entry.unit, expected)
        if entry.axis is not None:
            check_unit(f"axis {entry.axis.name} of {where}", entry.axis.unit)
    except ParameterError as error:
        yield str(error)
        return  # its values mean nothing
    allowed = _range_of(name, entry.unit)
    if allowed is not None:
        values = entry.values[np.isfinite(entry.values)]
        low = allowed.low if allowed.low_open else allowed.low - ROUNDING
        outside = values[((values <= low) if allowed.low_open else (values < low)) | (values > allowed.high + ROUNDING)]
        if outside.size:
            more = f" and {outside.size - 1} more values are" if outside.size > 1 else " is"
            yield f"{where}: {outside[0]:g}{more} outside {allowed}: it is {allowed.meaning}"
    yield from _interval_faults(where, entry)


def _range_of(name: str, unit: str) -> Range | None:
    if name in RANGES:
        return RANGES[name]
    words = name.split("_")
    if "fraction" in words and unit == "1":
        return _FRACTION
    return _COUNT if words[0] == "num" else None


def _interval_faults(where: str, entry: Quantity) -> Iterator[str]:
    if entry.interval is None or math.isnan(entry.value):
        return
    low, high, value = entry.interval.low, entry.interval.high, entry.value
    slack = ROUNDING * max(abs(end) for end in (low, high, value) if math.isfinite(end))
    if not low - slack <= value <= high + slack:
        yield f"{where}: the interval [{low:g}, {high:g}] does not hold the value {value:g}"


def _composition_faults(material: str, composition: Mapping[str, float]) -> Iterator[str]:
    wanted = _elements(material)
    # In a trade name in capitals (PVC, IN718) every letter may be an element; a symbol of two letters is no chance.
    if not wanted or (len(wanted) > 1 and all(len(symbol) == 1 for symbol in wanted)):
        return
    present = [_elements(component) for component, fraction in composition.items() if fraction > 0]
    if all(present) and (missing := wanted - set().union(*present)):
        yield f"composition {dict(composition)} has no {_listed(missing)}, which the material {material} has"


def _elements(formula: str) -> set[str]:
    """Elements of a chemical formula; none where a word is none."""
    symbols = set(_FORMULA.findall(formula))
    is_formula = not _FORMULA.sub("", formula) and symbols <= set(ELEMENTS)
    return symbols if is_formula else set()


def _listed(symbols: Iterable[str]) -> str:
    return ", ".join(sorted(symbols))
