"""`nakaya explain`: which level, cluster and frame mattered for a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson, KineticsModelName
from nakaya.cli.output import echo, echo_json
from nakaya.core.errors import ParameterError

if TYPE_CHECKING:
    from nakaya.workflows.explain import Explanation

__all__ = ["explain"]


def explain(
    records: Annotated[str | None, typer.Option(help="A shipped set, a store (directory) or a JSON file.")] = None,
    record: Annotated[str | None, typer.Option(help="Id of the record, where --records holds several.")] = None,
    material: Annotated[str | None, typer.Option(help="Instead of a record: chemical symbol, such as Cu.")] = None,
    orientation: Annotated[str | None, typer.Option(help="With --material: Miller indices, such as 100.")] = None,
    temperature: Annotated[float | None, typer.Option(help="With --material: K.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows of the table, and bars of the picture.")] = 15,
    model: KineticsModelName = "al-cu-si",
    out: Annotated[Path | None, typer.Option(help="Picture to write: a bar for every part (PNG or SVG).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what mattered for a predicted growth velocity: changes without each part, and where the network looked.

    Example: nakaya explain --records al-cu-si --record growth-Cu-100-1115K-s0

    A change is what the prediction would lose: small ones mean that the rest of the evidence says the same. Shares of
    attention say where the network looked, not what it relied on. `nakaya predict` trusts the model that inner
    cross-validation prefers; levels, clusters and frames are seen by the network alone, so where the two differ the
    network is explained, and the table has a column for each.
    """
    from nakaya.kinetics.prediction.model import load_model
    from nakaya.kinetics.prediction.predicting import conditions_sample, sample_of
    from nakaya.workflows.explain import check_picture, draw_explanation, explain_sample

    if records is not None and (material, orientation, temperature) != (None, None, None):
        raise ParameterError("--records has conditions of its own: leave --material, --orientation, --temperature out")
    if record is not None and records is None:
        raise ParameterError(f"--record {record} is of no set: name it with --records, such as al-cu-si")
    if out is not None:
        check_picture(out, overwrite=overwrite)
    loaded = load_model(model)
    if records is not None:
        sample = sample_of(records, record, loaded)
    elif material is not None and temperature is not None:
        sample = conditions_sample(material, orientation, temperature, loaded)
    else:
        raise ParameterError("give --records (and --record), or --material, --orientation and --temperature")
    found = explain_sample(sample, loaded)
    if out is not None:
        draw_explanation(found, out, overwrite=overwrite, top=top)
    if as_json:
        echo_json({**found.as_plain(), "picture": out})
        return
    echo(*_lines(found, top))
    if out is not None:
        echo(f"wrote {out}")


def _lines(found: Explanation, top: int) -> list[str]:
    """An explanation as lines of text."""
    both = not found.is_predicted
    header = f"{'without':<16} {'part':<46} {'m/s':>8} {'change':>8} {'in sigma':>9}"
    lines = [*_heading(found), "", header + (f"  change by {found.predicted.get('model', 'none')}" if both else "")]
    for entry in found.ablations[:top]:
        line = f"{entry.kind:<16} {entry.part:<46} {entry.value:8.2f} {entry.change:+8.2f} {entry.change_sigma:+9.2f}"
        other = "-" if entry.predicted_change is None else f"{entry.predicted_change:+.2f}"
        lines.append(f"{line}  {other:>9}" if both else line)
    if not found.ablations:
        lines.append("nothing could be left out: conditions are all the evidence")
    looked = _attention_lines(found)
    return [*lines, *(["", *looked] if looked else []), *(f"note: {note}" for note in found.notes)]


def _heading(found: Explanation) -> list[str]:
    from nakaya.kinetics.samples.sample import EVIDENCE

    lines = [f"{found.record}, evidence {found.evidence}: {EVIDENCE[found.evidence]}"]
    low, high = found.interval90
    explained = f"explained: {found.value:.3g} m/s (90 %: {low:.3g} to {high:.3g}) by {found.model}"
    if found.is_predicted:
        return [*lines, f"{explained}, as `nakaya predict` says"]
    if found.predicted["value"] is None:
        return [*lines, "predicted: nothing", explained]
    name = found.predicted["model"]
    low, high = found.predicted["interval90"]
    lines.append(f"predicted: {found.predicted['value']:.3g} m/s (90 %: {low:.3g} to {high:.3g}) by {name}, as `nakaya "
                 "predict` says")  # fmt: skip
    if {name, found.model} <= set(found.scores):
        return [
            *lines,
            f"{explained}, which sees levels, clusters and frames",
            f"{name} is preferred: off by {found.scores[name]:.1f} m/s in cross-validation, "
            f"{found.model} by {found.scores[found.model]:.1f}",
        ]
    return [*lines, explained]


def _attention_lines(found: Explanation) -> list[str]:
    """Where a network looked."""
    if found.attention is None:
        return []
    frames = ", ".join(f"{entry['time_ps']:g} ps {entry['share']:.0%}" for entry in found.attention["frames"])
    levels = ", ".join(f"{name} {gate:.2f}" for name, gate in found.attention["levels"].items())
    clusters = ", ".join(f"{share:.0%}" for share in found.attention["clusters"][:8])
    last = " at the last frame" if frames else ""
    lines = [f"attention to frames: {frames}"] if frames else []
    lines += [f"gates of levels{last} (0 shut, 1 open): {levels}"] if levels else []
    lines += [f"attention to clusters{last}: {clusters}"] if clusters else []
    if found.attention["atoms_for_half"]:
        lines.append(f"half of the attention to atoms{last}: {found.attention['atoms_for_half']} of "
                     f"{found.attention['atoms']}")  # fmt: skip
    return lines
