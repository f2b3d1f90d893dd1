"""Parameters that say everything about themselves: range, unit, meaning, default stand once, where the field stands.

    class Eden(Parameters):
        '''One point of the Eden model.'''

        family: ClassVar[str] = "eden"
        rate: float = parameter(default=0.5, low=0, high=1, meaning="the probability that a boundary site attaches")

Options of the command line, `nakaya info`, campaign files, diagrams, documentation and checks are derived from this.
The hash of a point enters the key of the noise, so the crystal that grows at a point does not depend on which other
points are grown with it, nor in which order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, dataclass_transform, runtime_checkable

from nakaya.core.checks import Range, check_count, check_in_range

__all__ = [
    "Conditions",
    "Parameter",
    "Parameters",
    "check_stated",
    "limit",
    "parameter",
    "point_hash",
    "stated_in",
]


@dataclass(frozen=True)
class Parameter(Range):
    """What is stated about one field of a class of parameters, or of stop rules.

    Attributes:
        unit: SI unit, "1" where it is dimensionless, "steps" for a number of steps.
        symbol: As on axes; empty: its Greek letter, or its name.
        default: Value where none is given; None: it has no default.
        is_whole: Whether it is a whole number.
        is_optional: Whether None ("never", for a stop rule) is a value.
    """

    unit: str = "1"
    symbol: str = ""
    default: Any = None
    is_whole: bool = False
    is_optional: bool = False

    @property
    def noun(self) -> str:
        """The meaning without its article: "vapour density far from the crystal"."""
        return self.meaning.removeprefix("the ").removeprefix("a ")

    @property
    def sentence(self) -> str:
        """The meaning with range and unit: "Vapour density far from the crystal, in (0, 1]."."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.noun[0].upper()}{self.noun[1:]}, in {self}{unit}."

    def check(self, name: str, value: object) -> float | None:
        """Return `value` as a number in the range (or None, where that is a value), or raise `ParameterError`."""
        if value is None and self.is_optional:
            return None
        return (
            check_count(name, value, int(self.low), int(self.high))
            if self.is_whole
            else check_in_range(name, value, self)
        )


def _stated(default: Any, statement: Parameter) -> Any:  # what `dataclasses.field` returns, too, has every type
    return field(default=default, metadata={"parameter": statement})


def parameter(
    *,
    default: Any = MISSING,
    low: float,
    high: float,
    meaning: str,
    unit: str = "1",
    symbol: str = "",
    low_open: bool = False,
    high_open: bool = False,
) -> Any:  # a field, which a type checker sees as what is annotated
    """State a parameter, as a field of a class of `Parameters`.

    Args:
        default: Value where none is given; without it the parameter must be given.
        low: Least value.
        high: Greatest value.
        meaning: What it is, in a few words that begin with "the": "the vapour density far from the crystal".
        unit: SI unit, such as "K"; "1" where it is dimensionless.
        symbol: As on axes; by default its Greek letter, or its name.
        low_open: Whether `low` itself is excluded.
        high_open: Whether `high` itself is excluded.

    Raises:
        ParameterError: The default is outside the range.

    >>> class Eden(Parameters):
    ...     family = "eden"
    ...     rate: float = parameter(low=0, high=1, low_open=True, meaning="the probability of attachment")
    >>> Eden(rate=0.5)
    Eden(rate=0.5)
    """
    known = None if default is MISSING else default
    statement = Parameter(low, high, meaning, low_open, high_open, unit, symbol, known)
    if known is not None:
        statement.check("default", known)
    return _stated(default, statement)


def limit(
    *, default: Any, low: float, high: float, meaning: str, unit: str = "steps", whole: bool = True, never: bool = False
) -> Any:  # as `parameter`
    """State a stop rule, as a field of a dataclass of stop rules.

    Args:
        default: Value where none is given.
        low: Least value.
        high: Greatest value.
        meaning: When it stops a member, in a few words that go on "stop ...": "after this many steps".
        unit: Of the value.
        whole: Whether it is a whole number.
        never: Whether None, "never" on the command line and in files, is a value.
    """
    return _stated(
        default, Parameter(low, high, meaning, unit=unit, default=default, is_whole=whole, is_optional=never)
    )


def stated_in(kind: type) -> dict[str, Parameter]:
    """What is stated about the fields of a dataclass, by name, in their order."""
    return {entry.name: entry.metadata["parameter"] for entry in fields(kind) if "parameter" in entry.metadata}


def check_stated(values: object, statements: Mapping[str, Parameter]) -> None:
    """Check the fields of a frozen dataclass that is being built, and make numbers of them.

    Raises:
        ParameterError: A value is NaN, no number, or outside its range.
    """
    for name, statement in statements.items():
        object.__setattr__(values, name, statement.check(name, getattr(values, name)))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(parameter,))
class Parameters:
    """Base of a model's parameters: a frozen dataclass of floats, checked when it is built.

    A subclass needs no decorator. It names its `family` and states each parameter as `name: float = parameter(...)`.
    Solvers and emulators of one system share a family; its name, and the names and values of the parameters, enter the
    key of the noise: renaming one changes every crystal.
    """

    family: ClassVar[str]
    ranges: ClassVar[Mapping[str, Parameter]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True, kw_only=True)(cls)
        cls.ranges = MappingProxyType(stated_in(cls))
        lines = "".join(f"\n        {name}: {entry.sentence}" for name, entry in cls.ranges.items())
        cls.__doc__ = f"{(cls.__doc__ or cls.__name__).rstrip()}\n\n    Attributes:{lines}\n    "

    def __post_init__(self) -> None:
        check_stated(self, self.ranges)

    def parameters(self) -> dict[str, float]:
        """All parameters by name, in the order of `ranges`."""
        return {name: getattr(self, name) for name in self.ranges}


@runtime_checkable
class Conditions(Protocol):
    """One point in the parameter space of a model family.

    Attributes:
        family: Name of the space ("gravner-griffeath"): solvers and emulators of the same system share it.
        ranges: What is stated about every parameter, in the order of the fields.
    """

    family: ClassVar[str]
    ranges: ClassVar[Mapping[str, Parameter]]

    def parameters(self) -> dict[str, float]:
        """All parameters by name, in the order of `ranges`."""
        ...


def point_hash(conditions: Conditions) -> int:
    """Return the 64-bit hash of a parameter point.

    BLAKE2b over the family and the exact (hexadecimal) values by name. The float -0.0 counts as 0.0. The hash is part
    of the file format: changing it changes every noisy crystal.
    """
    words = [conditions.family]
    words += [f"{name}={(value + 0.0).hex()}" for name, value in sorted(conditions.parameters().items())]
    digest = hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
