"""The crystals that an emulator was trained on, from what the emulator says about its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from nakaya.core.arrays import IntArray
from nakaya.core.errors import FormatError, ParameterError
from nakaya.growth.campaigns.config import plain_points, sample_parameters
from nakaya.growth.campaigns.sampling import Axis, PointsPlan
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.protocol import Emulator
from nakaya.growth.grower_model import points_of, setup_from_metadata
from nakaya.growth.model.parameters import Conditions
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.store.splits import split_training

__all__ = ["TrainingCampaign", "split_training"]


@dataclass(frozen=True)
class TrainingCampaign:
    """The campaign that an emulator was trained on, as its description says.

    Attributes:
        name: The emulator's name.
        setup: Lattice, initial crystals, edges, stop rules.
        plan: Which parameter points.
        fixed: The parameters that did not vary.
        seed: Of the noise in the crystals.
        family: The parameter space.
        validation_points: How many points were kept out of the training.
        split_seed: Of their choice.
    """

    name: str
    setup: GrowthSetup
    plan: PointsPlan
    fixed: Mapping[str, float]
    seed: int
    family: type[Conditions]
    validation_points: int
    split_seed: int

    @classmethod
    def of(cls, emulator: Emulator) -> TrainingCampaign:
        """Return the campaign of an emulator.

        Raises:
            FormatError: It does not say which crystals it was trained on.
        """
        training = emulator.facts.training
        campaign = training.get("campaign")
        if campaign is None:
            raise FormatError(
                f"{emulator.name} was trained on crystals without a campaign: they cannot be grown again for the "
                "look-up table; train from a sweep file"
            )
        model = find_model(campaign["model"])
        plan, fixed = plain_points(campaign["points"])
        return cls(
            name=emulator.name,
            setup=setup_from_metadata(campaign["geometry"], model),
            plan=plan,
            fixed=fixed,
            seed=campaign["seed"],
            family=model.family,
            validation_points=training["validation_points"],
            split_seed=training["split_seed"],
        )

    @property
    def varying(self) -> tuple[str, ...]:
        """The parameters that vary."""
        return tuple(self.plan.vary)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Least and greatest value of every parameter that varies."""
        bounds = {}
        for name, axis in self.plan.vary.items():
            values = axis.values if axis.values is not None else (cast(float, axis.low), cast(float, axis.high))
            bounds[name] = (min(values), max(values))
        return bounds

    def points(self, plan: PointsPlan) -> list[Conditions]:
        """The points of a plan, with the parameters that do not vary."""
        return points_of(self.family, sample_parameters(plan, self.fixed, self.family))

    def training_points(self) -> tuple[list[Conditions], IntArray, IntArray]:
        """All points of the campaign, and which of them are for training and for validation."""
        everything = self.points(self.plan)
        parts = split_training(len(everything), self.validation_points, self.split_seed)
        return everything, parts["training"], parts["validation"]

    def held_out_points(self, count: int, seed: int) -> list[Conditions]:
        """Points evenly spread over the same ranges, none of them a point of the campaign.

        A parameter that has a list of values in the campaign has one of these here as well.
        """
        lists = {name: axis.values for name, axis in self.plan.vary.items() if axis.values is not None}
        if len(lists) == len(self.plan.vary):
            raise ParameterError(
                f"all parameters of the campaign of {self.name} have lists of values: every held-out point would be "
                "one of its own; give one of them low and high"
            )
        bounds = {name: (0.0, 1.0) if name in lists else bound for name, bound in self.bounds.items()}
        plan = PointsPlan("sobol", {name: Axis(low, high) for name, (low, high) in bounds.items()}, count, seed)
        found = sample_parameters(plan, self.fixed, self.family)
        for name, values in lists.items():
            places = np.minimum((found[name] * len(values)).astype(np.int64), len(values) - 1)
            found[name] = np.asarray(values, np.float64)[places]
        points = points_of(self.family, found)
        known = {tuple(point.parameters().values()) for point in self.training_points()[0]}
        if any(tuple(point.parameters().values()) in known for point in points):
            raise ParameterError(f"a held-out point is a point of the campaign of {self.name}: use another seed")
        return points
