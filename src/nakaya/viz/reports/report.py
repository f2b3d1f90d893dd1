"""Reports: one HTML file with all its pictures inside, to be read on any screen or printed.

Nothing is fetched from anywhere: no scripts, no fonts, no links to pictures. Whatever a caller hands over as text is
escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from jinja2 import Environment, PackageLoader
from PIL import Image

from nakaya.core.errors import ParameterError
from nakaya.core.files import write_whole
from nakaya.core.text import printable
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.crystals.animation import Animation
from nakaya.viz.formatting import format_number
from nakaya.viz.style import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KeyNumber", "Picture", "Report"]

Picture: TypeAlias = "Image.Image | Animation | Figure | bytes"
"""What a report can show (bytes: an SVG as it is).

`Callable[[Theme], Picture]` lets it show one for light and one for dark screens.
"""


TABLE_DIGITS = 3


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
        report.add_figure(lambda theme: estimate_chart(rows, theme, x_label="..."), caption="...", alt="...")
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

    def add_text(self, *paragraphs: str) -> None:
        """Add paragraphs of plain text."""
        self._blocks.extend(("text", paragraph) for paragraph in paragraphs)

    def add_list(self, entries: Sequence[str]) -> None:
        """Add a list of short entries."""
        self._blocks.append(("list", entries))

    def add_code(self, code: str) -> None:
        """Add lines to be typed or read letter by letter, such as commands."""
        self._blocks.append(("code", code))

    def add_numbers(self, numbers: Sequence[KeyNumber]) -> None:
        """Add a row of key numbers."""
        self._blocks.append(("numbers", numbers))

    def add_figure(
        self, picture: Picture | Callable[[Theme], Picture], *, caption: str, alt: str, wide: bool = False
    ) -> None:
        """Add a picture, chart or animation with its number and caption.

        Args:
            picture: A Pillow image, a Matplotlib figure, an animation, the bytes of an SVG, or a function of the theme
                that makes one: then the report holds one for light and one for dark screens.
            caption: What is seen and what to conclude; printed below.
            alt: What is seen, for those who cannot see it.
            wide: Let it be wider than the text.

        Raises:
            ParameterError: `alt` is empty.
        """
        if not alt.strip():
            raise ParameterError("a figure needs a description: say in alt what is seen")
        shown, dark = (picture(LIGHT), picture(DARK)) if callable(picture) else (picture, None)
        block = {
            "number": self._next("figure"),
            "style": " ".join(["wide"] * wide + ["film"] * isinstance(shown, Animation)),
            "source": _data_uri(shown),
            "dark": None if dark is None else _data_uri(dark),
            "alt": alt,
            "caption": caption,
        }
        self._blocks.append(("figure", block))

    def add_table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str, emphasise: int | None = None
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
            "caption": caption,
            "columns": columns,
            "rows": rows,
            "numeric": [any(_is_number(row[place]) for row in rows) for place in range(len(columns))],
            "emphasise": emphasise,
        }
        self._blocks.append(("table", block))

    def add_facts(self, facts: Mapping[str, object], *, caption: str) -> None:
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
        pages.filters["cell"] = _cell
        return pages.get_template("page.html").render(
            title=self._title,
            subtitle=self._subtitle,
            sections=[block["title"] for kind, block in self._blocks if kind == "section"],
            blocks=self._blocks,
            light=LIGHT,
            dark=DARK,
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


def _data_uri(picture: Picture) -> str:
    """The picture itself, written as an address."""
    if isinstance(picture, Animation):
        kind, content = "image/gif", picture.encode("gif")
    elif isinstance(picture, Image.Image):
        stream = BytesIO()
        picture.save(stream, "PNG", optimize=True)
        kind, content = "image/png", stream.getvalue()
    else:
        svg = picture if isinstance(picture, bytes) else encode_figure(picture, "svg")
        kind, content = "image/svg+xml", svg
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
