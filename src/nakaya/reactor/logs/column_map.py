"""What the columns of a reactor log mean: a column map as frozen values; `reactor.config` reads their TOML form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nakaya.core.errors import ParameterError
from nakaya.reactor.amounts import Amounts, Basis
from nakaya.reactor.logs.table import Layout
from nakaya.reactor.solubility import Solubility

__all__ = [
    "CHANNEL_UNITS",
    "Balance",
    "Channel",
    "ColumnMap",
    "SizeClasses",
    "SizeReports",
    "Stream",
    "TimeColumn",
    "is_concentration",
]

CHANNEL_UNITS: Mapping[str, str] = {
    "temperature": "K",
    "setpoint": "K",
    "concentration": "1",
    "transmissivity": "1",
    "turbidity": "1",
    "stirring": "1/s",
    "crystal_mass": "1",
    "size_d10": "m",
    "size_d50": "m",
    "size_d90": "m",
    "mean_size": "m",
    "crystal_count": "1",
}
"""Channels with a meaning, and their SI units: temperatures K; concentration and crystal_mass kg/kg; transmissivity 0
to 1; turbidity, or counts, on any scale that rises with the crystals; stirring revolutions per second. Any other name
is kept as a series with its unit."""


def is_concentration(channel: str) -> bool:
    """Whether a channel is a concentration of solute: that name, or one that begins with it (concentration_raman)."""
    return channel == "concentration" or channel.startswith("concentration_")


@dataclass(frozen=True)
class TimeColumn:
    """The clock of a stream.

    Attributes:
        column: Name, or position from 1.
        date: Another column, whose text stands before that of the first and a blank: dates and times of day apart.
        unit: Of a number ("s", "min", "h"); None with `format`.
        format: Of a date and time, as in strptime ("%d/%m/%Y %H:%M:%S"; seconds may have more digits than its %f); or
            "H:M:S" for time that has passed, also with days ("1.02:03:04", "1 day, 2:03:04").
        backwards: What to do with rows whose time is before the row above: "error"; "drop" them; "continue": a clock
            that was reset goes on where it stood, one usual step later; or "reverse": the newest row comes first (all
            with a flag). A clock without a date that passes midnight, and dates that fall throughout, need none of
            them.
    """

    column: str | int
    unit: str | None = None
    format: str | None = None
    date: str | int | None = None
    backwards: Literal["error", "drop", "continue", "reverse"] = "error"

    def __post_init__(self) -> None:
        if (self.unit is None) == (self.format is None):
            raise ParameterError("a time column needs either a unit (h, min, s) or a format (%d/%m/%Y %H:%M:%S)")
        if self.date is not None and (self.format is None or not self.has_date):
            raise ParameterError(f"date={self.date!r} is a column of dates: give the format of both, %d.%m.%Y %H:%M:%S")
        if self.backwards not in ("error", "drop", "continue", "reverse"):
            raise ParameterError(f"backwards={self.backwards!r} is none of error, drop, continue, reverse")
        if "%I" in (self.format or "") and "%p" not in (self.format or ""):
            raise ParameterError(f"format={self.format!r} has hours up to 12 (%I) without am or pm: add %p, or use %H")
        if "%p" in (self.format or "") and "%H" in (self.format or ""):  # strptime then takes no notice of it
            raise ParameterError(f"format={self.format!r} has am or pm (%p) beside hours up to 24 (%H): write %I")
        try:
            datetime.strptime("", self.format or "")
        except re.error:  # no ValueError, as for all that is wrong with a format or a text
            raise ParameterError(f"format={self.format!r} says a part of the date or time twice: once each") from None
        except ValueError as error:
            if "directive" in str(error) or "stray" in str(error):
                raise ParameterError(f"format={self.format!r} is no format of strptime: {error}") from None

    @property
    def has_date(self) -> bool:
        """Whether its stamps say the day."""
        return self.format is None or any(sign in self.format for sign in ("%d", "%j", "%x", "%c", "%D", "%F", "%a"))


@dataclass(frozen=True)
class Channel:
    """One measured quantity.

    Attributes:
        column: Name, or position from 1.
        unit: As written in the file; rpm is read as revolutions per minute.
    """

    column: str | int
    unit: str


WEIGHT_POWERS: Mapping[str, int] = {"number": 0, "length": 1, "area": 2, "volume": 3, "mass": 3}
"""Power of the size that a crystal counts with."""


@dataclass(frozen=True)
class SizeClasses:
    """Counts of crystals in classes of size, one column per class.

    Attributes:
        first: First column, name or position.
        last: Last column.
        unit: Of the sizes.
        sizes_line: Line of the file (from 1) that holds the size of every class; None with `sizes`.
        sizes: Size of every class; None with `sizes_line`.
        edge: What the size of a class is: its "upper" or "lower" edge, or its "middle". The middle of classes in a
            constant ratio is the geometric one.
        weight: What the columns count: crystals ("number"), or their "length", "area", "volume" or "mass", of which the
            number is worked out, with crystals of one shape. None: numbers; rows that add up to 1 or 100 are refused.
        cumulative: Whether every column holds all classes up to its own.
    """

    first: str | int
    last: str | int
    unit: str
    sizes_line: int | None = None
    sizes: tuple[float, ...] | None = None
    edge: Literal["upper", "lower", "middle"] = "upper"
    weight: Literal["number", "length", "area", "volume", "mass"] | None = None
    cumulative: bool = False

    def __post_init__(self) -> None:
        if self.weight not in (None, *WEIGHT_POWERS):
            raise ParameterError(f"weight={self.weight!r} of size classes is none of {', '.join(WEIGHT_POWERS)}")
        if (self.sizes_line is None) == (self.sizes is None):
            raise ParameterError("size classes need either sizes_line (a line of the file) or sizes (a list)")


@dataclass(frozen=True)
class Stream:
    """Columns that share a clock.

    Attributes:
        time: The clock.
        channels: Channel -> column and unit.
        classes: Size classes, or None.
        place: Where its entries stand in the file of the map: "" or "stream.", for errors.
    """

    time: TimeColumn
    channels: Mapping[str, Channel] = field(default_factory=dict)
    classes: SizeClasses | None = None
    place: str = ""

    def __post_init__(self) -> None:
        if not self.channels and self.classes is None:
            raise ParameterError("a stream names no column besides its time")


@dataclass(frozen=True)
class SizeReports:
    r"""A folder of text reports, one per sample, that list crystals one by one.

    Attributes:
        pattern: Regular expression for file names with the named group "time", such as "(?P<time>\d+) *min".
        time_unit: Of that number.
        unit: Of the sizes.
        first_line: A line that holds this text comes right before the first crystal.
        column: Position of the size among the fields of a line, from 1.
        end: A line that holds this text comes right after the last crystal.
    """

    pattern: str
    time_unit: str
    unit: str
    first_line: str
    column: int = 2
    end: str = "==="

    def __post_init__(self) -> None:
        if self.column < 1:
            raise ParameterError(f"column={self.column} is no position: 1 is the first field of a line")


@dataclass(frozen=True)
class Balance:
    """What is known about the solute, for a check of the mass balance.

    Attributes:
        total_solute: Dissolved and crystalline, in the basis of the concentration; None: the first measured sum.
        tolerance: Fraction by which the balance may be off.
    """

    total_solute: float | None = None
    tolerance: float = 0.05


_UNKNOWN = Amounts()

MAX_CONCENTRATION: Mapping[Basis, float] = {"solvent": 100.0, "solution": 1.0, "initial-solution": 100.0}
"""kg/kg; above it is another unit. Crystals that dissolve may outweigh the initial solution."""


@dataclass(frozen=True)
class ColumnMap:
    """What a log holds.

    Attributes:
        material: Name of what crystallizes.
        layout: Of the text.
        streams: Groups of columns with a clock each.
        reports: For a folder of size reports instead of a table; then there are no streams.
        solvent: Name, for the record.
        solubility: For the supersaturation; None: unknown.
        concentration_basis: What a concentration is given per kg of, here and in the record.
        basis_is_stated: Whether that was said, by itself or with the solubility, and not supposed.
        amounts: Molar masses and densities, for concentrations that are not by mass.
        concentration: Of a run whose concentration is known but not measured in time, kg/kg.
        balance: For the check of the mass balance.
    """

    material: str
    layout: Layout = field(default_factory=Layout)
    streams: tuple[Stream, ...] = ()
    reports: SizeReports | None = None
    solvent: str = ""
    solubility: Solubility | None = None
    concentration_basis: Basis = "solution"
    concentration: float | None = None
    balance: Balance | None = None
    basis_is_stated: bool = True
    amounts: Amounts = _UNKNOWN

    def __post_init__(self) -> None:
        if bool(self.streams) == (self.reports is not None):
            raise ParameterError("a column map needs either a [time] with [columns], or [reports]")
        if self.solubility is not None and self.solubility.basis != self.concentration_basis:
            raise ParameterError(
                f"the solubility is per {self.solubility.basis}, the concentration per {self.concentration_basis}: "
                "give both on the same basis"
            )
        if self.concentration is not None and not 0 < self.concentration < MAX_CONCENTRATION[self.concentration_basis]:
            raise ParameterError(
                f"concentration={self.concentration} is no kg of solute per kg of {self.concentration_basis}"
            )
        names = [name for stream in self.streams for name in stream.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ParameterError(f"channel {twice[0]!r} is mapped in two streams: give the second another name")
