from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nakaya
from nakaya.core.errors import FormatError, ParameterError
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.store.layout import make_layout
from nakaya.growth.store.reading import select
from nakaya.growth.store.writing import save_trajectory

Maker = Callable[..., Trajectory]


def assert_same(one: Trajectory, other: Trajectory) -> None:
    for name in ("arrival", "steps", "stop_codes", "grain"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None)
        if left is not None:
            assert left.dtype == right.dtype
            assert left.shape == right.shape
            assert (left == right).all()
    assert list(one.parameters) == list(other.parameters)
    for name, values in one.parameters.items():
        assert values.shape == other.parameters[name].shape
        assert values.tobytes() == other.parameters[name].tobytes()
    assert one.metadata == other.metadata


@settings(deadline=None, max_examples=15)
@given(
    points=st.none() | st.integers(1, 5),
    members=st.integers(1, 7),
    lattice=st.tuples(st.integers(1, 12)).map(lambda n: n * 2) | st.tuples(st.integers(1, 5)).map(lambda n: n * 3),
    grain=st.booleans(),
    per_shard=st.none() | st.integers(1, 12),
)
def test_what_was_saved_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    crystals: Maker,
    points: int | None,
    members: int,
    lattice: tuple[int, ...],
    grain: bool,
    per_shard: int | None,
) -> None:
    original = crystals(points, members, lattice, grain=grain)
    path = tmp_path_factory.mktemp("round") / "c.zarr"
    save_trajectory(original, path, crystals_per_shard=per_shard)
    stored = nakaya.open(path)
    assert_same(stored.load(), original)
    assert (stored.num_points, stored.num_members) == (original.num_points, original.num_members)
    assert stored.lattice_shape == original.lattice_shape
    assert stored.arrival.shape == original.arrival.shape
    assert stored.is_complete
    assert stored.computed.all()
    assert (stored.stopped_by[...] == original.stopped_by).all()
    assert_same(stored.point(0), original.point(0))


def axis_index(length: int) -> st.SearchStrategy[object]:
    return st.integers(-length, length - 1) | st.slices(length)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_an_index_means_what_it_means_to_numpy(data: st.DataObject) -> None:
    layout = make_layout(5, 7, (3, 4), ("rho",), crystals_per_shard=4)
    values = np.arange(5 * 7 * 3 * 4).reshape(5, 7, 3, 4)
    words = [data.draw(axis_index(length)) for length in values.shape]
    words = words[: data.draw(st.integers(0, 4))]
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(words)))
        words = [*words[:place], ...]
    elif words and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(words) - 1))
        words[place] = data.draw(st.lists(st.integers(0, values.shape[place] - 1), max_size=4))
        words = [word if place == other or isinstance(word, slice) else slice(None) for other, word in enumerate(words)]
    key = tuple(words)
    selection = select(key, layout, 4)
    found = selection.finish(values[np.ix_(selection.points, selection.members)])
    expected = values[key]
    assert np.shape(found) == np.shape(expected)
    assert np.array_equal(found, expected)


def test_slices_of_a_store(crystals: Maker, tmp_path: Path) -> None:
    original = crystals(5, 7, grain=True)
    save_trajectory(original, tmp_path / "c.zarr", crystals_per_shard=3)
    stored = nakaya.open(tmp_path / "c.zarr")
    for key in [
        3,
        (3, slice(0, 2)),
        (..., 2, 3),
        (slice(None, None, -2), -1),
        [4, 0],
        np.array([True] * 2 + [False] * 3),
    ]:
        assert np.array_equal(stored.arrival[key], original.arrival[key])
        assert stored.grain is not None
        assert np.array_equal(stored.grain[key], original.grain[key])
    assert stored.steps[2, 3] == original.steps[2, 3]
    assert stored.stopped_by[4, 6] == original.stopped_by[4, 6]
    assert np.array_equal(np.asarray(stored.arrival), original.arrival)
    assert np.array_equal(np.stack(list(stored.steps)), original.steps)
    part = stored.load(points=[4, 1], members=slice(2, 5))
    assert np.array_equal(part.arrival, original.arrival[[4, 1], 2:5])
    assert np.array_equal(part.parameters["rho"], original.parameters["rho"][[4, 1]])
    assert np.array_equal(pickle.loads(pickle.dumps(stored)).arrival[1], original.arrival[1])


def test_a_store_without_points_shows_members_first(crystals: Maker, tmp_path: Path) -> None:
    original = crystals(None, 6)
    nakaya.save(original, tmp_path / "c.zarr")
    stored = nakaya.open(tmp_path / "c.zarr")
    assert np.array_equal(stored.arrival[2:4], original.arrival[2:4])
    assert np.array_equal(stored.arrival[-1, 3], original.arrival[-1, 3])
    assert stored.computed.shape == (6,)
    assert np.array_equal(stored.load(members=[5, 2]).steps, original.steps[[5, 2]])
    with pytest.raises(ParameterError, match="leave points out"):
        stored.load(points=[0])


def test_a_slice_reads_its_own_chunks_only(crystals: Maker, tmp_path: Path) -> None:
    original = crystals(4, 8, (60, 60))
    save_trajectory(original, tmp_path / "c.zarr", crystals_per_shard=16)  # 2 points in a shard, a chunk for each
    stored = nakaya.open(tmp_path / "c.zarr")
    (tmp_path / "c.zarr/arrival/c.1.0.0.0").unlink()
    file = tmp_path / "c.zarr/arrival/c.0.0.0.0"
    content = file.read_bytes()
    file.write_bytes(bytes(1000) + content[1000:])  # ruins the chunk of point 0
    assert np.array_equal(stored.arrival[1], original.arrival[1])
    for point in (0, 2):
        with pytest.raises(FormatError):
            stored.arrival[point]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ((9,), IndexError),
        ((0, -8), IndexError),
        (([0, 9],), IndexError),
        ((0,) * 5, IndexError),
        ((None,), ParameterError),
        ((..., ...), ParameterError),
        (("rho",), ParameterError),
        ((1.5,), ParameterError),
        (([0], [1]), ParameterError),
        ((True,), ParameterError),
    ],
)
def test_an_index_that_means_nothing_is_refused(key: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        select(key, make_layout(5, 7, (3, 4), ("rho",)), 4)


def test_more_than_the_limit_is_not_read(crystals: Maker, tmp_path: Path) -> None:
    nakaya.save(crystals(4, 8), tmp_path / "c.zarr")
    stored = nakaya.open(tmp_path / "c.zarr")
    with pytest.raises(ParameterError, match="read fewer points"):
        stored.load(limit_bytes=4 * 8 * 81 * 4)
    assert stored.load(points=[1], limit_bytes=4 * 8 * 81 * 4).num_points == 1


def test_crystals_that_are_not_computed_are_not_invented(crystals: Maker, tmp_path: Path) -> None:
    original = crystals(4, 8)
    save_trajectory(original, tmp_path / "c.zarr", crystals_per_shard=4)
    (tmp_path / "c.zarr/records/2.1.json").unlink()
    stored = nakaya.open(tmp_path / "c.zarr")
    assert not stored.is_complete
    expected = np.ones((4, 8), bool)
    expected[2, 4:] = False
    assert (stored.computed == expected).all()
    assert np.array_equal(stored.arrival[2, :4], original.arrival[2, :4])
    for read in (lambda: stored.arrival[2], lambda: stored.steps[:], stored.load):
        with pytest.raises(ParameterError, match=r"nakaya campaign run"):
            read()
    assert "7 of 8 shards" in repr(stored)


def test_opening_loads_neither_zarr_nor_torch_nor_numba() -> None:
    import subprocess
    import sys

    code = "import sys, nakaya; sys.exit(any(name in sys.modules for name in ('zarr', 'torch', 'numba', 'numcodecs')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
