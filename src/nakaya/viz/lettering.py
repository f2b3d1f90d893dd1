"""Letters on raster pictures, set as in print: Greek symbols in italics, powers as raised small digits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from PIL import ImageDraw, ImageFont

from nakaya.viz.style import Face, font_file

__all__ = ["draw_text", "text_width", "wrap_text"]

_RAISED = {"⁻": "−", **{raised: str(digit) for digit, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}}
RAISED_SIZE = 0.68
RAISED_BY = 0.34


@lru_cache(maxsize=64)
def _font(face: Face, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file(face)), size)


def _kind(letter: str) -> str:
    if letter in _RAISED:
        return "raised"
    return "symbol" if "α" <= letter <= "ω" else "plain"


def _runs(text: str, size: float, face: Face) -> Iterator[tuple[str, ImageFont.FreeTypeFont, float]]:
    """Yield pieces of equal setting as (text, font, height above the baseline)."""
    for kind, letters in groupby(text, key=_kind):
        piece = "".join(letters)
        if kind == "raised":
            yield "".join(_RAISED[letter] for letter in piece), _font(face, size * RAISED_SIZE), size * RAISED_BY
        else:
            yield piece, _font("italic" if kind == "symbol" else face, size), 0.0


def text_width(text: str, size: float, face: Face = "roman") -> float:
    """Return how many pixels a line of text is wide."""
    return sum(font.getlength(piece) for piece, font, _ in _runs(text, size, face))


def draw_text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    size: float,
    colour: str,
    face: Face = "roman",
    align: float = 0.0,
) -> None:
    """Draw one line of text on its baseline.

    Args:
        draw: The picture's pen.
        place: Pixels (x, y) of the baseline.
        text: One line.
        size: Pixels per em.
        colour: "#rrggbb".
        face: Roman, italic or bold.
        align: Which part of the width lies left of x: 0 = x is the left end, 0.5 the middle, 1 the right end.
    """
    x, y = place
    x -= align * text_width(text, size, face)
    for piece, font, raised in _runs(text, size, face):
        draw.text((x, y - raised), piece, font=font, fill=colour, anchor="ls")
        x += font.getlength(piece)


def wrap_text(text: str, size: float, width: float, face: Face = "roman") -> list[str]:
    """Return `text` broken into lines no wider than `width` pixels; a longer word keeps its own line."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size, face) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
