"""Accessibility as axe-core sees it: rules of the Web Content Accessibility Guidelines, run inside a page.

axe-core comes from npm and is not ours to ship: `npm install axe-core` in the checkout, or its `axe.min.js` anywhere
and the path in `NAKAYA_AXE`. Tests skip where there is none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from support.browser import Page

__all__ = ["MENDED", "violations"]

VARIABLE: Final = "NAKAYA_AXE"
INSTALLED: Final = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

MENDED: Final = ("serious", "critical")
"""The levels of which a page of ours has none; axe has "minor" and "moderate" beside them."""


def violations(page: Page) -> list[str]:
    """Return what axe finds at the levels `MENDED`: one line for each element, with the rule and the remedy."""
    script = Path(os.environ.get(VARIABLE, INSTALLED))
    if not script.is_file():
        pytest.skip(f"axe-core is not installed: npm install axe-core, or set {VARIABLE} to its axe.min.js")
    page.inject(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(told => told.violations)")
    return [
        f"{violation['impact']}: {violation['id']} ({violation['help']}) at {' '.join(map(str, node['target']))}"
        for violation in found
        if violation["impact"] in MENDED
        for node in violation["nodes"]
    ]
