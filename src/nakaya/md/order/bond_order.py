"""Bond order: how crystalline is the local environment of every atom?

Steinhardt, Nelson & Ronchetti (1983) describe the directions to the neighbours of an atom by q_lm, the mean spherical
harmonic, and its length q_l. ten Wolde, Ruiz-Montero & Frenkel (1996) call a bond solid-like when the q_6m of its two
ends agree, and an atom solid when enough of its bonds are. Lechner & Dellago (2008) average q_lm over the neighbours
first, which separates solid and liquid atom by atom. All are invariant to rotation, translation and numbering.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import factorial, pi, sqrt
from typing import Final

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.legendre import leg2poly
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nakaya.core.arrays import BoolArray, FloatArray, IntArray
from nakaya.core.errors import ParameterError
from nakaya.md.order.neighbours import nearest_neighbours

__all__ = [
    "BCC",
    "CLASSIFIERS",
    "DIAMOND",
    "FCC",
    "HCP",
    "ROCKSALT",
    "Classifier",
    "Environment",
    "alignment",
    "averaged_harmonics",
    "averaged_order",
    "centrosymmetry",
    "cluster_sizes",
    "clusters",
    "environment",
    "harmonics",
    "harmonics_weights",
    "mean_harmonics",
    "mirrored",
    "order",
    "ranked_bond",
    "solid_atoms",
    "solid_like_bonds",
]

BLOCK: Final = 16_384
"""Atoms that are looked at at once."""


@dataclass(frozen=True)
class Environment:
    """The neighbours of every atom.

    Attributes:
        neighbours: int64 [atom, k], nearest first.
        vectors: float64 [atom, k, 3], from atom to neighbour, in the unit of the positions.
    """

    neighbours: IntArray
    vectors: FloatArray
    _known: dict[tuple[int, int | None], NDArray[np.complex128]] = field(default_factory=dict, repr=False)

    def first(self, count: int) -> Environment:
        """The same atoms with their `count` nearest neighbours only."""
        return Environment(self.neighbours[:, :count], self.vectors[:, :count])


@dataclass(frozen=True)
class Classifier:
    """Tells solid-like atoms from liquid-like ones.

    Attributes:
        neighbours: How many nearest neighbours describe an atom (12 for fcc, 16 for two shells of diamond).
        coherence: A bond is solid-like where the normalised product q6(i).q6(j) exceeds this.
        min_solid_like: An atom is solid where at least so many of its bonds are solid-like.
        bond_reach: Longest bond that counts for the coordination, in nearest-neighbour distances of a close packing
            of the same volume per atom: about the first minimum of the liquid's pair distribution.
        averaged_q6: The second, independent rule: an atom is solid where its neighbour-averaged q6 exceeds this.
    """

    neighbours: int
    coherence: float
    min_solid_like: int
    averaged_q6: float
    bond_reach: float


FCC = Classifier(neighbours=12, coherence=0.5, min_solid_like=9, averaged_q6=0.32, bond_reach=1.3)
"""For fcc metals (hcp stacking faults count as solid too)."""

DIAMOND = Classifier(neighbours=16, coherence=0.5, min_solid_like=9, averaged_q6=0.15, bond_reach=0.97)
"""For cubic diamond: two shells, because the twelve second neighbours carry the order that four bonds cannot."""

BCC = Classifier(neighbours=14, coherence=0.5, min_solid_like=10, averaged_q6=0.32, bond_reach=1.3)
"""For bcc metals: two shells, eight and six."""

HCP = Classifier(neighbours=12, coherence=0.5, min_solid_like=8, averaged_q6=0.25, bond_reach=1.3)
"""For hcp metals: q6 is a sixth smaller than in fcc (0.485), and so are the thresholds."""

ROCKSALT = Classifier(neighbours=18, coherence=0.5, min_solid_like=10, averaged_q6=0.12, bond_reach=1.07)
"""For rock salt: two shells, six and twelve, of which the second carries the order."""

CLASSIFIERS = {"fcc": FCC, "bcc": BCC, "diamond": DIAMOND, "hcp": HCP, "rocksalt": ROCKSALT}


def environment(
    positions: FloatArray, cell: FloatArray, *, neighbours: int, periodic: Sequence[bool] = (True, True, True)
) -> Environment:
    """Find the nearest neighbours: positions float64 [atom, 3], cell float64 [3, 3] (rows), periodic where it is."""
    return Environment(*nearest_neighbours(positions, cell, neighbours, periodic=periodic))


def _legendre_derivative(degree: int, order_m: int) -> Polynomial:
    coefficients = np.zeros(degree + 1)
    coefficients[degree] = 1
    return Polynomial(leg2poly(coefficients)).deriv(order_m) if order_m else Polynomial(leg2poly(coefficients))


def harmonics(vectors: FloatArray, degree: int) -> NDArray[np.complex128]:
    """Spherical harmonics Y_lm of directions, m = 0 .. l (negative m follow by conjugation).

    Args:
        vectors: float64 [..., 3], any length but zero.
        degree: l.

    Returns:
        complex128 [..., l + 1], with the factor (-1)^m left out: it drops out of every invariant.
    """
    lengths = np.linalg.norm(vectors, axis=-1)
    if not (lengths > 0).all():
        raise ParameterError("two atoms sit at the same place: a bond without direction has no bond order")
    unit = vectors / lengths[..., None]
    height, ring = unit[..., 2], unit[..., 0] + 1j * unit[..., 1]
    result = np.empty((*height.shape, degree + 1), dtype=np.complex128)
    power = np.ones_like(ring)
    for m in range(degree + 1):
        norm = sqrt((2 * degree + 1) / (4 * pi) * factorial(degree - m) / factorial(degree + m))
        result[..., m] = norm * _legendre_derivative(degree, m)(height) * power
        power = power * ring
    return result


def harmonics_weights(degree: int) -> FloatArray:
    """How often each m = 0 .. l stands in a sum over -l .. l, float64 [l + 1]."""
    weights = np.full(degree + 1, 2.0)  # m and -m contribute alike
    weights[0] = 1.0
    return weights


def _length(q: NDArray[np.complex128], degree: int) -> FloatArray:
    squares = (q.real**2 + q.imag**2) @ harmonics_weights(degree)
    return np.asarray(np.sqrt(4 * pi / (2 * degree + 1) * squares))


def mean_harmonics(local_environment: Environment, degree: int, *, count: int | None = None) -> NDArray[np.complex128]:
    """q_lm of every atom over its first `count` neighbours (all by default): complex128 [atom, l + 1]."""
    known = local_environment._known  # every measure below needs them: they are computed once
    if (degree, count) not in known:
        vectors = local_environment.vectors[:, :count]
        found = [harmonics(vectors[block], degree).mean(axis=1) for block in _blocks(len(vectors))]
        known[degree, count] = np.concatenate(found)
    return known[degree, count]


def order(local_environment: Environment, degree: int, *, count: int | None = None) -> FloatArray:
    """q_l of every atom, float64 [atom], in [0, 1]. Perfect fcc: q4 = .191, q6 = .575; hcp: .097, .485."""
    return _length(mean_harmonics(local_environment, degree, count=count), degree)


def averaged_harmonics(local_environment: Environment, degree: int) -> NDArray[np.complex128]:
    """q_lm averaged over the atom and its neighbours (Lechner & Dellago): complex128 [atom, l + 1]."""
    q = mean_harmonics(local_environment, degree)
    neighbours = local_environment.neighbours
    around = np.concatenate([q[neighbours[block]].sum(axis=1) for block in _blocks(len(q))])
    return np.asarray((q + around) / (neighbours.shape[1] + 1))


def averaged_order(local_environment: Environment, degree: int) -> FloatArray:
    """Lechner & Dellago's averaged q_l, float64 [atom]."""
    return _length(averaged_harmonics(local_environment, degree), degree)


def alignment(q: NDArray[np.complex128], reference: NDArray[np.complex128]) -> FloatArray:
    """Cosine between the q_lm of atoms and that of a crystal: which of them have its orientation?

    Measured for degree 6 in perfect crystals: 1 in the same orientation, 0.42 in a twin of fcc, and below 0.4 in 95 %
    of all orientations.

    Args:
        q: complex128 [atom, l + 1].
        reference: complex128 [l + 1].

    Returns:
        float64 [atom], in [-1, 1].
    """
    weights = harmonics_weights(q.shape[1] - 1)
    products = (q.real * reference.real + q.imag * reference.imag) @ weights
    sizes = np.sqrt(((np.abs(q) ** 2) @ weights) * ((np.abs(reference) ** 2) @ weights))
    return np.asarray(products / np.where(sizes > 0, sizes, 1))


def mirrored(q: NDArray[np.complex128], axis: int) -> NDArray[np.complex128]:
    """q_lm, complex128 [..., l + 1], of the environment reflected in the plane normal to x, y or z (axis 0, 1, 2)."""
    degree = q.shape[-1] - 1
    signs = (-1.0) ** np.arange(degree + 1)
    if axis == 2:
        return np.asarray(q * signs * (-1.0) ** degree)
    return np.asarray(np.conj(q) * (signs if axis == 0 else 1.0))


def _bond_products(local_environment: Environment, degree: int) -> Iterator[tuple[slice, FloatArray]]:
    """Normalised products q(i).q(j) of the bonds of some atoms at a time: (which atoms, float64 [some, k])."""
    q = mean_harmonics(local_environment, degree)
    weights = harmonics_weights(degree)
    norms = np.sqrt((q.real**2 + q.imag**2) @ weights)
    unit = q / np.where(norms > 0, norms, 1)[:, None]
    for block in _blocks(len(unit)):
        partners, here = unit[local_environment.neighbours[block]], unit[block]
        products = np.einsum("ikm,im,m->ik", partners.real, here.real, weights)
        products += np.einsum("ikm,im,m->ik", partners.imag, here.imag, weights)
        yield block, products


def solid_like_bonds(local_environment: Environment, *, threshold: float, degree: int = 6) -> IntArray:
    """Number of solid-like bonds of every atom, int64 [atom]: bonds whose normalised q(i).q(j) exceeds `threshold`."""
    found = _bond_products(local_environment, degree)
    return np.concatenate([(products > threshold).sum(axis=1, dtype=np.int64) for _, products in found])


def ranked_bond(local_environment: Environment, rank: int, *, degree: int = 6) -> FloatArray:
    """The `rank`-th largest product q(i).q(j) of every atom, float64 [atom].

    An atom has at least `rank` solid-like bonds exactly where this exceeds the threshold of `solid_like_bonds`.
    """
    found = _bond_products(local_environment, degree)
    return np.concatenate([np.sort(products, axis=1)[:, -rank] for _, products in found])


def solid_atoms(local_environment: Environment, classifier: Classifier, *, rule: str = "bonds") -> BoolArray:
    """Which atoms are solid, bool [atom].

    Args:
        local_environment: With the classifier's number of neighbours.
        classifier: Thresholds.
        rule: "bonds" (solid-like bonds) or "averaged" (neighbour-averaged q6): two independent rules, to see how much
            a result depends on the choice.

    Raises:
        ParameterError: Another rule, or another number of neighbours.

    >>> from nakaya.crystallography.lattices import build_crystal
    >>> positions, box = build_crystal("fcc", "100", 4.05, (4, 4, 4))
    >>> around = environment(positions, np.diag(box), neighbours=FCC.neighbours)
    >>> bool(solid_atoms(around, FCC).all())
    True
    """
    if local_environment.neighbours.shape[1] != classifier.neighbours:
        raise ParameterError(
            f"{local_environment.neighbours.shape[1]} neighbours came, expected {classifier.neighbours}"
        )
    if rule == "bonds":
        return solid_like_bonds(local_environment, threshold=classifier.coherence) >= classifier.min_solid_like
    if rule == "averaged":
        return np.asarray(averaged_order(local_environment, 6) > classifier.averaged_q6)
    raise ParameterError(f"classifier rule {rule!r} is not known: bonds or averaged")


def clusters(local_environment: Environment, solid: BoolArray) -> list[IntArray]:
    """Groups of solid atoms that are neighbours of each other, the largest first: numbers of atoms, int64 [n] each."""
    rows = np.repeat(np.arange(len(solid)), local_environment.neighbours.shape[1])
    columns = local_environment.neighbours.ravel()
    both = solid[rows] & solid[columns]
    links = coo_array((np.ones(int(both.sum()), dtype=np.int8), (rows[both], columns[both])), shape=(len(solid),) * 2)
    _, labels = connected_components(links, directed=False)
    members = np.flatnonzero(solid)
    members = members[np.argsort(labels[members], kind="stable")]
    _, starts = np.unique(labels[members], return_index=True)
    return sorted(np.split(members, starts[1:]), key=len, reverse=True) if len(members) else []


def cluster_sizes(local_environment: Environment, solid: BoolArray) -> list[int]:
    """Atoms in every group of solid atoms that are neighbours of each other, the largest first."""
    return [len(cluster) for cluster in clusters(local_environment, solid)]


def centrosymmetry(local_environment: Environment, *, count: int = 12) -> FloatArray:
    """Centrosymmetry of every atom, float64 [atom], 0 in a centrosymmetric crystal (Kelchner, Plimpton, Hamilton 1998).

    The `count` nearest neighbours are paired greedily by |r_i + r_j|^2; the sum over count/2 pairs is divided by the
    sum of |r|^2, so the number is dimensionless and does not change when the crystal expands.
    """
    found = np.empty(len(local_environment.vectors))
    for block in _blocks(len(found)):
        vectors = local_environment.vectors[block, :count]
        sums = ((vectors[:, :, None, :] + vectors[:, None, :, :]) ** 2).sum(axis=-1)
        first, second = np.triu_indices(vectors.shape[1], k=1)
        pairs = np.sort(sums[:, first, second], axis=1)[:, : count // 2]
        found[block] = pairs.sum(axis=1) / (vectors**2).sum(axis=(1, 2))
    return found


def _blocks(num_atoms: int) -> Iterator[slice]:
    # What is computed of pairs of neighbours takes kilobytes an atom: it is kept of so many at once.
    return (slice(start, start + BLOCK) for start in range(0, num_atoms, BLOCK))
