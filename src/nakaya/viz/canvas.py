"""A sheet: a ground with words, rules, scale bars and colour bars, laid out in units that scale with its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from nakaya.core.arrays import FloatArray
from nakaya.viz.colour import ColourRamp
from nakaya.viz.formatting import format_count, format_number, nice_step, nice_ticks
from nakaya.viz.lettering import draw_text, text_width, wrap_text
from nakaya.viz.style import Theme

__all__ = ["DESIGN_WIDTH", "Sheet", "fit_text", "heading_height", "join_words", "subtitle_lines"]

DESIGN_WIDTH = 1200.0
"""The layout is designed at this width, in units that are then scaled to pixels."""

BAR_HEIGHT = 10.0

HEAD_TOP = 1.84
"""Baseline of the title, in title sizes below the upper edge."""

SUBTITLE_SIZE = 0.58
LINE_HEIGHT = 1.35
"""Distance of lines, in text sizes."""


@dataclass(frozen=True)
class Sheet:
    """A picture to set words on, in units that scale with its width.

    Attributes:
        image: The picture.
        theme: Colours.
        unit: Pixels per unit of the design.
    """

    image: Image.Image
    theme: Theme
    unit: float

    @classmethod
    def blank(cls, width: int, height: int, theme: Theme, *, design_width: float = DESIGN_WIDTH) -> Sheet:
        """Return an empty sheet of pixels `width` x `height`, whose units are fitted to `design_width`."""
        return cls(Image.new("RGB", (width, height), theme.ground), theme, width / design_width)

    def heading(self, x: float, title: str, subtitle: Sequence[str], *, width: float, size: float = 38) -> None:
        """Set the title (cut where it is too wide) and the lines of the subtitle below it."""
        self.text(x, HEAD_TOP * size, fit_text(title, size, width), size=size)
        for number, line in enumerate(subtitle):
            y = HEAD_TOP * size + (0.9 + LINE_HEIGHT * SUBTITLE_SIZE * number) * size
            self.text(x, y, line, size=SUBTITLE_SIZE * size, muted=True)

    def text(
        self, x: float, y: float, text: str, *, size: float, muted: bool = False, align: float = 0.0, bold: bool = False
    ) -> None:
        """Set a line on its baseline; places and size in units."""
        draw_text(
            ImageDraw.Draw(self.image),
            (x * self.unit, y * self.unit),
            text,
            size=size * self.unit,
            colour=self.theme.muted if muted else self.theme.ink,
            face="bold" if bold else "roman",
            align=align,
        )

    def rule(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle; in units, at least one pixel in each direction."""
        left, top = round(x * self.unit), round(y * self.unit)
        right = max(left + 1, round((x + width) * self.unit))
        bottom = max(top + 1, round((y + height) * self.unit))
        ImageDraw.Draw(self.image).rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def colour_bar(
        self,
        x: float,
        y: float,
        width: float,
        last: int,
        *,
        label: str,
        marker: int | None = None,
        ramp: ColourRamp | None = None,
    ) -> None:
        """Draw the ramp with ticks in physical steps under it; a marker stands at one step."""
        ticks = {tick / max(last, 1): f"{tick:,}" for tick in nice_ticks(last)}
        self._bar(x, y, width, ticks, label, self.theme.ramp if ramp is None else ramp)
        if marker is not None:
            at = x + width * min(marker / max(last, 1), 1.0)
            self.rule(at - 2, y - 5, 4, BAR_HEIGHT + 10, self.theme.ink)

    def share_bar(self, x: float, y: float, width: float, *, label: str) -> None:
        """Draw the ramp with ticks from 0 to 1."""
        self._bar(x, y, width, {0.0: "0", 0.25: "¼", 0.5: "½", 0.75: "¾", 1.0: "1"}, label, self.theme.ramp)

    def _bar(self, x: float, y: float, width: float, ticks: Mapping[float, str], label: str, ramp: ColourRamp) -> None:
        left, right = round(x * self.unit), round((x + width) * self.unit)
        self._paste_ramp(x, y, ramp(np.linspace(0.0, 1.0, max(2, right - left))))
        for share, text in ticks.items():
            at = x + (width - 1) * share
            self.rule(at, y + BAR_HEIGHT + 2, 1, 6, self.theme.muted)
            align = {0.0: 0.0, 1.0: 1.0}.get(share, 0.5)
            self.text(at, y + BAR_HEIGHT + 28, text, size=20, muted=True, align=align)
        self.text(x + width, y - 12, label, size=20, muted=True, align=1.0)

    def clock_bar(self, x: float, y: float, width: float, share: float, *, ramp: ColourRamp) -> None:
        """Draw a bar that is filled with the ramp up to `share`, in [0, 1], of its width."""
        self.rule(x, y + BAR_HEIGHT / 2 - 1, width, 2, self.theme.hairline)
        filled = round(width * share * self.unit)
        if filled:
            pixels = max(2, round(width * self.unit))
            self._paste_ramp(x, y, ramp(np.linspace(0.0, 1.0, pixels)[:filled]))

    def _paste_ramp(self, x: float, y: float, colours: FloatArray) -> None:
        row = np.rint(colours * 255).astype(np.uint8)
        bar = Image.fromarray(np.repeat(row[None], max(2, round(BAR_HEIGHT * self.unit)), axis=0))
        self.image.paste(bar, (round(x * self.unit), round(y * self.unit)))

    def vertical_text(self, x: float, y: float, text: str, *, size: float) -> None:
        """Set a line that reads upwards, its middle at (x, y)."""
        pixels = size * self.unit
        strip = Image.new("RGB", (round(text_width(text, pixels)) + 2, round(pixels * 1.4)), self.theme.ground)
        draw_text(ImageDraw.Draw(strip), (1, pixels), text, size=pixels, colour=self.theme.ink)
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        self.image.paste(turned, (round(x * self.unit - turned.width / 2), round(y * self.unit - turned.height / 2)))

    def scale_bar(self, x: float, y: float, scale: float, widest: float, site_spacing: float | None = None) -> None:
        """Draw a bar of a round length, at most `widest` units, with its length; `scale` in pixels per site."""
        sites = widest * self.unit / scale
        if site_spacing is None:
            length = max(1.0, nice_step(sites, 1) / (2 if nice_step(sites, 1) > sites else 1))
            label = format_count(round(length), "site")
        else:
            step = nice_step(sites * site_spacing, 1)
            metres = step / 2 if step > sites * site_spacing else step
            length, label = metres / site_spacing, _format_length(metres)
        self.rule(x, y, length * scale / self.unit, 2.5, self.theme.muted)
        for end in (x, x + length * scale / self.unit - 2):
            self.rule(end, y - 5, 2, 7.5, self.theme.muted)
        self.text(x, y + 30, label, size=20, muted=True)


def _format_length(metres: float) -> str:
    for unit, size in (("m", 1.0), ("mm", 1e-3), ("μm", 1e-6), ("nm", 1e-9)):
        if metres >= size * 0.999:
            return f"{format_number(metres / size)} {unit}"
    return f"{format_number(metres * 1e9)} nm"


def subtitle_lines(subtitle: str, width: float, *, size: float = 38) -> list[str]:
    """Return the subtitle in lines that fit; `width` and the title's `size` in the same unit."""
    return wrap_text(subtitle, SUBTITLE_SIZE * size, width)


def heading_height(subtitle: Sequence[str], *, size: float = 38) -> float:
    """Return how much of a sheet the title and the lines of its subtitle take, with the space below them."""
    lines = 0.9 + LINE_HEIGHT * SUBTITLE_SIZE * (len(subtitle) - 1) if subtitle else 0.0
    return (HEAD_TOP + lines + 0.72) * size


def fit_text(text: str, size: float, width: float) -> str:
    """Return `text`, cut with an ellipsis where it is wider than `width`; sizes in the same unit."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip(" ,") + "…"


def join_words(words: Sequence[str]) -> str:
    """Return words as one line, set apart by middle dots."""
    return "  ·  ".join(word for word in words if word)
