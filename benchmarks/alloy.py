"""Does the alloy partition, and does its interface break up, as a sharp interface would; and what does it cost?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import pi, sqrt
from typing import Annotated, Any

import numpy as np
import typer

from nakaya.cli.output import echo_json
from nakaya.core.errors import ParameterError
from nakaya.growth.solvers.alloy import cpu
from nakaya.growth.solvers.alloy.material import AL_4_CU
from nakaya.growth.solvers.alloy.measures import (
    front_at,
    front_heights,
    growth_rate,
    mode_amplitude,
    partition_at,
    primary_spacing,
    solute,
    steady_concentration,
)
from nakaya.growth.solvers.alloy.model import DIRECTIONAL, MODEL, DirectionalStop
from nakaya.growth.solvers.alloy.parameters import Alloy, DirectionalAlloy
from nakaya.growth.solvers.alloy.reference import State, initial_state
from nakaya.growth.solvers.phase_field.clock import STEP_DURATION
from nakaya.growth.solvers.phase_field.reference import phase_of

__all__ = ["alloy", "perturbed_front", "planar_front", "point_of"]

KEY = (3, 4)
SEED = 12.0
"""Height of the first interface in W0."""

LAYERS = 6
"""Diffusion lengths of melt ahead of an interface: what is left of the boundary layer is .2 %."""

MEASURED = (0.3, 0.85)
"""Between which fractions of a run amplitudes are taken: the fields have settled, and all columns have passed a row."""


@dataclass(frozen=True)
class Regime:
    """A front to be shown: W0 / sqrt(d0 l_D), l_T / l_D, and the anisotropy."""

    name: str
    width: float
    thermal: float
    anisotropy: float


REGIMES = (
    Regime("planar", 0.6, 1.1, 0.04),
    Regime("cellular", 0.6, 4.0, 0.04),
    Regime("dendritic", 0.7, 40.0, 0.05),
)


def point_of(width: float, *, ratio: float = 4.0, thermal: float = 12.5, **others: float) -> DirectionalAlloy:
    """Return a point that starts as a steady planar front, without anisotropy unless it is stated.

    Args:
        width: W0 / sqrt(d0 l_D).
        ratio: W0 / d0.
        thermal: l_T / l_D.
        others: Further parameters.
    """
    speed = (width / ratio) ** 2
    values = {
        "partition": 0.15,
        "capillary_length": 1 / ratio,
        "pulling_speed": speed,
        "gradient": speed / thermal,
        "start_undercooling": 1.0,
        "perturbation": 0.0,
        "seed_radius": SEED * ratio,
        "anisotropy": 0.0,
    }
    return DirectionalAlloy(**(values | others))


def planar_front(params: DirectionalAlloy, *, transients: float = 2.0) -> dict[str, float]:
    """Return how a planar front partitions, where it stands and how far its boundary layer is off.

    Args:
        params: The point.
        transients: Duration in units of l_D / V.
    """
    reach = params.diffusion_length
    rows = int((SEED + reach * (transients + LAYERS + 1)) / params.spacing)
    stop = DirectionalStop(max_steps=int(transients * reach / params.speed / STEP_DURATION), margin=2)
    start = time.process_time()
    grown, state = cpu.evolve(params, DIRECTIONAL.setup(shape=(rows, 8), stop=stop), KEY)
    seconds = time.process_time() - start
    height = float(front_heights(state.phi, params)[0])
    x = np.arange(rows, dtype=np.float64) * params.spacing - height
    ahead = (x > SEED / 2) & (x < 3 * reach)
    layer = (
        np.asarray(grown.fields["concentration"])[ahead, 0]
        / steady_concentration(np.array(x[ahead], np.float64), params)
        - 1
    )
    return {
        "width": params.capillary_length**-1 * sqrt(params.pulling_speed),
        "spacing": params.spacing,
        "antitrapping": params.antitrapping,
        "partition_error": partition_at(state.u, state.phi, params) / params.partition - 1,
        "theta": float(grown.fields["temperature"][0, 0]) + height / params.thermal_length,
        "layer_error": float(np.abs(layer).max()),
        "cpu_seconds": seconds,
    }


def perturbed_state(params: DirectionalAlloy, shape: tuple[int, int], amplitude: float) -> State:
    """Return the steady planar front with a cosine of one period, and the solute that goes with it."""
    rows, columns = shape
    wavelength, reach = columns * params.spacing, params.diffusion_length
    q = 2 * pi / wavelength
    a = 1 / reach - params.capillary_length * q**2 - 1 / params.thermal_length
    decay = (1 + sqrt(1 + 4 * reach**2 * (q**2 + growth_rate(params, wavelength) / params.diffusivity))) / (2 * reach)
    wave = amplitude * np.cos(2 * pi * np.arange(columns) / columns)
    height = np.arange(rows)[:, np.newaxis] * params.spacing - params.seed_width
    melt = np.exp(-height / reach) - 1 + a * wave * np.exp(-decay * height)
    solid = np.broadcast_to((a - 1 / reach) * wave, shape)
    psi = (wave - height).clip(-8, 8).astype(np.float32)
    return State(psi, phase_of(psi), np.where(height > wave, melt, solid).astype(np.float32))


def perturbed_front(params: DirectionalAlloy, columns: int, *, amplitude: float = 0.5) -> dict[str, float]:
    """Return at what rate a perturbation of one period grows, and at what rate it should.

    Args:
        params: The point, without anisotropy.
        columns: Of the lattice, a wavelength.
        amplitude: Of the perturbation at the beginning, in W0.
    """
    wavelength = columns * params.spacing
    expected = growth_rate(params, wavelength)
    duration = min(1 / abs(expected), 2.5 * params.diffusion_length / params.speed)
    rows = int((SEED + params.speed * duration + LAYERS * params.diffusion_length) / params.spacing)
    stop = DirectionalStop(max_steps=int(duration / STEP_DURATION), margin=2)
    setup = DIRECTIONAL.setup(shape=(rows, columns), stop=stop)
    grown, _ = cpu.evolve(params, setup, KEY, start=perturbed_state(params, (rows, columns), amplitude))
    times = np.linspace(*MEASURED, 6) * duration
    amplitudes = [mode_amplitude(front_at(grown.arrival, moment, params)) for moment in times]
    scale = params.diffusion_length / params.speed
    return {
        "width": sqrt(params.pulling_speed) / params.capillary_length,
        "wavelength": wavelength / params.diffusion_length,
        "expected": expected * scale,
        "found": float(np.polyfit(times, np.log(np.abs(amplitudes)), 1)[0]) * scale,
    }


def solute_error() -> float:
    """Return by how much the solute of a whole crystal has changed, over what its solid has rejected."""
    params = Alloy(seed_radius=15)
    setup = MODEL.setup("quarter", 200, stop=MODEL.stop(margin=40))
    first = initial_state(params, setup, KEY)
    _, state = cpu.evolve(params, setup, KEY)
    before, after = (solute(each.u, each.phi, params, setup) for each in (first, state))
    frozen = float(((state.phi > 0).sum() - (first.phi > 0).sum()) * params.spacing**2)
    return abs(after - before) / (frozen * (1 - params.partition))


def front_of(regime: Regime, columns: int, lengths: float) -> dict[str, Any]:
    """Return what a front looks like that has been pulled by some diffusion lengths in a window."""
    params = point_of(
        regime.width, thermal=regime.thermal, anisotropy=regime.anisotropy, start_undercooling=0.5, perturbation=0.3
    )
    steps = int(lengths * params.diffusion_length / params.speed / STEP_DURATION)
    setup = DIRECTIONAL.setup("window", shape=(224, columns), stop=DirectionalStop(max_steps=steps, margin=90))
    start = time.process_time()
    grown, state = cpu.evolve(params, setup, KEY)
    seconds = time.process_time() - start
    heights = front_heights(state.phi, params)
    try:
        tips = vars(primary_spacing(state.phi, params))
    except ParameterError:
        tips = {}
    return {
        "name": regime.name,
        **tips,
        "diffusion_length": params.diffusion_length,
        "depth": float(np.ptp(heights)),
        "theta": float(grown.fields["temperature"][0, 0]) + float(heights.max()) / params.thermal_length,
        "highest": float(grown.fields["concentration"].max()),
        "cpu_seconds": seconds,
    }


def cost_in_aluminium(pulling_speed: float, seconds: float) -> dict[str, float]:
    """Return what Al-4 wt% Cu costs that is pulled by ten diffusion lengths, from the first steps of it.

    Args:
        pulling_speed: In m/s.
        seconds: CPU seconds to spend, about.
    """
    params = AL_4_CU.directional(gradient=1e5, pulling_speed=pulling_speed, start_undercooling=0.3, seed_radius=200)
    whole = 10 * params.diffusion_length / params.speed
    columns, rows = 256, int(8 * params.diffusion_length / params.spacing)
    steps, spent, share = 200, 0.0, 0.0
    while spent < seconds / 3 and share < 1:
        stop = DirectionalStop(max_steps=steps, margin=rows // 2)
        start = time.process_time()
        cpu.evolve(params, DIRECTIONAL.setup("window", shape=(rows, columns), stop=stop), KEY)
        spent, share, steps = time.process_time() - start, steps * STEP_DURATION / whole, steps * 4
    return {
        "pulling_speed": pulling_speed,
        "rows": rows,
        "columns": columns,
        "length": AL_4_CU.units(params).length * columns * params.spacing,
        "share": share,
        "cpu_seconds": spent / share,
    }


def alloy(
    large: Annotated[bool, typer.Option("--large", help="Fronts of three regimes and costs in Al-Cu, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure partition, boundary layer and stability of fronts of an alloy against what a sharp interface does.

    Example: python3 nk.py benchmark alloy --large
    """
    planar = [planar_front(point_of(width)) for width in (0.3, 0.4, 0.5, 0.6, 0.75)]
    planar += [planar_front(point_of(0.4, spacing=spacing)) for spacing in (0.4, 1.0)]
    planar += [planar_front(point_of(width, antitrapping=0)) for width in (0.3, 0.4, 0.6)]
    waves = [
        perturbed_front(point_of(width, thermal=10, partition=0.3), round(factor / width))
        for width in (0.5, 0.35, 0.25)
        for factor in (7.5, 12.5, 20)
    ]
    result: dict[str, Any] = {"planar": planar, "waves": waves, "solute_error": solute_error()}
    if large:
        result["fronts"] = [front_of(regime, 256, 12) for regime in REGIMES]
        result["aluminium"] = [cost_in_aluminium(speed, 20) for speed in (1e-3, 1e-4)]
    if as_json:
        echo_json(result)
        return
    typer.echo("planar front, k = .15, l_T = 12.5 l_D, W0 = 4 d0: width is W0 / sqrt(d0 l_D)")
    for row in planar:
        typer.echo(
            f"width {row['width']:.2f}, dx {row['spacing']:.1f} W0, antitrapping {row['antitrapping']:g}: partition "
            f"{row['partition_error']:+.2%}, front at {row['theta']:+.5f} of the freezing range, boundary layer within "
            f"{row['layer_error']:.2%}, CPU {row['cpu_seconds']:.2f} s"
        )
    typer.echo("perturbations of a planar front, k = .3, l_T = 10 l_D: rates in V / l_D")
    for row in waves:
        typer.echo(
            f"width {row['width']:.2f}, wavelength {row['wavelength']:.3f} l_D: {row['found']:+.3f} "
            f"against {row['expected']:+.3f}"
        )
    typer.echo(f"solute of a crystal: changed by {result['solute_error']:.1e} of what its solid has rejected")
    for row in result.get("fronts", []):
        tips = "no tips"
        if "num_tips" in row:
            tips = f"{row['num_tips']} tips, spacing {row['spacing']:.1f} W0 ({row['low']:.1f} to {row['high']:.1f})"
        typer.echo(
            f"{row['name']} (l_D {row['diffusion_length']:.1f} W0): {tips}, grooves {row['depth']:.1f} W0, tips at "
            f"{row['theta']:.3f} of the freezing range, solute up to {row['highest']:.1f}, "
            f"CPU {row['cpu_seconds']:.1f} s"
        )
    for row in result.get("aluminium", []):
        typer.echo(
            f"Al-4 wt% Cu, 1e5 K/m, {row['pulling_speed'] * 1e3:g} mm/s, {row['length'] * 1e6:.1f} um wide "
            f"({row['rows']} x {row['columns']} sites), pulled by 10 l_D: CPU {row['cpu_seconds']:.0f} s, from "
            f"{row['share']:.1%} of it"
        )
