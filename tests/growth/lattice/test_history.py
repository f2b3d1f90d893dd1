"""What arrival maps say about given steps, against masks made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.history import counts_at, identity_share
from nakaya.growth.lattice.neighbourhood import count_neighbours
from nakaya.growth.model.trajectory import occupancy_at

MAPS = arrays(np.int32, st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 7)), elements=st.integers(-1, 9))


@settings(max_examples=40, deadline=None)
@given(MAPS, st.lists(st.integers(0, 12), min_size=1, max_size=6), st.sampled_from(["reservoir", "periodic"]))
def test_counts_are_those_of_the_occupancy_at_every_step(arrival, at_steps, edges):
    """Also for maps that no solver makes, with sites attached before any neighbour."""
    at_steps = np.sort(np.array(at_steps))
    areas, boundaries = counts_at(arrival, at_steps, edges=edges)
    for index, step in enumerate(at_steps):
        attached = occupancy_at(arrival, int(step))
        touching = (count_neighbours(attached, edges=edges) > 0) & ~attached
        assert (areas[:, index] == attached.sum(axis=(1, 2))).all()
        assert (boundaries[:, index] == touching.sum(axis=(1, 2))).all()


@settings(max_examples=40, deadline=None)
@given(MAPS, st.integers(1, 4), st.integers(0, 3))
def test_identity_share_is_the_share_of_strides_without_an_attachment(arrival, stride, extra):
    steps = arrival.max(axis=(1, 2)).clip(0) + extra
    shares = identity_share(arrival, steps, stride=stride)
    for member, share in enumerate(shares):
        ends = range(stride, int(steps[member]) + stride, stride)
        if not ends:
            assert np.isnan(share)
            continue
        still = [not ((arrival[member] > end - stride) & (arrival[member] <= end)).any() for end in ends]
        assert share == pytest.approx(np.mean(still), abs=1e-12)


@pytest.mark.parametrize("at_steps", [[], [3, 2], [-1, 4], [0.5]])
def test_steps_that_are_no_growing_list_are_refused(at_steps):
    with pytest.raises(ParameterError, match="at_steps"):
        counts_at(np.zeros((4, 4), np.int32), np.array(at_steps))
