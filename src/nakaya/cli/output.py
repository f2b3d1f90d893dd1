"""The border: errors become one line and an exit status, and results become one JSON document."""

from __future__ import annotations

import errno
import logging
import re
import traceback
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from signal import SIGINT
from typing import Any, Final

import typer

from nakaya.cli.moved import moved_to
from nakaya.core.addresses import without_secrets
from nakaya.core.documents import dump_json, plain
from nakaya.core.errors import (
    NakayaError,
    OutputExistsError,
    PluginError,
    StoppedError,
    UnknownMaterialError,
    UnstatedError,
    UntrainedMaterialError,
)
from nakaya.core.text import printable

__all__ = [
    "OUR_MISTAKE",
    "USER_ERROR",
    "PrintableFormatter",
    "echo",
    "echo_json",
    "echo_outlines",
    "echo_tables",
    "explain_exception",
    "plain",
    "run_app",
]

OUR_MISTAKE = 1
USER_ERROR = 2
SIGNALLED = 128
"""Added to the number of the signal that ended a command, as shells do."""

INTERRUPTED = SIGNALLED + SIGINT
GOES_ON: Final = "interrupted: what was finished is kept, run the same command again to go on"

OPTIONS: Final = {"frame_ps": "--frame-interval", "time_step_ps": "--time-step", "fixed": "--fix NAME=VALUE"}
"""Arguments of the library -> options, where these have other names."""

POTENTIAL: Final = (
    "give --pair-style, --potential, --structure, --lattice-parameter and --melting-point, or name them in a plan for "
    "nakaya md campaign run; docs/own-potential.md leads from a potential to predictions"
)

TRAINING: Final = (
    "for another, run nakaya md campaign run with a plan for it, then nakaya train, and name the model with --model "
    "(docs/own-potential.md, examples/nickel)"
)

LEAST_ALIKE = 0.7
"""Of two names that are suggested for one another: a letter too many, too few or swapped."""


def run_app(app: typer.Typer, program: str, arguments: Sequence[str]) -> int:
    """Run one command of an application and return its exit status; `--debug` may stand anywhere on the line."""
    arguments = list(arguments)
    debug = "--debug" in arguments
    if debug:  # accepted anywhere on the line, not only before the command's name
        arguments = ["--debug", *[word for word in arguments if word != "--debug"]]
    try:
        result = app(args=arguments, prog_name=program, standalone_mode=False)
    except BaseException as error:  # the border: everything ends here, and only here
        status, message = explain_exception(error, arguments)
        if debug and not isinstance(error, (typer.Exit, SystemExit)):
            traceback.print_exc()
        elif status == OUR_MISTAKE and not isinstance(error, (typer.Exit, SystemExit)):
            raise
        if message:
            echo(message, err=True)
        return status
    if result == INTERRUPTED:  # typer has turned the interrupt itself into this status, without a word
        echo(GOES_ON, err=True)
    return result if isinstance(result, int) else 0


def explain_exception(error: BaseException, arguments: Sequence[str] = ()) -> tuple[int, str | None]:
    """Return the exit status for an exception, and the one line for stderr (None: nothing to say, or our mistake).

    Args:
        error: What ended the command.
        arguments: The words of the command line, to say which value came where the parser does not.
    """
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return INTERRUPTED, GOES_ON
    if isinstance(error, typer.Exit):
        return int(error.exit_code), None
    if isinstance(error, SystemExit):
        return (error.code if isinstance(error.code, int) else 1), None
    if isinstance(error, OutputExistsError):
        return USER_ERROR, f"nakaya: {error}, or add --overwrite to replace it"
    if isinstance(error, UnstatedError):
        option = OPTIONS.get(error.name, f"--{error.name.replace('_', '-')}")
        return USER_ERROR, f"nakaya: {error} ({option})"
    if isinstance(error, UnknownMaterialError):
        return USER_ERROR, f"nakaya: {error}: {POTENTIAL}"
    if isinstance(error, UntrainedMaterialError):
        return USER_ERROR, f"nakaya: {error}; {TRAINING}"
    if isinstance(error, PluginError) and "--debug" not in arguments:
        return USER_ERROR, f"nakaya: {_one_line(str(error))}; nakaya --debug shows where"
    if isinstance(error, StoppedError):
        return SIGNALLED + error.signal, str(error)
    if isinstance(error, NakayaError):
        return USER_ERROR, f"nakaya: {_one_line(str(error))}"
    if getattr(error, "possibilities", None):  # the parser finds "--temperature" like "--geometry": both begin with --
        error.possibilities = _alike(error.option_name, error.possibilities)  # type: ignore[attr-defined]
    if hasattr(error, "format_message"):  # the parser's own errors: unknown option, missing argument, wrong type
        if (moved := moved_to(error)) is not None:
            return USER_ERROR, f"nakaya: {moved}"
        message = _with_the_value(_one_line(error.format_message()), arguments).rstrip(".")
        # A word in the wrong place may be the address of a database.
        message = re.sub(r"[\w+:]*//\S*[@?]\S*", lambda word: without_secrets(word[0]), message)
        return USER_ERROR, (f"nakaya: {message}; see {_command_of(error)} --help" if message else None)
    if isinstance(error, OSError) and error.errno is not None:
        return USER_ERROR, f"nakaya: {_explain_os_error(error)}"
    if isinstance(error, MemoryError):
        return USER_ERROR, "nakaya: out of memory: use a smaller size, fewer members or fewer workers"
    return OUR_MISTAKE, None


def _alike(option: str, options: Sequence[str]) -> list[str]:
    """The options whose names, without dashes, are spelt like this one's."""
    name = option.strip("-")
    return [known for known in options if SequenceMatcher(None, name, known.strip("-")).ratio() >= LEAST_ALIKE]


def _with_the_value(message: str, arguments: Sequence[str]) -> str:
    """The parser says for which option a value is invalid, but not always which value came."""
    named = re.match(r"Invalid value for '(?P<option>--[\w-]+)[^']*': ", message)
    if named is None:
        return message
    option = named["option"]
    words = [*arguments, ""]
    came = [after for word, after in pairwise(words) if word == option]
    came += [word.partition("=")[2] for word in arguments if word.startswith(f"{option}=")]
    value = came[-1] if came else ""
    return message if not value or repr(value) in message else f"{named[0]}{value!r}: {message[named.end() :]}"


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _command_of(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "nakaya"


def _explain_os_error(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    remedies = {
        errno.ENOSPC: "free some space or choose another --out",
        errno.EDQUOT: "free some space or choose another --out",
        errno.EROFS: "choose an --out on a disk that can be written",
        errno.EACCES: "choose a place you may read and write",
        errno.EPERM: "choose a place you may read and write",
        errno.ENOENT: "check the path",
        errno.ENOTDIR: "check the path",
        errno.EISDIR: "name a file, not a directory",
    }
    reason = (error.strerror or type(error).__name__).lower()
    remedy = remedies.get(error.errno or 0, "check the path and the disk")
    return f"cannot use{place or ' a file'}: {reason}: {remedy}"


def echo(*lines: str, err: bool = False) -> None:
    """Print lines on stdout, or on stderr; what a terminal would obey is shown instead, and one line stays one line."""
    for line in lines:
        typer.echo(printable(line).replace("\n", "\\n"), err=err)


class PrintableFormatter(logging.Formatter):
    """Messages of the log, as `printable` shows them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of one message."""
        return printable(super().format(record))


def echo_json(document: Any) -> None:  # any JSON document
    """Print one JSON document on stdout; NaN becomes null."""
    typer.echo(dump_json(plain(document), indent=2).decode(), nl=False)


def echo_outlines(store: Path) -> None:
    """Print what the records of a store hold, one result a line."""
    from nakaya.records.store import RecordStore
    from nakaya.records.summary import outline_record

    for record in RecordStore(store):
        echo(*outline_record(record))


def echo_tables(tables: Sequence[Path]) -> None:
    """Say where tables are, and which."""
    echo(f"tables in {tables[0].parent}: {', '.join(sorted(path.name for path in tables))}")
