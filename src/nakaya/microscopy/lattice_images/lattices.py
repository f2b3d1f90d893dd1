"""Atomic-resolution images: local lattices by windowed Fourier transforms, domains, and the rotation between them.

Every window of the image gives its own lattice. Neighbouring windows with the same lattice, slow distortion allowed,
make a domain. All lengths are in pixels: without a calibration of the image nothing else can be said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from nakaya.core.arrays import FloatArray, GrainMap, IntArray
from nakaya.core.errors import FormatError
from nakaya.microscopy.grains.measures import boundary_pairs, collect_boundaries
from nakaya.microscopy.grains.topology import connected_groups
from nakaya.microscopy.lattice_images.reflections import (
    Peak,
    find_peaks,
    fit_lattice,
    has_indices,
    indices_of,
    lattice_difference,
    power_spectrum,
    rotations_between,
    shortest_vectors,
)

__all__ = ["Domain", "DomainBoundary", "LatticeImage", "analyse_lattice"]

PERIODS = 7.0
"""Width of a window in periods of the coarsest strong fringes: fewer blur the reflections, more blur the place."""
WINDOW_RANGE = (32, 256)
OVERLAP = 4
"""Windows are a fourth of their width apart."""
SAME_LATTICE = 0.06
"""Difference of neighbouring windows of one domain, relative to the shortest reciprocal vector."""
APART = 6.0
"""A domain is two where its windows' directions form two groups this many of their own standard deviations apart ..."""
MIN_ANGLE = np.radians(2.0)
"""... and this far at least: scan distortion bends a lattice by less."""
MIN_FRACTION_OF_POWER = 0.5
"""A window has a lattice where it explains at least this fraction of the power of its reflections."""
MIN_WINDOWS = 0.05
"""Fraction of all windows that a domain must have."""
AMBIGUOUS = 1.5
"""Other rotations are reported where their misfit is below this many times the best one."""
MIRROR_MISFIT = 0.05
OWN_REFLECTION = 0.2
"""Distance from whole indices of a domain's own reflections: they may be bent where those of one window are not."""


@dataclass(frozen=True)
class Domain:
    """One lattice of an image.

    Attributes:
        basis: Reduced reciprocal basis, rows (x, y) in cycles per pixel, float64 [2, 2].
        reflections: Clear reflections of the whole domain, strongest first.
        num_windows: Windows that it was seen in.
        area_fraction: Fraction of the image.
    """

    basis: FloatArray
    reflections: tuple[Peak, ...]
    num_windows: int
    area_fraction: float

    @property
    def spacings(self) -> FloatArray:
        """Distances of the lattice planes of the three shortest reciprocal vectors, pixels, float64 [3]."""
        return np.sort(1 / np.linalg.norm(shortest_vectors(self.basis), axis=1))[::-1]


@dataclass(frozen=True)
class DomainBoundary:
    """Where two domains meet.

    Attributes:
        domains: Their numbers.
        rotation: In-plane rotation that carries the first lattice to the second, rad, in (-pi/2, pi/2].
        misfit: What the rotation leaves, relative to the lattice: scan distortion, strain, or another zone.
        alternatives: Other rotations that fit nearly as well, rad: symmetry of the lattice in the image.
        mirror_misfit: Misfit of the second lattice to the mirror image of the first one across a plane that they share;
            NaN where they share none.
        is_twin: Whether they share a plane and are mirror images across it.
        length: Length of boundary, pixels.
    """

    domains: tuple[int, int]
    rotation: float
    misfit: float
    alternatives: tuple[float, ...]
    mirror_misfit: float
    is_twin: bool
    length: float


@dataclass(frozen=True)
class LatticeImage:
    """What was found in an atomic-resolution image.

    Attributes:
        domains: Lattices, the largest first.
        labels: Domain of every pixel, int32 [row, column]; -1 = none.
        boundaries: Where domains meet.
        window: Width of the windows, pixels.
        centres: (x, y) of the windows, float64 [w, 2].
        window_domain: Domain of every window, int64 [w], -1 = none.
        window_angle: Rotation of every window's lattice against its domain's, rad, float64 [w], NaN = none.
    """

    domains: tuple[Domain, ...]
    labels: GrainMap
    boundaries: tuple[DomainBoundary, ...]
    window: int
    centres: FloatArray
    window_domain: IntArray
    window_angle: FloatArray


def _window_width(image: FloatArray) -> int:
    """Width of the windows from the coarsest of the strong reflections of the whole image."""
    side = min(image.shape)
    tile = image[: side - side % 2, : side - side % 2]
    peaks = find_peaks(power_spectrum(tile, padding=1), len(tile))
    if not peaks:
        raise FormatError("no lattice fringes stand out: the image does not resolve a lattice")
    strong = [peak for peak in peaks if peak.power >= 0.1 * peaks[0].power]
    width = PERIODS / min(peak.frequency for peak in strong)
    return int(np.clip(2 * round(width / 2), WINDOW_RANGE[0], min(WINDOW_RANGE[1], side // 2 * 2)))


def _flatten(image: FloatArray, width: float) -> FloatArray:
    return np.asarray(image - ndimage.gaussian_filter(image, width / 4), np.float64)


def _same(first: FloatArray, second: FloatArray) -> bool:
    return lattice_difference(first, second) < SAME_LATTICE


def analyse_lattice(image: FloatArray) -> LatticeImage:
    """Find the lattices of an image and the rotations across their boundaries.

    Args:
        image: Grey values, float64 [row, column], at least 64 x 64.

    Raises:
        FormatError: The image is too small, or no lattice in two directions is resolved anywhere.
    """
    image = np.asarray(image, np.float64)
    if min(image.shape) < 64:
        raise FormatError(f"an image of {image.shape[1]} x {image.shape[0]} pixels is too small for a lattice: 64 x 64")
    width = _window_width(image)
    flat = _flatten(image, width)
    places = [_starts(length, width) for length in image.shape]
    corners = np.array([(row, column) for row in places[0] for column in places[1]])
    bases: list[FloatArray | None] = []
    for row, column in corners:
        power = power_spectrum(flat[row : row + width, column : column + width])
        fitted = fit_lattice(find_peaks(power, width))
        bases.append(fitted[0] if fitted is not None and fitted[1] >= MIN_FRACTION_OF_POWER else None)
    window_domain, means = _group(bases, corners, len(places[1]))
    if not means:
        raise FormatError(
            "no window resolves a lattice in two directions: only single fringes, or noise: lattice analysis needs an "
            "image along a zone axis"
        )
    domains, labels = [], _label_pixels(flat, means, width)
    for number, basis in enumerate(means):
        members = np.flatnonzero(window_domain == number)
        total = np.zeros(())
        for row, column in corners[members]:  # computed again: to keep the spectra takes a kilobyte a pixel
            total = total + power_spectrum(flat[row : row + width, column : column + width])
        peaks = find_peaks(total, width)
        own = tuple(peak for peak in peaks if has_indices(peak, basis, OWN_REFLECTION))
        fitted = fit_lattice(list(own)) if own else None
        refined = fitted[0] if fitted is not None and _same(fitted[0], basis) else basis
        domains.append(Domain(refined, own, len(members), float((labels == number).mean())))
    angle = np.full(len(corners), np.nan)
    for index, basis_of in enumerate(bases):
        if basis_of is not None and window_domain[index] >= 0:
            angle[index] = _nearest_rotation(domains[window_domain[index]].basis, basis_of)
    centres = corners[:, ::-1] + width / 2 - 0.5
    return LatticeImage(tuple(domains), labels, _boundaries(domains, labels), width, centres, window_domain, angle)


def _starts(length: int, width: int) -> IntArray:
    count = max(1, round((length - width) / (width / OVERLAP)) + 1)
    return np.rint(np.linspace(0, length - width, count)).astype(np.int64)


def _nearest_rotation(first: FloatArray, second: FloatArray) -> float:
    """The small rotation between two windows of one domain."""
    return min((angle for angle, misfit in rotations_between(first, second) if misfit < 0.3), key=abs, default=np.nan)


def _group(bases: list[FloatArray | None], corners: IntArray, columns: int) -> tuple[IntArray, list[FloatArray]]:
    """Join neighbouring windows with the same lattice; return the domain of each window and the lattices of domains.

    Groups of the same lattice that do not touch are one domain, as are the two sides of an inclusion.
    """
    links = []
    for index, basis in enumerate(bases):
        for other in (index + 1, index + columns):
            is_next = other < len(bases) and (other != index + 1 or corners[other, 0] == corners[index, 0])
            if is_next and basis is not None and bases[other] is not None and _same(basis, bases[other]):  # type: ignore[arg-type]
                links.append((index, other))
    pairs = np.array(links, np.int64).reshape(-1, 2)
    group = connected_groups(pairs, len(bases))
    has = np.array([basis is not None for basis in bases])
    size = np.bincount(group[has], minlength=int(group.max()) + 1)
    least = max(2.0, MIN_WINDOWS * len(bases))
    window_domain = np.full(len(bases), -1, np.int64)
    means: list[FloatArray] = []
    for number in np.argsort(-size, kind="stable"):
        if size[number] < min(least, len(bases)):
            break
        members = np.flatnonzero((group == number) & has).tolist()
        parts = _split(members, [bases[index] for index in members])  # type: ignore[misc]
        for part in parts:
            window_domain[part] = _place_of(_median_lattice([bases[index] for index in part]), means)  # type: ignore[misc]
    return window_domain, means


def _place_of(lattice: FloatArray, means: list[FloatArray]) -> int:
    """Number of the domain with this lattice; a new one where there is none."""
    for place, mean in enumerate(means):
        if _same(mean, lattice):
            return place
    means.append(lattice)
    return len(means) - 1


def _split(members: list[int], bases: list[FloatArray]) -> list[list[int]]:
    """Part a group at a low-angle boundary: where the directions of its windows form two groups far apart."""
    middle = _median_lattice(bases)
    angles = np.array([_nearest_rotation(middle, basis) for basis in bases])
    known = np.isfinite(angles)
    ordered = np.sort(angles[known])
    if len(ordered) < 8:
        return [members]
    cut = ordered[int(np.argmax(np.diff(ordered)))] + np.diff(ordered).max() / 2
    low, high = ordered[ordered < cut], ordered[ordered >= cut]
    least = max(4, int(0.1 * len(ordered)))
    if min(len(low), len(high)) < least:
        return [members]
    deviation = np.hypot(low.std(), high.std()) + 1e-6
    apart = float(np.median(high) - np.median(low))
    if apart < max(MIN_ANGLE, APART * deviation):
        return [members]
    above = angles >= cut  # what is not known is in neither
    return [
        [member for member, is_above, is_known in zip(members, above, known, strict=True) if is_known and not is_above],
        [member for member, is_above in zip(members, above, strict=True) if is_above],
    ]


def _median_lattice(bases: list[FloatArray]) -> FloatArray:
    """The member nearest to all others, of a sample of up to 79."""
    sample = bases[:: max(1, len(bases) // 40)]
    total = [sum(lattice_difference(one, other) for other in sample) for one in sample]
    return sample[int(np.argmin(total))]


def _label_pixels(flat: FloatArray, means: list[FloatArray], width: int) -> GrainMap:
    """Give every pixel the domain whose fringes are strongest around it.

    Fringes: the image filtered to the neighbourhood of one reflection (Bragg filter); the mean of squared amplitudes
    over the three shortest reflections that the domain does not share with another one.
    """
    spectrum = fft.fft2(flat)
    fx, fy = fft.fftfreq(flat.shape[1])[None], fft.fftfreq(flat.shape[0])[:, None]
    strengths = []
    for number, basis in enumerate(means):
        shortest = list(shortest_vectors(basis))
        others = [mean for place, mean in enumerate(means) if place != number]
        own = [g for g in shortest if not any(_is_vector_of(g, other) for other in others)] or shortest
        radius = 1.2 / width
        strength = np.zeros(flat.shape)
        for g in own:
            mask = np.exp(-((fx - g[0]) ** 2 + (fy - g[1]) ** 2) / (2 * radius**2))
            strength += np.abs(fft.ifft2(spectrum * mask)) ** 2
        strengths.append(ndimage.gaussian_filter(strength / len(own), width / 8))
    labels = np.argmax(strengths, axis=0) if len(means) > 1 else np.zeros(flat.shape, np.int64)
    return labels.astype(np.int32)


def _is_vector_of(g: FloatArray, basis: FloatArray) -> bool:
    index, whole = indices_of(g, basis)
    off = (whole - index) @ basis
    return bool(np.linalg.norm(off) < SAME_LATTICE * np.linalg.norm(basis[0]) and np.abs(whole).max() <= 1)


def _boundaries(domains: list[Domain], labels: GrainMap) -> tuple[DomainBoundary, ...]:
    found = collect_boundaries(boundary_pairs(labels))
    boundaries = []
    for (first, second), length in zip(found.edges.tolist(), found.length, strict=True):
        rotations = rotations_between(domains[first].basis, domains[second].basis)
        angle, misfit = rotations[0]
        alternatives = tuple(other for other, left in rotations[1:] if left <= AMBIGUOUS * misfit + 0.01)
        mirror = _mirror_misfit(domains[first].basis, domains[second].basis)
        boundaries.append(
            DomainBoundary(
                (first, second), angle, misfit, alternatives, mirror, bool(mirror < MIRROR_MISFIT), float(length)
            )
        )
    return tuple(boundaries)


def _mirror_misfit(first: FloatArray, second: FloatArray) -> float:
    """Difference of the second lattice from the first one mirrored across a shared plane; NaN without one."""
    best = np.nan
    candidates = [first[0], first[1], first[0] + first[1], first[0] - first[1]]
    for g in candidates:
        if not _is_vector_of(g, second):
            continue
        normal = g / np.linalg.norm(g)
        mirrored = first - 2 * (first @ normal)[:, None] * normal
        best = np.nanmin([best, lattice_difference(mirrored, second)])
    return float(best)
