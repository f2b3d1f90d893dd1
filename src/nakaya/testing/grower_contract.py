"""The contract that every grower keeps, as tests to inherit.

    class TestMySolver(GrowerContract):
        def make_grower(self) -> Grower:
            return MySolver()

        def make_points(self) -> list[Conditions]:
            return [MyConditions(x=1.0), MyConditions(x=2.0)]

        def make_setup(self) -> GrowthSetup:
            return make_setup("full", 16)

pytest then collects one test for each promise. Needs pytest only in so far as it collects methods named `test_...`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nakaya.core.errors import ParameterError
from nakaya.core.provenance import package_version
from nakaya.growth.lattice.geometry import stop_mask
from nakaya.growth.lattice.lattice import LATTICES
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions, stated_in
from nakaya.growth.model.setup import GrowthSetup, StopRules
from nakaya.growth.model.trajectory import INITIAL, NEVER, Trajectory
from nakaya.growth.store.store import open_store
from nakaya.growth.store.writing import save

__all__ = ["GrowerContract", "assert_same_crystals"]

SEED = 20
MEMBERS = 5


class GrowerContract(ABC):
    """Promises of `nakaya.growth.model.grower.Grower`. Subclasses say what to test.

    Attributes:
        has_noise: Whether members of one point differ; a model without noise says False.
    """

    has_noise: ClassVar[bool] = True

    @abstractmethod
    def make_grower(self) -> Grower:
        """The grower under test."""

    @abstractmethod
    def make_points(self) -> list[Conditions]:
        """At least two different points, cheap to grow, with noise."""

    @abstractmethod
    def make_setup(self) -> GrowthSetup:
        """A small lattice."""

    def grow(self, points: list[Conditions], members: range, *, seed: int = SEED, workers: int = 1) -> Trajectory:
        """Grow with the subclass's setup."""
        return self.make_grower().grow(points, self.make_setup(), members=members, seed=seed, workers=workers)

    def test_it_satisfies_the_protocol(self) -> None:
        """It has a name, a family and a method `grow`."""
        grower = self.make_grower()
        assert isinstance(grower, Grower)
        assert all(point.family == grower.family for point in self.make_points())

    def test_shapes_types_and_values_are_those_of_the_schema(self) -> None:
        """Arrival maps, steps, stop codes, parameters and metadata fit together."""
        points, setup = self.make_points(), self.make_setup()
        crystals = self.grow(points, range(MEMBERS))
        assert crystals.arrival.shape == (len(points), MEMBERS, *setup.shape)
        kinds = [array.dtype.name for array in (crystals.arrival, crystals.steps, crystals.stop_codes)]
        assert kinds == ["int32", "int64", "int8"]
        assert crystals.arrival.min() >= NEVER
        assert (crystals.arrival.max(axis=_lattice_axes(crystals)) <= crystals.steps).all()
        assert set(crystals.stopped_by.ravel()) <= {"front", "steps", "no-growth"}
        for number, point in enumerate(points):
            assert {name: values[number] for name, values in crystals.parameters.items()} == point.parameters()
        metadata = crystals.metadata
        assert (metadata.model, metadata.seed) == (self.make_grower().name, SEED)
        assert metadata.package_version == package_version()
        assert metadata.time_resolution >= 1
        assert metadata.geometry == setup.as_metadata()
        assert metadata.dimension == len(setup.shape)

    def test_grains_and_fields_are_what_it_states(self) -> None:
        """Attached sites belong to a crystal and others to none; fields are float32, finite where they are defined."""
        crystals = self.grow(self.make_points(), range(2))
        if crystals.grain is not None:
            assert crystals.grain.dtype == np.int32
            assert ((crystals.grain >= 0) == (crystals.arrival >= INITIAL)).all()
        assert list(crystals.fields) == [entry.name for entry in crystals.metadata.fields]
        for values in crystals.fields.values():
            assert values.dtype == np.float32
            assert values.shape == crystals.arrival.shape
            assert not np.isinf(values).any()

    def test_a_store_gives_back_what_was_grown(self, tmp_path: Path) -> None:
        """Saved and opened, the crystals are the same."""
        crystals = self.grow(self.make_points(), range(2))
        save(crystals, tmp_path / "crystals.zarr")
        assert_same_crystals(crystals, open_store(tmp_path / "crystals.zarr").load())

    def test_it_starts_from_the_initial_crystals_and_grows(self) -> None:
        """Step 0 shows the initial sites and no others; something attaches afterwards."""
        crystals = self.grow(self.make_points(), range(2))
        start = np.zeros(self.make_setup().shape, np.bool_)
        for site in self.make_setup().initial:  # of none where a model begins with melt alone
            start[site] = True
        assert ((crystals.arrival == INITIAL) == start).all()
        assert (crystals.arrival > INITIAL).any(axis=_lattice_axes(crystals)).all()

    def test_the_same_seed_gives_the_same_crystals_and_another_seed_others(self) -> None:
        """Noise comes from the seed alone."""
        points = self.make_points()
        first, again = self.grow(points, range(MEMBERS)), self.grow(points, range(MEMBERS))
        assert_same_crystals(first, again)
        other = self.grow(points, range(MEMBERS), seed=SEED + 1)
        assert (first.arrival != other.arrival).any() == self.has_noise

    def test_members_differ(self) -> None:
        """Not all members of a noisy point are one crystal."""
        crystals = self.grow(self.make_points(), range(MEMBERS))
        assert (crystals.arrival[:, 1:] != crystals.arrival[:, :1]).any() == self.has_noise

    def test_a_member_does_not_depend_on_how_many_are_grown_with_it(self) -> None:
        """Members one by one, or a later range, equal those of the whole."""
        points = self.make_points()
        whole = self.grow(points, range(MEMBERS))
        for members in (range(1), range(2, 3), range(3, MEMBERS)):
            part = self.grow(points, members)
            chosen = slice(members.start, members.stop)
            assert (part.arrival == whole.arrival[:, chosen]).all()
            assert (part.steps == whole.steps[:, chosen]).all()
            assert (part.stop_codes == whole.stop_codes[:, chosen]).all()

    def test_a_point_does_not_depend_on_the_order_of_the_points(self) -> None:
        """Points reversed, or one alone, give the same crystals."""
        points = self.make_points()
        whole, reverse = self.grow(points, range(2)), self.grow(points[::-1], range(2))
        alone = self.grow(points[-1:], range(2))
        assert (whole.arrival == reverse.arrival[::-1]).all()
        assert (whole.arrival[-1:] == alone.arrival).all()

    def test_the_number_of_workers_does_not_matter(self) -> None:
        """Two and three threads give what one gives."""
        points = self.make_points()
        one = self.grow(points, range(MEMBERS))
        for workers in (2, 3):
            assert_same_crystals(one, self.grow(points, range(MEMBERS), workers=workers))

    def test_it_stops_at_the_margin(self) -> None:
        """No site that meets the front rule attaches before the last step, nor unless the rule ended the growth."""
        crystals, setup = self.grow(self.make_points(), range(MEMBERS)), self.make_setup()
        at_front = stop_mask(setup, LATTICES[crystals.metadata.lattice])
        reached = np.where(at_front & (crystals.arrival > INITIAL), crystals.arrival, NEVER)
        first = np.where(reached == NEVER, np.iinfo(np.int32).max, reached).min(axis=_lattice_axes(crystals))
        stopped = crystals.stopped_by == "front"
        assert ((reached.max(axis=_lattice_axes(crystals)) > NEVER) == stopped).all()
        assert (first[stopped] == crystals.steps[stopped]).all()

    def test_it_stops_after_so_many_steps(self) -> None:
        """With fewer steps allowed a crystal has the same history up to there."""
        whole = self.grow(self.make_points(), range(MEMBERS))
        resolution = whole.metadata.time_resolution
        limit = max(int(whole.steps.min()) // 2 // resolution, 1) * resolution
        part = self._grow_with_rules(max_steps=limit)
        if part is None:
            return
        shorter = whole.steps > limit
        assert (part.steps == np.minimum(whole.steps, limit)).all()
        assert (part.stopped_by[shorter] == "steps").all()
        assert (part.arrival == np.where(whole.arrival <= limit, whole.arrival, NEVER)).all()

    def test_it_stops_when_nothing_attaches(self) -> None:
        """No crystal goes on after a step without an attachment where one is one too many."""
        crystals = self._grow_with_rules(no_growth=1)
        if crystals is None:
            return
        for arrival, steps in zip(
            crystals.arrival.reshape(crystals.steps.size, -1), crystals.steps.ravel(), strict=True
        ):
            moments = np.unique(np.append(arrival[arrival >= INITIAL], steps))
            assert np.diff(moments).max(initial=0) <= crystals.metadata.time_resolution

    def test_stop_rules_of_its_own_end_growth(self) -> None:
        """The least or the greatest value of each rule that the model adds ends growth at another step."""
        rules = stated_in(type(self.make_setup().stop))
        steps = self.grow(self.make_points(), range(MEMBERS)).steps
        for name in rules.keys() - stated_in(StopRules).keys():
            ends = (rules[name].low, rules[name].high)
            grown = [self._grow_with_rules(**{name: end}, max_steps=2 * int(steps.max())) for end in ends]
            assert any(crystals is None or (crystals.steps != steps).any() for crystals in grown), f"{name} is ignored"

    def _grow_with_rules(self, **rules: Any) -> Trajectory | None:
        """Grow with other stop rules; None where the grower refuses them."""
        setup = self.make_setup()
        setup = replace(setup, stop=replace(setup.stop, **rules))
        try:
            return self.make_grower().grow(self.make_points(), setup, members=range(MEMBERS), seed=SEED)
        except ParameterError:
            return None

    def test_progress_counts_every_member_once(self) -> None:
        """What the callback is told adds up."""
        told: list[int] = []
        points = self.make_points()
        self.make_grower().grow(points, self.make_setup(), members=range(3), seed=SEED, progress=told.append)
        assert sum(told) == 3 * len(points)


def _lattice_axes(crystals: Trajectory) -> tuple[int, ...]:
    return tuple(range(crystals.steps.ndim, crystals.arrival.ndim))


def _optional_arrays(crystals: Trajectory) -> list[NDArray[Any]]:
    grain = [] if crystals.grain is None else [crystals.grain]
    return [*grain, *(crystals.fields[name] for name in sorted(crystals.fields))]


def assert_same_crystals(first: Trajectory, second: Trajectory) -> None:
    """Fail unless both hold the same crystals with the same histories and metadata."""
    assert (first.arrival == second.arrival).all()
    assert (first.steps == second.steps).all()
    assert (first.stop_codes == second.stop_codes).all()
    for one, other in zip(_optional_arrays(first), _optional_arrays(second), strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    assert first.metadata == second.metadata
