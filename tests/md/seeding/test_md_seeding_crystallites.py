"""Crystallites: so many atoms, sites of the crystal, the shape that was named, any orientation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakaya.core.arrays import FloatArray
from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.md.order.bond_order import Environment, order
from nakaya.md.seeding.crystallites import ASPECT, SHAPES, VACANT, cut_crystallite, largest_radius

EDGE = 4.1
BOND = EDGE / np.sqrt(2)
ROUNDING = 1e-9
RAGGED = 0.6  # of a bond: the surface of a small sphere goes from site to site
CLOSE_PACKED = ("twin", "fault", "hcp")


def cut(shape: str, num_atoms: int = 400, *, structure: str = "fcc", seed: int = 0) -> FloatArray:
    return cut_crystallite(structure, shape, num_atoms, EDGE, np.random.default_rng(seed))


def whole_atoms(atoms: FloatArray) -> tuple[FloatArray, Environment]:
    """Atoms with all of their twelve neighbours, and the vectors to those."""
    vectors = atoms[None] - atoms[:, None]
    near = np.linalg.norm(vectors, axis=-1) < 1.2 * BOND
    np.fill_diagonal(near, False)
    inner = np.flatnonzero(near.sum(axis=1) == 12)
    neighbours = np.array([np.flatnonzero(near[atom]) for atom in inner])
    bonds = np.array([vectors[atom, list(around)] for atom, around in zip(inner, neighbours, strict=True)])
    return atoms[inner], Environment(neighbours, bonds)


def has_fcc_order(around: Environment) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """q4 is .191 in fcc and .097 in hcp, for atoms on perfect sites."""
    found = order(around, 4)
    fcc, hcp = np.isclose(found, 0.1909, atol=1e-3), np.isclose(found, 0.0972, atol=1e-3)
    assert (fcc | hcp).all()
    return np.asarray(fcc)


@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 500), st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_a_crystallite_has_the_stated_number_of_atoms_on_sites_of_the_crystal(shape: str, size: int, seed: int) -> None:
    atoms = cut(shape, size, seed=seed)
    assert atoms.shape == (size, 3)
    apart = np.linalg.norm(atoms[None] - atoms[:, None], axis=-1)[np.triu_indices(size, 1)]
    assert (apart > BOND * (1 - ROUNDING)).all()
    reach = largest_radius(shape, size, EDGE**3 / 4)
    spread = 1.3 if shape == "rough" else 1.0  # two standard deviations are stated, not the largest bump
    assert np.linalg.norm(atoms, axis=1).max() < spread * reach + RAGGED * BOND


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
@pytest.mark.parametrize("shape", sorted(set(SHAPES) - set(CLOSE_PACKED)))
def test_every_structure_has_the_shapes_that_are_no_stackings(structure: str, shape: str) -> None:
    atoms = cut(shape, 60, structure=structure)
    nearest = {"fcc": np.sqrt(1 / 2), "bcc": np.sqrt(3 / 4), "diamond": np.sqrt(3 / 16)}[structure] * EDGE
    apart = np.linalg.norm(atoms[None] - atoms[:, None], axis=-1)[np.triu_indices(60, 1)]
    assert apart.min() == pytest.approx(nearest)


@pytest.mark.parametrize("size", [50, 400])
def test_a_sphere_is_filled_to_its_radius(size: int) -> None:
    atoms = cut("sphere", size)
    radius = (3 * size * EDGE**3 / 4 / (4 * np.pi)) ** (1 / 3)
    assert np.linalg.norm(atoms, axis=1).max() == pytest.approx(radius, abs=RAGGED * BOND)
    np.testing.assert_allclose(np.linalg.norm(atoms.mean(axis=0)), 0, atol=RAGGED * BOND)
    _, around = whole_atoms(atoms)
    assert has_fcc_order(around).all()


def heights_of_layers(atoms: FloatArray) -> FloatArray:
    """Heights of the fewest layers on which some atoms lie, in spacings of close-packed layers."""
    bonds = atoms[1:] - atoms[0]
    bonds = bonds[np.linalg.norm(bonds, axis=1) < 1.1 * BOND]
    normals = [np.cross(first, second) for first, second in itertools.combinations(bonds, 2)]
    normals = [normal / np.linalg.norm(normal) for normal in normals if np.linalg.norm(normal) > ROUNDING]
    layers = [np.unique(np.round(atoms @ normal / (EDGE / np.sqrt(3)), 6)) for normal in normals]
    return min(layers, key=len)


def test_stackings_are_what_they_are_called() -> None:
    """hcp has no fcc atom, a twin one layer of hcp atoms through its middle, an intrinsic fault two of them."""
    assert not has_fcc_order(whole_atoms(cut("hcp"))[1]).any()
    for shape, layers in (("twin", 1), ("fault", 2)):
        atoms, around = whole_atoms(cut(shape))
        heights = heights_of_layers(atoms[~has_fcc_order(around)])
        assert len(heights) == layers
        assert np.diff(heights) == pytest.approx(1.0)
        assert np.abs(heights).max() <= 1


@pytest.mark.parametrize(("shape", "ratio"), [("prolate", ASPECT), ("oblate", 1 / ASPECT), ("sphere", 1.0)])
def test_spheroids_have_their_aspect_along_an_axis_of_no_crystal(shape: str, ratio: float) -> None:
    atoms = cut(shape, 2000)
    moments = np.linalg.eigvalsh(np.cov(atoms.T))
    odd, pair = (moments[2], moments[:2]) if ratio > 1 else (moments[0], moments[1:])
    assert np.sqrt(odd / pair.mean()) == pytest.approx(ratio, rel=0.03)  # of some thousand atoms: the surface is ragged
    assert pair[0] == pytest.approx(pair[1], rel=0.05)


def test_vacancies_are_inside_and_one_site_in_ten() -> None:
    vacant, full = (np.sort(np.linalg.norm(cut(*what), axis=1)) for what in (("vacancies", 900), ("sphere", 1000)))
    np.testing.assert_allclose(vacant[-300:], full[-300:])  # the outer three tenths are whole
    assert not np.allclose(vacant[:600], full[:600])
    assert vacant[-1] == pytest.approx(largest_radius("vacancies", 900, EDGE**3 / 4), abs=RAGGED * BOND)
    assert pytest.approx(0.1) == VACANT


def test_a_rough_crystallite_is_less_even_than_a_sphere() -> None:
    def unevenness(shape: str) -> float:
        atoms = cut(shape, 1000)
        rim = atoms[np.argsort(np.linalg.norm(atoms, axis=1))[-200:]]
        return float(np.linalg.norm(rim, axis=1).std())

    assert unevenness("rough") > 3 * unevenness("sphere")


def test_orientations_differ_and_seeds_repeat() -> None:
    np.testing.assert_array_equal(cut("sphere", seed=3), cut("sphere", seed=3))
    directions = []
    for seed in range(200):
        atoms = cut("hcp", 20, seed=seed)
        pairs = [b - a for a, b in itertools.combinations(atoms, 2) if np.linalg.norm(b - a) < 1.1 * BOND]
        directions.append(pairs[0] / np.linalg.norm(pairs[0]))
    # Uniform on the sphere up to sign: every axis has a mean square of 1/3, here over 200 draws with 4 sigma.
    assert np.mean(np.square(directions), axis=0) == pytest.approx(np.full(3, 1 / 3), abs=4 * np.sqrt(4 / 45 / 200))


def test_bad_shapes_are_one_line() -> None:
    with pytest.raises(UnknownNameError, match="shape"):
        cut("spere")
    for shape in CLOSE_PACKED:
        with pytest.raises(ParameterError, match="expected fcc, not bcc"):
            cut(shape, structure="bcc")
    with pytest.raises(UnknownNameError, match="structure"):
        cut("sphere", structure="hcp")
    with pytest.raises(ParameterError, match="expected at least 1"):
        cut("sphere", 0)
