"""Stacking faults in an atomic-resolution image of one crystal, by geometric phase analysis.

The fringes of a reflection g have a phase at every place; a displacement R of the crystal shifts it by 2 pi g.R
(Hytch, Snoeck & Kilaas, Ultramicroscopy 74 (1998) 131). A stacking fault shifts what lies beyond its plane by a third
of a period of the fringes that cross it, and leaves the fringes parallel to it alone. So along the fault's line, and
only there, one reflection jumps by a third and the reflection normal to the line does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from nakaya.core.arrays import BoolArray, Float32Array, FloatArray

__all__ = ["FaultSearch", "StackingFault", "find_faults"]

JUMP = 2 * np.pi / 3
JUMP_TOLERANCE = 0.6
"""rad; a third of a period is 2.09, nothing 0, so half-way is 1.05."""
STILL = 0.6
"""Greatest jump of the fringes that run along the fault, rad."""
MIN_CHORD = 0.6
"""A fault is seen along at least this fraction of its line's way through the image."""
MIN_CLEARNESS = 30.0
"""Power of a reflection over its surroundings below which its phase is too noisy."""
MIN_SPACING = 4.0
"""Pixels between fringes below which phases cannot be followed."""
FRINGES = 2.5
"""Width of the filter in fringes: faults nearer to one another are not told apart."""


@dataclass(frozen=True)
class StackingFault:
    """One straight fault.

    Attributes:
        normal: Direction of the normal of its plane in the image, rad from x towards y, in [0, pi).
        offset: Distance of its line from the centre of the image along the normal, pixels.
        phase_jump: Phase by which the crossing fringes jump, rad; about 2 pi / 3.
        seen_fraction: Fraction of its way through the image on which it is seen.
        ends: (x, y) of both ends, float64 [2, 2].
    """

    normal: float
    offset: float
    phase_jump: float
    seen_fraction: float
    ends: FloatArray


@dataclass(frozen=True)
class FaultSearch:
    """What the search for faults came to.

    Attributes:
        resolved: Whether the image has two clear reflections in different directions, fine enough to follow.
        faults: What was found.
        reason: Why nothing could be searched; empty where it could.
    """

    resolved: bool
    faults: tuple[StackingFault, ...]
    reason: str = ""


def _phase(spectrum: FloatArray, shape: tuple[int, int], g: FloatArray, width: float) -> tuple[Float32Array, BoolArray]:
    """Phase of the fringes less that of perfect ones, rad, and where they are strong: [row, column] each.

    Kept for up to a dozen reflections at once, so in five bytes a pixel.
    """
    fx, fy = fft.fftfreq(shape[1])[None], fft.fftfreq(shape[0])[:, None]
    mask = np.exp(-((fx - g[0]) ** 2 + (fy - g[1]) ** 2) * (2 * np.pi * width) ** 2 / 2)
    fringes = fft.ifft2(spectrum * mask)
    rows, columns = np.indices(shape)
    amplitude = np.abs(fringes)
    fringes *= np.exp(-2j * np.pi * (g[0] * columns + g[1] * rows))
    return np.angle(fringes).astype(np.float32), np.asarray(amplitude > 0.2 * np.median(amplitude), np.bool_)


def _smooth(values: FloatArray, sigma: float) -> FloatArray:
    """Gaussian mean over so wide a surrounding that every few pixels are enough: a hundred times faster."""
    stride = max(1, int(sigma // 8))
    coarse = ndimage.gaussian_filter(ndimage.uniform_filter(values, stride)[::stride, ::stride], sigma / stride)
    return np.asarray(ndimage.map_coordinates(coarse, np.indices(values.shape) / stride, order=1, mode="nearest"))


def _jump(phase: Float32Array, step: FloatArray, smooth: float) -> FloatArray:
    """Change of phase from one side to the other over `step` (x, y), less its slow part (strain, drift): rad.

    The slow part is the mean over the surroundings without what itself jumps: a fault would hide in its own background.
    """
    half = step / 2
    wave = np.exp(1j * phase.astype(np.float64))
    before = ndimage.shift(wave, (half[1], half[0]), order=1, mode="nearest")
    after = ndimage.shift(wave, (-half[1], -half[0]), order=1, mode="nearest")
    turn = after * np.conj(before)
    del wave, before, after
    usual = np.mean(turn)
    usual = usual / max(float(np.abs(usual)), 1e-12) * np.exp(1j * np.median(np.angle(turn * np.conj(usual))))
    calm = np.abs(np.angle(turn * np.conj(usual))) < JUMP / 3
    parts = [_smooth(np.where(calm, part, 0.0), smooth) for part in (turn.real, turn.imag)]
    slow = parts[0] + 1j * parts[1] + 1e-6 * usual
    return np.asarray(np.angle(turn * np.conj(slow)), np.float64)


def find_faults(
    image: FloatArray, reflections: list[tuple[FloatArray, float]], inside: BoolArray | None = None
) -> FaultSearch:
    """Search one crystal for stacking faults.

    Args:
        image: Grey values, float64 [row, column].
        reflections: (g in cycles per pixel, clearness) of the crystal, as `Domain.reflections` has them.
        inside: Where the crystal is, bool [row, column]; everywhere by default.

    Returns:
        The faults, or why none can be seen. "None found" means none that runs along most of its line.
    """
    usable = [g for g, clearness in reflections if clearness >= MIN_CLEARNESS and 1 / np.linalg.norm(g) >= MIN_SPACING]
    directions = [g / np.linalg.norm(g) for g in usable]
    is_crossed = any(abs(a[0] * b[1] - a[1] * b[0]) > 0.5 for a in directions for b in directions)
    if not is_crossed:
        return FaultSearch(False, (), "fewer than two clear reflections in different directions, 4 pixels or coarser")
    spectrum = fft.fft2(image - ndimage.gaussian_filter(image, 2 / np.linalg.norm(usable[0])))
    shape = (image.shape[0], image.shape[1])
    spacing = max(1 / float(np.linalg.norm(g)) for g in usable)
    width = FRINGES * spacing / 2.3548
    waves = [_phase(spectrum, shape, g, width) for g in usable]
    # The filter mixes what lies within its own width: the rim of the crystal is left out.
    room = np.ones(shape, np.bool_) if inside is None else ndimage.binary_erosion(inside, iterations=int(3 * width))
    faults: list[StackingFault] = []
    for along in range(len(usable)):
        normal = usable[along] / np.linalg.norm(usable[along])
        step = normal * 3 * width
        still = np.abs(_jump(waves[along][0], step, 6 * width)) < STILL
        for crossing in range(len(usable)):
            sine = abs(normal[0] * directions[crossing][1] - normal[1] * directions[crossing][0])
            if crossing == along or sine < 0.5:
                continue
            jump = _jump(waves[crossing][0], step, 6 * width)
            seen = still & (np.abs(np.abs(jump) - JUMP) < JUMP_TOLERANCE) & waves[crossing][1]
            faults += _lines(seen, jump, room, normal, width)
    return FaultSearch(True, tuple(_distinct(faults, width)))


def _lines(seen: BoolArray, jump: FloatArray, room: BoolArray, normal: FloatArray, width: float) -> list[StackingFault]:
    """Straight lines across the image along which the jump is seen."""
    height, span = seen.shape
    rows, columns = np.indices(seen.shape)
    place = (columns - (span - 1) / 2) * normal[0] + (rows - (height - 1) / 2) * normal[1]
    along = -(columns - (span - 1) / 2) * normal[1] + (rows - (height - 1) / 2) * normal[0]
    # The filter is blind within its own width of the frame.
    margin = int(np.ceil(2 * width))
    inner = np.zeros(seen.shape, np.bool_)
    inner[margin : height - margin, margin : span - margin] = True
    inner &= room
    if not inner.any():
        return []
    number = np.rint(place[inner]).astype(np.int64)
    low = int(number.min())
    chord = np.bincount(number - low)
    fraction = np.bincount(number - low, seen[inner]) / np.maximum(chord, 1)
    fraction = ndimage.uniform_filter1d(fraction, 3, mode="constant")
    long_enough = chord >= 0.25 * min(seen.shape)
    faults = []
    runs, count = ndimage.label((fraction >= MIN_CHORD) & long_enough)
    for run in range(1, count + 1):
        # The jump is seen as long as the fault lies between the two places that are compared: the middle is the fault.
        candidate = round(float(np.flatnonzero(runs == run).mean()))
        offset = float(candidate + low)
        on_line = inner & (np.abs(place - offset) <= 1) & seen
        ends = [
            (offset * normal[0] - t * normal[1], offset * normal[1] + t * normal[0])
            for t in (along[on_line].min(), along[on_line].max())
        ]
        angle = float(np.arctan2(normal[1], normal[0]) % np.pi)
        faults.append(
            StackingFault(
                angle,
                offset if np.arctan2(normal[1], normal[0]) >= 0 else -offset,
                float(np.median(np.abs(jump[on_line]))),
                float(fraction[candidate]),
                np.array(ends) + np.array([(span - 1) / 2, (height - 1) / 2]),
            )
        )
    return faults


def _distinct(faults: list[StackingFault], width: float) -> list[StackingFault]:
    """One of the faults that several reflections show."""
    kept: list[StackingFault] = []
    for fault in sorted(faults, key=lambda entry: -entry.seen_fraction):
        is_known = any(
            abs(np.sin(fault.normal - known.normal)) < 0.1 and abs(fault.offset - known.offset) < 3 * width
            for known in kept
        )
        if not is_known:
            kept.append(fault)
    return kept
