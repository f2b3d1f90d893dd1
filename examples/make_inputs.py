"""Make the small synthetic images and the EBSD map of this folder, so that every shown command has something to read.

    python examples/make_inputs.py FOLDER

writes FOLDER/micrograph/steel.png (an etched section, 0.5 um a pixel) and steel-mask.png (its boundaries, as a person
would draw them), lattice.png (columns of fcc along [110], 0.02 nm a pixel), FOLDER/loops/image-1.png and image-2.png
(dark spots of 26 pixels, 0.4 nm a pixel) with mask-1.png and mask-2.png, and FOLDER/ebsd/nickel.ang (60 x 60 points,
grains with annealing twins). All of it is drawn from seeds; nothing was measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from nakaya.core.arrays import BoolArray, FloatArray
from nakaya.microscopy.grains.etched import Etching, etched_image
from nakaya.microscopy.grains.voronoi import scatter_points, voronoi_map

SHAPE = (300, 400)
NUM_GRAINS = 90
ETCHING = Etching(noise=0.08, unmarked=0.05, broken=0.1, grey_deviation=0.03, shading=0.1, pits=0.3)
NUM_LOOPS, LOOP_WIDTH, LOOP_EDGE = 9, 15.0, 0.7
LATTICE_PIXELS, FCC_NANOMETRES, PIXEL_NANOMETRES = 200, 0.36, 0.02
EBSD_POINTS, EBSD_GRAINS = 60, 14
TWIN = Rotation.from_rotvec(np.radians(60) * np.array([1.0, 1.0, 1.0]) / np.sqrt(3))
"""Of fcc: 60 degrees about [111]."""


def main(folder: Path) -> None:
    """Draw all of them."""
    for name in ("micrograph", "loops", "ebsd"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    grains = voronoi_map(
        scatter_points(NUM_GRAINS, SHAPE, np.random.default_rng(1), relaxations=2), SHAPE, periodic=False
    ).labels
    _save(etched_image(grains, ETCHING, np.random.default_rng(2)), folder / "micrograph" / "steel.png")
    beside = np.zeros(SHAPE, np.bool_)
    beside[1:] |= grains[1:] != grains[:-1]
    beside[:, 1:] |= grains[:, 1:] != grains[:, :-1]
    Image.fromarray(np.where(beside, 0, 255).astype(np.uint8)).save(folder / "micrograph" / "steel-mask.png")
    for number in (1, 2):
        image, inside = _spots(np.random.default_rng([3, number]))
        _save(image, folder / "loops" / f"image-{number}.png")
        Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)).save(folder / "loops" / f"mask-{number}.png")
    _save(_columns(np.random.default_rng(4)), folder / "micrograph" / "lattice.png")
    (folder / "ebsd" / "nickel.ang").write_text(_ang(np.random.default_rng(5)), encoding="ascii")


def _save(image: FloatArray, path: Path) -> None:
    """Write 64 grey levels: finer ones would be noise, and five times the bytes."""
    levels = np.round(63 * (image - image.min()) / np.ptp(image)) * 4
    Image.fromarray(levels.astype(np.uint8)).save(path, optimize=True)


def _spots(rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
    places: list[FloatArray] = []
    while len(places) < NUM_LOOPS:
        place = rng.uniform(30, np.array(SHAPE) - 30, 2)
        if all(np.hypot(*(place - other)) > 65 for other in places):
            places.append(place)
    rows, columns = np.indices(SHAPE)
    image: FloatArray = 0.7 + 0.1 * rows / SHAPE[0] + 0.08 * rng.standard_normal(SHAPE)
    depth = np.zeros(SHAPE)
    for row, column in places:
        depth = np.maximum(depth, np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / (2 * LOOP_WIDTH**2)))
    return image - 0.45 * depth, depth > LOOP_EDGE


def _columns(rng: np.random.Generator) -> FloatArray:
    """Along [110], columns of fcc stand a/sqrt 2 apart in rows a/2 apart, each second row half a step aside."""
    across, down = FCC_NANOMETRES / np.sqrt(2) / PIXEL_NANOMETRES, FCC_NANOMETRES / 2 / PIXEL_NANOMETRES
    rows, columns = np.indices((LATTICE_PIXELS, LATTICE_PIXELS), np.float64)
    image = 0.05 * rng.standard_normal(rows.shape)
    for number in range(int(LATTICE_PIXELS / down) + 2):
        for x in np.arange(-1, LATTICE_PIXELS / across + 1) * across + across / 2 * (number % 2):
            image += np.exp(-((columns - x) ** 2 + (rows - number * down) ** 2) / (2 * 2.5**2))
    return image


def _ang(rng: np.random.Generator) -> str:
    """Every grain has one orientation, scattered by half a degree; each third grain has bands that are its twin."""
    shape = (EBSD_POINTS, EBSD_POINTS)
    grains = voronoi_map(scatter_points(EBSD_GRAINS, shape, rng, relaxations=1), shape, periodic=False).labels
    rows, columns = np.indices(shape)
    orientations = Rotation.random(EBSD_GRAINS, random_state=rng)
    twinned = (grains % 3 == 0) & (np.abs((rows + columns) % 40 - 20) < 6)
    both = Rotation.concatenate([orientations, orientations * TWIN])
    points = both[(grains + EBSD_GRAINS * twinned).ravel()]
    scatter = Rotation.from_rotvec(np.radians(0.5) * rng.standard_normal((grains.size, 3)) / np.sqrt(3))
    angles = (points * scatter).as_euler("ZXZ") % (
        2 * np.pi
    )  # Bunge's angles, from the specimen's axes to the crystal's
    text = "# TEM_PIXperUM 1.0\n# Phase 1\n# MaterialName  Nickel\n# Symmetry 43\n"
    text += "# LatticeConstants  3.520 3.520 3.520 90.0 90.0 90.0\n# GRID: SqrGrid\n# XSTEP: 0.5\n# YSTEP: 0.5\n"
    text += f"# NCOLS_ODD: {EBSD_POINTS}\n# NCOLS_EVEN: {EBSD_POINTS}\n# NROWS: {EBSD_POINTS}\n"
    for (first, second, third), row, column in zip(angles, rows.ravel(), columns.ravel(), strict=True):
        text += f"{first:.4f} {second:.4f} {third:.4f} {0.5 * column:.1f} {0.5 * row:.1f} 100.0 0.9 1 1 0.5\n"
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
