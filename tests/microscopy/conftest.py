"""EBSD maps that are known, and their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

CUBIC_CELL = (3.6, 3.6, 3.6, 90.0, 90.0, 90.0)


def to_euler(orientations: Rotation) -> np.ndarray:
    """Bunge's angles of passive rotations, rad, [n, 3], from the matrix."""
    g = orientations.as_matrix()
    big_phi = np.arccos(np.clip(g[:, 2, 2], -1, 1))
    phi1, phi2 = np.arctan2(g[:, 2, 0], -g[:, 2, 1]), np.arctan2(g[:, 0, 2], g[:, 1, 2])
    level = np.sin(big_phi) < 1e-9  # only phi1 + phi2 is defined there
    phi1 = np.where(level, np.arctan2(g[:, 0, 1], g[:, 0, 0]), phi1)
    return np.stack([phi1 % (2 * np.pi), big_phi, np.where(level, 0.0, phi2) % (2 * np.pi)], axis=1)


def write_ang(
    orientations: Rotation,
    phase: np.ndarray,
    shape: tuple[int, int],
    *,
    step: float = 1.0,
    confidence: np.ndarray | None = None,
    symmetries: Sequence[str] = ("43",),
    cells: Sequence[tuple[float, ...]] = (CUBIC_CELL,),
    hexagonal: bool = False,
) -> str:
    """The text of an .ang file; points row by row, step in um."""
    lines = ["# TEM_PIXperUM 1.0", "#"]
    for number, (code, cell) in enumerate(zip(symmetries, cells, strict=True), start=1):
        lines += [f"# Phase {number}", f"# MaterialName  metal-{number}", f"# Symmetry {code}"]
        lines += ["# LatticeConstants  " + " ".join(f"{value:g}" for value in cell)]
    row_step = step * np.sqrt(3) / 2 if hexagonal else step
    lines += [f"# GRID: {'HexGrid' if hexagonal else 'SqrGrid'}", f"# XSTEP: {step}", f"# YSTEP: {row_step:.9f}"]
    lines += [f"# NCOLS_ODD: {shape[1]}", f"# NCOLS_EVEN: {shape[1]}", f"# NROWS: {shape[0]}"]
    sure = np.ones(len(phase)) if confidence is None else confidence
    for point, (angles, number, index) in enumerate(zip(to_euler(orientations), phase, sure, strict=True)):
        row, column = divmod(point, shape[1])
        x = (column + (0.5 * (row % 2) if hexagonal else 0.0)) * step
        numbers = [*angles, x, row * row_step, 100.0, index]
        lines.append(" ".join(f"{value:.6f}" for value in numbers) + f" {number} 1 0.5")
    return "\n".join(lines) + "\n"


GROUPS = (2, 15, 74, 88, 142, 148, 166, 176, 194, 206, 225)
"""A space group of every Laue number."""


def write_ctf(
    orientations: Rotation,
    phase: np.ndarray,
    shape: tuple[int, int],
    *,
    step: float = 1.0,
    laue: Sequence[int] = (11,),
    cells: Sequence[tuple[float, ...]] = (CUBIC_CELL,),
    comma: bool = False,
) -> str:
    """The text of a .ctf file; points row by row, step in um."""
    lines = ["Channel Text File", "Prj\tmap", "JobMode\tGrid", f"XCells\t{shape[1]}", f"YCells\t{shape[0]}"]
    lines += [f"XStep\t{step}", f"YStep\t{step}", f"Phases\t{len(laue)}"]
    for number, (code, cell) in enumerate(zip(laue, cells, strict=True), start=1):
        lengths, angles = (";".join(f"{value:.3f}" for value in part) for part in (cell[:3], cell[3:]))
        lines.append(f"{lengths}\t{angles}\tmetal-{number}\t{code}\t{GROUPS[code - 1]}")
    lines.append("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS")
    for point, (angles, number) in enumerate(zip(np.degrees(to_euler(orientations)), phase, strict=True)):
        row, column = divmod(point, shape[1])
        numbers = [number, column * step, row * step, 8, 0 if number else 3, *angles, 0.4, 90, 100]
        lines.append("\t".join(f"{value:.5f}" if isinstance(value, float) else str(value) for value in numbers))
    text = "\n".join(lines) + "\n"
    return text.replace(".", ",") if comma else text


@pytest.fixture(scope="session")
def ang_text() -> Callable[..., str]:
    return write_ang


@pytest.fixture(scope="session")
def ctf_text() -> Callable[..., str]:
    return write_ctf
