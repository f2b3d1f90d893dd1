"""Animations: frames at fixed steps, that survive being written and read."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nakaya.core.errors import ParameterError
from nakaya.viz.colour import from_hex
from nakaya.viz.crystals.animation import Animation, frame_steps, growth_animation
from nakaya.viz.style import DARK, LIGHT


@pytest.fixture(scope="module")
def animation(crystal) -> Animation:
    return growth_animation([crystal], [""], DARK, title="ρ = 0.5", width=200, frames=12, frame_ms=70, hold_ms=900)


def read_frames(content: bytes) -> tuple[list[np.ndarray], list[int], int]:
    picture = Image.open(BytesIO(content))
    frames, durations = [], []
    for number in range(picture.n_frames):
        picture.seek(number)
        durations.append(round(picture.info["duration"]))
        frames.append(np.asarray(picture.convert("RGB"), np.int64))
    return frames, durations, picture.info["loop"]


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 10**6), st.integers(2, 1000))
def test_an_animation_goes_from_the_first_step_to_the_last_in_equal_strides(last, frames):
    steps = frame_steps(last, frames)
    strides = np.diff(steps)
    assert steps[0] == 0
    assert steps[-1] == last
    assert len(steps) <= frames
    assert len(set(strides[:-1])) <= 1
    assert 0 < strides[-1] <= strides[0]


@pytest.mark.parametrize("kind", ["gif", "png"])
def test_frames_and_times_survive_the_file(animation, kind):
    frames, durations, loop = read_frames(animation.encode(kind))
    assert loop == 0  # for ever
    assert durations == list(animation.durations_ms) == [70] * (len(animation.frames) - 1) + [900]
    for read, made in zip(frames, animation.frames, strict=True):
        assert np.array_equal(read, np.asarray(made.convert("RGB")))


def test_the_crystal_only_grows(animation, crystal):
    """From frame to frame no place of the crystal goes back to vapour, and the last frame shows all of it."""
    vapour = np.rint(from_hex(DARK.vapour) * 255)
    areas = []
    before = None
    for frame in animation.frames:
        picture = np.asarray(frame.convert("RGB"), np.int64)[60:180]
        there = np.abs(picture - vapour).sum(axis=-1) > 60
        assert before is None or (there | ~before).all()
        before = there
        areas.append(int(there.sum()))
    assert areas[-1] > 3 * areas[1]


def test_plain_colours_are_exact_in_the_palette(animation):
    picture = np.asarray(animation.frames[0].convert("RGB"))
    assert np.array_equal(picture[0, 0], np.rint(from_hex(DARK.background) * 255))
    assert (picture == np.rint(from_hex(DARK.vapour) * 255)).all(axis=-1).any()


def test_an_animation_is_far_smaller_than_its_frames(animation):
    alone = 0
    for frame in animation.frames:
        stream = BytesIO()
        frame.save(stream, "GIF")
        alone += len(stream.getvalue())
    assert len(animation.encode("gif")) < 0.6 * alone


def test_an_ensemble_is_animated_side_by_side(crystals):
    animation = growth_animation(crystals, [f"member {n}" for n in range(5)], LIGHT, title="five", width=300, frames=4)
    frames, _, _ = read_frames(animation.encode("gif"))
    columns = (np.abs(frames[-1] - 255).sum(axis=-1) > 200)[80:180].any(axis=0)
    runs = np.count_nonzero(np.diff(columns.astype(int)) == 1)
    assert runs >= 2
    assert animation.steps[-1] == max(view.last for view in crystals)


def test_progress_counts_every_frame(crystal):
    told: list[tuple[int, int]] = []
    animation = growth_animation(
        [crystal], [""], DARK, title="", width=160, frames=5, progress=lambda *at: told.append(at)
    )
    count = len(animation.frames)
    assert told == [(done, count) for done in range(1, count + 1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 1}, "frames=1 is outside the range from 2 to 1000"),
        ({"frame_ms": 5}, "frame_ms=5 is outside the range from 20 to 10000"),
        ({"width": 9000}, "width=9000 is outside the range from 160 to 4096"),
        ({"width": 4096, "frames": 1000}, "frames of 4096 pixels are too many to hold"),
    ],
)
def test_an_animation_refuses_what_it_cannot_show(crystal, options, message):
    with pytest.raises(ParameterError, match=message):
        growth_animation([crystal], [""], DARK, title="", **options)
