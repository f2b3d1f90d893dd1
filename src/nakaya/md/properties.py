"""Bulk properties of a potential at zero pressure: a(T), volumes, latent heat L(T), liquid diffusivity D(T)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import Range
from nakaya.crystallography.lattices import ATOMS_PER_CELL, build_crystal
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import FinishedRun, record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.order.bond_order import environment, solid_atoms
from nakaya.md.potentials import Material, potential_file
from nakaya.md.tables import AVOGADRO, MaterialTable
from nakaya.records.record import Quantity, Record, single

__all__ = ["PropertiesRun", "block_error", "diffusivity", "lattice_edge", "quick_solid"]

ELECTRON_VOLT = 1.602176634e-19
ANGSTROM = 1e-10
SHORT: Final = Range(2, 1e6, "the length of each sample, in ps")


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
        positions, box = build_crystal(
            material.structure, "100", material.lattice_parameter, (self.cells, self.cells, self.cells)
        )
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
        edge = (volume_solid / num_atoms * ATOMS_PER_CELL[material.structure]) ** (1 / 3)
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
        valid, flags = [], []
        for run, what, expected in ((solid, "crystal", 1.0), (liquid, "liquid", 0.0)):
            frame = list(run.frames())[-1]
            classifier = self.material.classifier
            seen = environment(frame.positions, frame.cell, neighbours=classifier.neighbours)
            fraction = float(solid_atoms(seen, classifier).mean())
            valid.append(abs(fraction - expected) <= 0.2)
            if not valid[-1]:
                flags.append(f"the {what} ended with {fraction:.0%} solid atoms: what it would have told is not known")
        return valid[0], valid[1], flags


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


def lattice_edge(folder: Path, material: Material, temperature: float, table: MaterialTable) -> float:
    """The stress-free lattice parameter, A: from the table where it knows one, else of a short run below `folder`."""
    if table.lattice_parameter is not None:
        return table.lattice_parameter(temperature) / ANGSTROM
    return quick_solid(folder / "lattice", material, temperature)


def quick_solid(folder: Path, material: Material, temperature: float, *, cells: int = 4) -> float:
    """Measure the stress-free lattice parameter in seconds, A; for runs at a temperature without a table."""
    potential, _ = potential_file(material)
    positions, box = build_crystal(material.structure, "100", material.lattice_parameter, (cells, cells, cells))
    script = scripts.bulk_solid(material, potential, temperature=temperature, duration_ps=8.0, frame_ps=4.0, seed=0)
    volume = simulate(folder, material, positions, box, script).log.column("Volume").mean()
    return float((volume / len(positions) * ATOMS_PER_CELL[material.structure]) ** (1 / 3))
