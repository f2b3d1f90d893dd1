"""Neighbour counts, first contact and connection against the plainest possible definition, site by site."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nakaya.growth.lattice.lattice import NEIGHBOURS
from nakaya.growth.lattice.neighbourhood import connected_to, count_neighbours, first_contact

EDGES = st.sampled_from(["reservoir", "periodic"])
SHAPES = st.tuples(st.integers(3, 9), st.integers(3, 9))


def neighbours_of(site, shape, edges):
    for row, column in NEIGHBOURS:
        there = site[0] + row, site[1] + column
        if edges == "periodic":
            yield there[0] % shape[0], there[1] % shape[1]
        elif 0 <= there[0] < shape[0] and 0 <= there[1] < shape[1]:
            yield there


@settings(max_examples=40, deadline=None)
@given(st.data(), EDGES, SHAPES)
def test_counts_and_contacts_are_those_of_the_six_neighbours(data, edges, shape):
    arrival = data.draw(arrays(np.int32, shape, elements=st.integers(-1, 6)))
    count = count_neighbours(arrival >= 0, edges=edges)
    contact = first_contact(arrival, edges=edges)
    for site in np.ndindex(shape):
        around = [int(arrival[there]) for there in neighbours_of(site, shape, edges)]
        attached = [step for step in around if step >= 0]
        assert count[site] == len(attached)
        assert contact[site] == min(attached, default=-1)


@settings(max_examples=40, deadline=None)
@given(st.data(), EDGES, SHAPES)
def test_connection_is_what_a_walk_over_neighbours_reaches(data, edges, shape):
    attached = data.draw(arrays(np.bool_, shape))
    start = data.draw(arrays(np.bool_, shape, elements=st.sampled_from([False, False, False, True])))
    reached = {site for site in np.ndindex(shape) if attached[site] and start[site]}
    queue = deque(reached)
    while queue:
        for there in neighbours_of(queue.popleft(), shape, edges):
            if attached[there] and there not in reached:
                reached.add(there)
                queue.append(there)
    found = connected_to(attached, start, edges=edges)
    assert {site for site in np.ndindex(shape) if found[site]} == reached


@pytest.mark.parametrize("edges", ["reservoir", "periodic"])
def test_a_batch_is_its_crystals_one_by_one(edges):
    arrival = np.random.default_rng(1).integers(-3, 5, (2, 3, 8, 8)).clip(-1).astype(np.int32)
    attached, start = arrival >= 0, arrival == 0
    for point, member in np.ndindex(2, 3):
        one = attached[point, member], start[point, member]
        assert (connected_to(attached, start, edges=edges)[point, member] == connected_to(*one, edges=edges)).all()
        assert (
            first_contact(arrival, edges=edges)[point, member] == first_contact(arrival[point, member], edges=edges)
        ).all()


def test_the_mirrors_of_a_sector_add_no_contact():
    """The ghosts g(-1, j) = x(1, j + 1) and g(i, -1) = x(i + 1, 1) change counts, but not whether there is any."""
    attached = np.random.default_rng(2).random((200, 8, 8)) < 0.2
    padded = np.zeros((200, 10, 10), np.bool_)
    padded[:, 1:-1, 1:-1] = attached
    padded[:, 0, 1:8] = attached[:, 1, 1:]
    padded[:, 1:8, 0] = attached[:, 1:, 1]
    padded[:, 0, 0] = attached[:, 1, 0] | attached[:, 0, 1]  # either mirror: both are neighbours of the corner
    mirrored = count_neighbours(padded)[:, 1:-1, 1:-1]
    plain = count_neighbours(attached)
    assert ((mirrored > 0) == (plain > 0)).all()
    assert (mirrored != plain).any()
