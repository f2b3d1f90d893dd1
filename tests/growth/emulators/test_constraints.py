"""Growth constraints: laws of attached sites, fronts and windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nakaya.growth.emulators.constraints import WINDOW_STEP, front_of, joined_to, keep_attached, window_of

MASKS = hnp.arrays(np.bool_, (2, 9, 9))
PROBABILITIES = hnp.arrays(np.float32, (2, 9, 9), elements=st.floats(0.0, 1.0, width=32))


@settings(max_examples=40, deadline=None)
@given(attached=MASKS, probability=PROBABILITIES, threshold=st.floats(0.05, 0.95))
def test_attached_sites_stay_and_the_others_obey_the_threshold(
    attached: np.ndarray, probability: np.ndarray, threshold: float
) -> None:
    after = keep_attached(attached, probability, threshold)
    assert after[attached].all()
    np.testing.assert_array_equal(after[~attached], probability[~attached] > threshold)


def test_a_probability_equal_to_the_threshold_does_not_attach() -> None:
    assert not keep_attached(np.zeros((1, 1), bool), np.array([[0.5]]), 0.5).any()


@settings(max_examples=40, deadline=None)
@given(attached=MASKS)
def test_the_front_is_the_largest_row_or_column(attached: np.ndarray) -> None:
    for crystal, front in zip(attached, front_of(attached), strict=True):
        assert front == max((max(site) for site in np.argwhere(crystal)), default=-1)


@settings(max_examples=60, deadline=None)
@given(front=st.integers(0, 63), lookahead=st.integers(1, 20), size=st.sampled_from([16, 40, 64]))
def test_a_window_holds_the_crystal_and_its_lookahead_or_the_whole_lattice(
    front: int, lookahead: int, size: int
) -> None:
    window = int(window_of(np.array(front), size, lookahead))
    assert window <= size
    if window < size:
        assert window % WINDOW_STEP == 0
        assert front + lookahead < window
        assert window - WINDOW_STEP < front + 1 + lookahead


def test_what_is_drawn_apart_is_left_out() -> None:
    """Joined directly, through a new site, along the third axis of the lattice; not across its missing diagonal."""
    attached, new = np.zeros((2, 1, 6, 6), np.bool_)
    attached[0, 0, 0] = True
    for site in ((1, 1), (2, 1), (0, 4), (3, 0), (5, 5)):
        new[0][site] = True
    kept = joined_to(attached, new)
    assert {tuple(site) for site in np.argwhere(kept[0])} == {(1, 1), (2, 1)}  # (2, 1) and (3, 0) are no neighbours
    assert not joined_to(attached, attached & False).any()
