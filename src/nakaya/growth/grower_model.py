"""What a model states about itself, and a grower made of a function that grows one member.

The statement is all that the rest of nakaya knows of a model: options of the command line, `nakaya info`, campaign
files, diagrams, pictures and documentation follow from it. It is cheap to import; what grows is loaded when it grows.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, GrainMap
from nakaya.core.documents import Entries
from nakaya.core.errors import ParameterError
from nakaya.core.provenance import package_version, sha256_of_bytes
from nakaya.core.randomness import Key, member_key
from nakaya.growth.lattice.geometry import Sites, make_setup
from nakaya.growth.lattice.lattice import HEXAGONAL, Geometry, Lattice
from nakaya.growth.model.grower import Grower, Progress
from nakaya.growth.model.parameters import Conditions, Parameter, point_hash, stated_in
from nakaya.growth.model.setup import STOP_REASONS, GrowthSetup, StopRules
from nakaya.growth.model.trajectory import FinalField, Trajectory, TrajectoryMetadata

__all__ = [
    "GrowMember",
    "GrowerModel",
    "MemberGrower",
    "MemberGrowth",
    "ModelFile",
    "empty_maps",
    "in_threads",
    "parameters_of",
    "points_of",
    "setup_from_metadata",
]

NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")

_ALWAYS = "name model out size shape members seed workers geometry edges initial overwrite json help debug verbose"
_OF_MELTS = "material undercooling_kelvin"
TAKEN_OPTIONS = frozenset(f"{_ALWAYS} {_OF_MELTS}".split())
"""Options of `nakaya grow` that every model has: no parameter and no stop rule can be called so."""


@dataclass(frozen=True)
class MemberGrowth:
    """One crystal, grown.

    Attributes:
        arrival: int32 [*lattice]: step at which a site attached; 0 = initial crystal, -1 = never.
        steps: Steps until it stopped.
        stopped_by: One of `STOP_REASONS`.
        grain: int32 [*lattice]: number of the crystal that a site belongs to, -1 = none; where the model has grains.
        fields: float [*lattice] by name: the model's final fields.
    """

    arrival: ArrivalMap
    steps: int
    stopped_by: str
    grain: GrainMap | None = None
    fields: Mapping[str, Float32Array] = field(default_factory=dict)


GrowMember = Callable[[Any, GrowthSetup, Key], MemberGrowth]
"""Grows one crystal from its parameters, the setup and the key of its noise: `np.random.default_rng(key)`, say."""


@dataclass(frozen=True)
class ModelFile:
    """A file that a model may take beside its parameters, which are numbers.

    Attributes:
        name: Of the option on the command line.
        meaning: What it is, for help texts.
        read: Takes the path and returns the model of that file, whose `rules` name its content, or "module:function".
    """

    name: str
    meaning: str
    read: Callable[[Path], GrowerModel] | str

    def model_of(self, path: Path) -> GrowerModel:
        """Return the model of a file."""
        return cast(Callable[[Path], GrowerModel], _resolve(self.read))(path)


@dataclass(frozen=True)
class GrowerModel:
    """A model's statement about itself; what an entry point of the group "nakaya.growers" names.

    Attributes:
        name: Lower-case letters, digits and dashes; the name of the entry point.
        family: Class of its parameters; an emulator names its solver's.
        lattice: `HEXAGONAL`, `SQUARE` or `CUBIC`.
        grow_member: Function that grows one crystal, or "module:function"; then nothing else need be written.
        grower: In its place: what makes the `Grower` (a class or function without arguments), or "module:attribute".
        rules: Text that names arithmetic and noise, such as "eden rules 1"; whoever changes a crystal changes it.
        noun: What grows, for titles.
        geometries: Parts of the lattice that it can grow, the default first; by default the lattice's, for
            `grow_member` without the mirrored ones: a function for whole lattices does not see behind mirrors.
        stop: Class of its stop rules.
        size: Sites along every axis, where none are given.
        time_unit: "s", or the model's own dimensionless unit ("tau"); of `step_duration` in a trajectory.
        length_unit: "m", or the model's own dimensionless unit; of `site_spacing`.
        step_duration: Duration of a step in `time_unit`, where it is the same for all parameters.
        site_spacing: Distance between neighbouring sites in `length_unit`, likewise.
        time_resolution: Steps that an attachment time is exact to.
        fields: What it knows at every site at the end.
        has_grain: Whether it numbers crystals.
        is_of_melts: Whether it grows from melts of real materials, in SI units: see
            `nakaya.growth.solvers.phase_field.melt`.
        notes: "module:function" of (point, trajectory): lines that `nakaya grow` adds about crystals, "" for none.
        citation: Key of an entry of `nakaya cite`, or a BibTeX entry of its own.
        file: A file that it may take beside its parameters, or None.
        trained_for: For an emulator: least and greatest value of each parameter that it was trained for.

    Raises:
        ParameterError: The statement contradicts itself.

    >>> from nakaya.growth.catalogue import find_model
    >>> model = find_model("gravner-griffeath")
    >>> model.noun, model.lattice.name, [geometry.name for geometry in model.geometries]
    ('Snow crystal', 'hexagonal', ['sector', 'full'])
    """

    name: str
    family: type[Conditions]
    lattice: Lattice = HEXAGONAL
    grow_member: GrowMember | str | None = None
    grower: Callable[[], Grower] | str | None = None
    rules: str = ""
    noun: str = "Crystal"
    geometries: tuple[Geometry, ...] = ()
    stop: type[StopRules] = StopRules
    size: int = 64
    time_unit: str = "s"
    length_unit: str = "m"
    step_duration: float | None = None
    site_spacing: float | None = None
    time_resolution: int = 1
    fields: tuple[FinalField, ...] = ()
    has_grain: bool = False
    is_of_melts: bool = False
    notes: str = ""
    citation: str = ""
    file: ModelFile | None = None
    trained_for: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.lattice, Lattice):
            raise ParameterError(
                f"model {self.name}: lattice={self.lattice!r} is no lattice: expected HEXAGONAL, SQUARE or CUBIC of "
                "nakaya.growth.lattice.lattice"
            )
        if not isinstance(getattr(self.family, "family", None), str):
            raise ParameterError(
                f"model {self.name}: its parameters have no family: write family: ClassVar[str] = "
                f'"{self.name}" into the class {getattr(self.family, "__name__", self.family)}'
            )
        if not NAME.fullmatch(self.name):
            raise ParameterError(f"model name {self.name!r} is not made of lower-case letters, digits and dashes")
        if (self.grow_member is None) == (self.grower is None):
            raise ParameterError(f"model {self.name}: state grow_member or grower, one of the two")
        if self.grow_member is not None and not self.rules:
            raise ParameterError(
                f'model {self.name}: state rules, such as "{self.name} rules 1": stores keep apart by it what differs'
            )
        if not self.geometries:
            whole = tuple(entry for entry in self.lattice.geometries if not entry.is_mirrored)
            object.__setattr__(self, "geometries", whole if self.grower is None else self.lattice.geometries)
        names = [*self.family.ranges, *self.stop_rules, *([] if self.file is None else [self.file.name])]
        taken = sorted({name for name in names if names.count(name) > 1 or name in TAKEN_OPTIONS})
        if taken:
            raise ParameterError(f"model {self.name}: {', '.join(taken)} cannot be the name of a parameter: rename it")

    @property
    def stop_rules(self) -> dict[str, Parameter]:
        """What is stated about its stop rules, by name."""
        return stated_in(self.stop)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.lattice.dimension

    def make(self) -> Grower:
        """Return what grows.

        Raises:
            MissingExtraError: It needs packages that are not installed.
        """
        if self.grower is not None:
            return cast(Callable[[], Grower], _resolve(self.grower))()
        return MemberGrower(self, cast(GrowMember, _resolve(self.grow_member)))

    def notes_on(self, point: Conditions, crystals: Trajectory) -> list[str]:
        """What there is to say about crystals of one point."""
        return list(_resolve(self.notes)(point, crystals)) if self.notes else []  # type: ignore[operator]  # a function

    def setup(
        self,
        geometry: str | Geometry | None = None,
        size: int | None = None,
        *,
        shape: Sequence[int] | None = None,
        initial: Sites | None = None,
        edges: str | None = None,
        stop: StopRules | None = None,
    ) -> GrowthSetup:
        """Return a checked request to this model; see `nakaya.growth.lattice.geometry.make_setup`."""
        if stop is not None and not isinstance(stop, self.stop):
            raise ParameterError(
                f"stop={stop} is not of the rules of {self.name}: expected {self.stop.__name__}(...), which has "
                f"{', '.join(self.stop_rules)}"
            )
        if size is None and shape is None:
            size = self.size
        if isinstance(geometry, Geometry) and geometry not in self.geometries:
            geometry = geometry.name  # it is refused by name, or stands for the model's own of this name
        return make_setup(
            geometry,
            size,
            shape=shape,
            initial=initial,
            edges=edges,
            stop=self.stop() if stop is None else stop,
            lattice=self.lattice,
            geometries=self.geometries,
        )

    def metadata(
        self,
        setup: GrowthSetup,
        seed: int,
        *,
        model_hash: str | None = None,
        step_duration: float | None = None,
        site_spacing: float | None = None,
    ) -> TrajectoryMetadata:
        """Return what a trajectory of this model says about itself.

        Args:
            setup: What was asked for.
            seed: Of the noise.
            model_hash: Of weights; by default that of `rules`.
            step_duration: Where it depends on the parameters.
            site_spacing: Where it depends on the parameters.
        """
        return TrajectoryMetadata(
            model=self.name,
            model_hash=sha256_of_bytes(self.rules.encode()) if model_hash is None else model_hash,
            seed=seed,
            geometry=setup.as_metadata(),
            package_version=package_version(),
            family=self.family.family,
            lattice=self.lattice.name,
            dimension=self.dimension,
            step_duration=self.step_duration if step_duration is None else step_duration,
            site_spacing=self.site_spacing if site_spacing is None else site_spacing,
            time_resolution=self.time_resolution,
            time_unit=self.time_unit,
            length_unit=self.length_unit,
            fields=self.fields,
        )


def _resolve(place: object) -> object:
    if not isinstance(place, str):
        return place
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def parameters_of(points: Sequence[Conditions]) -> dict[str, FloatArray]:
    """Return the parameters of points as a trajectory holds them: float64 [point] by name."""
    return {name: np.array([point.parameters()[name] for point in points], np.float64) for name in points[0].ranges}


def points_of(family: type[Conditions], parameters: Mapping[str, FloatArray]) -> list[Conditions]:
    """Return points from their parameters, float64 [point] by name: what `parameters_of` undoes."""
    rows = zip(*(values.tolist() for values in parameters.values()), strict=True)
    return [family(**dict(zip(parameters, row, strict=True))) for row in rows]


def setup_from_metadata(geometry: Mapping[str, Any], model: GrowerModel) -> GrowthSetup:
    """Return the request that `GrowthSetup.as_metadata` describes, checked again; nobody vouches for it.

    Raises:
        FormatError: An entry is missing or of the wrong kind.
        ParameterError, UnknownNameError: The model cannot grow this.
        TypeError: Sites or stop rules are none.
    """
    entries = Entries(dict(geometry), "geometry")
    lengths = range(model.dimension, model.dimension + 1)
    initial = geometry.get("initial")
    return model.setup(
        entries.text("name"),
        None if entries.has("shape") else entries.whole("size", 1, 2**31),
        shape=entries.wholes("shape", 1, 2**31, lengths) if entries.has("shape") else None,
        edges=entries.text("edges"),
        initial=[tuple(site) for site in initial] if isinstance(initial, list) else None,
        stop=model.stop(**cast(dict[str, Any], entries.entries("stop").only(tuple(model.stop_rules)).raw())),
    )


def empty_maps(model: GrowerModel, points: int, members: int, setup: GrowthSetup) -> dict[str, Any]:
    """Return the arrays of a trajectory, not filled: arrival, steps, stop_codes, grain (or None) and fields by name.

    Raises:
        ParameterError: There is not enough memory.
    """
    shape, whole = (points, members), (points, members, *setup.shape)
    try:
        return {
            "arrival": np.empty(whole, np.int32),
            "steps": np.empty(shape, np.int64),
            "stop_codes": np.empty(shape, np.int8),
            "grain": np.empty(whole, np.int32) if model.has_grain else None,
            "fields": {entry.name: np.empty(whole, np.float32) for entry in model.fields},
        }
    except (MemoryError, ValueError):
        gigabytes = float(np.prod([float(length) for length in whole])) * 4 / 1e9
        raise ParameterError(
            f"{points} x {members} crystals of {setup.shape} sites need {gigabytes:.3g} GB in memory at once: "
            "grow fewer members at a time, or run a campaign, which stores them as it goes"
        ) from None


Task = TypeVar("Task")


def in_threads(
    work: Callable[[Task, Progress, Callable[[], bool]], None],
    tasks: Sequence[Task],
    workers: int,
    progress: Progress | None,
) -> None:
    """Do all tasks, on `workers` threads; 1 = in the calling thread alone.

    Args:
        work: Does one task. Takes the task, what it tells the number of members that it has finished since it last
            told, and a function that says whether to give up: an interrupt, or an error in another thread, ends all.
        tasks: In the order in which they are begun.
        workers: Threads that may work at once.
        progress: Called in the thread that finished something, never by two at once.
    """
    stopped, told = threading.Event(), threading.Lock()

    def tell(finished: int) -> None:
        if progress is not None:
            with told:
                progress(finished)

    def begin(task: Task) -> None:
        if not stopped.is_set():
            work(task, tell, stopped.is_set)

    if workers == 1:
        for task in tasks:
            begin(task)
        return
    with ThreadPoolExecutor(min(workers, len(tasks))) as pool:
        futures = [pool.submit(begin, task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stopped.set()  # and leaving the pool waits for those at work
            raise


class MemberGrower:
    """A grower that calls a function for every member.

    Args:
        model: The model's statement.
        grow_member: Grows one crystal.
    """

    def __init__(self, model: GrowerModel, grow_member: GrowMember) -> None:
        self.model, self.grow_member = model, grow_member
        self.name, self.family = model.name, model.family.family

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Grow `members` at every point; see `nakaya.growth.model.grower.Grower`.

        Threads help where the function lets go of the interpreter, as compiled code does.

        Raises:
            ParameterError: There is not enough memory, or the function returns what the model does not state.
        """
        maps = empty_maps(self.model, len(conditions), len(members), setup)

        def grow_one(place: tuple[int, int], tell: Progress, _: Callable[[], bool]) -> None:
            point = conditions[place[0]]
            key = member_key(seed, point_hash(point), members[place[1]])
            self._keep(self.grow_member(point, setup, key), maps, place)
            tell(1)

        in_threads(grow_one, list(product(range(len(conditions)), range(len(members)))), workers, progress)
        return Trajectory(**maps, parameters=parameters_of(conditions), metadata=self.model.metadata(setup, seed))

    def _keep(self, grown: MemberGrowth, maps: dict[str, Any], place: tuple[int, int]) -> None:
        if not isinstance(grown, MemberGrowth) or grown.stopped_by not in STOP_REASONS:
            came = f"stopped_by={grown.stopped_by!r}" if isinstance(grown, MemberGrowth) else type(grown).__name__
            raise ParameterError(
                f"{self.name} returned {came}: MemberGrowth(arrival, steps, stopped_by) was expected, stopped by one "
                f"of {', '.join(STOP_REASONS)}"
            )
        found = {"arrival": grown.arrival, **({} if grown.grain is None else {"grain": grown.grain}), **grown.fields}
        wanted = {
            "arrival": maps["arrival"],
            **({} if maps["grain"] is None else {"grain": maps["grain"]}),
            **maps["fields"],
        }
        shape = maps["arrival"].shape[2:]
        if found.keys() != wanted.keys() or any(np.shape(values) != shape for values in found.values()):
            raise ParameterError(
                f"{self.name} returned {', '.join(f'{name} {np.shape(values)}' for name, values in found.items())}: "
                f"{', '.join(wanted)} of shape {shape} was expected"
            )
        for name, values in found.items():
            wanted[name][place] = values
        maps["steps"][place], maps["stop_codes"][place] = grown.steps, STOP_REASONS.index(grown.stopped_by)
