"""`--dask` has an address or none: what stands behind it decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.cli.app import run
from nakaya.cli.options import make_executor, with_dask_address
from nakaya.core import dask_executor
from nakaya.core.dask_executor import Dask
from nakaya.core.executors import Processes


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--dask"], ["--dask", "local"]),
        (["--dask", "--workers", "2"], ["--dask", "local", "--workers", "2"]),
        (["--dask", "sweep.toml"], ["--dask", "local", "sweep.toml"]),
        (["--dask", "local"], ["--dask", "local"]),
        (["--dask", "tcp://a:1"], ["--dask", "tcp://a:1"]),
        (["--dask", "a:1", "sweep.toml"], ["--dask", "a:1", "sweep.toml"]),
        (["--dask=tcp://a:1"], ["--dask=tcp://a:1"]),
        (["run", "sweep.toml"], ["run", "sweep.toml"]),
    ],
)
def test_an_address_has_a_colon(words: list[str], meant: list[str]) -> None:
    assert with_dask_address(words) == meant


def test_what_the_options_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "find_spec", lambda name: object())
    assert make_executor(None, 3) == Processes(3)
    assert make_executor("local", 3) == Dask(None, 3)
    assert make_executor("tcp://a:1", 3) == Dask("tcp://a:1", 3)


def test_without_the_extra_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dask_executor, "find_spec", lambda name: None)
    assert run(["campaign", "run", "sweep.toml", "--out", str(tmp_path / "c.zarr"), "--dask"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        'nakaya: Dask clusters need packages that are not installed: run pip install "nakaya[dask]"'
    )
    assert list(tmp_path.iterdir()) == []
