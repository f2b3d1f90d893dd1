"""Atomistic trajectories of others become records: follow the crystal, and its interfaces where there are any."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import FormatError, ParameterError, UnknownNameError, UnstatedError
from nakaya.core.provenance import package_version, sha256_of_file
from nakaya.crystallography.lattices import atomic_volume
from nakaya.crystallography.miller import plane_family
from nakaya.md.interfaces import (
    EVIDENCE_PS,
    PATCH_TIMES_PS,
    TIME_TOLERANCE_PS,
    SlabHistory,
    VelocityFit,
    fit_velocity,
    follow_crystal,
    odd_structure,
)
from nakaya.md.order.bond_order import CLASSIFIERS
from nakaya.md.order.neighbours import nearest_neighbours, volume_per_atom
from nakaya.md.patches import cut_patch
from nakaya.md.potentials import MATERIALS
from nakaya.md.slab_quantities import ANGSTROM, interface_area, slab_series, temperature_profile
from nakaya.md.stated_potentials import INGESTED
from nakaya.md.statistics import Estimate
from nakaya.md.tables import driving_force, tabulate
from nakaya.md.trajectories.dump import ENERGY
from nakaya.md.trajectories.files import read_trajectory
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectories.text_files import Trajectory
from nakaya.records.record import DRIVING_FORCE, Provenance, Record, single

__all__ = ["FollowedTrajectory", "TrajectoryOptions", "follow_trajectory", "ingest_trajectory"]

MAX_FRAMES = 100_000
MIN_ATOMS = 50
MIN_KELVIN, MAX_KELVIN = 10.0, 20_000.0
UNEVEN = 1.5
"""Frames further apart than the usual distance times this are not evenly spaced."""

MIN_EARLY_FRAMES = 3
"""Fewer frames than this in the first picoseconds tell of no motion."""

SAME_TEMPERATURE = 0.05
"""Fraction by which the velocities of the file may be hotter or colder than the temperature that was given."""

SAME_VOLUME = 0.15
"""Fraction by which an atom may need more or less room than in the known crystal: melting makes 5 or 7 %."""

MIN_NEIGHBOUR_DISTANCE = 0.4
"""Least distance between neighbours in units of the cube root of the volume per atom: it is 1.12 in fcc, 0.87 in
diamond, and 0.55 even between points without any order."""

SHEARED = 0.1
"""Change of the tilt of a box over its height between two frames: thermal changes of a crystal are a tenth of it."""

_STEPS = (5e-5, 0.021)
"""ps, of a time step: 20 fs are for coarse grains, 0.05 fs for collisions of ions."""

FASTEST = 1500.0
"""m/s: no crystal grows at a third of the speed of sound; pure metals reach a few hundred."""

_NOT_LATER = "some frames did not come later than the one before them and were left out"

SAME_TIME = 0.01
"""Fraction by which the times of the file and those of the options may differ."""


@dataclass(frozen=True)
class TrajectoryOptions:
    """What the files do not say about themselves.

    Attributes:
        lammps_units: Unit style of the run that wrote a dump.
        elements: Element of type 1, 2, ... of a dump.
        time_step_ps: Time step of a dump, ps.
        frame_ps: Time between frames, ps; instead of the time step, and for extended XYZ.
        temperature: K; from the velocities where None.
        orientation: Of the interfaces.
        structure: Of the crystal; from the element where it is a known one.
        equilibration_ps: Time before which nothing is used.
        potential: Hash (sha256) of the potential's file: T_m and L of known records of that potential are used.
        melting_point: Of the potential, K; wins over known records.
        latent_heat: Of the potential, J/mol; wins over known records.
    """

    lammps_units: str | None = None
    elements: Sequence[str] | None = None
    time_step_ps: float | None = None
    frame_ps: float | None = None
    temperature: float | None = None
    orientation: str | None = None
    structure: str | None = None
    equilibration_ps: float = 0.0
    potential: str | None = None
    melting_point: float | None = None
    latent_heat: float | None = None

    def __post_init__(self) -> None:
        for name in ("time_step_ps", "frame_ps", "temperature", "melting_point", "latent_heat"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ParameterError(f"{name}={value} must be a positive number")
        if not (math.isfinite(self.equilibration_ps) and self.equilibration_ps >= 0):
            raise ParameterError(f"equilibration_ps={self.equilibration_ps} must not be negative")
        if self.time_step_ps is not None and self.frame_ps is not None:
            raise ParameterError("give either the time step or the time between frames, not both")
        if self.structure is not None and self.structure not in CLASSIFIERS:
            raise UnknownNameError("structure", self.structure, CLASSIFIERS)
        if self.orientation is not None:
            plane_family(self.orientation)  # says what it expects


def _frame_time(frame: Frame, options: TrajectoryOptions) -> float | None:
    """Time of a frame, ps: from the options where they say, else from the file; None = neither says.

    Raises:
        UnstatedError: A time step is given, and the file has no numbers of time steps.
    """
    if options.frame_ps is not None:
        return frame.number * options.frame_ps
    if options.time_step_ps is not None:
        if frame.step is None:
            raise UnstatedError(
                "the file has no numbers of time steps: give the time between frames instead of the time step",
                "frame_ps",
            )
        return frame.step * options.time_step_ps
    return frame.time_ps if frame.time_ps is not None and math.isfinite(frame.time_ps) else None


@dataclass(frozen=True)
class FollowedTrajectory:
    """What one pass over a trajectory gives.

    Attributes:
        record: What was measured.
        patches: Atoms around one solid-liquid interface in the frames nearest to `PATCH_TIMES_PS`, with times from the
            first frame on: what graphs are built from, as those of the training. Empty where frames have no times.
    """

    record: Record
    patches: tuple[Frame, ...]


def ingest_trajectory(path: Path, options: TrajectoryOptions, *, known: Sequence[Record] = ()) -> Record:
    """Read one trajectory and return its record; arguments and errors as in `follow_trajectory`."""
    return follow_trajectory(path, options, known=known).record


def follow_trajectory(path: Path, options: TrajectoryOptions, *, known: Sequence[Record] = ()) -> FollowedTrajectory:
    """Read one trajectory once and return its record, and the patches of its first picoseconds.

    What is missing or odd but can be left out (frames without positions, an end that was cut off, no times, no
    interfaces) is said in the flags of the record; what cannot be known without guessing (units, elements, structure)
    is an error.

    Args:
        path: LAMMPS text dump or extended XYZ, plain or compressed.
        options: What the file does not say.
        known: Records that may hold melting point and latent heat of the potential.

    Raises:
        InputFileError, FormatError, ParameterError, UnknownNameError: As in `read_trajectory`.
    """
    trajectory = read_trajectory(path, lammps_units=options.lammps_units, elements=options.elements)
    watched = _Watch(trajectory, options)
    first = _first_frame(watched, path, options)
    composition = _composition(first)
    material = max(composition, key=lambda name: composition[name]) if len(composition) == 1 else "-".join(composition)
    structure = _structure(material, options)
    try:
        history = follow_crystal(chain([first], watched), CLASSIFIERS[structure], keep_ps=PATCH_TIMES_PS)
    except FormatError as error:
        told = [*trajectory.flags, *watched.flags(only_order=True), str(error)]
        raise FormatError(f"{path}: {'; '.join(told)}") from None
    flags = [*trajectory.flags, *watched.flags()]
    temperature = options.temperature if options.temperature is not None else watched.mean_temperature()
    flags += [*_temperature_flags(temperature, watched.mean_temperature()), *_density(history, material)]
    flags += [*_closeness(first), *([other] if (other := odd_structure(history, structure)) else [])]
    reduced_driving_force = _driving_force(material, temperature, options, known)
    if math.isnan(reduced_driving_force):
        flags.append("the driving force is not known: it needs the potential, or its melting point and latent heat")
    fit, why = _fit(history, watched.has_times)
    flags += [*why, *_gap_flags(history)]
    is_slab = history.shape.is_flat and not (fit is not None and fit.odd_shape)
    # Of other shapes there is neither a thickness nor an area of flat interfaces.
    volume = history.volumes[0] if is_slab else math.nan
    series = partial(slab_series, history, volume, has_times=watched.has_times)
    velocity = {"growth_velocity": fit.quantity} if fit is not None and math.isfinite(fit.velocity.value) else {}
    record = Record(
        id=_record_id(path),
        kind="md",
        material=material,
        composition=composition,
        orientation=options.orientation,
        conditions={
            "temperature": single(temperature, "K"),
            DRIVING_FORCE: single(reduced_driving_force, "1"),
            **(interface_area(history) if is_slab else {}),
        },
        evidence=series(until_ps=EVIDENCE_PS),
        quantities={**series(), **temperature_profile(history), **velocity},
        provenance=_provenance(path, options, structure, history),
        status="flagged" if flags else "ok",
        flags=flags,
    )
    kept = history.kept if watched.has_times else []
    start = history.times_ps[0]
    patches = (
        cut_patch(frame, solid, time_ps=float(time - start), normal=history.shape.across[0], wall=history.shape.wall)
        for time, frame, solid in kept
        if is_slab
    )
    return FollowedTrajectory(record, tuple(patches))


def _first_frame(watched: _Watch, path: Path, options: TrajectoryOptions) -> Frame:
    first = next(watched, None)
    if first is None:
        raise ParameterError(
            f"{path} ends within the {options.equilibration_ps:g} ps of equilibration: leave out less, or check times"
        )
    if len(first.positions) < MIN_ATOMS:
        raise FormatError(f"{path} has {len(first.positions)} atoms: at least {MIN_ATOMS} are needed to see a crystal")
    return first


def _structure(material: str, options: TrajectoryOptions) -> str:
    if options.structure is not None:
        return options.structure
    if material not in MATERIALS:
        raise UnstatedError(
            f"the crystal structure of {material} is not known: give {', '.join(CLASSIFIERS)}", "structure"
        )
    return MATERIALS[material].structure


def _temperature_flags(temperature: float, seen: float) -> list[str]:
    """What is odd about the temperature, against the one of the velocities; both in K, NaN = not known."""
    flags = []
    if math.isnan(temperature):
        flags.append("the temperature is not known: the file has no velocities, and none was given")
    elif not MIN_KELVIN <= temperature <= MAX_KELVIN:
        flags.append(f"a temperature of {temperature:.3g} K is not one of a crystal in its melt: check the units")
    if abs(seen - temperature) > SAME_TEMPERATURE * temperature:
        flags.append(f"the velocities of the file are those of {seen:.0f} K, not of the {temperature:.0f} K given")
    return flags


def _provenance(path: Path, options: TrajectoryOptions, structure: str, history: SlabHistory) -> Provenance:
    return Provenance(
        source="trajectory of atoms",
        files={path.name: sha256_of_file(path)} | ({INGESTED: options.potential} if options.potential else {}),
        software={"nakaya": package_version()},
        settings={
            "lammps_units": str(options.lammps_units),
            "elements": ",".join(options.elements or ()) or "from the file",
            "structure": structure,
            "shape": str(history.shape),
            "time_step_ps": str(options.time_step_ps),
            "frame_ps": str(options.frame_ps),
            "equilibration_ps": str(options.equilibration_ps),
        },
    )


def _density(history: SlabHistory, material: str) -> list[str]:
    """Elements and units of length that are wrong show in the room that an atom has, where the crystal is known."""
    known = MATERIALS.get(material)
    if known is None:
        return []
    expected = atomic_volume(known.structure, known.lattice_parameter, axial_ratio=known.axial_ratio)
    seen = float(np.median(history.pooled["volume_per_atom"])) / ANGSTROM**3
    if abs(seen / expected - 1) <= SAME_VOLUME:
        return []
    return [
        f"{seen:.3g} A^3 per atom, expected about {expected:.3g} for {material}: check elements and units, or a gap"
    ]


def _gap_flags(history: SlabHistory) -> list[str]:
    if not history.gaps:
        return []
    names = " and ".join("abc"[direction] for direction in history.gaps)
    return [f"there is a layer of vacuum across box vector {names}: the box was taken to end there"]


def _closeness(frame: Frame) -> list[str]:
    """Positions in another unit than the box show in neighbours that are too near for the room that atoms have."""
    _, vectors = nearest_neighbours(frame.positions, frame.cell, 1, periodic=frame.periodic)
    near = float(np.median(np.linalg.norm(vectors[:, 0], axis=1)))
    room = volume_per_atom(frame.cell, len(frame.positions))
    if near >= MIN_NEIGHBOUR_DISTANCE * room ** (1 / 3):
        return []
    return [
        f"atoms are {near:.2g} A from their nearest neighbours, too near for {room:.3g} A^3 per atom: positions and "
        "box are in different units, or most of the box is empty"
    ]


class _StepInterval:
    """Holds the numbers of time steps against one time between frames: it needs frames at evenly spaced steps."""

    def __init__(self, is_assumed: bool) -> None:
        self._is_assumed = is_assumed
        self._before: Frame | None = None
        self._steps: float | None = None  # per frame
        self.flag = ""

    def time_step_ps(self, options: TrajectoryOptions) -> float | None:
        """The time step that was given, or that follows from the time between frames, ps; None = not known."""
        if options.time_step_ps is not None or options.frame_ps is None or self._steps is None:
            return options.time_step_ps
        return options.frame_ps / self._steps if self._steps > 1 else None

    def add(self, frame: Frame) -> None:
        """Take the next frame; `UnstatedError` where the steps are not evenly spaced."""
        before, self._before = self._before, frame
        if not self._is_assumed or before is None or before.step is None or frame.step is None:
            return
        steps = (frame.step - before.step) / (frame.number - before.number)
        if steps <= 0:
            if frame.step != before.step:  # some programs write one number into all frames
                self.flag = (
                    f"the numbers of time steps go back from {before.step} to {frame.step}: the frames were taken to "
                    "follow one another"
                )
            return
        if self._steps is None:
            self._steps = steps
        if abs(steps - self._steps) > SAME_TIME * self._steps:
            raise UnstatedError(
                f"the frames are {self._steps:g} and {steps:g} time steps apart, so that one time between frames "
                "cannot be right: give the time step instead",
                "time_step_ps",
            )


class _Watch(Iterator[Frame]):
    """Passes frames on with their times in place, and remembers what was seen of temperature and time."""

    def __init__(self, trajectory: Trajectory, options: TrajectoryOptions) -> None:
        self._trajectory, self._options = trajectory, options
        self._temperatures: list[float] = []
        self._number = 0
        self._first, self._last = math.inf, -math.inf
        self._reset = self._lost = ""
        self._num_atoms = 0
        self._backwards = self._contradicted = self._in_guessed_unit = self._has_energies = False
        self._times: list[float] = []
        self._unstrained: FloatArray | None = None
        self._shear = 0.0
        self._interval = _StepInterval(options.frame_ps is not None)
        self.has_times = True

    def __next__(self) -> Frame:
        while not (self._reset or self._lost):
            frame = next(self._trajectory)
            if self._number >= MAX_FRAMES:
                raise FormatError(f"more than {MAX_FRAMES} frames: thin the trajectory")
            time = _frame_time(frame, self._options)
            self._interval.add(frame)
            self._compare(frame, time)
            if time is None:
                self.has_times = False
                time = float(self._number)
            self._number += 1
            if self._num_atoms not in (0, len(frame.positions)):
                self._lost = (
                    f"frame {frame.number} has {len(frame.positions)} atoms after frames of {self._num_atoms}: atoms "
                    "were lost, or the dump is of a group that changes; frames from there on are not used"
                )
                break
            self._num_atoms = len(frame.positions)
            if time <= self._first < self._last:
                self._reset = (
                    f"the clock was set back to {time:g} ps after {self._last:g} ps: frames from there on are "
                )
                self._reset += "not used; give the time between frames where they go on"
                break
            if time <= self._last:
                self._backwards = True
                continue  # a restart wrote some steps twice
            self._first, self._last = min(self._first, time), time
            if self.has_times and time < self._options.equilibration_ps:
                continue
            self._temperatures.append(frame.temperature())
            self._times.append(time)
            self._has_energies |= ENERGY in frame.extra
            self._measure_shear(frame.cell)
            return replace(frame, time_ps=time)
        raise StopIteration

    def _compare(self, frame: Frame, time: float | None) -> None:
        stated = frame.time_ps
        if time is None or stated is None or not math.isfinite(stated):
            return
        if self._options.frame_ps is None and self._options.time_step_ps is None:
            self._in_guessed_unit |= not self._trajectory.has_units
        elif self._trajectory.has_units and abs(stated - time) > SAME_TIME * max(abs(stated), abs(time)):
            self._contradicted = True

    def _measure_shear(self, cell: FloatArray) -> None:
        # The box of the first frame times (1 + strain) is that of this one: what is beside the diagonal is shear.
        if self._unstrained is None:
            self._unstrained = cell
        strain = np.linalg.solve(self._unstrained, cell)
        self._shear = max(self._shear, float(np.abs(strain - np.diag(np.diag(strain))).max()))

    def mean_temperature(self) -> float:
        """Mean kinetic temperature, K; NaN without velocities."""
        known = [value for value in self._temperatures if math.isfinite(value)]
        return float(np.mean(known)) if known else math.nan

    def flags(self, *, only_order: bool = False) -> list[str]:
        """What was odd about the times, and what the frames lack; or only why frames were left out."""
        found = [flag for flag in (self._reset, self._lost, self._interval.flag) if flag]
        if only_order:
            return found + ([_NOT_LATER] if self._backwards else [])
        step = self._interval.time_step_ps(self._options) if self._trajectory.has_units else None
        if step is not None and not _STEPS[0] <= step <= _STEPS[1]:
            found.append(
                f"a time step of {step:.3g} ps is none of atoms, which take 0.001 to 0.005 ps: the time step and the "
                "time between frames are given in picoseconds"
            )
        if not self.has_times:
            found.append("the frames have no times: give the time step or the time between frames; no velocity follows")
        if self._backwards:
            found.append(_NOT_LATER)
        if self._contradicted:
            found.append("the file states other times than those that were given: check the time step")
        if self._in_guessed_unit:
            found.append("times were read as picoseconds: the file does not state their unit")
        if self._shear > SHEARED:
            found.append(
                f"the box is sheared by up to {self._shear:.2g} of its height: beside a melt that flows a crystal does "
                "not grow as beside one at rest"
            )
        found += self._spacing()
        if not self._has_energies:
            found.append(f"no energies of atoms: the file has no column {ENERGY} (compute energy all pe/atom)")
        return found

    def _spacing(self) -> list[str]:
        """What is odd about the distances between frames: evidence and labels were made with one frame per ps."""
        if not self.has_times or len(self._times) < 2:
            return []
        times = np.array(self._times) - self._times[0]
        steps = np.diff(times)
        usual = float(np.median(steps))
        found = []
        if steps.max() > UNEVEN * usual or steps.min() < usual / UNEVEN:
            found.append(f"the frames are not evenly spaced: {steps.min():g} to {steps.max():g} ps apart")
        early = int((times <= EVIDENCE_PS + TIME_TOLERANCE_PS).sum())
        if early < MIN_EARLY_FRAMES:
            found.append(f"only {early} frames in the first {EVIDENCE_PS:g} ps: write one every picosecond or so")
        if times[-1] < EVIDENCE_PS - usual:
            found.append(f"only {times[-1]:g} ps are there: models look at the first {EVIDENCE_PS:g} ps")
        return found


def _driving_force(material: str, temperature: float, options: TrajectoryOptions, known: Sequence[Record]) -> float:
    # Measured from the melting point of the potential, never from that of the element: nothing is guessed here.
    melting, latent = options.melting_point, options.latent_heat
    if options.potential is not None:
        table = tabulate(material, known, potential=options.potential)
        if melting is None and math.isfinite(table.melting_error):
            melting = table.melting_temperature
        if latent is None and melting is not None and table.latent_heat is not None:
            latent = table.latent_heat((melting + temperature) / 2)
    if melting is None or latent is None or not temperature > 0:
        return math.nan
    return driving_force(temperature, melting, latent)


def _composition(frame: Frame) -> dict[str, float]:
    symbols, counts = np.unique(frame.species, return_counts=True)
    return {str(symbol): float(count / counts.sum()) for symbol, count in zip(symbols, counts, strict=True)}


def _record_id(path: Path) -> str:
    stem = re.sub(r"[^A-Za-z0-9._+=-]+", "-", path.name.split(".")[0]).strip("-._") or "trajectory"
    return f"ingest-{stem[:80]}-{sha256_of_file(path)[:10]}"


def _fit(history: SlabHistory, has_times: bool) -> tuple[VelocityFit | None, Sequence[str]]:
    """The velocity, and what is odd about it; None where there is nothing to fit, with the reason."""
    if not has_times:
        return None, ()
    fraction = history.pooled["solid_fraction"][0]
    if not 0.03 < fraction < 0.97:
        return None, (
            f"no crystal with two interfaces to a liquid ({fraction:.0%} solid at the start): no velocity follows",
        )
    if thin := [name for name, volume in zip(("crystal", "liquid"), history.volumes, strict=True)
                if not math.isfinite(volume)]:  # fmt: skip
        return None, (
            f"too thin to tell its density: the {' and the '.join(thin)} (box of {history.lengths[0]:.0f} A along the "
            f"normal, {fraction:.0%} solid at the start); no velocity follows",
        )
    fit = fit_velocity(history, *history.volumes)
    if fit.odd_shape:
        return replace(fit, velocity=Estimate(math.nan, math.nan)), (
            *fit.oddities, f"{fit.odd_shape}; no velocity follows"
        )  # fmt: skip
    flags = list(fit.oddities if math.isfinite(fit.velocity.value) else fit.flags)
    if math.isfinite(fit.velocity.value) and not math.isfinite(fit.velocity.standard_error):
        first, last = fit.window_ps
        flags.append(f"{last - first:.3g} ps are too few to tell the error of the velocity: it may be far off")
    if abs(fit.velocity.value) > FASTEST:
        flags.append(
            f"{fit.velocity.value:.3g} m/s are faster than any crystal grows: check the time step, or the time between "
            "frames"
        )
    if not history.shape.is_flat:
        what = "there" if history.shape.of_melt else "the crystal"
        flags.append(
            f"{what} is a {history.shape}: the velocity is the rate of the radius of one with the same volume, which "
            "curvature changes"
        )
    return fit, flags
