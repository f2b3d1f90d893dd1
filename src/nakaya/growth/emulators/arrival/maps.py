"""Crystals as the emulators of this family see them: maps of relative attachment times, and a few numbers.

    tau = arrival / duration                        at attached sites, in [0, 1]
    tau = 1 + slope * distance / front              elsewhere, distance being that to the nearest attached site

Without a value outside, mean and residual could not be added where one of two crystals ends. The distance continues tau
with a slope that is that of a tip where slope = 1, so that a sum of maps moves the outline as far as the maps say.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from scipy import ndimage

from nakaya.core.arrays import ArrivalMap, Float32Array, FloatArray, IntArray, Mask
from nakaya.growth.model.trajectory import INITIAL, NEVER

__all__ = ["SHARES", "CrystalMaps", "Support", "crystal_maps", "find_support", "thin_sites"]

SHARES = np.arange(1, 8) / 8
"""Shares of the final area whose moments are learned: the growth curve."""


def thin_sites(arrival: ArrivalMap, stride: int) -> ArrivalMap:
    """Return every `stride`-th site along each axis, from the first: [*batch, *lattice] -> fewer sites.

    A front that is resolved by the lattice passes these sites when it passes them. The first sites stay where mirrors
    go through their centres, so grids of different spacing give maps of the same places, which medians over cells of
    two or four sites would not.

    Args:
        arrival: int32 [*batch, row, column] or [*batch, layer, row, column]; the lattice's axes have equal lengths.
        stride: Sites.
    """
    dimension = 3 if arrival.ndim > 2 and arrival.shape[-3] == arrival.shape[-1] else 2
    chosen: tuple[Any, ...] = (..., *([slice(None, None, stride)] * dimension))
    return np.ascontiguousarray(arrival[chosen])


@dataclass(frozen=True)
class Support:
    """The sites that the emulator knows: those that some training crystal came near to, in the order of the array.

    Attributes:
        shape: Of the lattice.
        sites: int64 [site], indices into the flat lattice.
        exchanges: int64 [permutation, site]: where in `sites` each site's image lies under a permutation of the axes;
            the identity comes first, and alone where axes cannot be exchanged.
    """

    shape: tuple[int, ...]
    sites: IntArray
    exchanges: IntArray


def find_support(attached: Mask, *, front: int, reach: int, exchanges_axes: bool) -> Support:
    """Return the sites within `reach` of any crystal and up to the stop line.

    Args:
        attached: bool [*lattice]: whether any crystal has this site.
        front: The largest index that a crystal can have.
        reach: Sites.
        exchanges_axes: Whether the axes are equivalent: support and images are made symmetric then.
    """
    shape = attached.shape
    near = ndimage.distance_transform_edt(~attached) <= reach
    near &= (np.indices(shape) <= front).all(axis=0)
    orders = list(permutations(range(len(shape)))) if exchanges_axes else [tuple(range(len(shape)))]
    near = np.any([np.transpose(near, order) for order in orders], axis=0)
    sites = np.flatnonzero(near).astype(np.int64)
    place_of = np.full(near.size, -1, np.int64)
    place_of[sites] = np.arange(len(sites))
    images = [np.transpose(place_of.reshape(shape), order).reshape(-1)[sites] for order in orders]
    return Support(shape, sites, np.array(images))


@dataclass(frozen=True)
class CrystalMaps:
    """Crystals, one a row.

    Attributes:
        tau: float32 [crystal, site of the support].
        numbers: float64 [crystal, number]: log duration, log area, and the moments of `SHARES`.
    """

    tau: Float32Array
    numbers: FloatArray


def crystal_maps(arrival: ArrivalMap, steps: IntArray, support: Support, *, front: int, slope: float) -> CrystalMaps:
    """Return the maps of finished crystals.

    Args:
        arrival: int32 [crystal, *lattice].
        steps: int64 [crystal].
        support: The sites.
        front: Sites from the corner to the stop line.
        slope: Of tau outside the crystals, over that of a tip of constant velocity.
    """
    tau = np.empty((len(arrival), len(support.sites)), np.float32)
    numbers = np.empty((len(arrival), 2 + len(SHARES)))
    for row, (crystal, duration) in enumerate(zip(arrival, steps.tolist(), strict=True)):
        attached = crystal >= INITIAL
        distance = ndimage.distance_transform_edt(~attached)
        whole = np.where(crystal == NEVER, 1 + slope * distance / front, crystal / duration)
        tau[row] = whole.reshape(-1)[support.sites]
        times = np.sort(crystal[attached]) / duration
        places = np.ceil(SHARES * len(times)).astype(np.int64) - 1
        numbers[row] = [np.log(duration), np.log(len(times)), *times[places]]
    return CrystalMaps(tau, numbers)
