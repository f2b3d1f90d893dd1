"""Bulk properties of a potential at zero pressure: a(T), volumes, latent heat L(T), liquid diffusivity D(T)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import Range
from nakaya.crystallography.lattices import (
    IDEAL_AXIAL_RATIO,
    atomic_volume,
    build_crystal,
    oriented_cell,
    simplest_face,
)
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import FinishedRun, record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.order.bond_order import environment, solid_atoms
from nakaya.md.order.structures import seen_structure, structure_mismatch
from nakaya.md.potentials import Material, potential_file
from nakaya.md.tables import AVOGADRO, MaterialTable
from nakaya.records.record import Quantity, Record, single

__all__ = [
    "PropertiesRun",
    "StressFreeLattice",
    "block_error",
    "bulk_crystal",
    "diffusivity",
    "lattice_edge",
    "quick_solid",
    "stress_free_lattice",
]

ELECTRON_VOLT = 1.602176634e-19
ANGSTROM = 1e-10
SHORT: Final = Range(2, 1e6, "the length of each sample, in ps")
MAX_MISTAKEN: Final = 0.2
"""Fraction of the atoms that thermal noise may put into the wrong phase: with more of them a sample has changed."""


@dataclass(frozen=True)
class PropertiesRun:
    """Plan of one measurement of bulk properties.

    Attributes:
        material: What.
        temperature: K.
        seed: Of the random numbers.
        cells: Conventional cells along each side of the cube.
        duration_ps: Length of each sample (solid and liquid).
    """

    material: Material
    temperature: float
    seed: int = 0
    cells: int = 5
    duration_ps: float = 20.0
    kind: str = field(default="properties", init=False)

    def __post_init__(self) -> None:
        check_limits(self, duration_ps=SHORT)

    @property
    def id(self) -> str:
        """Name of the record."""
        return f"properties-{self.material.name}-{self.temperature:g}K-s{self.seed}"

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run solid and liquid, and return the record."""
        material = self.material
        potential, _ = potential_file(material)
        positions, box = bulk_crystal(material, self.cells)
        options = {
            "temperature": self.temperature,
            "duration_ps": self.duration_ps,
            "frame_ps": max(1.0, self.duration_ps / 5),
            "seed": self.seed,
        }
        solid_text = scripts.bulk_solid(material, potential, **options)  # type: ignore[arg-type]  # by name
        liquid_text = scripts.bulk_liquid(material, potential, **options)  # type: ignore[arg-type]
        solid = simulate(folder / "solid", material, positions, box, solid_text)
        liquid = simulate(folder / "liquid", material, positions, box, liquid_text)
        crystal_is_crystal, liquid_is_liquid, flags = self._phases(solid, liquid)
        both = crystal_is_crystal and liquid_is_liquid
        num_atoms = len(positions)
        per_mole = ELECTRON_VOLT * AVOGADRO / num_atoms
        volume_solid, volume_liquid = solid.log.column("Volume"), liquid.log.column("Volume")
        edge, ratio = _lattice_series(solid, box, num_atoms)
        enthalpy = [run.log.column("Enthalpy") * per_mole for run in (solid, liquid)]
        times = (liquid.log.column("Step") - liquid.log.column("Step")[0]) * material.time_step_ps
        diffusion, diffusion_error = diffusivity(times, liquid.log.column("c_path[4]"))
        latent = float(enthalpy[1].mean() - enthalpy[0].mean())
        latent_error = math.hypot(block_error(enthalpy[0]), block_error(enthalpy[1]))

        def stated(value: float, error: float, unit: str, valid: bool) -> Quantity:
            # What was measured in the wrong phase is not known: it must not enter any table.
            return single(value, unit, uncertainty=error) if valid else single(math.nan, unit)

        def mean(series: FloatArray, factor: float, unit: str, valid: bool) -> Quantity:
            return stated(float(series.mean()) * factor, block_error(series) * factor, unit, valid)

        return record_of_run(
            self,
            table.conditions(self.temperature),
            {
                "lattice_parameter": mean(edge, ANGSTROM, "m", crystal_is_crystal),
                **({} if ratio is None else {"axial_ratio": mean(ratio, 1.0, "1", crystal_is_crystal)}),
                "solid_volume_per_atom": mean(volume_solid, ANGSTROM**3 / num_atoms, "m^3", crystal_is_crystal),
                "liquid_volume_per_atom": mean(volume_liquid, ANGSTROM**3 / num_atoms, "m^3", liquid_is_liquid),
                "latent_heat": stated(latent, latent_error, "J/mol", both),
                "diffusivity": stated(diffusion * 1e-8, diffusion_error * 1e-8, "m^2/s", liquid_is_liquid),
            },
            flags,
            source="bulk crystal and bulk liquid at zero pressure",
            scripts={"solid/in.lammps": solid_text, "liquid/in.lammps": liquid_text},
            settings={"num_atoms": num_atoms, "duration_ps": self.duration_ps},
            command=command,
        )

    def _phases(self, solid: FinishedRun, liquid: FinishedRun) -> tuple[bool, bool, list[str]]:
        # Deeply undercooled melts of 500 atoms can freeze, hot crystals can melt, before the sample is over.
        is_crystal, odd_crystal = _crystal_at_the_end(solid)
        fraction, _ = _order_at_the_end(liquid)
        is_liquid = fraction <= MAX_MISTAKEN
        unknown = "what it would have told is not known"
        flags = [] if not odd_crystal else [odd_crystal if is_crystal else f"{odd_crystal}: {unknown}"]
        flags += [] if is_liquid else [f"the liquid ended with {fraction:.0%} solid atoms: {unknown}"]
        return is_crystal, is_liquid, flags


def _order_at_the_end(run: FinishedRun) -> tuple[float, str]:
    """Fraction of the atoms that look solid in the last frame, and the structure that they have."""
    frame, classifier = list(run.frames())[-1], run.material.classifier
    seen = environment(frame.positions, frame.cell, neighbours=classifier.neighbours)
    solid = solid_atoms(seen, classifier)
    return float(solid.mean()), seen_structure(seen, solid)


def _crystal_at_the_end(run: FinishedRun) -> tuple[bool, str]:
    """Whether a bulk sample is still a crystal of the stated structure, and what is odd about it; "" = nothing."""
    stated = run.material.structure
    fraction, seen = _order_at_the_end(run)
    if mismatch := structure_mismatch(seen, stated):
        return False, mismatch
    if fraction < 1 - MAX_MISTAKEN:
        return False, f"the {stated} crystal ended with {fraction:.0%} solid atoms"
    # A structure that the potential does not hold may be caught between two in a small periodic box.
    return True, "" if seen else f"the crystal was stated to be {stated}, and looks like no structure that is known"


def block_error(series: FloatArray, *, blocks: int = 5) -> float:
    """Standard error of the mean of a correlated series, from the standard deviation of block means."""
    means = np.array([block.mean() for block in np.array_split(series, blocks)])
    return float(means.std(ddof=1) / math.sqrt(blocks))


def diffusivity(times_ps: FloatArray, squared_displacement: FloatArray) -> tuple[float, float]:
    """Self-diffusivity from the mean squared displacement (Einstein, <r^2> = 6 D t), and its standard error.

    The first fifth, where atoms still move freely, is left out; the error is that of the mean of four pieces.

    Args:
        times_ps: float64 [n], ps.
        squared_displacement: float64 [n], A^2.

    Returns:
        (D, error) in A^2/ps.
    """
    start = len(times_ps) // 5
    times, path = times_ps[start:], squared_displacement[start:]
    value = float(np.polyfit(times, path, 1)[0]) / 6
    pieces = [
        float(np.polyfit(part_times, part, 1)[0]) / 6
        for part_times, part in zip(np.array_split(times, 4), np.array_split(path, 4), strict=True)
    ]
    return value, float(np.std(pieces, ddof=1) / 2)


def bulk_crystal(material: Material, cells: int, *, scale: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """A crystal at the first guess of its lattice, in a box of nearly equal sides, for samples of one phase.

    Args:
        material: What.
        cells: Conventional cells along each side of a cube; of hcp so many cubes of the same volume.
        scale: Of all lengths.

    Returns:
        (positions float64 [atom, 3], box float64 [3]), both in A.
    """
    structure, face, ratio = material.structure, simplest_face(material.structure), material.axial_ratio
    lengths = oriented_cell(structure, face, axial_ratio=ratio).lengths
    x, y, z = (max(1, round(cells * float(np.prod(lengths)) ** (1 / 3) / length)) for length in lengths)
    return build_crystal(structure, face, material.lattice_parameter * scale, (x, y, z), axial_ratio=ratio)


@dataclass(frozen=True)
class StressFreeLattice:
    """The crystal of a material at zero pressure.

    Attributes:
        structure: Its structure.
        a: Lattice parameter, A.
        axial_ratio: c/a of hcp; None = cubic.
        flags: What was odd about it.
    """

    structure: str
    a: float
    axial_ratio: float | None = None
    flags: tuple[str, ...] = ()

    @property
    def atomic_volume(self) -> float:
        """Volume of an atom, A^3."""
        return atomic_volume(self.structure, self.a, axial_ratio=self.axial_ratio)

    def conditions(self) -> dict[str, Quantity]:
        """What a record of a run with this crystal states."""
        found = {"lattice_parameter": single(self.a * ANGSTROM, "m")}
        return found if self.axial_ratio is None else {**found, "axial_ratio": single(self.axial_ratio, "1")}


def _lattice_series(run: FinishedRun, box: FloatArray, num_atoms: int) -> tuple[FloatArray, FloatArray | None]:
    """a, A, and c/a (None of cubic crystals) in every line of the log of a `bulk_crystal`, float64 [line] each.

    Args:
        run: Of the crystal.
        box: Sides that it began with at the first guess, float64 [3], A; c along z.
        num_atoms: Of the crystal.
    """
    material = run.material
    if material.structure != "hcp":
        unit = atomic_volume(material.structure, 1.0)
        return np.asarray((run.log.column("Volume") / num_atoms / unit) ** (1 / 3)), None
    along_a, along_c = (run.log.column(name) / box[axis] for name, axis in (("Lx", 0), ("Lz", 2)))
    ratio = IDEAL_AXIAL_RATIO if material.axial_ratio is None else material.axial_ratio
    return material.lattice_parameter * along_a, ratio * along_c / along_a


def stress_free_lattice(
    folder: Path, material: Material, temperature: float, table: MaterialTable
) -> StressFreeLattice:
    """The lattice at a temperature: from the table where it knows one, else of a short run below `folder`."""
    structure = material.structure
    if table.lattice_parameter is not None and (structure != "hcp" or table.axial_ratio is not None):
        ratio = table.axial_ratio(temperature) if table.axial_ratio is not None and structure == "hcp" else None
        return StressFreeLattice(structure, table.lattice_parameter(temperature) / ANGSTROM, ratio)
    return quick_solid(folder / "lattice", material, temperature)


def lattice_edge(folder: Path, material: Material, temperature: float, table: MaterialTable) -> float:
    """The stress-free lattice parameter a, A, of `stress_free_lattice`."""
    return stress_free_lattice(folder, material, temperature, table).a


def quick_solid(folder: Path, material: Material, temperature: float, *, cells: int = 4) -> StressFreeLattice:
    """Measure the stress-free lattice in seconds; for runs at a temperature without a table."""
    potential, _ = potential_file(material)
    positions, box = bulk_crystal(material, cells)
    script = scripts.bulk_solid(material, potential, temperature=temperature, duration_ps=8.0, frame_ps=4.0, seed=0)
    run = simulate(folder, material, positions, box, script)
    _, odd = _crystal_at_the_end(run)
    edge, ratio = _lattice_series(run, box, len(positions))
    flags = (f"the run for the lattice parameter: {odd}",) if odd else ()
    return StressFreeLattice(
        material.structure, float(edge.mean()), None if ratio is None else float(ratio.mean()), flags
    )
