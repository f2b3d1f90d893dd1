"""Draw the picture of the README: six snow crystals, each on a whole lattice, with noise.

    python examples/readme_picture.py --out docs/pictures/flakes.png

Smaller and in a second:

    python examples/readme_picture.py --size 61 --width 480 --out flakes.png
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from PIL import Image

import nakaya
from nakaya.viz.canvas import Canvas
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.formatting import format_parameters
from nakaya.viz.style import DARK, house_style
from nakaya.workflows.show import view_member, write_image

CONDITIONS = [
    nakaya.GravnerGriffeath(
        rho=0.365, beta=1.05, alpha=0.08, theta=0.03, kappa=7.5e-4, mu=0.07, gamma=2.9e-4, sigma=4.6e-4
    ),
    nakaya.GravnerGriffeath(
        rho=0.637, beta=1.1, alpha=0.4, theta=0.05, kappa=1.8e-3, mu=0.07, gamma=1.1e-4, sigma=1.8e-4
    ),
    nakaya.GravnerGriffeath(
        rho=0.663, beta=1.1, alpha=0.4, theta=0.0085, kappa=8.8e-4, mu=0.015, gamma=1.4e-4, sigma=1.2e-3
    ),
    nakaya.GravnerGriffeath(
        rho=0.584, beta=1.3, alpha=0.08, theta=0.03, kappa=1.9e-3, mu=0.07, gamma=6.8e-4, sigma=2.8e-4
    ),
    nakaya.GravnerGriffeath(
        rho=0.367, beta=1.3, alpha=0.14, theta=0.02, kappa=0.011, mu=0.07, gamma=1.1e-4, sigma=4.5e-3
    ),
    nakaya.GravnerGriffeath(
        rho=0.562, beta=1.8, alpha=0.4, theta=0.03, kappa=4.4e-3, mu=0.048, gamma=1.1e-4, sigma=7.6e-4
    ),
]
"""From a fine dendrite to a plate with lobes."""

COLUMNS = 3
MARGIN = 44.0
GAP = 34.0
CAPTION = 40.0
THEME = replace(DARK, vapour=DARK.background)  # no lattice behind the crystals


@house_style
def draw(size: int, width: int, seed: int, model: str) -> Image.Image:
    """Grow the six crystals on lattices of `size` x `size` sites and set them in one figure."""
    views = [
        view_member(nakaya.grow(point, model=model, geometry="full", size=size, seed=seed)) for point in CONDITIONS
    ]
    unit = width / 1200
    tile = (1200 - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    renderer = Renderer.over(views[0], width=round(tile * unit), padding=0.0)
    tile_height = renderer.frame.height / unit
    rows = -(-len(views) // COLUMNS)
    canvas = Canvas(width, THEME, body=rows * (tile_height + CAPTION) + (rows - 1) * GAP - 38, foot=0, margin=MARGIN)
    for number, (point, view) in enumerate(zip(CONDITIONS, views, strict=True)):
        row, column = divmod(number, COLUMNS)
        x, y = MARGIN + column * (tile + GAP), MARGIN + row * (tile_height + CAPTION + GAP)
        canvas.picture(renderer.draw(view, THEME), x, y)
        caption = format_parameters({"rho": point.rho, "beta": point.beta, "sigma": point.sigma})
        canvas.text(x + tile / 2, y + tile_height + CAPTION - 6, caption, size=21, muted=True, align="center")
    return canvas.image()


def main() -> None:
    """Parse the command line, draw, write."""
    parser = argparse.ArgumentParser(description="Draw the picture of the README: six snow crystals.")
    parser.add_argument("--out", type=Path, default=Path("flakes.png"), help="picture to write (default: flakes.png)")
    parser.add_argument("--size", type=int, default=401, help="rows and columns of each lattice (default: 401)")
    parser.add_argument("--width", type=int, default=1600, help="pixels across (default: 1600)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the noise (default: 7)")
    parser.add_argument("--model", default="gravner-griffeath", help="solver to grow with")
    arguments = parser.parse_args()
    image = draw(arguments.size, arguments.width, arguments.seed, arguments.model)
    small = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = write_image(
        small, arguments.out, title="Six snow crystals of the Gravner-Griffeath model", overwrite=True
    )
    print(f"{written['out']}: {written['width']} x {written['height']} pixels, {written['bytes'] / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
