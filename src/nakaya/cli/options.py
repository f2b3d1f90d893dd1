"""Options that several commands share: single ones, and groups of them as dataclasses whose fields become options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from nakaya.core.executors import Executor
    from nakaya.kinetics.prediction.rates import NucleationConditions
    from nakaya.md.trajectory_records import TrajectoryOptions

__all__ = [
    "AsJson",
    "DaskAddress",
    "KineticsModelName",
    "MeltGroup",
    "Overwrite",
    "StatedOrientation",
    "StatedTemperature",
    "TrajectoryGroup",
    "make_executor",
    "split_names",
    "with_dask_address",
    "with_groups",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
DaskAddress = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="[ADDRESS]",
        help="Work on a Dask cluster: that of a scheduler, such as tcp://10.0.0.5:8786; without an address on one of "
        "--workers processes on this machine.",
    ),
]
KineticsModelName = Annotated[str, typer.Option(help="Shipped model, or the folder that `nakaya train` wrote.")]
StatedTemperature = Annotated[float | None, typer.Option(help="Temperature in K; from velocities if left out.")]
StatedOrientation = Annotated[str | None, typer.Option(help="Growth direction, such as 100.")]


EMBEDDED = "local"
"""What `--dask` without an address says."""


def with_dask_address(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, with an address after each `--dask` that has none; an address has a colon.

    >>> with_dask_address(["run", "--dask", "sweep.toml", "--dask", "tcp://10.0.0.5:8786"])
    ['run', '--dask', 'local', 'sweep.toml', '--dask', 'tcp://10.0.0.5:8786']
    """
    words: list[str] = []
    for word, after in pairwise([*arguments, ""]):
        words.append(word)
        if word == "--dask" and after != EMBEDDED and (after.startswith("-") or ":" not in after):
            words.append(EMBEDDED)
    return words


def make_executor(dask: str | None, workers: int) -> Executor:
    """What the options `--dask` and `--workers` ask for."""
    if dask is None:
        from nakaya.core.executors import Processes

        return Processes(workers)
    from nakaya.core.dask_executor import Dask

    return Dask(None if dask == EMBEDDED else dask, workers)


def split_names(text: str | None) -> list[str] | None:
    """Return the names that commas part, without the spaces around them; None stays None.

    >>> split_names("Al, Cu"), split_names("Cu"), split_names(None)
    (['Al', 'Cu'], ['Cu'], None)
    """
    return None if text is None else [name.strip() for name in text.split(",")]


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with one option per field in place of every parameter that is a dataclass."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    options: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name not in groups:
            options.append(parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        inner = get_type_hints(groups[parameter.name], include_extras=True)
        for field in fields(groups[parameter.name]):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            options.append(
                inspect.Parameter(
                    field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=inner[field.name]
                )
            )

    @wraps(command)
    def expanded(**given: Any) -> None:  # what the parser read
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    expanded.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what typer reads
    expanded.__annotations__ = {option.name: option.annotation for option in options}
    return expanded


@dataclass(frozen=True)
class MeltGroup:
    """What is stated of a melt in which crystals appear."""

    contact_angle: Annotated[
        float | None,
        typer.Option(help="Between crystal and particles in the melt, in degrees: 180 = they do not help at all."),
    ] = None
    site_density: Annotated[
        float | None, typer.Option(help="Particles per volume, in 1/m^3; each holds one crystal.")
    ] = None
    site_area: Annotated[float | None, typer.Option(help="Area of a particle, in m^2 (default: 1 um^2).")] = None
    volume: Annotated[float | None, typer.Option(help="In which crystals are expected, in m^3 (default: 1 cm^3).")] = (
        None
    )
    time: Annotated[float | None, typer.Option(help="In which they are, in s (default: 1 s).")] = None

    def stated(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [f"--{field.name.replace('_', '-')}" for field in fields(self) if getattr(self, field.name) is not None]

    def conditions(self) -> NucleationConditions:
        """What predictions take."""
        from nakaya.kinetics.prediction.rates import NucleationConditions

        stated = {field.name: getattr(self, field.name) for field in fields(self)}
        return NucleationConditions(**{name: value for name, value in stated.items() if value is not None})


@dataclass(frozen=True)
class TrajectoryGroup:
    """What files of atoms do not say about themselves; temperature and orientation are options of the commands."""

    lammps_units: Annotated[
        str | None, typer.Option(help="Of a LAMMPS dump: its unit style (metal, real, si); dumps do not say.")
    ] = None
    elements: Annotated[
        str | None, typer.Option(help="Of a LAMMPS dump: elements of the types 1, 2, ..., such as Cu or Cu,Al.")
    ] = None
    time_step: Annotated[float | None, typer.Option(help="Of a LAMMPS dump: its time step, in picoseconds.")] = None
    frame_interval: Annotated[
        float | None,
        typer.Option(help="Of a trajectory: time between frames, in picoseconds, instead of --time-step."),
    ] = None
    equilibration: Annotated[
        float, typer.Option(help="Of a trajectory: leave out this much at the start, in picoseconds.")
    ] = 0.0
    structure: Annotated[
        str | None,
        typer.Option(help="Of a trajectory: fcc, bcc, hcp, diamond or rocksalt; known for Al, Cu, Fe, Mg, Si"),
    ] = None
    potential: Annotated[
        Path | None,
        typer.Option(help="Of a trajectory: file of its potential, whose known melting point gives the driving force."),
    ] = None
    melting_point: Annotated[
        float | None, typer.Option(help="Of a trajectory: melting point of its potential (not the element), in K.")
    ] = None
    latent_heat: Annotated[
        float | None, typer.Option(help="Of a trajectory: latent heat of its potential, in J/mol.")
    ] = None

    def stated(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [f"--{field.name.replace('_', '-')}" for field in fields(self) if getattr(self, field.name)]

    def options(self, temperature: float | None, orientation: str | None) -> TrajectoryOptions:
        """What the readers of trajectories take."""
        from nakaya.md.ingest import hash_input
        from nakaya.md.trajectory_records import TrajectoryOptions

        return TrajectoryOptions(
            lammps_units=self.lammps_units,
            elements=split_names(self.elements),
            time_step_ps=self.time_step,
            frame_ps=self.frame_interval,
            temperature=temperature,
            orientation=orientation,
            structure=self.structure,
            equilibration_ps=self.equilibration,
            potential=None if self.potential is None else hash_input(self.potential),
            melting_point=self.melting_point,
            latent_heat=self.latent_heat,
        )
