"""`nakaya explain`: which level, cluster and frame mattered for a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.border import echo_json
from nakaya.core.errors import ParameterError

if TYPE_CHECKING:
    from nakaya.pipelines.explaining import Explanation

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)


def explain(
    records: Annotated[str | None, typer.Option(help="A shipped set, a store (directory) or a JSON file.")] = None,
    record: Annotated[str | None, typer.Option(help="Id of the record, where --records holds several.")] = None,
    material: Annotated[str | None, typer.Option(help="Instead of a record: chemical symbol, such as Cu.")] = None,
    orientation: Annotated[str | None, typer.Option(help="With --material: Miller indices, such as 100.")] = None,
    temperature: Annotated[float | None, typer.Option(help="With --material: K.")] = None,
    top: Annotated[int, typer.Option(help="Rows of the table.")] = 15,
    model: Annotated[str, typer.Option(help="Shipped model, or the folder that `nakaya train` wrote.")] = "al-cu-si",
    out: Annotated[Path | None, typer.Option(help="Picture to write: a bar for every part (PNG).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what mattered for a predicted growth velocity: the change without each part, and where the network looked.

    Example: nakaya explain --records al-cu-si --record growth-Cu-100-1115K-s0

    A change is what the prediction would lose: small ones mean that the rest of the evidence says the same. Shares of
    attention say where the network looked, not what it relied on.
    """
    from nakaya.pipelines.explaining import draw_explanation, explain_sample
    from nakaya.pipelines.predicting import conditions_sample, load_model, sample_of

    loaded = load_model(model)
    if records is not None:
        sample = sample_of(records, record, loaded)
    elif material is not None and temperature is not None:
        sample = conditions_sample(material, orientation, temperature, loaded)
    else:
        raise ParameterError("give --records (and --record), or --material, --orientation and --temperature")
    found = explain_sample(sample, loaded)
    if out is not None:
        draw_explanation(found, out, overwrite=overwrite)
    if as_json:
        echo_json({**found.as_plain(), "picture": out})
        return
    for line in _lines(found, top):
        typer.echo(line)


def _lines(found: Explanation, top: int) -> list[str]:
    """An explanation as lines of text."""
    lines = [
        f"{found.record}: {found.value:.4g} m/s by {found.model}, evidence {found.evidence}",
        "",
        f"{'without':<22} {'part':<38} {'m/s':>8} {'change':>8} {'in sigma':>9}",
    ]
    lines += [
        f"{entry.kind:<22} {entry.part:<38} {entry.value:8.2f} {entry.change:+8.2f} {entry.change_sigma:+9.2f}"
        for entry in found.ablations[:top]
    ]
    if found.attention is not None:
        frames = ", ".join(f"{entry['time_ps']:g} ps {entry['share']:.0%}" for entry in found.attention["frames"])
        levels = ", ".join(f"{name} {gate:.2f}" for name, gate in found.attention["levels"].items())
        clusters = ", ".join(f"{share:.0%}" for share in found.attention["clusters"][:8])
        lines += ["", f"attention to frames: {frames}"]
        lines += [f"gates of levels at the last frame: {levels}"] if levels else []
        lines += [f"attention to clusters at the last frame: {clusters}"] if clusters else []
        if found.attention["atoms_for_half"]:
            lines.append(f"half of the attention to atoms: {found.attention['atoms_for_half']} of "
                         f"{found.attention['atoms']}")  # fmt: skip
    return [*lines, *(f"note: {note}" for note in found.notes)]
