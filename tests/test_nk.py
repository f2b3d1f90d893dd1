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
    monkeypatch.setattr(nk, "run_pip", lambda command: record(command, ""))
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


def pip_that(nk: ModuleType, *lines: str, status: int = 0) -> list[str]:
    """A command that prints lines as pip does."""
    nk.VENV.mkdir(exist_ok=True)
    return [sys.executable, "-c", f"import sys; print({chr(10).join(lines)!r}); sys.exit({status})"]


def test_an_installation_says_what_it_is_at(nk: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "Looking in links: elsewhere",
        "Collecting numpy>=2.0 (from nakaya==0.1.0)",
        "  Downloading numpy-2.3.1-cp311-cp311-manylinux_2_28_x86_64.whl (16.9 MB)",
        "Collecting scipy>=1.13 (from nakaya==0.1.0)",
        "Installing collected packages: numpy, scipy, nakaya",
    ]
    assert [nk.pip_step(line) for line in lines] == [
        None,
        "collecting numpy>=2.0",
        "downloading numpy (16.9 MB)",
        "collecting scipy>=1.13",
        "installing collected packages",
    ]
    nk.run_pip(pip_that(nk, *lines))
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "    1 packages: collecting numpy>=2.0"
    assert printed.splitlines()[-1] == "    2 packages: installing collected packages"
    assert (nk.VENV / "nakaya-install.log").read_text().splitlines() == lines


def test_the_end_of_what_pip_said_is_shown_where_it_fails(nk: ModuleType) -> None:
    with pytest.raises(nk.SetupError, match="No space left(.|\n)*run again"):
        nk.run_pip(pip_that(nk, "Collecting numpy", "ERROR: No space left on device", status=1))


def test_a_demonstration_ends_with_what_to_try_next(
    nk: ModuleType, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nk, "run_in_venv", lambda words: 0)
    assert nk.main(["demo"]) == 0
    assert "nakaya grow --rho 0.5" in capsys.readouterr().out


def test_a_wheel_is_built_installed_where_nothing_is_and_run_there(
    nk: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[list[str], Path | None]] = []

    def record(command: list[str], complaint: str, folder: Path | None = None) -> None:
        ran.append((list(command), folder))
        if "build" in command:
            (tmp_path / "dist").mkdir()
            (tmp_path / "dist" / "nakaya-1-py3-none-any.whl").touch()

    monkeypatch.setattr(nk, "is_installed", lambda extras: True)
    monkeypatch.setattr(nk, "run_or_raise", record)
    assert nk.main(["package"]) == 0
    (built, _), (made, _), (installed, _), *tried = ran
    assert built[1:3] == ["-m", "build"]
    empty = Path(made[-1])
    assert installed[0] == str(nk.python_of(empty))
    assert installed[-1].endswith(".whl")
    assert [words[3] for words, _ in tried] == ["info", "grow", "show"]
    assert {folder for _, folder in tried} == {empty.parent}
    assert not empty.exists()


def test_the_program_runs_in_the_folder_of_its_user(
    nk: ModuleType, installs: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, object] = {}
    monkeypatch.setattr(nk.subprocess, "call", lambda command, **more: called.update(more) or 0)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert nk.main(["shell", "info"]) == 0
    assert called["cwd"] == elsewhere


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
    assert "use one of demo, test, shell, benchmark, package" in capsys.readouterr().err
    assert nk.main(["--help"]) == 0


def test_a_study_runs_in_the_root_with_everything_installed(
    nk: ModuleType, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(nk, "run_in_venv", lambda words: ran.append(words) or 0)
    assert nk.main(["benchmark", "loops", "images", "--json"]) == 0
    assert ran == [["-m", "benchmarks", "loops", "images", "--json"]]
    assert nk.is_installed(nk.TEST_EXTRAS)


def test_the_documentation_is_built_anew_with_warnings_as_errors(
    nk: ModuleType,
    installs: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    docs = tmp_path / "docs"
    monkeypatch.setattr(nk, "DOCS", docs)
    monkeypatch.setattr(nk, "SITE", docs / "_build" / "site")
    for old in (docs / "_build" / "site" / "gone.html", docs / "gallery" / "gone.rst", docs / "kept.md"):
        old.parent.mkdir(parents=True, exist_ok=True)
        old.touch()
    answers = iter([0, 1])
    ran: list[list[str]] = []
    monkeypatch.setattr(nk, "run_in_venv", lambda words: ran.append(words) or next(answers))
    assert nk.main(["docs", "-D", "plot_gallery=0"]) == 0
    assert [path.name for path in docs.iterdir()] == ["kept.md"]
    assert {"-W", "plot_gallery=0"} < set(ran[0])
    assert ran[0][-2:] == [str(docs), str(docs / "_build" / "site")]
    assert nk.is_installed(nk.DOCS_EXTRAS)
    said = capsys.readouterr()
    assert (docs / "_build" / "site" / "index.html").as_uri() in said.out
    assert nk.main(["docs"]) == 1
    failed = capsys.readouterr()
    assert "was not built" in failed.err
    assert "Open file:" not in failed.out


def test_it_needs_the_standard_library_alone() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(ROOT / "nk.py"), "--help"], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"nk.py demo" in done.stdout


def test_torch_is_pinned_to_the_build_that_was_tested() -> None:
    assert "torch==2.13.0\n" in (ROOT / "constraints.txt").read_text()
