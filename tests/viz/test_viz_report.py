"""Reports: one file, well formed, that fetches nothing and escapes everything."""

from __future__ import annotations

import base64
import os
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nakaya.core.errors import OutputError, ParameterError
from nakaya.core.files import write_whole
from nakaya.viz.charts.fidelity import Estimate, estimate_chart
from nakaya.viz.crystals.animation import growth_animation
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.crystals.renderer import Renderer
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.viz.style import DARK, LIGHT

VOID = {"meta", "img", "source", "br", "link", "input"}
HOSTILE = """<script src="https://example.org/x.js"></script> & "quotes" 'single'"""


def crystal_image(view, theme, *, width):
    return Renderer.over(view, width=width).draw(view, theme)


class Page(HTMLParser):
    """Tags in order, attributes, and whether every tag that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(crystal) -> Page:
    report = Report(HOSTILE, HOSTILE)
    report.add_section("First " + HOSTILE)
    report.add_text(HOSTILE, ("two, ", Link(HOSTILE, "https://example.org/" + HOSTILE), ", ", Code(HOSTILE)))
    report.add_list([HOSTILE])
    report.add_code(HOSTILE)
    report.add_commands([(HOSTILE, HOSTILE)])
    report.add_numbers([KeyNumber("1.2 ms", HOSTILE, HOSTILE), KeyNumber("7", "x")])
    report.add_section("Second")
    report.add_figure(crystal_image(crystal, DARK, width=80), caption=HOSTILE, alt=HOSTILE)
    report.add_figure(
        lambda theme, width: crystal_image(crystal, theme, width=int(width / 6)), caption="both", alt="a crystal"
    )
    report.add_figure(
        growth_animation([crystal], [""], DARK, title="", width=160, frames=3), caption="film", alt="a crystal grows"
    )
    report.add_figure(
        lambda theme, width: estimate_chart([Estimate("x", 2.0)], theme, x_label="d", width=width),
        caption="chart",
        alt="one dot",
    )
    report.add_section("Third")
    report.add_table(
        ["model", "distance", "steps", HOSTILE],
        [["a", 1.23456, 1234, None], [HOSTILE, 5e-5, -2, float("nan")], ["c", 1.0, 3, True]],
        caption=HOSTILE,
        emphasise=1,
    )
    report.add_facts({"seed": 7, HOSTILE: HOSTILE}, caption="facts")
    page = Page(report.html())
    page.text = report.html()
    return page


def test_every_tag_that_opens_is_closed(page):
    assert page.open == []
    assert page.tags[0][0] == "html"
    assert page.attributes("html") == [{"lang": "en"}]


def test_nothing_is_fetched_from_anywhere(page):
    assert not page.attributes("script")
    assert not page.attributes("link")
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "poster", "data"):
            if name in attributes:
                assert attributes[name].startswith("data:image/")
        assert ("href" in attributes) <= (tag == "a")  # which is fetched when a reader follows it, and not before
        assert not any(name.startswith("on") for name in attributes)
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_what_comes_as_text_stays_text(page):
    words = "".join(page.words)
    assert words.count("</script>") >= 10
    assert HOSTILE in words
    assert page.attributes("img")[0]["alt"] == HOSTILE
    assert "&amp;lt;" not in page.text
    (link,) = [link["href"] for link in page.attributes("a") if not link["href"].startswith("#")]
    assert link == "https://example.org/" + HOSTILE


def test_what_a_reader_would_obey_or_not_see_is_written_out():
    hostile = "Cu\x1b[2J\u202egnp\u200b"
    report = Report(hostile, hostile)
    report.add_section(hostile)
    report.add_text(hostile, (hostile, Link(hostile, "https://example.org"), Code(hostile)))
    report.add_list([hostile])
    report.add_code(hostile)
    report.add_numbers([KeyNumber(hostile, hostile, hostile)])
    report.add_table([hostile], [[hostile]], caption=hostile)
    report.add_facts({hostile: hostile}, caption=hostile)
    page = report.html()
    assert all(line.isprintable() for line in page.split("\n"))
    assert page.count(r"Cu\x1b[2J\u202egnp\u200b") >= 16


def test_pictures_are_inside_and_whole(page):
    kinds = []
    for image in page.attributes("img"):
        kind, _, content = image["src"].partition(";base64,")
        kinds.append(kind)
        decoded = base64.b64decode(content, validate=True)
        if kind == "data:image/svg+xml":
            assert b"</svg>" in decoded
        else:
            Image.open(BytesIO(decoded)).load()
    still = "data:image/png"
    assert kinds == ["data:image/png", "data:image/png", "data:image/gif", still, "data:image/svg+xml"]


def test_dark_screens_and_telephones_get_their_own_pictures(page):
    sources = page.attributes("source")
    narrow, dark = "(max-width: 44rem)", "(prefers-color-scheme: dark)"
    assert [source["media"] for source in sources] == [f"{narrow} and {dark}", narrow, dark] * 2
    addresses = [source["srcset"] for source in sources[:3]] + [page.attributes("img")[1]["src"]]
    pictures = [Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))) for address in addresses]
    assert [picture.width for picture in pictures] == [60, 60, 160, 160]
    brightness = [np.asarray(picture.convert("L"), float)[:5].mean() for picture in pictures]
    assert max(brightness[0], brightness[2]) < 30
    assert min(brightness[1], brightness[3]) > 220


def test_the_ground_of_a_picture_is_the_colour_of_its_page_to_the_last_bit(crystal):
    for theme in (LIGHT, DARK):
        ground = tuple(int(theme.background[place : place + 2], 16) for place in (1, 3, 5))
        report = Report("x")
        report.add_figure(
            growth_animation([crystal], [""], theme, title="", width=160, frames=3), caption="film", alt="it grows"
        )
        report.add_figure(
            crystals_on_page([crystal] * 2, theme, 100, labels=["a", "b"], columns=2), caption="two", alt="two"
        )
        for image in Page(report.html()).attributes("img"):
            picture = Image.open(BytesIO(base64.b64decode(image["src"].partition(",")[2]))).convert("RGB")
            assert picture.getpixel((0, 0)) == ground
            assert picture.getpixel((0, picture.height - 1)) == ground


def test_a_film_can_be_stopped_at_its_last_picture(page):
    (switch,) = page.attributes("input")
    assert switch["type"] == "checkbox"
    assert page.attributes("label") == [{"for": switch["id"]}]
    film, still = page.attributes("img")[2:4]
    assert film["alt"] == still["alt"]
    frames = Image.open(BytesIO(base64.b64decode(film["src"].partition(",")[2])))
    frames.seek(frames.n_frames - 1)
    last = Image.open(BytesIO(base64.b64decode(still["src"].partition(",")[2])))
    assert np.array_equal(np.asarray(frames.convert("RGB")), np.asarray(last.convert("RGB")))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://example.org", "file:///etc/passwd", ""])
def test_a_link_leads_to_a_page_or_a_place_in_it(address):
    with pytest.raises(ParameterError, match="no address for a link"):
        Link("words", address)


def test_powers_are_raised_by_the_page():
    report = Report("x")
    report.add_table(["a"], [[5e-5]], caption="")
    report.add_numbers([KeyNumber("3×10⁹ /s", "updates")])
    assert "5.00×10<sup>−5</sup>" in report.html()
    assert "3×10<sup>9</sup> /s" in report.html()


def test_the_page_can_be_read_by_those_who_cannot_see_it(page):
    assert all(image["alt"].strip() for image in page.attributes("img"))
    assert len(page.attributes("caption")) == len(page.attributes("table")) == 2
    assert len(page.attributes("figcaption")) == len(page.attributes("figure")) == 4
    heads = page.attributes("th")
    assert all(head.get("scope") in ("col", "row") for head in heads)
    anchors = [attributes["id"] for attributes in page.attributes("h2")]
    assert [link["href"][1:] for link in page.attributes("a") if link["href"].startswith("#")] == anchors


def test_tables_format_what_they_are_given(page):
    words = "".join(page.words)
    for expected in ("1.23", "5.00×10−5", "1.00", "1,234", "−2", "–", "yes"):
        assert expected in words
    assert "nan" not in words.lower().replace("nakaya", "")
    assert re.search(r"Table 1\..*Table 2\.", words, re.DOTALL)
    assert re.search(r"Figure 1\..*Figure 4\.", words, re.DOTALL)


def test_a_figure_without_description_and_a_ragged_table_are_refused(crystal):
    report = Report("x")
    with pytest.raises(ParameterError, match="say in alt what is seen"):
        report.add_figure(crystal_image(crystal, LIGHT, width=40), caption="", alt=" ")
    with pytest.raises(ParameterError, match="a row of 1 cells does not fit a table of 2 columns"):
        report.add_table(["a", "b"], [["x"]], caption="")


def test_a_report_replaces_an_earlier_one(tmp_path):
    path = tmp_path / "report.html"
    Report("one").write(path)
    Report("two").write(path)
    assert "<title>two</title>" in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    write_whole(path, b"old")

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OutputError, match="cannot write .*picture.png: no space left on device: free"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["picture.png"]
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / "missing" / "x.png", b"")
