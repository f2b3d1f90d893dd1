"""Films as video: what ffmpeg is handed, what is left where it fails, and what the real one makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nakaya
from nakaya.cli.app import run
from nakaya.core.errors import InputFileError, NakayaError
from nakaya.viz.crystals.animation import Animation
from nakaya.viz.crystals.video import CODECS, encode_video

STAND_IN = """#!{python}
import json, sys
handed = sys.stdin.buffer.read()
with open({seen!r}, "w") as stream:
    json.dump([sys.argv[1:], len(handed), handed[:6].hex()], stream)
with open(sys.argv[-1], "wb") as film:
    film.write(b"a film")
"""

DEAD = """#!{python}
import sys
sys.stdin.buffer.read(10)
with open(sys.argv[-1], "wb") as film:
    film.write(b"half a fi")
sys.stderr.write("frame 1\\nUnknown encoder 'libx264'\\n")
sys.exit(187)
"""

LOSS = 12
"""Of 255: what the encoders may change in large flat areas, conversions to fewer chroma samples included."""

COLOURS = [(7, 11, 20), (86, 180, 233), (230, 237, 247)]


@pytest.fixture
def animation() -> Animation:
    frames = tuple(
        Image.new("RGB", (161, 120), colour).convert("P", palette=Image.Palette.ADAPTIVE) for colour in COLOURS
    )
    return Animation(frames, (50, 50, 2500), (0, 10, 20))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    if os.name == "nt":
        pytest.skip("the stand-in is a Unix script")
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put(place: Path, text: str) -> Path:
    program, seen = place / "ffmpeg", place / "seen.json"
    program.write_text(text.format(python=sys.executable, seen=str(seen)))
    program.chmod(0o755)
    return seen


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "one.zarr"
    nakaya.save(nakaya.grow(nakaya.GravnerGriffeath(rho=0.6), size=12, seed=0), path)
    return path


@pytest.mark.parametrize("kind", CODECS)
def test_ffmpeg_gets_every_frame_as_often_as_it_is_shown(kind: str, animation: Animation, place: Path) -> None:
    seen = put(place, STAND_IN)
    assert encode_video(animation, kind, title="ρ = 0.5") == b"a film"
    words, size, first = json.loads(seen.read_text())
    # The width is odd and becomes even; the last frame stands for 50 of 50 ms.
    assert size == (1 + 1 + 50) * 162 * 120 * 3
    assert first == bytes([*COLOURS[0], *COLOURS[0]]).hex()
    assert words[words.index("-s") + 1] == "162x120"
    assert words[words.index("-framerate") + 1] == "1000/50"
    assert words[words.index("-metadata") + 1] == "title=ρ = 0.5"
    assert words[-1].endswith(f".{kind}")
    assert not Path(words[-1]).exists()  # nothing stays behind


def test_a_program_that_dies_is_one_error_with_its_last_words(animation: Animation, place: Path) -> None:
    put(place, DEAD)
    with pytest.raises(NakayaError, match=r"ffmpeg ended with status 187 .*Unknown encoder 'libx264'.*write \.gif"):
        encode_video(animation, "mp4")


def test_a_program_that_writes_nothing_is_an_error(animation: Animation, place: Path) -> None:
    put(place, "#!{python}\nimport sys\nsys.stdin.buffer.read()\n")
    with pytest.raises(NakayaError, match="wrote no film"):
        encode_video(animation, "webm")


def test_without_the_program_nothing_is_drawn(animation: Animation, place: Path) -> None:
    with pytest.raises(InputFileError, match="ffmpeg, which is not on the PATH: install it, or write .gif"):
        encode_video(animation, "mp4")


def test_films_of_the_command_line_are_whole_or_not_there(
    store: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "growth.mp4"
    words = ["film", str(store), "--width", "161", "--frames", "3", "--out", str(out)]
    assert run(words) == 2
    assert "ffmpeg, which is not on the PATH" in capsys.readouterr().err
    put(place, DEAD)
    assert run(words) == 2
    message = capsys.readouterr().err
    assert message.splitlines()[-1].startswith("nakaya: ffmpeg ended with status 187")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["programs"]
    put(place, STAND_IN)
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["bytes"], out.read_bytes()) == (6, b"a film")
    put(place, DEAD)
    assert run([*words, "--overwrite"]) == 2
    assert out.read_bytes() == b"a film"  # the film that was there stays


@pytest.mark.parametrize("kind", CODECS)
def test_the_real_program_keeps_frames_times_and_colours(kind: str, animation: Animation, tmp_path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")
    film = tmp_path / f"film.{kind}"
    film.write_bytes(encode_video(animation, kind))
    words = [program, "-v", "error", "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run(words, check=True, capture_output=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 120, 162, 3).astype(int)
    assert len(frames) == 52
    for number, colour in ((0, COLOURS[0]), (1, COLOURS[1]), (2, COLOURS[2]), (51, COLOURS[2])):
        assert np.abs(frames[number, 20:100, 20:140] - colour).max() <= LOSS
