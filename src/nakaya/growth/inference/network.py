"""The network: what is seen of a crystal becomes a few statistics, and a normalising flow the density given these.

Neural posterior estimation (G. Papamakarios & I. Murray, NeurIPS 2016; D. Greenberg et al., ICML 2019) with neural
spline flows (C. Durkan et al., NeurIPS 2019), those of the library zuko. Parameters stand on the unbounded scale of
`Prior.to_unbounded`.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import zuko
from torch import Tensor, nn

from nakaya.growth.inference.config import PosteriorSettings

__all__ = ["PosteriorNetwork"]

CLIP = 8.0
"""Standardised measures farther from the mean than this many standard deviations count as so far: a stranger shall not
drive the network anywhere. That it is one, the distance from the training crystals says."""

CHANNELS = (8, 16, 24, 32)
"""Of the convolutions; each halves the picture."""


def _perceptron(told: int, hidden: int, statistics: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(told, hidden), nn.SiLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(dropout),
        nn.Linear(hidden, statistics),
    )  # fmt: skip


def _convolutions(side: int) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    before = 3  # occupancy and the site's two coordinates: where something lies is what tells
    for channels in CHANNELS:
        layers += [nn.Conv2d(before, channels, 3, stride=2, padding=1), nn.GroupNorm(4, channels), nn.SiLU()]
        before, side = channels, (side + 1) // 2
    layers += [nn.Flatten()]
    return nn.Sequential(*layers), before * side * side


class _Member(nn.Module):
    """One network: statistics, and a flow given these."""

    def __init__(self, num_parameters: int, num_told: int, settings: PosteriorSettings) -> None:
        super().__init__()
        self.side = settings.side
        self.sees = settings.sees
        told = 0 if settings.sees == "picture" else num_told
        self.eye: nn.Module | None = None
        if settings.sees != "measures":
            self.eye, seen = _convolutions(settings.side)
            told += seen
        self.head = _perceptron(told, settings.hidden, settings.statistics, settings.dropout)
        self.flow: Any = zuko.flows.NSF(  # zuko's lazy distributions are untyped
            num_parameters,
            settings.statistics,
            transforms=settings.transforms,
            bins=settings.bins,
            hidden_features=(settings.hidden, settings.hidden),
            activation=nn.SiLU,
        )

    def statistics(self, numbers: Tensor, picture: Tensor | None) -> Tensor:
        told = [] if self.sees == "picture" else [numbers]
        if self.eye is not None:
            assert picture is not None
            along = torch.linspace(0, 1, self.side, device=picture.device)
            rows = along[:, None].expand(self.side, self.side).expand(len(picture), 1, -1, -1)
            seen = torch.cat([picture[:, None].float(), rows, rows.transpose(-1, -2)], dim=1)
            told.append(self.eye(seen))
        return cast(Tensor, self.head(torch.cat(told, dim=1)))


class PosteriorNetwork(nn.Module):
    """Density of parameters given what is seen of a crystal: the mean over members.

    Args:
        num_parameters: Parameters that are asked for.
        num_measures: Measures of a crystal.
        settings: Sizes.
        num_support: Crystals of the regression, where there is one.

    Attributes:
        mean: Of the measures of the training crystals, [measure].
        scale: Their standard deviations, [measure].
        whitening: Turns standardised measures into independent ones of unit variance, [measure, measure].
        support: Standardised measures of the regression's crystals, [crystal, measure].
        dual: Their weights, float64 [crystal, parameter].
        lengths: Of the regression's kernels, float64 [parameter].
        spread: Standard deviations of what the regression says, float64 [parameter].
    """

    mean: Tensor
    scale: Tensor
    whitening: Tensor
    support: Tensor
    dual: Tensor
    lengths: Tensor
    spread: Tensor

    def __init__(
        self, num_parameters: int, num_measures: int, settings: PosteriorSettings, num_support: int = 0
    ) -> None:
        super().__init__()
        self.num_parameters, self.is_regressed = num_parameters, settings.regressed
        self.register_buffer("mean", torch.zeros(num_measures))
        self.register_buffer("scale", torch.ones(num_measures))
        self.register_buffer("whitening", torch.eye(num_measures))
        if settings.regressed:
            self.register_buffer("support", torch.zeros(num_support, num_measures))
            self.register_buffer("dual", torch.zeros(num_support, num_parameters, dtype=torch.float64))
            self.register_buffer("lengths", torch.ones(num_parameters, dtype=torch.float64))
            self.register_buffer("spread", torch.ones(num_parameters, dtype=torch.float64))
        told = num_parameters if settings.regressed else num_measures
        self.members = nn.ModuleList(_Member(num_parameters, told, settings) for _ in range(settings.members))

    def standardise(self, measures: Tensor) -> Tensor:
        """Return measures [crystal, measure] in standard deviations from the mean."""
        return (measures - self.mean) / self.scale

    def tell(self, measures: Tensor) -> Tensor:
        """Return the numbers that members are told, from measures [crystal, measure]: [crystal, number]."""
        standard = self.standardise(measures).clamp(-CLIP, CLIP)
        if not self.is_regressed:
            return standard
        apart = torch.cdist(standard.double(), self.support.double()) ** 2
        said = [
            torch.exp(-0.5 * apart / self.lengths[place] ** 2) @ self.dual[:, place]
            for place in range(self.num_parameters)
        ]
        return (torch.stack(said, dim=1) / self.spread).float()

    def statistics(self, told: Tensor, picture: Tensor | None) -> list[Tensor]:
        """Return the statistics of every member, each [crystal, statistic], which alone its density depends on."""
        return [cast(_Member, member).statistics(told, picture) for member in self.members]

    def log_density(self, unbounded: Tensor, told: Tensor, picture: Tensor | None) -> Tensor:
        """Return the log density of each member, [member, crystal].

        Args:
            unbounded: Parameters on the unbounded scale, [crystal, parameter].
            told: What `tell` made of measures, [crystal, number].
            picture: Occupied fraction of pixels, [crystal, row, column]; None where no member sees it.
        """
        return torch.stack(
            [
                cast(Tensor, cast(_Member, member).flow(statistics).log_prob(unbounded))
                for member, statistics in zip(self.members, self.statistics(told, picture), strict=True)
            ]
        )

    def draw(self, told: Tensor, picture: Tensor | None, count: int, *, generator: torch.Generator) -> Tensor:
        """Return draws on the unbounded scale, [crystal, draw, parameter], members in equal numbers but for one."""
        found = self.statistics(told, picture)
        counts = [count // len(found) + (place < count % len(found)) for place in range(len(found))]
        parts = []
        for member, statistics, wanted in zip(self.members, found, counts, strict=True):
            normal = torch.randn(wanted, len(statistics), self.num_parameters, generator=generator)
            parts.append(cast(_Member, member).flow(statistics).transform.inv(normal))
        return torch.cat(parts).transpose(0, 1)

    def distance(self, measures: Tensor) -> Tensor:
        """Return the Mahalanobis distance of measures from those of the training crystals, [crystal]."""
        return cast(Tensor, torch.linalg.vector_norm(self.standardise(measures) @ self.whitening, dim=1))
