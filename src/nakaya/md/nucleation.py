"""Homogeneous nucleation: quench a liquid, wait for a crystal, many times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.md.lammps import scripts
from nakaya.md.lammps.program import Log
from nakaya.md.lammps.workspace import record_of_run, simulate
from nakaya.md.limits import check_limits
from nakaya.md.order.bond_order import Environment, cluster_sizes, environment, solid_atoms
from nakaya.md.order.neighbours import volume_per_atom
from nakaya.md.potentials import Material, potential_file
from nakaya.md.properties import bulk_crystal
from nakaya.md.shear import SHEAR_RATE, flow_flags, flow_quantities, shear_condition, shear_word, velocity_gradient
from nakaya.md.slab_quantities import time_axis
from nakaya.md.statistics import EventRate, event_rate
from nakaya.md.tables import MaterialTable
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record, single

__all__ = ["NucleationRun", "detection_time", "largest_cluster", "nucleation_rate", "rate_conditions"]

FRAME_PS = 1.0
DETECTION_ATOMS = 150
"""A cluster of so many solid atoms is taken for a crystal that will grow: several critical nuclei at these depths."""


def largest_cluster(local_environment: Environment, solid: BoolArray) -> int:
    """Number of atoms in the largest group of solid atoms that are neighbours of each other."""
    return next(iter(cluster_sizes(local_environment, solid)), 0)


def detection_time(times: FloatArray, sizes: FloatArray, *, threshold: int = DETECTION_ATOMS) -> float | None:
    """First time after which the largest cluster stays at `threshold` atoms or more; None where it never does."""
    small = np.flatnonzero(sizes < threshold)
    first = int(small[-1]) + 1 if small.size else 0
    return float(times[first]) if first < len(times) else None


@dataclass(frozen=True)
class NucleationRun:
    """Plan of one quench.

    Attributes:
        material: What.
        temperature: K.
        seed: Of the random numbers.
        cells: Conventional cells along each side of the box.
        duration_ps: After which the run is censored.
        shear_rate: 1/s; 0 = a melt at rest.
    """

    material: Material
    temperature: float
    seed: int = 0
    cells: int = 10
    duration_ps: float = 300.0
    shear_rate: float = 0.0
    kind: str = field(default="nucleation", init=False)

    def __post_init__(self) -> None:
        check_limits(self)

    @property
    def id(self) -> str:
        """Name of the record."""
        shear = shear_word(self.shear_rate)
        return f"nucleation-{self.material.name}-{self.temperature:g}K{shear}-s{self.seed}"

    def execute(self, folder: Path, table: MaterialTable, *, command: str = "") -> Record:
        """Run and analyse; a run without an event is kept as censored."""
        material = self.material
        potential, _ = potential_file(material)
        positions, box = bulk_crystal(material, self.cells, scale=material.expansion_on_melting ** (1 / 3))
        text = self._script(potential)
        run = simulate(folder / "quench", material, positions, box, text)
        counts, volumes, gradients = [], [], []
        for frame in run.frames():
            seen = environment(frame.positions, frame.cell, neighbours=material.classifier.neighbours)
            counts.append(largest_cluster(seen, solid_atoms(seen, material.classifier)))
            volumes.append(volume_per_atom(frame.cell, len(positions)) * len(positions))
            gradients.append(velocity_gradient(frame, normal=1))
        sizes = np.array(counts, dtype=np.float64)
        times = np.asarray(np.arange(len(sizes)) * FRAME_PS, dtype=np.float64)
        event = detection_time(times, sizes)
        waited = float(times[-1]) if event is None else event
        flags = [f"no crystal appeared within {waited:g} ps"] if event is None else []
        stopped_early = event is None and waited < self.duration_ps - 2 * FRAME_PS
        if stopped_early:  # it is not known how long it would have waited: neither an event nor a whole wait
            flags.append(f"LAMMPS stopped before {self.duration_ps:g} ps, but no crystal was found")
        liquid = np.array(volumes)[times <= waited].mean() * 1e-30
        flow = self._flow(run.log, times, np.array(gradients), waited) if self.shear_rate else {}
        wrong = flow_flags(flow, self.shear_rate, self.temperature) if flow else []
        return record_of_run(
            self,
            {
                **table.conditions(self.temperature),
                **shear_condition(self.shear_rate),
                "volume": single(liquid, "m^3"),
                "num_atoms": single(float(len(positions)), "1"),
            },
            {
                "waiting_time": single(waited * 1e-12, "s"),
                "largest_cluster": Quantity(sizes, "1", axis=time_axis(times)),
                **flow,
            },
            [*flags, *wrong],
            source="quench of a sheared liquid" if self.shear_rate else "quench of a liquid",
            scripts={"quench/in.lammps": text},
            settings={"duration_ps": self.duration_ps, "detection_atoms": DETECTION_ATOMS},
            command=command,
            # Whether there was an event or not: rates would be too low if only events could be lost.
            status="failed" if stopped_early or wrong else "censored" if event is None else "ok",
        )

    def _flow(self, log: Log, times: FloatArray, gradients: FloatArray, waited: float) -> dict[str, Quantity]:
        # Of the melt alone, from a picosecond after the start of the flow on.
        start, end = scripts.RELAXATION_PS + FRAME_PS, waited
        sampled = log.column("Step") * self.material.time_step_ps
        sample, frame = ((at > start) & (at <= end) for at in (sampled, times))
        return flow_quantities(log.column("Pxy")[sample], log.column("Temp")[sample], gradients[frame], self.shear_rate)

    def _script(self, potential: Path) -> str:
        if self.shear_rate:
            return scripts.sheared_nucleation(
                self.material, potential, temperature=self.temperature, shear_rate=self.shear_rate,
                duration_ps=self.duration_ps, frame_ps=FRAME_PS, seed=self.seed,
            )  # fmt: skip
        return scripts.nucleation(
            self.material, potential, temperature=self.temperature, duration_ps=self.duration_ps, frame_ps=FRAME_PS,
            seed=self.seed,
        )  # fmt: skip


def rate_conditions(record: Record) -> tuple[str, float, float]:
    """What quenches must have in common to give one rate: material, temperature, K, and shear rate, 1/s (0 = none)."""
    return record.material, record.conditions["temperature"].value, record.constant(SHEAR_RATE) or 0.0


def nucleation_rate(records: Sequence[Record], *, lag: float | None = None) -> tuple[Record, EventRate]:
    """Rate J from quenches of one material at one temperature and one shear rate, with a Poisson interval.

    J = events / sum of (volume x time at risk); runs without an event count with their whole time, the lag (transient,
    and growth until detection) is subtracted.

    Args:
        records: As `NucleationRun` makes them.
        lag: Known lag, s; None = estimated from the waiting times.

    Returns:
        (a record with `nucleation_rate`, and what it was computed from).

    Raises:
        ParameterError: No records, or of several materials, temperatures or shear rates.
    """
    usable = [record for record in records if record.status in ("ok", "censored")]
    if not usable:
        raise ParameterError("no quench to compute a nucleation rate from")
    groups = {rate_conditions(record) for record in usable}
    if len(groups) != 1:
        raise ParameterError(f"quenches of {len(groups)} conditions cannot give one rate: {sorted(groups)}")
    seeds = [seed for record in usable for seed in record.provenance.seeds]
    if len(set(seeds)) != len(seeds):
        raise ParameterError("the same seed comes twice: a run must not be counted twice")
    material, temperature, shear_rate = groups.pop()
    volume = float(np.mean([record.conditions["volume"].value for record in usable]))
    times = {
        status: np.array([record.quantities["waiting_time"].value for record in usable if record.status == status])
        for status in ("ok", "censored")
    }
    found = event_rate(times["ok"], times["censored"], lag=lag)
    flags = []
    if found.events < 2:
        flags.append(f"{found.events} events: only an upper limit of the rate can be given")
    if found.p_exponential < 0.01:
        flags.append(f"waiting times are not exponential (p = {found.p_exponential:.2g})")
    if len(usable) < 10:
        flags.append(f"only {len(usable)} runs")
    high = found.high / volume if math.isfinite(found.high) else math.inf
    return (
        Record(
            id=f"nucleation-rate-{material}-{temperature:g}K{shear_word(shear_rate)}",
            kind="md",
            material=material,
            conditions={
                name: entry
                for name, entry in usable[0].conditions.items()
                if name in ("temperature", "pressure", DRIVING_FORCE, SHEAR_RATE)
            },
            quantities={
                "nucleation_rate": single(
                    found.rate / volume, "1/(m^3 s)", interval=(found.low / volume, high), level=0.9
                ),
                "lag": single(found.lag, "s"),
                "events": single(float(found.events), "1"),
                "censored_runs": single(float(found.censored), "1"),
                "p_exponential": single(found.p_exponential, "1"),
            },
            provenance=Provenance(source="waiting times of quenches", seeds=seeds),
            status="flagged" if flags else "ok",
            flags=flags,
        ),
        found,
    )
