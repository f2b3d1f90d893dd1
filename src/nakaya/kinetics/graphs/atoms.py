"""The atomic level: what surrounds every atom, in numbers that no rotation, reflection or renumbering changes.

All features are continuous functions of the positions: an atom that crosses a cutoff enters with weight zero. Nothing
here is a coordinate or a velocity vector.

The local order is that of Steinhardt, Nelson & Ronchetti (1983), with neighbours weighted by a smooth cutoff instead of
counted, and averaged over the neighbours after Lechner & Dellago (2008).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.core.errors import ParameterError
from nakaya.crystallography.elements import atomic_numbers
from nakaya.kinetics.graphs.graph import Level, Relation
from nakaya.kinetics.graphs.pairs import Pairs, close_packed_distance, find_pairs, find_vacuum, smooth_step
from nakaya.md.order.bond_order import CLASSIFIERS, Classifier, harmonics
from nakaya.md.potentials import MASSES
from nakaya.md.trajectories.frames import BOLTZMANN, Frame

__all__ = ["ATOM_FEATURES", "BOND_FEATURES", "EDGE_END", "EDGE_START", "REACHES", "Atoms", "describe_atoms"]

ATOM_FEATURES: Final = (
    "atomic_number",
    "coordination",
    "q3",
    "q4",
    "q6",
    "averaged_q3",
    "averaged_q4",
    "averaged_q6",
    "coherence",
    "centrosymmetry",
    "potential_energy_eV",
    "energy_deviation_kT",
    "kinetic_energy_kT",
    "completeness",
)
"""Columns of the atomic level; docs/graphs.md says what each one is."""

BOND_FEATURES: Final = ("distance", "cutoff", "pair_weight")
"""Columns of the edges between atoms; the distance is in units of d."""

EDGE_START, EDGE_END = 1.25, 1.60
"""Edges lose their weight between these distances, in units of d: between the second and third shell of fcc."""

REACHES: Final[Mapping[str, tuple[float, float]]] = {"fcc": (1.15, 1.35), "bcc": (1.20, 1.50), "diamond": (1.32, 1.46)}
"""Structure -> where the neighbours that describe an atom end, in units of d: between two shells of the crystal.

One shell for fcc and hcp, two for bcc and diamond: the shells that the classifiers of solid atoms use.
"""

_DEGREES = (3, 4, 6)
_BOND_DECAY = 0.14  # Pauling's bond order falls by e in 0.37 A, about 0.14 d of a metal
_ELECTRON_VOLT_IN_KELVIN = 11604.518


@dataclass(frozen=True, eq=False)
class Atoms:
    """The atomic level of one frame, and what the coarser levels are made from.

    Attributes:
        level: The nodes.
        bonds: Edges inside the level.
        scale: The length d, A.
        pairs: All pairs within the cutoff of the edges.
        near: The pairs that describe the local order.
        weight: Weight of each of those, float64 [pair].
        coherence: Agreement of q6 at the two ends of each of those, float64 [pair], in [-1, 1].
        solid: Which atoms look solid, bool [atom].
        classifier: Thresholds for that.
    """

    level: Level
    bonds: Relation
    scale: float
    pairs: Pairs
    near: Pairs
    weight: FloatArray
    coherence: FloatArray
    solid: BoolArray
    classifier: Classifier


def describe_atoms(
    frame: Frame, *, structure: str = "fcc", temperature: float = float("nan"), scale: float | None = None
) -> Atoms:
    """Describe every atom of a frame.

    Args:
        frame: Atoms in a periodic box; a patch may leave part of the box empty. A column `solid` overrides the
            classification, `c_energy` (eV) and `kinetic_K` are used where they are there.
        structure: Of the crystal: which shells count, and what is solid.
        temperature: K, the unit of kinetic energies and of deviations of the energy; NaN = not known.
        scale: The length d, A; by default from the volume per atom.

    Raises:
        ParameterError: Another structure.
        MissingExtraError: vesin is not installed.
    """
    if structure not in REACHES:
        raise ParameterError(f"structure {structure!r} is none of {', '.join(REACHES)}")
    vacuum = find_vacuum(frame)
    d = close_packed_distance(frame, vacuum) if scale is None else scale
    pairs = find_pairs(frame.positions, frame.cell, EDGE_END * d)
    start, end = REACHES[structure]
    near = pairs.within(end * d)
    weight = smooth_step(near.distance / d, start, end)
    coordination = np.asarray(np.bincount(near.first, weights=weight, minlength=near.num_atoms), dtype=np.float64)
    order, coherence = _bond_order(near, weight, coordination)
    classifier = CLASSIFIERS[structure]
    energy = frame.extra.get("c_energy", np.full(near.num_atoms, np.nan))
    columns = {
        "atomic_number": atomic_numbers(frame.species),
        "coordination": coordination,
        **order,
        "centrosymmetry": _centrosymmetry(near, weight, d),
        "potential_energy_eV": energy,
        "energy_deviation_kT": (energy - energy.mean()) * _ELECTRON_VOLT_IN_KELVIN / temperature,
        "kinetic_energy_kT": _kinetic_kelvin(frame) / temperature,
        "completeness": np.minimum(vacuum.depth / (end * d), 1.0),
    }
    return Atoms(
        level=Level(
            "atom", ATOM_FEATURES, np.stack([columns[name] for name in ATOM_FEATURES], axis=1).astype(np.float32)
        ),
        bonds=_bonds(pairs, d),
        scale=d,
        pairs=pairs,
        near=near,
        weight=weight,
        coherence=coherence,
        solid=_solid(frame, near, weight, coherence, classifier),
        classifier=classifier,
    )


def _bonds(pairs: Pairs, d: float) -> Relation:
    distance = pairs.distance / d
    cutoff = smooth_step(distance, EDGE_START, EDGE_END)
    strength = cutoff * np.exp(np.minimum((1 - distance) / _BOND_DECAY, 4.0))
    return Relation(
        "atom", "atom", np.stack([pairs.first, pairs.second]), cutoff.astype(np.float32),
        BOND_FEATURES, np.stack([distance, cutoff, strength], axis=1).astype(np.float32),
    )  # fmt: skip


def _bond_order(near: Pairs, weight: FloatArray, coordination: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
    # With less than one whole neighbour q_l falls to zero with it: no jump when the last neighbour leaves.
    gather = near.gather(weight / np.maximum(coordination, 1.0)[near.first])
    spread = near.spread(weight)
    columns: dict[str, FloatArray] = {}
    coherence = np.zeros(len(near.first))
    for degree in _DEGREES:
        moments = _real_moments(gather @ harmonics(near.vector, degree), degree)  # [atom, 2 l + 2], real
        averaged = (moments + spread @ moments) / (1 + coordination)[:, None]
        columns[f"q{degree}"] = np.linalg.norm(moments, axis=1)
        columns[f"averaged_q{degree}"] = np.linalg.norm(averaged, axis=1)
        if degree == 6:
            unit = moments / np.maximum(columns["q6"], 1e-12)[:, None]
            coherence = np.einsum("pm,pm->p", unit[near.first], unit[near.second])
    agreement = np.bincount(near.first, weights=weight * coherence, minlength=near.num_atoms)
    columns["coherence"] = agreement / np.maximum(coordination, 1.0)
    return columns, coherence


def _real_moments(moments: np.ndarray[tuple[int, int], np.dtype[np.complex128]], degree: int) -> FloatArray:
    # m and -m contribute alike; scaled so that the length of a row is q_l.
    scaled = moments * np.sqrt(4 * np.pi / (2 * degree + 1) * np.where(np.arange(degree + 1) > 0, 2.0, 1.0))
    return np.concatenate([scaled.real, scaled.imag], axis=1)


def _solid(frame: Frame, near: Pairs, weight: FloatArray, coherence: FloatArray, classifier: Classifier) -> BoolArray:
    if "solid" in frame.extra:  # a patch knows it from the whole box, where its faces had all their neighbours
        return np.asarray(frame.extra["solid"] > 0.5)
    agreeing = np.bincount(near.first, weights=weight * (coherence > classifier.coherence), minlength=near.num_atoms)
    return np.asarray(agreeing > classifier.min_solid_like - 0.5)


def _centrosymmetry(near: Pairs, weight: FloatArray, d: float) -> FloatArray:
    """0 where every neighbour has one opposite to it, 1 where directions have nothing to do with each other.

    The idea of Kelchner, Plimpton & Hamilton (1998), made continuous: every neighbour j looks for its best partner k,
    |r_j + r_k|^2 / w_k, and gives up at 2 r_j^2, the mean of unrelated directions.
    """
    if not len(near.first):
        return np.zeros(near.num_atoms)
    counts = np.bincount(near.first, minlength=near.num_atoms)
    slot = np.arange(len(near.first)) - np.repeat(np.cumsum(counts) - counts, counts)
    vectors = np.zeros((near.num_atoms, counts.max(), 3), dtype=np.float32)
    weights = np.zeros(vectors.shape[:2], dtype=np.float32)
    vectors[near.first, slot] = near.vector / d
    weights[near.first, slot] = weight
    squares = (vectors**2).sum(axis=2)
    sums = squares[:, :, None] + squares[:, None, :] + 2 * vectors @ vectors.transpose(0, 2, 1)
    sums /= np.maximum(weights, 1e-6)[:, None, :]
    diagonal = np.arange(sums.shape[1])
    sums[:, diagonal, diagonal] = np.inf
    best = np.minimum(np.maximum(sums.min(axis=2), 0), 2 * squares)
    whole = 2 * (weights * squares).sum(axis=1)
    return np.asarray((weights * best).sum(axis=1) / np.maximum(whole, 2.0), dtype=np.float64)


def _kinetic_kelvin(frame: Frame) -> FloatArray:
    # m v^2 / 3k, with the drift of the whole taken off.
    if frame.velocities is None:
        return np.asarray(frame.extra.get("kinetic_K", np.full(len(frame.positions), np.nan)))
    masses = np.array([MASSES.get(symbol, np.nan) for symbol in frame.species])
    drift = (masses[:, None] * frame.velocities).sum(axis=0) / masses.sum()
    return np.asarray(masses * ((frame.velocities - drift) ** 2).sum(axis=1) / (3 * BOLTZMANN))
