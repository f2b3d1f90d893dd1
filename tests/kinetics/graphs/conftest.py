"""Crystals, melts and records that the laws of graphs are tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nakaya.crystallography.lattices import build_crystal
from nakaya.md.patches import write_patches
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import Axis, Provenance, Quantity, Record, Snapshot

pytest.importorskip("vesin", reason='graphs need the extra "ml"')


def make_crystal(
    structure: str = "fcc",
    repeats: tuple[int, int, int] = (3, 3, 3),
    *,
    noise: float = 0.0,
    seed: int = 0,
    a: float = 3.7,
) -> Frame:
    """A periodic crystal of copper atoms, shaken by `noise` A."""
    positions, box = build_crystal(structure, "100", a, repeats)
    positions = positions + np.random.default_rng(seed).normal(0, noise, positions.shape) if noise else positions
    return Frame(0, 0.0, positions, np.diag(box), np.full(len(positions), "Cu"))


def make_half_melted(seed: int = 0, *, repeats: tuple[int, int, int] = (4, 4, 12), time_ps: float = 0.0) -> Frame:
    """A slab of crystal in disordered matter, with energies and velocities; the box is triclinic."""
    rng = np.random.default_rng(seed)
    base = make_crystal("fcc", repeats, noise=0.12, seed=seed)
    positions = base.positions.copy()
    melt = positions[:, 2] > 0.45 * base.cell[2, 2]
    positions[melt] += rng.normal(0, 0.6, (int(melt.sum()), 3))
    shear = np.array([[1, 0, 0], [0.0, 1, 0], [0.25, 0.1, 1]])  # periods of the crystal stay periods
    cell = base.cell.copy()
    cell[2] = base.cell[2] + base.cell[0] * shear[2, 0]
    return Frame(
        0, time_ps, positions, cell, base.species, rng.normal(0, 4.0, positions.shape),
        {"c_energy": -3.5 + rng.normal(0, 0.1, len(positions))},
    )  # fmt: skip


@pytest.fixture(scope="session")
def crystal() -> Callable[..., Frame]:
    return make_crystal


@pytest.fixture(scope="session")
def half_melted() -> Callable[..., Frame]:
    return make_half_melted


@pytest.fixture
def growth_record(tmp_path: Path) -> Callable[..., Record]:
    """Makes a record of a growth run with three patches in `tmp_path`."""

    def make(
        *,
        seed: int = 0,
        name: str | None = None,
        velocity: float = 40.0,
        temperature: float = 1100.0,
        times: tuple[float, ...] = (0.0, 2.0, 10.0),
    ) -> Record:
        kept = []
        for number, time in enumerate(times):
            frame = make_half_melted(seed + 100 * number, repeats=(5, 5, 16), time_ps=time)
            kept.append((time, frame, frame.positions[:, 2] < 0.45 * frame.cell[2, 2]))
        identity = name or f"growth-Cu-100-{temperature:g}K-s{seed}"
        digest = write_patches(tmp_path / "patches" / f"{identity}.npz", kept)
        axis = Axis("time", "s", np.arange(11) * 1e-12)
        return Record(
            id=identity,
            kind="md",
            material="Cu",
            orientation="100",
            conditions={
                "temperature": Quantity(np.array(temperature), "K"),
                "driving_force": Quantity(np.array(0.2), "1"),
                "pressure": Quantity(np.array(0.0), "Pa"),
            },
            evidence={"solid_fraction": Quantity(np.linspace(0.3, 0.35, 11), "1", axis=axis)},
            quantities={"growth_velocity": Quantity(np.array(velocity), "m/s", uncertainty=np.array(3.0))},
            provenance=Provenance("half-melted box", seeds=(seed,)),
            snapshots=(Snapshot(f"patches/{identity}.npz", digest, "interface-patches"),),
        )

    return make
