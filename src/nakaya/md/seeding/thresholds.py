"""What counts as solid at a temperature: thresholds from a bulk solid and a bulk melt of the same potential."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.checks import Range
from nakaya.crystallography.lattices import ATOMS_PER_CELL, build_crystal
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import FinishedRun, record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.order.bond_order import environment
from nakaya.md.order.thresholds import equal_mislabelling, order_parameters
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import block_error
from nakaya.md.seeding.detection import find_nucleus
from nakaya.md.slab_quantities import ANGSTROM
from nakaya.md.tables import THRESHOLDS, MaterialTable
from nakaya.records.record import Quantity, Record, single

__all__ = ["ThresholdRun", "cube_of"]

FRAME_PS: Final = 1.0
MAX_MISLABELLED: Final = 0.05
"""Where more atoms are mislabelled, the melt froze or the solid melted."""

PARTS: Final = 3
"""Of the frames, for the errors of the thresholds."""

SHORT: Final = Range(2, 1e6, "the length of each sample, in ps")


def cube_of(structure: str, num_atoms: float) -> int:
    """Conventional cells along each side of the smallest cube of at least so many atoms."""
    return math.ceil(round(math.cbrt(num_atoms / ATOMS_PER_CELL[structure]), 9))


@dataclass(frozen=True)
class ThresholdRun:
    """Plan of two bulk runs that say what counts as solid at one temperature.

    Attributes:
        material: What.
        temperature: K.
        seed: Of the random numbers.
        num_atoms: At least so many, in a cube.
        duration_ps: Length of each sample (solid and melt).
    """

    material: Material
    temperature: float
    seed: int = 0
    num_atoms: int = 2000
    duration_ps: float = 10.0
    kind: str = field(default="thresholds", init=False)

    def __post_init__(self) -> None:
        check_limits(self, duration_ps=SHORT)

    @property
    def id(self) -> str:
        """Name of the record."""
        return f"thresholds-{self.material.name}-{self.temperature:g}K-s{self.seed}"

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run solid and melt, and return the record."""
        material = self.material
        potential, _ = potential_file(material)
        cells = cube_of(material.structure, self.num_atoms)
        positions, box = build_crystal(material.structure, "100", material.lattice_parameter, (cells, cells, cells))
        options = {
            "temperature": self.temperature, "duration_ps": self.duration_ps, "frame_ps": FRAME_PS, "seed": self.seed,
        }  # fmt: skip
        solid_text = scripts.bulk_solid(material, potential, **options)  # type: ignore[arg-type]  # by name
        melt_text = scripts.bulk_liquid(material, potential, **options)  # type: ignore[arg-type]
        solid = simulate(folder / "solid", material, positions, box, solid_text)
        melt = simulate(folder / "melt", material, positions, box, melt_text)
        of_solid, of_melt = _order_parameters(solid), _order_parameters(melt)
        bonds, averaged = (
            equal_mislabelling(of_solid[..., rule].ravel(), of_melt[..., rule].ravel()) for rule in (0, 1)
        )
        mislabelled = max(bonds.fraction, averaged.fraction)
        flags = []
        if mislabelled > MAX_MISLABELLED:
            flags.append(f"{mislabelled:.1%} of the atoms of solid and melt are mislabelled: one became the other")
        classifier = replace(material.classifier, coherence=bonds.threshold, averaged_q6=averaged.threshold)
        largest = np.array([find_nucleus(frame, classifier).sizes for frame in melt.frames()])
        volumes = [run.log.column("Volume") / len(positions) * ANGSTROM**3 for run in (solid, melt)]
        edge = (volumes[0] * ATOMS_PER_CELL[material.structure]) ** (1 / 3)

        def stated(value: float, unit: str, error: float | None = None) -> Quantity:
            # Of phases that were not there, nothing is known: it must not enter any table.
            return single(math.nan, unit) if flags else single(value, unit, uncertainty=error)

        def mean(series: FloatArray, unit: str) -> Quantity:
            return stated(float(series.mean()), unit, block_error(series))

        return record_of_run(
            self,
            {**table.conditions(self.temperature), "num_atoms": single(float(len(positions)), "1")},
            {
                **{
                    name: stated(round(found.threshold, 5), "1", _threshold_error(of_solid, of_melt, rule))
                    for rule, (name, found) in enumerate(zip(THRESHOLDS, (bonds, averaged), strict=True))
                },
                "mislabelled_fraction": stated(bonds.fraction, "1"),
                "mislabelled_fraction_averaged_rule": stated(averaged.fraction, "1"),
                "largest_cluster_of_melt": stated(float(largest[:, 0].mean()), "1"),
                "largest_cluster_of_melt_averaged_rule": stated(float(largest[:, 1].mean()), "1"),
                "lattice_parameter": mean(edge, "m"),
                "solid_volume_per_atom": mean(volumes[0], "m^3"),
                "liquid_volume_per_atom": mean(volumes[1], "m^3"),
            },
            flags,
            source="bulk solid and bulk melt at zero pressure: what counts as solid",
            scripts={"solid/in.lammps": solid_text, "melt/in.lammps": melt_text},
            settings={
                "duration_ps": self.duration_ps,
                "neighbours": material.classifier.neighbours,
                "min_solid_like": material.classifier.min_solid_like,
            },
            command=command,
        )


def _order_parameters(run: FinishedRun) -> FloatArray:
    """What either rule looks at, float64 [frame, atom, rule]."""
    classifier = run.material.classifier
    around = (environment(frame.positions, frame.cell, neighbours=classifier.neighbours) for frame in run.frames())
    return np.array([np.stack(order_parameters(each, classifier), axis=-1) for each in around])


def _threshold_error(of_solid: FloatArray, of_melt: FloatArray, rule: int) -> float:
    """Standard error of a threshold, from those of parts of the frames: the rarest atoms decide, and they scatter."""
    parts = [
        equal_mislabelling(of_solid[part::PARTS, :, rule].ravel(), of_melt[part::PARTS, :, rule].ravel()).threshold
        for part in range(PARTS)
    ]
    return float(np.std(parts, ddof=1) / math.sqrt(PARTS))
