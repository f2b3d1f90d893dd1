"""Bond order against freud and against LAMMPS' own computes, in a liquid and in a triclinic box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nakaya.crystallography.lattices import build_crystal
from nakaya.md.lammps.program import run_lammps
from nakaya.md.order.bond_order import (
    Environment,
    averaged_order,
    centrosymmetry,
    environment,
    order,
    solid_like_bonds,
)
from support.lammps import skip_without_lammps

SINGLE = 2e-5
"""freud keeps positions and harmonics in single precision."""
PRINTED = 1e-6
"""LAMMPS prints ten digits here, and folds and unfolds the positions."""

Atoms = tuple[NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture(params=["hot crystal", "gas", "triclinic"])
def atoms(request: pytest.FixtureRequest) -> Atoms:
    """Positions and cell; no two distances are equal, so that the twelfth neighbour is no matter of rounding."""
    rng = np.random.default_rng(0)
    if request.param == "hot crystal":
        positions, box = build_crystal("fcc", "111", 4.0, (5, 3, 2))
        return positions + rng.normal(0, 0.35, positions.shape), np.diag(box)
    cell = np.diag([20.0, 22.0, 24.0])
    if request.param == "triclinic":
        cell[1, 0], cell[2, 0], cell[2, 1] = 4.0, -3.0, 5.0
    return rng.random((400, 3)) @ cell, cell


def test_bond_order_is_that_of_freud(atoms: Atoms) -> None:
    freud = pytest.importorskip("freud", reason='an oracle of the extra "dev"')
    positions, cell = atoms
    seen = environment(positions, cell, neighbours=12)
    system = freud.box.Box.from_matrix(cell.T), freud.box.Box.from_matrix(cell.T).wrap(positions)
    query = {"num_neighbors": 12, "exclude_ii": True}
    for degree in (3, 4, 6):
        found = freud.order.Steinhardt(l=degree).compute(system, neighbors=query).particle_order
        np.testing.assert_allclose(order(seen, degree), found, atol=SINGLE)
        found = freud.order.Steinhardt(l=degree, average=True).compute(system, neighbors=query).particle_order
        np.testing.assert_allclose(averaged_order(seen, degree), found, atol=SINGLE)


def test_solid_like_bonds_are_those_of_freud(atoms: Atoms) -> None:
    freud = pytest.importorskip("freud", reason='an oracle of the extra "dev"')
    positions, cell = atoms
    bonds = solid_like_bonds(environment(positions, cell, neighbours=12), threshold=0.5)
    system = freud.box.Box.from_matrix(cell.T), freud.box.Box.from_matrix(cell.T).wrap(positions)
    solid_liquid = freud.order.SolidLiquid(l=6, q_threshold=0.5, solid_threshold=9)
    found = solid_liquid.compute(system, neighbors={"num_neighbors": 12, "exclude_ii": True}).num_connections
    # A product within single precision of the threshold may fall on either side.
    assert np.count_nonzero(bonds != found) <= 2
    assert 0.05 * 12 < bonds.mean() < 12


def lammps_computes(folder: Path, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """q4, q6 and centrosymmetry by LAMMPS, float64 [atom, 3]."""
    inside = (positions @ np.linalg.inv(cell)) % 1 @ cell
    lines = [
        "made by a test", "", f"{len(positions)} atoms", "1 atom types",
        *(f"0.0 {cell[axis, axis]:.17g} {name}lo {name}hi" for axis, name in enumerate("xyz")),
        f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz", "", "Masses", "", "1 1.0", "",
        "Atoms # atomic", "",
        *(f"{number} 1 {x:.17g} {y:.17g} {z:.17g}" for number, (x, y, z) in enumerate(inside, start=1)),
    ]  # fmt: skip
    (folder / "atoms.data").write_text("\n".join(lines) + "\n")
    (folder / "in.lammps").write_text(
        "units metal\natom_style atomic\natom_modify map array\nbox tilt large\nread_data atoms.data\n"
        "pair_style zero 9.0\npair_coeff * *\n"
        "compute order all orientorder/atom degrees 2 4 6 nnn 12\ncompute centro all centro/atom 12\n"
        "dump 1 all custom 1 order.dump id c_order[1] c_order[2] c_centro\n"
        'dump_modify 1 sort id format float "%.10g"\nrun 0\n'
    )
    run_lammps(folder)
    rows = (folder / "order.dump").read_text().splitlines()[9:]
    return np.array([row.split()[1:] for row in rows], dtype=np.float64)


def test_bond_order_and_centrosymmetry_are_those_of_lammps(atoms: Atoms, tmp_path: Path) -> None:
    skip_without_lammps()
    positions, cell = atoms
    seen: Environment = environment(positions, cell, neighbours=12)
    found = lammps_computes(tmp_path, positions, cell)
    np.testing.assert_allclose(order(seen, 4), found[:, 0], atol=PRINTED)
    np.testing.assert_allclose(order(seen, 6), found[:, 1], atol=PRINTED)
    lengths = (seen.vectors**2).sum(axis=(1, 2))  # LAMMPS does not divide by them
    np.testing.assert_allclose(centrosymmetry(seen) * lengths, found[:, 2], rtol=PRINTED, atol=PRINTED)
