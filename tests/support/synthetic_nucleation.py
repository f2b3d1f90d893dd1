"""Records of quenches that were never run: waiting times drawn from a known nucleation rate.

For tests of labels, models and benchmarks: waiting times are a lag plus an exponential time with the mean 1/(J V), cut
off where the run ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.crystallography.elements import ATOMIC_NUMBERS
from nakaya.md.potentials import MATERIALS
from nakaya.md.tables import driving_force
from nakaya.records.record import DRIVING_FORCE, Provenance, Quantity, Record

__all__ = ["BOX_VOLUME", "synthetic_quenches"]

BOX_VOLUME = 5e-26
"""m^3: some 4,000 atoms of a metal."""

_HEAT = 12_000.0  # J/mol


def synthetic_quenches(
    material: str,
    temperature: float,
    rate: float,
    *,
    seeds: Sequence[int] = tuple(range(10)),
    lag: float = 5e-12,
    duration: float = 300e-12,
) -> list[Record]:
    """Return one record per seed, with an event or censored.

    Args:
        material: Name.
        temperature: K.
        rate: J, 1/(m^3 s).
        seeds: Of the runs; everything random comes from them, the material and the temperature.
        lag: s.
        duration: After which a run is censored, s.
    """
    found = []
    for seed in seeds:
        rng = np.random.default_rng([seed, ATOMIC_NUMBERS[material], round(temperature)])
        waited = lag + float(rng.exponential(1 / (rate * BOX_VOLUME)))
        melting = MATERIALS[material].melting_point
        drive = driving_force(temperature, melting, _HEAT)
        found.append(
            Record(
                id=f"nucleation-{material}-{temperature:g}K-s{seed}",
                kind="md",
                material=material,
                conditions={
                    "temperature": Quantity(np.array(temperature), "K"),
                    "pressure": Quantity(np.array(0.0), "Pa"),
                    DRIVING_FORCE: Quantity(np.array(drive), "1"),
                    "volume": Quantity(np.array(BOX_VOLUME), "m^3"),
                },
                quantities={"waiting_time": Quantity(np.array(min(waited, duration)), "s")},
                provenance=Provenance("synthetic", seeds=(seed,)),
                status="ok" if waited < duration else "censored",
                flags=[] if waited < duration else [f"no crystal appeared within {duration:g} s"],
            )
        )
    return found
