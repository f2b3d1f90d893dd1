"""The study of scale: what it adds up, and that it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.scale import Part, summarise


def test_parts_are_added_up() -> None:
    parts = [
        Part(crystals=3000, seconds=10.0, restart_seconds=0.5, shards_there=0, memory_warm=1000, memory_end=1010),
        Part(crystals=1000, seconds=10.0, restart_seconds=1.0, shards_there=3, memory_warm=1000, memory_end=2000),
        Part(crystals=0, seconds=0.0, restart_seconds=2.0, shards_there=4, memory_warm=0, memory_end=900),
    ]
    report = summarise(parts, crystals=4000, shards=4)
    assert report.crystals_per_second == 200.0
    assert report.hours_for_a_million == pytest.approx(1e6 / 200 / 3600)
    assert report.memory_growth == pytest.approx(0.01)  # of the longest part
    assert report.restart_seconds == 2.0
    assert report.restart_for_a_million == pytest.approx(0.5 * scale.count_shards(1_000_000))


def test_a_part_that_was_stopped_counts_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = scale.make_campaign
    monkeypatch.setattr(scale, "make_campaign", lambda crystals: replace(make(crystals), crystals_per_shard=4))
    echo = scale.typer.echo

    def stop(line: str, err: bool = False) -> None:
        if line.startswith("4 of 8"):
            raise KeyboardInterrupt
        echo(line, err=err)

    with monkeypatch.context() as patch:
        patch.setattr(scale.typer, "echo", stop)
        with pytest.raises(KeyboardInterrupt):
            scale.run_part(8, tmp_path / "s.zarr", 1)
    assert [scale.run_part(8, tmp_path / "s.zarr", 1).crystals for _ in range(2)] == [4, 0]
    parts = scale.read_parts(tmp_path / "s.zarr")
    assert [(part.crystals, part.shards_there) for part in parts] == [(4, 0), (4, 1), (0, 2)]
