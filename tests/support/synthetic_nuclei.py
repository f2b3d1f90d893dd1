"""Nuclei that were never simulated, whose fate depends on what the test knows.

`frame_with_nucleus` makes a ball of crystal in a jumble of atoms, `write_seeding_records` puts such frames into a
store, and `planted_nuclei` makes samples without atoms, of which every variance is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.crystallography.lattices import build_crystal
from nakaya.kinetics.graphs.graph import Evidence, GraphSequence, Level, MultiscaleGraph, Relation
from nakaya.kinetics.graphs.labels import Label
from nakaya.kinetics.nuclei.features import CURVATURE
from nakaya.kinetics.nuclei.labels import SizeChange
from nakaya.kinetics.nuclei.samples import TARGET, NucleusSample
from nakaya.kinetics.samples.sample import Sample
from nakaya.md.order.bond_order import FCC, environment, solid_atoms
from nakaya.md.patches import write_patches
from nakaya.md.seeding.nuclei import RELEASE_FRAME
from nakaya.md.tables import tabulate
from nakaya.md.trajectories.frames import Frame
from nakaya.records.record import DRIVING_FORCE, Axis, Provenance, Quantity, Record, Snapshot, single
from nakaya.records.store import RecordStore

__all__ = ["Planted", "frame_with_nucleus", "planted_nuclei", "with_atoms", "write_seeding_records"]

EDGE: Final = 4.05
TIMES: Final = np.arange(17) * 0.5e-12
COLD, HOT = 0.15, 0.75
"""Displacements of the atoms of crystal and melt, A."""


def frame_with_nucleus(radius: float, rng: np.random.Generator, *, cells: int = 6) -> Frame:
    """An fcc ball of this radius, A, about the middle of a cube of so many cells; its column `solid` says who is it."""
    positions, box = build_crystal("fcc", "100", EDGE, (cells,) * 3)
    inside = np.linalg.norm(positions - box / 2 - rng.uniform(-1, 1, 3), axis=1) < radius
    moved = positions + rng.normal(size=positions.shape) * np.where(inside, COLD, HOT)[:, None]
    solid = inside & solid_atoms(environment(moved, np.diag(box), neighbours=12), FCC)
    extra = {"solid": solid.astype(np.float64)}
    return Frame(0, 0.0, moved, np.diag(box), np.full(len(moved), "Al"), None, extra)


def write_seeding_records(
    folder: Path,
    radii: Sequence[float],
    fate: Callable[[Frame, np.random.Generator], float],
    rng: np.random.Generator,
    *,
    branches: int = 4,
    noise: float = 0.5,
    shapes: Sequence[str] = ("sphere",),
) -> list[Record]:
    """Write one record for each radius, with its snapshot, into a store.

    Args:
        folder: The store.
        radii: Of the nuclei, A.
        fate: (frame at release, rng) -> expected change of the size over n^(2/3) after 8 ps.
        rng: Of everything.
        branches: Of each nucleus.
        noise: Standard deviation of the change of one branch.
        shapes: Dealt out in turn.
    """
    store, written = RecordStore(folder, create=True), []
    for number, radius in enumerate(radii):
        frame = frame_with_nucleus(radius, rng)
        solid = frame.extra["solid"] > 0.5
        size = float(solid.sum())
        changes = fate(frame, rng) + noise * rng.standard_normal(branches)
        sizes = np.maximum(size + np.linspace(0, 1, len(TIMES))[:, None] * changes * size ** (2 / 3), 0)
        sizes[-3:] = np.maximum(size + changes * size ** (2 / 3), 0)  # the window of the label
        name = f"seeding-Al-640K-{shapes[number % len(shapes)]}-n{number}-s0"
        path = folder / "patches" / f"{name}.npz"
        digest = write_patches(path, [(0.0, frame, solid)], count=len(solid))
        axis = Axis("time", "s", np.asarray(TIMES, dtype=np.float64))
        record = Record(
            id=name,
            kind="md",
            material="Al",
            conditions={"temperature": single(640.0, "K"), DRIVING_FORCE: single(0.7, "1")},
            quantities={
                "nucleus_size": Quantity(sizes, "1", axis=axis),
                "nucleus_size_averaged_rule": Quantity(0.9 * sizes, "1", axis=axis),
            },
            provenance=Provenance("made from numbers", settings={"shape": shapes[number % len(shapes)]}),
            snapshots=[Snapshot(f"patches/{name}.npz", digest, RELEASE_FRAME, 0.0)],
        )
        store.add(record)
        written.append(record)
    return written


@dataclass(frozen=True)
class Planted:
    """Variances of the change of the size, one for each of its causes.

    Attributes:
        size: Of what n^(-1/3) tells.
        order: Of what the feature `averaged_q6_of_surface` tells.
        hidden: Of what the positions decide and no feature tells.
        branch: Of one branch about the expectation of its nucleus.
        branches: Of each nucleus.
    """

    size: float = 0.3
    order: float = 0.3
    hidden: float = 0.1
    branch: float = 0.4
    branches: int = 4

    @property
    def total(self) -> float:
        """Of the mean over branches."""
        return self.size + self.order + self.hidden + self.branch / self.branches

    @property
    def ceiling(self) -> float:
        """What the positions decide of it."""
        return 1 - self.branch / self.branches / self.total


def planted_nuclei(
    count: int,
    rng: np.random.Generator,
    planted: Planted = Planted(),
    *,
    material: str = "Al",
    temperature: float = 640.0,
    shapes: Sequence[str] = ("sphere", "twin", "prolate", "rough"),
    useless: int = 6,
) -> list[NucleusSample]:
    """Nuclei without positions: three features of the truth and some of chance."""
    table = tabulate(material, [])
    curvatures = rng.normal(0.22, 0.01, count)
    standard = (curvatures - 0.22) / 0.01
    order = rng.standard_normal(count)
    expected = (
        -np.sqrt(planted.size) * standard + np.sqrt(planted.order) * order
        + np.sqrt(planted.hidden) * rng.standard_normal(count)
    )  # fmt: skip
    found = []
    for number in range(count):
        changes = expected[number] + np.sqrt(planted.branch) * rng.standard_normal(planted.branches)
        size = float(curvatures[number] ** -3)
        later = size + changes * size ** (2 / 3)
        change = SizeChange(size, later, later)
        name = f"{material}-{temperature:g}-{number}"
        sample = Sample(
            record_id=name,
            condition=name,
            material=material,
            orientation=None,
            temperature=temperature,
            seed=0,
            evidence="B",
            conditions={"homologous_temperature": temperature / table.melting_temperature, DRIVING_FORCE: 0.7},
            pooled={
                CURVATURE: float(curvatures[number]),
                "averaged_q6_of_surface": 0.3 + 0.02 * float(order[number]),
                **{f"chance_{place}": float(rng.standard_normal()) for place in range(useless)},
            },
            sequence=_without_atoms(name),
            table=table,
            labels={TARGET: Label(TARGET, "1", change.mean, change.standard_error, (name,))},
        )
        found.append(NucleusSample(sample, shapes[number % len(shapes)], change))
    return found


def with_atoms(
    nucleus: NucleusSample, features: FloatArray, names: Sequence[str], solid_fraction: FloatArray
) -> NucleusSample:
    """The same nucleus with a graph of atoms that have no bonds: features float64 [atom, feature]."""
    level = Level("atom", tuple(names), features.astype(np.float32))
    alone = Relation("atom", "atom", np.zeros((2, 0), np.int64), np.zeros(0, np.float32))
    graph = MultiscaleGraph({"atom": level}, {("atom", "atom"): alone}, (), np.zeros(0))
    sequence = replace(nucleus.sample.sequence, frames=(graph,))
    return replace(nucleus, sample=replace(nucleus.sample, sequence=sequence), solid_fraction=solid_fraction)


def _without_atoms(name: str) -> GraphSequence:
    empty = MultiscaleGraph({}, {}, (), np.zeros(0))
    return GraphSequence(name, np.zeros(1), (empty,), (), Evidence(np.zeros(0), (), np.zeros((0, 0))))
