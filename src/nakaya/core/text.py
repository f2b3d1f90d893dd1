"""Text of others, as it may be shown: on a terminal, in a message, a log, a picture or a page."""

from __future__ import annotations

from typing import Final

__all__ = ["printable"]

_BLANKS: Final = "\n\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Not printable to Python, and harmless."""


def printable(text: str) -> str:
    r"""Return text with every character that would be obeyed or unseen written out; blanks and line ends stay.

    Sequences that clear a terminal, set its title or paste into it, and marks that turn the order of writing round,
    come in names of files, materials and units, and in whatever else a file of others holds.

    >>> printable("Cu\x1b[2J"), printable("\u202egnp.µ")
    ('Cu\\x1b[2J', '\\u202egnp.µ')
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in _BLANKS else ascii(sign)[1:-1] for sign in text)
