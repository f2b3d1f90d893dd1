"""Tasks: their points are those that they were made with, and training and held-out points differ."""

from __future__ import annotations

import pytest

from nakaya.core.errors import UnknownNameError
from nakaya.growth.campaigns.emulation_tasks import hash_of_points, load_task, task_names


@pytest.mark.parametrize("name", task_names())
def test_points_have_the_stated_hashes_and_are_held_out(name: str) -> None:
    task = load_task(name)
    points = {part: task.points(part) for part in task.parts}
    assert {part: hash_of_points(own) for part, own in points.items()} == dict(task.parts)
    told = {part: {tuple(p.parameters()[key] for key in task.conditions) for p in own} for part, own in points.items()}
    assert not told["training"] & told["held-out"]
    assert told[task.truth] == told["held-out"]
    assert task.setup().size * task.site_stride == task.sweep("training").setup.size
    assert f"# {name}" in task.card


def test_an_unknown_task_or_part_is_named() -> None:
    with pytest.raises(UnknownNameError, match="dendrites"):
        load_task("dendrite")
    with pytest.raises(UnknownNameError, match="held-out"):
        load_task("dendrites").path("heldout")
