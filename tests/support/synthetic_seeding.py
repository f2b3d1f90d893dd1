"""Records of seeding that was never run: chains of Becker and Doering, whose critical size and rate are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nakaya.md.seeding.becker_doering import BeckerDoering
from nakaya.md.seeding.nuclei import SHAPE, SIZES
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, single

__all__ = ["synthetic_seeding"]

TIMES = np.arange(0, 8.1, 0.5) * 1e-12


def synthetic_seeding(
    material: str,
    temperature: float,
    chain: BeckerDoering,
    *,
    number: int = 24,
    branches: int = 4,
    spread: tuple[float, float] = (0.65, 1.5),
    factors: Sequence[float] = (1.0, 1.2),
    seed: int = 0,
) -> list[Record]:
    """Return one record per nucleus, with the sizes by both detectors.

    Args:
        material: Chemical symbol.
        temperature: K.
        chain: Of the sizes as they are.
        number: Nuclei.
        branches: Releases of each.
        spread: Smallest and largest size at release, over the critical one.
        factors: What each detector sees, over what is.
        seed: Of all draws.
    """
    rng = np.random.default_rng(seed)
    low, high = np.log(spread)
    sizes = np.round(chain.critical_size * np.exp(rng.uniform(low, high, size=number)))
    released = chain.release(sizes, TIMES, branches=branches, scatter=0.05, flicker=2.0, rng=rng)
    axis = Axis("time", "s", TIMES)
    return [
        Record(
            id=f"seeding-{material}-{temperature:g}K-sphere-s{nucleus}",
            kind="md",
            material=material,
            conditions={
                "temperature": single(temperature, "K"),
                "pressure": single(0.0, "Pa"),
                DRIVING_FORCE: single(chain.reduced_driving_force, "1"),
            },
            quantities={
                name: Quantity(np.round(factor * seen.T), "1", axis=axis)
                for name, factor in zip(SIZES.values(), factors, strict=True)
            },
            provenance=Provenance("made from a chain", seeds=(nucleus,), settings={SHAPE: "sphere"}),
        )
        for nucleus, seen in enumerate(released)
    ]
