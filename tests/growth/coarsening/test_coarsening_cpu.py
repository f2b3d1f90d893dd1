"""The fast version and the plain one; a run that was stopped and one that was not."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.growth.coarsening.coarsening import Progress, coarsen
from nakaya.growth.coarsening.files import open_coarsening, read_progress, save_coarsening, write_progress
from nakaya.growth.coarsening.result import Coarsening


def assert_equal(one: Coarsening, other: Coarsening) -> None:
    for name in ("times", "grain_maps", "sizes", "neighbours", "names"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("edges", ["periodic", "insulated"])
@pytest.mark.parametrize(("num_grains", "shape"), [(12, (40, 32)), (8, (14, 20, 16))])
@pytest.mark.parametrize("is_alike", [True, False])
def test_the_fast_version_equals_the_plain_one_to_the_bit(voronoi, num_grains, shape, edges, is_alike) -> None:  # type: ignore[no-untyped-def]
    table = np.random.default_rng(1).uniform(0.4, 1, (num_grains, num_grains))
    energy = 1.0 if is_alike else (table + table.T) / 2
    one, other = (
        coarsen(
            voronoi(num_grains, shape), spacing=1.0, mobility=1.0, energy=energy, duration=20.0, frames=2, edges=edges,
            is_reference=is_reference,
        )
        for is_reference in (True, False)
    )  # fmt: skip
    assert_equal(one, other)
    assert (one.grain_maps[0] != one.grain_maps[-1]).any()


@pytest.mark.parametrize("end", [{"duration": 60.0}, {"until_grains": 8}])
def test_a_resumed_run_equals_one_that_was_never_stopped(voronoi, tmp_path, end) -> None:  # type: ignore[no-untyped-def]
    request = {"spacing": 1.0, "mobility": 1.0, "frames": 4, **end}
    kept: list[Progress] = []
    whole = coarsen(voronoi(20, (48, 40)), on_frame=kept.append, **request)
    assert len(kept) >= 2
    write_progress(kept[1], tmp_path / "state.npz")
    resumed = coarsen(voronoi(20, (48, 40)), resume=read_progress(tmp_path / "state.npz"), **request)
    assert_equal(whole, resumed)
    save_coarsening(whole, tmp_path / "whole.npz")
    again = open_coarsening(tmp_path / "whole.npz")
    assert_equal(whole, again)
    assert (again.settings, again.flags, again.edges) == (whole.settings, whole.flags, whole.edges)
