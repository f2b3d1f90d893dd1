"""The model card: what a trained emulator is, where it holds, what it cost, as the training run measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakaya.growth.emulators.arrival.package import ArrivalPackage

__all__ = ["model_card"]

_MEANS = {
    "cubic": "cubic polynomials of the conditions; nothing in it is neural",
    "perceptron": "a perceptron with two hidden layers",
    "gaussian-process": "Gaussian processes",
}


def model_card(package: ArrivalPackage) -> str:
    """Return the card as Markdown."""
    covered, settings, training = package.covered, package.settings, package.training
    ranges = ", ".join(f"{name} from {low:g} to {covered.high[name]:g}" for name, low in covered.low.items())
    fixed = ", ".join(f"{name} {value:g}" for name, value in covered.fixed.items())
    most = settings.neighbours * (2 if settings.exchanges_axes else 1)
    cost, crystals = training["cost"], training["crystals"]
    lines = [
        f"# {package.name}",
        "",
        f"A one-pass emulator of attachment-time maps of the solver `{package.solver}`: a mean map by "
        f"{_MEANS[settings.mean]}, plus the residual of one of {settings.neighbours} near training crystals, repaired "
        "so that the crystal is connected at every moment and has the predicted area and growth curve.",
        "",
        "## Where it holds",
        "",
        f"- Geometry {covered.geometry}, size {covered.size}, margin {covered.margin}, one crystal in the corner.",
        f"- {ranges}.",
        f"- Fixed: {fixed}.",
        "- Anything else is refused; up to 5 % of a range outside of it is answered with a warning.",
        f"- It knows every {settings.site_stride}. site of the solver's lattice along each axis, and no final fields.",
        f"- At one point it has at most {most} different crystals; tails beyond the donors' are unknown to it.",
        "",
        "## Training",
        "",
        f"- {crystals['training']} crystals of the solver, {crystals['validation']} more for the choice of settings.",
        f"- {cost['cpu_seconds']:.0f} CPU seconds, the choice of {len(training['trials'])} settings included; the "
        "solver's crystals come on top.",
        f"- Energy score at the validation points: {training['validation']['energy_score']:.3f} standard deviations.",
        "",
        "## Licence",
        "",
        "CC BY 4.0. The files hold numbers and text only: weights.safetensors and config.json.",
    ]
    return "\n".join(lines) + "\n"
