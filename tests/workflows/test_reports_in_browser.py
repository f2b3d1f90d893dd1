"""Reports as they are seen: at 1200 and at 400 pixels, light and dark, by eyes, by screen readers, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

from nakaya.growth.growing import grow
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath
from nakaya.viz.canvas import design_for_page
from nakaya.viz.charts.calibration import Points, velocity_panels
from nakaya.viz.charts.reactors import Mark, Trace, TracePanel, trace_chart
from nakaya.viz.crystals.animation import growth_animation
from nakaya.viz.crystals.figure import crystals_on_page
from nakaya.viz.reports.report import Code, KeyNumber, Link, Report
from nakaya.viz.style import NARROW_WIDTH, PAGE_WIDTH, TEXT_SIZE, TEXT_WIDTH
from nakaya.workflows.demo.next_steps import add_next_steps
from nakaya.workflows.show import view_member
from support.axe import violations
from support.browser import Browser, Page

WIDE, NARROW = 1200, 400
MIN_CONTRAST: Final = 4.5
"""Of text against its ground: level AA of the Web Content Accessibility Guidelines 2, success criterion 1.4.3."""

SUBPIXEL: Final = 0.51
"""Pixels: places of boxes are rounded."""

READ = "p, li, .commands dd"
BESIDE = "figcaption, caption, th, td, .numbers dt, .numbers small, .film label"

CONTRASTS = """
(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = rgb => rgb.slice(0, 3).map(v => linear(v / 255))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.getClientRects().length)
    .map(e => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.tagName + ': ' + e.textContent.slice(0, 40)];
    });
})()
"""


def build_report() -> Report:
    """One of everything, with the longest words that a report of ours has."""
    hours = np.linspace(0.0, 20.0, 200)
    temperature = 40 + 15 * np.sin(hours)
    marks = [Mark(f"{temperature[k]:.1f}", hours[k], temperature[k], kind="clear point") for k in range(9, 200, 40)]
    panels = [TracePanel("temperature / °C", [Trace("temperature", hours, temperature)], marks)]
    kelvins = np.linspace(600.0, 900.0, 6)
    faces = [Points(name, kelvins, 100.0 - 0.1 * kelvins) for name in ("(100)", "(110)", "(111)")]
    crystals = grow([GravnerGriffeath(rho=rho) for rho in (0.45, 0.6)], geometry="full", size=21, seed=7)
    views = [view_member(crystals, point=number) for number in range(2)]
    report = Report("A report of everything", "as it is seen by eyes and by those who cannot see")
    report.add_section("Words")
    report.add_text(
        "Plain words, enough of them to take more than a line at every width at which this page is looked at. " * 3,
        (
            "Read ",
            Link("the paper", "https://doi.org/10.1016/j.physd.2007.09.008"),
            " or run ",
            Code("nakaya cite"),
            ".",
        ),
    )
    report.add_list(["one", ("two, with ", Code("nakaya ingest micrograph image-with-a-rather-long-name.tif --help"))])
    report.add_code(
        "nakaya md campaign run plan.toml --potential potentials/Al99.eam.alloy --out runs/aluminium --workers 2"
    )
    report.add_numbers(
        [KeyNumber("3.16×10⁹", "site updates a second", "one core"), KeyNumber("92 %", "inside", "90 % promised")]
    )
    report.add_section("Figures")
    report.add_figure(
        lambda theme, width: trace_chart(panels, theme, title="a run", width=width), caption="A run.", alt="One chart."
    )
    report.add_figure(
        lambda theme, width: velocity_panels(dict.fromkeys(("Al", "Cu", "Si"), (faces, 850.0)), theme, width=width),
        caption="Velocities.",
        alt="Three charts.",
    )
    report.add_figure(
        lambda theme, width: crystals_on_page(views, theme, width, labels=["ρ = 0.45", "ρ = 0.60"], columns=2),
        caption="Two crystals.",
        alt="Two crystals.",
    )
    report.add_figure(
        lambda theme, width: growth_animation(
            views[:1],
            [""],
            theme,
            title="",
            width=360,
            frames=5,
            design_width=design_for_page(min(width, TEXT_WIDTH)),
            margin=0.0,
        ),
        caption="Growth.",
        alt="A crystal grows.",
    )
    report.add_section("Tables")
    heads = ["model", "Wasserstein / floor", "CRPS / floor", "coverage of 90 %", "CPU s per crystal", "remark"]
    rows = [
        ["a model of a long name", 31.4, 11.1, 0.653, 3.5e-4, "30,467 to 68,666"],
        ["solver", 1.0, 1.0, 0.9, 0.1, None],
    ]
    report.add_table(heads, rows, caption="A wide table: " + "its caption takes more than a line. " * 4, emphasise=1)
    report.add_table(["face", "m/s"], [["(100)", 73.7], ["(110)", 60.1]], caption="A small table.")
    report.add_facts({"seed": 7, "samples (hash)": "0123456789abcdef" * 4, "storage": None}, caption="Facts.")
    add_next_steps(report)
    return report


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    build_report().write(path)
    return path


SEEN = list(product((WIDE, NARROW), (False, True)))


@pytest.fixture(scope="module", params=SEEN, ids=[f"{width}-{'dark' if dark else 'light'}" for width, dark in SEEN])
def page(request: pytest.FixtureRequest, browser: Browser, address: Path) -> Iterator[Page]:
    width, dark = request.param
    opened = browser.open(address, width=width, dark=dark)
    yield opened
    opened.close()


def test_nothing_is_wider_than_the_screen_or_scrolls_sideways(page: Page) -> None:
    assert page.scroll_width == page.width
    heads_for_screen_readers = page.evaluate("[...document.querySelectorAll('.lists thead *')].map(e => e.textContent)")
    for box in page.boxes("body *"):
        if page.width == NARROW and box.text in heads_for_screen_readers:
            continue
        assert box.left >= -SUBPIXEL, box
        assert box.right <= page.width + SUBPIXEL, box
    inner = "[...document.querySelectorAll('body *')].filter(e => !e.closest('thead') && e.clientWidth > 0 && "
    assert page.evaluate(inner + "e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 80))") == []


def test_what_is_read_has_one_size_and_what_stands_beside_it_another(page: Page) -> None:
    assert len(set(page.styles(READ, "font-size"))) == 1
    (beside,) = set(page.styles(BESIDE, "font-size"))
    assert beside == f"{TEXT_SIZE / 72 * 96:g}px"  # as in charts
    assert len(set(page.styles("body, p, td, figcaption, dd, h2", "font-family"))) == 1


def test_figures_have_one_width_and_are_shown_at_their_own_size(page: Page) -> None:
    shown = page.boxes("figure:not(.film) img")
    assert len(shown) == 3
    assert {(box.left, box.width) for box in shown} == {
        (20.0, NARROW_WIDTH) if page.width == NARROW else (120.0, PAGE_WIDTH)
    }
    (film,) = page.boxes("figure.film img")
    assert (film.left, film.width) == (shown[0].left, min(TEXT_WIDTH, shown[0].width))
    drawn = page.evaluate(
        "[...document.querySelectorAll('figure:not(.film) img')].slice(0, 2).map(i => i.naturalWidth)"
    )
    assert drawn == [shown[0].width] * 2  # so that words in charts are as large as they were made


def test_captions_and_texts_begin_on_one_line_and_keep_their_measure(page: Page) -> None:
    left = page.boxes("h1")[0].left
    blocks = [*page.boxes("h1, h2, p, figcaption, caption, pre, .commands, .numbers, .table"), *page.boxes("figure")]
    assert {box.left for box in blocks} == {left}
    for box in page.boxes("p, figcaption, caption div, pre, .commands, .numbers"):
        assert box.width <= TEXT_WIDTH + SUBPIXEL


def test_wide_tables_become_lists_on_telephones_and_keep_what_they_say(page: Page) -> None:
    measures = {box.width for box in page.boxes("table")}
    assert measures == ({NARROW_WIDTH} if page.width == NARROW else {TEXT_WIDTH, PAGE_WIDTH})
    wide, small, _ = page.evaluate("[...document.querySelectorAll('table')].map(t => getComputedStyle(t).display)")
    assert (wide, small) == ("block" if page.width == NARROW else "table", "table")
    cells = page.boxes(".table:first-of-type tbody tr:first-child td")
    below_each_other = all(upper.bottom <= lower.top + 1 for upper, lower in pairwise(cells))
    assert below_each_other == (page.width == NARROW)
    assert page.evaluate("[...document.querySelectorAll('td')].every(td => td.dataset.name !== undefined)")


def test_every_figure_says_what_is_seen_and_shows_one_picture(page: Page) -> None:
    told = page.evaluate(
        "[...document.querySelectorAll('figure')].map(f => [...f.querySelectorAll('img')]"
        ".filter(i => i.getClientRects().length).map(i => i.alt))"
    )
    assert told == [["One chart."], ["Three charts."], ["Two crystals."], ["A crystal grows."]]


def test_text_stands_out_from_its_ground(page: Page) -> None:
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert [words for contrast, words in contrasts if contrast < MIN_CONTRAST] == []


def test_pictures_are_of_the_page_they_stand_on(page: Page, tmp_path: Path) -> None:
    page.screenshot(tmp_path / "page.png")
    seen = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))
    ground = seen[2, 2]
    for box in page.boxes("figure img"):
        for x, y in ((box.left + 1, box.top + 1), (box.right - 2, box.bottom - 2)):
            assert (seen[round(y), round(x)] == ground).all(), box


def test_nothing_is_asked_of_the_network_and_nothing_is_complained_of(page: Page, address: Path) -> None:
    assert page.requests[0] == address.as_uri()
    assert [url for url in page.requests[1:] if not url.startswith("data:image/")] == []
    assert page.complaints == []


def test_nobody_is_shut_out(page: Page) -> None:
    assert violations(page) == []


def test_the_contents_lead_to_their_sections(browser: Browser, address: Path) -> None:
    page = browser.open(address, width=NARROW)
    names = [box.text for box in page.boxes("nav a")]
    assert names == ["Words", "Figures", "Tables", "What next"]
    for number, name in enumerate(names, start=1):
        page.follow(f"nav li:nth-child({number}) a")
        assert page.evaluate("document.querySelector(':target').textContent") == name
    page.close()


@pytest.mark.parametrize("still", [True, False])
def test_the_film_stands_still_for_who_prefers_that_and_can_be_stopped_by_all(
    browser: Browser, address: Path, still: bool
) -> None:
    page = browser.open(address, width=WIDE, still=still)
    visible = "[...document.querySelectorAll('.film img')].filter(i => i.getClientRects().length)"
    shown = f"{visible}.map(i => i.currentSrc.slice(5, 14))"
    assert page.evaluate(shown) == ["image/png" if still else "image/gif"]
    if not still:
        page.click(".film input")
        assert page.evaluate(shown) == ["image/png"]
    page.close()


def test_it_is_printed_whole(browser: Browser, address: Path, tmp_path: Path) -> None:
    page = browser.open(address, width=WIDE, dark=True)
    page.print(tmp_path / "report.pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") >= 2
    page.close()
