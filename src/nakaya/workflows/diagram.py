"""Morphology diagrams: a plane of two parameters, grown or read, to one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError, UnstatedError
from nakaya.core.ranges import equally_spaced
from nakaya.growth.catalogue import DEFAULT_MODEL, find_model
from nakaya.growth.growing import grow
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import StopRules
from nakaya.growth.model.trajectory import Trajectory, TrajectoryMetadata
from nakaya.growth.store.store import open_store
from nakaya.viz.crystals.diagram import CLOCKS, Axis, Clock, morphology_diagram
from nakaya.viz.crystals.figure import check_width
from nakaya.viz.formatting import join_words, symbol
from nakaya.viz.style import find_theme
from nakaya.workflows.show import (
    check_request,
    describe_geometry,
    name_parameters,
    stated_parameters,
    view_member,
    write_image,
)

__all__ = ["ParameterAxis", "diagram_by_growing", "diagram_of_store", "parse_axis", "parse_fixed"]

MAX_VALUES = 64
"""Values along one axis; more crystals than 64 x 64 cannot be told apart on one picture."""


@dataclass(frozen=True)
class ParameterAxis:
    """Equally spaced values of one parameter.

    Attributes:
        name: The parameter.
        low: First value.
        high: Last value.
        count: How many.
    """

    name: str
    low: float
    high: float
    count: int

    def values(self) -> FloatArray:
        """The values, float64 [count], rounded to nine digits so that 0.4 is 0.4 and not 0.39999999999999997."""
        return equally_spaced(self.low, self.high, self.count)


def parse_axis(text: str) -> ParameterAxis:
    """Return the axis that "rho:0.35:0.64:8" stands for.

    Raises:
        ParameterError: It is not NAME:LOW:HIGH:COUNT.
    """
    try:
        name, low, high, count = text.split(":")
        axis = ParameterAxis(name.strip(), float(low), float(high), int(count))
    except ValueError:
        raise ParameterError(f"axis {text!r} is not NAME:LOW:HIGH:COUNT: write, for example, rho:0.35:0.64:8") from None
    if not np.isfinite([axis.low, axis.high]).all() or not 1 <= axis.count <= MAX_VALUES:
        raise ParameterError(f"axis {text!r} needs two finite ends and 1 to {MAX_VALUES} values")
    if axis.count > 1 and axis.low >= axis.high:
        raise ParameterError(f"axis {text!r} does not rise: give the lower end first")
    return axis


def parse_fixed(texts: Sequence[str]) -> dict[str, float]:
    """Return the parameters that "NAME=VALUE" texts fix.

    Raises:
        ParameterError: A text is not NAME=VALUE, or a name comes twice.
    """
    fixed: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            number = float(value)
        except ValueError:
            equals = ""
        if not equals or name in fixed:
            raise ParameterError(f"{text!r} is not one NAME=VALUE for each name: write, for example, rho=0.5")
        fixed[name] = number
    return fixed


def diagram_by_growing(
    out: str | PathLike[str],
    *,
    x: ParameterAxis,
    y: ParameterAxis,
    fixed: Mapping[str, float] | None = None,
    model: str = DEFAULT_MODEL,
    size: int | None = None,
    shape: Sequence[int] | None = None,
    seed: int = 0,
    workers: int = 1,
    geometry: str | None = None,
    stop: StopRules | None = None,
    theme: str = "dark",
    width: int = 1800,
    clock: str = "own",
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Grow one crystal at every point of a plane of two parameters, and draw each at its place.

    Args:
        out: Image to write.
        x: The parameter to the right.
        y: The parameter upwards.
        fixed: Other parameters; what is not named keeps its default.
        model: Solver or emulator.
        size: Sites along every axis of the lattice; by default the model's.
        shape: Sites along each axis, in place of `size`.
        seed: Of all noise.
        workers: Threads that may work at once.
        geometry: Part of the lattice; by default the model's first.
        stop: When crystals stop.
        theme: "dark" or "light".
        width: Pixels across.
        clock: "own": colours run over each crystal's own growth; "shared": over the slowest one's.
        overwrite: Whether an output that exists is replaced.
        progress: Called with the number of crystals finished since the last call.

    Returns:
        What was written, as plain values.

    Raises:
        OutputError: The output exists, or cannot be written.
        ParameterError: A value out of range, or the same parameter on both axes.
        UnknownNameError: A model, parameter, geometry, theme or clock that does not exist.
    """
    out = _check_request(out, theme, clock, width, overwrite)
    family = find_model(model).family
    fixed = dict(fixed or {})
    for name in (x.name, y.name, *fixed):
        if name not in family.ranges:
            raise UnknownNameError(f"parameter of {model}", name, family.ranges)
    _check_two(x.name, y.name)
    for name in (x.name, y.name):
        if name in fixed:
            raise ParameterError(f"{name} is on an axis and fixed too: leave it out of one of them")
    required = [name for name, entry in family.ranges.items() if entry.default is None]
    missing = [name for name in required if name not in (x.name, y.name, *fixed)]
    if missing:
        raise UnstatedError(f"{' and '.join(missing)} has no default: fix its value, or put it on an axis", "fixed")
    make = cast(Callable[..., Conditions], family)
    points = [make(**fixed, **{y.name: b, x.name: a}) for b in y.values() for a in x.values()]
    crystals = grow(
        points,
        model=model,
        geometry=geometry,
        size=size,
        shape=shape,
        seed=seed,
        workers=workers,
        stop=stop,
        progress=progress,
    )
    order = np.arange(len(points)).reshape(y.count, x.count)
    return _draw(crystals, order, (x.name, x.values()), (y.name, y.values()), out, theme, width, clock, overwrite)


def diagram_of_store(
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    x: str,
    y: str,
    member: int = 0,
    theme: str = "dark",
    width: int = 1800,
    clock: str = "own",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Draw the crystals of a store whose points form a grid over two parameters.

    Args:
        path: A store, such as a campaign over a grid.
        out: Image to write.
        x: The parameter to the right.
        y: The parameter upwards.
        member: Which member of each point.
        theme: As `diagram_by_growing`, like the following.
        width: Pixels across.
        clock: "own" or "shared".
        overwrite: Whether an output that exists is replaced.

    Returns:
        What was written, as plain values.

    Raises:
        OutputError: The output exists, or cannot be written.
        InputFileError, FormatError: There is no store, or it is damaged.
        ParameterError: The points form no grid over the two parameters.
        UnknownNameError: A parameter, theme or clock that does not exist.
    """
    out = _check_request(out, theme, clock, width, overwrite)
    store = open_store(path)
    for name in (x, y):
        if name not in store.parameters:
            raise UnknownNameError(f"parameter of {store.metadata.model}", name, store.parameters)
    _check_two(x, y)
    if not 0 <= member < store.num_members:
        raise ParameterError(f"member {member} does not exist: {path} holds {store.num_members} at each point")
    x_values, y_values, order = _find_grid(store.parameters, x, y, str(path))
    crystals = store.load(None, [member])
    written = _draw(crystals, order, (x, x_values), (y, y_values), out, theme, width, clock, overwrite)
    return written | {"source": Path(path), "member": member}


def _check_request(out: str | PathLike[str], theme: str, clock: str, width: int, overwrite: bool) -> Path:
    check_width(width)
    if clock not in CLOCKS:
        raise UnknownNameError("clock", clock, CLOCKS)
    return check_request(out, theme, overwrite=overwrite)


def _check_two(x: str, y: str) -> None:
    if x == y:
        raise ParameterError(f"{x} cannot be on both axes: choose two parameters")


def _find_grid(
    parameters: Mapping[str, FloatArray], x: str, y: str, path: str
) -> tuple[FloatArray, FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Return the values along x and y, and the number of the point at each place: int64 [y, x]."""
    along_x, along_y = np.atleast_1d(parameters[x]), np.atleast_1d(parameters[y])
    others = [name for name in parameters if name not in (x, y) and np.ptp(np.atleast_1d(parameters[name])) > 0]
    if others:
        raise ParameterError(f"the points of {path} also differ in {', '.join(others)}: a diagram shows two parameters")
    x_values, x_place = np.unique(along_x, return_inverse=True)
    y_values, y_place = np.unique(along_y, return_inverse=True)
    order = np.full((len(y_values), len(x_values)), -1, np.int64)
    order[y_place, x_place] = np.arange(len(along_x))
    if (order < 0).any() or order.size != len(along_x):
        raise ParameterError(
            f"the {len(along_x)} points of {path} form no grid over {x} and {y} "
            f"({len(x_values)} and {len(y_values)} different values): sample them on a grid"
        )
    return x_values, y_values, order


def _draw(
    crystals: Trajectory,
    order: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    x: tuple[str, FloatArray],
    y: tuple[str, FloatArray],
    out: Path,
    theme: str,
    width: int,
    clock: str,
    overwrite: bool,
) -> dict[str, Any]:
    metadata = crystals.metadata
    views = [[view_member(crystals, point=int(number)) for number in row] for row in order]
    others = {
        name: float(np.atleast_1d(value)[0]) for name, value in crystals.parameters.items() if name not in (x[0], y[0])
    }
    title = f"Crystal morphology over {_symbol_of(metadata, x[0])} and {_symbol_of(metadata, y[0])}"
    words = [metadata.model, describe_geometry(metadata), f"seed {metadata.seed}"]
    image = morphology_diagram(
        views,
        Axis(_axis_label(metadata, x[0]), tuple(x[1].tolist())),
        Axis(_axis_label(metadata, y[0]), tuple(y[1].tolist())),
        find_theme(theme),
        title=title,
        subtitle=join_words(words),
        remark=f"At all points {name_parameters(metadata, others)}." if others else "",
        width=width,
        clock=cast(Clock, clock),
    )
    steps = crystals.steps[..., 0] if crystals.has_point_axis else crystals.steps[:1]
    return write_image(image, out, title=title, overwrite=overwrite) | {
        "x": {"parameter": x[0], "values": x[1].tolist()},
        "y": {"parameter": y[0], "values": y[1].tolist()},
        "crystals": int(order.size),
        "steps": steps[order].tolist(),
        "clock": clock,
    }


def _symbol_of(metadata: TrajectoryMetadata, name: str) -> str:
    entry = stated_parameters(metadata).get(name)
    return (entry.symbol if entry else "") or symbol(name)


def _axis_label(metadata: TrajectoryMetadata, name: str) -> str:
    """The parameter in the field's words, with its symbol and unit."""
    entry = stated_parameters(metadata).get(name)
    if entry is None:
        return symbol(name)
    unit = "" if entry.unit == "1" else f" / {entry.unit}"
    return f"{entry.noun}, {_symbol_of(metadata, name)}{unit}"
