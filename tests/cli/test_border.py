from __future__ import annotations

import errno
import inspect
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

import nakaya.cli
from nakaya.cli.app import run
from nakaya.cli.output import PrintableFormatter, explain_exception
from nakaya.cli.progress import progress_reporter
from nakaya.core.documents import plain
from nakaya.core.errors import ParameterError
from nakaya.records.record import Provenance, Record, single
from nakaya.records.store import RecordStore


def test_a_user_error_is_one_line_and_status_2() -> None:
    status, message = explain_exception(ParameterError("kappa=2 is outside [0, 1]:\n  it is a fraction"))
    assert status == 2
    assert message == "nakaya: kappa=2 is outside [0, 1]: it is a fraction"


@pytest.mark.parametrize("address", ["postgresql://me:SECRET@h/db", "postgresql//me:SECRET@h/db", "x://h/db?p=SECRET"])
def test_an_address_in_the_wrong_place_is_named_without_its_password(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", "study.toml", address]) == 2
    error = capsys.readouterr().err
    assert "unexpected" in error
    assert "***" in error
    assert "SECRET" not in error


HOSTILE = "Cu\x1b[2J\x9b31m\u202e\rfake\nnakaya: done"


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zero = {"driving_force": single(0.0, "1")}
    record = Record("r", "md", HOSTILE, zero, {}, Provenance(HOSTILE), status="flagged", flags=(HOSTILE,))
    RecordStore(tmp_path / "records", create=True).add(record)
    for words in (
        ["records", "show", str(tmp_path / "records")],
        ["records", "show", str(tmp_path / "records"), "r"],
        ["records", "show", str(tmp_path / "records"), HOSTILE],
        ["records", "validate", str(tmp_path / "records")],
        ["records", "show", HOSTILE],
        ["grow", f"--{HOSTILE}"],
        ["grow", "--rho", HOSTILE],
        [HOSTILE],
        ["predict", "--material", HOSTILE, "--temperature", "1000"],
        ["tune", HOSTILE, "--storage", f"sqlite:///{HOSTILE}.db"],
    ):
        run(words)
        captured = capsys.readouterr()
        lines = (captured.out + captured.err).split("\n")
        assert any("Cu\\x1b[2J\\x9b31m" in line for line in lines) or words[1] == "validate"
        assert all(line.isprintable() for line in lines)
        assert "nakaya: done" not in lines


def test_logs_and_bars_show_what_a_terminal_would_obey(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = logging.LogRecord("nakaya", logging.WARNING, __file__, 1, "lost %s", (HOSTILE,), None)
    assert "\\x1b[2J\\x9b31m\\u202e" in PrintableFormatter("%(message)s").format(record)
    with progress_reporter(HOSTILE, "[red]") as report:
        report(1, 1)
    assert capsys.readouterr().err.strip().isprintable()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_reporter("[bold]x\x1b]0;title\x07", "[red]y") as report:
        report(1, 1)
    shown = capsys.readouterr().err
    assert "[bold]x\\x1b]0;title\\x07" in shown
    assert "[red]y" in shown


def test_one_function_prints() -> None:
    """No other module of the command line writes to a terminal by itself, so none forgets what it prints."""
    for path in Path(nakaya.cli.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "output.py" or "typer.echo" not in text
        assert " print(" not in text


def test_our_own_mistake_keeps_its_traceback() -> None:
    assert explain_exception(ZeroDivisionError("x")) == (1, None)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_cannot_be_written_is_named_with_a_remedy(code: int) -> None:
    status, message = explain_exception(OSError(code, "No space left", "/data/x.zarr"))
    assert status == 2
    assert message is not None
    assert "/data/x.zarr" in message
    assert "choose" in message or "free" in message


def test_an_exit_keeps_its_status_and_an_interrupt_is_130() -> None:
    assert explain_exception(typer.Exit(1)) == (1, None)
    assert explain_exception(KeyboardInterrupt())[0] == 130


def test_nan_becomes_null_and_arrays_become_lists() -> None:
    document = {"x": np.array([1.0, np.nan]), "n": np.int64(3), "p": Path("a"), "r": range(2), "b": np.bool_(True)}
    assert json.loads(json.dumps(plain(document), allow_nan=False)) == {
        "x": [1.0, None],
        "n": 3,
        "p": "a",
        "r": [0, 1],
        "b": True,
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["grow"], "Missing option '--rho'"),
        (["grow", "--rho", "1.5"], "rho=1.5 is outside (0, 1]"),
        (["grow", "--rho", "nan"], "rho=nan is outside (0, 1]"),
        (["grow", "--rho", "abc"], "Invalid value for '--rho': 'abc': Input should be a valid number"),
        (["grow", "--rho", "0.5", "--size", "7"], "size=7 is outside the range from 8"),
        (["grow", "--rho", "0.5", "--size", "999999"], "size=999999 is outside the range from 8 to 16384"),
        (["grow", "--rho", "0.5", "--members", "0"], "members=0 is outside the range from 1"),
        (["grow", "--rho", "0.5", "--seed", "-1"], "seed=-1"),
        (["grow", "--rho", "0.5", "--model", "gravner-grifeath"], "did you mean 'gravner-griffeath'"),
        (["grow", "--rho", "0.5", "--initial", "3;4"], "write ROW,COLUMN"),
        (["grow", "--rho", "0.5", "--memmbers", "3"], "--memmbers"),
        (["gorw"], "gorw"),
        (["cite", "cgn"], "did you mean 'cgne'"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert expected in captured.err


def test_debug_shows_the_traceback_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--debug", "grow", "--rho", "2"], ["grow", "--rho", "2", "--debug"]):
        assert run(words) == 2
        assert "Traceback" in capsys.readouterr().err


def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from nakaya.cli.app import app

    def leaves(group: object, path: list[str]) -> list[list[str]]:
        found = [[*path, command.name] for command in group.registered_commands]  # type: ignore[attr-defined]
        for nested in group.registered_groups:  # type: ignore[attr-defined]
            found += leaves(nested.typer_instance, [*path, nested.name or nested.typer_instance.info.name])
        return found

    commands = leaves(app, [])
    assert ["grow"] in commands
    for words in commands:
        assert run([*words, "--help"]) == 0
        text = capsys.readouterr().out
        assert "nakaya " + " ".join(words) in text.split("Usage:")[-1], words
        assert "Example" in text, f"nakaya {' '.join(words)} --help shows no example"


def test_short_help_in_the_table_is_the_first_sentence_of_each_command() -> None:
    from nakaya.cli.app import COMMANDS, app

    for words, (_, short_help) in COMMANDS.items():
        stated: Any = typer.main.get_command(app)
        for word in words.split():
            stated = stated.commands[word]
        assert stated.short_help == short_help
        assert " ".join(inspect.cleandoc(stated.help).partition("\n\n")[0].split()) == short_help, words


def test_help_of_the_whole_imports_no_command() -> None:
    program = (
        "import sys\n"
        "from nakaya.cli.app import COMMANDS, run\n"
        "assert run(['--help']) == 0\n"
        "modules = {'nakaya.cli.' + target.partition(':')[0] for target, _ in COMMANDS.values()}\n"
        "assert not modules & set(sys.modules), modules & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_and_import_load_no_heavy_package() -> None:
    program = (
        "import sys, nakaya\n"
        "from nakaya.cli.app import run\n"
        "assert run(['grow', '--help']) == 0\n"
        "heavy = {'torch', 'numba', 'zarr', 'matplotlib', 'scipy', 'pydantic', 'optuna', 'pint', 'skimage'}\n"
        "loaded = heavy & set(sys.modules)\n"
        "assert not loaded - {'pydantic'}, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_and_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nakaya ")
    assert run([]) == 2
