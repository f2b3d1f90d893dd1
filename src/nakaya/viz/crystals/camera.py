"""From where a crystal in three dimensions is seen: parallel rays, so that one scale holds across the whole picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError

__all__ = ["Camera"]


@dataclass(frozen=True)
class Camera:
    """A direction of view; x points along columns, y along rows, z along layers, and z is up in the picture.

    Attributes:
        azimuth: Angle from x towards y of the direction towards who looks, degrees.
        elevation: Its angle above the plane of x and y, degrees, in [-90, 90].

    Raises:
        ParameterError: An angle that is no direction.

    >>> Camera(azimuth=-90, elevation=90).axes.round(12) + 0.0  # from above, columns to the right and rows up
    array([[0., 0., 1.],
           [0., 1., 0.],
           [1., 0., 0.]])
    """

    azimuth: float = 28.0
    elevation: float = 24.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.azimuth):
            raise ParameterError(f"azimuth={self.azimuth} is no angle: it is given in degrees")
        if not -90 <= self.elevation <= 90:
            raise ParameterError(f"elevation={self.elevation} is outside [-90, 90] degrees: 90 is seen from above")

    @property
    def axes(self) -> FloatArray:
        """Right, up and towards who looks, as steps along (layer, row, column): float64 [3, 3], orthonormal."""
        turn, rise = math.radians(self.azimuth), math.radians(self.elevation)
        sin, cos = math.sin(turn), math.cos(turn)
        right = (0.0, cos, -sin)
        up = (math.cos(rise), -math.sin(rise) * sin, -math.sin(rise) * cos)
        towards = (math.sin(rise), math.cos(rise) * sin, math.cos(rise) * cos)
        return np.array([right, up, towards])

    def extent(self, sites: FloatArray) -> tuple[float, float]:
        """Return half the width and half the height that hold `sites` at this elevation, whatever the azimuth.

        Args:
            sites: Offsets (layer, row, column) from the centre, float64 [n, 3].
        """
        rise = math.radians(self.elevation)
        height, radius = np.abs(sites[:, 0]), np.hypot(sites[:, 1], sites[:, 2])
        return float(radius.max()), float((height * math.cos(rise) + radius * abs(math.sin(rise))).max())
