"""How near do emulators and controls come to the solver on a task, as far as its data are computed?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakaya.cli.output import echo, echo_json
from nakaya.growth.campaigns.emulation_tasks import load_task
from nakaya.growth.store.store import open_store
from nakaya.workflows.score_task import controls_of, read_crystals, row_text, score_crystals, score_on_task, stores_in
from nakaya.workflows.train_emulator import load_emulator

__all__ = ["score_task"]


def score_task(
    task: Annotated[str, typer.Argument(help="Name of a task.")],
    data: Annotated[Path, typer.Option(help="Folder of its stores: training.zarr, held-out.zarr, truth.zarr.")],
    model: Annotated[list[Path] | None, typer.Option(help="Folder of a trained emulator; repeat it.")] = None,
    truth: Annotated[str | None, typer.Option(help="Part to compare with (default: the task's truth).")] = None,
    controls: Annotated[bool, typer.Option(help="Whether controls are made of the training crystals.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print distances over the floor: area, perimeter, tip and duration, 8 members against 8, mean of 100 splits.

    Example: python3 nk.py benchmark score-task dendrites --data dendrites --truth held-out --model runs/cubic-bank
    """
    chosen = load_task(task)
    part = truth or chosen.truth
    stores = stores_in(data, chosen)
    points, crystals = read_crystals(open_store(stores[part]), chosen.stride_of(part))
    emulators = [load_emulator(folder) for folder in model or []]
    growers = {emulator.name: emulator for emulator in emulators}
    made = controls_of(chosen, open_store(stores["training"])) if controls and "training" in stores else {}
    rows = score_on_task(chosen, {**growers, **made}, crystals)
    if part != "held-out" and "held-out" in stores:
        others, coarse = read_crystals(open_store(stores["held-out"]), chosen.stride_of("held-out"))
        if set(points) <= set(others):
            places = [others.tolist().index(point) for point in points.tolist()]
            nan = float("nan")
            picked = type(coarse)(
                coarse.arrival[places],
                coarse.steps[places],
                coarse.stop_codes[places],
                {name: values[places] for name, values in coarse.parameters.items()},
                coarse.metadata,
            )
            rows.append(score_crystals("solver, held-out", picked, crystals, chosen, (nan, nan)))
    if as_json:
        echo_json({"task": task, "truth": part, "points": len(points), "rows": rows})
        return
    echo(f"{task}: {len(points)} points of {part} with {crystals.num_members} members; x floor, bias in deviations")
    echo(*[row_text(row) for row in rows])
