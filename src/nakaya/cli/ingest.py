"""`nakaya ingest`: files of others become records.

Every source has its own module `ingest_<source>.py` with `register(group)`, and one import and one line here.
"""

from __future__ import annotations

import typer

from nakaya.cli import ingest_images, ingest_md, ingest_reactor

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command group to the application."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(ingest)
    ingest_md.register(group)
    ingest_images.register(group)
    ingest_reactor.register(group)
    app.add_typer(group, name="ingest")


def ingest() -> None:
    """Turn files of others into records: simulations, micrographs, EBSD maps, reactor logs."""
