"""The emulator as a grower: it takes the solver's points, and gives trajectories like the solver's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nakaya.core.errors import ParameterError
from nakaya.core.randomness import member_key
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.arrival.config import Covered
from nakaya.growth.emulators.arrival.model import ArrivalModel
from nakaya.growth.emulators.arrival.package import ArrivalPackage, conditions_of, read_package
from nakaya.growth.emulators.protocol import EmulatorFacts, ExtrapolationWarning
from nakaya.growth.grower_model import in_threads, parameters_of
from nakaya.growth.model.grower import Progress
from nakaya.growth.model.parameters import Conditions, point_hash
from nakaya.growth.model.setup import FRONT, STEPS, GrowthSetup
from nakaya.growth.model.trajectory import NEVER, Trajectory

__all__ = ["STREAM", "ArrivalEmulator", "load_emulator"]

STREAM = "arrival"
"""Keeps an emulator's draws apart from a solver's noise."""

TOLERATED_EXTRAPOLATION = 0.05
"""Share of a condition's training range by which a request may leave it, with a warning."""


class ArrivalEmulator:
    """Grows crystals in one pass: mean map, a borrowed residual, repairs.

    The same seed gives the same crystals for any number of members, points and threads. At one point at most as many
    different crystals grow as there are donors times exchanges of the axes.

    Args:
        package: Description of the model.
        model: The model.
    """

    def __init__(self, package: ArrivalPackage, model: ArrivalModel) -> None:
        self.name, self.family = package.name, package.family
        self.package, self.model = package, model

    @property
    def facts(self) -> EmulatorFacts:
        """Solver, time resolution, parameters and training."""
        package = self.package
        return EmulatorFacts(package.solver, 1, package.parameters, package.training)

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

        Raises:
            ParameterError: The request is not what the model was trained for.

        Warns:
            ExtrapolationWarning: A condition leaves the training range by up to 5 % of it.
        """
        package = self.package
        check_request(self.name, package.covered, conditions, setup, package.initial)
        columns = package.standardiser.apply(conditions_of(parameters_of(conditions), package.covered))
        standard = columns.astype(np.float64)
        arrival = np.full((len(conditions), len(members), *setup.shape), NEVER, np.int32)
        steps = np.empty((len(conditions), len(members)), np.int64)

        def grow_one(place: int, tell: Progress, _: Callable[[], bool]) -> None:
            point = point_hash(conditions[place])
            keys = [member_key(seed, point, member, stream=STREAM) for member in members]
            steps[place] = self.model.grow_point(standard[place], keys, arrival[place])
            tell(len(keys))

        in_threads(grow_one, range(len(conditions)), workers, progress)
        limit = setup.stop.step_limit(setup.size)
        codes = np.full(steps.shape, FRONT, np.int8)
        if limit is not None:
            codes[steps > limit] = STEPS
            arrival[arrival > limit] = NEVER
            steps = np.minimum(steps, limit)
        solver = find_model(package.solver)
        spacing = package.covered.fixed.get("spacing")
        metadata = solver.metadata(
            setup,
            seed,
            model_hash=package.weights_sha256,
            site_spacing=None if spacing is None else spacing * package.settings.site_stride,
        )
        metadata = replace(metadata, model=self.name, fields=())
        return Trajectory(arrival, steps, codes, parameters_of(conditions), metadata)

    def operations_per_crystal(self, steps: float) -> float:
        """Floating-point operations (2 per multiply-add) of one crystal alone; they do not depend on its steps.

        The sum of the modes, the residual, and the search for the shift of the flanks; repairs compare and copy.
        """
        num_modes, num_sites = self.model.mean.basis.shape
        return float(num_sites * (2 * num_modes + 3 + 2 * 13 * 6))


def check_request(
    name: str, covered: Covered, conditions: Sequence[Conditions], setup: GrowthSetup, initial: Sequence[int]
) -> None:
    """Check that a request is one that the model was trained for.

    Raises:
        ParameterError: It is not.

    Warns:
        ExtrapolationWarning: A condition lies a little outside of its training range.
    """
    wanted = f"{name} was trained for geometry={covered.geometry!r}, size={covered.size}, margin={covered.margin}"
    if setup.geometry != covered.geometry or set(setup.shape) != {covered.size}:
        raise ParameterError(
            f"geometry={setup.geometry!r} with shape={setup.shape} cannot be emulated: {wanted}; use the solver instead"
        )
    if setup.stop.margin != covered.margin:
        raise ParameterError(f"margin={setup.stop.margin} cannot be emulated: {wanted}; use the solver instead")
    if np.ravel_multi_index(tuple(np.array(setup.initial).T), setup.shape).tolist() != list(initial):
        raise ParameterError(f"initial={list(setup.initial)} cannot be emulated: {name} starts from its corner alone")
    if setup.stop.no_growth < type(setup.stop)().no_growth:
        raise ParameterError(
            f"no_growth={setup.stop.no_growth} cannot be emulated: {name} knows no pauses; leave it as it is"
        )
    outside: set[str] = set()
    for point in conditions:
        values = point.parameters()
        for parameter, value in covered.fixed.items():
            if values[parameter] != value:
                raise ParameterError(
                    f"{parameter}={values[parameter]:g} cannot be emulated: {name} was trained at "
                    f"{parameter}={value:g} alone; use the solver instead"
                )
        for parameter, low in covered.low.items():
            high, value = covered.high[parameter], values[parameter]
            excess = max(low - value, value - high)
            if excess > TOLERATED_EXTRAPOLATION * (high - low) or (parameter in covered.logarithmic and value <= 0):
                raise ParameterError(
                    f"{parameter}={value:g} cannot be emulated: {name} was trained for {parameter} from {low:g} to "
                    f"{high:g}; use the solver instead"
                )
            if excess > 0.0:
                outside.add(f"{parameter}={value:g} (trained for {low:g} to {high:g})")
    for condition in sorted(outside):
        warnings.warn(f"{name} extrapolates to {condition}", ExtrapolationWarning, stacklevel=4)


def load_emulator(folder: Path) -> ArrivalEmulator:
    """Return the trained emulator in a folder.

    Raises:
        InputFileError: A file is missing or cannot be read.
        FormatError: It is none of ours, or is damaged.
    """
    return ArrivalEmulator(*read_package(folder))
