"""The command line: one application, one border where errors become one line and an exit status.

Command modules import only typer and `nakaya.core` at the top, so that `--help` stays fast; each command imports the
pipeline that it calls when it runs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from nakaya.cli import (
    about,
    benchmark,
    campaign,
    demo,
    evaluate,
    explain,
    fit,
    grow,
    ingest,
    md,
    pictures,
    predict,
    records,
    train,
    tune,
)
from nakaya.cli.output import run_app
from nakaya.core.registry import Registry

__all__ = ["app", "main"]

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="nakaya",
    help="Grow crystals exactly, emulate them, compare both, and learn how fast they grow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
grow.register(app)
campaign.register(app)
pictures.register(app)
demo.register(app)
about.register(app)
ingest.register(app)
fit.register(app)
md.register(app)
records.register(app)
train.register(app)
tune.register(app)
evaluate.register(app)
predict.register(app)
explain.register(app)
benchmark.register(app)


COMMANDS: Registry[Any] = Registry("command", "nakaya.commands", object, {})  # functions that take the application
"""Functions of packages outside that add commands to the application."""


@cache
def _register_plugins() -> None:
    for name, add_commands in COMMANDS.load_all().items():
        try:
            add_commands(app)
        except Exception as error:  # code of others: a command that cannot be added takes no other away
            logger.warning("command %r is left out: %s: %s", name, type(error).__name__, error)


def _print_version(value: bool) -> None:
    if value:
        from nakaya.core.provenance import package_version

        typer.echo(f"nakaya {package_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done, on stderr.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s: %(message)s",
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status: 0, 2 for an error a user can mend, 130 when interrupted."""
    _register_plugins()
    return run_app(app, "nakaya", arguments)


def main() -> None:
    """Entry point of the `nakaya` command."""
    logging.getLogger("nakaya.core.compiling").setLevel(logging.INFO)  # waiting wants a reason, even without --verbose
    sys.exit(run(sys.argv[1:]))
