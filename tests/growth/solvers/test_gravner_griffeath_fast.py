"""The fast solver equals the reference to the last bit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nakaya.core.randomness import member_key
from nakaya.growth.lattice.geometry import make_setup, reservoir_mask, stop_mask
from nakaya.growth.model.setup import StopRules
from nakaya.growth.solvers.gravner_griffeath import reference
from nakaya.growth.solvers.gravner_griffeath.boundary import DRAW_SHIFT
from nakaya.growth.solvers.gravner_griffeath.cpu import FastGrower, Interrupted
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.growth.solvers.gravner_griffeath.workspace import LEFT, WORD_ROWS, make_layout

MAX_STEPS = 150
LEAST_TILE = 1  # a tile then has the least number of rows


def parameter(name: str, *, usual: tuple[float, float]) -> st.SearchStrategy[float]:
    """Values of a parameter: usual ones, any allowed, and the ends of the range."""
    allowed = GravnerGriffeath.ranges[name]
    low = 1e-3 if allowed.low_open else allowed.low
    high = 0.9 if allowed.high_open else allowed.high
    return st.floats(*usual) | st.floats(low, high) | st.sampled_from([low, high])


points = st.builds(
    GravnerGriffeath,
    rho=parameter("rho", usual=(0.35, 0.64)),
    alpha=parameter("alpha", usual=(0.05, 0.3)),
    beta=parameter("beta", usual=(1.0, 1.5)),
    gamma=parameter("gamma", usual=(1e-6, 1e-3)),
    theta=parameter("theta", usual=(1e-3, 0.1)),
    kappa=parameter("kappa", usual=(1e-3, 0.1)),
    mu=parameter("mu", usual=(0.01, 0.1)),
    sigma=parameter("sigma", usual=(0.0, 1e-3)),
)


@st.composite
def setups(draw):
    geometry = draw(st.sampled_from(["sector", "full"]))
    edges = draw(st.sampled_from(["reservoir", "periodic"])) if geometry == "full" else "reservoir"
    size = draw(st.integers(8, 52))
    margin = draw(st.none() | st.integers(1, size // 2 - 1)) if size > 12 else 2
    stop = StopRules(margin=margin, max_steps=draw(st.integers(1, MAX_STEPS)), no_growth=draw(st.integers(1, 60)))
    empty = make_setup(geometry, size, edges=edges, stop=stop)
    allowed = np.argwhere(~(reservoir_mask(empty) | stop_mask(empty))).tolist()
    initial = draw(st.none() | st.lists(st.sampled_from(allowed), min_size=1, max_size=8))
    return make_setup(geometry, size, edges=edges, stop=stop, initial=initial)


def assert_equal(params, setup, key, **options):
    expected = reference.grow_member(params, setup, key)
    grower = FastGrower(setup, keep_crystal_mass=True, **options)
    arrival = np.empty(setup.shape, np.int32)
    for _ in range(2):  # the second time in memory that was used before
        steps, stop_code = grower.grow(params, key, arrival, steps_per_call=37)
        assert (steps, stop_code) == (expected.steps, expected.stop_code)
        assert (arrival == expected.arrival).all()
        state = grower.state(params, key, steps)
        for name in ("attached", "b", "c", "d"):
            assert (getattr(state, name) == getattr(expected.state, name)).all(), name


COMPACT = GravnerGriffeath(rho=0.6, beta=0.4, kappa=0.1, sigma=0.2)


@settings(max_examples=60, deadline=None)
@given(
    params=points,
    setup=setups(),
    key=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    tile_sites=st.sampled_from([LEAST_TILE, 400, 4096]),
    levels=st.integers(1, 4),
)
@example(COMPACT, make_setup("sector", 52), (1, 2), LEAST_TILE, 4)
@example(COMPACT, make_setup("full", 51), (1, 2), LEAST_TILE, 4)
@example(COMPACT, make_setup("full", 48, edges="periodic", stop=StopRules(max_steps=MAX_STEPS)), (1, 2), LEAST_TILE, 1)
def test_fast_equals_reference_to_the_last_bit(params, setup, key, tile_sites, levels):
    assert_equal(params, setup, key, tile_sites=tile_sites, levels=levels)


@pytest.mark.parametrize("rho", [0.36, 0.5, 0.64])
def test_whole_flakes_equal_the_reference(rho):
    assert_equal(GravnerGriffeath(rho=rho), make_setup("sector", 64), member_key(1, 2, 3))


def test_a_lattice_of_many_tiles_equals_the_reference():
    """Large enough for the layout of everyday use to do several steps in one sweep."""
    setup = make_setup("sector", 520, initial=[(0, 0), (300, 470), (200, 100)], stop=StopRules(max_steps=25))
    assert_equal(GravnerGriffeath(rho=0.64, beta=0.5, sigma=1e-3), setup, member_key(1, 2, 3))


def test_the_largest_indices_fit_their_types():
    """Places are int32, and the place in the random words shares an int32 with five bits."""
    layout = make_layout(make_setup("sector", 16_384))
    tile_rows = 1 << layout.tile_shift
    assert (layout.num_tiles * tile_rows + 2) * layout.stride <= np.iinfo(np.int32).max
    assert (WORD_ROWS + 1) * layout.stride < 1 << DRAW_SHIFT


@pytest.mark.parametrize("field", ["d", "b", "c"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_stops_the_run_and_names_the_field(field, value):
    """Our own mistakes only, since parameters are checked; so the memory is damaged behind the solver's back."""
    setup, calls = make_setup("sector", 64), []
    grower = FastGrower(setup)

    def damage():
        calls.append(len(calls))
        if len(calls) == 100:
            array = getattr(grower._arrays, field)
            array[LEFT + 40 * grower._layout.stride + 50 if field == "d" else 3] = value
        return False

    with pytest.raises(FloatingPointError, match=rf"\b{field}\b.* not finite .* after step 10[0-3] "):
        grower.grow(GravnerGriffeath(rho=0.5), (1, 2), np.empty((64, 64), np.int32), must_stop=damage, steps_per_call=1)


def test_an_interrupt_ends_a_member():
    grower = FastGrower(make_setup("sector", 64))
    with pytest.raises(Interrupted):
        grower.grow(
            GravnerGriffeath(rho=0.5), (1, 2), np.empty((64, 64), np.int32), must_stop=lambda: True, steps_per_call=5
        )
