"""Animations as video files, by the program ffmpeg where it is installed: it is not part of this package."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

import numpy as np

from nakaya.core.errors import InputFileError, NakayaError
from nakaya.core.text import printable
from nakaya.viz.crystals.animation import Animation

__all__ = ["CODECS", "encode_video", "find_ffmpeg"]

CODECS: Final[Mapping[str, tuple[str, ...]]] = {
    "mp4": ("-c:v", "libx264", "-crf", "16", "-preset", "slow", "-movflags", "+faststart"),
    "webm": ("-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0"),
}
"""Ending -> how ffmpeg encodes it: what browsers, slides and phones play, at a quality that shows no blocks."""

COLOURS: Final = (
    "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
)  # fmt: skip
"""Stated, for players take small films for those of old television sets, whose colours are others."""


def find_ffmpeg() -> str:
    """Return the path of ffmpeg.

    Raises:
        InputFileError: It is not there.
    """
    found = shutil.which("ffmpeg")
    if found is None:
        raise InputFileError(
            "MP4 and WebM need the program ffmpeg, which is not on the PATH: install it, or write .gif or .png"
        )
    return found


def encode_video(animation: Animation, kind: str, *, title: str = "") -> bytes:
    """Return an animation as the content of a video file; it plays once, and holds its last frame.

    Args:
        animation: Every frame but the last is shown equally long.
        kind: "mp4" (H.264) or "webm" (VP9).
        title: Of the film.

    Raises:
        InputFileError: There is no ffmpeg.
        NakayaError: It ended with an error.
    """
    program = find_ffmpeg()
    width, height = (size + size % 2 for size in animation.frames[0].size)  # its chroma has half the pixels
    with TemporaryDirectory(prefix="nakaya-") as folder:
        path = Path(folder) / f"film.{kind}"  # ffmpeg goes back to the beginning of a file when it has come to the end
        words = [
            program, "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
            "-framerate", f"1000/{animation.durations_ms[0]}", "-i", "pipe:0", "-an",
            *COLOURS, *CODECS[kind], "-metadata", f"title={printable(title)}", str(path),
        ]  # fmt: skip
        with (Path(folder) / "messages").open("w+b") as messages:
            status = _feed(words, _pictures(animation, width, height), messages)
            messages.seek(0)
            said = messages.read().decode(errors="replace").strip().splitlines()
        if status != 0 or not path.is_file() or path.stat().st_size == 0:
            last = f" ({printable(said[-1])[:200]})" if said else ""
            raise NakayaError(f"ffmpeg ended with status {status} and wrote no film{last}: write .gif or .png instead")
        return path.read_bytes()


def _feed(words: Sequence[str], pictures: Iterator[bytes], messages: IO[bytes]) -> int:
    """Run a program, hand it pictures one by one and return its exit status; nothing of it outlives this call."""
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages)
    try:
        assert process.stdin is not None
        try:
            with process.stdin as stream:
                for picture in pictures:
                    stream.write(picture)
        except BrokenPipeError:
            pass  # it has ended: its status and its last words say why
        return process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _pictures(animation: Animation, width: int, height: int) -> Iterator[bytes]:
    """Every frame as often as it is shown, RGB, with its last row and column doubled where their number is odd."""
    usual = animation.durations_ms[0]
    for frame, duration in zip(animation.frames, animation.durations_ms, strict=True):
        pixels = np.asarray(frame.convert("RGB"))
        padded = np.pad(pixels, ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0)), mode="edge")
        content = padded.tobytes()
        for _ in range(max(1, round(duration / usual))):
            yield content
