"""A trained stepwise emulator as a grower."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from nakaya.core.errors import ParameterError
from nakaya.core.randomness import member_key
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.constraints import window_of
from nakaya.growth.emulators.protocol import EmulatorFacts, ExtrapolationWarning
from nakaya.growth.emulators.stepwise.config import TrainedFor
from nakaya.growth.emulators.stepwise.network import StepNetwork, in_channels_last
from nakaya.growth.emulators.stepwise.package import StepPackage
from nakaya.growth.emulators.stepwise.rollout import MICRO_BATCH, roll_out
from nakaya.growth.grower_model import in_threads, parameters_of
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import GrowthSetup
from nakaya.growth.model.trajectory import Trajectory
from nakaya.learn.normalisation import Standardiser
from nakaya.learn.threads import torch_threads

__all__ = ["StepEmulator", "check_request"]

CRYSTALS_PER_JOB = 4 * MICRO_BATCH
"""Crystals that one thread carries along together; does not change the result."""

TOLERATED_EXTRAPOLATION = 0.05
"""Share of a condition's training range by which a request may leave it, with a warning."""


class StepEmulator:
    """Grows crystals with trained networks, step by step.

    The same seed gives the same crystals for any number of members, points and threads, on one machine and version of
    torch; other machines may round differently, and one rounded site changes what grows after it.

    Args:
        package: Description of the model.
        network: The networks with their trained weights.
    """

    def __init__(self, package: StepPackage, network: StepNetwork) -> None:
        self.name, self.family = package.name, package.family
        self.package = package
        self.network = in_channels_last(network).eval()
        config = package.network
        names = tuple(config.condition_mean)
        self.standardiser = Standardiser(
            names,
            tuple(config.condition_mean[name] for name in names),
            tuple(config.condition_scale[name] for name in names),
        )

    @property
    def facts(self) -> EmulatorFacts:
        """Solver, time resolution, parameters and training."""
        package = self.package
        return EmulatorFacts(package.solver, package.network.stride, package.parameters, package.training)

    def grow(
        self,
        conditions: Sequence[Conditions],
        setup: GrowthSetup,
        *,
        members: range,
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Grow `members` at every point; see `nakaya.growth.model.grower.Grower`.

        Arrival times and steps are multiples of the stride: a site that attaches in network step k has arrival k
        stride, the end of the stride in which it attached; `time_resolution` says so.

        Raises:
            ParameterError: The request is not what the model was trained for: other geometry, size, margin, initial
                crystal or fixed parameter, or a condition that leaves the training range by more than 5 % of it.

        Warns:
            ExtrapolationWarning: A condition leaves the training range by less.
        """
        check_request(self.name, self.package.trained_for, conditions, setup)
        columns = np.concatenate([self.standardiser.apply(point.parameters()) for point in conditions])
        keys = [
            member_key(seed, point_hash(point), member, stream=self.package.stream)
            for point in conditions
            for member in members
        ]
        condition = np.repeat(columns, len(members), axis=0)
        count = len(keys)
        arrival = np.empty((count, *setup.shape), np.int32)
        steps, codes = np.empty(count, np.int64), np.empty(count, np.int8)
        limit = setup.stop.step_limit(setup.size)

        def grow_job(start: int, tell: Progress, _: Callable[[], bool]) -> None:
            job = slice(start, min(start + CRYSTALS_PER_JOB, count))
            grown = roll_out(
                self.network,
                condition[job],
                keys[job],
                size=setup.size,
                margin=self.package.trained_for.margin,
                step_limit=limit,
                no_growth=setup.stop.no_growth,
            )
            arrival[job], steps[job], codes[job] = grown.arrival, grown.steps, grown.stop_codes
            tell(len(grown.steps))

        with torch_threads(1):
            in_threads(grow_job, range(0, count, CRYSTALS_PER_JOB), workers, progress)
        shape = (len(conditions), len(members))
        return Trajectory(
            arrival.reshape(*shape, *setup.shape),
            steps.reshape(shape),
            codes.reshape(shape),
            parameters_of(conditions),
            replace(
                find_model(self.package.solver).metadata(setup, seed, model_hash=self.package.weights_sha256),
                model=self.name,
                time_resolution=self.package.network.stride,
            ),
        )

    def operations_per_crystal(self, steps: float) -> float:
        """Floating-point operations (2 per multiply-add) of one crystal whose front advances evenly for `steps` steps.

        Counted by torch for what growing needs in every window, and averaged over the windows that a front passes which
        moves at constant speed to the margin; normalisations and activations are not counted.
        """
        config, size = self.package.network, self.package.trained_for.size
        fronts = np.arange(size - self.package.trained_for.margin)
        windows = window_of(fronts, size, config.lookahead)
        counted = {int(window): self._operations(int(window)) for window in np.unique(windows)}
        return float(np.mean([counted[int(window)] for window in windows]) * steps / config.stride)

    @torch.inference_mode()
    def _operations(self, window: int) -> int:
        from torch.utils.flop_counter import FlopCounterMode  # imports a compiler; growing should not wait for it

        features = self.network.features_of(torch.zeros(1, len(self.standardiser.names)))
        frame = torch.zeros(1, 1, window, window)
        with FlopCounterMode(display=False) as counter:
            context = self.network.read(frame, features)
            self.network.decode(context, self.network.prior_at(context).mean)
        return int(counter.get_total_flops())


def check_request(name: str, trained: TrainedFor, conditions: Sequence[Conditions], setup: GrowthSetup) -> None:
    """Check that a request is one that the model was trained for.

    What the network has no input for (lattice, margin, parameters that did not vary) must be as in training. A
    condition that did vary may leave its range by up to 5 % of it, with a warning: the network interpolates, and its
    errors grow slowly just outside. Farther out its crystals mean nothing.

    Raises:
        ParameterError: It is not.

    Warns:
        ExtrapolationWarning: A condition lies a little outside of its training range.
    """
    wanted = f"{name} was trained for geometry='sector', size={trained.size}, margin={trained.margin}"
    if setup.geometry != "sector" or setup.size != trained.size:
        raise ParameterError(
            f"geometry={setup.geometry!r} with size={setup.size} cannot be emulated: {wanted}; use the solver instead"
        )
    if setup.stop.margin != trained.margin:
        raise ParameterError(f"margin={setup.stop.margin} cannot be emulated: {wanted}; use the solver instead")
    if setup.initial != ((0, 0),):
        raise ParameterError(f"initial={list(setup.initial)} cannot be emulated: {name} starts from [(0, 0)] alone")
    outside: set[str] = set()
    for point in conditions:
        values = point.parameters()
        for parameter, value in trained.fixed.items():
            if values[parameter] != value:
                raise ParameterError(
                    f"{parameter}={values[parameter]:g} cannot be emulated: {name} was trained at "
                    f"{parameter}={value:g} alone; use the solver instead"
                )
        for parameter, low in trained.low.items():
            high, value = trained.high[parameter], values[parameter]
            excess = max(low - value, value - high)
            if excess > TOLERATED_EXTRAPOLATION * (high - low):
                raise ParameterError(
                    f"{parameter}={value:g} cannot be emulated: {name} was trained for {parameter} from {low:g} to "
                    f"{high:g}; use the solver instead"
                )
            if excess > 0.0:
                outside.add(f"{parameter}={value:g} (trained for {low:g} to {high:g})")
    for condition in sorted(outside):
        warnings.warn(f"{name} extrapolates to {condition}", ExtrapolationWarning, stacklevel=4)
