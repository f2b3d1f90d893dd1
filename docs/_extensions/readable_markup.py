"""What Sphinx writes that a screen reader or a keyboard cannot use, mended on every page.

Captions of tables of contents are headings without a level; a block of code that scrolls cannot be reached by a key;
and parameters in a signature of several lines are a list of definitions without a term.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LAST = 900
"""Priority after that of the theme, which makes the navigation."""

SIGNATURE = re.compile(r'<dt class="sig.*?</dt>', re.DOTALL)
LIST = {"<dl>": '<div class="parameters">', "</dl>": "</div>", "<dd>": "<div>", "</dd>": "</div>"}


def mend(text: str) -> str:
    """Return HTML with levels of captions, blocks that a key reaches, and signatures without lists."""
    text = text.replace('role="heading">', 'role="heading" aria-level="2">').replace("<pre>", '<pre tabindex="0">')
    return SIGNATURE.sub(lambda found: re.sub("</?d[ld]>", lambda tag: LIST[tag[0]], found[0]), text)


def mend_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Mend what a page shows: its navigation and its text."""
    for name in ("furo_navigation_tree", "body"):
        if isinstance(context.get(name), str):
            context[name] = mend(context[name])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", mend_page, priority=LAST)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
