"""Growth velocity from a half-melted box."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.lattices import build_crystal, face_name, oriented_cell
from nakaya.md.interfaces import (
    EVIDENCE_PS,
    MIN_SOLID,
    PATCH_TIMES_PS,
    SlabHistory,
    VelocityFit,
    fit_velocity,
    follow_slab,
    lost_crystal,
    odd_structure,
)
from nakaya.md.lammps import scripts
from nakaya.md.lammps.workspace import FinishedRun, record_of_run, simulate
from nakaya.md.limits import check_limits, within
from nakaya.md.patches import write_patches
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import stress_free_lattice
from nakaya.md.shear import (
    flow_flags,
    flow_quantities,
    shear_condition,
    shear_word,
    velocity_gradient,
    without_flow,
)
from nakaya.md.slab_quantities import interface_area, slab_series, temperature_profile
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import Quantity, Record, Snapshot, single

__all__ = ["GrowthRun", "half_melted_box", "planned_duration"]

FRAME_PS = 1.0

MIN_FRACTION = 0.08
"""With a smaller fraction of solid atoms at the start there is hardly a crystal: some look solid in every melt."""

MELT_CORE = 0.3
"""The flow is seen in the inner part of the melt, so far to either side of its middle: interfaces are rough."""


def planned_duration(
    velocity: float, reduced_driving_force: float, area: float, atomic_volume: float, *, relative_error: float = 0.1
) -> float:
    """Time that two interfaces need for a velocity with a given relative error.

    Atoms attach and detach one by one; with n net attachments the relative error is sqrt(coth(|delta-mu/kT|/2) / n),
    because at a small driving force nearly as many atoms leave as come. Cost therefore grows as 1/undercooling^2.

    Args:
        velocity: Expected, m/s.
        reduced_driving_force: delta-mu/kT.
        area: Of one interface, m^2.
        atomic_volume: In the crystal, m^3.
        relative_error: Wanted.

    Returns:
        Seconds.
    """
    if velocity == 0 or reduced_driving_force == 0:
        return math.inf
    attachments = 1 / (relative_error**2 * math.tanh(abs(reduced_driving_force) / 2))
    return attachments * atomic_volume / (2 * area * abs(velocity))


def half_melted_box(
    material: Material,
    orientation: str,
    lattice_parameter: float,
    *,
    width: float,
    length: float,
    solid_fraction: float,
    axial_ratio: float | None = None,
) -> tuple[FloatArray, FloatArray, int]:
    """Return a crystal whose upper part is stretched to the volume of the liquid, ready to be melted.

    Args:
        material: What.
        orientation: Growth direction, along z.
        lattice_parameter: Stress-free at the temperature of the run, A: the in-plane lattice stays that.
        width: Least width of the interface, A, rounded to whole periods.
        length: Least length along z, A.
        solid_fraction: Fraction of the atoms that stay crystal.
        axial_ratio: c/a of hcp at that temperature; None = ideal.

    Returns:
        (positions float64 [atom, 3] in A, box float64 [3] in A, number of atoms of the crystal: the first ones).
    """
    within("solid_fraction", solid_fraction)
    structure = material.structure
    periods = oriented_cell(structure, orientation, axial_ratio=axial_ratio).lengths * lattice_parameter
    repeats = [max(1, math.ceil(width / period - 0.1)) for period in periods[:2]]
    layers = max(4, math.ceil(length / periods[2]))
    positions, box = build_crystal(
        structure, orientation, lattice_parameter, (repeats[0], repeats[1], layers), axial_ratio=axial_ratio
    )
    kept = min(layers - 1, max(1, round(solid_fraction * layers)))
    num_solid = kept * (len(positions) // layers)
    foot = kept * periods[2]
    stretched = positions.copy()
    stretched[num_solid:, 2] = foot + (positions[num_solid:, 2] - foot) * material.expansion_on_melting
    box = box.copy()
    box[2] = foot + (box[2] - foot) * material.expansion_on_melting
    return stretched, box, num_solid


@dataclass(frozen=True)
class GrowthRun:
    """Plan of one growth run.

    Attributes:
        material: What.
        orientation: Face that grows; equivalent faces have one name.
        temperature: K.
        seed: Of the random numbers.
        width: Of the interface, A.
        length: Of the box along the normal, A; below 200 the box freezes out before much is learned.
        solid_fraction: At the start.
        equilibration_ps: Both phases at T, before anything is recorded.
        duration_ps: After the equilibration.
        patches: File to which interface patches go; None = none.
        shear_rate: Of the melt along its interfaces, 1/s; 0 = a melt at rest.
    """

    material: Material
    orientation: str
    temperature: float
    seed: int = 0
    width: float = 16.0
    length: float = 200.0
    solid_fraction: float = 0.3
    equilibration_ps: float = 10.0
    duration_ps: float = 40.0
    patches: Path | None = None
    shear_rate: float = 0.0
    kind: str = field(default="growth", init=False)

    def __post_init__(self) -> None:
        check_limits(self)
        object.__setattr__(self, "orientation", face_name(self.material.structure, self.orientation))
        oriented_cell(self.material.structure, self.orientation)  # says whose cell is too large

    @property
    def id(self) -> str:
        """Name of the record."""
        shear = shear_word(self.shear_rate)
        return f"growth-{self.material.name}-{self.orientation}-{self.temperature:g}K{shear}-s{self.seed}"

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run and analyse; the frames stay in `folder`."""
        material = self.material
        potential, _ = potential_file(material)
        lattice = stress_free_lattice(folder, material, self.temperature, table)
        positions, box, num_solid = half_melted_box(
            material, self.orientation, lattice.a, axial_ratio=lattice.axial_ratio, width=self.width,
            length=self.length, solid_fraction=self.solid_fraction,
        )  # fmt: skip
        text = self._script(potential, num_solid, len(positions) - num_solid)
        run = simulate(folder / "growth", material, positions, box, text)
        frames: Iterable[Frame] = run.frames()
        if self.shear_rate:
            frames = (without_flow(frame, normal=2) for frame in frames)
        history = follow_slab(frames, material.classifier, frame_ps=FRAME_PS, keep_ps=PATCH_TIMES_PS)
        solid_volume = lattice.atomic_volume
        liquid_volume = (
            table.liquid_volume(self.temperature) * 1e30
            if table.liquid_volume is not None
            else solid_volume * material.expansion_on_melting
        )
        fits = [fit_velocity(history, solid_volume, liquid_volume, rule=rule) for rule in (0, 1)]
        flow, wrong, melted = {}, [], ""
        if self.shear_rate:
            flow = self._flow(run, history, solid_volume)
            wrong = flow_flags(flow, self.shear_rate)
            if self.temperature < table.melting_temperature:
                melted = _melted(history, solid_volume, self.shear_rate)
            mean_temperature = flow["mean_temperature"].value
        else:
            mean_temperature = float(run.log.column("Temp").mean())
        snapshots = []
        if self.patches is not None:
            digest = write_patches(self.patches, history.kept)
            snapshots.append(Snapshot(f"patches/{self.patches.name}", digest, "interface-patches"))
        return record_of_run(
            self,
            {
                **table.conditions(self.temperature),
                **shear_condition(self.shear_rate),
                **interface_area(history),
                **lattice.conditions(),
            },
            {
                "growth_velocity": fits[0].quantity,
                "growth_velocity_averaged_rule": fits[1].quantity,
                **flow,
                "mean_temperature": single(round(mean_temperature, 2), "K"),
                **_rounded(slab_series(history, solid_volume) | temperature_profile(history)),
            },
            [*([melted] if melted else []), *wrong, *lattice.flags, *self._flags(history, fits[0], mean_temperature)],
            evidence=_rounded(slab_series(history, solid_volume, until_ps=EVIDENCE_PS)),
            source=f"half-melted box, two fronts, {'sheared melt, ' if flow else ''}local thermostat",
            scripts={"growth/in.lammps": text},
            settings={
                "equilibration_ps": self.equilibration_ps,
                "duration_ps": self.duration_ps,
                "width_A": self.width,
                "length_A": self.length,
                "initial_solid_fraction": self.solid_fraction,
                "fit_window_ps": f"{fits[0].window_ps[0]:g} to {fits[0].window_ps[1]:g}",
                "fit_notes": "; ".join(fits[0].flags) or "none",
                "melting_temperature_K": f"{table.melting_temperature:.1f}",
                "classifier": "12 or 16 neighbours, solid-like q6 bonds",
            },
            command=command,
            status="failed" if melted else None,
            snapshots=snapshots,
        )

    def _script(self, potential: Path, num_solid: int, num_melt: int) -> str:
        options: dict[str, Any] = {
            "temperature": self.temperature, "num_solid": num_solid, "equilibration_ps": self.equilibration_ps,
            "duration_ps": self.duration_ps, "frame_ps": FRAME_PS, "seed": self.seed,
        }  # fmt: skip
        if not self.shear_rate:
            return scripts.growth(self.material, potential, **options)
        solid_length = num_solid / (num_solid + num_melt * self.material.expansion_on_melting)
        return scripts.sheared_growth(
            self.material, potential, **options, shear_rate=self.shear_rate, solid_length=solid_length
        )

    def _flow(self, run: FinishedRun, history: SlabHistory, solid_volume: float) -> dict[str, Quantity]:
        # In the middle of the melt, which is opposite to that of the crystal, while half of the melt is left.
        melt = 1 - history.thickness(solid_volume) / history.lengths
        middle = (1 + self.solid_fraction) / 2
        gradients = [
            velocity_gradient(frame, normal=2, low=middle - MELT_CORE * part, high=middle + MELT_CORE * part)
            for frame, part in zip(run.frames(), melt.tolist(), strict=False)
            if part >= melt[0] / 2
        ]
        parts = scripts.whole_picoseconds(self.duration_ps)
        return flow_quantities(
            run.log.joined("Pxz", parts), run.log.joined("c_across", parts), np.array(gradients), self.shear_rate
        )

    def _flags(self, history: SlabHistory, fit: VelocityFit, mean_temperature: float) -> list[str]:
        flags = [*fit.oddities, *([fit.odd_shape] if fit.odd_shape else [])]
        flags += [odd for look in (odd_structure, lost_crystal) if (odd := look(history, self.material.structure))]
        start = float(history.pooled["solid_fraction"][0])
        if not MIN_FRACTION < start < 0.9:
            flags.append(f"{start:.0%} of the atoms were solid when recording began: expected both phases")
        if abs(mean_temperature / self.temperature - 1) > 0.03:
            flags.append(f"the run was at {mean_temperature:.0f} K instead of {self.temperature:.0f} K")
        in_liquid = history.mistaken(0)[1]
        if in_liquid > 0.15:
            flags.append(f"{in_liquid:.0%} of the atoms far from the crystal look solid: it nucleated")
        return flags


def _melted(history: SlabHistory, solid_volume: float, shear_rate: float) -> str:
    """Why a flow left no crystal to grow from, below the melting point; "" = it did."""
    fraction = history.pooled["solid_fraction"]
    if fraction[0] >= MIN_FRACTION and not (history.thickness(solid_volume) < MIN_SOLID).any():
        return ""
    return (
        f"a shear rate of {shear_rate:g} 1/s melted the crystal: the solid fraction was {fraction[0]:.2f} when "
        f"recording began, and {fraction[-1]:.2f} at its end"
    )


def _rounded(found: dict[str, Quantity]) -> dict[str, Quantity]:
    """Six significant digits: thermal noise is far larger, and the files stay small."""
    return {
        name: replace(entry, values=np.array([float(f"{value:.6g}") for value in entry.values]))
        for name, entry in found.items()
    }
