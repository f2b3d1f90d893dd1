"""The first picoseconds of a trajectory as patches around its front, as the training has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from nakaya.kinetics.graphs.conditions import crystal_structure
from nakaya.md.growth import EVIDENCE_PS
from nakaya.md.order.bond_order import CLASSIFIERS, Classifier, environment, solid_atoms
from nakaya.md.patches import interface_patch
from nakaya.md.trajectories.files import read_trajectory
from nakaya.md.trajectories.frames import Frame
from nakaya.md.trajectory_records import TrajectoryOptions, frame_time
from nakaya.records.record import Record

__all__ = ["early_patches"]

FRAME_TIMES_PS: Final = (0.0, 2.0, 5.0, 7.0, 10.0)
"""Frames of a trajectory nearest to these times after its start become graphs, as in the training."""


def early_patches(path: Path, options: TrajectoryOptions, record: Record) -> list[Frame]:
    """Interface patches of the frames nearest to the times of the training, from the first 10 ps."""
    structure = options.structure or crystal_structure(record)
    if structure is None:
        return []
    classifier = CLASSIFIERS[structure]
    early: list[Frame] = []
    start: float | None = None
    trajectory = read_trajectory(path, lammps_units=options.lammps_units, elements=options.elements)
    for frame in trajectory:
        time = frame_time(frame, options)
        if time is None or time < options.equilibration_ps:
            if time is None:
                return []  # frames without times have no order that is known
            continue
        start = time if start is None else start
        if time - start > EVIDENCE_PS + 1e-6:
            break
        if not early or time > (early[-1].time_ps or 0.0):
            early.append(replace(frame, time_ps=time))
    if start is None:
        return []
    offsets = np.array([(frame.time_ps or 0.0) - start for frame in early])
    chosen = sorted({int(np.abs(offsets - wanted).argmin()) for wanted in FRAME_TIMES_PS})
    return [_patch(replace(early[number], time_ps=float(offsets[number])), classifier) for number in chosen]


def _patch(frame: Frame, classifier: Classifier) -> Frame:
    surroundings = environment(frame.positions, frame.cell, neighbours=classifier.neighbours)
    solid = solid_atoms(surroundings, classifier)
    normal = int(np.argmax(np.linalg.norm(frame.cell, axis=1)))
    atoms = interface_patch(frame, solid, normal=normal)
    extra = {name: values[atoms] for name, values in frame.extra.items()}
    velocities = None if frame.velocities is None else frame.velocities[atoms]
    return replace(
        frame, positions=frame.positions[atoms], species=frame.species[atoms], velocities=velocities,
        extra={**extra, "solid": solid[atoms].astype(np.float64)},
    )  # fmt: skip
