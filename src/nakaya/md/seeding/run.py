"""Seeding: a crystallite is put into the undercooled melt of the same potential, and released several times.

Espinosa, Vega, Valeriani & Sanz, J. Chem. Phys. 144, 034501 (2016): crystallites that grow and dissolve equally often
are critical nuclei, at temperatures at which none would appear by itself within any run.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from scipy.spatial import cKDTree

from nakaya.core.arrays import FloatArray, IntArray
from nakaya.core.checks import Range, check_count, check_in_range
from nakaya.core.errors import ParameterError
from nakaya.crystallography.lattices import atomic_volume, build_crystal
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import FinishedRun, record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.order.bond_order import Classifier
from nakaya.md.patches import write_patches
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import lattice_edge
from nakaya.md.seeding.crystallites import check_shape, cut_crystallite, largest_radius
from nakaya.md.seeding.detection import Nucleus, find_nucleus
from nakaya.md.seeding.nuclei import RELEASE_FRAME, SHAPE, SIZES, SOLID_BRANCHES
from nakaya.md.seeding.thresholds import ThresholdRun, cube_of
from nakaya.md.slab_quantities import ANGSTROM, time_axis
from nakaya.md.tables import AVOGADRO, BOLTZMANN_SI, MaterialTable
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import Axis, Quantity, Record, Snapshot, single

__all__ = ["FATES", "MIN_CLEARANCE", "Fate", "SeedingRun", "default_size", "embed", "fate", "thresholds_for"]

Fate: TypeAlias = Literal["grown", "dissolved", "undecided"]
FATES: Final[tuple[Fate, ...]] = get_args(Fate)

FRAME_PS: Final = 0.5
"""Longest interval between frames."""

DECIDING_FRAMES: Final = 3
"""The mean size over so many last frames decides: from frame to frame atoms of the interface flicker."""

GROWN: Final = 2.0
DISSOLVED: Final = 0.5
"""Sizes, over the size at release, from which on a branch is grown, and below which it is dissolved."""

MELT_PS: Final = 2.0
"""Of the melt, after the 6 ps in which `bulk_liquid` equilibrates."""

HELD_PS: Final = 3.0
"""Relaxation of the melt around a crystallite that is held."""

FREE_PS: Final = 1.0
"""Of both before the release: thermal motion comes back at once. Near the critical size 420 atoms come and go per
picosecond (Al, 640 K): after 2 ps the size at release is 40 atoms off, and some crystallites are decided."""

OVERLAP: Final = 0.8
"""Atoms of the melt nearer than this to the crystallite are taken out, in nearest-neighbour distances: where the pair
distribution of a melt begins."""

MIN_CLEARANCE: Final = 2.0
"""Least distance of a nucleus from its periodic image, in nearest-neighbour distances: melt is between them."""

ROOM: Final = 4.5
"""The same for a sphere of twice the size: grown nuclei are uneven, and larger at release than as they were cut."""

MAX_FRACTION: Final = 0.1
"""Largest fraction of the atoms of the box that a crystallite should have."""

MIN_ATOMS: Final = 2000
"""Of the melt into which a crystallite is put."""

ROUNDING: Final = 1.1
"""Overlap takes out about as many atoms as the crystallite has, not exactly."""

MIN_LEFT: Final = 0.2
"""A crystallite with a smaller fraction of its atoms in the nucleus at release has melted."""

MIN_KEPT: Final = 0.5
MAX_KEPT: Final = 1.5
"""Range of the size at release over the one that was cut."""

MAX_HEATING: Final = 0.03
"""Relative deviation of the mean temperature that is flagged; with 2,000 atoms it fluctuates by a tenth of that."""

SNAPSHOT_ATOMS: Final = 7000
"""Frames of more atoms are not kept: they take 8 bytes an atom."""

MOST_BRANCHES: Final = 100
ATOMS: Final = 10, 20_000
"""Least and largest number of atoms of a crystallite."""

TURNBULL: Final = 0.45
"""Interfacial energy of metals per atom of the interface, over the latent heat per atom."""

_SHORT: Final = Range(1, 1e3, "the time after the release, in ps")


def fate(sizes: FloatArray) -> Fate:
    """Whether a nucleus grew to twice its size at release, dissolved to half of it, or neither, by its last frames.

    Args:
        sizes: float64 [frame] of one branch, the first one at release; NaN after it ended.
    """
    known = sizes[np.isfinite(sizes)]
    last = known[-DECIDING_FRAMES:].mean()
    if last >= GROWN * known[0]:
        return "grown"
    return "dissolved" if last < DISSOLVED * known[0] else "undecided"


def embed(crystallite: FloatArray, melt: FloatArray, box: FloatArray, *, distance: float) -> FloatArray:
    """Put a crystallite into the middle of a melt; atoms of the melt within `distance` of one of its atoms are removed.

    Args:
        crystallite: float64 [atom, 3] about the origin, A.
        melt: float64 [atom, 3], A.
        box: float64 [3], A; periodic.
        distance: A.

    Returns:
        float64 [atom, 3], the crystallite first.
    """
    placed = crystallite + box / 2
    inside = np.mod(melt, box)
    inside = np.where(inside < box, inside, 0.0)  # a small negative coordinate rounds to the length of the box
    apart = cKDTree(np.mod(placed, box), boxsize=box).query(inside)[0] >= distance
    return np.concatenate([placed, inside[apart]])


@dataclass(frozen=True)
class SeedingRun:
    """Plan of one crystallite in its melt.

    Attributes:
        material: What.
        temperature: K, below the melting point.
        size: Atoms of the crystallite as it is cut; the relaxed nucleus has fewer.
        shape: One of `crystallites.SHAPES`.
        seed: Of the random numbers: melt, orientation of the crystallite, velocities.
        branches: Releases of the same positions, each with velocities of its own.
        cells: Conventional cells along each side of the melt's cube; None = so many that the crystallite takes a tenth.
        duration_ps: Of every branch.
        longest_ps: Of branches that are undecided then.
        patches: File to which the frame of the release goes; None = none.
    """

    material: Material
    temperature: float
    size: int = 100
    shape: str = "sphere"
    seed: int = 0
    branches: int = 4
    cells: int | None = None
    duration_ps: float = 8.0
    longest_ps: float = 20.0
    patches: Path | None = None
    kind: str = field(default="seeding", init=False)

    def __post_init__(self) -> None:
        check_limits(self, duration_ps=_SHORT)
        check_in_range("longest_ps", self.longest_ps, _SHORT)
        check_count("size", self.size, *ATOMS)
        check_count("branches", self.branches, 1, MOST_BRANCHES)
        check_shape(self.material.structure, self.shape)
        if self.temperature >= self.material.melting_point:
            raise ParameterError(
                f"temperature={self.temperature:g} is not below the melting point of {self.material.name}, "
                f"{self.material.melting_point:g} K: every crystallite melts there"
            )
        needed = self._widest + self._least_clearance
        if needed > self._edge:
            raise ParameterError(
                f"a crystallite of {self.size} atoms (shape {self.shape}) and its layer of melt need {needed:.0f} A, "
                f"and the box has {self._edge:.0f} A: take fewer atoms, or more than {self.cells} cells"
            )

    @property
    def id(self) -> str:
        """Name of the record."""
        return f"seeding-{self.material.name}-{self.temperature:g}K-{self.shape}-n{self.size}-s{self.seed}"

    @property
    def _spacing(self) -> float:
        """Nearest-neighbour distance, first guess, A."""
        nearest = {"fcc": math.sqrt(1 / 2), "bcc": math.sqrt(3 / 4), "diamond": math.sqrt(3 / 16)}
        return nearest[self.material.structure] * self.material.lattice_parameter

    @property
    def _widest(self) -> float:
        """Longest diameter of the crystallite as it is cut, A."""
        volume = atomic_volume(self.material.structure, self.material.lattice_parameter)
        return 2 * largest_radius(self.shape, self.size, volume)

    @property
    def _cells(self) -> int:
        """Cells along each side; by default the crystallite takes a tenth at most, and has room to double its size."""
        if self.cells is not None:
            return self.cells
        structure, edge = self.material.structure, self.material.lattice_parameter
        enough = cube_of(structure, max(MIN_ATOMS, self.size / MAX_FRACTION))
        return max(enough, math.ceil((math.cbrt(GROWN) * self._widest + ROOM * self._spacing) / edge))

    @property
    def _edge(self) -> float:
        """Length of the box, A."""
        return self._cells * self.material.lattice_parameter

    def _draw(self, *purpose: int) -> int:
        """A seed for one purpose: crystallites of other sizes and shapes share no melt and no velocities."""
        key = [self.seed, self.size, zlib.crc32(self.shape.encode()), *purpose]
        return int(np.random.SeedSequence(key).generate_state(1)[0])

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run and analyse; a crystallite that melts before its release gives a failed record."""
        if self.temperature not in table.thresholds:
            unknown = "what counts as solid at this temperature is not known: see the record of its thresholds"
            return self._record(table, [unknown], status="failed", command=command)
        coherence, averaged_q6 = table.thresholds[self.temperature]
        classifier = replace(self.material.classifier, coherence=coherence, averaged_q6=averaged_q6)
        edge = lattice_edge(folder, self.material, self.temperature, table)
        runs = self._relax(folder, edge)
        release = list(runs[-1].frames())[-1]
        nucleus = find_nucleus(release, classifier)
        parts: dict[str, Any] = {
            "conditions": {
                "lattice_parameter": single(edge * ANGSTROM, "m"),
                "num_atoms": single(float(len(release.positions)), "1"),
            },
            "evidence": {
                f"{name}_at_release": single(float(size), "1")
                for name, size in zip(SIZES.values(), nucleus.sizes, strict=True)
            },
            "settings": {"bond_threshold": coherence, "averaged_q6_threshold": averaged_q6},
            "command": command,
        }
        left = self._left(nucleus)
        if left < MIN_LEFT * self.size:
            melted = f"the crystallite melted before its release: {left} of its {self.size} atoms are in the nucleus"
            return self._record(table, [melted], runs=runs, status="failed", **parts)
        branches = [self._release(folder, number, release, classifier) for number in range(self.branches)]
        return self._record(
            table,
            [*self._flags(nucleus, len(release.positions)), *_flags_of_branches(branches, self.temperature)],
            runs=[*runs, *(run for branch in branches for run in branch.runs)],
            quantities=_quantities(branches),
            snapshots=self._snapshots(release, nucleus),
            **parts,
        )

    def _left(self, nucleus: Nucleus) -> int:
        """How many atoms of the crystallite, which are the first ones of the box, are in the nucleus."""
        return int((nucleus.atoms < self.size).sum())

    def _relax(self, folder: Path, edge: float) -> list[FinishedRun]:
        """The run of the melt, and that of the crystallite in it, which ends with the release."""
        material, temperature = self.material, self.temperature
        potential, _ = potential_file(material)
        start, box = build_crystal(material.structure, "100", material.lattice_parameter, (self._cells,) * 3)
        text = scripts.bulk_liquid(
            material, potential, temperature=temperature, duration_ps=MELT_PS, frame_ps=MELT_PS, seed=self._draw(0)
        )
        melt = simulate(folder / "melt", material, start, box, text)
        last = list(melt.frames())[-1]
        crystallite = cut_crystallite(
            material.structure, self.shape, self.size, edge, np.random.default_rng(self._draw(1))
        )
        box = np.diag(last.cell)
        text = scripts.seeded_melt(
            material, potential, temperature=temperature, num_solid=self.size, held_ps=HELD_PS, free_ps=FREE_PS,
            seed=self._draw(2),
        )  # fmt: skip
        together = embed(crystallite, last.positions, box, distance=OVERLAP * self._spacing)
        return [melt, simulate(folder / "relaxation", material, together, box, text)]

    def _release(self, folder: Path, number: int, start: Frame, classifier: Classifier) -> _Branch:
        """One branch, in a second part until `longest_ps` where it is undecided after `duration_ps`."""
        material = self.material
        potential, _ = potential_file(material)
        frame_ps = math.floor(FRAME_PS / material.time_step_ps) * material.time_step_ps
        nuclei: list[Nucleus] = []
        runs: list[FinishedRun] = []
        done = 0
        for part, until_ps in enumerate((self.duration_ps, self.longest_ps)):
            count = round(until_ps / frame_ps)
            sizes = _sizes(nuclei, self._least_clearance)
            if count <= done or (part and (np.isnan(sizes).any() or fate(sizes[:, 0]) != "undecided")):
                break
            text = scripts.released_crystallite(
                material, potential, temperature=self.temperature, duration_ps=(count - done) * frame_ps,
                frame_ps=frame_ps, seed=self._draw(3, number, part), has_velocities=part > 0,
            )  # fmt: skip
            runs.append(
                simulate(
                    folder / f"branch-{number}-{part}", material, start.positions, np.diag(start.cell), text,
                    velocities=start.velocities if part else None,
                )
            )  # fmt: skip
            for frame in runs[-1].frames():
                start = frame
                if part == 0 or frame.step != 0:  # a second part begins with the last frame of the first one
                    nuclei.append(find_nucleus(frame, classifier))
            done = count
        sizes = _sizes(nuclei, self._least_clearance)
        decided = min(round(self.duration_ps / frame_ps), len(nuclei) - 1)
        atoms = None if np.isnan(sizes[decided]).any() else nuclei[decided].atoms
        return _Branch(runs, sizes, atoms, frame_ps, max(nucleus.second for nucleus in nuclei))

    @property
    def _least_clearance(self) -> float:
        return MIN_CLEARANCE * self._spacing

    def _snapshots(self, release: Frame, nucleus: Nucleus) -> list[Snapshot]:
        num_atoms = len(release.positions)
        if self.patches is None or num_atoms > SNAPSHOT_ATOMS:
            return []
        is_solid = np.isin(np.arange(num_atoms), nucleus.atoms)
        still = replace(release, velocities=None)  # every branch draws its own
        digest = write_patches(self.patches, [(0.0, still, is_solid)], count=num_atoms)
        return [Snapshot(f"patches/{self.patches.name}", digest, RELEASE_FRAME, 0.0)]

    def _flags(self, nucleus: Nucleus, num_atoms: int) -> list[str]:
        flags = []
        if self.size > MAX_FRACTION * num_atoms * ROUNDING:
            fraction = self.size / num_atoms
            flags.append(
                f"the crystallite has {fraction:.0%} of the atoms of the box, expected at most {MAX_FRACTION:.0%}"
            )
        if not MIN_KEPT <= nucleus.sizes[0] / self.size <= MAX_KEPT:
            flags.append(f"at release the nucleus has {nucleus.sizes[0]} atoms, and {self.size} were asked for")
        if nucleus.clearance < self._least_clearance:
            flags.append(f"the nucleus touches its periodic image, which is {nucleus.clearance:.1f} A away")
        return flags

    def _record(
        self,
        table: MaterialTable,
        flags: Sequence[str],
        *,
        runs: Sequence[FinishedRun] = (),
        conditions: Mapping[str, Quantity] | None = None,
        quantities: Mapping[str, Quantity] | None = None,
        settings: Mapping[str, object] | None = None,
        **parts: Any,  # further arguments of `record_of_run`
    ) -> Record:
        return record_of_run(
            self,
            {
                **table.conditions(self.temperature),
                "crystallite_size": single(float(self.size), "1"),
                "num_branches": single(float(self.branches), "1"),
                **(conditions or {}),
            },
            quantities or {},
            flags,
            source="crystallite in its melt, released several times, local thermostat",
            scripts={f"{run.folder.name}/in.lammps": (run.folder / "in.lammps").read_text() for run in runs},
            settings={
                SHAPE: self.shape,
                "held_ps": HELD_PS,
                "free_ps": FREE_PS,
                "duration_ps": self.duration_ps,
                "longest_ps": self.longest_ps,
                **(settings or {}),
            },
            **parts,
        )


def default_size(material: Material, temperature: float, table: MaterialTable) -> int:
    """Atoms of the critical nucleus of classical theory, with Turnbull's interfacial energy.

    n* = 32 pi/3 (alpha L)^3 / delta-mu^3, all per atom, for gamma = alpha L Omega^(-2/3), alpha = 0.45.

    Raises:
        ParameterError: The latent heat is not known, or the temperature is not below the melting point.
    """
    reduced_driving_force = table.driving_force(temperature)
    if not math.isfinite(reduced_driving_force):
        raise ParameterError(
            f"the critical nucleus of {material.name} cannot be estimated without its latent heat: give the sizes"
        )
    if reduced_driving_force <= 0:
        raise ParameterError(
            f"temperature={temperature:g} is not below the melting point of {material.name}, "
            f"{table.melting_temperature:g} K: every crystallite melts there"
        )
    latent = table.at("latent_heat", table.melting_temperature) / (AVOGADRO * BOLTZMANN_SI * temperature)
    size = 32 * math.pi / 3 * (TURNBULL * latent / reduced_driving_force) ** 3
    return round(min(max(size, ATOMS[0]), ATOMS[1]))


def thresholds_for(runs: Iterable[SeedingRun]) -> list[ThresholdRun]:
    """The runs that say what counts as solid for some runs of seeding: one for each material and temperature."""
    return list(dict.fromkeys(ThresholdRun(run.material, run.temperature) for run in runs))


@dataclass(frozen=True)
class _Branch:
    """One release.

    Attributes:
        runs: Of LAMMPS, one or two.
        sizes: float64 [frame, detector]; NaN from when the nucleus touched its periodic image.
        atoms: Of the nucleus after `duration_ps`, int64 [n]; None where it had touched its periodic image.
        frame_ps: Interval of the frames.
        second: Most atoms of the next largest cluster, over the frames.
    """

    runs: list[FinishedRun]
    sizes: FloatArray
    atoms: IntArray | None
    frame_ps: float
    second: int = 0

    @property
    def temperature(self) -> float:
        """Mean over the whole branch, K."""
        return float(np.concatenate([run.log.column("Temp") for run in self.runs]).mean())


def _sizes(nuclei: Sequence[Nucleus], least_clearance: float) -> FloatArray:
    """Sizes by both detectors, float64 [frame, 2]; NaN from the first frame after the release without clearance on."""
    sizes = np.array([nucleus.sizes for nucleus in nuclei], dtype=np.float64)
    touches = np.array([nucleus.clearance < least_clearance for nucleus in nuclei[1:]], dtype=np.bool_)
    if touches.any():
        sizes[1 + int(np.argmax(touches)) :] = np.nan
    return sizes


def _quantities(branches: Sequence[_Branch]) -> dict[str, Quantity]:
    """Sizes of the nucleus in every branch, [frame, branch] over time, and how many branches had which fate.

    Also, over the numbers of atoms, in how many branches an atom belongs to the nucleus after `duration_ps`.
    """
    frames = max(len(branch.sizes) for branch in branches)
    sizes = np.full((frames, len(branches), 2), np.nan)
    for number, branch in enumerate(branches):
        sizes[: len(branch.sizes), number] = branch.sizes
    axis = time_axis(np.arange(frames, dtype=np.float64) * branches[0].frame_ps)
    fates = [fate(branch.sizes[:, 0]) for branch in branches]
    return {
        **{name: Quantity(sizes[:, :, rule], "1", axis=axis) for rule, name in enumerate(SIZES.values())},
        **{f"branches_{name}": single(float(fates.count(name)), "1") for name in FATES},
        **_solid_branches(branches),
        "mean_temperature": single(round(float(np.mean([branch.temperature for branch in branches])), 2), "K"),
    }


def _solid_branches(branches: Sequence[_Branch]) -> dict[str, Quantity]:
    nuclei = [branch.atoms for branch in branches if branch.atoms is not None]
    numbers, counts = np.unique(np.concatenate([*nuclei, np.empty(0, np.int64)]), return_counts=True)
    if len(nuclei) < len(branches) or not numbers.size:  # not known of all; or all are gone, and an axis has a value
        return {}
    axis = Axis("atom", "1", numbers.astype(np.float64))
    return {SOLID_BRANCHES: Quantity(counts.astype(np.float64), "1", axis=axis)}


def _flags_of_branches(branches: Sequence[_Branch], temperature: float) -> list[str]:
    flags = []
    cut = [branch for branch in branches if np.isnan(branch.sizes).any() and fate(branch.sizes[:, 0]) == "undecided"]
    if cut:
        flags.append(f"{len(cut)} branches touched their periodic image before they were decided")
    if (second := max(branch.second for branch in branches)) > branches[0].sizes[0, 0] / 2:
        flags.append(f"a second cluster of {second} solid atoms was in the melt: the largest may be another one")
    mean = float(np.mean([branch.temperature for branch in branches]))
    if abs(mean / temperature - 1) > MAX_HEATING:
        flags.append(f"the branches were at {mean:.0f} K instead of {temperature:.0f} K")
    return flags
