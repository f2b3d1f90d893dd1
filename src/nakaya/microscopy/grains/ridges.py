"""Lines in a micrograph: how wide they are, whether dark or bright, and where.

A line of Gaussian profile is found by the second derivative across it, averaged along it, in twelve directions: the
filter -s^2 d2/dn2 of a Gaussian that is s wide across (n) and 3 s long along the line (the choice of s: Lindeberg, Int.
J. Comput. Vis. 30 (1998) 117). Averaging along the line is what sees it through noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from nakaya.core.arrays import BoolArray, FloatArray

__all__ = ["Lines", "find_lines", "flatten", "line_response"]

SCALES = (0.8, 1.0, 1.5, 2.0, 3.0, 4.5, 6.5)
"""Standard deviations across a line that are tried, pixels."""
ELONGATION = 3.0
NUM_DIRECTIONS = 12
CROP = 1024
"""The scale is chosen on the middle of the image, at most this many pixels across."""
QUANTISATION = 1e-3
"""Least noise assumed, on a grey scale from 0 to 1: a third of one step of 8 bits."""
CANDIDATE = 0.5
"""Scales are candidates whose lines stand out at least this fraction as clearly as at the best scale."""
CLEAR = 5.0
"""Standard deviations of the noise by which a response must stand out to start a line."""
FAINT = 3.5
"""... and to continue one."""
CLEAR_FRACTION, FAINT_FRACTION = 0.5, 0.25
"""The same as fractions of the response of a typical line: in a clean image scratches stand far above noise."""
SHORTEST = 3.0
"""Lines shorter than this many elongated filter widths are dots."""


@dataclass(frozen=True)
class Lines:
    """Where an image has lines.

    Attributes:
        marked: On a line, bool [row, column].
        polarity: "dark" or "bright".
        sigma: Standard deviation across a line, pixels.
        clarity: Response of a typical line in standard deviations of the noise's response.
        strength: Response over that of a typical line, float64 [row, column].
    """

    marked: BoolArray
    polarity: str
    sigma: float
    clarity: float
    strength: FloatArray


def flatten(image: FloatArray) -> FloatArray:
    """Return the image minus its Gaussian mean over a fifteenth of the longer side: no slow changes of brightness."""
    image = np.asarray(image, np.float64)
    return np.asarray(image - ndimage.gaussian_filter(image, max(max(image.shape) / 15, 8.0)), np.float64)


def line_response(image: FloatArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Return the responses to dark and to bright lines, the greatest over all directions: float64 [row, column] each.

    Args:
        image: float64 [row, column].
        sigma: Standard deviation across the line, pixels.
    """
    pad = int(4 * ELONGATION * sigma) + 2
    padded = np.pad(np.asarray(image, np.float32), pad, mode="reflect" if min(image.shape) > pad else "symmetric")
    height, width = padded.shape
    spectrum = fft.rfft2(padded)
    down = (2 * np.pi * fft.fftfreq(height)).astype(np.float32)[:, None]
    right = (2 * np.pi * fft.rfftfreq(width)).astype(np.float32)[None]
    dark = np.full(padded.shape, -np.inf, np.float32)
    bright = np.full(padded.shape, -np.inf, np.float32)
    for number in range(NUM_DIRECTIONS):
        angle = np.pi * number / NUM_DIRECTIONS
        along = sigma * (right * np.cos(angle) + down * np.sin(angle))
        across = sigma * (down * np.cos(angle) - right * np.sin(angle))
        kernel = -(across**2) * np.exp(-((ELONGATION * along) ** 2 + across**2) / 2)
        response = fft.irfft2(spectrum * kernel, s=padded.shape)
        np.maximum(dark, response, out=dark)
        np.maximum(bright, -response, out=bright)
    inner = np.s_[pad : pad + image.shape[0], pad : pad + image.shape[1]]
    return dark[inner].astype(np.float64), bright[inner].astype(np.float64)


def _centre_and_deviation(values: FloatArray) -> tuple[float, float]:
    """Median, and standard deviation from the median absolute deviation."""
    median = float(np.median(values))
    return median, 1.4826 * float(np.median(np.abs(values - median)))


def _noise(response: FloatArray, sigma: float) -> tuple[float, float]:
    """Centre and deviation of the response where there are no lines.

    Lines have side lobes; so pixels near what stands out are left out, and the rest is looked at again.
    """
    least = QUANTISATION / np.sqrt(sigma)
    centre, deviation = _centre_and_deviation(response)
    deviation += least
    for _ in range(3):
        far = ndimage.distance_transform_edt(response < centre + 3 * deviation) > 3 * sigma
        if far.mean() < 0.03:
            break
        centre, new = _centre_and_deviation(response[far])
        new += least
        settled = abs(new - deviation) < 0.02 * deviation
        deviation = new
        if settled:
            break
    return centre, deviation


def _choose_scale(image: FloatArray, polarity: str | None) -> tuple[str, float]:
    """Polarity and width of the lines that stand out most.

    A scale is a candidate where the upper tail of the response stands clear of the bulk; among the candidates the
    response times sigma^(-1/2), which is greatest at the width of the line, decides.
    """
    height, width = image.shape
    top, left = max((height - CROP) // 2, 0), max((width - CROP) // 2, 0)
    crop = image[top : top + CROP, left : left + CROP]
    found: list[tuple[float, float, str, float]] = []
    for sigma in SCALES:
        if 8 * sigma > min(crop.shape):
            break
        for name, response in zip(("dark", "bright"), line_response(crop, sigma), strict=True):
            if polarity in (None, name):
                centre, deviation = _centre_and_deviation(response)
                tail = float(np.percentile(response, [90, 95, 99]).mean()) - centre
                clarity = tail / (deviation + QUANTISATION / np.sqrt(sigma))
                found.append((clarity, tail / np.sqrt(sigma), name, sigma))
    best = max(found)
    candidates = [entry for entry in found if entry[2] == best[2] and entry[0] >= CANDIDATE * best[0]]
    chosen = max(candidates, key=lambda entry: entry[1])
    return chosen[2], chosen[3]


def find_lines(image: FloatArray, polarity: str | None = None) -> Lines:
    """Find the lines of an image, dark or bright, and their width.

    Everything is taken from the image: the width and polarity that stand out most, the noise from where there are no
    lines, the typical line from the crests of those that are clear. A line starts where it is clear, and goes on
    while it is at least faint; what is short in every direction is a dot, and no line.

    Args:
        image: Grey values in [0, 1] without slow changes of brightness, float64 [row, column].
        polarity: "dark" or "bright"; None = find out.
    """
    from skimage.filters import apply_hysteresis_threshold

    polarity, sigma = _choose_scale(image, polarity)
    response = line_response(image, sigma)[0 if polarity == "dark" else 1]
    centre, deviation = _noise(response, sigma)
    clear = (response - centre) / deviation
    crest = (clear >= CLEAR) & (clear >= ndimage.maximum_filter(clear, 3))
    typical = float(np.median(clear[crest])) if crest.any() else CLEAR
    marked = apply_hysteresis_threshold(
        clear, max(FAINT, FAINT_FRACTION * typical), max(CLEAR, CLEAR_FRACTION * typical)
    )
    parts, _ = ndimage.label(marked, np.ones((3, 3)))
    extents = [max(part[0].stop - part[0].start, part[1].stop - part[1].start) for part in ndimage.find_objects(parts)]
    is_line = np.array([False, *(extent >= SHORTEST * ELONGATION * sigma for extent in extents)])
    return Lines(np.asarray(is_line[parts], np.bool_), polarity, sigma, typical, clear / typical)
