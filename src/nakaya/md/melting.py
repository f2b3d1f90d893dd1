"""Melting point of a potential by coexistence at constant enthalpy.

A half-melted box at constant enthalpy and zero normal pressure finds its own temperature: where it is below T_m the
crystal grows and heats the box, where it is above it melts and cools it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError
from nakaya.crystallography.lattices import face_name, oriented_cell
from nakaya.md.growth import half_melted_box
from nakaya.md.interfaces import (
    MIN_LIQUID,
    MIN_SOLID,
    SlabHistory,
    follow_slab,
    lost_crystal,
    odd_shape,
    odd_structure,
)
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import block_error, stress_free_lattice
from nakaya.md.slab_quantities import ANGSTROM, time_axis
from nakaya.md.statistics import Estimate, combine_runs
from nakaya.md.tables import MaterialTable
from nakaya.records.record import DRIVING_FORCE, Axis, Quantity, Record, single

__all__ = ["MeltingRun", "combine_melting_points", "zero_velocity_temperature"]

FRAME_PS = 2.0


@dataclass(frozen=True)
class MeltingRun:
    """Plan of one coexistence run.

    Attributes:
        material: What.
        orientation: Of the interfaces; equivalent faces have one name.
        length: Of the box along the normal, A.
        guess: Temperature at which both phases start, K; None = the material's first guess.
        seed: Of the random numbers.
        width: Of the interface, A.
        equilibration_ps: At the guess.
        duration_ps: At constant enthalpy; the first third is left out.
    """

    material: Material
    orientation: str = "100"
    length: float = 200.0
    guess: float | None = None
    seed: int = 0
    width: float = 16.0
    equilibration_ps: float = 10.0
    duration_ps: float = 150.0
    kind: str = field(default="melting", init=False)

    def __post_init__(self) -> None:
        check_limits(self)
        object.__setattr__(self, "orientation", face_name(self.material.structure, self.orientation))
        oriented_cell(self.material.structure, self.orientation)  # says whose cell is too large

    @property
    def id(self) -> str:
        """Name of the record."""
        return f"melting-{self.material.name}-{self.orientation}-{self.length:g}A-s{self.seed}"

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run and analyse; the frames stay in `folder`."""
        material = self.material
        potential, _ = potential_file(material)
        start = material.melting_point if self.guess is None else self.guess
        lattice = stress_free_lattice(folder, material, start, table)
        positions, box, num_solid = half_melted_box(
            material, self.orientation, lattice.a, axial_ratio=lattice.axial_ratio, width=self.width,
            length=self.length, solid_fraction=0.5,
        )  # fmt: skip
        text = scripts.coexistence(
            material, potential, temperature=start, num_solid=num_solid, equilibration_ps=self.equilibration_ps,
            duration_ps=self.duration_ps, frame_ps=FRAME_PS, seed=self.seed,
        )  # fmt: skip
        run = simulate(folder / "coexistence", material, positions, box, text)
        history = follow_slab(run.frames(), material.classifier, frame_ps=FRAME_PS)
        log_times = (run.log.column("Step") - run.log.column("Step")[0]) * material.time_step_ps
        temperatures = run.log.column("Temp")
        sample = log_times >= self.duration_ps / 3
        volume = lattice.atomic_volume
        mean = float(temperatures[sample].mean())
        drifts = [self._drift(history, volume, rule) for rule in (0, 1)]
        error = math.hypot(block_error(temperatures[sample]), max(abs(drift) for drift in drifts))
        blocks = np.array_split(np.arange(len(log_times)), 30)
        trace_times = np.array([log_times[block].mean() for block in blocks]) * 1e-12
        trace = np.array([temperatures[block].mean() for block in blocks])

        def thickness(rule: int) -> Quantity:
            rounded = np.round(history.thickness(volume, rule=rule), 3)
            return Quantity(rounded * ANGSTROM, "m", axis=time_axis(history.times_ps))

        return record_of_run(
            self,
            {
                "pressure": single(0.0, "Pa"),
                DRIVING_FORCE: single(0.0, "1"),
                "box_length": Quantity(history.lengths.mean() * ANGSTROM, "m"),
                "num_atoms": single(float(history.num_atoms), "1"),
            },
            {
                "melting_temperature": single(mean, "K", uncertainty=error),
                "temperature_trace": Quantity(np.round(trace, 2), "K", axis=Axis("time", "s", trace_times)),
                "solid_thickness": thickness(0),
                "solid_thickness_averaged_rule": thickness(1),
                "drift_term": single(drifts[0], "K"),
                "drift_term_averaged_rule": single(drifts[1], "K"),
            },
            [*lattice.flags, *self._flags(history, volume, float(run.log.column("Pzz")[sample].mean()))],
            source="coexistence at constant enthalpy",
            scripts={"coexistence/in.lammps": text},
            settings={
                "start_K": start,
                "equilibration_ps": self.equilibration_ps,
                "duration_ps": self.duration_ps,
                "length_A": self.length,
                "width_A": self.width,
            },
            command=command,
        )

    def _drift(self, history: SlabHistory, volume: float, rule: int) -> float:
        # Interfaces that still move say how far the mean temperature is from T_m: dT = v / mobility.
        usable = history.times_ps >= self.duration_ps / 3
        thickness = history.thickness(volume, rule=rule)[usable] / 2
        slope = float(np.polyfit(history.times_ps[usable], thickness, 1)[0]) * 100
        return slope / self.material.mobility

    def _flags(self, history: SlabHistory, volume: float, normal_pressure: float) -> list[str]:
        flags = []
        for rule, name in ((0, "bonds"), (1, "averaged q6")):
            thickness = history.thickness(volume, rule=rule)
            total = history.num_atoms * volume / history.area
            if (thickness < MIN_SOLID).any() or (total - thickness < MIN_LIQUID).any():
                flags.append(f"one of the phases vanished (by {name}): start nearer to the melting point")
        if other := odd_shape(history, np.ones(len(history.times_ps), dtype=np.bool_)):
            flags.append(other)
        flags += [odd for look in (odd_structure, lost_crystal) if (odd := look(history, self.material.structure))]
        if abs(normal_pressure) > 2000:
            flags.append(f"the mean normal pressure was {normal_pressure:.0f} bar instead of 0")
        return flags


def combine_melting_points(records: Sequence[Record]) -> Estimate:
    """Weighted mean over coexistence runs; the error is the larger of the weighted one and that of their dispersion.

    Raises:
        ParameterError: No run gave a melting temperature.
    """
    found = [record.quantities["melting_temperature"] for record in records if record.status in ("ok", "flagged")]
    if not found:
        raise ParameterError("no coexistence run gave a melting temperature")
    values = np.array([entry.value for entry in found])
    errors = np.maximum([entry.standard_error for entry in found], 0.5)
    return combine_runs(values, errors)


def zero_velocity_temperature(temperatures: FloatArray, velocities: FloatArray, errors: FloatArray) -> Estimate:
    """Melting temperature by bracketing: where the growth velocity changes its sign, by linear interpolation.

    Args:
        temperatures: float64 [n], K.
        velocities: float64 [n], m/s; positive = growth.
        errors: float64 [n], standard errors.

    Raises:
        ParameterError: The velocities do not change sign.
    """
    ranks = np.argsort(temperatures)
    temperatures, velocities, errors = temperatures[ranks], velocities[ranks], errors[ranks]
    changes = np.flatnonzero((velocities[:-1] > 0) & (velocities[1:] <= 0))
    if changes.size == 0:
        raise ParameterError("the velocity does not change its sign between these temperatures: add some further apart")
    low = int(changes[-1])
    span = temperatures[low + 1] - temperatures[low]
    fall = velocities[low] - velocities[low + 1]
    fraction = velocities[low] / fall
    error = span / fall * math.hypot((1 - fraction) * errors[low], fraction * errors[low + 1])
    return Estimate(float(temperatures[low] + span * fraction), float(error))
