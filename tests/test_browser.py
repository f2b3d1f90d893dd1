"""The browser that tests look at pages with: it runs scripts, measures, and tells what a page asks for."""

from __future__ import annotations

import pytest
from PIL import Image

from support.axe import violations
from support.browser import BrowserError

PAGE = """<!DOCTYPE html><html lang="en"><title>a page</title>
<style>
body{margin:0}
#wide{width:500px;height:30px;font-size:20px}
@media (prefers-color-scheme:dark){p{color:#fff}}
</style>
<p id="wide">before</p><p hidden>hidden</p><input id="field" aria-label="a field"><a href="#field">down</a>
<img src="https://example.org/picture.png">
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=">
<script>
document.getElementById("wide").textContent = "after";
document.getElementById("field").oninput = event => setTimeout(() => { document.title = event.target.value }, 0);
</script>
"""


@pytest.fixture
def address(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE, "utf-8")
    return path


def test_a_page_is_what_its_scripts_made_of_it(browser, address):
    page = browser.open(address, width=400)
    assert '<p id="wide">after</p>' in page.dom
    (box,) = page.boxes("p")
    assert (box.text, box.left, box.width, box.height) == ("after", 0, 500, 30)
    assert page.styles("#wide", "font-size") == ["20px"]
    assert page.evaluate("Promise.resolve(innerWidth)") == 400
    page.close()


@pytest.mark.parametrize(("width", "wider"), [(400, True), (1200, False)])
def test_a_page_that_scrolls_sideways_is_noticed(browser, address, width, wider):
    page = browser.open(address, width=width)
    assert (page.scroll_width > width) == wider
    page.close()


def test_what_leaves_the_machine_is_told_and_does_not_arrive(browser, address):
    page = browser.open(address, width=400)
    assert page.requests[0] == address.as_uri()
    assert page.foreign_requests == ["https://example.org/picture.png"]
    assert "data:image/gif;base64" in page.requests
    assert any("ERR_NAME_NOT_RESOLVED" in complaint for complaint in page.complaints)
    page.close()


def test_text_is_typed_and_what_follows_is_waited_for(browser, address):
    page = browser.open(address, width=400)
    page.type("#field", "dendrite")
    page.wait_for("document.title === 'dendrite'")
    page.follow("a")
    assert page.evaluate("location.hash") == "#field"
    page.close()


def test_pictures_and_prints_are_taken(browser, address, tmp_path):
    page = browser.open(address, width=400)
    page.screenshot(tmp_path / "whole.png")
    page.screenshot(tmp_path / "part.png", part=(0, 0, 30, 20))
    page.print(tmp_path / "page.pdf")
    with Image.open(tmp_path / "whole.png") as whole, Image.open(tmp_path / "part.png") as part:
        assert whole.width == 400
        assert whole.height == page.scroll_height
        assert part.size == (30, 20)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    page.close()


def test_dark_screens_are_shown_dark(browser, address):
    light, dark = (browser.open(address, width=400, dark=dark) for dark in (False, True))
    assert light.styles("p", "color")[0] == "rgb(0, 0, 0)"
    assert dark.styles("p", "color")[0] == "rgb(255, 255, 255)"
    light.close()
    dark.close()


def test_what_fails_says_so(browser, address, tmp_path):
    page = browser.open(address, width=400)
    with pytest.raises(BrowserError, match="nothing is not defined"):
        page.evaluate("nothing.at.all")
    with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"):
        browser.open(tmp_path / "missing.html", width=400)
    page.close()


def test_a_picture_without_a_description_is_found_by_axe(browser, address):
    page = browser.open(address, width=400)
    found = violations(page)
    assert any("critical: image-alt" in line for line in found)
    page.close()
