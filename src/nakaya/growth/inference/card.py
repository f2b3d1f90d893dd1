"""The model card: what a trained posterior is, where it holds, what it cost. Every figure comes from the training."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakaya.growth.inference.package import PosteriorPackage

__all__ = ["model_card"]

WIDTH = 100


def model_card(package: PosteriorPackage) -> str:
    """Return the card as Markdown."""
    prior, training, settings = package.prior, package.training, package.settings
    axes = zip(prior.names, prior.low, prior.high, prior.scales, strict=True)
    ranges = "; ".join(
        f"{name} from {low:g} to {high:g}{', uniform in the logarithm' if scale == 'log' else ''}"
        for name, low, high, scale in axes
    )
    fixed = ", ".join(f"{name} {value:g}" for name, value in package.fixed.items())
    told = "shape and attachment times" if settings.has_times else "the shape alone, as a picture shows it"
    crystals, validation, cost = training["crystals"], training["validation"], training["cost"]
    low, high = package.extents
    blocks = [
        f"# {package.name}",
        f"A posterior: which conditions of `{package.solver}` grew this crystal? It is told {told}.",
        "## What it is for",
        f"    nakaya infer crystals.zarr --model {package.name}",
        "Its answers are densities over the ranges below, and nothing outside of these is ever an answer: a crystal "
        "that grew elsewhere gets one all the same. The distance from the training crystals that stands beside every "
        "answer is there to tell.",
        "## Where it holds",
        f"- {ranges}; before a crystal is seen all of it is equally probable.",
        f"- Fixed: {fixed}.",
        f"- A {package.geometry['name']} of {package.size} sites a side, tips {low:.0f} to {high:.0f} sites from the "
        "centre.",
        "## Training",
        f"- {crystals['training']} crystals, {training['observations']} observations of them; "
        f"{crystals['validation']} more crystals at other points for validation.",
        f"- {training['updates']} updates of batch {settings.batch}, {training['parameters']:,} trainable values, seed "
        f"{settings.loop.seed}; {cost['seconds']:.0f} s of wall time and {cost['cpu_seconds']:.0f} CPU seconds.",
        f"- At validation crystals the true conditions are {validation['nats_over_prior']:.2f} +- "
        f"{validation['standard_error']:.2f} nats more probable than before.",
        "## Licence",
        "CC BY 4.0. The files hold numbers and text only: weights.safetensors and config.json. The sha256 of the "
        f"weights is {package.weights_sha256}.",
    ]
    lines: list[str] = []
    for block in blocks:
        if block.startswith(("#", "    ")):
            lines += [block, ""]
        else:
            after = "  " if block.startswith("- ") else ""
            lines += wrap(block, WIDTH, subsequent_indent=after, break_on_hyphens=False, break_long_words=False)
            lines += [] if after else [""]
    return "\n".join(_parted(lines)) + "\n"


def _parted(lines: list[str]) -> list[str]:
    """The lines, with an empty one before each heading, and none twice."""
    found: list[str] = []
    for line in lines:
        if line.startswith("#") and found and found[-1]:
            found.append("")
        if line or (found and found[-1]):
            found.append(line)
    return found[:-1] if found and not found[-1] else found
