"""Record: whatever was measured or simulated about one crystallization.

A molecular-dynamics run, a micrograph and a reactor log all become a `Record`: under which conditions, what came out
with which uncertainty, and from which files. Everything inside is in SI units; other units are converted at the border.

A record keeps what a model may look at apart from what it has to tell: `evidence` was seen early (the first
picoseconds of a run, say) and may become a feature, `quantities` are results and may only become labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, shown

__all__ = [
    "CONDITION_UNITS",
    "DRIVING_FORCE",
    "FIELDS",
    "QUANTITY_UNITS",
    "Axis",
    "Interval",
    "Kind",
    "Provenance",
    "Quantity",
    "Record",
    "Snapshot",
    "Status",
    "fields_of",
    "single",
]

Kind: TypeAlias = Literal["md", "micrograph", "reactor"]
"""Where a record comes from."""

Status: TypeAlias = Literal["ok", "flagged", "failed", "censored"]
"""ok: use it; flagged: use it with the reasons in mind; failed: no result; censored: ended before the event came."""

DRIVING_FORCE: Final = "driving_force"
"""The condition that every record carries: delta-mu/kT (melt: L (T_m - T)/(T_m k T); solution: ln S); NaN = unknown."""

CONDITION_UNITS: Final[Mapping[str, str]] = {
    DRIVING_FORCE: "1",
    "temperature": "K",
    "pressure": "Pa",
    "shear_rate": "1/s",
    "electric_field": "V/m",
    "cooling_rate": "K/s",
    "supersaturation": "1",
    "concentration": "mol/m^3",
    "stirring_rate": "1/s",
    "duration": "s",
    "volume": "m^3",
    "pixel_size": "m",
}
"""SI units of the conditions that have a fixed name; other names are welcome with any SI unit."""

FIELDS: Final[Mapping[str, str]] = {name: CONDITION_UNITS[name] for name in ("shear_rate", "electric_field")}
"""Conditions, with their units, that drive a melt away from equilibrium; a record without them is of one at rest."""

QUANTITY_UNITS: Final[Mapping[str, str]] = {
    "growth_velocity": "m/s",
    "nucleation_rate": "1/(m^3 s)",
    "nucleation_density": "1/m^3",
    "nucleation_density_per_area": "1/m^2",
    "characteristic_length": "m",
    "induction_time": "s",
    "waiting_time": "s",
    "diffusivity": "m^2/s",
    "latent_heat": "J/mol",
    "melting_temperature": "K",
    "lattice_parameter": "m",
    "kinetic_coefficient": "m/(s K)",
    "interfacial_energy": "J/m^2",
    "solid_fraction": "1",
    "density": "kg/m^3",
    "temperature_profile": "K",
    "grain_area": "m^2",
    "grain_diameter": "m",
    "boundary_length_per_area": "1/m",
    "size_distribution": "1/m^4",
    "mean_size": "m",
    "melt_shear_rate": "1/s",
    "viscosity": "Pa s",
}
"""SI units of the quantities that have a fixed name; other names are welcome with any SI unit."""

MAX_NAME_BYTES: Final = 255
"""Of a file or folder: what ext4, XFS, APFS and NTFS allow."""

MAX_PATH_BYTES: Final = 1024
"""Of all of it, inside the store: PATH_MAX of macOS, the smallest of the systems."""

MAX_ID_LENGTH: Final = 200

_ID_PATTERN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+=-]{{0,{MAX_ID_LENGTH - 1}}}")
_NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")


def _frozen(values: ArrayLike, what: str) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{what} is not a block of numbers: {error}") from None
    array.setflags(write=False)
    return array


def _same(first: FloatArray | None, second: FloatArray | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.shape == second.shape and bool(np.array_equal(first, second, equal_nan=True))


def _check_name(name: str, what: str) -> None:
    if not isinstance(name, str) or not _NAME_PATTERN.fullmatch(name):
        raise ParameterError(f"{name!r} is no {what}: use lower-case words joined by _, such as growth_velocity")


@dataclass(frozen=True, eq=False)
class Axis:
    """What the first axis of a quantity runs over: time, size, position.

    Attributes:
        name: "time", "size", "position", ...
        unit: SI unit.
        values: float64 [n], finite and strictly increasing.
    """

    name: str
    unit: str
    values: FloatArray

    def __post_init__(self) -> None:
        _check_name(self.name, "name of an axis")
        values = _frozen(self.values, f"axis {self.name}")
        if values.ndim != 1 or values.size == 0:
            raise ParameterError(f"axis {self.name} has shape {values.shape}: expected one row of at least one number")
        if not np.isfinite(values).all() or not (np.diff(values) > 0).all():
            raise ParameterError(f"axis {self.name} must be finite and strictly increasing")
        object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        return (self.name, self.unit) == (other.name, other.unit) and _same(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # holds an array


@dataclass(frozen=True)
class Interval:
    """An interval that holds the true value with probability `level`.

    Attributes:
        low: Lower end, SI; may be -inf.
        high: Upper end, SI; may be inf.
        level: Probability, in (0, 1); 0.9 for a 90 % interval.
    """

    low: float
    high: float
    level: float = 0.9

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ParameterError(f"interval [{self.low}, {self.high}] is upside down or not a number")
        if not 0 < self.level < 1:
            raise ParameterError(f"level={self.level} of an interval is outside (0, 1): 0.9 stands for 90 %")


@dataclass(frozen=True, eq=False)
class Quantity:
    """A value, or a series or distribution of values, with unit and uncertainty.

    Attributes:
        values: float64 [] or [n, ...]; NaN = not known.
        unit: SI unit, such as "m/s" ("1" for a pure number).
        uncertainty: Standard uncertainty, same shape as `values`, not negative, finite; None or NaN = not stated.
        interval: For a single value: an interval where a symmetric uncertainty would mislead (a Poisson rate, say).
        axis: What the first axis of `values` runs over; needed for anything but a single value.

    >>> series = Quantity(np.array([0.1, 0.4]), "1", axis=Axis("time", "s", np.array([0.0, 60.0])))
    >>> series.values.tolist(), single(74.0, "m/s", uncertainty=5.0).value
    ([0.1, 0.4], 74.0)
    """

    values: FloatArray
    unit: str
    uncertainty: FloatArray | None = None
    interval: Interval | None = None
    axis: Axis | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.unit, str) or not self.unit.strip():
            raise ParameterError(f'unit={self.unit!r}: every quantity needs an SI unit ("1" for a pure number)')
        values = _frozen(self.values, "a quantity")
        if np.isinf(values).any():
            raise ParameterError("a quantity is infinite: use NaN for a value that is not known, or an interval")
        object.__setattr__(self, "values", values)
        if self.uncertainty is not None:
            spread = _frozen(self.uncertainty, "an uncertainty")
            if spread.shape != values.shape:
                raise ParameterError(f"an uncertainty of shape {spread.shape} does not fit values of {values.shape}")
            if (spread < 0).any() or np.isinf(spread).any():
                raise ParameterError("a standard uncertainty is negative or infinite: leave out what is not known")
            object.__setattr__(self, "uncertainty", spread)
        if (values.ndim > 0) != (self.axis is not None):
            raise ParameterError(
                f"values of shape {values.shape} {'without' if self.axis is None else 'with'} an axis: "
                "a single value has none, anything else needs one"
            )
        if self.axis is not None and self.axis.values.size != values.shape[0]:
            raise ParameterError(
                f"axis {self.axis.name} has {self.axis.values.size} entries for {values.shape[0]} values"
            )
        if self.interval is not None and values.ndim > 0:
            raise ParameterError("an interval goes with a single value, not with a series")

    @property
    def value(self) -> float:
        """The single value, SI; an error for a series."""
        if self.values.ndim:
            raise ParameterError(f"a series of {self.values.shape[0]} values has no single value: use .values")
        return float(self.values)

    @property
    def times(self) -> FloatArray | None:
        """Moments of a series in time, float64 [n], s; None for anything else."""
        in_time = self.axis is not None and self.axis.name == "time" and self.values.ndim == 1
        return self.axis.values if self.axis is not None and in_time else None

    @property
    def standard_error(self) -> float:
        """Standard uncertainty of the single value, SI; NaN where none was stated."""
        if self.values.ndim:
            raise ParameterError("a series has no single standard error: use .uncertainty")
        return math.nan if self.uncertainty is None else float(self.uncertainty)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return (
            (self.unit, self.interval, self.axis) == (other.unit, other.interval, other.axis)
            and _same(self.values, other.values)
            and _same(self.uncertainty, other.uncertainty)
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array


def single(
    value: float,
    unit: str,
    *,
    uncertainty: float | None = None,
    interval: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Quantity:
    """A single value; an uncertainty or an interval that is not known (NaN) is left out.

    >>> velocity = single(74.0, "m/s", uncertainty=5.0)
    >>> velocity.value, velocity.unit
    (74.0, 'm/s')
    """
    error = None if uncertainty is None or not math.isfinite(uncertainty) else np.array(uncertainty)
    ends = None if interval is None or any(math.isnan(end) for end in interval) else Interval(*interval, level)
    return Quantity(np.array(value), unit, uncertainty=error, interval=ends)


@dataclass(frozen=True)
class Snapshot:
    """A file with coordinates or an image, by reference.

    Attributes:
        path: Relative to the place of the record, with forward slashes; never absolute, never upwards, and no longer
            than file systems allow.
        sha256: Of the file's bytes, 64 hexadecimal digits.
        form: What the file holds ("interface-patches", "lammps-dump", "extxyz", "image", ...).
        time: Seconds since the start of what the record describes, finite; None where it does not apply.
    """

    path: str
    sha256: str
    form: str
    time: float | None = None

    def __post_init__(self) -> None:
        parts = self.path.split("/")
        if not self.path or parts[0] == "" or any(sign in self.path for sign in "\\:\0") or ".." in parts:
            raise ParameterError(
                f"snapshot path {shown(self.path)} must be relative, inside the record's folder, with /"
            )
        if max(len(part.encode()) for part in parts) > MAX_NAME_BYTES or len(self.path.encode()) > MAX_PATH_BYTES:
            raise ParameterError(
                f"snapshot path {shown(self.path)} is too long: a name has at most {MAX_NAME_BYTES} bytes, "
                f"a path {MAX_PATH_BYTES}"
            )
        if not _SHA256_PATTERN.fullmatch(self.sha256):
            raise ParameterError(f"sha256 of snapshot {shown(self.path)} is not 64 hexadecimal digits: {self.sha256!r}")
        if self.time is not None and not math.isfinite(self.time):
            raise ParameterError(f"time={self.time} of snapshot {shown(self.path)} is not a finite number of seconds")


@dataclass(frozen=True)
class Provenance:
    """Where a record comes from; no time stamps and no host names, so that the same run gives the same record.

    Attributes:
        source: What made it, in a few words ("half-melted box", "laser diffraction").
        files: Name -> sha256 of every file that went in.
        software: Name -> version.
        seeds: Seeds of all random numbers.
        commands: Commands that make it again.
        settings: Name -> value in words of everything else that mattered (box, time step, classifier, licence).
    """

    source: str
    files: Mapping[str, str] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    commands: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, digest in self.files.items():
            if not _SHA256_PATTERN.fullmatch(digest):
                raise ParameterError(f"sha256 of {name!r} is not 64 hexadecimal digits: {digest!r}")
        for name in ("files", "software", "settings"):
            entries = {str(key): str(value) for key, value in sorted(getattr(self, name).items())}
            object.__setattr__(self, name, entries)
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        object.__setattr__(self, "commands", tuple(str(command) for command in self.commands))


@dataclass(frozen=True, eq=True)
class Record:
    """What is known about one crystallization.

    Attributes:
        id: Unique name; letters, digits and . _ + = - (it is also the file name in a store).
        kind: "md", "micrograph" or "reactor".
        material: Chemical or trade name ("Cu", "paracetamol").
        conditions: Name -> constant or series in time; "driving_force" (delta-mu/kT) always, NaN where unknown.
        quantities: Name -> result. Results are labels: they never become features.
        evidence: Name -> what was seen before the result was known. Only this, the conditions and the snapshots may
            become features.
        provenance: Where it comes from.
        composition: Component -> mole fraction, summing to 1; by default the material alone.
        orientation: Miller indices of the growth direction, such as "100"; None where it does not apply.
        status: "ok", "flagged", "failed" or "censored".
        flags: The reasons, one sentence each; anything but "ok" has at least one.
        snapshots: Files with coordinates or images.

    >>> run = Record(
    ...     id="cu-100",
    ...     kind="md",
    ...     material="Cu",
    ...     orientation="100",
    ...     conditions={"driving_force": single(0.15, "1"), "temperature": single(1200.0, "K")},
    ...     quantities={"growth_velocity": single(74.0, "m/s", uncertainty=5.0)},
    ...     provenance=Provenance("my own simulation"),
    ... )
    >>> run.status, run.quantities["growth_velocity"].value
    ('ok', 74.0)
    """

    id: str
    kind: Kind
    material: str
    conditions: Mapping[str, Quantity]
    quantities: Mapping[str, Quantity]
    provenance: Provenance
    composition: Mapping[str, float] = field(default_factory=dict)
    orientation: str | None = None
    evidence: Mapping[str, Quantity] = field(default_factory=dict)
    status: Status = "ok"
    flags: Sequence[str] = ()
    snapshots: Sequence[Snapshot] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID_PATTERN.fullmatch(self.id):
            raise ParameterError(f"record id {self.id!r}: use up to {MAX_ID_LENGTH} letters, digits and . _ + = -")
        if self.kind not in get_args(Kind):
            raise ParameterError(f"record {self.id}: kind {self.kind!r} is none of {', '.join(get_args(Kind))}")
        if self.status not in get_args(Status):
            raise ParameterError(f"record {self.id}: status {self.status!r} is none of {', '.join(get_args(Status))}")
        if not isinstance(self.material, str) or not self.material.strip():
            raise ParameterError(f"record {self.id}: material={self.material!r} names no material")
        self._freeze()
        if self.status != "ok" and not self.flags:
            raise ParameterError(f"record {self.id}: status {self.status!r} needs at least one flag that says why")
        if DRIVING_FORCE not in self.conditions:
            raise ParameterError(
                f"record {self.id}: the condition driving_force (delta-mu/kT) is missing: give it, or NaN where unknown"
            )
        if any(not fraction >= 0 for fraction in self.composition.values()) or not math.isclose(
            sum(self.composition.values()), 1.0, abs_tol=1e-6
        ):
            raise ParameterError(
                f"record {self.id}: composition {dict(self.composition)} is not fractions that sum to 1"
            )

    def _freeze(self) -> None:
        composition = {str(key): float(value) for key, value in (self.composition or {self.material: 1.0}).items()}
        object.__setattr__(self, "composition", composition)
        for name in ("conditions", "quantities", "evidence"):
            entries = dict(sorted(getattr(self, name).items()))
            for key, entry in entries.items():
                _check_name(key, f"name in {name}")
                if not isinstance(entry, Quantity):
                    raise ParameterError(f"record {self.id}: {key} in {name} is {entry!r}, not a Quantity")
            object.__setattr__(self, name, entries)
        object.__setattr__(self, "flags", tuple(str(flag) for flag in self.flags))
        object.__setattr__(self, "snapshots", tuple(self.snapshots))

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @property
    def driving_force(self) -> Quantity:
        """delta-mu/kT, dimensionless; positive = the crystal grows."""
        return self.conditions[DRIVING_FORCE]

    def constant(self, name: str) -> float | None:
        """One of the conditions as a single number, SI; None where it is missing or a series."""
        found = self.conditions.get(name)
        return None if found is None or found.values.ndim else found.value


def fields_of(record: Record) -> tuple[str, ...]:
    """Names of the `FIELDS` that a record states, and that are not zero."""
    return tuple(name for name in FIELDS if name in record.conditions and record.conditions[name].values.any())


def has_result(record: Record, target: str) -> bool:
    """Whether a record holds one finite value of a quantity, from a run that did not fail."""
    found = record.quantities.get(target)
    return (
        record.status in ("ok", "flagged")
        and found is not None
        and found.values.ndim == 0
        and math.isfinite(found.value)
    )
