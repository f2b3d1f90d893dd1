"""Melts in SI units: the capillary length that is published, units that cancel, requests that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakaya.core.errors import ConfigError, ParameterError, UnknownNameError
from nakaya.growth.growing import grow
from nakaya.growth.solvers.phase_field.melt import Melt, in_si, melt_names, read_melt
from nakaya.growth.solvers.phase_field.model import MODEL
from nakaya.growth.solvers.phase_field.parameters import PhaseField, PhaseField3D
from nakaya.records.shipped import shipped_folder

PUBLISHED = 0.02
"""2.82 nm of succinonitrile (M. E. Glicksman et al.) rest on a surface tension that is known no better."""


def test_the_capillary_length_of_succinonitrile_is_the_published_one() -> None:
    melt = read_melt("succinonitrile")
    assert melt.capillary_length == pytest.approx(2.82e-9, rel=PUBLISHED)
    assert melt.unit_undercooling == pytest.approx(23.13, abs=0.01)


@pytest.mark.parametrize("name", melt_names())
@pytest.mark.parametrize("family", [PhaseField, PhaseField3D])
def test_units_of_a_point_give_back_what_they_were_made_of(
    name: str, family: type[PhaseField] | type[PhaseField3D]
) -> None:
    """d0 and D in metres and seconds, whatever the interface's width and the kinetic coefficient."""
    melt = read_melt(name)
    for values in ({}, {"capillary_length": 0.554, "seed_radius": 20.0, "kinetic_coefficient": 2.0}):
        point = melt.point(family, 0.4 * melt.unit_undercooling, values)
        scales = melt.scales(point)
        assert point.undercooling == pytest.approx(0.4)
        assert point.capillary_length * scales.width == pytest.approx(melt.capillary_length)
        diffusivity = point.diffusivity * scales.width**2 / scales.relaxation_time
        assert diffusivity == pytest.approx(melt.thermal_diffusivity)


def test_another_anisotropy_stands_before_the_melts_own() -> None:
    melt = read_melt("nickel")
    assert melt.point(PhaseField, 100).anisotropy == melt.anisotropy
    assert melt.point(PhaseField, 100, {"anisotropy": 0.03}).anisotropy == 0.03


def test_crystals_keep_their_arrays_and_get_units() -> None:
    melt = read_melt("succinonitrile")
    point = melt.point(PhaseField, 15, {"seed_radius": 15.0})
    crystals = grow(point, model="phase-field", size=32, seed=0, stop=MODEL.stop(margin=2, max_steps=40))
    metric = in_si(crystals, melt, point)
    assert (metric.arrival == crystals.arrival).all()
    assert (metric.metadata.length_unit, metric.metadata.time_unit) == ("m", "s")
    assert metric.metadata.site_spacing == pytest.approx(0.8 * melt.capillary_length / 0.277)
    assert crystals.metadata.site_spacing is None


@pytest.mark.parametrize("kelvin", [0.0, -1.0, 46.3, float("nan")])
def test_undercoolings_that_the_model_does_not_have_are_refused(kelvin: float) -> None:
    with pytest.raises(ParameterError, match=r"undercooling_kelvin=.* is outside \(0, 46.26\]: kelvin below"):
        read_melt("succinonitrile").point(PhaseField, kelvin)


def test_files_that_state_no_melt_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="nickel"):
        read_melt("nickle")
    (tmp_path / "mine.toml").write_text("[values]\nmelting_point = 300.0\n")
    with pytest.raises(ConfigError, match=r"states no melt: expected \[values\] with anisotropy"):
        read_melt(str(tmp_path / "mine.toml"))


def test_a_file_of_ones_own_is_read_like_those_that_ship(tmp_path: Path) -> None:
    text = (shipped_folder("melts") / "nickel.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("surface_tension = 0.285 ", "surface_tension = 0.570 "))
    mine = read_melt(str(tmp_path / "mine.toml"))
    assert mine.capillary_length == pytest.approx(2 * read_melt("nickel").capillary_length)
    assert set(Melt.ranges) == set(mine.parameters())
