"""Pages whose text lies elsewhere in the project: beside the code that they describe.

A page of the line `% from PATH` (relative to the page) shows the file PATH; a second line tells readers of the source
where that is, with a link. Links of every page may point at
files as they lie in the project, as readers of the source see them: they lead to the page that shows the file, or else
hand the file out. So one text serves both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

POINTER = re.compile(r"\A% from (\S+)(?:\s+The text of this page is in \[[^\]\n]+\]\(\1\)\.)?\s*\Z")
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#|/)([^)\s#]+)(#[^)\s]+)?(?=\))")


def find_shown(docs: Path) -> dict[Path, Path]:
    """Return file outside -> page that shows it, for all pages below `docs`."""
    shown = {}
    for page in sorted(docs.rglob("*.md")):
        with page.open(encoding="utf-8") as file:
            pointer = POINTER.match(file.read(400))
        if pointer:
            shown[(page.parent / pointer[1]).resolve()] = page
    return shown


def show_outside(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the file in the place of its pointer, and turn links to what a page shows into links to that page."""
    page = Path(app.env.doc2path(docname))
    if page.suffix != ".md":
        return
    shown = find_shown(Path(app.srcdir))
    place, text = page, source[0]
    if pointer := POINTER.match(text):
        place = (page.parent / pointer[1]).resolve()
        if not place.is_file():
            raise ExtensionError(f"{page}: there is no file {pointer[1]}")
        app.env.note_dependency(str(place))
        text = place.read_text(encoding="utf-8")

    def moved(link: re.Match[str]) -> str:
        target = (place.parent / link[1]).resolve()
        target = shown.get(target, target)
        return Path(os.path.relpath(target, page.parent)).as_posix() + (link[2] or "")

    source[0] = LINK.sub(moved, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", show_outside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
