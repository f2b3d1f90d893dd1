from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import nakaya
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.catalogue import find_model
from nakaya.growth.emulators.cgne.shipped import SMALL_RHO
from nakaya.growth.grower_model import TAKEN_OPTIONS, GrowerModel, MemberGrowth
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.growth.model.grower import Grower
from nakaya.growth.model.parameters import Conditions, Parameters, limit, parameter
from nakaya.growth.model.setup import GrowthSetup, StopRules
from nakaya.growth.solvers.gravner_griffeath.model import MODEL
from nakaya.growth.stepping import grow_by_steps
from nakaya.testing.grower_contract import GrowerContract


class Toy(Parameters):
    """A point."""

    family: ClassVar[str] = "toy"
    rate: float = parameter(default=0.5, low=0, high=1, unit="1/s", meaning="the rate", high_open=True)
    heat: float = parameter(low=-1, high=1, meaning="the heat")


class Nameless(Parameters):
    """A point of nothing."""

    rate: float = parameter(default=0.5, low=0, high=1, meaning="the rate")


@dataclass(frozen=True)
class Rules(StopRules):
    solid: float = limit(default=0.9, low=0, high=1, whole=False, unit="1", meaning="when this fraction is solid")


def grow_member(point: Toy, setup: GrowthSetup, key: tuple[int, int]) -> MemberGrowth:
    assert isinstance(setup.stop, Rules)
    solid = setup.stop.solid
    return grow_by_steps(
        setup,
        SQUARE,
        lambda attached, step: np.ones(setup.shape, np.bool_) * (step == 3),
        lambda attached, step: bool(attached.mean() >= solid),
    )


TOY = GrowerModel("toy", Toy, SQUARE, grow_member, rules="toy rules 1", stop=Rules)


class Asked:
    """A grower that says what it was asked for."""

    def grow(self, *_: object, members: range, workers: int, **__: object) -> SimpleNamespace:
        return SimpleNamespace(point=lambda _: (members, workers))


def test_members_and_workers_have_limits_that_are_themselves_allowed() -> None:
    def grow(members: int, workers: int) -> object:
        model = GrowerModel("asked", Toy, SQUARE, grower=Asked, rules="asked rules 1")  # type: ignore[arg-type]
        return nakaya.grow(Toy(heat=0), model=model, size=11, members=members, workers=workers, seed=0)

    assert grow(10_000_000, 4096) == (range(10_000_000), 4096)
    assert grow(1, 1) == (range(1), 1)
    for members, workers in ((10_000_001, 1), (1, 4097), (0, 1), (1, 0)):
        with pytest.raises(ParameterError, match=r"members=|workers="):
            grow(members, workers)


def test_a_parameter_is_stated_once() -> None:
    assert Toy(heat=0.25).parameters() == {"rate": 0.5, "heat": 0.25}
    assert (Toy.ranges["rate"].default, Toy.ranges["rate"].unit, str(Toy.ranges["rate"])) == (0.5, "1/s", "[0, 1)")
    assert Toy.ranges["heat"].default is None
    assert "rate: Rate, in [0, 1) 1/s." in (Toy.__doc__ or "")
    with pytest.raises(ParameterError, match=r"rate=1 is outside \[0, 1\): it is the rate"):
        Toy(heat=0, rate=1)
    with pytest.raises(AttributeError):
        Toy(heat=0).rate = 3  # type: ignore[misc]


def test_a_default_outside_its_range_is_refused_where_it_is_stated() -> None:
    with pytest.raises(ParameterError, match="default=2 is outside"):
        parameter(default=2, low=0, high=1, meaning="the rate")


def test_stop_rules_of_a_model_are_checked_and_stored() -> None:
    assert Rules().as_metadata(64) == {"margin": 5, "max_steps": 10_000, "no_growth": 10_000, "solid": 0.9}
    with pytest.raises(ParameterError, match="solid=2 is outside"):
        Rules(solid=2)
    assert list(TOY.stop_rules) == ["margin", "max_steps", "no_growth", "solid"]
    with pytest.raises(ParameterError, match=r"expected Rules\(\.\.\.\), which has margin, .*solid"):
        TOY.setup(size=9, stop=StopRules(margin=2))


def test_growth_by_steps_keeps_the_stop_rules() -> None:
    setup = TOY.setup(size=9, stop=Rules(margin=2))
    grown = TOY.make().grow([Toy(heat=0)], setup, members=range(1), seed=0)
    assert (grown.steps[0, 0], grown.stopped_by[0, 0]) == (3, "front")
    assert np.count_nonzero(grown.arrival == 0) == 1
    assert np.count_nonzero(grown.arrival == 3) == 80
    short = TOY.make().grow([Toy(heat=0)], TOY.setup(size=11, stop=Rules(max_steps=2)), members=range(1), seed=0)
    assert (short.steps[0, 0], short.stopped_by[0, 0]) == (2, "steps")
    still = TOY.make().grow([Toy(heat=0)], TOY.setup(size=11, stop=Rules(no_growth=2)), members=range(1), seed=0)
    assert (still.steps[0, 0], still.stopped_by[0, 0]) == (2, "no-growth")


def test_stop_rules_of_a_model_end_growth() -> None:
    setup = TOY.setup(size=11, stop=Rules(margin=None, solid=0.001))
    grown = TOY.make().grow([Toy(heat=0)], setup, members=range(1), seed=0)
    assert (grown.steps[0, 0], grown.stopped_by[0, 0]) == (1, "steps")


def grow_on(point: Toy, setup: GrowthSetup, key: tuple[int, int]) -> MemberGrowth:
    """Attach ring after ring, pause at step 5, and ask no stop rule."""
    distance = SQUARE.distance(np.moveaxis(np.indices(setup.shape), 0, -1) - np.array(setup.initial[0]))
    return MemberGrowth(np.where(distance < 5, distance, distance + 1).astype(np.int32), 30, "steps")


class Careless(GrowerContract):
    """The kit on a model that ignores all stop rules that it states."""

    def make_grower(self) -> Grower:
        return replace(TOY, grow_member=grow_on).make()

    def make_points(self) -> list[Conditions]:
        return [Toy(heat=0), Toy(heat=1)]

    def make_setup(self) -> GrowthSetup:
        return TOY.setup(size=17, stop=Rules(margin=3))


@pytest.mark.parametrize(
    "promise",
    [
        Careless.test_it_stops_at_the_margin,
        Careless.test_it_stops_after_so_many_steps,
        Careless.test_it_stops_when_nothing_attaches,
        Careless.test_stop_rules_of_its_own_end_growth,
    ],
)
def test_the_contract_notices_stop_rules_that_are_ignored(promise: Callable[[Careless], None]) -> None:
    with pytest.raises(AssertionError):
        promise(Careless())


def test_stop_rules_that_nothing_evaluates_are_refused() -> None:
    with pytest.raises(ParameterError, match="nothing evaluates the stop rules solid"):
        grow_by_steps(TOY.setup(size=11), SQUARE, lambda attached, step: attached)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "My Toy"}, "is not made of lower-case letters"),
        ({"grow_member": None}, "grow_member or grower, one of the two"),
        ({"rules": ""}, 'state rules, such as "toy rules 1"'),
        ({"grower": object}, "grow_member or grower, one of the two"),
        ({"lattice": "square"}, "lattice='square' is no lattice: expected HEXAGONAL, SQUARE or CUBIC"),
        ({"family": Nameless}, "have no family: write family: ClassVar"),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        replace(TOY, **change)  # type: ignore[arg-type]


def test_a_parameter_cannot_have_the_name_of_an_option() -> None:
    class Clash(Parameters):
        family: ClassVar[str] = "clash"
        size: float = parameter(default=0.5, low=0, high=1, meaning="the size")

    assert "size" in TAKEN_OPTIONS
    with pytest.raises(ParameterError, match="size cannot be the name of a parameter"):
        GrowerModel("clash", Clash, SQUARE, grow_member, rules="clash rules 1")


def test_a_statement_grows_without_being_installed() -> None:
    crystals = nakaya.grow(Toy(heat=0), model=TOY, size=9, stop=Rules(margin=2), seed=0)
    assert (crystals.metadata.model, int(crystals.steps[0])) == ("toy", 3)
    with pytest.raises(ParameterError, match="is not a parameter point of toy, which toy grows"):
        nakaya.grow(Nameless(), model=TOY, seed=0)  # type: ignore[arg-type]


def test_what_is_no_growth_is_refused() -> None:
    setup = TOY.setup(size=11)
    for returned, message in ((np.zeros((9, 9)), "returned ndarray"), (MemberGrowth(None, 1, "tired"), "'tired'")):  # type: ignore[arg-type]
        grower = replace(TOY, grow_member=lambda point, setup, key, returned=returned: returned).make()
        with pytest.raises(ParameterError, match=message):
            grower.grow([Toy(heat=0)], setup, members=range(1), seed=0)


def test_what_a_member_lacks_is_said() -> None:
    grained = replace(TOY, has_grain=True)
    with pytest.raises(ParameterError, match="arrival, grain of shape"):
        grained.make().grow([Toy(heat=0)], grained.setup(size=11), members=range(1), seed=0)


def test_the_shipped_emulator_states_what_its_training_covers() -> None:
    assert find_model("cgne-small-rho") is SMALL_RHO
    assert SMALL_RHO.family is MODEL.family
    assert SMALL_RHO.trained_for == {"rho": (0.35, 0.64)}
    assert [geometry.name for geometry in SMALL_RHO.geometries] == ["sector"]


def test_mirrors_are_for_models_that_ask_for_them() -> None:
    assert [entry.name for entry in TOY.geometries] == ["full"]
    with pytest.raises(UnknownNameError, match="quarter"):
        TOY.setup("quarter", 9)
    assert [entry.name for entry in replace(TOY, geometries=SQUARE.geometries).geometries] == ["full", "quarter"]
