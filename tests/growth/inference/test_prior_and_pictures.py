"""Ranges there and back, and pictures that say the same as the crystals that they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nakaya
from nakaya.core.errors import FormatError, UnstatedError
from nakaya.growth.inference.prior import Prior
from nakaya.growth.inference.shipped import find_posterior
from nakaya.growth.lattice.lattice import SQUARE
from nakaya.workflows.crystal_pictures import read_crystal_picture
from nakaya.workflows.infer import infer
from nakaya.workflows.show import show_store

DRAWN = 0.05
"""Of the central 90 %: ten standard errors of means over 2,000 draws, less on a logarithmic scale."""

ROUNDING = 1e-9
"""Relative, of a logarithm and its inverse."""


def test_ranges_are_undone() -> None:
    prior = Prior(("rho", "noise"), (0.4, 1e-3), (0.6, 1e-1), ("linear", "log"))
    values = prior.draw(50, rng=np.random.default_rng(3))
    assert np.allclose(prior.from_unbounded(prior.to_unbounded(values)), values, rtol=ROUNDING)
    assert prior.contains(values).all()


def test_a_picture_that_we_drew_gives_the_posterior_of_its_store(tmp_path: Path) -> None:
    pytest.importorskip("zuko", reason='posteriors need the extra "ml"')
    point = nakaya.GravnerGriffeath(rho=0.52, beta=1.3, kappa=0.01, sigma=0)
    nakaya.save(nakaya.grow(point, size=64, seed=7), tmp_path / "flakes.zarr")
    show_store(tmp_path / "flakes.zarr", tmp_path / "crystal.png")
    stored = infer(tmp_path / "flakes.zarr", predicted=0)
    seen = infer(tmp_path / "crystal.png", model="snow", predicted=0)
    assert (seen.observed[0] == np.where(stored.observed[0] >= 0, 0, -1)).all()
    for one, other in zip(seen.parameters, stored.parameters, strict=True):
        assert abs(one.mean - other.mean) < DRAWN * (other.high - other.low)


def test_masks_of_a_quarter_and_of_the_whole_are_read_alike(tmp_path: Path) -> None:
    rows, columns = np.indices((32, 32))
    part = np.where((np.abs(rows - columns) > 8) & (rows + columns < 28) | (rows + columns < 9), 0, -1)
    quarter, whole = part >= 0, SQUARE.unfold(part) >= 0
    for name, mask in (("quarter", quarter), ("whole", whole)):
        Image.fromarray((255 * mask[::-1]).astype(np.uint8)).save(tmp_path / f"{name}.png")
        is_whole = name == "whole"
        seen = read_crystal_picture(tmp_path / f"{name}.png", lattice="square", size=32, spacing=1.0, is_whole=is_whole)
        assert all((one == part).all() or (one == part.T).all() for one in seen.parts)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(128, 20, (64, 64)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    with pytest.raises(FormatError, match=r"pieces|classes|edge"):
        read_crystal_picture(tmp_path / "noise.png", lattice="square", size=32, spacing=1.0)
    disc = np.hypot(*(np.indices((64, 64)) - 32)) < 20
    Image.fromarray((255 * disc).astype(np.uint8)).save(tmp_path / "disc.png")
    with pytest.raises(UnstatedError, match="how long a pixel is"):
        read_crystal_picture(tmp_path / "disc.png", lattice="square", size=32)


def test_what_looks_like_no_training_crystal_is_said_to() -> None:
    pytest.importorskip("zuko", reason='posteriors need the extra "ml"')
    posterior = find_posterior("snow")
    sites = np.indices((64, 64))
    plate = np.where(np.maximum(*sites) < 60, 0, -1)[None].astype(np.int32)
    assert posterior.ask(plate, draws=20, seed=1)[0].is_stranger
