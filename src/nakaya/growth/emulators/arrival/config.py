"""What an emulator of this family is made of, and what is tried for it: the table `settings` of a training file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError

__all__ = ["ArrivalSettings", "Candidates", "Covered"]

MeanKind = Literal["cubic", "perceptron", "gaussian-process"]


@dataclass(frozen=True)
class Candidates:
    """Values that are tried on the validation points, one setting after another, in this order; empty: none.

    Attributes:
        neighbours: Of `ArrivalSettings`, as are all.
        is_scaled: Whether residual maps are scaled.
        modes: Numbers of modes.
        slope: Slopes outside the crystals.
    """

    neighbours: tuple[int, ...] = (8, 16, 32, 64)
    is_scaled: tuple[bool, ...] = (True, False)
    modes: tuple[int, ...] = (10, 20, 40)
    slope: tuple[float, ...] = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class ArrivalSettings:
    """Where the search begins, and what it does not change.

    Attributes:
        mean: Regression of the mean: "cubic" (a polynomial), "perceptron" (a network, needs torch) or
            "gaussian-process".
        site_stride: The emulator knows every so many-th site of the solver's lattice along each axis.
        exchanges_axes: Whether the lattice's axes are equivalent: in mirrored geometries, for crystals in line with it.
        modes: Principal components of the maps that the mean is regressed on.
        slope: Of tau outside the crystals, over a tip's.
        neighbours: Training crystals that a point's members borrow residuals from.
        is_scaled: Whether residual maps are scaled by the predicted spread.
        keeps_curve: Whether growth curves are made to be the predicted ones.
        bank_modes: Modes in which residuals are kept; 0: as they are.
        width: Units of the perceptron's two hidden layers.
        updates: Of the perceptron.
        weight_decay: Of the perceptron.
        seed: Of the perceptron's first weights.
        search: What is tried on the validation points.

    Raises:
        ParameterError: A number is out of range.
    """

    mean: MeanKind = "cubic"
    site_stride: int = 1
    exchanges_axes: bool = True
    modes: int = 20
    slope: float = 1.0
    neighbours: int = 16
    is_scaled: bool = True
    keeps_curve: bool = True
    bank_modes: int = 0
    width: int = 64
    updates: int = 500
    weight_decay: float = 0.1
    seed: int = 0
    search: Candidates = Candidates()

    def __post_init__(self) -> None:
        check_count("site_stride", self.site_stride, 1, 64)
        check_count("modes", self.modes, 1, 4096)
        check_count("neighbours", self.neighbours, 1, 100_000)
        check_count("bank_modes", self.bank_modes, 0, 100_000)
        check_count("width", self.width, 1, 4096)
        check_count("updates", self.updates, 1, 10_000_000)
        if not self.slope > 0:
            raise ParameterError(
                f"slope={self.slope} is not positive: it continues attachment times outside the crystals"
            )

    def as_plain(self) -> dict[str, Any]:
        """All values as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Covered:
    """The requests that the training crystals cover.

    Attributes:
        geometry: Name of the geometry.
        size: Sites along every axis, of the emulator's lattice.
        margin: Distance from the far edge at which growth stops, in its sites.
        low: Least value of each parameter that varied.
        high: Greatest value of each.
        logarithmic: Which of them varied on a logarithmic scale.
        fixed: Value of each parameter that did not vary.
    """

    geometry: str
    size: int
    margin: int
    low: dict[str, float]
    high: dict[str, float]
    logarithmic: tuple[str, ...]
    fixed: dict[str, float]

    def __post_init__(self) -> None:
        if sorted(self.low) != sorted(self.high) or not self.low:
            raise ParameterError(f"low={self.low} and high={self.high} must name the same parameters, at least one")

    @property
    def stop_line(self) -> int:
        """Index along an axis at which growth stops."""
        return self.size - self.margin
