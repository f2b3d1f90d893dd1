"""The model card: what a trained stepwise emulator is, where it holds, what it cost; all figures from its training."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakaya.growth.emulators.stepwise.package import StepPackage

__all__ = ["model_card"]


WIDTH = 100


def model_card(package: StepPackage) -> str:
    """Return the card as Markdown."""
    trained, training = package.trained_for, package.training
    cost, validation, crystals, loop = (training[part] for part in ("cost", "validation", "crystals", "loop"))
    ranges = ", ".join(f"{name} from {trained.low[name]:g} to {trained.high[name]:g}" for name in trained.low)
    fixed = ", ".join(f"{name} {value:g}" for name, value in trained.fixed.items())
    stride = package.network.stride
    example = "nakaya.GravnerGriffeath(rho=0.5)"
    setting = ""
    if package.family != "gravner-griffeath" or set(trained.low) != {"rho"}:
        middle = ", ".join(f"{name}={(trained.low[name] + trained.high[name]) / 2:.6g}" for name in trained.low)
        setting = (
            "    from nakaya.growth.catalogue import find_model\n"
            f'    point = find_model("{package.solver}").family({middle})\n'
        )
        example = "point"
    blocks = [
        f"# {package.name}",
        f"{package.sentence} of the solver `{package.solver}`. One network step covers {stride} solver steps.",
        "## What it is for",
        f"{setting}    crystals = nakaya.grow({example}, "
        f'model="{package.name}", size={trained.size}, members=16, seed=7)',
        "It is a research object: a learned, stochastic stand-in for a simulator, to be compared with it. Do not use "
        "it where the solver can be used: the solver is exact and, at this size, many times faster. "
        f"`nakaya evaluate {package.name}` prints by how much, beside a look-up table of the same training crystals.",
        "## Where it holds",
        f"- Sectors of size {trained.size}, margin {trained.margin}, one initial crystal in the corner; {ranges}.",
        f"- Fixed: {fixed}.",
        "- Anything else is refused; up to 5 % of a range outside of it is answered with a warning.",
        f"- Arrival times are multiples of {stride} steps, the ends of the strides in which sites attached.",
        "- Nothing keeps its crystals connected or mirror-symmetric; attached sites do stay attached.",
        "## Training",
        f"- {crystals['training']} crystals of the solver, and {crystals['validation']} more at other parameter points "
        "for validation.",
        f"- {training['updates']} updates of batch {training['schedule']['batch']}; AdamW, peak learning rate "
        f"{loop['learning_rate']:g}; seed {loop['seed']}.",
        f"- Cost, as the training command measured it: {cost['seconds']:.0f} s of wall time and "
        f"{cost['cpu_seconds']:.0f} CPU seconds; torch computed with {_count(cost['threads'], 'thread')}. On a machine "
        "that has other work to do, the wall time says little. The solver's crystals come on top.",
        "- One free rollout at each validation point: IoU with the solver's final crystal "
        f"{validation['iou']:.3f}, mean error of the final area {100 * validation['area_error']:.1f} %, of the number "
        f"of steps {100 * validation['steps_error']:.1f} %.",
        "## Size",
        _size(package),
        "## Licence",
        "CC BY 4.0. The files hold numbers and text only: weights.safetensors and config.json. The sha256 of the "
        f"weights is {package.weights_sha256}.",
    ]
    return "\n".join(_lay_out(blocks)) + "\n"


def _size(package: StepPackage) -> str:
    """What growing needs, and what only training needed."""
    needed = {name: count for name, count in package.parameters.items() if name in package.for_growing}
    others = {name: count for name, count in package.parameters.items() if name not in package.for_growing}
    said = f"Growing needs {sum(needed.values()):,} trainable values, and these are what is counted: {_listed(needed)}."
    return f"{said} Training used more that are not shipped: {_listed(others)}." if others else said


def _listed(parameters: Mapping[str, int]) -> str:
    words = [f"{count:,} in the {name.replace('_', ' ')}" for name, count in parameters.items()]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _lay_out(blocks: list[str]) -> list[str]:
    """Lines of Markdown: an empty line between blocks, but not between the items of a list."""
    lines: list[str] = []
    for block in blocks:
        is_item = block.startswith("- ")
        if lines and not (is_item and lines[-1].startswith(("- ", "  "))):
            lines.append("")
        if block.startswith("    "):
            lines.append(block)
        else:
            lines += wrap(block, WIDTH, subsequent_indent="  " if is_item else "", break_long_words=False)
    return lines
