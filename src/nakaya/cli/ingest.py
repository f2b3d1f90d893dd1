"""`nakaya ingest`: files of others become records.

Every source of ours has its own module `ingest_<source>.py`; a reader of a plug-in is a command of its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

__all__ = ["IngestGroup"]


class IngestGroup(TyperGroup):
    """Commands of ours, and one for each reader of a plug-in."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands."""
        from nakaya.records.reader import READERS

        return [*super().list_commands(ctx), *READERS.load_all()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None."""
        from nakaya.records.reader import READERS

        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in READERS.names():
            return found
        app = typer.Typer(add_completion=False)
        app.command(cmd_name, help=f"Read {READERS.find(cmd_name).meaning} into records.")(_ingest_with(cmd_name))
        return typer.main.get_command(app)


def _ingest_with(name: str) -> Any:
    def read(
        file: Annotated[Path, typer.Argument(help="File to read.")],
        out: Annotated[Path, typer.Option(help="Records to add to, or to begin (a directory).")],
        overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace records of the same ids.")] = False,
        as_json: AsJson = False,
    ) -> None:
        from nakaya.records.reader import READERS
        from nakaya.records.reader import ingest as add_records

        ids = add_records(READERS.find(name), file, out, overwrite=overwrite)
        if as_json:
            echo_json({"reader": name, "records": ids, "out": out})
        else:
            echo(f"{len(ids)} records of {file} added to {out}", f"tables (CSV) in {out / 'tables'}")

    return read
