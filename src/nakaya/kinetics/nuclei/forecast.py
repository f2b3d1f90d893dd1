"""What all models of the fate of nuclei have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nakaya.core.arrays import FloatArray
from nakaya.kinetics.models.protocol import Settings
from nakaya.kinetics.nuclei.samples import NucleusSample

__all__ = ["FateModel", "Forecast"]


class Forecast(Protocol):
    """A fitted model."""

    def __call__(self, nuclei: Sequence[NucleusSample], /) -> FloatArray:
        """Expected change of every nucleus, float64 [nucleus]; labels are not looked at."""
        ...


class FateModel(Protocol):
    """A way to learn the change of nuclei.

    Attributes:
        name: As in the table.
        grid: All settings that the inner cross-validation chooses from.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def grid(self) -> Sequence[Settings]: ...  # noqa: D102

    def fit(self, nuclei: Sequence[NucleusSample], settings: Settings, *, seed: int) -> Forecast:
        """Fit nuclei with one of the settings; everything random comes from `seed`."""
        ...
