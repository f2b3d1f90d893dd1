"""Records of growth runs that were never run: known laws plus the noise of a walking front.

For tests of samples, models and benchmarks: the truth behind every record is known, seeds differ by their noise alone,
and the first picoseconds share the noise of their own run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.elements import ATOMIC_NUMBERS
from nakaya.md.potentials import MATERIALS
from nakaya.md.tables import driving_force
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record

__all__ = ["REDUCED_TEMPERATURES", "SyntheticGrowth"]

REDUCED_TEMPERATURES: Final = (0.60, 0.68, 0.76, 0.84, 0.92, 1.04)
"""Shares of the melting point at which the runs of `al-cu-si` are planned."""

_SPEEDS: Final = {"100": 330.0, "110": 250.0, "111": 150.0}
_PAIRS: Final = (
    ("Al", "100"), ("Al", "110"), ("Al", "111"), ("Cu", "100"), ("Cu", "110"), ("Cu", "111"), ("Si", "100"),
    ("Si", "110"),
)  # fmt: skip
_HEATS: Final = {"Al": 10_700.0, "Cu": 13_000.0, "Si": 31_000.0}  # J/mol
_AREA = 2.6e-18
_ATOMS = 3136
_EVIDENCE_FRAMES = 11


@dataclass(frozen=True)
class SyntheticGrowth:
    """A campaign that costs nothing.

    Attributes:
        pairs: (material, orientation) of every series of runs.
        reduced_temperatures: Shares of the melting point.
        seeds: Of every condition.
        noise: Displacement of a front by its random walk, m per square root of second; 1.2e-4 gives a velocity from
            40 ps an error of 10 m/s or so.
        duration_ps: Of every run.
    """

    pairs: Sequence[tuple[str, str]] = _PAIRS
    reduced_temperatures: Sequence[float] = REDUCED_TEMPERATURES
    seeds: Sequence[int] = (0, 1, 2)
    noise: float = 6e-5
    duration_ps: int = 40

    def velocity(self, material: str, orientation: str, temperature: float) -> float:
        """The truth, m/s: collision-limited growth of metals, activated growth of silicon."""
        melting = MATERIALS[material].melting_point
        factor = -math.expm1(-driving_force(temperature, melting, _HEATS[material]))
        if material == "Si":
            return 4.0e4 * _SPEEDS[orientation] / 250 * math.exp(-5.5 * melting / temperature) * factor
        light = math.sqrt(temperature / melting * 27.0 / MATERIALS[material].mass)
        return _SPEEDS[orientation] * light * factor

    def records(self) -> list[Record]:
        """All records: bulk properties, melting points, and one growth run per condition and seed."""
        found = [record for material in sorted({pair[0] for pair in self.pairs}) for record in self._bulk(material)]
        for material, orientation in self.pairs:
            for reduced in self.reduced_temperatures:
                temperature = float(round(reduced * MATERIALS[material].melting_point))
                found += [self.growth(material, orientation, temperature, seed) for seed in self.seeds]
        return found

    def growth(self, material: str, orientation: str, temperature: float, seed: int) -> Record:
        """One run; everything random comes from its conditions and seed."""
        name = f"growth-{material}-{orientation}-{temperature:g}K-s{seed}"
        rng = np.random.default_rng([seed, ATOMIC_NUMBERS[material], int(orientation), int(temperature)])
        truth = self.velocity(material, orientation, temperature)
        times = np.arange(self.duration_ps + 1, dtype=np.float64) * np.float64(1e-12)
        walk = np.concatenate([[0.0], rng.normal(0.0, self.noise * math.sqrt(1e-12), self.duration_ps).cumsum()])
        thickness = 60e-10 + 2 * (truth * times + walk)
        early = times <= 10.5e-12
        edge = MATERIALS[material].lattice_parameter * 1e-10
        fraction = thickness * _AREA / (edge**3 / (8 if material == "Si" else 4)) / _ATOMS
        axis = Axis("time", "s", times[early])
        slope = _slope(times, thickness) / 2
        error = math.sqrt(1.2 / self.duration_ps) * self.noise * math.sqrt(1e-12) / 1e-12
        melting = MATERIALS[material].melting_point
        return Record(
            id=name,
            kind="md",
            material=material,
            orientation=orientation,
            conditions={
                "temperature": Quantity(np.array(temperature), "K"),
                "pressure": Quantity(np.array(0.0), "Pa"),
                DRIVING_FORCE: Quantity(np.array(driving_force(temperature, melting, _HEATS[material])), "1"),
                "lattice_parameter": Quantity(np.array(edge), "m"),
                "front_area": Quantity(np.array(_AREA), "m^2"),
                "num_atoms": Quantity(np.array(float(_ATOMS)), "1"),
            },
            evidence={
                "solid_fraction": Quantity(fraction[early], "1", axis=axis),
                "solid_thickness": Quantity(thickness[early], "m", axis=axis),
                "averaged_q6_mean": Quantity(0.15 + 0.35 * fraction[early], "1", axis=axis),
                "q6_std": Quantity(0.05 + 0.01 * rng.normal(size=int(early.sum())), "1", axis=axis),
                "coordination_mean": Quantity(12.0 + 0.1 * rng.normal(size=int(early.sum())), "1", axis=axis),
            },
            quantities={"growth_velocity": Quantity(np.array(slope), "m/s", uncertainty=np.array(error))},
            provenance=Provenance("synthetic", seeds=(seed,)),
        )

    def _bulk(self, material: str) -> list[Record]:
        melting = MATERIALS[material].melting_point
        found = [
            Record(
                id=f"melting-{material}-synthetic",
                kind="md",
                material=material,
                conditions={DRIVING_FORCE: Quantity(np.array(0.0), "1")},
                quantities={"melting_temperature": Quantity(np.array(melting), "K", uncertainty=np.array(3.0))},
                provenance=Provenance("synthetic", seeds=(0,)),
            )
        ]
        for reduced in (0.5, 0.7, 0.9, 1.05):
            kelvin = reduced * melting
            found.append(
                Record(
                    id=f"properties-{material}-{kelvin:.0f}K-synthetic",
                    kind="md",
                    material=material,
                    conditions={
                        "temperature": Quantity(np.array(kelvin), "K"),
                        DRIVING_FORCE: Quantity(np.array(driving_force(kelvin, melting, _HEATS[material])), "1"),
                    },
                    quantities={
                        "latent_heat": Quantity(np.array(_HEATS[material]), "J/mol"),
                        "diffusivity": Quantity(np.array(1e-7 * math.exp(-3.2 * melting / kelvin)), "m^2/s"),
                        "lattice_parameter": Quantity(
                            np.array(MATERIALS[material].lattice_parameter * 1e-10 * (1 + 1e-5 * kelvin)), "m"
                        ),
                    },
                    provenance=Provenance("synthetic", seeds=(0,)),
                )
            )
        return found


def _slope(times: FloatArray, values: FloatArray) -> float:
    centred = times - times.mean()
    return float((centred * values).sum() / (centred**2).sum())
