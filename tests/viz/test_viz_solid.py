"""Crystals in three dimensions: what rays meet, how light falls on it, and that pictures turn with crystals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nakaya.core.errors import ParameterError
from nakaya.growth.lattice.lattice import CUBIC, SQUARE
from nakaya.growth.model.trajectory import FinalField, Trajectory, TrajectoryMetadata
from nakaya.viz.colour import from_hex, srgb_to_linear, to_pixels
from nakaya.viz.crystals import tracing
from nakaya.viz.crystals.animation import growth_animation, turning_animation
from nakaya.viz.crystals.camera import Camera
from nakaya.viz.crystals.colouring import attached_light
from nakaya.viz.crystals.figure import make_renderer
from nakaya.viz.crystals.solid import LAMP, SolidFrame, SolidRenderer
from nakaya.viz.crystals.surface import SMOOTHING, depth_of_arrival, empty_blocks, steps_per_site
from nakaya.viz.crystals.view import CrystalView, view_crystal
from nakaya.viz.style import DARK
from nakaya.workflows.show import draw_crystal, possible_colours, view_member

FULL = {"name": "full", "edges": "insulated"}
SIZE, RADIUS = 33, 12.3
MAX_LEVELS = 4
"""Of 255: a turned crystal lies otherwise in the blocks that rays jump over and in the coarse levels of occupancy."""

CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
"""Of the standard triangle: <001>, <101> and <111>."""

SURFACE_ERROR = 0.06
"""Sites: attachment times of the ball are whole steps of a twentieth of a site, and the surface is rounded a little."""


def ball(size: int = SIZE, *, steps: int = 20) -> CrystalView:
    """A ball that grew a site in `steps` steps."""
    place = np.indices((size,) * 3) - size // 2
    arrival = np.rint(steps * np.sqrt((place**2).sum(axis=0))).astype(np.int32)
    return view_crystal(arrival, FULL, steps=int(arrival.max()), lattice=CUBIC)


def shape(size: int = 17) -> np.ndarray:
    """A lump without any symmetry, later outwards."""
    place = np.moveaxis(np.indices((size,) * 3), 0, -1) - size // 2
    distance = np.linalg.norm(place * [1.0, 1.4, 1.1] + [0.5, 1.0, 0.0], axis=-1) - 0.12 * place[..., 2]
    return np.where(distance < 5.8, np.rint(10 * np.maximum(distance, 0)), -1).astype(np.int32)


def picture(view: CrystalView, width: int = 90, **camera: float) -> np.ndarray:
    seen = replace(view, camera=Camera(**camera)) if camera else view
    return np.asarray(make_renderer([seen], width).draw(seen, DARK), np.int64)


def test_a_ball_is_a_disc_of_its_radius_and_brightest_towards_the_lamp() -> None:
    view = ball()
    renderer = SolidRenderer(SolidFrame((SIZE // 2,) * 3, 160, 160, 5.0))
    seen = np.asarray(renderer.draw(view, DARK, step=round(20 * RADIUS)), np.float64).sum(axis=-1)
    seen -= seen[0, 0]
    y, x = np.nonzero(seen > seen.max() / 30)
    radius = np.sqrt(len(x) / np.pi) / 5.0
    assert radius == pytest.approx(RADIUS, abs=SURFACE_ERROR + 0.1)  # half a pixel of the rim counts as a whole one
    assert np.hypot(x + 0.5 - 80, y + 0.5 - 80).max() / 5.0 == pytest.approx(RADIUS, abs=SURFACE_ERROR + 0.2)
    bright = seen * (seen > np.quantile(seen, 0.985))
    place = np.array([(bright * (np.arange(160) + 0.5 - 80)).sum(), -(bright.T * (np.arange(160) + 0.5 - 80)).sum()])
    place /= bright.sum() * 5.0 * RADIUS
    towards = np.array(LAMP) / np.linalg.norm(LAMP)
    assert place @ towards[:2] / np.linalg.norm(place) / np.linalg.norm(towards[:2]) > np.cos(np.deg2rad(5))
    # A highlight lies halfway between the lamp and who looks, so the middle of the brightest lies between the two.
    half = towards + np.array([0, 0, 1])
    half /= np.linalg.norm(half)
    assert np.linalg.norm(half[:2]) < np.linalg.norm(place) < np.linalg.norm(towards[:2]) + 0.05


def test_the_surface_lies_between_sites() -> None:
    view = ball(17)
    pace = steps_per_site(view.arrival)
    centre = 8
    for step in (90, 97, 104):
        line = depth_of_arrival(view.arrival, pace, step)[centre, centre, centre:]
        place = np.interp(0.0, -line, np.arange(len(line)))
        radius = (step + 0.5) / 20
        assert place == pytest.approx(radius - SMOOTHING**2 / radius, abs=SURFACE_ERROR)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turned_crystal_gives_the_picture_from_where_one_looks_turned(axis: int) -> None:
    arrival = shape()
    view = view_crystal(arrival, FULL, steps=80, lattice=CUBIC)
    if axis == 0:  # about z: rows and columns; from x to y is from columns to rows
        turned, camera = np.rot90(arrival, 1, axes=(2, 1)), {"azimuth": 120.0, "elevation": 20.0}
        before = {"azimuth": 30.0, "elevation": 20.0}
    elif axis == 1:  # upside down, by half a turn about x
        turned, camera = arrival[::-1, ::-1], {"azimuth": 0.0, "elevation": -35.0}
        before = {"azimuth": 0.0, "elevation": 35.0}
    else:
        turned, camera = arrival[:, ::-1, ::-1], {"azimuth": 225.0, "elevation": 10.0}
        before = {"azimuth": 45.0, "elevation": 10.0}
    first = picture(view, **before)
    second = picture(view_crystal(np.ascontiguousarray(turned), FULL, steps=80, lattice=CUBIC), **camera)
    if axis == 1:  # what was to the right is to the left: the light falls otherwise, and the outline is turned
        empty = to_pixels(from_hex(DARK.background)).astype(np.int64)
        outlines = [(entry != empty).any(axis=-1) for entry in (first, second[::-1, ::-1])]
        assert (outlines[0] != outlines[1]).mean() < 0.01
        assert (outlines[0] != outlines[1][:, ::-1]).mean() > 0.02
        return
    assert first.shape == second.shape
    assert np.abs(first - second).max() <= MAX_LEVELS
    assert np.abs(first - first[:, ::-1]).max() > 20  # without any symmetry that would hide a mistake


def test_an_octant_looks_like_the_whole_of_which_it_is_a_part() -> None:
    part = shape()[8:, 8:, 8:]
    octant = view_crystal(part, {"name": "octant", "edges": "insulated"}, steps=80, lattice=CUBIC, has_noise=True)
    whole = view_crystal(CUBIC.unfold(part), FULL, steps=80, lattice=CUBIC)
    assert np.array_equal(picture(octant), picture(whole))
    assert "8 copies of what was grown. Noise was mirrored too" in octant.note
    assert "Noise" not in whole.note


def test_pictures_repeat_and_grow_step_by_step() -> None:
    view = view_crystal(shape(), FULL, steps=80, lattice=CUBIC)
    renderer = SolidRenderer.over([view], width=60)
    empty = to_pixels(from_hex(DARK.background))
    counts = [
        int((np.asarray(renderer.draw(view, DARK, step=step)) != empty).any(axis=-1).sum()) for step in (25, 40, 58)
    ]
    assert 0 < counts[0] < counts[1] < counts[2]
    assert np.array_equal(renderer.draw(view, DARK), renderer.draw(view, DARK))


def test_the_phase_field_says_where_the_surface_is() -> None:
    size, radius = 25, 8.4
    distance = np.linalg.norm(np.moveaxis(np.indices((size,) * 3), 0, -1) - size // 2, axis=-1)
    phase = np.tanh((radius - distance) / np.sqrt(2)).astype(np.float32)
    arrival = np.where(distance < radius, 0, -1).astype(np.int32)
    view = view_crystal(arrival, FULL, steps=1, lattice=CUBIC, phase=phase)
    renderer = SolidRenderer(SolidFrame((size // 2,) * 3, 120, 120, 6.0))
    covered = (np.asarray(renderer.draw(view, DARK)) != to_pixels(from_hex(DARK.background))).any(axis=-1).sum()
    assert np.sqrt(covered / np.pi) / 6.0 == pytest.approx(radius, abs=0.15)  # half a pixel more: rims count as whole


def test_rays_jump_no_further_than_the_crystal() -> None:
    depth = np.where(shape() >= 0, np.float32(1), np.float32(-1))
    jump = empty_blocks(depth)
    sites = np.argwhere(depth > 0)
    for place in np.argwhere(depth < 0)[::37]:
        assert np.abs(sites - place).max(axis=1).min() >= jump[tuple(place // 4)]
    assert jump.max() >= 4


def test_compiled_rays_are_those_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    view = replace(view_crystal(shape(), FULL, steps=80, lattice=CUBIC), is_open=True)
    compiled = picture(view, width=14)
    monkeypatch.setattr("nakaya.viz.crystals.solid.trace", tracing.trace.py_func)  # type: ignore[attr-defined]
    assert np.abs(compiled - picture(view, width=14)).max() <= MAX_LEVELS


def grains(lattice: str = "cubic") -> Trajectory:
    """Two grains that fill a lattice, the second one turned by 45 degrees about x."""
    dimension = 3 if lattice == "cubic" else 2
    shape = (12,) * dimension
    grain = np.zeros((1, *shape), np.int32)
    grain[..., 6:] = 1
    names = ("phi1", "Phi", "phi2") if dimension == 3 else ("angle",)
    turns = {"phi1": 0.0, "Phi": 45.0, "phi2": 0.0, "angle": 45.0}
    metadata = TrajectoryMetadata(
        "made-up", "0" * 64, 7, {"name": "full", "edges": "insulated", "shape": list(shape)}, "0",
        lattice=lattice, dimension=dimension, fields=tuple(FinalField(name, "deg", "an angle") for name in names),
    )  # fmt: skip
    fields = {name: np.where(grain == 1, turns[name], 0).astype(np.float32) for name in names}
    ones = np.ones(1, np.int64)
    return Trajectory(np.ones_like(grain), ones, np.zeros(1, np.int8), {}, metadata, grain=grain, fields=fields)


@pytest.mark.parametrize("lattice", ["cubic", "square"])
def test_orientations_have_the_colours_of_the_inverse_pole_figure(lattice: str) -> None:
    view = view_member(grains(lattice), colour="orientation")
    light = attached_light(view, DARK).reshape(*view.arrival.shape, 3)
    assert np.allclose(light[..., 2, :], srgb_to_linear(np.array([1.0, 0.0, 0.0])), atol=1e-3)  # <001>: red
    assert np.allclose(light[..., 9, :], srgb_to_linear(np.array([0.0, 1.0, 0.0])), atol=1e-3)  # <101>: green
    assert light[0, ..., 5, :].sum() < 0.6 * light[0, ..., 2, :].sum()  # a line between them
    assert ("upwards (z)" if lattice == "cubic" else "to the right (x)") in view.note


def test_the_key_of_orientations_has_its_corners_where_their_names_are() -> None:
    drawn = np.asarray(draw_crystal(grains("square"), colour="orientation", width=600), np.int64)
    key = drawn[-115:, 400:]  # below the crystal, at the right
    red, green, blue = (np.argwhere(np.abs(key - colour).sum(axis=-1) < 60).mean(axis=0) for colour in CORNERS)
    assert red[0] > blue[0] + 10  # <001> and <101> below, <111> above
    assert green[0] > blue[0] + 10
    assert red[1] < green[1] - 10


def test_orientations_are_those_that_quaternions_say() -> None:
    view = view_member(grains(), colour="orientation")
    assert view.orientations is not None
    turned = Rotation.from_quat(view.orientations[1]).apply([0, 0, 1.0])
    assert np.allclose(np.abs(turned), [0, np.sqrt(0.5), np.sqrt(0.5)])


def test_a_cube_is_cut_open_and_shows_its_grains() -> None:
    crystals = grains()
    closed, opened = (view_member(crystals, colour="orientation", is_open=is_open) for is_open in (False, True))
    seen = [picture(view, width=120) for view in (closed, opened)]
    assert np.abs(seen[0] - seen[1]).max() > 60
    empty = to_pixels(from_hex(DARK.background)).astype(np.int64)
    outline = [(entry != empty).any(axis=-1) for entry in seen]
    assert (outline[0] != outline[1]).mean() < 0.02  # a corner seen from outside lies before the rest of the cube
    assert "the corner towards it is cut away" in opened.note
    assert draw_crystal(crystals, colour="orientation", is_open=True, width=300).width == 300


def test_one_can_ask_for_what_is_known_and_nothing_else() -> None:
    assert possible_colours(grains()) == ("time", "grain", "orientation", "phi1", "Phi", "phi2")
    assert view_member(grains(), colour="time").grain is None
    assert view_member(grains(), colour="grain").orientations is None
    with pytest.raises(ParameterError, match="a plane has one view and no corner"):
        view_member(grains(), cut=("layer", 1), is_open=True)
    with pytest.raises(ParameterError, match="azimuth=nan is no angle"):
        Camera(azimuth=float("nan"))


def test_a_crystal_turns_once_and_fields_are_not_filmed_growing() -> None:
    view = view_crystal(shape(), FULL, steps=58, lattice=CUBIC)
    film = turning_animation([view], [""], DARK, title="", width=160, frames=4)
    frames = [np.asarray(frame.convert("RGB"), np.int64) for frame in film.frames]
    assert len(frames) == 4
    assert film.durations_ms == (50,) * 4
    assert all(np.abs(frames[0] - other).max() > 30 for other in frames[1:])
    grown = growth_animation([view], [""], DARK, title="", width=160, frames=3)
    assert grown.steps == (0, 29, 58)
    with pytest.raises(ParameterError, match="final fields are known at the end of the growth only"):
        growth_animation([view_member(grains(), colour="phi1")], [""], DARK, title="", width=160)
    with pytest.raises(ParameterError, match="crystals in the plane do not turn"):
        turning_animation([view_crystal(shape()[8], FULL, steps=58, lattice=SQUARE)], [""], DARK, title="", width=160)


@pytest.mark.parametrize("size", [(4, 4), (3, 4, 5, 6)])
def test_an_array_of_another_dimension_is_refused(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="none of a cubic lattice"):
        view_crystal(np.zeros(size, np.int32), FULL, steps=1, lattice=CUBIC)
