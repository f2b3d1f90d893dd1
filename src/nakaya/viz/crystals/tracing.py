"""Rays of light, compiled: where a ray from who looks meets a crystal, and how much light reaches that place.

A ray goes on in steps of half a site where the crystal is near, jumps where it is not, and halves the last step to find
the zero of the depth between sites. How much of the light from a wide cone gets through is told from occupancies that
are as coarse as the cone is wide there (Crassin et al., Computer Graphics Forum 30, 1921, 2011): soft shadows and dark
corners without a random number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nakaya.core.compiling import announce_compilation, njit
from nakaya.viz.crystals.surface import BLOCK, LEVELS

__all__ = ["AMBIENT", "HIT", "trace"]

announce_compilation()

HIT = 4
"""Numbers of a ray: red, green, blue, and the distance along it, below 0 where it met nothing."""

STEP = 0.5
"""Sites from sample to sample beside a surface: fields are smooth over a site."""

HALVINGS = 6
"""Of the last step: the surface is found to a hundredth of a site, below what light shows."""

SHADOW_CONE = 0.15
AMBIENT_CONE = 0.577
"""Tangents of half their opening: a lamp as wide as a hand, and a sixth of the sky."""

DENSITY = 0.8
"""Of the light that meets crystal alone on one sample: samples are three quarters of the cone's width apart."""

AMBIENT_REACH = 48.0
"""Sites from which the sky is hidden: what is further away is bright again by the light it throws back."""

TILT = 0.866
"""Sine of the angle between the normal and the five cones around it."""

AMBIENT = tuple((float(np.cos(turn)), float(np.sin(turn))) for turn in 2 * np.pi * np.arange(5) / 5)
"""Directions around the normal of the cones that gather the light of the sky."""

GLOSS, SHARPNESS = 0.10, 40.0
"""Strength and exponent of the highlight (Blinn)."""

LIFT = 1.8
"""Sites above the surface from which light is gathered: the stairs of the sites throw no shadow."""

FLAT = 0.35
"""Of its own light on what is cut: colours there are to be read."""

KEY, FILL, SKY, FLOOR = 0.82, 0.14, 0.40, 0.20
"""Light of the lamp, of a second one that throws no shadow, and of the sky from above and below."""


@njit(cache=True)
def _at(field: Any, x: float, y: float, z: float) -> Any:
    """The field between sites, linear along each axis; outside it is what it is at the border."""
    nx, ny, nz = field.shape
    x, y, z = min(max(x, 0.0), nx - 1.0), min(max(y, 0.0), ny - 1.0), min(max(z, 0.0), nz - 1.0)
    # Unsigned: a signed index costs a look for negative ones, which count from the end.
    i, j, k = np.uintp(x), np.uintp(y), np.uintp(z)
    a, b, c = np.float32(x - int(x)), np.float32(y - int(y)), np.float32(z - int(z))
    p, q, r = np.uintp(min(int(x) + 1, nx - 1)), np.uintp(min(int(y) + 1, ny - 1)), np.uintp(min(int(z) + 1, nz - 1))
    one = np.float32(1)
    low = (field[i, j, k] * (one - c) + field[i, j, r] * c) * (one - b) + (
        field[i, q, k] * (one - c) + field[i, q, r] * c
    ) * b
    top = (field[p, j, k] * (one - c) + field[p, j, r] * c) * (one - b) + (
        field[p, q, k] * (one - c) + field[p, q, r] * c
    ) * b
    return low * (one - a) + top * a


@njit(cache=True)
def _colour_at(colours: Any, there: Any, is_mixed: bool, x: float, y: float, z: float, out: Any) -> Any:
    """The mean colour of the attached sites around a place, or that of the nearest of them; False where none is."""
    nx, ny, nz = there.shape
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    whole, best = 0.0, 0.0
    red = green = blue = 0.0
    for a in range(i, i + 2):
        for b in range(j, j + 2):
            for c in range(k, k + 2):
                if a < 0 or b < 0 or c < 0 or a >= nx or b >= ny or c >= nz or not there[a, b, c]:
                    continue
                weight = (1 - abs(x - a)) * (1 - abs(y - b)) * (1 - abs(z - c)) + 1e-6
                if is_mixed:
                    whole += weight
                    red += weight * colours[a, b, c, 0]
                    green += weight * colours[a, b, c, 1]
                    blue += weight * colours[a, b, c, 2]
                elif weight > best:
                    best = whole = weight
                    red, green, blue = (
                        weight * colours[a, b, c, 0], weight * colours[a, b, c, 1], weight * colours[a, b, c, 2]
                    )  # fmt: skip
    if whole == 0.0:
        return False
    out[0], out[1], out[2] = red / whole, green / whole, blue / whole
    return True


@njit(cache=True)
def _light_through(
    levels: Any, x: float, y: float, z: float, u: float, v: float, w: float, opening: float, reach: float
) -> Any:  # numba infers the types of kernels
    """The fraction of light from a cone about (u, v, w) that comes through."""
    nx, ny, nz = levels[0].shape
    through, far = 1.0, 1.0
    while far < reach:
        a, b, c = x + far * u, y + far * v, z + far * w
        if a < -1 or b < -1 or c < -1 or a > nx or b > ny or c > nz:
            break
        width = max(1.0, 2 * opening * far)
        level = min(np.log2(width), LEVELS - 1.001)
        fine = int(level)
        met = 0.0
        for number in range(2):
            part = level - fine if number else 1 - (level - fine)
            if part == 0.0:
                continue
            size = 2.0 ** (fine + number)
            met += part * _at(
                levels[fine + number], (a + 0.5) / size - 0.5, (b + 0.5) / size - 0.5, (c + 0.5) / size - 0.5
            )
        through *= 1 - DENSITY * met
        if through < 0.02:
            return 0.0
        far += 0.75 * width
    return through


@njit(cache=True)
def trace(
    starts: Any,
    view: Any,
    lamp: Any,
    second: Any,
    low: Any,
    high: Any,
    middle: Any,
    depth: Any,
    blocks: Any,
    levels: Any,
    colours: Any,
    there: Any,
    is_mixed: bool,
    out: Any,
) -> None:
    """Follow rays into the crystal and write what comes back, in linear light, as `HIT` says.

    Args:
        starts: float64 [ray, 3]: places on the picture, as (layer, row, column).
        view: float64 [3, 3]: right, up and towards who looks.
        lamp: float64 [3]: direction of the light.
        second: float64 [3]: of the second lamp.
        low: float64 [3]: corner of the box in which there is crystal.
        high: float64 [3]: the other corner.
        middle: float64 [3]: inner corner of what is cut away towards who looks; outside the box where nothing is.
        depth: float32 [*lattice], positive inside.
        blocks: float32 [*blocks]: sites that a ray may jump.
        levels: Occupancies, float32, each half as fine as the one before.
        colours: float32 [*lattice, 3], linear light.
        there: bool [*lattice]: sites that have a colour.
        is_mixed: Whether colours between sites are mixed: grains have no colours between.
        out: float64 [ray, 4].
    """
    up, towards = view[1], view[2]
    half = np.empty(3)
    length = 0.0
    for axis in range(3):
        half[axis] = lamp[axis] + towards[axis]
        length += half[axis] ** 2
    half /= np.sqrt(length)
    normal, colour, place = np.empty(3), np.empty(3), np.empty(3)
    for ray in range(starts.shape[0]):
        out[ray, 3] = -1.0
        begin, end, wall = -1e30, 1e30, -1
        cut, cut_wall = 1e30, -1
        for axis in range(3):
            # The ray is start - t towards; it comes in on the side of who looks.
            go = -towards[axis]
            if abs(go) < 1e-12:
                if starts[ray, axis] < low[axis] or starts[ray, axis] > high[axis]:
                    end = -1e30
                inside_cut = starts[ray, axis] >= middle[axis]
                if not inside_cut:
                    cut = -1e30
                continue
            first, last = (low[axis] - starts[ray, axis]) / go, (high[axis] - starts[ray, axis]) / go
            if first > last:
                first, last = last, first
            if first > begin:
                begin, wall = first, axis
            end = min(end, last)
            leaves = (middle[axis] - starts[ray, axis]) / go
            if leaves < cut:
                cut, cut_wall = leaves, axis
        if cut > begin:
            begin, wall = cut, cut_wall
        if begin >= end:
            continue
        t, before, is_flat, met = begin + 1e-6, begin, True, False
        while t < end:
            for axis in range(3):
                place[axis] = starts[ray, axis] - t * towards[axis]
            if _at(depth, place[0], place[1], place[2]) > 0:
                met = True
                break
            jump = blocks[
                min(max(int(place[0]) // BLOCK, 0), blocks.shape[0] - 1),
                min(max(int(place[1]) // BLOCK, 0), blocks.shape[1] - 1),
                min(max(int(place[2]) // BLOCK, 0), blocks.shape[2] - 1),
            ]
            before, is_flat = t, False
            t += max(STEP, jump)
        if not met:
            continue
        if not is_flat:
            outer, inner = before, t
            for _ in range(HALVINGS):
                t = 0.5 * (outer + inner)
                for axis in range(3):
                    place[axis] = starts[ray, axis] - t * towards[axis]
                if _at(depth, place[0], place[1], place[2]) > 0:
                    inner = t
                else:
                    outer = t
            x, y, z = place[0], place[1], place[2]
            normal[0] = _at(depth, x - 1, y, z) - _at(depth, x + 1, y, z)
            normal[1] = _at(depth, x, y - 1, z) - _at(depth, x, y + 1, z)
            normal[2] = _at(depth, x, y, z - 1) - _at(depth, x, y, z + 1)
            length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
            facing = 0.0
            for axis in range(3):
                facing += normal[axis] * towards[axis]
            if length < 1e-9 or facing < 0:
                normal[:] = towards
                length = 1.0
            normal /= length
        else:
            normal[:] = 0.0
            normal[wall] = 1.0 if towards[wall] > 0 else -1.0
        x, y, z = place[0], place[1], place[2]
        found = _colour_at(colours, there, is_mixed, x, y, z, colour)
        for further in range(1, 4):
            if found:
                break
            found = _colour_at(
                colours,
                there,
                is_mixed,
                x - further * normal[0],
                y - further * normal[1],
                z - further * normal[2],
                colour,
            )
        if not found:
            colour[:] = 0.5
        x, y, z = x + LIFT * normal[0], y + LIFT * normal[1], z + LIFT * normal[2]
        by_lamp = by_second = shine = sky = 0.0
        for axis in range(3):
            by_lamp += normal[axis] * lamp[axis]
            by_second += normal[axis] * second[axis]
            shine += normal[axis] * half[axis]
            sky += normal[axis] * up[axis]
        shadow = 0.0
        if by_lamp > 0:
            shadow = _light_through(levels, x, y, z, lamp[0], lamp[1], lamp[2], SHADOW_CONE, 1e9)
        # Two directions across the normal, from that axis of the lattice which lies furthest from it.
        least = 0
        for axis in range(1, 3):
            if abs(normal[axis]) < abs(normal[least]):
                least = axis
        p, q = (least + 1) % 3, (least + 2) % 3
        across = np.zeros(3)
        size = np.sqrt(normal[p] ** 2 + normal[q] ** 2)
        across[p], across[q] = normal[q] / size, -normal[p] / size
        other = np.empty(3)
        for axis in range(3):
            p, q = (axis + 1) % 3, (axis + 2) % 3
            other[axis] = normal[p] * across[q] - normal[q] * across[p]
        open_sky = 0.28 * _light_through(levels, x, y, z, normal[0], normal[1], normal[2], AMBIENT_CONE, AMBIENT_REACH)
        lean = np.sqrt(1 - TILT**2)
        for cosine, sine in AMBIENT:
            open_sky += 0.144 * _light_through(
                levels, x, y, z,
                lean * normal[0] + TILT * (cosine * across[0] + sine * other[0]),
                lean * normal[1] + TILT * (cosine * across[1] + sine * other[1]),
                lean * normal[2] + TILT * (cosine * across[2] + sine * other[2]),
                AMBIENT_CONE, AMBIENT_REACH,
            )  # fmt: skip
        light = KEY * max(0.0, by_lamp) * shadow
        light += (FILL * max(0.0, by_second) + FLOOR + (SKY - FLOOR) * (0.5 + 0.5 * sky)) * open_sky
        if is_flat:
            light = FLAT + (1 - FLAT) * light
        gleam = GLOSS * max(0.0, shine) ** SHARPNESS * shadow
        for channel in range(3):
            out[ray, channel] = colour[channel] * light + gleam
        out[ray, 3] = t
