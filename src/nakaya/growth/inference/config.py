"""How a posterior is learned: the numbers. Reading them does not need torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nakaya.core.checks import check_count
from nakaya.core.errors import ParameterError
from nakaya.learn.config import LoopConfig

__all__ = ["PosteriorSettings"]

MAX_WIDTH = 1024


@dataclass(frozen=True)
class PosteriorSettings:
    """What the network is told, its sizes, and how it is trained.

    Attributes:
        loop: Updates, learning rate and so on.
        sees: "measures" of shape, the "picture" itself, or "both".
        regressed: Whether regressions on the measures are told in place of these: for hundreds of crystals, not more.
        has_times: Whether attachment times are told, or the shape alone.
        snapshots: Observations of every crystal: 1 is its last shape; of more, the others are younger.
        least_size: Extent of the youngest, as a fraction of the last.
        snapshot_seed: Of the extents between.
        statistics: Numbers that a member keeps of what it is told; its posterior depends on nothing else.
        hidden: Width of its perceptrons.
        transforms: Of its flow.
        bins: Of the flow's splines.
        members: Networks whose densities are averaged; each starts from other weights.
        dropout: Fraction of the hidden units left out in an update.
        side: Pixels along a side of the picture that a network sees.
        batch: Crystals of an update.
        threads: Of torch.

    Raises:
        ParameterError: A number is out of range.
    """

    loop: LoopConfig
    sees: Literal["measures", "picture", "both"] = "measures"
    regressed: bool = False
    has_times: bool = False
    snapshots: int = 1
    least_size: float = 0.5
    snapshot_seed: int = 0
    statistics: int = 8
    hidden: int = 64
    transforms: int = 3
    bins: int = 8
    members: int = 1
    dropout: float = 0.0
    side: int = 64
    batch: int = 256
    threads: int = 2

    def __post_init__(self) -> None:
        for name, most in (("snapshots", 1024), ("statistics", MAX_WIDTH), ("hidden", MAX_WIDTH), ("batch", 65_536)):
            check_count(name, getattr(self, name), 1, most)
        for name, most in (("transforms", 16), ("members", 64), ("threads", 256)):
            check_count(name, getattr(self, name), 1, most)
        check_count("bins", self.bins, 2, 64)
        check_count("side", self.side, 16, 512)
        if self.sees not in ("measures", "picture", "both"):
            raise ParameterError(f"sees={self.sees!r} is not known: measures, picture or both")
        if self.regressed and (self.sees != "measures" or self.snapshots != 1):
            raise ParameterError(
                f"regressed with sees={self.sees!r} and snapshots={self.snapshots}: regressions are on measures, of "
                "one observation of each crystal"
            )
        if not 0 <= self.dropout < 1 or not 0 < self.least_size <= 1:
            raise ParameterError(
                f"dropout={self.dropout:g}, least_size={self.least_size:g}: expected fractions in [0, 1) and (0, 1]"
            )

    @property
    def updates(self) -> int:
        """Updates that the training takes."""
        return self.loop.updates
