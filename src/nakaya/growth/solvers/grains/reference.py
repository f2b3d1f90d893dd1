"""Grains that grow at a constant velocity, in plain NumPy: the definition.

A site attaches to the grain that reaches it first, after A. N. Kolmogorov (1937), W. A. Johnson & R. F. Mehl (1939) and
M. Avrami (1939-41):

    s(x) = min over grains g of  s_g + gauge(Q_g (x - x_g))

| symbol | here          | meaning                                                              |
|--------|---------------|----------------------------------------------------------------------|
| s      | `moments`     | time, in that in which a rough interface moves by a site             |
| s_g    | `times`       | time of the grain's nucleation, on the site x_g                      |
| Q_g    | `matrices`    | turns offsets in the sample into those in the crystal                |
| gauge  | `gauge`       | 1 on the surface of the crystal that a site's time of growth makes   |

Nuclei on sites that a grain has reached before are none. On a periodic lattice x_g stands for all its images. Up to
rounding up to whole steps this is exact where grains are balls, and where they are oriented alike. Grains with facets
and other orientations do not shield each other: a fast corner may pass through a slow face and go on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod, sqrt

import numpy as np

from nakaya.core.arrays import ArrivalMap, FloatArray, GrainMap, IntArray
from nakaya.core.randomness import Key
from nakaya.growth.grower_model import MemberGrowth
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import INITIAL, NEVER
from nakaya.growth.solvers.grains.draws import PRESENT, RATE, draw_sites, draw_times
from nakaya.growth.solvers.grains.orientations import draw_orientations, fields_of, matrices_of, positions
from nakaya.growth.solvers.grains.parameters import STEPS_PER_SITE, ConstantVelocity, check_number
from nakaya.growth.stepping import cut_at_stop

__all__ = ["GrainNuclei", "Nuclei", "draw_nuclei", "gauge", "grow_reference", "image_offsets"]


@dataclass(frozen=True)
class Nuclei:
    """What may become grains, in the order of their times; those of the same time as they were drawn.

    Attributes:
        sites: int64 [nucleus, axis].
        times: float64 [nucleus], in the time in which an interface moves by a site.
    """

    sites: IntArray
    times: FloatArray


@dataclass(frozen=True)
class GrainNuclei(Nuclei):
    """Those that did.

    Attributes:
        angles: Of the orientations, degrees, float64 [grain, 1 or 3].
    """

    angles: FloatArray


def draw_nuclei(params: ConstantVelocity, setup: GrowthSetup, key: Key, horizon: float) -> Nuclei:
    """Return the initial sites, the nuclei that are present at the start, and those of the rate before the horizon."""
    initial = np.array(setup.initial, np.int64).reshape(-1, params.dimension)
    present = draw_sites(key, PRESENT, params.num_present(setup), setup.shape)
    rate = params.rate_per_site * prod(setup.shape)
    times = draw_times(key, RATE, rate, horizon) if rate > 0 else np.zeros(0)
    later = draw_sites(key, RATE + 1, len(times), setup.shape)
    sites = np.concatenate([initial, present, later])
    return Nuclei(sites, np.concatenate([np.zeros(len(initial) + len(present)), times]))


def gauge(offsets: FloatArray, matrix: FloatArray, facets: Sequence[float]) -> FloatArray:
    """Return the time at which a crystal that nucleates at 0 reaches the offsets: float64 [...].

    max(|x|, n.x / v_n) over the facets n and their velocities v_n, with x in the crystal's axes. The greatest n.x of a
    family is a sum of the greatest components: of one for {100}, two for {110}, three for {111}.

    Args:
        offsets: Whole numbers of sites, x, y, z in the sample, float64 [..., 3]; z = 0 in the plane.
        matrix: From the sample to the crystal, float64 [3, 3].
        facets: Velocities over that of rough interfaces, by number of components.
    """
    x, y, z = offsets[..., 0], offsets[..., 1], offsets[..., 2]
    moment = np.sqrt(x * x + y * y + z * z)
    if min(facets) == 1:
        return np.asarray(moment)
    sizes = np.abs([row[0] * x + row[1] * y + row[2] * z for row in matrix])
    a, b, c = np.sort(sizes, axis=0)[::-1]
    for along, number, ratio in zip((a, a + b, a + b + c), (1, 2, 3), facets, strict=False):
        if ratio < 1:
            moment = np.maximum(moment, along * (1 / (ratio * sqrt(number))))
    return np.asarray(moment)


def image_offsets(setup: GrowthSetup) -> list[tuple[int, ...]]:
    """Return how far the images of a grain lie from it, in sites; of a lattice that is not periodic only itself."""
    if setup.edges != "periodic":
        return [(0,) * len(setup.shape)]
    return list(product(*((0, -length, length) for length in setup.shape)))


def _reach(site: IntArray, places: FloatArray, setup: GrowthSetup) -> Iterator[FloatArray]:
    """Offsets from a site and its images to places [..., 3]."""
    for image in image_offsets(setup):
        yield places - positions((site + np.array(image))[None])[0].astype(np.float64)


def find_grains(params: ConstantVelocity, setup: GrowthSetup, key: Key, nuclei: Nuclei) -> GrainNuclei:
    """Return the nuclei whose site no earlier grain has reached; their orientations go by their number."""
    angles = draw_orientations(key, len(nuclei.times), params.dimension)
    matrices, kept = matrices_of(angles), list[int]()
    for number, (site, time) in enumerate(zip(nuclei.sites, nuclei.times, strict=True)):
        place = positions(site[None])[0].astype(np.float64)
        reached = (
            nuclei.times[earlier] + gauge(offset, matrices[grain], params.facets()) <= time
            for grain, earlier in enumerate(kept)
            for offset in _reach(nuclei.sites[earlier], place, setup)
        )
        if not any(reached):
            kept.append(number)
    return GrainNuclei(nuclei.sites[kept], nuclei.times[kept], angles[: len(kept)])


def tessellate(params: ConstantVelocity, setup: GrowthSetup, grains: GrainNuclei) -> tuple[FloatArray, GrainMap]:
    """Return when sites attach, float64 [*lattice], and to which grain; of equal times the lower number."""
    sites = np.moveaxis(np.indices(setup.shape), 0, -1).reshape(-1, params.dimension)
    places, matrices = positions(sites).astype(np.float64), matrices_of(grains.angles)
    moments, grain = np.full(len(sites), np.inf), np.full(len(sites), -1, np.int32)
    for number, (site, time) in enumerate(zip(grains.sites, grains.times, strict=True)):
        for offsets in _reach(site, places, setup):
            found = time + gauge(offsets, matrices[number], params.facets())
            is_first = found < moments
            moments[is_first], grain[is_first] = found[is_first], number
    return moments.reshape(setup.shape), grain.reshape(setup.shape)


def to_steps(moments: FloatArray, setup: GrowthSetup) -> ArrivalMap:
    """Return the steps after which sites are attached; the initial ones are from the start, all others from step 1."""
    arrival = np.ceil(moments * STEPS_PER_SITE).astype(np.int32).clip(1)
    for site in setup.initial:
        arrival[site] = INITIAL
    return arrival


def finish(arrival: ArrivalMap, grain: GrainMap, angles: FloatArray, setup: GrowthSetup) -> MemberGrowth:
    """Return the member as it was when it stopped."""
    arrival, steps, reason = cut_at_stop(arrival, setup, SQUARE if arrival.ndim == 2 else CUBIC)
    grain = np.where(arrival == NEVER, np.int32(-1), grain)
    return MemberGrowth(arrival, steps, reason, grain, fields_of(grain, angles))


def grow_reference(point: ConstantVelocity, setup: GrowthSetup, key: Key) -> MemberGrowth:
    """Grow one crystal, as a `GrowMember`.

    Raises:
        ParameterError: The nuclei would be none, or more than the lattice holds.
    """
    check_number(point.expected_number(setup), setup, point.spacing, "site_density or nucleation_rate")
    horizon = point.horizon(setup)
    while True:
        grains = find_grains(point, setup, key, draw_nuclei(point, setup, key, horizon))
        if len(grains.times):
            moments, grain = tessellate(point, setup, grains)
            if point.rate_per_site == 0 or moments.max() <= horizon:
                return finish(to_steps(moments, setup), grain, grains.angles, setup)
        horizon *= 2
