"""Reports: one HTML file with all its pictures inside, to be read on any screen or printed.

Nothing is fetched from anywhere: no scripts, no fonts, no links to pictures. Whatever a caller hands over as text is
escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from nakaya.core.errors import ParameterError
from nakaya.viz.charts.base import encode_figure
from nakaya.viz.crystals.animation import Animation
from nakaya.viz.formatting import format_number
from nakaya.viz.reports.style import STYLE_SHEET
from nakaya.viz.style import DARK, LIGHT, Theme
from nakaya.viz.writing import write_whole

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
        self._blocks: list[str] = []
        self._sections: list[tuple[str, str]] = []
        self._figures = 0
        self._tables = 0

    def add_section(self, title: str) -> None:
        """Begin a section; reports with three or more have a table of contents."""
        anchor = f"section-{len(self._sections) + 1}"
        self._sections.append((anchor, title))
        self._blocks.append(f'<h2 id="{anchor}">{_text(title)}</h2>')

    def add_text(self, *paragraphs: str) -> None:
        """Add paragraphs of plain text."""
        self._blocks.extend(f"<p>{_text(paragraph)}</p>" for paragraph in paragraphs)

    def add_list(self, entries: Sequence[str]) -> None:
        """Add a list of short entries."""
        self._blocks.append("<ul>" + "".join(f"<li>{_text(entry)}</li>" for entry in entries) + "</ul>")

    def add_code(self, code: str) -> None:
        """Add lines to be typed or read letter by letter, such as commands."""
        self._blocks.append(f"<pre><code>{escape(code)}</code></pre>")

    def add_numbers(self, numbers: Sequence[KeyNumber]) -> None:
        """Add a row of key numbers."""
        cells = "".join(
            f"<div><dt>{_text(number.label)}</dt><dd>{_text(number.value)}"
            + (f"<small>{_text(number.remark)}</small>" if number.remark else "")
            + "</dd></div>"
            for number in numbers
        )
        self._blocks.append(f'<dl class="numbers">{cells}</dl>')

    def add_figure(
        self, picture: Picture | Callable[[Theme], Picture], *, caption: str, alt: str, wide: bool = False
    ) -> None:
        """Add a picture, chart or film with its number and caption.

        Args:
            picture: A Pillow image, a Matplotlib figure, a film, the bytes of an SVG, or a function of the theme that
                makes one: then the report holds one for light and one for dark screens.
            caption: What is seen and what to conclude; printed below.
            alt: What is seen, for those who cannot see it.
            wide: Let it be wider than the text.

        Raises:
            ParameterError: `alt` is empty.
        """
        if not alt.strip():
            raise ParameterError("a figure needs a description: say in alt what is seen")
        self._figures += 1
        if callable(picture):
            shown, dark = picture(LIGHT), picture(DARK)
            source = f'<source media="(prefers-color-scheme: dark)" srcset="{_data_uri(dark)}">'
        else:
            shown, source = picture, ""
        kind = " ".join(["wide"] * wide + ["film"] * isinstance(shown, Animation))
        self._blocks.append(
            f'<figure class="{kind}"><picture>{source}<img src="{_data_uri(shown)}" alt="{escape(alt)}"></picture>'
            f"<figcaption><b>Figure {self._figures}.</b> {_text(caption)}</figcaption></figure>"
        )

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
        self._tables += 1
        numeric = [any(_is_number(row[place]) for row in rows) for place in range(len(columns))]
        head = "".join(
            f'<th scope="col"{_numeric(flag)}>{_text(name)}</th>' for name, flag in zip(columns, numeric, strict=True)
        )
        body = []
        for number, row in enumerate(rows):
            cells = "".join(
                f'<th scope="row">{_cell(value)}</th>' if place == 0 else f"<td{_numeric(flag)}>{_cell(value)}</td>"
                for place, (value, flag) in enumerate(zip(row, numeric, strict=True))
            )
            body.append(f"<tr{' class=emphasised' if number == emphasise else ''}>{cells}</tr>")
        self._blocks.append(
            f'<div class="table"><table><caption><b>Table {self._tables}.</b> {_text(caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )

    def add_facts(self, facts: Mapping[str, object], *, caption: str) -> None:
        """Add a table of names and values, such as versions and settings."""
        self.add_table(
            ("what", "value"), [(name, _plain_cell(value)) for name, value in facts.items()], caption=caption
        )

    def html(self) -> str:
        """Return the whole page."""
        contents = ""
        if len(self._sections) >= 3:
            entries = "".join(f'<li><a href="#{anchor}">{_text(title)}</a></li>' for anchor, title in self._sections)
            contents = f'<nav aria-label="Contents"><ol>{entries}</ol></nav>'
        subtitle = f'<p class="subtitle">{_text(self._subtitle)}</p>' if self._subtitle else ""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(self._title)}</title>\n<style>{STYLE_SHEET}</style>\n</head>\n<body>\n"
            f"<main>\n<header><h1>{_text(self._title)}</h1>{subtitle}</header>\n{contents}\n"
            + "\n".join(self._blocks)
            + "\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page; an earlier one of this name is replaced when the new one is whole.

        Raises:
            OutputError: It cannot be written; nothing is left behind.
        """
        write_whole(Path(path), self.html().encode())


def _text(text: str) -> str:
    return escape(text, quote=False)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numeric(flag: bool) -> str:
    return " class=number" if flag else ""


def _cell(value: object) -> str:
    """A cell, escaped."""
    return _text(_plain_cell(value))


def _plain_cell(value: object) -> str:
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
