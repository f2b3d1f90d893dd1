from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def nk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh copy of nk.py that believes it lies in an empty folder and installs nothing."""
    spec = importlib.util.spec_from_file_location("nk", ROOT / "nk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMPS", tmp_path / ".venv" / "nakaya-installed")
    monkeypatch.setattr(module, "CONSTRAINTS", tmp_path / "constraints.txt")
    return module


@pytest.fixture
def installs(nk: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that an installation runs; making the environment makes its interpreter's file."""
    ran: list[list[str]] = []

    def record(command: list[str], complaint: str) -> None:
        ran.append(list(command))
        nk.venv_python().parent.mkdir(parents=True, exist_ok=True)
        nk.venv_python().touch()

    monkeypatch.setattr(nk, "run_or_raise", record)
    return ran


def test_it_installs_once_under_the_constraints_and_again_when_they_change(
    nk: ModuleType, installs: list[list[str]], tmp_path: Path
) -> None:
    nk.install(("ml",))
    assert [command[1:3] for command in installs] == [["-m", "venv"], ["-m", "pip"]]
    assert installs[1][installs[1].index("-c") + 1] == str(tmp_path / "constraints.txt")
    nk.install(("ml",))
    assert len(installs) == 2
    nk.install(("dev",))
    assert len(installs) == 3
    (tmp_path / "constraints.txt").write_text("numpy==2.0\n")
    nk.install(("ml",))
    assert len(installs) == 4


def test_a_failed_installation_is_not_taken_for_a_whole_one(nk: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], complaint: str) -> None:
        raise nk.SetupError(complaint)

    monkeypatch.setattr(nk, "run_or_raise", fail)
    with pytest.raises(nk.SetupError):
        nk.install(("ml",))
    assert not nk.is_installed(("ml",))


def test_a_full_disk_and_an_old_python_are_named(
    nk: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Usage:
        free = 3 * 10**9

    monkeypatch.setattr(nk.shutil, "disk_usage", lambda _: Usage)
    assert nk.main(["demo"]) == 2
    assert "3.0 GB free" in capsys.readouterr().err
    monkeypatch.setattr(nk.sys, "version_info", (3, 10, 4))
    assert nk.main(["test"]) == 2
    assert "this is Python 3.10.4" in capsys.readouterr().err


def test_windows_paths(nk: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nk.os, "name", "nt")
    assert nk.venv_python().parts[-2:] == ("Scripts", "python.exe")


def test_unknown_verbs_and_help(nk: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert nk.main(["dmeo"]) == 2
    assert "use one of demo, test, shell, benchmark" in capsys.readouterr().err
    assert nk.main(["--help"]) == 0


def test_a_study_runs_in_the_root_with_everything_installed(
    nk: ModuleType, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(nk, "run_in_venv", lambda words: ran.append(words) or 0)
    assert nk.main(["benchmark", "loops", "images", "--json"]) == 0
    assert ran == [["-m", "benchmarks", "loops", "images", "--json"]]
    assert nk.is_installed(nk.TEST_EXTRAS)


def test_it_needs_the_standard_library_alone() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(ROOT / "nk.py"), "--help"], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"nk.py demo" in done.stdout


def test_torch_is_pinned_to_the_build_that_was_tested() -> None:
    assert "torch==2.13.0\n" in (ROOT / "constraints.txt").read_text()
