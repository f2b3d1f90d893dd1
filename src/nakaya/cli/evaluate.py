"""`nakaya evaluate`: fidelity and speed of an emulator beside its solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from nakaya.cli.options import AsJson
from nakaya.cli.output import echo, echo_json

if TYPE_CHECKING:
    from nakaya.workflows.evaluate import Evaluation

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="Name of an emulator (see `nakaya info`), or the folder of a training or its model."),
    ],
    points: Annotated[
        int | None, typer.Option(help="Held-out parameter points, 2 or more (default: 64; 6 with --quick).")
    ] = None,
    members: Annotated[
        int | None, typer.Option(help="Crystals of each model at each point, 2 or more (default: 64; 6 with --quick).")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look in seconds, with wide intervals.")] = False,
    workers: Annotated[int, typer.Option(help="Threads that grow crystals at once; does not change them.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the points and of all crystals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare an emulator with its solver at parameter points that it has not seen: fidelity and speed.

    Example: nakaya evaluate cgne-small-rho --quick

    Three lines: the emulator; a look-up table that holds the crystals it was trained on; and the solver itself, other
    seeds against the same seeds, which is the floor that a perfect emulator would reach. Distances are given as
    multiples of that floor (1 is perfect), times in CPU seconds of one core. The full comparison takes minutes.

    A training that is not finished, or still runs, is compared as its last checkpoint has it; the model's name then
    says at which update.
    """
    from nakaya.workflows.evaluate import evaluate as evaluate_emulator

    with _Stages() as stage:
        outcome = evaluate_emulator(
            model, points=points, members=members, quick=quick, workers=workers, seed=seed, stage=stage
        )
    if as_json:
        echo_json(outcome)
        return
    echo(*_table(outcome))


class _Stages:
    """Progress of one stage after another, each with its own bar or lines."""

    def __init__(self) -> None:
        self._stack, self._label = ExitStack(), ""

    def __enter__(self) -> _Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, label: str, done: int, total: int) -> None:
        from nakaya.cli.progress import progress_reporter

        if label != self._label:
            self._stack.close()
            self._report = self._stack.enter_context(progress_reporter(label, "done"))
            self._label = label
        self._report(done, total)


def _table(outcome: Evaluation) -> list[str]:
    """The comparison as lines of text."""
    header = ("", "Wasserstein", "CRPS", "Brier", "IoU", "coverage", "width", "diversity", "at rest", "CPU s")
    units = ("", "x floor", "x floor", "", "", "of 90 %", "x floor", "x floor", "", "per crystal")
    body = []
    for row in outcome.rows:
        low, high = row.wasserstein_over_floor_interval
        scores = row.scores
        body.append(
            (
                row.model,
                f"{row.wasserstein_over_floor:.2f} [{low:.2f}, {high:.2f}]",
                f"{row.crps_over_floor:.2f}",
                f"{row.brier:.4f}",
                f"{row.iou:.3f}",
                f"{row.coverage90:.3f}",
                f"{scores['band_width']['over_floor']:.2f}",
                f"{scores['diversity']['over_floor']:.2f}",
                f"{scores['identity_share']['value']:.4f}",
                f"{row.seconds_per_crystal:.2g}",
            )
        )
    speed, emulator = outcome.speed, outcome.emulator
    parameters, cost, validation = emulator["parameters"], emulator["training_cost"], emulator["validation"]
    ratio = speed["emulator_over_solver"]
    comparison = f"{ratio:.3g} times slower than" if ratio > 1 else f"{1 / ratio:.3g} times faster than"
    return [
        f"{outcome.model} against {outcome.solver}: {outcome.points} held-out points, {outcome.members} crystals each",
        f"arrival times of all rounded up to {outcome.time_resolution} steps; a perfect emulator has 1 x floor",
        "",
        *_aligned([header, units, *body]),
        "",
        f"speed: {outcome.model} is {comparison} {outcome.solver} on one core; "
        f"{speed['operations_per_crystal'] / 1e9:.2f} GFLOP per crystal",
        f"size: {_size_of(parameters)}",
        f"training: {emulator['updates']} updates, {cost['seconds']:.0f} s, {cost['cpu_seconds']:.0f} CPU s",
        *_latent_of(validation),
        f"look-up: {outcome.look_up['crystals']} training crystals, k = {outcome.look_up['neighbours']}",
    ]


def _size_of(parameters: Mapping[str, int]) -> str:
    grown_with = {name: count for name, count in parameters.items() if name in ("prior", "decoder")} or parameters
    return f"{sum(grown_with.values()):,} parameters ({' and '.join(grown_with) or 'none'})"


def _latent_of(validation: Mapping[str, float]) -> list[str]:
    """What is known of a latent variable, where the emulator has one."""
    if "kl_per_step" not in validation:
        return []
    return [
        f"latent: {validation['kl_per_step']:.2f} nats per step, {validation['kl_per_dimension']:.4f} per dimension, "
        f"{100 * validation['active_channels']:.0f} % of the channels in use"
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
