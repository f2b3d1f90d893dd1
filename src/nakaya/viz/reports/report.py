"""Reports: one HTML file with all its pictures inside, to be read on any screen or printed.

Nothing is fetched from anywhere: no scripts, no fonts, no links to pictures. Whatever a caller hands over as text is
escaped. Every report has one style, which `page.html` alone states: two measures (of text, and of figures), one size
to be read and one for all that stands beside it, and one width below which a page is laid out for a telephone.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from PIL import Image

from nakaya.core.errors import ParameterError
from nakaya.core.files import write_whole
from nakaya.core.text import printable
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.crystals.animation import Animation
from nakaya.viz.formatting import format_number
from nakaya.viz.style import DARK, LIGHT, NARROW_WIDTH, PAGE_WIDTH, TEXT_WIDTH, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Code", "KeyNumber", "Link", "Picture", "Report", "Words"]

Picture: TypeAlias = "Image.Image | Animation | Figure | bytes"
"""What a report can show (bytes: an SVG as it is).

`Callable[[Theme, float], Picture]` lets it show one for light and one for dark screens, each for pages and for
telephones: what is handed over is the theme and the width in pixels, `PAGE_WIDTH` or `NARROW_WIDTH`.
"""

TABLE_DIGITS = 3

TEXT_LETTERS = 72
"""Letters of a table's rows that fit the measure of the text; wider tables take that of the figures."""

NARROW_LETTERS = 40
"""Letters that fit the width of a telephone; there, the rows of wider tables are written as lists."""

GAP_LETTERS = 3
"""What the gap between two columns takes."""

PALETTE_COLOURS = 256


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere.

    Attributes:
        words: What is read.
        address: Begins with "https://", or with "#" and leads to a place in the page.

    Raises:
        ParameterError: Another address.
    """

    words: str
    address: str

    def __post_init__(self) -> None:
        if not self.address.startswith(("https://", "#")):
            raise ParameterError(f"{self.address!r} is no address for a link: it begins with https:// or #")


@dataclass(frozen=True)
class Code:
    """Words that are typed, such as a command or the name of a file, within text."""

    words: str


Words: TypeAlias = str | Sequence[str | Link | Code]
"""A paragraph: plain text, or pieces of it with links and code between them."""


@dataclass(frozen=True)
class KeyNumber:
    """A number worth seeing first.

    Attributes:
        value: As it is to be read: "0.93", "1.2 ms".
        label: What it is.
        remark: What it must be compared with, or empty.
    """

    value: str
    label: str
    remark: str = ""


class Report:
    """A report under construction: sections in the order in which they are added.

    Args:
        title: Of the page and its first line.
        subtitle: A sentence under it, or empty.

    Example:
        report = Report("How well does it emulate?", "Sixty-four held-out points")
        report.add_section("Fidelity")
        report.add_text("The floor is solver against solver.")
        draw = lambda theme, width: estimate_chart(rows, theme, x_label="...", width=width)
        report.add_figure(draw, caption="...", alt="...")
        report.write(Path("report.html"))
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self._title = title
        self._subtitle = subtitle
        self._blocks: list[tuple[str, Any]] = []  # kind, and what the template's part for this kind reads

    def _next(self, kind: str) -> int:
        return 1 + sum(other == kind for other, _ in self._blocks)

    def add_section(self, title: str) -> None:
        """Begin a section; reports with three or more have a table of contents."""
        self._blocks.append(("section", {"number": self._next("section"), "title": title}))

    def add_text(self, *paragraphs: Words) -> None:
        """Add paragraphs."""
        self._blocks.extend(("text", paragraph) for paragraph in paragraphs)

    def add_list(self, entries: Sequence[Words]) -> None:
        """Add a list of short entries."""
        self._blocks.append(("list", entries))

    def add_code(self, code: str) -> None:
        """Add lines to be typed or read letter by letter, such as commands."""
        self._blocks.append(("code", code))

    def add_commands(self, commands: Sequence[tuple[str, Words]]) -> None:
        """Add commands to try, each with what it does."""
        self._blocks.append(("commands", commands))

    def add_numbers(self, numbers: Sequence[KeyNumber]) -> None:
        """Add a row of key numbers."""
        self._blocks.append(("numbers", numbers))

    def add_figure(self, picture: Picture | Callable[[Theme, float], Picture], *, caption: Words, alt: str) -> None:
        """Add a picture, chart or animation with its number and caption.

        Args:
            picture: A Pillow image, a Matplotlib figure, an animation, the bytes of an SVG, or a function of theme and
                width that makes one: then the report holds one for light and one for dark screens, each for pages and
                for telephones. Animations are shown as wide as text, `TEXT_WIDTH`, at most.
            caption: What is seen and what to conclude; printed below.
            alt: What is seen, for those who cannot see it.

        Raises:
            ParameterError: `alt` is empty.
        """
        if not alt.strip():
            raise ParameterError("a figure needs a description: say in alt what is seen")
        shown: dict[tuple[bool, bool], Picture] = {}  # dark, narrow
        if callable(picture):
            for dark, theme in ((False, LIGHT), (True, DARK)):
                shown |= {
                    (dark, narrow): picture(theme, NARROW_WIDTH if narrow else PAGE_WIDTH) for narrow in (False, True)
                }
        else:
            shown[False, False] = picture
        block = {
            "number": self._next("figure"),
            "sources": _sources(shown),
            "stills": _sources({which: _still(film) for which, film in shown.items() if isinstance(film, Animation)}),
            "alt": alt,
            "caption": caption,
        }
        self._blocks.append(("figure", block))

    def add_table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: Words, emphasise: int | None = None
    ) -> None:
        """Add a table; numbers stand to the right, floats with three digits, None and NaN as a dash.

        Args:
            columns: Heads.
            rows: One sequence of cells for each row; the first cell names the row.
            caption: What the table says; printed above.
            emphasise: Number of a row to set apart, such as the reference.

        Raises:
            ParameterError: A row has another number of cells than there are columns.
        """
        for row in rows:
            if len(row) != len(columns):
                raise ParameterError(f"a row of {len(row)} cells does not fit a table of {len(columns)} columns")
        block = {
            "number": self._next("table"),
            "style": _table_style(columns, rows),
            "caption": caption,
            "columns": columns,
            "rows": rows,
            "numeric": [any(_is_number(row[place]) for row in rows) for place in range(len(columns))],
            "emphasise": emphasise,
        }
        self._blocks.append(("table", block))

    def add_facts(self, facts: Mapping[str, object], *, caption: Words) -> None:
        """Add a table of names and values, such as versions and settings."""
        self.add_table(("what", "value"), [(name, _cell(value)) for name, value in facts.items()], caption=caption)

    def html(self) -> str:
        """Return the whole page."""
        pages = Environment(
            loader=PackageLoader("nakaya.viz.reports", ""),
            autoescape=True,
            finalize=lambda value: printable(value) if type(value) is str else value,  # not of markup, which is ours
            trim_blocks=True,
            lstrip_blocks=True,
        )
        pages.filters |= {"cell": _cell, "raised": _raised}
        return pages.get_template("page.html").render(
            title=self._title,
            subtitle=self._subtitle,
            sections=[block["title"] for kind, block in self._blocks if kind == "section"],
            blocks=self._blocks,
            light=LIGHT,
            dark=DARK,
            page_width=PAGE_WIDTH,
            text_width=TEXT_WIDTH,
        )

    def write(self, path: Path) -> None:
        """Write the page; an earlier one of this name is replaced when the new one is whole.

        Raises:
            OutputError: It cannot be written; nothing is left behind.
        """
        write_whole(Path(path), self.html().encode())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    """A cell as text; measured numbers with three digits, NaN (which is not equal to itself) and None as a dash."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    return format_number(value, TABLE_DIGITS, keep_zeros=True) if isinstance(value, float) else str(value)


def _table_style(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Classes of a table: how wide it is, and whether a telephone shows its rows as lists.

    Heads may be broken between words. Cells are not counted upon to be.
    """
    wanted = [max((len(word) for word in name.split()), default=0) for name in columns]
    for row in rows:
        wanted = [max(old, len(_cell(value))) for old, value in zip(wanted, row, strict=True)]
    letters = sum(wanted) + GAP_LETTERS * (len(wanted) - 1)
    limits = {
        "wide": letters > TEXT_LETTERS,
        "lists": letters > NARROW_LETTERS and len(columns) > 2,
        "pairs": len(columns) == 2,  # which are a list already: long values are broken anywhere
        "named": wanted[:1] <= [NARROW_LETTERS],  # names of rows stay in one line
    }
    return " ".join(name for name, holds in limits.items() if holds)


def _still(film: Animation) -> Image.Image:
    return film.frames[-1]


def _sources(shown: Mapping[tuple[bool, bool], Picture]) -> list[dict[str, str]]:
    """Addresses of pictures with the screens that they are for, the narrowest choice first; the last is for all."""
    sources = []
    for dark, narrow in ((True, True), (False, True), (True, False), (False, False)):
        if (dark, narrow) in shown:
            conditions = ["(max-width: 44rem)"] * narrow + ["(prefers-color-scheme: dark)"] * dark
            sources.append({"media": " and ".join(conditions), "address": _data_uri(shown[dark, narrow])})
    return sources


def _data_uri(picture: Picture) -> str:
    """The picture itself, written as an address."""
    if isinstance(picture, Animation):
        kind, content = "image/gif", picture.encode("gif")
    elif isinstance(picture, Image.Image):
        stream = BytesIO()
        _few_colours(picture).save(stream, "PNG", optimize=True)
        kind, content = "image/png", stream.getvalue()
    else:
        svg = picture if isinstance(picture, bytes) else encode_figure(picture, "svg")
        kind, content = "image/svg+xml", svg
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _few_colours(picture: Image.Image) -> Image.Image:
    """A picture of a palette, a third as large as a file; what has an alpha channel, or is grey, stays as it is.

    The colour of the corner, which is the page's, is kept to the last bit: a shade beside it would be seen as a box.
    """
    if picture.mode != "RGB":
        return picture
    few = picture.quantize(PALETTE_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    corner, palette = int(np.asarray(few)[0, 0]), few.getpalette() or []
    palette[3 * corner : 3 * corner + 3] = np.asarray(picture)[0, 0].tolist()
    few.putpalette(palette)
    return few


def _raised(words: str) -> Markup:
    """Text with its powers raised by the page, in its own typeface: many have no raised digits."""
    text = escape(printable(words))
    return Markup(re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda run: f"<sup>{run[0].translate(_LOWERED)}</sup>", text))


_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789")
