"""The built site in a browser: it fits the screen, asks no other host for anything, and is searched from the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.axe import violations
from support.browser import Browser, Page

SITE = Path(__file__).parents[2] / "docs" / "_build" / "site"

pytestmark = pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="the site is not built: python3 nk.py docs")

PAGES = (
    "index.html",
    "start/materials-scientist.html",
    "recipes/model-as-plugin.html",
    "gallery/index.html",
    "gallery/plot_15_ebsd.html",
    "guides/index.html",
    "models.html",  # wide tables
    "reference/growing.html",  # long signatures
    "results/benchmark-kinetics.html",  # long lines
    "project/changelog.html",
    "search.html",
)
"""One page of each kind."""

LOADED = re.compile(r"<(?:script|img|link|iframe|source|video)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]*\"")
"""An element that a browser fetches from another host when the page opens."""


@pytest.fixture(scope="module", params=[400, 1200])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    opened = browser.open(SITE / "index.html", width=request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_stands_alone(page: Page, name: str) -> None:
    page.go((SITE / name).as_uri())
    assert page.scroll_width <= page.width
    assert page.foreign_requests == []
    assert page.complaints == []


def test_search_finds_the_page_on_nucleation_without_a_server(page: Page) -> None:
    page.go((SITE / "search.html").as_uri() + "?q=nucleation")
    page.wait_for("document.querySelector('.search-summary')?.textContent.includes('found')")
    found = page.evaluate("[...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))")
    assert "nucleation.html" in {link.partition("?")[0].partition("#")[0] for link in found}
    assert page.foreign_requests == []
    assert page.complaints == []


@pytest.mark.parametrize("name", ["index.html", "gallery/plot_15_ebsd.html", "reference/theory.html"])
def test_pages_can_be_read_by_everyone(page: Page, name: str) -> None:
    page.go((SITE / name).as_uri())
    assert violations(page) == []


def test_no_page_loads_anything_from_another_host() -> None:
    pages = sorted(SITE.rglob("*.html"))
    loading = {page.name: found for page in pages if (found := LOADED.findall(page.read_text(encoding="utf-8")))}
    assert len(pages) > 50
    assert loading == {}
