"""The model card: what a trained CGNE is, where it holds, what it cost. Every figure comes from the training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakaya.emulate.cgne.package import CgnePackage

__all__ = ["model_card"]


def model_card(package: CgnePackage) -> str:
    """Return the card as Markdown."""
    trained, training, parameters = package.trained_for, package.training, package.parameters
    cost, validation, crystals, loop = (training[part] for part in ("cost", "validation", "crystals", "loop"))
    ranges = ", ".join(f"{name} from {trained.low[name]:g} to {trained.high[name]:g}" for name in trained.low)
    fixed = ", ".join(f"{name} {value:g}" for name, value in trained.fixed.items())
    return f"""# {package.name}

A Crystal Growth Neural Emulator (CGNE, arXiv 2405.16608) of the solver `{package.solver}`.
One network step covers {package.network.stride} solver steps.

## What it is for

    crystals = nakaya.grow(
        nakaya.GravnerGriffeath(rho=0.5), model="{package.name}", size={trained.size}, members=16, seed=7
    )

It is a research object: a learned, stochastic stand-in for a simulator, to be compared with it. Do not use it where the
solver can be used: the solver is exact and, at this size, many times faster. `nakaya evaluate {package.name}`
prints by how much, beside a look-up table of the same training crystals.

## Where it holds

- Sectors of size {trained.size}, margin {trained.margin}, one initial crystal in the corner; {ranges}.
- Fixed: {fixed}.
- Anything else is refused; up to 5 % of a range outside of it is answered with a warning.
- Arrival times are multiples of {package.network.stride} steps, the ends of the strides in which sites attached.
- Nothing keeps its crystals connected or mirror-symmetric; attached sites do stay attached.

## Training

- {crystals["training"]} crystals of the solver, and {crystals["validation"]} more at other points for validation.
- {training["updates"]} updates of batch {training["schedule"]["batch"]}; AdamW, peak learning rate
  {loop["learning_rate"]:g}; seed {loop["seed"]}.
- Cost as the training command measured it: {cost["seconds"]:.0f} s of wall time and {cost["cpu_seconds"]:.0f} CPU
  seconds with {cost["threads"]} threads, on a machine that may have had other work to do. The crystals took
  {cost["crystals_seconds"]:.0f} s more.
- One free rollout at each validation point: IoU with the solver's final crystal {validation["iou"]:.3f}, mean error of
  the final area {100 * validation["area_error"]:.1f} %, of the number of steps {100 * validation["steps_error"]:.1f} %.

## Size

Growing needs {parameters["prior"] + parameters["decoder"]:,} trainable values, and these are what is counted:
{parameters["prior"]:,} in the prior and {parameters["decoder"]:,} in the decoder. Training used more that are not
shipped: {parameters["posterior"]:,} in the posterior and {parameters["condition_head"]:,} in the condition head.

## Licence

CC BY 4.0. The files hold numbers and text only: weights.safetensors and config.json; sha256 of the weights
`{package.weights_sha256}`.
"""
