"""Samples made of small half-melted boxes, with labels that follow a law."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.graphs.build import build_sequence
from nakaya.kinetics.graphs.facets import FacetVelocities
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.tables import MaterialTable
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import Axis, Provenance, Quantity, Record

pytest.importorskip("torch", reason='networks need the extra "ml"')
pytest.importorskip("vesin", reason='graphs need the extra "ml"')

TABLE = MaterialTable(
    "Cu",
    1327.0,
    5.0,
    lattice_parameter=lambda temperature: 3.6e-10 + 8e-15 * temperature,
    latent_heat=lambda temperature: 12_000.0,
    diffusivity=lambda temperature: 1e-7 * math.exp(-4000 / temperature),
)
FACETS = FacetVelocities({"100": 50.0, "110": 40.0, "111": 30.0}, frozenset())


def make_frame(seed: int = 0, *, repeats: tuple[int, int, int] = (3, 3, 6), time_ps: float = 0.0) -> Frame:
    """A slab of crystal in disordered matter, with energies and velocities, in a triclinic box."""
    rng = np.random.default_rng(seed)
    positions, box = build_crystal("fcc", "100", 3.7, repeats)
    positions = positions + rng.normal(0, 0.12, positions.shape)
    melt = positions[:, 2] > (0.45 + 0.005 * time_ps) * box[2]
    positions[melt] += rng.normal(0, 0.6, (int(melt.sum()), 3))
    cell = np.diag(box)
    cell[2] += 0.25 * cell[0]
    velocities = rng.normal(0, 4.0, positions.shape)
    energy = -3.5 + rng.normal(0, 0.1, len(positions))
    return Frame(0, time_ps, positions, cell, np.full(len(positions), "Cu"), velocities, {"c_energy": energy})


def make_sample(
    seed: int = 0,
    *,
    temperature: float = 1100.0,
    velocity: float | None = None,
    times: Sequence[float] = (0.0, 5.0, 10.0),
    frames: Sequence[Frame] | None = None,
    facets: bool = True,
    evidence: str = "B",
) -> Sample:
    """One sample; the slope of its solid fraction follows the velocity, with noise."""
    rng = np.random.default_rng([7, seed])
    truth = 400.0 * (1 - math.exp(-TABLE.driving_force(temperature))) if velocity is None else velocity
    rate = truth * 2e-4 + rng.normal(0, 0.001)
    series = 0.3 + rate * np.arange(11) + rng.normal(0, 0.003, 11)
    axis = Axis("time", "s", np.arange(11) * 1e-12)
    record = Record(
        id=f"growth-Cu-100-{temperature:g}K-s{seed}",
        kind="md",
        material="Cu",
        orientation="100",
        conditions={
            "temperature": Quantity(np.array(temperature), "K"),
            "driving_force": Quantity(np.array(TABLE.driving_force(temperature)), "1"),
        },
        evidence={"solid_fraction": Quantity(series, "1", axis=axis)} if evidence == "B" else {},
        quantities={},
        provenance=Provenance("synthetic", seeds=(seed,)),
    )
    if frames is None:
        frames = [make_frame(seed + 1000 * number, time_ps=time) for number, time in enumerate(times)]
    sequence = build_sequence(record, frames if evidence == "B" else (), table=TABLE, facets=FACETS if facets else None)
    first = sequence.frames[0]
    return Sample(
        record_id=record.id,
        condition=f"Cu-100-{temperature:g}K",
        material="Cu",
        orientation="100",
        temperature=temperature,
        seed=seed,
        evidence="B" if evidence == "B" else "A",
        conditions=dict(zip(first.global_names, first.global_values.tolist(), strict=True)),
        pooled={"early_velocity": rate / 2e-4, "q6_mean": float(rng.normal(0.4, 0.01))} if evidence == "B" else {},
        sequence=sequence,
        table=TABLE,
        labels={"growth_velocity": Label("growth_velocity", "m/s", truth, 2.0, (f"{record.id}-other",))},
    )


def without_levels(sample: Sample, *names: str) -> Sample:
    """The sample with some levels missing from all of its frames."""
    frames = []
    for graph in sample.sequence.frames:
        for name in names:
            graph = graph.without_level(name)
        frames.append(graph)
    correspondences = tuple(
        {name: step for name, step in entry.items() if name not in names} for entry in sample.sequence.correspondences
    )
    return replace(sample, sequence=replace(sample.sequence, frames=tuple(frames), correspondences=correspondences))


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Eight samples at eight temperatures, on both sides of the melting point."""
    return [make_sample(seed, temperature=800.0 + 80 * seed) for seed in range(8)]


@pytest.fixture(scope="session")
def sample_maker() -> Callable[..., Sample]:
    return make_sample


@pytest.fixture(scope="session")
def frame_maker() -> Callable[..., Frame]:
    return make_frame


@pytest.fixture(scope="session")
def drop_levels() -> Callable[..., Sample]:
    return without_levels
