"""What coarsening gives: maps at stated times, and sizes and neighbours of every grain in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nakaya.core.arrays import FloatArray, GrainMap, IntArray
from nakaya.theory import length_of_density

__all__ = ["Coarsening", "TopologicalClass"]


@dataclass(frozen=True)
class TopologicalClass:
    """The grains with one number of neighbours.

    Attributes:
        neighbours: n.
        count: How often such a grain kept its neighbours from one frame to the next.
        growth_rate: Mean of dA/dt over these, in units of M gamma; von Neumann and Mullins: pi/3 (n - 6).
        standard_error: Of the mean.
    """

    neighbours: int
    count: int
    growth_rate: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Coarsening:
    """A polycrystal in time.

    Lengths are in m and times in s where mobility, energy and spacing are in SI; in plain numbers otherwise.

    Attributes:
        times: Of the frames, float64 [frame].
        grain_maps: int32 [frame, *lattice]; grains are 0 .. n - 1, and keep their numbers.
        sizes: Area, or volume, of every grain, float64 [frame, grain]; 0 once it has vanished.
        neighbours: int64 [frame, grain].
        names: Number of every grain in the map that was given, int64 [grain].
        spacing: Distance of sites.
        reduced_mobility: M gamma of the greatest energy, m2/s.
        edges: "periodic" or "insulated".
        flags: What to keep in mind.
        settings: What else decided the outcome, as plain values.
        orientations: Quaternions (x, y, z, w) from sample to crystal, float64 [grain, 4], where they are known.
    """

    times: FloatArray
    grain_maps: GrainMap = field(repr=False)
    sizes: FloatArray = field(repr=False)
    neighbours: IntArray = field(repr=False)
    names: IntArray = field(repr=False)
    spacing: float
    reduced_mobility: float
    edges: str
    flags: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    orientations: FloatArray | None = field(default=None, repr=False)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.grain_maps.ndim - 1

    @property
    def num_grains(self) -> IntArray:
        """Grains that own a site, int64 [frame]."""
        return np.array([len(np.unique(grain_map)) for grain_map in self.grain_maps], np.int64)

    @property
    def mean_size(self) -> FloatArray:
        """Area, or volume, of the map over its grains, float64 [frame]."""
        return np.asarray(self.grain_maps[0].size * self.spacing**self.dimension / self.num_grains, np.float64)

    @property
    def density(self) -> FloatArray:
        """Grains per area, or volume, float64 [frame]."""
        return 1 / self.mean_size

    @property
    def characteristic_length(self) -> FloatArray:
        """Lambda that a solidification would have had to leave so many grains (`theory.length_of_density`)."""
        return np.array([length_of_density(density, dimension=self.dimension) for density in self.density.tolist()])

    def relative_radii(self, frame: int = -1) -> FloatArray:
        """Radii of circles, or spheres, of the grains' sizes over their mean, sorted: float64 [grain that is left]."""
        sizes = self.sizes[frame][np.unique(self.grain_maps[frame])]
        radii = np.sort(sizes ** (1 / self.dimension))
        return np.asarray(radii / radii.mean(), np.float64)

    def linear_fit(self, *, least_growth: float = 1.5) -> tuple[float, float]:
        """Return slope and R2 of a line through the mean size against time, in the plane; its rate law is linear.

        Args:
            least_growth: Frames before the mean size has grown by this are left out: a start that was made otherwise
                (a Voronoi map has straight boundaries) takes so long to forget it.

        Returns:
            Slope over M gamma and R2; NaN where fewer than three frames are left.
        """
        used = self.mean_size >= least_growth * self.mean_size[0]
        if used.sum() < 3:
            return float("nan"), float("nan")
        slope = np.polyfit(self.times[used], self.mean_size[used], 1)[0]
        correlation = np.corrcoef(self.times[used], self.mean_size[used])[0, 1]
        return float(slope / self.reduced_mobility), float(correlation**2)

    def topological_classes(self, *, least_sites: float = 60.0) -> tuple[TopologicalClass, ...]:
        """Return the mean growth rate of grains by their number of neighbours, in the plane.

        A grain counts between two frames where it has the same number of neighbours in both.

        Args:
            least_sites: Smaller grains are left out: their area is a few sites.
        """
        least = least_sites * self.spacing**self.dimension
        kept = (self.neighbours[1:] == self.neighbours[:-1]) & (self.neighbours[1:] > 0)
        kept &= (self.sizes[1:] > least) & (self.sizes[:-1] > least)
        rates = np.diff(self.sizes, axis=0) / (np.diff(self.times)[:, None] * self.reduced_mobility)
        found = []
        for number in np.unique(self.neighbours[1:][kept]):
            chosen = rates[kept & (self.neighbours[1:] == number)]
            error = float(chosen.std(ddof=1) / np.sqrt(len(chosen))) if len(chosen) > 1 else float("nan")
            found.append(TopologicalClass(int(number), len(chosen), float(chosen.mean()), error))
        return tuple(found)
