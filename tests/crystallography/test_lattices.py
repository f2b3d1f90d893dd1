"""Oriented crystals: the same crystal in every box, whatever face is along z."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.crystallography.lattices import (
    HCP_FACES,
    IDEAL_AXIAL_RATIO,
    STRUCTURES,
    atomic_volume,
    build_crystal,
    face_name,
    oriented_cell,
)
from nakaya.crystallography.miller import miller_vector

CUBIC_FACES = ("100", "110", "111", "211", "210", "310", "311", "331", "221", "321")
EVERY = [(structure, face) for structure in STRUCTURES for face in (HCP_FACES if structure == "hcp" else CUBIC_FACES)]
SHELLS = {
    "fcc": ((12, math.sqrt(1 / 2)), (6, 1), (24, math.sqrt(3 / 2)), (12, math.sqrt(2))),
    "bcc": ((8, math.sqrt(3 / 4)), (6, 1), (12, math.sqrt(2)), (24, math.sqrt(11 / 4))),
    "diamond": ((4, math.sqrt(3 / 16)), (12, math.sqrt(1 / 2)), (12, math.sqrt(11 / 16)), (6, 1)),
    "hcp": ((12, 1), (6, math.sqrt(2)), (2, math.sqrt(8 / 3)), (18, math.sqrt(3))),
}
"""Coordination shells: atoms, and their distance in lattice parameters."""

EXACT = 1e-9
"""Perfect crystals in float64."""


def neighbour_vectors(structure: str, face: str, reach: float, axial_ratio: float | None = None) -> list[FloatArray]:
    """Vectors to all atoms within `reach` lattice parameters, of every atom of one cell."""
    cell = oriented_cell(structure, face, axial_ratio=axial_ratio)
    around = [math.ceil(reach / length) for length in cell.lengths]
    shifts = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in around], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    images = (shifts + cell.fractions).reshape(-1, 3) * cell.lengths
    found = cKDTree(images).query_ball_point(cell.fractions * cell.lengths, reach)
    centres = cell.fractions * cell.lengths
    vectors = [images[near] - centre for near, centre in zip(found, centres, strict=True)]
    return [entry[np.linalg.norm(entry, axis=1) > EXACT] for entry in vectors]


@pytest.mark.parametrize(("structure", "face"), EVERY)
def test_every_atom_has_the_coordination_shells_of_its_crystal(structure: str, face: str) -> None:
    shells = SHELLS[structure]
    expected = np.concatenate([np.full(count, distance) for count, distance in shells])
    for vectors in neighbour_vectors(structure, face, shells[-1][1] + EXACT):
        assert np.sort(np.linalg.norm(vectors, axis=1)) == pytest.approx(np.sort(expected), abs=EXACT)


@pytest.mark.parametrize(("structure", "face"), EVERY)
def test_boxes_hold_the_atoms_of_their_volume(structure: str, face: str) -> None:
    repeats = (2, 1, 3)
    positions, box = build_crystal(structure, face, 2.5, repeats)
    assert len(positions) * atomic_volume(structure, 2.5) == pytest.approx(np.prod(box))
    cell = oriented_cell(structure, face)
    assert len(positions) == math.prod(repeats) * len(cell.fractions)
    assert (cell.fractions >= 0).all()
    assert (cell.fractions < 1).all()
    assert (np.diff(positions[:, 2]) > -1e-6).all()


@pytest.mark.parametrize(("structure", "face"), [entry for entry in EVERY if entry[0] != "hcp"])
def test_the_face_is_normal_to_z(structure: str, face: str) -> None:
    """Heights of neighbours above the face are their projections on [hkl] in the crystal as it stands on (100)."""
    reach = SHELLS[structure][1][1] + EXACT
    normal = miller_vector(face)

    def heights(vectors: list[FloatArray], direction: FloatArray) -> FloatArray:
        return np.sort(np.abs(np.concatenate(vectors) @ direction))

    upright = neighbour_vectors(structure, "100", reach)
    turned = neighbour_vectors(structure, face, reach)
    copies = len(turned) / len(upright)
    seen, counts = np.unique(np.round(heights(turned, np.array([0.0, 0.0, 1.0])), 6), return_counts=True)
    expected, of_one = np.unique(np.round(heights(upright, normal), 6), return_counts=True)
    assert seen == pytest.approx(expected)
    assert counts == pytest.approx(of_one * copies)


@pytest.mark.parametrize(
    ("face", "spacing"), [("0001", IDEAL_AXIAL_RATIO / 2), ("10-10", math.sqrt(3) / 6), ("11-20", 1 / 2)]
)
def test_faces_of_hcp_have_their_interplanar_spacing(face: str, spacing: float) -> None:
    """d(0001) = c/2; of the corrugated prism planes (10-10) the smaller one, a / (2 sqrt 3); d(11-20) = a/2."""
    positions, _ = build_crystal("hcp", face, 1.0, (1, 1, 2))
    planes = np.unique(np.round(positions[:, 2], 9))
    assert np.diff(planes).min() == pytest.approx(spacing)


@pytest.mark.parametrize("ratio", [1.57, 1.6236, 1.86])
@pytest.mark.parametrize("face", list(HCP_FACES))
def test_c_over_a_parts_the_twelve_neighbours(face: str, ratio: float) -> None:
    out_of_plane = math.sqrt(1 / 3 + ratio**2 / 4)
    expected = np.sort(np.concatenate([np.full(6, 1.0), np.full(6, out_of_plane)]))
    for vectors in neighbour_vectors("hcp", face, max(1.0, out_of_plane) + EXACT, ratio):
        assert np.sort(np.linalg.norm(vectors, axis=1)) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize(
    ("structure", "face", "sixth", "twelfth"),
    [
        ("fcc", "311", 14.45392, 12.13188),
        ("hcp", "10-10", 14.45489, 12.13229),
        ("bcc", "210", 12.25367, 9.11418),
    ],
)
def test_lattice_sums_of_inverse_powers(structure: str, face: str, sixth: float, twelfth: float) -> None:
    """Sums of (r/d)^-6 and ^-12, d = nearest neighbours: Jones & Ingham (1925); hcp: Kihara & Koba (1952)."""
    nearest = SHELLS[structure][0][1]
    reach = 12 * nearest
    (vectors, *_) = neighbour_vectors(structure, face, reach)
    distances = np.linalg.norm(vectors, axis=1) / nearest
    beyond = 4 * math.pi / (3 * atomic_volume(structure, 1 / nearest) * 12**3)
    # The lattice beyond 12 distances is not quite a continuum: 1e-4 of the sum.
    assert (distances**-6).sum() + beyond == pytest.approx(sixth, abs=2e-4)
    assert (distances**-12).sum() == pytest.approx(twelfth, abs=2e-5)


def test_faces_have_one_name_each() -> None:
    assert {face_name("bcc", text) for text in ("211", "1 -2 1", "-1 -1 2", "422")} == {"211"}
    assert {face_name("hcp", text) for text in ("10-10", "0 1 -1 0", "(-1100)")} == {"10-10"}
    first, second = (oriented_cell("fcc", text) for text in ("311", "1 -3 1"))
    assert np.array_equal(first.fractions, second.fractions)


@pytest.mark.parametrize(
    ("structure", "orientation", "message"),
    [
        ("hcp", "100", "has 0001, 10-10, 11-20"),
        ("hcp", "10-11", "whatever c/a"),
        ("hcp", "10-20", r"h \+ k \+ i = 0"),
        ("fcc", "0001", "three indices"),
        ("bcc", "1 0 10", "at most 9"),
        ("bcc", "1 0.5 0", "at most 9"),
        ("fcc", "1x1", "no Miller indices"),
        ("fcc", "991", r"0\.707 x 9\.03 x 12\.8 lattice parameters: 326 atoms, more than 200"),
    ],
)
def test_faces_that_cannot_be_built_are_refused(structure: str, orientation: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        oriented_cell(structure, orientation)


def test_structures_that_cannot_be_built_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="fcc"):
        oriented_cell("fccc", "100")
    with pytest.raises(ParameterError, match="only hcp"):
        build_crystal("bcc", "100", 3.0, (1, 1, 1), axial_ratio=1.6)
    with pytest.raises(ParameterError, match="positive"):
        build_crystal("hcp", "0001", 3.0, (1, 1, 1), axial_ratio=-1.6)
    with pytest.raises(ParameterError, match="positive"):
        build_crystal("fcc", "100", -1.0, (1, 1, 1))
