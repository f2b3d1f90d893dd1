"""Final fields in place of ages, and planes through crystals in three dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from nakaya.core.errors import ParameterError, UnknownNameError
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.trajectory import FinalField, Trajectory, TrajectoryMetadata
from nakaya.viz.colour import from_hex, srgb_to_linear
from nakaya.viz.crystals.figure import crystal_figure
from nakaya.viz.crystals.shading import SiteColours, site_colours
from nakaya.viz.crystals.view import ShownField, view_crystal
from nakaya.viz.style import DARK
from nakaya.workflows.show import draw_crystal, view_member

FULL = {"name": "full", "edges": "periodic"}
SHAPE = (5, 6, 7)


def warm_crystal(lattice: str = "cubic", shape: tuple[int, ...] = SHAPE) -> Trajectory:
    """A box that grew from the middle, two members, the second one warmer."""
    arrival = np.full((2, *shape), -1, np.int32)
    arrival[(slice(None), *(slice(1, -1) for _ in shape))] = 3
    heat = np.arange(arrival.size, dtype=np.float32).reshape(arrival.shape)
    geometry = {"name": "full", "edges": "periodic", "shape": list(shape)}
    metadata = TrajectoryMetadata(
        "made-up", "0" * 64, 7, geometry, "0", lattice=lattice, dimension=len(shape),
        fields=(FinalField("temperature", "K", "the temperature"),),
    )  # fmt: skip
    ones = np.ones(2, np.int64)
    return Trajectory(arrival, 3 * ones, np.zeros(2, np.int8), {}, metadata, fields={"temperature": heat})


@pytest.mark.parametrize(("axis", "number"), [("layer", 2), ("row", 0), ("column", 6)])
def test_a_plane_is_the_array_there_on_a_square_lattice(axis: str, number: int) -> None:
    crystals = warm_crystal()
    view = view_member(crystals, member=1, colour="temperature", cut=(axis, number))
    place = ("layer", "row", "column").index(axis)
    assert view.lattice is SQUARE
    assert np.array_equal(view.arrival, crystals.arrival[1].take(number, place))
    assert view.field is not None
    assert np.array_equal(view.field.values, crystals.fields["temperature"][1].take(number, place))
    assert view.note.startswith(f"The plane at {axis} {number}.")


def test_a_plane_of_a_mirrored_crystal_is_counted_in_the_whole() -> None:
    arrival = np.full((3, 3, 3), -1, np.int32)
    arrival[0, 0, 0] = 0
    octant = {"name": "octant", "edges": "reservoir"}
    view = view_crystal(arrival, octant, steps=1, lattice=CUBIC, cut=("layer", 2))
    assert np.argwhere(view.arrival == 0).tolist() == [[2, 2]]


def test_members_share_one_scale_and_sites_have_the_colours_of_their_values() -> None:
    crystals = warm_crystal("square", (6, 7))
    view = view_member(crystals, member=0, colour="temperature")
    assert view.field is not None
    assert (view.field.low, view.field.high, view.field.label) == (0.0, 83.0, "temperature (K)")
    colours = site_colours(view, DARK)
    assert isinstance(colours, SiteColours)
    linear = srgb_to_linear(DARK.field_ramp(np.arange(42) / 83.0))
    outside = (view.arrival < 0).ravel()
    assert np.allclose(colours.whole[:-1][outside], linear[outside], atol=1e-6)
    edge = colours.whole[:-1].reshape(6, 7, 3)[1, 1]
    assert np.allclose(edge, srgb_to_linear(from_hex(DARK.foreground)), atol=1e-6)
    assert np.allclose(colours.whole[:-1].reshape(6, 7, 3)[3, 3], linear.reshape(6, 7, 3)[3, 3], atol=1e-6)


def test_where_a_field_is_not_defined_the_picture_is_empty() -> None:
    values = np.full((4, 4), np.nan, np.float32)
    field = ShownField(values, 0.0, 1.0, "solute")
    colours = site_colours(view_crystal(np.full((4, 4), -1), FULL, steps=1, lattice=SQUARE, field=field), DARK)
    assert isinstance(colours, SiteColours)
    assert np.array_equal(colours.whole, colours.empty)


def test_pictures_of_fields_differ_from_those_of_ages() -> None:
    crystals = warm_crystal()
    ages, heat, plane = (
        np.asarray(draw_crystal(crystals, width=200, **words))  # type: ignore[arg-type]
        for words in ({}, {"colour": "temperature"}, {"colour": "temperature", "cut": ("layer", 2)})
    )
    assert not np.array_equal(ages, heat)
    assert heat.shape != plane.shape


def test_one_value_everywhere_has_a_bar_too() -> None:
    field = ShownField(np.full((4, 4), 300.0, np.float32), 300.0, 300.0, "temperature (K)")
    view = view_crystal(np.full((4, 4), -1), FULL, steps=1, lattice=SQUARE, field=field)
    assert crystal_figure([view], DARK, title="", width=200).width == 200


def test_what_cannot_be_shown_is_named() -> None:
    crystals = warm_crystal()
    with pytest.raises(UnknownNameError, match="unknown colour for crystals of made-up 'temprature': did you mean"):
        view_member(crystals, colour="temprature")
    with pytest.raises(ParameterError, match="layer=5 is outside the range from 0 to 4"):
        view_member(crystals, cut=("layer", 5))
    with pytest.raises(ParameterError, match="depth=1 is no plane: crystals in 3 dimensions have layer, row, column"):
        view_member(crystals, cut=("depth", 1))
    with pytest.raises(ParameterError, match="layer=1 is no plane"):
        view_member(warm_crystal("square", (6, 7)), cut=("layer", 1))
    with pytest.raises(ParameterError, match="step=1 cannot be shown: fields are known at the end"):
        draw_crystal(crystals, colour="temperature", step=1)
