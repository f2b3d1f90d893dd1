"""A figure around raster pictures: Matplotlib sets title, scale bar, colour bar and notes; pictures keep their pixels.

Places and sizes are in units of a design of fixed width, from the upper left corner; everything scales with the width
in pixels. Matplotlib is imported where a figure is made: it takes a second, and most commands need none.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from nakaya.crystallography.inverse_pole_figure import colour_key
from nakaya.crystallography.symmetry import LAUE_CLASSES
from nakaya.viz.colour import ColourRamp, from_hex, to_pixels
from nakaya.viz.formatting import format_count, typeset
from nakaya.viz.style import PIXELS_PER_INCH, TEXT_SIZE, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = [
    "BAR_HEIGHT",
    "DESIGN_WIDTH",
    "FOOT",
    "MARGIN",
    "POINTS",
    "POLE_KEY_FOOT",
    "Canvas",
    "design_for_page",
    "shorten",
    "wrap",
]

DESIGN_WIDTH = 1200.0
MARGIN = 56.0
TITLE_SIZE = 38.0
SUBTITLE = 0.58
"""Size of the subtitle, in sizes of the title."""

NOTE = 0.53
"""Size of notes and of the words at bars, in sizes of the title."""

LINE_HEIGHT = 1.35
"""Distance of lines, in sizes of their text."""

LETTER_WIDTH = 0.44
"""Of a wide line of text, in sizes of the text: lines are broken by their number of letters, not by measuring each."""

BAR_WIDTH = 420.0
BAR_SHARE = 0.58
"""Greatest share of the inner width that the colour bar takes."""

BAR_HEIGHT = 10.0
END_LABEL = 84.0
"""Units that a number at an end of the colour bar keeps free of others."""

MAX_SCALE_BAR = 200.0
SCALE_BAR_SHARE = 0.38
"""Greatest share of the inner width that the scale bar takes."""


FOOT = 62.0
"""Height of what stands between the body and the notes."""

POLE_KEY_WIDTH = 120.0
POLE_KEY_FOOT = 124.0
"""Height of the foot that has room for the standard triangle."""

POINTS = 0.72
"""Points per unit: a figure has a hundred units to the inch."""


def design_for_page(width: float) -> float:
    """Return the width of a design, in units, whose notes are as large as words in charts where it is shown.

    Args:
        width: Of the place on the page, in the pixels of pages (96 to the inch).
    """
    return width * NOTE * TITLE_SIZE / (TEXT_SIZE / 72.0 * PIXELS_PER_INCH)


def wrap(text: str, size: float, width: float) -> list[str]:
    """Return `text` in lines that fit `width` (in the unit of `size`), not broken around "=" or before a middle dot."""
    text = text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}").replace(" · ", "\N{NO-BREAK SPACE}· ")
    return textwrap.wrap(text, max(1, int(width / (LETTER_WIDTH * size))), break_on_hyphens=False)


def shorten(text: str, size: float, width: float) -> str:
    """Return `text`, its last words left out where it is wider than `width`."""
    return textwrap.shorten(text, max(1, int(width / (LETTER_WIDTH * size))), placeholder="…")


class Canvas:
    """A figure under construction: title and subtitle, a body for pictures, a foot for bars, notes.

    Call it under `house_style`.

    Args:
        width: Pixels across.
        theme: Colours.
        body: Height of the body.
        foot: Height of what stands between the body and the notes.
        title: In as many lines as it takes, like subtitle and notes; Greek letters are set in italics.
        subtitle: Below it.
        notes: Paragraphs at the lower edge.
        design_width: Units across.
        margin: Units that stay empty at either side.
        title_size: Of the title; other sizes follow from it.

    Attributes:
        unit: Pixels per unit.
        inner: Units between the margins.
        head: Where the body begins.
        foot: Where the bars stand.
    """

    def __init__(
        self,
        width: int,
        theme: Theme,
        *,
        body: float,
        foot: float = FOOT,
        title: str = "",
        subtitle: str = "",
        notes: Sequence[str] = (),
        design_width: float = DESIGN_WIDTH,
        margin: float = MARGIN,
        title_size: float = TITLE_SIZE,
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.theme, self.unit = theme, width / design_width
        self.margin, self.inner, self.note_size = margin, design_width - 2 * margin, NOTE * title_size
        lines = [(line, title_size, False) for line in wrap(title, title_size, self.inner)]
        lines += [(line, SUBTITLE * title_size, True) for line in wrap(subtitle, SUBTITLE * title_size, self.inner)]
        under = [line for note in notes for line in wrap(note, self.note_size, self.inner)]
        baselines, base = [], 0.6 * title_size
        for _, size, muted in lines:
            base += (LINE_HEIGHT if muted else 1.24) * size
            baselines.append(base + 0.2 * size * muted)
        self.head = base + 0.84 * title_size if lines else margin
        self.foot = self.head + body + 1.2 * title_size
        note_base = self.foot + foot + 1.7 * self.note_size
        self.height = round((note_base + LINE_HEIGHT * self.note_size * len(under) - 4) * self.unit)
        # The hundredth of a pixel keeps Matplotlib, which cuts, at the numbers of pixels that are meant.
        size_inches = ((width + 0.01) / (100 * self.unit), (self.height + 0.01) / (100 * self.unit))
        self.figure = Figure(figsize=size_inches, dpi=100 * self.unit, facecolor=theme.background)
        self.agg: Any = FigureCanvasAgg(self.figure)  # Matplotlib's own types leave its calls untyped
        self.place = Affine2D().scale(self.unit, -self.unit).translate(0, self.height)
        for (line, size, muted), baseline in zip(lines, baselines, strict=True):
            self.text(margin, baseline, line, size=size, muted=muted)
        for number, line in enumerate(under):
            y = note_base + LINE_HEIGHT * self.note_size * number
            self.text(margin, y, line, size=self.note_size, muted=True)

    def text(self, x: float, y: float, text: str, *, size: float, muted: bool = False, align: str = "left") -> Text:
        """Set a line on its baseline."""
        colour = self.theme.muted if muted else self.theme.foreground
        return self.figure.text(
            x, y, typeset(text), fontsize=size * POINTS, color=colour, ha=align, va="baseline", transform=self.place
        )

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle, at least one pixel wide and high."""
        from matplotlib.patches import Rectangle

        size = (max(width, 1 / self.unit), max(height, 1 / self.unit))
        box = Rectangle((x, y), *size, color=colour, lw=0, antialiased=False, transform=self.place)
        self.figure.add_artist(box)

    def picture(self, image: Image.Image, x: float, y: float) -> None:
        """Put a picture at a place, pixel by pixel."""
        left, top = self.pixel(x, y)
        self.figure.figimage(np.asarray(image), left, self.height - top - image.height, zorder=-1)

    def axes_over(self, image: Image.Image, x: float, y: float) -> Axes:
        """Return bare axes over a picture at a place, to draw on it."""
        left, top = self.pixel(x, y)
        axes = self.axes(left / self.unit, top / self.unit, image.width / self.unit, image.height / self.unit)
        axes.axis("off")
        return axes

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        """Return the pixel (column, row) at a place."""
        return round(x * self.unit), round(y * self.unit)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Return axes over a rectangle, without a background, in the theme's colours."""
        across, down = self.figure.get_size_inches() * 100
        axes = self.figure.add_axes((x / across, 1 - (y + height) / down, width / across, height / down))
        axes.patch.set_visible(False)
        for spine in axes.spines.values():
            spine.set(color=self.theme.rule, linewidth=POINTS)
        axes.tick_params(color=self.theme.muted, labelcolor=self.theme.foreground, width=POINTS, length=6 * POINTS)
        return axes

    def colour_bar(
        self, last: float, *, label: str, ramp: ColourRamp, marker: float | None = None, first: float | None = None
    ) -> None:
        """Draw the ramp from `first` (None: 0, of steps) to `last` at the right of the foot; a marker marks a value."""
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        low, whole = first or 0.0, first is None and last > 1
        width = min(BAR_WIDTH, BAR_SHARE * self.inner)
        axes = self.axes(self.margin + self.inner - width, self.foot, width, BAR_HEIGHT)
        axes.imshow(ramp.table[None], extent=(low, max(last, np.nextafter(low, np.inf)), 0, 1), aspect="auto")
        axes.spines[:].set_visible(False)
        axes.set_yticks([])
        ticks = MaxNLocator(max(2, round(width / 84)), integer=whole, steps=[1, 2, 2.5, 5, 10]).tick_values(low, last)
        edge = END_LABEL / width * (last - low)
        between = [tick for tick in ticks if low + edge < tick < last - edge]
        axes.set_xticks([low, *between, last])  # so far from the ends that labels do not touch
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}" if whole else "{x:,.4g}"))
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        size = self.note_size * POINTS
        axes.tick_params(labelsize=size, labelcolor=self.theme.muted)
        axes.set_title(typeset(label), loc="right", fontsize=size, color=self.theme.muted, pad=10 * POINTS)
        if marker is not None:
            axes.axvline(marker, -0.5, 1.3, color=self.theme.foreground, lw=4 * POINTS, clip_on=False)

    def pole_key(self) -> None:
        """Draw the standard triangle of m-3m in the colours of its directions at the right of the foot."""
        key = colour_key(LAUE_CLASSES["m-3m"], max(8, round(POLE_KEY_WIDTH * self.unit)))
        height = key.shape[0] / self.unit
        names = 3.2 * self.note_size
        left, top = self.margin + self.inner - POLE_KEY_WIDTH - names, self.foot - 6
        inside = (key < 1).any(axis=-1, keepdims=True)
        pixels = to_pixels(np.where(inside, key, from_hex(self.theme.background)))
        self.picture(Image.fromarray(pixels), left, top)
        for name, x, y, align in (
            ("001", left - 8, top + height, "right"),
            ("101", left + POLE_KEY_WIDTH + 8, top + height, "left"),
            ("111", left + 0.88 * POLE_KEY_WIDTH + 12, top + 0.5 * self.note_size, "left"),
        ):
            self.text(x, y, name, size=self.note_size, muted=True, align=align)

    def scale_bar(self, scale: float, site_spacing: float | None = None) -> None:
        """Draw a bar of a round length at the left of the foot, with its length below.

        Args:
            scale: Pixels per site.
            site_spacing: Metres between sites, or None: then the length is in sites.
        """
        from matplotlib.ticker import EngFormatter

        longest = min(MAX_SCALE_BAR, SCALE_BAR_SHARE * self.inner) * self.unit / scale * (site_spacing or 1.0)
        power = 10.0 ** math.floor(math.log10(longest))
        length = max(factor * power for factor in (1, 2, 5) if factor * power <= longest)
        if site_spacing is None:
            length = max(1.0, length)
            label = format_count(round(length), "site")
        else:
            label = EngFormatter("m", sep=" ")(length)
        width, y = length / (site_spacing or 1.0) * scale / self.unit, self.foot + 4
        self.rectangle(self.margin, y, width, 2.5, self.theme.muted)
        for end in (0, width - 2):
            self.rectangle(self.margin + end, y - 5, 2, 7.5, self.theme.muted)
        self.text(self.margin, y + 10 + self.note_size, label, size=self.note_size, muted=True)

    def image(self) -> Image.Image:
        """Draw the figure and return it as an RGB picture."""
        self.agg.draw()
        return self.frame()

    def frame(self) -> Image.Image:
        """Return what was drawn last as an RGB picture."""
        return Image.fromarray(np.array(self.agg.buffer_rgba())[..., :3].copy())
