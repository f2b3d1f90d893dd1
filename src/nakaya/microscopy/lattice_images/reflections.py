"""Reflections of an atomic-resolution image: peaks of a windowed Fourier transform, and the lattice they span.

Reciprocal vectors are (x, y) in cycles per pixel. A lattice of the plane is a pair of them, reduced (the two shortest
vectors that span it, at an angle between 60 and 120 degrees).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from scipy import fft, ndimage

from nakaya.core.arrays import FloatArray, IntArray

__all__ = [
    "Peak",
    "find_peaks",
    "fit_lattice",
    "has_indices",
    "indices_of",
    "lattice_difference",
    "power_spectrum",
    "reduce_basis",
    "rotations_between",
    "shortest_vectors",
]

MIN_PERIOD = 3.0
"""Pixels: finer fringes are not sampled."""
MIN_PERIODS = 3.0
"""Periods across a window: coarser ones are background."""
CLEARNESS = 12.0
"""Power of a reflection over the median power at the same spatial frequency; noise reaches 12 once in 4,000 places."""
MIN_FRACTION = 0.03
"""Power of a reflection over that of the strongest one."""
SAME_DIRECTION = np.radians(15.0)
SAME_ROTATION = np.sin(np.radians(1.0))
INDEX_ERROR = 0.15
"""Greatest distance of a reflection from whole indices."""


@dataclass(frozen=True)
class Peak:
    """One reflection; its opposite is left out.

    Attributes:
        g: (x, y), cycles per pixel.
        power: In the spectrum that it was found in.
        clearness: Power over the median power at the same spatial frequency.
    """

    g: FloatArray
    power: float
    clearness: float

    @property
    def frequency(self) -> float:
        """Length of g, cycles per pixel."""
        return float(np.hypot(*self.g))


def power_spectrum(tile: FloatArray, padding: int = 2) -> FloatArray:
    """Return the power of a square tile under a Hann window, padded with zeros: float64 [k, k], zero at the centre."""
    side = len(tile)
    window = np.hanning(side + 2)[1:-1]
    weighted = (tile - tile.mean()) * window[:, None] * window[None]
    return np.asarray(np.abs(fft.fftshift(fft.fft2(weighted, (padding * side,) * 2))) ** 2, np.float64)


@lru_cache(maxsize=8)
def _rings(size: int) -> tuple[IntArray, IntArray, IntArray]:
    """Ring of every place of a spectrum, the order that sorts the places by ring, and where each ring starts."""
    rows, columns = np.indices((size, size)) - size // 2
    ring = np.rint(np.hypot(rows, columns) / 4).astype(np.int64).ravel()
    order = np.argsort(ring, kind="stable")
    return ring, order, np.searchsorted(ring[order], np.arange(int(ring.max()) + 2))


def _radial_median(power: FloatArray) -> FloatArray:
    """Median power at each distance from the centre, as an image."""
    ring, order, starts = _rings(len(power))
    ordered = power.ravel()[order]
    median = np.array([np.median(ordered[start:end]) for start, end in pairwise(starts)])
    return np.asarray(median[ring].reshape(power.shape))


def find_peaks(power: FloatArray, side: int, most: int = 12) -> list[Peak]:
    """Return the clear peaks of a spectrum, strongest first, one of each opposite pair.

    Args:
        power: From `power_spectrum`, float64 [k, k].
        side: Pixels across the tile before padding; a peak is about 2 k / side places wide.
        most: At most this many.
    """
    size = len(power)
    centre = size // 2
    rows, columns = np.indices(power.shape) - centre
    radius = np.hypot(rows, columns)
    frequency = radius / size
    inside = (frequency <= 1 / MIN_PERIOD) & (frequency * side >= MIN_PERIODS)
    half = (rows > 0) | ((rows == 0) & (columns > 0))
    width = max(3, round(2.5 * size / side))
    ground = np.maximum(_radial_median(power), np.finfo(np.float64).tiny)
    top = (power == ndimage.maximum_filter(power, width)) & inside & half
    places = np.argwhere(top & (power >= CLEARNESS * ground))
    if len(places) == 0:
        return []
    strengths = power[tuple(places.T)]
    order = np.argsort(-strengths)[:most]
    peaks = []
    for row, column in places[order]:
        if power[row, column] < MIN_FRACTION * strengths[order[0]]:
            break
        offset = _parabola(power, int(row), int(column))
        g = np.array([column - centre + offset[1], row - centre + offset[0]]) / size
        peaks.append(Peak(g, float(power[row, column]), float(power[row, column] / ground[row, column])))
    return peaks


def _parabola(power: FloatArray, row: int, column: int) -> tuple[float, float]:
    """Place of a maximum between pixels, from parabolas through the logarithm of its neighbours."""
    offsets = []
    for before, after in (((-1, 0), (1, 0)), ((0, -1), (0, 1))):
        values = [
            np.log(
                max(float(power[min(max(row + r, 0), len(power) - 1), min(max(column + c, 0), len(power) - 1)]), 1e-300)
            )
            for r, c in (before, (0, 0), after)
        ]
        curvature = values[0] - 2 * values[1] + values[2]
        offsets.append(float(np.clip((values[0] - values[2]) / (2 * curvature), -0.5, 0.5)) if curvature < 0 else 0.0)
    return offsets[0], offsets[1]


SHORTER = 1e-12
"""Relative, of a squared length: what a step of the reduction must gain."""


def reduce_basis(basis: FloatArray) -> FloatArray:
    """Return the two shortest vectors that span the lattice of `basis` [2 vectors, 2] (Lagrange and Gauss)."""
    first, second = np.asarray(basis, np.float64)
    while True:
        if first @ first > second @ second:
            first, second = second, first
        nearer = second - np.rint((first @ second) / (first @ first)) * first
        # In a hexagonal lattice sum and difference are equally long up to rounding, and each would lead to the other.
        if not nearer @ nearer < (1 - SHORTER) * (second @ second):
            break
        second = nearer
    if first[0] * second[1] - first[1] * second[0] < 0:
        second = -second
    return np.stack([first, second])


def shortest_vectors(basis: FloatArray) -> FloatArray:
    """Return the two vectors of a reduced basis and the shorter of their sum and difference: float64 [3, 2]."""
    first, second = basis
    third = min((first + second, first - second), key=lambda vector: float(vector @ vector))
    return np.stack([first, second, third])


def indices_of(vectors: FloatArray, basis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the components of vectors [..., 2] along a basis, and the nearest whole ones: float64 [..., 2] each."""
    index = np.asarray(np.linalg.solve(basis.T, vectors.T).T)
    return index, np.rint(index)


def has_indices(peak: Peak, basis: FloatArray, tolerance: float = INDEX_ERROR) -> bool:
    """Whether a reflection has nearly whole indices."""
    index, whole = indices_of(peak.g, basis)
    return bool(np.abs(index - whole).max() < tolerance)


def fit_lattice(peaks: list[Peak]) -> tuple[FloatArray, float] | None:
    """Return the reduced lattice of reflections and the fraction of their power that it explains.

    None where they do not point in two directions. Two strong reflections in two directions are the start; all that
    have nearly whole indices then take part in a least-squares fit.

    Args:
        peaks: Strongest first.
    """
    best: tuple[FloatArray, float] | None = None
    strong = peaks[:6]
    total = sum(peak.power for peak in peaks)
    for number, one in enumerate(strong):
        for other in strong[number + 1 :]:
            sine = abs(one.g[0] * other.g[1] - one.g[1] * other.g[0]) / (one.frequency * other.frequency)
            if sine < np.sin(SAME_DIRECTION):
                continue
            basis = reduce_basis(np.stack([one.g, other.g]))
            fitted = _refine(basis, peaks)
            explained = sum(peak.power for peak in peaks if has_indices(peak, fitted)) / total
            # Of lattices that explain the same reflections the one with the largest cell of reciprocal space is meant.
            if (
                best is None
                or (explained, abs(np.linalg.det(fitted))) > (best[1] + 1e-9, abs(np.linalg.det(best[0])))
                or (explained > best[1] - 0.02 and abs(np.linalg.det(fitted)) > 1.5 * abs(np.linalg.det(best[0])))
            ):
                best = fitted, explained
    return best


def _refine(basis: FloatArray, peaks: list[Peak]) -> FloatArray:
    """Least squares over the reflections with small whole indices, weighted by amplitude."""
    vectors = np.stack([peak.g for peak in peaks])
    index, whole = indices_of(vectors, basis)
    used = (np.abs(index - whole).max(axis=1) < INDEX_ERROR) & (np.abs(whole).max(axis=1) <= 3)
    weight = np.sqrt(np.array([peak.power for peak in peaks]))[used]
    if used.sum() < 2 or np.linalg.matrix_rank(whole[used]) < 2:
        return basis
    solved, *_ = np.linalg.lstsq(whole[used] * weight[:, None], vectors[used] * weight[:, None], rcond=None)
    return reduce_basis(solved)


def lattice_difference(first: FloatArray, second: FloatArray) -> float:
    """Return how far two lattices are from being the same, relative to their shortest vectors; 0 = the same.

    The greatest distance of a basis vector of one from the nearest vector of the other, both ways round.
    """
    worst = 0.0
    for basis, other in ((first, second), (second, first)):
        index, whole = indices_of(other, basis)
        off = (whole - index) @ basis
        worst = max(worst, float((np.linalg.norm(off, axis=1) / np.linalg.norm(other[0])).max()))
        if abs(np.linalg.det(whole)) < 0.5:  # both vectors fell on one line: a sublattice at most
            worst = max(worst, 1.0)
    return worst


def rotations_between(first: FloatArray, second: FloatArray) -> list[tuple[float, float]]:
    """Return the rotations that carry one lattice nearly to the other, best first: (angle rad, misfit).

    Every way to pair short bases of the two is tried; for each the best rotation is found (Procrustes) and what it
    leaves, relative to the lattice, is the misfit. Angles are in (-pi/2, pi/2]: half a turn carries every lattice to
    itself.
    """
    found: list[tuple[float, float]] = []
    size = float(np.linalg.norm(first))
    for a, b, c, d in product(range(-1, 2), repeat=4):
        if a * d - b * c != 1:
            continue
        other = np.array([[a, b], [c, d]]) @ second
        sine = float(np.sum(first[:, 0] * other[:, 1] - first[:, 1] * other[:, 0]))
        cosine = float(np.sum(first * other))
        angle = float(np.arctan2(sine, cosine))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        misfit = float(np.linalg.norm(first @ turn - other)) / size
        folded = angle - np.pi * np.ceil(angle / np.pi - 0.5)
        found.append((folded, misfit))
    kept: list[tuple[float, float]] = []
    for folded, misfit in sorted(found, key=lambda entry: (round(entry[1], 3), abs(entry[0]))):
        if not any(abs(np.sin(folded - known)) < SAME_ROTATION for known, _ in kept):
            kept.append((folded, misfit))
    return kept
