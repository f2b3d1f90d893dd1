"""The solver and its emulator at the same conditions: side by side, curve by curve, and what each costs."""

from __future__ import annotations

import numpy as np
from PIL.Image import Image

from nakaya.growth.growing import grow
from nakaya.growth.model.trajectory import Trajectory
from nakaya.growth.morphology.growth_curve import growth_curve
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.viz.charts.base import Band, Role, ensemble_band
from nakaya.viz.charts.curves import CurvePanel, growth_curves
from nakaya.viz.charts.fidelity import TradeOff, trade_off_chart
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.viz.style import PAGE_WIDTH, Theme
from nakaya.workflows.demo.sources import EMULATOR_PAPER
from nakaya.workflows.evaluate import Evaluation, evaluate
from nakaya.workflows.show import view_member

__all__ = ["compare_with_the_emulator"]

EMULATOR = "cgne-small-rho"
DENSITIES = (0.42, 0.50, 0.58)
SIZE = 64
MEMBERS = 8
CURVE_POINTS = 60


def compare_with_the_emulator(report: Report, seed: int) -> list[str]:
    """Grow one ensemble with each, show both, and score the emulator at points that it has not seen."""
    points = [GravnerGriffeath(rho=rho) for rho in DENSITIES]
    exact = grow(points, size=SIZE, members=MEMBERS, seed=seed)
    emulated = grow(points, model=EMULATOR, size=SIZE, members=MEMBERS, seed=seed)
    result = evaluate(EMULATOR, quick=True, seed=seed)
    model, solver = result[EMULATOR], result["solver"]
    ratio = model.seconds_per_crystal / solver.seconds_per_crystal
    resolution = emulated.metadata.time_resolution

    report.add_text(
        (
            "The Crystal Growth Neural Emulator (",
            Link("arXiv 2405.16608", EMULATOR_PAPER),
            ") learns the next picture of a crystal from the present one. This small version looks ahead "
            f"{resolution} steps of the solver at a time. It is a grower like the solver: the same call, the same "
            "store, the same pictures.",
        )
    )
    report.add_figure(
        lambda theme, width: _side_by_side(exact, emulated, theme, width),
        caption="The same conditions, grown exactly and emulated: sectors of "
        f"{SIZE} × {SIZE} sites, unfolded, seed {seed}. Crystals this small depend sharply on ρ, which is what an "
        "emulator finds hard.",
        alt="Six snow crystals: three grown by the solver, and with each the emulator's at the same density.",
    )
    panels = [
        CurvePanel(f"area at ρ = {rho:.2f} (sites)", _bands(exact, emulated, number))
        for number, rho in enumerate(DENSITIES)
    ]
    report.add_figure(
        lambda theme, width: growth_curves(panels, theme, width=width),
        caption=f"Area of the sector against physical time: median and central 90 % of {MEMBERS} crystals.",
        alt="Three charts of crystal area against step, each with a curve of the solver and one of the emulator.",
    )
    _add_fidelity(report, result)
    slower = f"{ratio:.0f} times the solver's" if ratio >= 2 else f"{ratio:.2f} times the solver's"
    report.add_numbers(
        [
            KeyNumber(_milliseconds(solver.seconds_per_crystal), "solver", "CPU time per crystal"),
            KeyNumber(_milliseconds(model.seconds_per_crystal), "emulator", slower),
            KeyNumber(f"{model.wasserstein_over_floor:.1f}", "emulator's distance", "floor of the solver = 1"),
        ]
    )
    report.add_text(
        "At this size a carefully written solver leaves an emulator no room: the solver is both exact and faster. "
        "Emulators become interesting where solvers cost more: larger lattices, three dimensions, other physics."
        if ratio > 1
        else "On this machine the emulator needs less time per crystal than the solver, at the accuracy shown above.",
    )
    return [
        f"solver: {_milliseconds(solver.seconds_per_crystal)} per 64 x 64 crystal, exact",
        f"emulator {EMULATOR}: {_milliseconds(model.seconds_per_crystal)} per crystal, {slower}",
        f"fidelity at {result.points} unseen densities: {model.wasserstein_over_floor:.1f} x the solver's own spread "
        f"(look-up table {result['look-up'].wasserstein_over_floor:.1f} x), IoU {model.iou:.2f} "
        f"(solver with itself {solver.iou:.2f})",
        f"so at this size use the {'solver' if ratio > 1 else 'emulator'} where speed is what you want",
    ]


def _side_by_side(exact: Trajectory, emulated: Trajectory, theme: Theme, width: float) -> Image:
    """Solver above emulator where there is room for all densities in a row, else beside it, a row for each density."""
    densities = range(len(DENSITIES))
    both = (("solver", exact), ("emulator", emulated))
    wide = width >= PAGE_WIDTH
    places = [(number, pair) for pair in both for number in densities]
    if not wide:
        places.sort(key=lambda place: place[0])
    return crystals_on_page(
        [view_member(crystals, point=number) for number, (_, crystals) in places],
        theme,
        width,
        labels=[f"{name}, ρ = {DENSITIES[number]:.2f}" for number, (name, _) in places],
        columns=len(DENSITIES) if wide else len(both),
    )


def _add_fidelity(report: Report, result: Evaluation) -> None:
    """Add what an evaluation found: a table, and cost against error."""
    report.add_table(
        ("model", "Wasserstein / floor", "CRPS / floor", "Brier", "IoU", "coverage of 90 %", "CPU s per crystal"),
        _table(result),
        caption=(
            f"Fidelity at {result.points} vapour densities that were not trained on, {result.members} crystals each. "
            "The solver's row is a second sample of the solver: the floor that a perfect emulator reaches. So few "
            "crystals give wide intervals; ",
            Code(f"nakaya evaluate {EMULATOR}"),
            " does it in full.",
        ),
        emphasise=len(result.rows) - 1,
    )
    roles: dict[str, Role] = {"solver": "solver"}
    points = [
        TradeOff(row.model, row.seconds_per_crystal, row.wasserstein_over_floor, roles.get(row.model, "model"))
        for row in result.rows
    ]
    report.add_figure(
        lambda theme, width: trade_off_chart(points, theme, y_label="Wasserstein / floor", width=width),
        caption="Cost against error, both logarithmic: lower left is better.",
        alt="A chart of seconds per crystal against error for the emulator, the look-up table and the solver.",
    )


def _bands(exact: Trajectory, emulated: Trajectory, point: int) -> tuple[Band, ...]:
    last = int(max(exact.steps[point].max(), emulated.steps[point].max()))
    at = np.unique(np.linspace(0, last, CURVE_POINTS).astype(np.int64))
    bands = []
    samples: tuple[tuple[str, Role, Trajectory], ...] = (
        ("solver", "solver", exact),
        ("emulator", "model", emulated),
    )
    for label, role, crystals in samples:
        curve = growth_curve(crystals.arrival[point], at, origin=(0, 0))
        bands.append(ensemble_band(label, at.astype(np.float64), curve.area.astype(np.float64), role=role))
    return tuple(bands)


def _table(result: Evaluation) -> list[tuple[object, ...]]:
    names = {"solver": "solver, second sample"}
    return [
        (
            names.get(row.model, row.model),
            round(row.wasserstein_over_floor, 2),
            round(row.crps_over_floor, 2),
            round(row.brier, 4),
            round(row.iou, 3),
            round(row.coverage90, 3),
            row.seconds_per_crystal,
        )
        for row in result.rows
    ]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
